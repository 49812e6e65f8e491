package wefttest

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// wireBuffer is how many bytes net/http keeps of what a handler writes, until it flushes or returns.
const wireBuffer = 2048

var errDropped = errors.New("the connection was dropped without an answer, as by http.ErrAbortHandler")

// wire is the ResponseWriter of a request in process. As over a connection, what
// is written arrives when it is flushed, when wireBuffer bytes have come together, or at the end; and a
// handler waits for a client that does not read.
type wire struct {
	method string
	header http.Header
	body   *io.PipeReader
	out    *io.PipeWriter
	ready  chan struct{} // closed when the head has arrived, or never will

	mu      sync.Mutex // Flush may be called on another goroutine than Write
	status  int        // 0 until it is written
	sent    http.Header
	buffer  []byte
	written int64
	arrived bool

	// What has arrived, from when ready is closed.
	final http.Header
	err   error // in place of a head
}

func newWire(method string) *wire {
	w := &wire{method: method, header: http.Header{}, ready: make(chan struct{})}
	w.body, w.out = io.Pipe()
	return w
}

func (w *wire) Header() http.Header { return w.header }

func (w *wire) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *wire) writeHeader(status int) {
	if w.status == 0 && (status < 100 || status > 199) { // the informational ones go unseen
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	if !w.bodyAllowed() {
		return 0, http.ErrBodyNotAllowed
	}
	first := w.written == 0
	w.written += int64(len(p))
	if length, said := w.length(); said && w.written > length {
		return 0, http.ErrContentLength
	}
	if _, typed := w.sent["Content-Type"]; !typed && first && len(p) > 0 && w.sent.Get("Content-Encoding") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(p))
	}
	if w.method == http.MethodHead {
		return len(p), nil
	}
	w.buffer = append(w.buffer, p...)
	if len(w.buffer) < wireBuffer {
		return len(p), nil
	}
	return len(p), w.flush()
}

// length is what the handler has said that the body is long.
func (w *wire) length() (length int64, said bool) {
	length, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64)
	return length, err == nil
}

// bodyAllowed reports whether the status has content (RFC 9110 sections 15.3.5 and 15.4.5).
func (w *wire) bodyAllowed() bool {
	return w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

// Flush sends what was written.
func (w *wire) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController.
func (w *wire) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	return w.flush()
}

func (w *wire) flush() error {
	w.arrive()
	p := w.buffer
	w.buffer = nil
	if len(p) == 0 {
		return nil
	}
	_, err := w.out.Write(p)
	return err
}

func (w *wire) arrive() {
	if w.arrived {
		return
	}
	w.arrived, w.final = true, http.Header{}
	for name, values := range w.sent {
		if values != nil { // a nil one keeps net/http from guessing
			w.final[name] = values
		}
	}
	close(w.ready)
}

// end is called when the handler has returned, or with what it ended with in place of that.
func (w *wire) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if !w.arrived {
			w.err = err
		}
		w.arrive()
		w.out.CloseWithError(err)
		return
	}
	w.writeHeader(http.StatusOK)
	if _, said := w.sent["Content-Length"]; !said && !w.arrived && w.bodyAllowed() && (w.method != http.MethodHead || w.written > 0) {
		w.sent.Set("Content-Length", strconv.FormatInt(w.written, 10))
	}
	if err := w.flush(); err != nil {
		return // nobody reads
	}
	if length, said := w.length(); said && length != w.written && w.bodyAllowed() && w.method != http.MethodHead {
		w.out.CloseWithError(io.ErrUnexpectedEOF)
		return
	}
	_ = w.out.Close() // never fails
}

// head waits for what arrives first.
func (w *wire) head() (status int, header http.Header, err error) {
	<-w.ready
	return w.status, w.final, w.err
}
