package middleware_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/middleware"
)

func TestAllSidesGiveTheSameAnswer(t *testing.T) {
	if err := sidebyside.Same(middleware.Call(), middleware.Contenders()); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkMiddleware(b *testing.B) {
	call := middleware.Call()
	if err := sidebyside.Same(call, middleware.Contenders()); err != nil {
		b.Fatal(err)
	}
	for _, side := range middleware.Sides {
		for _, n := range middleware.Counts {
			b.Run(fmt.Sprintf("%s/%d", side.Name, n), func(b *testing.B) {
				sidebyside.Benchmark(b, call, side.With(n))
			})
		}
	}
}

// The budget of docs/design.md: no allocation up to 8 stages, 1 beyond.
func TestMiddlewareAllocatesNothingUpToEightAndOnceBeyond(t *testing.T) {
	for name, stage := range map[string]func(int) weft.Middleware{
		"a function": middleware.Function, "Before": middleware.Before, "After": middleware.After,
	} {
		for where, with := range map[string]func(int, func(int) weft.Middleware) http.Handler{
			"the app": middleware.Weft, "the route": middleware.WeftRoute,
		} {
			none := sidebyside.Allocations(middleware.Call(), with(0, stage))
			for n, budget := range map[int]float64{1: 0, 5: 0, 8: 0, 9: 1, 20: 1, 100: 1} {
				t.Run(fmt.Sprintf("%d of %s on %s", n, name, where), func(t *testing.T) {
					if more := sidebyside.Allocations(middleware.Call(), with(n, stage)) - none; more > budget {
						t.Errorf("%v allocations more than without, and %v are allowed", more, budget)
					}
				})
			}
		}
	}
}
