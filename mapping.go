package weft

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/weft-go/weft/internal/callsite"
)

type attachedMapper struct {
	Mapper
	at callsite.Site
}

// mapping is the mappers of one level, by kind.
type mapping [mapsInterface + 1][]Mapper

// newMapping sorts a level's mappers, and reports those that cannot be.
func newMapping(list []attachedMapper, report func(at callsite.Site, problem, remedy string)) *mapping {
	if len(list) == 0 {
		return nil
	}
	m := &mapping{}
	for i, a := range list {
		if a.kind == mapsNothing {
			report(a.at, "a Mapper maps nothing", "make it with On or OnIs, a function, and a sentinel that can be compared")
			continue
		}
		if first := slices.IndexFunc(list[:i], a.same); first >= 0 {
			report(a.at, fmt.Sprintf("errors of %s have two mappers at one level, the other is at %v", a.name, list[first].at), "keep one of them, or attach one further in")
			continue
		}
		m[a.kind] = append(m[a.kind], a.Mapper)
	}
	slices.SortStableFunc(m[mapsInterface], func(a, b Mapper) int {
		return cmp.Or(cmp.Compare(b.target.NumMethod(), a.target.NumMethod()), cmp.Compare(a.name, b.name))
	})
	return m
}

// same reports whether two mappers are for the same errors.
func (a attachedMapper) same(b attachedMapper) bool {
	return a.kind == b.kind && a.target == b.target && a.sentinel == b.sentinel
}

// find is the mapper's function for err, if the level has one.
func (m *mapping) find(err error) (answer respond, found bool) {
	for _, mappers := range m {
		if len(mappers) == 0 {
			continue
		}
		walk(err, func(inner error) bool {
			for _, mapper := range mappers {
				if answer, found = mapper.match(inner); found {
					return true
				}
			}
			return false
		})
		if found {
			return answer, true
		}
	}
	return nil, false
}

// walk visits the errors of a tree in the order of errors.Is, until visit returns true.
func walk(err error, visit func(error) bool) (stopped bool) {
	for err != nil {
		if visit(err) {
			return true
		}
		switch wrapper := err.(type) {
		case interface{ Unwrap() error }:
			err = wrapper.Unwrap()
		case interface{ Unwrap() []error }:
			return slices.ContainsFunc(wrapper.Unwrap(), func(inner error) bool { return walk(inner, visit) })
		default:
			return false
		}
	}
	return false
}

var errMapperNothing = errors.New("the exception mapper returned the zero Response")

// mapped is the Response for err: from the nearest level that has a mapper for
// it, else as a problem document. cause is what the log is to say.
func (st *stage) mapped(r *Request, err error) (resp Response, cause error) {
	cause = err
	var handed []Response // failures that mappers returned, innermost first
	for _, level := range st.levels {
		respond, found := level.find(err)
		if !found {
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
		cause = errors.Join(cause, err)
	}
	resp = problem(r, err)
	if resp.Err() != err { // and something was wrong with the error itself
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
