// Package conditional evaluates the preconditions of requests (RFC 9110 section 13): which entity tags
// and dates a client names, and what follows from what the resource has now.
package conditional

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// Conditions are the fields of a request that make it conditional. The zero value has none.
type Conditions struct {
	IfMatch, IfNoneMatch               []string // the lines of the field; nil where it is not there
	IfModifiedSince, IfUnmodifiedSince []string
}

// Of takes the conditions from a request's header.
func Of(h http.Header) Conditions {
	return Conditions{h["If-Match"], h["If-None-Match"], h["If-Modified-Since"], h["If-Unmodified-Since"]}
}

// Validators are what tells one state of a resource from another. The zero value is a resource that has none.
type Validators struct {
	Tag      string    // an entity tag as it is sent, "" for none
	Modified time.Time // zero where it is not known
	// Variants are further tags that stand for the same state: those of its other representations.
	Variants []string
}

// Failed reports whether the request must not be performed, and the answer is a 412: steps 1 and 2 of RFC 9110
// section 13.2.2, and step 3 for methods other than GET and HEAD. exists is false where there is nothing at the target yet.
func (c Conditions) Failed(method string, exists bool, now Validators) bool {
	switch {
	case c.IfMatch != nil:
		if !exists || !named(c.IfMatch, now, true) {
			return true
		}
	case exists && after(now.Modified, c.IfUnmodifiedSince):
		return true
	}
	return !Reads(method) && exists && c.IfNoneMatch != nil && named(c.IfNoneMatch, now, false)
}

// NotModified reports whether the client has what it would get, and the answer is a 304: steps 3 and 4,
// for a request that has not failed.
func (c Conditions) NotModified(method string, now Validators) bool {
	if !Reads(method) {
		return false
	}
	if c.IfNoneMatch != nil {
		return named(c.IfNoneMatch, now, false)
	}
	since, ok := date(c.IfModifiedSince)
	return ok && !now.Modified.IsZero() && !now.Modified.Truncate(time.Second).After(since)
}

// Reads reports whether a method asks for a representation and nothing else.
func Reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// after reports whether a modification was after the date in a field. A date that cannot be read, or none
// to compare it with, is no condition (RFC 9110 section 13.1.4).
func after(modified time.Time, field []string) bool {
	since, ok := date(field)
	return ok && !modified.IsZero() && modified.Truncate(time.Second).After(since)
}

func date(field []string) (time.Time, bool) {
	if len(field) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(strings.Trim(field[0], " \t"))
	return t, err == nil
}

// named reports whether the lines of If-Match (strong) or If-None-Match name the state. What cannot be read names nothing.
func named(lines []string, now Validators, strong bool) bool {
	found := false
	star, ok := tags(lines, func(tag string) {
		found = found || same(tag, now.Tag, strong)
		for _, variant := range now.Variants {
			found = found || same(tag, variant, strong)
		}
	})
	return ok && (star || found)
}

// same compares entity tags (RFC 9110 section 8.8.3.2).
func same(a, b string, strong bool) bool {
	if strong {
		return a == b && strings.HasPrefix(a, `"`)
	}
	return b != "" && strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/")
}

// WellFormed reports whether the lines of If-Match or If-None-Match can be read: "*", or a list of entity tags.
func WellFormed(lines []string) bool {
	_, ok := tags(lines, func(string) {})
	return ok
}

// tags tells each entity tag of a list, or that the list is "*".
func tags(lines []string, tell func(tag string)) (star, ok bool) {
	elements := 0
	for _, line := range lines {
		for line = trim(line); line != ""; line = trim(line) {
			if line[0] == ',' {
				line = line[1:]
				continue
			}
			elements++
			if line[0] == '*' {
				star, line = true, line[1:]
			} else {
				n := tagLength(line)
				if n == 0 {
					return false, false
				}
				tell(line[:n])
				line = line[n:]
			}
			if line = trim(line); line != "" && line[0] != ',' {
				return false, false
			}
		}
	}
	return star, elements == 1 || elements > 1 && !star
}

func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

// tagLength is the length of the entity tag that s begins with, or 0.
func tagLength(s string) int {
	i := 0
	if strings.HasPrefix(s, "W/") {
		i = 2
	}
	if i == len(s) || s[i] != '"' {
		return 0
	}
	for i++; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1
		case !tagByte(s[i]):
			return 0
		}
	}
	return 0
}

// tagByte reports whether c may be within an entity tag (RFC 9110 section 8.8.3).
func tagByte(c byte) bool { return c == 0x21 || c >= 0x23 && c != 0x7f }

// Tag is an entity tag as it is sent, from one as people write it: the quotes may be missing. "" is none.
func Tag(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	tag := s
	if weak := strings.TrimPrefix(s, "W/"); !strings.HasPrefix(weak, `"`) {
		tag = `"` + s + `"`
	}
	if tagLength(tag) != len(tag) {
		return "", errNoTag
	}
	return tag, nil
}

var errNoTag = errors.New("not an entity tag (RFC 9110 section 8.8.3): it is visible characters other than quotes, in quotes, with W/ before them where it is weak")

// Variant is the tag of another representation of the same state.
func Variant(tag, variant string) string {
	if tag == "" || variant == "" {
		return tag
	}
	return tag[:len(tag)-1] + "+" + variant + `"`
}
