package tracing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
)

// offs are the ways in which tracing is attached and does nothing.
func offs() map[string]func(*testing.T) *tracing.Tracing {
	return map[string]func(*testing.T) *tracing.Tracing{
		"by an option": func(*testing.T) *tracing.Tracing {
			return tracing.New(tracing.Enabled(false), tracing.All(true))
		},
		"by the environment": func(t *testing.T) *tracing.Tracing {
			t.Setenv("POWERTOOLS_TRACE_DISABLED", "1")
			return tracing.New(tracing.All(true), tracing.Annotation("Team", "red"))
		},
	}
}

// unreached has a mapper that nothing reaches, which only an app without observers can say.
func unreached(app *weft.App) {
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", errClosed }).
		Errors(errClosed).Catch(
		weft.OnIs(errClosed, func(*weft.Request, error) weft.Response { return weft.Empty() }),
		weft.On(func(*weft.Request, *conflict) weft.Response { return weft.Empty() })))
}

// planned is an app with tracing, or without.
func planned(traces *tracing.Tracing, declare func(*weft.App)) *weft.App {
	var opts []weft.Option
	if traces != nil {
		opts = append(opts, traces.Observe())
	}
	app := weft.New(opts...)
	if traces != nil {
		app.Use(traces.ServerTiming(nil))
	}
	declare(app)
	return app
}

func TestThePlanWithTracingOffIsThePlanWithout(t *testing.T) {
	for name, off := range offs() {
		for what, declare := range map[string]func(*weft.App){"a shop": shop, "a warning": unreached} {
			t.Run(what+" "+name, func(t *testing.T) {
				clean(t)
				without, err := planned(nil, declare).Plan()
				require.NoError(t, err)
				assert.Equal(t, what == "a warning", len(without.Warnings) == 1)
				with, err := planned(off(t), declare).Plan()
				require.NoError(t, err)
				assert.Equal(t, without, with)
				assert.Equal(t, without.String(), with.String())
			})
		}
	}
}
