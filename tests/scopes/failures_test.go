package scopes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// What is known to go wrong in other systems, each as the smallest app that shows it.

// tx is a service of a request that says when it is made, settled and closed.
type tx struct {
	diary *diary
	n     int64
	ctx   context.Context
}

type diary struct {
	mu     sync.Mutex
	lines  []string
	made   atomic.Int64
	closed atomic.Int64
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := strings.Join(d.lines, " ")
	d.lines = nil
	return text
}

func (d *diary) begin(ctx context.Context) *tx {
	x := &tx{d, d.made.Add(1), ctx}
	d.write("+tx%d", x.n)
	return x
}

func (x *tx) Close() error {
	x.diary.write("-tx%d", x.n)
	x.diary.closed.Add(1)
	return x.ctx.Err()
}

type (
	store interface{ tx() *tx }
	repo  struct{ x *tx }
	pool  struct{ n int }
	other struct{ pool *pool }
)

func (r *repo) tx() *tx { return r.x }

func withTx(d *diary) *weft.Container {
	c := weft.NewContainer(nil)
	weft.PerRequest[*tx](c, d.begin)
	weft.Auto[*repo](c, func(x *tx) *repo { return &repo{x} })
	weft.Implements[store, *repo](c)
	return c
}

func newApp(c *weft.Container, opts ...weft.Option) *weft.App {
	return weft.New(append([]weft.Option{weft.WithContainer(c), weft.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
}

func build(t *testing.T, app *weft.App) *weft.Server {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	return srv
}

func get(srv http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	rec, hr := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		hr.Header.Set(name, value)
	}
	srv.ServeHTTP(rec, hr)
	return rec
}

func handlerOf[S any](fn func(S) string) *weft.Handler[struct{}, string] {
	return weft.HandleFrom(func(s S, _ context.Context, _ struct{}) (string, error) { return fn(s), nil })
}

func stageOf[S any](fn func(S) string) weft.Middleware {
	return weft.MiddlewareFrom(func(s S, r *weft.Request, next weft.Next) weft.Response {
		return next(r).WithHeader("X-Stage", fn(s))
	})
}

func number(r *repo) string { return fmt.Sprint(r.x.n) }

// NestJS cached a provider for all requests that was asked for before its lifetime was known.
func TestAPromotedServiceIsNotCachedForAllInWhateverOrderItIsDeclared(t *testing.T) {
	declarations := []func(d *diary, c *weft.Container){
		func(d *diary, c *weft.Container) { weft.PerRequest[*tx](c, d.begin) },
		func(_ *diary, c *weft.Container) { weft.Auto[*repo](c, func(x *tx) *repo { return &repo{x} }) },
		func(_ *diary, c *weft.Container) { weft.Implements[store, *repo](c) },
		func(_ *diary, c *weft.Container) { weft.Singleton[*pool](c, func() *pool { return &pool{} }) },
		func(_ *diary, c *weft.Container) {
			weft.Auto[*other](c, func(p *pool, s store) *other { return &other{&pool{int(s.tx().n)}} })
		},
	}
	for first := range declarations {
		d, c := &diary{}, weft.NewContainer(nil)
		for i := range declarations {
			declarations[(first+i)%len(declarations)](d, c)
		}
		app := newApp(c)
		app.Use(stageOf(func(o *other) string { return fmt.Sprint(o.pool.n) }))
		app.Handle("GET /x", handlerOf(number))
		srv := build(t, app)
		for i := range 3 {
			got := get(srv, "/x")
			assert.Equal(t, fmt.Sprintf("%q", fmt.Sprint(i+1)), got.Body.String())
			assert.Equal(t, fmt.Sprint(i+1), got.Header().Get("X-Stage"))
		}
	}
}

// NestJS and lauren give middleware another instance than the handler.
func TestMiddlewareGuardAndHandlerHaveOneInstance(t *testing.T) {
	d := &diary{}
	app := newApp(withTx(d))
	app.Use(stageOf(func(s store) string { return fmt.Sprint(s.tx().n) }))
	app.Handle("GET /x", handlerOf(number).Guard(weft.GuardFrom(func(x *tx, _ *weft.Request) error { d.write("guard%d", x.n); return nil })))
	srv := build(t, app)
	got := get(srv, "/x")
	assert.Equal(t, `"1"`, got.Body.String())
	assert.Equal(t, "1", got.Header().Get("X-Stage"))
	assert.Equal(t, "+tx1 guard1 -tx1", d.take())
	got = get(srv, "/nowhere") // middleware of the app alone
	assert.Equal(t, 404, got.Code)
	assert.Equal(t, "2", got.Header().Get("X-Stage"))
	assert.Equal(t, "+tx2 -tx2", d.take())
}

func TestASingletonCannotCaptureARequestsService(t *testing.T) {
	for name, declare := range map[string]func(c *weft.Container){
		"itself":               func(c *weft.Container) { weft.Singleton[*other](c, func(*tx) *other { return nil }) },
		"through an auto":      func(c *weft.Container) { weft.Singleton[*other](c, func(*repo) *other { return nil }) },
		"through an interface": func(c *weft.Container) { weft.Singleton[*other](c, func(store) *other { return nil }) },
		"by Fn1":               func(c *weft.Container) { weft.Singleton[*other](c, weft.Fn1(func(store) *other { return nil })) },
		"through the Request":  func(c *weft.Container) { weft.Singleton[*other](c, func(*weft.Request) *other { return nil }) },
		"through a group": func(c *weft.Container) {
			weft.Auto[fmt.Stringer](c, func(*repo) *text { return nil }, weft.InGroup())
			weft.Auto[fmt.Stringer](c, func() *text { return nil }, weft.InGroup())
			weft.Singleton[*other](c, func([]fmt.Stringer) *other { return nil })
		},
		"as a member of a group": func(c *weft.Container) {
			weft.Singleton[fmt.Stringer](c, func(store) *text { return nil }, weft.InGroup())
		},
		"through a key": func(c *weft.Container) {
			weft.FromKey(c, weft.NewKey[*pool]("pool"))
			weft.Singleton[*other](c, func(*pool) *other { return nil })
		},
		"through another singleton": func(c *weft.Container) {
			weft.Singleton[*pool](c, func(*repo) *pool { return nil })
			weft.Singleton[*other](c, func(*pool) *other { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := withTx(&diary{})
			declare(c)
			_, err := newApp(c).Plan()
			require.ErrorContains(t, err, "is a singleton and would keep what belongs to one request")
		})
	}
}

type text struct{}

func (*text) String() string { return "" }

// A provider of the application's own is called by do, which knows no request's services.
func TestAFactoryOfTheApplicationsOwnCannotCaptureARequestsService(t *testing.T) {
	i := do.New()
	do.Provide(i, func(i do.Injector) (*other, error) {
		x, err := do.Invoke[*tx](i)
		return &other{&pool{int(x.n)}}, err
	})
	do.Provide(i, func(i do.Injector) (func() *tx, error) { return func() *tx { return do.MustInvoke[*tx](i) }, nil })
	d := &diary{}
	c := weft.NewContainer(i)
	weft.PerRequest[*tx](c, d.begin)
	app := newApp(c)
	app.Handle("GET /x", handlerOf(func(*other) string { return "" }))
	_, err := app.Build(t.Context())
	require.ErrorContains(t, err, "making *scopes_test.other failed")
	assert.Contains(t, err.Error(), "scopes/failures_test.go:", "where it is asked for")

	app = newApp(c)
	app.Handle("GET /x", handlerOf(func(begin func() *tx) string { begin(); return "" }))
	assert.Equal(t, 500, get(build(t, app), "/x").Code, "and not with another request's")
	assert.Zero(t, d.made.Load())
}

// lauren never tears down what belongs to a middleware.
func TestWhatAMiddlewareAloneNeedsIsClosed(t *testing.T) {
	for _, path := range []string{"/g/x", "/g/nowhere", "/nowhere", "/g/stop"} {
		d := &diary{}
		app := newApp(withTx(d))
		plain := weft.Handle(func(context.Context, struct{}) (string, error) { d.write("handler"); return "", nil })
		app.Use(stageOf(number))
		app.Group("/g", stageOf(number)).Handle("GET /x", plain)
		app.Handle("GET /g/stop", plain.Use(stageOf(number), weft.NewMiddleware("stop", func(*weft.Request, weft.Next) weft.Response { return weft.Text("") })))
		get(build(t, app), path)
		assert.Equal(t, int64(1), d.made.Load(), path)
		assert.Equal(t, int64(1), d.closed.Load(), path)
		assert.True(t, strings.HasSuffix(d.take(), "-tx1"), path)
	}
}

// samber/do reports a shutdown that went well as an error that is not nil, and lauren commits what failed.
func TestATeardownIsReportedAsWhatItIs(t *testing.T) {
	logged := &atomic.Int64{}
	log := weft.WithLogger(slog.New(failures{slog.DiscardHandler, logged}))
	d := &diary{}
	c := withTx(d)
	weft.Singleton[*stopping](c, func() *stopping { return &stopping{} })
	app := newApp(c, log)
	app.Handle("GET /x", handlerOf(number))
	srv := build(t, app)
	assert.Equal(t, 200, get(srv, "/x").Code)
	assert.Zero(t, logged.Load(), "it went well")
	require.NoError(t, srv.Shutdown(t.Context()))

	c = withTx(d)
	weft.Singleton[*stopping](c, func() *stopping { return &stopping{errors.New("does not stop")} })
	srv = build(t, newApp(c, log))
	require.ErrorContains(t, srv.Shutdown(t.Context()), "does not stop")
}

type stopping struct{ fails error }

func (s *stopping) Shutdown() error { return s.fails }

// lauren answers 422 to whatever a dependency fails with.
func TestAServiceThatCannotBeMadeIsTheServersFault(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.PerRequest[*tx](c, func() (*tx, error) { return nil, errors.New("secret-dsn") })
	app := newApp(c)
	app.Handle("GET /x", weft.Handle(func(_ context.Context, in struct {
		X *tx `inject:""`
	}) (string, error) {
		return "", nil
	}))
	got := get(build(t, app), "/x")
	assert.Equal(t, 500, got.Code)
	assert.NotContains(t, got.Body.String(), "secret")
}

// A transaction that has the context of whoever asked first dies with that stage's timeout.
func TestARequestsServiceDoesNotGetTheContextOfTheStageThatAsks(t *testing.T) {
	d := &diary{}
	app := newApp(withTx(d))
	var kept *tx
	app.Use(weft.NewMiddleware("timeout", func(r *weft.Request, next weft.Next) weft.Response {
		ctx, cancel := context.WithTimeout(r.Context(), time.Nanosecond)
		defer cancel()
		<-ctx.Done()
		resp := next(r.WithContext(ctx))
		assert.NoError(t, kept.ctx.Err(), "the request goes on")
		return resp
	}))
	app.Handle("GET /x", weft.HandleFrom(func(r *repo, ctx context.Context, _ struct{}) (string, error) {
		kept = r.x
		require.Error(t, ctx.Err())
		return "", r.x.ctx.Err()
	}).Timeout(time.Hour))
	get(build(t, app), "/x")
	assert.Equal(t, "+tx1 -tx1", d.take())
}

// samber/do calls no Shutdown with a context that has ended.
func TestWhatARequestMadeIsClosedWhenTheClientLeft(t *testing.T) {
	made, closed := make(chan struct{}), make(chan error, 1)
	c := weft.NewContainer(nil)
	weft.PerRequest[*waiting](c, func() *waiting { close(made); return &waiting{closed} })
	app := newApp(c)
	app.Handle("GET /x", weft.HandleFrom(func(_ *waiting, ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}))
	ts := httptest.NewServer(build(t, app))
	defer ts.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", ts.Listener.Addr().String())
	require.NoError(t, err)
	_, err = conn.Write([]byte("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	<-made
	require.NoError(t, conn.Close())
	select {
	case err := <-closed:
		assert.NoError(t, err, "its context goes on")
	case <-time.After(10 * time.Second):
		t.Fatal("it is not closed")
	}
}

type waiting struct{ closed chan error }

func (w *waiting) Shutdown(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		w.closed <- errors.New("it may take for ever")
	}
	w.closed <- ctx.Err()
	return nil
}

func TestAppsBuiltAtOnceShareTheirSingletons(t *testing.T) {
	var made atomic.Int64
	c := weft.NewContainer(nil)
	weft.Singleton[*pool](c, func() *pool { return &pool{int(made.Add(1))} })
	weft.Auto[*other](c, func(p *pool) *other { made.Add(1); return &other{p} })
	apps := make([]*weft.App, 16)
	for i := range apps {
		apps[i] = newApp(c)
		apps[i].Handle("GET /x", handlerOf(func(o *other) string { return fmt.Sprintf("%p %d", o, o.pool.n) }))
	}
	answers := make([]string, len(apps))
	var all sync.WaitGroup
	for i, app := range apps {
		all.Go(func() {
			srv, err := app.Build(context.Background())
			if assert.NoError(t, err) {
				answers[i] = get(srv, "/x").Body.String()
			}
		})
	}
	all.Wait()
	assert.Equal(t, int64(2), made.Load())
	assert.Len(t, slices.Compact(answers), 1)
}

// Two apps of one container have its singletons in common, and of requests nothing.
func TestAppsThatShareAContainerShareNoRequest(t *testing.T) {
	d := &diary{}
	c := withTx(d)
	shared := &stoppable{}
	weft.Singleton[*stoppable](c, func() *stoppable { return shared })
	var inner *weft.Server
	kind := func(r *repo, s *stoppable) string {
		return fmt.Sprintf("%d of %p, stopped %v", r.x.n, s, s.stopped.Load())
	}
	app := newApp(c)
	both := func(fn func(r *repo, s *stoppable, hr *http.Request) string) *weft.Handler[struct {
		S *stoppable `inject:""`
		R *repo      `inject:""`
	}, string] {
		return weft.Handle(func(ctx context.Context, in struct {
			S *stoppable `inject:""`
			R *repo      `inject:""`
		}) (string, error) {
			hr, err := http.NewRequestWithContext(ctx, http.MethodGet, "/x", nil)
			return fn(in.R, in.S, hr), err
		})
	}
	app.Handle("GET /x", both(func(r *repo, s *stoppable, _ *http.Request) string { return kind(r, s) }))
	inner = build(t, app)
	app = newApp(c)
	app.Handle("GET /x", both(func(r *repo, s *stoppable, hr *http.Request) string {
		before := kind(r, s)
		rec := httptest.NewRecorder()
		inner.ServeHTTP(rec, hr) // a request of the other app's, within the context of this one
		return before + "; " + strings.Trim(rec.Body.String(), "\"\n") + "; " + kind(r, s)
	}))
	outer := build(t, app)
	answer := strings.Split(strings.Trim(get(outer, "/x").Body.String(), "\"\n"), "; ")
	require.Len(t, answer, 3)
	assert.Equal(t, answer[0], answer[2])
	assert.Equal(t, "1"+answer[1][1:], answer[0], "the singleton is the same")
	assert.Equal(t, "2", answer[1][:1], "the transaction is not")
	assert.Equal(t, "+tx1 +tx2 -tx2 -tx1", d.take())

	require.NoError(t, inner.Shutdown(t.Context()))
	assert.Contains(t, get(outer, "/x").Body.String(), "stopped false", "the other server goes on")
	require.NoError(t, outer.Shutdown(t.Context()))
	assert.True(t, shared.stopped.Load())
}

type stoppable struct{ stopped atomic.Bool }

func (s *stoppable) Shutdown() { s.stopped.Store(true) }
