package weft

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"
)

// ItemError is what is wrong with one item of a [Stream] that a client sends. The Stream yields it and goes on behind the item,
// except where that cannot be found: in an array that is no JSON, or that has an item over the limit. Returned by a handler it is answered as the
// [InvalidRequest] that it wraps, whose pointers begin with the index.
type ItemError struct {
	// Index counts the items from 0, those with errors too; Line the lines from 1, and is 0 in an array.
	Index, Line int
	Err         error
}

// Error says which item it was.
func (e *ItemError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, textOf(e.Err))
	}
	return fmt.Sprintf("item %d: %s", e.Index, textOf(e.Err))
}

// Unwrap returns Err.
func (e *ItemError) Unwrap() error { return e.Err }

// Item is an item of a [Stream] that a client sends, with its place: a Stream[Item[T]] is read as a Stream[T] is. It is for handlers that find more wrong with an
// item than its rules do, and have to say with which.
type Item[T any] struct {
	// Index and Line are those of [ItemError].
	Index, Line int
	Value       T
}

// placed is a pointer to an Item.
type placed interface {
	at(index, line int) (value any)
	of() reflect.Type
}

func (i *Item[T]) at(index, line int) any {
	i.Index, i.Line = index, line
	return &i.Value
}

func (*Item[T]) of() reflect.Type { return reflect.TypeFor[T]() }

var typePlaced = reflect.TypeFor[placed]()

// itemOf is what is decoded for a stream's element.
func itemOf(element reflect.Type) reflect.Type {
	if reflect.PointerTo(element).Implements(typePlaced) {
		return reflect.New(element).Interface().(placed).of()
	}
	return element
}

// Part is a part of a multipart body (RFC 2046 section 5.1), as it arrives: what a Stream[Part] yields. Its content is read by Read, until the
// next part is asked for.
type Part struct {
	// Name is the name of the form's field, Filename the last element of the file's name that the client gave. Both are the client's claims.
	Name, Filename string
	ContentType    string
	Header         textproto.MIMEHeader
	io.Reader
}

// receiver is a pointer to a Stream.
type receiver interface {
	element() reflect.Type
	// receive makes it the items that next puts where it is pointed to. io.EOF is the end.
	receive(next func(item any) error)
}

func (s *Stream[T]) receive(next func(item any) error) {
	*s = func(yield func(T, error) bool) {
		for {
			var item T
			err := next(&item)
			if err == io.EOF || !yield(item, err) {
				return
			}
		}
	}
}

var typePart = reflect.TypeFor[Part]()

// receive says how the items of a stream are read.
func (in *intake) receive(t reflect.Type, how *input, book rulebook, report func(problem, remedy string)) {
	item := streamOf(t)
	if item == nil {
		return
	}
	if item.element() == typePart {
		for i := range in.reads {
			if in.reads[i].Source == SourceBody {
				in.reads[i].Form = "parts"
			}
		}
		return
	}
	element := itemOf(item.element())
	if problem, remedy := uncodable("an item of the stream", element, true, map[reflect.Type]bool{}); problem != "" && !how.knowsItself("json") {
		report(problem, remedy)
	}
	how.items = &intake{reads: []ReadInfo{{Source: SourceBody}}}
	how.items.compileRules(element, book, report)
	in.items = how.items
}

// streams reports whether the body is read item by item.
func (in *intake) streams() bool {
	if in == nil {
		return false
	}
	for _, read := range in.reads {
		if read.Source == SourceBody && (read.Form == "stream" || read.Form == "parts") {
			return true
		}
	}
	return false
}

// decodeStream begins to read a body item by item.
func (r *Request) decodeStream(into receiver) error {
	parts := into.element() == typePart
	media := itemsMedia
	if parts {
		media = mixedMedia
	}
	m, params, refusal := pick(media, r.http.Header, r.state.input.json.AllowUntyped)
	if err := r.refused(refusal); err != nil {
		return err
	}
	var body io.Reader
	if err := r.streamBody(&body); err != nil {
		return err
	}
	items := &itemReader{request: r, optional: optionalBody(itemOf(into.element())), limit: r.state.streams().ItemLimit}
	switch {
	case parts && m != nil:
		parts, err := newPartsReader(body, params["boundary"])
		if err != nil {
			return err
		}
		from := &partReader{parts, items.limit, false}
		into.receive(from.next)
	case m != nil && (m.mediaType == jsonType):
		from := newArrayReader(items, body)
		into.receive(from.next)
	default:
		from := &lineReader{itemReader: items, from: bufio.NewReader(body)}
		into.receive(from.next)
	}
	return nil
}

// itemReader decodes items.
type itemReader struct {
	request  *Request
	optional bool // null is a value
	limit    int64
	index    int
	done     bool
}

// most is how many bytes an item may have.
func (i *itemReader) most() int64 {
	if i.limit > 0 {
		return i.limit
	}
	return DefaultLimit
}

// fail is what is wrong with the item at hand.
func (i *itemReader) fail(line int, err error) error {
	index := i.index
	i.index++
	rejected, ok := errorAs[*InvalidRequest](err)
	if !ok {
		return &ItemError{index, line, err}
	}
	told := &InvalidRequest{Status: rejected.Status}
	for _, f := range rejected.Fields {
		if f.Source == SourceBody {
			f.Pointer = fmt.Sprintf("/%d%s", index, f.Pointer)
		}
		told.Fields = append(told.Fields, f)
	}
	return &ItemError{index, line, told}
}

// decode decodes and checks an item. What cannot be read leaves it as it was.
func (i *itemReader) decode(raw []byte, line int, item any) error {
	if p, ok := item.(placed); ok {
		item = p.at(i.index, line)
	}
	in := i.request.state.input
	if string(bytes.TrimSpace(raw)) == "null" && !i.optional {
		return invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeRequired})
	}
	if err := in.codec.Decode(raw, item); err != nil {
		return invalid(http.StatusBadRequest, jsonField(err))
	}
	if in.items == nil || in.items.rules == nil {
		return nil
	}
	subject := in.items.subject(item)
	if subject == nil {
		return nil
	}
	if err := in.items.rules.Check(i.request.ctx, subject); err != nil {
		return in.items.brokenIn(&bodyMembers{request: i.request, format: &in.asJSON, body: raw, tree: in.asJSON.tree(raw), read: true}, subject, err)
	}
	return nil
}

// lineReader reads lines of JSON. Blank ones are left out.
type lineReader struct {
	*itemReader
	from *bufio.Reader
	line int
	text []byte
}

func (l *lineReader) next(item any) error {
	for !l.done {
		l.line++
		long, err := l.read()
		if err != nil {
			l.done = true
			if err != io.EOF {
				return err
			}
		}
		switch {
		case long:
			return l.fail(l.line, tooLarge(l.most()))
		case len(bytes.TrimSpace(l.text)) == 0:
			continue
		}
		if err := l.decode(l.text, l.line, item); err != nil {
			return l.fail(l.line, err)
		}
		l.index++
		return nil
	}
	return io.EOF
}

// read reads a line, or passes over one that is too long. The last may have no end.
func (l *lineReader) read() (long bool, err error) {
	l.text = l.text[:0]
	for {
		part, err := l.from.ReadSlice('\n')
		if long = long || int64(len(l.text)+len(bytes.TrimRight(part, "\r\n"))) > l.most(); !long {
			l.text = append(l.text, part...)
		}
		if err != bufio.ErrBufferFull {
			return long, err
		}
	}
}

// arrayReader reads the elements of a JSON array.
type arrayReader struct {
	*itemReader
	from  *meter
	json  *jsontext.Decoder
	begun bool
}

func newArrayReader(items *itemReader, body io.Reader) *arrayReader {
	from := &meter{from: body}
	from.until = items.most()
	// What is wrong within an element is told when it is decoded.
	return &arrayReader{items, from, jsontext.NewDecoder(from, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), false}
}

func (a *arrayReader) next(item any) error {
	if a.done {
		return io.EOF
	}
	raw, err := a.element()
	switch {
	case err == io.EOF:
		a.done = true
		return io.EOF
	case errors.Is(err, errItemTooLong) || err == nil && int64(len(raw)) > a.most():
		a.done = true
		return a.fail(0, tooLarge(a.most()))
	case err != nil:
		a.done = true
		if rejected, ok := errorAs[*InvalidRequest](err); ok { // of the whole body
			return rejected
		}
		return invalid(http.StatusBadRequest, jsonField(err))
	}
	if err := a.decode(raw, 0, item); err != nil {
		return a.fail(0, err)
	}
	a.index++
	return nil
}

// element is the next one, or io.EOF behind the last.
func (a *arrayReader) element() (jsontext.Value, error) {
	if !a.begun {
		a.begun = true
		switch kind := a.json.PeekKind(); kind {
		case '[':
			_, _ = a.json.ReadToken()
		case 0:
			_, err := a.json.ReadToken()
			if err == io.EOF {
				err = invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeBodyRequired})
			}
			return nil, err
		default:
			return nil, invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeInvalidType, Params: map[string]any{"type": "array"}})
		}
	}
	if a.json.PeekKind() == ']' {
		_, _ = a.json.ReadToken()
		if _, err := a.json.ReadToken(); err != io.EOF { // nothing else may follow
			if _, ok := errorAs[*InvalidRequest](err); ok {
				return nil, err
			}
			return nil, invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeTrailingData})
		}
		return nil, io.EOF
	}
	a.from.until = a.json.InputOffset() + a.most()
	return a.json.ReadValue()
}

var errItemTooLong = errors.New("an element of the array is too long")

// meter ends reading where an item would have to be kept that is too long.
type meter struct {
	from     io.Reader
	n, until int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.n > m.until {
		return 0, errItemTooLong
	}
	n, err := m.from.Read(p)
	m.n += int64(n)
	return n, err
}

// partReader reads the parts of a multipart body.
type partReader struct {
	from  *partsReader
	limit int64
	done  bool
}

func (p *partReader) next(item any) error {
	if p.done {
		return io.EOF
	}
	part, err := p.from.next()
	if err != nil {
		p.done = true
		return err
	}
	into := item.(*Part)
	*into = Part{Name: part.FormName(), Filename: part.FileName(), ContentType: part.Header.Get(contentType), Header: part.Header, Reader: part}
	if p.limit > 0 {
		into.Reader = &limitedReader{from: part, limit: p.limit}
	}
	return nil
}
