package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// orderRepository keeps orders, in the request's transaction; list.go has one more of its methods. Whatever it
// does with orders it does for one tenant: there is no method that could forget to say for which.
type orderRepository struct{ tx *Tx }

func newOrderRepository(tx *Tx) *orderRepository { return &orderRepository{tx} }

// add keeps a draft that passed its check, as a new order of the tenant's.
func (o *orderRepository) add(ctx context.Context, tenant Tenant, d Draft) (Order, error) {
	order := Order{
		Customer: d.Customer,
		Items:    d.Items,
		Status:   Open,
		Due:      d.Due,
		Note:     d.Note,
		Total:    d.total(),
		Created:  now(),
		Version:  1,
	}
	if err := o.insert(ctx, tenant, &order); err != nil {
		return Order{}, fmt.Errorf("adding an order: %w", err)
	}
	return order, nil
}

// insert gives the order its number. Where it fails halfway, the transaction is over, and nothing of the order stays.
func (o *orderRepository) insert(ctx context.Context, tenant Tenant, order *Order) (err error) {
	if order.ID, err = o.number(ctx, tenant); err != nil {
		return fmt.Errorf("its number: %w", err)
	}
	_, err = o.tx.ExecContext(ctx, `
		INSERT INTO orders (tenant, id, customer, total_cents, status, due, note, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		tenant, order.ID, order.Customer, order.Total, order.Status, order.Due, order.Note, order.Created.UnixMilli(),
	)
	if err != nil {
		return err
	}
	for position, item := range order.Items {
		_, err := o.tx.ExecContext(ctx,
			`INSERT INTO items (tenant, order_id, position, sku, quantity, unit_price_cents) VALUES (?, ?, ?, ?, ?, ?)`,
			tenant, order.ID, position, item.SKU, item.Quantity, item.UnitPrice,
		)
		if err != nil {
			return fmt.Errorf("item %d: %w", position, err)
		}
	}
	return record(ctx, o.tx, tenant, orderCreated, *order)
}

// number is the tenant's next one.
func (o *orderRepository) number(ctx context.Context, tenant Tenant) (last int64, err error) {
	_, err = o.tx.ExecContext(ctx, `
		INSERT INTO numbers (tenant, last) VALUES (?, 1)
		ON CONFLICT (tenant) DO UPDATE SET last = last + 1`, tenant)
	if err != nil {
		return 0, err
	}
	rows, err := o.tx.QueryContext(ctx, `SELECT last FROM numbers WHERE tenant = ?`, tenant)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err has what matters
	if rows.Next() {
		err = rows.Scan(&last)
	}
	return last, errors.Join(err, rows.Err())
}

// now is the time as it is kept.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// get returns the order, or errNotFound.
func (o *orderRepository) get(ctx context.Context, tenant Tenant, id int64) (Order, error) {
	order, err := read(ctx, o.tx, tenant, id)
	if err != nil {
		return Order{}, fmt.Errorf("reading order %d: %w", id, err)
	}
	return order, nil
}

// change lets fn change the order's status, due date and note, and returns the
// order as it is then, or errNotFound. Where fn fails, nothing changes, nor does the version where fn changes nothing. Nobody
// else writes meanwhile.
func (o *orderRepository) change(ctx context.Context, tenant Tenant, id int64, fn func(*Order) error) (Order, error) {
	failed := func(err error) (Order, error) { return Order{}, fmt.Errorf("changing order %d: %w", id, err) }
	if err := o.tx.lock(ctx); err != nil {
		return failed(err)
	}
	order, err := read(ctx, o.tx, tenant, id)
	if err != nil {
		return failed(err)
	}
	before := order
	if err := fn(&order); err != nil {
		return failed(err)
	}
	if order.Status == before.Status && order.Due == before.Due && order.Note == before.Note {
		return order, nil
	}
	order.Version++
	_, err = o.tx.ExecContext(ctx,
		`UPDATE orders SET status = ?, due = ?, note = ?, version = ? WHERE tenant = ? AND id = ?`,
		order.Status, order.Due, order.Note, order.Version, tenant, id,
	)
	if err == nil {
		err = record(ctx, o.tx, tenant, orderChanged, order)
	}
	if err != nil {
		return failed(err)
	}
	return order, nil
}

// delete removes the order with all that belongs to it, or returns errNotFound. Where may says no, the order stays.
func (o *orderRepository) delete(ctx context.Context, tenant Tenant, id int64, may func(Order) error) error {
	failed := func(err error) error { return fmt.Errorf("deleting order %d: %w", id, err) }
	if err := o.tx.lock(ctx); err != nil {
		return failed(err)
	}
	order, err := read(ctx, o.tx, tenant, id)
	if err == nil {
		err = may(order)
	}
	if err != nil {
		return failed(err)
	}
	if _, err := o.tx.ExecContext(ctx, `DELETE FROM orders WHERE tenant = ? AND id = ?`, tenant, id); err != nil {
		return failed(err)
	}
	if err := record(ctx, o.tx, tenant, orderDeleted, order); err != nil {
		return failed(err)
	}
	return nil
}

// read returns the order, or errNotFound.
func read(ctx context.Context, from *Tx, tenant Tenant, id int64) (Order, error) {
	found, err := collect(from.QueryContext(ctx, selectItems+`
		FROM orders o JOIN items i ON i.tenant = o.tenant AND i.order_id = o.id
		WHERE o.tenant = ? AND o.id = ?
		ORDER BY i.position`, tenant, id))
	switch {
	case err != nil:
		return Order{}, err
	case len(found) == 0:
		return Order{}, errNotFound
	}
	return found[0], nil
}

// selectItems begins the queries for collect, of one tenant's orders o and their items i.
const selectItems = `
	SELECT o.id, o.customer, o.total_cents, o.status, o.due, o.note, o.created, o.paid, o.version,
		i.sku, i.quantity, i.unit_price_cents`

// collect reads orders from rows of one item each, an order's rows in a row. It
// takes what a query returns.
func collect(rows *sql.Rows, err error) ([]Order, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err has what matters
	var orders []Order
	for rows.Next() {
		var (
			order   Order
			created int64
			paid    sql.NullInt64
			item    Item
		)
		if err := rows.Scan(
			&order.ID, &order.Customer, &order.Total, &order.Status, &order.Due, &order.Note, &created, &paid, &order.Version,
			&item.SKU, &item.Quantity, &item.UnitPrice,
		); err != nil {
			return nil, err
		}
		if len(orders) == 0 || orders[len(orders)-1].ID != order.ID {
			order.Created = time.UnixMilli(created).UTC()
			if paid.Valid {
				order.Paid = time.UnixMilli(paid.Int64).UTC()
			}
			orders = append(orders, order)
		}
		last := &orders[len(orders)-1]
		last.Items = append(last.Items, item)
	}
	return orders, rows.Err()
}
