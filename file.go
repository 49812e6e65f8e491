package weft

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// File is a file of fsys as the body, from [http.ServeContent]: with its length, Last-Modified, ranges (RFC 9110 section 14), and the
// conditions of the request (section 13), also for an ETag that the Response is given. The media type is that of the name's
// extension, or application/octet-stream; nothing is guessed from what is in the file. [Response.WithHeader] sets another.
//
// The name is one of [fs.ValidPath]: nothing beside fsys is ever served. What leads elsewhere, is not there or no regular file is a 404. A directory on disk
// is best opened with [os.OpenRoot], whose FS follows no link out of it. Where the Response has another status than 200, as that of an error's own page, the
// whole file is sent.
func File(fsys fs.FS, name string) Response {
	if fsys == nil {
		return Fail(errors.New("File of no file system: give it one"))
	}
	return contentOf(&contentSource{name: name, open: func() (io.Reader, time.Time, error) { return openFile(fsys, name) }})
}

// Content is content as the body, as [File] sends a file. The name is what the media type is taken from; modified may be zero. It is closed
// with the request where it is an [io.Closer].
func Content(name string, modified time.Time, content io.ReadSeeker) Response {
	if content == nil {
		return Fail(errors.New("Content of nothing: give it some"))
	}
	return contentOf(&contentSource{name: name, open: func() (io.Reader, time.Time, error) { return content, modified, nil }})
}

func contentOf(s *contentSource) Response {
	mediaType := cmp.Or(mime.TypeByExtension(path.Ext(s.name)), octetType)
	return Response{head: newHead(http.StatusOK, mediaType)}.streaming(s)
}

const octetType = "application/octet-stream"

// openFile is a regular file, which may not be able to seek.
func openFile(fsys fs.FS, name string) (io.Reader, time.Time, error) {
	notFound := func(cause error) error { return &Error{Status: http.StatusNotFound, Code: "not_found", Cause: cause} }
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return nil, time.Time{}, notFound(fmt.Errorf("%q is no path of a file system", name))
	}
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, notFound(err)
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		_ = f.Close()
		return nil, time.Time{}, err
	case !info.Mode().IsRegular():
		_ = f.Close()
		return nil, time.Time{}, notFound(fmt.Errorf("%q is no regular file", name))
	}
	return f, info.ModTime(), nil
}

// contentSource is content that can be sent in part. Which part is known as soon as the request is.
type contentSource struct {
	name     string
	open     func() (io.Reader, time.Time, error)
	reader   io.Reader
	modified time.Time
	request  *http.Request // what is asked for, nil for all of it
	header   http.Header   // by which that was decided
}

// prepared opens the content, and finds out what the request gets of it.
func (s *contentSource) prepared(resp Response, r *Request, st *stage) Response {
	reader, modified, err := s.open()
	if err != nil {
		return st.fail(r, err)
	}
	own := &contentSource{name: s.name, reader: reader, modified: modified}
	resp = resp.streaming(own) // the recipe may be kept, and is others' too
	content, seeks := reader.(io.ReadSeeker)
	if !seeks || resp.Status() != http.StatusOK {
		return resp.ownedBy(r, st)
	}
	own.request = withoutEmptySuffixes(r.http)
	if r.http.Method != http.MethodGet && r.http.Method != http.MethodHead { // which ranges and conditions of this kind are for
		own.request = &http.Request{Method: http.MethodGet, Header: http.Header{}}
	}
	probe := &http.Request{Method: http.MethodHead, Header: own.request.Header}
	own.header = resp.Header()
	found := &contentHead{header: maps.Clone(own.header)}
	if err := contained(func() error { http.ServeContent(found, probe, s.name, modified, content); return nil }); err != nil {
		own.end()
		return st.fail(r, err)
	}
	switch found.status {
	case http.StatusOK, http.StatusPartialContent:
		return found.of(resp).ownedBy(r, st)
	case http.StatusNotModified:
		own.end()
		resp = found.of(resp)
		resp.head.live, resp.head.open = nil, false
		return resp
	}
	own.end()
	return st.fail(r, found.failure())
}

// withoutEmptySuffixes leaves out the ranges of the last 0 bytes, which cannot be satisfied (RFC 9110 section 14.1.2), and which
// http.ServeContent would answer with a part that ends before it begins. Where there is no other, one stays that is behind any end.
func withoutEmptySuffixes(hr *http.Request) *http.Request {
	ranges, isBytes := strings.CutPrefix(hr.Header.Get("Range"), "bytes=")
	if !isBytes {
		return hr
	}
	all := strings.Split(ranges, ",")
	kept := slices.DeleteFunc(slices.Clone(all), isEmptySuffix)
	if len(kept) == len(all) {
		return hr
	}
	if len(kept) == 0 {
		kept = []string{strconv.FormatInt(math.MaxInt64, 10) + "-"}
	}
	header := maps.Clone(hr.Header)
	header["Range"] = []string{"bytes=" + strings.Join(kept, ",")}
	return &http.Request{Method: hr.Method, Header: header}
}

// isEmptySuffix reports whether a range is of the last 0 bytes, as http.ServeContent reads it: with blanks around the number, and a plus.
func isEmptySuffix(one string) bool {
	suffix, is := strings.CutPrefix(strings.TrimSpace(one), "-")
	suffix = strings.TrimSpace(suffix)
	length, err := strconv.ParseInt(suffix, 10, 64)
	return is && err == nil && length == 0 && suffix[0] != '-'
}

// send sends what the request gets. The part is worked out once more, now with its body.
func (s *contentSource) send(_ *Request, t *transfer) error {
	if t.bodiless() {
		return nil
	}
	content, seeks := s.reader.(io.ReadSeeker)
	if !seeks {
		_, err := t.ReadFrom(s.reader)
		return err
	}
	if s.request == nil {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := t.ReadFrom(content)
		return err
	}
	body := &contentBody{contentHead{header: s.header}, t, nil}
	again := &http.Request{Method: http.MethodGet, Header: s.request.Header}
	http.ServeContent(body, again, s.name, s.modified, content)
	if expected := body.header.Get(contentLength); t.err == nil && body.err == nil && expected != strconv.FormatInt(t.made(), 10) {
		return fmt.Errorf("sending %q: there are %d bytes of %s", s.name, t.made(), expected)
	}
	return body.err
}

func (s *contentSource) end() {
	if c, ok := s.reader.(io.Closer); ok {
		_ = c.Close()
	}
}

// contentHead takes the head of what http.ServeContent answers.
type contentHead struct {
	header http.Header
	status int
}

func (h *contentHead) Header() http.Header         { return h.header }
func (h *contentHead) WriteHeader(status int)      { h.status = status }
func (h *contentHead) Write(p []byte) (int, error) { return len(p), nil } // the text of an error

// of is resp with that head.
func (h *contentHead) of(resp Response) Response {
	before := resp.Header()
	for name := range before {
		if h.header[name] == nil {
			resp = resp.WithoutHeader(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.header)) {
		if values := h.header[name]; len(values) > 0 && !slices.Equal(values, before[name]) {
			resp = resp.WithHeader(name, values[0])
		}
	}
	return resp.WithStatus(h.status)
}

// failure is why there is nothing to send.
func (h *contentHead) failure() error {
	switch h.status {
	case http.StatusPreconditionFailed:
		return preconditionFailed()
	case http.StatusRequestedRangeNotSatisfiable:
		e := &Error{Status: h.status, Code: "range_not_satisfiable", Header: http.Header{}}
		if r := h.header["Content-Range"]; len(r) > 0 {
			e.Detail, e.Header["Content-Range"] = "There is no such part of it.", r
		}
		return e
	}
	return fmt.Errorf("http.ServeContent answered %d", h.status)
}

// contentBody takes the body of what http.ServeContent answers.
type contentBody struct {
	contentHead
	transfer *transfer
	err      error // why the content could not be read
}

// WriteHeader sees to it that the boundary is the one between the parts that follow.
func (b *contentBody) WriteHeader(status int) {
	b.status = status
	if mediaType := b.header.Get(contentType); strings.HasPrefix(mediaType, "multipart/byteranges") {
		b.transfer.response = b.transfer.response.WithHeader(contentType, mediaType)
	}
}

func (b *contentBody) Write(p []byte) (int, error) { return b.transfer.Write(p) }

func (b *contentBody) ReadFrom(src io.Reader) (int64, error) {
	n, err := b.transfer.ReadFrom(src)
	if b.transfer.err == nil {
		b.err = err
	}
	return n, err
}
