package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhoChangedWhatIsKept(t *testing.T) {
	t.Parallel()
	a := withOrder(t) // by Mia
	clerk := addUser(t, a.store, User{"Cleo", Clerk, acme})
	assert.Equal(t, 200, a.call(t, "GET", acmeOrders+"/1", "").status)
	assert.Equal(t, 200, a.call(t, "PATCH", acmeOrders+"/1", `{"status":"shipped"}`, as(clerk)).status)
	assert.Equal(t, 409, a.call(t, "PATCH", acmeOrders+"/1", `{"status":"open"}`, as(clerk)).status)
	assert.Equal(t, 403, a.call(t, "DELETE", acmeOrders+"/1", "", as(clerk)).status)
	assert.Equal(t, 204, a.call(t, "DELETE", acmeOrders+"/1", "").status)

	rows, err := a.store.db.QueryContext(t.Context(), `SELECT tenant, user, method, path, status FROM audit ORDER BY rowid`)
	require.NoError(t, err)
	defer func() { assert.NoError(t, rows.Close()) }()
	var kept []string
	for rows.Next() {
		var tenant, user, method, path string
		var status int
		require.NoError(t, rows.Scan(&tenant, &user, &method, &path, &status))
		kept = append(kept, fmt.Sprintf("%s/%s %s %s %d", tenant, user, method, path, status))
	}
	require.NoError(t, rows.Err())
	assert.Equal(t, []string{
		"acme/Mia POST /api/tenants/acme/orders 201",
		"acme/Cleo PATCH /api/tenants/acme/orders/1 200",
		"acme/Mia DELETE /api/tenants/acme/orders/1 204",
	}, kept, "and neither who only looked nor what did not happen")
}
