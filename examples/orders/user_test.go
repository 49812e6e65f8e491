package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAUserIsChecked(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		user User
		want string // in the error, "" where nothing is wrong
	}{
		{"a clerk", User{"Mia", Clerk, "acme"}, ""},
		{"a manager", User{"Mia", Manager, "acme-2"}, ""},
		{"an admin", User{"Åsa 李", Admin, "a"}, ""},

		{"a user has a name", User{" ", Clerk, "acme"}, "a name of up to 100 bytes"},
		{"a name has a longest form", User{strings.Repeat("x", 101), Clerk, "acme"}, "a name of up to 100 bytes"},
		{"a user has a role", User{"Mia", "", "acme"}, `clerk, manager or admin, not ""`},
		{"a role is known", User{"Mia", "boss", "acme"}, `clerk, manager or admin, not "boss"`},
		{"a user has a tenant", User{"Mia", Clerk, ""}, "a tenant is named by"},
		{"a tenant is written small", User{"Mia", Clerk, "Acme"}, "a tenant is named by"},
		{"a tenant is no path", User{"Mia", Clerk, "a/b"}, "a tenant is named by"},
		{"a tenant is one line", User{"Mia", Clerk, "acme\n"}, "a tenant is named by"},
		{"a tenant has a longest form", User{"Mia", Clerk, Tenant(strings.Repeat("x", 41))}, "a tenant is named by"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := row.user.check()
			if row.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, row.want)
		})
	}
}

func TestAUserIsKnownByTheKeyAlone(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	mia, other := User{"Mia", Manager, acme}, User{"Mia", Clerk, globex}
	key, otherKey := addUser(t, s, mia), addUser(t, s, other)

	found, err := s.userWith(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, mia, found)
	found, err = s.userWith(t.Context(), otherKey)
	require.NoError(t, err)
	assert.Equal(t, other, found, "a name belongs to its tenant")

	for _, wrong := range []apiKey{"", "Mia", key + "x", key[:len(key)-1], apiKey(strings.ToUpper(string(key))), apiKey(key.hash()), "' OR true --", newAPIKey()} {
		_, err = s.userWith(t.Context(), wrong)
		assert.ErrorIs(t, err, errUnknownKey, string(wrong))
	}
}

func TestAUserIsAddedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	key := addUser(t, s, User{"Mia", Clerk, acme})
	_, err := s.addUser(t.Context(), User{"Mia", Admin, acme})
	require.EqualError(t, err, `acme has a user "Mia" already; choose another name`)
	_, err = s.addUser(t.Context(), User{"Mia", "boss", globex})
	require.Error(t, err)

	assert.Equal(t, 1, count(t, s, "users"))
	found, err := s.userWith(t.Context(), key)
	require.NoError(t, err, "the key stays good")
	assert.Equal(t, Clerk, found.Role)
}

func TestTheDatabaseHoldsNoKey(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	key := addUser(t, s, User{"Mia", Clerk, acme})
	rows, err := s.db.QueryContext(t.Context(), `SELECT * FROM users`)
	require.NoError(t, err)
	defer func() { assert.NoError(t, rows.Close()) }()
	require.True(t, rows.Next())
	var hash []byte
	var tenant, name, role string
	require.NoError(t, rows.Scan(&hash, &tenant, &name, &role), "and nothing else")
	require.NoError(t, rows.Err())
	assert.Equal(t, key.hash(), hash)
	assert.Equal(t, []string{"acme", "Mia", "clerk"}, []string{tenant, name, role})
}
