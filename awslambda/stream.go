package awslambda

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Stream answers an event while the answer is made, where the source can take that and [Streaming] was said; else as a whole. The Reader is
// what a func handler of package lambda is to return: it says its media type, and its Close has to be called.
// An answer that breaks off has Lambda's error as its Read error, which the runtime sends behind the body, as trailers.
func (f *Function) Stream(ctx context.Context, payload []byte) (io.Reader, error) {
	e, form, err := f.read(payload)
	if err != nil {
		return nil, err
	}
	if !f.streaming || !form.streams() {
		return f.wholeReader(ctx, e, form, payload)
	}
	reserved, cancel := f.reserved(ctx)
	w := &streamed{head: newHead(form, ""), ready: make(chan struct{})}
	reader, writer := io.Pipe()
	w.out = writer
	hr, err := f.request(f.facts(ctx, reserved, e, form), e, form)
	done := make(chan struct{})
	if err == nil {
		w.method = hr.Method
	}
	go func() {
		ended := errUnwound
		defer func() {
			w.end(ended)
			await(ctx, w.work)
			cancel()
			close(done)
		}()
		if err != nil {
			refuse(w, err)
			ended = nil
			return
		}
		ended = serve(f.server, w, hr)
	}()
	<-w.ready
	if w.failed != nil {
		<-done
		return nil, w.failed
	}
	return &streamReader{PipeReader: reader, cancel: cancel, done: done}, nil
}

func (f *Function) wholeReader(ctx context.Context, e *event, form format, payload []byte) (io.Reader, error) {
	answer, err := f.answer(ctx, e, form, payload)
	if err != nil {
		return nil, err
	}
	return &wholeReader{answer}, nil
}

// wholeReader is an answer that is there. Its media type has the runtime send it as JSON.
type wholeReader struct{ rest []byte }

func (r *wholeReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// ContentType is for the runtime.
func (*wholeReader) ContentType() string { return "application/json" }

// MarshalJSON is refused, which tells the runtime to read.
func (*wholeReader) MarshalJSON() ([]byte, error) { return nil, errNoJSON }

var errNoJSON = errors.New("awslambda: an answer is read")

// streamReader is an answer on its way.
type streamReader struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  bool            // it was read to its end
	done   <-chan struct{} // the request is over
}

// ContentType tells Lambda that the body begins with status and header.
func (*streamReader) ContentType() string {
	return "application/vnd.awslambda.http-integration-response"
}

// MarshalJSON is refused, which tells the runtime to read.
func (*streamReader) MarshalJSON() ([]byte, error) { return nil, errNoJSON }

// Read reads the answer.
func (r *streamReader) Read(p []byte) (int, error) {
	n, err := r.PipeReader.Read(p)
	r.ended = r.ended || err != nil
	return n, err
}

// Close ends the request where it has not ended, and waits for it and its work.
func (r *streamReader) Close() error {
	err := r.PipeReader.Close()
	if !r.ended {
		r.cancel()
	}
	<-r.done
	return err
}

// streamed is the ResponseWriter of an answer that is sent while it is made. What is written is sent when it is flushed, or
// when sendingRoom has come together, as over a connection.
type streamed struct {
	head
	out  *io.PipeWriter
	work <-chan struct{}

	mu     sync.Mutex // Flush may be called on another goroutine than Write
	buffer []byte
	begun  bool
	ready  chan struct{} // closed when the head is known, or never will be
	failed error         // in place of a head
}

const sendingRoom = 4 << 10

// WriteHeader ends the header.
func (w *streamed) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head.WriteHeader(status)
}

// Write takes the next part of the body.
func (w *streamed) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.takes(p)
	if err != nil {
		return 0, err
	}
	w.buffer = append(w.buffer, p[:n]...)
	if len(w.buffer) >= sendingRoom {
		if err := w.send(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Flush sends what was written.
func (w *streamed) Flush() { _ = w.FlushError() }

// FlushError is for [http.ResponseController].
func (w *streamed) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 {
		w.head.WriteHeader(http.StatusOK)
	}
	return w.send()
}

// Await is for weft: the request is not over before its work is.
func (w *streamed) Await(done <-chan struct{}) { w.work = done }

// send sends what there is, behind the head where that was not sent: JSON, and eight zero bytes.
func (w *streamed) send() error {
	part := w.buffer
	if !w.begun {
		w.begun = true
		close(w.ready)
		part = append(w.appendRest(w.text), "}\x00\x00\x00\x00\x00\x00\x00\x00"...)
		part = append(part, w.buffer...)
	}
	w.buffer = w.buffer[:0]
	if len(part) == 0 {
		return nil
	}
	_, err := w.out.Write(part)
	return err
}

// end is called when the request is over, with why it has no answer, or none that is complete.
func (w *streamed) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.incomplete() {
		err = failure("InvalidAnswer", io.ErrUnexpectedEOF)
	}
	switch {
	case err != nil && !w.begun:
		w.failed = err
		close(w.ready)
	case err != nil:
		_ = w.out.CloseWithError(err)
	default:
		if w.status == 0 {
			w.head.WriteHeader(http.StatusOK)
		}
		_ = w.send() // nobody may read
		_ = w.out.Close()
	}
}
