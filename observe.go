package weft

import (
	"context"
	"errors"
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

// enter tells the observers and returns how to tell them of the end, which must
// be called once. Where one panics, those outside it are told of the end all the same.
func (w *watch) enter(ctx context.Context) (_ context.Context, exit Exit) {
	exits := make([]Exit, 0, len(w.observers))
	exit = func(status int, err error) { leaveAll(exits, status, err) }
	entered := false
	defer func() {
		if !entered {
			exit(0, errUnwound)
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
	return ctx, exit
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
	ctx, exit := w.enter(r.ctx)
	returned := false
	defer func() {
		if !returned {
			exit(0, errUnwound)
		}
	}()
	resp = step(r.WithContext(ctx))
	returned = true
	exit(resp.Status(), resp.Err())
	return resp
}

// call runs a step that returns an error in place of a Response.
func (w *watch) call(r *Request, step func(*Request) (any, error)) (out any, err error) {
	ctx, exit := w.enter(r.ctx)
	returned := false
	defer func() {
		if !returned {
			exit(0, errUnwound)
		}
	}()
	out, err = step(r.WithContext(ctx))
	returned = true
	exit(0, err)
	return out, err
}
