package weft

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/graph"
	"github.com/weft-go/weft/internal/httpfield"
)

// Guard decides whether a request may run. Guards stand behind the middleware
// and before everything that decodes the request, at three levels: the app's come first, then those of the
// groups, then the route's, each list in its order. All of them must let the request pass.
//
// Allow returns nil to let it pass, and a [Denial], made by [Deny] or
// [Unauthenticated], for no. Only a Denial means no. Any other error is a
// failure: nothing could be decided. It ends the request, as what it is, whatever [Any], [Not] or [Unless]
// stand around the guard: an outage never lets anybody in. A panic is a failure too.
// What a guard has set before it says no is taken back.
//
// Allow must not read the body, unless the guard says that it [ReadsBody]. One
// value serves all requests, concurrently.
type Guard interface {
	Allow(r *Request) error
}

// GuardFunc is a function as a Guard, named after the function.
type GuardFunc func(*Request) error

// Allow calls f.
func (f GuardFunc) Allow(r *Request) error { return f(r) }

// NewGuard gives a function a name, under which the plan, logs and traces know it,
// and options: [Provides], [Needs], [Reads], [ReadsBody], [Once], [Outside], [Inside], [Traced]. The method of a type fits as it is:
//
//	weft.NewGuard("quota", limiter.Allow, weft.Needs(CurrentUser))
func NewGuard(name string, fn func(*Request) error, opts ...StageOption) Guard {
	return &guard{rules: rules{name: name}.with(opts), allow: fn}
}

// ValueGuard is a guard that finds out a value, such as the user, and provides it
// as key. fn returns the value, or why the request must not pass. A nil pointer without an error is a failure.
func ValueGuard[T any](k *Key[T], name string, fn func(*Request) (T, error), opts ...StageOption) Guard {
	g := &guard{rules: rules{name: name}.with(opts)}
	g.provides = append(g.provides, k.identity())
	if fn != nil {
		g.allow = func(r *Request) error {
			value, err := fn(r)
			if err != nil {
				return err
			}
			return k.set(r, value)
		}
	}
	return g
}

// All lets pass what every guard lets pass, asked in order. It provides what all of them together provide;
// what those provided that let pass stays where a later one says no, as with guards one behind the other.
func All(guards ...Guard) Guard { return combine(allOf, guards) }

// Any lets pass what one of the guards lets pass, asked in order up to that
// one. What a guard provided that then said no is taken back. Any provides what every one of the guards
// provides. Where all say no, the answer is the first 401 among them, with the challenges of all that have
// one, since who logs in may pass; else that of the first guard.
func Any(guards ...Guard) Guard { return combine(anyOf, guards) }

// Not lets pass what g says no to. A failure of g is a failure. It provides
// nothing: what g provided is taken back, whatever it said.
func Not(g Guard) Guard { return combine(notOf, []Guard{g}) }

// Unless lets pass what condition lets pass, and otherwise asks g. Unlike [Any],
// it answers a no with that of g alone. It provides nothing for certain.
func Unless(condition, g Guard) Guard { return combine(unlessOf, []Guard{condition, g}) }

// guard is a Guard as weft knows it: a function with its rules, or a
// combination of others.
type guard struct {
	rules
	allow    func(*Request) error                // nil for a combination, and where the user gave none
	askWith  func(service any, r *Request) error // of one that is made of a service
	services []graph.Key                         // that it and its parts are made of
	operator operator
	of       []*guard
}

type operator string

const (
	alone    operator = ""
	allOf    operator = "all"
	anyOf    operator = "any"
	notOf    operator = "not"
	unlessOf operator = "unless"
)

// asGuard is any Guard as weft knows it; a nil one has no function.
func asGuard(g Guard) *guard {
	switch g := g.(type) {
	case *guard:
		if g != nil {
			return g
		}
	case GuardFunc:
		if g != nil {
			return &guard{rules: rules{name: functionName(g)}, allow: g}
		}
	default:
		if !isNull(g) {
			return &guard{rules: rules{name: strings.TrimPrefix(reflect.TypeOf(g).String(), "*")}, allow: g.Allow}
		}
	}
	return &guard{rules: rules{name: "nil"}}
}

func combine(op operator, guards []Guard) Guard {
	g := &guard{operator: op}
	names := make([]string, len(guards))
	for i, part := range guards {
		p := asGuard(part)
		g.of = append(g.of, p)
		names[i] = p.name
		g.readsBody = g.readsBody || p.readsBody
		g.traced = g.traced || p.traced
		g.untraced = !g.traced && (g.untraced || p.untraced)
		g.services = append(g.services, p.services...)
		g.use(p)
	}
	g.name = fmt.Sprintf("%s(%s)", op, strings.Join(names, ", "))
	return g
}

// use works out what the next part does to the keys that the combination needs
// and provides, certainly or perhaps.
func (g *guard) use(p *guard) {
	first := len(g.of) == 1
	for _, k := range p.reads {
		if !slices.Contains(g.reads, k) {
			g.reads = append(g.reads, k)
		}
	}
	g.tried = append(g.tried, p.tried...)
	for _, k := range p.needs {
		byPartBefore := g.operator == allOf && slices.Contains(g.provides, k)
		if !byPartBefore && !slices.Contains(g.needs, k) {
			g.needs = append(g.needs, k)
		}
	}
	switch g.operator {
	case allOf:
		g.provides, g.may = append(g.provides, p.provides...), append(g.may, p.may...)
	case anyOf:
		before := g.provides
		g.provides = slices.Clone(p.provides)
		if !first {
			g.provides = slices.DeleteFunc(g.provides, func(k *key) bool { return !slices.Contains(before, k) })
		}
		for _, k := range slices.Concat(before, g.may, p.provides, p.may) {
			if !slices.Contains(g.provides, k) && !slices.Contains(g.may, k) {
				g.may = append(g.may, k)
			}
		}
	case notOf:
		g.tried = append(g.tried, p.possible()...)
	case unlessOf:
		for _, k := range slices.Concat(p.provides, p.may) {
			if !slices.Contains(g.may, k) {
				g.may = append(g.may, k)
			}
		}
	}
}

// Allow implements [Guard].
func (g *guard) Allow(r *Request) error { return g.decide(r, nil) }

// decide asks the guard, and notes the decision where it is not nil.
func (g *guard) decide(r *Request, note *Decision) error {
	if note == nil {
		return g.judge(r, nil)
	}
	note.begin(g)
	err := g.judge(r, note)
	note.end(err)
	return err
}

func (g *guard) judge(r *Request, note *Decision) error {
	switch g.operator {
	case allOf:
		for i := range g.of {
			if err := g.part(i, r, note); err != nil {
				return err
			}
		}
		return nil
	case anyOf:
		return g.judgeAny(r, note)
	case notOf:
		before := r.state.gained()
		no, err := g.saysNo(0, r, note)
		if no != nil || err != nil {
			return err
		}
		r.state.lose(before)
		return Deny("")
	case unlessOf:
		no, err := g.saysNo(0, r, note)
		if no == nil || err != nil {
			return err
		}
		return g.part(1, r, note)
	}
	return g.ask(r)
}

func (g *guard) part(i int, r *Request, note *Decision) error {
	if note == nil {
		return g.of[i].decide(r, nil)
	}
	return g.of[i].decide(r, &note.Parts[i])
}

// gains is what a request has been given so far: values, and services of its own.
type gains struct {
	values   uint64
	services int
}

func (s *state) gained() gains {
	g := gains{values: s.values.there}
	if s.scope != nil {
		g.services = len(s.scope.made)
	}
	return g
}

// lose takes back what was given since.
func (s *state) lose(since gains) {
	s.values.undo(since.values)
	if s.scope != nil {
		s.unmake(since.services)
	}
}

// saysNo asks a part, and takes back what it provided if it says no; err is its failure.
func (g *guard) saysNo(i int, r *Request, note *Decision) (no *Denial, err error) {
	before := r.state.gained()
	err = g.part(i, r, note)
	if err == nil {
		return nil, nil
	}
	if no = denialIn(err); no == nil {
		return nil, err
	}
	r.state.lose(before)
	return no, nil
}

func (g *guard) judgeAny(r *Request, note *Decision) error {
	var room [4]*Denial
	denials := room[:0]
	for i := range g.of {
		no, err := g.saysNo(i, r, note)
		if no == nil {
			return err
		}
		denials = append(denials, no)
	}
	if len(denials) == 0 {
		return errors.New("Any of no guards decides nothing")
	}
	return foremost(denials)
}

// ask calls the user's function, and sees that it kept its promise. Where it
// says no, what it set before is taken back. It gets the body only if it has said so.
func (g *guard) ask(r *Request) error {
	if g.allow == nil {
		return fmt.Errorf("the guard %q has no function", g.name)
	}
	barred := &r.state.body.barred
	outer := *barred // of a guard that asks this one by itself
	if *barred = g; g.readsBody {
		*barred = nil
	}
	there := r.state.values.there
	err := g.allow(r)
	*barred = outer
	if err != nil {
		if r.state.values.there != there && denialIn(err) != nil {
			r.state.values.undo(there)
		}
		return err
	}
	return r.state.values.kept(&g.rules)
}

// problems reports the mistakes of a guard and its parts.
func (g *guard) problems(report func(problem, remedy string)) {
	switch {
	case g.operator == alone && g.allow == nil:
		report(fmt.Sprintf("the guard %q has no function", g.name), "give it one: unlike a middleware, a guard that is left out would let everybody in")
	case g.operator != alone && len(g.of) == 0:
		report(fmt.Sprintf("the guard %q is made of no guards", g.name), "give it some, or leave it out")
	}
	var provided []*key
	for _, p := range g.of {
		if p.once || p.outside != nil || p.inside != nil {
			report(fmt.Sprintf("the guard %q is a part of %q and says where it stands", p.name, g.name), "leave Once, Outside and Inside out of it, or attach it by itself")
		}
		if g.operator == allOf {
			for _, k := range slices.Concat(p.possible(), p.tried) {
				if slices.Contains(provided, k) {
					report(fmt.Sprintf("two parts of the guard %q provide %v", g.name, k), "keep one of them, or join the two with Any")
				}
			}
			provided = append(provided, p.possible()...)
		}
		p.problems(report)
	}
}

// Denial is a guard's no. [Deny] and [Unauthenticated] make it; the With methods
// return changed copies. It is an ordinary error: a [Mapper] may map it; where none does, the client gets problem details.
type Denial struct {
	face Error
}

// Deny is a no to whoever asks: a 403. The detail is for the client, and may be "".
func Deny(detail string) *Denial {
	return &Denial{Error{Status: http.StatusForbidden, Code: "forbidden", Detail: detail}}
}

// Unauthenticated is a no to somebody unknown: a 401. The challenge says how to
// log in, as in `Bearer realm="orders"` (RFC 9110 section 11.6.1); it is sent as
// WWW-Authenticate, also where a Mapper makes another 401 of the denial. The detail is for the client, and may be "".
func Unauthenticated(challenge, detail string) *Denial {
	if challenge == "" || !httpfield.ValidValue(challenge) {
		return &Denial{Error{Status: http.StatusInternalServerError, Code: "internal", Cause: errChallenge}}
	}
	return &Denial{Error{
		Status: http.StatusUnauthorized, Code: "unauthenticated", Detail: detail,
		Header: http.Header{wwwAuthenticate: {challenge}},
	}}
}

// errChallenge makes a failure of what would be a 401 without a challenge, which RFC 9110 section 15.5.2 does not allow.
var errChallenge = errors.New("Unauthenticated was given a challenge that cannot be sent: say how to log in, as in `Bearer realm=\"orders\"`")

const wwwAuthenticate = "Www-Authenticate"

// WithCode sets the stable name that the client gets, "forbidden" or "unauthenticated" otherwise.
func (d *Denial) WithCode(code string) *Denial {
	c := *d
	c.face.Code = code
	return &c
}

// WithCause says why, for logs; it is never sent.
func (d *Denial) WithCause(cause error) *Denial {
	c := *d
	c.face.Cause = cause
	return &c
}

// Hidden is the same no, answered as a path that leads nowhere is: a 404 that
// does not tell that there is something to be refused.
func (d *Denial) Hidden() *Denial {
	c := *d
	c.face = Error{Status: http.StatusNotFound, Code: codeNotFound, Cause: d.face.Cause}
	return &c
}

// Status is 401, 403, or 404 where the denial is hidden.
func (d *Denial) Status() int { return d.face.Status }

// Challenges are those of a 401.
func (d *Denial) Challenges() []string { return slices.Clone(d.face.Header[wwwAuthenticate]) }

// Error is for logs: it holds the private cause.
func (d *Denial) Error() string {
	if d == nil {
		return "<nil>"
	}
	return d.face.Error()
}

// Unwrap returns what the client is told, as an [*Error].
func (d *Denial) Unwrap() error {
	if d == nil {
		return nil
	}
	return &d.face
}

// denialIn is the Denial that err is or wraps, or nil. Whatever adds something
// of its own to it, as errors.Join with another error, is no mere no.
func denialIn(err error) *Denial {
	room := maxWrapping
	return denialWithin(err, &room)
}

// maxWrapping is how many errors of a tree are looked at for a denial: it may lead back to itself.
const maxWrapping = 1000

func denialWithin(err error, room *int) *Denial {
	if *room--; *room < 0 || err == nil || isNilPointer(err) {
		return nil
	}
	switch e := err.(type) {
	case *Denial:
		if status := e.face.Status; status < 400 || status > 499 {
			return nil // not one that Deny or Unauthenticated made, or made of a challenge that cannot be sent
		}
		return e
	case *Error, *PanicError: // says itself what it is
		return nil
	case interface{ Unwrap() error }:
		return denialWithin(e.Unwrap(), room)
	case interface{ Unwrap() []error }:
		var denials []*Denial
		for _, inner := range e.Unwrap() {
			d := denialWithin(inner, room)
			if d == nil {
				return nil
			}
			denials = append(denials, d)
		}
		return foremost(denials)
	}
	return nil
}

// foremost is the denial that the client gets of several: a 401, with the
// challenges of all, before a 403. It is nil where there is none.
func foremost(denials []*Denial) *Denial {
	var first *Denial
	var challenges []string
	for _, d := range denials {
		if first == nil || first.Status() != http.StatusUnauthorized && d.Status() == http.StatusUnauthorized {
			first = d
		}
		for _, c := range d.face.Header[wwwAuthenticate] {
			if !slices.Contains(challenges, c) {
				challenges = append(challenges, c)
			}
		}
	}
	if len(challenges) < 2 {
		return first
	}
	c := *first
	c.face.Header = http.Header{wwwAuthenticate: challenges}
	return &c
}
