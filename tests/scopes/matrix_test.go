// Package scopes_test tries how long services live, in every kind of stage, in
// graphs declared at random, and where other systems are known to fail.
package scopes_test

import (
	"context"
	"fmt"
	"log/slog"
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

// The matrix: each kind of stage, made of a chain of one, two or four services, each
// of which is asked for in one of the ways and declared with one of the lifetimes.

// link is one service of a chain, and below what it needs. L is its place.
type link[L any] struct {
	chain  *chain
	serial int64
	below  any
}

type (
	first  struct{}
	second struct{}
	third  struct{}
	fourth struct{}
)

// face is the interface by which a link can be asked for.
type face[L any] interface {
	at(L)
	Close() error
}

func (*link[L]) at(L) {}

func (l *link[L]) Close() error {
	l.chain.closed.Add(1)
	return nil
}

func (l *link[L]) number() int64 { return l.serial }

// chain counts what is made of one cell of the matrix.
type chain struct {
	made, closed, serial atomic.Int64
}

func newLink[L any](c *chain, below any) *link[L] {
	c.made.Add(1)
	return &link[L]{c, c.serial.Add(1), below}
}

type declaredAs string

const (
	singleton     declaredAs = "a singleton"
	overSingleton declaredAs = "auto over singletons"
	overRequest   declaredAs = "auto over a service of the request"
	perRequest    declaredAs = "per request"
)

func (d declaredAs) livesPerRequest() bool { return d == overRequest || d == perRequest }

type askedBy string

const (
	byFunction  askedBy = "a function"
	byFn        askedBy = "Fn1"
	byInterface askedBy = "an interface"
	byName      askedBy = "a name"
	byGroup     askedBy = "a group"
	byDo        askedBy = "a service of the application's own"
	byKey       askedBy = "a key"
)

// cell is one cell of the matrix.
type cell struct {
	kind  string
	depth int
	way   askedBy
	as    declaredAs
}

func (c cell) String() string {
	return fmt.Sprintf("%s of %d by %s, %s", c.kind, c.depth, c.way, c.as)
}

// possible reports whether there is such a chain.
func (c cell) possible() bool {
	switch c.way {
	case byName: // only fields ask by one
		return c.kind == "inject field"
	case byDo:
		return !c.as.livesPerRequest() && (c.depth > 1 || c.as == singleton)
	case byKey:
		return c.as.livesPerRequest() && (c.depth > 1 || c.as == perRequest)
	}
	return true
}

var bottomKey = weft.NewKey[*link[fourth]]("bottom")

// below is what the chain rests on, of the application's own or of a key.
func (c cell) rests() bool { return c.way == byDo || c.way == byKey }

// declare adds a link of a place, the top one where it is the first, on a link of the place below.
func declare[L, B any](c cell, place int, made *chain, to *weft.Container) {
	add := weft.Auto[*link[L]]
	top, bottom := place == 1, place == c.depth
	if c.rests() {
		bottom = false // something is below
	}
	switch {
	case top && c.as == singleton:
		add = weft.Singleton[*link[L]]
	case top && c.as == perRequest, bottom && c.as == overRequest && c.depth > 1:
		add = weft.PerRequest[*link[L]]
	}
	var opts []weft.ServiceOption
	if c.way == byGroup {
		opts = append(opts, weft.InGroup())
	}
	if c.way == byName && top {
		opts = append(opts, weft.NamedService("main"))
	}
	switch {
	case bottom && c.as == overRequest && c.depth == 1:
		add(to, func(r *weft.Request) *link[L] { return newLink[L](made, r) }, opts...)
	case bottom && c.way == byFn:
		add(to, weft.Fn0(func() *link[L] { return newLink[L](made, nil) }), opts...)
	case bottom:
		add(to, func() *link[L] { return newLink[L](made, nil) }, opts...)
	case c.rests() && place == c.depth-1: // the one below is of the application's own, or of a key
		add(to, func(below *link[fourth]) *link[L] { return newLink[L](made, below) }, opts...)
	case c.way == byFn:
		add(to, weft.Fn1(func(below *link[B]) *link[L] { return newLink[L](made, below) }), opts...)
	case c.way == byInterface:
		add(to, func(below face[B]) *link[L] { return newLink[L](made, below) }, opts...)
	case c.way == byGroup:
		add(to, func(below []*link[B]) *link[L] { return newLink[L](made, below[0]) }, opts...)
	default:
		add(to, func(below *link[B]) *link[L] { return newLink[L](made, below) }, opts...)
	}
	if c.way == byInterface {
		weft.Implements[face[L], *link[L]](to)
	}
}

// container declares the chain.
func (c cell) container(made *chain) *weft.Container {
	i := do.New()
	to := weft.NewContainer(i)
	switch c.way {
	case byDo:
		do.Provide(i, func(do.Injector) (*link[fourth], error) { return newLink[fourth](made, nil), nil })
	case byKey:
		weft.FromKey(to, bottomKey)
	}
	places := []func(cell, int, *chain, *weft.Container){declare[first, second], declare[second, third], declare[third, fourth], declare[fourth, struct{}]}
	own := c.depth
	if c.rests() {
		own--
	}
	for place := own; place > 0; place-- {
		places[place-1](c, place, made, to)
	}
	return to
}

// sort is what happens in a request.
type sort string

const (
	passes  sort = "passes"
	stops   sort = "stops"   // before any stage of a service
	denies  sort = "denies"  // a branch of Any that is made of the service
	skips   sort = "skips"   // the guard that is made of it
	answers sort = "answers" // by the interceptor, and the handler does not run
	fails   sort = "fails"   // the handler
)

var sorts = []sort{passes, stops, denies, skips, answers, fails}

// seen is which instances the stages of one request were made of.
type seen struct {
	sort    sort
	numbers []int64
	denied  int64 // of a branch that was denied
	tested  int   // how often the stage in question ran
}

type seenKey struct{}

func seenIn(ctx context.Context) *seen { return ctx.Value(seenKey{}).(*seen) }

func numberOf(service any) int64 {
	v, isList := service.([]*link[first])
	if isList {
		service = v[0]
	}
	return service.(interface{ number() int64 }).number()
}

func (s *seen) note(service any) { s.numbers = append(s.numbers, numberOf(service)) }

func (s *seen) test(service any) {
	s.note(service)
	s.tested++
}

// matrixError is what the handler fails with.
type matrixError struct{}

func (*matrixError) Error() string { return "the handler fails" }

const tested = "tested"

// The places of a service in a Req.
type (
	injected[S any] struct {
		Service S `inject:""`
	}
	injectedByName[S any] struct {
		Service S `inject:"main"`
		Again   S `inject:"main"`
	}
)

func answer(ctx context.Context) (string, error) {
	if seenIn(ctx).sort == fails {
		return "", &matrixError{}
	}
	return "done", nil
}

var foundKey = weft.NewKey[int64]("found")

// kinds are the kinds of stages; each adds one that is made of an S.
func kinds[S any]() map[string]func(app *weft.App, group *weft.Group) {
	dispatch := weft.MiddlewareFrom(func(s S, r *weft.Request, next weft.Next) weft.Response {
		seenIn(r.Context()).test(s)
		return next(r)
	}, weft.Named(tested))
	allow := func(s S, r *weft.Request) error {
		seenIn(r.Context()).test(s)
		return nil
	}
	no := weft.NewGuard("no", func(*weft.Request) error { return weft.Deny("") })
	plain := weft.Handle(func(ctx context.Context, _ struct{}) (string, error) { return answer(ctx) })
	on := func(h *weft.Handler[struct{}, string], guards ...weft.Guard) func(*weft.App, *weft.Group) {
		return func(_ *weft.App, group *weft.Group) { serveAt[S](group, h, guards...) }
	}
	return map[string]func(*weft.App, *weft.Group){
		"app middleware": func(app *weft.App, group *weft.Group) {
			app.Use(dispatch)
			serveAt[S](group, plain)
		},
		"group middleware": func(_ *weft.App, group *weft.Group) {
			group.Use(dispatch)
			serveAt[S](group, plain)
		},
		"route middleware": on(plain.Use(dispatch)),
		"interceptor":      on(plain.Intercept(dispatch)),
		"guard":            on(plain, weft.GuardFrom(allow, weft.Named(tested))),
		"guard in Any":     on(plain, weft.Any(no, weft.GuardFrom(allow, weft.Named(tested)))),
		"value guard": on(plain, weft.ValueGuardFrom(foundKey, func(s S, r *weft.Request) (int64, error) {
			return numberOf(s), allow(s, r)
		}, weft.Named(tested))),
		"check": on(weft.CheckFrom(plain, func(s S, ctx context.Context, _ struct{}) error {
			seenIn(ctx).test(s)
			return nil
		}, weft.Named(tested))),
		"around": on(weft.AroundFrom(plain, func(s S, ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
			seenIn(ctx).test(s)
			return next(ctx, in)
		}, weft.Named(tested))),
		"handler": on(weft.HandleFrom(func(s S, ctx context.Context, _ struct{}) (string, error) {
			seenIn(ctx).test(s)
			return answer(ctx)
		}).Named(tested)),
		"mapper": on(plain.Catch(weft.OnFrom(func(s S, r *weft.Request, _ *matrixError) weft.Response {
			seenIn(r.Context()).test(s)
			return weft.Text("mapped")
		}))),
		"extractor": func(_ *weft.App, group *weft.Group) {
			serveAt[S](group, weft.Handle(func(ctx context.Context, _ int64) (string, error) { return answer(ctx) }).
				Extract(weft.ExtractorFrom("number", func(s S, r *weft.Request) (int64, error) { return numberOf(s), allow(s, r) })))
		},
		"inject field": func(_ *weft.App, group *weft.Group) {
			serveAt[S](group, weft.Handle(func(ctx context.Context, in injected[S]) (string, error) {
				seenIn(ctx).note(in.Service)
				return answer(ctx)
			}))
		},
	}
}

// serveAt adds the route: behind a guard of which a branch is made of the service and may be
// denied or skipped, and around the handler an interceptor that looks at the service too.
func serveAt[S, Req any](group *weft.Group, h *weft.Handler[Req, string], guards ...weft.Guard) {
	skipped := weft.NewGuard("skipped", func(r *weft.Request) error {
		if seenIn(r.Context()).sort == skips {
			return nil
		}
		return weft.Deny("")
	})
	branch := weft.GuardFrom(func(s S, r *weft.Request) error {
		if v := seenIn(r.Context()); v.sort == denies {
			v.denied = numberOf(s)
		} else {
			v.note(s)
		}
		return nil
	})
	denied := weft.NewGuard("denied", func(r *weft.Request) error {
		if seenIn(r.Context()).sort == denies {
			return weft.Deny("")
		}
		return nil
	})
	open := weft.NewGuard("open", func(*weft.Request) error { return nil })
	looks := weft.MiddlewareFrom(func(s S, r *weft.Request, next weft.Next) weft.Response {
		v := seenIn(r.Context())
		v.note(s)
		if v.sort == answers {
			return weft.Text("answered")
		}
		return next(r)
	})
	group.Handle("GET /x", h.Guard(weft.Unless(skipped, weft.Any(weft.All(branch, denied), open))).Guard(guards...).Intercept(looks))
}

// beforeGuards are the kinds whose service is there when the guards are asked.
var beforeGuards = []string{"app middleware", "group middleware", "route middleware"}

func (c cell) runs(s sort) int {
	switch {
	case s == stops, c.kind == "mapper" && s != fails, s == answers && (c.kind == "handler" || c.kind == "around"), c.kind == "inject field":
		return 0
	}
	return 1
}

// makes is how often the services of the request are made in one.
func (c cell) makes(s sort) int64 {
	switch {
	case s == stops:
		return 0
	case s == denies && c.way != byName && !slices.Contains(beforeGuards, c.kind):
		return 2
	}
	return 1
}

func (c cell) build(t *testing.T, made *chain) *weft.Server {
	app := weft.New(weft.WithContainer(c.container(made)), weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(weft.NewMiddleware("first", func(r *weft.Request, next weft.Next) weft.Response {
		if seenIn(r.Context()).sort == stops {
			return weft.Text("stopped")
		}
		bottomKey.Set(r, &link[fourth]{chain: made, serial: made.serial.Add(1)})
		return next(r)
	}, weft.Provides(bottomKey)))
	group := app.Group("/g")
	switch {
	case c.way == byName:
		group.Handle("GET /x", weft.Handle(func(ctx context.Context, in injectedByName[*link[first]]) (string, error) {
			seenIn(ctx).note(in.Service)
			seenIn(ctx).note(in.Again)
			return answer(ctx)
		}))
	case c.way == byInterface:
		kinds[face[first]]()[c.kind](app, group)
	case c.way == byGroup:
		kinds[[]*link[first]]()[c.kind](app, group)
	case c.rests() && c.depth == 1:
		kinds[*link[fourth]]()[c.kind](app, group)
	default:
		kinds[*link[first]]()[c.kind](app, group)
	}
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	return srv
}

// madePerRequest and madeOnce are how many links of the chain live how long.
func (c cell) madePerRequest() int64 {
	own := c.depth
	if c.rests() {
		own--
	}
	switch {
	case c.as == overRequest, c.way == byKey:
		return int64(own)
	case c.as == perRequest:
		return 1
	}
	return 0
}

func (c cell) madeOnce() int64 {
	all := c.depth
	if c.way == byKey {
		all--
	}
	return int64(all) - c.madePerRequest()
}

// reason is how many steps the plan's reason has.
func (c cell) reason() int {
	steps := 0
	switch {
	case c.as == perRequest:
		steps = 1
	case c.as == overRequest:
		steps = c.depth
	}
	if c.way == byGroup {
		steps *= 2
	}
	if c.as == overRequest && c.depth == 1 {
		steps++ // to the Request
	}
	return steps
}

func (c cell) checkPlan(t *testing.T, plan *weft.Plan) {
	if c.kind == "mapper" {
		return // no stage
	}
	i := slices.IndexFunc(plan.Routes[0].Stages, func(s weft.StageInfo) bool {
		return strings.Contains(s.Name, tested) || s.Kind == weft.KindExtract
	})
	require.GreaterOrEqual(t, i, 0)
	st, lifetime := plan.Routes[0].Stages[i], "singleton"
	if c.as.livesPerRequest() {
		lifetime = "per request"
	}
	assert.Equal(t, lifetime, st.Lifetime)
	assert.Equal(t, c.reason(), strings.Count(st.Reason, " needs "), st.Reason)
	if c.kind == "app middleware" {
		assert.Equal(t, st.Lifetime, plan.App[1].Lifetime)
		assert.Equal(t, st.Reason, plan.App[1].Reason)
	}
}

// tally is what came of the requests of one cell.
type tally struct {
	mu      sync.Mutex
	numbers map[int64]bool
	events  int64
	wrong   []string
}

func (c cell) send(srv *weft.Server, s sort, total *tally) {
	v := &seen{sort: s}
	hr := httptest.NewRequest(http.MethodGet, "/g/x", nil)
	srv.ServeHTTP(httptest.NewRecorder(), hr.WithContext(context.WithValue(hr.Context(), seenKey{}, v)))

	total.mu.Lock()
	defer total.mu.Unlock()
	total.events += c.makes(s)
	complain := func(format string, args ...any) { total.wrong = append(total.wrong, fmt.Sprintf(format, args...)) }
	if v.tested != c.runs(s) && c.way != byName {
		complain("%s: the stage ran %d times", s, v.tested)
	}
	if s == stops {
		if len(v.numbers) > 0 {
			complain("stages ran behind a short circuit")
		}
		return
	}
	one := slices.Compact(slices.Clone(v.numbers))
	if len(one) != 1 {
		complain("%s: the stages saw %v", s, v.numbers)
		return
	}
	if v.denied != 0 && (v.denied == one[0]) == (c.makes(s) == 2 && c.madePerRequest() > 0) {
		complain("the denied branch saw %d, the others %d", v.denied, one[0])
	}
	if total.numbers[one[0]] && c.as.livesPerRequest() {
		complain("another request's instance")
	}
	total.numbers[one[0]] = true
}

func TestEveryStageOfEveryChain(t *testing.T) {
	cells, requests := 0, 0
	for kind := range kinds[*link[first]]() {
		for _, depth := range []int{1, 2, 4} {
			for _, way := range []askedBy{byFunction, byFn, byInterface, byName, byGroup, byDo, byKey} {
				for _, as := range []declaredAs{singleton, overSingleton, overRequest, perRequest} {
					c := cell{kind, depth, way, as}
					if !c.possible() {
						continue
					}
					cells++
					t.Run(c.String(), func(t *testing.T) { requests += c.try(t) })
				}
			}
		}
	}
	t.Logf("%d cells, %d requests", cells, requests)
}

// try sends requests of all sorts from 64 goroutines at once.
func (c cell) try(t *testing.T) (requests int) {
	made := &chain{}
	srv := c.build(t, made)
	c.checkPlan(t, srv.Plan())
	assert.Equal(t, c.madeOnce(), made.made.Load(), "made by Build")
	total := &tally{numbers: map[int64]bool{}}
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := client; i < requestsOfACell; i += clients {
				c.send(srv, sorts[i%len(sorts)], total)
			}
		})
	}
	all.Wait()
	assert.Empty(t, total.wrong)
	assert.Equal(t, c.madeOnce()+total.events*c.madePerRequest(), made.made.Load(), "made")
	assert.Equal(t, total.events*c.madePerRequest(), made.closed.Load(), "closed")
	if !c.as.livesPerRequest() {
		assert.Len(t, total.numbers, 1, "one for all requests")
	}
	return requestsOfACell
}

const clients = 64

// How long a test waits for what must happen, and how often it looks.
const (
	waitFor = 10 * time.Second
	tick    = time.Millisecond
)
