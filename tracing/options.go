package tracing

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/internal/callsite"
)

// Option configures a [Tracing].
type Option func(*Tracing)

// Enabled switches tracing on or off, whatever the environment says. It has no effect on [Metrics].
func Enabled(on bool) Option { return func(t *Tracing) { t.enabled = chosen(on) } }

// All gives every stage a span of its own, or none, but for those about which [Stages], [Except] or their
// declarations say something else.
func All(on bool) Option { return func(t *Tracing) { t.all = chosen(on) } }

// Stages gives the stages of these names spans of their own. A name that no stage of the app has is an error of Build.
func Stages(names ...string) Option {
	at := callsite.Caller()
	return func(t *Tracing) { t.stages = append(t.stages, namesAt(names, at)...) }
}

// Except gives the stages of these names none. A name that no stage of the app has is an error of Build.
func Except(names ...string) Option {
	at := callsite.Caller()
	return func(t *Tracing) { t.except = append(t.except, namesAt(names, at)...) }
}

// CaptureErrors says whether spans have the texts and stacks of errors, or only their types.
func CaptureErrors(on bool) Option { return func(t *Tracing) { t.captureErrors = chosen(on) } }

// CaptureResponses says whether the span of a request has the body of its answer, as metadata. It has it only where the handler
// has a span of its own, the request went well, and the body is JSON or text of at most 8 KiB that does not come into being while it is sent.
func CaptureResponses(on bool) Option {
	return func(t *Tracing) { t.captureResponses = chosen(on) }
}

// Service names the service: the namespace of metadata, and the annotation Service of each request.
func Service(name string) Option {
	at := callsite.Caller()
	return func(t *Tracing) {
		if t.service = name; name == "" {
			t.problem(at, "Service is given no name", "give one, or leave the option out")
		}
	}
}

// Annotation annotates the span of every request; see [Annotate]. A key or a value that X-Ray does not take is an error of Build.
func Annotation[T Annotatable](key string, value T) Option {
	at := callsite.Caller()
	attr, wrong := annotation(key, value)
	remedy := fmt.Sprintf("make it a text of at most %d characters in UTF-8, a finite number or a bool", longestText)
	if keyProblem(key) != "" {
		remedy = fmt.Sprintf("make the key of the letters A to Z and a to z, digits and underscores, %d at most", longestKey)
	}
	return func(t *Tracing) {
		if wrong != "" {
			t.problem(at, fmt.Sprintf("the annotation %q %s", key, wrong), remedy)
			return
		}
		t.annotations = append(t.annotations, attr)
	}
}

// SpanNames sets the names of stages' spans: "## " and the name of the stage, otherwise. It is called by Build.
func SpanNames(name func(stage *weft.StageInfo) string) Option {
	return given(name == nil, "SpanNames", "function", func(t *Tracing) { t.spanName = name })
}

// WithTracerProvider sets where spans go: to the global provider of OpenTelemetry, otherwise.
func WithTracerProvider(p trace.TracerProvider) Option {
	return given(p == nil, "WithTracerProvider", "provider", func(t *Tracing) { t.tracers = p })
}

// WithMeterProvider sets where [Metrics] go: to the global provider of OpenTelemetry, otherwise.
func WithMeterProvider(p metric.MeterProvider) Option {
	return given(p == nil, "WithMeterProvider", "provider", func(t *Tracing) { t.meters = p })
}

// WithPropagator sets how the trace that a request belongs to is found in its header. Otherwise the global propagator of
// OpenTelemetry is asked, and where there is none when the App is made, W3C Trace Context and Baggage, then X-Ray's header.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return given(p == nil, "WithPropagator", "propagator", func(t *Tracing) { t.propagator = p })
}

// PublicEndpoint begins a trace of its own for each request, linked to the one that its header names: strangers do not
// decide what is sampled, nor where it belongs.
func PublicEndpoint() Option { return func(t *Tracing) { t.public = true } }

// Metrics records the duration of each request by route, and how many are under way, as the conventions of OpenTelemetry for HTTP
// servers say: http.server.request.duration in seconds, and http.server.active_requests. Of a record of a source of events
// it is weft.event.duration in seconds, by source and status.
func Metrics() Option { return func(t *Tracing) { t.metrics = true } }

// InvocationID says which call of a function it is, as in
//
//	tracing.InvocationID(func(ctx context.Context) string {
//		if call, ok := lambdacontext.FromContext(ctx); ok {
//			return call.AwsRequestID
//		}
//		return ""
//	})
//
// It is the attribute faas.invocation_id of the span of each call of what weft.Func makes. It may be called concurrently.
func InvocationID(id func(ctx context.Context) string) Option {
	return given(id == nil, "InvocationID", "function", func(t *Tracing) { t.invocationID = id })
}

// FlushEach calls flush once for every request, when it has been answered and its spans have ended, on a goroutine of its own, so that the
// answer does not wait for it: for where the process may be stopped between requests. flush is a provider's ForceFlush. Its context
// ends after 5 seconds; an error is logged. What weft.Func makes waits for it before it returns, for half of the time until the deadline of
// its context at most: AWS Lambda freezes a process that has answered. Elsewhere a provider flushes by itself, and when it is shut down.
func FlushEach(flush func(context.Context) error) Option {
	return given(flush == nil, "FlushEach", "function", func(t *Tracing) { t.flush = flush })
}

// given is an option of something that must not be nil.
func given(missing bool, option, what string, set Option) Option {
	if !missing {
		return set
	}
	at := callsite.Caller()
	return func(t *Tracing) {
		t.problem(at, fmt.Sprintf("%s(nil) is no %s", option, what), "give one, or leave the option out")
	}
}

// stageName is a name in [Stages] or [Except].
type stageName struct {
	name string
	at   callsite.Site
}

func namesAt(names []string, at callsite.Site) []stageName {
	list := make([]stageName, len(names))
	for i, name := range names {
		list[i] = stageName{name, at}
	}
	return list
}

// Annotatable is what the value of an annotation may be.
type Annotatable interface {
	~string | ~bool | ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~float32 | ~float64
}

const (
	longestKey  = 500  // of an annotation, in X-Ray
	longestText = 1000 // of one, in characters
)

// keyProblem says why X-Ray has no annotations of that key, or nothing.
func keyProblem(key string) string {
	switch {
	case key == "":
		return "has no key"
	case len(key) > longestKey:
		return fmt.Sprintf("has a key of more than %d characters", longestKey)
	case strings.ContainsFunc(key, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	}):
		return "has a key that X-Ray does not take"
	}
	return ""
}
