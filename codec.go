package weft

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Codec turns JSON bodies into values and back. It must be safe for
// concurrent use. Decode gets the whole body and must not keep it; Encode
// returns bytes that nobody else changes.
type Codec interface {
	Decode(body []byte, into any) error
	Encode(v any) ([]byte, error)
}

// JSONOptions says how an app or a route reads and writes JSON. The zero value
// is strict: names match exactly, unknown and duplicate names, invalid UTF-8,
// anything after the value, and a body without a Content-Type are refused.
type JSONOptions struct {
	// AllowUnknown ignores members that the type does not have.
	AllowUnknown bool
	// AllowDuplicates lets the last of several members with one name win.
	AllowDuplicates bool
	// AllowInvalidUTF8 replaces bytes that are not UTF-8 by U+FFFD.
	AllowInvalidUTF8 bool
	// AllowUntyped takes a body without a Content-Type as JSON.
	AllowUntyped bool
	// Codec replaces weft's own; what it allows is then its own affair, except AllowUntyped.
	Codec Codec
}

// codec is the codec that the options ask for.
func (o JSONOptions) codec() Codec {
	if o.Codec != nil {
		return o.Codec
	}
	c := &jsonCodec{}
	set := func(wanted bool, option json.Options) {
		if wanted {
			c.decode = append(c.decode, option)
		}
	}
	set(!o.AllowUnknown, json.RejectUnknownMembers(true))
	set(o.AllowDuplicates, jsontext.AllowDuplicateNames(true))
	set(o.AllowInvalidUTF8, jsontext.AllowInvalidUTF8(true))
	return c
}

// jsonCodec holds only the options that differ from the codec's own: joined
// ones would be merged anew for each body.
type jsonCodec struct{ decode []json.Options }

func (c *jsonCodec) Decode(body []byte, into any) error {
	return json.Unmarshal(body, into, c.decode...)
}

func (c *jsonCodec) Encode(v any) ([]byte, error) { return encodeJSON(v) }

// jsonField says what is wrong with a body, from the error of a codec, without
// repeating its values. Of a codec other than weft's only the code is known.
func jsonField(err error) FieldError {
	f := FieldError{Source: SourceBody, Code: CodeInvalidJSON, Cause: err}
	if semantic, ok := errorAs[*json.SemanticError](err); ok {
		f.Pointer = string(semantic.JSONPointer)
		f.Code, f.Params = semanticCode(semantic)
	} else if syntactic, ok := errorAs[*jsontext.SyntacticError](err); ok {
		f.Pointer = string(syntactic.JSONPointer)
		f.Code = syntacticCode(syntactic)
	}
	return f
}

func semanticCode(err *json.SemanticError) (code string, params map[string]any) {
	if holds(err, json.ErrUnknownName) {
		return CodeUnknownField, nil
	}
	t := err.GoType
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return CodeInvalidType, map[string]any{"type": "value"}
	}
	if !codesItself(t) && (holds(err, strconv.ErrRange) || negative(string(err.JSONValue)) && jsonForm(t) == "integer") {
		if least, most := bounds(t); most != nil {
			return CodeOutOfRange, map[string]any{"min": least, "max": most}
		}
	}
	return CodeInvalidType, map[string]any{"type": jsonForm(t)}
}

// negative reports whether a number is one below zero, which an unsigned type refuses as a matter of form.
func negative(number string) bool {
	digits, signed := strings.CutPrefix(number, "-")
	_, err := strconv.ParseUint(digits, 10, 64)
	return signed && err == nil
}

func syntacticCode(err *jsontext.SyntacticError) string {
	switch text := err.Error(); {
	case holds(err, jsontext.ErrDuplicateName):
		return CodeDuplicateField
	case strings.Contains(text, "invalid UTF-8"):
		return CodeInvalidUTF8
	case strings.Contains(text, "after top-level value"):
		return CodeTrailingData
	}
	return CodeInvalidJSON
}

// jsonForm is what JSON calls a value that a t is decoded from.
func jsonForm(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "string"
	case codesItself(t):
		return "value"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "integer"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "string" // in base64
		}
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	}
	return "value"
}

// bounds are the least and the greatest number that a t holds.
func bounds(t reflect.Type) (least, most any) {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int64(math.MinInt64) >> (64 - t.Bits()), int64(math.MaxInt64) >> (64 - t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return 0, uint64(math.MaxUint64) >> (64 - t.Bits())
	case reflect.Float32:
		return -math.MaxFloat32, math.MaxFloat32
	case reflect.Float64:
		return -math.MaxFloat64, math.MaxFloat64
	}
	return nil, nil
}
