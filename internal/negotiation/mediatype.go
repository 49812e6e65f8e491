// Package negotiation chooses between media types as RFC 9110 section 12.5.1 says: which of
// those that a server offers is the one that a client's Accept prefers.
package negotiation

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/httpfield"
)

// MediaType is a media type that can be offered or read (RFC 9110 section 8.3.1): not a range.
type MediaType struct {
	// Type and Subtype are in lower case.
	Type, Subtype string
	// Params are the parameters, names in lower case, in order of their names. A charset of UTF-8 is left out:
	// what says no charset is in UTF-8 too.
	Params []Param
	// Suffix is the structured syntax (RFC 6838 section 4.2.8), such as "json" of application/problem+json; "" for none.
	Suffix string
}

// Param is a parameter of a media type.
type Param struct{ Name, Value string }

// Parse reads a media type. It is no range, and has no parameter "q", which Accept could not name.
func Parse(s string) (MediaType, error) {
	name, params, err := mime.ParseMediaType(s)
	if err != nil {
		return MediaType{}, errors.New(strings.TrimPrefix(err.Error(), "mime: "))
	}
	typ, subtype, found := strings.Cut(name, "/")
	switch {
	case !found || !httpfield.ValidName(typ) || !httpfield.ValidName(subtype):
		return MediaType{}, errors.New("it is not of the form type/subtype")
	case strings.Contains(name, "*"):
		return MediaType{}, errors.New("it is a range of media types")
	}
	m := MediaType{Type: typ, Subtype: subtype, Suffix: suffix(subtype)}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		switch value := params[name]; {
		case name == "q":
			return MediaType{}, errors.New("its parameter q is the weight of a range")
		case !httpfield.ValidName(name) || !httpfield.ValidValue(value):
			return MediaType{}, fmt.Errorf("its parameter %q cannot be sent", name)
		case name == charset && strings.EqualFold(value, utf8):
		default:
			m.Params = append(m.Params, Param{name, value})
		}
	}
	return m, nil
}

const (
	charset = "charset"
	utf8    = "utf-8"
)

func suffix(subtype string) string {
	if i := strings.LastIndexByte(subtype, '+'); i >= 0 {
		return subtype[i+1:]
	}
	return ""
}

// Equal reports whether two media types are the same.
func (m MediaType) Equal(other MediaType) bool {
	return m.Type == other.Type && m.Subtype == other.Subtype && slices.Equal(m.Params, other.Params)
}

// Charset is the parameter charset, "" where there is none and where it is UTF-8.
func (m *MediaType) Charset() string {
	for _, p := range m.Params {
		if p.Name == charset {
			return p.Value
		}
	}
	return ""
}

// String is the media type as it is sent.
func (m MediaType) String() string {
	params := map[string]string{}
	for _, p := range m.Params {
		params[p.Name] = p.Value
	}
	return mime.FormatMediaType(m.Type+"/"+m.Subtype, params)
}

// Reads tells which of the media types that a server reads a body of type declared is of, or -1: the one
// whose parameters it has, most of them first; else one whose structured syntax it has, as application/atom+xml has that of application/xml.
func Reads(known []MediaType, declared MediaType) int {
	best, params, suffixed := -1, -1, -1
	for i, k := range known {
		switch {
		case k.Type == declared.Type && k.Subtype == declared.Subtype:
			if len(k.Params) > params && k.within(declared) {
				best, params = i, len(k.Params)
			}
		case suffixed < 0 && declared.Suffix != "" && declared.Suffix == k.Subtype && len(k.Params) == 0:
			suffixed = i
		}
	}
	if best < 0 {
		return suffixed
	}
	return best
}

// within reports whether other has all parameters of m. The charset is not looked at: it is for who decodes.
func (m MediaType) within(other MediaType) bool {
	for _, p := range m.Params {
		if p.Name != charset && !slices.Contains(other.Params, p) {
			return false
		}
	}
	return true
}
