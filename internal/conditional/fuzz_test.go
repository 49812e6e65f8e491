package conditional

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzPreconditions compares what the fields of a request lead to with what RFC 9110 section 13.2.2 says, step by step, of lists
// that regular expressions read. A field is lines with a newline between them; "-" is a field that is not there.
func FuzzPreconditions(f *testing.F) {
	const date = "Sun, 01 Mar 2026 12:00:00 GMT"
	for _, seed := range []struct{ match, none, modified, unmodified, tag, variant string }{
		{"-", "-", "-", "-", "1", ""},
		{`"1"`, "-", "-", date, "1", "xml"},
		{`"2", W/"1"`, "*", date, "-", "1", "xml"},
		{"*\n*", `W/"1+xml"`, "-", "Sunday, 01-Mar-26 12:00:00 GMT", `W/"1"`, "xml"},
		{"-", "\"1\"\n,\t\"2\" ,", "Sun Mar  1 12:00:01 2026", date + "\n" + date, "", ""},
		{`"1`, `"\"", "1"`, "yesterday", " " + date, "1", "+"},
		{"", ", ,", "-", "-", "1", ""},
	} {
		for method := range 3 {
			f.Add(seed.match, seed.none, seed.modified, seed.unmodified, seed.tag, seed.variant, uint8(method), int64(0), method != 2)
		}
	}
	f.Fuzz(func(t *testing.T, match, none, modified, unmodified, tag, variant string, method uint8, seconds int64, exists bool) {
		sent, err := Tag(tag)
		if err != nil || strings.ContainsFunc(variant, func(r rune) bool { return !('a' <= r && r <= 'z') }) {
			return
		}
		c := Conditions{field(match), field(none), field(modified), field(unmodified)}
		now := Validators{}
		if exists {
			now.Tag = sent
			if seconds %= 1 << 33; seconds != 0 {
				now.Modified = time.Unix(seconds, 999_999_999).UTC()
			}
			if variant != "" {
				now.Variants = []string{Variant(sent, variant)}
			}
		}
		m := []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete}[method%4]
		if got, want := outcome(c, m, exists, now), steps(c, m, exists, now); got != want {
			t.Fatalf("%s of %+v under %q: %d, want %d", m, now, c, got, want)
		}
		for _, lines := range [][]string{c.IfMatch, c.IfNoneMatch} {
			if _, _, ok := listed(lines); ok != WellFormed(lines) {
				t.Fatalf("%q is well-formed: %t", lines, !ok)
			}
		}
	})
}

func field(s string) []string {
	if s == "-" {
		return nil
	}
	return strings.Split(s, "\n")
}

// steps is section 13.2.2, for an origin server and without ranges.
func steps(c Conditions, method string, exists bool, now Validators) int {
	reads := method == http.MethodGet || method == http.MethodHead
	unchangedSince := func(lines []string) (unchanged, said bool) { // sections 13.1.3 and 13.1.4
		if len(lines) != 1 || now.Modified.IsZero() {
			return false, false
		}
		at, err := http.ParseTime(strings.Trim(lines[0], " \t"))
		return now.Modified.Unix() <= at.Unix(), err == nil
	}
	if c.IfMatch != nil { // 1
		star, tags, ok := listed(c.IfMatch)
		found := star
		for _, tag := range tags {
			for _, other := range append([]string{now.Tag}, now.Variants...) {
				found = found || tag == other && other != "" && other[0] == '"' // strong comparison
			}
		}
		if !exists || !ok || !found {
			return http.StatusPreconditionFailed
		}
	} else if unchanged, said := unchangedSince(c.IfUnmodifiedSince); said && !unchanged { // 2
		return http.StatusPreconditionFailed
	}
	if c.IfNoneMatch != nil { // 3
		star, tags, ok := listed(c.IfNoneMatch)
		found := star
		for _, tag := range tags {
			for _, other := range append([]string{now.Tag}, now.Variants...) {
				found = found || other != "" && strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(other, "W/") // weak comparison
			}
		}
		switch {
		case !exists || !ok || !found:
		case reads:
			return http.StatusNotModified
		default:
			return http.StatusPreconditionFailed
		}
	} else if unchanged, said := unchangedSince(c.IfModifiedSince); reads && said && unchanged { // 4
		return http.StatusNotModified
	}
	return http.StatusOK
}

var element = regexp.MustCompile("^[ \t]*((?:W/)?\"[\x21\u0023-\u007e\u0080-\u00ff]*\"|\\*)?[ \t]*(?:,|$)")

// listed are the entity tags of a field; ok is false where it has none, or is no list of them.
func listed(lines []string) (star bool, tags []string, ok bool) {
	stars := 0
	for _, line := range lines {
		runes := make([]rune, len(line)) // one for each byte
		for i := range len(line) {
			runes[i] = rune(line[i])
		}
		for text := string(runes); text != ""; {
			m := element.FindStringSubmatch(text)
			switch {
			case m == nil:
				return false, nil, false
			case m[1] == "*":
				stars++
			case m[1] != "":
				var tag []byte
				for _, r := range m[1] {
					tag = append(tag, byte(r))
				}
				tags = append(tags, string(tag))
			}
			text = text[len(m[0]):]
		}
	}
	return stars > 0, tags, stars == 1 && len(tags) == 0 || stars == 0 && len(tags) > 0
}
