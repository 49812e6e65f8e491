package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

// What a client writes into a request line and a header is not always UTF-8. Its span arrives nevertheless.
func TestARequestThatIsNotUTF8(t *testing.T) {
	clean(t)
	c := newCollector(t)
	site := traced(t, c, tracing.All(true))
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(site.URL(), "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /%ff HTTP/1.1\r\nHost: h%ff.example:80\r\nUser-Agent: \xff\xfe\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Contains(t, string(answer), "HTTP/1.1 404")
	require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Contains(t, c.peek(), "GET") }, waitFor, tick)
	whole := c.take().of("GET")
	assert.Equal(t, "/\uFFFD", attr(whole.Attributes, "url.path"))
	assert.Equal(t, "\uFFFD", attr(whole.Attributes, "user_agent.original"))
	assert.Equal(t, "80", attr(whole.Attributes, "server.port"))
}

type (
	loop     struct{ inner error }
	shouting struct{}
	list     []string
	null     struct{ text string }
)

func (l *loop) Error() string   { return "loop: " + l.inner.Error() }
func (l *loop) Unwrap() error   { return l.inner }
func (shouting) Error() string  { panic("no") }
func (l list) Error() string    { return strings.Join(l, ",") }
func (n *null) Error() string   { return n.text }
func (n *null) Is(error) bool   { return n.text == "" }
func (n *null) Unwrap() []error { return []error{errors.New(n.text)} }

// Errors are the user's, and so are their methods: none of them takes a request, a span or the process with it.
func TestHostileErrors(t *testing.T) {
	itself := &loop{}
	itself.inner = fmt.Errorf("around: %w", itself)
	for name, row := range map[string]struct {
		err  error
		kind string
		text string
	}{
		"that wraps itself":             {itself, "*tracing_test.loop", "an error of a tree without an end"},
		"that panics":                   {shouting{}, "tracing_test.shouting", "an error that panics when it is asked"},
		"that cannot be compared":       {list{"a", "b"}, "tracing_test.list", "a,b"},
		"that is a nil pointer":         {(*null)(nil), "*tracing_test.null", "an error that panics when it is asked"},
		"that is not UTF-8":             {errors.New("\xff!"), "*errors.errorString", "\uFFFD!"},
		"that is a panic with a denial": {nil, "*weft.PanicError", "panic: 403 Forbidden (forbidden)"},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			c := newCollector(t)
			app := weft.New(tracing.New(tracing.Stages("core", "outer"), tracing.WithTracerProvider(c.provider)).Observe())
			app.Use(weft.NewMiddleware("outer", pass))
			app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
				if row.err == nil {
					panic(weft.Deny(""))
				}
				return "", row.err
			}).Named("core"))
			wefttest.Serve(t, app).Get("/x").Want(500)
			got := c.take()
			require.Len(t, got.all, 3)
			assert.Equal(t, fmt.Sprintf("## core: ERROR %s [%s] (exception %s: %s)", row.text, row.kind, row.kind, row.text), got.outcomes()[0])
			described := 0
			for _, span := range got.all {
				described += len(span.Events)
				assert.Equal(t, "STATUS_CODE_ERROR", span.Status.GetCode().String())
			}
			if name == "that is a nil pointer" {
				described-- // weft puts an error in its place, which is another one
			}
			assert.Equal(t, 1, described)
		})
	}
}
