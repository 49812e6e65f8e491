package weft_test

// Declarations whose lines are in golden files: a change here changes those.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// dockSource is a source that says of itself what a test wants.
type dockSource struct {
	name    func() string
	receive func() weft.Middleware
	err     func() error
}

func (s *dockSource) Name() string             { return s.name() }
func (s *dockSource) Receive() weft.Middleware { return s.receive() }
func (s *dockSource) Err() error               { return s.err() }

// dock is a source without faults.
func dock(name string) *dockSource {
	return &dockSource{func() string { return name }, func() weft.Middleware { return nil }, func() error { return nil }}
}

func receivedBy(name string, m weft.Middleware) *dockSource {
	s := dock(name)
	s.receive = func() weft.Middleware { return m }
	return s
}

func closedDock(name string, err error) *dockSource {
	s := dock(name)
	s.err = func() error { return err }
	return s
}

type crate struct{ Weight int }

var crateKey = weft.NewKey[crate]("crate")

func takesAll[Req any](context.Context, Req) (string, error) { return "", nil }

// wrongEvents declares every mistake with sources of events that Build can find.
func wrongEvents() *weft.App {
	app, _ := newApp()
	fine := weft.Handle(echo[person]).Named("fine")
	group := app.Group("/group")
	provides := weft.NewMiddleware("from the dock", passThrough, weft.Provides(crateKey))

	// Sources that are none.
	app.On(nil, fine)
	app.On((*dockSource)(nil), fine)
	group.On(nil, fine)
	app.On(dock(""), fine)
	app.On(closedDock("dock 1", errors.New(`dock 1: there is no such dock`)), fine)
	app.On(closedDock("dock 2", errors.Join(errors.New("one fault"), errors.New("another"))), fine)
	app.On(&dockSource{}, fine)
	app.On(&dockSource{name: func() string { panic("oh") }}, fine)
	app.On(&dockSource{name: dock("dock 3").name, err: func() error { panic("oh") }}, fine)
	app.On(&dockSource{name: dock("dock 4").name, err: dock("").err, receive: func() weft.Middleware { panic(errClosed) }}, fine)

	// A source with two routes.
	app.On(dock("dock 5"), fine)
	group.On(dock("dock 5"), fine)

	// What a source puts in front.
	app.On(receivedBy("dock 6", weft.NewMiddleware("no function", nil)), fine)
	app.On(receivedBy("dock 7", (*audit)(nil)), fine)
	app.On(receivedBy("dock 8", weft.NewMiddleware("names no key", passThrough, weft.Provides((*weft.Key[crate])(nil)))), fine)
	app.On(receivedBy("dock 9", weft.NewMiddleware("greeting", passThrough, weft.Needs(CurrentUser))), fine)

	// Handlers that are none.
	app.On(dock("dock 10"), nil)
	app.On(dock("dock 11"), (*weft.Handler[person, person])(nil))
	app.On(dock("dock 12"), weft.Handle[person, person](nil))

	// What no event has.
	app.On(dock("dock 13"), weft.Handle(takesAll[struct {
		A string `path:"a"`
		B string `query:"b"`
		C string `cookie:"c"`
	}]))
	app.On(dock("dock 14"), weft.Handle(takesAll[struct {
		A string      `form:"a"`
		B weft.Upload `file:"b"`
	}]))
	app.On(dock("dock 15"), weft.Handle(echo[string]).Extract(weft.PathValue[string]("id")))

	// Keys.
	takes := weft.Handle(takesAll[struct {
		Crate crate `value:""`
	}])
	app.Handle("POST /crates", takes)
	app.On(dock("dock 16"), takes)
	app.On(receivedBy("dock 17", provides), takes) // is right
	app.On(receivedBy("dock 18", provides), takes.Use(weft.NewMiddleware("again", passThrough, weft.Provides(crateKey))))
	group.Use(weft.NewMiddleware("weighs", passThrough, weft.Needs(crateKey)))
	group.On(receivedBy("dock 19", provides), fine)
	group.Handle("POST /crates", fine)
	app.Use(weft.NewMiddleware("weighs everything", passThrough, weft.Needs(crateKey)))
	return app
}

func TestEveryWrongDeclarationOfAnEventIsFound(t *testing.T) {
	_, err := wrongEvents().Plan()
	require.Error(t, err)
	golden(t, "event_mistakes.txt", err.Error()+"\n")
	srv, err := wrongEvents().Build(t.Context())
	assert.Error(t, err)
	assert.Nil(t, srv)
}

// yard is an app with a stage of each kind at each level, and one handler behind them for HTTP and for a source.
func yard(tr *trace) *weft.App {
	observer := &whole{name: "observer", shared: tr}
	observer.only = func(*weft.StageInfo) bool { return false }
	l := &ledger{tr: tr}
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func() *ledger { tr.add("made"); return l })
	app, _ := newApp(weft.WithContainer(c), weft.WithObserver(observer))
	around := func(name string) weft.AroundAny {
		return func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
			tr.add("+" + name)
			defer tr.add("-" + name)
			return next(ctx, in)
		}
	}
	guard := func(name string) weft.Guard {
		return weft.NewGuard(name, func(r *weft.Request) error {
			tr.add(name)
			if r.Header().Get("Denied") == name {
				return weft.Deny("")
			}
			return nil
		})
	}
	app.Use(weft.Finally("end", func(r *weft.Request, sent weft.Sent) { tr.add(fmt.Sprint("end=", sent.Status)) }))
	app.Use(tr.stage("app"))
	app.Guard(guard("may-app"))
	app.Intercept(tr.stage("in-app"))
	app.Around(around("around-app"), weft.Named("around-app"))
	app.Catch(on[*outOfStock]("app"), onIs(errClosed, "app"), onIs(errSoldOut, "app"))
	group := app.Group("/group", tr.stage("group"))
	group.Guard(guard("may-group"))
	group.Intercept(tr.stage("in-group"))
	group.Around(around("around-group"), weft.Named("around-group"))
	group.Catch(onIs(errClosed, "group"), onIs(errSoldOut, "group"))
	group.Meta(7)
	h := weft.HandleFrom(func(l *ledger, ctx context.Context, in person) (person, error) {
		tr.add("core")
		switch in.Name {
		case "app":
			return in, &outOfStock{"tea"}
		case "group":
			return in, errClosed
		case "route":
			return in, errSoldOut
		case "secret":
			return in, errSecret
		case "panic":
			panic("oh")
		case "abort":
			panic(http.ErrAbortHandler)
		case "exit":
			runtime.Goexit()
		}
		return in, nil
	}).Named("core").Use(tr.stage("route")).Guard(guard("may-route")).
		Check(func(_ context.Context, in person) error {
			tr.add("check")
			if in.Age > 100 {
				return weft.Invalid("/age", "old", "Too old.")
			}
			return nil
		}, weft.Named("check")).
		Intercept(tr.stage("in-route")).Catch(onIs(errSoldOut, "route"))
	group.Handle("POST /x", h)
	group.On(receivedBy("dock", tr.stage("receive")), h)
	return app
}
