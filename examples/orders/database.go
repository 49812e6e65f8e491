package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

//go:embed schema.sql
var schema string

// database is the one pool of connections. It is opened by Build and closed when
// the server has stopped, because its container finds the method Shutdown; weft.Health finds HealthCheck.
type database struct {
	*sql.DB
	turn chan struct{} // to write: full while a Tx does
	bell *bell         // rung when one has changed something
}

// openDatabase opens the database in file and creates the tables it lacks. Where
// file is "", the database is in memory and is gone when it is closed.
func openDatabase(ctx context.Context, file string) (*database, error) {
	db, err := sql.Open("sqlite", dataSource(file))
	if err != nil {
		return nil, fmt.Errorf("opening the database %q: %w", file, err)
	}
	if file == "" {
		db.SetMaxOpenConns(1) // every connection to ":memory:" would be another database
	}
	_, err = db.ExecContext(ctx, schema)
	if err == nil {
		err = upgrade(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the database %q: %w", file, err), db.Close())
	}
	return &database{db, make(chan struct{}, 1), newBell()}, nil
}

// upgrade adds the columns that a file of an earlier version lacks. Tables that it lacks, the schema has made.
func upgrade(ctx context.Context, db *sql.DB) error {
	for _, column := range []string{"version INTEGER NOT NULL DEFAULT 1", "attached INTEGER NOT NULL DEFAULT 0"} {
		name, _, _ := strings.Cut(column, " ")
		var there bool
		err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pragma_table_info('orders') WHERE name = ?)`, name).Scan(&there)
		if err == nil && !there {
			_, err = db.ExecContext(ctx, `ALTER TABLE orders ADD COLUMN `+column)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dataSource names the database as the driver wants it. The settings are part
// of the name because they belong to a connection, and the pool makes many.
func dataSource(file string) string {
	settings := url.Values{
		"_foreign_keys": {"on"},   // off by default in SQLite; items go with their order
		"_busy_timeout": {"5000"}, // milliseconds, for another process that writes, as with -add-user
	}
	if file == "" {
		return ":memory:?" + settings.Encode()
	}
	settings.Set("_journal_mode", "wal") // readers do not wait for the writer
	path := url.URL{Path: file}
	return "file:" + path.EscapedPath() + "?" + settings.Encode()
}

// Shutdown waits for queries that have started.
func (d *database) Shutdown() error { return d.Close() }

// HealthCheck returns an error where orders cannot be read.
func (d *database) HealthCheck(ctx context.Context) error {
	var some bool
	return d.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM orders)`).Scan(&some)
}
