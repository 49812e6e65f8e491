package nethttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// The probes of responses and failures that are about streams or middleware, each over HTTP/1.1 and HTTP/2, with and without
// middleware of net/http around.
func TestProbesOfStreamsAndMiddleware(t *testing.T) {
	for _, w := range []wire{http1, h2c} {
		for _, depth := range []int{0, 2} {
			for name, probe := range probes {
				t.Run(fmt.Sprint(name, ", ", w.name, ", behind ", depth), func(t *testing.T) {
					app, log := newApp()
					p := &probing{T: t, app: app, log: log, sent: sentBy(app), open: func() *site { return w.open(t, build(t, app)) }}
					app.Use(outer(nil))
					for range depth {
						p.std = append(p.std, weft.Std("through", through))
					}
					app.Use(p.std...)
					probe(p)
				})
			}
		}
	}
}

type probing struct {
	*testing.T
	app  *weft.App
	log  *journal
	sent <-chan weft.Sent
	open func() *site
	std  []weft.Middleware
}

// logged wants so many errors logged.
func (p *probing) logged(n int, texts ...string) {
	p.Helper()
	require.Len(p, p.log.errors(), n)
	for _, text := range texts {
		assert.Contains(p, p.log.errors()[0], text)
	}
}

func answers(status int, text string) *weft.Handler[*weft.Request, weft.Response] {
	return responding(func(context.Context, *weft.Request) weft.Response { return weft.Text(text).WithStatus(status) })
}

func streams(write func(w io.Writer) error) *weft.Handler[*weft.Request, weft.Response] {
	return responding(func(context.Context, *weft.Request) weft.Response { return weft.Writer("text/plain", write) })
}

func problem(t *testing.T, a answer, status int) {
	t.Helper()
	assert.Equal(t, status, a.StatusCode)
	assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	assert.NotContains(t, a.text, "secret")
	assertOuter(t, a.Response)
}

var probes = map[string]func(p *probing){
	"response to HEAD, or status 204 or 304": func(p *probing) {
		made := false
		body := func(w io.Writer) error { made = true; return flushing(w, "tea") }
		status := func(status int) weft.Middleware {
			return weft.After("status", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithStatus(status) })
		}
		p.app.Handle("GET /head", streams(body))
		p.app.Handle("GET /text", answers(200, "tea"))
		for _, n := range []int{204, 304} {
			p.app.Handle(fmt.Sprint("GET /", n), streams(body).Use(status(n)))
			p.app.Handle(fmt.Sprint("GET /text/", n), answers(n, "tea"))
		}
		site := p.open()
		for path, status := range map[string]int{"/head": 200, "/text": 200, "/204": 204, "/304": 304, "/text/204": 204, "/text/304": 304} {
			method := "GET"
			if status == 200 {
				method = "HEAD"
			}
			got := site.send(method, path, "")
			assert.Equal(p, status, got.StatusCode)
			assert.Empty(p, got.text)
			assert.NoError(p, got.err)
			assertOuter(p.T, got.Response)
			if status != 200 {
				assert.NotContains(p, got.Header, "Content-Length")
				assert.NotContains(p, got.Header, "Content-Type")
			}
			if path == "/text" {
				assert.EqualValues(p, 3, got.ContentLength)
			}
		}
		assert.False(p, made)
		p.logged(0)
	},
	"response cannot be encoded": func(p *probing) {
		p.app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (any, error) { return map[string]any{"c": make(chan int)}, nil }).Status(201))
		problem(p.T, p.open().send("GET", "/x", ""), 500)
		p.logged(1, `route="GET /x"`)
	},
	"header value with CR or LF": func(p *probing) {
		set := func(w http.ResponseWriter) { w.Header().Set("X-Split", "a\r\nX-Injected: 1") }
		p.app.Handle("GET /response", responding(func(context.Context, *weft.Request) weft.Response {
			return weft.Text("tea").WithHeader("X-Split", "a\r\nX-Injected: 1")
		}))
		p.app.Handle("GET /std", answers(200, "tea").Use(weft.Std("splits", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { set(w); next.ServeHTTP(w, hr) })
		})))
		p.app.Handle("GET /raw", responding(func(context.Context, *weft.Request) weft.Response {
			return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { set(w); w.WriteHeader(200) }))
		}))
		site := p.open()
		problem(p.T, site.send("GET", "/response", ""), 500)
		for _, path := range []string{"/std", "/raw"} {
			got := site.send("GET", path, "")
			assert.NotContains(p, got.Header, "X-Injected")
		}
	},
	"handler panics": func(p *probing) {
		p.app.Handle("GET /x", responding(func(context.Context, *weft.Request) weft.Response { panic(errSecret) }))
		p.app.Handle("GET /after", answers(200, "fine"))
		site := p.open()
		problem(p.T, site.send("GET", "/x", ""), 500)
		assert.Equal(p, "fine", site.send("GET", "/after", "").text)
		p.logged(1, "probes_test.go", `route="GET /x"`)
	},
	"http.ErrAbortHandler is re-panicked": func(p *probing) {
		p.app.Handle("GET /x", responding(func(context.Context, *weft.Request) weft.Response { panic(http.ErrAbortHandler) }))
		site := p.open()
		_, err := site.client.Do(site.request(p.Context(), "GET", "/x", nil))
		assert.Error(p, err)
		assert.Zero(p, await(p.T, p.sent).Status)
		p.logged(0)
	},
	"panic after the first byte of a stream": func(p *probing) {
		p.app.Handle("GET /x", streams(func(w io.Writer) error { _ = flushing(w, "tea"); panic(errSecret) }))
		got := p.open().send("GET", "/x", "")
		assert.Equal(p, 200, got.StatusCode)
		assert.Equal(p, "tea\n", got.text)
		assert.Error(p, got.err, "the client sees that there is no end")
		assert.ErrorIs(p, await(p.T, p.sent).Err, errSecret)
		p.logged(1, "probes_test.go", `route="GET /x"`)
	},
	"second next call, or next after return": func(p *probing) {
		var ran atomic.Int32
		var late func()
		twice := weft.Std("twice", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
				next.ServeHTTP(w, hr)
				next.ServeHTTP(w, hr)
				late = func() { next.ServeHTTP(w, hr) }
			})
		})
		p.app.Handle("GET /x", responding(func(context.Context, *weft.Request) weft.Response { ran.Add(1); return weft.Text("tea") }).Use(twice))
		got := p.open().send("GET", "/x", "")
		assert.Equal(p, "tea", got.text)
		p.logged(1, "stage=twice")
		await(p.T, p.sent)
		late()
		p.logged(2)
		assert.EqualValues(p, 1, ran.Load())
	},
	"middleware returns neither a response nor an error": func(p *probing) {
		p.app.Handle("GET /x", answers(200, "tea").Use(weft.NewMiddleware("forgets", func(r *weft.Request, next weft.Next) weft.Response {
			next(r)
			return weft.Response{}
		})))
		p.app.Handle("GET /std", answers(200, "tea").Use(weft.Std("says nothing", func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		})))
		site := p.open()
		problem(p.T, site.send("GET", "/x", ""), 500)
		p.logged(1, "stage=forgets")
		got := site.send("GET", "/std", "") // which is an answer in net/http
		assert.Equal(p, 200, got.StatusCode)
		assert.Empty(p, got.text)
		assertOuter(p.T, got.Response)
	},
	"error raised in global middleware": func(p *probing) {
		var seen error
		p.app.Use(weft.After("sees", func(_ *weft.Request, resp weft.Response) weft.Response { seen = resp.Err(); return resp }))
		p.app.Use(p.std...)
		p.app.Use(weft.Before("raises", func(*weft.Request) error { return errSecret }))
		p.app.Catch(weft.OnIs(errSecret, func(_ *weft.Request, _ error) weft.Response { return weft.Text("mapped").WithStatus(418) }))
		got := p.open().send("GET", "/nowhere", "")
		assert.Equal(p, 418, got.StatusCode)
		assert.Equal(p, "mapped", got.text)
		assertOuter(p.T, got.Response)
		assert.ErrorIs(p, seen, errSecret)
		p.logged(0)
	},
	"guard denies": func(p *probing) {
		ran := false
		guard := func(name string, err error) weft.Guard {
			return weft.NewGuard(name, func(*weft.Request) error { ran = ran || err == nil; return err })
		}
		p.app.Handle("GET /x", responding(func(context.Context, *weft.Request) weft.Response { ran = true; return weft.Empty() }).
			Guard(guard("denies", weft.Deny("")), guard("later", nil)))
		problem(p.T, p.open().send("GET", "/x", ""), 403)
		assert.False(p, ran, "neither later guards nor the handler")
	},
	"two sibling groups under a parent with 3, 5, 6 or 7 middlewares": func(p *probing) {
		marking := func(name string) weft.Middleware {
			return weft.Std(name, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { w.Header().Add("Vary", name); next.ServeHTTP(w, hr) })
			})
		}
		for _, n := range []int{3, 5, 6, 7} {
			parent := p.app.Group(fmt.Sprint("/", n))
			var marks []string
			for i := range n {
				marks = append(marks, fmt.Sprint("parent", i))
				parent.Use(marking(marks[i]))
			}
			a, b := parent.Group("/a"), parent.Group("/b")
			a.Use(marking("a"))
			b.Use(marking("b"))
			a.Handle("GET /x", answers(200, strings.Join(marks, " ")+" a"))
			b.Handle("GET /x", answers(200, strings.Join(marks, " ")+" b"))
		}
		site := p.open()
		for _, n := range []int{3, 5, 6, 7} {
			for _, g := range []string{"a", "b"} {
				got := site.send("GET", fmt.Sprint("/", n, "/", g, "/x"), "")
				want := strings.Fields(got.text)
				require.Len(p, want, n+1)
				assert.ElementsMatch(p, want, got.Header["Vary"], "all of the parent, and of the siblings only its own")
			}
		}
	},
	"middleware added after Build": func(p *probing) {
		site := p.open()
		assert.Panics(p, func() { p.app.Use(weft.Std("late", through)) })
		assert.Panics(p, func() { p.app.Mount("/late", http.NotFoundHandler()) })
		assert.Equal(p, 404, site.send("GET", "/late/", "").StatusCode)
	},
	"middleware added after a route was declared, before Build": func(p *probing) {
		p.app.Handle("GET /x", answers(200, "tea"))
		p.app.Mount("/mounted", http.NotFoundHandler())
		p.app.Use(weft.Std("marks", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { w.Header().Set("X-Mark", "1"); next.ServeHTTP(w, hr) })
		}))
		site := p.open()
		for _, path := range []string{"/x", "/mounted/", "/nowhere"} {
			assert.Equal(p, "1", site.send("GET", path, "").Header.Get("X-Mark"), path)
		}
	},
	"client cancels": func(p *probing) {
		ended := make(chan error, 3)
		started := make(chan bool, 3)
		waits := func(ctx context.Context) error {
			started <- true
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		p.app.Handle("GET /handler", weft.Handle(func(ctx context.Context, _ struct{}) (struct{}, error) { return struct{}{}, waits(ctx) }))
		p.app.Handle("GET /stream", responding(func(ctx context.Context, _ *weft.Request) weft.Response {
			return weft.Writer("text/plain", func(w io.Writer) error { return errors.Join(flushing(w, "tea"), waits(ctx)) })
		}))
		p.app.Handle("GET /raw", responding(func(context.Context, *weft.Request) weft.Response {
			return weft.Raw(http.HandlerFunc(func(_ http.ResponseWriter, hr *http.Request) { _ = waits(hr.Context()) }))
		}))
		site := p.open()
		for _, path := range []string{"/handler", "/stream", "/raw"} {
			ctx, cancel := context.WithTimeout(p.Context(), waitFor)
			go func() {
				<-started
				time.Sleep(time.Millisecond)
				cancel()
			}()
			if resp, err := site.client.Do(site.request(ctx, "GET", path, nil)); err == nil {
				_ = read(resp)
			}
			assert.ErrorIs(p, await(p.T, ended), context.Canceled, path)
			await(p.T, p.sent)
		}
		p.logged(0)
	},
}
