package main

import (
	"context"
	"errors"
	"fmt"
)

// paymentRepository keeps payments in a transaction of its own, and not the request's: where an order
// refuses a payment, that is an error, for which the request's would be rolled back, and the event has to stay.
type paymentRepository struct{ db *database }

func newPaymentRepository(db *database) *paymentRepository { return &paymentRepository{db} }

// settle keeps the event and pays its order, both or neither. An event that is
// kept already changes nothing: again is true then. Where the order does not take the
// payment, the event is kept with the reason, which is returned: errNotFound, an *OrderClosed or a *PaymentRefused.
func (p *paymentRepository) settle(ctx context.Context, e PaymentEvent) (again bool, err error) {
	var refused error
	received := now()
	err = p.db.within(ctx, func(tx *Tx) error {
		result, err := tx.ExecContext(ctx, `
			INSERT INTO payments (event_id, tenant, order_id, amount_cents, received) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (event_id) DO NOTHING`,
			e.ID, e.Tenant, e.Order, e.Amount, received.UnixMilli(),
		)
		if err != nil {
			return err
		}
		kept, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if again = kept == 0; again {
			return nil
		}
		order, err := read(ctx, tx, e.Tenant, e.Order)
		if err == nil {
			err = order.pay(e.Amount, received)
		}
		if refused = refusal(err); refused != nil {
			_, err = tx.ExecContext(ctx, `UPDATE payments SET refused = ? WHERE event_id = ?`, refused.Error(), e.ID)
			return err
		}
		if err != nil {
			return err
		}
		order.Version++
		_, err = tx.ExecContext(ctx, `UPDATE orders SET paid = ?, version = ? WHERE tenant = ? AND id = ?`, order.Paid.UnixMilli(), order.Version, e.Tenant, e.Order)
		if err != nil {
			return err
		}
		return record(ctx, tx, e.Tenant, orderPaid, order)
	})
	if err != nil {
		return false, fmt.Errorf("settling the payment %q: %w", e.ID, err)
	}
	if refused != nil {
		return false, fmt.Errorf("the payment %q for order %d of %s: %w", e.ID, e.Order, e.Tenant, refused)
	}
	return again, nil
}

// refusal is err where it says that the order does not take a payment. Any
// other error is a failure, after which the provider has to send the event again.
func refusal(err error) error {
	_, closed := errors.AsType[*OrderClosed](err)
	_, refused := errors.AsType[*PaymentRefused](err)
	if closed || refused || errors.Is(err, errNotFound) {
		return err
	}
	return nil
}
