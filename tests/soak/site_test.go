package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

// entry is what the server's own stages write down about one request.
type entry struct {
	entered, handled, ended atomic.Int32
	started                 chan struct{} // closed by the handler
	done                    chan struct{} // closed when the answer was sent
	sent                    weft.Sent
	logged                  int // what its part must leave in the log
}

// book has an entry for every request, under the id that the client gives it.
type book struct{ entries sync.Map }

func (b *book) open(id string) *entry {
	e, _ := b.entries.LoadOrStore(id, &entry{started: make(chan struct{}), done: make(chan struct{})})
	return e.(*entry)
}

func (b *book) of(r *weft.Request) *entry { return b.open(r.Header().Get("X-Id")) }

// keep is the two outermost stages, which count the requests and their ends.
func (b *book) keep() []weft.Middleware {
	return []weft.Middleware{
		weft.Before("enter", func(r *weft.Request) error {
			b.of(r).entered.Add(1)
			return nil
		}),
		weft.Finally("end", func(r *weft.Request, sent weft.Sent) {
			e := b.of(r)
			e.sent = sent
			if e.ended.Add(1) == 1 {
				close(e.done)
			}
		}),
	}
}

// failures counts what the app logs as failed, by request path.
type failures struct {
	mu    sync.Mutex
	count map[string]int
}

func (f *failures) Write(line []byte) (int, error) {
	var record struct{ Path, Level string }
	if err := json.Unmarshal(line, &record); err != nil {
		return 0, err
	}
	if record.Level == slog.LevelError.String() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.count[record.Path]++
	}
	return len(line), nil
}

// take returns the failures of a path and forgets them.
func (f *failures) take(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.count[path]
	delete(f.count, path)
	return n
}

// site is a server that runs on a listener until the test stops it.
type site struct {
	address  string
	failures *failures
	server   *weft.Server
	listener *countingListener
	stop     context.CancelFunc
	stopped  chan error
}

// start runs the app on a TCP listener. The test ends with no goroutine left.
func start(t *testing.T, declare func(*weft.App), opts ...weft.Option) *site {
	t.Helper()
	already := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, already, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")) })

	s := &site{failures: &failures{count: map[string]int{}}, stopped: make(chan error, 1)}
	app := weft.New(append(opts, weft.WithLogger(slog.New(slog.NewJSONHandler(s.failures, nil))))...)
	declare(app)
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)

	s.server, s.address, s.listener = srv, l.Addr().String(), &countingListener{Listener: l}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	t.Cleanup(stop)
	go func() { s.stopped <- srv.RunListener(ctx, s.listener) }()
	return s
}

// waitStopped returns what Run returned.
func (s *site) waitStopped(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.stopped:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the server does not stop")
		return nil
	}
}

// waitAccepted waits until the server has taken n connections, and so has started.
func (s *site) waitAccepted(t *testing.T, n int32) {
	t.Helper()
	require.Eventually(t, func() bool { return s.listener.accepted.Load() >= n }, 10*time.Second, time.Millisecond)
}

// countingListener counts the connections that the server accepted, and knows whether it was closed.
type countingListener struct {
	net.Listener
	accepted atomic.Int32
	closed   atomic.Bool
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return c, err
}

func (l *countingListener) Close() error {
	defer l.closed.Store(true)
	return l.Listener.Close()
}

// dial opens a client's connection.
func (s *site) dial() (net.Conn, error) {
	c, err := net.DialTimeout("tcp", s.address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(30 * time.Second)) // what hangs fails
}

// request is a request as it is written to a connection.
func request(method, path, body string, fields ...string) string {
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: soak.test\r\n", method, path)
	if body != "" {
		text += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	for _, field := range fields {
		text += field + "\r\n"
	}
	return text + "\r\n" + body
}
