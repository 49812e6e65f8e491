package guards_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/weft-go/weft"
)

type operator string

const (
	leaf   operator = "leaf"
	all    operator = "all"
	oneOf  operator = "any"
	not    operator = "not"
	unless operator = "unless"
)

// tree is a guard: one of the test's own, a leaf, or a combination of others.
type tree struct {
	op operator
	of []*tree

	number   int // of a leaf: which one it is
	form     form
	provides []*slot
	needs    []*slot
}

// form is how a leaf is written.
type form string

const (
	values  form = "a ValueGuard"
	sets    form = "a guard that Provides" // and sets the values whatever it then says
	forgets form = "a guard that Provides, and does not"
	nothing form = "a type of the user's own"    // which provides nothing
	plain   form = "a function and nothing more" // likewise
)

func newLeaf(number int, f form) *tree {
	l := &tree{op: leaf, number: number, form: f}
	if f == values || f == sets || f == forgets {
		l.provides = []*slot{slots[number]}
	}
	return l
}

func combined(op operator, of ...*tree) *tree { return &tree{op: op, of: of} }

func (t *tree) String() string {
	if t.op == leaf {
		s := fmt.Sprint("leaf", t.number)
		switch t.form {
		case sets:
			s += "*"
		case forgets:
			s += "?"
		}
		if len(t.needs) > 0 {
			s += fmt.Sprint(" needing ", t.needs)
		}
		if len(t.provides) > 1 || len(t.provides) == 1 && t.provides[0] != slots[t.number] {
			s += fmt.Sprint(" providing ", t.provides)
		}
		return s
	}
	parts := make([]string, len(t.of))
	for i, p := range t.of {
		parts[i] = p.String()
	}
	return string(t.op) + "(" + strings.Join(parts, ", ") + ")"
}

func (t *tree) GoString() string { return t.String() }

// leaves are those of the tree, in order.
func (t *tree) leaves() []*tree {
	if t.op == leaf {
		return []*tree{t}
	}
	var list []*tree
	for _, p := range t.of {
		list = append(list, p.leaves()...)
	}
	return list
}

// copied is the tree with the form given to each leaf, counted from first.
func (t *tree) copied(first *int, f func(number int) form) *tree {
	if t.op == leaf {
		*first++
		return newLeaf(*first-1, f(*first-1))
	}
	c := &tree{op: t.op}
	for _, p := range t.of {
		c.of = append(c.of, p.copied(first, f))
	}
	return c
}

// guard is the tree as weft takes it.
func (t *tree) guard() weft.Guard {
	parts := make([]weft.Guard, len(t.of))
	for i, p := range t.of {
		parts[i] = p.guard()
	}
	switch t.op {
	case all:
		return weft.All(parts...)
	case oneOf:
		return weft.Any(parts...)
	case not:
		return weft.Not(parts[0])
	case unless:
		return weft.Unless(parts[0], parts[1])
	}
	needs := weft.Needs(keysOf(t.needs)...)
	switch t.form {
	case values:
		return t.provides[0].guard(t.name(), func(r *weft.Request) (string, error) {
			return t.value(r.Context()), t.answer(r)
		}, needs)
	case sets:
		return weft.NewGuard(t.name(), func(r *weft.Request) error {
			for _, s := range t.provides {
				s.set(r, t.value(r.Context()))
			}
			return t.answer(r)
		}, weft.Provides(keysOf(t.provides)...), needs)
	case forgets:
		return weft.NewGuard(t.name(), t.answer, weft.Provides(keysOf(t.provides)...), needs)
	case plain:
		return weft.GuardFunc(t.answer)
	}
	return foreign{t}
}

func (t *tree) name() string { return fmt.Sprint("leaf", t.number) }

// value is what the leaf finds out in the request.
func (t *tree) value(ctx context.Context) string { return visitOf(ctx).value(t.number) }

// answer is what the leaf says in the request's visit.
func (t *tree) answer(r *weft.Request) error {
	v := visitOf(r.Context())
	v.asked = append(v.asked, t.number)
	for _, s := range t.needs {
		if _, present := s.get(r); !present {
			return fmt.Errorf("%s: leaf %d is without %v", secret, t.number, s)
		}
	}
	return v.does[t.number].answer(t.number)
}

// foreign is a Guard of the user's own type.
type foreign struct{ leaf *tree }

func (f foreign) Allow(r *weft.Request) error { return f.leaf.answer(r) }

// slot is a key without its type.
type slot struct {
	name  string
	key   weft.AnyKey
	set   func(r *weft.Request, value string)
	get   func(r *weft.Request) (value string, present bool)
	guard func(name string, fn func(*weft.Request) (string, error), opts ...weft.StageOption) weft.Guard
	// a handler that takes the value in a field, and one that is nothing else
	field, extract func(guards []weft.Guard, take func(context.Context, string)) weft.Endpoint
}

func (s *slot) String() string { return s.name }

type field[T any] struct {
	Value T `value:""`
}

func newSlot[T ~string](name string) *slot {
	key := weft.NewKey[T](name)
	return &slot{
		name: name,
		key:  key,
		set:  func(r *weft.Request, value string) { key.Set(r, T(value)) },
		get: func(r *weft.Request) (string, bool) {
			value, present := key.Get(r)
			return string(value), present
		},
		guard: func(name string, fn func(*weft.Request) (string, error), opts ...weft.StageOption) weft.Guard {
			return weft.ValueGuard(key, name, func(r *weft.Request) (T, error) {
				value, err := fn(r)
				return T(value), err
			}, opts...)
		},
		field: func(guards []weft.Guard, take func(context.Context, string)) weft.Endpoint {
			return weft.Handle(func(ctx context.Context, in field[T]) (struct{}, error) {
				take(ctx, string(in.Value))
				return struct{}{}, nil
			}).Status(200).Guard(guards...)
		},
		extract: func(guards []weft.Guard, take func(context.Context, string)) weft.Endpoint {
			return weft.Handle(func(ctx context.Context, in T) (struct{}, error) {
				take(ctx, string(in))
				return struct{}{}, nil
			}).Status(200).Extract(weft.KeyValue(key)).Guard(guards...)
		},
	}
}

// maxLeaves is how many leaves a tree has at most: each has a key of its own.
const maxLeaves = 16

var slots = func() (list [maxLeaves]*slot) {
	for i := range list {
		list[i] = newSlot[string](fmt.Sprint("key", i))
	}
	return list
}()

func keysOf(list []*slot) []weft.AnyKey {
	keys := make([]weft.AnyKey, len(list))
	for i, s := range list {
		keys[i] = s.key
	}
	return keys
}

// visit is one request: what the leaves say in it, and what came of it.
type visit struct {
	id      string  // of the request, where there are several at a time
	does    []*kind // by the leaf's number
	asked   []int   // leaves, in the order in which they were
	handled bool
	taken   string // by what needs a value
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit { return ctx.Value(visitKey{}).(*visit) }

func (v *visit) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

func (v *visit) value(number int) string { return fmt.Sprintf("%sfound by leaf %d", v.id, number) }

// held tells which leaves' values a request holds.
func (v *visit) held(r *weft.Request) []int {
	var numbers []int
	for i, s := range slots {
		if value, present := s.get(r); present {
			if value != v.value(i) {
				return []int{-1} // another request's, or another leaf's
			}
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// shapes are all trees with that many leaves, no deeper than depth.
func shapes(leaves, depth int) []*tree {
	var list []*tree
	if leaves == 1 {
		list = append(list, combined(leaf))
	}
	if depth == 0 {
		return list
	}
	for _, of := range splits(leaves, depth-1, 3) {
		list = append(list, combined(all, of...), combined(oneOf, of...))
		switch len(of) {
		case 1:
			list = append(list, combined(not, of...))
		case 2:
			list = append(list, combined(unless, of...))
		}
	}
	return list
}

// splits are all lists of up to most trees that share the leaves.
func splits(leaves, depth, most int) [][]*tree {
	if leaves == 0 {
		return [][]*tree{nil}
	}
	if most == 0 {
		return nil
	}
	var lists [][]*tree
	for n := 1; n <= leaves; n++ {
		for _, first := range shapes(n, depth) {
			for _, rest := range splits(leaves-n, depth, most-1) {
				lists = append(lists, append([]*tree{first}, rest...))
			}
		}
	}
	return lists
}

// eachOf calls do with every list of n of the kinds, which it must not keep.
func eachOf(n int, of []*kind, do func([]*kind)) {
	list := make([]*kind, n)
	var fill func(int)
	fill = func(i int) {
		if i == n {
			do(list)
			return
		}
		for _, k := range of {
			list[i] = k
			fill(i + 1)
		}
	}
	fill(0)
}
