package weft

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/graph"
)

// What Build makes of a Container: which service lives how long, and how each is made.

// ServiceInfo describes a service of the app's container.
type ServiceInfo struct {
	// Service is its type, and its name where it has one.
	Service string `json:"service"`
	// Lifetime is "singleton" or "per request", Declared what was declared: "auto" too.
	Lifetime string `json:"lifetime"`
	Declared string `json:"declared"`
	// Reason is why an auto service is made per request: the shortest chain to what is declared so.
	Reason string `json:"reason,omitempty"`
	// Source is where it was declared, as "folder/file.go:12".
	Source string `json:"source"`
}

// requestKey is what the framework provides in every request.
var requestKey = graph.Key{Type: typeRequest}

// inferLifetimes solves the graph of the services and of the stages that need
// them, and reports what is wrong with it.
func (r *resolution) inferLifetimes() {
	c := r.app.container
	needy := r.needyStages()
	if c == nil && len(needy) == 0 {
		return
	}
	g := &graph.Graph{Nodes: []*graph.Node{{Key: requestKey, Label: "the *weft.Request", Declared: graph.Request, Given: true}}}
	r.nodes = map[*graph.Node]*service{g.Nodes[0]: {
		node: g.Nodes[0], give: func(s *state) (any, error) { return s.first(), nil }, lend: lending[*Request],
	}}
	if c != nil {
		r.problems = append(r.problems, c.problems...)
		c.mu.Lock()
		g.Bindings, g.External = c.bindings, c.external()
		c.mu.Unlock()
		for _, s := range c.services {
			node := *s.node // Plan must leave the container as it is
			g.Nodes = append(g.Nodes, &node)
			r.nodes[&node] = s
		}
	}
	g.Nodes = append(g.Nodes, r.mapperNodes()...)
	for _, st := range needy {
		st.node = &graph.Node{Label: fmt.Sprint(st), At: st.at.String(), Needs: st.services}
		g.Nodes = append(g.Nodes, st.node)
	}
	order, problems := g.Solve()
	r.order = order
	r.findReach()
	for _, p := range problems {
		if c == nil {
			p.Remedy = "give the app a container that provides it, by WithContainer"
		}
		r.problems = addOnce(r.problems, BuildError{Source: p.At, Problem: p.Text, Remedy: p.Remedy, at: r.siteOf(p.At, needy)})
	}
	for _, n := range order {
		if s := r.nodes[n]; s != nil && s.make != nil {
			r.plan.Services = append(r.plan.Services, ServiceInfo{n.Key.String(), n.Lifetime.String(), n.Declared.String(), n.Chain(), n.At})
		}
	}
	for _, st := range needy {
		st.info.Lifetime, st.info.Reason = st.node.Lifetime.String(), st.node.Chain()
		for _, k := range r.keysBehind(st, st.guard) {
			if !slices.Contains(st.rules.needs, k) {
				st.rules.needs = append(slices.Clip(st.rules.needs), k)
				st.info.Needs = append(st.info.Needs, k.name)
			}
		}
	}
}

// needyStages are the stages that are made of services, on every route.
func (r *resolution) needyStages() []*stage {
	var needy []*stage
	add := func(stages []*stage) {
		for _, st := range stages {
			if len(st.services) > 0 {
				needy = append(needy, st)
			}
		}
	}
	add(r.outermost)
	for _, rr := range r.routes {
		add(rr.way())
	}
	for _, m := range r.misses {
		add(m.outer)
	}
	return needy
}

// mapperNodes are the exception mappers that are made of services.
func (r *resolution) mapperNodes() []*graph.Node {
	var nodes []*graph.Node
	add := func(mappers []attachedMapper) {
		for _, m := range mappers {
			if len(m.services) > 0 {
				nodes = append(nodes, &graph.Node{Label: "the mapper for " + errorsOf(m.name), At: m.at.String(), Needs: m.services})
			}
		}
	}
	for _, g := range r.app.groups {
		add(g.mappers)
	}
	for _, d := range r.app.routes {
		if d.endpoint != nil {
			add(d.endpoint.level.mappers)
		}
	}
	return nodes
}

// siteOf is the place that a problem names.
func (r *resolution) siteOf(at string, needy []*stage) callsite.Site {
	for _, s := range r.nodes {
		if s.at.String() == at {
			return s.at
		}
	}
	for _, st := range needy {
		if st.at.String() == at {
			return st.at
		}
	}
	return callsite.Site{}
}

// reached is what a node needs, through others too.
type reached struct {
	keys      []*key        // whose values
	settlers  []*graph.Node // services of the request whose types say that they settle
	maySettle bool          // whether there is one that may, if it is known only when it is made
}

// findReach goes through the nodes once, each behind what it needs: following each
// stage's way by itself would follow one that leads back to itself for ever, and parts that ways share again and again.
func (r *resolution) findReach() {
	r.reached = map[*graph.Node]*reached{}
	for _, n := range r.order {
		found := &reached{}
		r.reached[n] = found
		s := r.nodes[n]
		switch made := s != nil && s.make != nil && n.Lifetime == graph.Request; {
		case s != nil && s.key != nil:
			found.keys = []*key{s.key}
		case made && s.make.out.Implements(typeSettler):
			found.settlers, found.maySettle = []*graph.Node{n}, true
		case made:
			found.maySettle = maySettle(s.make.out)
		}
		for _, d := range slices.Concat(n.Deps, n.Members) {
			if inner := r.reached[d]; inner != nil {
				found.keys, found.settlers = union(found.keys, inner.keys), union(found.settlers, inner.settlers)
				found.maySettle = found.maySettle || inner.maySettle
			}
		}
	}
}

func union[E comparable](list, more []E) []E {
	for _, e := range more {
		if !slices.Contains(list, e) {
			list = append(slices.Clip(list), e)
		}
	}
	return list
}

// keysBehind are the keys whose values the services of a stage need, or, where it
// is a combination of guards, those of a part of it that no part before has provided.
func (r *resolution) keysBehind(st *stage, g *guard) []*key {
	if g == nil || g.operator == alone {
		services := st.services
		if g != nil {
			services = g.services
		}
		var found []*key
		for _, k := range services {
			if n := st.node.Deps[slices.Index(st.services, k)]; n != nil {
				found = union(found, r.reached[n].keys)
			}
		}
		return found
	}
	var needs, provided []*key
	for _, p := range g.of {
		for _, k := range r.keysBehind(st, p) {
			if !slices.Contains(provided, k) {
				needs = union(needs, []*key{k})
			}
		}
		if g.operator == allOf {
			provided = append(provided, p.provides...)
		}
	}
	return needs
}

// assembly is the services of a server.
type assembly struct {
	fixed    []any // of which there is one: the singletons
	slots    int   // how many a request needs
	lendable []lendable
	// asked is how a request gets what is asked for by a key while it runs.
	asked []asked
}

type asked struct {
	key graph.Key
	get supply
}

// assembler makes the singletons, and the steps by which requests make what is theirs.
type assembler struct {
	*resolution
	ctx    context.Context
	made   *assembly
	places map[*graph.Node]int
	steps  map[*graph.Node]*step // nil of a singleton
}

// assemble makes the singletons, each behind what it needs. Where one cannot be made,
// those that have been are shut down. Apps that share a container are assembled one at a time, and share them.
func (r *resolution) assemble(ctx context.Context, at callsite.Site) (*assembler, error) {
	a := &assembler{
		resolution: r, ctx: ctx,
		made:   &assembly{slots: firstSlot},
		places: map[*graph.Node]int{}, steps: map[*graph.Node]*step{},
	}
	c := r.app.container
	if c == nil {
		return a, a.addAll()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	mounted := a.mountAll()
	if err := a.addAll(); err != nil {
		return nil, errors.Join(err, c.unmount(context.WithoutCancel(ctx), mounted))
	}
	if !set(c.sealed) {
		c.sealed = at
	}
	c.servers++
	return a, nil
}

// mountAll provides the singletons in the injector before any is made: what the
// application provides there by itself may need them.
func (a *assembler) mountAll() (mounted []*service) {
	c := a.app.container
	for _, n := range a.order {
		if s := a.nodes[n]; n.Lifetime != graph.Request && s != nil && s.make != nil && !s.mounted {
			s.mounted = true
			s.mount(c.injector, s.name, func(i do.Injector) (any, error) { return a.construct(i, n, s) })
			mounted = append(mounted, s)
		}
	}
	return mounted
}

func (a *assembler) addAll() error {
	for _, n := range a.order {
		switch {
		case n.Key.Type == nil: // a stage
			for i, k := range n.Needs {
				if !slices.ContainsFunc(a.made.asked, func(known asked) bool { return known.key == k }) {
					a.made.asked = append(a.made.asked, asked{k, a.supplyOf(n.Deps[i])})
				}
			}
		case n.Lifetime == graph.Request:
			a.addStep(n) // also what no stage needs: the injector of a request may be asked for it
		default:
			value, err := a.singleton(n)
			if err != nil {
				return err
			}
			a.made.fixed = append(a.made.fixed, value)
			a.places[n] = ^(len(a.made.fixed) - 1)
		}
	}
	return nil
}

// singleton is what there is one of: made by do, where it is declared in the container.
func (a *assembler) singleton(n *graph.Node) (any, error) {
	c, s := a.app.container, a.nodes[n]
	switch {
	case n.Members != nil:
		values := make([]any, len(n.Members))
		for i, m := range n.Members {
			values[i] = a.made.fixed[^a.places[m]]
		}
		return a.nodes[n.Members[0]].collect(values), nil
	case s != nil && s.fixed != nil:
		return s.fixed, nil
	}
	value, err := do.InvokeNamed[any](c.injector, a.nameOf(n))
	if err == nil && s == nil {
		err = unfit(value, n.Key)
	}
	if err != nil {
		e := &BuildError{Source: n.At, Problem: fmt.Sprintf("making %v failed: %v", n.Key, err), Remedy: "see what its constructor says", cause: err}
		if s != nil {
			e.at = s.at
		} else if i := slices.IndexFunc(a.order, func(user *graph.Node) bool { return slices.Contains(user.Deps, n) }); i >= 0 {
			e.Source = a.order[i].At // where it is asked for
			e.at = a.siteOf(e.Source, a.needyStages())
		}
		return nil, e
	}
	return value, nil
}

// unfit is why a value of the application's own is not what was asked for: do knows what has a name by that alone.
func unfit(value any, k graph.Key) error {
	switch {
	case isNull(value):
		return errors.New("it is nil in the injector")
	case !reflect.TypeOf(value).AssignableTo(k.Type):
		return fmt.Errorf("it is a %T in the injector", value)
	}
	return nil
}

// nameOf is what do calls a node.
func (a *assembler) nameOf(n *graph.Node) string {
	if s := a.nodes[n]; s != nil {
		return s.name
	}
	return doName(n.Key)
}

// construct makes a singleton. It takes what that needs from the injector, so that do knows who needs whom.
func (a *assembler) construct(i do.Injector, n *graph.Node, s *service) (any, error) {
	args, in, deps := make([]any, len(s.make.takes)), make([]int, len(s.make.takes)), n.Deps
	for j, k := range s.make.takes {
		in[j] = ^j
		switch {
		case !ambient(k):
			var err error
			if args[j], err = a.invoke(i, deps[0]); err != nil {
				return nil, err
			}
			deps = deps[1:]
		case k.Type == typeContext:
			args[j] = a.ctx
		default:
			args[j] = a.app.logger
		}
	}
	var value any
	err := contained(func() (err error) {
		value, err = s.make.run(arguments{nil, args}, in)
		return err
	})
	if err == nil && isNull(value) {
		err = errors.New("the constructor returned nil and no error")
	}
	s.value = value
	return value, err
}

func (a *assembler) invoke(i do.Injector, n *graph.Node) (any, error) {
	if s := a.nodes[n]; s != nil && s.fixed != nil {
		return s.fixed, nil
	}
	if n.Members == nil {
		return do.InvokeNamed[any](i, a.nameOf(n))
	}
	values := make([]any, len(n.Members))
	for j, m := range n.Members {
		var err error
		if values[j], err = a.invoke(i, m); err != nil {
			return nil, err
		}
	}
	return a.nodes[n.Members[0]].collect(values), nil
}

// addStep compiles how a request makes a service.
func (a *assembler) addStep(n *graph.Node) {
	s := a.nodes[n]
	st := &step{name: n.Label, slot: a.made.slots}
	if n.At != "" {
		st.name += " (" + n.At + ")"
	}
	a.made.slots++
	a.places[n], a.steps[n] = st.slot, st
	for _, d := range slices.Concat(n.Deps, n.Members) {
		st.after(a.steps[d])
	}
	switch {
	case n.Members != nil:
		for _, m := range n.Members {
			st.in = append(st.in, a.places[m])
		}
		collect := a.nodes[n.Members[0]].collect
		st.run = func(_ *state, from arguments, in []int) (any, error) {
			values := make([]any, len(in))
			for i, place := range in {
				values[i] = argument[any](from, place)
			}
			return collect(values), nil
		}
	case s.give != nil:
		a.lend(n, s, st)
		st.run = func(state *state, _ arguments, _ []int) (any, error) { return s.give(state) }
	default:
		a.lend(n, s, st)
		st.in = a.taken(n, s)
		st.closes, st.settles = mayClose(s.make.out), maySettle(s.make.out)
		st.unsure = s.make.out.Kind() == reflect.Interface && !s.make.out.Implements(typeSettler)
		st.run = func(_ *state, from arguments, in []int) (any, error) { return s.make.run(from, in) }
	}
}

func (a *assembler) lend(n *graph.Node, s *service, st *step) {
	if s.lend != nil && !n.Member {
		a.made.lendable = append(a.made.lendable, lendable{doName(n.Key), st, s.lend})
	}
}

// taken is where a request finds what a constructor takes.
func (a *assembler) taken(n *graph.Node, s *service) []int {
	in, deps := make([]int, len(s.make.takes)), n.Deps
	for i, k := range s.make.takes {
		switch {
		case !ambient(k):
			in[i], deps = a.places[deps[0]], deps[1:]
		case k.Type == typeContext:
			in[i] = slotContext
		default:
			in[i] = slotLogger
		}
	}
	return in
}

// after adds a step that must have been made, and what that needs before it.
func (st *step) after(b *step) {
	if b == nil {
		return
	}
	for _, earlier := range append(slices.Clip(b.before), b) {
		if !slices.Contains(st.before, earlier) {
			st.before = append(st.before, earlier)
		}
	}
}

// supplyOf is how a request gets a node: a singleton is there, what belongs to
// the request is made by it, unless it has been.
func (a *assembler) supplyOf(n *graph.Node) supply {
	if made := a.steps[n]; made != nil {
		return func(s *state) (any, error) { return s.obtain(made) }
	}
	fixed := a.made.fixed[^a.places[n]]
	return func(*state) (any, error) { return fixed, nil }
}

// supplier is how a stage gets the services that it is made of.
func (a *assembler) supplier(st *stage) func(graph.Key) supply {
	return func(k graph.Key) supply { return a.supplyOf(st.node.Deps[slices.Index(st.services, k)]) }
}

// service is what satisfies a key. There are few that are asked for like this:
// comparing them costs less than a map.
func (s *state) service(k graph.Key) (any, error) {
	if s.server != nil {
		for i := range s.server.assembly.asked {
			if a := &s.server.assembly.asked[i]; a.key == k {
				return a.get(s)
			}
		}
	}
	return nil, errNoServices
}
