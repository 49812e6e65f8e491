// Package scopes measures what the services of a request cost, beside the same
// constructors called by hand: a chain, each of which needs the one before, and the last is closed.
package scopes

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// Counts are how many services of a request are measured.
var Counts = []int{1, 3, 10}

// Call is the request of all measurements.
func Call() *sidebyside.Call { return sidebyside.NewCall(http.MethodGet, "/paid", "") }

type (
	pool struct{ name string }
	// service is one of the chain; N tells them apart.
	service[N any] struct {
		pool  *pool
		below any
	}
)

// Close is called where the request ends.
func (*service[N]) Close() error { return nil }

// begin makes the first of the chain, next one that needs Below. What they return is
// not made on the stack of who calls them, as what a real constructor returns is not.
//
//go:noinline
func begin(p *pool) *service[[1]int] { return &service[[1]int]{pool: p} }

//go:noinline
func next[N, Below any](p *pool, below *service[Below]) *service[N] {
	return &service[N]{p, below}
}

// answer is the same for all, and made once.
var answer = []byte(`{"text":"paid"}`)

// Answer is the body of every answer; nobody may change it.
func Answer() []byte { return answer }

func reply() weft.Response { return weft.Bytes("application/json", answer) }

// ByHand makes and closes the services in the handler.
func ByHand(n int) http.Handler {
	work, resp := WorkByHand(n), reply()
	app := weft.New()
	app.Handle("GET /paid", weft.Handle(func(context.Context, *weft.Request) (weft.Response, error) { return resp, work() }))
	return built(app)
}

// WorkByHand is a function that makes and closes n services.
func WorkByHand(n int) func() error {
	p := &pool{"main"}
	work := map[int]func(){
		0: func() {},
		1: func() {
			a := begin(p)
			defer a.Close()
		},
		3: func() {
			a := begin(p)
			defer a.Close()
			b := next[[2]int](p, a)
			defer b.Close()
			c := next[[3]int](p, b)
			defer c.Close()
		},
		10: func() {
			a := begin(p)
			defer a.Close()
			b := next[[2]int](p, a)
			defer b.Close()
			c := next[[3]int](p, b)
			defer c.Close()
			d := next[[4]int](p, c)
			defer d.Close()
			e := next[[5]int](p, d)
			defer e.Close()
			f := next[[6]int](p, e)
			defer f.Close()
			g := next[[7]int](p, f)
			defer g.Close()
			h := next[[8]int](p, g)
			defer h.Close()
			i := next[[9]int](p, h)
			defer i.Close()
			j := next[[10]int](p, i)
			defer j.Close()
		},
	}
	chosen := work[n]
	return func() error {
		chosen()
		return nil
	}
}

// None is the same route without services.
func None(int) http.Handler {
	resp := reply()
	app := weft.New()
	app.Handle("GET /paid", weft.Handle(func(context.Context, *weft.Request) (weft.Response, error) { return resp, nil }))
	return built(app)
}

// Singletons is the same route as a method of a singleton, in an app whose container has services of requests too.
func Singletons(int) http.Handler {
	resp := reply()
	app := weft.New(weft.WithContainer(container(weft.Fn1(begin), true)), quiet)
	app.Handle("GET /paid", weft.HandleFrom(func(*pool, context.Context, *weft.Request) (weft.Response, error) { return resp, nil }))
	return built(app)
}

// Typed declares the constructors with Fn1 and Fn2.
func Typed(n int) http.Handler {
	return served(n, weft.Fn1(begin), true)
}

// Reflected declares them as plain functions.
func Reflected(n int) http.Handler { return served(n, begin, false) }

func served(n int, first any, typed bool) http.Handler {
	handlers := map[int]weft.Endpoint{1: handler[[1]int](), 3: handler[[3]int](), 10: handler[[10]int]()}
	app := weft.New(weft.WithContainer(container(first, typed)), quiet)
	app.Handle("GET /paid", handlers[n])
	return built(app)
}

// quiet leaves out what Build has to say of lifetimes.
var quiet = weft.WithLogger(slog.New(slog.DiscardHandler))

func container(first any, typed bool) *weft.Container {
	c := weft.NewContainer(nil)
	weft.Singleton[*pool](c, func() *pool { return &pool{"main"} })
	weft.PerRequest[*service[[1]int]](c, first)
	add[[2]int, [1]int](c, typed)
	add[[3]int, [2]int](c, typed)
	add[[4]int, [3]int](c, typed)
	add[[5]int, [4]int](c, typed)
	add[[6]int, [5]int](c, typed)
	add[[7]int, [6]int](c, typed)
	add[[8]int, [7]int](c, typed)
	add[[9]int, [8]int](c, typed)
	add[[10]int, [9]int](c, typed)
	return c
}

func add[N, Below any](c *weft.Container, typed bool) {
	if typed {
		weft.Auto[*service[N]](c, weft.Fn2(next[N, Below]))
	} else {
		weft.Auto[*service[N]](c, next[N, Below])
	}
}

func handler[N any]() weft.Endpoint {
	resp := reply()
	return weft.HandleFrom(func(*service[N], context.Context, *weft.Request) (weft.Response, error) { return resp, nil })
}

func built(app *weft.App) http.Handler {
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err) // the declarations are the ones above
	}
	return srv
}

// Side is one way to make the services.
type Side struct {
	Name string
	With func(n int) http.Handler
}

// Sides are the ways to make the services: not at all, without and with a container, by hand, by weft, by the injector
// that weft lends to a request, and by a scope of samber/do for each request.
var Sides = []Side{
	{"none", None}, {"none, of a container", Singletons}, {"by hand", ByHand}, {"weft, Fn", Typed}, {"weft, plain functions", Reflected},
	{"weft, by Request.Scope", Lent}, {"samber/do, a scope", DoScope},
}

// Contenders are all sides with n services.
func Contenders(n int) []sidebyside.Contender {
	var all []sidebyside.Contender
	for _, side := range Sides {
		all = append(all, sidebyside.Contender{Name: side.Name, Handler: side.With(n)})
	}
	return all
}
