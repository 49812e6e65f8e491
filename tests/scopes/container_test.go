package scopes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// What Build, With and the end of a request make of a container; each was a defect.

func TestABuildThatFailedCanBeRepeated(t *testing.T) {
	d, fails := &diary{}, true
	i := do.New()
	do.Provide(i, func(do.Injector) (*text, error) { d.write("+own"); return &text{}, nil })
	c := weft.NewContainer(i)
	weft.Singleton[*noted](c, func(*text) *noted { d.write("+noted"); return &noted{d} })
	weft.Singleton[*pool](c, func(*noted) (*pool, error) {
		if fails {
			return nil, errors.New("not yet")
		}
		return &pool{}, nil
	})
	app := newApp(c)
	_, err := app.Build(t.Context())
	require.ErrorContains(t, err, "not yet")
	assert.Equal(t, "+own +noted -noted", d.take(), "what it made is shut down")
	_, err = app.Plan()
	require.NoError(t, err)
	fails = false
	srv := build(t, app)
	assert.Equal(t, "+noted", d.take())

	fails = true // another app's failure leaves what this one is made of
	another := newApp(c)
	another.Handle("GET /x", handlerOf(func(*tx) string { return "" }))
	_, err = another.Build(t.Context())
	require.Error(t, err)
	assert.Empty(t, d.take())
	require.NoError(t, srv.Shutdown(t.Context()))
	assert.Equal(t, "-noted", d.take())
}

type noted struct{ diary *diary }

func (n *noted) Shutdown() { n.diary.write("-noted") }

func TestASingletonThatPanicsIsAnErrorOfBuild(t *testing.T) {
	for _, ctor := range []any{func() *pool { panic("oh") }, weft.Fn0(func() *pool { panic(errors.New("oh")) })} {
		c := weft.NewContainer(nil)
		weft.Singleton[*pool](c, ctor)
		_, err := newApp(c).Build(t.Context())
		require.ErrorContains(t, err, "oh")
	}
}

type (
	ring struct{}
	loop struct{}
)

func TestAStageOfWhatLeadsBackToItselfIsAnErrorOfPlan(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.PerRequest[*ring](c, func(*loop) *ring { return nil })
	weft.Auto[*loop](c, func(*ring) *loop { return nil })
	app := newApp(c)
	app.Handle("GET /x", handlerOf(func(*loop) string { return "" }))
	_, err := app.Plan()
	require.ErrorContains(t, err, "leads back to itself")
}

// Layers of two services, each of which needs both of the layer below: more than
// two hundred million ways lead down, and whoever follows each does not come back before the test is stopped.
func TestAPlanOfLayersThatShareWhatTheyNeed(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.PerRequest[*tx](c, (&diary{}).begin)
	weft.Auto[*plain[[0]int]](c, func(*tx) *plain[[0]int] { return nil })
	weft.Auto[*closer[[0]int]](c, func(*tx) *closer[[0]int] { return nil })
	layered[[1]int, [0]int](c)
	layered[[2]int, [1]int](c)
	layered[[3]int, [2]int](c)
	layered[[4]int, [3]int](c)
	layered[[5]int, [4]int](c)
	layered[[6]int, [5]int](c)
	layered[[7]int, [6]int](c)
	layered[[8]int, [7]int](c)
	layered[[9]int, [8]int](c)
	layered[[10]int, [9]int](c)
	layered[[11]int, [10]int](c)
	layered[[12]int, [11]int](c)
	layered[[13]int, [12]int](c)
	layered[[14]int, [13]int](c)
	layered[[15]int, [14]int](c)
	layered[[16]int, [15]int](c)
	layered[[17]int, [16]int](c)
	layered[[18]int, [17]int](c)
	layered[[19]int, [18]int](c)
	layered[[20]int, [19]int](c)
	layered[[21]int, [20]int](c)
	layered[[22]int, [21]int](c)
	layered[[23]int, [22]int](c)
	layered[[24]int, [23]int](c)
	layered[[25]int, [24]int](c)
	layered[[26]int, [25]int](c)
	layered[[27]int, [26]int](c)
	layered[[28]int, [27]int](c)
	app := newApp(c)
	app.Handle("GET /x", handlerOf(func(*closer[[28]int]) string { return "" }))
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Equal(t, 30, strings.Count(plan.Routes[0].Stages[0].Reason, " needs "))
}

func layered[N, Below any](c *weft.Container) {
	weft.Auto[*plain[N]](c, func(*plain[Below], *closer[Below]) *plain[N] { return nil })
	weft.Auto[*closer[N]](c, func(*plain[Below], *closer[Below]) *closer[N] { return nil })
}

func TestThePlanTellsTheLifetimesOfAppMiddlewareAndMisses(t *testing.T) {
	app := newApp(withTx(&diary{}))
	app.Use(stageOf(number))
	app.Group("/g", stageOf(number))
	plan, err := app.Plan()
	require.NoError(t, err)
	for _, st := range append(plan.App, plan.Misses[0].Stages...) {
		assert.Equal(t, "per request", st.Lifetime)
		assert.Contains(t, st.Reason, "*scopes_test.tx")
	}
}

func TestAPartOfAllMayBeMadeOfWhatThePartBeforeFoundOut(t *testing.T) {
	k := weft.NewKey[*pool]("pool")
	found := weft.ValueGuard(k, "found", func(*weft.Request) (*pool, error) { return &pool{7}, nil })
	uses := weft.GuardFrom(func(o *other, _ *weft.Request) error {
		if o.pool.n != 7 {
			return errors.New("another")
		}
		return nil
	})
	for _, row := range []struct {
		guard weft.Guard
		wrong bool
	}{
		{weft.All(found, uses), false}, {weft.All(weft.All(found), weft.Not(weft.Not(uses))), false}, {weft.Any(weft.All(found, uses)), false},
		{weft.All(uses, found), true}, {weft.Any(found, uses), true}, {weft.All(weft.Not(found), uses), true}, {weft.All(weft.Unless(found, found), uses), true}, {uses, true},
	} {
		c := weft.NewContainer(nil)
		weft.FromKey(c, k)
		weft.Auto[*other](c, func(p *pool) *other { return &other{p} })
		app := newApp(c)
		app.Handle("GET /x", handlerOf(func(*text) string { return "" }).Guard(row.guard))
		weft.Singleton[*text](c, func() *text { return &text{} })
		if row.wrong {
			_, err := app.Plan()
			require.ErrorContains(t, err, `needs the key "pool"`)
			continue
		}
		assert.Equal(t, 200, get(build(t, app), "/x").Code)
	}
}

func TestWhatWouldHaveNoEffectIsAnErrorOfPlan(t *testing.T) {
	for _, row := range []struct {
		want    string
		declare func(c *weft.Container, i do.Injector)
	}{
		{"is bound and also provided with do.Provide", func(c *weft.Container, i do.Injector) {
			do.Provide(i, func(do.Injector) (store, error) { return nil, nil })
			weft.Auto[*repo](c, func() *repo { return nil })
			weft.Implements[store, *repo](c)
		}},
		{"*scopes_test.pool is also provided with do.Provide", func(c *weft.Container, i do.Injector) {
			do.Provide(i, func(do.Injector) (*pool, error) { return nil, nil })
			weft.Singleton[*pool](c, func() *pool { return nil })
		}},
		{"the constructor of <-chan int returns a chan int", func(c *weft.Container, _ do.Injector) {
			weft.PerRequest[<-chan int](c, func() chan int { return make(chan int) })
		}},
		{"*slog.Logger is declared, and constructors get the one of weft all the same", func(c *weft.Container, _ do.Injector) {
			weft.Singleton[*slog.Logger](c, slog.Default)
		}},
		{"*weft.Request is declared, and constructors get the one of weft", func(c *weft.Container, _ do.Injector) {
			weft.PerRequest[*weft.Request](c, func() *weft.Request { return nil })
		}},
		{"*scopes_test.pool is pinned, and declared to be made per request", func(c *weft.Container, _ do.Injector) {
			weft.PerRequest[*pool](c, func() *pool { return nil }, weft.Pin())
		}},
	} {
		i := do.New()
		c := weft.NewContainer(i)
		row.declare(c, i)
		_, err := newApp(c).Plan()
		require.ErrorContains(t, err, row.want)
	}
}

func TestServicesOfOneNameAndSeveralTypes(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.Singleton[*pool](c, func() *pool { return &pool{1} }, weft.NamedService("main"))
	weft.Singleton[*other](c, func() *other { return &other{&pool{2}} }, weft.NamedService("main"))
	type in struct {
		P *pool  `inject:"main"`
		O *other `inject:"main"`
	}
	app := newApp(c)
	app.Handle("GET /x", weft.Handle(func(_ context.Context, in in) (string, error) { return fmt.Sprint(in.P.n, in.O.pool.n), nil }))
	assert.Equal(t, `"1 2"`, get(build(t, app), "/x").Body.String())
}

func TestWhatTheInjectorHoldsMustBeWhatIsAskedFor(t *testing.T) {
	type in struct {
		O *other `inject:"main"`
	}
	for want, value := range map[string]any{"it is a *scopes_test.pool in the injector": &pool{}, "it is nil in the injector": (*other)(nil)} {
		i := do.New()
		do.ProvideNamedValue(i, "main", value)
		app := newApp(weft.NewContainer(i))
		app.Handle("GET /x", weft.Handle(func(context.Context, in) (string, error) { return "", nil }))
		_, err := app.Build(t.Context())
		require.ErrorContains(t, err, want)
	}
}

func TestTheApplicationsOwnServicesMayNeedSingletonsInWhateverOrder(t *testing.T) {
	i := do.New()
	do.Provide(i, func(i do.Injector) (*other, error) { p, err := do.Invoke[*pool](i); return &other{p}, err })
	c := weft.NewContainer(i)
	weft.Auto[*text](c, func(*other) *text { return &text{} })
	weft.Singleton[*pool](c, func() *pool { return &pool{} })
	build(t, newApp(c))
}

func TestAGroupMayHaveTheValueOfAKey(t *testing.T) {
	k := weft.NewKey[*pool]("pool")
	c := weft.NewContainer(nil)
	weft.FromKey(c, k, weft.InGroup())
	weft.Singleton[*pool](c, func() *pool { return &pool{2} }, weft.InGroup())
	app := newApp(c)
	app.Handle("GET /x", handlerOf(func(all []*pool) string { return fmt.Sprint(all[0].n, all[1].n) }).
		Guard(weft.ValueGuard(k, "pool", func(*weft.Request) (*pool, error) { return &pool{1}, nil })))
	assert.Equal(t, `"1 2"`, get(build(t, app), "/x").Body.String())
}

func TestOverridesReachSingletonsOfAContainerThatWasBuilt(t *testing.T) {
	root := do.New()
	do.ProvideValue(root, &text{})
	child := root.Scope("child")
	do.ProvideValue(child, &repo{})
	c := weft.NewContainer(child)
	weft.Singleton[*pool](c, func(*text, *repo) *pool { return &pool{1} })
	weft.Singleton[*other](c, func(p *pool) *other { return &other{p} })
	for n := range 2 {
		weft.Singleton[fmt.Stringer](c, func() numbered { return numbered(n) }, weft.InGroup())
	}
	answer := func(c *weft.Container) string {
		app := newApp(c)
		app.Handle("GET /x", weft.Handle(func(_ context.Context, in struct {
			O *other         `inject:""`
			L []fmt.Stringer `inject:""`
		}) (string, error) {
			return fmt.Sprint(in.O.pool.n, in.L), nil
		}))
		return get(build(t, app), "/x").Body.String()
	}
	assert.Equal(t, `"1 [0 1]"`, answer(c.With()), "before")
	assert.Equal(t, `"1 [0 1]"`, answer(c))
	assert.Equal(t, `"1 [0 1]"`, answer(c.With()), "and after Build")
	assert.Equal(t, `"2 [0 1]"`, answer(c.With(weft.Override(&pool{2}))))
	assert.Equal(t, `"1 [7]"`, answer(c.With(weft.Override([]fmt.Stringer{numbered(7)}))))
	assert.Equal(t, `"3 [8]"`, answer(c.With(weft.Override(&pool{3})).With(weft.Override([]fmt.Stringer{numbered(8)}))))
	assert.Equal(t, `"1 []"`, answer(c.With(weft.Override[[]fmt.Stringer](nil))), "none is a group too")
	for want, override := range map[string]weft.OverrideOption{
		"an override of *scopes_test.pool is nil":            weft.Override[*pool](nil),
		"an override of fmt.Stringer replaces nothing":       weft.Override[fmt.Stringer](numbered(1)),
		"an override of *scopes_test.noted replaces nothing": weft.Override(&noted{}),
	} {
		_, err := newApp(c.With(override)).Plan()
		require.ErrorContains(t, err, want)
	}
}

type numbered int

func (n numbered) String() string { return fmt.Sprint(int(n)) }

// A fake that fails its test from its own methods ends the goroutine.
func TestAServiceThatEndsTheGoroutineLeavesTheOthersNotOpen(t *testing.T) {
	w := &world{live: map[int]int{}}
	for id := range 3 {
		s := &service{id: id, form: types[id][2], source: made, group: -1, life: asRequest}
		if id > 0 {
			s.needs = []need{{service: id - 1}}
		}
		w.services = append(w.services, s)
	}
	w.stages = []*stage{{"handler", need{service: 2}}}
	app, _ := w.app([]int{0, 1, 2})
	srv := build(t, app)
	for _, d := range []deviance{
		{stage: -1, ctor: -1, close: map[int]string{2: "exits"}},
		{stage: -1, ctor: -1, settle: map[int]string{2: "exits", 1: "exits"}},
		{stage: 0, how: "exits", ctor: -1, settle: map[int]string{2: "exits"}, close: map[int]string{2: "exits", 1: "panics"}},
	} {
		w.deviant = d
		w.send(srv)
		closed := slices.DeleteFunc(slices.Clone(w.events), func(e event) bool { return e.what != "closed" })
		require.Len(t, closed, 3)
	}
}

func TestWhenARequestIsOverNothingIsMadeForIt(t *testing.T) {
	d := &diary{}
	x := weft.Service[*repo]()
	app := newApp(withTx(d))
	var kept *weft.Request
	app.Use(weft.NewMiddleware("keeps", func(r *weft.Request, next weft.Next) weft.Response {
		kept = r
		return next(r)
	}))
	app.Handle("GET /x", weft.Handle(func(_ context.Context, r *repo) (string, error) { return "", nil }).Extract(x))
	srv := build(t, app)
	for _, path := range []string{"/x", "/nowhere"} { // with services, and without
		get(srv, path)
		_, err := x.Extract(kept)
		require.ErrorIs(t, err, weft.ErrScopeClosed, path)
	}
	assert.Equal(t, "+tx1 -tx1", d.take())
}

func TestServicesLogWithTheRoute(t *testing.T) {
	var log bytes.Buffer
	c := weft.NewContainer(nil)
	weft.PerRequest[*tx](c, (&diary{}).begin)
	weft.PerRequest[*text](c, func(l *slog.Logger) *text { l.Info("made"); return &text{} })
	app := weft.New(weft.WithContainer(c), weft.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	app.Use(stageOf(func(*tx) string { return "" })) // opens the scope before there is a route
	app.Handle("GET /x", handlerOf(func(*text) string { return "" }))
	get(build(t, app), "/x")
	assert.Contains(t, log.String(), `msg=made route="GET /x"`)
}

type (
	translator interface{ Translate(string) string }
	english    struct{ diary *diary }
	// ledger settles, and fails at it.
	ledger struct{ diary *diary }
)

func (e *english) Translate(s string) string { return s }
func (e *english) Close() error              { e.diary.write("-translator"); return nil }

func (l *ledger) Translate(s string) string { return s }
func (l *ledger) Close() error              { l.diary.write("-ledger"); return nil }
func (l *ledger) Settle(context.Context, weft.Outcome) error {
	l.diary.write("settle")
	return &matrixError{}
}

func TestAMapperOfASettlingsErrorMayHaveAServiceThatIsNone(t *testing.T) {
	for _, settles := range []bool{false, true} {
		d := &diary{}
		c := weft.NewContainer(nil)
		weft.PerRequest[*ledger](c, func() *ledger { return &ledger{d} })
		weft.PerRequest[translator](c, func() translator {
			if settles {
				return &ledger{d}
			}
			return &english{d}
		})
		app := newApp(c)
		app.Catch(weft.OnFrom(func(tr translator, _ *weft.Request, err *matrixError) weft.Response {
			return weft.Text(tr.Translate("again")).WithStatus(409)
		}))
		app.Handle("GET /x", handlerOf(func(*ledger) string { return "" }))
		got := get(build(t, app), "/x")
		if settles {
			assert.Equal(t, 500, got.Code, "it can no longer be settled")
			assert.Equal(t, "settle -ledger -ledger", d.take())
		} else {
			assert.Equal(t, 409, got.Code)
			assert.Equal(t, "settle -translator -ledger", d.take())
		}
	}
}
