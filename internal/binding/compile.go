// Package binding fills a struct from a request, and writes one into an answer, by plans
// that are compiled once from the struct's tags. At request time it uses offsets, not reflection.
package binding

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/httpfield"
)

// Source is where a value comes from.
type Source string

// The sources of values.
const (
	Path   Source = "path"
	Query  Source = "query"
	Header Source = "header"
	Cookie Source = "cookie"
	Body   Source = "body"
	File   Source = "file"  // an upload, in a form
	Value  Source = "value" // what a stage found out

	FormField Source = "form"   // a field of a form
	Service   Source = "inject" // of the application
)

// Problem is a mistake in a declaration.
type Problem struct {
	Text, Remedy string
}

// Wrapper is a type like Opt[T] that holds a value and whether it was there.
type Wrapper struct {
	Elem  reflect.Type
	Value uintptr // offset of the Elem
	State uintptr // offset of a uint8 that says whether it is there
	There uint8   // what it says then
}

// Types is what the caller knows of types that this package does not.
type Types struct {
	// Wrapper describes a type like Opt[T].
	Wrapper func(reflect.Type) (Wrapper, bool)
	// Itself reports whether a *T extracts itself from a request.
	Itself func(reflect.Type) bool
	// File reports whether a type holds uploads, and whether it takes several.
	File func(reflect.Type) (list, ok bool)
}

// Plan says how to fill values of one struct type.
type Plan struct {
	// Reads lists what is read, in the order of the fields.
	Reads []Reads
	// Body is the field that takes the body, or nil.
	Body *BodyField
	// Form says that the body is a form, and Multipart that only
	// multipart/form-data will do.
	Form, Multipart bool
	// Files are the fields that take uploads.
	Files []FileField
	// Itself are the fields that extract themselves.
	Itself []ItselfField
	// Values are the fields that take what stages found out about the request.
	Values []ValueField
	// Injects are the fields that take services.
	Injects []InjectField

	places                                  map[string]Place
	paths, headers, cookies, queries, forms []*field
}

// Place is where the value of a field comes from.
type Place struct {
	Source Source
	Name   string
}

// Place returns where the value of a field comes from, by the names of the
// fields that lead to it, "Paging.Limit".
func (p *Plan) Place(field string) (Place, bool) {
	place, found := p.places[field]
	return place, found
}

// Reads describes one value that is read.
type Reads struct {
	Source   Source `json:"source"`
	Name     string `json:"name,omitempty"`
	Form     string `json:"form"`
	Required bool   `json:"required,omitempty"`
	Default  string `json:"default,omitempty"`
	Max      int64  `json:"max,omitempty"` // bytes of a file
}

// BodyField is the field that takes the body.
type BodyField struct {
	Kind     string // "json", "merge-patch", "text", "raw", or "" for whatever it is declared to be
	Type     reflect.Type
	Optional bool // a pointer or a wrapper: the body may be absent

	offset  uintptr
	pointer any
}

// Pointer is a pointer to the field of the struct in t.
func (b *BodyField) Pointer(t Target) any { return t.field(b.offset).pointer(b.pointer) }

// ItselfField is a field that extracts itself.
type ItselfField struct {
	Name    string
	offset  uintptr
	pointer any
}

// Pointer is a pointer to the field of the struct in t.
func (f *ItselfField) Pointer(t Target) any { return t.field(f.offset).pointer(f.pointer) }

// ValueField is a field that takes what a stage found out about the request.
type ValueField struct {
	Name     string       // of the field
	Key      string       // what the tag names, or ""
	Type     reflect.Type // of the value
	Optional bool         // a wrapper: the value may be absent

	offset  uintptr
	pointer any
}

// Pointer is a pointer to the field of the struct in t.
func (f *ValueField) Pointer(t Target) any { return t.field(f.offset).pointer(f.pointer) }

// InjectField is a field that takes a service.
type InjectField struct {
	Service string // its name, or ""
	Type    reflect.Type

	offset  uintptr
	pointer any
}

// Pointer is a pointer to the field of the struct in t.
func (f *InjectField) Pointer(t Target) any { return t.field(f.offset).pointer(f.pointer) }

// field is one value of the head of a request.
type field struct {
	source   Source
	name     string
	offset   uintptr
	required bool
	list     bool   // takes all values
	csv      bool   // each value is a comma list
	absent   bool   // "" counts as absent
	def      string // the default, read as if it had been sent
	hasDef   bool
	form     string // what a client should send
	read     parser // one value into the field
}

// tags are the struct tags that name a source.
var tags = []string{"path", "query", "header", "cookie", "form", "file", "body", "value", "inject"}

// Tagged reports whether t is a struct with source tags, so that it is filled
// field by field; otherwise it is a body.
func Tagged(t reflect.Type, types Types) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if slices.ContainsFunc(tags, func(tag string) bool {
			_, found := f.Tag.Lookup(tag)
			return found
		}) || f.IsExported() && !f.Anonymous && types.Itself(f.Type) {
			return true
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct && Tagged(f.Type, types) {
			return true
		}
	}
	return false
}

// Compile makes the plan of a struct type. With problems, it is not usable.
func Compile(t reflect.Type, types Types) (*Plan, []Problem) {
	c := &compiler{types: types, plan: &Plan{places: map[string]Place{}}, seen: map[string]string{}}
	c.walk(t, 0, "")
	return c.plan, c.problems
}

type compiler struct {
	types    Types
	plan     *Plan
	problems []Problem
	seen     map[string]string // source and name, to the field that has it
	within   string            // the body field whose struct is walked, or ""
	form     formOwner
}

func (c *compiler) problem(remedy, format string, args ...any) {
	c.problems = append(c.problems, Problem{fmt.Sprintf(format, args...), remedy})
}

func (c *compiler) walk(t reflect.Type, offset uintptr, prefix string) {
	for f := range t.Fields() {
		name := prefix + f.Name
		at := offset + f.Offset
		found := c.sourceTags(f)
		switch {
		case len(found) > 1:
			c.problem("keep one of them", "the field %s has the tags %s: a value has one source", name, strings.Join(found, " and "))
		case len(found) == 1 && !f.IsExported():
			c.problem("export it", "the field %s has a %s tag but is not exported", name, found[0])
		case len(found) == 1 && c.within != "" && found[0] != "form" && found[0] != "file":
			c.problem("put it beside the form", "the field %s has a %s tag, and is within the form %s", name, found[0], c.within)
		case len(found) == 1 && found[0] == "file":
			c.file(f, name, at)
		case len(found) == 1 && found[0] == "body":
			c.body(f, name, at)
		case len(found) == 1 && found[0] == "value":
			c.keyed(f, name, at)
		case len(found) == 1 && found[0] == "inject":
			c.injected(f, name, at)
		case len(found) == 1:
			c.value(f, Source(found[0]), name, at)
		case (f.IsExported() || f.Anonymous) && c.within == "" && c.types.Itself(f.Type):
			c.plan.Itself = append(c.plan.Itself, ItselfField{name, at, nilPointer(f.Type)})
			c.plan.Reads = append(c.plan.Reads, Reads{Source: "itself", Name: name, Form: f.Type.String()})
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			c.walk(f.Type, at, name+".")
		case f.Anonymous && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct:
			c.problem("embed the struct itself", "the field %s embeds a pointer, which would be nil", name)
		case f.IsExported() && c.within != "":
			c.problem("give it a form or file tag, or unexport it", "the field %s has no source", name)
		case f.IsExported():
			remedy := "give it a path, query, header, cookie, form, file, body, value or inject tag, or unexport it"
			if _, member := f.Tag.Lookup("json"); member {
				remedy = "members of the body go into a struct of their own, the type of one field with the tag body:\"json\""
			}
			c.problem(remedy, "the field %s has no source", name)
		}
	}
}

func (c *compiler) sourceTags(f reflect.StructField) []string {
	var found []string
	for _, tag := range tags {
		if _, ok := f.Tag.Lookup(tag); ok {
			found = append(found, tag)
		}
	}
	return found
}

func (c *compiler) body(f reflect.StructField, name string, offset uintptr) {
	kind, options, _ := strings.Cut(f.Tag.Get("body"), ",")
	if c.plan.Body != nil || c.form.field != "" {
		c.problem("keep one of them", "the field %s is a second body: a request has one", name)
		return
	}
	if options != "" {
		c.problem("leave it out", "the field %s has the body option %q, which is unknown", name, options)
	}
	switch kind {
	case "json", "merge-patch", "":
	case "form", "multipart":
		c.formBody(f, kind, name, offset)
		return
	case "text":
		if f.Type != reflect.TypeFor[string]() {
			c.problem("make it a string", "the field %s takes the body as text and is a %v", name, f.Type)
		}
	case "raw":
		if f.Type != reflect.TypeFor[[]byte]() && f.Type != reflect.TypeFor[io.Reader]() {
			c.problem("make it a []byte or an io.Reader", "the field %s takes the raw body and is a %v", name, f.Type)
		}
	default:
		c.problem(`use "json", "merge-patch", "form", "multipart", "text" or "raw", or "" for any format`, "the field %s has the body kind %q, which is unknown", name, kind)
		return
	}
	_, wrapped := c.types.Wrapper(f.Type)
	optional := wrapped || f.Type.Kind() == reflect.Pointer
	c.plan.places[name] = Place{Source: Body}
	c.plan.Body = &BodyField{kind, f.Type, optional, offset, nilPointer(f.Type)}
	c.plan.Reads = append(c.plan.Reads, Reads{Source: Body, Form: cmp.Or(kind, "json"), Required: !optional && kind != "text" && kind != "raw"})
}

// keyed is a field whose value a stage finds out. Which one is for the caller to know.
func (c *compiler) keyed(f reflect.StructField, name string, offset uintptr) {
	v := ValueField{Name: name, Key: f.Tag.Get("value"), Type: f.Type, offset: offset, pointer: nilPointer(f.Type)}
	if w, wrapped := c.types.Wrapper(f.Type); wrapped {
		v.Type, v.Optional = w.Elem, true
	}
	c.plan.Values = append(c.plan.Values, v)
	c.plan.places[name] = Place{Source: Value, Name: v.Key}
	c.plan.Reads = append(c.plan.Reads, Reads{Source: Value, Name: v.Key, Form: v.Type.String(), Required: !v.Optional})
}

// injected is a field that takes a service. Whether there is one is for the caller to know.
func (c *compiler) injected(f reflect.StructField, name string, offset uintptr) {
	service := f.Tag.Get("inject")
	c.plan.Injects = append(c.plan.Injects, InjectField{service, f.Type, offset, nilPointer(f.Type)})
	c.plan.places[name] = Place{Source: Service, Name: service}
	c.plan.Reads = append(c.plan.Reads, Reads{Source: Service, Name: service, Form: f.Type.String(), Required: true})
}

func (c *compiler) value(f reflect.StructField, source Source, name string, offset uintptr) {
	parts := strings.Split(f.Tag.Get(string(source)), ",")
	v := &field{source: source, name: parts[0], offset: offset, required: source == Path}
	for _, option := range parts[1:] {
		switch option {
		case "required":
			v.required = true
		case "csv":
			v.csv = true
		default:
			c.problem(`the options are "required" and "csv"`, "the field %s has the %s option %q, which is unknown", name, source, option)
		}
	}
	if source == FormField && !c.reads(name) || !c.named(v, name) {
		return
	}
	layout, hasLayout := f.Tag.Lookup("layout")
	read := c.reader(v, f.Type, layout)
	if _, isFile := c.types.file(f.Type); isFile && source == FormField {
		c.problem("give it a file tag", "the field %s reads a form value and is a %v", name, f.Type)
		return
	}
	if read == nil {
		c.problem("use a string, a number, a bool, a time, a type with UnmarshalText, or a pointer, slice or Opt of one", "the field %s reads a %s value and is a %v", name, source, f.Type)
		return
	}
	if hasLayout && !readsTime(f.Type, c.types) {
		c.problem("leave it out", "the field %s has a layout and is no time", name)
	} else if err := checkLayout(layout); err != nil {
		c.problem("write the layout as package time does, or one of its names, unix or unixmilli", "the field %s: %v", name, err)
	}
	if v.csv && !v.list {
		c.problem("make it a slice, or leave csv out", "the field %s takes a comma list and is a %v", name, f.Type)
	}
	if v.list && source == Path {
		c.problem("make it a single value", "the field %s reads a path value and is a slice", name)
	}
	c.defaulted(v, f, name)
	c.plan.places[name] = Place{source, v.name}
	c.add(v, read.form)
}

// named checks the name of a value.
func (c *compiler) named(v *field, name string) bool {
	switch {
	case v.name == "":
		c.problem("write it into the tag", "the field %s has a %s tag without a name", name, v.source)
		return false
	case (v.source == Header || v.source == Cookie) && !httpfield.ValidName(v.name):
		c.problem("mend the name", "the field %s reads the %s %q, which is no name of one (RFC 9110 section 5.1)", name, v.source, v.name)
		return false
	}
	if v.source == Header {
		v.name = http.CanonicalHeaderKey(v.name)
	}
	key := string(v.source) + " " + v.name
	if v.source == File { // a form has one name for both
		key = string(FormField) + " " + v.name
	}
	if other, taken := c.seen[key]; taken {
		c.problem("keep one of them", "the fields %s and %s both read the %s value %q", other, name, v.source, v.name)
		return false
	}
	c.seen[key] = name
	return true
}

// reader sets how v is read, for all the shapes a field can have.
func (c *compiler) reader(v *field, t reflect.Type, layout string) *element {
	if w, wrapped := c.types.Wrapper(t); wrapped {
		if v.source == Path {
			c.problem("make it a plain value", "the field for the path value %q is a %v, but a path value is always there", v.name, t)
		}
		read := c.reader(v, w.Elem, layout)
		if read == nil {
			return nil
		}
		inner := v.read
		v.absent = !read.text && !v.list
		v.read = func(at Target, s string) *Flaw {
			flaw := inner(at.field(w.Value), s)
			if flaw == nil {
				put(at.field(w.State), w.There)
			}
			return flaw
		}
		return read
	}
	if read := elementOf(t, layout); read != nil {
		v.read = read.value
		return read
	}
	switch t.Kind() {
	case reflect.Pointer:
		if read := elementOf(t.Elem(), layout); read != nil {
			v.absent, v.read = !read.text, read.pointer
			return read
		}
	case reflect.Slice:
		if read := elementOf(t.Elem(), layout); read != nil {
			v.list, v.read = true, read.appends
			return read
		}
	}
	return nil
}

// readsTime reports whether a layout applies to t.
func readsTime(t reflect.Type, types Types) bool {
	if w, wrapped := types.Wrapper(t); wrapped {
		t = w.Elem
	}
	if t != typeTime && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	return t == typeTime
}

// defaulted reads the default once, to see that it can be.
func (c *compiler) defaulted(v *field, f reflect.StructField, name string) {
	v.def, v.hasDef = f.Tag.Lookup("default")
	if !v.hasDef {
		return
	}
	switch _, wrapped := c.types.Wrapper(f.Type); {
	case v.required:
		c.problem("keep one of them", "the field %s is required and has a default", name)
	case wrapped:
		c.problem("make it a plain value", "the field %s has a default and is a %v, which tells whether the value was there", name, f.Type)
	default:
		trial := TargetOf(reflect.New(f.Type).Interface())
		if flaw := v.readDefault(trial); flaw != nil {
			c.problem("write the default as a client would send it", "the field %s is a %v, and its default %q cannot be read as one", name, f.Type, v.def)
		}
	}
}

func (c *compiler) add(v *field, form string) {
	v.form = form
	c.plan.Reads = append(c.plan.Reads, Reads{Source: v.source, Name: v.name, Form: form, Required: v.required, Default: v.def})
	switch v.source {
	case Path:
		c.plan.paths = append(c.plan.paths, v)
	case Query:
		if c.plan.queries = append(c.plan.queries, v); len(c.plan.queries) == maxQueries+1 {
			c.problem("read a part of them from the body", "there are more than %d query parameters", maxQueries)
		}
	case FormField:
		if c.plan.forms = append(c.plan.forms, v); len(c.plan.forms) == maxQueries+1 {
			c.problem("read JSON, or a part of them in another request", "there are more than %d form values", maxQueries)
		}
	case Header:
		c.plan.headers = append(c.plan.headers, v)
	case Cookie:
		c.plan.cookies = append(c.plan.cookies, v)
	}
}

// maxQueries is how many query parameters, and how many form values, a struct may name: a set of them is one word.
const maxQueries = 64

// nilPointer is a nil *T, the prototype of pointers to a T.
func nilPointer(t reflect.Type) any { return reflect.Zero(reflect.PointerTo(t)).Interface() }
