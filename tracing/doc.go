// Package tracing observes what a service of weft does, for OpenTelemetry: a span for each request, a span for each stage that is worth one,
// metrics by route, and Server-Timing. It uses the API of OpenTelemetry alone: the application chooses the SDK, the
// exporter and the sampler, or none.
//
//	func main() {
//		exporter, err := otlptracehttp.New(ctx)
//		if err != nil {
//			log.Fatal(err)
//		}
//		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
//		defer provider.Shutdown(ctx)
//		otel.SetTracerProvider(provider)
//
//		traces := tracing.New(tracing.Stages("place order", "audit"), tracing.Metrics())
//		app := weft.New(traces.Observe())
//		app.Use(traces.ServerTiming(fromTheOffice))
//		…
//	}
//
// # Which stages
//
// A request has a span of its own. A stage has one where somebody says so; the first of these that says anything decides:
//
//  1. [Except] and [Stages], with the name of the stage
//  2. the options weft.Traced and weft.Untraced of the stage's declaration
//  3. [All]
//  4. the environment, POWERTOOLS_TRACE_MIDDLEWARES
//
// and otherwise it has none. A span is named "## " and the stage's name, and is the child of that of the nearest stage
// outside which has one, or of the request's.
//
// A record of a source of events (weft.App.On) has the same, with a consumer's span that is named as its source is, and nothing of HTTP on it. It
// is an error from the status 400 on.
//
// # The environment
//
// What is not said by an option is asked of the environment when [New] is called, and else is the default. An option has its variable not
// looked at at all; a variable that is empty is none; one that is neither 1, y, yes, t, true, on nor 0, n, no, f, false, off, in
// whatever case, is an error of Build.
//
//	option              variable                               default
//	Enabled             POWERTOOLS_TRACE_DISABLED, negated     true
//	                    AWS_SAM_LOCAL, AWS_CHALICE_CLI_MODE    set to anything, they disable
//	All                 POWERTOOLS_TRACE_MIDDLEWARES           false
//	CaptureErrors       POWERTOOLS_TRACER_CAPTURE_ERROR        true
//	CaptureResponses    POWERTOOLS_TRACER_CAPTURE_RESPONSE     true
//	Service             POWERTOOLS_SERVICE_NAME,               no name
//	                    then OTEL_SERVICE_NAME
//
// # Off
//
// Where tracing is not enabled and there are no [Metrics], nothing is attached: the plan and the way of a request are those of an app without tracing.
// What is declared wrongly is an error of Build all the same.
package tracing
