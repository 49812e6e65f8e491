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
	sendTimeout  = time.Minute // where a client sends much
	bodyLimit    = 64 << 10    // bytes
)

// ordersPath is where the orders of a tenant are.
func ordersPath(t Tenant) string { return apiPrefix + "/tenants/" + string(t) + "/orders" }

func importPath(t Tenant) string { return ordersPath(t) + "/import" }

// newApp says what the service consists of. Read it from the top: the first
// stage is the outermost. What its stages are made of is in services.go. secret signs webhooks; without one they are refused. more is what watches the app, as trace.go does.
func newApp(c *weft.Container, secret []byte, log *slog.Logger, more ...weft.Option) *weft.App {
	app := weft.New(append(more, weft.WithContainer(c), weft.WithLogger(log), weft.WithMessages(message), weft.WithDecisions(logDenials))...)
	app.Use(requestID(), accessLog(), reference())
	app.Handle("GET /healthz", weft.Health().Timeout(queryTimeout)) // asks the services that have a HealthCheck

	api := app.Group(apiPrefix, noStore())
	api.Guard(weft.ValueGuardFrom(currentUser, login, weft.Named("login")))
	api.Catch(apiErrors()...)
	api.Handle("GET /me", weft.Handle(whoAmI).Named("who am I").Use(deadline(queryTimeout)).Timeout(queryTimeout))

	takesOrders, deletesOrders := weft.Any(role(Clerk), role(Manager)), weft.Any(role(Manager), role(Admin))
	audited := weft.MiddlewareFrom((*audit).record, weft.Named("audit"))
	ofTenant := api.Group(tenantPrefix)
	ofTenant.Guard(sameTenant())
	tenant := ofTenant.Group("", deadline(queryTimeout))
	tenant.Handle("POST /orders", weft.HandleFrom((*orders).create).Named("create order").Guard(takesOrders).Check(mayOrder).Intercept(audited).Timeout(queryTimeout).Limit(bodyLimit))
	tenant.Handle("GET /orders", weft.HandleFrom((*orders).list).Named("list orders").Timeout(queryTimeout).StrictQuery())
	tenant.Handle("GET /orders/{id}", weft.HandleFrom((*orders).read).Named("read order").Timeout(queryTimeout))
	tenant.Handle("PATCH /orders/{id}", weft.HandleFrom((*orders).patch).Named("change order").Guard(takesOrders).Check(mayChange).Intercept(audited).Timeout(queryTimeout).Limit(bodyLimit))
	tenant.Handle("DELETE /orders/{id}", weft.HandleFrom((*orders).delete).Named("delete order").Guard(deletesOrders).Intercept(audited).Timeout(queryTimeout))

	// Streams run when their handlers have returned: the deadline bounds what comes before the first of them, and not how long they go on.
	sending := ofTenant.Group("", deadline(sendTimeout))
	sending.Handle("POST /orders/{id}/attachments", weft.HandleFrom((*attachments).attach).Named("attach").Guard(takesOrders).Intercept(audited).Timeout(sendTimeout).Limit(uploadLimit))
	tenant.Handle("GET /orders/{id}/attachments", weft.HandleFrom((*attachments).list).Named("list attachments").Timeout(queryTimeout))
	tenant.Handle("GET /orders/{id}/attachments/{attachment}", weft.HandleFrom((*downloads).download).Named("download").Timeout(queryTimeout))
	tenant.Handle("DELETE /orders/{id}/attachments/{attachment}", weft.HandleFrom((*attachments).detach).Named("delete attachment").Guard(deletesOrders).Intercept(audited).Timeout(queryTimeout))

	// A line of an import has the limit that an order has. An import has no transaction of the request's, and sees to its audit itself.
	byLine := weft.Streams{ItemLimit: bodyLimit}
	sending.Handle("POST /orders/import", weft.Streaming(weft.HandleFrom((*imports).take).Named("import orders").Guard(takesOrders).Timeout(sendTimeout).Limit(importLimit), byLine))

	asLines := weft.Streams{Formats: []weft.StreamFormat{weft.NDJSON, weft.JSONArray}}
	tenant.Handle("GET /orders/export", weft.Streaming(weft.HandleFrom((*exports).lines).Named("export orders").Timeout(queryTimeout).StrictQuery(), asLines))
	tenant.Handle("GET /orders/export.csv", weft.HandleFrom((*exports).csv).Named("export a table").Timeout(queryTimeout).StrictQuery())
	asEvents := weft.Streams{Formats: []weft.StreamFormat{weft.SSE}}
	tenant.Handle("GET /orders/feed", weft.Streaming(weft.HandleFrom((*feed).follow).Named("follow orders").Timeout(queryTimeout), asEvents))

	webhooks := app.Group("/webhooks") // beside the API: a signature takes the place of a key
	webhooks.Guard(signed(secret))
	webhooks.Catch(webhookErrors()...)
	webhooks.Handle("POST /payments", weft.HandleFrom((*payments).receive).Named("receive payment").Timeout(queryTimeout).Limit(bodyLimit))
	return app
}
