// Package validation checks decoded values with the rules in their validate
// tags, by go-playground/validator. It finds wrong tags before the first
// request, and says where in a value a rule was broken without parsing the
// validator's own notation of places.
package validation

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Failure is a broken rule.
type Failure struct {
	Steps []Step
	Rule  string
	Param string
	Err   validator.FieldError
}

// MaxFailures is how many failures of one value are told.
const MaxFailures = 100

// Rules validates values of one type.
type Rules struct {
	validate *validator.Validate
	typ      reflect.Type // what is behind the pointers and wrappers
	dive     string       // for a list or map: a dive for each level of it; "" for a struct
	unwrap   Unwrap

	// FromTop says that a rule names a field by its way from the outermost
	// struct, so that a part of it must not be validated alone.
	FromTop bool
}

// Unwrap returns the type inside a wrapper whose ValidatorValue returns a pointer to it.
type Unwrap func(reflect.Type) (elem reflect.Type, wrapped bool)

// Compile checks every tag that can be reached from t. The Rules are nil where
// there is nothing to check: no tag, and no foreign validator, which may have
// rules for types without tags.
func Compile(v *validator.Validate, foreign bool, t reflect.Type, unwrap Unwrap) (*Rules, []string) {
	w := &walker{validate: v, unwrap: unwrap, seen: map[reflect.Type]bool{}}
	t = w.strip(t)
	w.walk(t)
	if !w.tagged && !foreign {
		return nil, w.problems
	}
	r := &Rules{validate: v, typ: t, unwrap: unwrap, FromTop: w.fromTop}
	for elem := t; ; {
		switch elem.Kind() {
		case reflect.Struct:
			return r, w.problems
		case reflect.Slice, reflect.Array, reflect.Map:
			r.dive = strings.TrimPrefix(r.dive+",dive", ",")
			elem = w.strip(elem.Elem())
		default:
			return nil, w.problems
		}
	}
}

// TypeError says that a rule cannot be asked of the kind of value that a field
// of an interface type holds.
type TypeError struct{ text string }

func (e *TypeError) Error() string { return e.text }

// Check validates value, which is a T or pointers to one.
func (r *Rules) Check(ctx context.Context, value any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			text := complaint(p)
			if text == "" {
				panic(p) // of a rule of the user's
			}
			err = &TypeError{text}
		}
	}()
	if r.dive == "" {
		return r.validate.StructCtx(ctx, value)
	}
	return r.validate.VarCtx(ctx, value, r.dive)
}

// Inside is what is behind pointers and wrappers: what Check is to be given
// where a T is more than a pointer away. It is nil where there is nothing.
func (r *Rules) Inside(value any) any {
	if v := r.inside(reflect.ValueOf(value)); v.IsValid() {
		return v.Interface()
	}
	return nil
}

// Explain takes an error of Check apart. present tells whether the client sent
// the value at a place, and not as null: required means present, not different
// from zero. The error is not nil where it is no list of broken rules.
func (r *Rules) Explain(ctx context.Context, err error, value any, present func([]Step) bool) ([]Failure, error) {
	e := &explanation{Rules: r, ctx: ctx, present: present, keys: map[uintptr]map[string]entry{}}
	top := r.inside(reflect.ValueOf(value))
	if !top.IsValid() {
		return nil, nil // a nil pointer: the value is absent
	}
	broken, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return nil, err
	}
	prefix := ""
	if r.dive == "" {
		prefix = r.typ.Name()
	}
	e.failures = make([]Failure, 0, min(len(broken), MaxFailures))
	e.explain(broken, prefix, top, nil)
	return e.failures, nil
}

// explanation is one error being taken apart.
type explanation struct {
	*Rules
	ctx      context.Context
	present  func([]Step) bool
	keys     map[uintptr]map[string]entry // of maps that were met
	failures []Failure
}

// explain adds the broken rules of the value top, to which base leads.
func (e *explanation) explain(broken validator.ValidationErrors, prefix string, top reflect.Value, base []Step) {
	for _, fe := range broken {
		if len(e.failures) == MaxFailures {
			return
		}
		path := strings.TrimPrefix(strings.TrimPrefix(fe.StructNamespace(), prefix), ".")
		steps, at, owner := e.descend(base, top, path)
		if !demandsPresence(fe) || keysDemandPresence(steps) || !e.present(steps) {
			e.failures = append(e.failures, Failure{steps, fe.Tag(), fe.Param(), fe})
			continue
		}
		e.askOthers(steps, at, owner, fe.Tag())
	}
}

// demandsPresence reports whether it was required, alone or as an alternative, that failed.
func demandsPresence(fe validator.FieldError) bool {
	tag := fe.ActualTag()
	return tag == "required" || strings.Contains(tag, "|") && slices.Contains(strings.Split(tag, "|"), "required")
}

// askOthers asks the rules beside required of a value that is there, and those inside it.
func (e *explanation) askOthers(steps []Step, at, owner reflect.Value, required string) {
	if !at.IsValid() || !at.CanInterface() {
		return
	}
	var err error
	inner, prefix := at, ""
	if rest := otherRules(steps, required); rest != "" {
		if owner = open(owner); owner.IsValid() {
			err = e.validate.VarWithValueCtx(e.ctx, at.Interface(), owner.Interface(), rest)
		} else {
			err = e.validate.VarCtx(e.ctx, at.Interface(), rest)
		}
	} else if inner = e.inside(at); inner.IsValid() && inner.Kind() == reflect.Struct && inner.CanInterface() {
		prefix = inner.Type().Name()
		err = e.validate.StructCtx(e.ctx, inner.Interface())
	}
	if more, ok := errors.AsType[validator.ValidationErrors](err); ok {
		e.explain(more, prefix, inner, steps)
	}
}

// open is a struct that can be handed over: v itself, or where it is embedded
// and not exported, a copy of what is exported of it.
func open(v reflect.Value) reflect.Value {
	if !v.IsValid() || v.CanInterface() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			c.Field(i).Set(v.Field(i))
		}
	}
	return c
}

// behind follows pointers and interfaces.
func behind(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}
