package weft_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// flushing writes a line and has the client read it before it goes on.
func flushing(w io.Writer, line string) error {
	if _, err := io.WriteString(w, line+"\n"); err != nil {
		return err
	}
	return w.(interface{ Flush() error }).Flush()
}

// responding is a handler that answers with a Response.
func responding(make func(ctx context.Context, r *weft.Request) weft.Response) *weft.Handler[*weft.Request, weft.Response] {
	return weft.Handle(func(ctx context.Context, r *weft.Request) (weft.Response, error) { return make(ctx, r), nil }).Named("core")
}

func writing(fn func(w io.Writer) error) *weft.Handler[*weft.Request, weft.Response] {
	return responding(func(context.Context, *weft.Request) weft.Response { return weft.Writer("text/plain", fn) })
}

// paced is a body of lines, each of which is made when the test says so.
type paced struct {
	step chan struct{}
	done chan error // what it ended with
}

func newPaced() *paced { return &paced{make(chan struct{}), make(chan error, 1)} }

func (p *paced) write(w io.Writer) (err error) {
	defer func() { p.done <- err }()
	for i := 0; ; i++ {
		if _, more := <-p.step; !more {
			return nil
		}
		if err := flushing(w, fmt.Sprint("line ", i)); err != nil {
			return err
		}
	}
}

// opened is an answer whose body is being sent.
type opened struct {
	*http.Response
	lines  *bufio.Reader
	cancel context.CancelFunc
}

func (s *site) open(method, path string, headers ...string) *opened {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, nil)
	require.NoError(s.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { cancel(); resp.Body.Close() })
	return &opened{resp, bufio.NewReader(resp.Body), cancel}
}

func (o *opened) line(t *testing.T) string {
	t.Helper()
	line, err := o.lines.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// sentBy is a Finally that tells what was sent.
func sentBy(app *weft.App) <-chan weft.Sent {
	sent := make(chan weft.Sent, 100)
	app.Use(weft.Finally("sent", func(_ *weft.Request, s weft.Sent) { sent <- s }))
	return sent
}

func await[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(waitFor):
		t.Fatal("nothing happened")
	}
	return value
}

func TestAClientReadsAChunkBeforeTheNextIsMade(t *testing.T) {
	for _, at := range []string{"app", "group", "route", "interceptor"} {
		t.Run(at, func(t *testing.T) {
			app, log := newApp()
			sent := sentBy(app)
			tr := &trace{}
			header := weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response {
				_, err := resp.Render()
				tr.add(fmt.Sprint(resp.Status(), " ", resp.Header().Get("Content-Type"), " ", errors.Is(err, weft.ErrNotRenderable)))
				return resp.WithHeader("X-Outer", "yes").WithStatus(http.StatusAccepted)
			})
			p := newPaced()
			h := writing(p.write)
			group := app.Group("/g")
			switch at {
			case "app":
				app.Use(header)
			case "group":
				group.Use(header)
			case "route":
				h = h.Use(header)
			default:
				h = h.Intercept(header)
			}
			group.Handle("GET /x", h)
			site := serve(t, app)
			go func() { p.step <- struct{}{} }()
			got := site.open("GET", "/g/x")
			assert.Equal(t, http.StatusAccepted, got.StatusCode)
			assert.Equal(t, "yes", got.Header.Get("X-Outer"))
			assert.Equal(t, "text/plain", got.Header.Get("Content-Type"))
			assert.EqualValues(t, -1, got.ContentLength)
			assert.Equal(t, "line 0", got.line(t))
			for i := 1; i < 4; i++ {
				p.step <- struct{}{}
				assert.Equal(t, fmt.Sprint("line ", i), got.line(t))
			}
			close(p.step)
			_, err := got.lines.ReadByte()
			assert.ErrorIs(t, err, io.EOF)
			s := await(t, sent)
			assert.Equal(t, http.StatusAccepted, s.Status)
			assert.EqualValues(t, 4*len("line 0\n"), s.Bytes)
			assert.NoError(t, s.Err)
			assert.NoError(t, s.WriteErr)
			assert.Equal(t, "200 text/plain true", tr.take())
			assert.Empty(t, log.errors())
		})
	}
}

func TestABodyThatIsShortIsSentAsAWhole(t *testing.T) {
	app, _ := newApp()
	sent := sentBy(app)
	body := func(n int) func(w io.Writer) error {
		return func(w io.Writer) error {
			for range n / 1024 {
				if _, err := w.Write(make([]byte, 1024)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	app.Handle("GET /empty", writing(body(0)))
	app.Handle("GET /short", writing(body(32<<10)))
	app.Handle("GET /long", writing(body(33<<10)))
	app.Handle("GET /flushed", writing(func(w io.Writer) error { return flushing(w, "a") }))
	site := serve(t, app)
	for _, row := range []struct {
		path         string
		length, size int64
	}{{"/empty", 0, 0}, {"/short", 32 << 10, 32 << 10}, {"/long", -1, 33 << 10}, {"/flushed", -1, 2}} {
		got := site.send("GET", row.path, "")
		assert.Equal(t, 200, got.status)
		assert.Equal(t, row.length, got.length, row.path)
		assert.Len(t, got.body, int(row.size), row.path)
		assert.Equal(t, row.size, await(t, sent).Bytes, row.path)
		assert.Equal(t, "text/plain", got.header.Get("Content-Type"))
	}
}

func TestABodyThatFails(t *testing.T) {
	long := strings.Repeat("x", 40<<10)
	for _, row := range []struct {
		name   string
		write  func(w io.Writer) error
		status int // 0 where the connection is dropped
		body   string
		err    string
		logged string
	}{
		{name: "an error before anything was sent", write: func(w io.Writer) error { _, _ = io.WriteString(w, "a"); return errSecret }, status: 500, err: errSecret.Error(), logged: "request failed"},
		{name: "a panic before anything was sent", write: func(w io.Writer) error { _, _ = io.WriteString(w, "a"); panic(errSecret) }, status: 500, err: "panic: " + errSecret.Error(), logged: "request failed"},
		{name: "an Error before anything was sent", write: func(io.Writer) error { return &weft.Error{Status: 409} }, status: 409, err: "409"},
		{name: "an error that is mapped", write: func(io.Writer) error { return &outOfStock{"tea"} }, status: http.StatusTeapot, err: "tea"},
		{name: "an error after a flush", write: func(w io.Writer) error { return errors.Join(flushing(w, "a"), errSecret) }, body: "a\n", err: errSecret.Error(), logged: "broken off"},
		{name: "a panic after a flush", write: func(w io.Writer) error { _ = flushing(w, "a"); panic(errSecret) }, body: "a\n", err: "panic: " + errSecret.Error(), logged: "broken off"},
		{name: "an Error after a flush", write: func(w io.Writer) error { return errors.Join(flushing(w, "a"), &weft.Error{Status: 409}) }, body: "a\n", err: "409", logged: "broken off"},
		{name: "an error after much", write: func(w io.Writer) error { _, _ = io.WriteString(w, long); return errSecret }, body: "x", err: errSecret.Error(), logged: "broken off"},
		{name: "http.ErrAbortHandler before anything was sent", write: func(io.Writer) error { panic(http.ErrAbortHandler) }, err: http.ErrAbortHandler.Error()},
		{name: "http.ErrAbortHandler after a flush", write: func(w io.Writer) error { _ = flushing(w, "a"); panic(http.ErrAbortHandler) }, body: "a\n", err: http.ErrAbortHandler.Error()},
	} {
		t.Run(row.name, func(t *testing.T) {
			app, log := newApp()
			sent := sentBy(app)
			app.Use(weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response {
				return resp.WithHeader("X-Outer", "yes").WithHeader("Etag", `"1"`).WithHeader("Cache-Control", "max-age=60")
			}))
			app.Catch(weft.On(func(_ *weft.Request, e *outOfStock) weft.Response {
				return says("mapped").WithStatus(http.StatusTeapot)
			}))
			app.Handle("GET /x", writing(row.write))
			got, err := serve(t, app).try("GET", "/x", "")
			s := await(t, sent)
			assert.ErrorContains(t, s.Err, row.err)
			if row.status != 0 {
				require.NoError(t, err)
				assert.Equal(t, row.status, got.status)
				assert.Equal(t, row.status, s.Status)
				assert.NotContains(t, got.body, "secret")
				assert.Equal(t, "yes", got.header.Get("X-Outer"), "a failure has what the stages outside have added")
				assert.Empty(t, got.header.Get("Etag"), "but not what is about the body")
				assert.Empty(t, got.header.Get("Cache-Control"))
			} else {
				assert.Error(t, err, "the client sees that there is no end")
				assert.True(t, strings.HasPrefix(got.body, row.body))
			}
			errs := log.errors()
			if row.logged == "" {
				assert.Empty(t, errs)
				return
			}
			require.Len(t, errs, 1)
			assert.Contains(t, errs[0], row.logged)
			assert.Contains(t, errs[0], "route=GET /x")
			assert.Contains(t, errs[0], "stage=core")
			assert.Contains(t, errs[0], "path=/x")
			assert.Equal(t, strings.HasPrefix(row.err, "panic"), strings.Contains(errs[0], "stack="), "a panic is logged with its stack")
		})
	}
}

func TestABodyThatNobodyWantsIsNotMade(t *testing.T) {
	app, log := newApp()
	sent := sentBy(app)
	tr := &trace{}
	h := writing(func(w io.Writer) error { tr.add("made"); return flushing(w, "a") })
	status := func(status int) weft.Middleware {
		return weft.After("status", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithStatus(status) })
	}
	app.Handle("GET /x", h)
	app.Handle("GET /204", h.Use(status(204)))
	app.Handle("GET /205", h.Use(status(205)))
	app.Handle("GET /304", h.Use(status(304)))
	app.Handle("GET /other", h.Use(weft.After("other", func(*weft.Request, weft.Response) weft.Response { return weft.Text("other") })))
	app.Handle("GET /body", h.Use(weft.After("body", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithBody("text/html", []byte("other"))
	})))
	app.Handle("GET /panic", h.Use(weft.After("panic", func(*weft.Request, weft.Response) weft.Response { panic("oh") })))
	site := serve(t, app)
	for _, row := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"HEAD", "/x", 200, ""}, {"GET", "/204", 204, ""}, {"GET", "/205", 205, ""}, {"GET", "/304", 304, ""},
		{"GET", "/other", 200, "other"}, {"GET", "/body", 200, "other"},
	} {
		got := site.send(row.method, row.path, "")
		assert.Equal(t, row.status, got.status, row.path)
		assert.Equal(t, row.body, got.body, row.path)
		s := await(t, sent)
		assert.Equal(t, row.status, s.Status)
		assert.NoError(t, s.Err)
		assert.Empty(t, tr.take(), row.path)
	}
	assert.Equal(t, "text/plain", site.send("HEAD", "/x", "").header.Get("Content-Type"))
	assert.Empty(t, log.errors())
	assert.Equal(t, 500, site.send("GET", "/panic", "").status)
	assert.Empty(t, tr.take())
	assert.Len(t, log.errors(), 1)
	assert.Equal(t, "a\n", site.send("GET", "/x", "").body)
	assert.Equal(t, "made", tr.take())
}

func TestAClientThatLeavesStopsTheBody(t *testing.T) {
	app, log := newApp()
	sent := sentBy(app)
	p := newPaced()
	app.Handle("GET /x", writing(p.write))
	site := serve(t, app)
	go func() { p.step <- struct{}{} }()
	got := site.open("GET", "/x")
	assert.Equal(t, "line 0", got.line(t))
	got.cancel()
	stopped := func() error { // the connection needs a moment to know
		for {
			select {
			case p.step <- struct{}{}:
				time.Sleep(tick)
			case err := <-p.done:
				return err
			}
		}
	}()
	assert.Error(t, stopped)
	s := await(t, sent)
	assert.Error(t, s.WriteErr)
	assert.ErrorIs(t, s.Err, s.WriteErr)
	assert.Equal(t, 200, s.Status)
	assert.Empty(t, log.errors(), "it is nobody's failure here")
}

// A recipe can be kept; what a stage has got from next is one request's.
func TestAResponseWhoseBodyIsMadeIsOneRequests(t *testing.T) {
	app, log := newApp()
	shared := weft.Writer("text/plain", func(w io.Writer) error { _, err := io.WriteString(w, "made"); return err })
	app.Handle("GET /shared", responding(func(context.Context, *weft.Request) weft.Response { return shared }))
	var kept weft.Response
	app.Handle("GET /kept", responding(func(context.Context, *weft.Request) weft.Response { return shared }).Use(
		weft.NewMiddleware("keeps", func(r *weft.Request, next weft.Next) weft.Response {
			if kept.Status() == 0 {
				kept = next(r)
			}
			return kept
		})))
	site := serve(t, app)
	for range 3 {
		assert.Equal(t, "made", site.send("GET", "/shared", "").body)
	}
	assert.Equal(t, "made", site.send("GET", "/kept", "").body)
	assert.Empty(t, log.errors())
	got := site.send("GET", "/kept", "")
	assertProblem(t, got, 500)
	errs := log.errors()
	require.Len(t, errs, 1)
	assert.Contains(t, errs[0], "belongs to another request")
	assert.Contains(t, errs[0], "route=GET /kept")
}

func TestWriterDeclaredWrongly(t *testing.T) {
	assert.ErrorContains(t, weft.Writer("text/csv", nil).Err(), "chunked_ext_test.go:")
	assert.ErrorContains(t, weft.Writer("text/csv\r\nX: y", func(io.Writer) error { return nil }).Err(), "Content-Type")
	assert.ErrorContains(t, weft.Raw(nil).Err(), "no handler")
	live := weft.Writer("text/csv", func(io.Writer) error { return nil })
	_, err := live.Render()
	assert.ErrorIs(t, err, weft.ErrNotRenderable)
	body, err := live.WithBody("text/plain", []byte("a")).Render()
	assert.NoError(t, err)
	assert.Equal(t, "a", string(body))
	assert.Equal(t, 0, weft.Raw(http.NotFoundHandler()).WithStatus(204).Status())
	assert.Equal(t, 200, weft.Raw(http.NotFoundHandler()).WithBody("text/plain", nil).Status())
}

// What settles is told when the last of the body was made, and closed when it was sent.
func TestWhatSettlesIsToldBehindTheBody(t *testing.T) {
	for _, row := range []struct {
		name   string
		write  func(l *ledger, w io.Writer) error
		fails  error
		method string
		outer  weft.Middleware
		status int // 0: dropped
		events string
		logged int
		err    bool
	}{
		{name: "a short body", write: func(_ *ledger, w io.Writer) error { _, err := io.WriteString(w, "a"); return err }, status: 200, events: "made commit sent close"},
		{name: "a body that is sent as it is made", write: func(_ *ledger, w io.Writer) error { return flushing(w, "a") }, status: 200, events: "made commit sent close"},
		{name: "a short body and a commit that fails", write: func(_ *ledger, w io.Writer) error { _, err := io.WriteString(w, "a"); return err }, fails: errSecret, status: 500, events: "made commit sent close", logged: 1, err: true},
		{name: "a commit that fails behind a body", write: func(_ *ledger, w io.Writer) error { return flushing(w, "a") }, fails: errSecret, events: "made commit sent close", logged: 1, err: true},
		{name: "a body that fails", write: func(_ *ledger, w io.Writer) error { return errors.Join(flushing(w, "a"), errSecret) }, events: "made rollback sent close", logged: 1, err: true},
		{name: "a body that fails at once", write: func(*ledger, io.Writer) error { return &weft.Error{Status: 409} }, status: 409, events: "made rollback sent close", err: true},
		{name: "a body that panics", write: func(_ *ledger, w io.Writer) error { _ = flushing(w, "a"); panic("oh") }, events: "made rollback sent close", logged: 1, err: true},
		{name: "a HEAD, for which there is no body", method: "HEAD", status: 200, events: "commit sent close"},
		{name: "another answer", outer: weft.After("other", func(*weft.Request, weft.Response) weft.Response { return weft.Text("b") }), status: 200, events: "sent rollback close"},
		{name: "a status without a body", outer: weft.After("304", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithStatus(304) }), status: 304, events: "commit sent close"},
		{name: "inside a middleware of net/http", outer: weft.Std("through", passStd), write: func(_ *ledger, w io.Writer) error { return flushing(w, "a") }, status: 200, events: "made commit sent close"},
		{name: "inside a middleware of net/http, and a commit that fails", outer: weft.Std("through", passStd), write: func(_ *ledger, w io.Writer) error { return flushing(w, "a") }, fails: errSecret, events: "made commit sent close", logged: 1, err: true},
		{name: "inside a middleware of net/http, a short body and a commit that fails", outer: weft.Std("through", passStd), write: func(_ *ledger, w io.Writer) error { _, err := io.WriteString(w, "a"); return err }, fails: errSecret, status: 500, events: "made commit sent close", logged: 1, err: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := &ledger{tr: &trace{}, fails: row.fails}
			app, log, _ := ledgerApp(l)
			done := make(chan weft.Sent, 1)
			app.Use(weft.Finally("sent", func(_ *weft.Request, s weft.Sent) { l.tr.add("sent"); done <- s }), row.outer)
			app.Handle("GET /x", weft.HandleFrom(func(b *bookkeeper, _ context.Context, _ struct{}) (weft.Response, error) {
				return weft.Writer("text/plain", func(w io.Writer) error {
					b.ledger.tr.add("made")
					return row.write(b.ledger, w)
				}), nil
			}))
			method := row.method
			if method == "" {
				method = "GET"
			}
			got, err := serve(t, app).try(method, "/x", "")
			s := await(t, done)
			assert.Equal(t, row.err, s.Err != nil, "%v", s.Err)
			if row.fails != nil {
				assert.ErrorIs(t, s.Err, errSecret)
			}
			if row.status == 0 {
				assert.Error(t, err)
			} else {
				assert.NoError(t, err)
				assert.Equal(t, row.status, got.status)
			}
			var events []string
			require.Eventually(t, func() bool {
				if e := l.tr.take(); e != "" {
					events = append(events, e)
				}
				return strings.HasSuffix(strings.Join(events, " "), "close")
			}, waitFor, tick)
			assert.Equal(t, row.events, strings.Join(events, " "))
			assert.Len(t, log.errors(), row.logged)
		})
	}
}

func passStd(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

// Work for later is not started for an answer that was broken off.
func TestABodyThatIsBrokenOffLeavesNoWork(t *testing.T) {
	app, _ := newApp()
	sent := sentBy(app)
	worked := make(chan string, 10)
	app.Handle("GET /{how}", responding(func(ctx context.Context, r *weft.Request) weft.Response {
		how := r.PathValue("how")
		_ = weft.Go(ctx, "later", func(context.Context) error { worked <- how; return nil })
		return weft.Writer("text/plain", func(w io.Writer) error {
			if err := flushing(w, "a"); how == "well" {
				return err
			}
			return errSecret
		})
	}))
	site := serve(t, app)
	_, err := site.try("GET", "/badly", "")
	assert.Error(t, err)
	await(t, sent)
	site.send("GET", "/well", "")
	assert.Equal(t, "well", await(t, worked))
}
