package weft_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
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

// ledger is a service that settles, and writes down how.
type ledger struct {
	tr    *trace
	fails error
	panic any
}

func (l *ledger) Settle(ctx context.Context, o weft.Outcome) error {
	if l.panic != nil {
		panic(l.panic)
	}
	if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil {
		l.tr.add("badly")
	}
	if o.OK() {
		l.tr.add("commit")
		return l.fails
	}
	l.tr.add("rollback")
	return nil
}

func (l *ledger) Close() error { l.tr.add("close"); return nil }

type bookkeeper struct{ ledger *ledger }

func (b *bookkeeper) Write(_ context.Context, in struct {
	How string `query:"how"`
}) (string, error) {
	b.ledger.tr.add("core")
	switch in.How {
	case "error":
		return "", errSecret
	case "client error":
		return "", &weft.Error{Status: 409}
	case "panic":
		panic("oh")
	}
	return "written", nil
}

func (b *bookkeeper) Allow(r *weft.Request) error {
	if r.Header().Get("X-Deny") != "" {
		return weft.Deny("")
	}
	return nil
}

func ledgerApp(l *ledger, opts ...weft.Option) (*weft.App, *journal, *weft.Handler[struct {
	How string `query:"how"`
}, string]) {
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func() *ledger { return l })
	weft.Auto[*bookkeeper](c, func(l *ledger) *bookkeeper { return &bookkeeper{l} })
	app, log := newApp(append([]weft.Option{weft.WithContainer(c)}, opts...)...)
	return app, log, weft.HandleFrom((*bookkeeper).Write)
}

func TestWhatARequestDidIsSettledBeforeItIsAnswered(t *testing.T) {
	conflict := errors.New("could not serialize")
	for _, row := range []struct {
		name, path string
		headers    []string
		prepare    func(l *ledger)
		status     int
		events     string
		logged     int
	}{
		{name: "a success", path: "/x", status: 200, events: "core commit close"},
		{name: "an error", path: "/x?how=error", status: 500, events: "core rollback close", logged: 1},
		{name: "an error of the client", path: "/x?how=client+error", status: 409, events: "core rollback close"},
		{name: "a panic", path: "/x?how=panic", status: 500, events: "core rollback close", logged: 1},
		{name: "a denial", path: "/x", headers: []string{"X-Deny: 1"}, status: 403, events: "rollback close"},
		{name: "a commit that fails", path: "/x", prepare: func(l *ledger) { l.fails = errSecret }, status: 500, events: "core commit close", logged: 1},
		{name: "a commit that fails and is mapped", path: "/x", prepare: func(l *ledger) { l.fails = conflict }, status: http.StatusTeapot, events: "core commit close"},
		{name: "a commit that panics", path: "/x", prepare: func(l *ledger) { l.panic = errSecret }, status: 500, events: "core close", logged: 1},
		{name: "an interceptor that fails after the handler", path: "/fails", status: 500, events: "core rollback close", logged: 1},
		{name: "an interceptor that answers for itself", path: "/stops", status: 202, events: "commit close"}, // inside, of a service that the guard had made
	} {
		t.Run(row.name, func(t *testing.T) {
			l := &ledger{tr: &trace{}}
			if row.prepare != nil {
				row.prepare(l)
			}
			app, log, h := ledgerApp(l)
			closed := make(chan weft.Sent, 1)
			app.Use(weft.Finally("sent", func(_ *weft.Request, s weft.Sent) { closed <- s }), (&trace{}).stage("edge"))
			app.Catch(weft.OnIs(conflict, func(*weft.Request, error) weft.Response { return says("again, please") }))
			h = h.Guard(weft.GuardFrom((*bookkeeper).Allow))
			app.Handle("GET /x", h)
			app.Handle("GET /fails", h.Intercept(weft.After("fails", func(*weft.Request, weft.Response) weft.Response { return weft.Fail(errSecret) })))
			app.Handle("GET /stops", h.Intercept(weft.NewMiddleware("stops", func(*weft.Request, weft.Next) weft.Response { return weft.Accepted(1) })))
			got := serve(t, app).send("GET", row.path, "", row.headers...)
			<-closed
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, "edge", stagesOf(got.header))
			var events string
			require.Eventually(t, func() bool {
				events += l.tr.take()
				return len(events) > 0 && events[len(events)-1] == 'e' && events[max(0, len(events)-5):] == "close"
			}, waitFor, tick)
			assert.Equal(t, row.events, events)
			assert.Len(t, log.errors(), row.logged)
		})
	}
}

func TestASettledRequestStaysSettled(t *testing.T) {
	l := &ledger{tr: &trace{}}
	app, _, h := ledgerApp(l)
	app.Handle("GET /x", h.Intercept(
		weft.After("cache", func(_ *weft.Request, resp weft.Response) weft.Response { l.tr.add("kept"); return resp }, weft.Outside(weft.Settle)),
		weft.After("inside", func(_ *weft.Request, resp weft.Response) weft.Response { l.tr.add("inside"); return resp }),
	))
	assert.Equal(t, 200, serve(t, app).send("GET", "/x", "").status)
	var events string
	require.Eventually(t, func() bool { events += l.tr.take() + " "; return len(events) > 30 }, waitFor, tick)
	assert.Contains(t, events, "core inside commit kept close")

	app, _, h = ledgerApp(l)
	app.Handle("GET /x", h.Intercept(
		weft.After("inside", func(_ *weft.Request, resp weft.Response) weft.Response { return resp }),
		weft.After("cache", func(_ *weft.Request, resp weft.Response) weft.Response { return resp }, weft.Outside(weft.Settle)),
	))
	_, err := app.Plan()
	require.ErrorContains(t, err, `"cache" must stand outside "settle"`)
}

func TestWhatSettlesTooEarlyOrTwiceIsWarnedOf(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func() *ledger { return nil })
	weft.PerRequest[*otherLedger](c, func() *otherLedger { return nil })
	weft.Auto[*bookkeeper](c, func(l *ledger, _ *otherLedger) *bookkeeper { return &bookkeeper{l} })
	app, _ := newApp(weft.WithContainer(c))
	app.Use(weft.MiddlewareFrom(func(_ *bookkeeper, r *weft.Request, next weft.Next) weft.Response { return next(r) }, weft.Named("early")))
	app.Handle("GET /x", weft.HandleFrom((*bookkeeper).Write))
	plan, err := app.Plan()
	require.NoError(t, err)
	require.Len(t, plan.Warnings, 2)
	assert.Contains(t, plan.Warnings[0].Problem+plan.Warnings[1].Problem, `the middleware "early" is made of *weft_test.ledger, which is settled before it returns`)
	assert.Contains(t, plan.Warnings[0].Problem+plan.Warnings[1].Problem, "both *weft_test.ledger and *weft_test.otherLedger are settled")
}

type otherLedger struct{}

func (*otherLedger) Settle(context.Context, weft.Outcome) error { return nil }

func TestOnTheWayOutNothingMoreCanBeMadeToSettle(t *testing.T) {
	l := &ledger{tr: &trace{}}
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func() *ledger { return l })
	weft.PerRequest[*otherLedger](c, func() *otherLedger { return &otherLedger{} })
	weft.Auto[*bookkeeper](c, func(l *ledger) *bookkeeper { return &bookkeeper{l} })
	app, log := newApp(weft.WithContainer(c))
	app.Catch(weft.OnFrom(func(_ *otherLedger, _ *weft.Request, err *outOfStock) weft.Response {
		return says("with a service: " + err.sku)
	}))
	app.Use(weft.NewMiddleware("late", func(r *weft.Request, next weft.Next) weft.Response {
		next(r)
		return weft.Fail(&outOfStock{"tea"})
	}))
	app.Handle("GET /x", weft.HandleFrom((*bookkeeper).Write))
	assertProblem(t, serve(t, app).send("GET", "/x", ""), 500)
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Contains(t, logged[0], weft.ErrSettled.Error())
	assert.Contains(t, logged[0], "out of stock: tea", "the error that was to be mapped is not lost")
}

func TestEveryKindOfStageHasAFromTwin(t *testing.T) {
	type in struct {
		Clock *clockwork `inject:""`
		Named *clockwork `inject:"spare"`
		User  user       `value:""`
	}
	s, c := newShop()
	spare := &clockwork{}
	weft.Singleton[*clockwork](c, func() *clockwork { return spare }, weft.NamedService("spare"))
	var events trace
	h := weft.Handle(func(_ context.Context, in in) (string, error) {
		assert.NotNil(t, in.Clock.conns)
		assert.Same(t, spare, in.Named)
		if in.User.Role == "fails" {
			return "", &outOfStock{"tea"}
		}
		return in.User.Name, nil
	})
	h = weft.CheckFrom(h, func(a *auditor, _ context.Context, _ in) error {
		events.add("check " + string('0'+rune(a.tx.id)))
		return nil
	})
	h = weft.AroundFrom(h, func(a *auditor, ctx context.Context, in in, next func(context.Context, in) (string, error)) (string, error) {
		events.add("around " + string('0'+rune(a.tx.id)))
		return next(ctx, in)
	}, weft.Named("tx"))
	app, _ := newApp(weft.WithContainer(c))
	app.Catch(weft.OnFrom(func(a *auditor, _ *weft.Request, err *outOfStock) weft.Response {
		return says("tx " + string('0'+rune(a.tx.id)) + ": " + err.Error())
	}))
	app.Guard(weft.ValueGuardFrom(currentUser, func(a *auditor, r *weft.Request) (user, error) {
		return user{r.Header().Get("X-User"), r.Header().Get("X-Role")}, a.Allow(r)
	}))
	app.Handle("GET /x", h)
	app.Handle("GET /extracted", weft.Handle(echo[string]).Extract(weft.ExtractorFrom("tick", func(c *clockwork, _ *weft.Request) (string, error) { return c.Tick(t.Context(), struct{}{}) })))
	app.Handle("GET /service", weft.Handle(func(_ context.Context, c *clockwork) (bool, error) { return c.conns != nil, nil }).Extract(weft.Service[*clockwork]()))
	site := serve(t, app)
	assert.Equal(t, `"Ada"`, site.send("GET", "/x", "", "X-User: Ada").body)
	assert.Equal(t, "check 1 around 1", events.take())
	assert.Equal(t, "tx 2: out of stock: tea", site.send("GET", "/x", "", "X-Role: fails").body)
	assert.Equal(t, `"tick"`, site.send("GET", "/extracted", "").body)
	assert.Equal(t, `true`, site.send("GET", "/service", "").body)
	require.Eventually(t, func() bool { return s.nth.Load() == 4 }, waitFor, tick)

	plan, err := app.Plan()
	require.NoError(t, err)
	for _, st := range plan.Routes[0].Stages {
		if st.Name == "tx" {
			assert.Equal(t, "per request", st.Lifetime)
			assert.Contains(t, st.Reason, "*weft_test.transaction")
		}
	}
	_, err = weft.Service[*clockwork]().Extract(weft.NewRequest(httptest.NewRequest("GET", "/", nil)))
	require.Error(t, err)
}

func TestServicesLiveAsLongAsTheServer(t *testing.T) {
	var closed, sick atomic.Bool
	c := weft.NewContainer(nil)
	weft.Singleton[*patient](c, func() *patient { return &patient{&closed, &sick} })
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /healthz", weft.Health())
	srv := build(t, app)
	health := func() int {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		assert.NotContains(t, w.Body.String(), "patient")
		return w.Code
	}
	assert.Equal(t, 200, health())
	sick.Store(true)
	assert.Equal(t, 503, health())
	assert.False(t, closed.Load())

	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Run(ctx, "localhost:0") }()
	time.Sleep(20 * time.Millisecond)
	stop()
	require.NoError(t, <-stopped)
	assert.True(t, closed.Load(), "when the last request is over")
	require.NoError(t, srv.Shutdown(t.Context()), "once")
}

type patient struct{ closed, sick *atomic.Bool }

func (p *patient) Shutdown() { p.closed.Store(true) }
func (p *patient) HealthCheck() error {
	if p.sick.Load() {
		return errSecret
	}
	return nil
}

func TestATestOverridesServices(t *testing.T) {
	s, c := newShop()
	i := do.New()
	app := func(c *weft.Container) *weft.App {
		app, _ := newApp(weft.WithContainer(c))
		app.Handle("GET /buy", weft.HandleFrom((*shopper).Buy))
		return app
	}
	original := serve(t, app(c))
	assert.Equal(t, `"1"`, original.send("GET", "/buy", "").body)
	assert.Equal(t, `"7"`, serve(t, app(c.With(weft.Override[shopStore](fixedStore(7))))).send("GET", "/buy", "").body)
	assert.Equal(t, `"2"`, original.send("GET", "/buy", "").body, "the original stays as it is")
	assert.Equal(t, `"3"`, serve(t, app(c.With())).send("GET", "/buy", "").body)
	require.Eventually(t, func() bool { return s.nth.Load() == 3 }, waitFor, tick)

	_, err := app(c.With(weft.Override(42))).Plan()
	require.ErrorContains(t, err, "an override of int replaces nothing")

	do.ProvideValue(i, &connections{})
	own := weft.NewContainer(i)
	weft.Auto[*clockwork](own, func(conns *connections) *clockwork { return &clockwork{conns} })
	replaced := &connections{}
	app2, _ := newApp(weft.WithContainer(own.With(weft.Override(replaced))))
	app2.Handle("GET /x", weft.Handle(func(_ context.Context, c *clockwork) (bool, error) { return c.conns == replaced, nil }).Extract(weft.Service[*clockwork]()))
	assert.Equal(t, "true", serve(t, app2).send("GET", "/x", "").body)
}

func TestAppsThatShareAContainerShareItsSingletonsUntilTheLastOneEnds(t *testing.T) {
	var closed, sick atomic.Bool
	made := 0
	c := weft.NewContainer(nil)
	weft.Singleton[*patient](c, func() *patient { made++; return &patient{&closed, &sick} })
	servers := make([]*weft.Server, 2)
	var all sync.WaitGroup
	for i := range servers {
		app, _ := newApp(weft.WithContainer(c))
		app.Handle("GET /x", weft.Handle(func(_ context.Context, p *patient) (bool, error) { return p.closed.Load(), nil }).Extract(weft.Service[*patient]()))
		all.Go(func() {
			var err error
			servers[i], err = app.Build(t.Context())
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.Equal(t, 1, made)
	require.NoError(t, servers[0].Shutdown(t.Context()))
	assert.False(t, closed.Load(), "the other app still uses it")
	require.NoError(t, servers[1].Shutdown(t.Context()))
	assert.True(t, closed.Load())
}

func TestABuildThatFailedCanBeTriedAgain(t *testing.T) {
	fails := true
	c := weft.NewContainer(nil)
	weft.Singleton[*connections](c, func() (*connections, error) {
		if fails {
			return nil, errSecret
		}
		return &connections{}, nil
	})
	app, log := newApp(weft.WithContainer(c))
	_, err := app.Build(t.Context())
	require.ErrorIs(t, err, errSecret)
	_, err = app.Plan()
	require.NoError(t, err, "the plan is as good as before")
	assert.Empty(t, log.errors())
}

func TestWhyAServiceIsMadePerRequestIsLogged(t *testing.T) {
	_, c := newShop()
	app, log := newApp(weft.WithContainer(c))
	build(t, app)
	logged := strings.Join(log.all(), "\n")
	assert.Regexp(t, `INFO a service is made per request service=\*weft_test.shopper reason=\*weft_test.shopper \(\S+:\d+\) needs \*weft_test.pgStore`, logged)
	assert.NotContains(t, logged, "service=*weft_test.clockwork")
}
