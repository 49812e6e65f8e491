package weft

import (
	"fmt"
	"io"
	"net/http"
)

// Writer is a 200 whose body fn writes while it is sent: an export too long to be kept as a whole.
//
// fn runs when the stages have returned, on the request's goroutine, before the services of the request settle and are
// closed. It is not run for HEAD, where the status has no content, or where another Response is sent instead. The handler's
// ctx lasts as long as the answer, and not only as its stages and [Handler.Timeout] say; that of another stage may have ended.
//
// What fn writes is held back until it is more than 32 KiB or fn flushes: w has a Flush() error. Until then nothing
// has been sent: a body that ends within is sent with its length, and an error or a panic of fn is answered as if the stage had
// failed with it. Beyond, the body is sent as it is written, and an error or a panic drops the connection, so that
// the client sees that there is no end; it is logged, and [Sent] has it. w's errors are those of the
// connection, for which fn should return. w must not be used when fn has returned, nor by several goroutines at once.
func Writer(mediaType string, fn func(w io.Writer) error) Response {
	if fn == nil {
		return Fail(fmt.Errorf("Writer was given no function (%v)", here()))
	}
	return newChunked(mediaType, func(t *transfer) error { return fn(t) }, nil)
}

// newChunked is a 200 whose body is what produce writes, chunk by chunk. A Flush after each
// has the client read it before the next is made. stop, which may be nil, ends what is open, whether or not produce was called.
func newChunked(mediaType string, produce func(*transfer) error, stop func()) Response {
	resp := Response{head: &head{status: http.StatusOK}}.WithHeader(contentType, mediaType)
	if resp.head.err != nil {
		if stop != nil {
			stop()
		}
		return resp
	}
	resp.head.live, resp.head.open = &live{source: chunks{produce, stop}}, true
	return resp
}

// chunks is the body that a function writes.
type chunks struct {
	produce func(*transfer) error
	stop    func()
}

func (c chunks) send(_ *Request, t *transfer) error {
	if t.bodiless() {
		return nil
	}
	return c.produce(t)
}

func (c chunks) end() {
	if c.stop != nil {
		c.stop()
	}
}
