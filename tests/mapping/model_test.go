package mapping_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
)

// The model is the rule of weft.Mapper, applied to descriptions of errors and mappers.

// kind is a kind of mapper, in the order in which a level's are asked.
type kind int

const (
	ofSentinel kind = iota
	ofConcrete
	ofInterface
)

// manner is what a mapper does.
type manner string

const (
	answers manner = "answers"
	hands   manner = "hands an error outward"
	panics  manner = "panics"
	nothing manner = "returns the zero Response"
)

// mapper is one mapper at one level.
type mapper struct {
	*subject
	id     string
	does   manner
	status int   // of its answer
	hands  *node // that it hands outward
}

// GoString is for rapid's account of a failure.
func (m *mapper) GoString() string { return fmt.Sprintf("%s for %s %s", m.id, m.name, m.does) }

// level is the mappers of the route, a group or the app.
type level []*mapper

// outcome is what must come of an error.
type outcome struct {
	answered *mapper // nil for a problem document
	status   int
	logged   int
	given    []error // to each mapper that was called, the nearest first
	handed   []*mapper
	defect   *mapper // that panicked, or returned nothing
}

// expect applies the rule: levels are those that the error meets, the nearest first.
func expect(levels []level, err *node) outcome {
	var out outcome
	for _, l := range levels {
		m, given := l.pick(err)
		if m == nil {
			continue
		}
		out.given = append(out.given, given)
		switch m.does {
		case answers:
			out.answered, out.status = m, m.status
			out.logged = logged(out.status)
			return out
		case hands:
			err = arisen(m.hands)
			out.handed = append(out.handed, m)
		default:
			out.status, out.logged, out.defect = http.StatusInternalServerError, 1, m
			return out
		}
	}
	out.status = err.publicStatus()
	out.logged = logged(out.status)
	return out
}

func logged(status int) int {
	if status >= http.StatusInternalServerError {
		return 1
	}
	return 0
}

// arisen is an error as a stage's boundary has it: a nil pointer is replaced by an error of weft's.
func arisen(n *node) *node {
	if n.isNil {
		return &node{interfaces: []string{asError}}
	}
	return n
}

// tree is the errors of a tree, outermost first, without nil pointers.
func (n *node) tree() []*node {
	if n.isNil {
		return nil
	}
	all := []*node{n}
	for _, inner := range n.inner {
		all = append(all, inner.tree()...)
	}
	return all
}

// publicStatus is the status of a problem document: that of the first Error, else of an InvalidRequest, else 500.
func (n *node) publicStatus() int {
	if n.type_ == typePanic {
		return http.StatusInternalServerError
	}
	for _, type_ := range []string{typeError, typeInvalid} {
		for _, e := range n.tree() {
			if e.type_ == type_ {
				return e.status
			}
		}
	}
	return http.StatusInternalServerError
}

// pick is the level's mapper for err, and what the mapper is given.
func (l level) pick(err *node) (*mapper, error) {
	for _, kind := range []kind{ofSentinel, ofConcrete, ofInterface} {
		for _, e := range err.tree() {
			var best *mapper
			var given error
			var rank int
			for _, m := range l {
				if m.kind != kind {
					continue
				}
				for what, found := range map[int]error{itself: m.is(e), says: m.isSaid(e)} {
					if found == nil {
						continue
					}
					if best == nil || m.before(what, best, rank) {
						best, given, rank = m, found, what
					}
				}
			}
			if best != nil {
				if kind == ofSentinel {
					given = err.value
				}
				return best, given
			}
		}
	}
	return nil, nil
}

// How an error can be what a mapper is for, the better first.
const (
	itself = iota
	says
)

// before reports whether m gets an error rather than other does.
func (m *mapper) before(how int, other *mapper, otherHow int) bool {
	if m.kind == ofInterface {
		return cmp.Or(cmp.Compare(other.methods, m.methods), cmp.Compare(m.name, other.name), cmp.Compare(how, otherHow)) < 0
	}
	return cmp.Or(cmp.Compare(how, otherHow), cmp.Compare(m.name, other.name)) < 0
}

// errOfWeft stands for a value of which the model knows only that it is there.
var errOfWeft = fmt.Errorf("an error of weft's own")

// is is e as what the mapper is for, where that is what e is.
func (m *mapper) is(e *node) error {
	fits := false
	switch m.kind {
	case ofSentinel:
		fits = e.sentinel != nil && e.sentinel == m.sentinel
	case ofConcrete:
		fits = e.type_ == m.name
	case ofInterface:
		fits = slices.Contains(e.interfaces, m.name)
	}
	switch {
	case !fits:
		return nil
	case e.value == nil:
		return errOfWeft
	}
	return e.value
}

// isSaid is the same where e only says so.
func (m *mapper) isSaid(e *node) error {
	if m.kind == ofSentinel {
		if slices.Contains(e.says, m.sentinel) {
			return e.value
		}
		return nil
	}
	return e.fills[m.name]
}
