package weft

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/weft-go/weft/internal/binding"
)

// FormOptions bounds what forms may take beside [Handler.Limit], which is how many
// bytes a form may have as it is sent. Of a member that is 0 the default holds.
type FormOptions struct {
	// Memory is how many bytes of a request's uploads are kept in memory, 1 MiB by
	// default. Those that do not fit are in a temporary file until the request is over.
	Memory int64
	// File is how many bytes a file may have whose field does not say it, by
	// the option max of its tag; by default as many as the whole form. More is a 413.
	File int64
	// Fields is how many values and files a form may have, 1,000 by default, as
	// in mime/multipart; more is a 413.
	Fields int
	// TempDir is where the temporary file is, [os.TempDir] by default.
	TempDir string
}

const (
	defaultFormMemory = 1 << 20
	defaultFormFields = 1000
	// maxFormText is how much of a multipart form may be text, names and headers, as in mime/multipart: it is all in memory.
	maxFormText = 10 << 20
	// partCost is what a part costs beside its text, as mime/multipart counts it.
	partCost = 200
)

// WithForms sets what forms may take.
func WithForms(o FormOptions) Option {
	return func(a *App) {
		if o.Memory < 0 || o.File < 0 || o.Fields < 0 {
			a.problem(here(), fmt.Sprintf("WithForms says Memory %d, File %d and Fields %d", o.Memory, o.File, o.Fields), "use positive numbers, or leave them out")
			return
		}
		a.forms = o
	}
}

func (o FormOptions) orDefault() FormOptions {
	if o.Memory == 0 {
		o.Memory = defaultFormMemory
	}
	if o.Fields == 0 {
		o.Fields = defaultFormFields
	}
	o.Memory, o.File = min(o.Memory, maxLimit), min(o.File, maxLimit)
	return o
}

// FormValue reads a value of a form, sent as application/x-www-form-urlencoded
// or multipart/form-data; see [QueryValue].
func FormValue[T any](name string) Extractor[T] { return single[T](SourceForm, name) }

// FormFile reads a file of a form, sent as multipart/form-data. It must be there; see [Optional].
func FormFile(name string) Extractor[Upload] { return single[Upload](SourceFile, name) }

// FormFiles reads all files that a form has under a name: none, where there is none.
func FormFiles(name string) Extractor[[]Upload] { return single[[]Upload](SourceFile, name) }

// form is the form that a request's body is, read once.
type form struct {
	binding.Form
	uploads []Upload // of each of the Files
	size    int64    // how many bytes it had as it was sent, as far as is known
	err     error
	storage storage
	parsed  *multipart.Form // by a stage, of a request that net/http does not know
}

var (
	errFormByHand   = errors.New("a stage reads the form part by part (http.Request.MultipartReader), so nobody else can")
	errBodyAsForm   = errors.New("the body was read as a form, part by part, and is not kept: ask for it before the form is read")
	errBodyConsumed = errors.New("a stage has read the body past weft: read it by Request.Body, or parse the form on Request.HTTP itself and not on a copy")
)

// fillForm fills the part of a struct that the form has, and reports everything that is wrong with it.
func (r *Request) fillForm(plan *binding.Plan, t binding.Target, strict bool) error {
	media := formMedia
	if plan.Multipart {
		media = partsMedia
	}
	f, err := r.form(media, plan)
	if err != nil {
		return err
	}
	failures := plan.BindForm(t, f.Form, strict, func(field *binding.FileField, files []int) {
		mine := make([]Upload, len(files))
		for i, file := range files {
			mine[i] = f.uploads[file]
		}
		putFiles(field.Pointer(t), mine)
	})
	if failures == nil {
		return nil
	}
	status := http.StatusBadRequest
	if slices.ContainsFunc(failures, func(f binding.Failure) bool { return f.Code == CodeFileTooLarge }) {
		status = http.StatusRequestEntityTooLarge
	}
	return &InvalidRequest{status, bound(failures)}
}

// form is the form that was sent as one of the media, read for a plan. No body is an empty form.
func (r *Request) form(media []medium, plan *binding.Plan) (*form, error) {
	s := r.state
	m, params, refusal := pick(media, r.http.Header, false)
	if err := r.refused(refusal); err != nil {
		return nil, err
	}
	if err := s.body.permitted(); err != nil {
		return nil, err
	}
	if s.form == nil {
		s.form = &form{} // the state has it before anything is read, so that it is released however reading ends
		s.form.err = errBodyAsForm
		if s.form.err = s.form.read(r, plan, m, params); s.form.err != nil {
			s.form.storage.release()
		}
	}
	if s.form.err == nil && s.form.size > s.input.limit {
		return nil, tooLarge(s.input.limit) // read under the app's limit, the route's is lower
	}
	return s.form, s.form.err
}

// read takes the form from wherever it is: from what a stage parsed, from the
// body that somebody read, or from the connection. m is nil where there is no body.
func (f *form) read(r *Request, plan *binding.Plan, m *medium, params map[string]string) error {
	hr, in := r.http, r.state.input
	known := len(r.state.body.bytes) > 0 // to weft, so that whoever parsed it later found nothing
	switch {
	case hr.ContentLength > in.limit:
		return tooLarge(in.limit)
	case hr.MultipartForm != nil:
		return f.adopt(r, plan)
	case len(hr.PostForm) > 0 && !known:
		return f.take(hr.PostForm, in)
	case m != nil && m.mediaType == multipartType && !r.state.body.read:
		return f.stream(r, plan, params["boundary"])
	}
	body, err := r.borrowBody()
	if err != nil {
		return err
	}
	f.size = int64(len(body))
	switch parsed := hr.PostForm != nil && !known && parsesForms(hr.Method); {
	case parsed && (len(body) > 0 || hr.ContentLength > 0): // a stage has parsed it, and not to its end, or found nothing in it
		return malformedForm(nil)
	case len(body) == 0 && hr.ContentLength > 0:
		return errBodyConsumed
	case len(body) == 0:
	case m.mediaType == multipartType:
		return f.parts(bytes.NewReader(body), plan, params["boundary"], in)
	case bytes.Count(body, []byte("&")) >= in.forms.Fields:
		return tooManyFields(in.forms)
	default:
		f.Text = string(body)
	}
	return nil
}

// parsesForms reports whether [http.Request.ParseForm] reads the body of a request.
func parsesForms(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// stream reads the parts from the connection, under the limit.
func (f *form) stream(r *Request, plan *binding.Plan, boundary string) error {
	b, in := &r.state.body, r.state.input
	b.read, b.err = true, errBodyAsForm
	if r.http.Body == nil || r.http.Body == http.NoBody {
		return nil
	}
	from := &limitedReader{from: r.http.Body, limit: in.limit}
	first := make([]byte, 1)
	n, err := io.ReadFull(from, first)
	switch {
	case n == 0 && err == io.EOF && r.http.ContentLength <= 0 && r.http.PostForm == nil:
		return nil
	case n == 0 && err == io.EOF && r.http.PostForm == nil:
		return errBodyConsumed
	}
	err = f.parts(io.MultiReader(bytes.NewReader(first[:n]), from), plan, boundary, in)
	if err == nil {
		_, err = io.Copy(io.Discard, from) // what is behind the last part is of the body too
	}
	if f.size = from.n; from.err != nil && from.err != io.EOF {
		return from.err
	}
	return err
}

// parts reads the parts of a multipart form as [multipart.Reader.ReadForm] does.
func (f *form) parts(from io.Reader, plan *binding.Plan, boundary string, in *input) error {
	reader, err := newPartsReader(from, boundary)
	if err != nil {
		return err
	}
	o := in.forms
	memory, text := o.Memory, int64(maxFormText)
	for n := 0; ; n++ {
		part, err := reader.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n >= o.Fields:
			return tooManyFields(o)
		}
		name := part.FormName()
		if name == "" {
			continue
		}
		if text -= int64(len(name)) + partCost; part.FileName() != "" {
			text -= headerSize(part.Header)
		}
		if text < 0 {
			return tooMuchText()
		}
		if part.FileName() != "" {
			memory, err = f.file(name, part, memory, in.fileBound(name, plan), o)
		} else {
			text, err = f.value(name, part, text)
		}
		if err != nil {
			return err
		}
	}
}

// value takes a part that is text, of which room bytes are accepted; it returns what room is left.
func (f *form) value(name string, part *multipart.Part, room int64) (left int64, err error) {
	var value strings.Builder
	n, err := io.CopyN(&value, part, room+1)
	switch {
	case err != nil && err != io.EOF:
		return 0, malformedForm(err)
	case n > room:
		return 0, tooMuchText()
	}
	foreign := false
	if declared := part.Header.Get(contentType); declared != "" {
		_, params, err := mime.ParseMediaType(declared)
		foreign = err == nil && !textMedia[0].reads(params)
	}
	f.Pairs = append(f.Pairs, binding.Pair{Name: name, Value: value.String(), Foreign: foreign})
	return room - n, nil
}

// file takes a part that is a file of at most largest bytes, 0 for any, into memory where it fits; it returns how much of
// that is left. What is larger is read to its end and not kept, so that whatever else is wrong can be told too.
func (f *form) file(name string, part *multipart.Part, memory, largest int64, o FormOptions) (left int64, err error) {
	filename := part.FileName()
	if !utf8.ValidString(filename) {
		return 0, invalid(http.StatusBadRequest, FieldError{Source: SourceFile, Name: name, Code: CodeInvalidUTF8})
	}
	from := &noting{from: part}
	kept := io.Reader(from)
	if largest > 0 {
		kept = io.LimitReader(from, largest+1)
	}
	content, size, err := f.storage.keep(kept, memory, o.TempDir)
	switch {
	case from.err != nil:
		return 0, malformedForm(from.err)
	case err != nil:
		return 0, err // the server's disk
	}
	over := int64(0)
	if largest > 0 && size > largest {
		rest, err := io.Copy(io.Discard, from)
		if err != nil {
			return 0, malformedForm(err)
		}
		content, size, over = nil, size+rest, largest
	}
	f.add(binding.Sent{Name: name, Size: size, Over: over}, uploadOf(baseName(filename), part.Header, size, content))
	if _, held := content.(inMemory); held {
		memory -= size
	}
	return memory, nil
}

func (f *form) add(sent binding.Sent, u Upload) {
	f.Files = append(f.Files, sent)
	f.uploads = append(f.uploads, u)
}

// adopt takes what a stage has parsed by [http.Request.ParseMultipartForm].
func (f *form) adopt(r *Request, plan *binding.Plan) error {
	hr, in := r.http, r.state.input
	if hr.ParseMultipartForm(0) != nil {
		return errFormByHand
	}
	if hr.MultipartForm != r.state.view.http.MultipartForm {
		f.parsed = hr.MultipartForm
	}
	if err := f.take(hr.MultipartForm.Value, in); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(hr.MultipartForm.File)) {
		for _, file := range hr.MultipartForm.File[name] {
			if !utf8.ValidString(file.Filename) {
				return invalid(http.StatusBadRequest, FieldError{Source: SourceFile, Name: name, Code: CodeInvalidUTF8})
			}
			f.size += file.Size
			sent := binding.Sent{Name: name, Size: file.Size}
			if in.forms.File > 0 && file.Size > in.forms.File && plan.MaxFile(name) == 0 {
				sent.Over = in.forms.File
			}
			f.add(sent, uploadOf(baseName(file.Filename), file.Header, file.Size, elsewhere{file, &f.storage}))
		}
	}
	return f.bounded(in)
}

// take takes values that a stage has parsed. Their order is lost, but for those of one name.
func (f *form) take(values url.Values, in *input) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			f.size += int64(len(name) + len(value))
			f.Pairs = append(f.Pairs, binding.Pair{Name: name, Value: value})
		}
	}
	return f.bounded(in)
}

// bounded holds a form that somebody else has parsed against the bounds.
func (f *form) bounded(in *input) error {
	switch {
	case f.size > in.limit:
		return tooLarge(in.limit)
	case len(f.Pairs)+len(f.Files) > in.forms.Fields:
		return tooManyFields(in.forms)
	}
	return nil
}

// sent is what the client sent, nil where no form was read.
func (f *form) sent() *binding.Form {
	if f == nil {
		return nil
	}
	return &f.Form
}

// release lets go of all that the form held.
func (f *form) release() {
	f.storage.release()
	if f.parsed != nil {
		_ = f.parsed.RemoveAll()
	}
}

// releaseForm removes what was stored of the request's form, also where others parsed it, on
// the way or before: net/http does so where nobody has copied the request.
func (s *state) releaseForm() {
	if s.form != nil {
		s.form.release()
	}
	if parsed := s.view.http.MultipartForm; parsed != nil {
		_ = parsed.RemoveAll()
	}
}

// limitedReader reads a body of at most limit bytes.
type limitedReader struct {
	from     io.Reader
	limit, n int64
	err      error // why no more is read; the client's fault, or io.EOF
}

// Read implements [io.Reader].
func (l *limitedReader) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.from.Read(p[:min(int64(len(p)), l.limit-l.n+1)]) // one more tells too large from just large enough
	l.n += int64(n)
	switch {
	case l.n > l.limit || errorIs[*http.MaxBytesError](err):
		n, l.err = 0, tooLarge(l.limit)
	case err == io.EOF:
		l.err = err
	case err != nil:
		l.err = invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeBodyUnreadable, Cause: err})
	}
	return n, l.err
}

// partsReader reads the parts of a multipart body, to the delimiter that closes it.
type partsReader struct {
	*multipart.Reader
	whole *closed
}

func newPartsReader(from io.Reader, boundary string) (*partsReader, error) {
	if boundary == "" {
		return nil, malformedForm(http.ErrMissingBoundary)
	}
	whole := &closed{from: from, delimiter: []byte("\n--" + boundary + "--"), tail: []byte("\n")}
	return &partsReader{multipart.NewReader(whole, boundary), whole}, nil
}

// next is the next part, io.EOF behind the last, or what is wrong with the body.
func (p *partsReader) next() (*multipart.Part, error) {
	part, err := p.NextPart()
	switch {
	case err == io.EOF && !p.whole.seen:
		return nil, malformedForm(io.ErrUnexpectedEOF)
	case err == io.EOF, err == nil:
		return part, err
	case errors.Is(err, multipart.ErrMessageTooLarge):
		return nil, tooMuchText()
	}
	return nil, malformedForm(err)
}

// fileBound is how many bytes a file may have: what the field of whoever reads the form says, or that of the handler, or else the options.
func (in *input) fileBound(name string, plan *binding.Plan) int64 {
	if !plan.TakesFile(name) && in.form != nil {
		plan = in.form
	}
	return cmp.Or(plan.MaxFile(name), in.forms.File)
}

// closed notes whether a multipart body has come to the delimiter that closes it (RFC 2046
// section 5.1.1): [multipart.Reader] takes one that ends behind another delimiter for whole.
type closed struct {
	from      io.Reader
	delimiter []byte
	tail      []byte // the end of what was read before
	seen      bool
}

// Read implements [io.Reader].
func (c *closed) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if c.seen || n == 0 {
		return n, err
	}
	across := append(c.tail, p[:min(n, len(c.delimiter))]...)
	c.seen = bytes.Contains(across, c.delimiter) || bytes.Contains(p[:n], c.delimiter)
	if n >= len(c.delimiter) {
		across = append(across[:0], p[n-len(c.delimiter):n]...)
	}
	c.tail = append(c.tail[:0], across[max(0, len(across)-len(c.delimiter)):]...)
	return n, err
}

// noting notes the error of a reader, to tell it from that of a writer.
type noting struct {
	from io.Reader
	err  error
}

// Read implements [io.Reader].
func (r *noting) Read(p []byte) (n int, err error) {
	if n, err = r.from.Read(p); err != io.EOF {
		r.err = err
	}
	return n, err
}

// headerSize is what the header of a file costs to keep, as mime/multipart counts it.
func headerSize(h textproto.MIMEHeader) int64 {
	size := 500
	for name, values := range h {
		size += len(name) + partCost
		for _, value := range values {
			size += len(value)
		}
	}
	return int64(size)
}

func malformedForm(cause error) error {
	return invalid(http.StatusBadRequest, FieldError{Source: SourceForm, Code: CodeMalformed, Cause: cause})
}

func tooManyFields(o FormOptions) error {
	return invalid(http.StatusRequestEntityTooLarge, FieldError{Source: SourceForm, Code: CodeTooManyFields, Params: map[string]any{"max": o.Fields}})
}

func tooMuchText() error {
	return invalid(http.StatusRequestEntityTooLarge, FieldError{Source: SourceForm, Code: CodeBodyTooLarge, Params: map[string]any{"max": maxFormText}})
}
