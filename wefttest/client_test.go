package wefttest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

type item struct {
	Name  string `json:"name" validate:"required"`
	Count int    `json:"count" validate:"min=1"`
}

type visit struct {
	ID      string `path:"id"`
	Session string `cookie:"session"`
}

type visited struct {
	Cookie string `cookie:"session"`
	Body   item   `body:"json"`
}

// shop is an app with a bit of everything.
func shop(opts ...weft.Option) *weft.App {
	app := discard(opts...)
	app.Handle("POST /items", weft.Handle(func(_ context.Context, in item) (item, error) { return in, nil }).Status(http.StatusCreated))
	app.Handle("GET /visit/{id}", weft.Handle(func(_ context.Context, in visit) (visited, error) {
		return visited{in.ID, item{in.Session, 1}}, nil
	}))
	app.Handle("GET /fails", weft.Handle(func(ctx context.Context, _ struct{}) (item, error) {
		weft.Logger(ctx).With("a", 1).WithGroup("g").DebugContext(ctx, "about to fail", "b", 2)
		return item{}, errOutage
	}))
	app.Handle("GET /drops", weft.Handle(func(context.Context, struct{}) (item, error) { panic(http.ErrAbortHandler) }))
	app.Handle("GET /ends", weft.Handle(func(context.Context, struct{}) (item, error) { runtime.Goexit(); return item{}, nil }))
	app.Handle("GET /large", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Text(strings.Repeat("x", 100_000)), nil
	}))
	app.Handle("/echo", weft.Handle(func(_ context.Context, r *weft.Request) (weft.Response, error) {
		body, err := r.Body()
		return weft.Text(fmt.Sprint(r.HTTP().Method, " ", r.Header().Get("Content-Type"), " ", r.Header().Get("X-Who"), " ", string(body))), err
	}))
	return app
}

// both runs a test in process and over TCP.
func both(t *testing.T, test func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		test(t, wefttest.New)
	})
	t.Run("over TCP", func(t *testing.T) {
		t.Parallel()
		test(t, wefttest.Serve)
	})
}

func TestAClientTalksToTheApp(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client) {
		wefttest.NoLeaks(t)
		c := build(t, shop())
		created := c.Post("/items", item{"tea", 2}).Want(201)
		assert.Equal(t, item{"tea", 2}, wefttest.Decode[item](created))
		assert.Equal(t, `{"name":"tea","count":2}`, created.Text())
		assert.Equal(t, "application/json", created.Header.Get("Content-Type"))
		assert.Equal(t, "24", created.Header.Get("Content-Length"))
		again, err := io.ReadAll(created.Body)
		require.NoError(t, err)
		assert.Equal(t, created.Bytes(), again)
		require.NoError(t, created.Err)

		assert.Equal(t, 201, c.Post("/items", `{"name":"tea","count":2}`).Status)
		p := c.Post("/items", []byte(`{"count":0}`)).Want(422).Problem()
		assert.Equal(t, "validation_failed", p.Code)
		assert.Equal(t, "Unprocessable Entity", p.Title)
		assert.Equal(t, []string{"body /name: required", "body /count: min"}, p.Fields())
		assert.EqualValues(t, 422, p.Members["status"])
		assert.Equal(t, "not_found", c.Get("/nowhere").Want(404).Problem().Code)

		large := c.Get("/large").Want(200)
		assert.Len(t, large.Bytes(), 100_000)
		head := c.Head("/large").Want(200)
		assert.Empty(t, head.Bytes())
		assert.Equal(t, "100000", head.Header.Get("Content-Length"))
		assert.Equal(t, 204, c.Do("OPTIONS", "/large").Status)

		who := c.Sending(wefttest.Header("X-Who", "Mia"))
		assert.Equal(t, "PUT application/json Mia [1]", who.Put("/echo", []int{1}).Text())
		assert.Equal(t, "PATCH application/json Mia 2", who.Patch("/echo", 2).Text())
		assert.Equal(t, "DELETE  Mia ", who.Delete("/echo").Text())
		assert.Equal(t, "POST   ", c.Post("/echo", nil).Text())
		assert.Equal(t, "POST text/csv  a,b", c.Do("POST", "/echo", wefttest.BodyFrom("text/csv", strings.NewReader("a,b"))).Text())
	})
}

func TestCookiesAreKept(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client) {
		c := build(t, shop())
		name := func(a *wefttest.Answer) string { return wefttest.Decode[item](a).Name }
		assert.Empty(t, name(c.Get("/visit/one")))
		assert.Equal(t, "one", name(c.Get("/visit/two")), "Secure, and kept all the same")
		assert.Equal(t, "own", name(c.Get("/visit/three", wefttest.Cookie("session", "own"))))
		assert.Empty(t, name(c.Another().Get("/visit/four")), "somebody else")
		assert.Equal(t, "three", name(c.Sending(wefttest.Header("X-Who", "Mia")).Get("/visit/five")), "the same one")
	})
}

func TestAServerErrorIsVisible(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client) {
		r := record(t, func(t testing.TB) {
			c := build(t, shop(weft.WithLogger(slog.New(slog.DiscardHandler))))
			a := c.Get("/fails")
			assert.Equal(t, 500, a.Status)
			assert.ErrorIs(t, a.Err, errOutage)
			assert.NotContains(t, a.Text(), "database")
			if assert.Len(t, a.Logs(), 2) {
				assert.Equal(t, `level=DEBUG msg="about to fail" route="GET /fails" a=1 g.b=2`, a.Logs()[0])
				assert.Contains(t, a.Logs()[1], `level=ERROR msg="request failed"`)
			}
			assert.Subset(t, c.Logs(), a.Logs())
			c.Get("/items/1").Want(404)
			assert.Empty(t, c.Get("/large").Logs(), "of this request alone")
			a.Want(200)
		})
		require.Len(t, r.failures, 1)
		for _, part := range []string{"GET /fails: the status is 500 and should be 200", "body: {", "cause: the database is down", "log: level=ERROR"} {
			assert.Contains(t, r.failures[0], part)
		}
		assert.Contains(t, strings.Join(r.logged, ""), "GET /fails: 500, because: the database is down")
	})
}

func TestTheAppsOwnLoggerStillGetsItsRecords(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	app := weft.New(weft.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (struct{}, error) {
		weft.Logger(ctx).WithGroup("g").InfoContext(ctx, "tea", "a", 1)
		weft.Logger(ctx).DebugContext(ctx, "not asked for")
		return struct{}{}, nil
	}))
	wefttest.New(t, app).Get("/").Want(204)
	assert.Contains(t, log.String(), `msg=tea route="GET /" g.a=1`)
	assert.NotContains(t, log.String(), "not asked for")
}

func TestARequestWithoutAnAnswerFailsTheTest(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client) {
		c := build(t, shop())
		_, err := c.Try("GET", "/drops")
		assert.ErrorContains(t, err, "the connection was dropped")
		_, err = c.Try("GET", "/large", wefttest.With(number, 1))
		assert.ErrorContains(t, err, "With and PathValue are for wefttest.Request")
		_, err = c.Try("GET", "/large", wefttest.PathValue("id", "1"))
		assert.ErrorContains(t, err, "With and PathValue are for wefttest.Request")
		_, err = c.Try("BAD METHOD", "/")
		assert.ErrorContains(t, err, "the request cannot be made")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = c.Try("GET", "/large", wefttest.WithContext(ended))
		if err != nil { // in process the answer may be there first
			assert.ErrorIs(t, err, context.Canceled)
		}
		assert.Equal(t, 200, c.Get("/large").Status, "the client goes on")
	})
	r := record(t, func(t testing.TB) { wefttest.New(t, shop()).Get("/ends") })
	r.found(t, "GET /ends got no answer: the goroutine of the request ended, as by runtime.Goexit or a FailNow in a stage")
	r = record(t, func(t testing.TB) { wefttest.New(t, shop()).Open("GET", "/drops") })
	r.found(t, "GET /drops got no answer: the connection was dropped")
	r = record(t, func(t testing.TB) { wefttest.Decode[item](wefttest.New(t, shop()).Get("/large")) })
	r.found(t, `the answer is no JSON, its Content-Type is "text/plain; charset=utf-8"`)
	r = record(t, func(t testing.TB) { wefttest.Decode[int](wefttest.New(t, shop()).Post("/items", item{"a", 1})) })
	r.found(t, "the answer is no *int")
	r = record(t, func(t testing.TB) { wefttest.New(t, shop()).Get("/large").Problem() })
	r.found(t, "the answer is no problem document, its status is 200")
}

func TestEveryMistakeFailsTheTest(t *testing.T) {
	t.Parallel()
	app := shop()
	app.Handle("GET /{a}/{a}", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
	app.Handle("GET /nil", nil)
	r := record(t, func(t testing.TB) { wefttest.New(t, app) })
	require.Len(t, r.failures, 1)
	assert.Contains(t, r.failures[0], "the app cannot be built:\n\twefttest/client_test.go:")
	assert.Equal(t, 2, strings.Count(r.failures[0], "\n\t"), r.failures[0])
}

func TestWhatIsDeclaredAfterATestsBuildNamesTheTest(t *testing.T) {
	t.Parallel()
	app := shop()
	wefttest.New(t, app)
	defer func() {
		assert.Contains(t, fmt.Sprint(recover()), "comes after Build at wefttest/client_test.go:")
	}()
	app.Use(weft.Before("late", func(*weft.Request) error { return nil }))
}

// A handler of net/http that writes bit by bit stands for the streams of weft.
func TestAnAnswerIsReadWhileItIsWritten(t *testing.T) {
	t.Parallel()
	app := discard()
	step, over := make(chan struct{}), make(chan error, 1)
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
	streams := http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		defer func() { over <- hr.Context().Err() }()
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		<-step
		_, _ = io.WriteString(w, strings.Repeat("y", 5000))
		<-step
		_, _ = io.WriteString(w, " last")
	})
	c := wefttest.Stream(t, app, streams)
	a := c.Open("GET", "/")
	assert.Equal(t, 200, a.Status)
	assert.Equal(t, "text/plain; charset=utf-8", a.Header.Get("Content-Type"), "as net/http would guess")
	first := make([]byte, 6)
	_, err := io.ReadFull(a.Body, first)
	require.NoError(t, err)
	assert.Equal(t, "first ", string(first), "before the handler has ended")
	step <- struct{}{}
	more := make([]byte, 5000)
	_, err = io.ReadFull(a.Body, more)
	require.NoError(t, err, "what is much needs no flush")
	step <- struct{}{}
	assert.Equal(t, " last", a.Text())
	require.NoError(t, <-over)

	left := c.Open("GET", "/")
	_, err = io.ReadFull(left.Body, first)
	require.NoError(t, err)
	require.NoError(t, left.Body.Close())
	step <- struct{}{}
	step <- struct{}{}
	assert.ErrorIs(t, <-over, context.Canceled, "the client has left")
}

func TestAnOpenAnswerMustBeEnded(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client) {
		record(t, func(t testing.TB) { build(t, shop()).Open("GET", "/large") }).
			found(t, "the answer to GET /large was neither read to its end nor closed: its request is still running")
		record(t, func(t testing.TB) { assert.Len(t, build(t, shop()).Open("GET", "/large").Text(), 100_000) }).clean(t)
		record(t, func(t testing.TB) { assert.NoError(t, build(t, shop()).Open("GET", "/large").Body.Close()) }).clean(t)
	})
}

func TestFinallyHasRunWhenARequestReturns(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client) {
		app := shop()
		var statuses []int
		app.Use(weft.Finally("f", func(_ *weft.Request, sent weft.Sent) {
			time.Sleep(2 * time.Millisecond)
			statuses = append(statuses, sent.Status)
		}))
		c := build(t, app)
		c.Get("/large")
		c.Get("/nowhere")
		assert.Equal(t, []int{200, 404}, statuses)
	})
}

func TestAClientWorksInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wefttest.NoLeaks(t)
		app := discard()
		app.Handle("GET /slow", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
			time.Sleep(time.Hour)
			return "late", nil
		}).Timeout(time.Minute))
		start := time.Now()
		a := wefttest.New(t, app).Get("/slow")
		assert.Equal(t, 504, a.Status)
		assert.Equal(t, time.Hour, time.Since(start), "which takes no time")
	})
}

func TestAClientMayBeUsedByMany(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, build func(testing.TB, *weft.App, ...wefttest.Option) *wefttest.Client) {
		c := build(t, shop())
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				for range 8 {
					a, err := c.Try("POST", "/items", wefttest.JSON(item{"tea", i + 1}))
					if assert.NoError(t, err) {
						assert.Equal(t, fmt.Sprintf(`{"name":"tea","count":%d}`, i+1), a.Text())
					}
					failed, err := c.Try("GET", "/fails")
					if assert.NoError(t, err) {
						assert.ErrorIs(t, failed.Err, errOutage, "each has its own cause")
						assert.Len(t, failed.Logs(), 2)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestWhatIsServedCanBeReachedByOthers(t *testing.T) {
	t.Parallel()
	c := wefttest.Serve(t, shop())
	hr, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL()+"/large", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(hr)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 200, resp.StatusCode)
	assert.Contains(t, c.Server().Explain(), "GET /large")
	assert.Empty(t, wefttest.New(t, shop()).URL())
}

// What the two transports have in common is what net/http does with a handler.
func TestInProcessIsAsOverTCP(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"nothing":               func(http.ResponseWriter, *http.Request) {},
		"a status":              func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"a header too late":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") },
		"a body without a type": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"a body of no type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "tea")
		},
		"an encoded body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "x")
			_, _ = io.WriteString(w, "tea")
		},
		"a body where there is none": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
			_, err := io.WriteString(w, "tea")
			assert.ErrorIs(t, err, http.ErrBodyNotAllowed)
		},
		"early hints": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(201) },
		"a flush first": func(w http.ResponseWriter, _ *http.Request) {
			assert.NoError(t, http.NewResponseController(w).Flush())
			_, _ = io.WriteString(w, "tea")
		},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				real := httptest.NewServer(h)
				defer real.Close()
				hr, err := http.NewRequestWithContext(t.Context(), method, real.URL, nil)
				require.NoError(t, err)
				resp, err := http.DefaultTransport.RoundTrip(hr)
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				resp.Header.Del("Date")

				a := wefttest.Stream(t, discard(), h).Do(method, "/")
				assert.Equal(t, resp.StatusCode, a.Status)
				assert.Equal(t, string(body), a.Text())
				assert.Equal(t, resp.Header, a.Header)
			})
		}
	}
}

func TestALengthIsKept(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{"more than three": http.ErrContentLength, "te": nil} {
		c := wefttest.Stream(t, discard(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			_, err := io.WriteString(w, text)
			assert.ErrorIs(t, err, want)
		}))
		_, err := c.Try("GET", "/")
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.ErrorContains(t, err, "the answer broke off")
	}
}
