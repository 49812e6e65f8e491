package weft

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/rehearsal"
)

// production is what package wefttest asks of a Build, by its context.
type production interface {
	// Site is the line of the test that builds.
	Site() callsite.Site
	// Logger takes the place of the app's.
	Logger(of *slog.Logger) *slog.Logger
	// Override is asked about each stage that is declared, and says what stands in its place: a
	// Middleware, a Guard, an AroundAny, or of a check a func(context.Context, any) error, as
	// befits the kind; nil leaves the stage out.
	Override(kind Kind, name string) (by any, overridden bool)
	// Responding is told the error of a Response, or nil, before it is sent. ctx is the transport's.
	Responding(ctx context.Context, err error)
}

func productionIn(ctx context.Context) production {
	p, _ := rehearsal.From(ctx).(production)
	return p
}

// rehearsed is a copy of the App with other stages in some places.
func (a *App) rehearsed(p production) *App {
	c := *a
	c.logger = p.Logger(a.logger)
	c.groups, c.routes = nil, slices.Clone(a.routes)
	copies := map[*Group]*Group{}
	for _, g := range a.groups { // outer groups come first
		inner := *g
		inner.app, inner.outer, inner.level = &c, copies[g.outer], g.level.rehearsed(p)
		copies[g] = &inner
		c.groups = append(c.groups, &inner)
	}
	c.root = copies[a.root]
	for i := range c.routes {
		d := &c.routes[i]
		d.group = copies[d.group]
		if d.endpoint == nil {
			continue
		}
		e := *d.endpoint
		e.level, e.typed, e.checks = e.level.rehearsed(p), rehearsedArounds(p, e.typed), rehearsedChecks(p, e.checks)
		d.endpoint = &e
	}
	return &c
}

func (l level) rehearsed(p production) level {
	l.middleware = rehearsedMiddleware(p, KindMiddleware, l.middleware)
	l.interceptors = rehearsedMiddleware(p, KindInterceptor, l.interceptors)
	l.arounds = rehearsedArounds(p, l.arounds)
	var guards []attachedGuard
	for _, a := range l.guards {
		if g := a.rehearsed(p); g != nil {
			guards = append(guards, attachedGuard{g, a.at})
		}
	}
	l.guards = guards
	return l
}

// inPlaceOf is r, of a stage that stands where the one with the rules of old stood.
func (r rules) inPlaceOf(old rules) rules {
	r.name, r.once, r.outside, r.inside = old.name, old.once, old.outside, old.inside
	r.traced, r.untraced = old.traced, old.untraced
	return r
}

func rehearsedMiddleware(p production, kind Kind, list []attached) []attached {
	var kept []attached
	for _, a := range list {
		old, _, _ := declaration(a.middleware)
		by, overridden := p.Override(kind, old.name)
		if m, ok := by.(Middleware); ok && overridden {
			d, _, _ := declaration(m)
			d.rules = d.inPlaceOf(old.rules)
			a.middleware, overridden = d, false
		}
		if !overridden {
			kept = append(kept, a)
		}
	}
	return kept
}

// rehearsed is nil of a guard that is left out. The parts of a combination are asked about too.
func (g *guard) rehearsed(p production) *guard {
	by, overridden := p.Override(KindGuard, g.name)
	if other, ok := by.(Guard); ok && overridden {
		c := *asGuard(other)
		c.rules = c.inPlaceOf(g.rules)
		return &c
	}
	if overridden {
		return nil
	}
	parts, changed := []Guard{}, false
	for _, part := range g.of {
		c := part.rehearsed(p)
		changed = changed || c != part
		if c != nil {
			parts = append(parts, c)
		}
	}
	if !changed {
		return g
	}
	if len(parts) < len(g.of) && (g.operator == notOf || g.operator == unlessOf) {
		parts = nil // Build says that there is nothing left of it
	}
	c := combine(g.operator, parts).(*guard)
	c.rules = c.inPlaceOf(g.rules)
	return c
}

func rehearsedArounds(p production, list []around) []around {
	var kept []around
	for _, a := range list {
		by, overridden := p.Override(KindAround, a.name)
		if fn, ok := by.(AroundAny); ok && overridden {
			a.wrap, a.any, overridden = nil, fn, false
			a.keyUse = keyUse{}
		}
		if !overridden {
			kept = append(kept, a)
		}
	}
	return kept
}

func rehearsedChecks(p production, list []check) []check {
	var kept []check
	for _, c := range list {
		by, overridden := p.Override(KindCheck, c.name)
		if fn, ok := by.(func(context.Context, any) error); ok && overridden {
			c.run, overridden = fn, false
			c.keyUse = keyUse{}
		}
		if !overridden {
			kept = append(kept, c)
		}
	}
	return kept
}

// finishing is what package wefttest asks of a Request outside any server: how to end it.
type finishing interface{ FinishWith(func(Sent)) }

// rehearse tells the test that made the request how it is ended.
func (s *state) rehearse(ctx context.Context) {
	test, ok := rehearsal.From(ctx).(finishing)
	if !ok {
		return
	}
	test.FinishWith(func(sent Sent) {
		defer s.releaseForm()
		finals := s.finals
		s.finals = nil // each runs once
		for f := finals; f != nil; f = f.before {
			told := sent
			if told.Duration == 0 {
				told.Duration = time.Since(f.entered)
			}
			f.run(told)
			f.request = nil // which is let go
		}
	})
}
