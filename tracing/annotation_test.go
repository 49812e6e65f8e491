package tracing_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

type (
	colour string
	flags  uint8
	meters float32
	yesNo  bool
	count  int16
)

// noted runs a function in a handler that has a span, and returns that span, what was logged, and all spans.
func noted(t *testing.T, note func(ctx context.Context), opts ...tracing.Option) (*tracepb.Span, []string, spans) {
	t.Helper()
	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(append([]tracing.Option{tracing.Stages("core"), tracing.WithTracerProvider(c.provider), tracing.CaptureResponses(false)}, opts...)...).Observe())
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		note(ctx)
		return "", nil
	}).Named("core"))
	answer := wefttest.Serve(t, app).Get("/x").Want(200)
	got := c.take()
	return got.of("## core"), answer.Logs(), got
}

func TestAnnotationsAreAttributesThatXRayIndexes(t *testing.T) {
	span, logs, _ := noted(t, func(ctx context.Context) {
		tracing.Annotate(ctx, "text", "a")
		tracing.Annotate(ctx, "bool", true)
		tracing.Annotate(ctx, "int", 7)
		tracing.Annotate(ctx, "float", 0.5)
		tracing.Annotate(ctx, "colour", colour("red"))
		tracing.Annotate(ctx, "flags", flags(255))
		tracing.Annotate(ctx, "meters", meters(1.5))
		tracing.Annotate(ctx, "yes_No", yesNo(true))
		tracing.Annotate(ctx, "count", count(-3))
		tracing.Annotate(ctx, "text", "b")
		tracing.Annotate(ctx, strings.Repeat("k", 500), strings.Repeat("é", 1000))
	})
	assert.Empty(t, logs)
	for key, want := range map[string]string{"text": "b", "bool": "true", "int": "7", "float": "0.5", "colour": "red", "flags": "255", "meters": "1.5", "yes_No": "true", "count": "-3"} {
		assert.Equal(t, want, attr(span.Attributes, key), key)
	}
	assert.Equal(t, "text,bool,int,float,colour,flags,meters,yes_No,count,"+strings.Repeat("k", 500), attr(span.Attributes, "aws.xray.annotations"), "each once")
}

func TestAnAnnotationThatXRayDoesNotTakeIsLeftOutAndTold(t *testing.T) {
	for problem, note := range map[string]func(context.Context){
		"has a key that X-Ray does not take":          func(ctx context.Context) { tracing.Annotate(ctx, "a.b", 1) },
		"has no key":                                  func(ctx context.Context) { tracing.Annotate(ctx, "", 1) },
		"has a key of more than 500 characters":       func(ctx context.Context) { tracing.Annotate(ctx, strings.Repeat("k", 501), 1) },
		"is a text of more than 1000 characters":      func(ctx context.Context) { tracing.Annotate(ctx, "k", strings.Repeat("x", 1001)) },
		"is a text that is not UTF-8":                 func(ctx context.Context) { tracing.Annotate(ctx, "k", colour("\xff")) },
		"is no finite number":                         func(ctx context.Context) { tracing.Annotate(ctx, "k", math.NaN()) },
		"cannot be encoded: json: unsupported type":   func(ctx context.Context) { tracing.Metadata(ctx, "k", make(chan int)) },
		"cannot be encoded: it panicked: no":          func(ctx context.Context) { tracing.Metadata(ctx, "k", panics{}) },
		"kind=metadata key=\"\" problem=\"has no key": func(ctx context.Context) { tracing.Metadata(ctx, "", 1) },
	} {
		t.Run(problem, func(t *testing.T) {
			span, logs, _ := noted(t, note)
			assert.Len(t, span.Attributes, 3, "what weft says itself: %v", span.Attributes)
			if assert.Len(t, logs, 1) {
				assert.Contains(t, logs[0], `level=WARN msg="a note of a trace was left out"`)
				assert.Contains(t, logs[0], problem)
				assert.Contains(t, logs[0], `route="GET /x"`)
			}
		})
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no") }

func TestMetadataIsJSONInNamespaces(t *testing.T) {
	note := func(ctx context.Context) {
		tracing.Metadata(ctx, "b", order{Product: "milk"})
		tracing.Metadata(ctx, "a", []int{1, 2})
		tracing.Metadata(ctx, "a", []int{3})
		tracing.MetadataIn(ctx, "other", `a "key"`, nil)
	}
	span, _, _ := noted(t, note)
	assert.Equal(t, `{"a":[3],"b":{"product":"milk"}}`, attr(span.Attributes, "aws.xray.metadata.default"))
	assert.Equal(t, `{"a \"key\"":null}`, attr(span.Attributes, "aws.xray.metadata.other"))
	span, _, all := noted(t, note, tracing.Service("shop"))
	assert.Equal(t, `{"a":[3],"b":{"product":"milk"}}`, attr(span.Attributes, "aws.xray.metadata.shop"))
	assert.Equal(t, "Service", attr(all.of("GET /x").Attributes, "aws.xray.annotations"))
}

// What is noted where a stage has no span of its own, or in a span of the user's own, is on that of the nearest stage outside.
func TestNotesGoToTheNearestSpanOfAStage(t *testing.T) {
	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(tracing.Stages("outer"), tracing.WithTracerProvider(c.provider)).Observe())
	note := func(key string) weft.Middleware {
		return weft.Before(key, func(r *weft.Request) error { tracing.Annotate(r.Context(), key, true); return nil })
	}
	app.Use(note("first"), weft.NewMiddleware("outer", func(r *weft.Request, next weft.Next) weft.Response {
		ctx, own := c.provider.Tracer("github.com/weft-go/weft/tracing", trace.WithSchemaURL("https://opentelemetry.io/schemas/1.0.0")).Start(r.Context(), "own")
		defer own.End()
		return next(r.WithContext(ctx))
	}), note("second"))
	app.Handle("GET /x", answering(weft.Empty()))
	wefttest.Serve(t, app).Get("/x").Want(204)
	got := c.take()
	assert.Equal(t, []string{"GET /x > ## outer > own", "GET /x > ## outer", "GET /x"}, got.tree())
	assert.Equal(t, "second", attr(got.of("## outer").Attributes, "aws.xray.annotations"))
	assert.Equal(t, "first", attr(got.of("GET /x").Attributes, "aws.xray.annotations"))
	assert.Empty(t, attr(got.of("own").Attributes, "second"))
}

func TestNotesFromSeveralGoroutines(t *testing.T) {
	span, _, _ := noted(t, func(ctx context.Context) {
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				tracing.Annotate(ctx, fmt.Sprintf("k%d", i%10), i)
				tracing.Metadata(ctx, fmt.Sprintf("k%d", i%10), 1)
			})
		}
		wg.Wait()
	})
	assert.Len(t, strings.Split(attr(span.Attributes, "aws.xray.annotations"), ","), 10)
	assert.Equal(t, 10, strings.Count(attr(span.Attributes, "aws.xray.metadata.default"), ":1"))
}

// Where nothing is traced, or too late, notes do nothing.
func TestNotesWithoutATrace(t *testing.T) {
	tracing.Annotate(t.Context(), "k", 1)
	tracing.Metadata(t.Context(), "k", panics{})
	var late context.Context
	noted(t, func(ctx context.Context) { late = ctx })
	tracing.Annotate(late, "k", 1)
	tracing.Metadata(late, "k", panics{})

	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(tracing.Enabled(false), tracing.WithTracerProvider(c.provider)).Observe())
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		tracing.Annotate(ctx, "a.b", 1)
		return "", nil
	}))
	assert.Empty(t, wefttest.Serve(t, app).Get("/x").Want(200).Logs())
}

func TestAnAnnotationOfEveryRequest(t *testing.T) {
	_, _, all := noted(t, func(context.Context) {}, tracing.Annotation("Team", colour("red")), tracing.Annotation("Number", 7))
	whole := all.of("GET /x")
	assert.Equal(t, "red", attr(whole.Attributes, "Team"))
	assert.Equal(t, "7", attr(whole.Attributes, "Number"))
	assert.Equal(t, "Team,Number", attr(whole.Attributes, "aws.xray.annotations"))
}
