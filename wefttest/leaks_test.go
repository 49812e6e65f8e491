package wefttest_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

func TestAGoroutineThatGoesOnIsALeak(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	defer close(stop)
	app := discard()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (struct{}, error) {
		go waitFor(stop)
		return struct{}{}, nil
	}))
	r := record(t, func(t testing.TB) {
		wefttest.NoLeaks(t)
		wefttest.New(t, app).Get("/").Want(204)
	})
	r.found(t, "a goroutine that the test started is still running:\n\tgithub.com/weft-go/weft/wefttest_test.waitFor\n\t\t")
	assert.Len(t, r.failures, 1)
}

func waitFor(stop chan struct{}) { <-stop }

func TestAServerThatIsNotClosedIsALeak(t *testing.T) {
	t.Parallel()
	var left *httptest.Server
	r := record(t, func(t testing.TB) {
		wefttest.NoLeaks(t)
		left = httptest.NewServer(nil)
	})
	defer left.Close()
	r.found(t, "net/http.(*Server).Serve")
}

func TestWhatEndsIsNoLeak(t *testing.T) {
	t.Parallel()
	other := make(chan struct{})
	defer close(other)
	go waitFor(other) // of another test, as it were
	record(t, func(t testing.TB) {
		wefttest.NoLeaks(t)
		go time.Sleep(50 * time.Millisecond)
		wefttest.Serve(t, shop()).Get("/large").Want(200)
		wefttest.New(t, shop()).Get("/large").Want(200)
		_ = t.Context()
	}).clean(t)
}

func TestLeaksAreFoundInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		defer close(stop)
		record(t, func(t testing.TB) {
			wefttest.NoLeaks(t)
			go waitFor(stop)
		}).found(t, "a goroutine that the test started is still running")
	})
}
