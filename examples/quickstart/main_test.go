package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft/wefttest"
)

func TestBadge(t *testing.T) {
	wefttest.Allowed(t, badge, wefttest.Request("POST", "/", wefttest.Header("X-Badge", "7")))
	denial := wefttest.Denied(t, badge, wefttest.Request("POST", "/"))
	assert.Equal(t, []string{"Badge"}, denial.Challenges())
}

func TestApp(t *testing.T) {
	wefttest.NoLeaks(t)
	stranger := wefttest.New(t, newApp())
	ada := stranger.Sending(wefttest.Header("X-Badge", "7"))
	const cars, car = "/levels/2/cars", `{"plate":"B-1","hours":2}`

	denied := stranger.Post(cars, car).Want(http.StatusUnauthorized)
	assert.Equal(t, "Badge", denied.Header.Get("WWW-Authenticate"))
	assert.Equal(t, "Show your badge.", denied.Problem().Detail)

	invalid := ada.Post("/levels/0/cars", `{"hours":49}`).Want(http.StatusUnprocessableEntity).Problem()
	assert.Equal(t, []string{"path level: min", "body /plate: required", "body /hours: max"}, invalid.Fields())

	parked := ada.Post(cars, car).Want(http.StatusCreated)
	assert.Equal(t, "Ada parked B-1", wefttest.Decode[string](parked))
	assert.Equal(t, 1, wefttest.Decode[int](stranger.Get("/free").Want(http.StatusOK)))

	ada.Post(cars, car).Want(http.StatusCreated)
	full := ada.Post(cars, car).Want(http.StatusConflict)
	assert.Equal(t, "garage_full", full.Problem().Code)
	assert.ErrorIs(t, full.Err, errFull)

	assert.Equal(t, "not_found", stranger.Get("/nowhere").Want(http.StatusNotFound).Problem().Code)
}
