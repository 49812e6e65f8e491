package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
)

// placing is a plain function with a check, two arounds and a handler, each of which may have a span.
func placing(t testing.TB, c *collector, opts ...tracing.Option) func(context.Context, order) (order, error) {
	t.Helper()
	fn, err := weft.Func(t.Context(), placer(), tracing.New(append([]tracing.Option{tracing.WithTracerProvider(c.provider)}, opts...)...).Observe())
	require.NoError(t, err)
	return fn
}

func placer() *weft.Handler[order, order] {
	return weft.Handle(place).Named("place order").
		Check(func(_ context.Context, in order) error {
			if in.Product == "snow" {
				return weft.Deny("not you")
			}
			return nil
		}, weft.Named("check")).
		Around(func(ctx context.Context, in order, next func(context.Context, order) (order, error)) (order, error) {
			out, err := next(ctx, in)
			if errors.Is(err, errClosed) {
				return order{Product: "water"}, nil
			}
			return out, err
		}, weft.Named("rescue")).
		Around(func(ctx context.Context, in order, next func(context.Context, order) (order, error)) (order, error) {
			tracing.Metadata(ctx, "asked for", in.Product)
			out, err := next(ctx, in)
			if err != nil {
				err = fmt.Errorf("around: %w", err)
			}
			return out, err
		}, weft.Named("around"), weft.Traced())
}

func TestTheStagesOfAFunctionHaveSpansWithinTheSpanOfItsCall(t *testing.T) {
	clean(t)
	c := newCollector(t)
	all := placing(t, c, tracing.All(true), tracing.Service("shop"), tracing.Annotation("Version", 7))
	out, err := all(t.Context(), order{Product: "milk"})
	require.NoError(t, err)
	assert.Equal(t, order{Product: "milk"}, out)
	got := c.take()
	assert.Equal(t, []string{
		"place order > ## check",
		"place order > ## rescue > ## around > ## place order",
		"place order > ## rescue > ## around",
		"place order > ## rescue",
		"place order",
	}, got.tree())
	root := got.of("place order")
	assert.Equal(t, "SPAN_KIND_SERVER", root.Kind.String())
	assert.Equal(t, "7 shop", attr(root.Attributes, "Version")+" "+attr(root.Attributes, "Service"))
	assert.Equal(t, "Version,Service", attr(root.Attributes, "aws.xray.annotations"))
	assert.Equal(t, `{"place order response":{"product":"milk"}}`, attr(root.Attributes, "aws.xray.metadata.shop"))
	assert.Empty(t, attr(root.Attributes, "faas.coldstart"), "the process is no function of Lambda")
	assert.Equal(t, "milk", attr(got.of("## place order").Attributes, "Product"))
	assert.Equal(t, `{"asked for":"milk"}`, attr(got.of("## around").Attributes, "aws.xray.metadata.shop"))
	assert.Equal(t, "around", attr(got.of("## around").Attributes, "weft.stage.kind"))

	_, err = placing(t, c)(t.Context(), order{Product: "milk"})
	require.NoError(t, err)
	got = c.take()
	assert.Equal(t, []string{"place order > ## around", "place order"}, got.tree(), "only what says so")
	assert.Empty(t, attr(got.of("place order").Attributes, "aws.xray.metadata.default"), "the handler has no span of its own")
}

func TestTheEnvironmentTracesTheStagesOfAFunction(t *testing.T) {
	clean(t)
	c := newCollector(t)
	t.Setenv("POWERTOOLS_TRACE_MIDDLEWARES", "true")
	_, err := placing(t, c, tracing.Except("rescue"))(t.Context(), order{Product: "milk"})
	require.NoError(t, err)
	assert.Equal(t, []string{"place order > ## check", "place order > ## around > ## place order", "place order > ## around", "place order"}, c.take().tree())
}

// An error is described once, on the innermost span that it leaves; a stage that recovers leaves those outside clean.
func TestAnErrorOfAFunctionIsDescribedOnce(t *testing.T) {
	clean(t)
	c := newCollector(t)
	fn := placing(t, c, tracing.All(true))
	const stock = "password123 is out of stock"
	for product, want := range map[string][]string{
		"gold": {
			"## check: UNSET", "## place order: ERROR " + stock + " [*errors.errorString] (exception *errors.errorString: " + stock + ")",
			"## around: ERROR [*errors.errorString]", "## rescue: ERROR [*errors.errorString]", "place order: ERROR [*errors.errorString]",
		},
		"beer": {
			"## check: UNSET", "## place order: ERROR the shop is closed [*errors.errorString] (exception *errors.errorString: the shop is closed)",
			"## around: ERROR [*errors.errorString]", "## rescue: UNSET", "place order: UNSET",
		},
		"snow": {
			"## check: UNSET [*weft.Denial] (exception *weft.Denial: 403 Forbidden (forbidden): not you)", "place order: ERROR [*weft.Denial]",
		},
	} {
		_, _ = fn(t.Context(), order{Product: product})
		assert.Equal(t, want, c.take().outcomes(), product)
	}
	_, err := fn(t.Context(), order{Product: "bomb"})
	require.Error(t, err)
	got := c.take()
	assert.Contains(t, attr(got.of("## place order").Events[0].Attributes, "exception.stacktrace"), "place(")
	assert.Empty(t, got.of("place order").Events)
}

func TestTextsOfErrorsOfAFunctionStayOutOfItsTrace(t *testing.T) {
	clean(t)
	c := newCollector(t)
	t.Setenv("POWERTOOLS_TRACER_CAPTURE_ERROR", "false")
	t.Setenv("POWERTOOLS_TRACER_CAPTURE_RESPONSE", "false")
	fn := placing(t, c, tracing.All(true))
	_, err := fn(t.Context(), order{Product: "gold"})
	require.ErrorIs(t, err, errStock)
	_, err = fn(t.Context(), order{Product: "bomb", Secret: "password123"})
	require.Error(t, err)
	_, err = fn(t.Context(), order{Product: "milk", Secret: "password123"})
	require.NoError(t, err)
	assert.NotContains(t, c.received(), "password123")
	assert.Contains(t, c.received(), "*errors.errorString", "only the type is told")
}

// tracedBy is the context of invocation n, with its trace.
func tracedBy(ctx context.Context, n int, sampled int) context.Context {
	return invokedWith(ctx, fmt.Sprintf("Root=1-5759e988-%024x;Parent=%016x;Sampled=%d", n, n, sampled))
}

func TestTheTraceOfAFunctionIsThatOfItsInvocation(t *testing.T) {
	clean(t)
	c := newCollector(t)
	t.Setenv("_X_AMZN_TRACE_ID", "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=1") // of another invocation
	fn := placing(t, c)
	var all sync.WaitGroup
	for n := 2; n < 2+16; n++ {
		all.Go(func() {
			for range 5 {
				_, err := fn(tracedBy(t.Context(), n, 1), order{Product: "milk"})
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	got := c.take()
	require.Len(t, got.all, 2*16*5)
	count := map[string]int{}
	for _, span := range got.all {
		if span.Name == "place order" {
			count[hexID(span.TraceId)+" "+hexID(span.ParentSpanId)]++
		}
	}
	for n := 2; n < 2+16; n++ {
		assert.Equal(t, 5, count[fmt.Sprintf("5759e988%024x %016x", n, n)], "invocation %d", n)
	}

	_, err := fn(tracedBy(t.Context(), 7, 0), order{Product: "milk"})
	require.NoError(t, err)
	assert.Empty(t, c.take().all, "what the caller does not sample is not sampled")
}

func TestWhoDecidesOnTheTraceOfAFunction(t *testing.T) {
	clean(t)
	c := newCollector(t)
	call := func(ctx context.Context, opts ...tracing.Option) spans {
		_, err := placing(t, c, opts...)(ctx, order{Product: "milk"})
		require.NoError(t, err)
		return c.take()
	}
	ctx, outer := c.provider.Tracer("github.com/weft-go/weft/tracing", trace.WithSchemaURL("https://opentelemetry.io/schemas/1.0.0")).Start(t.Context(), "caller")
	assert.Equal(t, outer.SpanContext().SpanID().String(), hexID(call(tracedBy(ctx, 7, 1)).of("place order").ParentSpanId), "the span in the context is nearer")
	outer.End()
	c.take()
	const ofSeven = "5759e988000000000000000000000007"
	assert.Equal(t, ofSeven, hexID(call(tracedBy(t.Context(), 7, 1)).of("place order").TraceId))
	assert.NotEqual(t, ofSeven, hexID(call(tracedBy(t.Context(), 7, 1), tracing.WithPropagator(propagation.TraceContext{})).of("place order").TraceId), "a propagator that does not know X-Ray")
	public := call(tracedBy(t.Context(), 7, 0), tracing.PublicEndpoint()).of("place order")
	assert.NotEqual(t, ofSeven, hexID(public.TraceId))
	require.Len(t, public.Links, 1)
	assert.Equal(t, ofSeven, hexID(public.Links[0].TraceId), "linked, and sampled all the same")
}

func TestAFunctionOfLambdaSaysWhichCallIsCold(t *testing.T) {
	clean(t)
	c := newCollector(t)
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
	said := func(fn func(context.Context, order) (order, error)) string {
		_, err := fn(t.Context(), order{Product: "milk"})
		require.NoError(t, err)
		root := c.take().of("place order")
		return attr(root.Attributes, "faas.coldstart") + " " + attr(root.Attributes, "ColdStart") + " " + attr(root.Attributes, "aws.xray.annotations") + " " + attr(root.Attributes, "faas.invocation_id")
	}
	calls := 0
	fn := placing(t, c, tracing.InvocationID(func(context.Context) string { calls++; return fmt.Sprint("call ", calls) }))
	assert.Equal(t, "true true ColdStart call 1", said(fn))
	assert.Equal(t, "false false ColdStart call 2", said(fn))
	t.Setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")
	assert.Equal(t, "false false ColdStart ", said(placing(t, c)), "nobody waited for it")
}

func TestAnInvocationIDThatPanicsLeavesTheCallAlone(t *testing.T) {
	clean(t)
	c := newCollector(t)
	var log lines
	traces := tracing.New(tracing.WithTracerProvider(c.provider), tracing.InvocationID(func(context.Context) string { panic("oh") }))
	fn := weft.MustFunc(t.Context(), placer(), traces.Observe(), weft.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	_, err := fn(t.Context(), order{Product: "milk"})
	require.NoError(t, err)
	assert.Contains(t, log.String(), "observing a request failed")
	assert.Empty(t, c.take().all)
}

// The process may be frozen when the function has returned: all spans have been sent by then.
func TestAFunctionReturnsWhenItsSpansHaveBeenSent(t *testing.T) {
	clean(t)
	c := newCollector(t)
	batched := sdktrace.NewTracerProvider(sdktrace.WithBatcher(c.exporter, sdktrace.WithBatchTimeout(time.Hour)))
	defer func() { assert.NoError(t, batched.Shutdown(context.WithoutCancel(t.Context()))) }()
	flushes := 0
	fn := placing(t, c, tracing.WithTracerProvider(batched), tracing.All(true), tracing.FlushEach(func(ctx context.Context) error {
		flushes++
		return batched.ForceFlush(ctx)
	}))
	for i := range 3 {
		_, err := fn(t.Context(), order{Product: []string{"milk", "gold", "bomb"}[i]})
		assert.Equal(t, i > 0, err != nil)
		assert.Equal(t, i+1, flushes, "one for each call")
		assert.Len(t, c.take().all, 5, "all have come")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := fn(ctx, order{Product: "milk"})
	require.NoError(t, err)
	assert.Len(t, c.take().all, 5, "also of a caller that has gone")
}

func TestAFlushLeavesAFunctionHalfOfItsTime(t *testing.T) {
	clean(t)
	c := newCollector(t)
	var log lines
	var left time.Duration
	traces := tracing.New(tracing.WithTracerProvider(c.provider), tracing.FlushEach(func(ctx context.Context) error {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return errors.New("the collector is away")
	}))
	fn := weft.MustFunc(t.Context(), placer(), traces.Observe(), weft.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for limit, most := range map[time.Duration]time.Duration{0: 5 * time.Second, 4 * time.Second: 2 * time.Second, time.Minute: 5 * time.Second} {
		ctx := t.Context()
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		_, err := fn(ctx, order{Product: "milk"})
		require.NoError(t, err, "a flush that fails is no failure of the call")
		assert.LessOrEqual(t, left, most)
		assert.Greater(t, left, most-time.Second)
	}
	assert.Contains(t, log.String(), "the collector is away", "in the logger of the function")
}

func TestMistakesOfTracingAreErrorsOfFunc(t *testing.T) {
	clean(t)
	_, err := weft.Func(t.Context(), placer(), tracing.New(tracing.Stages("arond"), tracing.InvocationID(nil)).Observe())
	require.ErrorContains(t, err, `no stage is named "arond"; mend the name; there are "around", "check", "place order", "rescue"`)
	require.ErrorContains(t, err, "InvocationID(nil) is no function")
	_, err = weft.Func(t.Context(), placer(), tracing.New(tracing.Stages("around")).Observe())
	require.NoError(t, err)
}
