package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
)

// traced is the request whose trace is shown.
var traced = exchange{title: "Mia enters that Ada orders tea", as: mia, method: "POST", path: acmeOrders, body: teaForAda,
	status: http.StatusCreated, header: http.Header{"Location": {acmeOrders + "/1"}}}

// traceOne serves on a free port of the loopback interface, sends one request, and writes to out where its time went. A
// service that runs for long has an exporter of OTLP in place of the one in memory, and is otherwise traced in the same way.
func traceOne(ctx context.Context, out io.Writer, log *slog.Logger) (err error) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	defer func() { err = errors.Join(err, provider.Shutdown(context.WithoutCancel(ctx))) }()
	traces := tracing.New(
		tracing.WithTracerProvider(provider),
		tracing.Enabled(true),
		tracing.All(true),
		tracing.CaptureResponses(false), // orders are nobody's business but the tenant's
		tracing.Annotation("Example", "orders"),
	)

	s, err := open(ctx, settings{address: "localhost:0", watched: []weft.Option{traces.Observe()}}, log)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- s.run(serving) }()

	p := &player{out: out, url: s.url(), keys: map[string]apiKey{}}
	for _, user := range s.users {
		p.keys[user.Name] = user.key
	}
	played := p.play(ctx, []exchange{traced})
	stop()
	// Behind the end of the service, all spans have ended.
	if err := errors.Join(played, <-stopped); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nWhere its time went:")
	return waterfall(out, exporter.GetSpans())
}
