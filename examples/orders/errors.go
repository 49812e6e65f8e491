package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/weft-go/weft"
)

// The errors of the domain know nothing of HTTP. Each group says for itself
// what they are to its clients: here for the API, in payment.go for the webhooks.
// An error that nobody maps stays private, and so becomes a 500.

// errNotFound says that the tenant has no order with the id asked for.
var errNotFound = errors.New("no such order")

// errNoAttachment says that the order has no attachment with the id asked for, or that there is no such order.
var errNoAttachment = errors.New("no such attachment")

// errTooManyAttachments says that an order has as many as it may have.
var errTooManyAttachments = errors.New("too many attachments")

// OrderClosed says that an order has come to its end, and so takes no change of its course.
type OrderClosed struct{ Status Status }

func (e *OrderClosed) Error() string { return fmt.Sprintf("the order is %s", e.Status) }

// PaymentRefused says that an order does not take a payment.
type PaymentRefused struct{ Reason string }

func (e *PaymentRefused) Error() string { return "the order does not take the payment: " + e.Reason }

// apiErrors are what the clients of the API see.
func apiErrors() []weft.Mapper {
	return []weft.Mapper{
		weft.OnIs(errNotFound, notFound),
		weft.OnIs(errOtherTenant, noSuchTenant),
		weft.On(orderClosed),
		weft.On(importStopped),
		weft.OnIs(errNoAttachment, noAttachment),
		weft.OnIs(errTooManyAttachments, tooManyAttachments),
	}
}

func notFound(_ *weft.Request, err error) weft.Response {
	return weft.Fail(&weft.Error{
		Status: http.StatusNotFound,
		Code:   "order_not_found",
		Detail: "There is no order with this id.",
		Cause:  err,
	})
}

func noAttachment(_ *weft.Request, err error) weft.Response {
	return weft.Fail(&weft.Error{
		Status: http.StatusNotFound,
		Code:   "attachment_not_found",
		Detail: "There is no attachment with this id.",
		Cause:  err,
	})
}

func tooManyAttachments(_ *weft.Request, err error) weft.Response {
	return weft.Fail(&weft.Error{
		Status: http.StatusConflict,
		Code:   "too_many_attachments",
		Detail: fmt.Sprintf("An order has at most %d attachments.", maxAttachments),
		Cause:  err,
	})
}

func noSuchTenant(_ *weft.Request, err error) weft.Response {
	return weft.Fail(&weft.Error{
		Status: http.StatusNotFound,
		Code:   "tenant_not_found",
		Detail: "There is no such tenant.",
		Cause:  err,
	})
}

func orderClosed(_ *weft.Request, err *OrderClosed) weft.Response {
	return weft.Fail(&weft.Error{
		Status:     http.StatusConflict,
		Code:       "order_closed",
		Detail:     "An order that was shipped or cancelled keeps its status and its date.",
		Extensions: map[string]any{"order_status": err.Status},
		Cause:      err,
	})
}

// importStopped has the status of what stopped the import, and the report of what was before.
func importStopped(_ *weft.Request, err *ImportStopped) weft.Response {
	return weft.Fail(&weft.Error{
		Status:     weft.Fail(err.Cause).Status(),
		Code:       "import_stopped",
		Detail:     "Up to the line in report.done, all lines were imported or are told. Send those behind it again.",
		Extensions: map[string]any{"report": err.Report},
		Cause:      err,
	})
}
