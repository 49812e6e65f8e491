package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const acme, globex Tenant = "acme", "globex"

var (
	tea  = Item{SKU: "tea", Quantity: 2, UnitPrice: 450}
	cake = Item{SKU: "cake", Quantity: 1, UnitPrice: 395}
	fork = Item{SKU: "fork", Quantity: 2}
)

// store calls each method of a repository as a request does that calls no other.
type store struct {
	db *database
	*userRepository
	*paymentRepository
}

// newStore is a store that is closed when the test ends.
func newStore(t *testing.T, file string) *store {
	t.Helper()
	db, err := openDatabase(t.Context(), file)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return storeOf(db)
}

func storeOf(db *database) *store {
	return &store{db, newUserRepository(db), newPaymentRepository(db)}
}

func (s *store) add(ctx context.Context, tenant Tenant, d Draft) (order Order, err error) {
	err = s.db.within(ctx, func(tx *Tx) error { order, err = newOrderRepository(tx).add(ctx, tenant, d); return err })
	return order, err
}

func (s *store) get(ctx context.Context, tenant Tenant, id int64) (order Order, err error) {
	err = s.db.within(ctx, func(tx *Tx) error { order, err = newOrderRepository(tx).get(ctx, tenant, id); return err })
	return order, err
}

func (s *store) list(ctx context.Context, tenant Tenant, filter Filter, paging Paging) (page Page, err error) {
	err = s.db.within(ctx, func(tx *Tx) error { page, err = newOrderRepository(tx).list(ctx, tenant, filter, paging); return err })
	return page, err
}

func (s *store) change(ctx context.Context, tenant Tenant, id int64, fn func(*Order) error) (order Order, err error) {
	err = s.db.within(ctx, func(tx *Tx) error { order, err = newOrderRepository(tx).change(ctx, tenant, id, fn); return err })
	return order, err
}

func (s *store) delete(ctx context.Context, tenant Tenant, id int64) error {
	return s.db.within(ctx, func(tx *Tx) error {
		return newOrderRepository(tx).delete(ctx, tenant, id, func(Order) error { return nil })
	})
}

// add adds an order of acme's.
func add(t *testing.T, s *store, d Draft) Order {
	t.Helper()
	order, err := s.add(t.Context(), acme, d)
	require.NoError(t, err)
	return order
}

// TestStore holds for a database in memory and for one in a file.
func TestStore(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		check func(*testing.T, *store)
	}{
		{"an order is read as it was added", testReadAsAdded},
		{"a changed order is read as it was changed", testChanged},
		{"a change that fails changes nothing", testNotChanged},
		{"a deleted order is gone with its items", testDeleted},
		{"an order that is not there is not found", testNotFound},
		{"an id is not given again", testIDs},
		{"text is kept as it is", testText},
		{"an order that breaks a rule of the schema leaves nothing", testRolledBack},
		{"a cancelled call fails and the next works", testCancelled},
		{"calls at the same time all succeed", testConcurrent},
		{"orders are numbered for each tenant", testNumbers},
		{"a tenant's orders are nobody else's", testTenants},
		{"a payment is settled once", testSettled},
		{"a payment that an order does not take changes nothing", testNotSettled},
		{"a payment that fails leaves nothing", testSettledOrNotAtAll},
		{"a store says whether it is ready", testReady},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			t.Run("in memory", func(t *testing.T) {
				t.Parallel()
				row.check(t, newStore(t, ""))
			})
			t.Run("in a file", func(t *testing.T) {
				t.Parallel()
				row.check(t, newStore(t, filepath.Join(t.TempDir(), "orders.db")))
			})
		})
	}
}

func testReadAsAdded(t *testing.T, s *store) {
	before := time.Now().Truncate(time.Millisecond)
	added := add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}, Due: date(t, "2026-12-24"), Note: "hot"})

	assert.Equal(t, int64(1), added.ID)
	assert.Equal(t, Money(2*450+395), added.Total)
	assert.Equal(t, Open, added.Status)
	assert.WithinRange(t, added.Created, before, time.Now())

	read, err := s.get(t.Context(), acme, added.ID)
	require.NoError(t, err)
	assert.Equal(t, added, read)
}

func testChanged(t *testing.T, s *store) {
	order, other := add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}, Due: date(t, "2026-12-24")}), add(t, s, Draft{Customer: "Bob", Items: []Item{tea}})
	want := order
	want.Status, want.Due, want.Note = Shipped, Date{}, "hot"
	want.Version = 2

	changed, err := s.change(t.Context(), acme, order.ID, func(o *Order) error {
		assert.Equal(t, order, *o)
		o.Status, o.Due, o.Note = Shipped, Date{}, "hot"
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, want, changed)
	assert.Equal(t, []Order{other, want}, list(t, s, Filter{}))
}

func testNotChanged(t *testing.T, s *store) {
	order, failure := add(t, s, Draft{Customer: "Ada", Items: []Item{tea}}), errors.New("no")
	_, err := s.change(t.Context(), acme, order.ID, func(o *Order) error {
		o.Note = "hot"
		return failure
	})
	require.ErrorIs(t, err, failure)
	_, err = s.change(t.Context(), acme, order.ID, func(o *Order) error {
		o.Status = "lost"
		return nil
	})
	require.Error(t, err, "the schema knows the statuses")
	assert.Equal(t, []Order{order}, list(t, s, Filter{}))
}

func testDeleted(t *testing.T, s *store) {
	gone, left := add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}}), add(t, s, Draft{Customer: "Bob", Items: []Item{tea}})
	require.NoError(t, s.delete(t.Context(), acme, gone.ID))

	_, err := s.get(t.Context(), acme, gone.ID)
	assert.ErrorIs(t, err, errNotFound)
	assert.Equal(t, []Order{left}, list(t, s, Filter{}))
	assert.Equal(t, 1, count(t, s, "items"))
}

func testNotFound(t *testing.T, s *store) {
	_, err := s.get(t.Context(), acme, 1)
	assert.ErrorIs(t, err, errNotFound)
	assert.ErrorIs(t, s.delete(t.Context(), acme, 1), errNotFound)
	_, err = s.change(t.Context(), acme, 1, func(*Order) error { return errors.New("there is nothing to change") })
	assert.ErrorIs(t, err, errNotFound)
}

func testIDs(t *testing.T, s *store) {
	order := add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
	require.NoError(t, s.delete(t.Context(), acme, order.ID))
	assert.Greater(t, add(t, s, Draft{Customer: "Bob", Items: []Item{tea}}).ID, order.ID)
}

func testText(t *testing.T, s *store) {
	for _, text := range []string{"Ada'); DROP TABLE orders; --", "Åsa 李 🫖", "a\x00b", "?1 :name"} {
		added := add(t, s, Draft{Customer: text, Items: []Item{{SKU: text, Quantity: 1}}, Note: text})
		read, err := s.get(t.Context(), acme, added.ID)
		require.NoError(t, err)
		assert.Equal(t, added, read)
	}
}

func testRolledBack(t *testing.T, s *store) {
	_, err := s.add(t.Context(), acme, Draft{Customer: "Ada", Items: []Item{tea, {SKU: "cake", Quantity: 0}}})
	require.Error(t, err)
	assert.Zero(t, count(t, s, "orders"))
	assert.Zero(t, count(t, s, "items"))
}

// testCancelled matters in memory, where losing the connection is losing the database.
func testCancelled(t *testing.T, s *store) {
	order := add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := s.get(cancelled, acme, order.ID)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = s.list(cancelled, acme, Filter{}, Paging{Limit: 1})
	assert.ErrorIs(t, err, context.Canceled)
	_, err = s.add(cancelled, acme, Draft{Customer: "Bob", Items: []Item{tea}})
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, s.delete(cancelled, acme, order.ID), context.Canceled)

	halfway, cancel := context.WithCancel(t.Context())
	err = s.db.within(halfway, func(tx *Tx) error {
		_, err := tx.ExecContext(halfway, `DELETE FROM orders`)
		cancel()
		return err
	})
	assert.ErrorIs(t, err, context.Canceled)

	read, err := s.get(t.Context(), acme, order.ID)
	require.NoError(t, err)
	assert.Equal(t, order, read)
}

func testConcurrent(t *testing.T, s *store) {
	const calls = 16
	done := make(chan error, 2*calls)
	for range calls {
		go func() {
			_, err := s.add(t.Context(), acme, Draft{Customer: "Ada", Items: []Item{tea, cake}})
			done <- err
		}()
		go func() {
			_, err := s.list(t.Context(), acme, Filter{}, Paging{Limit: calls})
			done <- err
		}()
	}
	for range 2 * calls {
		require.NoError(t, <-done)
	}
	assert.Equal(t, calls, count(t, s, "orders"))
	assert.Equal(t, 2*calls, count(t, s, "items"))
}

func testNumbers(t *testing.T, s *store) {
	for i := range int64(3) {
		for _, tenant := range []Tenant{acme, globex} {
			order, err := s.add(t.Context(), tenant, Draft{Customer: "Ada", Items: []Item{tea}})
			require.NoError(t, err)
			assert.Equal(t, i+1, order.ID, "nobody learns how much the others sell")
		}
	}
}

func testTenants(t *testing.T, s *store) {
	order := add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}})
	for _, other := range []Tenant{globex, "", "%", "ACME"} {
		_, err := s.get(t.Context(), other, order.ID)
		assert.ErrorIs(t, err, errNotFound)
		_, err = s.change(t.Context(), other, order.ID, func(*Order) error { return errors.New("there is nothing to change") })
		assert.ErrorIs(t, err, errNotFound)
		assert.ErrorIs(t, s.delete(t.Context(), other, order.ID), errNotFound)
		page, err := s.list(t.Context(), other, Filter{}, Paging{Limit: 1})
		require.NoError(t, err)
		assert.Empty(t, page.Orders)
	}
	other, err := s.add(t.Context(), globex, Draft{Customer: "Bob", Items: []Item{fork}})
	require.NoError(t, err)
	require.Equal(t, order.ID, other.ID)
	_, err = s.change(t.Context(), globex, other.ID, func(o *Order) error { o.Note = "of globex"; return nil })
	require.NoError(t, err)
	require.NoError(t, s.delete(t.Context(), globex, other.ID))
	assert.Equal(t, []Order{order}, list(t, s, Filter{}), "with its own items")
}

func testReady(t *testing.T, s *store) {
	assert.NoError(t, s.db.HealthCheck(t.Context()))
	_, err := s.db.ExecContext(t.Context(), `DROP TABLE items; DROP TABLE orders`)
	require.NoError(t, err)
	assert.Error(t, s.db.HealthCheck(t.Context()))
}

func count(t *testing.T, s *store, table string) (n int) {
	t.Helper()
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
	return n
}

func TestAFileKeepsItsOrders(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"an ordinary name":            "orders.db",
		"a name that a URL would end": "a?b#c%20 d&mode=memory.db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), file)
			db, err := openDatabase(t.Context(), file)
			require.NoError(t, err)
			s := storeOf(db)
			kept, err := s.add(t.Context(), acme, Draft{Customer: "Ada", Items: []Item{tea}})
			require.NoError(t, err)
			require.NoError(t, db.Close())

			assert.FileExists(t, file)
			read, err := newStore(t, file).get(t.Context(), acme, kept.ID)
			require.NoError(t, err)
			assert.Equal(t, kept, read)
		})
	}
}

func TestTwoStoresInMemoryAreApart(t *testing.T) {
	t.Parallel()
	add(t, newStore(t, ""), Draft{Customer: "Ada", Items: []Item{tea}})
	assert.Zero(t, count(t, newStore(t, ""), "orders"))
}

// A list of one tenant must not cost more because of what the others have.
func TestAListIsReadByItsIndex(t *testing.T) {
	t.Parallel()
	rows, err := newStore(t, "").db.QueryContext(t.Context(),
		`EXPLAIN QUERY PLAN SELECT * FROM orders WHERE tenant = ? AND (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?`, acme, 1, 1, 1)
	require.NoError(t, err)
	defer func() { assert.NoError(t, rows.Close()) }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	require.NoError(t, rows.Err())
	assert.Equal(t, []string{"SEARCH orders USING INDEX orders_by_age (tenant=? AND (created,id)<(?,?))"}, steps, "and not sorted")
}

func TestADatabaseThatCannotBeOpenedIsNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "no", "such", "folder", "orders.db")
	_, err := openDatabase(t.Context(), file)
	require.Error(t, err)
	assert.Contains(t, err.Error(), file)
}
