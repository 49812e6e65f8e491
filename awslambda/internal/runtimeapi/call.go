package runtimeapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"time"
)

// Invocation is what Lambda tells a function beside the event. What is zero has a default.
type Invocation struct {
	RequestID     string        // "req-1" and so on
	Timeout       time.Duration // 3 seconds
	TraceID       string        // none
	TenantID      string        // none
	ClientContext string        // none; it is JSON
}

// Call is an event that the function has taken.
type Call struct {
	Invocation
	// Deadline is what the function was told. Nothing ends the Call then: that is for its owner.
	Deadline time.Time

	event    []byte
	ctx      context.Context // ends with the Call
	end      context.CancelCauseFunc
	handed   chan struct{}
	reply    chan reply
	finished chan struct{}
}

type reply struct {
	response *Response
	failure  *Failure
}

// Response is what a function answers, from where it begins.
type Response struct {
	ContentType string
	// Body arrives while it is made. It has to be closed; what was not read then is passed over. A body that breaks off ends with an error.
	Body io.ReadCloser

	trailer http.Header
}

// Trailer is what came behind the body, when that was read to its end.
func (r *Response) Trailer() http.Header { return r.trailer }

// BrokenOff is why the function has broken off its answer, when the body was read to its end, and nil where it did not.
func (r *Response) BrokenOff() *Failure {
	kind := r.trailer.Get("Lambda-Runtime-Function-Error-Type")
	encoded := r.trailer.Get("Lambda-Runtime-Function-Error-Body")
	if kind == "" && encoded == "" {
		return nil
	}
	f := &Failure{Message: "the answer is broken off"}
	if text, err := base64.StdEncoding.DecodeString(encoded); err == nil {
		f = failureIn(bytes.NewReader(text))
	}
	if f.Type == "" {
		f.Type = kind
	}
	return f
}

// Answer waits for the beginning of the answer. An error is a [*Failure] where the function has reported one, and else why the Call has ended.
func (c *Call) Answer() (*Response, error) {
	select {
	case r := <-c.reply:
		return r.result()
	case <-c.ctx.Done():
		select {
		case r := <-c.reply: // which came before
			return r.result()
		default:
		}
		return nil, context.Cause(c.ctx)
	}
}

func (r reply) result() (*Response, error) {
	if r.failure != nil {
		return nil, r.failure
	}
	return r.response, nil
}

// Finished is closed when the function has answered and asked for the next event.
func (c *Call) Finished() <-chan struct{} { return c.finished }

// End ends the Call: who waits for the answer or reads it gets the cause. What the function still answers is passed over. A Call that has ended stays so.
func (c *Call) End(cause error) { c.end(cause) }

// finish is called once, by the API.
func (c *Call) finish() {
	c.end(nil)
	close(c.finished)
}

// respond passes an answer on while it comes.
func (c *Call) respond(r *http.Request) {
	read, write := io.Pipe()
	stop := context.AfterFunc(c.ctx, func() { _ = write.CloseWithError(context.Cause(c.ctx)) })
	defer stop()
	resp := &Response{ContentType: r.Header.Get("Content-Type"), Body: read}
	c.reply <- reply{response: resp}
	_, err := io.Copy(write, r.Body)
	if err != nil { // of either side
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if stop() { // the Call has not ended
		resp.trailer = r.Trailer
		_ = write.CloseWithError(err)
	}
}

// fail passes on what the function reports in place of an answer.
func (c *Call) fail(r *http.Request) { c.reply <- reply{failure: failureIn(r.Body)} }
