package main

import (
	"log/slog"
	"time"

	"github.com/weft-go/weft"
)

const (
	apiPrefix    = "/api"
	ordersPath   = apiPrefix + "/orders"
	queryTimeout = 5 * time.Second
	bodyLimit    = 64 << 10 // bytes
)

// newApp says what the service consists of. Read it from the top: the first
// stage is the outermost.
func newApp(s *store, log *slog.Logger) *weft.App {
	app := weft.New(weft.WithLogger(log), weft.WithMessages(message))
	app.Use(requestID(), accessLog(), reference())
	app.Handle("GET /healthz", weft.Health(weft.HealthCheck{Name: "database", Check: s.ready}).Timeout(queryTimeout))

	o := &orders{s}
	api := app.Group(apiPrefix, noStore())
	api.Catch(weft.OnIs(errNotFound, notFound))
	api.Handle("POST /orders", weft.Handle(o.create).Named("create order").Timeout(queryTimeout).Limit(bodyLimit))
	api.Handle("GET /orders", weft.Handle(o.list).Named("list orders").Timeout(queryTimeout).StrictQuery())
	api.Handle("GET /orders/{id}", weft.Handle(o.read).Named("read order").Timeout(queryTimeout))
	api.Handle("PATCH /orders/{id}", weft.Handle(o.patch).Named("change order").Timeout(queryTimeout).Limit(bodyLimit))
	api.Handle("DELETE /orders/{id}", weft.Handle(o.delete).Named("delete order").Timeout(queryTimeout))
	return app
}
