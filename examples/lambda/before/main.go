// Command before is a function with before logic and exception logic: it unwraps the detail of an event, fills in what is missing, creates a payment,
// and whatever goes wrong is a PaymentError.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/uuid"
	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// Event is one of EventBridge, as far as it is of interest here.
type Event struct {
	Detail Order `json:"detail"`
}

// Order is what is to be paid.
type Order struct {
	UserID   string `json:"user_id"`
	OrderID  string `json:"order_id"`
	Amount   string `json:"amount"`
	StatusID string `json:"status_id"`
}

// Receipt is what the function returns.
type Receipt struct {
	Order   Payment `json:"order"`
	Message string  `json:"message"`
	Success bool    `json:"success"`
}

// Payment is an order with a payment.
type Payment struct {
	Order
	PaymentID string `json:"payment_id"`
}

// PaymentError is what the caller is told. The cause is for the log.
type PaymentError struct{ Cause error }

func (*PaymentError) Error() string   { return "Unable to create payment" }
func (e *PaymentError) Unwrap() error { return e.Cause }

// NewID makes the ids of payments.
type NewID func() (string, error)

func randomID() (string, error) {
	id, err := uuid.NewRandom()
	return id.String(), err
}

// Payments creates payments.
type Payments struct{ newID NewID }

// NewPayments is their constructor.
func NewPayments(newID NewID) *Payments { return &Payments{newID} }

// Create is the function itself: it knows nothing of events.
func (p *Payments) Create(_ context.Context, order Order) (Receipt, error) {
	id, err := p.newID()
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Payment{order, id}, "payment created", true}, nil
}

// payable is a check of the order, whatever event it came in.
func payable(_ context.Context, order Order) error {
	if order.UserID == "" || order.OrderID == "" || order.Amount == "" {
		return errors.New("an order has a user, an id and an amount")
	}
	return nil
}

// unwrapped is before logic. It changes the type: from here inward there are orders and no events.
func unwrapped(ctx context.Context, in Event, next func(context.Context, Order) (Receipt, error)) (Receipt, error) {
	order := in.Detail
	if order.StatusID == "" {
		order.StatusID = "pending"
	}
	return next(ctx, order)
}

// paymentErrors is exception logic, for handlers of all types.
func paymentErrors[Req, Resp any](ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
	out, err := next(ctx, in)
	if err != nil {
		log.Print(err)
		err = &PaymentError{err}
	}
	return out, err
}

func services() *weft.Container {
	i := do.New()
	do.ProvideValue(i, NewID(randomID))
	c := weft.NewContainer(i)
	weft.Auto[*Payments](c, NewPayments)
	return c
}

func function(ctx context.Context, c *weft.Container) (func(context.Context, Event) (Receipt, error), error) {
	create := weft.HandleFrom((*Payments).Create).Check(payable)
	return weft.Func(ctx, weft.Adapt(create, unwrapped).Around(paymentErrors), weft.WithContainer(c))
}

func main() {
	fn, err := function(context.Background(), services())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(fn)
}
