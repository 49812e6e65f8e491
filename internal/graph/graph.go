// Package graph infers the lifetimes of services from what they need, and
// finds everything that is wrong with a dependency graph at once. It constructs nothing.
package graph

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Lifetime is how long an instance lives.
type Lifetime uint8

// The lifetimes.
const (
	Auto      Lifetime = iota // a singleton, unless it needs something that is made per request
	Singleton                 // one for the application
	Request                   // one for each request
)

func (l Lifetime) String() string { return [...]string{"auto", "singleton", "per request"}[l] }

// Key is what a service is asked for by: its type and, where it has one, its name.
type Key struct {
	Type reflect.Type
	Name string
}

func (k Key) String() string {
	if k.Name == "" {
		return fmt.Sprint(k.Type)
	}
	return fmt.Sprintf("%v named %q", k.Type, k.Name)
}

// Node is a service, or a stage that needs services and is none itself.
type Node struct {
	Key      Key    // of a service
	Label    string // as texts name it
	At       string // where it was declared, as "folder/file.go:12"
	Declared Lifetime
	Pinned   bool // promoting it is a mistake
	Needs    []Key
	Member   bool // one of several that are asked for together, as a slice of its type
	Given    bool // neither made nor closed by the container: a value of the framework, a key's, a service of the application's own

	// What Solve finds out.
	Lifetime Lifetime
	// Reason leads from what Node needs to what is declared per request; empty unless it was promoted.
	Reason []*Node
	// Deps are what satisfies each of Needs, nil where nothing does.
	Deps []*Node
	// Members are what a group consists of; a group has no declaration of its own.
	Members []*Node

	state state
}

type state uint8

const (
	fresh state = iota
	visiting
	solved
)

// Promoted reports whether the node is made per request because of what it needs.
func (n *Node) Promoted() bool { return len(n.Reason) > 0 }

// Chain is the reason as text: "*Orders (app.go:12) needs *Tx (app.go:9), which is per request".
func (n *Node) Chain() string {
	if !n.Promoted() {
		return ""
	}
	steps := []string{n.place()}
	for _, r := range n.Reason {
		steps = append(steps, r.place())
	}
	return strings.Join(steps, " needs ") + ", which is made per request"
}

func (n *Node) place() string {
	if n.At == "" {
		return n.Label
	}
	return fmt.Sprintf("%s (%s)", n.Label, n.At)
}

// Problem is a mistake in the graph.
type Problem struct {
	At, Text, Remedy string
}

// Graph is the services that there are, and what interfaces stand for.
type Graph struct {
	Nodes    []*Node
	Bindings []Binding
	// External reports whether something else provides a key, for the whole application.
	External func(Key) bool
	services map[Key][]*Node
	bindings map[Key]Binding
	order    []*Node
	problems []Problem
	implied  map[Key]*Node // nodes that nobody declared: of External, and groups
}

// Binding has a service stand for an interface.
type Binding struct {
	Interface, Service Key
	At                 string
}

// Solve infers the lifetime of every node and returns them in an order in which
// each comes behind what it needs, with everything that is wrong.
func (g *Graph) Solve() (order []*Node, problems []Problem) {
	g.services, g.bindings, g.implied = map[Key][]*Node{}, map[Key]Binding{}, map[Key]*Node{}
	for _, n := range g.Nodes {
		if n.Key.Type == nil {
			continue
		}
		others := g.services[n.Key]
		if len(others) > 0 && !(n.Member && others[0].Member) {
			g.problem(n.At, fmt.Sprintf("%v is provided twice, first at %s", n.Key, others[0].At), "keep one of them, or give them names")
			continue
		}
		if !n.Member && g.isExternal(n.Key) {
			g.problem(n.At, fmt.Sprintf("%v is also provided with do.Provide in the injector", n.Key), "keep one of them, or give one a name")
		}
		g.services[n.Key] = append(others, n)
	}
	g.bind()
	for _, n := range g.Nodes {
		g.visit(n, nil)
	}
	return g.order, g.problems
}

func (g *Graph) problem(at, text, remedy string) {
	p := Problem{at, text, remedy}
	if !slices.Contains(g.problems, p) {
		g.problems = append(g.problems, p)
	}
}

func (g *Graph) isExternal(k Key) bool { return g.External != nil && g.External(k) }

func (g *Graph) bind() {
	for _, b := range g.Bindings {
		if other, bound := g.bindings[b.Interface]; bound {
			g.problem(b.At, fmt.Sprintf("%v is bound twice, first at %s", b.Interface, other.At), "keep one of them")
			continue
		}
		if provided := g.services[b.Interface]; len(provided) > 0 {
			g.problem(b.At, fmt.Sprintf("%v is bound and also provided, at %s", b.Interface, provided[0].At), "keep one of the two")
			continue
		}
		if g.isExternal(b.Interface) {
			g.problem(b.At, fmt.Sprintf("%v is bound and also provided with do.Provide in the injector", b.Interface), "keep one of the two")
			continue
		}
		g.bindings[b.Interface] = b
	}
}

// find is what satisfies a key, or nil.
func (g *Graph) find(k Key) *Node {
	for range len(g.bindings) + 1 {
		b, bound := g.bindings[k]
		if !bound {
			break
		}
		k = b.Service
	}
	if services := g.services[k]; len(services) > 0 && !services[0].Member {
		return services[0]
	}
	if n := g.implied[k]; n != nil {
		return n
	}
	if g.isExternal(k) {
		g.implied[k] = &Node{Key: k, Label: k.String(), Declared: Singleton, Given: true}
	} else if k.Type.Kind() == reflect.Slice {
		if members := g.services[Key{k.Type.Elem(), k.Name}]; len(members) > 0 && members[0].Member {
			g.implied[k] = &Node{Key: k, Label: k.String(), Members: members}
		}
	}
	return g.implied[k]
}

// hint says what would satisfy a key.
func (g *Graph) hint(k Key) string {
	var near []string
	for _, n := range g.Nodes {
		t := n.Key.Type
		switch {
		case t == nil:
		case t == k.Type && n.Key.Name != k.Name:
			near = append(near, fmt.Sprintf("ask for %v, or give it the name that is asked for", n.Key))
		case t == k.Type:
			near = append(near, fmt.Sprintf("take []%v: it is provided as one of several", t))
		case k.Type.Kind() == reflect.Interface && k.Type.NumMethod() > 0 && t.Implements(k.Type):
			near = append(near, fmt.Sprintf("say Implements[%v, %v]", k.Type, t))
		case t == reflect.PointerTo(k.Type), k.Type == reflect.PointerTo(t):
			near = append(near, fmt.Sprintf("take %v, which is provided", t))
		}
	}
	if near == nil {
		return "provide it with Singleton, PerRequest or Auto, or with do.Provide"
	}
	slices.Sort(near)
	return strings.Join(slices.Compact(near), ", or ")
}

// visit solves a node; way is what leads to it.
func (g *Graph) visit(n *Node, way []*Node) {
	switch n.state {
	case solved:
		return
	case visiting:
		from := slices.Index(way, n)
		labels := make([]string, 0, len(way)-from+1)
		for _, w := range append(slices.Clone(way[from:]), n) {
			labels = append(labels, w.place())
		}
		g.problem(n.At, "what it needs leads back to itself: "+strings.Join(labels, " needs "), "break the cycle: take what both need out of them, or pass it by a method")
		return
	}
	n.state = visiting
	way = append(slices.Clip(way), n)
	n.Lifetime = Singleton
	if n.Declared == Request {
		n.Lifetime = Request
	}
	n.Deps = make([]*Node, len(n.Needs))
	for i, k := range n.Needs {
		if n.Deps[i] = g.find(k); n.Deps[i] == nil {
			g.problem(n.At, fmt.Sprintf("%s needs %v, which nothing provides", n.Label, k), g.hint(k))
		}
	}
	for _, d := range slices.Concat(n.Deps, n.Members) {
		if d == nil {
			continue
		}
		g.visit(d, way)
		if d.Lifetime == Request && d.state == solved {
			g.promote(n, d)
		}
	}
	n.state = solved
	g.order = append(g.order, n)
}

// promote has a node be made per request, since it needs d, and keeps the shortest reason.
func (g *Graph) promote(n, d *Node) {
	if n.Declared == Request {
		return
	}
	reason := append([]*Node{d}, d.Reason...)
	if n.Lifetime != Request || len(reason) < len(n.Reason) {
		n.Reason = reason
	}
	n.Lifetime = Request
	switch {
	case n.Declared == Singleton:
		g.problem(n.At, fmt.Sprintf("%s is a singleton and would keep what belongs to one request: %s", n.Label, n.Chain()), "declare it with Auto or PerRequest, or take what it needs as an argument of a method")
	case n.Pinned:
		g.problem(n.At, fmt.Sprintf("%s is pinned, and what it needs is made per request: %s", n.Label, n.Chain()), "leave Pin out, or take what it needs as an argument of a method")
	}
}
