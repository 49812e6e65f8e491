package main

import (
	"log/slog"
	"time"

	"github.com/weft-go/weft"
)

const (
	apiPrefix    = "/api"
	tenantPrefix = "/tenants/{tenant}"
	webhookPath  = "/webhooks/payments"
	queryTimeout = 5 * time.Second
	bodyLimit    = 64 << 10 // bytes
)

// ordersPath is where the orders of a tenant are.
func ordersPath(t Tenant) string { return apiPrefix + "/tenants/" + string(t) + "/orders" }

// newApp says what the service consists of. Read it from the top: the first
// stage is the outermost. secret signs webhooks; without one they are refused.
func newApp(s *store, secret []byte, log *slog.Logger) *weft.App {
	app := weft.New(weft.WithLogger(log), weft.WithMessages(message), weft.WithDecisions(logDenials))
	app.Use(requestID(), accessLog(), reference())
	app.Handle("GET /healthz", weft.Health(weft.HealthCheck{Name: "database", Check: s.ready}).Timeout(queryTimeout))

	api := app.Group(apiPrefix, noStore(), deadline(queryTimeout))
	api.Guard(login(s))
	api.Catch(apiErrors()...)
	api.Handle("GET /me", weft.Handle(whoAmI).Named("who am I").Timeout(queryTimeout))

	o := &orders{s}
	takesOrders, deletesOrders := weft.Any(role(Clerk), role(Manager)), weft.Any(role(Manager), role(Admin))
	tenant := api.Group(tenantPrefix)
	tenant.Guard(sameTenant())
	tenant.Handle("POST /orders", weft.Handle(o.create).Named("create order").Guard(takesOrders).Check(mayOrder).Timeout(queryTimeout).Limit(bodyLimit))
	tenant.Handle("GET /orders", weft.Handle(o.list).Named("list orders").Timeout(queryTimeout).StrictQuery())
	tenant.Handle("GET /orders/{id}", weft.Handle(o.read).Named("read order").Timeout(queryTimeout))
	tenant.Handle("PATCH /orders/{id}", weft.Handle(o.patch).Named("change order").Guard(takesOrders).Check(mayChange).Timeout(queryTimeout).Limit(bodyLimit))
	tenant.Handle("DELETE /orders/{id}", weft.Handle(o.delete).Named("delete order").Guard(deletesOrders).Timeout(queryTimeout))

	webhooks := app.Group("/webhooks") // beside the API: a signature takes the place of a key
	webhooks.Guard(signed(secret))
	webhooks.Catch(webhookErrors()...)
	webhooks.Handle("POST /payments", weft.Handle((&payments{s}).receive).Named("receive payment").Timeout(queryTimeout).Limit(bodyLimit))
	return app
}
