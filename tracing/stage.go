package tracing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
)

// observer watches one app.
type observer struct {
	*Tracing
	tracer    trace.Tracer // nil where there are no spans
	extractor propagation.TextMapPropagator
	meters    *meters     // nil where there are none
	stages    sync.Map    // of *weft.StageInfo, to its *stageSpan
	handlers  sync.Map    // the patterns of routes whose handler has a span of its own
	lambda    bool        // the process is a function of AWS Lambda
	warm      atomic.Bool // it has been called
}

// stageSpan is what is known of a stage's span before any request.
type stageSpan struct {
	name string
	opts []trace.SpanStartOption
}

// Observes notes which stages have a span of their own, when the app is built.
func (o *observer) Observes(stage *weft.StageInfo) bool {
	if !o.traces(stage) {
		return false
	}
	attrs := []attribute.KeyValue{
		attribute.String("weft.stage.kind", string(stage.Kind)),
		attribute.String("weft.stage.level", string(stage.Level)),
		attribute.String("weft.stage.source", stage.Source),
	}
	if stage.Group != "" {
		attrs = append(attrs, attribute.String("weft.stage.group", stage.Group))
	}
	o.stages.Store(stage, &stageSpan{o.spanName(stage), []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindInternal), trace.WithAttributes(attrs...),
	}})
	if stage.Kind == weft.KindHandler {
		o.handlers.Store(stage.Route, true)
	}
	return true
}

// Enter begins the span of a stage.
func (o *observer) Enter(ctx context.Context, stage *weft.StageInfo) (context.Context, weft.Exit) {
	outer := visitOf(ctx)
	switch {
	case outer == nil: // the request could not be entered
		return ctx, nil
	case !outer.span.IsRecording() && !outer.span.SpanContext().IsSampled():
		// A trace that begins with nothing has nothing inside: the sampler is not asked again.
		return ctx, outer.whole.timing(stage)
	}
	known, _ := o.stages.Load(stage)
	what := known.(*stageSpan)
	v := &visit{whole: outer.whole, tracing: o.Tracing}
	if v.whole.timed {
		v.stage, v.entered = stage.Name, time.Now()
	}
	v.Context, v.span = o.tracer.Start(ctx, what.name, what.opts...)
	return v, v.leave
}

// visit is the passing of a stage that has a span, or of a whole request. It is the context of what is inside.
type visit struct {
	context.Context
	span    trace.Span
	whole   *request
	tracing *Tracing
	stage   string    // only where it is timed
	entered time.Time // as above
	notes   notes
}

type visitKey struct{}

// Value leads from a context to the nearest visit.
func (v *visit) Value(key any) any {
	if key == (visitKey{}) {
		return v
	}
	return v.Context.Value(key)
}

// visitOf is the nearest visit that ctx derives from, or nil.
func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// leave ends the span of a stage.
func (v *visit) leave(status int, err error) {
	if v.stage != "" {
		v.whole.time(v.stage, v.entered)
	}
	defer v.span.End()
	if !v.span.IsRecording() {
		return
	}
	if status != 0 {
		v.span.SetAttributes(v.whole.status(status))
	}
	if err != nil {
		f := examine(err)
		v.whole.pass(v, f, f.failed(status))
	} else {
		v.whole.forget()
	}
	v.notes.write(v.span)
}
