package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const xrayHeader = "X-Amzn-Trace-Id"

// XRay is the propagator of AWS X-Ray: the field X-Amzn-Trace-Id, as in
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1
//
// A field without a Parent, as a load balancer sends it, has no span that could be a parent, and says nothing.
type XRay struct{}

var _ propagation.TextMapPropagator = XRay{}

// Fields is the one field.
func (XRay) Fields() []string { return []string{xrayHeader} }

// Extract returns ctx with the span that the carrier names, or ctx where it names none.
func (XRay) Extract(ctx context.Context, from propagation.TextMapCarrier) context.Context {
	var c trace.SpanContextConfig
	for part := range strings.SplitSeq(from.Get(xrayHeader), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var err error
		switch name {
		case "Root":
			c.TraceID, err = traceIDOf(value)
		case "Parent":
			c.SpanID, err = trace.SpanIDFromHex(value)
		case "Sampled":
			c.TraceFlags = c.TraceFlags.WithSampled(value == "1")
		}
		if err != nil {
			return ctx
		}
	}
	c.Remote = true
	if span := trace.NewSpanContext(c); span.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, span)
	}
	return ctx
}

// traceIDOf reads "1-", eight digits, "-", and 24 more.
func traceIDOf(root string) (trace.TraceID, error) {
	version, rest, _ := strings.Cut(root, "-")
	seconds, random, _ := strings.Cut(rest, "-")
	if version != "1" || len(seconds) != 8 {
		return trace.TraceID{}, errRoot{}
	}
	return trace.TraceIDFromHex(seconds + random)
}

type errRoot struct{}

func (errRoot) Error() string { return "no trace ID of X-Ray" }

// Inject writes the field for the span in ctx, where there is one.
func (XRay) Inject(ctx context.Context, into propagation.TextMapCarrier) {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return
	}
	id, sampled := span.TraceID().String(), "0"
	if span.IsSampled() {
		sampled = "1"
	}
	into.Set(xrayHeader, "Root=1-"+id[:8]+"-"+id[8:]+";Parent="+span.SpanID().String()+";Sampled="+sampled)
}

// anyHeader finds the trace of a request where nobody says which header has it.
type anyHeader struct{}

func (anyHeader) Fields() []string { return nil }

func (anyHeader) Inject(context.Context, propagation.TextMapCarrier) {}

func (anyHeader) Extract(ctx context.Context, from propagation.TextMapCarrier) context.Context {
	ctx = propagation.Baggage{}.Extract(ctx, from)
	ctx = propagation.TraceContext{}.Extract(ctx, from)
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = XRay{}.Extract(ctx, from)
	}
	return ctx
}
