//go:build !race

package weft

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

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
