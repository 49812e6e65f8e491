package tracing_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

// The span of a request ends when its answer has been sent. A client that leaves before is told of, and no failure.
func TestTheSpanOfARequestLastsUntilItsBodyIsSent(t *testing.T) {
	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(tracing.Stages("core"), tracing.WithTracerProvider(c.provider)).Observe())
	app.Handle("GET /x", answering(weft.Text(strings.Repeat("x", 64<<20))))
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	site := serve(t, srv)
	ctx, leave := context.WithCancel(t.Context())
	hr, err := http.NewRequestWithContext(ctx, "GET", site+"/x", nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(hr)
	require.NoError(t, err)
	assert.Equal(t, []string{"## core"}, c.peek(), "the head is here, and the request goes on")
	leave()
	_ = resp.Body.Close()
	require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Len(t, c.peek(), 2) }, waitFor, tick)
	whole := c.take().of("GET /x")
	assert.Equal(t, "200", attr(whole.Attributes, "http.response.status_code"))
	assert.NotEmpty(t, attr(whole.Attributes, "error.type"))
	assert.Len(t, whole.Events, 1)
	assert.Equal(t, tracepb.Status_STATUS_CODE_UNSET, whole.Status.GetCode())
}

// What is noted when the stage has been left is on the request's span.
func TestNotesBehindTheEndOfAStageAreTheRequests(t *testing.T) {
	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(tracing.Stages("core"), tracing.WithTracerProvider(c.provider)).Observe())
	var inside context.Context
	app.Use(weft.Finally("finally", func(*weft.Request, weft.Sent) { tracing.Annotate(inside, "Late", true) }))
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		inside = ctx
		return "", nil
	}).Named("core"))
	wefttest.Serve(t, app).Get("/x").Want(200)
	got := c.take()
	assert.Empty(t, attr(got.of("## core").Attributes, "Late"))
	assert.Equal(t, "true", attr(got.of("GET /x").Attributes, "Late"))
}
