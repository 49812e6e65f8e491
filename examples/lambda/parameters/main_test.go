package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/lambdatest"
)

const booked = `{"book":{"days":5,"date_from":"2020-08-08","date_to":"2020-08-13","hotel_id":"1","country":"Portugal","city":"Lisbon",
	"guest":{"name":%q,"email":"bGFtYmRhQHBvd2VydG9vbC50b29scw==","passport":"QUExMjM0NTY=","vat":"MTIzNDU2Nzg5"},
	"booking_id":%q},"message":"booking created","success":true}`

func TestTheFieldsThatAreNamedAreObfuscated(t *testing.T) {
	fn, err := function(t.Context(), services().With(weft.Override(NewID(func() (string, error) { return "one", nil }))))
	require.NoError(t, err)
	event := lambdatest.Event(t)
	out, err := lambdatest.Invoke(t, fn, event, lambdatest.Invocation{})
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(booked, "Lambda", "one"), out)

	out, err = lambdatest.Invoke(t, fn, bytes.Replace(event, []byte("AA123456"), []byte("Zoë 旅"), 1), lambdatest.Invocation{})
	require.NoError(t, err)
	assert.Contains(t, out, `"passport":"Wm/DqyDml4U="`, "any text")
	out, err = lambdatest.Invoke(t, fn, []byte(`{"detail":{"days":1}}`), lambdatest.Invocation{})
	require.NoError(t, err)
	assert.NotContains(t, out, "guest", "and no guest")
}

func TestTheEventStaysAsItIs(t *testing.T) {
	fn, err := function(t.Context(), services())
	require.NoError(t, err)
	guest := &Guest{Email: "a@b.example"}
	_, err = fn(t.Context(), Event{Booking{Guest: guest}})
	require.NoError(t, err)
	assert.Equal(t, "a@b.example", guest.Email)
}

func TestABookingThatFails(t *testing.T) {
	errNoID := errors.New("no entropy")
	fn, err := function(t.Context(), services().With(weft.Override(NewID(func() (string, error) { return "", errNoID }))))
	require.NoError(t, err)
	_, err = lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{})
	require.EqualError(t, err, "Unable to create booking")
	require.ErrorIs(t, err, errNoID)
}

func TestAsAProgram(t *testing.T) {
	p := lambdatest.Start(t)
	answer := p.Invoke(t, lambdatest.Event(t), lambdatest.Invocation{})
	require.Nil(t, answer.Error)
	id := regexp.MustCompile(`"booking_id":"([0-9a-f-]{36})"`).FindStringSubmatch(answer.Body)
	require.Len(t, id, 2, answer.Body)
	assert.JSONEq(t, fmt.Sprintf(booked, "Lambda", id[1]), answer.Body)
}
