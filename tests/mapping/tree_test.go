package mapping_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// The errors of the tests. Three of their types have methods that interfaces ask for.

type alpha struct{ text string }

func (e *alpha) Error() string { return "alpha " + e.text }
func (*alpha) One()            {}

type beta string

func (e beta) Error() string { return "beta " + string(e) }
func (beta) One()            {}
func (beta) Two()            {}

// gamma wraps an error, and cannot be asked where it is nil.
type gamma struct{ inner error }

func (e *gamma) Error() string { return "gamma of " + fmt.Sprintf("%T", e.inner) }
func (e *gamma) Unwrap() error { return e.inner }
func (e *gamma) Is(error) bool { return e.inner == nil }
func (*gamma) Three()          {}

// delta holds errors, and cannot be compared.
type delta []error

func (e delta) Error() string   { return fmt.Sprint("delta of ", len(e)) }
func (e delta) Unwrap() []error { return e }
func (delta) Three()            {}

// liar says that it is other errors.
type liar struct {
	text string
	is   []error
	as   []any // an *alpha, perhaps nil, a beta, or a one
}

func (e *liar) Error() string        { return e.text }
func (e *liar) Is(target error) bool { return slices.Contains(e.is, target) }
func (e *liar) As(target any) (ok bool) {
	for _, as := range e.as {
		switch target := target.(type) {
		case **alpha:
			if value, is := as.(*alpha); is {
				*target, ok = value, true
			}
		case *beta:
			if value, is := as.(beta); is {
				*target, ok = value, true
			}
		case *one:
			if value, is := as.(asOne); is {
				*target, ok = value.one, true
			}
		}
	}
	return ok
}

// asOne is what a liar fills into a one.
type asOne struct{ one }

type (
	one interface {
		error
		One()
	}
	two interface {
		error
		One()
		Two()
	}
	three interface {
		error
		Three()
	}
)

// sentinels are what OnIs looks for. The last two say that they are each other.
var sentinels = func() []error {
	m, n := &liar{text: "sentinel m"}, &liar{text: "sentinel n"}
	m.is, n.is = []error{n}, []error{m}
	return []error{errors.New("sentinel z"), errors.New("sentinel a"), beta("sentinel b"), m, n}
}()

// node describes an error to the model, which never looks at the error itself.
type node struct {
	value      error
	inner      []*node // that it wraps
	isNil      bool    // a nil pointer
	type_      string  // as a plan names it
	interfaces []string
	sentinel   error
	says       []error          // sentinels that its Is says it is
	fills      map[string]error // what its As fills in, by the type asked for
	status     int              // that an *Error or *InvalidRequest tells the client
}

// GoString is for rapid's account of a failure.
func (n *node) GoString() string {
	texts := make([]string, len(n.inner))
	for i, inner := range n.inner {
		texts[i] = inner.GoString()
	}
	text := fmt.Sprintf("%T", n.value)
	switch {
	case n.isNil:
		text = "nil " + text
	case len(n.inner) == 0:
		text += fmt.Sprintf(" %q", n.value)
	}
	if len(texts) > 0 {
		text += "(" + strings.Join(texts, ", ") + ")"
	}
	return text
}

const (
	typeAlpha   = "*mapping_test.alpha"
	typeBeta    = "mapping_test.beta"
	typeGamma   = "*mapping_test.gamma"
	typeDelta   = "mapping_test.delta"
	typeError   = "*weft.Error"
	typeInvalid = "*weft.InvalidRequest"
	typePanic   = "*weft.PanicError"

	asError = "error"
	isOne   = "mapping_test.one"
	isTwo   = "mapping_test.two"
	isThree = "mapping_test.three"
)

// plain is an error that nothing but "error" is for.
func plain(text string) *node { return &node{value: errors.New(text), interfaces: []string{asError}} }

func drawNode(t *rapid.T, depth int) *node {
	kinds := []string{"plain", "sentinel", "sentinel", "alpha", "beta", "liar", "nil", "Error", "invalid"}
	if depth > 0 {
		kinds = append(kinds, "fmt", "fmt", "gamma", "joined", "joined", "delta", "caused")
	}
	several := func(least int) (inner []*node, values []error) {
		for range rapid.IntRange(least, 3).Draw(t, "many") {
			n := drawNode(t, depth-1)
			inner, values = append(inner, n), append(values, n.value)
		}
		return inner, values
	}
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "sentinel":
		s := rapid.SampledFrom(sentinels).Draw(t, "sentinel")
		n := &node{value: s, sentinel: s, interfaces: []string{asError}}
		switch s := s.(type) {
		case *liar:
			n.says = s.is
		case beta:
			n.type_, n.interfaces = typeBeta, []string{asError, isOne, isTwo}
		}
		return n
	case "alpha":
		return &node{value: &alpha{"itself"}, type_: typeAlpha, interfaces: []string{asError, isOne}}
	case "beta":
		return &node{value: beta("itself"), type_: typeBeta, interfaces: []string{asError, isOne, isTwo}}
	case "liar":
		return drawLiar(t)
	case "nil":
		value := rapid.SampledFrom([]error{(*alpha)(nil), (*gamma)(nil), (*liar)(nil), (*weft.Error)(nil), (*weft.InvalidRequest)(nil)}).Draw(t, "nil pointer")
		return &node{value: value, isNil: true}
	case "Error":
		status := rapid.SampledFrom([]int{400, 409, 500, 503}).Draw(t, "status")
		return &node{value: &weft.Error{Status: status}, type_: typeError, interfaces: []string{asError}, status: status}
	case "caused":
		cause := drawNode(t, depth-1)
		return &node{value: &weft.Error{Status: 410, Cause: cause.value}, inner: []*node{cause}, type_: typeError, interfaces: []string{asError}, status: 410}
	case "invalid":
		return &node{value: weft.Invalid("/x", "odd", "is odd"), type_: typeInvalid, interfaces: []string{asError}, status: 422}
	case "fmt":
		inner := drawNode(t, depth-1)
		return &node{value: fmt.Errorf("wrapped: %w", inner.value), inner: []*node{inner}, interfaces: []string{asError}}
	case "gamma":
		inner := drawNode(t, depth-1)
		return &node{value: &gamma{inner.value}, inner: []*node{inner}, type_: typeGamma, interfaces: []string{asError, isThree}}
	case "joined":
		inner, values := several(1)
		return &node{value: errors.Join(values...), inner: inner, interfaces: []string{asError}}
	case "delta":
		inner, values := several(0)
		return &node{value: delta(values), inner: inner, type_: typeDelta, interfaces: []string{asError, isThree}}
	}
	return plain("plain")
}

func drawLiar(t *rapid.T) *node {
	e := &liar{text: "liar"}
	n := &node{value: e, interfaces: []string{asError}, fills: map[string]error{}}
	for _, s := range sentinels {
		if rapid.IntRange(0, 3).Draw(t, "is") == 0 {
			e.is = append(e.is, s)
		}
	}
	n.says = e.is
	switch rapid.SampledFrom([]string{"nothing", "alpha", "nil"}).Draw(t, "as an alpha") {
	case "alpha":
		value := &alpha{"as"}
		e.as, n.fills[typeAlpha] = append(e.as, value), value
	case "nil":
		e.as = append(e.as, (*alpha)(nil))
	}
	if rapid.Bool().Draw(t, "as a beta") {
		e.as, n.fills[typeBeta] = append(e.as, beta("as")), beta("as")
	}
	switch rapid.SampledFrom([]string{"nothing", "alpha", "nil"}).Draw(t, "as a one") {
	case "alpha":
		value := &alpha{"as one"}
		e.as, n.fills[isOne] = append(e.as, asOne{value}), value
	case "nil":
		e.as = append(e.as, asOne{(*alpha)(nil)})
	}
	return n
}
