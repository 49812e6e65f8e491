//go:build !race

package weft

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What docs/nethttp.md says that a pass-through middleware of net/http costs as a stage, and what the others pay for it: nothing.
func TestBudgetOfMiddlewareOfNetHTTP(t *testing.T) {
	through := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { next.ServeHTTP(w, hr) })
	}
	get := httptest.NewRequest("GET", "/x", nil)
	with := func(path string, h *Handler[struct{}, pong], beside ...Middleware) float64 {
		app := New()
		app.Handle("GET /x", h)
		app.Handle("GET /beside", Handle(ping).Use(beside...))
		app.Mount("/mounted", http.NotFoundHandler())
		get.URL.Path = path
		return allocations(t, budgetServer(t, app), get, "")
	}
	without := with("/x", Handle(ping))
	assert.Equal(t, without, with("/x", Handle(ping), Std("through", through)), "a route beside it")
	assert.LessOrEqual(t, with("/x", Handle(ping).Use(Std("through", through)))-without, 13.0)
	assert.LessOrEqual(t, with("/x", Handle(ping).Intercept(Std("through", through)))-without, 13.0)
}

// What a middleware of net/http costs as a stage, beside what passing through costs by itself.
func BenchmarkStdPassThrough(b *testing.B) {
	through := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { next.ServeHTTP(w, hr) })
	}
	for name, stages := range map[string][]Middleware{
		"none":  nil,
		"one":   {Std("through", through)},
		"two":   {Std("through", through), Std("through again", through)},
		"plain": {MiddlewareFunc(func(r *Request, next Next) Response { return next(r) })},
	} {
		b.Run(name, func(b *testing.B) {
			app := New()
			app.Use(stages...)
			app.Handle("GET /x", Handle(ping))
			srv, err := app.Build(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			get, w := httptest.NewRequest("GET", "/x", nil), &quietWriter{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				srv.ServeHTTP(w, get)
			}
		})
	}
}
