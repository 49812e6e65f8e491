package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"testing"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestARequestUnderWayIsFinishedOnShutdown stops the service while a handler waits
// for the body of an order.
func TestARequestUnderWayIsFinishedOnShutdown(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.db")
	s, err := open(t.Context(), settings{address: "localhost:0", database: file}, newLogger(t.Output(), slog.LevelInfo))
	require.NoError(t, err)
	db := do.MustInvoke[*database](s.injector)
	key := addMia(t, storeOf(db))
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.run(ctx) }()

	// The server asks for the body when weft reads it, so the request is under way then.
	underWay := make(chan struct{})
	traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(underWay) }})
	body, rest := io.Pipe()
	req, err := http.NewRequestWithContext(traced, "POST", s.url()+"/api/tenants/acme/orders", body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+string(key))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Expect", "100-continue")

	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	t.Cleanup(transport.CloseIdleConnections)
	type result struct {
		resp *http.Response
		err  error
	}
	answered := make(chan result, 1)
	go func() {
		resp, err := transport.RoundTrip(req)
		answered <- result{resp, err}
	}()

	select {
	case <-underWay:
	case early := <-answered:
		t.Fatalf("the request was answered before its body was read: %+v", early)
	}
	stop()
	address := s.listener.Addr().String()
	require.Eventually(t, func() bool { return !connects(t, address) }, 5*time.Second, time.Millisecond, "new connections are refused")
	select {
	case err := <-stopped:
		t.Fatalf("the service stopped with a request under way: %v", err)
	default:
	}

	_, err = io.WriteString(rest, teaForTwo)
	require.NoError(t, err)
	require.NoError(t, rest.Close())
	got := <-answered
	require.NoError(t, got.err)
	assert.Equal(t, http.StatusCreated, got.resp.StatusCode)
	assert.NoError(t, got.resp.Body.Close())
	require.NoError(t, <-stopped)

	assert.Error(t, db.HealthCheck(t.Context()), "the database is closed")
	order, err := newStore(t, file).get(t.Context(), acme, 1)
	require.NoError(t, err)
	assert.Equal(t, "Ada", order.Customer)
}

func connects(t *testing.T, address string) bool {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return false
	}
	assert.NoError(t, conn.Close())
	return true
}

func TestAnAddressThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	address := taken.Addr().String()

	_, err = open(t.Context(), settings{address: address}, slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "the address "+address+" is taken by another program; choose another with -addr")
}

func TestAnAddressThatIsNoneIsNamed(t *testing.T) {
	t.Parallel()
	_, err := open(t.Context(), settings{address: "localhost"}, slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "cannot serve on localhost: ")
}
