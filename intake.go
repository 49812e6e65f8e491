package weft

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/validation"
)

// input is how bodies and parameters are read on a route, or before routing.
type input struct {
	json        JSONOptions
	codec       Codec
	limit       int64
	strictQuery bool
	forms       FormOptions
	form        *binding.Plan // of the handler, where it reads a form
	items       *intake       // of the body, where it is a stream: what rules they have
	asJSON      format
	formats     *formats // of bodies that may be in any, nil where that is JSON alone
	noJSON      bool     // bodies in any format are never JSON
	variants    []string // of all formats, in entity tags
}

// maxLimit is more than anything has: what is read up to a limit is asked for one byte more.
const maxLimit = 1 << 62

func newInput(o JSONOptions, limit int64, strictQuery bool, forms FormOptions) *input {
	codec := o.codec()
	return &input{json: o, codec: codec, limit: min(limit, maxLimit), strictQuery: strictQuery, forms: forms.orDefault(), asJSON: format{codec: codec, json: true}}
}

// knowsItself reports whether a body is coded by a codec of the user's, who knows what it can be.
func (in *input) knowsItself(kind string) bool {
	return in.json.Codec != nil || kind == "" && in.noJSON
}

// defaultInput is for requests outside any server. Nothing in it ever changes.
var defaultInput = newInput(JSONOptions{}, DefaultLimit, false, FormOptions{})

// intake is how a handler's Req is read: compiled at Build, nil where nothing is.
type intake struct {
	reads []ReadInfo
	fill  func(r *Request, in any) error // in is a *Req
	keys  keyUse
	plan  *binding.Plan     // nil unless Req is read field by field
	rules *validation.Rules // nil where there are none
	// subject is what has rules: the Req, or its body where nothing else has.
	subject func(in any) any
	inBody  bool         // whether it is the body
	neutral bool         // the body may be in any format
	body    reflect.Type // then
	items   *intake      // of the body, where it is a stream: what rules they have
	types   []string     // of the body, as they are sent, where they are not what its form says
}

// newIntake compiles how a Req is read, and reports why it cannot be.
func newIntake(e *endpoint, how *input, book rulebook, report func(problem, remedy string)) *intake {
	if !reads(e.req) && e.extractor == nil {
		return nil
	}
	in := &intake{}
	if e.extractor == nil {
		reportAll(binding.Misspelt(e.req), report)
	}
	switch {
	case e.extractor != nil:
		in.reads, in.keys, in.fill, in.plan = e.extractor.reads, e.extractor.keys, e.extractor.fill, e.extractor.plan
		reportAll(e.extractor.problems, report)
	case bindingTypes.Itself(e.req) && !(embedsItself(e.req) && binding.Tagged(e.req, bindingTypes)):
		in.reads = []ReadInfo{{Source: fromItself, Form: e.req.String()}}
		in.fill = func(r *Request, in any) error { return in.(selfExtractor).FromRequest(r) }
	case binding.Tagged(e.req, bindingTypes):
		plan, problems := compileStruct(e.req)
		reportAll(problems, report)
		in.reads, in.keys, in.plan = readsOf(plan), usedBy(plan), plan
		if plan.Form {
			how.form = plan
		}
		in.fill = func(r *Request, in any) error { return fillStruct(plan, r, in) }
		if plan.Body != nil && plan.Body.Kind == "" {
			in.neutral, in.body = true, plan.Body.Type
		}
		if plan.Body != nil && plan.Body.Kind == "stream" {
			in.receive(plan.Body.Type, how, book, report)
		}
		if plan.Body != nil && streamOf(plan.Body.Type) == nil && slices.Contains([]string{"json", "merge-patch", ""}, plan.Body.Kind) && !how.knowsItself(plan.Body.Kind) {
			if problem, remedy := uncodable("the body", plan.Body.Type, true, map[reflect.Type]bool{}); problem != "" {
				report(problem, remedy)
			}
		}
	case streamOf(e.req) != nil:
		in.reads = []ReadInfo{{Source: SourceBody, Form: "stream"}}
		in.fill = func(r *Request, in any) error { return r.decodeStream(in.(receiver)) }
		in.receive(e.req, how, book, report)
	default:
		if likeStream(e.req) || likeStream(elementOf(e.req)) {
			report(fmt.Sprintf("the request type %v is no Stream", e.req), "take a weft.Stream of the items, itself")
			break
		}
		if inner := elementOf(e.req); inner != e.req && binding.Tagged(inner, bindingTypes) {
			report(fmt.Sprintf("the request type %v is read from the JSON body, tags and all", e.req), fmt.Sprintf("take the struct %v itself", inner))
		}
		optional := optionalBody(e.req)
		in.reads = []ReadInfo{{Source: SourceBody, Form: "json", Required: !optional}}
		in.neutral, in.body = true, e.req
		in.fill = func(r *Request, in any) error { return r.decodeAny(in, optional) }
		if problem, remedy := uncodable(fmt.Sprintf("the request type %v", e.req), e.req, true, map[reflect.Type]bool{}); problem != "" && !how.knowsItself("") {
			report(problem, remedy)
		}
	}
	in.compileRules(e.req, book, report)
	return in
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
	return slices.ContainsFunc(in.reads, func(r ReadInfo) bool { return r.Source == SourceBody }) || in.readsForm()
}

func (in *intake) readsForm() bool {
	return slices.ContainsFunc(in.reads, func(r ReadInfo) bool { return r.Source == SourceForm || r.Source == SourceFile })
}

// consumes are the media types of bodies that are read.
func (in *intake) consumes() []string {
	switch {
	case in == nil:
	case in.types != nil:
		return in.types
	case in.plan != nil && in.plan.Multipart, slices.ContainsFunc(in.reads, func(r ReadInfo) bool { return r.Source == SourceFile }):
		return typesIn(partsMedia)
	case in.readsForm():
		return typesIn(formMedia)
	default:
		for _, r := range in.reads {
			if r.Source == SourceBody {
				return consumedAs(r.Form)
			}
		}
	}
	return []string{}
}

// describe is the detail of the extract stage in the plan.
func (in *intake) describe(limit int64) string {
	texts := make([]string, len(in.reads), len(in.reads)+2)
	for i, r := range in.reads {
		texts[i] = r.String()
	}
	if in.readsForm() {
		texts = append(texts, "sent as "+either(in.consumes()))
	}
	if in.readsBody() {
		texts = append(texts, fmt.Sprintf("at most %d bytes", limit))
	}
	switch {
	case in.rules != nil:
		texts = append(texts, "validated")
	case in.items != nil && in.items.rules != nil:
		texts = append(texts, "each item validated")
	}
	return strings.Join(texts, "; ")
}

// statuses are those that reading can end with.
func (in *intake) statuses() []int {
	var statuses []int
	if slices.ContainsFunc(in.reads, func(r ReadInfo) bool { return r.Source != SourceValue }) {
		statuses = append(statuses, http.StatusBadRequest)
	}
	if in.readsBody() {
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if in.rules != nil || in.items != nil && in.items.rules != nil {
		statuses = append(statuses, http.StatusUnprocessableEntity)
	}
	return statuses
}

// read fills the Req that req points to, and checks it.
func (in *intake) read(r *Request, req any) error {
	if err := in.fill(r, req); err != nil {
		return err
	}
	return in.validate(r, req)
}

// validate checks the Req that req points to. Of a nil intake there is nothing to check.
func (in *intake) validate(r *Request, req any) error {
	if in == nil || in.rules == nil {
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
