package weft_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// The services of a small shop; each says when it is made and closed.
type shop struct {
	tr     trace
	nth    atomic.Int64
	failTx error
}

type (
	connections struct{ *shop }
	transaction struct {
		*shop
		id  int64
		ctx context.Context
	}
	shopStore interface{ ID() int64 }
	pgStore   struct{ tx *transaction }
	shopper   struct {
		store shopStore
		log   *slog.Logger
	}
	clockwork struct{ conns *connections }
	auditor   struct{ tx *transaction }
)

func (p *pgStore) ID() int64 { return p.tx.id }

func (t *transaction) Close() error {
	t.tr.add(fmt.Sprint("-tx", t.id))
	return nil
}

func (s *shopper) Buy(_ context.Context, in struct{}) (string, error) {
	return fmt.Sprint(s.store.ID()), nil
}

func (c *clockwork) Tick(context.Context, struct{}) (string, error) { return "tick", nil }

func (a *auditor) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	return next(r).WithHeader("X-Tx", fmt.Sprint(a.tx.id))
}

func (a *auditor) Allow(r *weft.Request) error {
	if r.Header().Get("X-Deny") != "" {
		return weft.Deny("")
	}
	return nil
}

// newShop is a container with a chain of services, two of them made per request.
func newShop() (*shop, *weft.Container) {
	s := &shop{}
	c := weft.NewContainer(nil)
	weft.Singleton[*connections](c, func(context.Context) (*connections, error) { s.tr.add("+conns"); return &connections{s}, nil })
	weft.PerRequest[*transaction](c, func(ctx context.Context, conns *connections) (*transaction, error) {
		if s.failTx != nil {
			return nil, s.failTx
		}
		id := s.nth.Add(1)
		s.tr.add(fmt.Sprint("+tx", id))
		return &transaction{shop: s, id: id, ctx: ctx}, nil
	})
	weft.Auto[*pgStore](c, weft.Fn1(func(tx *transaction) *pgStore { return &pgStore{tx} }))
	weft.Implements[shopStore, *pgStore](c)
	weft.Auto[*shopper](c, func(store shopStore, log *slog.Logger) *shopper { return &shopper{store, log} })
	weft.Auto[*clockwork](c, weft.Fn1(func(conns *connections) *clockwork { return &clockwork{conns} }))
	weft.Auto[*auditor](c, func(tx *transaction) *auditor { return &auditor{tx} })
	return s, c
}

func TestWhatNeedsSomethingOfARequestIsMadePerRequest(t *testing.T) {
	s, c := newShop()
	app, log := newApp(weft.WithContainer(c))
	app.Use(weft.Finally("sent", func(*weft.Request, weft.Sent) { s.tr.add("sent") }))
	app.Handle("GET /buy", weft.HandleFrom((*shopper).Buy).Use(weft.MiddlewareFrom((*auditor).Dispatch)).Guard(weft.GuardFrom((*auditor).Allow)))
	app.Handle("GET /tick", weft.HandleFrom((*clockwork).Tick))

	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Empty(t, s.tr.take(), "Plan makes nothing")
	lifetimes := map[string]string{}
	for _, svc := range plan.Services {
		lifetimes[svc.Service] = svc.Declared + ", " + svc.Lifetime
	}
	assert.Equal(t, map[string]string{
		"*weft_test.connections": "singleton, singleton", "*weft_test.transaction": "per request, per request",
		"*weft_test.pgStore": "auto, per request", "*weft_test.shopper": "auto, per request",
		"*weft_test.clockwork": "auto, singleton", "*weft_test.auditor": "auto, per request",
	}, lifetimes)
	buy := plan.Routes[0].Stages
	handler := buy[len(buy)-2]
	assert.Equal(t, "per request", handler.Lifetime)
	assert.Regexp(t, `^the handler "weft_test.\(\*shopper\).Buy" \(\S+scope_ext_test.go:\d+\) needs \*weft_test.shopper \(\S+:\d+\) needs \*weft_test.pgStore \(\S+:\d+\) needs \*weft_test.transaction \(\S+:\d+\), which is made per request$`, handler.Reason)

	site := serve(t, app)
	assert.Equal(t, "+conns", s.tr.take(), "singletons are made by Build")
	for i := range 3 {
		got := site.send("GET", "/buy", "")
		assert.Equal(t, fmt.Sprintf("%q", fmt.Sprint(i+1)), got.body)
		assert.Equal(t, fmt.Sprint(i+1), got.header.Get("X-Tx"), "one instance for all stages of a request")
	}
	assert.Equal(t, `"tick"`, site.send("GET", "/tick", "").body)
	require.Eventually(t, func() bool { return s.nth.Load() == 3 }, waitFor, tick)
	site.send("GET", "/buy", "", "X-Deny: 1")
	var events string
	require.Eventually(t, func() bool {
		events += s.tr.take() + " "
		return strings.Contains(events, "-tx4")
	}, waitFor, tick)
	assert.Equal(t, strings.Fields("+tx1 sent -tx1 +tx2 sent -tx2 +tx3 sent -tx3 sent +tx4 sent -tx4"), strings.Fields(events))
	assert.Empty(t, log.errors())
}

func TestThePlanSaysHowLongEachServiceLivesAndWhy(t *testing.T) {
	_, c := newShop()
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /buy", weft.HandleFrom((*shopper).Buy))
	app.Handle("GET /tick", weft.HandleFrom((*clockwork).Tick))
	plan, err := app.Plan()
	require.NoError(t, err)
	text := plan.String()
	assert.Regexp(t, `handler +route +weft_test.\(\*shopper\).Buy; per request `, text)
	assert.Regexp(t, `handler +route +weft_test.\(\*clockwork\).Tick; singleton `, text)
	assert.Regexp(t, `(?m)^  \*weft_test.connections +singleton +\S+scope_ext_test.go:\d+$`, text)
	assert.Regexp(t, `(?m)^  \*weft_test.shopper +per request +\S+:\d+ +needs \*weft_test.pgStore \(\S+:\d+\) needs \*weft_test.transaction \(\S+:\d+\), which is made per request$`, text)

	app, _ = newApp()
	app.Handle("GET /x", weft.Handle(echo[string]))
	plan, err = app.Plan()
	require.NoError(t, err)
	assert.NotContains(t, plan.String(), "services")
}

func TestARequestsServiceGetsTheRequestsContextAndIsSharedByManyAtOnce(t *testing.T) {
	s, c := newShop()
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /buy", weft.HandleFrom((*shopper).Buy).Use(weft.MiddlewareFrom((*auditor).Dispatch)))
	site := serve(t, app)
	var all sync.WaitGroup
	var seen sync.Map
	for range 16 {
		all.Go(func() {
			for range 20 {
				got := site.send("GET", "/buy", "")
				assert.Equal(t, fmt.Sprintf("%q", got.header.Get("X-Tx")), got.body)
				_, twice := seen.LoadOrStore(got.body, true)
				assert.False(t, twice, "another request's instance")
			}
		})
	}
	all.Wait()
	assert.Equal(t, int64(320), s.nth.Load())
}

func TestAConstructorThatFailsIsAnErrorOfTheStage(t *testing.T) {
	s, c := newShop()
	app, log := newApp(weft.WithContainer(c))
	tr := &trace{}
	app.Use(tr.stage("edge"))
	app.Catch(weft.On(func(*weft.Request, *outOfStock) weft.Response { return says("mapped") }))
	app.Handle("GET /buy", weft.HandleFrom((*shopper).Buy))
	site := serve(t, app)
	s.failTx = errSecret
	got := site.send("GET", "/buy", "")
	assertProblem(t, got, 500)
	assert.Equal(t, "edge", stagesOf(got.header))
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Regexp(t, `making \*weft_test.transaction \(\S+\): secret-dsn`, logged[0])
	s.failTx = &outOfStock{"tea"}
	assert.Equal(t, "mapped", site.send("GET", "/buy", "").body)
}

func TestASingletonThatCannotBeMadeIsAnErrorOfBuild(t *testing.T) {
	var closed atomic.Bool
	c := weft.NewContainer(nil)
	weft.Singleton[*closing](c, func() *closing { return &closing{&closed} })
	weft.Singleton[*connections](c, func(*closing) (*connections, error) { return nil, errSecret })
	app, _ := newApp(weft.WithContainer(c))
	_, err := app.Build(t.Context())
	require.ErrorIs(t, err, errSecret)
	assert.Regexp(t, `scope_ext_test.go:\d+: making \*weft_test.connections failed`, err)
	assert.True(t, closed.Load(), "what had been made is shut down")
}

type closing struct{ closed *atomic.Bool }

func (c *closing) Shutdown() { c.closed.Store(true) }

func TestServicesOfTheApplicationsOwnAndSingletonsKnowEachOther(t *testing.T) {
	i := do.New()
	do.Provide(i, func(do.Injector) (*connections, error) { return &connections{&shop{}}, nil })
	c := weft.NewContainer(i)
	weft.Auto[*clockwork](c, func(conns *connections) *clockwork { return &clockwork{conns} })
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /tick", weft.HandleFrom((*clockwork).Tick))
	assert.Equal(t, `"tick"`, serve(t, app).send("GET", "/tick", "").body)
	made, err := do.Invoke[*clockwork](i)
	require.NoError(t, err)
	assert.Same(t, do.MustInvoke[*connections](i), made.conns)
}

func TestAConstructorMayTakeWhatAGuardFoundOut(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.FromKey(c, currentUser)
	weft.Auto[*greeter](c, func(u user) *greeter { return &greeter{u} })
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /x", weft.HandleFrom((*greeter).Greet).Guard(login()))
	assert.Equal(t, `"Hello Ada"`, serve(t, app).send("GET", "/x", "", "X-User: Ada").body)

	app, _ = newApp(weft.WithContainer(c))
	app.Handle("GET /x", weft.HandleFrom((*greeter).Greet))
	app.Use(weft.MiddlewareFrom((*greeter).Dispatch))
	_, err := app.Plan()
	require.ErrorContains(t, err, `the handler "weft_test.(*greeter).Greet" needs the key "current user"`)
	require.ErrorContains(t, err, `the middleware "weft_test.(*greeter).Dispatch" needs the key "current user"`)
}

type greeter struct{ user user }

func (g *greeter) Greet(context.Context, struct{}) (string, error) {
	return "Hello " + g.user.Name, nil
}
func (g *greeter) Dispatch(r *weft.Request, next weft.Next) weft.Response { return next(r) }

func TestADeniedBranchClosesWhatWasMadeForIt(t *testing.T) {
	s, c := newShop()
	app, _ := newApp(weft.WithContainer(c))
	denies := weft.All(weft.GuardFrom((*auditor).Allow), weft.NewGuard("no", func(*weft.Request) error { s.tr.add("no"); return weft.Deny("") }))
	yes := weft.NewGuard("yes", func(*weft.Request) error { s.tr.add("yes"); return nil })
	app.Handle("GET /buy", weft.HandleFrom((*shopper).Buy).Guard(weft.Any(denies, yes)))
	assert.Equal(t, `"2"`, serve(t, app).send("GET", "/buy", "").body)
	var events string
	require.Eventually(t, func() bool {
		events += s.tr.take() + " "
		return strings.Contains(events, "-tx2")
	}, waitFor, tick)
	assert.Equal(t, []string{"+conns", "+tx1", "no", "-tx1", "yes", "+tx2", "-tx2"}, strings.Fields(events))
}

func TestEveryMistakeInTheGraphIsFoundAtOnce(t *testing.T) {
	_, c := newShop()
	weft.Singleton[*greeter](c, func(*transaction) *greeter { return nil })
	weft.Auto[*closing](c, func(*shopper) *closing { return nil }, weft.Pin())
	weft.Auto[*pgStore](c, func() *pgStore { return nil })
	weft.Auto[*outOfStock](c, func(context.Context) *outOfStock { return nil })
	weft.PerRequest[*user](c, 42)
	weft.PerRequest[*user](c, func() *shop { return nil })
	weft.Implements[shopStore, *shop](c)
	weft.Auto[int](c, func(string) int { return 0 })
	weft.Auto[string](c, func(int) string { return "" })
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /x", weft.HandleFrom((*journalist).Write))
	_, err := app.Plan()
	require.Error(t, err)
	for _, want := range []string{
		"is a singleton and would keep what belongs to one request", "is pinned, and what it needs is made per request",
		"*weft_test.pgStore is provided twice", "takes a context.Context and is declared with Auto", "the constructor of *weft_test.user is a int",
		"the constructor of *weft_test.user returns a *weft_test.shop", "*weft_test.shop does not implement weft_test.shopStore", "leads back to itself",
		`the handler "weft_test.(*journalist).Write" needs *weft_test.journalist, which nothing provides`,
	} {
		assert.ErrorContains(t, err, want)
	}
	var mistake *weft.BuildError
	require.ErrorAs(t, err, &mistake)
	assert.NotContains(t, err.Error(), " : ")

	app, _ = newApp()
	app.Handle("GET /x", weft.HandleFrom((*journalist).Write))
	_, err = app.Plan()
	require.ErrorContains(t, err, "which nothing provides; give the app a container that provides it, by WithContainer")
}

type journalist struct{}

func (*journalist) Write(context.Context, struct{}) (string, error) { return "", nil }

func TestAGroupIsTakenAsAList(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.Auto[shopStore](c, func() shopStore { return fixedStore(1) }, weft.InGroup())
	weft.PerRequest[shopStore](c, func() shopStore { return fixedStore(2) }, weft.InGroup())
	weft.Auto[*summing](c, func(stores []shopStore) *summing { return &summing{stores} })
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /sum", weft.HandleFrom((*summing).Sum))
	assert.Equal(t, `"[1 2]"`, serve(t, app).send("GET", "/sum", "").body)
}

type fixedStore int64

func (f fixedStore) ID() int64 { return int64(f) }

type summing struct{ stores []shopStore }

func (s *summing) Sum(context.Context, struct{}) (string, error) { return fmt.Sprint(s.stores), nil }

func TestAStageOfAServiceOutsideAServerSaysSo(t *testing.T) {
	err := weft.GuardFrom((*auditor).Allow).Allow(weft.NewRequest(httptest.NewRequest("GET", "/", nil)))
	require.ErrorContains(t, err, "made of a service")
	assert.Error(t, weft.MiddlewareFrom((*auditor).Dispatch).Dispatch(weft.NewRequest(httptest.NewRequest("GET", "/", nil)), nil).Err())
	_, err = weft.Func(t.Context(), weft.HandleFrom((*shopper).Buy))
	require.ErrorContains(t, err, "by WithContainer")
}
