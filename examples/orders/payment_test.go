package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnOrderIsPaidAsAWholeAndOnce(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name   string
		order  Order
		amount Money
		want   error // nil where the order takes the payment
	}{
		{"an open order", Order{Status: Open, Total: 900}, 900, nil},
		{"an order that was shipped with a bill", Order{Status: Shipped, Total: 900}, 900, nil},
		{"an order of free things", Order{Status: Open}, 0, nil},

		{"too little", Order{Status: Open, Total: 900}, 899, &PaymentRefused{"other_amount"}},
		{"too much", Order{Status: Open, Total: 900}, 901, &PaymentRefused{"other_amount"}},
		{"again", Order{Status: Open, Total: 900, Paid: at.Add(-time.Hour)}, 900, &PaymentRefused{"already_paid"}},
		{"a cancelled order", Order{Status: Cancelled, Total: 900}, 900, &OrderClosed{Cancelled}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			before := row.order
			err := row.order.pay(row.amount, at)
			assert.Equal(t, row.want, err)
			if row.want != nil {
				assert.Equal(t, before, row.order)
				return
			}
			assert.Equal(t, at, row.order.Paid)
		})
	}
}

// event is a payment for an order of acme's.
func event(id string, order int64, amount Money) PaymentEvent {
	return PaymentEvent{ID: id, Type: paymentSucceeded, Tenant: acme, Order: order, Amount: amount}
}

func testSettled(t *testing.T, s *store) {
	order := add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}})
	other, err := s.add(t.Context(), globex, Draft{Customer: "Bob", Items: []Item{tea, cake}})
	require.NoError(t, err)
	require.Equal(t, order.ID, other.ID)
	before := now()

	again, err := s.settle(t.Context(), event("evt_1", order.ID, order.Total))
	require.NoError(t, err)
	assert.False(t, again)
	paid, err := s.get(t.Context(), acme, order.ID)
	require.NoError(t, err)
	assert.WithinRange(t, paid.Paid, before, time.Now())
	order.Paid, order.Version = paid.Paid, 2
	assert.Equal(t, order, paid, "nothing else has changed")

	again, err = s.settle(t.Context(), event("evt_1", order.ID, order.Total))
	require.NoError(t, err)
	assert.True(t, again, "the same event")
	assert.Equal(t, []Order{order}, list(t, s, Filter{}), "it is paid when it was")
	assert.Equal(t, 1, count(t, s, "payments"))

	unpaid, err := s.get(t.Context(), globex, other.ID)
	require.NoError(t, err)
	assert.Equal(t, other, unpaid, "the other tenant's order of the same number")
}

func testNotSettled(t *testing.T, s *store) {
	order, cancelled := add(t, s, Draft{Customer: "Ada", Items: []Item{tea}}), add(t, s, Draft{Customer: "Bob", Items: []Item{tea}})
	_, err := s.change(t.Context(), acme, cancelled.ID, func(o *Order) error { o.Status = Cancelled; return nil })
	require.NoError(t, err)
	before := list(t, s, Filter{})

	var closed *OrderClosed
	var refused *PaymentRefused
	_, err = s.settle(t.Context(), event("unknown", 404, 900))
	require.ErrorIs(t, err, errNotFound)
	_, err = s.settle(t.Context(), event("cancelled", cancelled.ID, cancelled.Total))
	require.ErrorAs(t, err, &closed)
	_, err = s.settle(t.Context(), event("too little", order.ID, 1))
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, before, list(t, s, Filter{}))

	assert.Equal(t, map[string]string{
		"unknown":    "no such order",
		"cancelled":  "the order is cancelled",
		"too little": "the order does not take the payment: other_amount",
	}, refusals(t, s), "who has to give the money back can find it")

	again, err := s.settle(t.Context(), event("too little", order.ID, order.Total))
	require.NoError(t, err)
	assert.True(t, again, "an event is decided once")
	assert.Equal(t, before, list(t, s, Filter{}))
}

func testSettledOrNotAtAll(t *testing.T, s *store) {
	order := add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
	_, err := s.db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE UPDATE OF paid ON orders BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	require.NoError(t, err)
	_, err = s.settle(t.Context(), event("evt_1", order.ID, order.Total))
	require.ErrorContains(t, err, "disk full")
	assert.Zero(t, count(t, s, "payments"), "or the next try would pass for a duplicate")

	_, err = s.db.ExecContext(t.Context(), `DROP TRIGGER full`)
	require.NoError(t, err)
	again, err := s.settle(t.Context(), event("evt_1", order.ID, order.Total))
	require.NoError(t, err)
	assert.False(t, again)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.settle(cancelled, event("evt_2", order.ID, order.Total))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, count(t, s, "payments"))
}

// refusals are the reasons in the table payments, by event.
func refusals(t *testing.T, s *store) map[string]string {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), `SELECT event_id, refused FROM payments WHERE refused IS NOT NULL`)
	require.NoError(t, err)
	defer func() { assert.NoError(t, rows.Close()) }()
	all := map[string]string{}
	for rows.Next() {
		var id, why string
		require.NoError(t, rows.Scan(&id, &why))
		all[id] = why
	}
	require.NoError(t, rows.Err())
	return all
}

// webhook sends an event as the payment provider does.
func (a *api) webhook(t *testing.T, event string) answer {
	t.Helper()
	return a.call(t, "POST", webhookPath, event, asNobody, signatureHeader+": "+sign(testSecret, time.Now(), []byte(event)))
}

func TestAWebhookMarksTheOrderAsPaid(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	require.NotContains(t, a.call(t, "GET", acmeOrders+"/1", "").body, "paid")

	got := a.webhook(t, teaIsPaid)
	assert.Equal(t, http.StatusOK, got.status, got.body)
	assert.JSONEq(t, `{"result":"paid"}`, got.body)
	read := a.call(t, "GET", acmeOrders+"/1", "").body
	assert.Contains(t, read, `"paid":"`)

	// The very same message again, as somebody could have recorded it.
	signature := signatureHeader + ": " + sign(testSecret, time.Now(), []byte(teaIsPaid))
	for range 2 {
		got = a.call(t, "POST", webhookPath, teaIsPaid, asNobody, signature)
		assert.Equal(t, http.StatusOK, got.status)
		assert.JSONEq(t, `{"result":"duplicate"}`, got.body)
	}
	late := signatureHeader + ": " + sign(testSecret, time.Now().Add(-tolerance-time.Minute), []byte(teaIsPaid))
	assert.Equal(t, http.StatusForbidden, a.call(t, "POST", webhookPath, teaIsPaid, asNobody, late).status)
	assert.Equal(t, read, a.call(t, "GET", acmeOrders+"/1", "").body)
}

func TestAnEventThatComesManyTimesAtOnceCountsOnce(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	signature := sign(testSecret, time.Now(), []byte(teaIsPaid))
	var paid, duplicates atomic.Int32
	var all sync.WaitGroup
	const times = 16
	for range times {
		all.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), "POST", a.URL+webhookPath, strings.NewReader(teaIsPaid))
			if !assert.NoError(t, err) {
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(signatureHeader, signature)
			resp, err := a.Client().Do(req)
			if !assert.NoError(t, err) {
				return
			}
			body := make([]byte, 100)
			n, _ := resp.Body.Read(body)
			assert.NoError(t, resp.Body.Close())
			switch string(body[:n]) {
			case `{"result":"paid"}`:
				paid.Add(1)
			case `{"result":"duplicate"}`:
				duplicates.Add(1)
			}
		})
	}
	all.Wait()
	assert.Equal(t, int32(1), paid.Load())
	assert.Equal(t, int32(times-1), duplicates.Load())
}

func TestWhatTheProviderCannotMendIsNotSentAgain(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	require.Equal(t, http.StatusCreated, a.call(t, "POST", acmeOrders, teaForTwo).status)
	require.Equal(t, http.StatusOK, a.call(t, "PATCH", acmeOrders+"/2", `{"status":"cancelled"}`).status)
	for _, row := range []struct{ name, old, new, reason string }{
		{"an order that there is not", `"order": 1`, `"order": 404`, "order_not_found"},
		{"an order of another tenant", "acme", "globex", "order_not_found"},
		{"an order that was cancelled", `"order": 1`, `"order": 2`, "order_closed"},
		{"another amount", "9.00", "8.99", "other_amount"},
		{"another type of event", "payment.succeeded", "payment.failed", "other_type"},
	} {
		got := a.webhook(t, strings.Replace(strings.Replace(teaIsPaid, row.old, row.new, 1), "evt_1", row.name, 1))
		assert.Equal(t, http.StatusOK, got.status, row.name)
		assert.JSONEq(t, `{"result":"ignored","reason":"`+row.reason+`"}`, got.body, row.name)
	}
	for _, order := range list(t, a.store, Filter{}) {
		assert.Zero(t, order.Paid)
	}
	assert.Len(t, refusals(t, a.store), 4, "but for the other type, there is money to give back")
}

// A failure of ours is the one thing that the provider is to send again.
func TestWhatWeCannotKeepIsSentAgain(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	_, err := a.store.db.ExecContext(t.Context(), `DROP TABLE payments`)
	require.NoError(t, err)
	got := a.webhook(t, teaIsPaid)
	assert.Equal(t, http.StatusInternalServerError, got.status)
	assert.NotContains(t, got.body, "payments")
}

func TestARefusalIsOfTheDomain(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errNotFound, &OrderClosed{Shipped}, &PaymentRefused{"already_paid"}} {
		assert.Equal(t, err, refusal(err))
	}
	for _, err := range []error{nil, errors.New("disk full"), context.Canceled, errUnknownKey} {
		assert.NoError(t, refusal(err))
	}
}
