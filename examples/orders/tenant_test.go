package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestAUserPassesToTheOwnTenantAlone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		asked string
		pass  bool
	}{
		{"acme", true},
		{"globex", false},
		{"Acme", false},
		{"acme ", false},
		{"acme\x00", false},
		{"", false},
	} {
		t.Run(row.asked, func(t *testing.T) {
			t.Parallel()
			r := request(t)
			r.HTTP().SetPathValue("tenant", row.asked)
			currentUser.Set(r, User{"Mia", Manager, acme})

			decision := weft.Decide(r, sameTenant())
			tenant, provided := currentTenant.Get(r)
			if row.pass {
				require.NoError(t, decision.Err)
				assert.Equal(t, acme, tenant)
				return
			}
			assert.Equal(t, weft.VerdictDenied, decision.Verdict, "the log knows it as a denial")
			assert.ErrorIs(t, decision.Err, errOtherTenant)
			assert.False(t, provided)
		})
	}
}

// The answers to what is another tenant's and to what does not exist are the
// same to the letter, but for the request's id.
func TestNobodyLearnsWhichTenantsThereAre(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	cleo := addUser(t, a.store, User{"Cleo", Manager, globex})
	for _, of := range []struct{ method, path, body string }{
		{"GET", "/orders", ""},
		{"GET", "/orders/1", ""},
		{"GET", "/orders/2", ""},
		{"GET", "/orders/tea", ""},
		{"GET", "/orders?limit=0", ""},
		{"POST", "/orders", teaForTwo},
		{"POST", "/orders", `{}`},
		{"PATCH", "/orders/1", `{"note":"hot"}`},
		{"DELETE", "/orders/1", ""},
		{"PUT", "/orders", ""},
		{"OPTIONS", "/orders", ""},
		{"GET", "/orders/feed", ""},
		{"GET", "/orders/export", ""},
		{"GET", "/orders/export.csv?limit=0", ""},
		{"POST", "/orders/import", "{}"},
		{"GET", "/orders/1/attachments", ""},
		{"POST", "/orders/1/attachments", "{}"},
		{"GET", "/orders/1/attachments/1", ""},
		{"DELETE", "/orders/1/attachments/1", ""},
		{"GET", "", ""},
	} {
		ask := func(tenant string) answer {
			return a.call(t, of.method, "/api/tenants/"+tenant+of.path, of.body, as(cleo), "X-Request-ID: one")
		}
		exists, not := ask("acme"), ask("initech")
		exists.header.Del("Date")
		not.header.Del("Date")
		assert.Equal(t, not, exists, "%s %s", of.method, of.path)
		if strings.HasPrefix(of.path, "/orders") && of.method != "PUT" && of.method != "OPTIONS" {
			assert.Equal(t, http.StatusNotFound, exists.status)
			assert.Equal(t, "tenant_not_found", exists.code(t))
		}
	}
}

// TestTenantsNeverSeeEachOther tries, as a user of one tenant, every way to the
// orders of the other, whose numbers are the same as those of the own orders.
func TestTenantsNeverSeeEachOther(t *testing.T) {
	t.Parallel()
	a := newAPI(t, t.Output())
	users := map[Tenant]apiKey{acme: a.key, globex: addUser(t, a.store, User{"Cleo", Manager, globex})}
	const each = 5
	for tenant, key := range users {
		for range each {
			got := a.call(t, "POST", ordersPath(tenant), strings.Replace(teaForTwo, "Ada", "customer of "+string(tenant), 1), as(key))
			require.Equal(t, http.StatusCreated, got.status, got.body)
		}
	}
	kept := func(tenant Tenant) []Order {
		page, err := a.store.list(t.Context(), tenant, Filter{}, Paging{Limit: 100})
		require.NoError(t, err)
		require.Len(t, page.Orders, each)
		return page.Orders
	}
	for _, pair := range [][2]Tenant{{acme, globex}, {globex, acme}} {
		mine, theirs := pair[0], pair[1]
		key, secret := users[mine], "customer of "+string(theirs)
		before := kept(theirs)
		t.Run(fmt.Sprintf("%s looks for %s", mine, theirs), func(t *testing.T) {
			send := func(method, path, body string) answer {
				got := a.call(t, method, path, body, as(key))
				assert.NotContains(t, got.body, secret, "%s %s", method, path)
				return got
			}
			for _, path := range []string{"", "?limit=1", "?customer=customer+of+" + string(theirs), "/1", "/5"} {
				assert.Equal(t, http.StatusNotFound, send("GET", ordersPath(theirs)+path, "").status, path)
			}
			assert.Equal(t, http.StatusNotFound, send("POST", ordersPath(theirs), teaForTwo).status)
			assert.Equal(t, http.StatusNotFound, send("PATCH", ordersPath(theirs)+"/1", `{"note":"seen"}`).status)
			assert.Equal(t, http.StatusNotFound, send("DELETE", ordersPath(theirs)+"/1", "").status)

			for _, path := range []string{"/export", "/export.csv", "/feed"} {
				assert.Equal(t, http.StatusNotFound, send("GET", ordersPath(theirs)+path, "").status, path)
			}
			for _, path := range []string{"/export", "/export.csv"} {
				assert.Contains(t, send("GET", ordersPath(mine)+path, "").body, "customer of "+string(mine))
			}

			// On the own paths nothing of the other tenant's turns up either.
			assert.Contains(t, send("GET", ordersPath(mine)+"/1", "").body, "customer of "+string(mine))
			assert.JSONEq(t, `{"orders":[]}`, send("GET", ordersPath(mine)+"?customer=customer+of+"+string(theirs), "").body)

			// A cursor of the other tenant's list is a place in the own one.
			page, err := a.store.list(t.Context(), theirs, Filter{}, Paging{Limit: 2})
			require.NoError(t, err)
			cursor, err := page.Next.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, http.StatusNotFound, send("GET", ordersPath(theirs)+"?cursor="+string(cursor), "").status)
			assert.Equal(t, http.StatusOK, send("GET", ordersPath(mine)+"?cursor="+string(cursor), "").status)
			seen := 0
			for next := "?limit=2"; next != ""; {
				var page Page
				require.NoError(t, json.Unmarshal([]byte(send("GET", ordersPath(mine)+next, "").body), &page))
				seen += len(page.Orders)
				next = ""
				if !page.Next.IsZero() {
					text, err := page.Next.MarshalText()
					require.NoError(t, err)
					next = "?limit=2&cursor=" + string(text)
				}
			}
			assert.Equal(t, each, seen)

			assert.Equal(t, before, kept(theirs), "and nothing of theirs has changed")
		})
	}

	// What changes an order of one leaves the other's of the same number alone.
	before := kept(globex)
	assert.Equal(t, http.StatusOK, a.call(t, "PATCH", acmeOrders+"/1", `{"note":"changed"}`).status)
	assert.Equal(t, http.StatusNoContent, a.call(t, "DELETE", acmeOrders+"/2", "").status)
	assert.Equal(t, before, kept(globex))
}
