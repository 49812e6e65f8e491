package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/weft-go/weft"
)

// PaymentEvent is what the payment provider tells: order of tenant was paid. It
// repeats the tenant and the order that it was given when the payment began.
type PaymentEvent struct {
	ID     string `json:"id" validate:"required,min=1,max=200"`
	Type   string `json:"type" validate:"required,min=1,max=200"`
	Tenant Tenant `json:"tenant" validate:"required,min=1,max=40"`
	Order  int64  `json:"order" validate:"required,min=1"`
	Amount Money  `json:"amount" validate:"required,min=0"`
}

// paymentSucceeded is the only type of event that changes something.
const paymentSucceeded = "payment.succeeded"

// Receipt answers an event. Providers look at the status alone: anything but
// a 2xx is sent again, for days. The rest is for who reads their logs.
type Receipt struct {
	Result string `json:"result"`
	Reason string `json:"reason,omitzero"`
}

// payments answers webhooks.
type payments struct{ repository *paymentRepository }

func newPayments(repository *paymentRepository) *payments { return &payments{repository} }

// receive may be told the same event any number of times.
func (p *payments) receive(ctx context.Context, e PaymentEvent) (Receipt, error) {
	if e.Type != paymentSucceeded {
		return Receipt{Result: "ignored", Reason: "other_type"}, nil
	}
	again, err := p.repository.settle(ctx, e)
	switch {
	case err != nil:
		return Receipt{}, err
	case again:
		return Receipt{Result: "duplicate"}, nil
	}
	return Receipt{Result: "paid"}, nil
}

// pay is a payment of the whole order.
func (o *Order) pay(amount Money, at time.Time) error {
	switch {
	case o.Status == Cancelled:
		return &OrderClosed{o.Status}
	case !o.Paid.IsZero():
		return &PaymentRefused{"already_paid"}
	case amount != o.Total:
		return &PaymentRefused{"other_amount"}
	}
	o.Paid = at
	return nil
}

// webhookErrors are what the payment provider sees: for the same errors as in
// the API another answer, a 200. The provider cannot mend them by sending the event again,
// and it was kept for those who can.
func webhookErrors() []weft.Mapper {
	return []weft.Mapper{
		weft.OnIs(errNotFound, func(r *weft.Request, err error) weft.Response { return ignored(r, err, "order_not_found") }),
		weft.On(func(r *weft.Request, err *OrderClosed) weft.Response { return ignored(r, err, "order_closed") }),
		weft.On(func(r *weft.Request, err *PaymentRefused) weft.Response { return ignored(r, err, err.Reason) }),
	}
}

func ignored(r *weft.Request, err error, reason string) weft.Response {
	ctx := r.Context()
	weft.Logger(ctx).LogAttrs(ctx, slog.LevelInfo, "payment ignored", slog.String("reason", reason), slog.Any("error", err))
	return weft.JSON(Receipt{Result: "ignored", Reason: reason})
}
