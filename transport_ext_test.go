package weft_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// takesWhole is the ResponseWriter of a transport that takes an answer as a whole, and counts how often it is told something.
type takesWhole struct {
	*httptest.ResponseRecorder
	limit  int64
	asked  []http.Header
	heads  int
	writes int
	work   <-chan struct{}
}

func (w *takesWhole) CollectLimit(h http.Header) int64 {
	w.asked = append(w.asked, h)
	return w.limit
}

func (w *takesWhole) WriteHeader(status int) {
	w.heads++
	w.ResponseRecorder.WriteHeader(status)
}

func (w *takesWhole) Write(p []byte) (int, error) {
	w.writes++
	return w.ResponseRecorder.Write(p)
}

func (w *takesWhole) Await(done <-chan struct{}) { w.work = done }

// aroundWriter is what a middleware around the server may put around a ResponseWriter.
type aroundWriter struct{ http.ResponseWriter }

func (w aroundWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func collected(t *testing.T, srv *weft.Server, limit int64, method, target string, headers ...string) *takesWhole {
	t.Helper()
	w := &takesWhole{ResponseRecorder: httptest.NewRecorder(), limit: limit}
	hr := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		hr.Header.Set(name, value)
	}
	srv.ServeHTTP(aroundWriter{w}, hr)
	assert.Equal(t, 1, w.heads, "an answer as a whole has one head")
	assert.False(t, w.Flushed)
	return w
}

// stdThatFlushes flushes before and behind what next answers.
func stdThatFlushes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Std", "yes")
		next.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush()
	})
}

type collecting struct{ ledger *ledger }

// Answer is a body of each kind that is made while it is sent; it fails, where it is to, behind 100 KiB.
func (c *collecting) Answer(_ context.Context, in struct {
	Kind string `query:"kind"`
	Ends string `query:"ends"`
}) (weft.Response, error) {
	end := func() error {
		switch in.Ends {
		case "error":
			return errSecret
		case "conflict":
			return &weft.Error{Status: http.StatusConflict, Code: "late"}
		case "panic":
			panic(errSecret)
		}
		return nil
	}
	chunk := strings.Repeat("x", 1024)
	switch in.Kind {
	case "reader":
		return weft.Reader("text/plain", io.MultiReader(strings.NewReader(strings.Repeat(chunk, 100)), readerFunc(func([]byte) (int, error) {
			if err := end(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}))), nil
	case "stream":
		return weft.Stream[string](func(yield func(string, error) bool) {
			for range 100 {
				if !yield(chunk, nil) {
					return
				}
			}
			if err := end(); err != nil {
				yield("", err)
			}
		}).As(weft.SSE), nil
	}
	return weft.Writer("text/plain", func(w io.Writer) error {
		for range 100 {
			if _, err := io.WriteString(w, chunk); err != nil {
				return err
			}
			if err := w.(interface{ Flush() error }).Flush(); err != nil {
				return err
			}
		}
		return end()
	}), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A transport that takes an answer as a whole gets the final one: a failure behind 100 KiB has its status, a failed settle too.
func TestABodyIsCollectedForATransportThatCannotStream(t *testing.T) {
	for _, kind := range []string{"writer", "reader", "stream"} {
		for _, c := range []struct {
			ends   string
			fails  error
			limit  int64
			status int
			events []string
			cause  error
		}{
			{"", nil, 1 << 20, 200, []string{"commit", "close"}, nil},
			{"error", nil, 1 << 20, 500, []string{"rollback", "close"}, errSecret},
			{"panic", nil, 1 << 20, 500, []string{"rollback", "close"}, errSecret},
			{"conflict", nil, 1 << 20, 409, []string{"rollback", "close"}, nil},
			{"", errSecret, 1 << 20, 500, []string{"commit", "close"}, errSecret},
			{"", nil, 64 << 10, 500, []string{"rollback", "close"}, nil},
		} {
			for _, std := range []bool{false, true} {
				l := &ledger{tr: &trace{}, fails: c.fails}
				con := weft.NewContainer(nil)
				weft.PerRequest[*ledger](con, func() *ledger { return l })
				weft.Auto[*collecting](con, func(l *ledger) *collecting { return &collecting{l} })
				app, log := newApp(weft.WithContainer(con))
				sent := sentBy(app)
				app.Use(weft.After("stamp", func(_ *weft.Request, resp weft.Response) weft.Response {
					return resp.WithHeader("X-Outer", "yes")
				}))
				if std {
					app.Use(weft.Std("flushing", stdThatFlushes))
				}
				app.Handle("GET /", weft.HandleFrom((*collecting).Answer))
				w := collected(t, build(t, app), c.limit, "GET", "/?kind="+kind+"&ends="+c.ends)
				what := kind + " " + c.ends
				assert.Equal(t, c.status, w.Code, what)
				assert.Equal(t, "yes", w.Header().Get("X-Outer"), what)
				assert.Equal(t, c.events, l.tr.all(), what)
				told := await(t, sent)
				assert.Equal(t, c.status, told.Status, what)
				if c.cause != nil {
					assert.ErrorIs(t, told.Err, c.cause, what)
				}
				if c.status == 200 {
					assert.GreaterOrEqual(t, w.Body.Len(), 100<<10, what)
					assert.EqualValues(t, w.Body.Len(), told.Bytes)
					assert.Empty(t, log.errors(), what)
				} else {
					assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), what)
					assert.NotContains(t, w.Body.String(), "x"+"xxx", what)
				}
				if c.limit < 1<<20 {
					assert.Contains(t, strings.Join(log.all(), ""), "longer than 65536 bytes", what)
				}
				if c.status == 500 {
					assert.Len(t, log.errors(), 1, what)
				}
			}
		}
	}
}

// The head that the limit may depend on is that of the answer, and streams are mapped by middleware as everywhere.
func TestACollectedStreamIsOneToTheStages(t *testing.T) {
	app, _ := newApp()
	app.Use(weft.After("twice", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("X-Outer", "yes").MapStream(func(all weft.Stream[any]) weft.Stream[any] {
			return func(yield func(any, error) bool) {
				for item, err := range all {
					for range 2 {
						if !yield(item, err) {
							return
						}
					}
				}
			}
		})
	}))
	app.Handle("GET /ticks", streaming(ticks(2)))
	w := collected(t, build(t, app), 1<<20, "GET", "/ticks", "Accept: application/x-ndjson")
	assert.Equal(t, "{\"n\":0}\n{\"n\":0}\n{\"n\":1}\n{\"n\":1}\n", w.Body.String())
	require.Len(t, w.asked, 1)
	assert.Equal(t, "application/x-ndjson", w.asked[0].Get("Content-Type"))
	assert.Equal(t, "yes", w.asked[0].Get("X-Outer"))
	assert.Equal(t, 1, w.writes)
}

// Nothing is sent to keep the connection, and no head goes out before the first item.
func TestACollectedStreamMayTakeItsTime(t *testing.T) {
	app, _ := newApp(weft.WithStreams(weft.Streams{FirstItem: time.Millisecond, Heartbeat: time.Millisecond}))
	app.Handle("GET /", streaming(func(yield func(point, error) bool) {
		time.Sleep(20 * time.Millisecond)
		if yield(point{1}, nil) {
			time.Sleep(20 * time.Millisecond)
			yield(point{}, &weft.Error{Status: http.StatusConflict})
		}
	}))
	app.Handle("GET /well", streaming(func(yield func(point, error) bool) {
		time.Sleep(20 * time.Millisecond)
		yield(point{1}, nil)
	}))
	srv := build(t, app)
	assert.Equal(t, "data: {\"n\":1}\n\n", collected(t, srv, 1<<20, "GET", "/well", "Accept: text/event-stream").Body.String())
	assert.Equal(t, 409, collected(t, srv, 1<<20, "GET", "/", "Accept: text/event-stream").Code)
}

// A deadline that passes while the body is made is a 504, since nothing was sent.
func TestACollectedStreamEndsWithTheDeadline(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (items, error) {
		return func(yield func(point, error) bool) {
			if yield(point{1}, nil) {
				<-ctx.Done()
			}
		}, nil
	}))
	srv := build(t, app)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	w := &takesWhole{ResponseRecorder: httptest.NewRecorder(), limit: 1 << 20}
	srv.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	assert.Equal(t, 504, w.Code)
	assert.Len(t, log.errors(), 1)
}

func TestAFileIsCollected(t *testing.T) {
	files := fstest.MapFS{"menu.txt": {Data: []byte(strings.Repeat("tea ", 20<<10))}}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "menu.txt"), files["menu.txt"].Data, 0o600))
	for _, fsys := range []fs.FS{files, os.DirFS(dir)} {
		app, _ := newApp()
		app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
			return weft.File(fsys, "menu.txt"), nil
		}))
		srv := build(t, app)
		w := collected(t, srv, 1<<20, "GET", "/")
		assert.Equal(t, 200, w.Code)
		assert.Equal(t, 80<<10, w.Body.Len())
		w = collected(t, srv, 1<<20, "GET", "/", "Range: bytes=4-6")
		assert.Equal(t, "tea", w.Body.String())
		assert.Equal(t, 206, w.Code)
		assert.Equal(t, 500, collected(t, srv, 1<<10, "GET", "/").Code)
		w = collected(t, srv, 1<<20, "HEAD", "/")
		assert.Equal(t, 200, w.Code)
		assert.Empty(t, w.Body.String())
		assert.Equal(t, "81920", w.Header().Get("Content-Length"))
	}
}

// A compressor that flushes by itself is made to its end, too; a failure inside has its status all the same.
func TestAStdThatFlushesIsCollected(t *testing.T) {
	squeeze := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Trailer", "X-Sum")
			z := gzip.NewWriter(w)
			for range 40 {
				_, _ = z.Write([]byte(strings.Repeat("tea", 4096)))
				_ = z.Flush()
				_ = http.NewResponseController(w).Flush()
			}
			_ = z.Close()
			w.Header().Set("X-Sum", "7")
			if r.URL.Query().Has("panic") {
				panic(errSecret)
			}
		})
	}
	app, log := newApp()
	app.Use(weft.Std("squeeze", squeeze))
	srv := build(t, app)
	w := collected(t, srv, 1<<20, "GET", "/")
	z, err := gzip.NewReader(w.Body)
	require.NoError(t, err)
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	assert.Len(t, text, 40*3*4096)
	assert.Empty(t, w.Header()[http.TrailerPrefix+"X-Sum"], "there is nothing behind a body that is a whole")
	assert.Empty(t, log.errors())
	w = collected(t, srv, 1<<20, "GET", "/?panic")
	assert.Equal(t, 500, w.Code)
	assert.Contains(t, w.Body.String(), "Internal Server Error")
}

// What a request has left to be done is the transport's to wait for, and has the deadline of the request.
func TestWorkIsTheTransportsToWaitFor(t *testing.T) {
	app, _ := newApp()
	release, ended := make(chan struct{}), make(chan error, 2)
	app.Handle("POST /", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		return "started", errors.Join(weft.Go(ctx, "one", func(ctx context.Context) error {
			<-release
			ended <- ctx.Err()
			return nil
		}), weft.Go(ctx, "two", func(ctx context.Context) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil
		}))
	}))
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (string, error) { return "nothing", nil }))
	srv := build(t, app)
	assert.Nil(t, collected(t, srv, 1<<20, "GET", "/").work)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	w := &takesWhole{ResponseRecorder: httptest.NewRecorder(), limit: 1 << 20}
	srv.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/", nil))
	cancel() // the request is over, which does not end its work
	require.NotNil(t, w.work)
	assert.ErrorIs(t, await(t, ended), context.DeadlineExceeded, "the second")
	select {
	case <-w.work:
		t.Fatal("the first is still running")
	default:
	}
	close(release)
	await(t, ended)
	await(t, w.work)
}

// An ordinary connection streams as it did.
func TestNothingIsCollectedWhereTheTransportStreams(t *testing.T) {
	app, _ := newApp()
	next := make(chan struct{})
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Writer("text/plain", func(w io.Writer) error {
			_, err := io.WriteString(w, "first")
			err = errors.Join(err, w.(interface{ Flush() error }).Flush())
			<-next
			return err
		}), nil
	}))
	o := serve(t, app).open("GET", "/")
	first := make([]byte, 5)
	_, err := io.ReadFull(o.lines, first)
	require.NoError(t, err)
	close(next)
	_, err = io.ReadAll(o.lines)
	require.NoError(t, err)
}
