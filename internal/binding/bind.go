package binding

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Failure is a flaw with its place in the request.
type Failure struct {
	Source Source
	Name   string
	*Flaw
}

// Bind fills the struct in t from the head of a request and returns all that
// was wrong with it. The path values must have been set by routing.
//
// With strict, query parameters that the plan does not know are failures too.
func (p *Plan) Bind(t Target, hr *http.Request, strict bool) []Failure {
	var failures []Failure
	for _, f := range p.paths {
		if flaw := f.read(t.field(f.offset), hr.PathValue(f.name)); flaw != nil {
			failures = append(failures, f.fails(flaw))
		}
	}
	if len(p.queries) > 0 || strict {
		failures = p.bindQuery(t, hr.URL.RawQuery, strict, failures)
	}
	for _, f := range p.headers {
		values := hr.Header[f.name]
		if f.name == "Host" && hr.Host != "" { // net/http moves it
			values = []string{hr.Host}
		}
		failures = f.bind(t, values, failures)
	}
	for _, f := range p.cookies {
		var values []string
		for _, c := range hr.CookiesNamed(f.name) {
			values = append(values, c.Value)
		}
		failures = f.bind(t, values, failures)
	}
	return failures
}

// Present reports whether the client sent a value for a place in the head, one
// that its field took: an empty one is absent for a pointer to a number.
func (p *Plan) Present(hr *http.Request, place Place) bool {
	var values []string
	fields := p.queries
	switch place.Source {
	case Path:
		return true
	case Query:
		values = hr.URL.Query()[place.Name]
	case Header:
		values, fields = hr.Header[place.Name], p.headers
	case Cookie:
		fields = p.cookies
		for _, c := range hr.CookiesNamed(place.Name) {
			values = append(values, c.Value)
		}
	}
	i := slices.IndexFunc(fields, func(f *field) bool { return f.name == place.Name })
	return i >= 0 && len(values) > 0 && (values[0] != "" || !fields[i].absent)
}

func (f *field) fails(flaw *Flaw) Failure { return Failure{f.source, f.name, flaw} }

// bind reads all values of a field that are there.
func (f *field) bind(t Target, values []string, failures []Failure) []Failure {
	if len(values) == 0 {
		return f.missing(t, failures)
	}
	if len(values) > 1 && !f.list {
		return append(failures, f.fails(&Flaw{Code: CodeRepeated}))
	}
	if values[0] == "" && f.absent {
		return f.missing(t, failures)
	}
	for _, s := range values {
		if flaw := f.readAll(t.field(f.offset), s); flaw != nil {
			return append(failures, f.fails(flaw))
		}
	}
	return failures
}

// readAll reads one text: one value, or the values of a comma list.
func (f *field) readAll(at Target, s string) *Flaw {
	if s == "" && f.csv {
		return nil
	}
	if !f.csv {
		return f.read(at, s)
	}
	for part := range strings.SplitSeq(s, ",") {
		if flaw := f.read(at, strings.TrimSpace(part)); flaw != nil {
			return flaw
		}
	}
	return nil
}

// missing is what becomes of a field without a value.
func (f *field) missing(t Target, failures []Failure) []Failure {
	switch {
	case f.required:
		return append(failures, f.fails(&Flaw{Code: CodeRequired}))
	case f.hasDef:
		_ = f.readDefault(t.field(f.offset)) // was read once when compiled
	}
	return failures
}

// readDefault reads the default; for a list, it is a comma list.
func (f *field) readDefault(at Target) *Flaw {
	if !f.list {
		return f.readAll(at, f.def)
	}
	list := *f
	list.csv = true
	return list.readAll(at, f.def)
}

// bindQuery reads the query in one pass, without making a map of it.
func (p *Plan) bindQuery(t Target, query string, strict bool, failures []Failure) []Failure {
	// Sets of fields: those that were seen, were wrong, were seen again. One
	// failure a field is enough, however many values a client sends.
	var seen, failed, repeated uint64
	unknowns := 0
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" {
			continue
		}
		key, value, ok := unescapePair(pair)
		if !ok {
			return append(failures, Failure{Source: Query, Flaw: &Flaw{Code: CodeMalformed}})
		}
		i := p.query(key)
		if i < 0 {
			if strict && unknowns < maxUnknown {
				unknowns++
				failures = append(failures, unknown(key))
			}
			continue
		}
		f, bit := p.queries[i], uint64(1)<<i
		again := seen&bit != 0
		if failed&bit != 0 && (f.list || repeated&bit != 0) {
			continue
		}
		before := len(failures)
		failures = f.bindQuery(t, value, again, failures)
		if len(failures) != before || again && !f.list {
			failed |= bit
		}
		if again {
			repeated |= bit
		}
		seen |= bit
	}
	for i, f := range p.queries {
		if seen&(1<<i) == 0 {
			failures = f.missing(t, failures)
		}
	}
	return failures
}

// query is the index of the field that reads a query parameter, or -1.
func (p *Plan) query(name string) int {
	for i, f := range p.queries {
		if f.name == name {
			return i
		}
	}
	return -1
}

// maxUnknown bounds how many unknown names are told.
const maxUnknown = 20

// maxName bounds how much of a client's own names is repeated to it.
const maxName = 64

func unknown(name string) Failure {
	if len(name) > maxName || !utf8.ValidString(name) {
		name = ""
	}
	return Failure{Source: Query, Name: name, Flaw: &Flaw{Code: CodeUnknown}}
}

func (f *field) bindQuery(t Target, value string, again bool, failures []Failure) []Failure {
	if again && !f.list {
		return append(f.unreported(failures), f.fails(&Flaw{Code: CodeRepeated}))
	}
	if value == "" && f.absent {
		return f.missing(t, failures)
	}
	if flaw := f.readAll(t.field(f.offset), value); flaw != nil {
		return append(f.unreported(failures), f.fails(flaw))
	}
	return failures
}

// unreported takes back what was found wrong with an earlier value of the
// field: one failure a field is enough.
func (f *field) unreported(failures []Failure) []Failure {
	return slices.DeleteFunc(failures, func(earlier Failure) bool { return earlier.Source == f.source && earlier.Name == f.name })
}

// unescapePair takes "key=value" apart. A semicolon is no separator (it was
// one once, and some proxies still think so), so it has to be escaped.
func unescapePair(pair string) (key, value string, ok bool) {
	key, value, _ = strings.Cut(pair, "=")
	escaped := false
	for i := range len(pair) {
		switch pair[i] {
		case ';':
			return "", "", false
		case '%', '+':
			escaped = true
		}
	}
	if !escaped {
		return key, value, true
	}
	key, err1 := url.QueryUnescape(key)
	value, err2 := url.QueryUnescape(value)
	return key, value, err1 == nil && err2 == nil
}
