package weft

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"github.com/samber/do/v2"
	typetostring "github.com/samber/go-type-to-string"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/graph"
)

// Container is the services that stages are made of, over an injector of
// samber/do. What the application provides there by itself are singletons, and can be asked for; what is
// declared here as a singleton is provided there under its type, so that do's graph, health checks and shutdown know it.
//
//	c := weft.NewContainer(injector)
//	weft.Singleton[*Pool](c, NewPool)       // func(context.Context, Config) (*Pool, error)
//	weft.PerRequest[*Tx](c, NewTx)          // func(context.Context, *Pool) (*Tx, error)
//	weft.Auto[*Orders](c, NewOrders)        // needs *Tx, and so is made per request
//	weft.Implements[OrderStore, *Orders](c) // an interface, by what implements it
//
// A constructor is a function of what it needs, func(deps...) T or
// func(deps...) (T, error), or made of one by [Fn1] and the like. It may take a context.Context, unless it is
// declared with Auto: Build's for a singleton, the request's for what is made per request. It
// may take a *slog.Logger, the app's or the request's, and a [*Request], which makes it per request.
//
// Declaring is not safe for concurrent use, and is over when an app that has the
// container is built. Several apps may have it: its singletons are then the same for all, and are shut down with the
// last of the servers that were built.
type Container struct {
	injector do.Injector
	services []*service
	bindings []graph.Binding
	problems []*BuildError
	mounted  []string      // names in the injector that are not the application's own, of a copy
	sealed   callsite.Site // where an app that has it was built
	built    *built

	mu      sync.Mutex // held by Build, and where what that made ends
	servers int        // made of it, and not ended
}

// NewContainer returns a Container over an injector; nil is a new one.
func NewContainer(i do.Injector) *Container {
	if i == nil {
		i = do.New()
	}
	c := &Container{injector: i}
	c.watch()
	return c
}

// service is one declaration of a Container.
type service struct {
	node *graph.Node
	name string // that samber/do knows it by
	at   callsite.Site
	make *constructor // nil of a value that is given
	give func(s *state) (any, error)
	key  *key // that gives it, of FromKey
	// collect makes a []T of the members of a group.
	collect func(values []any) any
	lend    func(i do.Injector, name string, get func() (any, error))
	mounted bool
	value   any // of a singleton that is mounted and made
	fixed   any // of an override
	// mount provides a singleton in the injector, under its type.
	mount func(i do.Injector, name string, build func(do.Injector) (any, error))
}

// ServiceOption says something about a service.
type ServiceOption func(*service)

// NamedService gives a service a name: it is asked for by a field with the tag inject:"name", or do:"name" of [Fields], and not by its type alone.
func NamedService(name string) ServiceOption { return func(s *service) { s.node.Key.Name = name } }

// InGroup makes a service one of several of its type, which are asked for
// together, as a slice, in the order of declaration.
func InGroup() ServiceOption { return func(s *service) { s.node.Member = true } }

// Pin makes it an error of Build to make the service per request, whatever it needs.
func Pin() ServiceOption { return func(s *service) { s.node.Pinned = true } }

// Singleton declares a T of which there is one for the application. It is made
// by Build, which fails where its constructor does. It must not need what is made per request. With the
// last server it ends: by its method Shutdown, as samber/do knows it, or else by Close.
func Singleton[T any](c *Container, ctor any, opts ...ServiceOption) {
	declare[T](c, "Singleton", graph.Singleton, ctor, opts)
}

// PerRequest declares a T that is made anew for each request that needs it, at
// the first stage that does, and shared by all of that request's stages.
func PerRequest[T any](c *Container, ctor any, opts ...ServiceOption) {
	declare[T](c, "PerRequest", graph.Request, ctor, opts)
}

// Auto declares a T whose lifetime follows from what it needs: made per request
// where anything it needs is, directly or through others, and otherwise a singleton. The plan says why.
func Auto[T any](c *Container, ctor any, opts ...ServiceOption) {
	declare[T](c, "Auto", graph.Auto, ctor, opts)
}

// Implements has the service T be what is asked for as the interface I.
func Implements[I, T any](c *Container) {
	at := c.mayDeclare("Implements")
	i, t := reflect.TypeFor[I](), reflect.TypeFor[T]()
	if i.Kind() != reflect.Interface || !t.Implements(i) {
		c.problem(at, fmt.Sprintf("%v does not implement %v", t, i), "give it the methods, or mend the types")
		return
	}
	c.bindings = append(c.bindings, graph.Binding{Interface: graph.Key{Type: i}, Service: graph.Key{Type: t}, At: at.String()})
}

// FromKey has the value of a key be what is asked for as a T, so that a constructor
// may take what a guard found out. It is there where a stage before the first one that needs it provides the key.
func FromKey[T any](c *Container, k *Key[T], opts ...ServiceOption) {
	at := c.mayDeclare("FromKey")
	id := k.identity()
	if id == nil {
		c.problem(at, "FromKey was given no key", "give it one made by NewKey")
		return
	}
	c.add(at, &service{
		node:    &graph.Node{Key: graph.Key{Type: id.typ}, Declared: graph.Request, Given: true},
		key:     id,
		lend:    lending[T],
		collect: listOf[T],
		give: func(s *state) (any, error) {
			value, present := s.values.get(id)
			if !present {
				return nil, &unsetError{id.String()}
			}
			return value, nil
		},
	}, opts)
}

func declare[T any](c *Container, what string, lifetime graph.Lifetime, ctor any, opts []ServiceOption) {
	at := c.mayDeclare(what)
	t := reflect.TypeFor[T]()
	made, problem := constructorOf(ctor)
	switch {
	case problem != "":
		c.problem(at, fmt.Sprintf("the constructor of %v %s", t, problem), "give a func(deps...) T or func(deps...) (T, error)")
		return
	case made.out != t && (t.Kind() != reflect.Interface || !made.out.Implements(t)): // to be assignable is not enough: it is held as what it is
		c.problem(at, fmt.Sprintf("the constructor of %v returns a %v", t, made.out), fmt.Sprintf("declare it as a %v, or return a %v", made.out, t))
		return
	case lifetime == graph.Auto && made.takesContext():
		c.problem(at, fmt.Sprintf("the constructor of %v takes a context.Context and is declared with Auto", t), "say whose: Singleton for Build's, PerRequest for the request's")
		return
	}
	c.add(at, &service{
		node:    &graph.Node{Key: graph.Key{Type: t}, Declared: lifetime, Needs: made.services()},
		make:    made,
		lend:    lending[T],
		collect: listOf[T],
		mount: func(i do.Injector, name string, build func(do.Injector) (any, error)) {
			do.OverrideNamed(i, name, func(i do.Injector) (t T, err error) {
				made, err := build(i)
				if err != nil {
					return t, err
				}
				return made.(T), nil
			})
		},
	}, opts)
}

// listOf is a []T of the members of a group.
func listOf[T any](values []any) any {
	list := make([]T, len(values))
	for i, v := range values {
		list[i], _ = v.(T)
	}
	return list
}

func (c *Container) add(at callsite.Site, s *service, opts []ServiceOption) {
	s.at = at
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	k := s.node.Key
	s.node.Label, s.node.At = k.String(), at.String()
	switch {
	case k == requestKey || ambient(k):
		c.problem(at, fmt.Sprintf("%v is declared, and constructors get the one of weft all the same", k), "leave it out, give it a name, or declare a type of your own that holds it")
		return
	case s.node.Pinned && s.node.Declared == graph.Request:
		c.problem(at, fmt.Sprintf("%v is pinned, and declared to be made per request", k), "leave Pin out, or declare it with Singleton or Auto")
	}
	s.name = doName(k)
	if s.node.Member || slices.ContainsFunc(c.services, func(other *service) bool { return other.name == s.name }) {
		s.name = fmt.Sprintf("%s#%d", s.name, len(c.services)) // do knows names only, and each once
	}
	c.services = append(c.services, s)
}

// OverrideOption replaces one service; see [Container.With].
type OverrideOption struct {
	key   graph.Key
	value any
	at    callsite.Site
	mount func(i do.Injector, name string)
}

// Override has value be what is asked for as a T, whatever provides it otherwise.
func Override[T any](value T) OverrideOption { return overriding(here(), "", value) }

// OverrideNamed has value be what is asked for as a T of that name.
func OverrideNamed[T any](name string, value T) OverrideOption {
	return overriding(here(), name, value)
}

func overriding[T any](at callsite.Site, name string, value T) OverrideOption {
	return OverrideOption{graph.Key{Type: reflect.TypeFor[T](), Name: name}, value, at, func(i do.Injector, name string) { do.OverrideNamedValue(i, name, value) }}
}

// With returns a Container for a test: as c is declared, but for the overrides,
// with instances of its own. What an override replaces is not made. c stays as it is.
func (c *Container) With(overrides ...OverrideOption) *Container {
	c.mu.Lock()
	defer c.mu.Unlock()
	clone := NewContainer(cloned(c.injector))
	clone.problems, clone.bindings, clone.mounted = slices.Clone(c.problems), slices.Clone(c.bindings), slices.Clone(c.mounted)
	for _, s := range c.services {
		copied := *s
		if copied.mounted { // the clone has it as the application's own, made of what c has
			clone.mounted = append(clone.mounted, s.name)
			copied.mounted, copied.value = false, nil
		}
		clone.services = append(clone.services, &copied)
	}
	external := c.external()
	for _, o := range overrides {
		if isNull(o.value) {
			clone.problem(o.at, fmt.Sprintf("an override of %v is nil", o.key), "give a value: a service is never nil")
			continue
		}
		replaces := func(s *service) bool {
			if s.node.Member {
				return o.key == graph.Key{Type: reflect.SliceOf(s.node.Key.Type), Name: s.node.Key.Name}
			}
			return s.node.Key == o.key
		}
		bound := slices.ContainsFunc(clone.bindings, func(b graph.Binding) bool { return b.Interface == o.key })
		switch {
		case slices.ContainsFunc(clone.services, replaces) || bound:
			clone.services = slices.DeleteFunc(clone.services, replaces)
			clone.bindings = slices.DeleteFunc(clone.bindings, func(b graph.Binding) bool { return b.Interface == o.key })
			clone.services = append(clone.services, &service{
				at:    o.at,
				node:  &graph.Node{Key: o.key, Label: o.key.String(), At: o.at.String(), Declared: graph.Singleton, Given: true},
				fixed: o.value,
			})
		case external(o.key):
			o.mount(clone.injector, doName(o.key))
		default:
			clone.problem(o.at, fmt.Sprintf("an override of %v replaces nothing", o.key), "mend its type or name: it is that which is asked for")
		}
	}
	return clone
}

// cloned is the injector in a clone of all its scopes.
func cloned(i do.Injector) do.Injector {
	var clone do.Injector = i.RootScope().Clone()
	way := append([]do.Injector{i}, ancestors(i)...)
	for _, scope := range slices.Backward(way[:len(way)-1]) { // but for the root
		for _, child := range clone.Children() {
			if child.Name() == scope.Name() {
				clone = child
				break
			}
		}
	}
	return clone
}

func (c *Container) problem(at callsite.Site, problem, remedy string) {
	c.problems = append(c.problems, &BuildError{Source: at.String(), Problem: problem, Remedy: remedy, at: at})
}

func (c *Container) mayDeclare(what string) callsite.Site {
	at := here()
	if set(c.sealed) {
		panic(fmt.Sprintf("weft: %s at %v comes after Build at %v: it would have no effect; declare everything before Build", what, at, c.sealed))
	}
	return at
}

// doName is what samber/do calls what is asked for by a key.
func doName(k graph.Key) string {
	if k.Name != "" {
		return k.Name
	}
	return typetostring.GetReflectType(k.Type)
}

// external reports whether the application provides a key with do by itself.
func (c *Container) external() func(graph.Key) bool { // with c.mu held
	provided := map[string]bool{}
	own := map[string]bool{}
	for _, s := range c.services {
		if s.mounted { // it is not the application's
			own[s.name] = true
		}
	}
	for _, name := range c.mounted {
		own[name] = true
	}
	for _, scope := range append([]do.Injector{c.injector}, ancestors(c.injector)...) {
		for _, s := range scope.ListProvidedServices() {
			provided[s.Service] = true
		}
	}
	return func(k graph.Key) bool { return provided[doName(k)] && !own[doName(k)] }
}

func ancestors(i do.Injector) []do.Injector {
	var all []do.Injector
	for _, s := range i.Ancestors() {
		all = append(all, s)
	}
	return all
}

// constructor is a function that makes a service, and what it takes.
type constructor struct {
	takes []graph.Key // a context and a logger too
	out   reflect.Type
	run   func(from arguments, in []int) (any, error) // in are the places of what it takes
	// problem says why it cannot be used, or "".
	problem string
}

var (
	typeContext = reflect.TypeFor[context.Context]()
	typeLogger  = reflect.TypeFor[*slog.Logger]()
)

// ambient reports whether a key is a value that there is for every lifetime.
func ambient(k graph.Key) bool {
	return k.Name == "" && (k.Type == typeContext || k.Type == typeLogger)
}

// services is what the constructor takes, but for what is there anyway.
func (c *constructor) services() []graph.Key {
	return slices.DeleteFunc(slices.Clone(c.takes), ambient)
}

func (c *constructor) takesContext() bool {
	return slices.Contains(c.takes, graph.Key{Type: typeContext})
}

var typeError = reflect.TypeFor[error]()

// constructorOf analyses a function once, or says why it is none.
func constructorOf(f any) (made *constructor, problem string) {
	switch f := f.(type) {
	case Constructor:
		if f.made == nil {
			return nil, "is the zero Constructor"
		}
		return f.made, f.made.problem
	case nil:
		return nil, "is nil"
	}
	v := reflect.ValueOf(f)
	t := v.Type()
	switch {
	case t.Kind() != reflect.Func:
		return nil, fmt.Sprintf("is a %v", t)
	case v.IsNil():
		return nil, "is nil"
	case t.IsVariadic():
		return nil, fmt.Sprintf("is variadic: %v", t)
	case t.NumOut() == 0, t.NumOut() > 2, t.NumOut() == 2 && t.Out(1) != typeError, t.NumOut() == 1 && t.Out(0) == typeError:
		return nil, fmt.Sprintf("is a %v", t)
	}
	made = &constructor{out: t.Out(0)}
	for in := range t.Ins() {
		made.takes = append(made.takes, graph.Key{Type: in})
	}
	made.run = func(from arguments, in []int) (any, error) {
		args := make([]reflect.Value, len(in))
		for i, place := range in {
			args[i] = valueOf(argument[any](from, place), t.In(i))
		}
		out := v.Call(args)
		if len(out) == 2 && !out[1].IsNil() {
			return nil, out[1].Interface().(error)
		}
		return out[0].Interface(), nil
	}
	return made, ""
}
