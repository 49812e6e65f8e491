package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/weft-go/weft"
)

// Tx is the transaction of a request: whatever its stages write through it is kept as
// a whole or not at all. It begins with the first statement, so that a request that never
// comes to one holds no lock, and ends in Settle, before the client has its answer.
//
// It speaks SQL on a connection of its own. A [sql.Tx] would give that back with COMMIT, and where COMMIT
// fails, SQLite leaves the transaction open: the next request would find itself inside it.
//
// It belongs to one request, and so is not safe for concurrent use.
type Tx struct {
	db   *database
	conn *sql.Conn // nil until it begins
	over error     // why it takes no more statements

	writes bool     // and so has the turn
	news   []Tenant // who is to hear of it when it is kept
}

func newTx(db *database) *Tx { return &Tx{db: db} }

// The two ways to begin. Readers never wait. Writers wait for each other, and do so before
// they have read anything that may change meanwhile.
const (
	toRead  = "BEGIN"
	toWrite = "BEGIN IMMEDIATE"
)

// QueryContext reads.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.begin(ctx, toRead); err != nil {
		return nil, err
	}
	rows, err := t.conn.QueryContext(ctx, query, args...)
	return rows, t.note(err)
}

// ExecContext writes.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.begin(ctx, toWrite); err != nil {
		return nil, err
	}
	result, err := t.conn.ExecContext(ctx, query, args...)
	return result, t.note(err)
}

// lock keeps others from writing. It is for who reads first and writes then what follows from that.
func (t *Tx) lock(ctx context.Context) error { return t.begin(ctx, toWrite) }

// begin begins, unless the transaction has begun. The context is one of the request's: its
// deadline bounds the waiting, and the transaction outlives it.
func (t *Tx) begin(ctx context.Context, how string) (err error) {
	switch {
	case t.over != nil:
		return t.over
	case t.conn != nil && how == toRead:
		return nil
	case t.conn != nil:
		return t.takeTurn(ctx)
	}
	if t.conn, err = t.db.Conn(ctx); err != nil {
		return err
	}
	if how == toWrite {
		err = t.takeTurn(ctx)
	}
	if err == nil {
		err = t.run(ctx, how)
	}
	if err != nil { // it may have begun nevertheless, when the context ended
		return errors.Join(err, t.rollBack(ctx), t.Close())
	}
	return nil
}

// takeTurn waits until no other transaction writes. SQLite would wait too, but not stop when the context ends.
func (t *Tx) takeTurn(ctx context.Context) error {
	if t.writes {
		return nil
	}
	select {
	case t.db.turn <- struct{}{}:
		t.writes = true
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another to write: %w", ctx.Err())
	}
}

func (t *Tx) endTurn() {
	if t.writes {
		t.writes = false
		<-t.db.turn
	}
}

// note ends the transaction for its users where a statement failed: SQLite may have rolled back all
// that was before, and what came after would be kept alone.
func (t *Tx) note(err error) error {
	if err != nil {
		t.over = fmt.Errorf("the transaction is broken: %w", err)
	}
	return err
}

// Settle implements [weft.Settler]. An error of it is the client's answer.
func (t *Tx) Settle(ctx context.Context, o weft.Outcome) error {
	defer t.endTurn()
	broken := t.over
	t.over = sql.ErrTxDone
	switch {
	case t.conn == nil: // it never began
		return nil
	case !o.OK():
		return t.rollBack(ctx)
	case broken != nil: // and somebody took that for a success
		return errors.Join(broken, t.rollBack(ctx))
	}
	if err := t.run(ctx, "COMMIT"); err != nil {
		return errors.Join(err, t.rollBack(ctx))
	}
	for _, tenant := range t.news {
		t.db.bell.ring(tenant)
	}
	return nil
}

// tell has the bell of the tenant rung when the transaction is kept, and not before: who comes then has to find what it was rung for.
func (t *Tx) tell(tenant Tenant) {
	if !slices.Contains(t.news, tenant) {
		t.news = append(t.news, tenant)
	}
}

// Close gives the connection back. It is the last thing to happen to a Tx.
func (t *Tx) Close() (err error) {
	if t.conn != nil {
		err, t.conn = t.conn.Close(), nil
	}
	return err
}

// rollBack sees to it that no transaction is open.
func (t *Tx) rollBack(ctx context.Context) error {
	err := t.run(context.WithoutCancel(ctx), "ROLLBACK")
	if err == nil || strings.Contains(err.Error(), "no transaction is active") { // SQLite has no code for it
		return nil
	}
	_ = t.conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool must not give it to others
	t.conn = nil
	return err
}

func (t *Tx) run(ctx context.Context, statement string) error {
	_, err := t.conn.ExecContext(ctx, statement)
	weft.Logger(ctx).LogAttrs(ctx, slog.LevelDebug, "transaction", slog.String("statement", statement), slog.Any("error", err))
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// within runs fn in a transaction that is not the request's, and commits it unless fn fails.
func (d *database) within(ctx context.Context, fn func(*Tx) error) (err error) {
	tx, outcome := newTx(d), weft.Outcome{} // that of a panic
	defer func() { err = errors.Join(err, tx.Settle(ctx, outcome), tx.Close()) }()
	err = fn(tx)
	outcome = weft.Outcome{Status: http.StatusOK, Err: err}
	return err
}
