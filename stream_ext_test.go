package weft_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type point struct {
	N int `json:"n"`
}

type items = weft.Stream[point]

func streaming(s items) *weft.Handler[struct{}, items] {
	return weft.Handle(func(context.Context, struct{}) (items, error) { return s, nil }).Named("ticks")
}

func ticks(n int) items {
	return func(yield func(point, error) bool) {
		for i := range n {
			if !yield(point{i}, nil) {
				return
			}
		}
	}
}

func TestAStreamIsSentInTheFormatThatTheClientPrefers(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /ticks", streaming(ticks(2)))
	app.Handle("GET /none", streaming(ticks(0)))
	app.Handle("GET /events", weft.Handle(func(context.Context, struct{}) (weft.Stream[weft.Event[point]], error) {
		return weft.StreamOf(weft.Event[point]{ID: "7", Name: "tick", Data: point{1}}, weft.Event[point]{Data: point{2}}), nil
	}))
	s := serve(t, app)
	for _, c := range []struct{ path, accept, mediaType, body string }{
		{"/ticks", "", "application/json", `[{"n":0},{"n":1}]`},
		{"/ticks", "*/*", "application/json", `[{"n":0},{"n":1}]`},
		{"/ticks", "text/html", "application/json", `[{"n":0},{"n":1}]`},
		{"/ticks", "application/x-ndjson", "application/x-ndjson", "{\"n\":0}\n{\"n\":1}\n"},
		{"/ticks", "text/event-stream;q=0.5, application/x-ndjson;q=0.4", "text/event-stream", "data: {\"n\":0}\n\ndata: {\"n\":1}\n\n"},
		{"/none", "", "application/json", `[]`},
		{"/none", "application/x-ndjson", "application/x-ndjson", ""},
		{"/none", "text/event-stream", "text/event-stream", ""},
		{"/events", "", "text/event-stream", "id: 7\nevent: tick\ndata: {\"n\":1}\n\ndata: {\"n\":2}\n\n"},
		{"/events", "application/x-ndjson", "application/x-ndjson", "{\"id\":\"7\",\"event\":\"tick\",\"data\":{\"n\":1}}\n{\"data\":{\"n\":2}}\n"},
	} {
		got := s.send("GET", c.path, "", "Accept: "+c.accept)
		assert.Equal(t, 200, got.status, c)
		assert.Equal(t, c.mediaType, got.header.Get("Content-Type"), c)
		assert.Equal(t, c.body, got.body, c)
		assert.Equal(t, "Accept", got.header.Get("Vary"), c)
		if c.mediaType == "text/event-stream" {
			assert.Equal(t, "no-cache", got.header.Get("Cache-Control"))
			assert.Equal(t, "no", got.header.Get("X-Accel-Buffering"))
		}
	}
	head := s.send("HEAD", "/ticks", "")
	assert.Equal(t, 200, head.status)
	assert.Equal(t, "application/json", head.header.Get("Content-Type"))
}

func TestAnItemIsReadWhileTheNextIsMade(t *testing.T) {
	for _, format := range []weft.StreamFormat{weft.JSONArray, weft.NDJSON, weft.SSE} {
		step := make(chan point)
		app, _ := newApp()
		app.Handle("GET /", streaming(func(yield func(point, error) bool) {
			for item := range step {
				if !yield(item, nil) {
					return
				}
			}
		}))
		s := serve(t, app)
		go func() { step <- point{0} }()
		o := s.open("GET", "/", "Accept: "+string(format))
		buf := make([]byte, 100)
		for i := range 3 {
			n, err := o.lines.Read(buf)
			require.NoError(t, err)
			assert.Contains(t, string(buf[:n]), fmt.Sprintf(`{"n":%d}`, i), format)
			if i < 2 {
				step <- point{i + 1}
			}
		}
		close(step)
		_, err := io.ReadAll(o.lines)
		require.NoError(t, err)
	}
}

// A producer that is slow to begin does not keep the headers from the client.
func TestTheHeadersGoOutWithoutAnItem(t *testing.T) {
	step := make(chan struct{})
	app, j := newApp(weft.WithStreams(weft.Streams{FirstItem: 20 * time.Millisecond}))
	app.Handle("GET /", streaming(func(yield func(point, error) bool) {
		<-step
		yield(point{}, errors.New("late"))
	}))
	s := serve(t, app)
	o := s.open("GET", "/", "Accept: text/event-stream")
	assert.Equal(t, 200, o.StatusCode)
	assert.Equal(t, ":", o.line(t))
	close(step)
	rest, err := io.ReadAll(o.lines)
	require.NoError(t, err)
	assert.Equal(t, "\nevent: error\ndata: {\"title\":\"Internal Server Error\",\"status\":500,\"code\":\"internal\"}\n\n", string(rest))
	assert.Len(t, j.errors(), 1)
}

func TestAnErrorBeforeTheFirstItemHasItsAnswer(t *testing.T) {
	errGone := errors.New("gone")
	app, j := newApp()
	app.Use(weft.NewMiddleware("outer", func(r *weft.Request, next weft.Next) weft.Response {
		return next(r).WithHeader("X-Outer", "yes")
	}))
	app.Catch(weft.OnIs(errGone, func(*weft.Request, error) weft.Response { return weft.Text("no more").WithStatus(410) }))
	for path, end := range map[string]func(yield func(point, error) bool){
		"/gone":   func(yield func(point, error) bool) { yield(point{}, errGone) },
		"/broken": func(yield func(point, error) bool) { yield(point{}, errors.New("secret-dsn")) },
		"/panic":  func(yield func(point, error) bool) { panic("secret-dsn") },
	} {
		app.Handle("GET "+path, streaming(end))
	}
	s := serve(t, app)
	for _, format := range []weft.StreamFormat{weft.JSONArray, weft.NDJSON, weft.SSE} {
		got := s.send("GET", "/gone", "", "Accept: "+string(format))
		assert.Equal(t, 410, got.status)
		assert.Equal(t, "no more", got.body)
		assert.Equal(t, "yes", got.header.Get("X-Outer"))
		assert.Empty(t, j.errors())
		for _, path := range []string{"/broken", "/panic"} {
			got := s.send("GET", path, "", "Accept: "+string(format))
			assert.Equal(t, 500, got.status)
			assert.Equal(t, "yes", got.header.Get("X-Outer"))
			assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
			assert.NotContains(t, got.body, "secret")
			logged := j.errors()
			require.Len(t, logged, 1)
			assert.Contains(t, logged[0], "secret-dsn")
			assert.Contains(t, logged[0], "route=GET "+path)
		}
	}
}

func TestAnErrorAfterAnItemEndsTheStream(t *testing.T) {
	var sent atomic.Pointer[weft.Sent]
	app, j := newApp()
	app.Use(weft.Finally("final", func(_ *weft.Request, s weft.Sent) { sent.Store(&s) }))
	app.Catch(weft.OnIs(io.ErrNoProgress, func(r *weft.Request, err error) weft.Response {
		return weft.Fail(&weft.Error{Status: 409, Code: "stuck", Detail: "It\nstuck."})
	}))
	failing := func(end func(yield func(point, error) bool)) items {
		return func(yield func(point, error) bool) {
			if yield(point{1}, nil) {
				end(yield)
			}
		}
	}
	app.Handle("GET /error", streaming(failing(func(yield func(point, error) bool) { yield(point{}, errors.New("secret-dsn")) })))
	app.Handle("GET /panic", streaming(failing(func(func(point, error) bool) { panic("secret-dsn") })))
	app.Handle("GET /mapped", streaming(failing(func(yield func(point, error) bool) { yield(point{}, io.ErrNoProgress) })))
	app.Handle("GET /abort", streaming(failing(func(func(point, error) bool) { panic(http.ErrAbortHandler) })))
	s := serve(t, app)
	for _, path := range []string{"/error", "/panic"} {
		for _, format := range []weft.StreamFormat{weft.JSONArray, weft.NDJSON} {
			o := s.open("GET", path, "Accept: "+string(format))
			body, err := io.ReadAll(o.lines)
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s %s", path, format)
			assert.Contains(t, string(body), `{"n":1}`)
			assert.NotContains(t, string(body), "]")
			assert.Eventually(t, func() bool { l := j.errors(); return len(l) == 1 && strings.Contains(l[0], "secret-dsn") }, time.Second, time.Millisecond)
		}
		got := s.send("GET", path, "", "Accept: text/event-stream")
		assert.Equal(t, "data: {\"n\":1}\n\nevent: error\ndata: {\"title\":\"Internal Server Error\",\"status\":500,\"code\":\"internal\"}\n\n", got.body)
		assert.Eventually(t, func() bool {
			sent := sent.Load()
			return sent != nil && sent.Err != nil && sent.Status == 200 && sent.Bytes == int64(len(got.body))
		}, time.Second, time.Millisecond)
		logged := j.errors()
		assert.Len(t, logged, 1, logged)
	}
	got := s.send("GET", "/mapped", "", "Accept: text/event-stream")
	assert.Contains(t, got.body, `event: error`+"\n"+`data: {"title":"Conflict","status":409,"code":"stuck","detail":"It\nstuck."}`)
	_, err := s.try("GET", "/abort", "", "Accept: text/event-stream")
	assert.Error(t, err)
	assert.Empty(t, j.errors())
}

func TestAnItemThatCannotBeEncodedEndsTheStream(t *testing.T) {
	app, j := newApp()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Stream[any], error) {
		return weft.StreamOf[any](1, func() {}), nil
	}))
	app.Handle("GET /id", weft.Handle(func(context.Context, struct{}) (weft.Stream[weft.Event[string]], error) {
		return weft.StreamOf(weft.Event[string]{ID: "1\nevent: forged"}), nil
	}))
	s := serve(t, app)
	_, err := s.try("GET", "/", "")
	require.Error(t, err)
	assert.Eventually(t, func() bool {
		l := j.errors()
		return len(l) == 1 && strings.Contains(l[0], "encoding an item of the stream")
	}, time.Second, time.Millisecond)
	got := s.send("GET", "/id", "")
	assert.Equal(t, 500, got.status)
	assert.NotContains(t, got.body, "forged")
}

func TestTextOfAnEventIsSentLineByLine(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Stream[weft.Event[string]], error) {
		return weft.StreamOf(weft.Event[string]{Data: "a\nb\r\nc\rd\n"}, weft.Event[string]{Data: ""}, weft.Event[string]{Data: " x\xff"}), nil
	}))
	app.Handle("GET /strings", weft.Handle(func(context.Context, struct{}) (weft.Stream[string], error) {
		return weft.StreamOf("plain"), nil
	}))
	s := serve(t, app)
	assert.Equal(t, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\ndata: \n\ndata:  x\uFFFD\n\n", s.send("GET", "/", "").body)
	assert.Equal(t, "data: plain\n\n", s.send("GET", "/strings", "", "Accept: text/event-stream").body)
	assert.Equal(t, "\"plain\"\n", s.send("GET", "/strings", "", "Accept: application/x-ndjson").body)
}

func TestAProducerEndsWhenTheClientLeaves(t *testing.T) {
	for name, waits := range map[string]func(ctx context.Context){
		"between items":  func(context.Context) { time.Sleep(time.Millisecond) },
		"on its context": func(ctx context.Context) { <-ctx.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			cleaned := make(chan error, 1)
			sent := make(chan weft.Sent, 1)
			app, j := newApp()
			app.Use(weft.Finally("final", func(_ *weft.Request, s weft.Sent) { sent <- s }))
			app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (items, error) {
				return func(yield func(point, error) bool) {
					defer func() { cleaned <- ctx.Err() }()
					for i := 0; yield(point{i}, nil); i++ {
						if i >= 10 {
							waits(ctx)
						}
					}
				}, nil
			}))
			s := serve(t, app)
			o := s.open("GET", "/", "Accept: application/x-ndjson")
			for range 10 {
				o.line(t)
			}
			o.cancel()
			select {
			case err := <-cleaned:
				assert.ErrorIs(t, err, context.Canceled)
			case <-time.After(time.Second):
				t.Fatal("the producer goes on")
			}
			got := <-sent
			assert.Error(t, errors.Join(got.Err, got.WriteErr))
			assert.Empty(t, j.errors())
		})
	}
}

// What bounds the handler does not bound its stream.
func TestATimeoutIsNotForTheStream(t *testing.T) {
	app, j := newApp()
	slow := func(ctx context.Context, _ struct{}) (items, error) {
		_, bounded := ctx.Deadline()
		assert.False(t, bounded)
		return func(yield func(point, error) bool) {
			for i := range 3 {
				select {
				case <-ctx.Done():
					yield(point{}, ctx.Err())
					return
				case <-time.After(20 * time.Millisecond):
				}
				if !yield(point{i}, nil) {
					return
				}
			}
		}, nil
	}
	app.Handle("GET /timeout", weft.Handle(slow).Timeout(10*time.Millisecond))
	app.Handle("GET /middleware", weft.Handle(slow).Use(weft.NewMiddleware("bounding", func(r *weft.Request, next weft.Next) weft.Response {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Millisecond)
		defer cancel()
		return next(r.WithContext(ctx))
	})))
	app.Handle("GET /around", weft.Handle(slow).Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (items, error)) (items, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		return next(ctx, in)
	}))
	bounding := weft.NewMiddleware("bounding", func(r *weft.Request, next weft.Next) weft.Response {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Millisecond)
		defer cancel()
		return next(r.WithContext(ctx))
	})
	app.Handle("GET /written", weft.Handle(func(ctx context.Context, _ struct{}) (weft.Response, error) {
		return weft.Writer("text/plain", func(w io.Writer) error {
			time.Sleep(20 * time.Millisecond)
			_, _ = io.WriteString(w, "late")
			return ctx.Err()
		}), nil
	}).Use(bounding))
	app.Handle("GET /late", weft.Handle(func(ctx context.Context, _ struct{}) (items, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}).Timeout(10*time.Millisecond))
	app.Handle("GET /writer", weft.Handle(func(ctx context.Context, _ struct{}) (weft.Response, error) {
		return weft.Writer("text/plain", func(w io.Writer) error {
			time.Sleep(20 * time.Millisecond)
			_, _ = io.WriteString(w, "late")
			return ctx.Err()
		}), nil
	}).Timeout(10*time.Millisecond))
	s := serve(t, app)
	for _, path := range []string{"/timeout", "/middleware", "/around"} {
		assert.Equal(t, `[{"n":0},{"n":1},{"n":2}]`, s.send("GET", path, "").body, path)
	}
	assert.Equal(t, "late", s.send("GET", "/writer", "").body)
	assert.Equal(t, "late", s.send("GET", "/written", "").body)
	assert.Empty(t, j.errors())
	assert.Equal(t, 504, s.send("GET", "/late", "").status)
}

func TestAStreamThatIsIdleForTooLongEnds(t *testing.T) {
	ended := make(chan error, 2)
	app, j := newApp()
	stuck := func(first int) *weft.Handler[struct{}, items] {
		return weft.Streaming(weft.Handle(func(ctx context.Context, _ struct{}) (items, error) {
			return func(yield func(point, error) bool) {
				for i := range first {
					yield(point{i}, nil)
				}
				<-ctx.Done()
				ended <- context.Cause(ctx)
			}, nil
		}), weft.Streams{Idle: 50 * time.Millisecond})
	}
	app.Handle("GET /never", stuck(0))
	app.Handle("GET /one", stuck(1))
	s := serve(t, app)
	got := s.send("GET", "/never", "")
	assert.Equal(t, 504, got.status)
	assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
	got = s.send("GET", "/one", "", "Accept: text/event-stream")
	assert.Contains(t, got.body, "event: error")
	assert.Contains(t, got.body, "504")
	assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
	assert.Len(t, j.errors(), 2)
}

// brittle is a ResponseWriter that panics when it is written to.
type brittle struct{ http.ResponseWriter }

func (brittle) Write([]byte) (int, error) { panic("brittle") }

func TestAProducerNeverOutlivesItsRequest(t *testing.T) {
	ended := false
	app, _ := newApp()
	app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (items, error) {
		return func(yield func(point, error) bool) {
			defer func() { ended = true }()
			for i := 0; yield(point{i}, nil); i++ {
			}
		}, nil
	}))
	srv := build(t, app)
	func() {
		defer func() { _ = recover() }()
		srv.ServeHTTP(brittle{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
	}()
	assert.True(t, ended)
}

// Only a stream that has no item yet says so.
func TestAnItemInTimeIsNoSilence(t *testing.T) {
	step := make(chan struct{})
	app, _ := newApp(weft.WithStreams(weft.Streams{FirstItem: 30 * time.Millisecond}))
	app.Handle("GET /", streaming(func(yield func(point, error) bool) {
		yield(point{1}, nil)
		<-step
		yield(point{2}, nil)
	}))
	s := serve(t, app)
	o := s.open("GET", "/", "Accept: text/event-stream")
	assert.Equal(t, `data: {"n":1}`, o.line(t))
	time.Sleep(60 * time.Millisecond)
	close(step)
	rest, err := io.ReadAll(o.lines)
	require.NoError(t, err)
	assert.Equal(t, "\ndata: {\"n\":2}\n\n", string(rest))
}

func TestASilentStreamOfEventsHasAHeartbeat(t *testing.T) {
	step := make(chan struct{})
	app, _ := newApp(weft.WithStreams(weft.Streams{Heartbeat: 10 * time.Millisecond}))
	app.Handle("GET /", streaming(func(yield func(point, error) bool) {
		yield(point{1}, nil)
		<-step
	}))
	s := serve(t, app)
	o := s.open("GET", "/", "Accept: text/event-stream")
	assert.Equal(t, `data: {"n":1}`, o.line(t))
	assert.Equal(t, "", o.line(t))
	for range 3 {
		assert.Equal(t, ":", o.line(t))
		assert.Equal(t, "", o.line(t))
	}
	close(step)
}

func TestAClientThatReadsNothingIsCutOff(t *testing.T) {
	sent := make(chan weft.Sent, 1)
	app, _ := newApp(weft.WithStreams(weft.Streams{WriteTimeout: 100 * time.Millisecond}))
	app.Use(weft.Finally("final", func(_ *weft.Request, s weft.Sent) { sent <- s }))
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Stream[string], error) {
		return func(yield func(string, error) bool) {
			for yield(strings.Repeat("x", 1000), nil) {
			}
		}, nil
	}))
	s := serve(t, app)
	o := s.open("GET", "/", "Accept: application/x-ndjson")
	select {
	case got := <-sent:
		assert.Error(t, got.WriteErr)
		assert.Positive(t, got.Bytes)
	case <-time.After(5 * time.Second):
		t.Fatal("the client is still waited for")
	}
	_ = o
}

func TestMiddlewareWatchesAndChangesItems(t *testing.T) {
	var seen atomic.Int64
	counting := weft.NewMiddleware("counting", func(r *weft.Request, next weft.Next) weft.Response {
		return next(r).WithHeader("X-Counted", "yes").MapStream(func(items weft.Stream[any]) weft.Stream[any] {
			return func(yield func(any, error) bool) {
				for item, err := range items {
					seen.Add(1)
					if !yield(item, err) {
						return
					}
				}
			}
		})
	})
	doubling := weft.NewMiddleware("doubling", func(r *weft.Request, next weft.Next) weft.Response {
		return next(r).MapStream(func(items weft.Stream[any]) weft.Stream[any] {
			return func(yield func(any, error) bool) {
				for item, err := range items {
					if t, is := item.(point); is {
						item = point{2 * t.N}
					}
					if !yield(item, err) {
						return
					}
				}
			}
		})
	})
	app, _ := newApp()
	app.Use(counting)
	app.Handle("GET /", streaming(ticks(3)).Use(doubling))
	app.Handle("GET /events", weft.Handle(func(context.Context, struct{}) (weft.Stream[weft.Event[point]], error) {
		return weft.StreamOf(weft.Event[point]{ID: "7", Data: point{1}}), nil
	}))
	app.Handle("GET /plain", weft.Handle(func(context.Context, struct{}) (point, error) { return point{1}, nil }))
	s := serve(t, app)
	assert.Equal(t, `[{"n":0},{"n":2},{"n":4}]`, s.send("GET", "/", "").body)
	assert.EqualValues(t, 3, seen.Load())
	assert.Equal(t, "id: 7\ndata: {\"n\":1}\n\n", s.send("GET", "/events", "").body)
	assert.EqualValues(t, 4, seen.Load())
	assert.Equal(t, `{"n":1}`, s.send("GET", "/plain", "").body)
}

func TestAStreamInOneFormatIsAResponse(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return ticks(2).As(weft.NDJSON).WithHeader("X-Total", "2"), nil
	}))
	app.Handle("GET /nil", streaming(nil))
	app.Handle("GET /nil/response", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return items(nil).As(weft.NDJSON), nil
	}))
	app.Handle("GET /unknown", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return ticks(2).As("text/csv"), nil
	}))
	s := serve(t, app)
	got := s.send("GET", "/", "")
	assert.Equal(t, "{\"n\":0}\n{\"n\":1}\n", got.body)
	assert.Equal(t, "2", got.header.Get("X-Total"))
	for _, path := range []string{"/nil", "/nil/response", "/unknown"} {
		assert.Equal(t, 500, s.send("GET", path, "").status)
	}
	_, err := ticks(2).As(weft.NDJSON).Render()
	assert.ErrorIs(t, err, weft.ErrNotRenderable)
}

func TestStrictNegotiationIsForStreamsToo(t *testing.T) {
	app, _ := newApp(weft.WithFormats(weft.Formats{Strict: true}), weft.WithStreams(weft.Streams{Formats: []weft.StreamFormat{weft.NDJSON}}))
	app.Handle("GET /", streaming(ticks(1)))
	s := serve(t, app)
	assert.Equal(t, 406, s.send("GET", "/", "", "Accept: text/event-stream").status)
	assert.Equal(t, "application/x-ndjson", s.send("GET", "/", "", "Accept: application/*").header.Get("Content-Type"))
}

func TestAServerThatEndsEndsItsEvents(t *testing.T) {
	ended := make(chan error, 1)
	app, j := newApp()
	app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (items, error) {
		return func(yield func(point, error) bool) {
			yield(point{1}, nil)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			yield(point{}, ctx.Err())
		}, nil
	}))
	srv := build(t, app)
	s := serveBuilt(t, srv)
	o := s.open("GET", "/", "Accept: text/event-stream")
	assert.Equal(t, `data: {"n":1}`, o.line(t))
	go func() { _ = srv.Shutdown(context.WithoutCancel(t.Context())) }()
	assert.ErrorIs(t, <-ended, http.ErrServerClosed)
	rest, err := io.ReadAll(o.lines)
	require.NoError(t, err, "the stream has its proper end")
	assert.Equal(t, "\n", string(rest))
	assert.Empty(t, j.errors())
}

func serveBuilt(t *testing.T, srv *weft.Server) *site {
	t.Helper()
	ts := newTestServer(t, srv)
	return &site{t, ts.URL, ts.Client()}
}

func newTestServer(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	return ts
}

func TestEveryWrongDeclarationOfAStreamIsFound(t *testing.T) {
	_, err := wrongStreams().Plan()
	require.Error(t, err)
	golden(t, "stream_mistakes.txt", err.Error()+"\n")
}
