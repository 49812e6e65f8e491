package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheInvitationIsForTheServiceAsItRuns(t *testing.T) {
	t.Parallel()
	key := apiKey(keyPrefix + "KEYandURL") // it may hold any letters
	users := []credential{{User{"Mia", Manager, acme}, key}}

	demo := invitation("http://here", users, false)
	assert.Contains(t, demo, "mia='Authorization: Bearer orders_KEYandURL'\n")
	assert.Contains(t, demo, `curl -i -H "$cleo" http://here/api/tenants/acme/orders`)
	assert.Contains(t, demo, "Payments are refused until ORDERS_WEBHOOK_SECRET is set.")
	assert.NotContains(t, demo, "X-Signature")

	file := invitation("http://here", nil, true)
	assert.Contains(t, file, "-add-user Mia -role manager -tenant acme")
	assert.Contains(t, file, "mia='Authorization: Bearer KEY'\n")
	assert.NotContains(t, file, "$cleo", "a file has users of its own")
	assert.Contains(t, file, `-H "X-Signature: t=$t,v1=$(`)
	assert.NotContains(t, file, "refused until")

	for _, text := range []string{demo, file} {
		assert.NotContains(t, text, "{url}")
		assert.Contains(t, strings.SplitAfter(text, "\n")[0], "Serving on http://here, until Ctrl-C.")
	}
}
