package weft

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/httpfield"
)

// Target is the part of an answer that a value goes to.
type Target string

// The targets.
const (
	TargetStatus Target = Target(binding.Status)
	TargetHeader Target = Target(binding.Header)
	TargetCookie Target = Target(binding.Cookie)
	TargetBody   Target = Target(binding.Body)
)

// WriteInfo describes one value that a success is made of.
type WriteInfo struct {
	Target Target `json:"target"`
	// Name is the name of the header field or the cookie, "" for status and body.
	Name string `json:"name,omitempty"`
	// Form is what a client gets: "text", "integer", "time as 2006-01-02", "weft.Order as JSON", ...
	Form string `json:"form"`
}

// String is the value in one line, as the plan prints it: "header Location: text".
func (w WriteInfo) String() string {
	return strings.TrimSpace(string(w.Target)+" "+w.Name) + ": " + w.Form
}

// output is how a Resp that is a struct with tags is written, compiled from its
// type; nil for any other Resp.
type output struct {
	*binding.Output
	problems []binding.Problem
	pointer  bool // the Resp is a pointer to the struct
}

func newOutput(t reflect.Type) *output {
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if !binding.TaggedOutput(t) {
		return nil
	}
	compiled, problems := binding.CompileOutput(t, bindingTypes)
	return &output{compiled, problems, pointer}
}

// check reports what is wrong with the struct. A codec of the user's knows itself what it can encode.
func (o *output) check(how *input, v *validators, report func(problem, remedy string)) {
	reportAll(o.problems, report)
	for _, w := range o.Writes {
		if said := w.Target == binding.Header && v != nil && (w.Name == fieldETag && v.tagged || w.Name == fieldLastModified && v.dated); said {
			report(fmt.Sprintf("the answer has the header %q from a field, and from a method", w.Name), "keep one of them; the method also heeds the conditions of requests")
		}
	}
	if o.Body != nil && (o.Body.Kind == "json" || o.Body.Kind == "") && !how.knowsItself(o.Body.Kind) {
		if problem, remedy := uncodable("the body of the answer", o.Body.Type, false, map[reflect.Type]bool{}); problem != "" {
			report(problem, remedy)
		}
	}
}

// status is the one that a success has where the handler says nothing else.
func (o *output) status() int {
	switch {
	case o.Default != 0:
		return o.Default
	case o.Body == nil:
		return http.StatusNoContent
	}
	return http.StatusOK
}

// describe is the detail of the respond stage in the plan.
func (o *output) describe(status int, a *answers) string {
	text := fmt.Sprint(status)
	if o.SetsStatus() {
		text += " or as the handler says"
	}
	for _, w := range o.writes(a) {
		if w.Target != TargetStatus {
			text += "; " + w.String()
		}
	}
	return text
}

func (o *output) writes(a *answers) []WriteInfo {
	writes := make([]WriteInfo, len(o.Writes))
	for i, w := range o.Writes {
		writes[i] = WriteInfo{Target(w.Target), w.Name, w.Form}
		if w.Target == binding.Body && o.Body.Kind == "" {
			writes[i].Form = a.formats.form(o.Body.Type)
		}
	}
	return writes
}

// mediaType is that of a kind of body, unless a header field says another.
func mediaType(kind string) string {
	switch kind {
	case "json", "":
		return jsonType
	case "text":
		return textType
	}
	return "application/octet-stream"
}

// answering turns a *Resp into a Response. status is that of a success.
func (o *output) answering(handler, respond *stage, status int, a *answers) func(*Request, any) Response {
	w := &outputWriter{output: o, answers: a, bare: &head{status: status}}
	if o.Body != nil {
		w.typed, w.null = []*head{newHead(status, mediaType(o.Body.Kind))}, nullTest(o.Body.Type)
		if o.Body.Kind == "" {
			w.typed = a.formats.heads(status)
		}
	}
	return func(r *Request, out any) Response {
		at := binding.TargetOf(out)
		if o.pointer {
			var there bool
			if at, there = at.Indirect(); !there {
				return handler.fail(r, errNilAnswer)
			}
		}
		resp, err := w.write(r, out, at)
		switch {
		case err == errNilAnswer:
			return handler.fail(r, err)
		case err != nil:
			return respond.fail(r, err)
		}
		return resp
	}
}

// outputWriter holds what all answers of a route share.
type outputWriter struct {
	*output
	*answers
	bare  *head   // without a body
	typed []*head // with one, in each format; nil where there is none
	null  func(body any) bool
}

// write is the boundary of the user's methods that make text and bodies.
func (w *outputWriter) write(r *Request, out any, at binding.Target) (resp Response, err error) {
	returned := false
	defer rescue(&returned, &err)
	resp, err = w.written(r, out, at)
	returned = true
	return resp, err
}

func (w *outputWriter) written(r *Request, out any, at binding.Target) (Response, error) {
	status := w.bare.status
	if set := w.Status(at); set != 0 {
		if !finalStatus(set) {
			return Response{}, fmt.Errorf("the handler answered with status %d: use one from 200 to 599", set)
		}
		status = int(set)
	}
	var room [8]binding.Line
	lines, err := w.AppendLines(room[:0], at)
	if err != nil {
		return Response{}, err
	}
	for _, line := range lines {
		if !httpfield.ValidValue(line.Value) {
			return Response{}, &invalidFieldError{line.Name}
		}
	}
	resp, format := Response{head: w.bare}, 0
	embodied := w.Body != nil && bodyAllowed(status)
	if embodied {
		if w.Body.Kind == "" {
			format = w.formats.choose(r)
		}
		resp.head = w.typed[format]
	}
	resp = resp.withLines(status, lines)
	if embodied && w.Body.Kind == "" && w.formats.varies() && slices.ContainsFunc(lines, func(l binding.Line) bool { return l.Name == fieldVary }) {
		resp = resp.Vary(fieldAccept) // beside what the handler says
	}
	if w.validators != nil {
		var decided bool
		if resp, decided, err = w.validated(r, resp, out, format); err != nil || decided {
			return resp, err
		}
	}
	if embodied {
		if resp.body, err = w.encode(w.codec(r, format), at); err != nil {
			return Response{}, err
		}
	}
	return resp, nil
}

// encode is the body.
func (w *outputWriter) encode(c Codec, at binding.Target) ([]byte, error) {
	if w.Body.Kind != "json" && w.Body.Kind != "" {
		return w.Body.Bytes(at)
	}
	v := w.Body.Pointer(at)
	if w.null != nil && w.null(v) {
		return nil, errNilAnswer
	}
	return c.Encode(v)
}

// withLines links a status and header fields, all of them in one allocation:
// they live and die together. The first of each name replaces what stands there, except that of a cookie.
func (r Response) withLines(status int, lines []binding.Line) Response {
	if len(lines) == 0 {
		if status == r.head.status {
			return r
		}
		return r.WithStatus(status)
	}
	links := make([]head, len(lines))
	for i, line := range lines {
		c := setField
		if line.Name == "Set-Cookie" || i > 0 && lines[i-1].Name == line.Name {
			c = addField
		}
		links[i] = head{prev: r.head, change: c, name: line.Name, value: line.Value, status: status}
		r.head = &links[i]
	}
	return r
}
