package weft

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/callsite"
)

type attachedMapper struct {
	Mapper
	at callsite.Site
}

// mapping is the mappers of one level by kind, each kind in an order that does
// not depend on how they were attached.
type mapping [mapsInterface + 1][]attachedMapper

// newMapping sorts a level's mappers, and reports those that cannot be.
func newMapping(list []attachedMapper, report func(at callsite.Site, problem, remedy string)) *mapping {
	if len(list) == 0 {
		return nil
	}
	m := &mapping{}
	for _, a := range list {
		if a.kind == mapsNothing {
			report(a.at, "a Mapper maps nothing", "make it with On or OnIs, a function, and a sentinel that is not nil and can be compared")
			continue
		}
		if first := slices.IndexFunc(m[a.kind], a.same); first >= 0 {
			other := m[a.kind][first]
			problem := fmt.Sprintf("%s have two mappers at one level, the other is at %v", errorsOf(a.name), other.at)
			if a.target != other.target {
				problem += fmt.Sprintf(" and for %s, which has the same methods", other.name)
			}
			report(a.at, problem, "keep one of them, or attach one further in")
			continue
		}
		m[a.kind] = append(m[a.kind], a)
	}
	for _, mappers := range m {
		slices.SortStableFunc(mappers, attachedMapper.compare)
	}
	return m
}

// errorsOf is what a mapper of this name is for.
func errorsOf(name string) string {
	if strings.HasPrefix(name, "is ") { // as OnIs has it
		return "errors that are " + name[len("is "):]
	}
	return "errors of " + name
}

// same reports whether two mappers are for the same errors.
func (a attachedMapper) same(b attachedMapper) bool {
	if a.kind == mapsInterface && b.kind == mapsInterface {
		return a.target.Implements(b.target) && b.target.Implements(a.target)
	}
	return a.kind == b.kind && a.target == b.target && a.sentinel == b.sentinel
}

// compare orders mappers of one kind by who is asked first about one error.
func (a attachedMapper) compare(b attachedMapper) int {
	if a.kind == mapsInterface && a.target.NumMethod() != b.target.NumMethod() {
		return cmp.Compare(b.target.NumMethod(), a.target.NumMethod())
	}
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.typeName(), b.typeName()))
}

// typeName tells mappers of the same name apart, where their types can be told apart.
func (a attachedMapper) typeName() string {
	t := a.target
	if t == nil {
		t = reflect.TypeOf(a.sentinel)
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() + "." + t.Name()
}

// find is the mapper for err and its function, if the level has one.
func (m *mapping) find(err error) (by *attachedMapper, answer respond) {
	var skip func(error) bool
	if refusedAndFailed(err) { // it is to be told as the failure
		skip = func(inner error) bool { _, ok := inner.(*Denial); return ok }
	}
	for kind, mappers := range m {
		if len(mappers) == 0 {
			continue
		}
		w := walker{pass: func(error) {}, skip: skip, visit: func(inner error) bool {
			by, answer = match(mappers, mapperKind(kind), inner)
			return by != nil
		}}
		w.walk(err)
		if by != nil {
			return by, answer
		}
	}
	return nil, nil
}

// match is which of the mappers of one kind is for one error of a tree. What an
// error is comes before what it says it is, but for interfaces, where more methods say more.
func match(mappers []attachedMapper, kind mapperKind, err error) (*attachedMapper, respond) {
	for i := range mappers {
		if answer, ok := mappers[i].itself(err); ok {
			return &mappers[i], answer
		}
		if kind == mapsInterface {
			if answer, ok := mappers[i].says(err); ok {
				return &mappers[i], answer
			}
		}
	}
	if kind == mapsInterface {
		return nil, nil
	}
	for i := range mappers {
		if answer, ok := mappers[i].says(err); ok {
			return &mappers[i], answer
		}
	}
	return nil, nil
}

var errMapperNothing = errors.New("the exception mapper returned the zero Response")

// mapped is the Response for err: from the nearest level that has a mapper for
// it, else as a problem document. cause is what the log is to say.
func (st *stage) mapped(r *Request, err error) (resp Response, cause error) {
	cause = err
	var handed []Response // failures that mappers returned, innermost first
	for _, level := range st.levels {
		by, respond := level.find(err)
		if by == nil {
			continue
		}
		answer := respond(r, err)
		switch {
		case answer.head == nil:
			cause = errors.Join(errMapperNothing, cause)
			return (&Error{Code: "internal"}).response(r, cause), cause
		case !answer.head.open:
			return replay(answer, handed).carrying(cause), cause
		}
		err = answer.head.err
		handed = append(handed, answer)
		if !contains(cause, err) {
			cause = errors.Join(cause, err)
		}
	}
	resp = problem(r, err)
	if !identical(resp.Err(), err) { // and something was wrong with the error itself
		cause = errors.Join(cause, resp.Err())
	}
	return replay(resp, handed), cause
}

// replay puts on a Response what mappers put on the failures they handed on.
func replay(resp Response, handed []Response) Response {
	for _, failure := range slices.Backward(handed) {
		resp = failure.since(resp)
	}
	return resp
}
