package weft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// body is the content of a request, read once.
type body struct {
	bytes  []byte
	err    error
	pooled *[]byte // the buffer that holds bytes, while nobody else may have them
	read   bool
	barred *guard // a guard that is being asked and has not said that it reads the body
}

// permitted is the error of a guard that reads the body and has not said so.
func (b *body) permitted() error {
	if b.barred != nil {
		return fmt.Errorf("the guard %q reads the body and has not said so: give it the option ReadsBody", b.barred.name)
	}
	return nil
}

// bodyPool holds buffers of bodies. Each server has its own.
type bodyPool struct{ sync.Pool }

const (
	bodyRoom = 512 // to read into beyond what is expected, so that the end is seen without growing
	// maxFirstRoom is how much is made room for on the word of a client. More grows with what really comes.
	maxFirstRoom = 1 << 20
	maxPoolRoom  = 64 << 10 // larger buffers are left to the garbage collector
)

// buffer returns an empty buffer with room for size bytes.
func (p *bodyPool) buffer(size int64) *[]byte {
	buf, _ := p.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	if int64(cap(*buf)) < size {
		*buf = make([]byte, 0, size)
	}
	return buf
}

// readFrom reads the content of hr, of which limit bytes are accepted.
func (b *body) readFrom(hr *http.Request, srv *Server, limit int64) error {
	if hr.ContentLength > limit {
		return tooLarge(limit)
	}
	if hr.Body == nil || hr.Body == http.NoBody {
		return nil
	}
	room := min(max(hr.ContentLength, 0), limit, maxFirstRoom) + bodyRoom
	if srv == nil {
		b.bytes = make([]byte, 0, room)
	} else {
		b.pooled = srv.bodies.buffer(room)
		b.bytes = (*b.pooled)[:0]
	}
	from := io.LimitReader(hr.Body, limit+1) // one more tells too large from just large enough
	for {
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if int64(len(b.bytes)) > limit {
			return tooLarge(limit)
		}
		switch {
		case err == io.EOF:
			return nil
		case errorIs[*http.MaxBytesError](err): // a limit that somebody else set, lower than ours
			return tooLarge(limit)
		case err != nil:
			return invalid(http.StatusBadRequest, FieldError{Source: SourceBody, Code: CodeBodyUnreadable, Cause: err})
		case len(b.bytes) == cap(b.bytes):
			b.bytes = append(b.bytes, 0)[:len(b.bytes)]
		}
	}
}

// streamBody hands the body on unread, or what was kept of it.
func (r *Request) streamBody(into *io.Reader) error {
	b, limit := &r.state.body, r.state.input.limit
	if err := b.permitted(); err != nil {
		return err
	}
	switch {
	case b.read:
		kept, err := r.Body()
		*into = bytes.NewReader(kept)
		return err
	case r.http.ContentLength > limit:
		return tooLarge(limit)
	}
	b.read, b.err = true, errBodyStreamed
	*into = strings.NewReader("")
	if r.http.Body != nil && r.http.Body != http.NoBody {
		*into = &limitedReader{from: r.http.Body, limit: limit}
	}
	return nil
}

var errBodyStreamed = errors.New("the body was handed on to be read, and is not kept: ask for it before")

var errBodyGone = errors.New("the request is over, and its body was not asked for while it lasted")

// release gives the buffer back, unless somebody may have kept the bytes.
func (b *body) release(srv *Server) {
	if b.pooled == nil {
		return
	}
	if cap(b.bytes) <= maxPoolRoom {
		*b.pooled = b.bytes[:0]
		srv.bodies.Put(b.pooled)
	}
	b.bytes, b.pooled, b.err = nil, nil, errBodyGone
}

// keptBody is content that was read, for a handler of net/http to read again.
type keptBody struct{ bytes.Reader }

func (*keptBody) Close() error { return nil }

// forHandler is the request for a handler of net/http: with ctx, and with the body that has been read.
func (r *Request) forHandler(ctx context.Context) *http.Request {
	hr := r.http.WithContext(ctx)
	if b := &r.state.body; b.read && b.err == nil {
		b.pooled = nil
		kept := &keptBody{}
		kept.Reset(b.bytes)
		hr.Body = kept
	}
	return hr
}

// handBack gives outer what a copy of it, given to a handler of net/http, was found to be: the pattern that ServeMux has set, and
// a form, whose temporary files net/http removes with the request that it knows.
func handBack(outer, inner *http.Request) {
	if outer.Pattern == "" && inner.Pattern != "" {
		outer.Pattern = inner.Pattern
	}
	if outer.MultipartForm == nil && inner.MultipartForm != nil {
		outer.MultipartForm = inner.MultipartForm
	}
}

// replacedBy forgets what was read where a middleware of net/http has put another content in its place.
func (b *body) replacedBy(content io.ReadCloser) {
	if _, kept := content.(*keptBody); b.read && b.err == nil && !kept {
		*b = body{barred: b.barred}
	}
}

func tooLarge(limit int64) error {
	return invalid(http.StatusRequestEntityTooLarge, FieldError{
		Source: SourceBody, Code: CodeBodyTooLarge, Params: map[string]any{"max": limit},
	})
}
