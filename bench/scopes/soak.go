package scopes

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// Level is what a server holds at one moment.
type Level struct {
	Requests   int
	HeapKiB    uint64
	Goroutines int
	Children   int // scopes of the application's injector
}

// Soak sends requests from several goroutines to a route with three services of the request, or to one that asks for
// them by Request.Scope, and looks ten times, the first time when a tenth has been sent, at what is left behind.
func Soak(requests, goroutines int, byScope bool) ([]Level, error) {
	injector := do.New()
	c := weft.NewContainer(injector)
	weft.Singleton[*pool](c, func() *pool { return &pool{"main"} })
	weft.PerRequest[*service[[1]int]](c, weft.Fn1(begin))
	add[[2]int, [1]int](c, true)
	add[[3]int, [2]int](c, true)
	app := weft.New(weft.WithContainer(c), quiet)
	handler := handler[[3]int]()
	if byScope {
		resp := reply()
		handler = weft.Handle(func(_ context.Context, r *weft.Request) (weft.Response, error) {
			_, err := do.Invoke[*service[[3]int]](r.Scope())
			return resp, err
		})
	}
	app.Handle("GET /paid", handler)
	srv := built(app)

	const looks = 10
	levels := make([]Level, 0, looks)
	for look := range looks {
		if err := crowd(srv, requests/looks, goroutines); err != nil {
			return levels, err
		}
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		levels = append(levels, Level{(look + 1) * (requests / looks), m.HeapAlloc / 1024, runtime.NumGoroutine(), len(injector.Children())})
	}
	return levels, nil
}

// crowd sends requests, which must all be answered with 200.
func crowd(h http.Handler, requests, goroutines int) error {
	var all sync.WaitGroup
	failed := make(chan error, goroutines)
	for g := range goroutines {
		all.Go(func() {
			call, w := Call(), sidebyside.NewWriter()
			for i := g; i < requests; i += goroutines {
				call.Send(h, w)
				if w.Status != http.StatusOK {
					failed <- fmt.Errorf("the answer was %d", w.Status)
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
