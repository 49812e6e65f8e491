package scopes_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

type (
	session struct {
		open *atomic.Int64
		page [1024]byte // that a leak would show
	}
	basket struct{ session *session }
	cart   struct {
		basket *basket
		open   *atomic.Int64
	}
)

func (s *session) Close() error                               { s.open.Add(-1); return nil }
func (c *cart) Settle(context.Context, weft.Outcome) error    { return nil }
func (c *cart) Shutdown(context.Context) error                { c.open.Add(-1); return nil }
func (c *cart) Pay(context.Context, struct{}) (string, error) { return "paid", nil }

// samber/do keeps 850 bytes of each scope that a request had; what belongs to a request must go with it.
func TestFiftyThousandRequestsLeaveNothingBehind(t *testing.T) {
	const requests, rounds, crowd = 50_000, 5, 16
	var open, made atomic.Int64
	i := do.New()
	c := weft.NewContainer(i)
	weft.Singleton[*pool](c, func() *pool { return &pool{} })
	weft.PerRequest[*session](c, weft.Fn1(func(*pool) *session { open.Add(1); made.Add(1); return &session{&open, [1024]byte{1}} }))
	weft.Auto[*basket](c, weft.Fn1(func(s *session) *basket { return &basket{s} }))
	weft.Auto[*cart](c, func(b *basket) *cart { open.Add(1); return &cart{b, &open} })
	app := newApp(c)
	app.Use(stageOf(func(s *session) string { return "" }))
	app.Handle("GET /x", weft.HandleFrom((*cart).Pay).Guard(weft.GuardFrom(func(b *basket, r *weft.Request) error {
		switch r.Header().Get("X-How") {
		case "deny":
			return weft.Deny("")
		case "panic":
			panic("oh")
		}
		return nil
	})))
	ts := httptest.NewServer(build(t, app))
	defer ts.Close()
	client := ts.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = crowd
	defer client.CloseIdleConnections()

	var heaps []uint64
	var goroutines []int
	for range rounds {
		var all sync.WaitGroup
		for n := range crowd {
			all.Go(func() {
				for k := n; k < requests/rounds; k += crowd {
					ask(t, client, ts.URL+"/x", k)
				}
			})
		}
		all.Wait()
		client.CloseIdleConnections()
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		heaps, goroutines = append(heaps, m.HeapAlloc/1024), append(goroutines, runtime.NumGoroutine())
	}
	t.Logf("%d requests: heap %v KiB, goroutines %v, children of the injector %d", made.Load(), heaps, goroutines, len(i.Children()))
	require.Eventually(t, func() bool { return made.Load() == requests && open.Load() == 0 }, waitFor, tick, "all are made, and closed")
	assert.Empty(t, i.Children())
	assert.Len(t, i.ListInvokedServices(), 1, "the pool")
	assert.Less(t, heaps[rounds-1], heaps[0]+2048, "the heap does not grow")
	assert.Less(t, goroutines[rounds-1], goroutines[0]+2*crowd)
}

// ask sends one request; some are of bad manners.
func ask(t *testing.T, client *http.Client, url string, k int) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if !assert.NoError(t, err) {
		return
	}
	want := http.StatusOK
	switch k % 100 {
	case 7:
		req.Header.Set("X-How", "deny")
		want = http.StatusForbidden
	case 13:
		req.Header.Set("X-How", "panic")
		want = http.StatusInternalServerError
	case 21:
		leave(t, req.URL.Host)
		return
	}
	resp, err := client.Do(req)
	if !assert.NoError(t, err) {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	assert.Equal(t, want, resp.StatusCode)
}

// leave sends a request and does not wait for the answer.
func leave(t *testing.T, host string) {
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", host)
	if !assert.NoError(t, err) {
		return
	}
	_, _ = fmt.Fprintf(c, "GET /x HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	_ = c.(*net.TCPConn).CloseWrite() // a close would take the request back
	_ = c.Close()
}
