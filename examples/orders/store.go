package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

//go:embed schema.sql
var schema string

// store keeps orders in SQLite; users.go and settle.go have more of its methods. Whatever it does with orders
// it does for one tenant: there is no method that could forget to say for which. It is safe for concurrent use.
type store struct{ db *sql.DB }

// openStore opens the database in file and creates the tables it lacks. Where
// file is "", the database is in memory and is gone after close.
func openStore(ctx context.Context, file string) (*store, error) {
	db, err := sql.Open("sqlite", dataSource(file))
	if err != nil {
		return nil, fmt.Errorf("opening the database %q: %w", file, err)
	}
	if file == "" {
		db.SetMaxOpenConns(1) // every connection to ":memory:" would be another database
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the database %q: %w", file, err), db.Close())
	}
	return &store{db}, nil
}

// dataSource names the database as the driver wants it. The settings are part
// of the name because they belong to a connection, and the pool makes many.
func dataSource(file string) string {
	settings := url.Values{
		"_foreign_keys": {"on"},        // off by default in SQLite; items go with their order
		"_txlock":       {"immediate"}, // a writer waits at BEGIN instead of failing halfway
		"_busy_timeout": {"5000"},      // milliseconds; a context that ends sooner counts
	}
	if file == "" {
		return ":memory:?" + settings.Encode()
	}
	settings.Set("_journal_mode", "wal") // readers do not wait for the writer
	path := url.URL{Path: file}
	return "file:" + path.EscapedPath() + "?" + settings.Encode()
}

// close waits for queries that have started.
func (s *store) close() error { return s.db.Close() }

// ready returns an error where orders cannot be read.
func (s *store) ready(ctx context.Context) error {
	var some bool
	return s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM orders)`).Scan(&some)
}

// add keeps a draft that passed its check, as a new order of the tenant's.
func (s *store) add(ctx context.Context, tenant Tenant, d Draft) (Order, error) {
	order := Order{
		Customer: d.Customer,
		Items:    d.Items,
		Status:   Open,
		Due:      d.Due,
		Note:     d.Note,
		Total:    d.total(),
		Created:  now(),
	}
	err := s.within(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			INSERT INTO numbers (tenant, last) VALUES (?, 1)
			ON CONFLICT (tenant) DO UPDATE SET last = last + 1 RETURNING last`, tenant,
		).Scan(&order.ID)
		if err != nil {
			return fmt.Errorf("its number: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO orders (tenant, id, customer, total_cents, status, due, note, created)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			tenant, order.ID, order.Customer, order.Total, order.Status, order.Due, order.Note, order.Created.UnixMilli(),
		)
		if err != nil {
			return err
		}
		for position, item := range order.Items {
			_, err := tx.ExecContext(ctx,
				`INSERT INTO items (tenant, order_id, position, sku, quantity, unit_price_cents) VALUES (?, ?, ?, ?, ?, ?)`,
				tenant, order.ID, position, item.SKU, item.Quantity, item.UnitPrice,
			)
			if err != nil {
				return fmt.Errorf("item %d: %w", position, err)
			}
		}
		return nil
	})
	if err != nil {
		return Order{}, fmt.Errorf("adding an order: %w", err)
	}
	return order, nil
}

// now is the time as it is kept.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// within runs fn in a transaction, and commits it unless fn fails.
func (s *store) within(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to roll back after Commit
	if err = fn(tx); err == nil {
		err = tx.Commit()
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // why it is done: a client that left is no failure of ours
	}
	return err
}

// get returns the order, or errNotFound.
func (s *store) get(ctx context.Context, tenant Tenant, id int64) (Order, error) {
	order, err := read(ctx, s.db, tenant, id)
	if err != nil {
		return Order{}, fmt.Errorf("reading order %d: %w", id, err)
	}
	return order, nil
}

// change lets fn change the order's status, due date and note, and returns the
// order as it is then, or errNotFound. Where fn fails, nothing changes. Nobody
// else writes meanwhile.
func (s *store) change(ctx context.Context, tenant Tenant, id int64, fn func(*Order) error) (order Order, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		if order, err = read(ctx, tx, tenant, id); err != nil {
			return err
		}
		if err := fn(&order); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx,
			`UPDATE orders SET status = ?, due = ?, note = ? WHERE tenant = ? AND id = ?`,
			order.Status, order.Due, order.Note, tenant, id,
		)
		return err
	})
	if err != nil {
		return Order{}, fmt.Errorf("changing order %d: %w", id, err)
	}
	return order, nil
}

// delete removes the order and its items, or returns errNotFound.
func (s *store) delete(ctx context.Context, tenant Tenant, id int64) error {
	result, err := s.db.ExecContext(ctx, `DELETE FROM orders WHERE tenant = ? AND id = ?`, tenant, id)
	if err != nil {
		return fmt.Errorf("deleting order %d: %w", id, err)
	}
	deleted, err := result.RowsAffected()
	switch {
	case err != nil:
		return fmt.Errorf("deleting order %d: %w", id, err)
	case deleted == 0:
		return fmt.Errorf("deleting order %d: %w", id, errNotFound)
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// read returns the order, or errNotFound.
func read(ctx context.Context, from querier, tenant Tenant, id int64) (Order, error) {
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
	SELECT o.id, o.customer, o.total_cents, o.status, o.due, o.note, o.created, o.paid,
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
			&order.ID, &order.Customer, &order.Total, &order.Status, &order.Due, &order.Note, &created, &paid,
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
