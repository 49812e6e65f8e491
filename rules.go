package weft

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/validation"
)

// What the validate tags of a Req demand: compiled at Build, asked when the Req
// has been read, and told by the names that the client knows.

// rulebook is an app's validator.
type rulebook struct {
	validate *validator.Validate
	foreign  bool // the user's, who may have rules that no tag shows
}

// compileRules checks the rules and decides what they are asked of: walking
// the whole Req costs, and often only the body has rules.
func (in *intake) compileRules(req reflect.Type, book rulebook, report func(problem, remedy string)) {
	rules, problems := validation.Compile(book.validate, book.foreign, req, unwrapOpt)
	for _, p := range problems {
		report(p, "mend the validate tag")
	}
	if rules != nil && !in.narrows(req, rules, book) {
		in.refuseCycles(req, report)
	}
	in.rules, in.subject, in.inBody = rules, boxed(req, rules), in.plan == nil
	if rules == nil || !in.narrows(req, rules, book) {
		return
	}
	if in.rules, _ = validation.Compile(book.validate, false, in.plan.Body.Type, unwrapOpt); in.rules == nil {
		return
	}
	box := boxed(in.plan.Body.Type, in.rules)
	in.subject = func(req any) any { return box(in.plan.Body.Pointer(binding.TargetOf(req))) }
	in.inBody = true
}

// narrows reports whether the body is all that has rules.
func (in *intake) narrows(req reflect.Type, rules *validation.Rules, book rulebook) bool {
	return !rules.FromTop && !book.foreign && in.plan != nil && in.plan.Body != nil && !book.ruledOutside(req)
}

// refuseCycles reports parts of a Req that did not come from JSON, and may
// hold a cycle that validation would follow until the process dies.
func (in *intake) refuseCycles(req reflect.Type, report func(problem, remedy string)) {
	refuse := func(name string, t reflect.Type) {
		report(fmt.Sprintf("%s is a %v, which can lead back to itself, and validation would follow it for ever", name, t),
			"tag the field with validate:\"-\", or read plain values")
	}
	switch {
	case in.plan != nil:
		for f := range req.Fields() {
			_, isValue := f.Tag.Lookup("value")
			_, isService := f.Tag.Lookup("inject")
			if (isValue || isService || bindingTypes.Itself(f.Type)) && f.Tag.Get("validate") != "-" && mayHoldCycle(f.Type, nil) {
				refuse("the field "+f.Name, f.Type)
			}
		}
	case len(in.reads) > 0 && in.reads[0].Source == fromItself && mayHoldCycle(req, nil):
		refuse("what the handler takes", req)
	}
}

// ruledOutside reports whether there is a rule beside those within the body.
func (book rulebook) ruledOutside(t reflect.Type) bool {
	for f := range t.Fields() {
		_, isBody := f.Tag.Lookup("body")
		_, isValue := f.Tag.Lookup("value")
		_, isService := f.Tag.Lookup("inject")
		switch {
		case isValue, isService:
		case f.Tag.Get("validate") != "":
			return true
		case isBody:
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			if book.ruledOutside(f.Type) {
				return true
			}
		default:
			if rules, _ := validation.Compile(book.validate, false, f.Type, unwrapOpt); rules != nil {
				return true // within a field that extracts itself
			}
		}
	}
	return false
}

// mayHoldCycle reports whether a value of t can lead back to itself: the
// validator would follow it for ever. What is decoded from JSON never does.
func mayHoldCycle(t reflect.Type, on []reflect.Type) bool {
	t = elementOf(t)
	if t.Kind() != reflect.Struct || codesItself(t) {
		return false
	}
	if slices.Contains(on, t) {
		return true
	}
	on = append(on, t)
	for f := range t.Fields() {
		if f.IsExported() && f.Tag.Get("validate") != "-" && mayHoldCycle(f.Type, on) {
			return true
		}
	}
	return false
}

// boxed makes of a pointer to a t what its rules are given: the t, without a
// copy where that can be, or what is inside it where that is further away. It is nil where there is nothing.
func boxed(t reflect.Type, rules *validation.Rules) func(pointer any) any {
	if _, wrapped := unwrapOpt(t); rules != nil && (wrapped || t.Kind() == reflect.Pointer) {
		return rules.Inside
	}
	return binding.Boxed(t)
}

// broken says which rules are, by the names that the client knows.
func (in *intake) broken(r *Request, subject any, err error) error {
	if _, ok := errors.AsType[*validation.TypeError](err); ok { // a value of any kind, of a kind that its rule is not about
		place, _ := in.place(nil)
		return invalid(http.StatusUnprocessableEntity, FieldError{Source: Source(place.Source), Name: place.Name, Code: "invalid", Cause: err})
	}
	return in.brokenIn(&bodyMembers{request: r, format: in.format(r)}, subject, err)
}

// brokenIn is broken for a subject that is in a body, or in a part of it.
func (in *intake) brokenIn(body *bodyMembers, subject any, err error) error {
	r, format := body.request, body.format
	failures, err := in.rules.Explain(r.ctx, err, subject, func(steps []validation.Step) bool {
		place, rest := in.place(steps)
		switch {
		case place.Source == binding.Body:
			return body.has(tokens(rest, format))
		case place.Source == binding.Value || place.Source == binding.Service:
			return true
		case in.plan != nil:
			return in.plan.Present(r.http, r.state.form.sent(), place)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("validating the request: %w", err)
	}
	fields := make([]FieldError, 0, len(failures))
	for _, failure := range failures {
		place, rest := in.place(failure.Steps)
		if place.Source == binding.Value || place.Source == binding.Service {
			continue // not the client's
		}
		f := FieldError{Source: Source(place.Source), Name: place.Name, Code: validation.RuleName(failure.Rule), Cause: failure.Err}
		if failure.Param != "" && !validation.NamesGo(failure.Err) { // the names of Go fields are not the client's
			f.Params = map[string]any{"param": failure.Param}
		}
		if place.Source == binding.Body {
			f.Pointer = pointer(tokens(rest, format))
		}
		fields = append(fields, f)
	}
	if len(fields) == 0 {
		return nil
	}
	return &InvalidRequest{http.StatusUnprocessableEntity, fields}
}

// place is where in the request the steps lead, and those of them that are within the body.
func (in *intake) place(steps []validation.Step) (binding.Place, []validation.Step) {
	if in.inBody {
		switch {
		case in.plan != nil || len(in.reads) == 1 && in.reads[0].Source == SourceBody:
		case len(in.reads) == 1 && in.reads[0].Source != fromItself:
			return binding.Place{Source: binding.Source(in.reads[0].Source), Name: in.reads[0].Name}, nil
		default:
			return binding.Place{Source: binding.Source(SourceRequest)}, nil
		}
		return binding.Place{Source: binding.Body}, steps
	}
	name := ""
	for i, step := range steps {
		name += step.Field.Name
		if place, found := in.plan.Place(name); found {
			return place, steps[i+1:]
		}
		name += "."
	}
	return binding.Place{Source: binding.Source(SourceRequest)}, nil
}

// tokens are the reference tokens of a JSON Pointer (RFC 6901) to where the
// steps lead, with the names that the body's format has for members.
func tokens(steps []validation.Step, f *format) []string {
	list := make([]string, 0, len(steps))
	for _, step := range steps {
		if step.Field.Name == "" {
			list = append(list, step.Key)
		} else {
			list = f.appendName(list, step.Field)
		}
	}
	return list
}

func pointer(tokens []string) string {
	var p jsontext.Pointer
	for _, token := range tokens {
		p = p.AppendToken(token)
	}
	return string(p)
}

// bodyMembers tells which members a body has. It reads the body anew, once,
// and only when a rule that demands presence was broken.
type bodyMembers struct {
	request *Request
	format  *format
	body    []byte
	tree    any
	read    bool
}

// has reports whether there is a value at the end of the path, other than null.
func (b *bodyMembers) has(path []string) bool {
	finder, finds := b.format.codec.(MemberFinder)
	if !b.read {
		b.read = true
		var err error
		if b.body, err = b.request.borrowBody(); err == nil && !finds {
			b.tree = b.format.tree(b.body)
		}
	}
	if finds {
		return finder.HasMember(b.body, path)
	}
	value := b.tree
	for _, token := range path {
		value = within(value, token)
	}
	return value != nil
}
