package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// userRepository keeps users. It needs no transaction: each of its methods is one statement.
type userRepository struct{ db *database }

func newUserRepository(db *database) *userRepository { return &userRepository{db} }

// errUnknownKey says that no user has the key. Any other error of userWith
// says that nobody knows.
var errUnknownKey = errors.New("no user has this key")

// addUser keeps a new user, and returns the key, which nobody can find out later.
func (r *userRepository) addUser(ctx context.Context, u User) (apiKey, error) {
	if err := u.check(); err != nil {
		return "", err
	}
	key := newAPIKey()
	result, err := r.db.ExecContext(ctx,
		`INSERT INTO users (key_hash, tenant, name, role) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, name) DO NOTHING`,
		key.hash(), u.Tenant, u.Name, u.Role,
	)
	if err != nil {
		return "", fmt.Errorf("adding the user %v: %w", u, err)
	}
	if added, err := result.RowsAffected(); err != nil || added == 0 {
		return "", errors.Join(fmt.Errorf("%s has a user %q already; choose another name", u.Tenant, u.Name), err)
	}
	return key, nil
}

// userWith returns the user who has the key, or errUnknownKey. The hash is
// looked up, not compared in constant time: what the time tells is about
// hashes, and leads nobody back to a key.
func (r *userRepository) userWith(ctx context.Context, key apiKey) (u User, err error) {
	err = r.db.QueryRowContext(ctx,
		`SELECT name, role, tenant FROM users WHERE key_hash = ?`, key.hash(),
	).Scan(&u.Name, &u.Role, &u.Tenant)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return User{}, errUnknownKey
	case err != nil:
		return User{}, fmt.Errorf("looking up a key: %w", err)
	}
	return u, nil
}
