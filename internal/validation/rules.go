// Package validation checks decoded values with the rules in their validate
// tags, by go-playground/validator. It finds wrong tags before the first
// request, and says where in a value a rule was broken without parsing the
// validator's own notation of places.
package validation

import (
	"context"
	"errors"
	"reflect"
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

// Rules validates values of one type.
type Rules struct {
	validate *validator.Validate
	typ      reflect.Type // what is behind the pointers
	struc    bool         // a struct; otherwise a list or map of them
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
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if elem, wrapped := unwrap(t); wrapped {
		t = elem
	}
	w := &walker{validate: v, unwrap: unwrap, seen: map[reflect.Type]bool{}}
	w.walk(t)
	if !w.tagged && !foreign {
		return nil, w.problems
	}
	switch t.Kind() {
	case reflect.Struct:
		return &Rules{v, t, true, unwrap, w.fromTop}, w.problems
	case reflect.Slice, reflect.Array, reflect.Map:
		return &Rules{v, t, false, unwrap, w.fromTop}, w.problems
	}
	return nil, w.problems
}

// Check validates value, which is a T or pointers to one.
func (r *Rules) Check(ctx context.Context, value any) error {
	if r.struc {
		return r.validate.StructCtx(ctx, value)
	}
	return r.validate.VarCtx(ctx, value, "dive")
}

// Explain takes an error of Check apart. present tells whether the client sent
// the value at a place, and not as null: required means present, not different
// from zero. The error is not nil where it is no list of broken rules.
func (r *Rules) Explain(ctx context.Context, err error, value any, present func([]Step) bool) ([]Failure, error) {
	top := r.inside(reflect.ValueOf(value))
	if !top.IsValid() {
		return nil, nil // a nil pointer: the value is absent
	}
	broken, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return nil, err
	}
	var failures []Failure
	for _, fe := range broken {
		failures = r.add(ctx, failures, top, fe, present)
	}
	return failures, nil
}

// add appends the failure, or what else is wrong with a value that is required and present.
func (r *Rules) add(ctx context.Context, failures []Failure, top reflect.Value, fe validator.FieldError, present func([]Step) bool) []Failure {
	path := fe.StructNamespace()
	if r.struc {
		path = strings.TrimPrefix(strings.TrimPrefix(path, r.typ.Name()), ".")
	}
	steps, at := r.descend(top, path)
	if fe.Tag() != "required" || !present(steps) {
		return append(failures, Failure{steps, fe.Tag(), fe.Param(), fe})
	}
	rest := otherRules(steps)
	if rest == "" || !at.IsValid() {
		return failures
	}
	more, _ := errors.AsType[validator.ValidationErrors](r.validate.VarCtx(ctx, at.Interface(), rest))
	for _, fe := range more {
		inner, _ := r.descend(at, strings.TrimPrefix(fe.StructNamespace(), "."))
		failures = append(failures, Failure{append(steps[:len(steps):len(steps)], inner...), fe.Tag(), fe.Param(), fe})
	}
	return failures
}

// behind follows pointers and interfaces.
func behind(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}
