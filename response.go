package weft

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/weft-go/weft/internal/httpfield"
)

// Response is what a request is answered with: a status, header fields and a
// body that is already encoded.
//
// A Response is a value. Every With method returns a new one and leaves its
// receiver as it was; nothing in it aliases what it was made from. So a
// Response can be kept, read, changed and sent many times, from several
// goroutines.
//
// The body of some is made while it is sent: those of [Writer] and [Raw], and what a stage of [Std] flushed. Status and header
// fields of such a Response can be changed until its first byte; its body cannot be read, and [Response.Render] says so. What a stage gets
// from next belongs to its request and must not be kept: in place of a Response of another request a 500 is sent. The request ends
// what is open, whether or not it was sent.
//
// The zero Response is no answer at all: a stage that returns it has a defect,
// which becomes a 500 naming the stage. With methods return it unchanged.
//
// Content-Length and Transfer-Encoding are the transport's: they follow from
// the body, and fields of that name have no effect, except Content-Length on
// an answer to HEAD that has no body of its own, and where the body is made while it is sent.
type Response struct {
	head *head
	body []byte
}

// head is the last link of a list that is never written after it was linked:
// each With method links one more, so responses share what they have in common.
// Status, error, open and live are carried forward, unless the link changes them; a link adds one header field at most.
type head struct {
	prev        *head
	name, value string
	status      int
	err         error
	live        *live // the body, where it is made while it is sent
	change      change
	open        bool // the next stage boundary maps and logs err, or gives live to the request
	trailers    bool // some of the fields follow the body
}

type change uint8

const (
	unchanged change = iota
	setField
	addField
	removeField
	addVary
	setStatus
	setBody
	failed // made from an error; what stands before it is the error's own rendering
)

const (
	contentType      = "Content-Type"
	contentLength    = "Content-Length"
	transferEncoding = "Transfer-Encoding"

	jsonType    = "application/json"
	textType    = "text/plain; charset=utf-8"
	htmlType    = "text/html; charset=utf-8"
	problemType = "application/problem+json"
)

// JSON is a 200 with v as its body (application/json, RFC 8259), encoded now.
// Where v cannot be encoded the Response is a 500 that carries the error.
func JSON(v any) Response {
	body, err := encodeJSON(v)
	if err != nil {
		return Fail(&during{fmt.Sprintf("encoding %T as JSON", v), err})
	}
	return Response{newHead(http.StatusOK, jsonType), body}
}

// Text is a 200 with a body of plain text in UTF-8.
func Text(s string) Response { return Response{newHead(http.StatusOK, textType), []byte(s)} }

// HTML is a 200 with a body of HTML in UTF-8. It escapes nothing.
func HTML(s string) Response { return Response{newHead(http.StatusOK, htmlType), []byte(s)} }

// Bytes is a 200 with a copy of body.
func Bytes(mediaType string, body []byte) Response {
	return Response{&head{status: http.StatusOK}, bytes.Clone(body)}.WithHeader(contentType, mediaType)
}

// Empty is a 204 without a body.
func Empty() Response { return Response{head: &head{status: http.StatusNoContent}} }

// Created is a 201 for a resource at location, with v as its JSON body; see [JSON].
func Created(location string, v any) Response {
	return JSON(v).succeeding(http.StatusCreated).withLocation(location)
}

// Accepted is a 202 with v as its JSON body; see [JSON].
func Accepted(v any) Response { return JSON(v).succeeding(http.StatusAccepted) }

// Redirect sends the client to location with a status from 300 to 399, as in
// [http.StatusSeeOther] after a POST. Another status is a defect: a 500.
func Redirect(status int, location string) Response {
	if status < 300 || status > 399 {
		return Fail(fmt.Errorf("a redirect with status %d: use one from 300 to 399", status))
	}
	return Response{head: &head{status: status}}.withLocation(location)
}

// succeeding sets the status of a constructor, unless it failed.
func (r Response) succeeding(status int) Response {
	if r.head.err != nil {
		return r
	}
	return r.WithStatus(status)
}

// withLocation sets Location, bytes beyond ASCII percent-encoded as http.Redirect does.
func (r Response) withLocation(location string) Response {
	var escaped strings.Builder
	for i := range len(location) {
		if c := location[i]; c < 0x80 {
			escaped.WriteByte(c)
		} else {
			fmt.Fprintf(&escaped, "%%%02X", c)
		}
	}
	return r.WithHeader("Location", escaped.String())
}

func newHead(status int, mediaType string) *head {
	return &head{change: setField, name: contentType, value: mediaType, status: status}
}

func encodeJSON(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// link returns r with one more link. With a nil head there is nothing to change.
func (r Response) link(c change, name, value string) Response {
	if r.head == nil {
		return r
	}
	r.head = &head{r.head, name, value, r.head.status, r.head.err, r.head.live, c, r.head.open, r.head.trailers}
	return r
}

// field links a change to a header field, or fails where a name or value could
// not be sent as it is (RFC 9110 section 5): a CR or LF would start another field.
func (r Response) field(c change, name, value string) Response {
	if !httpfield.ValidName(name) || !httpfield.ValidValue(value) {
		if r.head == nil {
			return r
		}
		return Fail(&invalidFieldError{name: name})
	}
	return r.link(c, http.CanonicalHeaderKey(name), value)
}

// invalidFieldError names the field but not the value, which may be anything.
type invalidFieldError struct{ name string }

func (e *invalidFieldError) Error() string {
	return fmt.Sprintf("the response header %q has a name or value that cannot be sent (RFC 9110 section 5): no control characters", e.name)
}

// WithHeader sets a header field to one value. A name or value that HTTP does
// not allow, such as one with CR or LF, is never sent: the Response becomes a
// 500 whose Err names the field.
func (r Response) WithHeader(name, value string) Response { return r.field(setField, name, value) }

// WithAddedHeader adds one more value of a header field; see [Response.WithHeader].
func (r Response) WithAddedHeader(name, value string) Response {
	return r.field(addField, name, value)
}

// WithoutHeader removes all values of a header field.
func (r Response) WithoutHeader(name string) Response {
	return r.link(removeField, http.CanonicalHeaderKey(name), "")
}

// Vary adds request header fields, or "*", to the Vary field unless they are
// named already (RFC 9110 section 12.5.5).
func (r Response) Vary(fields ...string) Response {
	for _, name := range fields {
		r = r.field(addVary, "Vary", name)
	}
	return r
}

// WithCookie adds a Set-Cookie field (RFC 6265). A cookie that
// [http.Cookie.Valid] refuses makes the Response a 500 whose Err says why.
func (r Response) WithCookie(c *http.Cookie) Response {
	if r.head == nil {
		return r
	}
	if err := c.Valid(); err != nil {
		return Fail(fmt.Errorf("the response sets an invalid cookie: %w", err))
	}
	return r.link(addField, "Set-Cookie", c.String())
}

// WithStatus changes the status, from 200 to 599. Another number makes the
// Response a 500 whose Err says so: 1xx are no final answers. It has no effect on a [Raw] Response, whose
// handler says the status.
func (r Response) WithStatus(status int) Response {
	if r.head == nil {
		return r
	}
	if !finalStatus(status) {
		return Fail(fmt.Errorf("the response has status %d: use one from 200 to 599", status))
	}
	if r.head.status == 0 { // Raw
		return r
	}
	r = r.link(setStatus, "", "")
	r.head.status = status
	return r
}

func finalStatus[T int | int64](status T) bool { return status >= 200 && status <= 599 }

// WithBody replaces the body with a copy of body and sets its media type;
// status and other header fields stay. The status is 200 where there was none, as of a [Raw] Response.
func (r Response) WithBody(mediaType string, body []byte) Response {
	r = r.WithHeader(contentType, mediaType)
	if r.head != nil && httpfield.ValidValue(mediaType) {
		r = r.link(setBody, "", "")
		r.body = bytes.Clone(body)
		if r.head.live != nil {
			r.head.live, r.head.open = nil, false
			r.head.status = cmp.Or(r.head.status, http.StatusOK)
		}
	}
	return r
}

// carrying is r, made from err.
func (r Response) carrying(err error) Response {
	if r.head.change == failed && !r.head.open && same(r.head.err, err) {
		return r
	}
	r = r.link(failed, "", "")
	r.head.err, r.head.open = err, false
	return r
}

// Status is the HTTP status. It is 0 for the zero Response, and for a [Raw] one, which has none until its handler runs.
func (r Response) Status() int {
	if r.head == nil {
		return 0
	}
	return r.head.status
}

// Err is the error this Response was made from, however it was mapped, or nil.
func (r Response) Err() error {
	if r.head == nil {
		return nil
	}
	return r.head.err
}

// Header returns the header fields that were set. The transport adds its own,
// and leaves out what the status does not allow. The map is the caller's own.
func (r Response) Header() http.Header {
	h := http.Header{}
	r.head.apply(h)
	return h
}

// ErrNotRenderable is wrapped by what [Response.Render] returns for an answer whose body
// does not exist as bytes.
var ErrNotRenderable = errors.New("the Response has no body that can be read")

// Render returns the body. The slice is the caller's own. Statuses without
// content, such as 204, and answers to HEAD are sent without it.
// The zero Response has no body to read, nor has one whose body is made while it is sent: the error
// says so, and is an [ErrNotRenderable]. Who keeps answers, such as a cache, lets those pass.
func (r Response) Render() ([]byte, error) {
	switch {
	case r.head == nil:
		return nil, ErrNotRenderable
	case r.head.live != nil:
		return nil, fmt.Errorf("%w: it is made while it is sent, once", ErrNotRenderable)
	}
	return bytes.Clone(r.body), nil
}

// has reports whether a header field is set; its name is in canonical form.
func (n *head) has(name string) bool {
	for ; n != nil; n = n.prev {
		if n.name == name {
			return n.change != removeField
		}
	}
	return false
}

// apply makes the list's changes to h, oldest first. The values share one
// array, each with no room to grow into its neighbour.
func (n *head) apply(h http.Header) {
	if n != nil && n.prev == nil && n.change == setField { // a plain answer
		h[n.name] = []string{n.value}
		return
	}
	var room [8]*head
	links := room[:0]
	for ; n != nil; n = n.prev {
		if n.name != "" {
			links = append(links, n)
		}
	}
	values := make([]string, len(links))
	for i, n := range slices.Backward(links) {
		values[i] = n.value
		n.applyTo(h, values[i:i+1:i+1])
	}
}

func (n *head) applyTo(h http.Header, value []string) {
	switch n.change {
	case setField:
		h[n.name] = value
	case addField:
		h[n.name] = append(slices.Clip(h[n.name]), n.value)
	case removeField:
		delete(h, n.name)
	case addVary:
		if !varies(h["Vary"], n.value) {
			h["Vary"] = append(slices.Clip(h["Vary"]), n.value)
		}
	}
}

func varies(lines []string, name string) bool {
	for _, line := range lines {
		for listed := range strings.SplitSeq(line, ",") {
			if listed = strings.TrimSpace(listed); listed == "*" || strings.EqualFold(listed, name) {
				return true
			}
		}
	}
	return false
}

// since replays on base what was done to r after it was made from an error:
// what a stage put on a failure stands on what it is mapped to.
func (r Response) since(base Response) Response {
	var links []*head
	for n := r.head; n.change != failed; n = n.prev {
		links = append(links, n)
	}
	for _, n := range slices.Backward(links) {
		base = base.link(n.change, n.name, n.value)
		switch n.change {
		case setStatus:
			base.head.status = n.status
		case setBody:
			base.body = r.body
		}
	}
	return base
}
