package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/lambdatest"
)

const paid = `{"order":{"user_id":"f80e3c51-5b8c-49d5-af7d-c7804966235f","order_id":"8f1f1710-1b30-48a5-a6bd-153fd23b866b",
	"amount":"150.00","status_id":%q,"payment_id":%q},"message":"payment created","success":true}`

func TestTheOrderIsUnwrappedAndPending(t *testing.T) {
	fn, err := function(t.Context(), services().With(weft.Override(NewID(func() (string, error) { return "one", nil }))))
	require.NoError(t, err)
	event := lambdatest.Event(t)
	out, err := lambdatest.Invoke(t, fn, event, lambdatest.Invocation{})
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(paid, "pending", "one"), out)

	shipped := bytes.Replace(event, []byte(`"amount"`), []byte(`"status_id": "shipped", "amount"`), 1)
	out, err = lambdatest.Invoke(t, fn, shipped, lambdatest.Invocation{})
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(paid, "shipped", "one"), out, "what is there stays")
}

func TestWhateverGoesWrongIsAPaymentErrorWithItsCause(t *testing.T) {
	errNoID := errors.New("no entropy")
	fn, err := function(t.Context(), services().With(weft.Override(NewID(func() (string, error) { return "", errNoID }))))
	require.NoError(t, err)
	_, err = lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{})
	require.EqualError(t, err, "Unable to create payment")
	require.ErrorIs(t, err, errNoID)

	_, err = fn(t.Context(), Event{})
	var failed *PaymentError
	require.ErrorAs(t, err, &failed, "a check that fails too")
	require.ErrorContains(t, failed.Cause, "an order has a user")

	fn, err = function(t.Context(), services().With(weft.Override(NewID(func() (string, error) { panic("oh") }))))
	require.NoError(t, err)
	_, err = lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{})
	require.EqualError(t, err, "Unable to create payment", "and a panic")
}

func TestAsAProgram(t *testing.T) {
	p := lambdatest.Start(t, "AWS_LAMBDA_MAX_CONCURRENCY=16")
	id := regexp.MustCompile(`"payment_id":"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"`)
	var all sync.WaitGroup
	var ids sync.Map
	for range 64 {
		all.Go(func() {
			answer := p.Invoke(t, lambdatest.Event(t), lambdatest.Invocation{})
			found := id.FindStringSubmatch(answer.Body)
			if assert.Len(t, found, 2, answer.Body) {
				assert.JSONEq(t, fmt.Sprintf(paid, "pending", found[1]), answer.Body)
				_, twice := ids.LoadOrStore(found[1], true)
				assert.False(t, twice)
			}
		})
	}
	all.Wait()
	failure := p.Invoke(t, []byte(`{"detail":{}}`), lambdatest.Invocation{}).Error
	require.NotNil(t, failure)
	assert.Equal(t, "PaymentError: Unable to create payment", failure.Type+": "+failure.Message)
	assert.Eventually(t, func() bool { return strings.Contains(p.Log.String(), "an order has a user, an id and an amount") },
		lambdatest.Patience, time.Millisecond, "the cause is for the log")
	assert.Nil(t, p.Invoke(t, lambdatest.Event(t), lambdatest.Invocation{}).Error, "it goes on")
}
