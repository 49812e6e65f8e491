package tracing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel"
	meternoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

// What no option says is what the process has chosen for OpenTelemetry as a whole.
func TestTheProvidersAndThePropagatorOfTheProcess(t *testing.T) {
	clean(t)
	t.Cleanup(func() {
		otel.SetTracerProvider(tracenoop.NewTracerProvider())
		otel.SetMeterProvider(meternoop.NewMeterProvider())
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator())
	})
	c := newCollector(t)
	reader := sdkmetric.NewManualReader()
	otel.SetTextMapPropagator(tracing.XRay{})
	otel.SetTracerProvider(c.provider)
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	app := weft.New(tracing.New(tracing.All(true), tracing.Metrics()).Observe())
	shop(app)
	wefttest.Serve(t, app).Get("/nowhere", wefttest.Header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
		wefttest.Header("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")).Want(404)
	got := c.take()
	assert.Equal(t, []string{"GET > ## access log", "GET"}, got.tree())
	assert.Equal(t, "5759e988bd862e3fe1be46a994272793", hexID(got.of("GET").TraceId))
	points, _ := collected(t, reader, "http.server.request.duration")
	assert.Len(t, points, 1)
}

// Without an SDK there are no spans, and nothing goes wrong.
func TestWithoutAnSDK(t *testing.T) {
	clean(t)
	app := weft.New(tracing.New(tracing.All(true), tracing.Metrics(), tracing.WithTracerProvider(tracenoop.NewTracerProvider()), tracing.WithMeterProvider(meternoop.NewMeterProvider())).Observe())
	shop(app)
	site := wefttest.Serve(t, app)
	site.Post("/shop/orders/7", order{Product: "milk"}).Want(200)
	site.Post("/shop/orders/7", order{Product: "gold"}, wefttest.Header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).Want(500)
}
