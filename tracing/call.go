package tracing

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
)

// envFunction is what AWS Lambda sets, and nobody else.
const envFunction = "AWS_LAMBDA_FUNCTION_NAME"

// invoked is what the runtime of AWS Lambda says of a call, in its context: the one way that is right where a
// process has several calls at once. Its environment has the trace of one of them.
type invoked struct{ context.Context }

func (c invoked) Get(key string) string {
	if key != xrayHeader {
		return ""
	}
	field, _ := c.Value("x-amzn-trace-id").(string)
	return field
}

func (invoked) Set(string, string) {}

func (invoked) Keys() []string { return []string{xrayHeader} }

// EnterCall begins the span of a call of what weft.Func has made.
func (o *observer) EnterCall(ctx context.Context, handler *weft.StageInfo) (context.Context, weft.CallExit) {
	if o.tracer == nil {
		return ctx, nil
	}
	r := &request{observer: o, began: time.Now()}
	var named propagation.TextMapPropagator = XRay{}
	if o.propagator != nil {
		named = o.propagator
	}
	id := ""
	if o.invocationID != nil { // asked before there is a span that would have to be ended if it panics
		id = valid(o.invocationID(ctx))
	}
	ctx, links := o.parent(ctx, named, invoked{ctx})
	r.begin(ctx, handler.Name, append(links, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(r.began)))
	if o.lambda {
		cold := !o.warm.Swap(true) && !initializedAhead()
		r.span.SetAttributes(semconv.FaaSColdstart(cold))
		r.annotate(attribute.Bool("ColdStart", cold))
	}
	if id != "" {
		r.span.SetAttributes(semconv.FaaSInvocationID(id))
	}
	return &r.visit, func(ctx context.Context, out any, err error) { r.leaveCall(ctx, handler, out, err) }
}

// initializedAhead reports whether nobody waited for the process to start.
func initializedAhead() bool {
	kind := os.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE")
	return kind != "" && kind != "on-demand"
}

// leaveCall ends the span of a call, and sends it: behind the function's return, the process may be frozen.
func (r *request) leaveCall(ctx context.Context, handler *weft.StageInfo, out any, err error) {
	if flush := r.observer.flush; flush != nil {
		defer flush.finish(ctx)
	}
	defer r.span.End()
	if !r.span.IsRecording() {
		return
	}
	if err != nil {
		r.pass(&r.visit, examine(err), true) // whoever called is told that it failed, whoever is to blame
	} else if _, traced := r.observer.handlers.Load(handler.Route); traced && r.tracing.captureResponses.on {
		if text, err := encoded(out); err == nil {
			if said, readable := said("application/json", text); readable {
				r.notes.add(r.tracing.namespace(), handler.Name+" response", said)
			}
		}
	}
	r.notes.write(r.span)
}
