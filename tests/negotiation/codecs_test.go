package negotiation_test

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"reflect"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/weft-go/weft"
)

// cborCodec is CBOR (RFC 8949) by fxamacker/cbor, as strict as weft's JSON.
type cborCodec struct {
	encode cbor.EncMode
	decode cbor.DecMode
}

func newCBOR() cborCodec {
	encode, err := cbor.CanonicalEncOptions().EncMode()
	decode, err2 := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err := errors.Join(err, err2); err != nil {
		panic(err)
	}
	return cborCodec{encode, decode}
}

func (cborCodec) MediaTypes() []string { return []string{"application/cbor"} }

func (c cborCodec) Encode(v any) ([]byte, error) { return c.encode.Marshal(v) }

func (c cborCodec) Decode(body []byte, into any) error { return c.decode.Unmarshal(body, into) }

func (cborCodec) MemberName(field reflect.StructField) []string {
	name, _, _ := strings.Cut(cmp.Or(field.Tag.Get("cbor"), field.Tag.Get("json")), ",")
	switch {
	case name != "":
		return []string{name}
	case field.Anonymous:
		return nil
	}
	return []string{field.Name}
}

// xmlCodec is XML by encoding/xml, without more than one element.
type xmlCodec struct{}

func (xmlCodec) MediaTypes() []string         { return []string{"application/xml", "text/xml"} }
func (xmlCodec) Encode(v any) ([]byte, error) { return xml.Marshal(v) }

func (xmlCodec) Decode(body []byte, into any) error {
	err := xml.Unmarshal(body, into)
	if broken := (*xml.SyntaxError)(nil); errors.As(err, &broken) {
		return &weft.InvalidRequest{Fields: []weft.FieldError{{Code: "broken_xml", Params: map[string]any{"line": broken.Line}, Text: "must be well-formed"}}}
	}
	return err
}

// CheckType refuses what has no root element.
func (xmlCodec) CheckType(t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return errors.New("XML has one root element")
	}
	return nil
}

func (xmlCodec) MemberName(field reflect.StructField) []string {
	name, _, _ := strings.Cut(field.Tag.Get("xml"), ",")
	return strings.Split(cmp.Or(name, field.Name), ">")
}

// wire is one way to write and read a body, for the client's side: not by weft.
type wire struct {
	mediaType string
	write     func(any) ([]byte, error)
	read      func([]byte, any) error
}

// wires are in the order in which the server prefers them.
var wires = []wire{
	{"application/json", json.Marshal, json.Unmarshal},
	{"application/xml", xml.Marshal, xml.Unmarshal},
	{"text/xml", xml.Marshal, xml.Unmarshal},
	{"application/cbor", cbor.Marshal, cbor.Unmarshal},
}

func wireOf(mediaType string) (wire, bool) {
	for _, w := range wires {
		if w.mediaType == mediaType {
			return w, true
		}
	}
	return wire{}, false
}

func inAll(strict bool) weft.Formats {
	return weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}, newCBOR()}, Strict: strict}
}
