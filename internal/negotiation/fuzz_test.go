package negotiation

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// FuzzAccept compares Choose with one that is written down from the RFC, with regular expressions and without thought of cost.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", "application/json", "application/xml;q=0.5, application/json;q=0.4", "text/*;q=0, */*", "a/b;v=\"1,\\\"2\";q=0.001",
		"application/vnd.api+json;charset=utf-8", "application/*+xml, ,;q=1", "a/b;;v=1; q=0.5;w=2\na/b", "*, q=.2", "*/json",
		"application/json;q=1.001", "a/b;v=1;V=1", "application/json;charset=\"UTF-8\"", "text/*;charset=utf-8\n\n,",
	} {
		f.Add(seed)
	}
	offers := parsed(f, "application/json", "application/xml", "a/b;v=1", "a/b", "application/vnd.acme+json;w=2", "text/plain;charset=iso-8859-1")
	f.Fuzz(func(t *testing.T, field string) {
		lines := strings.Split(field, "\n")
		got, want := Choose(lines, offers), slowly(lines, offers)
		if got != want {
			t.Fatalf("%q: offer %d is chosen, want %d", lines, got, want)
		}
		for i, o := range offers { // alone, each is chosen or not by its own quality
			alone := Choose(lines, []MediaType{o})
			if i == got && alone != 0 {
				t.Fatalf("%q: %v is chosen of all, and not alone", lines, o)
			}
		}
	})
}

const (
	tokenRE    = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
	quotedRE   = `"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"`
	paramRE    = "[ \t]*;[ \t]*(?:(" + tokenRE + ")=(" + tokenRE + "|" + quotedRE + "))?"
	elementsRE = "^[ \t]*(" + tokenRE + ")/(" + tokenRE + ")((?:" + paramRE + ")*)[ \t]*(?:,|$)"
)

var (
	element = regexp.MustCompile(elementsRE)
	blank   = regexp.MustCompile("^[ \t]*(?:,|$)")
	param   = regexp.MustCompile(paramRE)
	weight  = regexp.MustCompile(`^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$`)
)

// latin1 makes a character of each byte, so that regular expressions see bytes.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func slowly(lines []string, offers []MediaType) int {
	type standing struct{ fit, quality int }
	standings := make([]standing, len(offers))
	said := false
	for _, line := range lines {
		line = latin1(line)
		for line != "" {
			if m := blank.FindString(line); m != "" {
				line = line[len(m):]
				continue
			}
			m := element.FindStringSubmatch(line)
			if m == nil {
				return 0
			}
			line = line[len(m[0]):]
			typ, subtype := strings.ToLower(m[1]), strings.ToLower(m[2])
			if typ == "*" && subtype != "*" {
				return 0
			}
			q, weights, params := 1000, 0, [][2]string{}
			for _, p := range param.FindAllStringSubmatch(m[3], -1) {
				name, value := strings.ToLower(p[1]), p[2]
				switch {
				case name == "":
				case name == "q":
					if weights++; !weight.MatchString(value) || weights > 1 {
						return 0
					}
					f, _ := strconv.ParseFloat(strings.TrimSuffix(value, "."), 64)
					q = int(f*1000 + 0.5)
				default:
					params = append(params, [2]string{name, unquoted(value)})
				}
			}
			said = true
			for i, o := range offers {
				if fit := fitOf(typ, subtype, params, q, o); fit > standings[i].fit {
					standings[i] = standing{fit, q}
				}
			}
		}
	}
	if !said {
		return 0
	}
	best := -1
	for i, s := range standings {
		if s.quality == 0 {
			continue
		}
		if best < 0 || s.quality > standings[best].quality || s.quality == standings[best].quality && s.fit > standings[best].fit {
			best = i
		}
	}
	return best
}

func unquoted(value string) string {
	if !strings.HasPrefix(value, `"`) {
		return value
	}
	return regexp.MustCompile(`(?s)\\(.)`).ReplaceAllString(value[1:len(value)-1], "$1")
}

func fitOf(typ, subtype string, params [][2]string, q int, o MediaType) int {
	has := map[string]string{}
	for _, p := range o.Params {
		has[p.Name] = latin1(p.Value)
	}
	matched, foreign := 0, false
	for _, p := range params {
		value, known := has[p[0]]
		switch {
		case p[0] == "charset" && strings.EqualFold(p[1], "utf-8") && (!known || typ == "*" || subtype == "*"):
		case known && (value == p[1] || p[0] == "charset" && strings.EqualFold(value, p[1])):
			matched++
		default:
			foreign = true
		}
	}
	_, syntax, suffixed := cutLast(subtype)
	wild := matched > 0 || foreign
	switch {
	case typ == "*" && !wild:
		return 1
	case typ == "*" || typ != o.Type:
		return 0
	case subtype == "*" && !wild:
		return 2
	case subtype == o.Subtype && !foreign:
		return 4 + matched
	case subtype == "*" || subtype == o.Subtype || q == 0:
		return 0
	}
	related := suffixed && (syntax == o.Subtype || subtype == "*+"+o.Suffix && o.Suffix != "") || !suffixed && o.Suffix != "" && subtype == o.Suffix
	for _, p := range params {
		if p[0] != "charset" || !strings.EqualFold(p[1], "utf-8") {
			related = false
		}
	}
	if related {
		return 3
	}
	return 0
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '+')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
