package weft

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Errors are the user's: their methods may panic, and what they wrap may lead back
// to them. Whatever weft asks an error, it asks through this file, which comes to an end.

const (
	maxTree  = 1 << 15 // how many errors of one tree are looked at
	maxDepth = 10_000  // how deep a tree may be for its text to be asked for
	fewErrs  = 32      // beyond so many, a walk remembers where it was
	maxParts = 10      // how many errors are named where there is no text
)

// walk visits the errors of a tree in the order of errors.Is until visit
// returns true. An error that leads back to itself is not followed for ever.
// Nil pointers are passed over, and with them what they would wrap: a method
// of theirs is not made to be called.
func walk(err error, visit func(error) bool) {
	w := walker{visit: visit, pass: func(error) {}}
	w.walk(err)
}

type walker struct {
	visit func(error) (done bool)
	skip  func(error) bool // what is passed over with all that it wraps; nil for nothing
	pass  func(error)      // is told of nil pointers
	count int
	seen  map[any]struct{}
}

func (w *walker) walk(err error) (done bool) {
	for err != nil && !w.knows(err) {
		if isNilPointer(err) {
			w.pass(err)
			return false
		}
		if w.skip != nil && w.skip(err) {
			return false
		}
		if w.count++; w.count > maxTree || w.visit(err) {
			return true
		}
		switch wrapper := err.(type) {
		case interface{ Unwrap() error }:
			err = wrapper.Unwrap()
		case interface{ Unwrap() []error }:
			for _, inner := range wrapper.Unwrap() {
				if w.walk(inner) {
					return true
				}
			}
			return false
		default:
			return false
		}
	}
	return false
}

// knows reports whether err was visited. Small trees are not remembered, which
// spares them a map, and neither are errors without an identity: maxTree ends those.
func (w *walker) knows(err error) bool {
	if w.count < fewErrs {
		return false
	}
	id := identity(err)
	if id == nil {
		return false
	}
	if w.seen == nil {
		w.seen = map[any]struct{}{}
	}
	_, known := w.seen[id]
	w.seen[id] = struct{}{}
	return known
}

// identity is what tells whether two errors are the same one, or nil.
func identity(err error) any {
	v := reflect.ValueOf(err)
	switch {
	case v.Comparable():
		return err
	case v.Kind() == reflect.Slice:
		return sliceIdentity{v.Type(), v.Pointer(), v.Len()}
	}
	return nil
}

// sliceIdentity is the identity of an error that is a slice.
type sliceIdentity struct {
	of     reflect.Type
	at     uintptr
	length int
}

func isNilPointer(err error) bool {
	return err != nil && isNull(err)
}

// identical reports whether two errors are the same, or of one type where they cannot be compared.
func identical(a, b error) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && (!reflect.ValueOf(a).Comparable() || a == b)
}

// same reports whether two errors are certainly the same.
func same(a, b error) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

// holds is errors.Is.
func holds(err, sentinel error) bool {
	if err == nil { // as most often; the rest allocates
		return false
	}
	found := false
	walk(err, func(inner error) bool {
		found = inner == sentinel || saysIs(inner, sentinel)
		return found
	})
	return found
}

// contains reports whether part is err, or among what it wraps. What cannot be compared is not found.
func contains(err, part error) (found bool) {
	if !reflect.ValueOf(part).Comparable() {
		return false
	}
	walk(err, func(inner error) bool {
		found = inner == part
		return found
	})
	return found
}

// saysIs asks the Is method of one error, not of what it wraps.
func saysIs(err, sentinel error) bool {
	is, asks := err.(interface{ Is(error) bool })
	return asks && is.Is(sentinel)
}

// errorAs is errors.AsType, but finds no nil pointer.
func errorAs[E error](err error) (E, bool) {
	if err == nil { // as most often; the rest allocates
		var none E
		return none, false
	}
	var found E
	var ok bool
	walk(err, func(inner error) bool {
		if found, ok = inner.(E); !ok {
			found, ok = saysAs[E](inner)
		}
		return ok
	})
	return found, ok
}

func errorIs[E error](err error) bool {
	_, ok := errorAs[E](err)
	return ok
}

// saysAs asks the As method of one error, not of what it wraps.
func saysAs[E error](err error) (E, bool) {
	method, asks := err.(interface{ As(any) bool })
	if !asks {
		var none E
		return none, false
	}
	return answeredBy[E](method)
}

// answeredBy has an error say whether it is an E. It is apart because what it is given is allocated.
func answeredBy[E error](method interface{ As(any) bool }) (E, bool) {
	var as E
	if !method.As(&as) || any(as) == nil || isNilPointer(as) {
		var none E
		return none, false
	}
	return as, true
}

// panicIn is the first panic in the tree of err, or nil.
func panicIn(err error) (found *PanicError) {
	defer func() { _ = recover() }()
	walk(err, func(inner error) bool {
		found, _ = inner.(*PanicError)
		return found != nil
	})
	return found
}

// during is err with what weft was about when it arose. Unlike fmt.Errorf, it
// asks for the text of err when it is asked itself.
type during struct {
	what  string
	inner error
}

func (e *during) Error() string { return e.what + ": " + textOf(e.inner) }
func (e *during) Unwrap() error { return e.inner }

// textOf is the text of err for the log. Where its Error method panics, or might
// never return because the tree leads back to itself, the errors in the tree are named instead.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = partsOf(err)
		}
	}()
	if endless(err) {
		return partsOf(err)
	}
	return err.Error()
}

// endless reports whether a tree leads back to itself, or is so deep or large that it may.
func endless(err error) bool {
	defer func() { _ = recover() }() // of an Unwrap: nothing is behind it
	room := maxTree
	return deeper(err, maxDepth, &room)
}

// deeper reports whether a tree has more levels than given, or more errors than there is room for.
func deeper(err error, levels int, room *int) bool {
	if err == nil || isNilPointer(err) {
		return false
	}
	if *room--; levels == 0 || *room < 0 {
		return true
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return deeper(wrapper.Unwrap(), levels-1, room)
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			if deeper(inner, levels-1, room) {
				return true
			}
		}
	}
	return false
}

// partsOf names the first errors of a tree: their types, and the texts of those that wrap nothing.
func partsOf(err error) (text string) {
	var parts []string
	defer func() {
		_ = recover() // of an Unwrap
		text = "an error without a text, made of: " + strings.Join(parts, ", ")
	}()
	add := func(part string) {
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	w := walker{
		visit: func(inner error) bool { add(partOf(inner)); return len(parts) == maxParts },
		pass:  func(inner error) { add(fmt.Sprintf("a nil %T", inner)) },
	}
	w.walk(err)
	return ""
}

func partOf(err error) (part string) {
	part = fmt.Sprintf("%T", err)
	switch err.(type) {
	case interface{ Unwrap() error }, interface{ Unwrap() []error }:
		return part
	}
	defer func() { _ = recover() }()
	return part + " " + strconv.Quote(err.Error())
}
