package weft

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// FuncOption says something about what [Func] makes.
type FuncOption interface{ applyFunc(*funcOptions) }

type funcOptions struct{ handlerOnly bool }

type handlerOnly struct{}

func (handlerOnly) applyFunc(o *funcOptions) { o.handlerOnly = true }

// HandlerOnly has [Func] take a handler with guards, middleware or interceptors,
// and leave these out: there is no request that they could be asked about.
func HandlerOnly() FuncOption { return handlerOnly{} }

// Func makes a plain function of a handler: for tests, for lambda.Start, for a
// command line. It validates its Req, and runs the checks, the arounds and the handler, without a transport: nothing is
// decoded, mapped, encoded or logged. The error is the one that arose, for a broken rule an [*InvalidRequest], for a panic
// a [*PanicError].
//
// What is wrong with the handler is the error of Func, as of [App.Build]; ctx
// bounds Func, not what it makes. A handler with guards, middleware or interceptors is refused, unless [HandlerOnly] is
// given. Exception mappers and what Extract says have no effect, keys have no values, and rules of a validator of yours
// ([WithValidator]) are not known. The function can be called concurrently.
func Func[Req, Resp any](ctx context.Context, h *Handler[Req, Resp], opts ...FuncOption) (func(context.Context, Req) (Resp, error), error) {
	call, err := plainCall(ctx, h.endpoint(), opts)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, in Req) (out Resp, err error) {
		f := newFrame[Req, Resp]()
		*f.in.(*Req) = in
		if err := call(ctx, f); err != nil {
			return out, err
		}
		return *f.out.(*Resp), nil
	}, nil
}

// MustFunc is [Func], and panics where the handler is wrong: lambda.Start(weft.MustFunc(ctx, h)).
func MustFunc[Req, Resp any](ctx context.Context, h *Handler[Req, Resp], opts ...FuncOption) func(context.Context, Req) (Resp, error) {
	fn, err := Func(ctx, h, opts...)
	if err != nil {
		panic(err)
	}
	return fn
}

// plainCall links an endpoint outside any server.
func plainCall(ctx context.Context, e *endpoint, opts []FuncOption) (func(context.Context, frame) error, error) {
	var o funcOptions
	for _, opt := range opts {
		if opt != nil {
			opt.applyFunc(&o)
		}
	}
	app := New()
	r := resolve(app)
	if e == nil {
		r.report(app.root.at, "", "the handler of Func is nil", "give it a *weft.Handler, as weft.Handle makes it")
		return nil, r.err()
	}
	if n := len(e.level.guards) + len(e.level.middleware) + len(e.level.interceptors); n > 0 && !o.handlerOnly {
		r.report(e.at, "", "the handler of Func has guards, middleware or interceptors, which need a request", "give Func the option HandlerOnly, or a handler without them")
	}
	r.problems = append(r.problems, e.problems()...)
	if e.service != nil {
		r.report(e.at, "", "the handler of Func is made of a service", "give Func a handler of a plain function, or of the service's method: Handle(service.Method)")
	}
	given := *e
	given.extractor = nil                                     // the Req is given as it is
	anyForm := &input{json: JSONOptions{Codec: &jsonCodec{}}} // the Req comes in none
	in := newIntake(&given, anyForm, r.rulebook, func(problem, remedy string) { r.report(e.at, "", problem, remedy) })
	here := StageInfo{Level: LevelRoute}
	rr := &resolvedRoute{endpoint: e}
	rr.checks = r.checkStages(e.checks, here, nil)
	rr.arounds = r.aroundStages(slices.Concat(e.typed, e.core), here, nil)
	_, rr.handler, _ = e.steps("", nil, 0, &answers{})
	for _, st := range slices.Concat(rr.checks, rr.arounds) {
		if len(st.rules.needs) > 0 || len(st.services) > 0 {
			r.report(st.at, "", fmt.Sprintf("%v needs a key or a service, and Func has no stage that provides one", st), "give Func a handler without it")
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	l := &linker{}
	checks := l.checks(e, rr.checks)
	run := e.calling(e.bind(e.call, rr.arounds, l.crossings(rr, 0, nil)), nil)
	return func(ctx context.Context, f frame) error {
		s := newState(nil, (&http.Request{URL: &url.URL{}, Header: http.Header{}}).WithContext(ctx))
		s.moreMarks = make([]mark, max(0, l.marks-inlineMarks))
		s.frame = f
		view := s.first()
		if err := in.validate(view, f.in); err != nil {
			return err
		}
		if _, err := checks.verdict(view); err != nil {
			return err
		}
		_, err := run(view)
		return err
	}, nil
}
