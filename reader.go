package weft

import (
	"errors"
	"io"
	"net/http"
	"reflect"
)

// Reader is a 200 whose body is what r reads, for one request: it can be read once. What r has at a time is sent at
// once. It is closed with the request where it is an [io.Closer]. A handler may return an [io.Reader] or an [io.ReadCloser] as its
// Resp as well, which is sent as application/octet-stream.
//
// An error of r is answered as the handler's, where nothing was sent; else it drops the connection. When the client leaves r is
// not interrupted: what may wait for long is to end with the handler's context.
func Reader(mediaType string, r io.Reader) Response {
	if r == nil || isNull(r) {
		return Fail(errors.New("a Reader of nothing: give it one"))
	}
	resp := Response{head: &head{status: http.StatusOK}}.WithHeader(contentType, mediaType)
	if resp.head.err != nil {
		closeReader(r)
		return resp
	}
	return resp.streaming(&readerSource{r})
}

type readerSource struct{ io.Reader }

func (s *readerSource) send(_ *Request, t *transfer) error {
	if t.bodiless() {
		return nil
	}
	_, whole := s.Reader.(interface{ Len() int }) // it is all there
	buf := make([]byte, heldBack)
	for {
		n, err := s.Read(buf)
		if n > 0 {
			_, _ = t.Write(buf[:n]) // t.err has it
			if n < len(buf) && !whole && err == nil {
				_ = t.Flush()
			}
		}
		switch {
		case err == io.EOF || t.err != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

func (s *readerSource) end() { closeReader(s.Reader) }

func closeReader(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		_ = c.Close()
	}
}

// readsOut reports whether a Resp is sent as what it reads.
func (e *endpoint) readsOut() bool {
	return e.resp == reflect.TypeFor[io.Reader]() || e.resp == reflect.TypeFor[io.ReadCloser]()
}

// sendingReader answers with what a Resp reads.
func (e *endpoint) sendingReader(handler *stage) func(*Request, any) Response {
	base := newHead(e.success(), octetType)
	return func(r *Request, out any) Response {
		var from io.Reader
		switch out := out.(type) {
		case *io.Reader:
			from = *out
		case *io.ReadCloser:
			from = *out
		}
		if from == nil || isNull(from) {
			return handler.fail(r, errNilAnswer)
		}
		return Response{head: base}.streaming(&readerSource{from}).ownedBy(r, handler)
	}
}
