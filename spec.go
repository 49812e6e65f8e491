package weft

import (
	"context"
	"slices"
	"time"

	"github.com/weft-go/weft/internal/callsite"
)

// spec is what a Handler is, but for its type parameters: what its methods
// declare. They are here, and only a conversion of each is in Handler, because a Handler is compiled for each
// pair of types. A spec is never changed: each method
// returns a changed copy. They are kept out of line, or they would be compiled into each Handler after all.
type spec struct {
	level level
	types
	at        callsite.Site
	name      string
	missing   bool // no function
	raw       bool // it answers with a Raw, always
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
	checks    []check
	typed     []around // arounds for the handler's own types
	core      []around // and those inside them, for the types that Adapt gave up
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
	c.level.use(here(), m)
	return &c
}

//go:noinline
func (s *spec) withInterceptors(m []Middleware) *spec {
	c := *s
	c.level.intercept(here(), m)
	return &c
}

//go:noinline
func (s *spec) withGuards(g []Guard) *spec {
	c := *s
	c.level.guard(here(), g)
	return &c
}

//go:noinline
func (s *spec) withCheck(name string, run func(ctx context.Context, in any) error, opts []StageOption) *spec {
	c := *s
	c.checks = append(slices.Clip(c.checks), check{rules{name: name}.with(opts), here(), run})
	return &c
}

//go:noinline
func (s *spec) withAround(name string, w wrap, opts []StageOption) *spec {
	c := *s
	c.typed = append(slices.Clip(c.typed), around{rules{name: name}.with(opts), here(), w, nil})
	return &c
}

//go:noinline
func (s *spec) withMappers(m []Mapper) *spec {
	c := *s
	c.level.catch(here(), m)
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
	c.level.attach(values)
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
	if c.extractor = x; x == nil {
		c.extractor = noExtraction
	}
	return &c
}

// level is what each of the three levels, app, group and route, declares. Its
// slices are never appended to in place, so that copies stay independent.
type level struct {
	middleware   []attached
	interceptors []attached
	guards       []attachedGuard
	arounds      []around
	mappers      []attachedMapper
	meta         []any            // the latest first
	formats      *declaredFormats // nil is that of the level outside
}

type attached struct {
	middleware Middleware
	at         callsite.Site
}

type attachedGuard struct {
	*guard
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
