package weft

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/graph"
)

// endpoint is all the plan knows of a Handler; nothing behind it has type parameters.
type endpoint struct {
	spec
	output *output   // how the Resp is written field by field, or nil
	stream anyStream // an empty one of the Resp's type, or nil
}

//go:noinline
func (s *spec) endpoint() *endpoint {
	if s == nil || s.req == nil { // new(Handler) is as good as none
		return nil
	}
	return &endpoint{*s, newOutput(s.resp), streamOf(s.resp)}
}

// problems reports what is wrong with the declarations.
func (e *endpoint) problems() (found problemList) {
	if e.missing {
		found.add(e.at, "the handler's function is nil", "give Handle a function")
	}
	switch {
	case set(e.statusAt) && e.resp == typeResponse:
		found.add(e.statusAt, "Status has no effect on a handler that returns a Response", "use Response.WithStatus in the handler")
	case set(e.statusAt) && (e.status < 200 || e.status > 399):
		found.add(e.statusAt, fmt.Sprintf("Status(%d) is no status of a success", e.status), "use one from 200 to 399; failures are errors that the handler returns")
	}
	if set(e.timeoutAt) && e.timeout <= 0 {
		found.add(e.timeoutAt, fmt.Sprintf("Timeout(%v) has passed before the handler starts", e.timeout), "use a positive duration, or leave Timeout out")
	}
	if set(e.limitAt) && e.limit <= 0 {
		found.add(e.limitAt, fmt.Sprintf("Limit(%d) accepts no body", e.limit), "use a positive number of bytes; a handler of struct{} reads no body")
	}
	return found
}

// unanswerable reports why a Resp cannot be answered with. A codec of the user's
// knows itself what it can encode.
func (e *endpoint) unanswerable(how *input) (found problemList) {
	if e.output != nil {
		if set(e.statusAt) && e.output.Default != 0 {
			found.add(e.statusAt, fmt.Sprintf("Status(%d) and the status tag of %v, which says %d, are both the status of a success", e.status, e.resp, e.output.Default), "keep one of them")
		}
		e.output.check(how, e.validators(), func(problem, remedy string) { found.add(e.at, problem, remedy) })
		return found
	}
	if (e.stream != nil || e.readsOut()) && set(e.statusAt) && !bodyAllowed(e.status) {
		found.add(e.statusAt, fmt.Sprintf("Status(%d) is sent without a body, and the handler returns a %v", e.status, e.resp), "take another status, or return struct{}")
	}
	switch {
	case e.stream != nil:
		return append(found, e.unsendable(how)...)
	case e.readsOut():
		return found
	}
	if inner := elementOf(e.resp); inner != e.resp && binding.TaggedOutput(inner) {
		found.add(e.at, fmt.Sprintf("the response type %v is answered as JSON, tags and all", e.resp), fmt.Sprintf("return the struct %v itself", inner))
	}
	if problem, remedy := unwritable(e.resp); problem != "" && (!how.knowsItself("") || e.resp == reflect.TypeFor[*Response]()) {
		found.add(e.at, problem, remedy)
	}
	return found
}

type problemList []*BuildError

func (l *problemList) add(at callsite.Site, problem, remedy string) {
	*l = append(*l, &BuildError{Source: at.String(), Problem: problem, Remedy: remedy, at: at})
}

func set(at callsite.Site) bool { return at != callsite.Site{} }

// success is the status of a success.
func (e *endpoint) success() int {
	switch {
	case e.status != 0:
		return e.status
	case e.output != nil:
		return e.output.status()
	case empty(e.resp):
		return http.StatusNoContent
	}
	return http.StatusOK
}

// encodes reports whether a success has a body that is the Resp as JSON.
func (e *endpoint) encodes() bool {
	return e.output == nil && e.stream == nil && !e.readsOut() && e.resp != typeResponse && !empty(e.resp) && bodyAllowed(e.success())
}

// warnOfBodies warns of a handler that wants a body from requests which have none, and of one
// whose answer is never sent. A pointer may be nil.
func (r *resolution) warnOfBodies(rr *resolvedRoute, name string) {
	e := rr.endpoint
	if set(e.statusAt) && !bodyAllowed(e.status) && e.output == nil && !empty(e.resp) && e.resp.Kind() != reflect.Pointer && e.resp.Kind() != reflect.Interface {
		r.warn(e.statusAt, name, fmt.Sprintf("Status(%d) is sent without a body, and the handler returns a %v", e.status, e.resp), "return struct{}, or take another status")
	}
	method, _, _ := strings.Cut(name, " ")
	if rr.intake == nil || rr.event || method != http.MethodGet && method != http.MethodHead {
		return
	}
	for _, read := range rr.intake.reads {
		if read.Source == SourceBody && read.Required {
			r.warn(rr.at, name, fmt.Sprintf("the handler reads a body of type %v, and requests with %s have none", e.req, method),
				"give the fields tags such as path or query; one value alone is read by an extractor such as PathValue, attached with Extract")
		}
	}
}

// writes are the values that a success is made of, as far as Resp says.
func (e *endpoint) writes(a *answers) []WriteInfo {
	switch {
	case e.output != nil:
		return e.output.writes(a)
	case e.readsOut():
		return []WriteInfo{{Target: TargetBody, Form: "bytes"}}
	case e.encodes(), e.stream != nil:
		return []WriteInfo{{Target: TargetBody, Form: a.formats.form(e.resp)}}
	}
	return []WriteInfo{}
}

// statuses are those that the declarations can lead to.
func (e *endpoint) statuses(in *intake) []int {
	var statuses []int
	if e.resp != typeResponse {
		statuses = append(statuses, e.success())
	}
	if in != nil {
		statuses = append(statuses, in.statuses()...)
	}
	statuses = append(statuses, http.StatusInternalServerError)
	if e.timeout > 0 {
		statuses = append(statuses, http.StatusGatewayTimeout)
	}
	return statuses
}

// steps are the endpoint's own stages on a route; extract and respond are nil
// where there is nothing to read or to write.
func (e *endpoint) steps(route string, in *intake, limit int64, a *answers) (extract, handler, respond *stage) {
	step := func(kind Kind, name, detail string) *stage {
		return &stage{at: e.at, info: &StageInfo{
			Name: name, Kind: kind, Level: LevelRoute, Route: route, Source: e.at.String(), Detail: detail,
		}}
	}
	if in != nil {
		extract = step(KindExtract, "extract", in.describe(limit))
		extract.dispatch = e.extract(extract, in)
		extract.rules.keyUse, extract.services = in.keys, in.keys.services
		extract.info.Needs, extract.info.Reads = keyNames(in.keys.needs), keyNames(in.keys.reads)
	}
	detail := ""
	if e.timeout > 0 {
		detail = fmt.Sprintf("within %v", e.timeout)
	}
	handler = step(KindHandler, e.name, detail)
	if e.service != nil {
		handler.services = []graph.Key{*e.service}
	}
	switch {
	case e.output != nil:
		respond = step(KindRespond, "respond", e.output.describe(e.success(), a)+a.validators.describe())
	case e.readsOut():
		respond = step(KindRespond, "respond", fmt.Sprintf("%d, bytes", e.success()))
	case e.encodes(), e.stream != nil:
		respond = step(KindRespond, "respond", fmt.Sprintf("%d, %s", e.success(), a.formats.form(e.resp))+a.validators.describe())
	case a.validators != nil:
		respond = step(KindRespond, "respond", fmt.Sprint(e.success())+a.validators.describe())
	}
	return extract, handler, respond
}

// extract reads the request into a frame for the handler.
func (e *endpoint) extract(st *stage, in *intake) func(*Request, Next) Response {
	return func(r *Request, next Next) Response {
		f := e.frame()
		if err := in.read(r, f.in); err != nil {
			return st.fail(r, err)
		}
		r.state.frame = f
		return next(r)
	}
}

// reading is extract and the handler in one step. A panic is still the one's
// in which it arose.
func (e *endpoint) reading(extract *stage, in *intake, handle func(*Request, Next) Response) func(*Request, Next) Response {
	read := func(r *Request, req any) (err error) {
		returned := false
		defer rescue(&returned, &err)
		err = in.read(r, req)
		returned = true
		return err
	}
	return func(r *Request, _ Next) Response {
		f := e.frame()
		if err := read(r, f.in); err != nil {
			return extract.fail(r, err)
		}
		r.state.frame = f
		return handle(r, nil)
	}
}

// run is the innermost stage: the handler, and its answer as a Response.
func (e *endpoint) run(handler, respond *stage, a *answers, fn typedCall, w *watch, observers []Observer) func(*Request, Next) Response {
	call := e.calling(fn, w)
	answer := e.answering(handler, respond, a, observers)
	return func(r *Request, _ Next) Response {
		out, err := call(r)
		if err != nil {
			return handler.fail(r, err)
		}
		return answer(r, out)
	}
}

// calling runs the function with everything declared for it, and turns its panic into an error.
func (e *endpoint) calling(fn typedCall, w *watch) func(*Request) (any, error) {
	call := func(r *Request) (any, error) {
		f := e.framed(r)
		return f.out, fn.protected(r.ctx, f)
	}
	if inner := call; e.timeout > 0 {
		call = func(r *Request) (any, error) { return e.timed(r, inner) }
	}
	if inner := call; w != nil {
		call = func(r *Request) (any, error) { return w.call(r, inner) }
	}
	return call
}

// framed is the frame that extraction filled, or one for a Req that is not read.
func (e *endpoint) framed(r *Request) frame {
	if r.state.frame.in != nil {
		return r.state.frame
	}
	f := e.frame()
	if e.req == typeRequest { // each stage has a view of its own
		*f.in.(**Request) = r
	} else {
		r.state.frame = f
	}
	return f
}

func (fn typedCall) protected(ctx context.Context, f frame) (err error) {
	returned := false
	defer rescue(&returned, &err)
	err = fn(ctx, f)
	returned = true
	return err
}

// timed gives call a deadline. The handler is never abandoned: it is waited
// for, and a late answer is replaced by the failure that it is.
func (e *endpoint) timed(r *Request, call func(*Request) (any, error)) (any, error) {
	ctx, cancel := context.WithTimeout(r.ctx, e.timeout)
	defer cancel()
	out, err := call(r.WithContext(ctx))
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && r.ctx.Err() == nil {
		return nil, timedOut(errors.Join(fmt.Errorf("the handler returned after its deadline of %v", e.timeout), err))
	}
	return out, err
}

// errNilAnswer is the defect of a handler that returns nothing at all.
var errNilAnswer = errors.New("the handler returned nil and no error: return a value, or an error that says why there is none")

// answering turns what the handler returned into a Response, within the onion.
func (e *endpoint) answering(handler, respond *stage, a *answers, observers []Observer) func(*Request, any) Response {
	if e.resp == typeResponse {
		return func(_ *Request, out any) Response { return *out.(*Response) }
	}
	if respond == nil {
		empty := Response{head: &head{status: e.success()}}
		return func(*Request, any) Response { return empty }
	}
	var answer func(*Request, any) Response
	switch {
	case e.output != nil:
		answer = e.output.answering(handler, respond, e.success(), a)
	case e.stream != nil:
		answer = e.streaming(handler, a)
	case e.readsOut():
		answer = e.sendingReader(handler)
	case e.encodes():
		answer = e.encoding(handler, respond, a)
	default:
		answer = e.bodiless(respond, a)
	}
	if w := watchersOf(observers, respond.info); w != nil {
		inner := answer
		answer = func(r *Request, out any) Response {
			return w.respond(r, func(r *Request) Response { return inner(r, out) })
		}
	}
	return answer
}

// nullTest tells whether a t, given as a *t, is nothing; it is nil for
// types that are always something.
func nullTest(t reflect.Type) func(out any) bool {
	switch t.Kind() {
	case reflect.Pointer:
		return func(out any) bool {
			_, there := binding.TargetOf(out).Indirect()
			return !there
		}
	case reflect.Interface: // which may hold a nil pointer
		return func(out any) bool {
			return isNull(reflect.ValueOf(out).Elem().Interface())
		}
	}
	return nil
}

// encode is the boundary of the user's MarshalJSON methods.
func (st *stage) encode(c Codec, v any) (body []byte, err error) {
	returned := false
	defer rescue(&returned, &err)
	body, err = c.Encode(v)
	returned = true
	return body, err
}
