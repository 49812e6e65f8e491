package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestErrorsOfTheDomainHaveAPublicFace(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		resp weft.Response
		want string
	}{
		{"an order that there is not", notFound(request(t), errNotFound),
			`{"title":"Not Found","status":404,"code":"order_not_found","detail":"There is no order with this id."}`},
		{"another tenant", noSuchTenant(request(t), errOtherTenant),
			`{"title":"Not Found","status":404,"code":"tenant_not_found","detail":"There is no such tenant."}`},
		{"an order that is closed", orderClosed(request(t), &OrderClosed{Shipped}),
			`{"title":"Conflict","status":409,"code":"order_closed","detail":"An order that was shipped or cancelled keeps its status and its date.","order_status":"shipped"}`},
		{"a payment that is ignored", ignored(request(t), errNotFound, "order_not_found"), `{"result":"ignored","reason":"order_not_found"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			assert.JSONEq(t, row.want, body(t, row.resp))
		})
	}
}

// TestTheSameErrorIsAnotherAnswerInAnotherGroup attaches both lists of mappers
// to handlers that fail in every way.
func TestTheSameErrorIsAnotherAnswerInAnotherGroup(t *testing.T) {
	t.Parallel()
	var failure error
	fail := weft.Handle(func(context.Context, struct{}) (struct{}, error) {
		return struct{}{}, fmt.Errorf("deep inside: %w", failure)
	})
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	for prefix, mappers := range map[string][]weft.Mapper{"/api": apiErrors(), "/webhooks": webhookErrors()} {
		group := app.Group(prefix)
		group.Catch(mappers...)
		group.Handle("GET /x", fail)
	}
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	status := func(path string) int {
		answer := httptest.NewRecorder()
		srv.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		return answer.Code
	}
	for _, row := range []struct {
		failure      error
		api, webhook int
	}{
		{errNotFound, 404, 200},
		{&OrderClosed{Cancelled}, 409, 200},
		{&PaymentRefused{"already_paid"}, 500, 200},
		{errOtherTenant, 404, 500},
		{weft.Deny("").WithCause(errOtherTenant), 404, 403},
		{weft.Deny(""), 403, 403},
		{errors.New("disk full"), 500, 500},
	} {
		failure = row.failure
		assert.Equal(t, row.api, status("/api/x"), failure)
		assert.Equal(t, row.webhook, status("/webhooks/x"), failure)
	}
}

func TestAClosedOrderIsAConflict(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	require.Equal(t, 200, a.call(t, "PATCH", acmeOrders+"/1", `{"status":"shipped"}`).status)
	got := a.call(t, "PATCH", acmeOrders+"/1", `{"status":"open"}`)
	assert.Equal(t, 409, got.status)
	assert.Equal(t, "order_closed", got.code(t))
	assert.Contains(t, got.body, `"order_status":"shipped"`)
}
