package weft

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/weft-go/weft/internal/callsite"
)

// Around is a function around a handler, typed as the handler is: it may change
// what goes in, what comes out, or answer by itself. It stands inside
// everything else of the plan, where the request has been decoded and checked. [Handler.Around] attaches it.
//
// A generic function fits every handler; its types are inferred:
//
//	func Audit[Req, Resp any](ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error)
//
//	h.Around(Audit)
//
// next runs what is further in, at most once, before the Around returns, with
// its ctx or one derived from it. What goes wrong further in is next's error, also a panic, as a [*PanicError]. It is
// mapped to a Response when all Arounds have returned. A second call of next, or one with a foreign context,
// runs nothing: it returns an error and is logged.
//
// It is called concurrently, for all requests of the route.
type Around[Req, Resp any] func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error)

// AroundAny is an [Around] for handlers of all types: of a group, or of the app.
// next takes a Req as the handler does, and returns its Resp; what the AroundAny returns must be a Resp
// again, or be nil beside an error. Another type is a defect: a 500 that names the stage.
type AroundAny func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error)

// around is an Around as weft knows it, or an AroundAny.
type around struct {
	rules
	at   callsite.Site
	wrap wrap // nil of an AroundAny, and where the user gave no function
	any  AroundAny
}

// wrap makes the call of an Around; what its next leads to is c.
type wrap func(c *crossing) typedCall

func wrapAround[Req, Resp any](fn Around[Req, Resp]) wrap {
	if fn == nil {
		return nil
	}
	return adapting(fn, func(v *visit) frame { return v.state.frame })
}

// adapting is the wrap of a function that may change the types: inner is the frame of what is further in.
func adapting[OuterReq, OuterResp, Req, Resp any](
	fn func(ctx context.Context, in OuterReq, next func(context.Context, Req) (Resp, error)) (OuterResp, error),
	inner func(*visit) frame,
) wrap {
	return func(c *crossing) typedCall {
		next := func(ctx context.Context, in Req) (out Resp, err error) {
			var v visit
			if err := c.enter(ctx, &v); err != nil {
				return out, err
			}
			defer c.leave(&v, &err)
			f := inner(&v)
			*f.in.(*Req) = in
			err = c.inner(v.ctx, f)
			out, v.returned = *f.out.(*Resp), true
			return out, err
		}
		return func(ctx context.Context, f frame) error {
			out, err := fn(ctx, *f.in.(*OuterReq), next)
			c.conclude(ctx)
			*f.out.(*OuterResp) = out
			return err
		}
	}
}

// wrapAny is the wrap of an AroundAny on an endpoint. It moves values by
// reflection: it is for handlers whose types it was not compiled for.
func (e *endpoint) wrapAny(a *around) wrap {
	held := func(pointer any) reflect.Value { return reflect.ValueOf(pointer).Elem() }
	return func(c *crossing) typedCall {
		next := func(ctx context.Context, in any) (out any, err error) {
			if !fits(in, e.req) {
				return nil, fmt.Errorf("%q called next with a %T in place of a %v", a.name, in, e.req)
			}
			var v visit
			if err := c.enter(ctx, &v); err != nil {
				return nil, err
			}
			defer c.leave(&v, &err)
			f := v.state.frame
			held(f.in).Set(valueOf(in, e.req))
			err = c.inner(v.ctx, f)
			out, v.returned = held(f.out).Interface(), true
			return out, err
		}
		return func(ctx context.Context, f frame) error {
			out, err := a.any(ctx, held(f.in).Interface(), next)
			c.conclude(ctx)
			switch {
			case err != nil:
				return err
			case !fits(out, e.resp):
				return fmt.Errorf("%q returned a %T in place of a %v", a.name, out, e.resp)
			}
			held(f.out).Set(valueOf(out, e.resp))
			return nil
		}
	}
}

// valueOf is v, which fits a t and may be the nil of an interface.
func valueOf(v any, t reflect.Type) reflect.Value {
	if v == nil {
		return reflect.Zero(t)
	}
	return reflect.ValueOf(v)
}

// fits reports whether v is a t.
func fits(v any, t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return v == nil || reflect.TypeOf(v).Implements(t)
	}
	return reflect.TypeOf(v) == t
}

// crossing is the boundary of an Around, or of the handler behind it: what the
// entrance of a stage is, for typed functions.
type crossing struct {
	inner  typedCall // what is entered
	caller *stage    // whose next leads here
	server *Server   // nil outside one
	mark   int
	last   bool // nothing is further in
	watch  *watch
}

// visit is one request's passing of a crossing.
type visit struct {
	state    *state
	ctx      context.Context
	exits    []Exit
	returned bool
}

// bind joins the function with the arounds. way is their boundaries, and the
// handler's last.
func (e *endpoint) bind(call typedCall, arounds []*stage, way []*crossing) typedCall {
	if len(arounds) == 0 {
		return call
	}
	for i, st := range slices.Backward(arounds) {
		way[i+1].inner = call
		wrap := st.around.wrap
		if wrap == nil {
			wrap = e.wrapAny(st.around)
		}
		call = wrap(way[i+1])
	}
	outermost := way[0]
	outermost.inner = call
	return func(ctx context.Context, f frame) (err error) {
		var v visit
		if err := outermost.enter(ctx, &v); err != nil {
			return err
		}
		defer outermost.leave(&v, &err)
		v.state.frame = f
		err = outermost.inner(v.ctx, f)
		v.returned = true
		return err
	}
}

// conclude ends what is inside, and waits for it where the caller of next did
// not. All that a request's typed functions take and return goes through one frame: it is the
// caller's again only then.
func (c *crossing) conclude(ctx context.Context) {
	if s := stateOf(ctx); s.mark(c.mark).Load() != over {
		s.conclude(c.mark)
	}
}

var errContextForeign = errors.New("next was called with a context that does not derive from the stage's own; what is inside was not run")

func (c *crossing) enter(ctx context.Context, v *visit) error {
	var s *state
	if ctx != nil {
		s = stateOf(ctx)
	}
	if s == nil || s.server != c.server {
		return c.refuse(nil, errContextForeign)
	}
	if err := s.values.kept(&c.caller.rules); err != nil {
		return err
	}
	if !s.mark(c.mark).CompareAndSwap(fresh, running) {
		return c.refuse(s.first(), errNextAgain)
	}
	v.state, v.ctx = s, ctx
	if c.watch != nil {
		v.ctx, v.exits = c.watch.enter(ctx)
	}
	return nil
}

// leave, deferred, ends a visit, also one that did not return.
func (c *crossing) leave(v *visit, err *error) {
	if v.returned && v.exits == nil && (c.last || v.state.mark(c.mark+1).Load() == over) {
		v.state.leave(v.state.mark(c.mark)) // nothing is left to be done, nor anybody to be waited for
		return
	}
	defer c.close(v, err)
	if v.returned {
		return
	}
	p := recover()
	*err = errUnwound // where runtime.Goexit or http.ErrAbortHandler goes on
	switch {
	case p == nil:
	case p == http.ErrAbortHandler && !runsIn("weft.(*Server).serve"):
		v.state.aborted.Store(true)
		*err = http.ErrAbortHandler
	default:
		*err = caught(p)
	}
}

func (c *crossing) close(v *visit, err *error) {
	s := v.state
	defer s.leave(s.mark(c.mark))
	if !c.last && s.mark(c.mark+1).Load() != over { // the caller of next panicked
		s.conclude(c.mark + 1)
	}
	leaveAll(v.exits, 0, *err)
}

// refuse logs a defect of the stage whose next was called, and returns it. The request may be unknown.
func (c *crossing) refuse(r *Request, err error) error {
	if c.server == nil {
		return err
	}
	logFailure(c.server.logger, r, "request failed", c.caller.info.Name, err)
	return &reportedError{err}
}

// reportedError is a failure that has been logged.
type reportedError struct{ error }

func (e *reportedError) Unwrap() error { return e.error }

// Adapt makes a Handler of other types: fn unwraps what comes in, calls next, which is h
// with its checks and arounds, and wraps what comes out, such as an envelope. All other declarations of h stay; how its
// Req is read is now the new type's, and so are the validate tags that are asked. Stages added to the result stand outside fn.
func Adapt[OuterReq, OuterResp, Req, Resp any](h *Handler[Req, Resp], fn func(ctx context.Context, in OuterReq, next func(context.Context, Req) (Resp, error)) (OuterResp, error)) *Handler[OuterReq, OuterResp] {
	s := (*spec)(h)
	if s == nil {
		s = &spec{at: here(), name: "nil", missing: true}
	}
	adapter := around{rules: rules{name: functionName(fn)}, at: here()}
	if fn != nil {
		adapter.wrap = adapting(fn, func(v *visit) frame {
			v.state.frame = newFrame[Req, Resp]()
			return v.state.frame
		})
	}
	core := []around{adapter}
	for _, c := range s.checks {
		core = append(core, around{c.rules, c.at, wrapCheck[Req, Resp](c.run), nil})
	}
	adapted := *s
	adapted.types = types{reflect.TypeFor[OuterReq](), reflect.TypeFor[OuterResp](), newFrame[OuterReq, OuterResp], s.call, s.service, s.callFrom}
	adapted.core = append(append(core, s.typed...), s.core...)
	adapted.typed, adapted.checks, adapted.extractor = nil, nil, nil
	return (*Handler[OuterReq, OuterResp])(&adapted)
}

// wrapCheck is a check as an Around: behind an Adapt the Req that it is about comes late.
func wrapCheck[Req, Resp any](run func(ctx context.Context, in any) error) wrap {
	if run == nil {
		return nil
	}
	return wrapAround(func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (out Resp, err error) {
		if err := run(ctx, &in); err != nil {
			return out, err
		}
		return next(ctx, in)
	})
}
