package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// The faults that any stage can have: it fails, it refuses, it panics.
var failures = []struct {
	name   string
	err    error // what the stage returns; nil where it panics
	panics any
	status int
	logged bool
}{
	{name: "an unknown error", err: errSecret, status: 500, logged: true},
	{name: "a wrapped unknown error", err: fmt.Errorf("reading: %w", errSecret), status: 500, logged: true},
	{name: "joined unknown errors", err: errors.Join(errSecret, context.Canceled), status: 500, logged: true},
	{name: "an Error of the client", err: &weft.Error{Status: 409, Code: "conflict", Cause: errSecret}, status: 409},
	{name: "an Error of the server", err: &weft.Error{Status: 503, Cause: errSecret}, status: 503, logged: true},
	{name: "a typed nil error", err: (*weft.Error)(nil), status: 500, logged: true},
	{name: "a typed nil denial", err: (*weft.Denial)(nil), status: 500, logged: true},
	{name: "an invalid request", err: weft.Invalid("/name", "taken", "Choose another."), status: 422},
	{name: "a denial", err: weft.Deny("No.").WithCause(errSecret), status: 403},
	{name: "a wrapped denial", err: fmt.Errorf("secret-dsn: %w", weft.Deny("No.")), status: 403},
	{name: "a denial and an outage", err: errors.Join(weft.Deny("No."), errSecret), status: 500, logged: true},
	{name: "somebody unknown", err: weft.Unauthenticated("Bearer", "Log in.").WithCause(errSecret), status: 401},
	{name: "an error that is mapped", err: &outOfStock{"secret-dsn"}, status: http.StatusTeapot},
	{name: "a panic with an error", panics: errSecret, status: 500, logged: true},
	{name: "a panic with a text", panics: "secret-dsn", status: 500, logged: true},
	{name: "a panic with a denial", panics: weft.Deny("secret-dsn"), status: 500, logged: true},
	{name: "a panic with an Error", panics: &weft.Error{Status: 404, Detail: "secret-dsn"}, status: 500, logged: true},
}

// faultPlace is a place for a fault: a stage of some kind at some level. It
// stands right behind the stages that have been entered by then.
type faultPlace struct {
	name    string
	entered string // in order, outside "faulty"
	stage   string // as the log names it, "" for a name that the compiler makes
	attach  func(app *weft.App, group *weft.Group, h faultHandler, fault func() error) faultHandler
}

type faultHandler = *weft.Handler[faulty, string]

// faulty is a request one of whose parts fails.
type faulty struct {
	Own  failsItself `json:"-"`
	Name string      `query:"name"`
}

type failsItself struct{}

// FromRequest fails where the test has said so, by a value in the context.
func (*failsItself) FromRequest(r *weft.Request) error {
	if fault, ok := r.Context().Value(faultKey{}).(func() error); ok {
		return fault()
	}
	return nil
}

type faultKey struct{}

func asGuard(fault func() error) weft.Guard {
	return weft.NewGuard("faulty", func(*weft.Request) error { return fault() })
}

var (
	before = "edge group route "
	guards = before + "g-app g-group g-route "
	passes = func(*weft.Request) error { return nil }
)

var faultPlaces = []faultPlace{
	{"app middleware", "edge ", "faulty", func(a *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		a.Use(weft.Before("faulty", func(*weft.Request) error { return fault() }))
		return h
	}},
	{"group middleware", "edge group ", "faulty", func(_ *weft.App, g *weft.Group, h faultHandler, fault func() error) faultHandler {
		g.Use(weft.Before("faulty", func(*weft.Request) error { return fault() }))
		return h
	}},
	{"route middleware", before, "faulty", func(_ *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		return h.Use(weft.Before("faulty", func(*weft.Request) error { return fault() }))
	}},
	{"app guard", before + "g-app ", "faulty", func(a *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		a.Guard(asGuard(fault))
		return h
	}},
	{"group guard", before + "g-app g-group ", "faulty", func(_ *weft.App, g *weft.Group, h faultHandler, fault func() error) faultHandler {
		g.Guard(asGuard(fault))
		return h
	}},
	{"route guard", guards, "faulty", func(_ *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		return h.Guard(asGuard(fault))
	}},
	{"guard in a combination", guards, "all(passes, faulty)", func(_ *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		return h.Guard(weft.All(weft.NewGuard("passes", passes), asGuard(fault)))
	}},
	{"extraction", guards, "extract", func(_ *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		return h.Use(weft.MiddlewareFunc(func(r *weft.Request, next weft.Next) weft.Response {
			return next(r.WithContext(context.WithValue(r.Context(), faultKey{}, fault)))
		}))
	}},
	{"extractor", guards, "extract", func(_ *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		return h.Extract(weft.NewExtractor("faulty", func(*weft.Request) (faulty, error) { return faulty{}, fault() }))
	}},
	{"check", guards + "c1 ", "", func(_ *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		return h.Check(func(context.Context, faulty) error { return fault() })
	}},
	{"app interceptor", guards + "c1 i-app ", "faulty", func(a *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		a.Intercept(weft.Before("faulty", func(*weft.Request) error { return fault() }))
		return h
	}},
	{"group interceptor", guards + "c1 i-app i-group ", "faulty", func(_ *weft.App, g *weft.Group, h faultHandler, fault func() error) faultHandler {
		g.Intercept(weft.Before("faulty", func(*weft.Request) error { return fault() }))
		return h
	}},
	{"route interceptor", guards + "c1 i-app i-group i-route ", "faulty", func(_ *weft.App, _ *weft.Group, h faultHandler, fault func() error) faultHandler {
		return h.Intercept(weft.Before("faulty", func(*weft.Request) error { return fault() }))
	}},
}

// Laws 2, 5 and 7 for every kind of stage at every level.
func TestLaw7NothingInternalLeavesWhateverStageFails(t *testing.T) {
	for _, at := range faultPlaces {
		for _, f := range failures {
			for _, observed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s in %s, observed %v", f.name, at.name, observed), func(t *testing.T) {
					tr := &trace{}
					var opts []weft.Option
					if observed {
						opts = append(opts, weft.WithObserver(weft.ObserverFunc(func(ctx context.Context, _ *weft.StageInfo) (context.Context, weft.Exit) {
							return ctx, func(int, error) {}
						})))
					}
					app, log := newApp(opts...)
					app.Catch(weft.On(func(*weft.Request, *outOfStock) weft.Response { return says("mapped") }))
					fault := func() error {
						if f.panics != nil {
							panic(f.panics)
						}
						return f.err
					}
					guard := func(name string) weft.Guard {
						return weft.NewGuard(name, func(*weft.Request) error { tr.add(name); return nil })
					}
					mw := func(name string) weft.Middleware {
						return weft.NewMiddleware(name, func(r *weft.Request, next weft.Next) weft.Response {
							tr.add(name)
							return next(r).WithAddedHeader("X-Stages", name)
						})
					}
					group := app.Group("/g")
					app.Use(mw("edge"))
					group.Use(mw("group"))
					app.Guard(guard("g-app"))
					group.Guard(guard("g-group"))
					app.Intercept(mw("i-app"))
					group.Intercept(mw("i-group"))
					h := weft.Handle(func(context.Context, faulty) (string, error) { tr.add("core"); return "", nil }).
						Use(mw("route")).Guard(guard("g-route")).Intercept(mw("i-route")).
						Check(func(context.Context, faulty) error { tr.add("c1"); return nil })
					h = at.attach(app, group, h, fault)
					group.Handle("GET /x", h)
					site := serve(t, app)
					site.send("GET", "/unknown", "")
					tr.take()
					log.errors()

					got := site.send("GET", "/g/x", "")

					assert.Equal(t, f.status, got.status)
					assert.True(t, got.reused, "the connection survives")
					assert.NotContains(t, got.body+fmt.Sprint(got.header), "secret", "nothing internal is sent")
					assert.Equal(t, strings.TrimSpace(at.entered), tr.take(), "the stages inside have not run")
					assert.True(t, strings.HasSuffix(stagesOf(got.header), "edge"), "the stages outside have: %s", stagesOf(got.header))
					if f.status == 401 {
						assert.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
					}
					logged := log.errors()
					if !f.logged {
						assert.Empty(t, logged)
						return
					}
					require.Len(t, logged, 1, "the cause is logged once")
					if at.stage != "" {
						assert.Contains(t, logged[0], "stage="+at.stage+" ")
					}
					if f.panics != nil {
						assert.Contains(t, logged[0], "stack=goroutine")
					}
				})
			}
		}
	}
}
