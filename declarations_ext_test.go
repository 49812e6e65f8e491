package weft_test

// Declarations whose lines are in the golden files: a change here changes those.

import (
	"context"
	"log/slog"
	"time"

	"github.com/weft-go/weft"
)

// wrong declares every mistake that Build can find.
func wrong() *weft.App {
	app := weft.New(weft.WithLogger(nil), weft.WithLimit(0), weft.WithDrainTimeout(-time.Second), weft.WithDrainDelay(-1), weft.WithObserver(nil), weft.WithValidator(nil))
	ok := weft.Handle(echo[person]).Named("ok")

	app.Handle("GET", ok)
	app.Handle("G(T /x", ok)
	app.Handle("GET /a b", ok)
	app.Handle("GET example.com", ok)
	app.Handle("GET /{id", ok)
	app.Handle("GET /{id}/{id}", ok)
	app.Handle("GET /a//b", ok)
	app.Handle("GET /same", ok)
	app.Handle("GET /same", ok)
	app.Handle("GET /x/{y}/z", ok)
	app.Handle("GET /x/y/{z}", ok)

	app.Group("/slash/").Handle("GET /same", ok)
	app.Group("slash").Handle("GET /same", ok)
	app.Group("GET /method")
	app.Group("/{rest...}")
	app.Group("/a//b")
	app.Group("example.com/a").Handle("GET example.org/b", ok)
	app.Group("example.com/a").Group("example.org/b")
	app.Group("/{id}").Group("/{id}")
	app.Group("/{id}").Handle("GET /{id}", ok)

	app.Handle("GET /nil/endpoint", nil)
	app.Handle("GET /nil/handler", (*weft.Handler[person, person])(nil))
	app.Handle("GET /nil/function", weft.Handle[person, person](nil))
	app.Handle("GET /status/1", ok.Status(0))
	app.Handle("GET /status/2", ok.Status(404))
	app.Handle("GET /status/3", weft.Handle(echo[weft.Response]).Status(200))
	app.Handle("GET /timeout", ok.Timeout(0))
	app.Handle("GET /limit", ok.Limit(-1))

	app.Handle("GET /types/1", weft.Handle(echo[chan int]))
	app.Handle("GET /types/2", weft.Handle(func(context.Context, struct {
		Items []struct{ Callback func() }
	}) (*weft.Response, error) {
		return nil, nil
	}))
	app.Handle("GET /types/3", weft.Handle(func(_ context.Context, in struct{ Reader error }) (string, error) { return "", nil }))
	app.Handle("GET /types/4", weft.Handle(func(_ context.Context, in struct {
		//lint:ignore SA5008 the mistake is the point
		A string `json:"'unfinished"`
	}) (string, error) {
		return "", nil
	}))
	app.Handle("GET /types/5", weft.Handle(func(_ context.Context, in struct {
		ID int `path:"id"`
	}) (string, error) {
		return "", nil
	}))

	app.Use(weft.MiddlewareFunc(nil), weft.Before("no function", nil), (*audit)(nil))
	app.Intercept(weft.NewMiddleware("no function", nil))
	app.Use(weft.NewMiddleware("second", passThrough), weft.NewMiddleware("first", passThrough, weft.Outside("second")))
	return app
}

// planned declares a little of everything.
func planned() *weft.App {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(weft.NewMiddleware("request id", passThrough), weft.NewMiddleware("access log", passThrough, weft.Inside("request id")))
	app.Intercept(weft.NewMiddleware("metrics", passThrough))
	app.Catch(on[*outOfStock]("app"))
	api := app.Group("/api", weft.NewMiddleware("no store", passThrough))
	api.Guard(login())
	api.Catch(onIs(errClosed, "api"), on[temporary]("api"))
	orders := api.Group("/tenants/{tenant}/orders")
	orders.Handle("POST", weft.Handle(echo[person]).Named("create").Status(201).Limit(4096).Use(weft.NewMiddleware("quota", passThrough)).
		Guard(weft.Any(role("owner"), role("admin")), weft.NewGuard("signature", passGuard, weft.ReadsBody())).
		Check(func(context.Context, person) error { return nil }))
	orders.Handle("GET", weft.Handle(greetUser).Named("list"))
	orders.Handle("GET /{id}", weft.Handle(func(context.Context, *weft.Request) (*person, error) { return nil, nil }).Named("read").Timeout(time.Second))
	orders.Handle("DELETE /{id}", weft.Handle(func(context.Context, *weft.Request) (struct{}, error) { return struct{}{}, nil }).Named("delete").
		Intercept(weft.NewMiddleware("trail", passThrough)))
	app.Handle("GET /healthz", weft.Health())
	return app
}
