package tracing_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

func TestServerTimingOnDemand(t *testing.T) {
	clean(t)
	c := newCollector(t, sdktrace.WithSampler(sdktrace.NeverSample())) // it does not depend on it
	traces := tracing.New(tracing.Stages("place order", "group", `quote " \ é`), tracing.WithTracerProvider(c.provider))
	app := weft.New(traces.Observe())
	app.Use(traces.ServerTiming(func(r *weft.Request) bool { return r.Header().Get("X-Office") == "yes" }))
	app.Use(weft.NewMiddleware(`quote " \ é`, pass))
	shop(app)
	site := wefttest.Serve(t, app)
	assert.Empty(t, site.Post("/shop/orders/7", order{Product: "milk"}).Want(200).Header.Get("Server-Timing"))
	for product, status := range map[string]int{"milk": 200, "gold": 500} {
		got := site.Post("/shop/orders/7", order{Product: product}, wefttest.Header("X-Office", "yes"))
		assert.Equal(t, status, got.Status)
		assert.Equal(t, `s1;desc="place order";dur=D, s2;desc="group";dur=D, s3;desc="quote \" \\ ?";dur=D, total;dur=D`,
			regexp.MustCompile(`dur=\d+\.\d{3}\b`).ReplaceAllString(got.Header.Get("Server-Timing"), "dur=D"))
	}
	assert.Empty(t, c.take().all)
}

func TestServerTimingOfEveryRequestAndOfNone(t *testing.T) {
	clean(t)
	for _, on := range []bool{true, false} {
		traces := tracing.New(tracing.Enabled(on))
		app := weft.New(traces.Observe())
		app.Use(traces.ServerTiming(nil))
		got := wefttest.Serve(t, app).Get("/nowhere").Want(404).Header.Get("Server-Timing")
		if on {
			assert.Regexp(t, `^total;dur=\d+\.\d{3}$`, got)
		} else {
			assert.Empty(t, got)
		}
		plan, err := app.Plan()
		assert.NoError(t, err)
		assert.Equal(t, on, len(plan.App) == 1)
	}
}

// It may be attached to an app that is not observed: it has nothing to say then.
func TestServerTimingWithoutTracing(t *testing.T) {
	clean(t)
	app := weft.New()
	app.Use(tracing.New().ServerTiming(nil))
	assert.Empty(t, wefttest.Serve(t, app).Get("/nowhere").Want(404).Header.Get("Server-Timing"))
}
