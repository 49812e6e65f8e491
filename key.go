package weft

import (
	"context"
	"fmt"
	"reflect"

	"github.com/weft-go/weft/internal/callsite"
)

// Key names a value of type T that one stage finds out about a request, such as
// its user, and stages further in use. It is made once, by [NewKey], and shared
// as a package's variable:
//
//	var CurrentUser = weft.NewKey[User]("current user")
//
// A [ValueGuard] yields the value of a key; a middleware or guard may say that it
// [Provides] one and Set it. A stage that cannot do without says that it [Needs] it. A field with
// the tag value takes it into a handler's Req. [App.Build] proves for every route that what is
// needed has been provided by then.
//
// A key is the same as another only if it is that key: names are for people. It
// holds no values itself: those are the request's, so apps can share it.
type Key[T any] struct{ *key }

// AnyKey is a *[Key] of any type.
type AnyKey interface{ identity() *key }

// key is all of a Key that does not depend on its type.
type key struct {
	name  string
	typ   reflect.Type
	at    callsite.Site
	isNil func(value any) bool
	store func(value, field any) // into a *T
	wrap  func(value, field any) // into a *Opt[T]
}

func (k *key) String() string {
	if k == nil {
		return "a key"
	}
	return fmt.Sprintf("the key %q of type %v", k.name, k.typ)
}

// NewKey makes a Key. The name is for the plan, for errors, and for the tag of a field: value:"current user".
func NewKey[T any](name string) *Key[T] {
	return &Key[T]{&key{
		name:  name,
		typ:   reflect.TypeFor[T](),
		at:    here(),
		isNil: nothing[T](),
		store: func(value, field any) { *field.(*T) = value.(T) },
		wrap:  func(value, field any) { *field.(*Opt[T]) = Some(value.(T)) },
	}}
}

// nothing tells the values of a T that hold nothing.
func nothing[T any]() func(value any) bool {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer:
		return func(value any) bool {
			var zero T
			return value == any(zero)
		}
	case reflect.Interface: // which may hold a nil pointer
		return isNull
	}
	return func(any) bool { return false }
}

func (k *Key[T]) identity() *key {
	if k == nil {
		return nil
	}
	return k.key
}

// Get returns the value, and whether it was set.
func (k *Key[T]) Get(r *Request) (value T, present bool) { return k.in(r.state) }

// Must returns the value, and panics where it was not set: for a stage that says
// that it [Needs] the key, of which Build has proved that it is there.
func (k *Key[T]) Must(r *Request) T {
	value, present := k.Get(r)
	if !present {
		panic(&unsetError{fmt.Sprint(k.identity())})
	}
	return value
}

// SetIn is [Key.Set] for the request that ctx derives from: for an [Around] or a check, which has no Request.
func (k *Key[T]) SetIn(ctx context.Context, value T) {
	s := stateOf(ctx)
	if s == nil {
		panic(fmt.Errorf("weft: %v cannot be set: the context derives from no request", k.identity()))
	}
	k.Set(s.first(), value)
}

// From returns the value of the request that ctx derives from, and whether it was set.
func (k *Key[T]) From(ctx context.Context) (value T, present bool) {
	if s := stateOf(ctx); s != nil {
		return k.in(s)
	}
	return value, false
}

func (k *Key[T]) in(s *state) (value T, present bool) {
	held, present := s.values.get(k.identity())
	if present {
		value = held.(T)
	}
	return value, present
}

// Set gives the key its value in this request; every view of the request has it
// from then on. The stage must have said that it [Provides] the key, and have a value: a nil pointer is none.
// A value is set once and not changed. Set panics where it has been set, and where no stage on the way of the request
// says that it provides the key, because that is a defect of the stage, which then answers with a 500.
func (k *Key[T]) Set(r *Request, value T) {
	if err := k.set(r, value); err != nil {
		panic(err)
	}
}

func (k *Key[T]) set(r *Request, value T) error {
	if problem := r.state.set(k.identity(), value); problem != "" {
		return fmt.Errorf("weft: %v cannot be set: %s", k.identity(), problem)
	}
	return nil
}

// keyring is the keys of an app: each has a slot in every request's values.
type keyring struct {
	keys []*key
	open bool // outside a server: a key gets its slot when it is set
}

const (
	// inlineValues is how many values cost no allocation of their own.
	inlineValues = 4
	// maxKeys is how many keys the stages of an app may provide: a set of them is one word.
	maxKeys = 64
)

// values is what the keys hold in one request.
type values struct {
	ring   *keyring
	there  uint64 // which slots have a value
	inline [inlineValues]any
	more   *[]any // nil where there are no more
}

// slot is where a key's value is, or -1. There are few keys: comparing them costs less than a map.
func (v *values) slot(k *key) int {
	for i, other := range v.ring.keys {
		if other == k {
			return i
		}
	}
	return -1
}

func (v *values) at(slot int) *any {
	if slot < inlineValues {
		return &v.inline[slot]
	}
	return &(*v.more)[slot-inlineValues]
}

func (v *values) get(k *key) (value any, present bool) {
	slot := v.slot(k)
	if slot < 0 || v.there&(1<<slot) == 0 {
		return nil, false
	}
	return *v.at(slot), true
}

func (v *values) has(k *key) bool {
	slot := v.slot(k)
	return slot >= 0 && v.there&(1<<slot) != 0
}

// set returns why the value cannot be, or "".
func (s *state) set(k *key, value any) (problem string) {
	if slot := s.values.slot(k); slot >= 0 && s.settable()&(1<<slot) == 0 {
		return "no stage on the way of this request says that it Provides it"
	}
	return s.values.set(k, value)
}

// settable is the keys that the stages on the request's way provide, as a set of slots.
func (s *state) settable() uint64 {
	if s.server == nil || s.values.ring.open {
		return ^uint64(0)
	}
	if route := s.route.Load(); route != nil {
		return route.settable
	}
	return s.server.settable
}

// set is without regard to who has said so.
func (v *values) set(k *key, value any) (problem string) {
	if k == nil {
		return "it was not made by NewKey"
	}
	slot := v.slot(k)
	if slot < 0 && v.ring.open && len(v.ring.keys) < maxKeys {
		slot = len(v.ring.keys)
		v.ring.keys = append(v.ring.keys, k)
		if slot >= inlineValues {
			if v.more == nil {
				v.more = new([]any)
			}
			*v.more = append(*v.more, nil)
		}
	}
	switch {
	case slot < 0:
		return "no stage of the app says that it Provides it"
	case v.there&(1<<slot) != 0:
		return "it has a value already, set by the same stage or by one that does not say that it Provides it"
	case k.isNil(value):
		return "nil is no value"
	}
	*v.at(slot) = value
	v.there |= 1 << slot
	return ""
}

// undo takes back what was set since there was what.
func (v *values) undo(there uint64) {
	if added := v.there &^ there; added != 0 {
		for slot := range v.ring.keys {
			if added&(1<<slot) != 0 {
				*v.at(slot) = nil
			}
		}
		v.there = there
	}
}

// kept is the error of a stage that goes on without the values that it provides.
func (v *values) kept(said *rules) error {
	for _, k := range said.provides {
		if !v.has(k) {
			return fmt.Errorf("%q says that it provides %v, and went on without having set it", said.name, k)
		}
	}
	return nil
}

// find is the value for a field of type t: of the key with that type, and with
// that name where one is given. Build has seen that there is one at most.
func (v *values) find(t reflect.Type, name string) (k *key, value any) {
	for slot, k := range v.ring.keys {
		if v.there&(1<<slot) != 0 && k.fits(t, name) {
			return k, *v.at(slot)
		}
	}
	return nil, nil
}

// fits reports whether a field of type t, with a name or "", takes the key's value.
func (k *key) fits(t reflect.Type, name string) bool {
	return k.typ == t && (name == "" || name == k.name)
}

// unsetError says that a value is missing which a stage should have provided.
type unsetError struct{ what string }

func (e *unsetError) Error() string { return "no stage has set " + e.what }
