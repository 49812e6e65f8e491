package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// clumsy takes an order and then does what a handler must not do, in the request's transaction.
type clumsy struct {
	orders *orders
	tx     *Tx
	then   func(ctx context.Context, tx *Tx) error
}

func (c *clumsy) create(ctx context.Context, in creation) (weft.Response, error) {
	resp, err := c.orders.create(ctx, in)
	if err == nil && c.then != nil {
		err = c.then(ctx, c.tx)
	}
	return resp, err
}

// clumsyOrders is where an order is taken clumsily.
const clumsyOrders = "/api/tenants/acme/clumsy"

// ledger is the service on a real connection, with its database in a file and one route more.
type ledger struct {
	*api
	file string
	log  *lockedBuffer
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newLedger has the clumsy handler do what then does, inside the interceptors.
func newLedger(t *testing.T, then func(ctx context.Context, tx *Tx) error, interceptors ...weft.Middleware) *ledger {
	t.Helper()
	l := &ledger{file: filepath.Join(t.TempDir(), "orders.db"), log: &lockedBuffer{}}
	injector := do.New()
	c := services(injector, l.file)
	weft.Auto[*clumsy](c, func(o *orders, tx *Tx) *clumsy { return &clumsy{o, tx, then} })
	app := newApp(c, testSecret, newLogger(l.log, slog.LevelDebug))
	app.Handle("POST "+strings.Replace(clumsyOrders, "acme", "{tenant}", 1), weft.HandleFrom((*clumsy).create).
		Guard(weft.ValueGuardFrom(currentUser, login), sameTenant()).
		Intercept(interceptors...).
		Intercept(weft.MiddlewareFrom((*audit).record)).
		Use(noStore()).
		Catch(apiErrors()...))
	l.api = apiOf(t, injector, app)
	return l
}

// statements are how often a transaction began or ended so.
func (l *ledger) statements(statement string) int {
	return strings.Count(l.log.String(), fmt.Sprintf("statement=%s ", statement)) + strings.Count(l.log.String(), fmt.Sprintf("statement=%q ", statement))
}

// assertNothingKept looks from outside: another connection finds no row and may write at once, and the
// pool has all its connections back, none of them inside a transaction.
func (l *ledger) assertNothingKept(t *testing.T) {
	t.Helper()
	l.assertFree(t)
	for _, table := range []string{"orders", "items", "numbers", "audit"} {
		assert.Zero(t, count(t, l.store, table), table)
	}
}

func (l *ledger) assertFree(t *testing.T) {
	t.Helper()
	assert.NoError(t, writeAtOnce(t, l.file))
	require.Eventually(t, func() bool { return l.store.db.Stats().InUse == 0 }, 5*time.Second, time.Millisecond)
	var held []*sql.Conn
	for range l.store.db.Stats().Idle {
		conn, err := l.store.db.Conn(t.Context())
		require.NoError(t, err)
		held = append(held, conn)
		_, err = conn.ExecContext(t.Context(), "BEGIN")
		assert.NoError(t, err, "the connection is inside a transaction")
		_, err = conn.ExecContext(t.Context(), "ROLLBACK")
		assert.NoError(t, err)
	}
	for _, conn := range held {
		assert.NoError(t, conn.Close())
	}
}

// writeAtOnce writes on a connection that the service knows nothing of, and that waits for nobody.
func writeAtOnce(t *testing.T, file string) error {
	t.Helper()
	other, err := sql.Open("sqlite", "file:"+file+"?_busy_timeout=0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, other.Close()) }()
	_, err = other.ExecContext(t.Context(), `BEGIN IMMEDIATE; DELETE FROM orders WHERE tenant = 'nobody'; COMMIT`)
	return err
}

func TestASuccessIsKeptOnceAndSeenByTheNextRequest(t *testing.T) {
	t.Parallel()
	l := newLedger(t, nil)
	for i, path := range []string{acmeOrders, clumsyOrders} {
		created := l.call(t, "POST", path, teaForTwo)
		require.Equal(t, http.StatusCreated, created.status, created.body)
		read := l.call(t, "GET", created.header.Get("Location"), "")
		assert.Equal(t, http.StatusOK, read.status)
		assert.Equal(t, created.body, read.body)
		assert.Equal(t, i+1, count(t, l.store, "orders"))
		assert.Equal(t, i+1, count(t, l.store, "items"))
		assert.Equal(t, i+1, count(t, l.store, "audit"))
	}
	l.assertFree(t)
	assert.Equal(t, 2, l.statements(toWrite))
	assert.Equal(t, 2, l.statements(toRead), "a request that reads takes no lock")
	assert.Equal(t, 4, l.statements("COMMIT"))
}

func TestAHandlerThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		err    error
		status int
	}{
		{"a failure", errors.New("disk full"), 500},
		{"an error of the domain", &OrderClosed{Shipped}, 409},
		{"a denial", weft.Deny(""), 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, func(context.Context, *Tx) error { return row.err })
			assert.Equal(t, row.status, l.call(t, "POST", clumsyOrders, teaForTwo).status)
			l.assertNothingKept(t)
			assert.Equal(t, 1, l.statements("ROLLBACK"))
		})
	}
}

func TestAHandlerThatPanicsLeavesNothing(t *testing.T) {
	t.Parallel()
	l := newLedger(t, func(context.Context, *Tx) error { panic("oh") })
	assert.Equal(t, 500, l.call(t, "POST", clumsyOrders, teaForTwo).status)
	l.assertNothingKept(t)
}

func TestAnInterceptorThatFailsAfterTheHandlerLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, interceptor := range map[string]weft.Middleware{
		"by an error": weft.After("fails", func(_ *weft.Request, resp weft.Response) weft.Response {
			if resp.Status() != http.StatusCreated {
				return weft.Text("the handler was to succeed")
			}
			return weft.Fail(errors.New("disk full"))
		}),
		"by a panic": weft.After("panics", func(*weft.Request, weft.Response) weft.Response { panic("oh") }),
		"by a status": weft.After("answers", func(_ *weft.Request, resp weft.Response) weft.Response {
			return resp.WithStatus(http.StatusConflict)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, nil, interceptor)
			assert.GreaterOrEqual(t, l.call(t, "POST", clumsyOrders, teaForTwo).status, 400)
			l.assertNothingKept(t)
			assert.Equal(t, 1, l.statements("ROLLBACK"))
		})
	}
}

func TestAnAuditThatCannotBeKeptLeavesNothing(t *testing.T) {
	t.Parallel()
	l := newLedger(t, nil)
	_, err := l.store.db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	require.NoError(t, err)
	assert.Equal(t, 500, l.call(t, "POST", acmeOrders, teaForTwo).status)
	l.assertNothingKept(t)
	assert.Contains(t, lineWith(t, l.log.String(), "level=ERROR"), "keeping the audit")
}

// TestAClientThatLeavesLeavesNothing has the client leave when its order is written and not yet
// settled. The handler does not notice and succeeds.
func TestAClientThatLeavesLeavesNothing(t *testing.T) {
	t.Parallel()
	waiting, proceed := make(chan context.Context), make(chan struct{})
	l := newLedger(t, func(ctx context.Context, _ *Tx) error {
		waiting <- ctx
		<-proceed
		return nil
	})
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", l.URL+clumsyOrders, strings.NewReader(teaForTwo))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+string(l.key))
	req.Header.Set("Content-Type", "application/json")
	left := make(chan error, 1)
	go func() {
		resp, err := l.Client().Do(req)
		if err == nil {
			err = fmt.Errorf("answered %d: %w", resp.StatusCode, resp.Body.Close())
		}
		left <- err
	}()

	handling := <-waiting
	assert.Error(t, writeAtOnce(t, l.file), "the request is in the middle of its transaction")
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	<-handling.Done() // the server knows
	close(proceed)
	require.Eventually(t, func() bool { return l.statements("ROLLBACK") == 1 }, 5*time.Second, time.Millisecond)
	l.assertNothingKept(t)
	assert.Zero(t, l.statements("COMMIT"))
}

// breakPromise breaks a constraint that SQLite looks at when it commits, and not before.
func breakPromise(ctx context.Context, tx *Tx) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO promises (tenant, order_id) VALUES ('acme', 404)`)
	return err
}

func TestACommitThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	l := newLedger(t, breakPromise)
	_, err := l.store.db.ExecContext(t.Context(), `CREATE TABLE promises (tenant TEXT, order_id INTEGER,
		FOREIGN KEY (tenant, order_id) REFERENCES orders (tenant, id) DEFERRABLE INITIALLY DEFERRED)`)
	require.NoError(t, err)

	got := l.call(t, "POST", clumsyOrders, teaForTwo)
	assert.Equal(t, 500, got.status)
	assert.Empty(t, got.header.Get("Location"))
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"), "the middleware sees the answer that the client gets")
	l.assertNothingKept(t)
	assert.Zero(t, count(t, l.store, "promises"))
	assert.Equal(t, 1, l.statements("COMMIT"))
	assert.Equal(t, 1, l.statements("ROLLBACK"))
	assert.Contains(t, lineWith(t, l.log.String(), "level=ERROR"), "FOREIGN KEY constraint failed")
	assert.Contains(t, lineWith(t, l.log.String(), "msg=answered"), "status=500")

	// The connection is as good as ever.
	assert.Equal(t, http.StatusCreated, l.call(t, "POST", acmeOrders, teaForTwo).status)
	assert.Equal(t, 1, count(t, l.store, "orders"))
}

// Who reads first and then writes has the turn like all who write, and the connection before it: in
// memory, where there is one, two could wait for each other otherwise.
func TestAReaderMayWriteThen(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "orders.db")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, file)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { add(t, s, Draft{Customer: "Ada", Items: []Item{tea}}) })
			}
			err := s.db.within(ctx, func(tx *Tx) error {
				orders := newOrderRepository(tx)
				if _, err := orders.get(ctx, globex, 1); !errors.Is(err, errNotFound) {
					return fmt.Errorf("there is none: %w", err)
				}
				_, err := orders.add(ctx, globex, Draft{Customer: "Bob", Items: []Item{tea}})
				return err
			})
			all.Wait()
			if file == "" {
				require.NoError(t, err)
				return
			}
			if err != nil { // others have written since it read, and it must not go on with what it knows
				require.ErrorContains(t, err, "database is locked")
			}
		})
	}
}

// In memory there is one connection, and a transaction that stays open on it would be everybody's.
func TestACommitThatFailsLeavesTheConnectionToOthers(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	_, err := s.db.ExecContext(t.Context(), `CREATE TABLE promises (tenant TEXT, order_id INTEGER,
		FOREIGN KEY (tenant, order_id) REFERENCES orders (tenant, id) DEFERRABLE INITIALLY DEFERRED)`)
	require.NoError(t, err)
	err = s.db.within(t.Context(), func(tx *Tx) error { return breakPromise(t.Context(), tx) })
	require.ErrorContains(t, err, "COMMIT: ")
	assert.Zero(t, count(t, s, "promises"))
	add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
}

// SQLite rolls back by itself where a statement fails badly enough, or is interrupted. What a handler
// wrote after that would be kept alone.
func TestWhatIsWrittenAfterAFailureIsNotKept(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]string{
		"the statement alone fails":       `SELECT RAISE(ABORT, 'full')`,
		"SQLite rolls back all before it": `SELECT RAISE(ROLLBACK, 'full')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, func(ctx context.Context, tx *Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO users (key_hash, tenant, name, role) VALUES (zeroblob(32), 'acme', 'Eve', 'clerk')`)
				assert.ErrorContains(t, err, "full")
				_, err = tx.ExecContext(ctx, `INSERT INTO numbers (tenant, last) VALUES ('initech', 1)`)
				assert.ErrorContains(t, err, "the transaction is broken")
				return nil
			})
			_, err := l.store.db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON users WHEN new.name = 'Eve' BEGIN `+fail+`; END`)
			require.NoError(t, err)
			assert.Equal(t, 500, l.call(t, "POST", clumsyOrders, teaForTwo).status)
			l.assertNothingKept(t)
		})
	}
	t.Run("in memory, where the connection must be kept", func(t *testing.T) {
		t.Parallel()
		s := newStore(t, "")
		add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
		_, err := s.db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE DELETE ON orders BEGIN SELECT RAISE(ROLLBACK, 'full'); END`)
		require.NoError(t, err)
		require.ErrorContains(t, s.delete(t.Context(), acme, 1), "full")
		assert.Equal(t, 1, count(t, s, "orders"))
	})
	t.Run("and somebody takes the failure for a success", func(t *testing.T) {
		t.Parallel()
		s := newStore(t, "")
		err := s.db.within(t.Context(), func(tx *Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO numbers (tenant, last) VALUES ('initech', 1)`)
			require.NoError(t, err)
			_, err = tx.QueryContext(t.Context(), `SELECT nothing`)
			assert.Error(t, err)
			return nil
		})
		require.ErrorContains(t, err, "the transaction is broken")
		assert.Zero(t, count(t, s, "numbers"))
	})
}

func TestATransactionThatIsOverTakesNoMore(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	for name, use := range map[string]func(*Tx) error{
		"that was used": func(tx *Tx) error { return tx.lock(t.Context()) },
		"that was not":  func(*Tx) error { return nil },
		"that only read": func(tx *Tx) error {
			_, err := newOrderRepository(tx).list(t.Context(), acme, Filter{}, Paging{Limit: 1})
			return err
		},
	} {
		tx := newTx(s.db)
		require.NoError(t, use(tx), name)
		require.NoError(t, tx.Settle(t.Context(), weft.Outcome{Status: 200}), name)
		_, err := tx.ExecContext(t.Context(), `INSERT INTO numbers (tenant, last) VALUES ('initech', 1)`)
		assert.ErrorIs(t, err, sql.ErrTxDone, name)
		require.NoError(t, tx.Close(), name)
		_, err = tx.QueryContext(t.Context(), `SELECT 1`)
		assert.ErrorIs(t, err, sql.ErrTxDone, name)
		assert.Zero(t, count(t, s, "numbers"), name)
	}
}

func TestAPanicInATransactionOfItsOwnLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	assert.PanicsWithValue(t, "oh", func() {
		_ = s.db.within(t.Context(), func(tx *Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO numbers (tenant, last) VALUES ('initech', 1)`)
			require.NoError(t, err)
			panic("oh")
		})
	})
	assert.Zero(t, count(t, s, "numbers"), "and the connection is back")
}

// A writer that waits for another one has a client that waits too, who can leave, and a deadline.
func TestWaitingToWriteEndsWithTheContext(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.db")
	s := newStore(t, file)
	err := s.db.within(t.Context(), func(tx *Tx) error {
		require.NoError(t, tx.lock(t.Context()))
		assert.Error(t, writeAtOnce(t, file), "nor may anybody else write")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := s.add(ctx, acme, Draft{Customer: "Ada", Items: []Item{tea}})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(began), 2*time.Second, "and not when SQLite has waited long enough")
		page, err := s.list(t.Context(), acme, Filter{}, Paging{Limit: 1})
		assert.NoError(t, err, "a reader waits for nobody")
		assert.Empty(t, page.Orders)
		return nil
	})
	require.NoError(t, err)
	add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
	assert.Zero(t, s.db.Stats().InUse)
}

func TestATurnEndsWithTheTransactionAndNotWithTheAnswer(t *testing.T) {
	t.Parallel()
	s := newStore(t, filepath.Join(t.TempDir(), "orders.db"))
	first, second := newTx(s.db), newTx(s.db)
	require.NoError(t, first.lock(t.Context()))
	require.NoError(t, first.Settle(t.Context(), weft.Outcome{Status: 200}))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, second.lock(ctx), "the first answer is still being sent")
	require.NoError(t, second.Settle(t.Context(), weft.Outcome{}))
	require.NoError(t, errors.Join(first.Close(), second.Close()))
}

func TestATransactionThatCannotBeginLeavesTheTurnToOthers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.db")
	s := newStore(t, file)
	s.db.SetMaxOpenConns(1)
	_, err := s.db.ExecContext(t.Context(), `PRAGMA busy_timeout = 0`)
	require.NoError(t, err)
	other := newStore(t, file) // as another process has it
	err = other.db.within(t.Context(), func(tx *Tx) error {
		require.NoError(t, tx.lock(t.Context()))
		_, err := s.add(t.Context(), acme, Draft{Customer: "Ada", Items: []Item{tea}})
		assert.ErrorContains(t, err, "database is locked")
		return nil
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = s.add(ctx, acme, Draft{Customer: "Ada", Items: []Item{tea}})
	require.NoError(t, err)
}

// A context that ends while a transaction begins must not leave it open: here, for all who come later.
func TestABeginningThatIsInterruptedLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_ = s.db.within(ctx, func(tx *Tx) error { return tx.lock(ctx) })
		require.NoError(t, s.db.within(t.Context(), func(tx *Tx) error { return tx.lock(t.Context()) }))
	}
}

// Nobody who only asks what there is opens a transaction, not even one that reads.
func TestWhatIsNoBusinessOfATransactionOpensNone(t *testing.T) {
	t.Parallel()
	l := newLedger(t, nil)
	for path, status := range map[string]int{"/healthz": 200, "/api/me": 200, "/api/nowhere": 404} {
		assert.Equal(t, status, l.call(t, "GET", path, "").status)
	}
	assert.Equal(t, 401, l.call(t, "POST", acmeOrders, teaForTwo, asNobody).status)
	assert.Equal(t, 422, l.call(t, "POST", acmeOrders, `{}`).status)
	assert.Equal(t, 404, l.call(t, "POST", globexOrders, teaForTwo).status)
	l.Close()
	assert.NotContains(t, l.log.String(), "msg=transaction")
}

// A body that comes slowly keeps nobody from writing.
func TestNoLockIsHeldWhileABodyIsRead(t *testing.T) {
	t.Parallel()
	l := newLedger(t, nil)
	body, rest := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", l.URL+acmeOrders, body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+string(l.key))
	req.Header.Set("Content-Type", "application/json")
	status := make(chan int, 1)
	go func() {
		resp, err := l.Client().Do(req)
		if assert.NoError(t, err) {
			assert.NoError(t, resp.Body.Close())
			status <- resp.StatusCode
		}
		close(status)
	}()
	_, err = io.WriteString(rest, teaForTwo[:10]) // it is taken when the request is under way
	require.NoError(t, err)
	assert.NoError(t, writeAtOnce(t, l.file))
	_, err = io.WriteString(rest, teaForTwo[10:])
	require.NoError(t, err)
	require.NoError(t, rest.Close())
	assert.Equal(t, http.StatusCreated, <-status)
}

func TestWritersAtOnceAreAllKeptInAFile(t *testing.T) {
	t.Parallel()
	l := newLedger(t, nil)
	const clients = 20
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			assert.Equal(t, http.StatusCreated, l.call(t, "POST", acmeOrders, teaForTwo).status)
			assert.Equal(t, http.StatusOK, l.call(t, "GET", acmeOrders, "").status)
		})
	}
	all.Wait()
	l.assertFree(t)
	assert.Equal(t, clients, count(t, l.store, "orders"))
	assert.Equal(t, clients, count(t, l.store, "audit"))
}
