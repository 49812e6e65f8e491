package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestARoleLetsItsUsersPass(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		guard weft.Guard
		pass  []Role
	}{
		{role(Clerk), []Role{Clerk}},
		{role(Manager), []Role{Manager}},
		{weft.Any(role(Clerk), role(Manager)), []Role{Clerk, Manager}},
		{weft.Any(role(Manager), role(Admin)), []Role{Manager, Admin}},
	} {
		for _, has := range append(roles, "", "Manager") {
			r := request(t)
			currentUser.Set(r, User{"Mia", has, acme})
			decision := weft.Decide(r, row.guard)
			if assert.ObjectsAreEqual(weft.VerdictAllowed, decision.Verdict) {
				assert.Contains(t, row.pass, has, decision.Guard)
				continue
			}
			assert.NotContains(t, row.pass, has, decision.Guard)
			assert.Equal(t, weft.VerdictDenied, decision.Verdict)
			assert.Equal(t, http.StatusForbidden, weft.Fail(decision.Err).Status())
		}
	}
}

func TestALargeOrderNeedsAManager(t *testing.T) {
	t.Parallel()
	of := func(cents Money) Draft {
		return Draft{Customer: "Ada", Items: []Item{{"tea", 2, largeOrder / 4}, {"cake", 1, largeOrder/2 + cents}}}
	}
	for _, row := range []struct {
		name  string
		role  Role
		draft Draft
		pass  bool
	}{
		{"a clerk orders up to the limit", Clerk, of(0), true},
		{"a clerk does not order a cent more", Clerk, of(1), false},
		{"a manager does", Manager, of(1), true},
		{"nobody without a role does", "", of(1), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := mayOrder(t.Context(), creation{User: User{"Mia", row.role, acme}, Draft: row.draft})
			assertManagerNeeded(t, !row.pass, err)
		})
	}
}

func TestCancellingNeedsAManager(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		role  Role
		patch Patch
		pass  bool
	}{
		{"a clerk ships", Clerk, Patch{Status: weft.Some(Shipped)}, true},
		{"a clerk notes", Clerk, Patch{Note: weft.Some("hot")}, true},
		{"a clerk changes nothing", Clerk, Patch{}, true},
		{"a clerk does not cancel", Clerk, Patch{Status: weft.Some(Cancelled)}, false},
		{"nor with a note", Clerk, Patch{Status: weft.Some(Cancelled), Note: weft.Some("sorry")}, false},
		{"a manager cancels", Manager, Patch{Status: weft.Some(Cancelled)}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := mayChange(t.Context(), change{User: User{"Mia", row.role, acme}, Patch: row.patch})
			assertManagerNeeded(t, !row.pass, err)
		})
	}
}

func assertManagerNeeded(t *testing.T, needed bool, err error) {
	t.Helper()
	if !needed {
		assert.NoError(t, err)
		return
	}
	var denial *weft.Denial
	require.ErrorAs(t, err, &denial)
	assert.Equal(t, http.StatusForbidden, denial.Status())
	assert.Contains(t, denial.Error(), "manager_needed")
}

// TestWhatEachRoleMay is the table of rights, asked over HTTP.
func TestWhatEachRoleMay(t *testing.T) {
	t.Parallel()
	large := strings.Replace(teaForTwo, `"4.50"`, `"500.01"`, 1)
	for _, row := range []struct {
		name, method, path, body string
		status                   int
		may                      []Role
	}{
		{"list orders", "GET", acmeOrders, "", 200, []Role{Clerk, Manager, Admin}},
		{"read an order", "GET", acmeOrders + "/1", "", 200, []Role{Clerk, Manager, Admin}},
		{"take an order", "POST", acmeOrders, teaForTwo, 201, []Role{Clerk, Manager}},
		{"take a large order", "POST", acmeOrders, large, 201, []Role{Manager}},
		{"ship an order", "PATCH", acmeOrders + "/1", `{"status":"shipped"}`, 200, []Role{Clerk, Manager}},
		{"cancel an order", "PATCH", acmeOrders + "/1", `{"status":"cancelled"}`, 200, []Role{Manager}},
		{"import an order", "POST", acmeImport, "[" + teaForTwo + "]", 200, []Role{Clerk, Manager}},
		{"export orders", "GET", acmeOrders + "/export", "", 200, []Role{Clerk, Manager, Admin}},
		{"export a table", "GET", acmeOrders + "/export.csv", "", 200, []Role{Clerk, Manager, Admin}},
		{"delete an order", "DELETE", acmeOrders + "/1", "", 204, []Role{Manager, Admin}},
	} {
		for _, has := range roles {
			t.Run(string(has)+" to "+row.name, func(t *testing.T) {
				t.Parallel()
				a := withOrder(t)
				key := addUser(t, a.store, User{"Asker", has, acme})
				before := list(t, a.store, Filter{})

				got := a.call(t, row.method, row.path, row.body, as(key))
				for _, may := range row.may {
					if may == has {
						assert.Equal(t, row.status, got.status, got.body)
						return
					}
				}
				assert.Equal(t, http.StatusForbidden, got.status, got.body)
				assert.Equal(t, before, list(t, a.store, Filter{}), "nothing has happened")
			})
		}
	}
}

// Guards come before everything that reads a request, checks behind it.
func TestWhoMayNotIsToldBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	admin, clerk := addUser(t, a.store, User{"Root", Admin, acme}), addUser(t, a.store, User{"Cleo", Clerk, acme})
	assert.Equal(t, "forbidden", a.call(t, "POST", acmeOrders, `{"broken`, as(admin)).code(t))
	assert.Equal(t, "invalid_json", a.call(t, "POST", acmeOrders, `{"broken`, as(clerk)).code(t))
	assert.Equal(t, "min", a.call(t, "POST", acmeOrders, strings.Replace(teaForTwo, `"quantity":2`, `"quantity":0`, 1), as(clerk)).code(t))
}
