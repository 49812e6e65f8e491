package binding

import (
	"reflect"
	"unsafe"
)

// Target is a place in memory that holds a value of a type known when the
// binder or the writer was compiled. This file is the only one that uses package unsafe; it
// is sound because
//
//   - a Target is made from a pointer to a value of the compiled type, or from
//     another Target by an offset that reflect gave for a field of that type,
//     so it points into one live allocation, which it keeps alive;
//   - put writes and get reads a T only where the place's type has the memory layout of T:
//     T itself, or a type defined from it; to ask whether it is zero, get also reads a bool, a number or a pair of
//     them as unsigned integers of the same size, for which all bits are a value;
//   - Indirect, null and elements are used on places of kinds whose first word is a
//     pointer: all pointers are laid out alike, and all slices. What a pointer leads to is a Target of the
//     type it points to, and what a slice leads to are Targets of its element type, below its length, at
//     multiples of the size that reflect gave for it;
//   - pointer and value make interfaces whose type word is that of the place.
//
// The binder and the writer built on it are fuzzed against ones that use nothing but reflect.
type Target struct{ at unsafe.Pointer }

// TargetOf is the place that a non-nil pointer points to. An interface holds a
// pointer in its data word.
func TargetOf(pointer any) Target {
	return Target{(*words)(unsafe.Pointer(&pointer)).data}
}

func (t Target) field(offset uintptr) Target { return Target{unsafe.Add(t.at, offset)} }

// put writes v.
func put[T any](t Target, v T) { *(*T)(t.at) = v }

// get reads what is there.
func get[T any](t Target) T { return *(*T)(t.at) }

// Indirect is the place that the pointer at t points to; there is none where it is nil.
func (t Target) Indirect() (Target, bool) {
	to := *(*unsafe.Pointer)(t.at)
	return Target{to}, to != nil
}

// null reports whether the value at t, one that begins with a pointer, begins
// with a nil: a pointer, map, channel, function, slice or interface that is nil.
func (t Target) null() bool { return *(*unsafe.Pointer)(t.at) == nil }

// elements is the place of the first element of the slice at t, and how many there are.
func (t Target) elements() (first Target, n int) {
	list := (*list)(t.at)
	return Target{list.first}, list.n
}

// element is the place number i after first.
func (t Target) element(i int, size uintptr) Target { return t.field(uintptr(i) * size) }

// list is how a slice is laid out.
type list struct {
	first unsafe.Pointer
	n     int
	_     int // its capacity
}

// words is how an interface value without methods is laid out.
type words struct{ kind, data unsafe.Pointer }

// pointer is a *T to the place as an interface, for a prototype that is a nil *T.
func (t Target) pointer(prototype any) any {
	(*words)(unsafe.Pointer(&prototype)).data = t.at
	return prototype
}

// value is the T at the place as an interface that shares its memory, for a
// prototype made by valuePrototype. Nobody may write to the place while it is in use.
func (t Target) value(prototype any) any {
	(*words)(unsafe.Pointer(&prototype)).data = t.at
	return prototype
}

// Boxed returns a function that makes an interface of the t that a *t points to:
// sharing its memory, so without a copy, where the type allows it. Nobody may write to the value
// while the interface is in use.
func Boxed(t reflect.Type) func(pointer any) any {
	prototype, ok := valuePrototype(t)
	if !ok {
		return func(pointer any) any { return reflect.ValueOf(pointer).Elem().Interface() }
	}
	return func(pointer any) any { return TargetOf(pointer).value(prototype) }
}

// valuePrototype is a T for value. ok is false for a type that an interface
// holds in its data word itself, like a pointer: the word of its zero value is nil.
func valuePrototype(t reflect.Type) (prototype any, ok bool) {
	prototype = reflect.New(t).Elem().Interface()
	return prototype, prototype != nil && (*words)(unsafe.Pointer(&prototype)).data != nil
}

// reflected is the place as reflect sees it: settable, of type t.
func (t Target) reflected(typ reflect.Type) reflect.Value {
	return reflect.NewAt(typ, t.at).Elem()
}
