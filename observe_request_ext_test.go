package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// whole is an observer of requests: it passes its name inward, and records how each ended.
type whole struct {
	spans
	name        string
	shared      *trace // in place of its own
	panicsEnter bool
	panicsExit  bool
}

func (o *whole) add(event string) {
	if o.shared != nil {
		o.shared.add(event)
		return
	}
	o.trace.add(event)
}

type wholeKey struct{}

func (o *whole) EnterRequest(hr *http.Request) (context.Context, weft.RequestExit) {
	if o.panicsEnter {
		panic("oh")
	}
	outer, _ := hr.Context().Value(wholeKey{}).(string)
	path := outer + "/" + o.name
	o.add("+" + path + " " + hr.Method + " " + hr.URL.Path + ";")
	return context.WithValue(hr.Context(), wholeKey{}, path), func(r *weft.Request, resp weft.Response, sent weft.Sent) {
		if o.panicsExit {
			panic("oh")
		}
		body, _ := resp.Render()
		o.add(fmt.Sprintf("-%s %q status=%d bytes=%d rendered=%d err=%v took=%t;", path, r.Route().Pattern(), sent.Status, sent.Bytes, len(body), sent.Err, sent.Duration > 0))
	}
}

func watched(observers ...*whole) (*weft.App, *journal) {
	var opts []weft.Option
	for _, o := range observers {
		o.only = func(*weft.StageInfo) bool { return false }
		opts = append(opts, weft.WithObserver(o))
	}
	app, log := newApp(opts...)
	app.Handle("GET /x/{what}", weft.Handle(func(ctx context.Context, r *weft.Request) (string, error) {
		switch r.PathValue("what") {
		case "error":
			return "", errSecret
		case "abort":
			panic(http.ErrAbortHandler)
		}
		inside, _ := ctx.Value(wholeKey{}).(string)
		return inside, nil
	}))
	return app, log
}

func TestAnObserverOfRequestsSeesEachFromBeginningToEnd(t *testing.T) {
	o := &whole{name: "o"}
	app, log := watched(o)
	app.Use(weft.Finally("finally", func(r *weft.Request, _ weft.Sent) {
		o.add(fmt.Sprintf("finally in %v;", r.Context().Value(wholeKey{})))
	}))
	site := serve(t, app)

	assert.Equal(t, `"/o"`, site.send("GET", "/x/y", "").body, "the context goes inward")
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, `+/o GET /x/y; finally in /o; -/o "GET /x/{what}" status=200 bytes=4 rendered=4 err=<nil> took=true;`, o.peek())
	}, waitFor, tick, "behind the Finally stages")
	o.take()
	assert.Empty(t, log.errors())

	for path, want := range map[string]string{
		"/x/error": `-/o "GET /x/{what}" status=500 bytes=%d rendered=%d err=` + errSecret.Error() + ` took=true;`,
		"/nowhere": `-/o "" status=404 bytes=%d rendered=%d err=404 Not Found (not_found) took=true;`,
	} {
		body := site.send("GET", path, "").body
		want = "+/o GET " + path + "; finally in /o; " + fmt.Sprintf(want, len(body), len(body))
		assert.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, o.peek()) }, waitFor, tick, path)
		o.take()
	}

	_, err := site.try("GET", "/x/abort", "")
	require.Error(t, err)
	assert.EventuallyWithT(t, func(c *assert.CollectT) { // the client may have tried twice
		assert.Contains(c, o.peek(), `+/o GET /x/abort; finally in /o; -/o "GET /x/{what}" status=0 bytes=0 rendered=0 err=the stage did not return`)
	}, waitFor, tick, "also where there is no answer")
}

func TestObserversOfRequestsNestInTheirOrder(t *testing.T) {
	a, b := &whole{name: "a"}, &whole{name: "b"}
	b.shared = &a.trace
	app, _ := watched(a, b)
	site := serve(t, app)
	assert.Equal(t, `"/a/b"`, site.send("GET", "/x/y", "").body)
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Regexp(c, `^\+/a GET /x/y; \+/a/b GET /x/y; -/a/b .*; -/a [^/]*`, a.peek())
	}, waitFor, tick, "the first is outermost")
}

// What a service is made with, and what work after the request runs with, derive from the context too.
func TestTheContextOfAnObserverOfRequestsIsTheRequests(t *testing.T) {
	o := &whole{name: "o"}
	o.only = func(*weft.StageInfo) bool { return false }
	c := weft.NewContainer(nil)
	weft.PerRequest[*inside](c, func(ctx context.Context) *inside {
		path, _ := ctx.Value(wholeKey{}).(string)
		return &inside{path}
	})
	later := make(chan any, 1)
	app, _ := newApp(weft.WithObserver(o), weft.WithContainer(c))
	app.Handle("GET /x", weft.HandleFrom(func(in *inside, ctx context.Context, _ struct{}) (string, error) {
		return in.path, weft.Go(ctx, "later", func(ctx context.Context) error {
			later <- ctx.Value(wholeKey{})
			return nil
		})
	}))
	assert.Equal(t, `"/o"`, serve(t, app).send("GET", "/x", "").body)
	assert.Equal(t, "/o", <-later)
}

type inside struct{ path string }

// An observer of requests that panics leaves the request alone, and those outside it are told of the end.
func TestAnObserverOfRequestsThatPanics(t *testing.T) {
	outer := &whole{name: "outer"}
	for name, broken := range map[string]*whole{"entering": {panicsEnter: true}, "leaving": {name: "b", panicsExit: true}} {
		t.Run(name, func(t *testing.T) {
			outer.take()
			app, log := watched(outer, broken)
			assert.Equal(t, 200, serve(t, app).send("GET", "/x/y", "").status)
			assert.Eventually(t, func() bool { return len(log.all()) == 1 }, waitFor, tick)
			assert.Contains(t, log.errors()[0], "ERROR observing a request failed")
			assert.Eventually(t, func() bool { return outer.peek() != "" }, waitFor, tick)
			assert.Contains(t, outer.take(), `-/outer "GET /x/{what}" status=200`)
		})
	}
}

func TestACheckOfThePlanIsAnErrorOfBuild(t *testing.T) {
	var seen *weft.Plan
	app, _ := newApp(weft.WithPlanCheck(func(plan *weft.Plan) []weft.BuildError {
		seen = plan
		return []weft.BuildError{{Route: "GET /x", Problem: "it is too late", Remedy: "be early"}, {Source: "shop/app.go:7", Problem: "a", Remedy: "b"}}
	}), weft.WithPlanCheck(nil))
	app.Handle("GET /x", (&trace{}).handler("core"))
	plan, err := app.Plan()
	assert.Same(t, plan, seen)
	require.Error(t, err)
	assert.Regexp(t, `support_ext_test.go:\d+: route "GET /x": it is too late; be early`, err.Error())
	assert.ErrorContains(t, err, "shop/app.go:7: a; b")
	assert.ErrorContains(t, err, "WithPlanCheck(nil) checks nothing")
	_, err = app.Build(t.Context())
	var mistake *weft.BuildError
	assert.True(t, errors.As(err, &mistake))
}

func TestTheOptionsOfTracingAreInThePlan(t *testing.T) {
	app, _ := newApp()
	pass := func(opts ...weft.StageOption) weft.Guard { return weft.NewGuard("g", passGuard, opts...) }
	app.Use(weft.NewMiddleware("m", passThrough, weft.Traced()), weft.NewMiddleware("n", passThrough, weft.Traced(), weft.Untraced()))
	app.Handle("GET /x", (&trace{}).handler("core").
		Guard(weft.All(pass(weft.Untraced()), pass(weft.Traced())), weft.Not(weft.NewGuard("no", func(*weft.Request) error { return weft.Deny("") }, weft.Untraced()))).
		Check(func(context.Context, struct{}) error { return nil }, weft.Named("c"), weft.Traced()))
	plan, err := app.Plan()
	require.NoError(t, err)
	var said []string
	for _, s := range plan.Routes[0].Stages {
		said = append(said, fmt.Sprintf("%s %t %t", s.Name, s.Traced, s.Untraced))
	}
	assert.Equal(t, []string{"m true false", "n false true", "all(g, g) true false", "not(no) false true", "c true false", "core false false", "respond false false"}, said)
	assert.Contains(t, plan.String(), "m; traced")
	assert.Contains(t, plan.String(), "n; untraced")
}
