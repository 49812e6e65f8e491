package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// request is for calling a stage alone. Header fields are "Name: value".
func request(t *testing.T, method, path string, header ...string) *weft.Request {
	t.Helper()
	hr := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		hr.Header.Add(name, value)
	}
	return weft.NewRequest(hr)
}

// answers is a next that answers with resp.
func answers(resp weft.Response) weft.Next {
	return func(*weft.Request) weft.Response { return resp }
}

func body(t *testing.T, resp weft.Response) string {
	t.Helper()
	b, err := resp.Render()
	require.NoError(t, err)
	return string(b)
}

// logged is what an app has logged, by several goroutines.
type logged struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *logged) logger() *slog.Logger {
	return slog.New(withRequestID{slog.NewJSONHandler(l, nil)})
}

// records are the lines with a message, of all where it is "".
func (l *logged) records(t *testing.T, message string) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(l.lines.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record), line)
		if message == "" || record["msg"] == message {
			all = append(all, record)
		}
	}
	return all
}

// site is an app behind a real connection.
type site struct {
	*httptest.Server
	client *http.Client
}

func serving(t *testing.T, app *weft.App) *site {
	t.Helper()
	server, err := app.Build(t.Context())
	require.NoError(t, err)
	s := &site{Server: httptest.NewServer(server)}
	s.client = s.Client()
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(s.Close)
	return s
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (s *site) call(t *testing.T, method, path, content string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(content))
	require.NoError(t, err)
	if content != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Add(name, value)
	}
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	sent, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(sent)}
}

// outcome is a way in which a request to the teahouse ends.
type outcome struct {
	name, method, path, content string
	status                      int
	route                       string // the template
	panics                      bool
}

func (o outcome) call(t *testing.T, s *site, header ...string) answer {
	t.Helper()
	got := s.call(t, o.method, o.path, o.content, header...)
	require.Equal(t, o.status, got.status, got.body)
	return got
}

// outcomes are those of the teahouse that a stage outside of it meets.
var outcomes = []outcome{
	{name: "a success", method: "GET", path: "/tea/green", status: 200, route: "/tea/{sort}"},
	{name: "a HEAD", method: "HEAD", path: "/tea/green", status: 200, route: "/tea/{sort}"},
	{name: "no content", method: "DELETE", path: "/tea/green", status: 204, route: "/tea/{sort}"},
	{name: "a path that leads nowhere", method: "GET", path: "/coffee", status: 404, route: unmatched},
	{name: "a path of a group that leads nowhere", method: "GET", path: "/shop/coffee", status: 404, route: unmatched},
	{name: "a method that the path does not have", method: "PATCH", path: "/tea/green", status: 405, route: unmatched},
	{name: "which methods are there", method: "OPTIONS", path: "/tea/green", status: 204, route: unmatched},
	{name: "a redirect to the clean path", method: "GET", path: "/shop/../tea/green", status: 307, route: unmatched},
	{name: "not logged in", method: "GET", path: "/shop/office", status: 401, route: "/shop/office"},
	{name: "not allowed", method: "GET", path: "/shop/kitchen", status: 403, route: "/shop/kitchen"},
	{name: "something that cannot be read", method: "POST", path: "/shop/orders", content: `{"cups":`, status: 400, route: "/shop/orders"},
	{name: "a broken rule", method: "POST", path: "/shop/orders", content: `{"cups":0}`, status: 422, route: "/shop/orders"},
	{name: "an error with a status", method: "GET", path: "/tea/none", status: 404, route: "/tea/{sort}"},
	{name: "an error that nobody knows", method: "GET", path: "/tea/spilled", status: 500, route: "/tea/{sort}"},
	{name: "an error of a middleware", method: "GET", path: "/shop/shut", status: 503, route: "/shop/shut"},
	{name: "a panic of the handler", method: "GET", path: "/tea/broken", status: 500, route: "/tea/{sort}", panics: true},
	{name: "a panic of a guard", method: "GET", path: "/shop/burning", status: 500, route: "/shop/burning", panics: true},
	{name: "a panic of a group's middleware", method: "GET", path: "/quake/", status: 500, route: "/quake/{$}", panics: true},
	{name: "a panic of a group's middleware, on a path that leads nowhere", method: "POST", path: "/quake/x", status: 500, route: unmatched, panics: true},
	{name: "a panic of the app's middleware", method: "GET", path: "/flood", status: 500, route: unmatched, panics: true},
}

// teahouse is an app for every outcome, with stages around all of it.
func teahouse(log *slog.Logger, stages ...weft.Middleware) *weft.App {
	nothing := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	says := func(name string, err error) weft.Guard {
		return weft.NewGuard(name, func(*weft.Request) error { return err })
	}

	app := weft.New(weft.WithLogger(log))
	app.Use(stages...)
	app.Use(weft.Before("flood", func(r *weft.Request) error {
		if r.HTTP().URL.Path == "/flood" {
			panic("the app's middleware")
		}
		return nil
	}))
	app.Handle("GET /tea/{sort}", weft.Handle(brew))
	app.Handle("DELETE /tea/{sort}", weft.Handle(nothing))

	shop := app.Group("/shop")
	shop.Handle("GET /office", weft.Handle(nothing).Guard(says("login", weft.Unauthenticated(`Bearer realm="shop"`, ""))))
	shop.Handle("GET /kitchen", weft.Handle(nothing).Guard(says("cooks", weft.Deny("Only for cooks."))))
	shop.Handle("POST /orders", weft.Handle(func(_ context.Context, in struct {
		Cups int `json:"cups" validate:"min=1"`
	}) (int, error) {
		return in.Cups, nil
	}))
	shop.Handle("GET /shut", weft.Handle(nothing).Use(weft.Before("opening hours", func(*weft.Request) error {
		return &weft.Error{Status: http.StatusServiceUnavailable, Code: "shut"}
	})))
	shop.Handle("GET /burning", weft.Handle(nothing).Guard(weft.NewGuard("smoke", func(*weft.Request) error { panic("the guard") })))

	quake := app.Group("/quake", weft.Before("quake", func(*weft.Request) error { panic("the group's middleware") }))
	quake.Handle("GET /{$}", weft.Handle(nothing))
	return app
}

// brew fails by the sort that is asked for.
func brew(_ context.Context, r *weft.Request) (string, error) {
	switch sort := r.PathValue("sort"); sort {
	case "none":
		return "", &weft.Error{Status: http.StatusNotFound, Code: "no_such_tea"}
	case "spilled":
		return "", errors.New("private: the cup was full")
	case "broken":
		panic("the handler")
	default:
		return sort, nil
	}
}

// TestTheTeahouseHasEveryOutcome keeps the other tests honest: without stages,
// and with the plain 500 of weft for panics.
func TestTheTeahouseHasEveryOutcome(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := serving(t, teahouse(log.logger()))
	panicked := 0
	for _, o := range outcomes {
		got := o.call(t, s)
		if o.panics {
			panicked++
			assert.Contains(t, got.body, `"code":"internal"`, o.name)
		}
	}
	assert.Len(t, log.records(t, "request failed"), panicked+2)
}

// containsOnce reports whether there is one such part, and no second one.
func containsOnce(text, part string) bool { return strings.Count(text, part) == 1 }
