//go:build !race

package tracing_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
)

// The race detector allocates by itself, hence the build tag.

type quiet struct{ header http.Header }

func (w *quiet) Header() http.Header         { return w.header }
func (w *quiet) Write(p []byte) (int, error) { return len(p), nil }
func (w *quiet) WriteHeader(int)             {}

func allocations(t *testing.T, app *weft.App) float64 {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	const content = `{"product":"milk"}`
	hr := httptest.NewRequest("POST", "/shop/orders/7", nil)
	hr.Header.Set("Content-Type", "application/json")
	w, body := &quiet{http.Header{}}, strings.NewReader(content)
	return testing.AllocsPerRun(200, func() {
		clear(w.header)
		body.Reset(content)
		hr.Body = readCloser{body}
		srv.ServeHTTP(w, hr)
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestTracingThatIsOffCostsNoAllocation(t *testing.T) {
	clean(t)
	without := allocations(t, planned(nil, shop))
	for name, off := range offs() {
		t.Run(name, func(t *testing.T) {
			clean(t)
			assert.Equal(t, without, allocations(t, planned(off(t), shop)))
		})
	}
}

// A stage that is not traced costs nothing either: neither do notes where no span is recording.
func TestWhatIsNotTracedCostsNoAllocation(t *testing.T) {
	clean(t)
	c := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))))
	bare := func(stages int) float64 {
		app := weft.New(c.Observe())
		for range stages {
			app.Use(weft.MiddlewareFunc(pass))
		}
		app.Handle("POST /shop/orders/{id}", weft.Handle(place))
		return allocations(t, app)
	}
	assert.Equal(t, bare(0), bare(6))
	metrics := func(all bool) float64 {
		return allocations(t, planned(tracing.New(tracing.Metrics(), tracing.Enabled(false), tracing.All(all)), shop))
	}
	assert.Equal(t, metrics(false), metrics(true), "where only metrics are wanted, no stage is watched")
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { tracing.Annotate(ctx, "k", "v") }))
	ctx, _ = sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("").Start(context.Background(), "x")
	assert.Zero(t, testing.AllocsPerRun(100, func() { tracing.Annotate(ctx, "k", 7) }))
}

// The same of a plain function: tracing that is off is none, and one that is not sampled asks no stage.
func TestAFunctionWithoutSpansCostsNoAllocation(t *testing.T) {
	clean(t)
	of := func(opts ...weft.FuncOption) float64 {
		fn := weft.MustFunc(t.Context(), placer(), opts...)
		return testing.AllocsPerRun(200, func() { _, _ = fn(t.Context(), order{Product: "milk"}) })
	}
	without := of()
	for name, off := range offs() {
		clean(t)
		if c := off(t); c != nil {
			assert.Equal(t, without, of(c.Observe()), name)
		}
	}
	clean(t)
	never := tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())))
	assert.Equal(t, of(tracing.New(never, tracing.Except("around")).Observe()), of(tracing.New(never, tracing.Stages("rescue", "place order")).Observe()))
}
