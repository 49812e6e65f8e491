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
}

type resolvedRoute struct {
	route    *Route
	endpoint *endpoint
	group    *Group
	intake   *intake // nil where nothing is read
	at       callsite.Site
	outer    []*stage // middleware of the groups and the route
	extract  *stage   // nil where nothing is read
	inner    []*stage // interceptors
	handler  *stage
	respond  *stage // nil where the handler makes the Response
}

// before is every stage between routing and the handler.
func (rr *resolvedRoute) before() []*stage {
	stages := slices.Clone(rr.outer)
	if rr.extract != nil {
		stages = append(stages, rr.extract)
	}
	return append(stages, rr.inner...)
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
	}
	table := &routeTable{}
	for _, d := range a.routes {
		r.resolveRoute(table, d)
	}
	for _, g := range a.groups {
		r.resolveMiss(g)
	}
	r.findDead()
	r.planWarnings()
	return r
}

// err joins the problems in the order of the source.
func (r *resolution) err() error {
	inOrderOfSource(r.problems)
	errs := make([]error, len(r.problems))
	for i, p := range r.problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// report adds a problem, unless the same one was found on another way.
func (r *resolution) report(at callsite.Site, route, problem, remedy string) {
	r.problems = addOnce(r.problems, BuildError{at.String(), route, problem, remedy, at})
}

// warn adds a warning, unless the same one was found on another way.
func (r *resolution) warn(at callsite.Site, route, problem, remedy string) {
	r.warnings = addOnce(r.warnings, BuildError{at.String(), route, problem, remedy, at})
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
		info := where
		info.Name, info.Kind, info.Source = d.name, kind, a.at.String()
		stages = append(stages, &stage{info: &info, dispatch: dispatch, rules: d.rules, at: a.at, levels: levels})
	}
	return stages
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
		where := StageInfo{Level: LevelGroup, Group: r.prefixes[g].String(), Route: route}
		stages = append(stages, r.stages(g.middleware, KindMiddleware, where, r.levels(nil, g))...)
	}
	return append(stages, r.stages(own, KindMiddleware, StageInfo{Level: LevelRoute, Route: route}, levels)...)
}

// interceptors gives the interceptors of all levels their places. They run
// inside the route, so their errors begin at the route's level.
func (r *resolution) interceptors(groups []*Group, route string, own []attached, levels []*mapping) []*stage {
	stages := r.stages(groups[0].interceptors, KindInterceptor, StageInfo{Level: LevelApp, Route: route}, levels)
	for _, g := range groups[1:] {
		where := StageInfo{Level: LevelGroup, Group: r.prefixes[g].String(), Route: route}
		stages = append(stages, r.stages(g.interceptors, KindInterceptor, where, levels)...)
	}
	return append(stages, r.stages(own, KindInterceptor, StageInfo{Level: LevelRoute, Route: route}, levels)...)
}

// once leaves out stages that are to stand once and have one of their name
// outside them, in outer or earlier in the list.
func (r *resolution) once(outer, stages []*stage) []*stage {
	var kept []*stage
	for _, st := range stages {
		sameName := func(other *stage) bool { return other.info.Name == st.info.Name }
		if st.rules.once && (slices.ContainsFunc(outer, sameName) || slices.ContainsFunc(kept, sameName)) {
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
	for _, p := range d.endpoint.problems(in.json.Codec != nil) {
		p.Route = name
		r.problems = append(r.problems, p)
	}

	groups := d.group.lineage()
	rr := &resolvedRoute{endpoint: d.endpoint, group: d.group, at: d.at}
	own := newMapping(d.endpoint.mappers, func(at callsite.Site, problem, remedy string) { r.report(at, name, problem, remedy) })
	levels := r.levels(own, d.group)
	rr.outer = r.once(r.outermost, r.middleware(groups, name, d.endpoint.middleware, levels))
	outside := slices.Concat(r.outermost, rr.outer)
	rr.inner = r.once(outside, r.interceptors(groups, name, d.endpoint.interceptors, levels))
	rr.intake = r.intakeOf(d.endpoint, in, route, name)
	rr.extract, rr.handler, rr.respond = d.endpoint.steps(name, rr.intake, in.limit)
	for _, st := range []*stage{rr.extract, rr.handler, rr.respond} {
		if st != nil {
			st.levels = levels
		}
	}
	r.checkOrder(slices.Concat(outside, rr.inner))

	meta := slices.Clone(d.endpoint.meta)
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
	plan := r.routePlan(rr)
	r.proveErrors(&plan, rr, own)
	r.noteReach(&plan, rr, own)
	r.plan.Routes = append(r.plan.Routes, plan)
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
	stages := append(slices.Concat(r.outermost, rr.before()), rr.handler)
	if rr.respond != nil {
		stages = append(stages, rr.respond)
	}
	return RoutePlan{
		Pattern:  rr.route.pattern,
		Name:     rr.route.name,
		Source:   rr.at.String(),
		Request:  e.req.String(),
		Response: e.resp.String(),
		Statuses: e.statuses(rr.intake),
		Reads:    readsIn(rr.intake),
		Limit:    rr.route.input.limit,
		Timeout:  e.timeout,
		Stages:   infos(stages),
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
	add(e.mappers, LevelRoute, "")
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
