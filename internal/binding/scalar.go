package binding

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Flaw says what is wrong with one value of a request, without repeating it.
type Flaw struct {
	Code   string
	Params map[string]any
	Cause  error // for logs
}

// The codes of flaws that binding finds. They are stable.
const (
	CodeRequired  = "required"       // not there
	CodeRepeated  = "repeated"       // there more than once, where one is expected
	CodeType      = "invalid_type"   // not of the form expected; parameter "type"
	CodeRange     = "out_of_range"   // a number outside its type; parameters "min" and "max"
	CodeMalformed = "malformed"      // broken escapes or syntax
	CodeUTF8      = "invalid_utf8"   // text that is not UTF-8
	CodeUnknown   = "unknown_field"  // a name that is not expected
	CodeFileSize  = "file_too_large" // a file with more than "max" bytes
)

func badType(want string, cause error) *Flaw {
	return &Flaw{Code: CodeType, Params: map[string]any{"type": want}, Cause: cause}
}

// parser reads text into a Target of the type that it was made for.
type parser func(Target, string) *Flaw

// element is how to read one value of a type, in the three shapes a field can have.
type element struct {
	form    string // what a client should send: "integer", "boolean", ...
	text    bool   // "" is a value like any other
	value   parser // into a T
	pointer parser // into a *T
	appends parser // onto a []T
}

// scalar reads a T. Types defined from T have its layout, and are read as a T.
type scalar[T any] func(string) (T, *Flaw)

func (read scalar[T]) element(form string, text bool) *element {
	return &element{
		form: form,
		text: text,
		value: func(t Target, s string) *Flaw {
			v, flaw := read(s)
			if flaw == nil {
				put(t, v)
			}
			return flaw
		},
		pointer: func(t Target, s string) *Flaw {
			v, flaw := read(s)
			if flaw == nil {
				put(t, &v)
			}
			return flaw
		},
		appends: func(t Target, s string) *Flaw {
			v, flaw := read(s)
			if flaw == nil {
				put(t, append(get[[]T](t), v))
			}
			return flaw
		},
	}
}

var (
	typeTime     = reflect.TypeFor[time.Time]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typeText     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// elementOf is how to read a t, or nil where text has no form of it. layout is
// for times only.
func elementOf(t reflect.Type, layout string) *element {
	switch {
	case t == typeTime:
		return timeElement(layout)
	case t == typeDuration:
		return scalar[time.Duration](parseDuration).element("duration", false)
	case reflect.PointerTo(t).Implements(typeText):
		return textElement(t)
	}
	switch t.Kind() {
	case reflect.String:
		return scalar[string](parseString).element("string", true)
	case reflect.Bool:
		return scalar[bool](parseBool).element("boolean", false)
	case reflect.Int:
		return signed[int](strconv.IntSize)
	case reflect.Int8:
		return signed[int8](8)
	case reflect.Int16:
		return signed[int16](16)
	case reflect.Int32:
		return signed[int32](32)
	case reflect.Int64:
		return signed[int64](64)
	case reflect.Uint:
		return unsigned[uint](strconv.IntSize)
	case reflect.Uint8:
		return unsigned[uint8](8)
	case reflect.Uint16:
		return unsigned[uint16](16)
	case reflect.Uint32:
		return unsigned[uint32](32)
	case reflect.Uint64:
		return unsigned[uint64](64)
	case reflect.Float32:
		return floating[float32](32)
	case reflect.Float64:
		return floating[float64](64)
	}
	return nil
}

func parseString(s string) (string, *Flaw) {
	if !utf8.ValidString(s) {
		return "", &Flaw{Code: CodeUTF8}
	}
	return s, nil
}

func parseBool(s string) (bool, *Flaw) {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return false, badType("boolean", nil)
	}
	return v, nil
}

func parseDuration(s string) (time.Duration, *Flaw) {
	v, err := time.ParseDuration(s)
	if err != nil {
		return 0, badType("duration", nil)
	}
	return v, nil
}

func signed[T int | int8 | int16 | int32 | int64](bits int) *element {
	return scalar[T](func(s string) (T, *Flaw) {
		v, err := strconv.ParseInt(s, 10, bits)
		if err == nil && s[0] == '+' { // one number, one spelling, as far as signs go
			return 0, badType("integer", nil)
		}
		if err != nil {
			return 0, badNumber(err, "integer", int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits))
		}
		return T(v), nil
	}).element("integer", false)
}

func unsigned[T uint | uint8 | uint16 | uint32 | uint64](bits int) *element {
	return scalar[T](func(s string) (T, *Flaw) {
		v, err := strconv.ParseUint(s, 10, bits)
		if err == nil {
			return T(v), nil
		}
		if negative, isNumber := strings.CutPrefix(s, "-"); isNumber {
			if _, err := strconv.ParseUint(negative, 10, 64); err == nil {
				return 0, outOfRange(0, uint64(math.MaxUint64)>>(64-bits))
			}
		}
		return 0, badNumber(err, "integer", 0, uint64(math.MaxUint64)>>(64-bits))
	}).element("integer", false)
}

func floating[T float32 | float64](bits int) *element {
	return scalar[T](func(s string) (T, *Flaw) {
		v, err := strconv.ParseFloat(s, bits)
		switch {
		case err != nil && bits == 32:
			return 0, badNumber(err, "number", -math.MaxFloat32, math.MaxFloat32)
		case err != nil:
			return 0, badNumber(err, "number", -math.MaxFloat64, math.MaxFloat64)
		case math.IsNaN(v) || math.IsInf(v, 0): // no bound would hold against them
			return 0, badType("number", nil)
		case strings.ContainsAny(s, "xX"): // a hexadecimal one, as Go writes it
			return 0, badType("number", nil)
		}
		return T(v), nil
	}).element("number", false)
}

func badNumber(err error, form string, least, most any) *Flaw {
	if numeric, ok := err.(*strconv.NumError); ok && numeric.Err == strconv.ErrRange {
		return outOfRange(least, most)
	}
	return badType(form, nil)
}

func outOfRange(least, most any) *Flaw {
	return &Flaw{Code: CodeRange, Params: map[string]any{"min": least, "max": most}}
}

// layouts are the names that a layout tag may use beside a layout itself.
var layouts = map[string]string{
	"":            time.RFC3339,
	"RFC3339":     time.RFC3339,
	"RFC3339Nano": time.RFC3339Nano,
	"RFC1123":     time.RFC1123,
	"DateTime":    time.DateTime,
	"DateOnly":    time.DateOnly,
	"TimeOnly":    time.TimeOnly,
	"HTTP":        "Mon, 02 Jan 2006 15:04:05 GMT",
}

// timeElement reads times. layout is a name of layouts, "unix" or "unixmilli", or a layout of package time.
func timeElement(layout string) *element {
	switch layout {
	case "unix":
		return unixElement("unix seconds", func(n int64) time.Time { return time.Unix(n, 0).UTC() })
	case "unixmilli":
		return unixElement("unix milliseconds", func(n int64) time.Time { return time.UnixMilli(n).UTC() })
	}
	if known, found := layouts[layout]; found {
		layout = known
	}
	return scalar[time.Time](func(s string) (time.Time, *Flaw) {
		v, err := time.Parse(layout, s)
		if err != nil {
			return v, &Flaw{Code: CodeType, Params: map[string]any{"type": "time", "layout": layout}}
		}
		return v, nil
	}).element("time as "+layout, false)
}

func unixElement(form string, made func(int64) time.Time) *element {
	return scalar[time.Time](func(s string) (v time.Time, _ *Flaw) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || s[0] == '+' {
			return v, badType(form, nil)
		}
		if v = made(n); v.Year() < 0 || v.Year() > 9999 { // which no text form of a time has
			return v, &Flaw{Code: CodeType, Params: map[string]any{"type": form}}
		}
		return v, nil
	}).element(form, false)
}

// checkLayout reports a layout that names no part of a time.
func checkLayout(layout string) error {
	if _, found := layouts[layout]; found || layout == "unix" || layout == "unixmilli" {
		return nil
	}
	if time.Unix(0, 0).UTC().Format(layout) == layout {
		return fmt.Errorf("the layout %q holds no part of a time", layout)
	}
	return nil
}

// textElement reads a type that reads itself. Only this one makes pointers and
// slices through reflect: their element has no type known here.
func textElement(t reflect.Type) *element {
	prototype := reflect.Zero(reflect.PointerTo(t)).Interface()
	read := func(pointer any, s string) (flaw *Flaw) {
		if err := pointer.(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
			return badType("text", err)
		}
		return nil
	}
	return &element{
		form:  t.String(),
		text:  t.Kind() == reflect.String,
		value: func(at Target, s string) *Flaw { return read(at.pointer(prototype), s) },
		pointer: func(at Target, s string) *Flaw {
			v := reflect.New(t)
			flaw := read(v.Interface(), s)
			if flaw == nil {
				at.reflected(v.Type()).Set(v)
			}
			return flaw
		},
		appends: func(at Target, s string) *Flaw {
			v := reflect.New(t)
			flaw := read(v.Interface(), s)
			if flaw == nil {
				list := at.reflected(reflect.SliceOf(t))
				list.Set(reflect.Append(list, v.Elem()))
			}
			return flaw
		},
	}
}
