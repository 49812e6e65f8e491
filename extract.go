package weft

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/graph"
)

// Extractor reads a T from a request. It is a value: it can be shared, combined,
// and tested by one call of Extract. The functions of this file make them;
// [Handler.Extract] uses one in place of what the handler's Req says by itself.
type Extractor[T any] struct {
	from *extraction // nil of the zero Extractor
}

// extraction is what an Extractor reads, and how. It has no type parameter:
// an Extractor is compiled for each handler's Req.
type extraction struct {
	reads    []ReadInfo
	keys     keyUse
	problems []binding.Problem
	plan     *binding.Plan                     // of a struct with tags
	fill     func(r *Request, value any) error // value is a *T
}

var noExtraction = &extraction{problems: []binding.Problem{{Text: "the zero Extractor reads nothing", Remedy: "make one with a function such as QueryValue"}}}

func (x *extraction) problem(text, remedy string) {
	x.problems = append(x.problems, binding.Problem{Text: text, Remedy: remedy})
}

// extractor is an Extractor, one that only says what is wrong where there are problems.
func extractor[T any](from extraction, extract func(*Request) (T, error)) Extractor[T] {
	from.fill = func(r *Request, value any) (err error) {
		if len(from.problems) > 0 {
			return from.unusable()
		}
		*value.(*T), err = extract(r)
		return err
	}
	return Extractor[T]{&from}
}

// Extract reads a T from r. What the client did wrong is an [*InvalidRequest].
func (x Extractor[T]) Extract(r *Request) (value T, err error) {
	if x.from == nil {
		return value, noExtraction.unusable()
	}
	err = x.from.fill(r, &value)
	return value, err
}

// ReadsOf describes what an Extractor reads. It is no method because those of
// Extractor are compiled for each handler's Req.
func ReadsOf[T any](x Extractor[T]) []ReadInfo { return cmp.Or(x.from, noExtraction).reads }

func (x *extraction) unusable() error {
	err := errors.New("the Extractor cannot be used")
	for _, p := range x.problems {
		err = fmt.Errorf("%w: %s", err, p.Text)
	}
	return err
}

// ReadInfo describes one value that is read from a request.
type ReadInfo struct {
	Source Source `json:"source"`
	// Name is the parameter's name, "" for the body.
	Name string `json:"name,omitempty"`
	// Form is what a client should send: "integer", "time as 2006-01-02", "json", ...
	Form     string `json:"form"`
	Required bool   `json:"required,omitempty"`
	Default  string `json:"default,omitempty"`
	// Max is how many bytes a file may have, 0 where that is not declared.
	Max int64 `json:"max,omitempty"`
}

// String is the value in one line, as the plan prints it: "query limit: integer, default 20".
func (r ReadInfo) String() string {
	text := strings.TrimSpace(string(r.Source)+" "+r.Name) + ": " + r.Form
	if r.Required {
		text += ", required"
	}
	if r.Default != "" {
		text += ", default " + r.Default
	}
	if r.Max > 0 {
		text += fmt.Sprintf(", at most %d bytes", r.Max)
	}
	return text
}

func readsOf(plan *binding.Plan) []ReadInfo {
	reads := make([]ReadInfo, len(plan.Reads))
	for i, r := range plan.Reads {
		reads[i] = ReadInfo{Source(r.Source), r.Name, r.Form, r.Required, r.Default, r.Max}
	}
	return reads
}

// PathValue reads a wildcard of the route's pattern. T is a string, a number, a
// bool, a time, or has UnmarshalText; types defined from these too.
func PathValue[T any](name string) Extractor[T] { return single[T](SourcePath, name) }

// QueryValue reads a query parameter, which must be there; see [Optional] and
// [Default]. T is as in [PathValue], a pointer to one or an [Opt] of one, which need not be there, or a
// slice of one, which takes all values.
func QueryValue[T any](name string) Extractor[T] { return single[T](SourceQuery, name) }

// HeaderValue reads a header field; see [QueryValue].
func HeaderValue[T any](name string) Extractor[T] { return single[T](SourceHeader, name) }

// CookieValue reads a cookie; see [QueryValue].
func CookieValue[T any](name string) Extractor[T] { return single[T](SourceCookie, name) }

// single compiles a struct with one field, which has the place and layout of a T.
func single[T any](source Source, name string) Extractor[T] {
	t := reflect.TypeFor[T]()
	tag := name
	if _, isOpt := unwrapOpt(t); !isOpt && t.Kind() != reflect.Pointer && t.Kind() != reflect.Slice {
		tag += ",required"
	}
	plan, problems := binding.Compile(reflect.StructOf([]reflect.StructField{{
		Name: "Value", Type: t, Tag: reflect.StructTag(string(source) + ":" + strconv.Quote(tag)),
	}}), bindingTypes)
	return extractor(extraction{reads: readsOf(plan), problems: problems}, func(r *Request) (v T, err error) {
		if plan.Form {
			err = r.fillForm(plan, binding.TargetOf(&v), false)
			return v, err
		}
		if failures := plan.Bind(binding.TargetOf(&v), r.http, false); failures != nil {
			return v, &InvalidRequest{http.StatusBadRequest, bound(failures)}
		}
		return v, nil
	})
}

// JSONBody reads the JSON body, strictly unless the route's [JSONOptions] say
// otherwise. It must be there, unless T is a pointer or an [Opt].
func JSONBody[T any]() Extractor[T] {
	return bodyExtractor("json", func(r *Request, into *T) error {
		return r.decodeJSON(jsonMedia, into, optionalBody(reflect.TypeFor[T]()))
	})
}

// KeyValue reads the value of a key, which a stage that certainly runs before must
// provide; see [Optional]. A handler's Req takes it by a field with the tag value, too.
func KeyValue[T any](k *Key[T]) Extractor[T] {
	id := k.identity()
	if id == nil {
		return extractor[T](extraction{problems: []binding.Problem{{Text: "KeyValue was given no key", Remedy: "give it one made by NewKey"}}}, nil)
	}
	return extractor(extraction{
		reads: []ReadInfo{{Source: SourceValue, Name: id.name, Form: id.typ.String(), Required: true}},
		keys:  keyUse{needs: []*key{id}},
	}, func(r *Request) (T, error) {
		v, present := k.Get(r)
		if !present {
			return v, &unsetError{id.String()}
		}
		return v, nil
	})
}

// TextBody reads a body of type text/plain in UTF-8.
func TextBody() Extractor[string] { return bodyExtractor("text", (*Request).decodeText) }

// RawBody reads the body as it is, whatever its type. The bytes are the caller's own.
func RawBody() Extractor[[]byte] { return bodyExtractor("raw", (*Request).decodeRaw) }

// BodyReader hands the body on as it is, whatever its type, without reading it: for what is too large to keep. It can be read once, while
// the request lasts, and by one goroutine at a time. Where it has more bytes than the limit, or breaks off, Read fails with an [*InvalidRequest]:
// a handler that returns that error answers with a 413 or a 400.
func BodyReader() Extractor[io.Reader] { return bodyExtractor("raw", (*Request).streamBody) }

func bodyExtractor[T any](form string, decode func(*Request, *T) error) Extractor[T] {
	return extractor(extraction{reads: []ReadInfo{{Source: SourceBody, Form: form}}}, func(r *Request) (v T, err error) {
		err = decode(r, &v)
		return v, err
	})
}

// Struct reads a struct field by field, as its tags say:
//
//	path:"id"                   a wildcard of the route's pattern
//	query:"limit" default:"20"  a query parameter; slices take repeated ones
//	query:"tags,csv"            a comma list
//	header:"X-Tenant,required"  a header field that must be there
//	cookie:"session"            a cookie
//	form:"name"                 a value of a form; slices take repeated ones
//	file:"photo,max=5MiB"       a file of a form: an [Upload], or a pointer, slice or [Opt] of one
//	body:"json"                 the body; also "text" (string), "raw" ([]byte or [io.Reader]), "merge-patch"
//	                            (RFC 7396), and "form" or "multipart" (a struct of form and file fields)
//	body:""                     the body in any format that the route reads; see [Formats]
//	value:""                    what a stage provides: the [Key] of the field's type,
//	                            or of that name; an [Opt] takes one that may be missing
//	inject:""                   a service of the [Container], by type or by that name
//
// Fields are strings, bools, numbers, times (with a layout tag: a layout of
// package time or one of its names, unix, unixmilli; RFC 3339 by default),
// durations, types with UnmarshalText, types defined from these, pointers to and slices and [Opt]s of these.
// A field whose type has a method FromRequest(*Request) error on its pointer extracts itself.
// Embedded structs compose. Path values are required; others are left as they are when
// absent, unless the tag says required. An empty query parameter is an error for
// a number and the like, and absent for a pointer or an Opt of one. An exported field without a source is an
// error of Build. All failures are reported together.
//
// A handler whose Req is such a struct reads it like this by itself.
func Struct[T any]() Extractor[T] {
	plan, problems := compileStruct(reflect.TypeFor[T]())
	return extractor(extraction{reads: readsOf(plan), keys: usedBy(plan), problems: problems, plan: plan}, func(r *Request) (v T, err error) {
		err = fillStruct(plan, r, &v)
		return v, err
	})
}

// NewExtractor makes an Extractor of a function. An [*InvalidRequest] that it
// returns is the client's fault, an [*Error] says itself what it is, any other error is a 500.
// The options [ReadsBody], [Needs] and [Reads] say what it reads; the others are for stages.
func NewExtractor[T any](name string, fn func(*Request) (T, error), opts ...StageOption) Extractor[T] {
	said := rules{name: name}.with(opts)
	from := extraction{
		reads: []ReadInfo{{Source: fromItself, Name: said.name, Form: reflect.TypeFor[T]().String()}},
		keys:  said.keyUse,
	}
	if said.readsBody {
		from.reads = append(from.reads, ReadInfo{Source: SourceBody, Form: strings.Join(said.mediaTypes, ", ")})
	}
	if said.once || said.outside != nil || said.inside != nil || said.provides != nil {
		from.problems = append(from.problems, binding.Problem{
			Text: fmt.Sprintf("the extractor %q has an option for stages", said.name), Remedy: "leave out Once, Outside, Inside and Provides",
		})
	}
	if fn == nil {
		from.problems = append(from.problems, binding.Problem{
			Text: fmt.Sprintf("the extractor %q has no function", said.name), Remedy: "give it one",
		})
	}
	return extractor(from, fn)
}

// Optional is absent where x finds that its value is missing. Other failures stay.
func Optional[T any](x Extractor[T]) Extractor[Opt[T]] {
	optional := derived(x, func(r *Request) (Opt[T], error) {
		v, err := x.Extract(r)
		if missing(err) {
			return Opt[T]{}, nil
		}
		if err != nil {
			return Opt[T]{}, err
		}
		return Some(v), nil
	})
	optional.from.spare()
	return optional
}

// spare makes what is read something that may be missing.
func (s *extraction) spare() {
	for i := range s.reads {
		s.reads[i].Required = false
	}
	s.keys = keyUse{reads: slices.Concat(s.keys.reads, s.keys.needs), fields: slices.Clone(s.keys.fields), services: s.keys.services}
	for i := range s.keys.fields {
		s.keys.fields[i].Optional = true
	}
}

// Default is fallback where x finds that its value is missing. Other failures stay.
func Default[T any](x Extractor[T], fallback T) Extractor[T] {
	d := derived(x, func(r *Request) (T, error) {
		v, err := x.Extract(r)
		if missing(err) {
			return fallback, nil
		}
		return v, err
	})
	d.from.spare()
	for i := range d.from.reads {
		d.from.reads[i].Default = fmt.Sprint(fallback)
	}
	return d
}

// Map makes a U of what x reads. An error of fn is the client's fault: a 400
// with the code invalid_type, unless it is an [*InvalidRequest] or an [*Error] itself.
func Map[T, U any](x Extractor[T], fn func(T) (U, error)) Extractor[U] {
	return derived(x, func(r *Request) (u U, err error) {
		v, err := x.Extract(r)
		if err != nil {
			return u, err
		}
		u, err = fn(v)
		return u, x.from.blame(err, http.StatusBadRequest, CodeInvalidType, map[string]any{"type": "value"})
	})
}

// Validate checks what x reads. An error of check is a broken rule: a 422 with the code
// invalid, unless it is an [*InvalidRequest] or an [*Error] itself.
func Validate[T any](x Extractor[T], check func(T) error) Extractor[T] {
	validated := derived(x, func(r *Request) (T, error) {
		v, err := x.Extract(r)
		if err == nil {
			err = x.from.blame(check(v), http.StatusUnprocessableEntity, "invalid", nil)
		}
		return v, err
	})
	validated.from.plan = cmp.Or(x.from, noExtraction).plan
	return validated
}

// Tried is a value, or why there is none.
type Tried[T any] struct {
	Value T
	Err   error
}

// Try hands the failure of x to the handler, to deal with it there.
func Try[T any](x Extractor[T]) Extractor[Tried[T]] {
	return derived(x, func(r *Request) (Tried[T], error) {
		v, err := x.Extract(r)
		return Tried[T]{v, err}, nil
	})
}

// derived is an Extractor that reads what x reads.
func derived[T, U any](x Extractor[T], extract func(*Request) (U, error)) Extractor[U] {
	from := *cmp.Or(x.from, noExtraction)
	from.reads, from.plan = slices.Clone(from.reads), nil
	return extractor(from, extract)
}

// blame makes an error of the user's the client's, at the place that is read.
func (s *extraction) blame(err error, status int, code string, params map[string]any) error {
	if err == nil || errorIs[*InvalidRequest](err) || errorIs[*Error](err) {
		return err
	}
	f := FieldError{Code: code, Params: params, Cause: err}
	switch len(s.reads) {
	case 0:
	case 1:
		f.Source, f.Name = s.reads[0].Source, s.reads[0].Name
	default:
		f.Source = SourceRequest
	}
	return invalid(status, f)
}

func missing(err error) bool {
	rejected, ok := errorAs[*InvalidRequest](err)
	return ok && rejected.Missing() || errorIs[*unsetError](err)
}

// fromItself is the source of a value whose type or function knows where to look.
const fromItself Source = "itself"

// selfExtractor is a type that extracts itself.
type selfExtractor interface{ FromRequest(*Request) error }

var bindingTypes = binding.Types{
	Wrapper: optOf,
	File:    takesFiles,
	Itself:  func(t reflect.Type) bool { return reflect.PointerTo(t).Implements(reflect.TypeFor[selfExtractor]()) },
}

// compileStruct is how a struct is filled, and what is wrong with its tags.
func compileStruct(t reflect.Type) (*binding.Plan, []binding.Problem) {
	plan, problems := binding.Compile(t, bindingTypes)
	if plan.Body != nil && plan.Body.Kind == "merge-patch" {
		unpatchable(plan.Body.Type, func(problem, remedy string) {
			problems = append(problems, binding.Problem{Text: problem, Remedy: remedy})
		})
	}
	return plan, problems
}

// fillStruct fills the struct that in points to, and reports all failures of
// head and body together.
func fillStruct(plan *binding.Plan, r *Request, in any) error {
	t := binding.TargetOf(in)
	var found *InvalidRequest
	if failures := plan.Bind(t, r.http, r.state.input.strictQuery); failures != nil {
		found = &InvalidRequest{http.StatusBadRequest, bound(failures)}
	}
	var other error
	note := func(err error) {
		rejected, ok := errorAs[*InvalidRequest](err)
		switch {
		case err == nil:
		case !ok:
			other = errors.Join(other, err)
		case found == nil:
			found = &InvalidRequest{rejected.Status, rejected.Fields}
		default:
			found.add(rejected)
		}
	}
	for i := range plan.Values {
		note(r.fillValue(&plan.Values[i], t))
	}
	for i := range plan.Injects {
		note(r.inject(&plan.Injects[i], t))
	}
	for i := range plan.Itself {
		note(plan.Itself[i].Pointer(t).(selfExtractor).FromRequest(r))
	}
	if plan.Form {
		note(r.fillForm(plan, t, r.state.input.strictQuery))
	}
	if plan.Body != nil {
		note(r.decodeBody(plan.Body.Kind, plan.Body.Pointer(t), plan.Body.Optional))
	}
	switch {
	case other != nil:
		return other // not the client's to mend
	case found != nil:
		return found
	}
	return nil
}

// usedBy is which values of keys and which services a struct takes.
func usedBy(plan *binding.Plan) keyUse {
	use := keyUse{fields: plan.Values}
	for _, f := range plan.Injects {
		use.services = append(use.services, graph.Key{Type: f.Type, Name: f.Service})
	}
	return use
}

// fillValue puts what a stage found out into its field.
func (r *Request) fillValue(f *binding.ValueField, t binding.Target) error {
	k, value := r.state.values.find(f.Type, f.Key)
	switch {
	case k == nil && !f.Optional:
		return &unsetError{fmt.Sprintf("the field %s, whose type is %v", f.Name, f.Type)}
	case k == nil:
	case f.Optional:
		k.wrap(value, f.Pointer(t))
	default:
		k.store(value, f.Pointer(t))
	}
	return nil
}

// inject puts a service into its field.
func (r *Request) inject(f *binding.InjectField, t binding.Target) error {
	service, err := r.state.service(graph.Key{Type: f.Type, Name: f.Service})
	if err == nil {
		reflect.ValueOf(f.Pointer(t)).Elem().Set(reflect.ValueOf(service))
	}
	return err
}

// add takes the failures of another part of the request. What is wrong with
// the body as a whole decides the status; a broken rule does not while something cannot be read.
func (e *InvalidRequest) add(more *InvalidRequest) {
	e.Fields = append(e.Fields, more.Fields...)
	if more.Status != http.StatusUnprocessableEntity && more.Status != http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity {
		e.Status = more.Status
	}
}

// optionalBody reports whether a body of this type may be absent.
func optionalBody(t reflect.Type) bool {
	_, isOpt := unwrapOpt(t)
	return isOpt || t.Kind() == reflect.Pointer
}

// decodeBody reads the body into what a pointer points to.
func (r *Request) decodeBody(kind string, into any, optional bool) error {
	switch kind {
	case "text":
		return r.decodeText(into.(*string))
	case "raw":
		if stream, ok := into.(*io.Reader); ok {
			return r.streamBody(stream)
		}
		return r.decodeRaw(into.(*[]byte))
	case "json", "merge-patch":
		return r.decodeJSON(mediaOf(kind), into, optional)
	}
	return r.decodeAny(into, optional)
}

func (r *Request) decodeJSON(media []medium, into any, optional bool) error {
	in := r.state.input
	_, _, refusal := pick(media, r.http.Header, in.json.AllowUntyped)
	return r.decodeAs(&in.asJSON, "", refusal, into, optional)
}

// decodeAs decodes the body by a format, unless it is refused.
func (r *Request) decodeAs(by *format, charset string, refusal *unsupportedMedia, into any, optional bool) error {
	if err := r.refused(refusal); err != nil {
		return err
	}
	body, err := r.borrowBody()
	if err != nil {
		return err
	}
	value := bytes.TrimSpace(body)
	switch absent := by.absent(body, value); {
	case absent && optional:
		return nil
	case absent || by.json && string(value) == "null" && !optional:
		return invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeBodyRequired})
	}
	return by.decode(charset, body, into)
}

func (r *Request) decodeText(into *string) error {
	_, _, refusal := pick(textMedia, r.http.Header, false)
	if err := r.refused(refusal); err != nil {
		return err
	}
	body, err := r.borrowBody()
	if err != nil {
		return err
	}
	if !utf8.Valid(body) {
		return invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeInvalidUTF8})
	}
	*into = string(body)
	return nil
}

func (r *Request) decodeRaw(into *[]byte) error {
	body, err := r.borrowBody()
	*into = bytes.Clone(body)
	return err
}
