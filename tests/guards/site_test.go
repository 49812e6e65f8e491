// Package guards_test asks trees of guards about requests, and compares what
// they say, whom they ask and what they leave behind with a model of what the
// documentation promises.
package guards_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

func TestMain(m *testing.M) {
	// No files of failed runs: what a failure prints reproduces it.
	if err := errors.Join(flag.Set("rapid.nofailfile", "true"), flag.Set("rapid.shrinktime", "5s")); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := goleak.Find(goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// logbook keeps the failures that an app logs.
type logbook struct {
	mu    sync.Mutex
	lines []string
}

func (b *logbook) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (b *logbook) WithAttrs([]slog.Attr) slog.Handler               { return b }
func (b *logbook) WithGroup(string) slog.Handler                    { return b }
func (b *logbook) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "stack" {
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
	return nil
}

// take returns what was logged, and forgets it.
func (b *logbook) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

// level is where guards are attached.
type level string

var levels = []level{"app", "group", "route"}

// site is a built app with one route, which guards keep.
type site struct {
	log logbook
	srv *weft.Server
}

// path is that of the route.
const path = "/g/x"

// newSite builds an app whose route the guards keep, attached where they say.
func newSite(t require.TestingT, guards map[level][]weft.Guard, opts ...weft.Option) *site {
	s := &site{}
	app := weft.New(append(opts, weft.WithLogger(slog.New(&s.log)))...)
	app.Use(weft.NewMiddleware("visit", s.visit))
	group := app.Group("/g")
	group.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (struct{}, error) {
		visitOf(ctx).handled = true
		return struct{}{}, nil
	}).Status(http.StatusOK).Guard(guards["route"]...))
	group.Guard(guards["group"]...)
	app.Guard(guards["app"]...)
	srv, err := app.Build(context.Background())
	require.NoError(t, err)
	s.srv = srv
	return s
}

// The fields in which a site is told what the leaves do, and tells what came of it.
const (
	idField      = "X-Id"
	doesField    = "X-Does"
	askedField   = "X-Asked"
	heldField    = "X-Held"
	handledField = "X-Handled"
)

// visit reads what the leaves do from the request, and writes what came of it into the answer.
func (s *site) visit(r *weft.Request, next weft.Next) weft.Response {
	v := &visit{id: r.Header().Get(idField)}
	for _, i := range numbers(r.Header().Get(doesField)) {
		v.does = append(v.does, allKinds[i])
	}
	resp := next(r.WithContext(v.in(r.Context())))
	return resp.WithHeader(askedField, listed(v.asked)).WithHeader(heldField, listed(v.held(r))).WithHeader(handledField, strconv.FormatBool(v.handled))
}

func listed(list []int) string { return strings.Trim(fmt.Sprint(list), "[]") }

func numbers(text string) []int {
	var list []int
	for f := range strings.FieldsSeq(text) {
		n, err := strconv.Atoi(f)
		if err != nil {
			panic(err)
		}
		list = append(list, n)
	}
	return list
}

func request(does []*kind) *http.Request {
	hr := httptest.NewRequest(http.MethodGet, path, nil)
	hr.Header.Set(doesField, encoded(does))
	return hr
}

func encoded(does []*kind) string {
	list := make([]int, len(does))
	for i, k := range does {
		list[i] = slices.Index(allKinds, k)
	}
	return listed(list)
}

// outcome is what a client, and the log, get to know of one request.
type outcome struct {
	status     int
	challenges []string
	detail     string // the leaf that the client hears, or ""
	asked      string
	held       []int
	handled    bool
	logged     []string
	all        string // of the answer, as it was sent
}

func (s *site) read(status int, header http.Header, body string) outcome {
	o := outcome{
		status: status, challenges: header["Www-Authenticate"], asked: header.Get(askedField),
		held: numbers(header.Get(heldField)), handled: header.Get(handledField) == "true",
		logged: s.log.take(), all: fmt.Sprint(header, body),
	}
	if i := strings.Index(body, "Leaf "); i >= 0 {
		o.detail, _, _ = strings.Cut(body[i:], `"`)
	}
	return o
}

// visitInProcess sends a request straight to the server.
func (s *site) visitInProcess(does []*kind) outcome {
	rec := httptest.NewRecorder()
	s.srv.ServeHTTP(rec, request(does))
	return s.read(rec.Code, rec.Header(), rec.Body.String())
}

// sites is many sites behind one listener, told apart by the host that a client asks for.
type sites struct {
	served map[string]*site
	server *httptest.Server
}

func listen(t *testing.T) *sites {
	s := &sites{served: map[string]*site{}}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { s.served[hr.Host].srv.ServeHTTP(w, hr) }))
	t.Cleanup(s.server.Close)
	return s
}

// visit sends a request over the connection.
func (s *sites) visit(t *testing.T, host string, does []*kind) outcome {
	o, err := s.send(t.Context(), host, "", does)
	require.NoError(t, err)
	return o
}

func (s *sites) send(ctx context.Context, host, id string, does []*kind) (outcome, error) {
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+path, nil)
	if err != nil {
		return outcome{}, err
	}
	hr.Host = host
	hr.Header.Set(idField, id)
	hr.Header.Set(doesField, encoded(does))
	resp, err := s.server.Client().Do(hr)
	if err != nil {
		return outcome{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return s.served[host].read(resp.StatusCode, resp.Header, string(body)), errors.Join(err, resp.Body.Close())
}

// differs says what is not as the model finds it, or "".
func (o outcome) differs(want finding, asked []int) string {
	status := want.status
	if want.verdict == weft.VerdictAllowed {
		status = http.StatusOK
	}
	switch {
	case o.status != status:
		return fmt.Sprintf("the status is %d, not %d", o.status, status)
	case o.handled != (status == http.StatusOK):
		return fmt.Sprintf("whether the handler ran: %v", o.handled)
	case o.asked != listed(asked):
		return fmt.Sprintf("asked were %s, not %s", o.asked, listed(asked))
	case !slices.Equal(o.challenges, want.challenges):
		return fmt.Sprintf("the challenges are %q, not %q", o.challenges, want.challenges)
	case strings.Contains(o.all, secret):
		return "the answer tells a secret: " + o.all
	}
	detail := ""
	if want.speaker >= 0 {
		detail = says(want.speaker)
	}
	if o.detail != detail {
		return fmt.Sprintf("the client hears %q, not %q", o.detail, detail)
	}
	return want.heldBy(o.held)
}

// heldBy says what is wrong with the values that are there, or "".
func (f finding) heldBy(held []int) string {
	if f.verdict != weft.VerdictFailed && !slices.Equal(held, slices.Sorted(slices.Values(f.held))) {
		return fmt.Sprintf("values of %v are there, not of %v", held, f.held)
	}
	return ""
}

// logs says what is wrong with what was logged of a request, or "": a failure
// of the server is logged once, with its cause, and nothing else is.
func (o outcome) logs(does []*kind, want finding) string {
	lines := 0
	if want.verdict == weft.VerdictFailed && want.status >= 500 {
		lines = 1
	}
	if len(o.logged) != lines {
		return fmt.Sprintf("%d lines were logged, not %d: %q", len(o.logged), lines, o.logged)
	}
	if lines == 0 {
		return ""
	}
	if cause := want.cause(does); !strings.Contains(o.logged[0], cause) {
		return fmt.Sprintf("the log does not name %q: %s", cause, o.logged[0])
	}
	return ""
}
