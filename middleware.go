package weft

import (
	"reflect"
	"runtime"
	"strings"
	"time"
)

// Middleware is a layer of the onion around a handler. It may answer by itself,
// change the Request on its way in or the Response on its way out, or only look.
//
// Dispatch calls next at most once, before it returns, with r or a view made
// from r ([Request.WithContext]). next always returns a Response: an error or a panic further
// in has become one, whose [Response.Err] is the cause. Not calling next answers
// without the stages inside. A second call, on whatever goroutine, or one after
// Dispatch returned, does not run them again: it gets a 500 and is logged.
//
// Dispatch must not return the zero Response. A panic becomes a 500, whatever
// its value; http.ErrAbortHandler drops the connection. One value serves all
// requests, concurrently.
type Middleware interface {
	Dispatch(r *Request, next Next) Response
}

// Next runs the stages further in.
type Next func(*Request) Response

// MiddlewareFunc is a function as a Middleware, named after the function.
type MiddlewareFunc func(*Request, Next) Response

// Dispatch calls f.
func (f MiddlewareFunc) Dispatch(r *Request, next Next) Response { return f(r, next) }

// NewMiddleware gives a function a name, under which the plan, logs and traces know it, and options.
func NewMiddleware(name string, fn func(*Request, Next) Response, opts ...StageOption) Middleware {
	return Describe(MiddlewareFunc(fn), append([]StageOption{Named(name)}, opts...)...)
}

// Before runs fn on the way in. An error ends the request there: it becomes the
// Response, as any error of a stage does.
func Before(name string, fn func(*Request) error, opts ...StageOption) Middleware {
	return factory(name, fn == nil, opts, func(r *Request, next Next) Response {
		if err := fn(r); err != nil {
			return Fail(err)
		}
		return next(r)
	})
}

// After runs fn on the way out, on every Response, failures too; what fn returns goes on.
func After(name string, fn func(*Request, Response) Response, opts ...StageOption) Middleware {
	return factory(name, fn == nil, opts, func(r *Request, next Next) Response {
		return fn(r, next(r))
	})
}

// OnError runs fn on the way out where the Response was made from an error; what
// fn returns goes on. A Response made from resp, as by resp.WithStatus, still
// carries err; another one, as by Text, does not: the request has recovered.
func OnError(name string, fn func(r *Request, resp Response, err error) Response, opts ...StageOption) Middleware {
	return factory(name, fn == nil, opts, func(r *Request, next Next) Response {
		resp := next(r)
		if err := resp.Err(); err != nil {
			return fn(r, resp, err)
		}
		return resp
	})
}

// Finally runs fn when the answer has been sent, or could not be, for every
// request that entered the stage: last entered, first run. fn sees the view of
// the request that entered. A panic of fn is logged. The client may have the
// answer before fn has run. Outside a server nothing is sent, and fn is not run: test it by itself.
func Finally(name string, fn func(*Request, Sent), opts ...StageOption) Middleware {
	do := &finalizer{name, fn}
	return factory(name, fn == nil, opts, func(r *Request, next Next) Response {
		s, f := r.state, &r.state.finalsRoom
		if s.finals != nil {
			f = new(final)
		}
		*f = final{r, do, time.Now(), s.finals}
		s.finals = f
		return next(r)
	})
}

// factory leaves fn out where the user gave none, so that Build can say so.
func factory(name string, missing bool, opts []StageOption, fn MiddlewareFunc) Middleware {
	if missing {
		fn = nil
	}
	return NewMiddleware(name, fn, opts...)
}

// Sent is how a request ended.
type Sent struct {
	// Status is the final status, 0 where the connection was dropped without one.
	Status int
	// Bytes is how much of the body was written.
	Bytes int64
	// Err is the error the Response was made from, or nil.
	Err error
	// WriteErr is why the body could not be written to its end, or nil.
	WriteErr error
	// Duration is the time from entering the stage to the end of the body.
	Duration time.Duration
}

type finalizer struct {
	name string
	run  func(*Request, Sent)
}

type final struct {
	request *Request
	do      *finalizer
	entered time.Time
	before  *final // that was entered before, nil of the first
}

// Describe attaches options to any Middleware, such as a type of your own:
//
//	app.Use(weft.Describe(audit, weft.Named("audit"), weft.Inside("request id")))
//
// The result can be used wherever m can, and m itself is unchanged.
func Describe(m Middleware, opts ...StageOption) Middleware {
	d := declared{Middleware: m}
	if inner, ok := m.(declared); ok {
		d = inner
	}
	d.rules = d.with(opts)
	return d
}

// declared is a Middleware with what Describe said of it.
type declared struct {
	Middleware
	rules
}

// declaration takes a Middleware apart at Build; ok is false where there is nothing to call.
func declaration(m Middleware) (d declared, dispatch func(*Request, Next) Response, ok bool) {
	d, described := m.(declared)
	if !described {
		d = declared{Middleware: m}
	}
	if d.name == "" {
		d.name = implicitName(d.Middleware)
	}
	if fn, isFunc := d.Middleware.(MiddlewareFunc); isFunc { // called without the detour through its method
		return d, fn, fn != nil
	}
	if isNull(d.Middleware) {
		return d, nil, false
	}
	return d, d.Dispatch, true
}

// implicitName is a stage's name where none was given: its function's or its type's.
func implicitName(m Middleware) string {
	if fn, ok := m.(MiddlewareFunc); ok && fn != nil {
		return functionName(fn)
	}
	if m == nil {
		return "nil"
	}
	return strings.TrimPrefix(reflect.TypeOf(m).String(), "*")
}

// functionName is "package.Function", without the path of the package.
func functionName(fn any) string {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return "nil"
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = strings.ReplaceAll(name, "[...]", "") // type arguments
	return strings.TrimSuffix(name, "-fm")       // a method value
}
