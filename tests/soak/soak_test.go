package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// part is how one stage of a request behaves, and what must come of it.
type part struct {
	name    string
	play    func(*stage, *weft.Request, weft.Next) weft.Response
	status  int  // what the client gets; 0 is a connection that drops
	handled bool // whether the handler runs
	logged  int  // how often the failure is logged
}

// stage is what a part needs beside its request.
type stage struct {
	t     *testing.T
	entry *entry
	later *sync.WaitGroup // goroutines that outlive their request
}

// refused calls next where it must not enter anything.
func (s *stage) refused(r *weft.Request, next weft.Next) {
	if resp := next(r); resp.Status() != http.StatusInternalServerError || resp.Err() == nil {
		s.t.Errorf("a call of next that must be refused got a %d with the error %v", resp.Status(), resp.Err())
	}
}

// afterwards calls next when the request has ended.
func (s *stage) afterwards(r *weft.Request, next weft.Next) {
	s.later.Go(func() {
		<-s.entry.done
		s.refused(r, next)
	})
}

var parts = []part{
	{
		name: "passes on", status: 200, handled: true,
		play: func(_ *stage, r *weft.Request, next weft.Next) weft.Response { return next(r) },
	}, {
		name: "calls next on a goroutine and waits", status: 200, handled: true,
		play: func(_ *stage, r *weft.Request, next weft.Next) weft.Response {
			answer := make(chan weft.Response)
			go func() { answer <- next(r) }()
			return <-answer
		},
	}, {
		name: "calls next on a goroutine and does not wait", status: 202, handled: true,
		play: func(s *stage, r *weft.Request, next weft.Next) weft.Response {
			go next(r)
			<-s.entry.started
			return weft.Text("abandoned").WithStatus(http.StatusAccepted)
		},
	}, {
		name: "looks around while next runs on a goroutine", status: 200, handled: true,
		play: func(_ *stage, r *weft.Request, next weft.Next) weft.Response {
			answer := make(chan weft.Response)
			go func() { answer <- next(r) }()
			for {
				select {
				case resp := <-answer:
					return resp
				default: // what Request allows to be called concurrently
					_, _ = r.Route().Pattern(), r.Context().Err()
					_, _ = weft.RouteOf(r.Context()), weft.Logger(r.Context())
					runtime.Gosched()
				}
			}
		},
	}, {
		name: "calls next twice", status: 200, handled: true, logged: 1,
		play: func(s *stage, r *weft.Request, next weft.Next) weft.Response {
			resp := next(r)
			s.refused(r, next)
			return resp
		},
	}, {
		name: "calls next from four goroutines at once", status: 200, handled: true, logged: 3,
		play: func(s *stage, r *weft.Request, next weft.Next) weft.Response {
			answers := make(chan weft.Response)
			for range 4 {
				go func() { answers <- next(r) }()
			}
			var entered []weft.Response
			for range 4 {
				if resp := <-answers; resp.Err() == nil {
					entered = append(entered, resp)
				}
			}
			if len(entered) != 1 {
				s.t.Errorf("%d of 4 calls of next were let in", len(entered))
			}
			return entered[0]
		},
	}, {
		name: "answers, and calls next when it has been sent", status: 202, logged: 1,
		play: func(s *stage, r *weft.Request, next weft.Next) weft.Response {
			s.afterwards(r, next)
			return weft.Text("early").WithStatus(http.StatusAccepted)
		},
	}, {
		name: "calls next again when the answer has been sent", status: 200, handled: true, logged: 1,
		play: func(s *stage, r *weft.Request, next weft.Next) weft.Response {
			s.afterwards(r, next)
			return next(r)
		},
	}, {
		name: "panics", status: 500, logged: 1,
		play: func(*stage, *weft.Request, weft.Next) weft.Response { panic("soak") },
	}, {
		name: "panics when next has returned", status: 500, handled: true, logged: 1,
		play: func(_ *stage, r *weft.Request, next weft.Next) weft.Response {
			next(r)
			panic("soak")
		},
	}, {
		name: "panics while next runs on a goroutine", status: 500, handled: true, logged: 1,
		play: func(s *stage, r *weft.Request, next weft.Next) weft.Response {
			go next(r)
			<-s.entry.started
			panic("soak")
		},
	}, {
		name: "returns the zero Response", status: 500, logged: 1,
		play: func(*stage, *weft.Request, weft.Next) weft.Response { return weft.Response{} },
	}, {
		name: "refuses", status: 409,
		play: func(*stage, *weft.Request, weft.Next) weft.Response {
			return weft.Fail(&weft.Error{Status: http.StatusConflict})
		},
	}, {
		name: "drops the connection",
		play: func(*stage, *weft.Request, weft.Next) weft.Response { panic(http.ErrAbortHandler) },
	}, {
		name: "drops the connection when next has returned", handled: true,
		play: func(_ *stage, r *weft.Request, next weft.Next) weft.Response {
			next(r)
			panic(http.ErrAbortHandler)
		},
	}, {
		name: "ends its goroutine",
		play: func(*stage, *weft.Request, weft.Next) weft.Response {
			runtime.Goexit()
			return weft.Empty()
		},
	},
}

func partNamed(name string) part {
	return parts[slices.IndexFunc(parts, func(p part) bool { return p.name == name })]
}

// places are where a stage can stand.
var places = []string{"the app", "the group", "the route", "an interceptor"}

// actor is a stage that behaves as the request tells it.
func actor(t *testing.T, b *book, later *sync.WaitGroup, place string) weft.Middleware {
	return weft.NewMiddleware(place, func(r *weft.Request, next weft.Next) weft.Response {
		if r.Header().Get("X-Place") != place {
			return next(r)
		}
		return partNamed(r.Header().Get("X-Part")).play(&stage{t, b.of(r), later}, r, next)
	})
}

type note struct {
	Text string `json:"text"`
}

var large = strings.Repeat("large ", 1<<20)

// declare is the app of the soak: an actor at each place, and handlers that take a little time.
func declare(t *testing.T, b *book, later *sync.WaitGroup) func(*weft.App) {
	started := func(ctx context.Context, r *weft.Request) *entry {
		e := b.of(r)
		if e.handled.Add(1) == 1 {
			close(e.started)
		}
		return e
	}
	return func(app *weft.App) {
		app.Use(b.keep()...)
		app.Use(actor(t, b, later, "the app"))
		group := app.Group("/group", actor(t, b, later, "the group"))
		group.Handle("GET /echo/{id}", weft.Handle(func(ctx context.Context, r *weft.Request) (weft.Response, error) {
			started(ctx, r)
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			return weft.JSON(note{r.PathValue("id")}), nil
		}).Use(actor(t, b, later, "the route")).Intercept(actor(t, b, later, "an interceptor")))
		group.Handle("POST /note", weft.Handle(func(_ context.Context, in note) (note, error) { return in, nil }))
		group.Handle("GET /large", weft.Handle(func(ctx context.Context, r *weft.Request) (weft.Response, error) {
			started(ctx, r)
			return weft.Text(large), nil
		}))
		group.Handle("GET /wait", weft.Handle(func(ctx context.Context, r *weft.Request) (weft.Response, error) {
			started(ctx, r)
			<-ctx.Done()
			return weft.Response{}, ctx.Err()
		}))
	}
}

// client is one of many that use the site at the same time.
type client struct {
	t    *testing.T
	site *site
	book *book
	rand *rand.Rand
	conn net.Conn
	from *bufio.Reader
}

// connect opens a connection unless one is open.
func (c *client) connect() bool {
	if c.conn != nil {
		return true
	}
	conn, err := c.site.dial()
	if !assert.NoError(c.t, err) {
		return false
	}
	c.conn, c.from = conn, bufio.NewReader(conn)
	return true
}

func (c *client) disconnect() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// play sends one request whose stage at a random place plays a random part, and
// checks that the client gets exactly one answer, and the right one.
func (c *client) play(id string, last bool) {
	p, place := parts[c.rand.IntN(len(parts))], places[c.rand.IntN(len(places))]
	what := fmt.Sprintf("%s: %s %s", id, place, p.name)
	fields := []string{"X-Id: " + id, "X-Part: " + p.name, "X-Place: " + place}
	if last {
		fields = append(fields, "Connection: close")
	}
	if !c.connect() {
		return
	}
	_, err := io.WriteString(c.conn, request("GET", "/group/echo/"+id, "", fields...))
	assert.NoError(c.t, err, what)
	c.receive(p, id, what, last)

	e := c.book.open(id)
	if !c.waitFor(e.done, what+": Finally") {
		return
	}
	handled := int32(0)
	if p.handled {
		handled = 1
	}
	e.logged = p.logged
	assert.EqualValues(c.t, 1, e.entered.Load(), what)
	assert.Equal(c.t, handled, e.handled.Load(), "%s: runs of the handler", what)
	assert.Equal(c.t, p.status, e.sent.Status, what)
}

// receive reads the one answer that the part leads to, and whatever follows it.
func (c *client) receive(p part, id, what string, last bool) {
	resp, err := http.ReadResponse(c.from, nil)
	if p.status == 0 {
		assert.Error(c.t, err, "%s: an answer came", what)
		c.disconnect()
		return
	}
	if !assert.NoError(c.t, err, what) {
		c.disconnect()
		return
	}
	body, err := io.ReadAll(resp.Body)
	assert.NoError(c.t, err, what)
	assert.Equal(c.t, p.status, resp.StatusCode, what)
	if p.status == http.StatusOK {
		assert.Equal(c.t, fmt.Sprintf(`{"text":%q}`, id), string(body), what)
	}
	assert.Equal(c.t, last, resp.Close, "%s: the connection survives", what)
	if last {
		rest, err := io.ReadAll(c.from)
		assert.NoError(c.t, err, what)
		assert.Empty(c.t, rest, "%s: something follows the answer", what)
		c.disconnect()
	}
}

func (c *client) waitFor(happened <-chan struct{}, what string) bool {
	select {
	case <-happened:
		return true
	case <-time.After(10 * time.Second):
		c.t.Errorf("%s does not happen", what)
		return false
	}
}

// leave is a client that goes away in the middle of a request.
func (c *client) leave(id string) {
	if !c.connect() {
		return
	}
	defer c.disconnect()
	field, e := "X-Id: "+id, c.book.open(id)
	switch c.rand.IntN(5) {
	case 0: // in the head
		_, _ = io.WriteString(c.conn, "GET /group/echo/1 HTTP/1.1\r\nHost: soak.test\r\n"+field+"\r\nX-Fiel")
	case 1: // in the body
		head, _, _ := strings.Cut(request("POST", "/group/note", strings.Repeat(" ", 1000), field), "\r\n\r\n")
		_, _ = io.WriteString(c.conn, head+"\r\n\r\n"+`{"text":"ha`)
	case 2: // before the answer, abruptly
		_, _ = io.WriteString(c.conn, request("GET", "/group/echo/1", "", field))
		_ = c.conn.(*net.TCPConn).SetLinger(0)
	case 3: // in the answer
		_, _ = io.WriteString(c.conn, request("GET", "/group/large", "", field))
		_, _ = io.CopyN(io.Discard, c.from, 10_000)
	case 4: // while the handler waits for it to leave
		_, _ = io.WriteString(c.conn, request("GET", "/group/wait", "", field))
		c.waitFor(e.started, id+": the handler's start")
		c.disconnect()
		if c.waitFor(e.done, id+": the end of a handler whose client left") {
			assert.Equal(c.t, 499, e.sent.Status, id)
		}
	}
}

func TestEveryRequestOfAnUnrulyCrowdIsAnsweredOnce(t *testing.T) {
	const clients, each = 16, 250
	b, later := &book{}, &sync.WaitGroup{}
	s := start(t, declare(t, b, later))
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)

	var all sync.WaitGroup
	for number := range clients {
		all.Go(func() {
			c := &client{t: t, site: s, book: b, rand: rand.New(rand.NewPCG(seed, uint64(number)))}
			defer c.disconnect()
			for i := range each {
				id := fmt.Sprintf("%d-%d", number, i)
				if c.rand.IntN(6) == 0 {
					c.leave("left-" + id)
				} else {
					c.play(id, c.rand.IntN(20) == 0 || i == each-1)
				}
			}
		})
	}
	all.Wait()
	later.Wait()
	s.stop()
	require.NoError(t, s.waitStopped(t))

	requests, left := 0, 0
	b.entries.Range(func(key, value any) bool {
		id, e := key.(string), value.(*entry)
		requests++
		if strings.HasPrefix(id, "left-") {
			left++
			assert.LessOrEqual(t, e.entered.Load(), int32(1), id)
			assert.LessOrEqual(t, e.handled.Load(), e.entered.Load(), id)
		} else {
			assert.Equal(t, e.logged, s.failures.take("/group/echo/"+id), "%s: failures in the log", id)
		}
		assert.Equal(t, e.entered.Load(), e.ended.Load(), "%s: Finally runs once for what was entered", id)
		return true
	})
	assert.Equal(t, clients*each, requests)
	assert.NotZero(t, left)
	assert.Empty(t, s.failures.count, "clients that leave are no failures of the server")
	t.Logf("%d requests, of which %d were left by their clients", requests, left)
}
