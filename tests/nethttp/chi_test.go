package nethttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type order struct {
	ID      int    `json:"id"`
	Product string `json:"product"`
}

var errNoOrder = &weft.Error{Status: http.StatusNotFound, Detail: "There is no such order."}

// store is what both forms of the shop answer from.
func store(id int) (order, error) {
	if id > 7 {
		return order{}, errNoOrder
	}
	return order{id, "tea"}, nil
}

// A typed handler on another router: path values, HEAD, an error, a stream, as if weft had routed.
func TestATypedHandlerOnRoutersOfOthers(t *testing.T) {
	typed := func() *weft.Server {
		srv, err := weft.HTTP(weft.Handle(func(_ context.Context, id int) (order, error) { return store(id) }).Extract(weft.PathValue[int]("id")).Named("show order").Use(outer(nil)))
		require.NoError(t, err)
		return srv
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", typed())
	router := chi.NewRouter()
	router.Use(middleware.RequestID, middleware.Recoverer, middleware.GetHead)
	router.Method("GET", "/orders/{id}", typed())
	nested := chi.NewRouter()
	nested.Route("/orders", func(r chi.Router) {
		r.Mount("/", func() http.Handler { c := chi.NewRouter(); c.Get("/{id}", typed().ServeHTTP); return c }())
	})
	for name, h := range map[string]http.Handler{"http.ServeMux": mux, "chi": router, "chi, nested": nested} {
		t.Run(name, func(t *testing.T) {
			site := http1.open(t, h)
			got := site.send("GET", "/orders/7", "")
			assert.Equal(t, `{"id":7,"product":"tea"}`, got.text)
			assertOuter(t, got.Response)
			if name != "chi, nested" {
				head := site.send("HEAD", "/orders/7", "")
				assert.Equal(t, 200, head.StatusCode)
				assert.EqualValues(t, len(got.text), head.ContentLength)
			}
			got = site.send("GET", "/orders/8", "")
			assert.Equal(t, 404, got.StatusCode)
			assert.Contains(t, got.text, "There is no such order.")
			assertOuter(t, got.Response)
			got = site.send("GET", "/orders/seven", "")
			assert.Equal(t, 400, got.StatusCode)
			assert.Contains(t, got.text, `"name":"id"`)
		})
	}
}

// Both ways round: a whole App under chi, and chi under an App, with streams through all of it.
func TestAnAppUnderChiAndChiUnderAnApp(t *testing.T) {
	p := paced{make(chan bool)}
	app, log := newApp()
	app.Use(outer(nil))
	api := app.Group("/api")
	api.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, id int) (order, error) { return store(id) }).Extract(weft.PathValue[int]("id")))
	api.Handle("GET /stream", responding(func(context.Context, *weft.Request) weft.Response { return weft.Writer("text/plain", p.write) }))
	above := chi.NewRouter()
	above.Use(middleware.RequestID, middleware.Recoverer, middleware.Compress(5))
	above.Get("/old", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "old") })
	above.Mount("/api", build(t, app)) // chi leaves the path as it is

	below, _ := newApp()
	below.Use(outer(nil))
	router := chi.NewRouter()
	router.Use(middleware.RequestID, middleware.CleanPath, middleware.GetHead, middleware.Compress(5))
	router.Get("/orders/{id}", func(w http.ResponseWriter, hr *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":%s,"product":"tea"}`, chi.URLParam(hr, "id"))
	})
	router.Get("/stream", p.serve)
	router.NotFound(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "There is no such order.", 404) })
	below.Mount("/api", router)
	below.Handle("GET /old", responding(func(context.Context, *weft.Request) weft.Response { return weft.Text("old") }))

	for name, h := range map[string]http.Handler{"an App under chi": above, "chi under an App": build(t, below)} {
		for _, w := range []wire{http1, h2c} {
			t.Run(name+", "+w.name, func(t *testing.T) {
				site := w.open(t, h)
				got := site.send("GET", "/api/orders/7", "")
				assert.Equal(t, `{"id":7,"product":"tea"}`, got.text)
				assertOuter(t, got.Response)
				assert.Equal(t, 200, site.send("HEAD", "/api/orders/7", "").StatusCode)
				assert.Equal(t, "old", site.send("GET", "/old", "").text)
				path := "/api/orders/8"
				if name != "an App under chi" {
					path = "/api/nothing"
				}
				got = site.send("GET", path, "")
				assert.Equal(t, 404, got.StatusCode)
				assert.Contains(t, got.text, "There is no such order.")
				assertOuter(t, got.Response)

				go func() { p.step <- true }()
				live := site.begin("GET", "/api/stream", "Accept-Encoding: gzip")
				live.lines.Reset(unzipped(t, live.Response, live.Body))
				for i := range 3 {
					if i > 0 {
						p.step <- true
					}
					assert.Equal(t, fmt.Sprint("line ", i), live.line(t))
				}
				p.step <- false
				_, err := live.lines.ReadByte()
				assert.ErrorIs(t, err, io.EOF)
				assert.Empty(t, log.errors())
			})
		}
	}
}

// pprof, http.FileServer and a proxy are mounted as they are.
func TestWhatIsMounted(t *testing.T) {
	debug := http.NewServeMux()
	debug.HandleFunc("/debug/pprof/", pprof.Index)
	app, log := newApp()
	app.Use(outer(nil))
	admin := app.Group("/admin")
	admin.Guard(weft.NewGuard("admin", func(r *weft.Request) error {
		if r.Header().Get("X-Admin") == "" {
			return weft.Deny("")
		}
		return nil
	}))
	admin.Mount("/profile", debug, weft.Std("compress", others(t)["gzhttp"]))
	admin.Mount("/chi", middleware.Profiler())
	app.Mount("/files", http.FileServer(http.Dir(".")))
	app.Mount("/proxy/{tenant}", proxyTo(t, http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		_, _ = io.WriteString(w, hr.Method+" "+hr.RequestURI)
	})))
	site := http1.open(t, build(t, app))
	assert.Equal(t, 403, site.send("GET", "/admin/profile/debug/pprof/", "").StatusCode)
	got := site.send("GET", "/admin/profile/debug/pprof/goroutine?debug=1", "", "X-Admin: 1", "Accept-Encoding: gzip")
	text, err := io.ReadAll(unzipped(t, got.Response, strings.NewReader(got.text)))
	assert.NoError(t, err)
	assert.Contains(t, string(text), "goroutine profile")
	assertOuter(t, got.Response)
	assert.Equal(t, 200, site.send("GET", "/admin/chi/pprof/", "", "X-Admin: 1").StatusCode)
	got = site.send("GET", "/files/chi_test.go", "", "Range: bytes=0-6")
	assert.Equal(t, 206, got.StatusCode)
	assert.Equal(t, "package", got.text)
	assertOuter(t, got.Response)
	assert.Equal(t, 404, site.send("GET", "/files/nothing", "").StatusCode)
	assert.Equal(t, "PATCH /a/b?c=d", site.send("PATCH", "/proxy/tea/a/b?c=d", "").text)
	assert.Empty(t, log.errors())
}
