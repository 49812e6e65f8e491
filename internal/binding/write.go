package binding

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/weft-go/weft/internal/httpfield"
)

// Status is where the status of an answer is said. A value goes there, to a
// Header, a Cookie or the Body.
const Status Source = "status"

// Output says how values of one struct type are written as an answer.
type Output struct {
	// Writes lists what is written, in the order of the fields.
	Writes []Writes
	// Default is the status where the handler sets none, 0 where the struct says nothing of it.
	Default int
	// Body is the field that is the body, or nil.
	Body *BodyOutput

	status *statusField
	fields []*outField // header fields and cookies
}

// Writes describes one value that is written.
type Writes struct {
	Target Source
	Name   string
	Form   string
}

// Line is one header field of an answer.
type Line struct{ Name, Value string }

// BodyOutput is the field that is the body.
type BodyOutput struct {
	Kind string // "json", "text", "raw", or "" for what the client prefers
	Type reflect.Type

	offset  uintptr
	pointer any
	text    *text
}

// Pointer is a pointer to the field of the struct in t.
func (b *BodyOutput) Pointer(t Target) any { return t.field(b.offset).pointer(b.pointer) }

// Bytes is a copy of the field of the struct in t, for the kinds "text" and "raw".
func (b *BodyOutput) Bytes(t Target) ([]byte, error) {
	at := t.field(b.offset)
	if b.Kind == "raw" {
		return slices.Clone(get[[]byte](at)), nil
	}
	s, err := b.text.write(at)
	return []byte(s), err
}

type statusField struct {
	offset uintptr
	read   func(Target) int64
}

// outField is one header field, or several of one name.
type outField struct {
	target Source
	tagged string // its name in the tag
	name   string // of the header field
	offset uintptr
	omit   func(Target) bool           // nil unless some values are left out
	reach  func(Target) (Target, bool) // to the value in a pointer or a wrapper; nil where it is there itself
	text   *text                       // of the value, or of an element
	list   bool
	csv    bool    // one comma list
	size   uintptr // of an element
}

// Status is the status that the struct in t says, 0 for none.
func (o *Output) Status(t Target) int64 {
	if o.status == nil {
		return 0
	}
	return o.status.read(t.field(o.status.offset))
}

// SetsStatus reports whether values of the struct say their status themselves.
func (o *Output) SetsStatus() bool { return o.status != nil }

// AppendLines appends the header fields that the struct in t says, cookies too,
// in the order of its fields. Values are as the struct has them: nobody has looked yet whether HTTP allows them.
func (o *Output) AppendLines(lines []Line, t Target) (_ []Line, err error) {
	for _, f := range o.fields {
		if lines, err = f.appendLines(lines, t.field(f.offset)); err != nil {
			return nil, fmt.Errorf("the %s %s: %w", f.target, f.tagged, err)
		}
	}
	return lines, nil
}

func (f *outField) appendLines(lines []Line, at Target) ([]Line, error) {
	if f.omit != nil && f.omit(at) {
		return lines, nil
	}
	if f.reach != nil {
		var there bool
		if at, there = f.reach(at); !there {
			return lines, nil
		}
	}
	if !f.list {
		value, err := f.text.write(at)
		if value != "" {
			lines = append(lines, Line{f.name, value})
		}
		return lines, err
	}
	first, n := at.elements()
	before := len(lines)
	for i := range n {
		value, err := f.text.write(first.element(i, f.size))
		switch {
		case err != nil:
			return lines, err
		case value == "": // RFC 9110 section 5.6.1: a list has no empty elements
		case f.csv && len(lines) > before:
			lines[before].Value += ", " + value
		default:
			lines = append(lines, Line{f.name, value})
		}
	}
	return lines, nil
}

// outputTags are the struct tags that say where a value goes.
var outputTags = []string{"status", "header", "cookie", "body"}

// inputTags are those that only say where one comes from.
var inputTags = []string{"path", "query", "form", "file", "value", "inject"}

// TaggedOutput reports whether t is a struct that is written field by field:
// whether an exported field, of it or of a struct that it embeds, says where its value goes.
func TaggedOutput(t reflect.Type) bool { return taggedOutput(t, nil) }

// way are the structs that lead to t: a pointer may be embedded in what it points to.
func taggedOutput(t reflect.Type, way []reflect.Type) bool {
	if t.Kind() != reflect.Struct || slices.Contains(way, t) {
		return false
	}
	way = append(way, t)
	for f := range t.Fields() {
		if f.IsExported() && len(tagsOf(f, outputTags)) > 0 {
			return true
		}
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		if f.Anonymous && taggedOutput(embedded, way) {
			return true
		}
	}
	return false
}

func tagsOf(f reflect.StructField, tags []string) []string {
	var found []string
	for _, tag := range tags {
		if _, ok := f.Tag.Lookup(tag); ok {
			found = append(found, tag)
		}
	}
	return found
}

// CompileOutput compiles how a struct type is written. With problems, the result is not usable.
func CompileOutput(t reflect.Type, types Types) (*Output, []Problem) {
	c := &outputCompiler{types: types, output: &Output{}, seen: map[string]string{}}
	c.walk(t, 0, "")
	return c.output, c.problems
}

type outputCompiler struct {
	types    Types
	output   *Output
	problems []Problem
	status   string            // the field that has it
	seen     map[string]string // target and name, to the field that has it
}

func (c *outputCompiler) problem(remedy, format string, args ...any) {
	c.problems = append(c.problems, Problem{fmt.Sprintf(format, args...), remedy})
}

func (c *outputCompiler) walk(t reflect.Type, offset uintptr, prefix string) {
	for f := range t.Fields() {
		name := prefix + f.Name
		at := offset + f.Offset
		found := append(tagsOf(f, outputTags), tagsOf(f, inputTags)...)
		switch {
		case len(found) > 1:
			c.problem("keep one of them", "the field %s of the answer has the tags %s: a value has one target", name, strings.Join(found, " and "))
		case len(found) == 1 && !f.IsExported():
			c.problem("export it", "the field %s of the answer has a %s tag but is not exported", name, found[0])
		case len(found) == 1:
			c.tagged(f, found[0], name, at)
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			c.embedded(f, name, at)
		case f.Anonymous && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct:
			c.problem("embed the struct itself", "the field %s of the answer embeds a pointer, which may be nil", name)
		case f.IsExported():
			c.untargeted(name)
		}
	}
}

func (c *outputCompiler) untargeted(name string) {
	c.problem("give it a status, header, cookie or body tag, or unexport it", "the field %s of the answer has no target", name)
}

// embedded composes. A struct in which there is nothing to compose is a value
// like any other, as a time.Time is.
func (c *outputCompiler) embedded(f reflect.StructField, name string, offset uintptr) {
	writes, problems := len(c.output.Writes), len(c.problems)
	c.walk(f.Type, offset, name+".")
	if f.IsExported() && f.Type.NumField() > 0 && len(c.output.Writes) == writes && len(c.problems) == problems {
		c.untargeted(name)
	}
}

func (c *outputCompiler) tagged(f reflect.StructField, tag, name string, offset uintptr) {
	if _, has := f.Tag.Lookup("default"); has && tag != "status" {
		c.problem("leave it out, and set the value in the handler", "the field %s of the answer has a default, which is for what is read", name)
	}
	if _, has := f.Tag.Lookup("layout"); has && tag != "header" {
		c.problem("leave it out", "the field %s of the answer has a layout, which is for times in a header", name)
	}
	switch tag {
	case "status":
		c.statusOf(f, name, offset)
	case "header":
		c.header(f, name, offset)
	case "cookie":
		c.cookie(f, name, offset)
	case "body":
		c.body(f, name, offset)
	default:
		c.problem("use a status, header, cookie or body tag", "the field %s of the answer has the tag %s, which is for what is read", name, tag)
	}
}

func (c *outputCompiler) wrote(target Source, name, form string) {
	c.output.Writes = append(c.output.Writes, Writes{target, name, form})
}

func (c *outputCompiler) statusOf(f reflect.StructField, name string, offset uintptr) {
	if c.status != "" {
		c.problem("keep one of them", "the fields %s and %s of the answer are both its status", c.status, name)
		return
	}
	c.status = name
	def, options, more := strings.Cut(f.Tag.Get("status"), ",")
	if more {
		c.problem("leave it out", "the field %s of the answer has the status option %q, which is unknown", name, options)
	}
	if _, has := f.Tag.Lookup("default"); has {
		c.problem(`write it into the tag, as status:"201"`, "the field %s of the answer has a default beside its status tag", name)
	}
	if def != "" {
		status, err := strconv.Atoi(def)
		if err != nil || status < 200 || status > 399 {
			c.problem("use one from 200 to 399, or none; failures are errors that the handler returns", "the field %s of the answer has the default %q, which is no status of a success", name, def)
		}
		c.output.Default = status
	}
	read := statusReader(f.Type)
	if read == nil {
		c.problem("make it an int", "the field %s of the answer is its status and is a %v", name, f.Type)
		return
	}
	c.output.status = &statusField{offset, read}
	c.wrote(Status, "", "integer")
}

// statusReader reads the types that have room for a status.
func statusReader(t reflect.Type) func(Target) int64 {
	switch t.Kind() {
	case reflect.Int:
		return whole[int]
	case reflect.Int16:
		return whole[int16]
	case reflect.Int32:
		return whole[int32]
	case reflect.Int64:
		return whole[int64]
	case reflect.Uint:
		return whole[uint]
	case reflect.Uint16:
		return whole[uint16]
	case reflect.Uint32:
		return whole[uint32]
	case reflect.Uint64:
		return whole[uint64]
	}
	return nil
}

func whole[T int | int16 | int32 | int64 | uint | uint16 | uint32 | uint64](at Target) int64 {
	return int64(get[T](at))
}

func (c *outputCompiler) header(f reflect.StructField, name string, offset uintptr) {
	parts := strings.Split(f.Tag.Get("header"), ",")
	v := &outField{target: Header, tagged: http.CanonicalHeaderKey(parts[0]), name: http.CanonicalHeaderKey(parts[0]), offset: offset}
	for _, option := range parts[1:] {
		switch option {
		case "omitzero":
			v.omit = zeroOf(f.Type)
		case "csv":
			v.csv = true
		default:
			c.problem(`the options are "omitzero" and "csv"`, "the field %s of the answer has the header option %q, which is unknown", name, option)
		}
	}
	if !c.named(v, name) {
		return
	}
	layout, hasLayout := f.Tag.Lookup("layout")
	if !c.writer(v, f.Type, layout) {
		c.problem("use a string, a number, a bool, a time, a type with MarshalText, or a pointer, slice or Opt of one", "the field %s of the answer is the header %q and is a %v, which has no text form", name, v.tagged, f.Type)
		return
	}
	if hasLayout && v.text.layout == "" {
		c.problem("leave it out", "the field %s of the answer has a layout and is no time", name)
	} else if err := checkLayout(layout); err != nil {
		c.problem("write the layout as package time does, or one of its names, unix or unixmilli", "the field %s of the answer: %v", name, err)
	}
	c.checkList(v, f.Type, name)
	c.add(v)
}

// checkList reports where several values cannot go as the field says.
func (c *outputCompiler) checkList(v *outField, t reflect.Type, name string) {
	switch {
	case v.csv && !v.list:
		c.problem("make it a slice, or leave csv out", "the field %s of the answer is a comma list and is a %v", name, t)
	case v.csv && (strings.Contains(v.text.layout, ",") || v.name == setCookie):
		c.problem("leave csv out: each value is then a line of its own", "the field %s of the answer is a comma list of values that have commas themselves", name)
	case v.list && v.name == "Content-Type":
		c.problem("make it a single value", "the field %s of the answer is the Content-Type and is a slice", name)
	}
}

const setCookie = "Set-Cookie"

func (c *outputCompiler) cookie(f reflect.StructField, name string, offset uintptr) {
	tag, options, more := strings.Cut(f.Tag.Get("cookie"), ",")
	v := &outField{target: Cookie, tagged: tag, name: setCookie, offset: offset}
	if more {
		c.problem("leave it out; an empty value is left out anyway", "the field %s of the answer has the cookie option %q, which is unknown", name, options)
	}
	if !c.named(v, name) {
		return
	}
	whole := reflect.TypeFor[http.Cookie]()
	switch {
	case f.Type == whole:
		v.text, v.omit = cookieText(v.tagged), zeroOf(whole)
	case f.Type == reflect.PointerTo(whole):
		v.text, v.reach = cookieText(v.tagged), Target.Indirect
	case f.Type.Kind() == reflect.String:
		v.text = sessionText(v.tagged, textOf(f.Type, ""))
	default:
		c.problem("make it a string or an http.Cookie", "the field %s of the answer is the cookie %q and is a %v", name, v.tagged, f.Type)
		return
	}
	c.add(v)
}

func (c *outputCompiler) add(v *outField) {
	c.output.fields = append(c.output.fields, v)
	c.wrote(v.target, v.tagged, v.text.form)
}

// named checks the name of a value.
func (c *outputCompiler) named(v *outField, name string) bool {
	switch {
	case v.tagged == "":
		c.problem("write it into the tag", "the field %s of the answer has a %s tag without a name", name, v.target)
		return false
	case !httpfield.ValidName(v.tagged):
		c.problem("mend the name", "the field %s of the answer is the %s %q, which is no name of one (RFC 9110 section 5.1)", name, v.target, v.tagged)
		return false
	case v.target == Header && (v.tagged == "Content-Length" || v.tagged == "Transfer-Encoding"):
		c.problem("leave the field out", "the field %s of the answer is the header %q, which is the transport's", name, v.tagged)
		return false
	}
	key := string(v.target) + " " + v.tagged
	if other, taken := c.seen[key]; taken {
		remedy := "keep one of them"
		if v.target == Header {
			remedy += "; a slice takes several values"
		}
		c.problem(remedy, "the fields %s and %s of the answer are both the %s %q", other, name, v.target, v.tagged)
		return false
	}
	c.seen[key] = name
	return true
}

// writer sets how v is written, for all the shapes a field can have.
func (c *outputCompiler) writer(v *outField, t reflect.Type, layout string) bool {
	if w, wrapped := c.types.Wrapper(t); wrapped {
		if !c.writer(v, w.Elem, layout) {
			return false
		}
		inner := v.reach
		v.reach = func(at Target) (Target, bool) {
			if get[uint8](at.field(w.State)) != w.There {
				return Target{}, false
			}
			if at = at.field(w.Value); inner == nil {
				return at, true
			}
			return inner(at)
		}
		return true
	}
	if v.text = textOf(t, layout); v.text != nil {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.text, v.reach = textOf(t.Elem(), layout), Target.Indirect
	case reflect.Slice:
		v.text, v.list, v.size = textOf(t.Elem(), layout), true, t.Elem().Size()
	}
	return v.text != nil
}

func (c *outputCompiler) body(f reflect.StructField, name string, offset uintptr) {
	if c.output.Body != nil {
		c.problem("keep one of them", "the field %s of the answer is a second body: an answer has one", name)
		return
	}
	kind, options, more := strings.Cut(f.Tag.Get("body"), ",")
	if more {
		c.problem("leave it out", "the field %s of the answer has the body option %q, which is unknown", name, options)
	}
	b := &BodyOutput{Kind: kind, Type: f.Type, offset: offset, pointer: nilPointer(f.Type)}
	form := kind
	switch kind {
	case "json":
		form = fmt.Sprintf("%v as JSON", f.Type)
	case "":
		form = fmt.Sprint(f.Type)
	case "text":
		if f.Type.Kind() != reflect.String {
			c.problem("make it a string", "the field %s of the answer is its body as text and is a %v", name, f.Type)
			return
		}
		b.text = textOf(f.Type, "")
	case "raw":
		if f.Type.Kind() != reflect.Slice || f.Type.Elem().Kind() != reflect.Uint8 {
			c.problem("make it a []byte", "the field %s of the answer is its raw body and is a %v", name, f.Type)
			return
		}
		form = "bytes"
	default:
		c.problem(`use "json", "text" or "raw", or "" for any format`, "the field %s of the answer has the body kind %q, which is unknown", name, kind)
		return
	}
	c.output.Body = b
	c.wrote(Body, "", form)
}
