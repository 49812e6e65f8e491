package weft_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestLaw1OnionOrderIsAppGroupRouteFirstListedOutermost(t *testing.T) {
	tr := &trace{}
	app, _ := newApp()
	app.Use(tr.stage("app1"))
	outer := app.Group("/a", tr.stage("outer1"))
	inner := outer.Group("/{b}", tr.stage("inner1"))
	inner.Handle("GET /c", tr.handler("core").
		Intercept(tr.stage("route-i1")).
		Use(tr.stage("route1"), tr.stage("route2")).
		Use(tr.stage("route3")).
		Intercept(tr.stage("route-i2")))
	// Declared after the route, they apply all the same.
	outer.Use(tr.stage("outer2"))
	app.Use(tr.stage("app2"))
	inner.Use(tr.stage("inner2"))
	inner.Intercept(tr.stage("inner-i"))
	app.Intercept(tr.stage("app-i"))

	got := serve(t, app).send("GET", "/a/x/c", "")

	stages := []string{
		"app1", "app2", "outer1", "outer2", "inner1", "inner2", "route1", "route2", "route3",
		"app-i", "inner-i", "route-i1", "route-i2",
	}
	assert.Equal(t, around("core", stages...), tr.take())
	assert.Equal(t, 200, got.status)
	assert.Equal(t, `"core"`, got.body)
}

func TestLaw1OnlyEnteredStagesUnwind(t *testing.T) {
	for _, at := range places {
		t.Run("short circuit in "+at.name, func(t *testing.T) {
			site, tr, log := workbench(t, at, weft.NewMiddleware("stop", func(*weft.Request, weft.Next) weft.Response {
				return weft.Text("stopped").WithStatus(http.StatusTeapot)
			}))
			got := site.send("GET", "/group/x", "")
			assert.Equal(t, "+edge +outer -outer -edge", tr.take())
			assert.Equal(t, http.StatusTeapot, got.status)
			assert.Equal(t, "stopped", got.body)
			assert.Empty(t, log.errors())
		})
	}
}

// fault is a defect or failure of one stage, and what must come of it.
type fault struct {
	name     string
	dispatch func(*weft.Request, weft.Next) weft.Response
	status   int
	ran      bool   // the stages inside, once
	logged   string // part of the one log line; "" for none
}

var errSecret = errors.New("secret-dsn")

var faults = []fault{
	{
		name: "an Error of the client",
		dispatch: func(*weft.Request, weft.Next) weft.Response {
			return weft.Fail(&weft.Error{Status: 409, Cause: errSecret})
		},
		status: 409,
	}, {
		name: "an Error of the server",
		dispatch: func(*weft.Request, weft.Next) weft.Response {
			return weft.Fail(&weft.Error{Status: 503, Cause: errSecret})
		},
		status: 503, logged: "secret-dsn",
	}, {
		name:     "an unknown error",
		dispatch: func(*weft.Request, weft.Next) weft.Response { return weft.Fail(errSecret) },
		status:   500, logged: "secret-dsn",
	}, {
		name: "an unknown error after next",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			next(r)
			return weft.Fail(errSecret)
		},
		status: 500, ran: true, logged: "secret-dsn",
	}, {
		name:     "a nil error",
		dispatch: func(*weft.Request, weft.Next) weft.Response { return weft.Fail(nil) },
		status:   500, logged: "nil error",
	}, {
		name: "a typed nil error",
		dispatch: func(*weft.Request, weft.Next) weft.Response {
			var e *weft.Error
			return weft.Fail(e)
		},
		status: 500, logged: "*weft.Error",
	}, {
		name:     "a panic before next",
		dispatch: func(*weft.Request, weft.Next) weft.Response { panic(errSecret) },
		status:   500, logged: "secret-dsn",
	}, {
		name: "a panic after next",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			next(r)
			panic("secret-dsn")
		},
		status: 500, ran: true, logged: "secret-dsn",
	}, {
		name:     "the zero Response",
		dispatch: func(*weft.Request, weft.Next) weft.Response { return weft.Response{} },
		status:   500, logged: "zero Response",
	}, {
		name: "the zero Response after next",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			next(r)
			return weft.Response{}.WithStatus(200).WithHeader("X", "y")
		},
		status: 500, ran: true, logged: "zero Response",
	}, {
		name: "a second next, whose answer is returned",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			next(r)
			return next(r)
		},
		status: 500, ran: true, logged: "next was called a second time",
	}, {
		name: "a second next, whose answer is ignored",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			resp := next(r)
			next(r)
			return resp
		},
		status: 200, ran: true, logged: "next was called a second time",
	}, {
		name: "a second next on a copy",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			type key struct{}
			next(r.WithContext(context.WithValue(r.Context(), key{}, 1)))
			return next(r.WithContext(context.WithValue(r.Context(), key{}, 2)))
		},
		status: 500, ran: true, logged: "next was called a second time",
	}, {
		name: "a second next in a goroutine",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			second := make(chan weft.Response)
			resp := next(r)
			go func() { second <- next(r) }()
			if (<-second).Status() != 500 {
				return weft.Text("the second next was answered")
			}
			return resp
		},
		status: 200, ran: true, logged: "next was called a second time",
	}, {
		name: "next with a foreign Request",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			return next(weft.NewRequest(r.HTTP()))
		},
		status: 500, logged: "a Request that is not the stage's own",
	}, {
		name: "next with no Request",
		dispatch: func(_ *weft.Request, next weft.Next) weft.Response {
			return next(nil)
		},
		status: 500, logged: "nil pointer",
	}, {
		name: "a status that is none",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			return next(r).WithStatus(42)
		},
		status: 500, ran: true, logged: "status 42",
	}, {
		name: "a header that would start another",
		dispatch: func(r *weft.Request, next weft.Next) weft.Response {
			return next(r).WithHeader("X-Secret-Dsn", "a\r\nX-Injected: b")
		},
		status: 500, ran: true, logged: `"X-Secret-Dsn"`,
	},
}

// Laws 2, 3, 5 and 7 for every fault of a stage at every place.
func TestLaw2AResponseAlwaysComesBack(t *testing.T) {
	for _, at := range places {
		for _, f := range faults {
			t.Run(f.name+" in "+at.name, func(t *testing.T) {
				site, tr, log := workbench(t, at, weft.NewMiddleware("faulty", f.dispatch))
				site.send("GET", "/unknown", "") // opens the connection
				tr.take()
				log.errors()

				got := site.send("GET", "/group/x", "")

				assert.Equal(t, f.status, got.status)
				assert.True(t, got.reused, "the connection survives")
				if f.status >= 400 {
					assertProblem(t, got, f.status)
				}
				assert.NotContains(t, strings.ToLower(got.body), "secret", "nothing internal is sent")
				assert.Empty(t, got.header.Get("X-Injected"))

				inside := "+outer -outer"
				if f.ran {
					inside = around("core", "outer", "inner")
				}
				events := tr.take()
				assert.Contains(t, events, inside, "inner stages ran once or not at all")
				assert.True(t, strings.HasSuffix(events, "-edge"))
				outer := "outer edge"
				assert.True(t, strings.HasSuffix(stagesOf(got.header), outer), "outer stages add their headers: %s", stagesOf(got.header))

				errors := log.errors()
				if f.logged == "" {
					assert.Empty(t, errors)
				} else if assert.Len(t, errors, 1, "the cause is logged once") {
					assert.Contains(t, errors[0], f.logged)
					assert.Contains(t, errors[0], "stage=faulty")
				}

				assert.True(t, site.send("GET", "/unknown", "").reused, "the server goes on")
			})
		}
	}
}

func TestLaw2ErrCarriesTheOriginalError(t *testing.T) {
	sentinel := errors.New("original")
	var seen error
	app, _ := newApp()
	app.Use(weft.OnError("see", func(_ *weft.Request, resp weft.Response, err error) weft.Response {
		seen = err
		return resp
	}))
	app.Handle("GET /error", weft.Handle(func(context.Context, struct{}) (string, error) { return "", sentinel }))
	app.Handle("GET /panic", weft.Handle(func(context.Context, struct{}) (string, error) { panic("original") }))
	site := serve(t, app)

	assert.Equal(t, 500, site.send("GET", "/error", "").status)
	assert.Same(t, sentinel, seen)

	assert.Equal(t, 500, site.send("GET", "/panic", "").status)
	var p *weft.PanicError
	require.ErrorAs(t, seen, &p)
	assert.Equal(t, "original", p.Value)
	assert.Contains(t, string(p.Stack), "TestLaw2ErrCarriesTheOriginalError")

	assert.Equal(t, 404, site.send("GET", "/unknown", "").status)
	var e *weft.Error
	require.ErrorAs(t, seen, &e)
	assert.Equal(t, 404, e.Status)
}

func TestLaw2AbortAndGoexitPassThroughAndFinallyStillRuns(t *testing.T) {
	for name, leave := range map[string]func(){
		"http.ErrAbortHandler": func() { panic(http.ErrAbortHandler) },
		"runtime.Goexit":       runtime.Goexit,
	} {
		for _, at := range places {
			t.Run(name+" in "+at.name, func(t *testing.T) {
				app, log := newApp()
				sent := make(chan weft.Sent, 1)
				app.Use(weft.Finally("end", func(_ *weft.Request, s weft.Sent) { sent <- s }))
				group := app.Group("/group")
				group.Handle("GET /x", at.attach(app, group, (&trace{}).handler("core"), weft.NewMiddleware("leaves",
					func(r *weft.Request, next weft.Next) weft.Response { next(r); leave(); return weft.Empty() })))

				_, err := serve(t, app).try("GET", "/group/x", "")

				require.Error(t, err, "the connection is dropped")
				end := <-sent
				assert.Zero(t, end.Status)
				require.Error(t, end.Err)
				assert.Empty(t, log.errors())
			})
		}
	}
}

func TestLaw3NextAfterReturn(t *testing.T) {
	for _, at := range places {
		for name, calledBefore := range map[string]bool{"having called it": true, "never having called it": false} {
			t.Run(name+" in "+at.name, func(t *testing.T) {
				late := make(chan weft.Response)
				returned := make(chan struct{})
				site, tr, log := workbench(t, at, weft.NewMiddleware("faulty", func(r *weft.Request, next weft.Next) weft.Response {
					resp := weft.Text("own answer")
					if calledBefore {
						resp = next(r)
					}
					go func() {
						<-returned
						late <- next(r)
					}()
					return resp
				}))
				got := site.send("GET", "/group/x", "")
				assert.Equal(t, 200, got.status)
				events := tr.take()

				close(returned)
				assert.Equal(t, 500, (<-late).Status())
				assert.Empty(t, tr.take(), "nothing ran")
				assert.Equal(t, calledBefore, strings.Contains(events, "core"))
				logged := log.errors()
				require.Len(t, logged, 1)
				assert.Contains(t, logged[0], "after the stage had returned")
				assert.Contains(t, logged[0], "stage=faulty")
			})
		}
	}
}

func TestLaw3OfManyConcurrentCallsOneEnters(t *testing.T) {
	for _, at := range places {
		t.Run(at.name, func(t *testing.T) {
			site, tr, log := workbench(t, at, weft.NewMiddleware("faulty", func(r *weft.Request, next weft.Next) weft.Response {
				answers := make([]weft.Response, 8)
				var all sync.WaitGroup
				for i := range answers {
					all.Go(func() { answers[i] = next(r.WithContext(r.Context())) })
				}
				all.Wait()
				served := weft.Response{}
				for _, a := range answers {
					if a.Status() == 200 {
						served = a
					}
				}
				return served
			}))
			got := site.send("GET", "/group/x", "")
			assert.Equal(t, 200, got.status)
			assert.Equal(t, 1, strings.Count(tr.take(), "core"))
			assert.Len(t, log.errors(), 7)
		})
	}
}

func TestLaw3ABoundaryWaitsForItsNext(t *testing.T) {
	for _, at := range places {
		for name, leave := range map[string]func() weft.Response{
			"returns": func() weft.Response { return weft.Text("too early") },
			"panics":  func() weft.Response { panic("too early") },
		} {
			t.Run("a stage that "+name+" as "+at.name, func(t *testing.T) {
				tr := &trace{}
				app, _ := newApp()
				app.Use(tr.stage("edge"))
				group := app.Group("/group")
				started := make(chan struct{})
				slow := weft.Handle(func(context.Context, struct{}) (string, error) {
					close(started)
					time.Sleep(20 * time.Millisecond)
					tr.add("core")
					return "", nil
				})
				hasty := weft.NewMiddleware("hasty", func(r *weft.Request, next weft.Next) weft.Response {
					go next(r)
					<-started
					return leave()
				})
				group.Handle("GET /x", at.attach(app, group, slow, tr.stage("outer"), hasty, tr.stage("inner")))

				serve(t, app).send("GET", "/group/x", "")

				assert.Contains(t, tr.take(), "core -inner -outer")
			})
		}
	}
}

func TestLaw5APanicInTheHandlerOrItsAnswer(t *testing.T) {
	app, log := newApp()
	app.Use((&trace{}).stage("outer"))
	app.Handle("GET /handler", weft.Handle(func(context.Context, struct{}) (string, error) { panic(errSecret) }).Named("the handler"))
	app.Handle("GET /encode", weft.Handle(func(context.Context, struct{}) (explosive, error) { return explosive{}, nil }))
	app.Handle("GET /error", weft.Handle(func(context.Context, struct{}) (string, error) { return "", explosiveError{} }).Named("the handler"))
	site := serve(t, app)
	site.send("GET", "/unknown", "")

	for path, stage := range map[string]string{"/handler": "the handler", "/encode": "respond", "/error": "the handler"} {
		got := site.send("GET", path, "")
		assertProblem(t, got, 500)
		assert.True(t, got.reused)
		assert.Equal(t, "outer", stagesOf(got.header))
		logged := log.errors()
		if assert.Len(t, logged, 1, path) {
			assert.Contains(t, logged[0], "stage="+stage+" ")
			assert.Contains(t, logged[0], "stack=goroutine")
			assert.Contains(t, logged[0], `route=GET `+path)
		}
	}
}

func TestLaw5ALoggerThatPanics(t *testing.T) {
	app := weft.New(weft.WithLogger(slog.New(brokenLog{})))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", errSecret }))
	assertProblem(t, serve(t, app).send("GET", "/x", ""), 500)
}

type brokenLog struct{ slog.Handler }

func (brokenLog) Enabled(context.Context, slog.Level) bool  { return true }
func (b brokenLog) WithAttrs([]slog.Attr) slog.Handler      { return b }
func (brokenLog) Handle(context.Context, slog.Record) error { panic("the disk is full") }

type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("cannot be encoded") }

type explosiveError struct{}

func (explosiveError) Error() string        { return "explosive" }
func (explosiveError) As(any) bool          { panic("must not be asked") }
func (explosiveError) Unwrap() error        { panic("must not be asked") }
func (explosiveError) Is(target error) bool { panic("must not be asked") }

func TestLaw6AResponseCanBeKeptAndSentManyTimes(t *testing.T) {
	kept := weft.JSON(map[string]int{"a": 1}).WithHeader("X-Kept", "1")
	app, _ := newApp()
	app.Use(weft.After("changes", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("X-Kept", "2").WithStatus(201).WithCookie(&http.Cookie{Name: "c", Value: "v"})
	}))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return kept, nil }))
	srv := build(t, app)

	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
			assert.Equal(t, 201, w.Code)
			assert.Equal(t, []string{"2"}, w.Header()["X-Kept"])
			w.Header()["X-Kept"][0] = "written over by whoever wraps the writer"
			w.Body.Bytes()[0] = '!'
		})
	}
	all.Wait()
	assert.Equal(t, 200, kept.Status())
	assert.Equal(t, http.Header{"Content-Type": {"application/json"}, "X-Kept": {"1"}}, kept.Header())
	body, err := kept.Render()
	require.NoError(t, err)
	assert.JSONEq(t, `{"a":1}`, string(body))
}

func TestLaw8RegistrationAfterBuildPanicsAndNamesBothLines(t *testing.T) {
	app, _ := newApp()
	group := app.Group("/g")
	build(t, app)
	h := (&trace{}).handler("late")
	for name, late := range map[string]func(){
		"App.Use":         func() { app.Use() },
		"App.Intercept":   func() { app.Intercept() },
		"App.Meta":        func() { app.Meta(1) },
		"App.Handle":      func() { app.Handle("GET /late", h) },
		"App.On":          func() { app.On(dock("late"), h) },
		"App.Group":       func() { app.Group("/late") },
		"Group.Use":       func() { group.Use() },
		"Group.Intercept": func() { group.Intercept() },
		"Group.Meta":      func() { group.Meta(1) },
		"Group.Handle":    func() { group.Handle("GET /late", h) },
		"Group.On":        func() { group.On(dock("late"), h) },
		"Group.Group":     func() { group.Group("/late") },
		"Group.Formats":   func() { group.Formats(weft.Formats{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				assert.Regexp(t, `^weft: `+name+` at \S+/laws_ext_test\.go:\d+ comes after Build at \S+/support_ext_test\.go:\d+`, recover())
			}()
			late()
		})
	}
}

func TestLaw10TwoAppsShareHandlersAndNothingElse(t *testing.T) {
	tr := &trace{}
	shared := tr.handler("shared")
	first, firstLog := newApp(weft.WithLimit(10))
	first.Use(tr.stage("first"))
	first.Handle("GET /x", shared.Use(tr.stage("only-first")))
	second, secondLog := newApp()
	second.Handle("GET /x", shared)
	second.Handle("GET /fails", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		weft.Logger(ctx).ErrorContext(ctx, "from the handler")
		return "", errSecret
	}))
	a, b := serve(t, first), serve(t, second)

	assert.Equal(t, "only-first first", stagesOf(a.send("GET", "/x", "").header))
	assert.Empty(t, stagesOf(b.send("GET", "/x", "").header))
	assert.Equal(t, 404, a.send("GET", "/fails", "").status)
	assert.Equal(t, 500, b.send("GET", "/fails", "").status)
	assert.Empty(t, firstLog.errors())
	assert.Len(t, secondLog.errors(), 2)
}

// On a goroutine of a stage's own, http.ErrAbortHandler would end the process.
func TestLaw2AnAbortOnAnotherGoroutineDropsTheConnectionOnly(t *testing.T) {
	for _, at := range places {
		t.Run(at.name, func(t *testing.T) {
			app, log := newApp()
			sent := make(chan weft.Sent, 1)
			app.Use(weft.Finally("end", func(_ *weft.Request, s weft.Sent) { sent <- s }))
			group := app.Group("/group")
			aborts := weft.Handle(func(context.Context, struct{}) (string, error) { panic(http.ErrAbortHandler) })
			group.Handle("GET /x", at.attach(app, group, aborts, weft.NewMiddleware("goroutine", func(r *weft.Request, next weft.Next) weft.Response {
				answer := make(chan weft.Response)
				go func() { answer <- next(r) }()
				<-answer
				return weft.Text("the abort must not be overruled")
			})))
			_, err := serve(t, app).try("GET", "/group/x", "")
			require.Error(t, err)
			assert.Zero(t, (<-sent).Status)
			assert.Empty(t, log.errors())
		})
	}
}

func TestLaw5APanicIsA500WhateverItsValue(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { panic(&weft.Error{Status: 404}) }))
	app.Handle("GET /y", (&trace{}).handler("y").Use(weft.Before("panics", func(*weft.Request) error { panic(&weft.InvalidRequest{Status: 400}) })))
	site := serve(t, app)
	assertProblem(t, site.send("GET", "/x", ""), 500)
	assertProblem(t, site.send("GET", "/y", ""), 500)
	assert.Len(t, log.errors(), 2)
}
