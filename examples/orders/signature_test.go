package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func webhookRequest(t *testing.T, body, signature string) *weft.Request {
	t.Helper()
	hr := httptest.NewRequestWithContext(t.Context(), "POST", webhookPath, strings.NewReader(body))
	if signature != "" {
		hr.Header.Set(signatureHeader, signature)
	}
	return weft.NewRequest(hr)
}

func TestASignatureIsOfTheSecretTheTimeAndTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the time stands still
		const event = `{"id": "evt_1"} `
		now := time.Now()
		good := sign(testSecret, now, []byte(event))
		at, mac, _ := strings.Cut(good, ",")
		elsewhere := sign([]byte("another secret of the tests"), now, []byte(event))
		_, otherMAC, _ := strings.Cut(elsewhere, ",")
		for _, row := range []struct {
			name, body, signature string
			pass                  bool
		}{
			{"signed now", event, good, true},
			{"signed five minutes ago", event, sign(testSecret, now.Add(-5*time.Minute), []byte(event)), true},
			{"signed by a clock that is five minutes ahead", event, sign(testSecret, now.Add(5*time.Minute), []byte(event)), true},
			{"the parts in another order", event, mac + "," + at, true},
			{"hex has no case", event, at + ",v1=" + strings.ToUpper(mac[3:]), true},
			{"one signature of two, while the secret changes", event, good + "," + otherMAC, true},
			{"the other of two", event, elsewhere + "," + mac, true},
			{"a scheme that is not known, beside", event, good + ",v2=abc", true},
			{"an empty body", "", sign(testSecret, now, nil), true},

			{"no signature", event, "", false},
			{"no time", event, mac, false},
			{"no mac", event, at, false},
			{"an empty mac", event, at + ",v1=", false},
			{"a mac that is no hex", event, at + ",v1=xyz", false},
			{"a part of the mac", event, good[:len(good)-2], false},
			{"a mac and more", event, good + "00", false},
			{"two times", event, good + "," + at, false},
			{"a time that is none", event, "t=now," + mac, false},
			{"a time beyond all times", event, "t=99999999999999999999," + mac, false},
			{"the last time there is", event, sign(testSecret, time.Unix(1<<62, 0), []byte(event)), false},
			{"the same time, written in another way", event, "t=+" + at[2:] + "," + mac, false},
			{"another time", event, sign(testSecret, now.Add(time.Second), []byte(event))[:len(at)] + "," + mac, false},
			{"another secret", event, elsewhere, false},
			{"the empty secret", event, sign(nil, now, []byte(event)), false},
			{"another body", event + " ", good, false},
			{"the same document in another form", `{"id":"evt_1"}`, good, false},
			{"a second too old", event, sign(testSecret, now.Add(-5*time.Minute-time.Second), []byte(event)), false},
			{"a second too far ahead", event, sign(testSecret, now.Add(5*time.Minute+time.Second), []byte(event)), false},
		} {
			decision := weft.Decide(webhookRequest(t, row.body, row.signature), signed(testSecret))
			if row.pass {
				assert.NoError(t, decision.Err, row.name)
				continue
			}
			assert.Equal(t, weft.VerdictDenied, decision.Verdict, row.name)
			resp := weft.Fail(decision.Err)
			assert.Equal(t, http.StatusForbidden, resp.Status(), row.name)
			assert.JSONEq(t, `{"title":"Forbidden","status":403,"code":"invalid_signature","detail":"The signature is missing, wrong or too old."}`,
				body(t, resp), "%s: the client is not told which", row.name)
		}
	})
}

// The documented example, so that senders can test themselves against it.
func TestASignatureHasThisForm(t *testing.T) {
	t.Parallel()
	// printf %s '1795219200.{}' | openssl dgst -sha256 -hmac 'a secret of the tests alone'
	assert.Equal(t, "t=1795219200,v1=4b5d06fb2561dc1bb53e0a1dc5f39cc2fca3e419ac7545c28b8fc3398460fc70", sign(testSecret, time.Unix(1795219200, 0), []byte("{}")))
}

func TestWithoutASecretNobodyPasses(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string][]byte{"nil": nil, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signature := sign(secret, time.Now(), []byte("{}"))
			decision := weft.Decide(webhookRequest(t, "{}", signature), signed(secret))
			assert.Equal(t, weft.VerdictFailed, decision.Verdict, "it is our fault, and nothing that Not or Any could turn into a yes")
			assert.Equal(t, http.StatusServiceUnavailable, weft.Fail(decision.Err).Status())
			assert.NotContains(t, body(t, weft.Fail(decision.Err)), secretVariable)
		})
	}
}

func TestTheGuardAndTheHandlerSeeTheSameBytes(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	unknown := strings.Replace(teaIsPaid, `{`, `{"extra": 1, `, 1)
	twice := strings.Replace(teaIsPaid, `"order": 1`, `"order": 1, "order": 2`, 1)
	huge := `{"id": "` + strings.Repeat("x", bodyLimit) + `"}`
	for _, row := range []struct {
		name, body, signature string
		status                int
		code                  string
	}{
		{"signed and unknown", unknown, sign(testSecret, time.Now(), []byte(unknown)), 400, "unknown_field"},
		{"signed and ambiguous", twice, sign(testSecret, time.Now(), []byte(twice)), 400, "duplicate_field"},
		{"signed and incomplete", `{}`, sign(testSecret, time.Now(), []byte(`{}`)), 422, "required required required required required"},
		{"signed and too large", huge, sign(testSecret, time.Now(), []byte(huge)), 413, "body_too_large"},
		{"not signed and broken", `{"id`, "", 403, "invalid_signature"},
	} {
		got := a.call(t, "POST", webhookPath, row.body, asNobody, signatureHeader+": "+row.signature)
		assert.Equal(t, row.status, got.status, row.name)
		assert.Equal(t, row.code, got.code(t), row.name)
	}
	assert.Zero(t, count(t, a.store, "payments"))
}

// A key of the API opens nothing here, and a signature nothing there.
func TestAKeyIsNoSignature(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	assert.Equal(t, http.StatusForbidden, a.call(t, "POST", webhookPath, teaIsPaid).status)
	got := a.call(t, "POST", acmeOrders, teaForTwo, asNobody, signatureHeader+": "+sign(testSecret, time.Now(), []byte(teaForTwo)))
	assert.Equal(t, http.StatusUnauthorized, got.status)
}

func TestAShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	secret, err := webhookSecret("")
	require.NoError(t, err)
	assert.Empty(t, secret)
	secret, err = webhookSecret("0123456789abcdef")
	require.NoError(t, err)
	assert.Equal(t, "0123456789abcdef", string(secret))
	_, err = webhookSecret("0123456789abcde")
	require.ErrorContains(t, err, "ORDERS_WEBHOOK_SECRET is shorter than 16 bytes")
	assert.NotContains(t, err.Error(), "0123456789abcde")
}
