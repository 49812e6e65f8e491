package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// slowEcho answers with the id after a while, with a stage around it that runs next on a goroutine.
func slowEcho(b *book) func(*weft.App) {
	return func(app *weft.App) {
		app.Use(b.keep()...)
		app.Use(weft.NewMiddleware("goroutine", func(r *weft.Request, next weft.Next) weft.Response {
			answer := make(chan weft.Response)
			go func() { answer <- next(r) }()
			return <-answer
		}))
		app.Handle("GET /echo", weft.Handle(func(_ context.Context, r *weft.Request) (weft.Response, error) {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			return weft.Text(r.Header().Get("X-Id")), nil
		}))
	}
}

// stops are the ways to stop a server.
var stops = []struct {
	name string
	stop func(*testing.T, *site)
}{
	{"by the context of Run", func(_ *testing.T, s *site) { s.stop() }},
	{"by Shutdown", func(t *testing.T, s *site) { assert.NoError(t, s.server.Shutdown(t.Context())) }},
	{"by both", func(t *testing.T, s *site) {
		s.stop()
		assert.NoError(t, s.server.Shutdown(t.Context()))
	}},
}

const (
	crowd  = 16 // clients of one server
	rounds = 4  // servers for each way to stop one
)

// ask sends a request and reads its answer. An answer that has begun and is not
// whole fails the test.
func ask(t *testing.T, c net.Conn, from *bufio.Reader, id string, fields ...string) (answered bool) {
	if _, err := io.WriteString(c, request("GET", "/echo", "", append(fields, "X-Id: "+id)...)); err != nil {
		return false
	}
	if _, err := from.Peek(1); err != nil {
		return false // not one byte came
	}
	resp, err := http.ReadResponse(from, nil)
	if !assert.NoError(t, err, id) {
		return false
	}
	body, err := io.ReadAll(resp.Body)
	return assert.NoError(t, err, id) && assert.Equal(t, http.StatusOK, resp.StatusCode, id) && assert.Equal(t, id, string(body))
}

// crowds are the ways in which clients use their connections; each returns when
// the server answers no more.
var crowds = []struct {
	name string
	run  func(t *testing.T, s *site, number int, answered *sync.Map)
}{
	{"with a connection for each request", func(t *testing.T, s *site, number int, answered *sync.Map) {
		for i := 0; ; i++ {
			c, err := s.dial()
			if err != nil {
				return // nobody listens any more
			}
			id := fmt.Sprintf("%d-%d", number, i)
			if ask(t, c, bufio.NewReader(c), id, "Connection: close") {
				answered.Store(id, true)
			}
			_ = c.Close()
		}
	}},
	{"with connections that are kept", func(t *testing.T, s *site, number int, answered *sync.Map) {
		c, err := s.dial()
		if !assert.NoError(t, err) {
			return
		}
		defer c.Close()
		from := bufio.NewReader(c)
		for i := 0; ; i++ {
			id := fmt.Sprintf("%d-%d", number, i)
			if !ask(t, c, from, id) {
				return // closed between two requests
			}
			answered.Store(id, true)
		}
	}},
}

// A request that the first stage has seen is a promise, whenever and however the
// server is told to stop; one that it has not seen gets not half an answer either.
func TestAStoppingServerAnswersEveryRequestItTook(t *testing.T) {
	for _, way := range stops {
		for _, clients := range crowds {
			t.Run(way.name+", clients "+clients.name, func(t *testing.T) {
				for range rounds {
					b, answered := &book{}, &sync.Map{}
					s := start(t, slowEcho(b))
					var all sync.WaitGroup
					for number := range crowd {
						all.Go(func() { clients.run(t, s, number, answered) })
					}
					s.waitAccepted(t, crowd)
					time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
					way.stop(t, s)
					require.NoError(t, s.waitStopped(t))
					all.Wait()

					taken := 0
					b.entries.Range(func(id, value any) bool {
						e := value.(*entry)
						taken++
						_, got := answered.Load(id)
						assert.True(t, got, "the answer to %v", id)
						assert.EqualValues(t, 1, e.entered.Load(), id)
						assert.EqualValues(t, 1, e.ended.Load(), id)
						assert.NoError(t, e.sent.WriteErr, id)
						return true
					})
					assert.GreaterOrEqual(t, taken, crowd)
				}
			})
		}
	}
}

// A new connection that was accepted before the server was told to stop is a
// promise as well: its client cannot know that its first request came too late,
// and must not repeat it unless it is idempotent (RFC 9110 section 9.2.2).
func TestAStoppingServerAnswersTheFirstRequestOfAConnectionItAccepted(t *testing.T) {
	for _, way := range stops {
		t.Run(way.name, func(t *testing.T) {
			b := &book{}
			s := start(t, slowEcho(b))
			c, err := s.dial()
			require.NoError(t, err)
			defer c.Close()
			s.waitAccepted(t, 1)

			stopping := make(chan struct{})
			go func() {
				defer close(stopping)
				way.stop(t, s)
			}()
			require.Eventually(t, func() bool { return s.listener.closed.Load() }, 10*time.Second, time.Millisecond)

			assert.True(t, ask(t, c, bufio.NewReader(c), "first", "Connection: close"), "the connection was accepted")
			require.NoError(t, s.waitStopped(t))
			<-stopping
		})
	}
}

// What outlasts the drain timeout is told so by its context, and leaves nothing behind.
func TestAStoppingServerCutsOffWhatOutlastsTheDrainTimeout(t *testing.T) {
	var started, ended sync.WaitGroup
	started.Add(crowd)
	ended.Add(crowd)
	s := start(t, func(app *weft.App) {
		app.Handle("GET /forever", weft.Handle(func(ctx context.Context, _ struct{}) (struct{}, error) {
			started.Done()
			defer ended.Done()
			<-ctx.Done()
			return struct{}{}, ctx.Err()
		}))
	}, weft.WithDrainTimeout(50*time.Millisecond))
	for range crowd {
		c, err := s.dial()
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, request("GET", "/forever", ""))
		require.NoError(t, err)
	}
	started.Wait()

	s.stop()

	require.ErrorIs(t, s.waitStopped(t), context.DeadlineExceeded)
	ended.Wait()
}

// A listener that was handed over is closed when Run has returned: nobody waits
// in vain in the queue of a server that is gone.
func TestTheListenerIsClosedWhenRunReturns(t *testing.T) {
	srv, err := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler))).Build(t.Context())
	require.NoError(t, err)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for range 2000 {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_ = srv.RunListener(stopped, l)
		if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
			_ = c.Close()
			_ = l.Close()
			t.Fatal("the listener still takes connections")
		}
	}
}
