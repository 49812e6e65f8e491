// Package middleware measures what one middleware more costs, on weft and on
// net/http: a pass-through around the same route with the same short answer.
package middleware

import (
	"context"
	"fmt"
	"net/http"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// Counts are how many middleware are measured.
var Counts = []int{0, 1, 5, 20}

// Answer is the body of every answer.
const Answer = `{"text":"Hello"}`

// Call is the request of all measurements.
func Call() *sidebyside.Call { return sidebyside.NewCall(http.MethodGet, "/greeting", "") }

// NetHTTP is a route of ServeMux with n middleware around the mux.
func NetHTTP(n int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /greeting", hello)
	return wrapped(mux, n)
}

// NetHTTPRoute is a route of ServeMux with n middleware around its handler.
func NetHTTPRoute(n int) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /greeting", wrapped(http.HandlerFunc(hello), n))
	return mux
}

func wrapped(h http.Handler, n int) http.Handler {
	for range n {
		h = passThrough(h)
	}
	return h
}

func passThrough(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(Answer))
}

// Function is a pass-through as a plain function.
func Function(int) weft.Middleware {
	return weft.MiddlewareFunc(func(r *weft.Request, next weft.Next) weft.Response { return next(r) })
}

// Before is a pass-through made of the logic on the way in.
func Before(i int) weft.Middleware {
	return weft.Before(fmt.Sprint("before ", i), func(*weft.Request) error { return nil })
}

// After is a pass-through made of the logic on the way out.
func After(i int) weft.Middleware {
	return weft.After(fmt.Sprint("after ", i), func(_ *weft.Request, resp weft.Response) weft.Response { return resp })
}

// Weft is a route of weft with n middleware of the app: before routing, as those around a mux.
func Weft(n int, stage func(int) weft.Middleware) http.Handler {
	app := weft.New()
	for i := range n {
		app.Use(stage(i))
	}
	app.Handle("GET /greeting", greet())
	return built(app)
}

// WeftRoute is a route of weft with n middleware of its own.
func WeftRoute(n int, stage func(int) weft.Middleware) http.Handler {
	app, h := weft.New(), greet()
	for i := range n {
		h = h.Use(stage(i))
	}
	app.Handle("GET /greeting", h)
	return built(app)
}

// greet answers with bytes made once, as hello does, so that encoding is not measured.
func greet() *weft.Handler[*weft.Request, weft.Response] {
	answer := weft.Bytes("application/json", []byte(Answer))
	return weft.Handle(func(context.Context, *weft.Request) (weft.Response, error) { return answer, nil })
}

func built(app *weft.App) http.Handler {
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err) // the declarations are the ones above
	}
	return srv
}

// Side is one way to add middleware.
type Side struct {
	Name string
	// Beside is the index in Sides of the net/http whose middleware stand in the same place.
	Beside int
	With   func(n int) http.Handler
}

// Sides are the ways to add middleware, net/http's own first.
var Sides = []Side{
	{"net/http around the mux", 0, NetHTTP},
	{"net/http around the handler", 1, NetHTTPRoute},
	{"weft app, function", 0, func(n int) http.Handler { return Weft(n, Function) }},
	{"weft app, Before", 0, func(n int) http.Handler { return Weft(n, Before) }},
	{"weft app, After", 0, func(n int) http.Handler { return Weft(n, After) }},
	{"weft route, function", 1, func(n int) http.Handler { return WeftRoute(n, Function) }},
}

// Contenders are all sides with each count: first those of Counts[0], then those of Counts[1], and so on.
func Contenders() []sidebyside.Contender {
	var all []sidebyside.Contender
	for _, n := range Counts {
		for _, side := range Sides {
			all = append(all, sidebyside.Contender{Name: fmt.Sprintf("%s, %d", side.Name, n), Handler: side.With(n)})
		}
	}
	return all
}
