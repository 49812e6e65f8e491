package weft

import (
	"context"
	"net/http"
	"slices"
)

// Plan checks everything that was declared and says what it amounts to,
// without opening or constructing anything. The error joins a [BuildError] for
// each mistake; the plan then shows what could be made out.
func (a *App) Plan() (*Plan, error) {
	r := resolve(a)
	r.checkPlan()
	return r.plan, r.err()
}

// Build checks as [App.Plan] does and returns the Server. From then on the App
// accepts no declarations. ctx bounds Build, not the Server.
func (a *App) Build(ctx context.Context) (*Server, error) {
	from, at, test := a, here(), productionIn(ctx)
	if test != nil {
		from, at = a.rehearsed(test), test.Site()
	}
	r := resolve(from)
	r.checkPlan()
	if err := r.err(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	services, err := r.assemble(ctx, at)
	if err != nil {
		return nil, err
	}
	if !set(a.built) {
		a.built = at
	}
	for _, s := range r.plan.Services {
		if s.Reason != "" {
			from.logger.InfoContext(ctx, "a service is made per request", "service", s.Service, "reason", s.Reason)
		}
	}
	for _, w := range r.plan.Warnings {
		from.logger.WarnContext(ctx, "a declaration is seldom meant", "source", w.Source, "route", w.Route, "problem", w.Problem, "remedy", w.Remedy)
	}
	srv := r.link(services)
	srv.test = test
	return srv, nil
}

// link turns the resolved declarations into functions that call each other. It
// decides once what a request would otherwise have to ask.
func (r *resolution) link(services *assembler) *Server {
	a := r.app
	srv := &Server{
		plan:       r.plan,
		mux:        http.NewServeMux(),
		logger:     a.logger,
		input:      newInput(a.json, a.limit, a.strictQuery, a.forms),
		messages:   a.messages,
		format:     a.format,
		streams:    a.streams.resolved(),
		drains:     make(chan struct{}),
		decisions:  a.decisions,
		ring:       keyring{keys: r.keys},
		assembly:   services.made,
		container:  a.container,
		drain:      a.drain,
		drainDelay: a.delay,
	}

	srv.background.ending, srv.background.end = context.WithCancel(context.Background())
	l := &linker{server: srv, services: services, observers: slices.Clone(a.observers)}
	for _, o := range a.observers {
		if whole, ok := o.(RequestObserver); ok {
			srv.watching = append(srv.watching, whole)
		}
	}
	l.routing = &stage{info: &StageInfo{Name: "routing", Kind: KindRouting, Level: LevelApp}, server: srv, levels: r.levels(nil, a.root)}
	l.routing.dispatch = func(r *Request, _ Next) Response { return srv.route(r) }
	srv.sending = &stage{info: &StageInfo{Name: "send", Kind: KindRouting, Level: LevelApp}, server: srv, levels: l.routing.levels}
	srv.entry = srv.route
	if len(r.outermost) > 0 {
		l.observe(r.outermost)
		outer, last := r.outermost, r.outermost[len(r.outermost)-1]
		srv.entry = onion(outer, 0, l.routing.entrance(last, len(outer), nil))
	}
	l.first = len(r.outermost) + 1

	for _, rr := range r.routes {
		rr.route.settable = r.settable(slices.Concat(r.outermost, rr.way()))
		rr.route.chain = l.route(rr)
		switch {
		case rr.route.source != nil:
			srv.events = append(srv.events, &eventHandler{srv, rr.route})
			continue
		case a.alone:
			srv.entry = srv.alone(rr.route)
			continue
		}
		srv.mux.Handle(rr.route.pattern, routeHandler{rr.route})
	}
	srv.unrouted = l.miss(nil, r.levels(nil, a.root))
	srv.settable = r.settable(r.outermost)
	for _, m := range r.misses {
		srv.settable |= r.settable(m.outer)
		srv.misses = append(srv.misses, missChain{m.prefix, l.miss(m.outer, m.levels)})
	}
	srv.moreMarks = max(0, l.marks-inlineMarks)
	return srv
}

// linker holds what every chain needs.
type linker struct {
	server    *Server
	services  *assembler
	observers []Observer
	routing   *stage // what calls a route's chain
	first     int    // the first mark behind routing
	marks     int    // how many marks the longest way needs
}

func (l *linker) observe(stages []*stage) {
	for _, st := range stages {
		st.server = l.server
		if st.middleware != nil {
			st.dispatch = st.middleware.with(st, l.services.supplier(st)(st.middleware.service))
		}
		st.dispatch = st.observed(watchersOf(l.observers, st.info))
	}
}

func (l *linker) route(rr *resolvedRoute) Next {
	rr.handler.server = l.server
	if rr.respond != nil {
		rr.respond.server = l.server
	}
	// The handler's function is watched from its own boundary, inside the arounds.
	watch := watchersOf(l.observers, rr.handler.info)
	end := l.first + len(rr.outer) + len(rr.inner)
	if rr.extract != nil {
		end++
	}
	way := l.crossings(rr, end, watch)
	if len(way) > 0 {
		watch = nil
	}
	rr.handler.dispatch = rr.endpoint.run(rr.handler, rr.respond, &rr.answers, rr.endpoint.bind(l.call(rr), rr.arounds, way), watch, l.observers)
	l.observe(rr.outer)
	l.observe(rr.inner)
	guards, checks := l.guards(rr.guards), l.checks(rr.endpoint, rr.checks)

	behind := append(slices.Clone(rr.inner), rr.handler)
	behind[0].dispatch = checks.before(behind[0].dispatch)
	if rr.extract != nil {
		rr.extract.server = l.server
		watch := watchersOf(l.observers, rr.extract.info)
		if len(rr.inner) == 0 && watch == nil {
			// Nothing stands or looks between extraction and handler: they share an entrance.
			rr.handler.dispatch = rr.endpoint.reading(rr.extract, rr.intake, rr.handler.dispatch)
		} else {
			rr.extract.dispatch = rr.extract.observed(watch)
			behind = append([]*stage{rr.extract}, behind...)
		}
	}
	behind[0].dispatch = guards.before(rr.answers.formats.strictly(rr.respond, behind[0].dispatch))
	last := len(behind) - 1
	return l.chain(append(slices.Clone(rr.outer), behind[:last]...), behind[last])
}

// call is the handler's function, with its service where it is made of one.
func (l *linker) call(rr *resolvedRoute) typedCall {
	e := rr.endpoint
	call := e.call
	if e.service != nil {
		call = e.callFrom(l.services.supplier(rr.handler)(*e.service))
	}
	if e.outlived() {
		call = call.outlived(e.stream != nil)
	}
	return call
}

// crossings are the boundaries of a route's arounds and of the handler behind
// them; their marks come behind the handler stage's, which is at most end.
func (l *linker) crossings(rr *resolvedRoute, end int, handler *watch) []*crossing {
	if len(rr.arounds) == 0 {
		return nil
	}
	caller := rr.handler
	var way []*crossing
	for i, st := range append(slices.Clone(rr.arounds), rr.handler) {
		c := &crossing{caller: caller, server: l.server, mark: end + 1 + i, watch: handler, last: st == rr.handler}
		if !c.last {
			c.watch = watchersOf(l.observers, st.info)
		}
		way = append(way, c)
		caller = st
	}
	l.marks = max(l.marks, end+1+len(way))
	return way
}

func (l *linker) miss(outer []*stage, levels []*mapping) Next {
	unrouted := &stage{info: l.routing.info, server: l.server, levels: levels}
	unrouted.dispatch = func(r *Request, _ Next) Response { return r.state.miss.answer(unrouted, r) }
	l.observe(outer)
	return l.chain(outer, unrouted)
}

// chain is what routing leads to: the stages, then core, which has no next.
func (l *linker) chain(stages []*stage, core *stage) Next {
	var caller *stage
	if len(stages) > 0 {
		caller = stages[len(stages)-1]
	}
	end := l.first + len(stages)
	l.marks = max(l.marks, end+1)
	return onion(stages, l.first, core.entrance(caller, end, nil))
}
