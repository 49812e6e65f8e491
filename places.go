package weft

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/graph"
)

// Where the stages of all levels stand on each route.

// stages gives the attached middleware their places, in the order of the list.
func (r *resolution) stages(list []attached, kind Kind, where StageInfo, levels []*mapping) []*stage {
	var stages []*stage
	for _, a := range list {
		d, dispatch, ok := declaration(a.middleware)
		if !ok {
			r.report(a.at, "", fmt.Sprintf("the %s %q %s", kind, d.name, cmp.Or(d.missing, "has no function")),
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
