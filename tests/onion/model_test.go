package onion_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The model is what docs/design.md promises, computed with plain slices and
// without weft: which stages each route has, in which order, and what they do
// when a request runs through them.

// layer is what one of the three levels, app, group and route, declares.
type layer struct {
	middleware, interceptors []*stage
	meta                     []any // in the order in which it was attached
}

// clone is the layer of a copy: nothing added to it is seen by the original.
func (l layer) clone() layer {
	return layer{slices.Clone(l.middleware), slices.Clone(l.interceptors), slices.Clone(l.meta)}
}

// group is a group of the app; the app itself is the group without an outer one.
type group struct {
	layer
	declare    declarer
	outer      *group
	host, path string // what this group adds to the outer ones'
}

// GoString is for rapid's account of a failure.
func (g *group) GoString() string { return strconv.Quote(g.prefix()) }

// lineage is the groups from the app to g.
func (g *group) lineage() []*group {
	if g.outer == nil {
		return []*group{g}
	}
	return append(g.outer.lineage(), g)
}

// wholeHost is the one host in the lineage, or "".
func (g *group) wholeHost() string {
	host := ""
	for _, l := range g.lineage() {
		host += l.host
	}
	return host
}

func (g *group) wholePath() string {
	path := ""
	for _, l := range g.lineage() {
		path += l.path
	}
	return path
}

// prefix is how the plan names the group.
func (g *group) prefix() string {
	if g.wholePath() == "" && g.wholeHost() != "" {
		return g.wholeHost() + "/"
	}
	return g.wholeHost() + g.wholePath()
}

// handler is one *weft.Handler: a function with what was declared for it.
type handler struct {
	layer
	form   handlerForm
	label  string // its function's name in a trace
	name   string
	status int   // 0 where none was declared
	limit  int64 // 0 where none was declared
	built  builder
}

// GoString is for rapid's account of a failure.
func (h *handler) GoString() string { return h.name }

// route is a handler under a pattern in a group.
type route struct {
	group   *group
	handler *handler
	pattern string // as ServeMux reads it
}

// place is a stage where it stands in a chain.
type place struct {
	*stage
	kind, level, group, route string
}

// planned is what the plan must say of a place.
type planned struct{ Name, Kind, Level, Group, Route string }

func (p place) planned() planned { return planned{p.name, p.kind, p.level, p.group, p.route} }

// declared puts one kind of the layers' stages in order: app, groups, route.
func declared(kind, route string, groups []*group, own *handler, list func(layer) []*stage) []place {
	var places []place
	for _, g := range groups {
		level, routed := "group", route
		if g.outer == nil {
			level = "app"
			if kind == "middleware" {
				routed = "" // it stands before routing
			}
		}
		for _, s := range list(g.layer) {
			places = append(places, place{s, kind, level, g.prefix(), routed})
		}
	}
	if own != nil {
		for _, s := range list(own.layer) {
			places = append(places, place{s, kind, "route", "", route})
		}
	}
	return places
}

// dedupe leaves out a stage that is to stand once and has its like outside it.
func dedupe(places []place) []place {
	var kept []place
	for _, p := range places {
		outside := func(other place) bool { return other.name == p.name }
		if !p.once || !slices.ContainsFunc(kept, outside) {
			kept = append(kept, p)
		}
	}
	return kept
}

func middlewareOf(l layer) []*stage   { return l.middleware }
func interceptorsOf(l layer) []*stage { return l.interceptors }

// chain is every stage around the route's handler, outermost first.
func (r *route) chain() []place {
	groups := r.group.lineage()
	return dedupe(slices.Concat(
		declared("middleware", r.pattern, groups, r.handler, middlewareOf),
		declared("interceptor", r.pattern, groups, r.handler, interceptorsOf),
	))
}

// missChain is every stage around the answer to a path that no route matches
// and whose deepest group is g.
func (g *group) missChain() []place {
	return dedupe(declared("middleware", "", g.lineage(), nil, middlewareOf))
}

// plan is what the plan must say of the route: its chain, with the steps of a
// handler of its form at their places.
func (r *route) plan() []planned {
	var stages []planned
	own := func(name, kind string) planned { return planned{name, kind, "route", "", r.pattern} }
	read := false
	for _, p := range r.chain() {
		if p.kind == "interceptor" && !read && r.handler.form.reads() {
			stages, read = append(stages, own("extract", "extract")), true
		}
		stages = append(stages, p.planned())
	}
	if !read && r.handler.form.reads() {
		stages = append(stages, own("extract", "extract"))
	}
	stages = append(stages, own(r.handler.name, "handler"))
	if r.handler.form.encodes() {
		stages = append(stages, own("respond", "respond"))
	}
	return stages
}

// success is the status of the handler's answer.
func (h *handler) success() int {
	switch {
	case h.status != 0:
		return h.status
	case h.form == answersNothing:
		return 204
	}
	return 200
}

// nearest is the metadata of type T that the route must find.
func nearest[T any](r *route) (found T, ok bool) {
	for _, g := range r.group.lineage() {
		for _, m := range g.meta {
			if v, is := m.(T); is {
				found, ok = v, true
			}
		}
	}
	for _, m := range r.handler.meta {
		if v, is := m.(T); is {
			found, ok = v, true
		}
	}
	return found, ok
}

// deepest is the group that answers for a path that no route matches: of those
// whose prefix contains it the one with a host, then the longest, then the one
// with a literal where the other has a wildcard, then the first declared.
func deepest(groups []*group, host, escapedPath string) *group {
	best := groups[0]
	for _, g := range groups[1:] {
		if g.host == "" && g.path == "" { // it adds no paths of its own
			continue
		}
		if g.contains(host, escapedPath) && (best.outer == nil || g.deeper(best)) {
			best = g
		}
	}
	return best
}

func (g *group) segments() []string {
	if g.wholePath() == "" {
		return nil
	}
	return strings.Split(g.wholePath()[1:], "/")
}

func isWildcard(segment string) bool { return strings.HasPrefix(segment, "{") }

func (g *group) contains(host, escapedPath string) bool {
	if g.wholeHost() != "" && g.wholeHost() != host {
		return false
	}
	path := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	segments := g.segments()
	if len(path) < len(segments) {
		return false
	}
	for i, segment := range segments {
		switch {
		case isWildcard(segment) && path[i] == "":
			return false
		case !isWildcard(segment) && unescape(segment) != unescape(path[i]):
			return false
		}
	}
	return true
}

func (g *group) deeper(other *group) bool {
	if hosted, otherHosted := g.wholeHost() != "", other.wholeHost() != ""; hosted != otherHosted {
		return hosted
	}
	mine, theirs := g.segments(), other.segments()
	if len(mine) != len(theirs) {
		return len(mine) > len(theirs)
	}
	for i := range mine {
		if isWildcard(mine[i]) != isWildcard(theirs[i]) {
			return isWildcard(theirs[i])
		}
	}
	return false
}

func unescape(segment string) string {
	plain, err := url.PathUnescape(segment)
	if err != nil {
		panic(err) // the generator made it
	}
	return plain
}

// deviation is what one stage of a request does in place of its usual work.
type deviation struct {
	manner
	late bool // when next has returned, instead of calling it
}

type manner string

const (
	answers manner = "answers by itself"
	fails   manner = "fails"
	panics  manner = "panics"
	zero    manner = "returns the zero Response"
	aborts  manner = "panics with http.ErrAbortHandler"
	exits   manner = "calls runtime.Goexit"
	misuses manner = "misuses next"
)

func (d deviation) String() string {
	if d.late {
		return string(d.manner) + " when next has returned"
	}
	return string(d.manner)
}

// leaves is whether the stage returns, and so records that it is left.
func (d deviation) leaves() bool { return d.manner != panics && !d.drops() }

// drops is whether the whole request ends without an answer.
func (d deviation) drops() bool { return d.manner == aborts || d.manner == exits }

// failure is whether the stages outside see a failure.
func (d deviation) failure() bool {
	return d.manner == fails || d.manner == panics || d.manner == zero
}

// can is whether a stage of the form is able to deviate so.
func (f form) can(d deviation) bool {
	switch f {
	case function, ownType:
		return true
	case before, theHandler:
		return !d.late && d.manner != answers && d.manner != zero && d.manner != misuses
	case after:
		return d.late
	}
	return false
}

// journey is a request on its way through a chain.
type journey struct {
	chain  []place
	at     int // the place that deviates
	how    deviation
	failed bool // whether the chain's core answers with a failure by itself
}

// deviant is the name of the stage that deviates, or "".
func (j journey) deviant() string {
	if j.how.manner == "" {
		return ""
	}
	return j.chain[j.at].name
}

// entered is the places that the request gets to.
func (j journey) entered() []place {
	if j.how.manner == "" || j.how.manner == misuses || j.how.late {
		return j.chain
	}
	return j.chain[:j.at+1]
}

// events is what the stages must record, in order.
func (j journey) events() []string {
	return slices.Concat(j.wayIn(), j.wayOut(), j.afterwards())
}

func (j journey) wayIn() []string {
	var list []string
	for _, p := range j.entered() {
		if p.form.recordsEntering() {
			list = append(list, "> "+p.name)
		}
	}
	return list
}

func (j journey) wayOut() []string {
	var list []string
	failed := j.failed
	for i, p := range slices.Backward(j.entered()) {
		deviates := j.how.manner != "" && i == j.at
		if deviates && j.how.drops() {
			return list
		}
		leaves := p.form.recordsLeaving() || p.form == onError && failed
		if leaves && (!deviates || j.how.leaves()) {
			list = append(list, "< "+p.name)
		}
		if deviates && j.how.manner != misuses {
			failed = j.how.failure()
		}
	}
	return list
}

// afterwards is the Finally stages.
func (j journey) afterwards() []string {
	var list []string
	for _, p := range slices.Backward(j.entered()) {
		if p.form == finally {
			list = append(list, ". "+p.name)
		}
	}
	return list
}
