package weft

import (
	"context"
	"errors"
	"reflect"

	"github.com/weft-go/weft/internal/graph"
)

// Stages that are made of a service: the function of each takes the service
// first. A method expression fits as it is, as (*AccessLog).Dispatch does.
//
// Such a stage lives as long as its service: with a singleton, nothing is looked up for a
// request; a service that is made per request is made when the request gets there, unless it has been.

// HandleFrom makes a Handler of a function that takes a service first, such as
// (*Orders).Create; see [Handle].
func HandleFrom[S, Req, Resp any](fn func(S, context.Context, Req) (Resp, error)) *Handler[Req, Resp] {
	t := types{req: reflect.TypeFor[Req](), resp: reflect.TypeFor[Resp](), frame: newFrame[Req, Resp]}
	t.service = keyOf[S]()
	t.callFrom = func(get supply) typedCall {
		return func(ctx context.Context, f frame) error {
			service, err := get(stateOf(ctx))
			if err != nil {
				return err
			}
			*f.out.(*Resp), err = fn(service.(S), ctx, *f.in.(*Req))
			return err
		}
	}
	return (*Handler[Req, Resp])(&spec{at: here(), name: functionName(fn), missing: fn == nil, types: t})
}

// MiddlewareFrom makes a Middleware of a function that takes a service first, such
// as (*AccessLog).Dispatch; see [NewMiddleware]. A test calls the method on a service.
func MiddlewareFrom[S any](fn func(S, *Request, Next) Response, opts ...StageOption) Middleware {
	var m *suppliedMiddleware
	if fn != nil {
		m = &suppliedMiddleware{*keyOf[S](), func(service any, r *Request, next Next) Response { return fn(service.(S), r, next) }}
	}
	return Describe(m, append([]StageOption{Named(functionName(fn))}, opts...)...)
}

// GuardFrom makes a Guard of a function that takes a service first; see [NewGuard].
func GuardFrom[S any](fn func(S, *Request) error, opts ...StageOption) Guard {
	g := &guard{rules: rules{name: functionName(fn)}.with(opts)}
	if fn != nil {
		g.supplied(keyOf[S](), func(service any, r *Request) error { return fn(service.(S), r) })
	}
	return g
}

// ValueGuardFrom makes a ValueGuard of a function that takes a service first; see [ValueGuard].
func ValueGuardFrom[S, T any](k *Key[T], fn func(S, *Request) (T, error), opts ...StageOption) Guard {
	g := &guard{rules: rules{name: functionName(fn)}.with(opts)}
	g.provides = append(g.provides, k.identity())
	if fn != nil {
		g.supplied(keyOf[S](), func(service any, r *Request) error {
			value, err := fn(service.(S), r)
			if err != nil {
				return err
			}
			return k.set(r, value)
		})
	}
	return g
}

func keyOf[S any]() *graph.Key { return &graph.Key{Type: reflect.TypeFor[S]()} }

// supply gets a request its service.
type supply func(s *state) (any, error)

// errNoServices is what a stage made of a service has outside a server.
var errNoServices = errors.New("the stage is made of a service, which only a server with a Container has: test the service's own method")

type suppliedMiddleware struct {
	service  graph.Key
	dispatch func(service any, r *Request, next Next) Response
}

// Dispatch implements [Middleware].
func (m *suppliedMiddleware) Dispatch(*Request, Next) Response { return Fail(errNoServices) }

// with is the middleware with its service.
func (m *suppliedMiddleware) with(st *stage, get supply) func(*Request, Next) Response {
	return func(r *Request, next Next) Response {
		service, err := get(r.state)
		if err != nil {
			return st.fail(r, err)
		}
		return m.dispatch(service, r, next)
	}
}

// supplied sets the function of a guard that is made of a service.
func (g *guard) supplied(service *graph.Key, ask func(service any, r *Request) error) {
	g.services, g.askWith = []graph.Key{*service}, ask
	g.allow = func(*Request) error { return errNoServices }
}

// with is the guard, and the parts of it that are made of services, with these.
func (g *guard) with(get func(graph.Key) supply) *guard {
	if len(g.services) == 0 {
		return g
	}
	linked := *g
	if g.askWith != nil {
		service := get(g.services[0])
		linked.allow = func(r *Request) error {
			s, err := service(r.state)
			if err != nil {
				return err
			}
			return g.askWith(s, r)
		}
		return &linked
	}
	linked.of = make([]*guard, len(g.of))
	for i, p := range g.of {
		linked.of[i] = p.with(get)
	}
	return &linked
}

// CheckFrom adds a check to a handler whose function takes a service first; see [Handler.Check].
func CheckFrom[S, Req, Resp any](h *Handler[Req, Resp], fn func(S, context.Context, Req) error, opts ...StageOption) *Handler[Req, Resp] {
	var run func(ctx context.Context, in any) error
	if fn != nil {
		run = func(ctx context.Context, in any) error {
			service, err := serviceOf[S](ctx)
			if err != nil {
				return err
			}
			return fn(service, ctx, *in.(*Req))
		}
	}
	return (*Handler[Req, Resp])((*spec)(h).withCheck(functionName(fn), run, append([]StageOption{madeOf[S]()}, opts...)))
}

// AroundFrom adds an Around to a handler whose function takes a service first; see [Handler.Around].
func AroundFrom[S, Req, Resp any](h *Handler[Req, Resp], fn func(service S, ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error), opts ...StageOption) *Handler[Req, Resp] {
	var wrap wrap
	if fn != nil {
		wrap = wrapAround(func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (out Resp, err error) {
			service, err := serviceOf[S](ctx)
			if err != nil {
				return out, err
			}
			return fn(service, ctx, in, next)
		})
	}
	return (*Handler[Req, Resp])((*spec)(h).withAround(functionName(fn), wrap, append([]StageOption{madeOf[S]()}, opts...)))
}

// OnFrom maps errors of type E by a function that takes a service first; see [On].
// Where the service cannot be had, the error goes to the next level out.
func OnFrom[S any, E error](fn func(service S, r *Request, err E) Response) Mapper {
	if fn == nil {
		return Mapper{}
	}
	m := On(func(r *Request, err E) Response {
		service, failure := serviceIn[S](r.state)
		if failure != nil {
			return Fail(errors.Join(failure, err))
		}
		return fn(service, r, err)
	})
	m.services = []graph.Key{*keyOf[S]()}
	return m
}

// ExtractorFrom makes an Extractor of a function that takes a service first; see [NewExtractor].
func ExtractorFrom[S, T any](name string, fn func(S, *Request) (T, error), opts ...StageOption) Extractor[T] {
	var extract func(*Request) (T, error)
	if fn != nil {
		extract = func(r *Request) (value T, err error) {
			service, err := serviceIn[S](r.state)
			if err != nil {
				return value, err
			}
			return fn(service, r)
		}
	}
	return NewExtractor(name, extract, append([]StageOption{madeOf[S]()}, opts...)...)
}

// Service reads nothing of a request: it is a service of the container.
func Service[S any]() Extractor[S] {
	return extractor(extraction{
		reads: []ReadInfo{{Source: SourceService, Form: reflect.TypeFor[S]().String(), Required: true}},
		keys:  keyUse{services: []graph.Key{*keyOf[S]()}},
	}, func(r *Request) (S, error) { return serviceIn[S](r.state) })
}

// madeOf says that a stage is made of a service.
func madeOf[S any]() StageOption {
	return func(r *rules) { r.services = append(r.services, *keyOf[S]()) }
}

func serviceOf[S any](ctx context.Context) (service S, err error) {
	s := stateOf(ctx)
	if s == nil {
		return service, errNoServices
	}
	return serviceIn[S](s)
}

func serviceIn[S any](s *state) (service S, err error) {
	made, err := s.service(graph.Key{Type: reflect.TypeFor[S]()})
	if err != nil {
		return service, err
	}
	return made.(S), nil
}
