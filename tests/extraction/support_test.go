// Package extraction_test tries how requests become values, and which of them
// are refused, from the outside: as a client and as a reader of the docs.
package extraction_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// reply is an answer, read to its end. Its errors are "source name pointer code", sorted by nobody.
type reply struct {
	status int
	body   string
	errors string
}

// route serves one handler at /x/{id}, for any method.
func route[Req, Resp any](t *testing.T, fn func(context.Context, Req) (Resp, error), opts ...weft.Option) func(body string, more ...string) reply {
	t.Helper()
	return mounted(t, weft.Handle(fn), opts...)
}

func mounted[Req, Resp any](t *testing.T, h *weft.Handler[Req, Resp], opts ...weft.Option) func(body string, more ...string) reply {
	t.Helper()
	srv, err := built(t, h, opts...)
	require.NoError(t, err)
	return func(body string, more ...string) reply { return send(t, srv, body, more...) }
}

func built[Req, Resp any](t *testing.T, h *weft.Handler[Req, Resp], opts ...weft.Option) (*weft.Server, error) {
	t.Helper()
	app := weft.New(append([]weft.Option{weft.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	app.Handle("/x/{id}", h)
	return app.Build(t.Context())
}

// send posts a body; more are the query, "?a=b", and header fields, "Name: value".
func send(t *testing.T, srv http.Handler, body string, more ...string) reply {
	t.Helper()
	target := "/x/7"
	if len(more) > 0 && (more[0] == "" || more[0][0] == '?') {
		target, more = target+more[0], more[1:]
	}
	hr := httptest.NewRequestWithContext(t.Context(), "POST", target, strings.NewReader(body))
	if body != "" {
		hr.Header.Set("Content-Type", "application/json")
	}
	for _, h := range more {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Content-Type" {
			hr.Header.Del(name)
		}
		hr.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, hr)
	return replyOf(w.Code, w.Body.String())
}

func replyOf(status int, body string) reply {
	var problem struct {
		Errors []struct{ Source, Name, Pointer, Code string }
	}
	_ = json.Unmarshal([]byte(body), &problem)
	var texts []string
	for _, e := range problem.Errors {
		texts = append(texts, strings.Join(strings.Fields(e.Source+" "+e.Name+" "+e.Pointer+" "+e.Code), " "))
	}
	return reply{status, body, strings.Join(texts, ", ")}
}

// wire sends the text of a request over TCP and reads what comes back.
func wire(t *testing.T, srv http.Handler, text string) string {
	t.Helper()
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(ts.URL, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	answer, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	return string(answer)
}

func accept[Req any](context.Context, Req) (string, error) { return "read", nil }

func echo[Req any](_ context.Context, in Req) (Req, error) { return in, nil }
