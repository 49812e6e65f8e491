package weft_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// std makes a stage of what a middleware of net/http does with its next.
func std(do func(next http.Handler, w http.ResponseWriter, r *http.Request)) weft.Middleware {
	return weft.Std("std", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { do(next, w, r) })
	})
}

func TestAMiddlewareOfNetHTTPStandsAnywhere(t *testing.T) {
	for _, at := range places {
		t.Run(at.name, func(t *testing.T) {
			site, tr, log := workbench(t, at, std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Before", "yes")
				next.ServeHTTP(w, r)
				w.Header().Set("X-After", "too late")
			}))
			got := site.send("GET", "/group/x", "")
			assert.Equal(t, 200, got.status)
			assert.Equal(t, `"core"`, got.body)
			assert.Equal(t, "application/json", got.header.Get("Content-Type"))
			assert.Equal(t, "yes", got.header.Get("X-Before"))
			assert.Empty(t, got.header.Get("X-After"), "as in net/http")
			assert.Equal(t, around("core", "edge", "outer", "inner"), tr.take())
			assert.Equal(t, "inner outer edge", stagesOf(got.header))
			assert.Equal(t, "6", got.header.Get("Content-Length"))
			assert.Empty(t, log.errors())
		})
	}
}

// stdOutcomes are ways in which a middleware of net/http can treat next.
func TestWhatAMiddlewareOfNetHTTPDoes(t *testing.T) {
	for _, row := range []struct {
		name   string
		do     func(next http.Handler, w http.ResponseWriter, r *http.Request)
		status int
		body   string
		header string // "Name: value"
		core   bool   // the stages inside have run
		logged string
		err    string // that the stage outside sees
	}{
		{name: "answers by itself", do: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", http.StatusPaymentRequired)
		},
			status: 402, body: "no\n", header: "X-Content-Type-Options: nosniff"},
		{name: "answers nothing", do: func(http.Handler, http.ResponseWriter, *http.Request) {}, status: 200},
		{name: "answers without a type", do: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
			status: 200, body: "<html>", header: "Content-Type: text/html; charset=utf-8"},
		{name: "answers without a type and means it", do: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "<html>")
		}, status: 200, body: "<html>", header: "Content-Type: "},
		{name: "writes where there is no body", do: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			if _, err := io.WriteString(w, "a"); !errors.Is(err, http.ErrBodyNotAllowed) {
				panic(err)
			}
		}, status: 304},
		{name: "writes the head twice", do: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, status: 201},
		{name: "panics", do: func(http.Handler, http.ResponseWriter, *http.Request) { panic(errSecret) }, status: 500, logged: "std_ext_test.go", err: "panic: secret"},
		{name: "panics with what it has written", do: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Gone", "1")
			_, _ = io.WriteString(w, "a")
			panic(errSecret)
		}, status: 500, logged: "stage=std", header: "X-Gone: ", err: "panic: secret"},
		{name: "panics after next", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			panic(errSecret)
		},
			status: 500, logged: "stage=std", core: true, err: "panic: secret"},
		{name: "calls next twice", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			next.ServeHTTP(w, r)
		},
			status: 200, body: `"core"`, core: true, logged: "a second time"},
		{name: "calls next twice, with an answer of its own", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			next.ServeHTTP(w, r)
		}, status: 500, core: true, logged: "a second time", err: "a second time"},
		{name: "calls next on another goroutine", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			var all sync.WaitGroup
			all.Go(func() { next.ServeHTTP(w, r) })
			all.Wait()
		}, status: 200, body: `"core"`, core: true},
		{name: "calls next on another goroutine and does not wait", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			entered := make(chan bool)
			go func() { close(entered); next.ServeHTTP(w, r) }()
			<-entered
			time.Sleep(20 * time.Millisecond)
		}, status: 200, body: `"core"`, core: true},
		{name: "returns while next is still answering on another goroutine", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			writing := make(chan bool)
			go next.ServeHTTP(&lateWriter{ResponseWriter: w, writing: writing}, r)
			<-writing
		}, status: 200, body: `"core"`, core: true},
		{name: "gives next a context that derives from nothing", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.Background()))
		}, status: 500, logged: "does not derive", err: "does not derive"},
		{name: "locks its thread", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			next.ServeHTTP(w, r)
			_ = http.NewResponseController(w).Flush()
		}, status: 200, body: `"core"`, core: true},
		{name: "has the answer in a place of its own", do: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			w.Header().Set("X-Length", fmt.Sprint(rec.Body.Len()))
			w.WriteHeader(rec.Code)
			_, _ = w.Write(bytes.ToUpper(rec.Body.Bytes()))
		}, status: 200, body: `"CORE"`, header: "X-Length: 6", core: true},
	} {
		for _, at := range places {
			t.Run(row.name+", as "+at.name, func(t *testing.T) {
				var seen error
				look := weft.After("look", func(_ *weft.Request, resp weft.Response) weft.Response { seen = resp.Err(); return resp })
				tr := &trace{}
				app, log := newApp()
				app.Use(tr.stage("edge"))
				group := app.Group("/group")
				h := at.attach(app, group, tr.handler("core"), look, std(row.do), tr.stage("inner"))
				group.Handle("GET /x", h)
				got := serve(t, app).send("GET", "/group/x", "")
				assert.Equal(t, row.status, got.status)
				if row.status == 500 {
					assertProblem(t, got, 500)
				} else {
					assert.Equal(t, row.body, got.body)
				}
				if name, value, _ := strings.Cut(row.header, ": "); name != "" {
					assert.Equal(t, value, got.header.Get(name), name)
				}
				assert.True(t, strings.HasSuffix(stagesOf(got.header), "edge"), "the stages outside have added to it")
				assert.Equal(t, row.core, strings.Contains(tr.take(), "core"))
				if row.err == "" {
					assert.NoError(t, seen)
				} else {
					assert.ErrorContains(t, seen, row.err)
				}
				errs := log.errors()
				if row.logged == "" {
					assert.Empty(t, errs)
				} else if assert.Len(t, errs, 1) {
					assert.Contains(t, errs[0], row.logged)
					assert.Contains(t, errs[0], "stage=std")
				}
			})
		}
	}
}

// lateWriter says when it is first written to, and takes its time then.
type lateWriter struct {
	http.ResponseWriter
	writing chan bool
}

func (w *lateWriter) WriteHeader(status int) {
	close(w.writing)
	time.Sleep(20 * time.Millisecond)
	w.ResponseWriter.WriteHeader(status)
}

// Law 2: what went wrong inside is known outside, whatever stands between.
func TestLaw2AnErrorSurvivesAMiddlewareOfNetHTTP(t *testing.T) {
	for _, row := range []struct {
		name  string
		wrap  func(http.Handler) http.Handler
		keeps bool
	}{
		{"passes on", passStd, true},
		{"compresses", gzipStd, true},
		{"answers otherwise", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(httptest.NewRecorder(), r)
				_, _ = io.WriteString(w, "recovered")
			})
		}, false},
	} {
		for _, f := range failures {
			t.Run(row.name+" "+f.name, func(t *testing.T) {
				var inner, outer error
				look := func(into *error) weft.Middleware {
					return weft.After("look", func(_ *weft.Request, resp weft.Response) weft.Response { *into = resp.Err(); return resp })
				}
				app, log := newApp()
				sent := sentBy(app)
				app.Catch(weft.On(func(_ *weft.Request, e *outOfStock) weft.Response {
					return says("mapped").WithStatus(http.StatusTeapot)
				}))
				app.Use(look(&outer), weft.Std("std", row.wrap), weft.Std("again", passStd))
				app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
					if f.panics != nil {
						panic(f.panics)
					}
					return "", f.err
				}).Use(look(&inner)))
				got := serve(t, app).send("GET", "/x", "")
				s := await(t, sent)
				require.Error(t, inner)
				if row.keeps {
					assert.Equal(t, f.status, got.status)
					assert.Equal(t, inner, outer)
					assert.Equal(t, inner, s.Err)
				} else {
					assert.Equal(t, "recovered", got.body)
					assert.NoError(t, outer)
				}
				assert.Equal(t, f.logged, len(log.errors()) == 1)
				assert.NotContains(t, got.body, "secret")
			})
		}
	}
}

func gzipStd(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		next.ServeHTTP(gzipWriter{w, z}, r)
	})
}

type gzipWriter struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (g gzipWriter) WriteHeader(status int) {
	g.Header().Del("Content-Length")
	g.ResponseWriter.WriteHeader(status)
}
func (g gzipWriter) Write(p []byte) (int, error) { return g.z.Write(p) }
func (g gzipWriter) FlushError() error {
	_ = g.z.Flush()
	return http.NewResponseController(g.ResponseWriter).Flush()
}

func TestAStreamIsLiveThroughMiddlewareOfNetHTTP(t *testing.T) {
	for _, row := range []struct {
		name string
		wrap []func(http.Handler) http.Handler
	}{
		{"one", []func(http.Handler) http.Handler{passStd}},
		{"compression", []func(http.Handler) http.Handler{gzipStd}},
		{"compression among others", []func(http.Handler) http.Handler{passStd, gzipStd, passStd}},
	} {
		for _, at := range []string{"app", "group", "route", "interceptor"} {
			t.Run(row.name+" at "+at, func(t *testing.T) {
				var stages []weft.Middleware
				for i, wrap := range row.wrap {
					stages = append(stages, weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response {
						_, err := resp.Render()
						assert.ErrorIs(t, err, weft.ErrNotRenderable)
						return resp.WithHeader(fmt.Sprint("X-Outer-", i), fmt.Sprint(resp.Status()))
					}), weft.Std(fmt.Sprint("std ", i), wrap))
				}
				app, log := newApp()
				sent := sentBy(app)
				p := newPaced()
				h := writing(p.write)
				group := app.Group("/g")
				switch at {
				case "app":
					app.Use(stages...)
				case "group":
					group.Use(stages...)
				case "route":
					h = h.Use(stages...)
				default:
					h = h.Intercept(stages...)
				}
				group.Handle("GET /x", h)
				site := serve(t, app)
				go func() { p.step <- struct{}{} }()
				got := site.open("GET", "/g/x")
				for i := range row.wrap {
					assert.Equal(t, "200", got.Header.Get(fmt.Sprint("X-Outer-", i)))
				}
				assert.Equal(t, "line 0", got.line(t))
				for i := 1; i < 4; i++ {
					p.step <- struct{}{}
					assert.Equal(t, fmt.Sprint("line ", i), got.line(t))
				}
				close(p.step)
				_, err := got.lines.ReadByte()
				assert.ErrorIs(t, err, io.EOF)
				s := await(t, sent)
				assert.Equal(t, 200, s.Status)
				assert.NoError(t, s.Err)
				assert.Positive(t, s.Bytes)
				assert.Empty(t, log.errors())
			})
		}
	}
}

func TestABodyThatFailsInsideMiddlewareOfNetHTTP(t *testing.T) {
	for _, wrap := range []func(http.Handler) http.Handler{passStd, gzipStd} {
		app, log := newApp()
		sent := sentBy(app)
		app.Use(weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader("X-Outer", "yes") }))
		app.Use(weft.Std("std", wrap), weft.Std("again", passStd))
		app.Handle("GET /early", writing(func(w io.Writer) error { _, _ = io.WriteString(w, "a"); return errSecret }))
		app.Handle("GET /late", writing(func(w io.Writer) error { return errors.Join(flushing(w, "a"), errSecret) }))
		app.Handle("GET /panic", writing(func(w io.Writer) error { _ = flushing(w, "a"); panic(errSecret) }))
		app.Handle("GET /abort", writing(func(w io.Writer) error { _ = flushing(w, "a"); panic(http.ErrAbortHandler) }))
		site := serve(t, app)

		got := site.send("GET", "/early", "")
		assert.Equal(t, 500, got.status)
		assert.Equal(t, "yes", got.header.Get("X-Outer"))
		assert.ErrorIs(t, await(t, sent).Err, errSecret)
		assert.Len(t, log.errors(), 1)
		for _, path := range []string{"/late", "/panic"} {
			_, err := site.try("GET", path, "")
			assert.Error(t, err, "a compressed stream has no end either")
			s := await(t, sent)
			assert.ErrorIs(t, s.Err, errSecret)
			assert.Equal(t, 200, s.Status)
			errs := log.errors()
			require.Len(t, errs, 1)
			assert.Contains(t, errs[0], "stage=core")
			assert.Contains(t, errs[0], "route=GET "+path)
		}
		_, err := site.try("GET", "/abort", "")
		assert.Error(t, err)
		assert.ErrorIs(t, await(t, sent).Err, http.ErrAbortHandler)
		assert.Empty(t, log.errors())
	}
}

func TestAbortPassesThroughMiddlewareOfNetHTTP(t *testing.T) {
	unwound := make(chan any, 10)
	app, log := newApp()
	sent := sentBy(app)
	app.Use(std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			unwound <- p
			panic(p)
		}()
		next.ServeHTTP(w, r)
	}))
	app.Handle("GET /core", responding(func(context.Context, *weft.Request) weft.Response { panic(http.ErrAbortHandler) }))
	app.Handle("GET /std", responding(nil).Use(std(func(http.Handler, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })))
	site := serve(t, app)
	for _, path := range []string{"/core", "/std"} {
		_, err := site.try("GET", path, "")
		assert.Error(t, err, path)
		assert.Equal(t, http.ErrAbortHandler, await(t, unwound), "the middleware sees it as in net/http")
		assert.Zero(t, await(t, sent).Status)
		assert.Empty(t, log.errors())
	}
}

func TestGoexitPassesThroughMiddlewareOfNetHTTP(t *testing.T) {
	app, _ := newApp()
	sent := sentBy(app)
	app.Use(weft.Std("through", passStd))
	app.Handle("GET /x", weft.Handle(ok).Use(std(func(http.Handler, http.ResponseWriter, *http.Request) { runtime.Goexit() })))
	srv := build(t, app)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
		t.Error("the goroutine goes on")
	}()
	await(t, ended)
	assert.Error(t, await(t, sent).Err)
}

func ok(context.Context, struct{}) (string, error) { return "ok", nil }

// What a middleware of net/http puts into the request is seen inside.
func TestARequestChangedByMiddlewareOfNetHTTP(t *testing.T) {
	type in struct {
		ID    int    `path:"id"`
		Query string `query:"q"`
		Own   string `header:"X-Own"`
		Body  person `body:"json"`
	}
	change := std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, "value"))
		r.Header.Set("X-Own", "own")
		r.Header.Set("Content-Type", "application/json")
		r.URL = &url.URL{Path: "/items/7", RawQuery: "q=changed"}
		r.Method = "PUT"
		r.Body = io.NopCloser(strings.NewReader(`{"name":"changed"}`))
		r.ContentLength = -1
		next.ServeHTTP(w, r)
	})
	type out struct{ Text string }
	reads := func(name string) weft.Middleware {
		return weft.Before(name, func(r *weft.Request) error { _, err := r.Body(); return err })
	}
	for name, before := range map[string]weft.Middleware{"": nil, " though it was read before": reads("reads")} {
		t.Run("everything"+name, func(t *testing.T) {
			app, log := newApp()
			app.Use(before, change)
			app.Handle("PUT /items/{id}", weft.Handle(func(ctx context.Context, in in) (out, error) {
				return out{fmt.Sprint(in.ID, in.Query, in.Own, in.Body.Name, ctx.Value(traceKey{}), weft.RouteOf(ctx).Pattern())}, nil
			}))
			got := serve(t, app).send("POST", "/elsewhere", `{"name":"original"}`)
			assert.Equal(t, `{"Text":"7changedownchangedvaluePUT /items/{id}"}`, got.body)
			assert.Empty(t, log.errors())
		})
	}
	// A body that a stage outside has read can be read again, by the middleware and inside.
	for name, drains := range map[string]bool{"left alone": false, "drained": true} {
		t.Run("a body that was read, "+name, func(t *testing.T) {
			app, _ := newApp()
			app.Use(reads("reads"), std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
				if drains {
					content, err := io.ReadAll(r.Body)
					assert.NoError(t, err)
					assert.Equal(t, `{"name":"original"}`, string(content))
				}
				next.ServeHTTP(w, r)
			}))
			app.Handle("POST /x", weft.Handle(func(_ context.Context, in person) (string, error) { return in.Name, nil }))
			assert.Equal(t, `"original"`, serve(t, app).send("POST", "/x", `{"name":"original"}`).body)
		})
	}
}

// Values that a guard outside provides are there for the middleware and inside of it.
func TestKeysPassThroughMiddlewareOfNetHTTP(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, in struct {
		User User `value:""`
	}) (string, error) {
		return in.User.Name, nil
	}).Guard(logIn).Intercept(std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		user, _ := CurrentUser.From(r.Context())
		w.Header().Set("X-User", user.Name)
		next.ServeHTTP(w, r)
	})))
	got := serve(t, app).send("GET", "/x", "", "Authorization: Bearer ada's key")
	assert.Equal(t, `"Ada"`, got.body)
	assert.Equal(t, "Ada", got.header.Get("X-User"))
}

func TestTrailersAndInformationOfMiddlewareOfNetHTTP(t *testing.T) {
	large := strings.Repeat("x", 3000)
	for _, row := range []struct {
		name string
		body string
		live bool
	}{{"small", "a", false}, {"large", large, false}, {"flushed", "a", true}} {
		for _, stages := range [][]weft.Middleware{nil, {weft.Std("through", passStd)}, {weft.Std("through", passStd), weft.Std("compress", gzipStd)}} {
			t.Run(fmt.Sprint(row.name, " behind ", len(stages)), func(t *testing.T) {
				app, _ := newApp()
				app.Use(stages...)
				app.Use(std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Link", "</style.css>; rel=preload")
					w.WriteHeader(http.StatusEarlyHints)
					w.Header().Set("Trailer", "X-Declared, X-Never")
					next.ServeHTTP(w, r)
					w.Header().Set("X-Declared", "d")
					w.Header().Set(http.TrailerPrefix+"X-Undeclared", "u")
					w.Header().Set("X-Late", "l")
				}))
				app.Handle("GET /x", responding(func(context.Context, *weft.Request) weft.Response {
					if row.live {
						return weft.Writer("text/plain", func(w io.Writer) error { return flushing(w, row.body) })
					}
					return weft.Text(row.body)
				}))
				site := serve(t, app)
				var informed []string
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					informed = append(informed, fmt.Sprint(code, " ", h.Get("Link")))
					return nil
				}})
				req, err := http.NewRequestWithContext(ctx, "GET", site.url+"/x", nil)
				require.NoError(t, err)
				resp, err := site.client.Do(req)
				require.NoError(t, err)
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				assert.Equal(t, row.body, strings.TrimSpace(string(body)))
				assert.Equal(t, []string{"103 </style.css>; rel=preload"}, informed)
				assert.Equal(t, "d", resp.Trailer.Get("X-Declared"))
				assert.Equal(t, "u", resp.Trailer.Get("X-Undeclared"))
				assert.Empty(t, resp.Header.Get("X-Declared"))
				assert.Empty(t, resp.Header.Get("X-Late"))
				assert.Empty(t, resp.Trailer.Get("X-Late"))
			})
		}
	}
}

// What is written when it is too late, or elsewhere, harms nobody.
func TestWritesThatAreLate(t *testing.T) {
	app, log := newApp()
	late := make(chan error, 3)
	var answered sync.WaitGroup
	answered.Add(1)
	app.Use(std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		go func() {
			answered.Wait()
			_, err := w.Write([]byte("late"))
			late <- err
			late <- http.NewResponseController(w).Flush()
			late <- http.NewResponseController(w).SetReadDeadline(time.Now())
			w.WriteHeader(500)
			w.WriteHeader(103)
			next.ServeHTTP(w, r)
			close(late)
		}()
	}))
	app.Handle("GET /x", weft.Handle(ok))
	site := serve(t, app)
	assert.Equal(t, `"ok"`, site.send("GET", "/x", "").body)
	answered.Done()
	for range 3 {
		assert.Error(t, await(t, late))
	}
	<-late
	errs := log.errors()
	require.Len(t, errs, 1)
	assert.Contains(t, errs[0], "after the stage had returned")
}

// A stream that several goroutines write to.
func TestWritesFromElsewhereAreLive(t *testing.T) {
	app, log := newApp()
	next := make(chan int)
	app.Handle("GET /x", weft.Handle(ok).Use(std(func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for i := range next {
					fmt.Fprintf(w, "line %d\n", i)
					w.(http.Flusher).Flush()
				}
			})
		}
		all.Wait()
	})))
	site := serve(t, app)
	go func() { next <- 0 }()
	got := site.open("GET", "/x")
	assert.Equal(t, "line 0", got.line(t))
	for i := 1; i < 20; i++ {
		next <- i
		assert.Equal(t, fmt.Sprint("line ", i), got.line(t))
	}
	close(next)
	_, err := got.lines.ReadByte()
	assert.ErrorIs(t, err, io.EOF)
	assert.Empty(t, log.errors())
}

func TestAMiddlewareOfNetHTTPThatFlushesMayNotCallNextAnyMore(t *testing.T) {
	app, log := newApp()
	tr := &trace{}
	app.Use(std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "preamble\n")
		w.(http.Flusher).Flush()
		next.ServeHTTP(w, r)
	}))
	app.Handle("GET /x", tr.handler("core"))
	assert.Equal(t, "preamble\n", serve(t, app).send("GET", "/x", "").body)
	assert.Empty(t, tr.take())
	assert.Len(t, log.errors(), 1)
}

// A large answer of the middleware's own is sent while it is written; one of the stages inside is kept whole.
func TestALargeAnswerThroughMiddlewareOfNetHTTP(t *testing.T) {
	large := strings.Repeat("0123456789", 50_000)
	app, _ := newApp()
	renders := make(chan error, 10)
	app.Use(weft.After("look", func(_ *weft.Request, resp weft.Response) weft.Response {
		_, err := resp.Render()
		renders <- err
		return resp
	}))
	app.Use(weft.Std("through", passStd))
	app.Handle("GET /inside", responding(func(context.Context, *weft.Request) weft.Response { return weft.Text(large) }))
	app.Handle("GET /own", weft.Handle(ok).Use(std(func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
		n, err := io.Copy(w, strings.NewReader(large))
		assert.EqualValues(t, len(large), n)
		assert.NoError(t, err)
	})))
	app.Handle("GET /compressed", responding(func(context.Context, *weft.Request) weft.Response { return weft.Text(large) }).Use(weft.Std("gzip", gzipStd)))
	site := serve(t, app)
	for path, whole := range map[string]bool{"/inside": true, "/own": false, "/compressed": true} {
		got := site.send("GET", path, "")
		assert.Equal(t, len(large), len(got.body), path)
		err := await(t, renders)
		assert.Equal(t, whole, err == nil, path)
		if path == "/inside" {
			assert.EqualValues(t, len(large), got.length)
		}
	}
	assert.EqualValues(t, len(large), site.send("HEAD", "/inside", "").length)
}

func TestAnAnswerOfMiddlewareOfNetHTTPThatNobodyWants(t *testing.T) {
	app, log := newApp()
	ended := make(chan error, 10)
	streams := std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		for i := 0; ; i++ {
			fmt.Fprintln(w, "line", i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				ended <- err
				return
			}
		}
	})
	other := weft.After("other", func(*weft.Request, weft.Response) weft.Response { return weft.Text("other") })
	broken := weft.After("broken", func(*weft.Request, weft.Response) weft.Response { panic("oh") })
	empty := weft.After("304", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithStatus(304) })
	app.Handle("GET /other", weft.Handle(ok).Use(other, streams))
	app.Handle("GET /panic", weft.Handle(ok).Use(broken, streams))
	app.Handle("GET /304", weft.Handle(ok).Use(empty, streams))
	app.Handle("GET /nested", weft.Handle(ok).Use(other, weft.Std("through", passStd), weft.Std("gzip", gzipStd), streams))
	site := serve(t, app)
	for path, status := range map[string]int{"/other": 200, "/panic": 500, "/304": 304, "/nested": 200} {
		assert.Equal(t, status, site.send("GET", path, "").status, path)
		assert.Error(t, await(t, ended), path)
	}
	assert.Len(t, log.errors(), 1)
}

// What waits for something to write, as a stream of events does, learns by its context that nobody wants it; so does a
// body inside of it.
func TestAnAnswerThatWaitsForEventsAndThatNobodyWants(t *testing.T) {
	app, log := newApp()
	ended := make(chan error, 10)
	waits := func(ctx context.Context) error {
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}
	other := weft.After("other", func(*weft.Request, weft.Response) weft.Response { return weft.Text("other") })
	app.Handle("GET /itself", weft.Handle(ok).Use(other, std(func(_ http.Handler, w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_ = waits(r.Context())
	})))
	app.Handle("GET /inside", responding(func(ctx context.Context, _ *weft.Request) weft.Response {
		return weft.Writer("text/plain", func(w io.Writer) error { return errors.Join(flushing(w, "a"), waits(ctx)) })
	}).Use(other, weft.Std("through", passStd)))
	app.Handle("GET /raw", rawHandler(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_ = waits(r.Context())
	}).Use(other, weft.Std("through", passStd)))
	site := serve(t, app)
	for _, path := range []string{"/itself", "/inside", "/raw"} {
		assert.Equal(t, "other", site.send("GET", path, "").body, path)
		assert.ErrorContains(t, await(t, ended), "not wanted", path)
	}
	assert.Empty(t, log.errors())
}

// A panic of what runs on for nothing is logged.
func TestAPanicOfMiddlewareOfNetHTTPThatNobodyWants(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(ok).Use(
		weft.After("other", func(*weft.Request, weft.Response) weft.Response { return weft.Text("other") }),
		std(func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			panic("oh")
		})))
	assert.Equal(t, "other", serve(t, app).send("GET", "/x", "").body)
	var errs []string
	require.Eventually(t, func() bool { errs = append(errs, log.errors()...); return len(errs) > 0 }, waitFor, tick)
	assert.Contains(t, errs[0], "stage=std")
	assert.Contains(t, errs[0], "panic: oh")
}

func TestTheControllerOfMiddlewareOfNetHTTP(t *testing.T) {
	app, _ := newApp()
	app.Use(std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		assert.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, c.EnableFullDuplex())
		next.ServeHTTP(w, r)
		assert.NoError(t, c.Flush())
	}))
	app.Handle("GET /x", weft.Handle(ok))
	assert.Equal(t, `"ok"`, serve(t, app).send("GET", "/x", "").body)
}

// A stage alone, as a unit test calls it: a stream is read to its end.
func TestAMiddlewareOfNetHTTPAlone(t *testing.T) {
	r := weft.NewRequest(httptest.NewRequest("GET", "/x", nil))
	resp := weft.Std("gzip", gzipStd).Dispatch(r, func(*weft.Request) weft.Response {
		return weft.Writer("text/plain", func(w io.Writer) error { return errors.Join(flushing(w, "a"), flushing(w, "b")) })
	})
	assert.Equal(t, "gzip", resp.Header().Get("Content-Encoding"))
	body, err := resp.Render()
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	text, err := io.ReadAll(z)
	assert.NoError(t, err)
	assert.Equal(t, "a\nb\n", string(text))
}

// Fields that are lists are added to by each; of others that of the Response inside counts, as in net/http where a handler sets it.
func TestFieldsThatAreListsAreAddedToThroughMiddlewareOfNetHTTP(t *testing.T) {
	sets := func(name string) weft.Middleware {
		return std(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Vary", name)
			w.Header().Add("Vary", "Accept")
			http.SetCookie(w, &http.Cookie{Name: "who", Value: name})
			w.Header().Set("Cache-Control", name)
			next.ServeHTTP(w, r)
		})
	}
	app, _ := newApp()
	app.Use(sets("outer"), sets("inner"))
	resp := weft.Text("a").Vary("Origin, Accept").WithHeader("Set-Cookie", "who=core").WithHeader("Cache-Control", "core")
	app.Handle("GET /whole", responding(func(context.Context, *weft.Request) weft.Response { return resp }))
	app.Handle("GET /plain", weft.Handle(ok))
	app.Handle("GET /live", responding(func(context.Context, *weft.Request) weft.Response {
		live := weft.Writer("text/plain", func(w io.Writer) error { return flushing(w, "a") })
		return live.Vary("Origin, Accept").WithHeader("Set-Cookie", "who=core").WithHeader("Cache-Control", "core")
	}))
	app.Handle("GET /raw", rawHandler(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Vary", "Origin")
		w.Header().Add("Set-Cookie", "who=core")
		w.Header().Set("Cache-Control", "core")
	}))
	site := serve(t, app)
	for _, path := range []string{"/whole", "/live", "/raw"} {
		got := site.send("GET", path, "")
		assert.Contains(t, strings.Join(got.header["Vary"], ", "), "Accept")
		for _, name := range []string{"outer", "inner", "Origin"} {
			assert.Equal(t, 1, strings.Count(strings.Join(got.header["Vary"], ", "), name), "%s: %s in %v", path, name, got.header["Vary"])
		}
		assert.Equal(t, []string{"who=outer", "who=inner", "who=core"}, got.header["Set-Cookie"], path)
		assert.Equal(t, []string{"core"}, got.header["Cache-Control"], path)
	}
	got := site.send("GET", "/plain", "")
	assert.Equal(t, []string{"who=outer", "who=inner"}, got.header["Set-Cookie"])
	assert.Equal(t, []string{"inner"}, got.header["Cache-Control"])
}
