package nethttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// Orders is the domain. It knows nothing of HTTP, and stays as it is.
type Orders struct{}

var ErrNoOrder = errors.New("no such order")

type Order struct {
	ID      int    `json:"id"`
	Product string `json:"product"`
}

func (*Orders) Find(_ context.Context, id int) (Order, error) {
	if id != 7 {
		return Order{}, ErrNoOrder
	}
	return Order{7, "tea"}, nil
}

func (*Orders) Place(_ context.Context, product string) (Order, error) {
	return Order{8, product}, nil
}

// chiShop is the shop before.
func chiShop(orders *Orders) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer, middleware.Compress(5))
	r.Route("/api", func(r chi.Router) {
		r.Use(apiKey)
		r.Get("/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
			id, err := strconv.Atoi(chi.URLParam(r, "id"))
			if err != nil {
				http.Error(w, "bad id", http.StatusBadRequest)
				return
			}
			order, err := orders.Find(r.Context(), id)
			if errors.Is(err, ErrNoOrder) {
				http.Error(w, "no such order", http.StatusNotFound)
				return
			} else if err != nil {
				http.Error(w, "internal error", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(order)
		})
		r.With(middleware.Timeout(time.Second)).Post("/orders", func(w http.ResponseWriter, r *http.Request) {
			var in struct{ Product string }
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Product == "" {
				http.Error(w, "bad order", http.StatusBadRequest)
				return
			}
			order, err := orders.Place(r.Context(), in.Product)
			if err != nil {
				http.Error(w, "internal error", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(order)
		})
	})
	r.Mount("/debug", middleware.Profiler())
	return r
}

// apiKey is a middleware of one's own, as it was.
func apiKey(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "ada's key" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// weftAroundChi is the first step: weft outside, chi's router mounted as it is. From here routes move one by one.
func weftAroundChi(orders *Orders) *weft.App {
	app := weft.New()
	app.Use(weft.Std("request id", middleware.RequestID))
	app.Mount("", chiShop(orders))
	app.Handle("GET /api/version", weft.Handle(func(context.Context, struct{}) (string, error) { return "2", nil }))
	return app
}

// weftInChi is the other first step: chi stays outside, and one route is a typed handler.
func weftInChi(orders *Orders) (http.Handler, error) {
	find, err := weft.HTTP(findOrder(orders))
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer)
	r.With(apiKey).Method("GET", "/api/orders/{id}", find)
	return r, nil
}

type FindOrder struct {
	ID int `path:"id"`
}

func findOrder(orders *Orders) *weft.Handler[FindOrder, Order] {
	return weft.Handle(func(ctx context.Context, in FindOrder) (Order, error) { return orders.Find(ctx, in.ID) }).
		Catch(weft.OnIs(ErrNoOrder, func(*weft.Request, error) weft.Response {
			return weft.Fail(&weft.Error{Status: http.StatusNotFound, Detail: "There is no such order."})
		}))
}

type PlaceOrder struct {
	Product string `json:"product" validate:"required"`
}

// weftShop is the shop after.
func weftShop(orders *Orders) *weft.App {
	app := weft.New()
	app.Use(weft.Std("request id", middleware.RequestID), weft.Std("compress", middleware.Compress(5)))
	api := app.Group("/api", weft.Std("api key", apiKey))
	api.Handle("GET /orders/{id}", findOrder(orders))
	api.Handle("POST /orders", weft.Handle(func(ctx context.Context, in PlaceOrder) (Order, error) {
		return orders.Place(ctx, in.Product)
	}).Status(http.StatusCreated).Timeout(time.Second))
	app.Mount("/debug", middleware.Profiler())
	return app
}

// The shop answers alike before, on the way, and after; what is better after is its errors.
func TestMovingFromChi(t *testing.T) {
	orders := &Orders{}
	mixed, err := weftInChi(orders)
	require.NoError(t, err)
	for name, h := range map[string]http.Handler{
		"before": chiShop(orders), "weft around chi": build(t, weftAroundChi(orders)), "weft in chi": mixed, "after": build(t, weftShop(orders)),
	} {
		for _, row := range []struct {
			method, path, body string
			status             int
			text               string
		}{
			{"GET", "/api/orders/7", "", 200, `{"id":7,"product":"tea"}`},
			{"GET", "/api/orders/8", "", 404, ""},
			{"GET", "/api/orders/seven", "", 400, ""},
			{"POST", "/api/orders", `{"product":"tea"}`, 201, `{"id":8,"product":"tea"}`},
			{"GET", "/debug/pprof/", "", 200, ""},
			{"GET", "/nowhere", "", 404, ""},
		} {
			if name == "weft in chi" && !strings.HasPrefix(row.path, "/api/orders/") {
				continue
			}
			t.Run(name+", "+row.method+" "+row.path, func(t *testing.T) {
				site := http1.open(t, h)
				got := site.send(row.method, row.path, row.body, "X-Api-Key: ada's key")
				assert.Equal(t, row.status, got.StatusCode)
				if row.text != "" {
					assert.JSONEq(t, row.text, got.text)
				}
				if strings.HasPrefix(row.path, "/api") {
					assert.Equal(t, 401, site.send(row.method, row.path, row.body).StatusCode)
				}
			})
		}
	}
}
