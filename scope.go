package weft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/samber/do/v2"
)

// The services of one request: made step by step, by the stages that need them,
// and closed when the request is over.

// step makes one service of a request.
type step struct {
	name    string // of the service, with the line of its declaration
	slot    int
	in      []int   // places of what the constructor takes
	before  []*step // what must have been made, in order
	run     func(s *state, from arguments, in []int) (any, error)
	closes  bool // whether the value may have to be closed
	settles bool // or settled
	unsure  bool // whether it settles: the constructor's result is an interface
}

// The first slots of a request hold what every constructor may take.
const (
	slotContext = iota
	slotLogger
	firstSlot
)

// requestScope is the services of one request. It is opened by the first stage
// that needs one, is used on the request's goroutine, and is never reused.
type requestScope struct {
	slots   []any
	made    []*step // in order of construction
	settled bool
	untold  int // how many of made have not been told, once it is settled
	ended   bool
	lent    *lender    // the injector, which several goroutines may ask
	mu      sync.Mutex // used where there is one
}

// newScope is an empty scope. However many services the app has, up to 62, it is one
// allocation with room for all: their slots, and the order in which they are made.
func newScope(slots int) *requestScope {
	switch {
	case slots <= 8:
		s := &struct {
			requestScope
			slots [8]any
			made  [8 - firstSlot]*step
		}{}
		return s.with(s.slots[:], s.made[:0])
	case slots <= 16:
		s := &struct {
			requestScope
			slots [16]any
			made  [16 - firstSlot]*step
		}{}
		return s.with(s.slots[:], s.made[:0])
	case slots <= 32:
		s := &struct {
			requestScope
			slots [32]any
			made  [32 - firstSlot]*step
		}{}
		return s.with(s.slots[:], s.made[:0])
	case slots <= 64:
		s := &struct {
			requestScope
			slots [64]any
			made  [64 - firstSlot]*step
		}{}
		return s.with(s.slots[:], s.made[:0])
	}
	s := &struct {
		requestScope
		made [16]*step // few routes need more
	}{}
	return s.with(make([]any, slots), s.made[:0])
}

func (scope *requestScope) with(slots []any, made []*step) *requestScope {
	scope.slots, scope.made = slots, made
	return scope
}

// lock keeps off the goroutines that ask the injector. Where there is none, there are no others.
func (scope *requestScope) lock() {
	if scope.lent != nil {
		scope.mu.Lock()
	}
}

func (scope *requestScope) unlock() {
	if scope.lent != nil {
		scope.mu.Unlock()
	}
}

func (s *state) openScope() *requestScope {
	if s.scope == nil {
		s.scope = newScope(s.server.assembly.slots)
		s.scope.slots[slotContext] = &s.base
	}
	return s.scope
}

// ErrScopeClosed is returned where a service of a request is asked for when the request is over.
var ErrScopeClosed = errors.New("the request is over, and its services are closed")

// obtain is the service that st makes, made now unless it has been.
func (s *state) obtain(st *step) (any, error) {
	scope := s.openScope()
	if scope.lent == nil {
		if scope.ended {
			return nil, ErrScopeClosed
		}
		scope.slots[slotLogger] = s.logger() // which knows the route, once there is one
	}
	for _, b := range st.before {
		if err := scope.make(s, b); err != nil {
			return nil, err
		}
	}
	if err := scope.make(s, st); err != nil {
		return nil, err
	}
	if scope.lent == nil {
		return scope.slots[st.slot], nil
	}
	scope.mu.Lock()
	defer scope.mu.Unlock()
	if scope.ended {
		return nil, ErrScopeClosed
	}
	return scope.slots[st.slot], nil
}

// make makes a service, unless it has been.
func (scope *requestScope) make(s *state, st *step) error {
	switch {
	case scope.lent != nil:
		return scope.makeShared(s, st)
	case scope.ended:
		return ErrScopeClosed
	case scope.slots[st.slot] != nil:
		return nil
	}
	value, err := scope.construct(s, st)
	if err == nil {
		scope.slots[st.slot] = value
		scope.made = append(scope.made, st)
	}
	return err
}

// construct calls the constructor.
func (scope *requestScope) construct(s *state, st *step) (any, error) {
	settled := st.settles && scope.isSettled()
	if settled && !st.unsure {
		return nil, &during{"making " + st.name, ErrSettled}
	}
	value, err := st.run(s, arguments{scope.slots, s.server.assembly.fixed}, st.in)
	switch {
	case err != nil:
		return nil, &during{"making " + st.name, err}
	case isNull(value):
		return nil, fmt.Errorf("making %s: the constructor returned nil and no error", st.name)
	}
	if settled {
		if _, settles := value.(Settler); settles {
			return nil, &during{"making " + st.name, errors.Join(ErrSettled, closeService(&s.base, value))}
		}
	}
	return value, nil
}

// isSettled is asked by whichever goroutine makes a service.
func (scope *requestScope) isSettled() bool {
	scope.lock()
	defer scope.unlock()
	return scope.settled
}

// closeDeadline is how long one service may take to close.
const closeDeadline = 5 * time.Second

// closeScope ends the services of a request, the last made first, each whatever the others do.
func (s *state) closeScope() {
	scope := s.scope
	if scope == nil {
		s.scope = noScope
		return
	}
	scope.lock()
	scope.ended = true
	scope.unlock()
	if scope.lent != nil {
		defer s.server.lenders.giveBack(scope.lent)
	}
	defer s.unmake(0)
	if err := s.settle(Outcome{Err: errUnsettled}); err != nil {
		logFailure(s.logger(), s.first(), "rolling back failed", Settle, err)
	}
}

// noScope is that of a request which is over and needed no services. It is never changed.
var noScope = &requestScope{ended: true}

// errUnsettled is the outcome of a request that did not get to the stage that settles.
var errUnsettled = errors.New("the request did not get to where it is settled")

// unmake rolls back, closes and forgets what was made after the first n.
func (s *state) unmake(n int) {
	scope := s.scope
	if scope == nil || len(scope.made) <= n {
		return
	}
	defer s.unmake(n) // the rest, where one of them ends the goroutine
	for len(scope.made) > n {
		last := len(scope.made) - 1
		st := scope.made[last]
		value := scope.slots[st.slot]
		scope.lock()
		if scope.made = scope.made[:last]; !scope.ended {
			scope.slots[st.slot] = nil // to be made anew, where it is asked for again
		}
		scope.unlock()
		s.end(st, value, !scope.settled || last < scope.untold)
	}
}

// end rolls a service back, unless it has been told how the request ended, and closes it.
func (s *state) end(st *step, value any, untold bool) {
	if !st.settles || !untold {
		s.close(st, value)
		return
	}
	defer s.close(st, value) // whatever rolling back comes to
	if settler, settles := value.(Settler); settles {
		if err := tell(&s.base, settler, Outcome{Err: errUnsettled}); err != nil {
			logFailure(s.logger(), s.first(), "rolling back failed", st.name, err)
		}
	}
}

func (s *state) close(st *step, value any) {
	if !st.closes {
		return
	}
	if err := closeService(&s.base, value); err != nil {
		logFailure(s.logger(), s.first(), "closing a service of the request failed", st.name, err)
	}
}

// mayClose reports whether a value of the type may have to be closed.
func mayClose(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || slices.ContainsFunc(closers, t.Implements)
}

var closers = []reflect.Type{
	reflect.TypeFor[io.Closer](), reflect.TypeFor[do.Shutdowner](), reflect.TypeFor[do.ShutdownerWithError](),
	reflect.TypeFor[do.ShutdownerWithContext](), reflect.TypeFor[do.ShutdownerWithContextAndError](),
}

// closeService calls the value's Close or Shutdown method, where it has one. The
// context has the request's values and not its end. Whatever it panics with is an error.
func closeService(ctx context.Context, value any) (err error) {
	defer contain(&err)
	lasting := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.WithoutCancel(ctx), closeDeadline)
	}
	switch v := value.(type) {
	case io.Closer:
		return v.Close()
	case do.ShutdownerWithContextAndError:
		ctx, cancel := lasting()
		defer cancel()
		return v.Shutdown(ctx)
	case do.ShutdownerWithError:
		return v.Shutdown()
	case do.ShutdownerWithContext:
		ctx, cancel := lasting()
		defer cancel()
		v.Shutdown(ctx)
	case do.Shutdowner:
		v.Shutdown()
	}
	return nil
}

// contain, deferred, makes any panic an error: what ends a request must not keep the rest from ending.
func contain(err *error) {
	if p := recover(); p != nil {
		*err = &PanicError{p, debug.Stack()}
	}
}

// isNull reports whether v is nil, or holds a nil pointer.
func isNull(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}
