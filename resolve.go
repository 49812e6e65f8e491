package weft

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/graph"
	"github.com/weft-go/weft/internal/pattern"
)

// resolution is an App's declarations, put in order and checked. Each call of
// resolve makes its own, so that Plan and Build never share a stage.
type resolution struct {
	app       *App
	plan      *Plan
	prefixes  map[*Group]pattern.Prefix
	broken    map[*Group]bool // prefixes that could not be read
	outermost []*stage        // around routing
	routes    []*resolvedRoute
	misses    []resolvedMiss
	problems  []*BuildError
	warnings  []*BuildError
	reach     reach
	rulebook  rulebook
	mappings  map[*Group]*mapping // nil for a group without mappers
	keys      []*key              // that stages provide
	providers []*stage            // of those
	gaps      []gap
	nodes     map[*graph.Node]*service
	order     []*graph.Node // of the graph of services, solved
	reached   map[*graph.Node]*reached
}

type resolvedRoute struct {
	route    *Route
	endpoint *endpoint
	group    *Group
	event    bool    // of a source, whose name is no pattern
	intake   *intake // nil where nothing is read
	at       callsite.Site
	outer    []*stage // middleware of the groups and the route
	own      *mapping // of the handler, nil where it has no mappers
	guards   []*stage
	extract  *stage // nil where nothing is read
	checks   []*stage
	inner    []*stage // interceptors, and what settles among them
	arounds  []*stage
	handler  *stage
	respond  *stage // nil where the handler makes the Response
	answers  answers
}

// way is every stage behind routing, in the order in which they are entered.
func (rr *resolvedRoute) way() []*stage {
	stages := slices.Concat(rr.outer, rr.guards)
	if rr.extract != nil {
		stages = append(stages, rr.extract)
	}
	stages = append(slices.Concat(stages, rr.checks, rr.inner, rr.arounds), rr.handler)
	if rr.respond != nil {
		stages = append(stages, rr.respond)
	}
	return stages
}

type resolvedMiss struct {
	prefix pattern.Prefix
	outer  []*stage
	levels []*mapping // for the miss itself
}

func resolve(a *App) *resolution {
	r := &resolution{
		app:      a,
		plan:     &Plan{App: []StageInfo{}, Routes: []RoutePlan{}, Misses: []MissPlan{}, Warnings: []Warning{}},
		prefixes: map[*Group]pattern.Prefix{},
		broken:   map[*Group]bool{},
		mappings: map[*Group]*mapping{},
		reach:    reach{alive: map[mapperKey]bool{}},
		problems: slices.Clone(a.problems),
	}
	r.chooseValidator()
	r.resolvePrefixes()
	r.resolveGroups()
	table := &routeTable{}
	events := map[string]callsite.Site{}
	for _, d := range a.routes {
		if d.event {
			r.resolveEvent(events, d)
			continue
		}
		route, name := r.resolvePattern(table, d)
		r.resolveRoute(d, route, name)
	}
	for _, g := range a.groups {
		r.resolveMiss(g)
	}

	r.inferLifetimes()
	for _, rr := range r.routes {
		r.addSettling(rr)
	}
	r.checkOrders()
	r.proveKeys()
	r.describe()
	r.findDead()
	r.planWarnings()
	return r
}

func (r *resolution) chooseValidator() {
	if r.app.validate == nil {
		r.rulebook = rulebook{validate: validator.New(validator.WithRequiredStructEnabled())}
		return
	}
	r.rulebook = rulebook{r.app.validate, true}
	if r.app.validate.Struct(struct {
		Probe string `validate:"len=2"`
	}{"x"}) == nil {
		r.report(r.app.root.at, "", "the validator of WithValidator reads another tag than validate",
			"leave its SetTagName out, and write the rules into validate tags")
	}
}

// resolveGroups finds what is wrong with the stages of groups, whether or not a route uses them.
func (r *resolution) resolveGroups() {
	for _, g := range r.app.groups {
		r.mappings[g] = newMapping(g.mappers, func(at callsite.Site, problem, remedy string) { r.report(at, "", problem, remedy) })
		r.stages(g.middleware, KindMiddleware, StageInfo{}, nil)
		r.stages(g.interceptors, KindInterceptor, StageInfo{}, nil)
		r.guardStages(g.guards, StageInfo{}, nil)
		r.aroundStages(g.arounds, StageInfo{}, nil)
		if g.formats != nil {
			g.formats.compile(&format{json: true}, r.wrongFormats(g.formats))
		}
	}
	root := r.app.root
	r.outermost = r.once(nil, r.stages(root.middleware, KindMiddleware, StageInfo{Level: LevelApp}, r.levels(nil, root)))
}

// checkOrders checks every way that a request can take, and warns of demands
// that are about no stage of the app.
func (r *resolution) checkOrders() {
	ways := [][]*stage{r.outermost}
	for _, rr := range r.routes {
		ways = append(ways, slices.Concat(r.outermost, rr.way()))
	}
	for _, m := range r.misses {
		ways = append(ways, slices.Concat(r.outermost, m.outer))
	}
	names := map[string]bool{Settle: true} // which not every app has
	for _, way := range ways {
		r.checkOrder(way)
		for _, st := range way {
			names[st.info.Name] = true
		}
	}
	for _, st := range slices.Concat(ways...) {
		for _, name := range slices.Concat(st.rules.outside, st.rules.inside) {
			if !names[name] {
				r.warn(st.at, "", fmt.Sprintf("%v says where it stands beside %q, and no stage has that name", st, name), "mend the name, or leave the option out")
			}
		}
	}
}

// describe fills in the plan.
func (r *resolution) describe() {
	r.plan.App = infos(r.outermost)
	for _, rr := range r.routes {
		plan := r.routePlan(rr)
		r.proveErrors(&plan, rr)
		r.noteReach(&plan, rr)
		failures := plan.Statuses
		if rr.endpoint.resp != typeResponse {
			failures = failures[1:]
		}
		slices.Sort(failures)
		r.plan.Routes = append(r.plan.Routes, plan)
	}
	for _, m := range r.misses {
		r.plan.Misses = append(r.plan.Misses, MissPlan{m.prefix.String(), infos(slices.Concat(r.outermost, m.outer))})
	}
}

// checkPlan asks the checks of the user's.
func (r *resolution) checkPlan() {
	for _, check := range r.app.planChecks {
		for _, p := range check(r.plan) {
			if p.Source == "" {
				p.Source, p.at = r.app.root.at.String(), r.app.root.at
			}
			r.problems = addOnce(r.problems, p)
		}
	}
}

// err joins the problems in the order of the source.
func (r *resolution) err() error {
	inOrderOfSource(r.problems)
	var errs []error
	for i, p := range r.problems {
		same := func(q *BuildError) bool {
			return p.shared && q.at == p.at && q.Problem == p.Problem && q.Remedy == p.Remedy
		}
		if slices.ContainsFunc(r.problems[:i], same) {
			continue // told with the first route on which it is so
		}
		told := *p
		more := 0
		for _, q := range r.problems[i+1:] {
			if same(q) {
				more++
			}
		}
		if more > 0 {
			told.Problem += fmt.Sprintf(" (routes where it is the same: %d)", more+1)
		}
		errs = append(errs, &told)
	}
	return errors.Join(errs...)
}

// report adds a problem, unless the same one was found on another way.
func (r *resolution) report(at callsite.Site, route, problem, remedy string) {
	r.problems = addOnce(r.problems, BuildError{Source: at.String(), Route: route, Problem: problem, Remedy: remedy, at: at})
}

// warn adds a warning, unless the same one was found on another way.
func (r *resolution) warn(at callsite.Site, route, problem, remedy string) {
	r.warnings = addOnce(r.warnings, BuildError{Source: at.String(), Route: route, Problem: problem, Remedy: remedy, at: at})
}

func addOnce(list []*BuildError, p BuildError) []*BuildError {
	if slices.ContainsFunc(list, func(q *BuildError) bool { return *q == p }) {
		return list
	}
	return append(list, &p)
}

func inOrderOfSource(list []*BuildError) {
	slices.SortStableFunc(list, func(a, b *BuildError) int {
		return cmp.Or(cmp.Compare(a.at.File, b.at.File), cmp.Compare(a.at.Line, b.at.Line))
	})
}

// planWarnings puts the warnings into the plan, in the order of the source.
func (r *resolution) planWarnings() {
	inOrderOfSource(r.warnings)
	for _, w := range r.warnings {
		r.plan.Warnings = append(r.plan.Warnings, Warning{w.Source, w.Route, w.Problem, w.Remedy})
	}
}

func (r *resolution) resolvePrefixes() {
	for _, g := range r.app.groups { // outer groups come first
		prefix, err := pattern.ParsePrefix(g.prefix)
		if err == nil && g.outer != nil && !r.broken[g.outer] {
			prefix, err = prefix.Within(r.prefixes[g.outer])
		}
		if err != nil {
			r.report(g.at, "", fmt.Sprintf("the group %q: %v", g.prefix, err), "mend the group's prefix")
			r.broken[g] = true
		}
		r.broken[g] = r.broken[g] || r.broken[g.outer]
		r.prefixes[g] = prefix
	}
}

// resolvePattern is the whole pattern of a route, and its name in the plan.
func (r *resolution) resolvePattern(table *routeTable, d declaredRoute) (route pattern.Pattern, name string) {
	route, err := pattern.Parse(d.pattern)
	if err == nil {
		route, err = r.prefixes[d.group].Join(route)
	}
	name = route.String()
	if err != nil {
		name = d.pattern
		r.report(d.at, name, err.Error(), "mend the pattern: [METHOD ][HOST]/[PATH]")
	} else if !r.broken[d.group] { // otherwise it would conflict with patterns it is not meant to
		if problem, remedy := table.add(name, d.at); problem != "" {
			r.report(d.at, name, problem, remedy)
		}
	}
	return route, name
}

func (r *resolution) resolveRoute(d declaredRoute, route pattern.Pattern, name string) {
	if d.endpoint == nil {
		r.report(d.at, name, "the handler is nil", "give it a *weft.Handler, as weft.Handle makes it")
		return
	}
	if r.app.alone {
		name = d.endpoint.name
	}
	in := r.inputOf(d.endpoint)
	if d.event { // nobody says what a record is but its route
		in.json.AllowUntyped = true
	}
	all, declared, own := r.formatsOf(d, in)
	for _, p := range append(d.endpoint.problems(), d.endpoint.unanswerable(in)...) {
		p.Route = name
		r.problems = append(r.problems, p)
	}

	groups := d.group.lineage()
	rr := &resolvedRoute{endpoint: d.endpoint, group: d.group, event: d.event, at: d.at}
	rr.own = newMapping(d.endpoint.level.mappers, func(at callsite.Site, problem, remedy string) { r.report(at, name, problem, remedy) })
	levels := r.levels(rr.own, d.group)
	rr.outer = r.once(r.outermost, append(r.receiving(d, name), r.middleware(groups, name, d.endpoint.level.middleware, levels)...))
	outside := slices.Concat(r.outermost, rr.outer)
	rr.guards = r.once(outside, r.guards(groups, name, d.endpoint.level.guards, levels))
	outside = append(outside, rr.guards...)
	rr.inner = r.once(outside, r.interceptors(groups, name, d.endpoint.level.interceptors, levels))
	rr.arounds = r.once(slices.Concat(outside, rr.inner), r.arounds(groups, name, slices.Concat(d.endpoint.typed, d.endpoint.core), levels))
	if rr.intake = r.intakeOf(d.endpoint, in, route, name); d.event {
		r.checkEventReads(d.endpoint, rr.intake, name)
	}
	r.warnOfBodies(rr, name)
	rr.route = r.routeOf(d, name, in)
	rr.answers.validators = d.endpoint.validators()
	r.settleFormats(rr, all, declared, own)
	r.settleStreams(rr, all)
	rr.extract, rr.handler, rr.respond = d.endpoint.steps(name, rr.intake, in.limit, &rr.answers)
	rr.checks = r.once(nil, r.checkStages(d.endpoint.checks, StageInfo{Level: LevelRoute, Route: name}, levels))
	for _, st := range []*stage{rr.extract, rr.handler, rr.respond} {
		if st != nil {
			st.levels = levels
		}
	}

	r.routes = append(r.routes, rr)
}

func (r *resolution) routeOf(d declaredRoute, name string, in *input) *Route {
	meta := slices.Clone(d.endpoint.level.meta)
	for _, g := range slices.Backward(d.group.lineage()) {
		meta = append(meta, g.meta...)
	}
	return &Route{
		pattern: name,
		name:    d.endpoint.name,
		meta:    meta,
		source:  d.source,
		input:   in,
		logger:  r.app.logger.With(slog.String("route", name)),
	}
}

// inputOf is how a route reads: as the handler says, else as the app does.
func (r *resolution) inputOf(e *endpoint) *input {
	o, limit := r.app.json, r.app.limit
	if e.json != nil {
		o = *e.json
	}
	if e.limit > 0 {
		limit = e.limit
	}
	return newInput(o, limit, r.app.strictQuery || e.strict, r.app.forms)
}

// intakeOf compiles how the Req is read, and compares it with the pattern.
func (r *resolution) intakeOf(e *endpoint, how *input, route pattern.Pattern, name string) *intake {
	in := newIntake(e, how, r.rulebook, func(problem, remedy string) { r.report(e.at, name, problem, remedy) })
	if in == nil {
		return nil
	}
	if method := route.Method; in.readsForm() && bodiless(method) {
		r.report(e.at, name, fmt.Sprintf("%v reads a form, and a %s request has none: its values are in the query", e.req, method),
			"use query tags, or a pattern for POST")
	}
	for _, read := range in.reads {
		if read.Max > how.limit {
			r.report(e.at, name, fmt.Sprintf("the file %q may have %d bytes, and a whole body of the route %d", read.Name, read.Max, how.limit),
				"lower its max, or raise the limit by Handler.Limit")
		}
	}
	for _, wildcard := range in.pathNames() {
		if route.Path != "" && !r.app.alone && !slices.Contains(route.Wildcards(), wildcard) {
			r.report(e.at, name, fmt.Sprintf("%v reads the path value %q, and the pattern has no {%s}", e.req, wildcard, wildcard),
				"write the wildcard into the pattern, or mend the name")
		}
	}
	return in
}

// bodiless reports whether what a request of a method brings along has no meaning (RFC 9110 section 9.3).
func bodiless(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodTrace
}

func (r *resolution) routePlan(rr *resolvedRoute) RoutePlan {
	e := rr.endpoint
	method, _, _ := strings.Cut(rr.route.pattern, " ")
	switch {
	case rr.route.source != nil:
		method = http.MethodPost // as far as an event has one
	case strings.Contains(method, "/"):
		method = "" // any
	}
	statuses := append(e.statuses(rr.intake), rr.answers.statuses(method, rr.intake)...)
	if len(rr.guards) > 0 {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden)
	}
	return RoutePlan{
		Pattern:  rr.route.pattern,
		Event:    rr.route.source != nil,
		Name:     rr.route.name,
		Source:   rr.at.String(),
		Request:  e.req.String(),
		Response: e.resp.String(),
		Statuses: statuses,
		Reads:    readsIn(rr.intake),
		Writes:   e.writes(&rr.answers),
		Consumes: rr.intake.consumes(),
		Produces: e.produces(&rr.answers),
		Limit:    rr.route.input.limit,
		Timeout:  e.timeout,
		Stages:   infos(slices.Concat(r.outermost, rr.way())),
		Catches:  r.catches(e, rr.group),
	}
}

// catches lists the mappers that errors of a route meet, the nearest level first.
func (r *resolution) catches(e *endpoint, group *Group) []CatchInfo {
	list := []CatchInfo{}
	add := func(mappers []attachedMapper, level Level, group string) {
		for _, m := range mappers {
			list = append(list, CatchInfo{m.name, level, group, m.at.String()})
		}
	}
	add(e.level.mappers, LevelRoute, "")
	for g := group; g != nil; g = g.outer {
		if g.outer == nil {
			add(g.mappers, LevelApp, "")
		} else {
			add(g.mappers, LevelGroup, r.prefixes[g].String())
		}
	}
	return list
}

// resolveMiss plans the answers to paths under a group's prefix that no route
// matches. A group that adds no prefix has no paths of its own.
func (r *resolution) resolveMiss(g *Group) {
	if g.prefix == "" {
		return
	}
	m := resolvedMiss{r.prefixes[g], r.once(r.outermost, r.middleware(g.lineage(), "", nil, nil)), r.levels(nil, g)}
	r.misses = append(r.misses, m)
}

func readsIn(in *intake) []ReadInfo {
	if in == nil {
		return []ReadInfo{}
	}
	return in.reads
}

func infos(stages []*stage) []StageInfo {
	list := make([]StageInfo, len(stages))
	for i, st := range stages {
		list[i] = *st.info
	}
	return list
}
