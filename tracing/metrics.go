package tracing

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/weft-go/weft"
)

// meters are the instruments of the conventions for HTTP servers, and one for records of sources of events.
type meters struct {
	duration metric.Float64Histogram
	active   metric.Int64UpDownCounter
	events   metric.Float64Histogram
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
	if m.events, err = meter.Float64Histogram("weft.event.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of handling a record of a source of events."), metric.WithExplicitBucketBoundaries(seconds...)); err != nil {
		otel.Handle(err)
	}
	return &m
}

func (m *meters) enter(ctx context.Context, r *request) {
	if r.event != nil {
		return
	}
	m.active.Add(ctx, 1, metric.WithAttributeSet(r.active()))
}

// active is what is known of a request before it runs.
func (r *request) active() attribute.Set {
	return attribute.NewSet(semconv.HTTPRequestMethodKey.String(r.method), semconv.URLScheme(r.scheme))
}

func (m *meters) leave(ctx context.Context, r *request, route string, sent weft.Sent) {
	ctx = context.WithoutCancel(ctx)
	if r.event != nil {
		m.leaveEvent(ctx, r, sent)
		return
	}
	m.active.Add(ctx, -1, metric.WithAttributeSet(r.active()))
	attrs := append(make([]attribute.KeyValue, 0, 6),
		semconv.HTTPRequestMethodKey.String(r.method), semconv.URLScheme(r.scheme), semconv.NetworkProtocolVersion(r.version))
	if route != "" {
		attrs = append(attrs, semconv.HTTPRoute(route))
	}
	m.duration.Record(ctx, time.Since(r.began).Seconds(), metric.WithAttributeSet(attribute.NewSet(r.outcome(attrs, sent)...)))
}

func (m *meters) leaveEvent(ctx context.Context, r *request, sent weft.Sent) {
	attrs := append(make([]attribute.KeyValue, 0, 3), r.source())
	m.events.Record(ctx, time.Since(r.began).Seconds(), metric.WithAttributeSet(attribute.NewSet(r.outcome(attrs, sent)...)))
}

// outcome adds how the request ended.
func (r *request) outcome(attrs []attribute.KeyValue, sent weft.Sent) []attribute.KeyValue {
	if sent.Status != 0 {
		attrs = append(attrs, r.status(sent.Status))
	}
	switch {
	case sent.Status != 0 && r.failed(sent.Status):
		return append(attrs, semconv.ErrorTypeKey.String(strconv.Itoa(sent.Status)))
	case sent.Status == 0 && sent.Err != nil:
		return append(attrs, semconv.ErrorTypeKey.String(examine(sent.Err).kind))
	case sent.WriteErr != nil:
		return append(attrs, semconv.ErrorTypeKey.String(examine(sent.WriteErr).kind))
	}
	return attrs
}
