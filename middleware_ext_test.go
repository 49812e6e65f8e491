package weft_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func request(method, target string) *weft.Request {
	return weft.NewRequest(httptest.NewRequest(method, target, nil))
}

func answer(resp weft.Response) weft.Next {
	return func(*weft.Request) weft.Response { return resp }
}

// Every form of the factory is a value that one call tests.
func TestAStageIsTestedByOneCall(t *testing.T) {
	refused := &weft.Error{Status: 403}
	before := weft.Before("members only", func(r *weft.Request) error {
		if r.Header().Get("X-Member") == "" {
			return refused
		}
		return nil
	})
	r := request("GET", "/")
	resp := before.Dispatch(r, answer(weft.Text("in")))
	assert.Equal(t, 403, resp.Status())
	assert.Equal(t, refused, resp.Err())
	r.Header().Set("X-Member", "1")
	assert.Equal(t, 200, before.Dispatch(r, answer(weft.Text("in"))).Status())

	after := weft.After("stamp", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader("X-Stamp", "1") })
	assert.Equal(t, "1", after.Dispatch(r, answer(weft.Empty())).Header().Get("X-Stamp"))
	assert.Equal(t, "1", after.Dispatch(r, answer(weft.Fail(refused))).Header().Get("X-Stamp"), "failures too")

	onError := weft.OnError("teapot", func(_ *weft.Request, resp weft.Response, err error) weft.Response {
		if errors.Is(err, refused) {
			return resp.WithStatus(http.StatusTeapot)
		}
		return resp
	})
	assert.Equal(t, 204, onError.Dispatch(r, answer(weft.Empty())).Status())
	assert.Equal(t, 418, onError.Dispatch(r, answer(weft.Fail(refused))).Status())
	assert.Equal(t, 500, onError.Dispatch(r, answer(weft.Fail(errors.New("other")))).Status())
}

// Parameters are what a function that makes a stage closes over.
func TestAStageWithParameters(t *testing.T) {
	header := func(name, value string) weft.Middleware {
		return weft.After(name, func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader(name, value) })
	}
	app, _ := newApp()
	app.Use(header("X-A", "1"), header("X-B", "2"))
	app.Handle("GET /x", (&trace{}).handler("x"))
	got := serve(t, app).send("GET", "/x", "")
	assert.Equal(t, "1", got.header.Get("X-A"))
	assert.Equal(t, "2", got.header.Get("X-B"))
}

func TestBeforeEndsARequestWithItsError(t *testing.T) {
	app, log := newApp()
	tr := &trace{}
	app.Use(tr.stage("outer"), weft.Before("refuse", func(r *weft.Request) error {
		switch r.HTTP().URL.Path {
		case "/refused":
			return &weft.Error{Status: 403, Code: "refused"}
		case "/broken":
			return errSecret
		}
		return nil
	}))
	app.Handle("GET /{any}", tr.handler("core"))
	site := serve(t, app)

	got := site.send("GET", "/refused", "")
	assertProblem(t, got, 403)
	assert.Equal(t, "outer", stagesOf(got.header))
	assert.Equal(t, "+outer -outer", tr.take())
	assert.Empty(t, log.errors())

	assertProblem(t, site.send("GET", "/broken", ""), 500)
	assert.Len(t, log.errors(), 1)
	tr.take()

	assert.Equal(t, 200, site.send("GET", "/fine", "").status)
	assert.Equal(t, "+outer core -outer", tr.take())
}

func TestOnErrorMayRecover(t *testing.T) {
	app, log := newApp()
	app.Use(weft.OnError("fallback", func(_ *weft.Request, _ weft.Response, err error) weft.Response {
		return weft.Text("instead of: " + err.Error())
	}))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
		return "", &weft.Error{Status: 404, Code: "gone"}
	}))
	got := serve(t, app).send("GET", "/x", "")
	assert.Equal(t, 200, got.status)
	assert.Equal(t, "instead of: 404 Not Found (gone)", got.body)
	assert.Empty(t, log.errors())
}

func TestFinallyRunsInReverseAfterTheAnswerWasSent(t *testing.T) {
	type key struct{}
	tr := &trace{}
	var ends []weft.Sent
	ended := make(chan struct{}, 3)
	end := func(name string) weft.Middleware {
		return weft.Finally(name, func(r *weft.Request, s weft.Sent) {
			outer, _ := r.Context().Value(key{}).(string)
			tr.add(name + outer)
			assert.Positive(t, s.Duration)
			s.Duration = 0
			ends = append(ends, s)
			ended <- struct{}{}
			if name == "second" {
				panic(errSecret)
			}
		})
	}
	app, log := newApp()
	app.Use(end("first"), weft.NewMiddleware("mark", func(r *weft.Request, next weft.Next) weft.Response {
		return next(r.WithContext(context.WithValue(r.Context(), key{}, "(marked)")))
	}))
	app.Handle("GET /x", tr.handler("core").Use(end("second")).Intercept(end("third")))
	app.Handle("GET /fails", weft.Handle(func(context.Context, struct{}) (string, error) { return "", errSecret }))
	site := serve(t, app)

	site.send("GET", "/x", "")
	for range 3 {
		<-ended
	}
	site.client.CloseIdleConnections()
	assert.Eventually(t, func() bool { return len(log.errors()) == 1 }, waitFor, tick, "the panic of a Finally is logged")
	assert.Equal(t, "core third(marked) second(marked) first", tr.take())
	assert.Equal(t, []weft.Sent{{Status: 200, Bytes: 6}, {Status: 200, Bytes: 6}, {Status: 200, Bytes: 6}}, ends)

	ends = nil
	site.send("GET", "/fails", "")
	<-ended
	assert.Equal(t, 500, ends[0].Status)
	assert.ErrorIs(t, ends[0].Err, errSecret)
	site.send("GET", "/unknown", "")
	<-ended
	assert.Equal(t, 404, ends[1].Status)
}

func TestFinallyLearnsThatTheBodyCouldNotBeWritten(t *testing.T) {
	var end weft.Sent
	app, _ := newApp()
	app.Use(weft.Finally("end", func(_ *weft.Request, s weft.Sent) { end = s }))
	app.Handle("GET /x", (&trace{}).handler("core"))
	build(t, app).ServeHTTP(brokenWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/x", nil))
	assert.Equal(t, 200, end.Status)
	assert.Zero(t, end.Bytes)
	assert.ErrorIs(t, end.WriteErr, errSecret)
	assert.NoError(t, end.Err)
}

type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) { return 0, errSecret }

type audit struct{ tr *trace }

func (a *audit) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	a.tr.add("audit")
	return next(r)
}

func passThrough(r *weft.Request, next weft.Next) weft.Response { return next(r) }

func TestNamesOfStages(t *testing.T) {
	app, _ := newApp()
	app.Use(
		weft.NewMiddleware("given", passThrough),
		weft.MiddlewareFunc(passThrough),
		&audit{&trace{}},
		weft.Describe(&audit{&trace{}}, weft.Named("described")),
		weft.Describe(weft.NewMiddleware("first", passThrough), weft.Named("second")),
	)
	plan, err := app.Plan()
	require.NoError(t, err)
	var names []string
	for _, s := range plan.App {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"given", "weft_test.passThrough", "weft_test.audit", "described", "second"}, names)
}

func TestANilMiddlewareIsLeftOut(t *testing.T) {
	tr := &trace{}
	app, _ := newApp()
	app.Use(nil, tr.stage("a"), nil)
	group := app.Group("/g", nil)
	group.Use(nil)
	group.Handle("GET /x", tr.handler("core").Use(nil, nil).Intercept(nil))
	serve(t, app).send("GET", "/g/x", "")
	assert.Equal(t, around("core", "a"), tr.take())
}

func TestWithoutOnceAStageRunsWhereverItIsAttached(t *testing.T) {
	tr := &trace{}
	again := tr.stage("again")
	app, _ := newApp()
	app.Use(again)
	app.Group("/g", again, again).Handle("GET /x", tr.handler("core").Use(again))
	serve(t, app).send("GET", "/g/x", "")
	assert.Equal(t, around("core", "again", "again", "again", "again"), tr.take())
}

func TestOnceStandsAtItsOutermostPlace(t *testing.T) {
	tr := &trace{}
	once := tr.stage("once", weft.Once())
	app, _ := newApp()
	outer := app.Group("/o", tr.stage("outer"))
	inner := outer.Group("/i", once, tr.stage("inner"), once)
	inner.Handle("GET /x", tr.handler("core").Use(once).Intercept(once, tr.stage("interceptor")))
	app.Handle("GET /y", tr.handler("core").Use(once))
	site := serve(t, app)
	site.send("GET", "/o/i/x", "")
	assert.Equal(t, around("core", "outer", "once", "inner", "interceptor"), tr.take())
	site.send("GET", "/y", "")
	assert.Equal(t, around("core", "once"), tr.take())
	site.send("GET", "/o/i/unknown", "")
	assert.Equal(t, "+outer +once +inner -inner -once -outer", tr.take())
}

func TestOutsideAndInsideAreChecked(t *testing.T) {
	tr := &trace{}
	for _, row := range []struct {
		name    string
		declare func(app *weft.App)
		problem string // "" is none
	}{
		{"outside, and it is", func(app *weft.App) {
			app.Use(tr.stage("a", weft.Outside("b")), tr.stage("b"))
		}, ""},
		{"outside, and it is not", func(app *weft.App) {
			app.Use(tr.stage("b"), tr.stage("a", weft.Outside("b")))
		}, `"a" must stand outside "b", but that one \(\S+middleware_ext_test.go:\d+\) stands outside it; list it earlier`},
		{"inside, and it is", func(app *weft.App) {
			app.Use(tr.stage("b"), tr.stage("a", weft.Inside("b")))
		}, ""},
		{"inside, and it is not, on a group", func(app *weft.App) {
			app.Group("/g", tr.stage("a", weft.Inside("b")), tr.stage("b"))
		}, `"a" must stand inside "b"`},
		{"across levels", func(app *weft.App) {
			app.Use(tr.stage("b"))
			app.Handle("GET /x", tr.handler("x").Use(tr.stage("a", weft.Outside("b"))))
		}, `"a" must stand outside "b"`},
		{"an interceptor is inside a middleware", func(app *weft.App) {
			app.Handle("GET /x", tr.handler("x").Intercept(tr.stage("b")).Use(tr.stage("a", weft.Inside("b"))))
		}, `"a" must stand inside "b"`},
		{"nothing of that name on the route", func(app *weft.App) {
			app.Handle("GET /x", tr.handler("x").Use(tr.stage("a", weft.Outside("b"), weft.Inside("c"))))
			app.Handle("GET /y", tr.handler("y").Use(tr.stage("b"), tr.stage("c")))
		}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			app, _ := newApp()
			row.declare(app)
			_, err := app.Plan()
			if row.problem == "" {
				assert.NoError(t, err)
			} else {
				assert.Regexp(t, row.problem, err)
			}
		})
	}
}

func TestADemandAboutNoStageIsWarnedOf(t *testing.T) {
	app, _ := newApp()
	app.Use(weft.NewMiddleware("log", passThrough, weft.Inside("reqest id")))
	app.Handle("GET /x", (&trace{}).handler("x").Guard(weft.NewGuard("g", passGuard, weft.Outside("log in"))))
	plan, err := app.Plan()
	require.NoError(t, err)
	require.Len(t, plan.Warnings, 2)
	assert.Contains(t, plan.Warnings[0].Problem, `the middleware "log" says where it stands beside "reqest id", and no stage has that name`)
}

func TestOptionsOfPartsAndChecksAreNotIgnored(t *testing.T) {
	app, _ := newApp()
	h := (&trace{}).handler("x")
	app.Handle("GET /x", h.Guard(weft.All(weft.NewGuard("part", passGuard, weft.Once()))))
	check := func(context.Context, struct{}) error { return nil }
	app.Handle("GET /y", h.Check(check, weft.Named("second")).Check(check, weft.Named("first"), weft.Outside("second")))
	app.Handle("GET /z", h.Check(check, weft.Named("one"), weft.Once()).Check(check, weft.Named("one"), weft.Once()))
	plan, err := app.Plan()
	require.ErrorContains(t, err, `the guard "part" is a part of "all(part)" and says where it stands`)
	require.ErrorContains(t, err, `"first" must stand outside "second"`)
	checks := 0
	for _, st := range plan.Routes[2].Stages {
		if st.Kind == weft.KindCheck {
			checks++
		}
	}
	assert.Equal(t, 1, checks)
}
