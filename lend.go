package weft

import (
	"context"
	"fmt"
	"sync"

	"github.com/samber/do/v2"
)

// A request's services by way of samber/do: an injector that is lent to a request.

// Scope is an injector of samber/do for this request: do.Invoke[T] on it returns
// the same instances that the stages are made of, made now where they have not been, and the application's
// singletons. It may be used by several goroutines, but not when the request is over: it gives [ErrScopeClosed] then, and
// later belongs to another request. Outside a server with a [Container] it is an empty injector.
//
// It costs more than a stage that is made of what it needs. It is for code that has nothing but an injector.
func (r *Request) Scope() do.Injector { return r.state.injector() }

// ScopeOf is [Request.Scope] of the request, or of the work started by [Go], that ctx derives from.
func ScopeOf(ctx context.Context) do.Injector {
	if s := stateOf(ctx); s != nil {
		return s.injector()
	}
	return do.New()
}

func (s *state) injector() do.Injector {
	if s.server == nil || s.server.container == nil {
		return do.New()
	}
	scope := s.openScope()
	if scope.ended {
		return do.New()
	}
	if scope.lent == nil {
		scope.slots[slotLogger] = s.logger()
		scope.lent = s.server.lenders.take(s.server)
		scope.lent.to(s)
	}
	return scope.lent.injector
}

// making is in the place of a service that a goroutine is making, where several may ask.
type making struct{ done chan struct{} }

// makeShared is make for a request that has an injector: no lock is held while a
// constructor runs, which may itself ask the injector.
func (scope *requestScope) makeShared(s *state, st *step) error {
	for {
		scope.mu.Lock()
		held, ended := scope.slots[st.slot], scope.ended
		m, underWay := held.(*making)
		if held == nil && !ended {
			m = &making{make(chan struct{})}
			scope.slots[st.slot] = m
		}
		scope.mu.Unlock()
		switch {
		case ended:
			return ErrScopeClosed
		case held == nil:
			return scope.finish(s, st, m)
		case !underWay:
			return nil
		}
		select {
		case <-m.done: // or could not be made
		case <-s.base.Done():
			return s.base.Err()
		}
	}
}

// finish makes what others wait for.
func (scope *requestScope) finish(s *state, st *step, m *making) (err error) {
	var value any
	defer close(m.done)
	defer func() {
		scope.mu.Lock()
		late := scope.ended && value != nil
		switch scope.slots[st.slot] = nil; {
		case late: // asked for by a goroutine that the request left behind
			err = ErrScopeClosed
		case value != nil:
			scope.slots[st.slot] = value
			scope.made = append(scope.made, st)
		}
		scope.mu.Unlock()
		if late {
			s.end(st, value, true)
		}
	}()
	made, err := scope.construct(s, st)
	if err == nil {
		value = made
	}
	return err
}

// lender is a scope of the injector that is lent to one request after the
// other: do's scopes are costly to make, and their parent never forgets them.
type lender struct {
	injector *do.Scope
	mu       sync.Mutex
	state    *state // to whom it is lent; nil while it is not
}

func (l *lender) to(s *state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
}

// obtain is what a service of the injector is: that of the request that has it.
func (l *lender) obtain(st *step) (any, error) {
	l.mu.Lock()
	s := l.state
	l.mu.Unlock()
	if s == nil {
		return nil, ErrScopeClosed
	}
	return s.obtain(st)
}

// lenders are those that are not lent, at most as many as requests have had one at the same time.
type lenders struct {
	mu   sync.Mutex
	free []*lender
	made int
}

func (p *lenders) take(srv *Server) *lender {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		l := p.free[last]
		p.free = p.free[:last]
		return l
	}
	p.made++
	l := &lender{injector: srv.container.injector.Scope(fmt.Sprintf("weft %p request %d", srv, p.made))}
	for _, t := range srv.assembly.lendable {
		t.lend(l.injector, t.name, func() (any, error) { return l.obtain(t.step) })
	}
	return l
}

func (p *lenders) giveBack(l *lender) {
	l.to(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, l)
}

// lendable is a service of requests that an injector can be asked for.
type lendable struct {
	name string
	step *step
	lend func(i do.Injector, name string, get func() (any, error))
}

// lending provides a T by way of what get returns.
func lending[T any](i do.Injector, name string, get func() (any, error)) {
	do.ProvideNamedTransient(i, name, func(do.Injector) (t T, err error) {
		made, err := get()
		if err != nil {
			return t, err
		}
		return made.(T), nil
	})
}
