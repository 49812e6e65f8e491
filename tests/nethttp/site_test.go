package nethttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

// wire is a way in which HTTP is spoken over loopback.
type wire struct {
	name  string
	major int
	serve func(*httptest.Server) // configures and starts it
}

func protocols(unencryptedHTTP2 bool) *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(!unencryptedHTTP2)
	p.SetUnencryptedHTTP2(unencryptedHTTP2)
	return p
}

var (
	http1  = wire{"HTTP/1.1", 1, (*httptest.Server).Start}
	http1s = wire{"HTTP/1.1 over TLS", 1, (*httptest.Server).StartTLS}
	h2c    = wire{"h2c", 2, func(ts *httptest.Server) {
		ts.Config.Protocols = protocols(true)
		ts.Start()
		ts.Client().Transport.(*http.Transport).Protocols = protocols(true)
	}}
	http2 = wire{"HTTP/2 over TLS", 2, func(ts *httptest.Server) {
		ts.EnableHTTP2 = true
		ts.StartTLS()
	}}

	wires = []wire{http1, http1s, h2c, http2}
)

// site is a server with a client of its own, which leaves no goroutine behind when the test ends.
type site struct {
	t      *testing.T
	server *httptest.Server
	client *http.Client
}

func (w wire) open(t *testing.T, h http.Handler) *site {
	t.Helper()
	already := goleak.IgnoreCurrent()
	ts := httptest.NewUnstartedServer(h)
	ts.Config.ErrorLog = discard
	w.serve(ts)
	s := &site{t, ts, ts.Client()}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client.Transport.(*http.Transport).DisableCompression = true
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		ts.Close()
		goleak.VerifyNone(t, already, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
	})
	return s
}

func (s *site) request(ctx context.Context, method, path string, body io.Reader, fields ...string) *http.Request {
	s.t.Helper()
	hr, err := http.NewRequestWithContext(ctx, method, s.server.URL+path, body)
	require.NoError(s.t, err)
	if body != nil {
		hr.Header.Set("Content-Type", "application/json")
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		hr.Header.Set(name, value)
	}
	return hr
}

// answer is one that was read to its end.
type answer struct {
	*http.Response
	text string
	err  error // why it has no end
}

func (s *site) send(method, path, body string, fields ...string) answer {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	return s.do(s.request(s.t.Context(), method, path, content, fields...))
}

func (s *site) do(hr *http.Request) answer {
	s.t.Helper()
	resp, err := s.client.Do(hr)
	require.NoError(s.t, err)
	return read(resp)
}

func read(resp *http.Response) answer {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp, string(text), err}
}

// reading is an answer that is being read.
type reading struct {
	*http.Response
	lines *bufio.Reader
	leave context.CancelFunc
}

func (s *site) begin(method, path string, fields ...string) *reading {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	resp, err := s.client.Do(s.request(ctx, method, path, nil, fields...))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	return &reading{resp, bufio.NewReader(resp.Body), cancel}
}

func (r *reading) line(t *testing.T) string {
	t.Helper()
	line, err := r.lines.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// journal keeps what is logged as an error.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(line))
	return len(line), nil
}

func (j *journal) errors() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines
}

func newApp(opts ...weft.Option) (*weft.App, *journal) {
	j := &journal{}
	log := slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelError}))
	return weft.New(append([]weft.Option{weft.WithLogger(log)}, opts...)...), j
}

func build(t *testing.T, app *weft.App) *weft.Server {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	return srv
}

// sentBy is what the server says of each request when it is over.
func sentBy(app *weft.App) <-chan weft.Sent {
	sent := make(chan weft.Sent, 10_000)
	app.Use(weft.Finally("sent", func(_ *weft.Request, s weft.Sent) { sent <- s }))
	return sent
}

const waitFor = 20 * time.Second

func await[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(waitFor):
		require.Fail(t, "nothing happened")
	}
	return value
}

// responding is a handler that answers with a Response.
func responding(respond func(ctx context.Context, r *weft.Request) weft.Response) *weft.Handler[*weft.Request, weft.Response] {
	return weft.Handle(func(ctx context.Context, r *weft.Request) (weft.Response, error) { return respond(ctx, r), nil })
}

// flushing writes a line and has the client read it before it goes on.
func flushing(w io.Writer, line string) error {
	if _, err := io.WriteString(w, line+"\n"); err != nil {
		return err
	}
	return w.(interface{ Flush() error }).Flush()
}

// paced is a body of lines, each of which is made when the test says so.
type paced struct{ step chan bool }

func (p paced) write(w io.Writer) error {
	for i := 0; <-p.step; i++ {
		if err := flushing(w, fmt.Sprint("line ", i)); err != nil {
			return err
		}
	}
	return nil
}

func (p paced) serve(w http.ResponseWriter, _ *http.Request) {
	for i := 0; <-p.step; i++ {
		_, _ = fmt.Fprintln(w, "line", i)
		_ = http.NewResponseController(w).Flush()
	}
}

// level is where a middleware can stand.
type level struct {
	name   string
	attach func(app *weft.App, group *weft.Group, m ...weft.Middleware) (onRoute []weft.Middleware)
}

var levels = []level{
	{"app", func(app *weft.App, _ *weft.Group, m ...weft.Middleware) []weft.Middleware { app.Use(m...); return nil }},
	{"group", func(_ *weft.App, g *weft.Group, m ...weft.Middleware) []weft.Middleware { g.Use(m...); return nil }},
	{"route", func(_ *weft.App, _ *weft.Group, m ...weft.Middleware) []weft.Middleware { return m }},
}

// outer is a stage that adds to every answer, and remembers the status that it saw.
func outer(seen *int) weft.Middleware {
	return weft.After("outer", func(_ *weft.Request, resp weft.Response) weft.Response {
		if seen != nil {
			*seen = resp.Status()
		}
		return resp.WithHeader("X-Outer", "yes")
	})
}

func assertOuter(t *testing.T, a *http.Response) {
	t.Helper()
	assert.Equal(t, "yes", a.Header.Get("X-Outer"), "what the stages outside add")
}

var (
	errSecret = errors.New("secret")
	discard   = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
)
