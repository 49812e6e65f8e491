package weft

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/weft-go/weft/internal/conditional"
	"github.com/weft-go/weft/internal/negotiation"
)

// ErrNotAcceptable is the cause of a 406: the client's Accept takes none of the formats that a route answers in, which is
// [Formats.Strict] about it.
var ErrNotAcceptable = errors.New("the request's Accept takes nothing that there is")

// Accepts is the one of the media types that the client's Accept prefers (RFC 9110 section 12.5.1); of those it likes
// equally well, where it says nothing, and where it cannot be read, the first. It is "" where Accept takes none of them. One
// that is no media type is never chosen. Who answers by it says so: Response.Vary("Accept").
func (r *Request) Accepts(mediaTypes ...string) string {
	offers, names := make([]negotiation.MediaType, 0, len(mediaTypes)), make([]string, 0, len(mediaTypes))
	for _, name := range mediaTypes {
		if m, err := negotiation.Parse(name); err == nil {
			offers, names = append(offers, m), append(names, name)
		}
	}
	if i := negotiation.Choose(r.http.Header[fieldAccept], offers); i >= 0 && i < len(names) {
		return names[i]
	}
	return ""
}

const (
	fieldAccept = "Accept"
	fieldVary   = "Vary"
)

// answers is how what a handler returns is answered. The zero value is in JSON, without conditions.
type answers struct {
	formats    *formats    // nil is JSON alone
	validators *validators // nil where the Resp has none
}

// choose is the index of the format that the client prefers, the first where it takes none.
func (f *formats) choose(r *Request) int {
	if f == nil || len(f.types) == 1 {
		return 0
	}
	return max(0, negotiation.Choose(r.http.Header[fieldAccept], f.types))
}

// strictly is dispatch, for requests that take one of the formats.
func (f *formats) strictly(respond *stage, dispatch func(*Request, Next) Response) func(*Request, Next) Response {
	if f == nil || !f.strict {
		return dispatch
	}
	return func(r *Request, next Next) Response {
		if negotiation.Choose(r.http.Header[fieldAccept], f.types) < 0 {
			return respond.fail(r, f.notAcceptable()).Vary(fieldAccept)
		}
		return dispatch(r, next)
	}
}

func (f *formats) notAcceptable() error {
	return &Error{
		Status: http.StatusNotAcceptable, Code: "not_acceptable", Detail: "Accept takes none of what there is: see available.",
		Extensions: map[string]any{"available": f.names}, Cause: ErrNotAcceptable,
	}
}

// varies reports whether the answer depends on Accept.
func (f *formats) varies() bool { return f != nil && (len(f.names) > 1 || f.strict) }

// heads are those of the answers in each format. All answers of a route share them.
func (f *formats) heads(status int) []*head {
	if f == nil {
		return []*head{newHead(status, jsonType)}
	}
	heads := make([]*head, len(f.names))
	for i, name := range f.names {
		resp := Response{head: newHead(status, name)}
		if f.varies() {
			resp = resp.Vary(fieldAccept)
		}
		heads[i] = resp.head
	}
	return heads
}

// form is what a client gets of a t, as the plan says it.
func (f *formats) form(t reflect.Type) string {
	if f == nil {
		return t.String() + " as JSON"
	}
	return t.String() + " as " + f.known()
}

// negotiable is the type of what is encoded in the format that the client prefers, nil where there is none.
func (e *endpoint) negotiable() reflect.Type {
	switch {
	case e.output != nil && e.output.Body != nil && e.output.Body.Kind == "":
		return e.output.Body.Type
	case e.encodes():
		return e.resp
	}
	return nil
}

// codec is that of the format with the index i.
func (a *answers) codec(r *Request, i int) Codec {
	if a.formats == nil || a.formats.by[i].json {
		return r.state.input.codec
	}
	return a.formats.by[i].codec
}

// variant is that of the format with the index i.
func (a *answers) variant(i int) string {
	if a.formats == nil {
		return ""
	}
	return a.formats.by[i].variant
}

// validated adds what tells the state of what is answered. decided says that
// the body is not to be sent: err is that of a precondition, or of the validators; else the answer is a 304.
func (a *answers) validated(r *Request, resp Response, out any, format int) (_ Response, decided bool, err error) {
	now, there, err := a.validators.read(out, a.variant(format))
	if err != nil || !there {
		return resp, err != nil, err
	}
	resp = resp.withValidators(now)
	if method := r.http.Method; conditional.Reads(method) && resp.head.status/100 == 2 {
		asked := conditional.Of(r.http.Header)
		switch {
		case asked.Failed(method, true, now):
			return resp, true, preconditionFailed()
		case asked.NotModified(method, now):
			return resp.notModified(), true, nil
		}
	}
	return resp, false, nil
}

// encoding answers with the Resp, in the format that the client prefers.
func (e *endpoint) encoding(handler, respond *stage, a *answers) func(*Request, any) Response {
	heads := a.formats.heads(e.success())
	null := nullTest(e.resp)
	if a.formats == nil && a.validators == nil {
		base := heads[0]
		return func(r *Request, out any) Response {
			if null != nil && null(out) {
				return handler.fail(r, errNilAnswer)
			}
			body, err := respond.encode(r.state.input.codec, out)
			if err != nil {
				return respond.fail(r, err)
			}
			return Response{base, body}
		}
	}
	return func(r *Request, out any) Response {
		if null != nil && null(out) {
			return handler.fail(r, errNilAnswer)
		}
		i := a.formats.choose(r)
		resp := Response{head: heads[i]}
		if a.validators != nil {
			decided, err := false, error(nil)
			if resp, decided, err = a.validated(r, resp, out, i); err != nil {
				return respond.fail(r, err)
			} else if decided {
				return resp
			}
		}
		body, err := respond.encode(a.codec(r, i), out)
		if err != nil {
			return respond.fail(r, err)
		}
		resp.body = body
		return resp
	}
}

// bodiless answers without a body, and with what tells the state of the Resp.
func (e *endpoint) bodiless(respond *stage, a *answers) func(*Request, any) Response {
	base := Response{head: &head{status: e.success()}}
	return func(r *Request, out any) Response {
		resp, _, err := a.validated(r, base, out, 0)
		if err != nil {
			return respond.fail(r, err)
		}
		return resp
	}
}
