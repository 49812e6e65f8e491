// Package tracing has one service, with spans and without, beside otelhttp.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/tracing"
)

// Stages is how many middleware the service has.
const Stages = 5

// order is what the service is sent and answers with.
type order struct {
	Product  string `json:"product" validate:"required"`
	Quantity int    `json:"quantity" validate:"min=1"`
}

// Call is the request: a POST with a path value and a JSON body.
func Call() *sidebyside.Call {
	return sidebyside.NewCall("POST", "/orders/7", `{"product":"tea","quantity":2}`)
}

// discard takes spans that have ended and keeps nothing: what is measured is making them, not sending them.
type discard struct{}

func (discard) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discard) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discard) Shutdown(context.Context) error                  { return nil }
func (discard) ForceFlush(context.Context) error                { return nil }

// provider is one whose spans are recorded, or none is.
func provider(sampled bool) *sdktrace.TracerProvider {
	sampler := sdktrace.NeverSample()
	if sampled {
		sampler = sdktrace.AlwaysSample()
	}
	return sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithSpanProcessor(discard{}))
}

// service is the service, observed or not.
func service(traces *tracing.Tracing) http.Handler {
	opts := []weft.Option{weft.WithLogger(slog.New(slog.DiscardHandler))}
	if traces != nil {
		opts = append(opts, traces.Observe())
	}
	app := weft.New(opts...)
	for i := range Stages {
		app.Use(weft.NewMiddleware(fmt.Sprintf("stage %d", i+1), func(r *weft.Request, next weft.Next) weft.Response { return next(r) }))
	}
	app.Handle("POST /orders/{id}", weft.Handle(func(_ context.Context, in order) (order, error) { return in, nil }).Named("take order"))
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err)
	}
	return srv
}

// traced is the service with spans for the stages of these names.
func traced(sampled bool, stages ...string) http.Handler {
	return service(tracing.New(tracing.Enabled(true), tracing.All(false), tracing.CaptureResponses(false),
		tracing.WithTracerProvider(provider(sampled)), tracing.WithPropagator(propagation.TraceContext{}), tracing.Stages(stages...)))
}

// around is the service without spans, in otelhttp.
func around(sampled bool) http.Handler {
	return otelhttp.NewHandler(service(nil), "orders", otelhttp.WithTracerProvider(provider(sampled)),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), otelhttp.WithPropagators(propagation.TraceContext{}))
}

// The sides, by their places in Contenders.
const (
	Untraced = iota
	Again    // as Untraced: what differs is noise
	Off
	UnsampledOTel
	Unsampled
	UnsampledStages
	SampledOTel
	Sampled
	SampledStages
)

// Contenders are the sides.
func Contenders() []sidebyside.Contender {
	var all []string
	for i := range Stages {
		all = append(all, fmt.Sprintf("stage %d", i+1))
	}
	return []sidebyside.Contender{
		{Name: "without tracing", Handler: service(nil)},
		{Name: "without tracing, again", Handler: service(nil)},
		{Name: "with tracing, off", Handler: service(tracing.New(tracing.Enabled(false), tracing.All(true)))},
		{Name: "otelhttp, not sampled", Handler: around(false)},
		{Name: "a span of the request, not sampled", Handler: traced(false)},
		{Name: "and of five stages, not sampled", Handler: traced(false, all...)},
		{Name: "otelhttp", Handler: around(true)},
		{Name: "a span of the request", Handler: traced(true)},
		{Name: "and of five stages", Handler: traced(true, all...)},
	}
}
