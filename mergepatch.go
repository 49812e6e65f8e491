package weft

import (
	"fmt"
	"reflect"
)

// MergePatchBody reads a body of type application/merge-patch+json (RFC 7396) into
// a struct of [Opt]s, as strictly as [JSONBody] reads JSON. Of each member it tells whether the client
// left it out, set it to null, which takes the value away, or gave it a value: [Opt.ApplyTo] does that to a value.
func MergePatchBody[T any]() Extractor[T] {
	t := reflect.TypeFor[T]()
	x := bodyExtractor("merge-patch", func(r *Request, into *T) error {
		return r.decodeJSON(patchMedia, into, optionalBody(t))
	})
	unpatchable(t, func(problem, remedy string) { x.from.problem(problem, remedy) })
	return x
}

// unpatchable reports what a merge patch could not tell, were it decoded into a t.
func unpatchable(t reflect.Type, report func(problem, remedy string)) {
	if elem, wrapped := unwrapOpt(t); wrapped {
		t = elem
	} else if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || codesItself(t) {
		report(fmt.Sprintf("a merge patch is read into a %v", t), "use a struct whose fields are Opts: a patch is an object (RFC 7396)")
		return
	}
	patchMembers(t, "", map[reflect.Type]bool{}, report)
}

// patchMembers reports the members of a struct that are no Opts.
func patchMembers(t reflect.Type, path string, seen map[reflect.Type]bool, report func(problem, remedy string)) {
	if seen[t] {
		return
	}
	seen[t] = true
	for f := range t.Fields() {
		elem, wrapped := unwrapOpt(f.Type)
		switch name := path + f.Name; {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && f.Type.Kind() == reflect.Struct && !wrapped && !codesItself(f.Type):
			patchMembers(f.Type, path, seen, report)
		case !f.IsExported():
		case !wrapped:
			report(fmt.Sprintf("the field %s of a merge patch is a %v, which cannot tell whether the client left it out", name, f.Type), fmt.Sprintf("make it a weft.Opt[%v]", f.Type))
		default:
			patchMember(elem, name, seen, report)
		}
	}
}

// patchMember reports a member whose value is an object that is no patch itself: what
// the client left out of it would be taken for its zero value.
func patchMember(t reflect.Type, name string, seen map[reflect.Type]bool, report func(problem, remedy string)) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case codesItself(t):
	case t.Kind() == reflect.Struct:
		patchMembers(t, name+".", seen, report)
	case t.Kind() == reflect.Map:
		elem, wrapped := unwrapOpt(t.Elem())
		if !wrapped && t.Elem().Kind() != reflect.Interface && !codesItself(t.Elem()) {
			report(fmt.Sprintf("the field %s of a merge patch is a %v, and a null in it takes an element away", name, t), fmt.Sprintf("make its elements weft.Opt[%v]", t.Elem()))
			return
		}
		if wrapped {
			patchMember(elem, name+"[]", seen, report)
		}
	}
}
