package weft_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
)

// spans is an observer that records a tree of visits: what a tracer would do.
type spans struct {
	trace
	only func(*weft.StageInfo) bool
}

type spanKey struct{}

func (s *spans) Observes(stage *weft.StageInfo) bool { return s.only == nil || s.only(stage) }

func (s *spans) Enter(ctx context.Context, stage *weft.StageInfo) (context.Context, weft.Exit) {
	parent, _ := ctx.Value(spanKey{}).(string)
	path := parent + "/" + stage.Name
	return context.WithValue(ctx, spanKey{}, path), func(status int, err error) {
		message := ""
		if err != nil {
			message = " " + err.Error()
		}
		s.add(fmt.Sprintf("%s=%d%s;", path, status, message))
	}
}

func observed(only func(*weft.StageInfo) bool) (*weft.App, *spans, *journal) {
	s := &spans{only: only}
	app, log := newApp(weft.WithObserver(s))
	pass := func(name string) weft.Middleware { return weft.NewMiddleware(name, passThrough) }
	app.Use(pass("app"))
	app.Group("/g", pass("group")).Handle("POST /x", weft.Handle(func(ctx context.Context, in person) (person, error) {
		switch in.Name {
		case "error":
			return in, &weft.Error{Status: 409}
		case "panic":
			panic("oh")
		case "abort":
			panic(http.ErrAbortHandler)
		}
		in.Name += " in " + ctx.Value(spanKey{}).(string)
		return in, nil
	}).Named("handler").Use(pass("route")).Intercept(pass("interceptor")))
	return app, s, log
}

func TestAnObserverSeesEveryStageNestAsTheOnionDoes(t *testing.T) {
	app, s, _ := observed(nil)
	site := serve(t, app)
	const whole = "/app/group/route/extract/interceptor/handler"

	got := site.send("POST", "/g/x", `{"name":"a"}`)
	assert.JSONEq(t, `{"name":"a in `+whole+`","age":0}`, got.body, "the context goes inward")
	assert.Equal(t, visits(whole+"=0", "/app/group/route/extract/interceptor/respond=200",
		"/app/group/route/extract/interceptor=200", "/app/group/route/extract=200", "/app/group/route=200", "/app/group=200", "/app=200"), s.take())

	site.send("POST", "/g/x", `{"name":"error"}`)
	assert.Equal(t, visits(whole+"=0 409 Conflict", "/app/group/route/extract/interceptor=409 409 Conflict",
		"/app/group/route/extract=409 409 Conflict", "/app/group/route=409 409 Conflict", "/app/group=409 409 Conflict", "/app=409 409 Conflict"), s.take())

	site.send("POST", "/g/x", `{"name":"panic"}`)
	assert.Contains(t, s.take(), whole+"=0 panic: oh; /app/group/route/extract/interceptor=500 panic: oh;")

	site.send("POST", "/g/x", `broken`)
	assert.Contains(t, s.take(), "/app/group/route/extract=400 400 invalid request: body: invalid_json")

	site.send("POST", "/g/unknown", "")
	assert.Equal(t, visits("/app/group=404 404 Not Found (not_found)", "/app=404 404 Not Found (not_found)"), s.take())

	_, err := site.try("POST", "/g/x", `{"name":"abort"}`)
	assert.Error(t, err)
	assert.Equal(t, 6, strings.Count(s.take(), "=0 the stage did not return"), "every visit ends")
}

func visits(v ...string) string { return strings.Join(v, "; ") + ";" }

func TestAnObserverSeesOnlyWhatItAskedFor(t *testing.T) {
	app, s, _ := observed(func(stage *weft.StageInfo) bool {
		return stage.Kind == weft.KindInterceptor && stage.Level == weft.LevelRoute && stage.Route == "POST /g/x"
	})
	serve(t, app).send("POST", "/g/x", `{}`)
	assert.Equal(t, "/interceptor=200;", s.take())
}

func TestObserversNestInTheirOrder(t *testing.T) {
	tr := &trace{}
	watching := func(name string) weft.Observer {
		return weft.ObserverFunc(func(ctx context.Context, stage *weft.StageInfo) (context.Context, weft.Exit) {
			tr.add("+" + name + stage.Name)
			return ctx, func(int, error) { tr.add("-" + name + stage.Name) }
		})
	}
	silent := weft.ObserverFunc(func(context.Context, *weft.StageInfo) (context.Context, weft.Exit) { return nil, nil })
	app, _ := newApp(weft.WithObserver(watching("1")), weft.WithObserver(silent), weft.WithObserver(watching("2")))
	app.Use(tr.stage("a"))
	serve(t, app).send("GET", "/unknown", "")
	assert.Equal(t, "+1a +2a +a -a -2a -1a", tr.take())
}

func TestAnObservedDefectIsSeenOnceAndLoggedOnce(t *testing.T) {
	s := &spans{}
	app, log := newApp(weft.WithObserver(s))
	app.Use(
		weft.NewMiddleware("outer", passThrough),
		weft.NewMiddleware("twice", func(r *weft.Request, next weft.Next) weft.Response { next(r); return next(r) }),
		weft.NewMiddleware("inner", passThrough),
	)
	app.Handle("GET /x", (&trace{}).handler("core"))
	assertProblem(t, serve(t, app).send("GET", "/x", ""), 500)
	events := s.take()
	assert.Equal(t, 1, strings.Count(events, "/outer/twice/inner="), "the refused call is no visit")
	assert.Contains(t, events, "/outer/twice=500 next was called a second time")
	assert.Len(t, log.errors(), 1)
}

// An observer that panics is a stage's failure like any other.
func TestAnObserverThatPanics(t *testing.T) {
	app, log := newApp(weft.WithObserver(weft.ObserverFunc(func(context.Context, *weft.StageInfo) (context.Context, weft.Exit) {
		panic(errSecret)
	})))
	app.Handle("GET /x", (&trace{}).handler("core").Use(weft.NewMiddleware("pass", passThrough)))
	app.Handle("GET /y", (&trace{}).handler("core"))
	site := serve(t, app)
	assertProblem(t, site.send("GET", "/x", ""), 500)
	assertProblem(t, site.send("GET", "/y", ""), 500)
	assert.Len(t, log.errors(), 2)
}

func TestAnObserverSeesGuardsAndChecks(t *testing.T) {
	s := &spans{}
	app, log := newApp(weft.WithObserver(s))
	app.Guard(weft.NewGuard("guard", func(r *weft.Request) error {
		assert.Equal(t, "/guard", r.Context().Value(spanKey{}), "the guard runs with the observer's context")
		switch r.Header().Get("X-Guard") {
		case "denies":
			return weft.Deny("")
		case "panics":
			panic("oh")
		}
		return nil
	}))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }).Named("handler").
		Check(func(ctx context.Context, _ struct{}) error { return errClosed }))
	site := serve(t, app)

	assert.Equal(t, 500, site.send("GET", "/x", "").status)
	assert.Regexp(t, `^/guard=0; /weft_test\S+=0 closed;$`, s.take(), "beside each other, not within")
	assert.Equal(t, 403, site.send("GET", "/x", "", "X-Guard: denies").status)
	assert.Equal(t, "/guard=0 403 Forbidden (forbidden);", s.take())
	assert.Equal(t, 500, site.send("GET", "/x", "", "X-Guard: panics").status)
	assert.Equal(t, "/guard=0 panic: oh;", s.take())
	assert.Len(t, log.errors(), 2)
}
