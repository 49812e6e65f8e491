package negotiation

import (
	"strings"

	"github.com/weft-go/weft/internal/httpfield"
)

// Choose returns the index of the offer that the lines of an Accept field prefer, and -1 where they take none of
// them. Without a line, or where what they say is not of the grammar of RFC 9110, every offer is as good, and the first is chosen.
//
// The quality of an offer is that of the most specific range that it is in. Of offers with the same quality the one
// that was named more specifically is chosen, so that "application/xml, */*" means XML; then the first. Specific
// means, from the least: */*, type/*, a structured syntax as in application/vnd.api+json or application/*+json
// for application/json and the other way round, type/subtype, and more with each parameter.
//
// It takes one pass over the lines for each offer, and does not allocate for up to 8 of them.
func Choose(lines []string, offers []MediaType) int {
	var room [8]standing
	standings := room[:0]
	if len(offers) > len(room) {
		standings = make([]standing, 0, len(offers))
	}
	standings = standings[:len(offers)]
	said := false
	for _, line := range lines {
		for line != "" {
			var r mediaRange
			var state state
			if r, line, state = next(line); state == malformed {
				return 0
			} else if state == empty {
				continue
			}
			said = true
			for i := range offers {
				if fit := r.fits(&offers[i]); fit > standings[i].fit {
					standings[i] = standing{fit, r.quality}
				}
			}
		}
	}
	if !said {
		return 0
	}
	best := -1
	for i, s := range standings {
		if s.quality > 0 && (best < 0 || s.beats(standings[best])) {
			best = i
		}
	}
	return best
}

// standing is how well an offer does.
type standing struct {
	fit     int // of the most specific range it is in, 0 for none
	quality int // of that range, in thousandths
}

func (s standing) beats(other standing) bool {
	return s.quality > other.quality || s.quality == other.quality && s.fit > other.fit
}

// mediaRange is one element of an Accept field.
type mediaRange struct {
	typ, subtype string // as sent
	params       string // with the semicolon before each
	quality      int    // in thousandths
}

// How specific a range is.
const (
	noFit = iota
	anything
	anySubtype
	sameSyntax
	sameType // and one more for each parameter
)

// fits is how specifically the range names the offer.
func (r *mediaRange) fits(offer *MediaType) int {
	switch {
	case r.typ == "*":
		return r.plain(anything)
	case !strings.EqualFold(r.typ, offer.Type):
		return noFit
	case r.subtype == "*":
		return r.plain(anySubtype)
	case !strings.EqualFold(r.subtype, offer.Subtype):
		if r.quality > 0 && r.sharesSyntax(offer) { // who does not want one vendor's JSON has not said no to all of it
			return r.plain(sameSyntax)
		}
		return noFit
	}
	fit := sameType
	for params := r.params; params != ""; {
		var name, value string
		name, value, params, _ = parameter(params)
		switch {
		case name == "" || strings.EqualFold(name, "q"):
		case strings.EqualFold(name, charset) && offer.Charset() == "" && equalValue(value, utf8, true):
		case !offer.has(name, value):
			return noFit
		default:
			fit++
		}
	}
	return fit
}

// plain is fit, where the range has no parameters: what they say of a wildcard nobody knows.
func (r *mediaRange) plain(fit int) int {
	for params := r.params; params != ""; {
		var name, value string
		name, value, params, _ = parameter(params)
		switch {
		case name == "" || strings.EqualFold(name, "q"):
		case strings.EqualFold(name, charset) && equalValue(value, utf8, true):
		default:
			return noFit
		}
	}
	return fit
}

// sharesSyntax reports whether the one is the plain form of the other: application/json of
// application/vnd.api+json; or the range is a wildcard for it, application/*+json.
func (r *mediaRange) sharesSyntax(offer *MediaType) bool {
	syntax := suffix(r.subtype)
	switch {
	case syntax == "":
		return offer.Suffix != "" && strings.EqualFold(r.subtype, offer.Suffix)
	case strings.EqualFold(syntax, offer.Subtype):
		return true
	}
	return len(r.subtype) == len("*+")+len(syntax) && r.subtype[0] == '*' && strings.EqualFold(syntax, offer.Suffix)
}

// has reports whether the media type has a parameter, whose value is as it was sent.
func (m *MediaType) has(name, value string) bool {
	for _, p := range m.Params {
		if strings.EqualFold(name, p.Name) {
			return equalValue(value, p.Value, p.Name == charset)
		}
	}
	return false
}

// equalValue compares a value as it was sent, perhaps in quotes, with one that is not.
func equalValue(sent, value string, fold bool) bool {
	if sent == "" || sent[0] != '"' {
		return sent == value || fold && strings.EqualFold(sent, value)
	}
	sent = sent[1 : len(sent)-1]
	for i := 0; i < len(sent); i++ {
		if sent[i] == '\\' {
			i++
		}
		if value == "" || sent[i] != value[0] && !(fold && lower(sent[i]) == lower(value[0])) {
			return false
		}
		value = value[1:]
	}
	return value == ""
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

type state int

const (
	there state = iota
	empty       // RFC 9110 section 5.6.1.2: a recipient takes empty elements of a list
	malformed
)

// next takes the first element off a list of media ranges.
func next(list string) (r mediaRange, rest string, _ state) {
	list = trimSpace(list)
	if list == "" {
		return r, "", empty
	}
	if list[0] == ',' {
		return r, list[1:], empty
	}
	r.typ, rest = token(list)
	if r.typ == "" || rest == "" || rest[0] != '/' {
		return r, "", malformed
	}
	r.subtype, rest = token(rest[1:])
	if r.subtype == "" || r.typ == "*" && r.subtype != "*" {
		return r, "", malformed
	}
	r.quality = 1000
	params := rest
	for weighed := false; ; {
		after := trimSpace(rest)
		if after == "" || after[0] == ',' {
			r.params = params[:len(params)-len(rest)]
			if after != "" {
				after = after[1:]
			}
			return r, after, there
		}
		name, value, more, ok := parameter(rest)
		if !ok {
			return r, "", malformed
		}
		if strings.EqualFold(name, "q") {
			if r.quality, ok = quality(value); !ok || weighed {
				return r, "", malformed
			}
			weighed = true
		}
		rest = more
	}
}

// parameter takes the first parameter off, ";name=value"; the name is "" where there is none behind the semicolon.
func parameter(s string) (name, value, rest string, ok bool) {
	s = trimSpace(s)
	if s == "" || s[0] != ';' {
		return "", "", "", false
	}
	s = trimSpace(s[1:])
	if s == "" || s[0] == ';' || s[0] == ',' {
		return "", "", s, true
	}
	if name, s = token(s); name == "" || s == "" || s[0] != '=' {
		return "", "", "", false
	}
	s = s[1:]
	if s != "" && s[0] == '"' {
		n := quoted(s)
		return name, s[:n], s[n:], n > 0
	}
	value, s = token(s)
	return name, value, s, value != ""
}

// quoted is the length of the quoted-string that s begins with, 0 where it does not end (RFC 9110 section 5.6.4).
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i++; i == len(s) || !text(s[i]) {
				return 0
			}
		case !text(c):
			return 0
		}
	}
	return 0
}

func text(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// quality reads a qvalue (RFC 9110 section 12.4.2) in thousandths.
func quality(s string) (thousandths int, ok bool) {
	if s == "" || s[0] != '0' && s[0] != '1' || len(s) > len("0.000") || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	thousandths = int(s[0]-'0') * 1000
	worth := 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		thousandths += int(s[i]-'0') * worth
		worth /= 10
	}
	return thousandths, thousandths <= 1000
}

// token takes a token off the beginning of s (RFC 9110 section 5.6.2).
func token(s string) (_, rest string) {
	n := 0
	for n < len(s) && httpfield.TokenByte(s[n]) {
		n++
	}
	return s[:n], s[n:]
}

func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}
