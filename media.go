package weft

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft/internal/negotiation"
)

// MediaCodec is a [Codec] for bodies of other media types than JSON, such as XML or CBOR. [Formats] registers it.
//
// An error of Decode is a 400 with the code invalid_body; where it is an [*InvalidRequest], or an [*Error], it says itself what is wrong,
// and where. A codec may also be a [CharsetCodec], a [MemberNamer], a [MemberFinder] and a [TypeChecker].
type MediaCodec interface {
	Codec
	// MediaTypes are those that the codec reads and writes (RFC 9110 section 8.3.1), as an answer's Content-Type has them: the
	// first is what a client without a preference gets. Bodies of types with their syntax are read too: those of image/svg+xml
	// by a codec for application/xml. It is asked at Build.
	MediaTypes() []string
}

// CharsetCodec is a [MediaCodec] that reads text in other charsets than UTF-8. Others refuse it: a 415.
type CharsetCodec interface {
	// Charsets are the names of those charsets, in any case. It is asked at Build.
	Charsets() []string
	// DecodeCharset is Decode of a body in one of them; it is given the name that Charsets has.
	DecodeCharset(charset string, body []byte, into any) error
}

// MemberNamer is a [Codec] that does not name the members of a struct by its json tags. Errors tell the
// places of broken rules by these names.
type MemberNamer interface {
	// MemberName is the reference tokens of a JSON Pointer (RFC 6901) that lead to a field from its struct: one for most, none
	// where what is in the field stands in the struct's own place.
	MemberName(field reflect.StructField) []string
}

// MemberFinder is a [Codec] that tells what a body has. The rule required asks it: a value that was sent is
// there, also where it is 0 or false. Of a codec without it, the body is decoded into an any, and looked for in its maps
// and lists; where that does not show it, required means different from zero.
type MemberFinder interface {
	// HasMember reports whether a body that was decoded has a value, other than null, at the end of a path of
	// names, as MemberName tells them, and of keys and indexes.
	HasMember(body []byte, path []string) bool
}

// TypeChecker is a [MediaCodec] that knows types which it cannot read or write. A route whose body is of such a
// type does without the codec; where none is left, and on a route that asks for the codec itself, that is an error of Build.
type TypeChecker interface {
	// CheckType says why values of type t, a Req, a Resp or a body field, cannot be read or written. It is asked at Build.
	CheckType(t reflect.Type) error
}

// format is one way in which bodies are written.
type format struct {
	codec    Codec
	json     bool
	charsets []string // beside UTF-8
	// variant tells the entity tags of its representations from those of the first format, which has none.
	variant string
}

// formats are those that bodies of a route may have, in the order of the server's preference. A nil one is JSON alone.
type formats struct {
	types  []negotiation.MediaType
	names  []string  // of the types, as they are sent
	by     []*format // of each type
	strict bool
}

// known are the names of the types, as a person reads them.
func (f *formats) known() string { return either(f.names) }

// reader chooses the format of a body by its Content-Type (RFC 9110 section 8.3), and the charset where it is not UTF-8. Where there
// is none, the refusal says what is.
func (f *formats) reader(h http.Header, untyped bool) (by *format, charset string, refusal *unsupportedMedia) {
	declared, several, compressed := declaredType(h)
	switch {
	case compressed:
		return nil, "", &unsupportedMedia{}
	case several:
		return nil, "", &unsupportedMedia{types: f.names, several: true}
	}
	for i, name := range f.names {
		if declared == name && f.types[i].Charset() == "" || declared == "" && untyped && f.by[i].json {
			return f.by[i], "", nil
		}
	}
	m, err := negotiation.Parse(declared)
	if err != nil {
		return nil, "", &unsupportedMedia{types: f.names}
	}
	i := negotiation.Reads(f.types, m)
	if i < 0 {
		return nil, "", &unsupportedMedia{types: f.names}
	}
	by, charset = f.by[i], m.Charset()
	if charset == "" || !by.json && strings.EqualFold(charset, "us-ascii") {
		return by, "", nil
	}
	if known := by.charset(charset); known != "" {
		return by, known, nil
	}
	return nil, "", &unsupportedMedia{types: f.names, charsets: append([]string{"UTF-8"}, by.charsets...)}
}

// charset is the name that the codec has for a charset beside UTF-8, "" where it does not read it.
func (f *format) charset(name string) string {
	for _, known := range f.charsets {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return ""
}

// decodeAny decodes the body by the codec of its media type.
func (r *Request) decodeAny(into any, optional bool) error {
	in := r.state.input
	if in.formats == nil {
		return r.decodeJSON(jsonMedia, into, optional)
	}
	by, charset, refusal := in.formats.reader(r.http.Header, in.json.AllowUntyped)
	return r.decodeAs(by, charset, refusal, into, optional)
}

// absent reports whether a body is none. Space is a value in a binary format.
func (f *format) absent(body, trimmed []byte) bool {
	if f == nil || f.json {
		return len(trimmed) == 0
	}
	return len(body) == 0
}

// decode decodes a body that is there.
func (f *format) decode(charset string, body []byte, into any) error {
	if f.json {
		if err := f.codec.Decode(body, into); err != nil {
			return invalid(http.StatusBadRequest, jsonField(err))
		}
		return nil
	}
	var err error
	if charset == "" {
		err = f.codec.Decode(body, into)
	} else {
		err = f.codec.(CharsetCodec).DecodeCharset(charset, body, into)
	}
	if err == nil || errorIs[*Error](err) {
		return err
	}
	rejected, ok := errorAs[*InvalidRequest](err)
	if !ok || len(rejected.Fields) == 0 {
		return invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeInvalidBody, Cause: err})
	}
	told := &InvalidRequest{cmp.Or(rejected.Status, http.StatusBadRequest), slices.Clone(rejected.Fields)}
	for i := range told.Fields {
		told.Fields[i].Source = cmp.Or(told.Fields[i].Source, SourceBody)
	}
	return told
}

// format is the one that the body was decoded by.
func (in *intake) format(r *Request) *format {
	how := r.state.input
	if in.neutral && how.formats != nil {
		if by, _, _ := how.formats.reader(r.http.Header, how.json.AllowUntyped); by != nil {
			return by
		}
	}
	return &how.asJSON
}

// appendName appends the reference tokens that lead to a field from its struct.
func (f *format) appendName(list []string, field reflect.StructField) []string {
	if namer, ok := f.codec.(MemberNamer); ok {
		return append(list, namer.MemberName(field)...)
	}
	name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	switch {
	case name == "" && (options == "embed" || options == "inline"):
	case name != "":
		list = append(list, strings.Trim(name, "'"))
	case !field.Anonymous:
		list = append(list, field.Name)
	}
	return list
}

// tree is a body as maps and lists, nil where it cannot be.
func (f *format) tree(body []byte) (tree any) {
	if f.json {
		_ = json.Unmarshal(body, &tree, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		return tree
	}
	returned := false
	var err error
	defer rescue(&returned, &err) // the codec may not expect an any
	_ = f.codec.Decode(body, &tree)
	returned = true
	return tree
}

// cannot says why a codec does not read or write values of type t, where that is known.
func (f *format) cannot(t reflect.Type) error {
	if f.json {
		return nil // what JSON cannot be is told by itself
	}
	if checker, ok := f.codec.(TypeChecker); ok {
		return contained(func() error { return checker.CheckType(t) })
	}
	if holdsOpt(t, map[reflect.Type]bool{}) {
		return errors.New("it holds an Opt, which only JSON knows; a codec that knows it says so by CheckType")
	}
	return nil
}

// holdsOpt reports whether there may be an Opt in a t.
func holdsOpt(t reflect.Type, seen map[reflect.Type]bool) bool {
	if _, wrapped := unwrapOpt(t); wrapped {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsOpt(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if field.IsExported() && holdsOpt(field.Type, seen) {
				return true
			}
		}
	}
	return false
}

// within is what a map or list has under a token.
func within(of any, token string) any {
	switch of := of.(type) {
	case map[string]any:
		return of[token]
	case map[any]any:
		if value, found := of[token]; found {
			return value
		}
		for key, value := range of {
			if fmt.Sprint(key) == token {
				return value
			}
		}
	case []any:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(of) {
			return of[i]
		}
	}
	return nil
}
