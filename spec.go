package weft

import (
	"slices"
	"time"

	"github.com/weft-go/weft/internal/callsite"
)

// spec is what the methods of a Handler declare. They are here, and only a
// pointer's worth of each is in Handler, because a Handler is compiled for each
// pair of types. A spec is never changed: each method
// returns a changed copy. They are kept out of line, or they would be compiled into each Handler after all.
type spec struct {
	level
	at        callsite.Site
	name      string
	missing   bool // no function
	status    int
	statusAt  callsite.Site
	timeout   time.Duration
	timeoutAt callsite.Site
	limit     int64
	limitAt   callsite.Site
	json      *JSONOptions // nil is the app's
	strict    bool         // unknown query parameters are refused
	extractor *extraction  // what Extract was given, or nil for what Req says by itself
	declares  []declaredError
	checks    []attachedCheck
	typed     []attachedAround // arounds for the handler's own types
	core      []attachedAround // and those inside them, for the types that Adapt gave up
	base      *typedCall       // the function inside those, where there are any
}

//go:noinline
func (s *spec) withName(name string) *spec {
	c := *s
	c.name = name
	return &c
}

//go:noinline
func (s *spec) withMiddleware(m []Middleware) *spec {
	c := *s
	c.use(here(), m)
	return &c
}

//go:noinline
func (s *spec) withInterceptors(m []Middleware) *spec {
	c := *s
	c.intercept(here(), m)
	return &c
}

//go:noinline
func (s *spec) withGuards(g []Guard) *spec {
	c := *s
	c.guard(here(), g)
	return &c
}

//go:noinline
func (s *spec) withChecks(list []*check) *spec {
	c := *s
	c.checks = slices.Clip(c.checks)
	for _, one := range list {
		c.checks = append(c.checks, attachedCheck{one, here()})
	}
	return &c
}

//go:noinline
func (s *spec) withArounds(list []*aroundStage) *spec {
	c := *s
	c.typed = slices.Clip(c.typed)
	for _, a := range list {
		c.typed = append(c.typed, attachedAround{a, here()})
	}
	return &c
}

//go:noinline
func (s *spec) withMappers(m []Mapper) *spec {
	c := *s
	c.catch(here(), m)
	return &c
}

//go:noinline
func (s *spec) withErrors(examples []error) *spec {
	c := *s
	at := here()
	c.declares = slices.Clip(c.declares)
	for _, example := range examples {
		c.declares = append(c.declares, declaredError{example, at})
	}
	return &c
}

//go:noinline
func (s *spec) withMeta(values []any) *spec {
	c := *s
	c.attach(values)
	return &c
}

//go:noinline
func (s *spec) withStatus(status int) *spec {
	c := *s
	c.status, c.statusAt = status, here()
	return &c
}

//go:noinline
func (s *spec) withTimeout(d time.Duration) *spec {
	c := *s
	c.timeout, c.timeoutAt = d, here()
	return &c
}

//go:noinline
func (s *spec) withLimit(bytes int64) *spec {
	c := *s
	c.limit, c.limitAt = bytes, here()
	return &c
}

//go:noinline
func (s *spec) withJSON(o JSONOptions) *spec {
	c := *s
	c.json = &o
	return &c
}

//go:noinline
func (s *spec) withStrictQuery() *spec {
	c := *s
	c.strict = true
	return &c
}

//go:noinline
func (s *spec) withExtraction(x *extraction) *spec {
	c := *s
	c.extractor = x
	return &c
}

// extraction is an Extractor of a Req.
type extraction struct {
	*sources
	fill func(r *Request, in any) error
}

// level is what each of the three levels, app, group and route, declares. Its
// slices are never appended to in place, so that copies stay independent.
type level struct {
	middleware   []attached
	interceptors []attached
	guards       []attachedGuard
	arounds      []attachedAround
	mappers      []attachedMapper
	meta         []any // the latest first
}

type attached struct {
	middleware Middleware
	at         callsite.Site
}

type attachedGuard struct {
	*guard
	at callsite.Site
}

type attachedAround struct {
	*aroundStage
	at callsite.Site
}

func (l *level) use(at callsite.Site, m []Middleware) {
	l.middleware = attach(l.middleware, at, m)
}

func (l *level) intercept(at callsite.Site, m []Middleware) {
	l.interceptors = attach(l.interceptors, at, m)
}

func (l *level) guard(at callsite.Site, guards []Guard) {
	l.guards = slices.Clip(l.guards)
	for _, g := range guards { // nil too: a guard that is left out would let everybody in
		l.guards = append(l.guards, attachedGuard{asGuard(g), at})
	}
}

func (l *level) around(at callsite.Site, list []*aroundStage) {
	l.arounds = slices.Clip(l.arounds)
	for _, a := range list {
		l.arounds = append(l.arounds, attachedAround{a, at})
	}
}

func (l *level) catch(at callsite.Site, mappers []Mapper) {
	l.mappers = slices.Clip(l.mappers)
	for _, m := range mappers {
		l.mappers = append(l.mappers, attachedMapper{m, at})
	}
}

func (l *level) attach(values []any) {
	latest := slices.Clone(values)
	slices.Reverse(latest)
	l.meta = append(latest, l.meta...)
}

func attach(list []attached, at callsite.Site, more []Middleware) []attached {
	list = slices.Clip(list)
	for _, m := range more {
		if m != nil { // a nil is how wiring leaves a stage out
			list = append(list, attached{m, at})
		}
	}
	return list
}

// here is the line of the user's program that is being executed.
func here() callsite.Site { return callsite.Caller() }
