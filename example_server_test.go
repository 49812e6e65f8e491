package weft_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/weft-go/weft"
)

// A Server is an http.Handler: it can be mounted, and tested in process.
func ExampleServer() {
	app := quiet()
	app.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, id int) (Order, error) {
		return Order{id, "tea"}, nil
	}).Extract(weft.PathValue[int]("id")))
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}

	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequest("GET", "/orders/7", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 {"id":7,"product":"tea"}
}

// Run serves until its context ends or a signal comes, lets requests under way finish, and returns.
func ExampleServer_Run() {
	app := weft.New(
		weft.WithLogger(slog.New(slog.DiscardHandler)),
		weft.WithDrainDelay(10*time.Millisecond), // for load balancers, which see Health answer 503
		weft.WithDrainTimeout(time.Second),       // for requests under way
	)
	app.Handle("GET /healthz", weft.Health())
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	fmt.Println(srv.Run(ctx, "localhost:0"))
	// Output: <nil>
}

// A server of net/http of your own brings TLS, timeouts and addresses. What it leaves unset is set.
func ExampleServer_RunServer() {
	app := quiet()
	app.Handle("GET /healthz", weft.Health())
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	hs := &http.Server{Addr: "localhost:0", ReadTimeout: time.Minute}

	ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	fmt.Println(srv.RunServer(ctx, hs, nil), hs.ReadHeaderTimeout)
	// Output: <nil> 10s
}

// A check that fails makes the service unhealthy; the body says which, and the log why.
func ExampleHealth() {
	database := weft.HealthCheck{Name: "database", Check: func(context.Context) error {
		return errors.New("connection refused")
	}}
	app := quiet()
	app.Handle("GET /healthz", weft.Health(database).Timeout(time.Second))
	show(app, "GET", "/healthz", "")
	// Output: 503 {"status":"failed","checks":[{"name":"database","status":"failed"}]}
}

// A route's pattern is one of http.ServeMux. Where the path is there and the method is not, the answer is a 405.
func ExampleApp_Handle() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder))
	for _, method := range []string{"DELETE", "OPTIONS"} {
		w := send(app, method, "/orders", "")
		fmt.Println(w.Code, w.Header().Get("Allow"))
	}
	// Output:
	// 405 POST, OPTIONS
	// 204 POST, OPTIONS
}

// Groups nest. Prefixes are joined, and may hold wildcards.
func ExampleGroup_Group() {
	app := quiet()
	tenant := app.Group("/api").Group("/tenants/{tenant}")
	tenant.Handle("GET /me", weft.Handle(func(_ context.Context, tenant string) (string, error) {
		return tenant, nil
	}).Extract(weft.PathValue[string]("tenant")))
	show(app, "GET", "/api/tenants/acme/me", "")
	// Output: 200 "acme"
}

// Metadata is found by its type: whoever attaches it and whoever reads it share that type.
func ExampleHandler_Meta() {
	type Deprecated struct{ Sunset string } // RFC 8594
	deprecation := weft.After("deprecation", func(r *weft.Request, resp weft.Response) weft.Response {
		if d, found := weft.MetaOf[Deprecated](r.Route()); found {
			return resp.WithHeader("Sunset", d.Sunset)
		}
		return resp
	})

	app := quiet()
	app.Use(deprecation)
	app.Handle("POST /v1/orders", weft.Handle(placeOrder).Meta(Deprecated{"Sat, 31 Oct 2026 23:59:59 GMT"}))
	w := send(app, "POST", "/v1/orders", "{}")
	fmt.Println(w.Header().Get("Sunset"))
	// Output: Sat, 31 Oct 2026 23:59:59 GMT
}

// The nearest metadata counts: the route's before the group's before the app's.
func ExampleGroup_Meta() {
	type Owner string
	app := quiet()
	app.Meta(Owner("platform"))
	shop := app.Group("/shop")
	shop.Meta(Owner("shop"))
	owner := weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		owner, _ := weft.MetaOf[Owner](weft.RouteOf(ctx))
		return string(owner), nil
	})
	app.Handle("GET /owner", owner)
	shop.Handle("GET /owner", owner)
	show(app, "GET", "/owner", "")
	show(app, "GET", "/shop/owner", "")
	// Output:
	// 200 "platform"
	// 200 "shop"
}

// NewRequest makes of a request of net/http what stages take.
func ExampleNewRequest() {
	r := weft.NewRequest(httptest.NewRequest(http.MethodGet, "/orders?limit=5", nil))
	fmt.Println(r.Query().Get("limit"), r.Route().Pattern() == "")
	// Output: 5 true
}
