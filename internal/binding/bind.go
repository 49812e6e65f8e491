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

// Present reports whether the client sent a value for a place in the head or in a form, which is
// nil where none was read: one that its field took, an empty one is absent for a pointer to a number.
func (p *Plan) Present(hr *http.Request, form *Form, place Place) bool {
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
	case FormField:
		values, fields = form.values(place.Name), p.forms
	case File:
		return form.sends(place.Name)
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
	b := binder{source: Query, fields: p.queries, strict: strict}
	failures, wellFormed := b.text(t, query, failures)
	if !wellFormed {
		return failures
	}
	return b.rest(t, failures)
}

// binder reads the named values of a query or a form, which a client sends in any order.
type binder struct {
	source Source
	fields []*field
	strict bool // names that no field has are failures
	// Sets of fields: those that were seen, were wrong, were seen again. One
	// failure a field is enough, however many values a client sends.
	seen, failed, repeated uint64
	unknowns               int
}

// text reads "a=1&b=2". Where that is malformed, nothing more can be said of it.
func (b *binder) text(t Target, text string, failures []Failure) (all []Failure, wellFormed bool) {
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		key, value, ok := unescapePair(pair)
		if !ok {
			return append(failures, Failure{Source: b.source, Flaw: &Flaw{Code: CodeMalformed}}), false
		}
		failures = b.pair(t, key, value, failures)
	}
	return failures, true
}

// pair reads one value.
func (b *binder) pair(t Target, key, value string, failures []Failure) []Failure {
	i := b.index(key)
	if i < 0 {
		return b.unknown(key, failures)
	}
	f, bit := b.fields[i], uint64(1)<<i
	again := b.seen&bit != 0
	if b.failed&bit != 0 && (f.list || b.repeated&bit != 0) {
		return failures
	}
	before := len(failures)
	failures = f.bindNext(t, value, again, failures)
	if len(failures) != before || again && !f.list {
		b.failed |= bit
	}
	if again {
		b.repeated |= bit
	}
	b.seen |= bit
	return failures
}

// refuse notes what is wrong with a value of field i before it could be read.
func (b *binder) refuse(i int, flaw *Flaw, failures []Failure) []Failure {
	f, bit := b.fields[i], uint64(1)<<i
	if b.failed&bit == 0 {
		failures = append(failures, f.fails(flaw))
	}
	b.seen, b.failed, b.repeated = b.seen|bit, b.failed|bit, b.repeated|bit
	return failures
}

// rest is what becomes of the fields that no value was sent for.
func (b *binder) rest(t Target, failures []Failure) []Failure {
	for i, f := range b.fields {
		if b.seen&(1<<i) == 0 {
			failures = f.missing(t, failures)
		}
	}
	return failures
}

// index is that of the field with the name, or -1.
func (b *binder) index(name string) int {
	for i, f := range b.fields {
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

// unknown notes a name that no field has, where that is a failure.
func (b *binder) unknown(name string, failures []Failure) []Failure {
	if !b.strict || b.unknowns >= maxUnknown {
		return failures
	}
	b.unknowns++
	return append(failures, unknown(b.source, name))
}

func unknown(source Source, name string) Failure {
	if len(name) > maxName || !utf8.ValidString(name) {
		name = ""
	}
	return Failure{Source: source, Name: name, Flaw: &Flaw{Code: CodeUnknown}}
}

func (f *field) bindNext(t Target, value string, again bool, failures []Failure) []Failure {
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
