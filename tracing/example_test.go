package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
)

// printer prints each span when it ends: what it says, and which trace it goes on with.
type printer struct{ sdktrace.SpanExporter }

func (printer) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		fmt.Print(s.Name())
		if s.Parent().IsRemote() {
			fmt.Print(" of ", s.Parent().TraceID())
		}
		for _, a := range s.Attributes() {
			if interesting.MatchString(string(a.Key)) {
				fmt.Printf(" %s=%s", a.Key, a.Value.String())
			}
		}
		for _, e := range s.Events() {
			fmt.Print(" ", e.Attributes[1].Value.String())
		}
		fmt.Println()
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

// interesting are the attributes that the examples are about.
var interesting = regexp.MustCompile(`^(error\.type|faas\.invocation_id|aws\.xray\..*|[A-Z]\w*)$`)

// printing is a provider whose spans are printed.
func printing() sdktrace.TracerProviderOption { return sdktrace.WithSyncer(printer{}) }

// sell sells everything but gold.
func sell(ctx context.Context, in order) (order, error) {
	if in.Product == "gold" {
		return order{}, errors.New("no gold since Tuesday")
	}
	return in, nil
}

// books is a service with an audit and one handler, which is asked for a product.
func books(product string, opts ...tracing.Option) {
	provider := sdktrace.NewTracerProvider(printing())
	traces := tracing.New(append([]tracing.Option{tracing.WithTracerProvider(provider), tracing.CaptureResponses(false)}, opts...)...)
	app := weft.New(traces.Observe(), weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(weft.NewMiddleware("audit", pass))
	app.Handle("POST /orders", weft.Handle(sell).Named("sell"))
	ask(app, product)
}

// ask sends an order for a product.
func ask(app *weft.App, product string) *http.Response {
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(regexp.MustCompile(`\S+_test\.go:\d+`).ReplaceAllString(err.Error(), "app.go:12"))
		return nil
	}
	hr := httptest.NewRequest("POST", "/orders", jsonOf(order{Product: product}))
	hr.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, hr)
	return w.Result()
}

// A request has a span, and a stage has one where somebody says so. They are printed as they end.
func Example() {
	provider := sdktrace.NewTracerProvider(printing()) // WithBatcher, and an exporter of OTLP
	otel.SetTracerProvider(provider)
	defer otel.SetTracerProvider(sdktrace.NewTracerProvider())
	defer func() { _ = provider.Shutdown(context.Background()) }()

	traces := tracing.New(tracing.Stages("sell"), tracing.CaptureResponses(false))
	app := weft.New(traces.Observe())
	app.Use(
		weft.NewMiddleware("audit", pass, weft.Traced()), // its declaration says so
		weft.NewMiddleware("no store", pass),
	)
	app.Handle("POST /orders", weft.Handle(sell).Named("sell"))
	ask(app, "milk")
	// Output:
	// ## sell
	// ## audit
	// POST /orders
}

func ExampleAll() {
	books("milk", tracing.All(true), tracing.Except("extract", "respond"))
	// Output:
	// ## sell
	// ## audit
	// POST /orders
}

func ExampleStages() {
	books("milk", tracing.Stages("audit", "sell"))
	books("milk", tracing.Stages("audit", "sale")) // a slip
	// Output:
	// ## sell
	// ## audit
	// POST /orders
	// app.go:12: no stage is named "sale"; mend the name; there are "audit", "extract", "respond", "sell"
}

// An error is described on the innermost span that it leaves.
func ExampleCaptureErrors() {
	books("gold", tracing.Stages("audit", "sell"), tracing.CaptureErrors(true))
	fmt.Println()
	books("gold", tracing.Stages("audit", "sell"), tracing.CaptureErrors(false))
	// Output:
	// ## sell error.type=*errors.errorString no gold since Tuesday
	// ## audit error.type=*errors.errorString
	// POST /orders error.type=*errors.errorString
	//
	// ## sell error.type=*errors.errorString
	// ## audit error.type=*errors.errorString
	// POST /orders error.type=*errors.errorString
}

func ExampleCaptureResponses() {
	books("milk", tracing.Stages("sell"), tracing.CaptureResponses(true), tracing.Service("shop"))
	// Output:
	// ## sell
	// POST /orders Service=shop aws.xray.annotations=["Service"] aws.xray.metadata.shop={"sell response":{"product":"milk"}}
}

func ExampleAnnotation() {
	books("milk", tracing.Annotation("Team", "books"), tracing.Annotation("cost center", 7))
	// Output: app.go:12: the annotation "cost center" has a key that X-Ray does not take; make the key of the letters A to Z and a to z, digits and underscores, 500 at most
}

func ExampleSpanNames() {
	books("milk", tracing.Stages("sell"), tracing.SpanNames(func(stage *weft.StageInfo) string {
		return string(stage.Kind) + " " + stage.Name
	}))
	// Output:
	// handler sell
	// POST /orders
}

func ExampleEnabled() {
	os.Setenv("POWERTOOLS_TRACE_DISABLED", "true")
	defer os.Unsetenv("POWERTOOLS_TRACE_DISABLED")
	books("milk")
	books("milk", tracing.Enabled(true)) // an option is stronger than the environment
	// Output: POST /orders
}

func ExampleAnnotate() {
	provider := sdktrace.NewTracerProvider(printing())
	app := weft.New(tracing.New(tracing.WithTracerProvider(provider), tracing.CaptureResponses(false), tracing.Stages("sell")).Observe())
	app.Handle("POST /orders", weft.Handle(func(ctx context.Context, in order) (order, error) {
		tracing.Annotate(ctx, "Product", in.Product) // traces are found by it
		tracing.Metadata(ctx, "order", in)           // and this is read in them
		return in, nil
	}).Named("sell"))
	ask(app, "milk")
	// Output:
	// ## sell Product=milk aws.xray.annotations=["Product"] aws.xray.metadata.default={"order":{"product":"milk"}}
	// POST /orders
}

func ExampleMetadataIn() {
	provider := sdktrace.NewTracerProvider(printing())
	app := weft.New(tracing.New(tracing.WithTracerProvider(provider), tracing.CaptureResponses(false)).Observe())
	app.Use(weft.Before("stock", func(r *weft.Request) error {
		tracing.MetadataIn(r.Context(), "warehouse", "shelves", []int{3, 7})
		return nil
	}))
	app.Handle("POST /orders", weft.Handle(sell))
	ask(app, "milk")
	// Output: POST /orders aws.xray.metadata.warehouse={"shelves":[3,7]}
}

func ExampleTracing_ServerTiming() {
	traces := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider()), tracing.Stages("sell"))
	app := weft.New(traces.Observe())
	app.Use(traces.ServerTiming(func(r *weft.Request) bool { return r.Header().Get("Content-Type") != "" })) // who may know
	app.Handle("POST /orders", weft.Handle(sell).Named("sell"))
	timing := ask(app, "milk").Header.Get("Server-Timing")
	fmt.Println(regexp.MustCompile(`[\d.]+(,|$)`).ReplaceAllString(timing, "…$1"))
	// Output: s1;desc="sell";dur=…, total;dur=…
}

// Metrics are by the templates of routes, of which there are few, and not by paths.
func ExampleMetrics() {
	reader := sdkmetric.NewManualReader() // a PeriodicReader, and an exporter of OTLP
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	books("milk", tracing.Enabled(false), tracing.Metrics(), tracing.WithMeterProvider(provider))

	var read metricdata.ResourceMetrics
	_ = reader.Collect(context.Background(), &read)
	for _, m := range read.ScopeMetrics[0].Metrics {
		fmt.Println(m.Name)
		if durations, ok := m.Data.(metricdata.Histogram[float64]); ok {
			point := durations.DataPoints[0]
			route, _ := point.Attributes.Value("http.route")
			status, _ := point.Attributes.Value("http.response.status_code")
			fmt.Println(" ", point.Count, route.String(), status.String())
		}
	}
	// Output:
	// http.server.request.duration
	//   1 /orders 200
	// http.server.active_requests
}

// Behind a load balancer of AWS the trace is in a header of its own.
// A plain function has a span for each call, and one for each stage that is worth it.
func ExampleInvocationID() {
	exporter := printing()
	provider := sdktrace.NewTracerProvider(exporter)
	traces := tracing.New(
		tracing.WithTracerProvider(provider), tracing.CaptureResponses(false), tracing.Stages("sell"),
		tracing.InvocationID(requestID), // of lambdacontext, there
		tracing.FlushEach(provider.ForceFlush),
	)
	fn := weft.MustFunc(context.Background(), weft.Handle(sell).Named("sell"), traces.Observe()) // for lambda.Start(fn)

	ctx := invokedWith(context.Background(), "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
	fmt.Println(fn(ctx, order{Product: "milk"}))
	// Output:
	// ## sell
	// sell of 5759e988bd862e3fe1be46a994272793 faas.invocation_id=7
	// {milk } <nil>
}

// invokedWith is ctx as aws-lambda-go makes it for an invocation of that trace.
func invokedWith(ctx context.Context, trace string) context.Context {
	//lint:ignore SA1029 the key is that of aws-lambda-go
	return context.WithValue(ctx, "x-amzn-trace-id", trace)
}

// requestID stands for that of the invocation.
func requestID(context.Context) string { return "7" }

func ExampleXRay() {
	provider := sdktrace.NewTracerProvider(printing())
	app := weft.New(tracing.New(tracing.WithTracerProvider(provider), tracing.WithPropagator(tracing.XRay{})).Observe())
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
	}
	hr := httptest.NewRequest("GET", "/", nil)
	hr.Header.Set("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
	srv.ServeHTTP(httptest.NewRecorder(), hr)
	// Output: GET of 5759e988bd862e3fe1be46a994272793
}

func ExamplePublicEndpoint() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	traces := tracing.New(tracing.WithTracerProvider(provider), tracing.WithPropagator(propagation.TraceContext{}), tracing.PublicEndpoint())
	srv, err := weft.New(traces.Observe()).Build(context.Background())
	if err != nil {
		fmt.Println(err)
	}
	hr := httptest.NewRequest("GET", "/", nil)
	hr.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") // of anybody
	srv.ServeHTTP(httptest.NewRecorder(), hr)
	span := spans.GetSpans()[0]
	fmt.Println(span.Parent.IsValid(), span.Links[0].SpanContext.TraceID())
	// Output: false 4bf92f3577b34da6a3ce929d0e0e4736
}

func ExampleFlushEach() {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	flushed := make(chan int)
	traces := tracing.New(tracing.WithTracerProvider(provider), tracing.FlushEach(func(ctx context.Context) error {
		err := provider.ForceFlush(ctx)
		flushed <- len(exporter.GetSpans())
		return err
	}))
	ask(weft.New(traces.Observe()), "milk")
	fmt.Println(<-flushed)
	_ = provider.Shutdown(context.Background())
	// Output: 1
}
