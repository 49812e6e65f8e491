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
	if a.validate != nil {
		r.rulebook = rulebook{a.validate, true}
		if a.validate.Struct(struct {
			Probe string `validate:"len=2"`
		}{"x"}) == nil {
			r.problems = append(r.problems, &BuildError{
				Source: a.root.at.String(), at: a.root.at,
				Problem: "the validator of WithValidator reads another tag than validate",
				Remedy:  "leave its SetTagName out, and write the rules into validate tags",
			})
		}
	} else {
		r.rulebook = rulebook{validate: validator.New(validator.WithRequiredStructEnabled())}
	}
	r.resolvePrefixes()
	for _, g := range a.groups {
		r.mappings[g] = newMapping(g.mappers, func(at callsite.Site, problem, remedy string) { r.report(at, "", problem, remedy) })
	}

	r.outermost = r.once(nil, r.stages(a.root.middleware, KindMiddleware, StageInfo{Level: LevelApp}, r.levels(nil, a.root)))
	r.checkOrder(r.outermost)
	r.plan.App = infos(r.outermost)

	for _, g := range a.groups { // whether or not a route uses them
		r.stages(g.middleware, KindMiddleware, StageInfo{}, nil)
		r.stages(g.interceptors, KindInterceptor, StageInfo{}, nil)
		r.guardStages(g.guards, StageInfo{}, nil)
		r.aroundStages(g.arounds, StageInfo{}, nil)
	}
	table := &routeTable{}
	for _, d := range a.routes {
		r.resolveRoute(table, d)
	}
	for _, g := range a.groups {
		r.resolveMiss(g)
	}
	r.inferLifetimes()
	r.collectKeys()
	for _, rr := range r.routes {
		r.addSettling(rr)
		r.checkOrder(slices.Concat(r.outermost, rr.outer, rr.guards, rr.inner, rr.arounds))
		r.prove(slices.Concat(r.outermost, rr.way()), len(r.outermost)+len(rr.outer))
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
	for _, m := range append(r.misses, resolvedMiss{}) { // also where no group has a prefix
		way := slices.Concat(r.outermost, m.outer)
		r.prove(way, len(way))
	}
	r.findDead()
	r.planWarnings()
	return r
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

// stages gives the attached middleware their places, in the order of the list.
func (r *resolution) stages(list []attached, kind Kind, where StageInfo, levels []*mapping) []*stage {
	var stages []*stage
	for _, a := range list {
		d, dispatch, ok := declaration(a.middleware)
		if !ok {
			r.report(a.at, "", fmt.Sprintf("the %s %q has no function", kind, d.name),
				"give it one; to leave a stage out, pass a plain nil")
			continue
		}
		st := r.stage(where, kind, d.rules, a.at, levels, dispatch)
		if m, supplied := d.Middleware.(*suppliedMiddleware); supplied {
			st.middleware, st.services = m, []graph.Key{m.service}
		}
		stages = append(stages, st)
	}
	return stages
}

// stage is a stage of the user's at its place.
func (r *resolution) stage(where StageInfo, kind Kind, said rules, at callsite.Site, levels []*mapping, dispatch func(*Request, Next) Response) *stage {
	where.Name, where.Kind, where.Source = said.name, kind, at.String()
	where.Provides, where.MayProvide = keyNames(said.provides), keyNames(said.may)
	where.Needs, where.Reads, where.ReadsBody = keyNames(said.needs), keyNames(said.reads), said.readsBody
	if slices.Contains(slices.Concat(said.provides, said.may, said.tried, said.needs, said.reads), nil) {
		r.report(at, "", fmt.Sprintf("the %s %q names a key that does not exist", kind, said.name), "make it with NewKey")
	}
	return &stage{info: &where, dispatch: dispatch, rules: said, at: at, levels: levels, services: said.services}
}

// guardStages gives the guards of one level their places.
func (r *resolution) guardStages(list []attachedGuard, where StageInfo, levels []*mapping) []*stage {
	var stages []*stage
	for _, a := range list {
		a.problems(func(problem, remedy string) { r.report(a.at, "", problem, remedy) })
		st := r.stage(where, KindGuard, a.rules, a.at, levels, nil)
		st.guard, st.services = a.guard, a.guard.services
		stages = append(stages, st)
	}
	return stages
}

// guards gives the guards of all levels their places; see interceptors.
func (r *resolution) guards(groups []*Group, route string, own []attachedGuard, levels []*mapping) []*stage {
	var stages []*stage
	for _, g := range groups {
		stages = append(stages, r.guardStages(g.guards, r.place(g, route), levels)...)
	}
	return append(stages, r.guardStages(own, StageInfo{Level: LevelRoute, Route: route}, levels)...)
}

// checkStages gives the checks of a route their places.
func (r *resolution) checkStages(list []check, where StageInfo, levels []*mapping) []*stage {
	var stages []*stage
	for i, c := range list {
		if c.run == nil {
			r.report(c.at, where.Route, fmt.Sprintf("the check %q has no function", c.name), "give it one, or leave it out")
			continue
		}
		st := r.stage(where, KindCheck, c.rules, c.at, levels, nil)
		st.check = &list[i]
		stages = append(stages, st)
	}
	return stages
}

// aroundStages gives the arounds of one level their places.
func (r *resolution) aroundStages(list []around, where StageInfo, levels []*mapping) []*stage {
	var stages []*stage
	for i, a := range list {
		if a.wrap == nil && a.any == nil {
			r.report(a.at, "", fmt.Sprintf("the around %q has no function", a.name), "give it one, or leave it out")
			continue
		}
		st := r.stage(where, KindAround, a.rules, a.at, levels, nil)
		st.around = &list[i]
		stages = append(stages, st)
	}
	return stages
}

// arounds gives the arounds of all levels their places; see interceptors.
func (r *resolution) arounds(groups []*Group, route string, own []around, levels []*mapping) []*stage {
	var stages []*stage
	for _, g := range groups {
		stages = append(stages, r.aroundStages(g.level.arounds, r.place(g, route), levels)...)
	}
	return append(stages, r.aroundStages(own, StageInfo{Level: LevelRoute, Route: route}, levels)...)
}

// place is where the stages of a group stand on a route.
func (r *resolution) place(g *Group, route string) StageInfo {
	if g.outer == nil {
		return StageInfo{Level: LevelApp, Route: route}
	}
	return StageInfo{Level: LevelGroup, Group: r.prefixes[g].String(), Route: route}
}

// levels are the mappers that an error meets, from the route's own, which may
// be nil, and the group outward.
func (r *resolution) levels(own *mapping, g *Group) []*mapping {
	var levels []*mapping
	if own != nil {
		levels = append(levels, own)
	}
	for ; g != nil; g = g.outer {
		if m := r.mappings[g]; m != nil {
			levels = append(levels, m)
		}
	}
	return levels
}

// middleware gives the middleware of all levels between the app and a route,
// or a miss, their places. The errors of each begin at its own level.
func (r *resolution) middleware(groups []*Group, route string, own []attached, levels []*mapping) []*stage {
	var stages []*stage
	for _, g := range groups[1:] {
		stages = append(stages, r.stages(g.middleware, KindMiddleware, r.place(g, route), r.levels(nil, g))...)
	}
	return append(stages, r.stages(own, KindMiddleware, StageInfo{Level: LevelRoute, Route: route}, levels)...)
}

// interceptors gives the interceptors of all levels their places. They run
// inside the route, so their errors begin at the route's level.
func (r *resolution) interceptors(groups []*Group, route string, own []attached, levels []*mapping) []*stage {
	var stages []*stage
	for _, g := range groups {
		stages = append(stages, r.stages(g.interceptors, KindInterceptor, r.place(g, route), levels)...)
	}
	return append(stages, r.stages(own, KindInterceptor, StageInfo{Level: LevelRoute, Route: route}, levels)...)
}

// once leaves out stages that are to stand once and have one like them, of
// their name, outside them, in outer or earlier in the list.
func (r *resolution) once(outer, stages []*stage) []*stage {
	var kept []*stage
	for _, st := range stages {
		same := func(other *stage) bool {
			bothMiddleware := other.dispatch != nil && st.dispatch != nil // interceptors too
			return other.info.Name == st.info.Name && (bothMiddleware || other.info.Kind == st.info.Kind)
		}
		if st.rules.once && (slices.ContainsFunc(outer, same) || slices.ContainsFunc(kept, same)) {
			continue
		}
		kept = append(kept, st)
	}
	return kept
}

// checkOrder checks what the stages demand of their places. way is outermost first.
func (r *resolution) checkOrder(way []*stage) {
	for i, st := range way {
		for _, other := range way[:i] {
			if slices.Contains(st.rules.outside, other.info.Name) {
				r.report(st.at, "", fmt.Sprintf("%q must stand outside %q, but that one (%v) stands outside it", st.info.Name, other.info.Name, other.at),
					"list it earlier, or attach it at a level further out")
			}
		}
		for _, other := range way[i+1:] {
			if slices.Contains(st.rules.inside, other.info.Name) {
				r.report(st.at, "", fmt.Sprintf("%q must stand inside %q, but that one (%v) stands inside it", st.info.Name, other.info.Name, other.at),
					"list it later, or attach it at a level further in")
			}
		}
	}
}

func (r *resolution) resolveRoute(table *routeTable, d declaredRoute) {
	route, err := pattern.Parse(d.pattern)
	if err == nil {
		route, err = r.prefixes[d.group].Join(route)
	}
	name := route.String()
	if err != nil {
		name = d.pattern
		r.report(d.at, name, err.Error(), "mend the pattern: [METHOD ][HOST]/[PATH]")
	} else if !r.broken[d.group] { // otherwise it would conflict with patterns it is not meant to
		if problem, remedy := table.add(name, d.at); problem != "" {
			r.report(d.at, name, problem, remedy)
		}
	}
	if d.endpoint == nil {
		r.report(d.at, name, "the handler is nil", "give Handle a *weft.Handler, as weft.Handle makes it")
		return
	}
	in := r.inputOf(d.endpoint)
	for _, p := range append(d.endpoint.problems(), d.endpoint.unanswerable(in.json.Codec != nil)...) {
		p.Route = name
		r.problems = append(r.problems, p)
	}

	groups := d.group.lineage()
	rr := &resolvedRoute{endpoint: d.endpoint, group: d.group, at: d.at}
	rr.own = newMapping(d.endpoint.level.mappers, func(at callsite.Site, problem, remedy string) { r.report(at, name, problem, remedy) })
	levels := r.levels(rr.own, d.group)
	rr.outer = r.once(r.outermost, r.middleware(groups, name, d.endpoint.level.middleware, levels))
	outside := slices.Concat(r.outermost, rr.outer)
	rr.guards = r.once(outside, r.guards(groups, name, d.endpoint.level.guards, levels))
	outside = append(outside, rr.guards...)
	rr.inner = r.once(outside, r.interceptors(groups, name, d.endpoint.level.interceptors, levels))
	rr.arounds = r.once(slices.Concat(outside, rr.inner), r.arounds(groups, name, slices.Concat(d.endpoint.typed, d.endpoint.core), levels))
	rr.intake = r.intakeOf(d.endpoint, in, route, name)
	rr.extract, rr.handler, rr.respond = d.endpoint.steps(name, rr.intake, in.limit)
	rr.checks = r.checkStages(d.endpoint.checks, StageInfo{Level: LevelRoute, Route: name}, levels)
	if service := d.endpoint.service; service != nil {
		rr.handler.services = []graph.Key{*service}
	}
	for _, st := range []*stage{rr.extract, rr.handler, rr.respond} {
		if st != nil {
			st.levels = levels
		}
	}

	meta := slices.Clone(d.endpoint.level.meta)
	for _, g := range slices.Backward(groups) {
		meta = append(meta, g.meta...)
	}
	rr.route = &Route{
		pattern: name,
		name:    d.endpoint.name,
		meta:    meta,
		input:   in,
		logger:  r.app.logger.With(slog.String("route", name)),
	}
	r.routes = append(r.routes, rr)
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
	return newInput(o, limit, r.app.strictQuery || e.strict)
}

// intakeOf compiles how the Req is read, and compares it with the pattern.
func (r *resolution) intakeOf(e *endpoint, how *input, route pattern.Pattern, name string) *intake {
	in := newIntake(e, how.json.Codec != nil, r.rulebook, func(problem, remedy string) { r.report(e.at, name, problem, remedy) })
	if in == nil {
		return nil
	}
	for _, wildcard := range in.pathNames() {
		if !slices.Contains(route.Wildcards(), wildcard) {
			r.report(e.at, name, fmt.Sprintf("%v reads the path value %q, and the pattern has no {%s}", e.req, wildcard, wildcard),
				"write the wildcard into the pattern, or mend the name")
		}
	}
	return in
}

func (r *resolution) routePlan(rr *resolvedRoute) RoutePlan {
	e := rr.endpoint
	statuses := e.statuses(rr.intake)
	if len(rr.guards) > 0 {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden)
	}
	return RoutePlan{
		Pattern:  rr.route.pattern,
		Name:     rr.route.name,
		Source:   rr.at.String(),
		Request:  e.req.String(),
		Response: e.resp.String(),
		Statuses: statuses,
		Reads:    readsIn(rr.intake),
		Writes:   e.writes(),
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
	way := slices.Concat(r.outermost, m.outer)
	r.checkOrder(way)
	r.misses = append(r.misses, m)
	r.plan.Misses = append(r.plan.Misses, MissPlan{m.prefix.String(), infos(way)})
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

// routeTable asks ServeMux what it thinks of each pattern, before anything is linked.
type routeTable struct {
	mux      *http.ServeMux
	accepted []acceptedRoute
}

type acceptedRoute struct {
	pattern string
	at      callsite.Site
}

// add reports why the pattern cannot be routed, and what to do.
func (t *routeTable) add(name string, at callsite.Site) (problem, remedy string) {
	if t.mux == nil {
		t.mux = http.NewServeMux()
	}
	refusal := register(t.mux, name)
	if refusal == "" {
		t.accepted = append(t.accepted, acceptedRoute{name, at})
		return "", ""
	}
	const mend = "mend the pattern: [METHOD ][HOST]/[PATH]"
	if alone := register(http.NewServeMux(), name); alone != "" {
		return alone, mend
	}
	for _, other := range t.accepted {
		pair := http.NewServeMux()
		register(pair, other.pattern)
		if conflict := register(pair, name); conflict != "" {
			_, why, _ := strings.Cut(conflict, ":\n")
			return fmt.Sprintf("conflicts with %q (%v): %s", other.pattern, other.at, strings.ReplaceAll(strings.TrimSuffix(why, "."), "\n", " ")),
				"change one of the two, or make one more specific than the other"
		}
	}
	return refusal, mend
}

// register returns what ServeMux panics with, in place of its panic.
func register(mux *http.ServeMux, pattern string) (refusal string) {
	defer func() {
		if p := recover(); p != nil {
			refusal = fmt.Sprint(p)
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return ""
}
