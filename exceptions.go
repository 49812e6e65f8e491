package weft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/graph"
	"github.com/weft-go/weft/internal/httpfield"
)

// Error is an error that says what the client may know of it. Everything but
// Cause is public. Return it, or wrap it, from a handler or any stage; it is
// rendered as problem details (RFC 9457, application/problem+json).
//
// An error that is not an Error, and wraps none, becomes a 500 with a generic
// text; only the log gets to see it.
type Error struct {
	// Status is the HTTP status, from 400 to 599. Another number counts as 500.
	Status int
	// Code is a stable name for programs to test, such as "order_not_found". Optional.
	Code string
	// Title is a short summary, the same for every occurrence; the status text where empty.
	Title string
	// Detail explains this occurrence to a person. Optional.
	Detail string
	// Extensions are further members of the problem document. Names that RFC 9457
	// or this type defines are ignored here.
	Extensions map[string]any
	// Cause is what went wrong inside. It is never sent. With a status of 500 or
	// above it is logged; below, only [Response.Err] and [Sent] have it.
	Cause error
	// Header is added to the response, such as Retry-After.
	Header http.Header
}

// Error is for logs: it holds the private cause.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	s := fmt.Sprintf("%d %s", e.status(), e.title())
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Status != 0 && e.Status != e.status() {
		s += fmt.Sprintf(" (of Status %d, which is none of a failure)", e.Status)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Cause != nil {
		s += ": " + textOf(e.Cause)
	}
	return s
}

// Unwrap returns Cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Cause
}

func (e *Error) status() int {
	if e.Status < 400 || e.Status > 599 {
		return http.StatusInternalServerError
	}
	return e.Status
}

func (e *Error) title() string {
	if e.Title != "" {
		return e.Title
	}
	if e.status() == statusClientClosedRequest {
		return "Client Closed Request"
	}
	return http.StatusText(e.status())
}

// statusClientClosedRequest is nginx's number for a client that left before the
// answer: nobody receives it, but access logs and metrics see that it was no failure.
const statusClientClosedRequest = 499

// PanicError is a panic of a stage, recovered at that stage's boundary.
type PanicError struct {
	// Value is what the stage panicked with.
	Value any
	// Stack is the goroutine's stack where it panicked.
	Stack []byte
}

// Error is for logs: it holds what the stage panicked with.
func (e *PanicError) Error() string {
	if err, ok := e.Value.(error); ok {
		return "panic: " + textOf(err)
	}
	return fmt.Sprintf("panic: %v", e.Value)
}

// Unwrap returns the value where it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// caught turns what recover returned into a PanicError. http.ErrAbortHandler
// means that the connection is to be dropped, so it goes on.
func caught(p any) *PanicError {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	return &PanicError{Value: p, Stack: debug.Stack()}
}

// rescue, deferred, makes a panic the error of a function that has not returned
// by itself. recover costs, so it is only asked then.
func rescue(returned *bool, err *error) {
	if *returned {
		return
	}
	if p := recover(); p != nil {
		*err = caught(p)
	}
}

// Fail is the Response for err: an [Error]'s own status and problem document,
// and for any other error a 500 that tells nothing of it. A stage returns it to
// refuse a request or to report a failure; the boundary of that stage logs the
// cause of a 5xx. Response.Err returns err.
func Fail(err error) Response {
	err = concrete(err)
	resp := preview(err)
	resp.head.open = true
	return resp
}

// preview renders err for the stage that fails with it. What the error's own
// methods do wrong is for the boundary, which asks them again.
func preview(err error) (resp Response) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			panic(p)
		} else if p != nil {
			resp = (&Error{Code: "internal"}).response(nil, err)
		}
	}()
	return problem(nil, err)
}

// concrete gives a nil or typed nil error, which says nothing of what went
// wrong and cannot safely be asked, a text of its own.
func concrete(err error) error {
	if err == nil {
		return errors.New("a stage failed with a nil error")
	}
	if isNilPointer(err) {
		return fmt.Errorf("a stage returned a nil %T as an error that is not nil; return a plain nil instead", err)
	}
	return err
}

// problem renders err as problem details (RFC 9457). The request is for the
// language of its messages.
func problem(r *Request, err error) Response {
	if _, panicked := err.(*PanicError); panicked { // whatever it panicked with
		return (&Error{Code: "internal"}).response(r, err)
	}
	if e := face(r, err); e != nil {
		return e.response(r, err)
	}
	return (&Error{Code: "internal"}).response(r, err)
}

// face is what err says itself that a client may know, or nil.
func face(r *Request, err error) *Error {
	if d := denialIn(err); d != nil {
		return &d.face // of several that were joined, the foremost
	}
	if e, ok := errorAs[*Error](err); ok && !(refusedAndFailed(err) && e.of(err)) {
		return e
	}
	if e := allInvalid(err); e != nil {
		return e.public(r)
	}
	return nil
}

// refusedAndFailed reports whether there is a Denial in err and something else
// beside it. Such an error is no denial: nobody would look for an outage behind a 403.
func refusedAndFailed(err error) bool { return errorIs[*Denial](err) && denialIn(err) == nil }

// of reports whether e is what the first Denial in err tells the client.
func (e *Error) of(err error) bool {
	d, _ := errorAs[*Denial](err)
	return d != nil && e == &d.face
}

// response renders e as the public face of err.
func (e *Error) response(r *Request, err error) Response {
	mediaType, body, broken := e.document(r)
	if broken != nil {
		err = errors.Join(err, &during{"the error's document cannot be sent", broken})
		mediaType = problemType
		body, _ = problemDocument{e, true}.append(nil)
	}
	fields := 0
	for _, values := range e.Header {
		fields += len(values)
	}
	last := problemFields
	if mediaType != problemType {
		last = fieldsOf(mediaType)
	}
	links := make([]head, 0, fields+1) // all in one allocation: they live and die together
	link := func(c change, name, value string) {
		links = append(links, head{prev: last, change: c, name: name, value: value, status: e.status()})
		last = &links[len(links)-1]
	}
	var room [4]string
	names := room[:0]
	for name := range e.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		change := setField
		for _, value := range e.Header[name] {
			if !httpfield.ValidName(name) || !httpfield.ValidValue(value) {
				err = errors.Join(err, &invalidFieldError{name: name})
				continue
			}
			link(change, http.CanonicalHeaderKey(name), value)
			change = addField
		}
	}
	link(failed, "", "")
	last.err = err
	return Response{last, body}
}

// problemFields are the header fields of each problem document.
var problemFields = fieldsOf(problemType)

// fieldsOf are the header fields of a document about an error. What stands on them has a status of its own.
func fieldsOf(mediaType string) *head {
	return &head{prev: newHead(0, mediaType), change: setField, name: "X-Content-Type-Options", value: "nosniff"}
}

// document is the body of an answer that e is rendered as.
func (e *Error) document(r *Request) (mediaType string, body []byte, err error) {
	if r == nil || r.state.server == nil || r.state.server.format == nil {
		body, err = problemDocument{e, false}.append(nil)
		return problemType, body, err
	}
	face := *e
	face.Status, face.Title, face.Cause = e.status(), e.title(), nil
	mediaType, document := r.state.server.format(r, &face)
	if body, err = encodeJSON(document); err == nil && !httpfield.ValidValue(mediaType) {
		err = errors.New("its media type is not valid")
	}
	return mediaType, body, err
}

// ErrorFormat says how an [Error] is written into an answer: the media type, and
// what is encoded as JSON. It gets a copy with Status and Title filled in and without
// the cause, and must not keep the request.
type ErrorFormat func(r *Request, e *Error) (mediaType string, document any)

// ProblemDetails is the format of RFC 9457, used unless [WithErrorFormat] says
// otherwise: title, status, code, detail, and the extensions as further members.
func ProblemDetails(_ *Request, e *Error) (mediaType string, document any) {
	return problemType, problemDocument{e, false}
}

// ErrorEnvelope is the format {"error":{"code","message","detail"}}: detail holds the extensions.
func ErrorEnvelope(_ *Request, e *Error) (mediaType string, document any) {
	type inner struct {
		Code    string         `json:"code"`
		Message string         `json:"message"`
		Detail  map[string]any `json:"detail"`
	}
	code := cmp.Or(e.Code, strings.ReplaceAll(strings.ToLower(e.Title), " ", "_"))
	return jsonType, map[string]inner{"error": {validText(code), validText(cmp.Or(e.Detail, e.Title)), e.Extensions}}
}

// problemDocument encodes the members in the order a person reads them. "type" is left
// out where the problem is just its status (RFC 9457 section 4.2.1).
type problemDocument struct {
	of    *Error
	plain bool // without the extensions
}

// MarshalJSONTo implements json.MarshalerTo.
func (d problemDocument) MarshalJSONTo(enc *jsontext.Encoder) error {
	text, err := d.append(nil)
	if err != nil {
		return err
	}
	return enc.WriteValue(text)
}

// append appends the document. It is written by hand: refusals are many where a service is attacked.
func (d problemDocument) append(to []byte) ([]byte, error) {
	e := d.of
	if to == nil {
		to = make([]byte, 0, 64+len(e.Title)+len(e.Code)+len(e.Detail))
	}
	to = appendText(append(to, `{"title":`...), e.title())
	to = strconv.AppendInt(append(to, `,"status":`...), int64(e.status()), 10)
	if e.Code != "" {
		to = appendText(append(to, `,"code":`...), e.Code)
	}
	if e.Detail != "" {
		to = appendText(append(to, `,"detail":`...), e.Detail)
	}
	if !d.plain {
		var err error
		if to, err = appendMembers(to, e.Extensions, reservedMembers...); err != nil {
			return nil, err
		}
	}
	return append(to, '}'), nil
}

// appendMembers appends members to a JSON object that was begun, sorted by their names.
func appendMembers(to []byte, members map[string]any, except ...string) ([]byte, error) {
	var room [8]string
	names := room[:0]
	for name := range members {
		if !slices.Contains(except, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("the name %q of a member is not UTF-8", name)
		}
		if to[len(to)-1] != '{' {
			to = append(to, ',')
		}
		to = append(appendText(to, name), ':')
		var err error
		if to, err = appendValue(to, members[name]); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// appendValue appends v as JSON.
func appendValue(to []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return jsontext.AppendQuote(to, v)
	case publicFields:
		return v.append(to)
	}
	text, err := encodeJSON(v)
	return append(to, text...), err
}

// appendText appends s as a JSON string, with U+FFFD in place of what is not UTF-8.
func appendText(to []byte, s string) []byte {
	to, _ = jsontext.AppendQuote(to, s) // whose only error tells that there was something to replace
	return to
}

// validText is s in UTF-8, as JSON needs it.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// "type" and "instance" are members of RFC 9457 that an extension may set.
var reservedMembers = []string{"title", "status", "code", "detail"}

// timedOut is the failure of a handler or stage that did not make its deadline.
func timedOut(cause error) error {
	return &Error{Status: http.StatusGatewayTimeout, Code: "timeout", Cause: cause}
}

// Mapper turns errors of one kind into Responses. [On] and [OnIs] make it, and
// Catch attaches it to a handler, a group or an app.
//
// Which Mapper gets an error does not depend on the order in which they were
// attached. The level nearest to where the error arose is asked first: the
// route's, the groups' from the inside out, the app's; a middleware's error begins at the
// middleware's own level. Within a level a sentinel anywhere in the error's
// tree comes first, then a concrete type, then an interface; among several of a
// kind, the one that matches what is outermost in the tree, joined errors in
// their order. Of interfaces that match the same error the one with more
// methods gets it. An error is a sentinel, or of a concrete type, by itself before it is by its Is or As
// method. What is then still equal is decided by the name, as the plan has it.
//
// The tree is that of errors.Is, except that nil pointers in it are passed
// over: a Mapper is never given one. A tree without an end is followed for 32,768 errors.
//
// The Response of a Mapper keeps the original error ([Response.Err]), and the
// cause is logged if its status is 500 or above, or if it is a panic. A Mapper that returns
// [Fail](err) hands err to the next level out, in place of the original. A Mapper that
// panics, or returns the zero Response, becomes a plain 500, and so does an error whose
// own methods panic when they are asked.
//
// [Handler.Errors] has Build prove that errors are mapped. Build refuses two Mappers of
// one level that are for the same errors, and warns of one that nothing can reach ([Plan]).
type Mapper struct {
	kind     mapperKind
	name     string       // in the plan
	target   reflect.Type // of On
	sentinel error        // of OnIs
	services []graph.Key  // that it is made of
	// itself and says look at one error of a tree, not at what it wraps: at what
	// it is, and at what its As or Is method says it is.
	itself, says func(err error) (respond, bool)
}

// respond answers with a Mapper's function; err is the error as it arose.
type respond func(r *Request, err error) Response

type mapperKind uint8

const (
	mapsNothing mapperKind = iota
	mapsSentinel
	mapsConcrete
	mapsInterface
)

// On maps errors of type E: a concrete type such as *OutOfStock, or an interface.
func On[E error](fn func(r *Request, err E) Response) Mapper {
	if fn == nil {
		return Mapper{}
	}
	t := reflect.TypeFor[E]()
	kind := mapsConcrete
	if t.Kind() == reflect.Interface {
		kind = mapsInterface
	}
	answer := func(e E, ok bool) (respond, bool) {
		if !ok { // most are asked for errors of others
			return nil, false
		}
		return func(r *Request, _ error) Response { return fn(r, e) }, true
	}
	return Mapper{
		kind: kind, name: t.String(), target: t,
		itself: func(err error) (respond, bool) {
			e, ok := err.(E)
			return answer(e, ok)
		},
		says: func(err error) (respond, bool) { return answer(saysAs[E](err)) },
	}
}

// Map answers with the Mapper alone, as a test does: mapped is false where it is not for err.
func (m Mapper) Map(r *Request, err error) (resp Response, mapped bool) {
	level := newMapping([]attachedMapper{{Mapper: m}}, func(callsite.Site, string, string) {})
	by, answer := level.find(err)
	if by == nil {
		return Response{}, false
	}
	return answer(r, err), true
}

// OnIs maps errors whose tree holds sentinel, as errors.Is finds it; fn gets the error as it arose.
func OnIs(sentinel error, fn func(r *Request, err error) Response) Mapper {
	if sentinel == nil || fn == nil || isNilPointer(sentinel) || !reflect.ValueOf(sentinel).Comparable() {
		return Mapper{}
	}
	return Mapper{
		kind: mapsSentinel, name: "is " + strconv.Quote(textOf(sentinel)), sentinel: sentinel,
		itself: func(err error) (respond, bool) { return fn, err == sentinel },
		says:   func(err error) (respond, bool) { return fn, saysIs(err, sentinel) },
	}
}

// contextEnded reports whether err only says that the request's context was
// cancelled: the client is gone, or the server cuts off what outlasted the drain timeout.
func contextEnded(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) && holds(err, context.Canceled)
}
