package scopes

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// DoScope makes the services with samber/do alone, as its documentation has it: a scope
// for each request, with the services declared in it, which is shut down behind it.
func DoScope(n int) http.Handler {
	work, resp := WorkOfDo(n), reply()
	app := weft.New()
	app.Handle("GET /paid", weft.Handle(func(context.Context, *weft.Request) (weft.Response, error) { return resp, work() }))
	return built(app)
}

// WorkOfDo is a function that makes and closes n services in a scope of samber/do of its own. 0 services need no scope.
func WorkOfDo(n int) func() error {
	if n == 0 {
		return WorkByHand(0)
	}
	injector := do.New()
	do.Provide(injector, func(do.Injector) (*pool, error) { return &pool{"main"}, nil })
	var requests atomic.Int64
	chain := links[:n]
	return func() error {
		scope := injector.Scope(fmt.Sprint("request ", requests.Add(1))) // each name once
		defer scope.Shutdown()
		for _, l := range chain {
			l.provide(scope)
		}
		_, err := chain[n-1].invoke(scope)
		return err
	}
}

// link is one service of the chain, as samber/do has it.
type link struct {
	provide func(do.Injector)
	invoke  func(do.Injector) (any, error)
}

var links = []link{
	{func(i do.Injector) {
		do.Provide(i, func(i do.Injector) (*service[[1]int], error) { return begin(do.MustInvoke[*pool](i)), nil })
	}, func(i do.Injector) (any, error) { return do.Invoke[*service[[1]int]](i) }},
	linked[[2]int, [1]int](), linked[[3]int, [2]int](), linked[[4]int, [3]int](), linked[[5]int, [4]int](), linked[[6]int, [5]int](),
	linked[[7]int, [6]int](), linked[[8]int, [7]int](), linked[[9]int, [8]int](), linked[[10]int, [9]int](),
}

func linked[N, Below any]() link {
	return link{func(i do.Injector) {
		do.Provide(i, func(i do.Injector) (*service[N], error) {
			return next[N](do.MustInvoke[*pool](i), do.MustInvoke[*service[Below]](i)), nil
		})
	}, func(i do.Injector) (any, error) { return do.Invoke[*service[N]](i) }}
}

// Shutdown is what samber/do calls where a scope is shut down.
func (s *service[N]) Shutdown() error { return s.Close() }

// Lent asks the injector that weft lends to each request.
func Lent(n int) http.Handler {
	resp := reply()
	invoke := links[n-1].invoke
	app := weft.New(weft.WithContainer(container(weft.Fn1(begin), true)), quiet)
	app.Handle("GET /paid", weft.Handle(func(_ context.Context, r *weft.Request) (weft.Response, error) {
		_, err := invoke(r.Scope())
		return resp, err
	}))
	return built(app)
}
