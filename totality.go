package weft

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft/internal/callsite"
)

// What Build proves about errors and their mappers: that each error a handler
// declares is mapped, and which mappers nothing can reach.

// declaredError is one example that was given to Handler.Errors.
type declaredError struct {
	example error
	at      callsite.Site
}

// ErrorInfo is an error that a handler declares, and what becomes of it.
type ErrorInfo struct {
	// Error is the example's type; of a sentinel its text, quoted; of an [Error] what it tells.
	Error string `json:"error"`
	// Mapper takes it. nil where none does.
	Mapper *CatchInfo `json:"mapper,omitempty"`
	// Itself is whether the error says itself what the client sees, as an [Error] does.
	Itself bool `json:"itself,omitempty"`
	// Source is where it was declared, as "folder/file.go:12".
	Source string `json:"source"`
}

// proveErrors fills in what becomes of the errors that the route's handler
// declares, and reports those of which nothing does.
func (r *resolution) proveErrors(plan *RoutePlan, rr *resolvedRoute) {
	plan.Errors = []ErrorInfo{}
	var proven []declaredError
	for _, d := range rr.endpoint.declares {
		if d.example == nil {
			r.report(d.at, plan.Pattern, "Errors was given nil, which is no error", "give a sentinel, or a value of the error's type such as (*OutOfStock)(nil)")
			continue
		}
		by, place := r.takerOf(d.example, rr.own, rr.group)
		info := ErrorInfo{Error: exampleName(d.example, by), Mapper: place, Source: d.at.String()}
		if first := slices.IndexFunc(proven, func(p declaredError) bool { return sameExample(p.example, d.example, by) }); first >= 0 {
			r.report(d.at, plan.Pattern, fmt.Sprintf("Errors names %s twice, first at %v", info.Error, proven[first].at), "keep one of them")
			continue
		}
		proven = append(proven, d)
		if by == nil {
			var status int
			if status, info.Itself = ownStatus(d.example); !info.Itself {
				r.report(d.at, plan.Pattern, fmt.Sprintf("no exception mapper takes %s, which the handler declares", info.Error),
					"Catch it with On or OnIs on the route, a group or the app, or return a weft.Error")
			} else if status != 0 && !slices.Contains(plan.Statuses, status) {
				plan.Statuses = append(plan.Statuses, status)
			}
		}
		plan.Errors = append(plan.Errors, info)
	}
}

// takerOf is the mapper that takes errors like example, with its place.
func (r *resolution) takerOf(example error, own *mapping, group *Group) (*attachedMapper, *CatchInfo) {
	if by := own.taker(example); by != nil {
		return by, &CatchInfo{by.name, LevelRoute, "", by.at.String()}
	}
	for g := group; g != nil; g = g.outer {
		by := r.mappings[g].taker(example)
		switch {
		case by == nil:
		case g.outer == nil:
			return by, &CatchInfo{by.name, LevelApp, "", by.at.String()}
		default:
			return by, &CatchInfo{by.name, LevelGroup, r.prefixes[g].String(), by.at.String()}
		}
	}
	return nil, nil
}

// taker is the level's mapper for errors like example, or nil. An example that
// cannot be asked, such as a nil pointer, stands for its type alone.
func (m *mapping) taker(example error) (by *attachedMapper) {
	if m == nil {
		return nil
	}
	if isNilPointer(example) {
		return m.forType(reflect.TypeOf(example))
	}
	defer func() {
		if recover() != nil {
			by = m.forType(reflect.TypeOf(example))
		}
	}()
	by, _ = m.find(example)
	return by
}

// forType is the level's mapper for any error of type t, or nil.
func (m *mapping) forType(t reflect.Type) *attachedMapper {
	for _, kind := range []mapperKind{mapsConcrete, mapsInterface} {
		for i := range m[kind] {
			if target := m[kind][i].target; t == target || kind == mapsInterface && t.Implements(target) {
				return &m[kind][i]
			}
		}
	}
	return nil
}

// ownStatus reports whether errors like example say themselves what the client
// sees, and with which status, 0 where only each of them knows.
func ownStatus(example error) (status int, itself bool) {
	defer func() { _ = recover() }()
	switch e := example.(type) {
	case *Error:
		if e == nil {
			return 0, true
		}
	case *InvalidRequest:
		if e == nil {
			return 0, true
		}
	case *Denial:
		if e == nil {
			return 0, true
		}
	}
	if e := face(nil, example); e != nil {
		return e.status(), true
	}
	return 0, false
}

// exampleName is what the plan calls an example.
func exampleName(example error, by *attachedMapper) string {
	if e, ok := example.(*Error); ok && e != nil {
		public := *e
		public.Detail, public.Cause = "", nil
		return public.Error()
	}
	if isSentinel(example, by) {
		return strconv.Quote(textOf(example))
	}
	return reflect.TypeOf(example).String()
}

// isSentinel reports whether an example stands for itself, and not for its type:
// a mapper looks for it, or it is one of errors.New or fmt.Errorf.
func isSentinel(example error, by *attachedMapper) bool {
	t := reflect.TypeOf(example)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return by != nil && by.kind == mapsSentinel || t.PkgPath() == "errors" || t.PkgPath() == "fmt"
}

// sameExample reports whether two examples stand for the same errors; by takes the second.
func sameExample(a, b error, by *attachedMapper) bool {
	switch {
	case reflect.TypeOf(a) != reflect.TypeOf(b):
		return false
	case reflect.ValueOf(a).Comparable() && a == b:
		return true
	case isSentinel(b, by):
		return false
	}
	return reflect.DeepEqual(a, b) || blank(a) && blank(b)
}

// blank reports whether an example shows nothing but its type.
func blank(example error) bool {
	v := reflect.ValueOf(example)
	return v.IsZero() || v.Kind() == reflect.Pointer && v.Elem().IsZero()
}

// mapperKey tells a mapper of a handler wherever the handler is registered.
type mapperKey struct {
	at       callsite.Site
	kind     mapperKind
	target   reflect.Type
	sentinel error
}

// reach is which mappers of handlers something can reach, and on which routes nothing can.
type reach struct {
	alive map[mapperKey]bool
	dead  []deadMapper
}

type deadMapper struct {
	key         mapperKey
	name, route string
}

// noteReach notes which of the route's own mappers something can reach. One is
// dead only where that is certain: the handler declares its errors, the
// mapper is for none of them and for none of weft's, and nothing else there can fail in a way of its own.
func (r *resolution) noteReach(plan *RoutePlan, rr *resolvedRoute) {
	if rr.own == nil {
		return
	}
	certain := len(plan.Errors) > 0 && r.onlyHandlerFails(plan, rr) && !slices.ContainsFunc(rr.endpoint.declares, isOpen)
	for _, mappers := range rr.own {
		for _, m := range mappers {
			key := mapperKey{m.at, m.kind, m.target, m.sentinel}
			if certain && !m.takesAny(rr.endpoint.declares) && !m.takesOwn() {
				r.reach.dead = append(r.reach.dead, deadMapper{key, m.name, plan.Pattern})
			} else {
				r.reach.alive[key] = true
			}
		}
	}
}

// onlyHandlerFails reports whether, of the user's code, nothing but the handler
// can raise errors that begin at the route's level.
func (r *resolution) onlyHandlerFails(plan *RoutePlan, rr *resolvedRoute) bool {
	e := rr.endpoint
	return !slices.ContainsFunc(plan.Stages, func(s StageInfo) bool {
		switch s.Kind {
		case KindMiddleware:
			return s.Level == LevelRoute
		case KindExtract:
			return e.extractor != nil || !plain(e.req, map[reflect.Type]bool{})
		case KindRespond:
			return !plain(e.resp, map[reflect.Type]bool{})
		}
		return s.Kind != KindHandler
	}) && rr.route.input.json.Codec == nil && rr.route.input.formats == nil && rr.answers == (answers{}) && r.app.validate == nil && len(r.app.observers) == 0
}

// plain reports whether values of type t are read and written without a method of the user's.
func plain(t reflect.Type, seen map[reflect.Type]bool) bool {
	if elem, wrapped := unwrapOpt(t); wrapped {
		t = elem
	}
	if seen[t] || t == reflect.TypeFor[time.Time]() {
		return true
	}
	seen[t] = true
	if codesItself(t) || bindingTypes.Itself(t) {
		return false
	}
	switch t.Kind() {
	case reflect.Interface:
		return false
	case reflect.Map:
		return plain(t.Key(), seen) && plain(t.Elem(), seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return plain(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if !plain(field.Type, seen) {
				return false
			}
		}
	}
	return true
}

// isOpen reports whether an error like the example may be, or wrap, other errors than it shows.
func isOpen(d declaredError) bool {
	switch d.example.(type) {
	case nil, interface{ Unwrap() error }, interface{ Unwrap() []error }, interface{ Is(error) bool }, interface{ As(any) bool }:
		return true
	}
	return false
}

// takesAny reports whether the mapper is for one of the examples, none of which is open.
func (a attachedMapper) takesAny(examples []declaredError) bool {
	return slices.ContainsFunc(examples, func(d declaredError) bool {
		_, ok := a.itself(d.example)
		return ok
	})
}

// takesOwn reports whether the mapper is for an error that weft, or what it
// calls, raises on a route by itself.
func (a attachedMapper) takesOwn() bool {
	own := []error{
		&Error{}, &InvalidRequest{}, &Denial{}, &PanicError{}, &invalidFieldError{},
		context.Canceled, context.DeadlineExceeded,
		errNilAnswer, errNoResponse, fmt.Errorf("%w", errNoResponse), errors.Join(errNoResponse),
		&json.SemanticError{}, &jsontext.SyntacticError{}, jsontext.ErrDuplicateName, jsontext.ErrNonStringName,
		ErrNotAcceptable, ErrPreconditionFailed, ErrPreconditionRequired,
		&runtime.PanicNilError{}, &runtime.TypeAssertionError{},
	}
	return slices.ContainsFunc(own, func(err error) bool {
		_, ok := a.itself(err)
		return ok
	})
}

// findDead warns of the mappers that nothing can reach.
func (r *resolution) findDead() {
	for _, d := range r.reach.dead {
		if !r.reach.alive[d.key] {
			r.warn(d.key.at, d.route, fmt.Sprintf("nothing can reach the mapper for %s: the handler declares its errors, and none of them is one", errorsOf(d.name)),
				"declare the error with Errors, or leave the mapper out")
		}
	}
	reached := map[*Group]bool{}
	reaches := func(g *Group) {
		for ; g != nil; g = g.outer {
			reached[g] = true
		}
	}
	reaches(r.app.root)
	for _, g := range r.app.groups {
		if g.prefix != "" { // it has misses
			reaches(g)
		}
	}
	for _, d := range r.app.routes {
		reaches(d.group)
	}
	for _, g := range r.app.groups {
		if reached[g] {
			continue
		}
		for _, m := range g.mappers {
			r.warn(m.at, "", fmt.Sprintf("nothing can reach the mapper for %s: its group has no route and no path of its own", errorsOf(m.name)),
				"declare the group's routes on it, or leave the mapper out")
		}
	}
}
