package binding

import (
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Form is what a client sent as a form: the text of an urlencoded one, or the
// parts of another one, in their order.
type Form struct {
	Text  string
	Pairs []Pair
	Files []Sent
}

// Sent is one file of a form.
type Sent struct {
	Name string // of the field that it was sent for
	Size int64  // in bytes
	// Over is how many bytes it had to have, where it has more and was not kept; else 0.
	Over int64
}

// sends reports whether a file was sent for a name.
func (f *Form) sends(name string) bool {
	return f != nil && slices.ContainsFunc(f.Files, func(s Sent) bool { return s.Name == name })
}

// Pair is one value of a form.
type Pair struct {
	Name, Value string
	Foreign     bool // in a charset other than UTF-8
}

// values are those that were sent for a name.
func (f *Form) values(name string) (values []string) {
	if f == nil {
		return nil
	}
	if f.Text != "" {
		sent, _ := url.ParseQuery(f.Text)
		values = sent[name]
	}
	for _, p := range f.Pairs {
		if p.Name == name {
			values = append(values, p.Value)
		}
	}
	return values
}

// FileField is a field that takes uploads.
type FileField struct {
	Name     string // in the form
	Required bool
	List     bool // takes all of them
	// Max is how many bytes each may have, 0 where the field does not say.
	Max int64

	offset  uintptr
	pointer any
}

// Pointer is a pointer to the field of the struct in t.
func (f *FileField) Pointer(t Target) any { return t.field(f.offset).pointer(f.pointer) }

// BindForm fills the struct in t from a form and returns all that was wrong
// with it, by the rules of a query. take is told which of the form's files a field gets.
//
// With strict, names that the plan does not know are failures too.
func (p *Plan) BindForm(t Target, form Form, strict bool, take func(f *FileField, files []int)) []Failure {
	b := binder{source: FormField, fields: p.forms, strict: strict}
	noFile := make([]bool, len(p.Files)) // those that were sent as text
	failures, wellFormed := p.bindPairs(&b, t, form, noFile)
	if !wellFormed {
		return failures
	}
	for _, sent := range form.Files {
		if i := b.index(sent.Name); i >= 0 {
			failures = b.refuse(i, badType(p.forms[i].form, nil), failures)
		}
	}
	failures = b.rest(t, failures)
	for i := range p.Files {
		f := &p.Files[i]
		failures = f.bind(form.Files, noFile[i], take, failures)
	}
	if !strict {
		return failures
	}
	for _, sent := range form.Files {
		if p.file(sent.Name) < 0 && b.index(sent.Name) < 0 && b.unknowns < maxUnknown {
			b.unknowns++
			failures = append(failures, unknown(File, sent.Name))
		}
	}
	return failures
}

// MaxFile is how many bytes a file may have that is sent for a name, 0 where no field says that.
func (p *Plan) MaxFile(name string) int64 {
	if i := p.file(name); i >= 0 {
		return p.Files[i].Max
	}
	return 0
}

// bindPairs reads the values of a form that are no files.
func (p *Plan) bindPairs(b *binder, t Target, form Form, noFile []bool) (failures []Failure, wellFormed bool) {
	if failures, wellFormed = b.text(t, form.Text, nil); !wellFormed {
		return failures, false
	}
	for _, pair := range form.Pairs {
		i, file := b.index(pair.Name), p.file(pair.Name)
		switch {
		case file >= 0: // an empty one is what a browser sends where no file was chosen
			noFile[file] = noFile[file] || pair.Value != ""
		case i >= 0 && pair.Foreign:
			failures = b.refuse(i, &Flaw{Code: CodeUTF8}, failures)
		default:
			failures = b.pair(t, pair.Name, pair.Value, failures)
		}
	}
	return failures, true
}

// file is the index of the field that takes the files of a name, or -1.
func (p *Plan) file(name string) int {
	return slices.IndexFunc(p.Files, func(f FileField) bool { return f.Name == name })
}

// TakesFile reports whether there is a field for files of a name.
func (p *Plan) TakesFile(name string) bool { return p.file(name) >= 0 }

// bind hands a field the files that were sent for it.
func (f *FileField) bind(sent []Sent, noFile bool, take func(f *FileField, files []int), failures []Failure) []Failure {
	var mine []int
	over := int64(0)
	for i, file := range sent {
		if file.Name != f.Name {
			continue
		}
		mine = append(mine, i)
		switch {
		case f.Max > 0 && file.Size > f.Max:
			over = f.Max
		case file.Over > 0 && over == 0:
			over = file.Over
		}
	}
	fails := func(flaw *Flaw) []Failure { return append(failures, Failure{File, f.Name, flaw}) }
	switch {
	case noFile:
		return fails(badType("file", nil))
	case len(mine) > 1 && !f.List:
		return fails(&Flaw{Code: CodeRepeated})
	case over > 0:
		return fails(&Flaw{Code: CodeFileSize, Params: map[string]any{"max": over}})
	case len(mine) == 0 && f.Required:
		return fails(&Flaw{Code: CodeRequired})
	case len(mine) > 0:
		take(f, mine)
	}
	return failures
}

// formOwner is which field is the first to read the form, and which body field it is in, or "".
type formOwner struct {
	field, in string
	clashed   bool // with another body, and that was told
}

// reads notes that a field reads the form, unless something else takes the body.
func (c *compiler) reads(name string) bool {
	switch {
	case c.form.clashed:
		return false
	case c.plan.Body != nil, c.form.field != "" && c.form.in != c.within:
		c.form.clashed = true
		c.problem("keep one of them", "the field %s reads a form, and another field takes the body: a request has one", name)
		return false
	case c.form.field == "":
		c.form.field, c.form.in, c.plan.Form = name, c.within, true
	}
	return true
}

// formBody is a field whose struct is the form.
func (c *compiler) formBody(f reflect.StructField, kind, name string, offset uintptr) {
	if f.Type.Kind() != reflect.Struct {
		c.problem("make it a struct whose fields have form or file tags", "the field %s takes the body as a form and is a %v", name, f.Type)
		return
	}
	before := len(c.problems)
	c.within = name
	c.walk(f.Type, offset, name+".")
	c.within = ""
	c.plan.Multipart = c.plan.Multipart || kind == "multipart"
	if c.form.in != name && len(c.problems) == before {
		c.problem("give its fields form or file tags", "the field %s takes the body as a form, and no field of %v reads a part of it", name, f.Type)
	}
}

// file is a field that takes uploads.
func (c *compiler) file(f reflect.StructField, name string, offset uintptr) {
	tag, options, hasOptions := strings.Cut(f.Tag.Get("file"), ",")
	list, ok := c.types.file(f.Type)
	v := &field{source: File, name: tag}
	if !c.reads(name) || !c.named(v, name) {
		return
	}
	largest := int64(0)
	for option := range strings.SplitSeq(options, ",") {
		size, bounds := strings.CutPrefix(option, "max=")
		switch {
		case !hasOptions:
		case option == "required":
			v.required = true
		case bounds:
			if largest = bytesIn(size); largest == 0 {
				c.problem("write a number of bytes, or of KiB, MiB or GiB, as in max=5MiB", "the field %s takes files of at most %q bytes, which is no size", name, size)
			}
		default:
			c.problem(`the options are "required" and "max", as in max=5MiB`, "the field %s has the file option %q, which is unknown", name, option)
		}
	}
	if !ok {
		c.problem("use a weft.Upload, or a pointer, slice or Opt of one", "the field %s takes a file and is a %v", name, f.Type)
		return
	}
	for _, other := range []string{"default", "layout"} {
		if _, found := f.Tag.Lookup(other); found {
			c.problem("leave it out", "the field %s takes a file and has a %s", name, other)
		}
	}
	form := "file"
	if list {
		form = "files"
	}
	c.plan.Multipart = true
	c.plan.Files = append(c.plan.Files, FileField{tag, v.required, list, largest, offset, nilPointer(f.Type)})
	c.plan.places[name] = Place{File, tag}
	c.plan.Reads = append(c.plan.Reads, Reads{Source: File, Name: tag, Form: form, Required: v.required, Max: largest})
}

// file reports whether a type holds uploads, and several; none does where the caller knows of none.
func (t Types) file(of reflect.Type) (list, ok bool) {
	if t.File == nil {
		return false, false
	}
	return t.File(of)
}

// bytesIn is a size as a tag says it, "5MiB", or 0 where it is none.
func bytesIn(text string) int64 {
	factor := int64(1)
	for unit, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, found := strings.CutSuffix(text, unit); found {
			text, factor = number, bytes
		}
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return int64(n) * factor
}
