package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADenialIsLoggedWithItsReasonAndItsUser(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, method, path string
		as                 Role // "" for a key that nobody has
		line               []string
	}{
		{"nobody", "GET", acmeOrders, "", []string{`decision="login denied: 401 Unauthorized`, "no user has this key"}},
		{"the user of another tenant", "GET", "/api/tenants/initech/orders", Manager,
			[]string{"user=globex/Cleo", `decision="same tenant denied`, "the user belongs to another tenant", `route="GET /api/tenants/{tenant}/orders"`}},
		{"a user without the role", "DELETE", globexOrders + "/1", Clerk,
			[]string{"user=globex/Cleo", `decision="any(manager, admin) denied (manager denied`, "a clerk is no manager", "a clerk is no admin"}},
		{"somebody without a signature", "POST", webhookPath, "", []string{`decision="signed denied`, "t or v1 is missing"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			a := newAPI(t, &log)
			key := newAPIKey()
			if row.as != "" {
				key = addUser(t, a.store, User{"Cleo", row.as, globex})
			}
			got := a.call(t, row.method, row.path, "", as(key), "X-Request-ID: one")
			a.Close()

			require.GreaterOrEqual(t, got.status, 400)
			denial, access := lineWith(t, log.String(), "msg=denied"), lineWith(t, log.String(), "msg=answered")
			for _, part := range append(row.line, "level=INFO", "request_id=one") {
				assert.Contains(t, denial, part)
			}
			for _, line := range []string{denial, access} {
				assert.Equal(t, row.as != "", strings.Contains(line, "user=globex/Cleo"), line)
			}
			assert.NotContains(t, log.String(), string(key), "a key is in no log")
		})
	}
}

func TestWhatIsAllowedOrFailsIsNoDenial(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := newAPI(t, &log)
	require.Equal(t, http.StatusOK, a.call(t, "GET", acmeOrders, "").status)
	_, err := a.store.db.ExecContext(t.Context(), `DROP TABLE users`)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, a.call(t, "GET", acmeOrders, "").status)
	a.Close()

	assert.NotContains(t, log.String(), "msg=denied")
	assert.Contains(t, lineWith(t, log.String(), "level=ERROR"), "looking up a key")
	assert.NotContains(t, log.String(), string(a.key))
}
