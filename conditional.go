package weft

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/conditional"
)

// Tagged is a value that has an entity tag (RFC 9110 section 8.8.3): a version, or a hash of what is in it. A Resp, what it
// points to, or the body field of one with tags that has the method is answered with ETag, and a GET or HEAD with If-None-Match or
// If-Match as the RFC says: with a 304 without a body, or a 412. Whether a Resp has it is known by its type, at Build; a nil one is not asked.
type Tagged interface {
	// ETag is the tag as it is sent, "v7" or W/"v7" with the quotes, which are added where they are missing; "" is none.
	ETag() string
}

// Dated is a value that knows when it was modified last (RFC 9110 section 8.8.2); see [Tagged]. It is
// answered with Last-Modified, and If-Modified-Since and If-Unmodified-Since are heeded. The zero time is not known.
type Dated interface {
	LastModified() time.Time
}

// ErrPreconditionFailed is the cause of a 412: the resource is not in the state that the request asks for.
var ErrPreconditionFailed = errors.New("a precondition of the request does not hold")

// ErrPreconditionRequired is the cause of a 428 (RFC 6585 section 3); see [Preconditions.Require].
var ErrPreconditionRequired = errors.New("the request has no precondition, and needs one")

func preconditionFailed() error {
	return &Error{
		Status: http.StatusPreconditionFailed, Code: "precondition_failed",
		Detail: "The resource is not in the state that the request asks for.", Cause: ErrPreconditionFailed,
	}
}

// Preconditions are what a request says of the state that its target must be in, by If-Match, If-None-Match, If-Unmodified-Since and
// If-Modified-Since (RFC 9110 section 13). A field of this type in a Req extracts itself. Only who is about to change the target
// can compare, so a handler of PUT, PATCH, DELETE or POST asks, within its transaction and before it changes anything:
//
//	if err := in.If.Check(order.ETag(), time.Time{}); err != nil {
//		return Order{}, err // a 412
//	}
//
// The zero Preconditions demand nothing.
type Preconditions struct {
	asked    conditional.Conditions
	method   string
	variants []string
}

// FromRequest reads the fields of r. If-Match and If-None-Match that are no lists of entity tags are a 400.
func (p *Preconditions) FromRequest(r *Request) error {
	p.asked, p.method, p.variants = conditional.Of(r.Header()), r.http.Method, r.state.input.variants
	var broken *InvalidRequest
	for _, field := range []struct {
		name  string
		lines []string
	}{{"If-Match", p.asked.IfMatch}, {"If-None-Match", p.asked.IfNoneMatch}} {
		if field.lines == nil || conditional.WellFormed(field.lines) {
			continue
		}
		malformed := invalid(http.StatusBadRequest, FieldError{Source: SourceHeader, Name: field.name, Code: CodeMalformed})
		if broken == nil {
			broken = malformed
		} else {
			broken.add(malformed)
		}
	}
	if broken != nil {
		return broken
	}
	return nil
}

// Check compares with the state that the target has now: its entity tag, as [Tagged] writes it or "" for none, and when it was
// modified last, or the zero time. The error is a 412 whose cause is [ErrPreconditionFailed]. Steps 1 to 3 of RFC 9110 section 13.2.2 decide;
// a 304 to a GET or HEAD is not for Check but for [Preconditions.NotModified], and made of a [Tagged] Resp.
//
// A tag of any format that the target is answered in stands for its state.
func (p Preconditions) Check(etag string, modified time.Time) error {
	now, err := p.state(etag, modified)
	if err == nil && p.asked.Failed(p.method, true, now) {
		err = preconditionFailed()
	}
	return err
}

// CheckAbsent is Check where there is nothing at the target yet: If-Match does not hold then, and If-None-Match does.
func (p Preconditions) CheckAbsent() error {
	if p.asked.Failed(p.method, false, conditional.Validators{}) {
		return preconditionFailed()
	}
	return nil
}

// Require is an error where the request has neither If-Match nor If-Unmodified-Since, so that nobody overwrites what they have
// not seen: a 428 (RFC 6585 section 3) whose cause is [ErrPreconditionRequired].
func (p Preconditions) Require() error {
	if p.asked.IfMatch != nil || p.asked.IfUnmodifiedSince != nil {
		return nil
	}
	return &Error{
		Status: http.StatusPreconditionRequired, Code: "precondition_required",
		Detail: "Say by If-Match which state of the resource this is about.", Cause: ErrPreconditionRequired,
	}
}

// NotModified reports whether a GET or HEAD can be answered with a 304: for a handler that makes its [Response] itself, and to save
// work. Check comes first.
func (p Preconditions) NotModified(etag string, modified time.Time) bool {
	now, err := p.state(etag, modified)
	return err == nil && p.asked.NotModified(p.method, now)
}

func (p Preconditions) state(etag string, modified time.Time) (now conditional.Validators, err error) {
	now.Modified = modified
	if now.Tag, err = conditional.Tag(etag); err != nil {
		return now, fmt.Errorf("Preconditions were given a tag that is %w", err)
	}
	if now.Tag != "" && (p.asked.IfMatch != nil || p.asked.IfNoneMatch != nil) {
		for _, variant := range p.variants {
			now.Variants = append(now.Variants, conditional.Variant(now.Tag, variant))
		}
	}
	return now, nil
}

// validators reads the state of what a handler returned.
type validators struct {
	of            func(out any) any // what has the methods, of a *Resp; nil where there is none
	tagged, dated bool
}

var (
	typeTagged = reflect.TypeFor[Tagged]()
	typeDated  = reflect.TypeFor[Dated]()
)

// validators are those of the Resp, or of its body field; nil where it has none.
func (e *endpoint) validators() *validators {
	if e.resp == typeResponse || e.resp.Kind() == reflect.Interface {
		return nil
	}
	if v := validatorsOf(e.resp); v != nil || e.output == nil || e.output.Body == nil {
		return v
	}
	v := validatorsOf(e.output.Body.Type)
	if v == nil {
		return nil
	}
	body, inner, pointer := e.output.Body, v.of, e.output.pointer
	v.of = func(out any) any {
		at := binding.TargetOf(out)
		if pointer {
			at, _ = at.Indirect() // nil was answered before
		}
		return inner(body.Pointer(at))
	}
	return v
}

// validatorsOf are those of a t, given as a *t.
func validatorsOf(t reflect.Type) *validators {
	if t.Kind() == reflect.Interface {
		return nil
	}
	holder, pointer := reflect.PointerTo(t), t.Kind() == reflect.Pointer
	if pointer {
		holder = t
	}
	v := &validators{of: func(out any) any { return out }, tagged: holder.Implements(typeTagged), dated: holder.Implements(typeDated)}
	if !v.tagged && !v.dated {
		return nil
	}
	if pointer {
		inside := binding.Boxed(t)
		v.of = func(out any) any {
			if _, there := binding.TargetOf(out).Indirect(); !there {
				return nil
			}
			return inside(out)
		}
	}
	return v
}

// read asks the methods, and is their boundary. There is nothing to ask where what has them is nil.
func (v *validators) read(out any, variant string) (now conditional.Validators, there bool, err error) {
	returned := false
	defer rescue(&returned, &err)
	if value := v.of(out); value != nil {
		there = true
		now, err = v.ask(value, variant)
	}
	returned = true
	return now, there, err
}

func (v *validators) ask(value any, variant string) (now conditional.Validators, err error) {
	if v.tagged {
		tag, err := conditional.Tag(value.(Tagged).ETag())
		if err != nil {
			return now, fmt.Errorf("the ETag of a %T is %w", value, err)
		}
		now.Tag = conditional.Variant(tag, variant)
	}
	if v.dated {
		now.Modified = value.(Dated).LastModified()
	}
	return now, nil
}

const (
	fieldETag         = "Etag" // as http.CanonicalHeaderKey has it
	fieldLastModified = "Last-Modified"
)

// withValidators adds the fields that tell the state.
func (r Response) withValidators(now conditional.Validators) Response {
	if now.Tag != "" {
		r = r.link(setField, fieldETag, now.Tag)
	}
	if !now.Modified.IsZero() {
		modified := now.Modified
		if clock := time.Now(); modified.After(clock) { // RFC 9110 section 8.8.2.1: never later than the answer
			modified = clock
		}
		r = r.link(setField, fieldLastModified, modified.UTC().Format(http.TimeFormat))
	}
	return r
}

// notModified is the 304 in place of r: without the fields that describe a body which is not sent, among them
// Last-Modified where there is a tag (RFC 9110 section 15.4.5).
func (r Response) notModified() Response {
	described := []string{contentType, "Content-Encoding", "Content-Language", "Content-Range"}
	if r.head.sets(fieldETag) {
		described = append(described, fieldLastModified)
	}
	for _, name := range described {
		if r.head.sets(name) {
			r = r.WithoutHeader(name)
		}
	}
	r.body = nil
	return r.WithStatus(http.StatusNotModified)
}

// sets reports whether a link of the list sets the field.
func (n *head) sets(name string) bool {
	for ; n != nil; n = n.prev {
		if n.name == name && n.change != removeField {
			return true
		}
	}
	return false
}

// describe says in the plan what is sent and heeded.
func (v *validators) describe() string {
	switch {
	case v == nil:
		return ""
	case v.tagged && v.dated:
		return "; with ETag and Last-Modified"
	case v.tagged:
		return "; with ETag"
	}
	return "; with Last-Modified"
}

// statuses are those that conditions on a request can lead to.
func (a *answers) statuses(method string, in *intake) (statuses []int) {
	if a.formats != nil && a.formats.strict {
		statuses = append(statuses, http.StatusNotAcceptable)
	}
	reads := a.validators != nil && (method == "" || conditional.Reads(method))
	if reads {
		statuses = append(statuses, http.StatusNotModified)
	}
	if reads || in != nil && slices.ContainsFunc(in.reads, func(r ReadInfo) bool { return r.Form == preconditionsForm }) {
		statuses = append(statuses, http.StatusPreconditionFailed)
	}
	return statuses
}

var preconditionsForm = reflect.TypeFor[Preconditions]().String()

// produces are the media types of a success, as far as the Resp says.
func (e *endpoint) produces(a *answers) []string {
	kind := ""
	switch {
	case e.negotiable() != nil && a.formats != nil:
		return a.formats.names
	case e.negotiable() != nil:
		kind = "json"
	case e.output != nil && e.output.Body != nil:
		kind = cmp.Or(e.output.Body.Kind, "json")
	default:
		return []string{}
	}
	return []string{mediaType(kind)}
}
