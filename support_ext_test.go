package weft_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// journal keeps what an app logs.
type journal struct {
	mu      sync.Mutex
	records []string
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalWith{j, attrs}
}
func (j *journal) WithGroup(string) slog.Handler { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	return j.write(r, nil)
}

func (j *journal) write(r slog.Record, with []slog.Attr) error {
	var line strings.Builder
	fmt.Fprintf(&line, "%v %s", r.Level, r.Message)
	add := func(a slog.Attr) bool { fmt.Fprintf(&line, " %s=%v", a.Key, a.Value); return true }
	for _, a := range with {
		add(a)
	}
	r.Attrs(add)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, line.String())
	return nil
}

type journalWith struct {
	*journal
	attrs []slog.Attr
}

func (j *journalWith) Handle(_ context.Context, r slog.Record) error {
	return j.write(r, j.attrs)
}

// errors returns what was logged as an error and forgets it.
func (j *journal) errors() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errors []string
	for _, line := range j.records {
		if strings.HasPrefix(line, "ERROR") {
			errors = append(errors, line)
		}
	}
	j.records = nil
	return errors
}

// all returns everything that was logged.
func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.records)
}

// newApp is an App that logs into a journal.
func newApp(opts ...weft.Option) (*weft.App, *journal) {
	j := &journal{}
	return weft.New(append([]weft.Option{weft.WithLogger(slog.New(j))}, opts...)...), j
}

// site is a server on a TCP connection of its own.
type site struct {
	t      *testing.T
	url    string
	client *http.Client
}

func build(t *testing.T, app *weft.App) *weft.Server {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	return srv
}

func serve(t *testing.T, app *weft.App) *site {
	t.Helper()
	ts := httptest.NewServer(build(t, app))
	t.Cleanup(ts.Close)
	client := ts.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &site{t, ts.URL, client}
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	length int64 // Content-Length, -1 where there is none
	reused bool  // the connection had served before
}

// send makes a request; headers are "Name: value".
func (s *site) send(method, path, body string, headers ...string) reply {
	s.t.Helper()
	r, err := s.try(method, path, body, headers...)
	require.NoError(s.t, err)
	return r
}

func (s *site) try(method, path, body string, headers ...string) (reply, error) {
	var got reply
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { got.reused = info.Reused },
	})
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, content)
	if err != nil {
		return got, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	got.status, got.header, got.body, got.length = resp.StatusCode, resp.Header, string(text), resp.ContentLength
	return got, err
}

// trace records the order in which stages are entered and left.
type trace struct {
	mu     sync.Mutex
	events []string
}

func (tr *trace) add(event string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.events = append(tr.events, event)
}

// take returns the events so far, joined by spaces, and forgets them.
func (tr *trace) take() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	events := strings.Join(tr.events, " ")
	tr.events = nil
	return events
}

// stage is a middleware that records "+name" and "-name" and adds its name to the header X-Stages.
func (tr *trace) stage(name string, opts ...weft.StageOption) weft.Middleware {
	return weft.NewMiddleware(name, func(r *weft.Request, next weft.Next) weft.Response {
		tr.add("+" + name)
		resp := next(r)
		tr.add("-" + name)
		return resp.WithAddedHeader("X-Stages", name)
	}, opts...)
}

// handler records its name.
func (tr *trace) handler(name string) *weft.Handler[struct{}, string] {
	return weft.Handle(func(context.Context, struct{}) (string, error) {
		tr.add(name)
		return name, nil
	}).Named(name)
}

// stagesOf is the header that trace.stage adds to, innermost first.
func stagesOf(h http.Header) string { return strings.Join(h["X-Stages"], " ") }

// around lists the events of a complete pass: "+a +b core -b -a".
func around(core string, stages ...string) string {
	var events []string
	for _, s := range stages {
		events = append(events, "+"+s)
	}
	events = append(events, core)
	for i := len(stages) - 1; i >= 0; i-- {
		events = append(events, "-"+stages[i])
	}
	return strings.Join(events, " ")
}

// place is one of the six places where a Middleware can stand.
type place struct {
	name   string
	attach func(app *weft.App, group *weft.Group, h *weft.Handler[struct{}, string], m ...weft.Middleware) *weft.Handler[struct{}, string]
}

var places = []place{
	{"app middleware", func(a *weft.App, _ *weft.Group, h *weft.Handler[struct{}, string], m ...weft.Middleware) *weft.Handler[struct{}, string] {
		a.Use(m...)
		return h
	}},
	{"group middleware", func(_ *weft.App, g *weft.Group, h *weft.Handler[struct{}, string], m ...weft.Middleware) *weft.Handler[struct{}, string] {
		g.Use(m...)
		return h
	}},
	{"route middleware", func(_ *weft.App, _ *weft.Group, h *weft.Handler[struct{}, string], m ...weft.Middleware) *weft.Handler[struct{}, string] {
		return h.Use(m...)
	}},
	{"app interceptor", func(a *weft.App, _ *weft.Group, h *weft.Handler[struct{}, string], m ...weft.Middleware) *weft.Handler[struct{}, string] {
		a.Intercept(m...)
		return h
	}},
	{"group interceptor", func(_ *weft.App, g *weft.Group, h *weft.Handler[struct{}, string], m ...weft.Middleware) *weft.Handler[struct{}, string] {
		g.Intercept(m...)
		return h
	}},
	{"route interceptor", func(_ *weft.App, _ *weft.Group, h *weft.Handler[struct{}, string], m ...weft.Middleware) *weft.Handler[struct{}, string] {
		return h.Intercept(m...)
	}},
}

// workbench puts m at a place, between the stages "outer" and "inner", around a
// handler "core" at GET /group/x, and serves it. "edge" is outermost of all.
func workbench(t *testing.T, at place, m weft.Middleware) (*site, *trace, *journal) {
	t.Helper()
	tr := &trace{}
	app, log := newApp()
	app.Use(tr.stage("edge"))
	group := app.Group("/group")
	h := at.attach(app, group, tr.handler("core"), tr.stage("outer"), m, tr.stage("inner"))
	group.Handle("GET /x", h)
	return serve(t, app), tr, log
}

func assertProblem(t *testing.T, got reply, status int) {
	t.Helper()
	assert.Equal(t, status, got.status, got.body)
	assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
	assert.Contains(t, got.body, fmt.Sprintf(`"status":%d`, status))
}

// raw sends bytes over a connection of its own and returns what comes back until it is closed.
func raw(t *testing.T, s *site, request string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(answer)
}

// How long a test waits for what must happen, and how often it looks.
const (
	waitFor = 10 * time.Second
	tick    = time.Millisecond
)

// spied is a request body that counts how often it is decoded.
type spied struct{}

var spiedOn atomic.Int64

func (*spied) UnmarshalJSON([]byte) error {
	spiedOn.Add(1)
	return nil
}

func slogTo(j *journal) *slog.Logger { return slog.New(j) }
