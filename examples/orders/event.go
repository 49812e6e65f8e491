package main

import (
	"context"
	"fmt"
	"time"
)

// The names of events: what happened to an order.
const (
	orderCreated = "created"
	orderChanged = "changed"
	orderPaid    = "paid"
	orderDeleted = "deleted"
)

// OrderEvent says which order something happened to. What the order is now, GET says; who has that version already need not ask.
type OrderEvent struct {
	Order   int64     `json:"order,omitzero"`
	Version int64     `json:"version,omitzero"` // after it; of a deleted order the last
	At      time.Time `json:"at"`
}

// happening is an event with its id and name.
type happening struct {
	id   int64
	name string
	OrderEvent
}

// record keeps what happened to an order, in the transaction in which it happens, and has it told when that is kept.
func record(ctx context.Context, tx *Tx, tenant Tenant, name string, order Order) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO events (tenant, id, name, order_id, version, at)
		SELECT ?1, coalesce(max(id), 0) + 1, ?2, ?3, ?4, ?5 FROM events WHERE tenant = ?1`,
		tenant, name, order.ID, order.Version, now().UnixMilli(),
	)
	if err != nil {
		return fmt.Errorf("keeping the event %q: %w", name, err)
	}
	tx.tell(tenant)
	return nil
}

// eventsAfter are the tenant's next events behind one of them, up to a limit.
func eventsAfter(ctx context.Context, db *database, tenant Tenant, id int64, limit int) (events []happening, err error) {
	rows, err := db.QueryContext(ctx,
		`SELECT id, name, order_id, version, at FROM events WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?`, tenant, id, limit)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has what matters
	for rows.Next() {
		var e happening
		var at int64
		if err := rows.Scan(&e.id, &e.name, &e.Order, &e.Version, &at); err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		e.At = time.UnixMilli(at).UTC()
		events = append(events, e)
	}
	return events, rows.Err()
}

// lastEvent is the id of the tenant's last event, 0 where there is none.
func lastEvent(ctx context.Context, db *database, tenant Tenant) (id int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM events WHERE tenant = ?`, tenant).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("reading the last event: %w", err)
	}
	return id, nil
}
