package weft

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/graph"
)

// stage is a middleware, an interceptor or a built-in step at its place in the plan.
type stage struct {
	info       *StageInfo
	dispatch   func(*Request, Next) Response
	rules      rules       // what its options said of it
	guard      *guard      // of a guard, which has no dispatch
	check      *check      // of a check, which has none either
	around     *around     // of an Around
	services   []graph.Key // that it is made of
	node       *graph.Node // in the graph of services, where it is made of any
	middleware *suppliedMiddleware
	receives   bool          // that a source of events has put in front of its route
	at         callsite.Site // where it was attached
	server     *Server       // that it was linked for
	levels     []*mapping    // whose mappers its errors meet, the nearest first
}

// mark is the life of one stage in one request. It makes next exactly-once: the
// stage that gets next holds, behind it, the entrance of the stage inside.
type mark struct{ atomic.Uint32 }

const (
	fresh   = iota
	running // entered, not left
	awaited // running, and the boundary outside waits for it to be left
	over    // left, or never to be entered: the stage outside has returned
)

// inlineMarks covers eight middleware beside routing and the typed part without a second allocation.
const inlineMarks = 12

func (s *state) mark(i int) *mark {
	if i < inlineMarks {
		return &s.marks[i]
	}
	return &(*s.moreMarks)[i-inlineMarks]
}

// onion is the entrance of a chain of stages, the first of them outermost. Stage
// i of the chain has mark first+i. core, with the mark after the last stage's,
// is what the innermost stage's next leads to.
func onion(stages []*stage, first int, core Next) Next {
	for i, st := range slices.Backward(stages) {
		var caller *stage
		if i > 0 {
			caller = stages[i-1]
		}
		core = st.entrance(caller, first+i, st.promised(core))
	}
	return core
}

// promised is a stage's next, which it may only call when it has set what it provides.
func (st *stage) promised(next Next) Next {
	if len(st.rules.provides) == 0 {
		return next
	}
	return func(r *Request) Response {
		if err := r.state.values.kept(&st.rules); err != nil {
			return st.fail(r, err)
		}
		return next(r)
	}
}

// entrance is where caller's next leads: into st, once. It is the whole cost of
// a stage, and keeps four promises:
//
//   - a second call, or one after caller returned, does not enter (law 3);
//   - a panic becomes a Response here, so the stages outside still see one (law 5);
//   - what comes back is a Response (law 2);
//   - nothing inside st runs on when the entrance has been left.
//
// inner is st's own next, nil for the innermost stage; the stage behind it has mark i+1. caller is nil for the outermost one of a
// chain, which the server enters, once, and nobody's next: it takes no mark.
func (st *stage) entrance(caller *stage, i int, inner Next) Next {
	dispatch, server := st.dispatch, st.server
	return func(r *Request) (resp Response) {
		s := r.state
		if caller != nil {
			if s.server != server {
				return caller.fail(r, errNextForeign)
			}
			if !s.mark(i).CompareAndSwap(fresh, running) {
				return caller.fail(r, errNextAgain)
			}
		}
		returned := false
		defer func() {
			if !returned {
				resp = st.unwound(r, i, inner != nil, recover())
			}
		}()

		resp = dispatch(r, inner)

		if inner != nil && s.mark(i+1).Load() != over {
			s.conclude(i + 1)
		}
		if resp.head == nil || resp.head.open {
			resp = st.accept(r, resp)
		}
		returned = true
		if caller != nil {
			s.leave(s.mark(i))
		}
		return resp
	}
}

var (
	errNextAgain   = errors.New("next was called a second time, or after the stage had returned; the stages inside were not run again")
	errNextForeign = errors.New("next was called with a Request that is not the stage's own; the stages inside were not run")
	errNoResponse  = errors.New("the stage returned the zero Response; return what next returned, or an answer of its own such as weft.Empty()")
)

// unwound ends a stage that did not return: p is its panic, or nil for runtime.Goexit,
// which goes on by itself. http.ErrAbortHandler goes on too.
func (st *stage) unwound(r *Request, i int, hasInner bool, p any) Response {
	if hasInner {
		r.state.conclude(i + 1)
	}
	defer r.state.leave(r.state.mark(i))
	switch {
	case p == nil:
		return Response{}
	case p == http.ErrAbortHandler && !runsIn("weft.(*Server).serve"):
		r.state.aborted.Store(true)
		return Response{head: &head{status: statusClientClosedRequest, err: http.ErrAbortHandler}}
	}
	return st.fail(r, caught(p))
}

// runsIn reports whether a function is among the callers on this goroutine, and so whether it is the one that serves
// the request. On another one, which a stage started to call next, http.ErrAbortHandler would
// end the process: there it is kept, and the server panics with it when the
// stages have returned.
func runsIn(function string) bool {
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		frames := runtime.CallersFrames(pcs[:n])
		for more := n > 0; more; {
			var frame runtime.Frame
			if frame, more = frames.Next(); strings.HasSuffix(frame.Function, function) {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}

// accept takes a Response that is not finished: none at all, a failure that
// the stage returned without it having been mapped, or a body that no request has yet.
func (st *stage) accept(r *Request, resp Response) Response {
	switch {
	case resp.head == nil:
		return st.fail(r, errNoResponse)
	case resp.head.live != nil:
		if p, is := resp.head.live.source.(preparable); is {
			return p.prepared(resp, r, st)
		}
		return resp.ownedBy(r, st)
	}
	return resp.since(st.fail(r, resp.head.err))
}

// fail turns an error into a Response, where it arose, and logs it once if it
// is the server's fault.
func (st *stage) fail(r *Request, err error) (resp Response) {
	defer func() {
		if p := recover(); p != nil { // a mapper, or an error's own method: it must not be asked anything more
			broken := caught(p)
			resp = (&Error{Code: "internal"}).response(nil, broken)
			st.report(r, errors.Join(broken, err))
		}
	}()
	err = concrete(err)
	if contextEnded(r.state.base.Context, err) {
		if srv := r.state.server; srv == nil || !srv.cutting.Load() {
			return (&Error{Status: statusClientClosedRequest, Code: "client_closed_request"}).response(r, err)
		}
		err = &Error{Status: http.StatusServiceUnavailable, Code: "shutting_down", Cause: err}
	}
	if errors.Is(r.ctx.Err(), context.DeadlineExceeded) && holds(err, context.DeadlineExceeded) && !errorIs[*Error](err) {
		err = timedOut(err)
	}
	original := err
	resp, err = st.mapped(r, err)
	// A panic is a defect, whatever it is mapped to.
	if (resp.Status() >= http.StatusInternalServerError || panicIn(original) != nil) && !errorIs[*reportedError](err) {
		st.report(r, err)
	}
	return challenging(resp, original).carrying(original)
}

// challenging is resp, and where it is the 401 of a Denial says how to log in (RFC 9110 section 15.5.2).
func challenging(resp Response, err error) Response {
	if resp.Status() != http.StatusUnauthorized {
		return resp
	}
	if d := denialIn(err); d != nil && !resp.head.has(wwwAuthenticate) {
		for _, challenge := range d.Challenges() {
			resp = resp.WithAddedHeader(wwwAuthenticate, challenge)
		}
	}
	return resp
}

// conclude ends the stage with mark i for the stage outside it: it cannot be
// entered any more, and where it is running on another goroutine it is waited for.
func (s *state) conclude(i int) {
	m := s.mark(i)
	if m.CompareAndSwap(fresh, over) {
		return
	}
	s.awaited.mu.Lock()
	if !m.CompareAndSwap(running, awaited) {
		s.awaited.mu.Unlock()
		return
	}
	done := make(chan struct{})
	s.awaited.first = &straggler{m, done, s.awaited.first}
	s.awaited.mu.Unlock()
	<-done
}

func (s *state) leave(m *mark) {
	if m.CompareAndSwap(running, over) {
		return
	}
	s.awaited.mu.Lock()
	defer s.awaited.mu.Unlock()
	m.Store(over)
	for at := &s.awaited.first; *at != nil; at = &(*at).next {
		if w := *at; w.mark == m {
			close(w.done)
			*at = w.next
			return
		}
	}
}

// report logs the cause of a failure.
func (st *stage) report(r *Request, err error) {
	logger := st.server.logger
	if r.state.server == st.server {
		logger = r.state.logger() // names the route
	}
	logFailure(logger, r, "request failed", st.info.Name, err)
}

func logFailure(logger *slog.Logger, r *Request, message, stage string, err error) {
	attrs, ctx := []any{"stage", stage}, context.Background()
	if r != nil {
		attrs, ctx = append(attrs, "method", r.http.Method, "path", r.http.URL.Path), r.ctx
	}
	attrs = append(attrs, "error", textOf(err))
	if p := panicIn(err); p != nil {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	defer func() { _ = recover() }() // a logger that panics must not take the request with it
	logger.ErrorContext(ctx, message, attrs...)
}
