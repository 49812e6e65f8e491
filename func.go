package weft

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/weft-go/weft/internal/graph"
)

// FuncOption says something about what [Func] makes: [HandlerOnly], or an [Option] of an App. Of
// these [WithContainer], [WithValidator], [WithLogger], [WithObserver] and [WithPlanCheck] matter to a function.
type FuncOption interface{ applyFunc(*funcOptions) }

type funcOptions struct {
	handlerOnly bool
	app         []Option
}

type handlerOnly struct{}

func (handlerOnly) applyFunc(o *funcOptions) { o.handlerOnly = true }

func (o Option) applyFunc(f *funcOptions) { f.app = append(f.app, o) }

// HandlerOnly has [Func] take a handler with guards, middleware or interceptors,
// and leave these out: there is no request that they could be asked about.
func HandlerOnly() FuncOption { return handlerOnly{} }

// Func makes a plain function of a handler: for tests, for lambda.Start, for a
// command line. It validates its Req, and runs the checks, the arounds and the handler, without a transport: nothing is
// decoded, mapped or encoded. The error is the one that arose, for a broken rule an [*InvalidRequest], for a panic
// a [*PanicError].
//
// With a container, each call has services of its own, as a request has: they are settled by the call's error, and closed
// before the function returns; where settling fails, that is the error. What [Go] is given runs
// then, where the call went well, and is waited for. The singletons are made by Func, and end with the injector, or with
// the last server that has the same container.
//
// Observers see the checks, the arounds and the handler, and those that are a [CallObserver] the whole call. The plan that
// checks of the plan are asked about has one route, without a pattern.
//
// What is wrong with the handler is the error of Func, as of [App.Build]; ctx
// bounds Func, not what it makes. A handler with guards, middleware or interceptors is refused, unless [HandlerOnly] is
// given. Exception mappers and what Extract says have no effect. Keys have the values that its checks and arounds give them. The function can be called concurrently.
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
	app := New(o.app...)
	r := resolve(app)
	if e == nil {
		r.report(app.root.at, "", "the handler of Func is nil", "give it a *weft.Handler, as weft.Handle makes it")
		return nil, r.err()
	}
	if n := len(e.level.guards) + len(e.level.middleware) + len(e.level.interceptors); n > 0 && !o.handlerOnly {
		r.report(e.at, "", "the handler of Func has guards, middleware or interceptors, which need a request", "give Func the option HandlerOnly, or a handler without them")
	}
	r.problems = append(r.problems, e.problems()...)
	given := *e
	given.extractor = nil                                     // the Req is given as it is
	anyForm := &input{json: JSONOptions{Codec: &jsonCodec{}}} // the Req comes in none
	in := newIntake(&given, anyForm, r.rulebook, func(problem, remedy string) { r.report(e.at, "", problem, remedy) })
	here := StageInfo{Level: LevelRoute}
	rr := &resolvedRoute{endpoint: e, route: &Route{}, at: e.at}
	rr.checks = r.checkStages(e.checks, here, nil)
	rr.arounds = r.aroundStages(slices.Concat(e.typed, e.core), here, nil)
	_, rr.handler, _ = e.steps("", nil, 0, &answers{})
	r.routes = []*resolvedRoute{rr}
	r.inferLifetimes()
	var provided []*key
	for _, st := range rr.way() {
		if slices.ContainsFunc(st.rules.needs, func(k *key) bool { return k != nil && !slices.Contains(provided, k) }) {
			r.report(st.at, "", fmt.Sprintf("%v needs a key, and Func has no stage that provides one", st), "provide it in an around or a check outside, or give Func a handler without it")
		}
		provided = append(provided, st.rules.provides...)
	}
	if i := slices.IndexFunc(rr.way(), func(st *stage) bool { return st.info.Lifetime == graph.Request.String() }); i >= 0 && e.stream != nil {
		r.report(e.at, "", fmt.Sprintf("the handler of Func returns a %v, and %v is made for each call, which ends before that is read", e.resp, rr.way()[i]), "return what is in it, or serve the handler")
	}
	r.plan.Routes = []RoutePlan{functionPlan(rr)}
	r.checkPlan()
	if err := r.err(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	services, err := r.assemble(ctx, e.at)
	if err != nil {
		return nil, err
	}
	if app.container != nil {
		app.container.leave() // a function has no end that could be waited for
	}

	srv := &Server{logger: app.logger, input: defaultInput, assembly: services.made, container: app.container}
	srv.background.ending = context.Background()
	l := &linker{server: srv, services: services, observers: app.observers}
	checks := l.checks(e, rr.checks)
	watch := watchersOf(l.observers, rr.handler.info)
	way := l.crossings(rr, 0, watch)
	if len(way) > 0 {
		watch = nil // from its own boundary, inside the arounds
	}
	run := e.calling(e.bind(l.call(rr), rr.arounds, way), watch)
	srv.moreMarks = max(0, l.marks-inlineMarks)
	var watching []CallObserver
	for _, o := range l.observers {
		if whole, ok := o.(CallObserver); ok {
			watching = append(watching, whole)
		}
	}
	request := func() *http.Request { return &http.Request{URL: &url.URL{}, Header: http.Header{}} }
	if app.container == nil { // nobody but a service can get at it
		shared := request()
		request = func() *http.Request { return shared }
	}
	return func(ctx context.Context, f frame) (err error) {
		s := newState(srv, request())
		s.base.Context = ctx
		s.values.ring = &keyring{open: true}
		s.frame = f
		if watching != nil {
			exits := s.observeCall(watching, rr.handler.info)
			err = errUnwound
			defer s.unobserveCall(exits, f.out, &err)
		}
		return s.ended(func() (err error) {
			returned := false
			defer rescue(&returned, &err)
			view := s.first()
			if err = in.validate(view, f.in); err == nil {
				_, err = checks.verdict(view)
			}
			if err == nil {
				_, err = run(view)
			}
			returned = true
			return err
		})
	}, nil
}

// functionPlan is what a function does, for checks of the plan.
func functionPlan(rr *resolvedRoute) RoutePlan {
	e := rr.endpoint
	return RoutePlan{
		Name: e.name, Source: rr.at.String(), Request: e.req.String(), Response: e.resp.String(), Timeout: e.timeout,
		Reads: []ReadInfo{}, Writes: []WriteInfo{}, Consumes: []string{}, Produces: []string{}, Statuses: []int{},
		Stages: infos(rr.way()), Catches: []CatchInfo{}, Errors: []ErrorInfo{},
	}
}

// ended is what call comes to without a transport: the services are settled by its
// error and closed, and what it left to be done is done.
func (s *state) ended(call func() error) error {
	err := errUnwound
	defer func() {
		s.closeScope()
		if err == nil {
			for _, w := range s.leftWork() {
				s.later().do(w, time.Time{})
			}
		}
	}()
	err = call()
	if s.scope == nil {
		return err
	}
	if failed := s.settle(outcomeOf(err)); failed != nil {
		err = errors.Join(err, failed)
	}
	return err
}

// outcomeOf is how what has no Response ended.
func outcomeOf(err error) Outcome {
	if err != nil {
		return Outcome{Status: http.StatusInternalServerError, Err: err}
	}
	return Outcome{Status: http.StatusOK}
}
