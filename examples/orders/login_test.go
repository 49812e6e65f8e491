package main

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestLoginLetsPassWhoHasAKey(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	mia := User{"Mia", Manager, acme}
	key := string(addUser(t, s, mia))
	for _, row := range []struct {
		name   string
		header []string
		want   string // the challenge, "" for a key that is right
	}{
		{"the right key", []string{"Bearer " + key}, ""},
		{"a scheme has no case", []string{"bEARER " + key}, ""},
		{"there may be more spaces", []string{"Bearer   " + key}, ""},

		{"no key", nil, challenge},
		{"an empty field", []string{""}, challenge},
		{"another scheme", []string{"Basic " + key}, challenge},
		{"a key without a scheme", []string{key}, challenge},

		{"no key after the scheme", []string{"Bearer"}, challengeWrongKey},
		{"a wrong key", []string{"Bearer " + string(newAPIKey())}, challengeWrongKey},
		{"a key and more", []string{"Bearer " + key + " " + key}, challengeWrongKey},
		{"two fields, one right", []string{"Bearer wrong", "Bearer " + key}, challengeWrongKey},
		{"two fields, both right", []string{"Bearer " + key, "Bearer " + key}, challengeWrongKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := request(t)
			r.Header()["Authorization"] = row.header
			user, err := login(s.userRepository, r)
			if row.want == "" {
				require.NoError(t, err)
				assert.Equal(t, mia, user)
				return
			}
			assert.Zero(t, user)
			var denial *weft.Denial
			require.ErrorAs(t, err, &denial)
			assert.Equal(t, http.StatusUnauthorized, denial.Status())
			assert.Equal(t, []string{row.want}, denial.Challenges())
			assert.NotContains(t, err.Error(), key, "a key is in no log")
		})
	}
}

func TestAnOutageIsNeitherAYesNorANo(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, spoil := range map[string]func(*store, *weft.Request) *weft.Request{
		"a database that is closed": func(s *store, r *weft.Request) *weft.Request {
			assert.NoError(t, s.db.Close())
			return r
		},
		"a table that is missing": func(s *store, r *weft.Request) *weft.Request {
			_, err := s.db.ExecContext(t.Context(), `DROP TABLE users`)
			assert.NoError(t, err)
			return r
		},
		"a call that is cancelled": func(_ *store, r *weft.Request) *weft.Request { return r.WithContext(cancelled) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "")
			r := request(t, as(addMia(t, s)))
			r = spoil(s, r)

			decision := weft.Decide(r, weft.ValueGuard(currentUser, "login", func(r *weft.Request) (User, error) { return login(s.userRepository, r) }))
			assert.Equal(t, weft.VerdictFailed, decision.Verdict)
			assert.Equal(t, http.StatusInternalServerError, weft.Fail(decision.Err).Status())
			_, known := currentUser.Get(r)
			assert.False(t, known)
		})
	}
}

func TestTheAPIIsClosedWithoutAKeyAndTheRestIsOpen(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	for _, path := range []string{"/api/me", acmeOrders, acmeOrders + "/1", "/api/tenants/nobody/orders"} {
		got := a.call(t, "GET", path, "", asNobody)
		assert.Equal(t, http.StatusUnauthorized, got.status, path)
		assert.Equal(t, "unauthenticated", got.code(t))
		assert.Equal(t, `Bearer realm="orders"`, got.header.Get("WWW-Authenticate"))
		assert.Equal(t, "no-store", got.header.Get("Cache-Control"), "the stages outside see a denial too")

		got = a.call(t, "GET", path, "", as("wrong"))
		assert.Equal(t, http.StatusUnauthorized, got.status, path)
		assert.Equal(t, `Bearer realm="orders", error="invalid_token"`, got.header.Get("WWW-Authenticate"))
	}
	assert.Equal(t, http.StatusOK, a.call(t, "GET", "/healthz", "", asNobody).status)
}

func TestAUserWhoIsRemovedIsOutAtOnce(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	require.Equal(t, http.StatusOK, a.call(t, "GET", "/api/me", "").status)
	_, err := a.store.db.ExecContext(t.Context(), `DELETE FROM users WHERE tenant = ? AND name = ?`, acme, "Mia")
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, a.call(t, "GET", "/api/me", "").status)
}

// An outage must not look like a wrong key: clients would throw good ones away.
func TestWithoutADatabaseTheAPIFails(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	_, err := a.store.db.ExecContext(t.Context(), `DROP TABLE users`)
	require.NoError(t, err)
	for _, header := range []string{as(a.key), as("wrong")} {
		got := a.call(t, "GET", acmeOrders, "", header)
		assert.Equal(t, http.StatusInternalServerError, got.status)
		assert.Empty(t, got.header.Get("WWW-Authenticate"))
		assert.NotContains(t, got.body, "Ada")
	}
	assert.Equal(t, http.StatusUnauthorized, a.call(t, "GET", acmeOrders, "", asNobody).status, "no database is needed to see that there is no key")
}

func TestTheAPITellsWhoseKeyItGot(t *testing.T) {
	t.Parallel()
	a := newAPI(t, t.Output())
	cleo := addUser(t, a.store, User{"Cleo", Clerk, globex})
	assert.JSONEq(t, `{"name":"Mia","role":"manager","tenant":"acme"}`, a.call(t, "GET", "/api/me", "").body)
	assert.JSONEq(t, `{"name":"Cleo","role":"clerk","tenant":"globex"}`, a.call(t, "GET", "/api/me", "", as(cleo)).body)
}
