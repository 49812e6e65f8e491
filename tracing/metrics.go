package tracing

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/weft-go/weft"
)

// meters are the instruments of the conventions for HTTP servers.
type meters struct {
	duration metric.Float64Histogram
	active   metric.Int64UpDownCounter
}

// seconds are the boundaries that the conventions recommend.
var seconds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// newMeters makes the instruments. One that a provider cannot make is reported to the error handler of OpenTelemetry, and does nothing.
func (t *Tracing) newMeters() *meters {
	provider := t.meters
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	meter := provider.Meter(scope, metric.WithSchemaURL(schema))
	var m meters
	var err error
	if m.duration, err = meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of HTTP server requests."), metric.WithExplicitBucketBoundaries(seconds...)); err != nil {
		otel.Handle(err)
	}
	if m.active, err = meter.Int64UpDownCounter("http.server.active_requests", metric.WithUnit("{request}"),
		metric.WithDescription("Number of active HTTP server requests.")); err != nil {
		otel.Handle(err)
	}
	return &m
}

func (m *meters) enter(ctx context.Context, r *request) {
	m.active.Add(ctx, 1, metric.WithAttributeSet(r.active()))
}

// active is what is known of a request before it runs.
func (r *request) active() attribute.Set {
	return attribute.NewSet(semconv.HTTPRequestMethodKey.String(r.method), semconv.URLScheme(r.scheme))
}

func (m *meters) leave(ctx context.Context, r *request, route string, sent weft.Sent) {
	ctx = context.WithoutCancel(ctx)
	m.active.Add(ctx, -1, metric.WithAttributeSet(r.active()))
	attrs := append(make([]attribute.KeyValue, 0, 6),
		semconv.HTTPRequestMethodKey.String(r.method), semconv.URLScheme(r.scheme), semconv.NetworkProtocolVersion(r.version))
	if route != "" {
		attrs = append(attrs, semconv.HTTPRoute(route))
	}
	if sent.Status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(sent.Status))
	}
	switch {
	case sent.Status >= http.StatusInternalServerError:
		attrs = append(attrs, semconv.ErrorTypeKey.String(strconv.Itoa(sent.Status)))
	case sent.Status == 0 && sent.Err != nil:
		attrs = append(attrs, semconv.ErrorTypeKey.String(examine(sent.Err).kind))
	case sent.WriteErr != nil:
		attrs = append(attrs, semconv.ErrorTypeKey.String(examine(sent.WriteErr).kind))
	}
	m.duration.Record(ctx, time.Since(r.began).Seconds(), metric.WithAttributeSet(attribute.NewSet(attrs...)))
}
