package nethttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

// running is a server under Run.
type running struct {
	url    string
	client *http.Client
	stop   context.CancelFunc
	done   chan error
}

func run(t *testing.T, srv *weft.Server, http2 bool) *running {
	t.Helper()
	already := goleak.IgnoreCurrent()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{Protocols: protocols(http2)}
	r := &running{"http://" + l.Addr().String(), &http.Client{Transport: transport}, stop, make(chan error, 1)}
	go func() { r.done <- srv.RunServer(ctx, &http.Server{Protocols: protocols(http2), ErrorLog: discard}, l) }()
	t.Cleanup(func() {
		stop()
		transport.CloseIdleConnections()
		goleak.VerifyNone(t, already, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
	})
	return r
}

// A server that is told to stop while answers are being made sends all of them to their ends: what the first stage has
// seen is not lost.
func TestAStoppingServerSendsEveryBodyToItsEnd(t *testing.T) {
	const clients, lines = 8, 20
	body := func(w io.Writer) error {
		for i := range lines {
			if err := flushing(w, fmt.Sprint("line ", i)); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range lines {
			_, _ = fmt.Fprintln(w, "line", i)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	for _, http2 := range []bool{false, true} {
		for _, kind := range []string{"Writer", "Raw", "Std"} {
			for _, way := range []string{"context", "Shutdown"} {
				t.Run(fmt.Sprint(kind, ", HTTP/2 ", http2, ", by ", way), func(t *testing.T) {
					var entered, whole sync.Map
					app, log := newApp()
					app.Use(weft.Before("enter", func(r *weft.Request) error { entered.Store(r.Header().Get("X-Id"), true); return nil }),
						weft.Std("several", others(t)["several at once"]))
					h := responding(func(context.Context, *weft.Request) weft.Response {
						if kind == "Raw" {
							return weft.Raw(handler)
						}
						return weft.Writer("text/plain", body)
					})
					if kind == "Std" {
						h = h.Use(weft.Std("answers", func(http.Handler) http.Handler { return handler }))
					}
					app.Handle("GET /x", h)
					srv := build(t, app)
					r := run(t, srv, http2)
					var all sync.WaitGroup
					var done atomic.Bool
					for c := range clients {
						all.Go(func() {
							for i := 0; !done.Load(); i++ {
								id := fmt.Sprint(c, " ", i)
								hr, _ := http.NewRequestWithContext(t.Context(), "GET", r.url+"/x", nil)
								hr.Header.Set("X-Id", id)
								resp, err := r.client.Do(hr)
								if err != nil {
									return // nobody listens any more
								}
								got := read(resp)
								if assert.NoError(t, got.err, id) {
									assert.Equal(t, lines, strings.Count(got.text, "\n"), id)
									whole.Store(id, true)
								}
							}
						})
					}
					time.Sleep(100 * time.Millisecond)
					if way == "context" {
						r.stop()
					} else {
						assert.NoError(t, srv.Shutdown(t.Context()))
					}
					assert.NoError(t, await(t, r.done))
					done.Store(true)
					all.Wait()
					taken := 0
					entered.Range(func(id, _ any) bool {
						taken++
						_, ok := whole.Load(id)
						return assert.True(t, ok, "the answer to %v", id)
					})
					assert.GreaterOrEqual(t, taken, clients)
					assert.Empty(t, log.errors())
				})
			}
		}
	}
}

// A body without an end outlasts the drain timeout, and is told by its context then.
func TestAStoppingServerEndsBodiesWithoutAnEnd(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for kind := range endless(nil) {
			t.Run(fmt.Sprint(kind, ", HTTP/2 ", http2), func(t *testing.T) {
				var open atomic.Int64
				app, _ := newApp(weft.WithDrainTimeout(50 * time.Millisecond))
				sent := sentBy(app)
				app.Use(weft.Std("several", others(t)["several at once"]))
				app.Handle("GET /x", endless(&open)[kind]())
				r := run(t, build(t, app), http2)
				for range 5 {
					resp, err := r.client.Get(r.url + "/x")
					require.NoError(t, err)
					defer resp.Body.Close()
					_, err = bufio.NewReader(resp.Body).ReadString('\n')
					require.NoError(t, err)
				}
				r.stop()
				require.ErrorIs(t, await(t, r.done), context.DeadlineExceeded)
				for range 5 {
					await(t, sent)
				}
				assert.Zero(t, open.Load())
			})
		}
	}
}
