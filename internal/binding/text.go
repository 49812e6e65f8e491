package binding

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// text is how values of one type become text.
type text struct {
	form   string // what a client gets: "integer", "time as 2006-01-02", ...
	layout string // of a time
	// write reads the value at a place. "" is nothing to send.
	write func(Target) (string, error)
}

var (
	typeMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	typeAppender  = reflect.TypeFor[encoding.TextAppender]()
	typeZeroer    = reflect.TypeFor[zeroer]()
)

// textOf is how a t becomes text, or nil where it has no form of it. layout is
// for times only.
func textOf(t reflect.Type, layout string) *text {
	pointer := reflect.PointerTo(t)
	switch {
	case t == typeTime:
		return timeText(layout)
	case t == typeDuration:
		return plain("duration", func(v time.Duration) string { return v.String() })
	case pointer.Implements(typeAppender):
		prototype := nilPointer(t)
		return &text{t.String(), "", func(at Target) (string, error) {
			s, err := at.pointer(prototype).(encoding.TextAppender).AppendText(nil)
			return string(s), err
		}}
	case pointer.Implements(typeMarshaler):
		prototype := nilPointer(t)
		return &text{t.String(), "", func(at Target) (string, error) {
			s, err := at.pointer(prototype).(encoding.TextMarshaler).MarshalText()
			return string(s), err
		}}
	case isTime(t):
		return timeText(layout)
	}
	switch t.Kind() {
	case reflect.String:
		return plain("text", func(v string) string { return v })
	case reflect.Bool:
		return plain("boolean", strconv.FormatBool)
	case reflect.Int:
		return signedText[int]()
	case reflect.Int8:
		return signedText[int8]()
	case reflect.Int16:
		return signedText[int16]()
	case reflect.Int32:
		return signedText[int32]()
	case reflect.Int64:
		return signedText[int64]()
	case reflect.Uint:
		return unsignedText[uint]()
	case reflect.Uint8:
		return unsignedText[uint8]()
	case reflect.Uint16:
		return unsignedText[uint16]()
	case reflect.Uint32:
		return unsignedText[uint32]()
	case reflect.Uint64:
		return unsignedText[uint64]()
	case reflect.Float32:
		return floatText[float32](32)
	case reflect.Float64:
		return floatText[float64](64)
	}
	return nil
}

// isTime reports whether t is a time.Time or a type defined from it.
func isTime(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.ConvertibleTo(typeTime)
}

// plain is a text that every value has.
func plain[T any](form string, format func(T) string) *text {
	return &text{form, "", func(at Target) (string, error) { return format(get[T](at)), nil }}
}

func signedText[T int | int8 | int16 | int32 | int64]() *text {
	return plain("integer", func(v T) string { return strconv.FormatInt(int64(v), 10) })
}

func unsignedText[T uint | uint8 | uint16 | uint32 | uint64]() *text {
	return plain("integer", func(v T) string { return strconv.FormatUint(uint64(v), 10) })
}

var errNoNumber = errors.New("a number that is infinite, or none, has no text that a client could read")

// floatText writes numbers as JSON does: without an exponent, unless they are very large or very small.
func floatText[T float32 | float64](bits int) *text {
	return &text{"number", "", func(at Target) (string, error) {
		v := float64(get[T](at))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", errNoNumber
		}
		if size := T(math.Abs(v)); size == 0 || size >= 1e-6 && size < 1e21 {
			return strconv.FormatFloat(v, 'f', -1, bits), nil
		}
		return strings.Replace(strconv.FormatFloat(v, 'e', -1, bits), "e-0", "e-", 1), nil
	}}
}

var errYear = errors.New("a year beyond 0 to 9999 has no text form (RFC 9110 section 5.6.7)")

// timeText writes times, by default as HTTP dates (RFC 9110 section 5.6.7). A
// layout without a zone is written in UTC, because it is read so.
func timeText(layout string) *text {
	write := func(form string, format func(time.Time) string) *text {
		return &text{form, layout, func(at Target) (string, error) {
			v := get[time.Time](at)
			if v.IsZero() {
				return "", nil
			}
			if !datable(v) || !datable(v.UTC()) {
				return "", errYear
			}
			return format(v), nil
		}}
	}
	switch layout {
	case "unix":
		return write("unix seconds", func(v time.Time) string { return strconv.FormatInt(v.Unix(), 10) })
	case "unixmilli":
		return write("unix milliseconds", func(v time.Time) string { return strconv.FormatInt(v.UnixMilli(), 10) })
	case "":
		layout = http.TimeFormat
	}
	if known, found := layouts[layout]; found {
		layout = known
	}
	form := "time as " + layout
	if zoned(layout) {
		return write(form, func(v time.Time) string { return v.Format(layout) })
	}
	return write(form, func(v time.Time) string { return v.UTC().Format(layout) })
}

// datable reports whether a year has four digits.
func datable(v time.Time) bool { return v.Year() >= 0 && v.Year() <= 9999 }

// zoned reports whether a layout tells the zone: whether two clocks that show
// the same in different zones are told apart.
func zoned(layout string) bool {
	in := func(name string, hours int) string {
		return time.Date(2001, 2, 3, 4, 5, 6, 7, time.FixedZone(name, hours*60*60)).Format(layout)
	}
	return in("AAA", 5) != in("BBB", -7)
}

// zeroer is a type that says itself what its zero value is, as for the tag omitzero of encoding/json.
type zeroer interface{ IsZero() bool }

// zeroOf tells whether the t at a place is its zero value.
func zeroOf(t reflect.Type) func(Target) bool {
	if reflect.PointerTo(t).Implements(typeZeroer) {
		prototype := nilPointer(t)
		return func(at Target) bool { return at.pointer(prototype).(zeroer).IsZero() }
	}
	return unset(t)
}

// unset tells whether every part of the t at a place is as it was made: no number, nil, empty.
func unset(t reflect.Type) func(Target) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return zeros[uint8]
	case reflect.Int16, reflect.Uint16:
		return zeros[uint16]
	case reflect.Int32, reflect.Uint32:
		return zeros[uint32]
	case reflect.Int64, reflect.Uint64:
		return zeros[uint64]
	case reflect.Float32: // -0 is zero too, as for reflect and encoding/json
		return zeros[float32]
	case reflect.Float64:
		return zeros[float64]
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		return zeros[uint]
	case reflect.Complex64:
		return zeros[complex64]
	case reflect.Complex128:
		return zeros[complex128]
	case reflect.String:
		return func(at Target) bool { return get[string](at) == "" }
	case reflect.Struct:
		return unsetStruct(t)
	case reflect.Array:
		elem, n, size := unset(t.Elem()), t.Len(), t.Elem().Size()
		return func(at Target) bool {
			for i := range n {
				if !elem(at.element(i, size)) {
					return false
				}
			}
			return true
		}
	}
	return Target.null
}

func zeros[T comparable](at Target) bool {
	var zero T
	return get[T](at) == zero
}

func unsetStruct(t reflect.Type) func(Target) bool {
	type part struct {
		offset uintptr
		unset  func(Target) bool
	}
	var parts []part
	for f := range t.Fields() {
		parts = append(parts, part{f.Offset, unset(f.Type)})
	}
	return func(at Target) bool {
		for _, p := range parts {
			if !p.unset(at.field(p.offset)) {
				return false
			}
		}
		return true
	}
}

// cookieText writes a whole cookie, under the name that the tag gives it.
func cookieText(name string) *text {
	return &text{"text", "", func(at Target) (string, error) {
		c := get[http.Cookie](at)
		if c.Name == "" {
			c.Name = name
		}
		if c.Name != name {
			return "", fmt.Errorf("it is named %q, which its tag does not say", c.Name)
		}
		return cookieLine(&c)
	}}
}

// sessionText writes a value as a cookie that scripts cannot read, that no other site's
// request carries along unless it is a navigation, and that is sent back over TLS only.
func sessionText(name string, value *text) *text {
	return &text{value.form, "", func(at Target) (string, error) {
		s, err := value.write(at)
		if s == "" || err != nil {
			return "", err
		}
		return cookieLine(&http.Cookie{Name: name, Value: s, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
	}}
}

func cookieLine(c *http.Cookie) (string, error) {
	if err := c.Valid(); err != nil {
		return "", err
	}
	return c.String(), nil
}
