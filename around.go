package weft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
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

// AroundStage is an [Around] with a name and options; [NewAround] makes it.
type AroundStage[Req, Resp any] struct{ *aroundStage }

// NewAround gives an Around a name, under which the plan, logs and traces know it, and
// options; see [Handler.AroundWith].
func NewAround[Req, Resp any](name string, fn Around[Req, Resp], opts ...StageOption) AroundStage[Req, Resp] {
	return AroundStage[Req, Resp]{&aroundStage{rules: rules{name: name}.with(opts), wrap: wrapAround(fn)}}
}

// AroundAnyStage is an [AroundAny] with a name and options; [NewAroundAny] makes it.
type AroundAnyStage struct{ *aroundStage }

// NewAroundAny gives an AroundAny a name, under which the plan, logs and traces
// know it, and options; see [Group.AroundWith].
func NewAroundAny(name string, fn AroundAny, opts ...StageOption) AroundAnyStage {
	return AroundAnyStage{&aroundStage{rules: rules{name: name}.with(opts), any: fn}}
}

// aroundStage is an Around as weft knows it, or an AroundAny.
type aroundStage struct {
	rules
	wrap wrap
	any  AroundAny
}

func unnamed(fns []AroundAny) []*aroundStage {
	list := make([]*aroundStage, len(fns))
	for i, fn := range fns {
		list[i] = &aroundStage{rules: rules{name: functionName(fn)}, any: fn}
	}
	return list
}

func named(stages []AroundAnyStage) []*aroundStage {
	list := make([]*aroundStage, len(stages))
	for i, s := range stages {
		list[i] = s.aroundStage
	}
	return list
}

// wrap makes the call of an Around; what its next leads to is c.
type wrap func(c *crossing) typedCall

func wrapAround[Req, Resp any](fn Around[Req, Resp]) wrap {
	if fn == nil {
		return nil
	}
	return func(c *crossing) typedCall {
		next := func(ctx context.Context, in Req) (out Resp, err error) {
			v, err := c.enter(ctx)
			if err != nil {
				return out, err
			}
			f := v.state.frame.(*typedFrame[Req, Resp])
			f.in = in
			err = c.run(&v, f)
			return f.out, err
		}
		return func(ctx context.Context, frame frame) (any, error) {
			f := frame.(*typedFrame[Req, Resp])
			out, err := fn(ctx, f.in, next)
			f.out = out
			return &f.out, err
		}
	}
}

// wrapAny is the wrap of an AroundAny on an endpoint.
func (e *endpoint) wrapAny(a *aroundStage) wrap {
	return func(c *crossing) typedCall {
		next := func(ctx context.Context, in any) (any, error) {
			if !fits(in, e.req) {
				return nil, fmt.Errorf("%q called next with a %T in place of a %v", a.name, in, e.req)
			}
			v, err := c.enter(ctx)
			if err != nil {
				return nil, err
			}
			f := v.state.frame
			f.take(in)
			err = c.run(&v, f)
			return f.answer(), err
		}
		return func(ctx context.Context, f frame) (any, error) {
			out, err := a.any(ctx, f.value(), next)
			switch {
			case err != nil:
			case !fits(out, e.resp):
				err = fmt.Errorf("%q returned a %T in place of a %v", a.name, out, e.resp)
			default:
				f.put(out)
			}
			return f.result(), err
		}
	}
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
	exit     Exit
	returned bool
}

// bind joins the function with the arounds. way is their boundaries, and the
// handler's last.
func (e *endpoint) bind(arounds []*stage, way []*crossing) typedCall {
	if len(arounds) == 0 {
		return e.call
	}
	call := cmp.Or(e.base, &e.call)
	for i, st := range slices.Backward(arounds) {
		way[i+1].inner = *call
		around := st.around.wrap
		if around == nil {
			around = e.wrapAny(st.around)
		}
		made := around(way[i+1])
		call = &made
	}
	outermost := way[0]
	outermost.inner = *call
	return func(ctx context.Context, f frame) (any, error) {
		v, err := outermost.enter(ctx)
		if err != nil {
			return nil, err
		}
		v.state.frame = f
		err = outermost.run(&v, f)
		return f.result(), err
	}
}

// run enters what is inside. All that a request's typed functions take and return goes
// through one frame, which is the next one's to use: only one of them is entered at a time.
func (c *crossing) run(v *visit, f frame) (err error) {
	defer c.leave(v, &err)
	_, err = c.inner(v.ctx, f)
	v.returned = true
	return err
}

var errContextForeign = errors.New("next was called with a context that does not derive from the stage's own; what is inside was not run")

func (c *crossing) enter(ctx context.Context) (visit, error) {
	var s *state
	if ctx != nil {
		s = stateOf(ctx)
	}
	if s == nil || s.server != c.server {
		return visit{}, c.refuse(nil, errContextForeign)
	}
	if err := s.values.kept(&c.caller.rules); err != nil {
		return visit{}, err
	}
	if !s.mark(c.mark).CompareAndSwap(fresh, running) {
		return visit{}, c.refuse(s.first(), errNextAgain)
	}
	v := visit{state: s, ctx: ctx}
	if c.watch != nil {
		v.ctx, v.exit = c.watch.enter(ctx)
	}
	return v, nil
}

// leave, deferred, ends a visit, also one that did not return.
func (c *crossing) leave(v *visit, err *error) {
	defer c.close(v, err)
	if v.returned {
		return
	}
	p := recover()
	*err = errUnwound // where runtime.Goexit or http.ErrAbortHandler goes on
	switch {
	case p == nil:
	case p == http.ErrAbortHandler && !onServersGoroutine():
		v.state.aborted.Store(true)
		*err = http.ErrAbortHandler
	default:
		*err = caught(p)
	}
}

func (c *crossing) close(v *visit, err *error) {
	s := v.state
	defer s.leave(s.mark(c.mark))
	if !c.last && s.mark(c.mark+1).Load() != over {
		s.conclude(c.mark + 1)
	}
	if v.exit != nil {
		v.exit(0, *err)
	}
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
// Req is read is now the new type's. Stages added to the result stand outside fn.
func Adapt[OuterReq, OuterResp, Req, Resp any](h *Handler[Req, Resp], fn func(ctx context.Context, in OuterReq, next func(context.Context, Req) (Resp, error)) (OuterResp, error)) *Handler[OuterReq, OuterResp] {
	if h == nil {
		return &Handler[OuterReq, OuterResp]{nil, &spec{at: here(), name: "nil", missing: true}}
	}
	adapter := &aroundStage{rules: rules{name: functionName(fn)}}
	if fn != nil {
		adapter.wrap = func(c *crossing) typedCall {
			next := func(ctx context.Context, in Req) (out Resp, err error) {
				v, err := c.enter(ctx)
				if err != nil {
					return out, err
				}
				f := &typedFrame[Req, Resp]{in: in}
				v.state.frame = f
				err = c.run(&v, f)
				return f.out, err
			}
			return func(ctx context.Context, frame frame) (any, error) {
				f := frame.(*typedFrame[OuterReq, OuterResp])
				out, err := fn(ctx, f.in, next)
				f.out = out
				return &f.out, err
			}
		}
	}
	core := []attachedAround{{adapter, here()}}
	for _, c := range h.spec.checks {
		core = append(core, attachedAround{aroundOf[Req, Resp](c.check), c.at})
	}
	adapted := *h.spec
	adapted.base = h.spec.base
	if adapted.base == nil {
		call := calling(h.fn)
		adapted.base = &call
	}
	adapted.core = append(append(core, h.spec.typed...), h.spec.core...)
	adapted.typed, adapted.checks, adapted.extractor = nil, nil, nil
	return &Handler[OuterReq, OuterResp]{nil, &adapted}
}

// aroundOf is a check as an Around: behind an Adapt the Req that it is about comes late.
func aroundOf[Req, Resp any](c *check) *aroundStage {
	if c == nil || c.run == nil {
		return nil
	}
	return &aroundStage{rules: c.rules, wrap: wrapAround(func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (out Resp, err error) {
		if err := c.run(ctx, &in); err != nil {
			return out, err
		}
		return next(ctx, in)
	})}
}
