package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/rest"
	"github.com/weft-go/weft/tracing"
)

// Visit is a request of a customer. From validated inward there are visits and no events.
type Visit struct {
	CustomerID  string `json:"customer_id"`
	RequestID   string `json:"request_id"`
	Path        string `json:"path"`
	RequestTime string `json:"request_time"`
	SourceIP    string `json:"source_ip"`
	Method      string `json:"http_method"`
}

// missingCustomer says what is wrong, and nothing of what else was sent.
const missingCustomer = "Failed schema validation. Error: data.headers must contain ['X-Customer-Id'] properties"

// validated makes a visit of an event, or answers by itself: then nothing further in runs.
func validated(ctx context.Context, in rest.Event, next func(context.Context, Visit) (rest.Response, error)) (rest.Response, error) {
	customer, there := in.Headers.Lookup("X-Customer-Id")
	if !there {
		body, err := json.Marshal(missingCustomer)
		return rest.Response{Status: http.StatusBadRequest, Body: string(body)}, err
	}
	return next(ctx, Visit{customer, in.Context.RequestID, in.Path, in.Context.RequestTime, in.Context.Identity.SourceIP, in.Method})
}

// correlated says whose visit it is, in the trace and in the log.
func correlated[Resp any](ctx context.Context, in Visit, next func(context.Context, Visit) (Resp, error)) (Resp, error) {
	tracing.Annotate(ctx, "CustomerId", in.CustomerID)
	weft.Logger(ctx).DebugContext(ctx, "a visit", slog.String("customer_id", in.CustomerID), slog.String("correlation_id", in.RequestID))
	return next(ctx, in)
}

// security is what every answer says to browsers.
var security = [][2]string{
	{"Referrer-Policy", "no-referrer"},
	{"Strict-Transport-Security", "max-age=15552000; includeSubDomains; preload"},
	{"X-DNS-Prefetch-Control", "off"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Permitted-Cross-Domain-Policies", "none"},
	{"X-Download-Options", "noopen"},
}

// secured adds the fields to every answer from further in.
func secured[Req any](ctx context.Context, in Req, next func(context.Context, Req) (rest.Response, error)) (rest.Response, error) {
	out, err := next(ctx, in)
	if err != nil {
		return out, err
	}
	for _, field := range security {
		out = out.With(field[0], field[1])
	}
	return out, nil
}

// remembered keeps a visit that was answered, where the feature is on. That it cannot be kept is no failure of the visit.
func remembered(history *History, ctx context.Context, in Visit, next func(context.Context, Visit) (rest.Response, error)) (rest.Response, error) {
	out, err := next(ctx, in)
	if err != nil || !history.features.On(ctx, "save_history") {
		return out, err
	}
	tracing.Metadata(ctx, "execution detail", in)
	if failed := history.Save(ctx, in); failed != nil {
		weft.Logger(ctx).WarnContext(ctx, "a visit could not be kept", slog.Any("error", failed))
	}
	return out, nil
}

// answered is exception logic that changes the type: what is found, or the error, becomes an answer.
func answered(ctx context.Context, in Visit, next func(context.Context, Visit) (json.RawMessage, error)) (rest.Response, error) {
	found, err := next(ctx, in)
	switch {
	case err == nil:
		return rest.JSON(http.StatusOK, found)
	case errors.Is(err, ErrNoRoute):
		return rest.NotFound()
	}
	weft.Logger(ctx).ErrorContext(ctx, "comments could not be read", slog.Any("error", err))
	return rest.Failure(http.StatusInternalServerError, "The comments cannot be read.")
}
