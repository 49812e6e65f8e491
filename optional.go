package weft

import (
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft/internal/binding"
)

// Opt is a value that may be absent, null, or there. It tells a member that a
// client left out from one that it set to null or to the zero value, as a PATCH needs.
//
// As a field of a request it can be read from a query, a header, a cookie or
// JSON; only JSON knows null. In JSON output null and absent are null; with the tag option
// omitzero an absent one is left out. Both encoding/json and its version 2 are supported.
//
// The zero Opt is absent.
type Opt[T any] struct {
	value T
	state uint8
}

const (
	absentOpt = iota
	nullOpt
	presentOpt
)

// Some is an Opt that holds v.
func Some[T any](v T) Opt[T] { return Opt[T]{v, presentOpt} }

// Null is an Opt that is null.
func Null[T any]() Opt[T] { return Opt[T]{state: nullOpt} }

// Get returns the value and whether there is one: false for absent and null.
func (o Opt[T]) Get() (value T, present bool) { return o.value, o.state == presentOpt }

// Or returns the value, or fallback where there is none.
func (o Opt[T]) Or(fallback T) T {
	if o.state == presentOpt {
		return o.value
	}
	return fallback
}

// IsAbsent reports whether the client did not mention it.
func (o Opt[T]) IsAbsent() bool { return o.state == absentOpt }

// IsNull reports whether the client said null.
func (o Opt[T]) IsNull() bool { return o.state == nullOpt }

// IsZero reports whether it is absent; the tag option omitzero asks.
func (o Opt[T]) IsZero() bool { return o.state == absentOpt }

// Ptr is a pointer to a copy of the value, or nil where there is none.
func (o Opt[T]) Ptr() *T {
	if o.state != presentOpt {
		return nil
	}
	return &o.value
}

// ApplyTo does to *target what a merge patch means (RFC 7396): a value replaces
// it, null makes it the zero value, absent leaves it. It reports whether it did anything.
func (o Opt[T]) ApplyTo(target *T) bool {
	if o.state != absentOpt {
		*target = o.value // the zero value for null
	}
	return o.state != absentOpt
}

// MarshalJSONTo implements json.MarshalerTo.
func (o Opt[T]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if o.state != presentOpt {
		return enc.WriteToken(jsontext.Null)
	}
	return json.MarshalEncode(enc, &o.value)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (o *Opt[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		*o = Null[T]()
		return dec.SkipValue()
	}
	var v T
	if err := json.UnmarshalDecode(dec, &v); err != nil {
		return err
	}
	*o = Some(v)
	return nil
}

// MarshalJSON implements encoding/json.Marshaler.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if o.state != presentOpt {
		return []byte("null"), nil
	}
	return json.Marshal(&o.value, json.Deterministic(true))
}

// UnmarshalJSON implements encoding/json.Unmarshaler.
func (o *Opt[T]) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*o = Null[T]()
		return nil
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*o = Some(v)
	return nil
}

// ValidatorValue is what validation sees: a *T, nil where there is no value. It
// implements the Valuer of go-playground/validator.
func (o Opt[T]) ValidatorValue() any { return o.Ptr() }

// optional is what the library asks of an Opt whose T it does not know.
type optional interface{ elem() reflect.Type }

func (Opt[T]) elem() reflect.Type { return reflect.TypeFor[T]() }

var typeOptional = reflect.TypeFor[optional]()

// optOf describes t to the binder, where it is an Opt.
func optOf(t reflect.Type) (binding.Wrapper, bool) {
	elem, ok := unwrapOpt(t)
	if !ok {
		return binding.Wrapper{}, false
	}
	return binding.Wrapper{Elem: elem, Value: t.Field(0).Offset, State: t.Field(1).Offset, There: presentOpt}, true
}

// unwrapOpt is the T of an Opt[T]. A struct that embeds an Opt is none.
func unwrapOpt(t reflect.Type) (elem reflect.Type, wrapped bool) {
	if t.Kind() != reflect.Struct || !t.Implements(typeOptional) || t.PkgPath() != pkgPath {
		return nil, false
	}
	return reflect.Zero(t).Interface().(optional).elem(), true
}

var pkgPath = reflect.TypeFor[Request]().PkgPath()
