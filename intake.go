package weft

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/validation"
)

// input is how bodies and parameters are read on a route, or before routing.
type input struct {
	json        JSONOptions
	codec       Codec
	limit       int64
	strictQuery bool
}

func newInput(o JSONOptions, limit int64, strictQuery bool) *input {
	return &input{o, o.codec(), limit, strictQuery}
}

// defaultInput is for requests outside any server. Nothing in it ever changes.
var defaultInput = newInput(JSONOptions{}, DefaultLimit, false)

// intake is how a handler's Req is read: compiled at Build, nil where nothing is.
type intake struct {
	reads []Reads
	fill  func(r *Request, in any) error // in is a *Req
	plan  *binding.Plan                  // nil unless Req is read field by field
	rules *validation.Rules              // nil where there are none
	// subject is what has rules: the Req, or its body where nothing else has.
	subject func(in any) any
	inBody  bool // whether it is the body
}

// rulebook is an app's validator.
type rulebook struct {
	validate *validator.Validate
	foreign  bool // the user's, who may have rules that no tag shows
}

// newIntake compiles how a Req is read, and reports why it cannot be.
func newIntake(e *endpoint, ownCodec bool, book rulebook, report func(problem, remedy string)) *intake {
	if !reads(e.req) && e.extractor == nil {
		return nil
	}
	in := &intake{}
	switch {
	case e.extractor != nil:
		in.reads, in.fill, in.plan = e.extractor.reads, e.extractor.fill, e.extractor.plan
		reportAll(e.extractor.problems, report)
	case bindingTypes.Itself(e.req) && !(embedsItself(e.req) && binding.Tagged(e.req, bindingTypes)):
		in.reads = []Reads{{Source: fromItself, Form: e.req.String()}}
		in.fill = func(r *Request, in any) error { return in.(selfExtractor).FromRequest(r) }
	case binding.Tagged(e.req, bindingTypes):
		plan, problems := binding.Compile(e.req, bindingTypes)
		reportAll(problems, report)
		in.reads, in.plan = readsOf(plan), plan
		in.fill = func(r *Request, in any) error { return fillStruct(plan, r, in) }
		if plan.Body != nil && plan.Body.Kind == "json" && !ownCodec {
			if problem, remedy := uncodable("the body", plan.Body.Type, true, map[reflect.Type]bool{}); problem != "" {
				report(problem, remedy)
			}
		}
	default:
		if inner := elementOf(e.req); inner != e.req && binding.Tagged(inner, bindingTypes) {
			report(fmt.Sprintf("the request type %v is read from the JSON body, tags and all", e.req), fmt.Sprintf("take the struct %v itself", inner))
		}
		optional := optionalBody(e.req)
		in.reads = []Reads{{Source: SourceBody, Form: "json", Required: !optional}}
		in.fill = func(r *Request, in any) error { return r.decodeJSON(in, optional) }
		if problem, remedy := uncodable(fmt.Sprintf("the request type %v", e.req), e.req, true, map[reflect.Type]bool{}); problem != "" && !ownCodec {
			report(problem, remedy)
		}
	}
	in.compileRules(e.req, book, report)
	return in
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
			if bindingTypes.Itself(f.Type) && f.Tag.Get("validate") != "-" && mayHoldCycle(f.Type, nil) {
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
		switch {
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

func reportAll(problems []binding.Problem, report func(problem, remedy string)) {
	for _, p := range problems {
		report(p.Text, p.Remedy)
	}
}

// embedsItself reports whether a struct's FromRequest may be that of an embedded field.
func embedsItself(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if f.Anonymous && bindingTypes.Itself(f.Type) {
			return true
		}
	}
	return false
}

// elementOf is what is behind pointers, Opts, lists and maps.
func elementOf(t reflect.Type) reflect.Type {
	for {
		elem, wrapped := unwrapOpt(t)
		switch {
		case wrapped:
			t = elem
		case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map, t.Kind() == reflect.Array:
			t = t.Elem()
		default:
			return t
		}
	}
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

// pathNames are the wildcards that the pattern must have.
func (in *intake) pathNames() []string {
	var names []string
	for _, r := range in.reads {
		if r.Source == SourcePath {
			names = append(names, r.Name)
		}
	}
	return names
}

func (in *intake) readsBody() bool {
	for _, r := range in.reads {
		if r.Source == SourceBody {
			return true
		}
	}
	return false
}

// describe is the detail of the extract stage in the plan.
func (in *intake) describe(limit int64) string {
	texts := make([]string, len(in.reads), len(in.reads)+2)
	for i, r := range in.reads {
		texts[i] = r.String()
	}
	if in.readsBody() {
		texts = append(texts, fmt.Sprintf("at most %d bytes", limit))
	}
	if in.rules != nil {
		texts = append(texts, "validated")
	}
	return strings.Join(texts, "; ")
}

// statuses are those that reading can end with.
func (in *intake) statuses() []int {
	statuses := []int{http.StatusBadRequest}
	if in.readsBody() {
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if in.rules != nil {
		statuses = append(statuses, http.StatusUnprocessableEntity)
	}
	return statuses
}

// read fills the Req that req points to, and checks it.
func (in *intake) read(r *Request, req any) error {
	if err := in.fill(r, req); err != nil {
		return err
	}
	if in.rules == nil {
		return nil
	}
	subject := in.subject(req)
	if subject == nil {
		return nil // an optional body that is absent
	}
	if err := in.rules.Check(r.ctx, subject); err != nil {
		return in.broken(r, subject, err)
	}
	return nil
}

// broken says which rules are, by the names that the client knows.
func (in *intake) broken(r *Request, subject any, err error) error {
	if _, ok := errors.AsType[*validation.TypeError](err); ok { // a value of any kind, of a kind that its rule is not about
		place, _ := in.place(nil)
		return invalid(http.StatusUnprocessableEntity, FieldError{Source: Source(place.Source), Name: place.Name, Code: "invalid", Cause: err})
	}
	body := &bodyMembers{request: r}
	failures, err := in.rules.Explain(r.ctx, err, subject, func(steps []validation.Step) bool {
		place, rest := in.place(steps)
		switch {
		case place.Source == binding.Body:
			return body.has(tokens(rest))
		case in.plan != nil:
			return in.plan.Present(r.http, place)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("validating the request: %w", err)
	}
	fields := make([]FieldError, len(failures))
	for i, failure := range failures {
		place, rest := in.place(failure.Steps)
		f := FieldError{Source: Source(place.Source), Name: place.Name, Code: validation.RuleName(failure.Rule), Cause: failure.Err}
		if failure.Param != "" && !validation.NamesGo(failure.Err) { // the names of Go fields are not the client's
			f.Params = map[string]any{"param": failure.Param}
		}
		if place.Source == binding.Body {
			f.Pointer = pointer(tokens(rest))
		}
		fields[i] = f
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
// steps lead. A member's name is that of its json tag; an embedded struct has none.
func tokens(steps []validation.Step) []string {
	var list []string
	for _, step := range steps {
		if step.Field.Name == "" {
			list = append(list, step.Key)
			continue
		}
		name, options, _ := strings.Cut(step.Field.Tag.Get("json"), ",")
		switch {
		case name == "" && (options == "embed" || options == "inline"):
		case name != "":
			list = append(list, strings.Trim(name, "'"))
		case !step.Field.Anonymous:
			list = append(list, step.Field.Name)
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

// bodyMembers tells which members a JSON body has. It reads the body anew, once,
// and only when a rule that demands presence was broken.
type bodyMembers struct {
	request *Request
	tree    any
	read    bool
}

// has reports whether there is a value at the end of the path, other than null.
func (b *bodyMembers) has(path []string) bool {
	if !b.read {
		b.read = true
		if body, err := b.request.borrowBody(); err == nil {
			_ = json.Unmarshal(body, &b.tree, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		}
	}
	value := b.tree
	for _, token := range path {
		switch inner := value.(type) {
		case map[string]any:
			value = inner[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(inner) {
				return false
			}
			value = inner[i]
		default:
			return false
		}
	}
	return value != nil
}
