package weft

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Observer watches stages run: for tracing and measuring, outside the core. It
// is given to [WithObserver] and asked at Build which stages it wants to see;
// the others cost nothing more for it. Its methods may be called concurrently.
type Observer interface {
	// Observes is asked once for every stage of the plan.
	Observes(stage *StageInfo) bool
	// Enter is called when an observed stage is entered. The stage, and what is
	// inside it, runs with the context returned, which must derive from ctx. Exit, which may be nil,
	// is called once when the stage is left.
	Enter(ctx context.Context, stage *StageInfo) (context.Context, Exit)
}

// RequestObserver is an Observer that watches requests as a whole, too: from before the first stage until the answer
// has been sent, its body too, and the Finally stages have run. It is asked about every request.
type RequestObserver interface {
	Observer
	// EnterRequest is called before the first stage, with the request as it came. The request runs with the context returned, which must
	// derive from that of hr: its stages, its services and what outlives it. The exit, which may be nil, is called once.
	// Whether the request is a record of a source of events, [EventRouteOf] says.
	// A panic is logged, and the request goes on.
	EnterRequest(hr *http.Request) (context.Context, RequestExit)
}

// RequestExit ends what [RequestObserver] EnterRequest began. r is the outermost view of the request, whose route is
// known where there is one. resp is what was to be sent, the zero Response where the connection was dropped without one; sent is how
// that went, its Duration that of the whole request.
type RequestExit func(r *Request, resp Response, sent Sent)

// CallObserver is an Observer that watches calls of what [Func] makes as a whole, too: from before the Req is validated until the
// services of the call are closed and what [Go] was given has run. It is asked about every call.
type CallObserver interface {
	Observer
	// EnterCall is called first, with the context of the call, and the stage of the handler. The call runs with the context returned, which must
	// derive from ctx. The exit, which may be nil, is called once, before the function returns.
	// A panic is logged, and the call goes on.
	EnterCall(ctx context.Context, handler *StageInfo) (context.Context, CallExit)
}

// CallExit ends what [CallObserver] EnterCall began. ctx is the context of the call, as its stages had it; out a pointer to the Resp
// that the function returns, which is not to be changed, and nil beside an error; err is the error that the function returns.
type CallExit func(ctx context.Context, out any, err error)

// Exit ends what [Observer] Enter began. status is the status of the stage's
// Response, 0 where the stage makes none; err is the error that left the stage,
// or that its Response was made from. A stage left by http.ErrAbortHandler or
// runtime.Goexit exits with status 0 and an error that says so.
type Exit func(status int, err error)

// ObserverFunc is an Observer of every stage.
type ObserverFunc func(ctx context.Context, stage *StageInfo) (context.Context, Exit)

// Observes returns true.
func (f ObserverFunc) Observes(*StageInfo) bool { return true }

// Enter calls f.
func (f ObserverFunc) Enter(ctx context.Context, stage *StageInfo) (context.Context, Exit) {
	return f(ctx, stage)
}

var errUnwound = errors.New("the stage did not return: its goroutine ended, or http.ErrAbortHandler dropped the connection")

// watch is the observers of one stage, outermost first. A nil watch is nobody.
type watch struct {
	info      *StageInfo
	observers []Observer
}

// watchersOf asks the observers about a stage, at Build.
func watchersOf(observers []Observer, info *StageInfo) *watch {
	var interested []Observer
	for _, o := range observers {
		if o.Observes(info) {
			interested = append(interested, o)
		}
	}
	if interested == nil {
		return nil
	}
	return &watch{info, interested}
}

// enter tells the observers and returns how to tell them of the end, for leaveAll, which must
// be called once. Where one panics, those outside it are told of the end all the same.
func (w *watch) enter(ctx context.Context) (_ context.Context, exits []Exit) {
	entered := false
	defer func() {
		if !entered {
			leaveAll(exits, 0, errUnwound)
		}
	}()
	for _, o := range w.observers {
		inner, leave := o.Enter(ctx, w.info)
		if inner != nil {
			ctx = inner
		}
		if leave != nil {
			exits = append(exits, leave)
		}
	}
	entered = true
	return ctx, exits
}

// leaveAll calls the exits in reverse, each whatever the one before it did.
func leaveAll(exits []Exit, status int, err error) {
	if len(exits) == 0 {
		return
	}
	last := len(exits) - 1
	defer leaveAll(exits[:last], status, err)
	exits[last](status, err)
}

// observe tells the observers of requests of this one.
func (s *state) observe(observers []RequestObserver) (exits requestExits) {
	exits.entered = time.Now()
	told := EventRouteOf(s.base.Context) == s.event
	if !told { // also of HTTP, where a record's handler asks another server
		s.base.Context = &eventContext{s.base.Context, s.event}
	}
	for i, o := range observers {
		hr := s.view.http
		if i > 0 || !told {
			hr = hr.WithContext(s.base.Context)
		}
		err := contained(func() error {
			ctx, exit := o.EnterRequest(hr)
			if ctx != nil {
				s.base.Context = ctx
			}
			if exit != nil {
				exits.list = append(exits.list, exit)
			}
			return nil
		})
		s.observing(err)
	}
	return exits
}

// requestExits are how to tell the observers of a request of its end.
type requestExits struct {
	entered time.Time
	list    []RequestExit
}

// unobserve tells them, the innermost first, each whatever the one before it did.
func (s *state) unobserve(exits requestExits, resp *Response, sent *Sent) {
	told, how := *resp, *sent
	how.Duration = time.Since(exits.entered)
	for _, exit := range slices.Backward(exits.list) {
		s.observing(contained(func() error {
			exit(s.first(), told, how)
			return nil
		}))
	}
}

// observeCall tells the observers of calls of this one.
func (s *state) observeCall(observers []CallObserver, handler *StageInfo) (exits []CallExit) {
	for _, o := range observers {
		s.observing(contained(func() error {
			ctx, exit := o.EnterCall(s.base.Context, handler)
			if ctx != nil {
				s.base.Context = ctx
			}
			if exit != nil {
				exits = append(exits, exit)
			}
			return nil
		}))
	}
	return exits
}

// unobserveCall tells them of its end, the innermost first, each whatever the one before it did.
func (s *state) unobserveCall(exits []CallExit, out any, err *error) {
	if *err != nil {
		out = nil
	}
	for _, exit := range slices.Backward(exits) {
		s.observing(contained(func() error {
			exit(&s.base, out, *err)
			return nil
		}))
	}
}

// observing logs the failure of an observer of requests or calls, which is none of theirs.
func (s *state) observing(err error) {
	if err != nil {
		logFailure(s.logger(), s.first(), "observing a request failed", "observer", err)
	}
}

// observed is the stage with its observers around it. They stand inside its
// entrance, so a refused second call is no second visit, and outside a boundary
// of their own, so that a panic has become the Response they are told of.
func (st *stage) observed(w *watch) func(*Request, Next) Response {
	dispatch := st.dispatch
	if w == nil {
		return dispatch
	}
	bounded := func(r *Request, next Next) (resp Response) {
		returned := false
		defer func() {
			if !returned {
				if p := recover(); p != nil {
					resp = st.fail(r, caught(p))
				}
			}
		}()
		resp = dispatch(r, next)
		returned = true
		if resp.head == nil || resp.head.open {
			resp = st.accept(r, resp)
		}
		return resp
	}
	return func(r *Request, next Next) Response {
		return w.respond(r, func(r *Request) Response { return bounded(r, next) })
	}
}

// respond runs a step that answers with a Response and never panics by itself.
func (w *watch) respond(r *Request, step func(*Request) Response) (resp Response) {
	ctx, exits := w.enter(r.ctx)
	returned := false
	defer func() {
		if !returned {
			leaveAll(exits, 0, errUnwound)
		}
	}()
	resp = step(r.WithContext(ctx))
	returned = true
	leaveAll(exits, resp.Status(), resp.Err())
	return resp
}

// call runs a step that returns an error in place of a Response.
func (w *watch) call(r *Request, step func(*Request) (any, error)) (out any, err error) {
	ctx, exits := w.enter(r.ctx)
	returned := false
	defer func() {
		if !returned {
			leaveAll(exits, 0, errUnwound)
		}
	}()
	out, err = step(r.WithContext(ctx))
	returned = true
	leaveAll(exits, 0, err)
	return out, err
}
