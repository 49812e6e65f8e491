package tracing_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

// streaming serves bodies that are made while they are sent. Each waits behind its first chunk until next is closed.
func streaming(t *testing.T, c *collector, next chan struct{}, end error) string {
	t.Helper()
	clean(t)
	app := weft.New(tracing.New(tracing.All(true), tracing.WithTracerProvider(c.provider)).Observe())
	write := func(ctx context.Context) func(w io.Writer) error {
		return func(w io.Writer) error {
			_, span := c.provider.Tracer("github.com/weft-go/weft/tracing", trace.WithSchemaURL("https://opentelemetry.io/schemas/1.0.0")).Start(ctx, "chunk")
			_, err := io.WriteString(w, "first")
			err = errors.Join(err, w.(interface{ Flush() error }).Flush())
			<-next
			tracing.Annotate(ctx, "Chunks", 2)
			span.End()
			_, more := io.WriteString(w, "second")
			return errors.Join(err, more, end)
		}
	}
	app.Handle("GET /writer", weft.Handle(func(ctx context.Context, _ struct{}) (weft.Response, error) {
		return weft.Writer("text/plain", write(ctx)), nil
	}).Named("core"))
	app.Handle("GET /std", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) { return "end", nil }).Named("core").
		Use(weft.Std("gzip", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
				_, _ = io.WriteString(w, "first")
				w.(http.Flusher).Flush()
				<-next
				h.ServeHTTP(w, hr)
			})
		})))
	app.Handle("GET /raw", weft.Handle(func(ctx context.Context, _ struct{}) (weft.Response, error) {
		return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
			tracing.Annotate(hr.Context(), "Chunks", 1)
			w.WriteHeader(418)
			_, _ = io.WriteString(w, "first")
			w.(http.Flusher).Flush()
			<-next
		})), nil
	}).Named("core"))
	return wefttest.Serve(t, app).URL()
}

func TestTheSpanOfARequestLastsUntilItsBodyIsMade(t *testing.T) {
	for path, status := range map[string]string{"/writer": "200", "/std": "200", "/raw": "418"} {
		t.Run(path, func(t *testing.T) {
			c := newCollector(t)
			next := make(chan struct{})
			site := streaming(t, c, next, nil)
			hr, err := http.NewRequestWithContext(t.Context(), "GET", site+path, nil)
			require.NoError(t, err)
			resp, err := http.DefaultTransport.RoundTrip(hr)
			require.NoError(t, err)
			defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
			defer resp.Body.Close()
			first := make([]byte, 5)
			_, err = io.ReadFull(resp.Body, first)
			require.NoError(t, err)
			assert.NotContains(t, c.peek(), "GET "+path, "the first chunk is here, and the request goes on")
			close(next)
			_, err = io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Contains(t, c.peek(), "GET "+path) }, waitFor, tick)
			got := c.take()
			whole := got.of("GET " + path)
			assert.Equal(t, status, attr(whole.Attributes, "http.response.status_code"))
			assert.Equal(t, tracepb.Status_STATUS_CODE_UNSET, whole.Status.GetCode())
			if path == "/raw" {
				assert.Equal(t, "1", attr(whole.Attributes, "Chunks"))
			}
			if path == "/writer" {
				assert.Equal(t, "11", attr(whole.Attributes, "http.response.body.size"))
				assert.Equal(t, "2", attr(whole.Attributes, "Chunks"))
				assert.Contains(t, got.tree(), "GET /writer > ## core > chunk")
			}
		})
	}
}

func TestABodyThatBreaksOffIsAFailureOfTheRequest(t *testing.T) {
	c := newCollector(t)
	next := make(chan struct{})
	close(next)
	site := streaming(t, c, next, errStock)
	hr, err := http.NewRequestWithContext(t.Context(), "GET", site+"/writer", nil)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.RoundTrip(hr)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	require.Error(t, err)
	require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Contains(t, c.peek(), "GET /writer") }, waitFor, tick)
	got := c.take()
	assert.Contains(t, got.outcomes(), "GET /writer: ERROR password123 is out of stock [*errors.errorString] (exception *errors.errorString: password123 is out of stock)")
	assert.Equal(t, "200", attr(got.of("GET /writer").Attributes, "http.response.status_code"))
}
