// Package telemetry sends the spans of a function by OTLP over HTTP, to where OTEL_EXPORTER_OTLP_ENDPOINT says, such as the collector of a layer.
package telemetry

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/weft-go/weft/tracing"
)

// New says how a function is traced. Each call sends its spans before it returns. Without an endpoint nothing is traced. The variables of Powertools
// do what they say there: POWERTOOLS_TRACE_DISABLED, POWERTOOLS_SERVICE_NAME, POWERTOOLS_TRACE_MIDDLEWARES, and those of capturing.
func New(ctx context.Context, opts ...tracing.Option) (*tracing.Tracing, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		return tracing.New(append(opts, tracing.Enabled(false))...), nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	return tracing.New(append([]tracing.Option{
		tracing.WithTracerProvider(provider),
		tracing.FlushEach(provider.ForceFlush),
		tracing.InvocationID(RequestID),
	}, opts...)...), nil
}

// RequestID is that of the invocation, or "".
func RequestID(ctx context.Context) string {
	invocation, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ""
	}
	return invocation.AwsRequestID
}
