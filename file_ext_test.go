package weft_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

var modified = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// serving answers GET /{name...} with files.
func serving(fsys fs.FS, change ...func(weft.Response) weft.Response) *weft.Handler[struct {
	Name string `path:"name"`
}, weft.Response] {
	return weft.Handle(func(_ context.Context, in struct {
		Name string `path:"name"`
	}) (weft.Response, error) {
		resp := weft.File(fsys, in.Name)
		for _, c := range change {
			resp = c(resp)
		}
		return resp, nil
	})
}

func onDisk(t *testing.T, files map[string]string) (dir string, fsys fs.FS) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chtimes(path, modified, modified))
	}
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return dir, root.FS()
}

func TestAFileIsSentInPartAndOnCondition(t *testing.T) {
	_, disk := onDisk(t, map[string]string{"a.txt": "0123456789", "empty.txt": "", "page": "<html>", "sub/b.css": "body{}"})
	memory := fstest.MapFS{"a.txt": {Data: []byte("0123456789"), ModTime: modified}, "empty.txt": {ModTime: modified}, "page": {Data: []byte("<html>")}, "sub/b.css": {Data: []byte("body{}")}}
	for name, fsys := range map[string]fs.FS{"disk": disk, "memory": memory} {
		t.Run(name, func(t *testing.T) {
			app, j := newApp()
			app.Use(weft.After("outer", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader("X-Outer", "yes") }))
			app.Handle("GET /{name...}", serving(fsys, func(r weft.Response) weft.Response { return r.WithHeader("ETag", `"v1"`) }))
			s := serve(t, app)
			date := modified.Format(http.TimeFormat)
			for _, c := range []struct {
				path    string
				headers []string
				status  int
				body    string
				want    []string
			}{
				{"/a.txt", nil, 200, "0123456789", []string{"Content-Length: 10", "Accept-Ranges: bytes", "Last-Modified: " + date, "Content-Type: text/plain; charset=utf-8"}},
				{"/a.txt", []string{"Range: bytes=2-4"}, 206, "234", []string{"Content-Range: bytes 2-4/10", "Content-Length: 3"}},
				{"/a.txt", []string{"Range: bytes=-3"}, 206, "789", []string{"Content-Range: bytes 7-9/10"}},
				{"/a.txt", []string{"Range: bytes=7-"}, 206, "789", []string{"Content-Range: bytes 7-9/10"}},
				{"/a.txt", []string{"Range: bytes=5-99"}, 206, "56789", []string{"Content-Range: bytes 5-9/10"}},
				{"/a.txt", []string{"Range: bytes=2-4", `If-Range: "v1"`}, 206, "234", nil},
				{"/a.txt", []string{"Range: bytes=2-4", `If-Range: "v2"`}, 200, "0123456789", nil},
				{"/a.txt", []string{"Range: bytes=10-"}, 416, "", []string{"Content-Range: bytes */10", "Content-Type: application/problem+json"}},
				{"/a.txt", []string{"Range: bytes=-0"}, 416, "", []string{"Content-Range: bytes */10"}},
				{"/a.txt", []string{"Range: bytes=- 0"}, 416, "", []string{"Content-Range: bytes */10"}},
				{"/a.txt", []string{"Range: bytes=-+00"}, 416, "", []string{"Content-Range: bytes */10"}},
				{"/a.txt", []string{"Range: bytes=-0, 2-3"}, 206, "23", []string{"Content-Range: bytes 2-3/10"}},
				{"/a.txt", []string{"Range: nonsense"}, 416, "", nil},
				{"/a.txt", []string{`If-None-Match: "v1"`}, 304, "", []string{`ETag: "v1"`, "Content-Length: "}},
				{"/a.txt", []string{"If-Modified-Since: " + date}, 304, "", nil},
				{"/a.txt", []string{`If-None-Match: "v2"`, "If-Modified-Since: " + date}, 200, "0123456789", nil},
				{"/a.txt", []string{`If-Match: "v2"`}, 412, "", nil},
				{"/empty.txt", nil, 200, "", []string{"Content-Length: 0"}},
				{"/empty.txt", []string{"Range: bytes=0-"}, 200, "", nil},
				{"/page", nil, 200, "<html>", []string{"Content-Type: application/octet-stream"}},
				{"/sub/b.css", nil, 200, "body{}", []string{"Content-Type: text/css; charset=utf-8"}},
				{"/sub", nil, 404, "", nil},
				{"/nothing", nil, 404, "", nil},
			} {
				if name == "memory" && strings.Contains(strings.Join(c.want, " "), "Last-Modified") && c.path != "/a.txt" {
					continue
				}
				got := s.send("GET", c.path, "", c.headers...)
				require.Equal(t, c.status, got.status, c)
				if c.status < 300 || c.status == 304 {
					assert.Equal(t, c.body, got.body, c)
				} else {
					assert.Contains(t, got.body, `"status":`)
				}
				for _, h := range append(c.want, "X-Outer: yes") {
					field, value, _ := strings.Cut(h, ": ")
					assert.Equal(t, value, got.header.Get(field), "%v %s", c, field)
				}
				if c.status < 400 {
					head := s.send("HEAD", c.path, "", c.headers...)
					assert.Equal(t, c.status, head.status, c)
					if c.status != 304 { // of which GET has no length for the client to see
						assert.Equal(t, got.length, head.length, c)
					}
					assert.Empty(t, head.body)
				}
			}
			assert.Empty(t, j.errors())
		})
	}
}

func TestSeveralPartsOfAFile(t *testing.T) {
	_, disk := onDisk(t, map[string]string{"a.txt": "0123456789abcdefghijklmnopqrstuvwxyz"})
	app, _ := newApp()
	app.Handle("GET /{name...}", serving(disk))
	s := serve(t, app)
	got := s.send("GET", "/a.txt", "", "Range: bytes=0-1,10-12")
	require.Equal(t, 206, got.status)
	mediaType, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	require.NoError(t, err)
	assert.Equal(t, "multipart/byteranges", mediaType)
	parts := multipart.NewReader(strings.NewReader(got.body), params["boundary"])
	for _, want := range []struct{ at, body string }{{"bytes 0-1/36", "01"}, {"bytes 10-12/36", "abc"}} {
		part, err := parts.NextPart()
		require.NoError(t, err)
		assert.Equal(t, want.at, part.Header.Get("Content-Range"))
		body, _ := io.ReadAll(part)
		assert.Equal(t, want.body, string(body))
	}
	_, err = parts.NextPart()
	assert.ErrorIs(t, err, io.EOF)
}

// Whatever a client says, it gets nothing from beside the files.
func TestNothingOutsideTheRootIsServed(t *testing.T) {
	dir, disk := onDisk(t, map[string]string{"in/a.txt": "inside", "secret.txt": "secret"})
	require.NoError(t, os.Symlink(filepath.Join(dir, "secret.txt"), filepath.Join(dir, "in", "absolute")))
	require.NoError(t, os.Symlink("../secret.txt", filepath.Join(dir, "in", "link")))
	root, err := os.OpenRoot(filepath.Join(dir, "in"))
	require.NoError(t, err)
	defer root.Close()
	inner, err := fs.Sub(disk, "in")
	require.NoError(t, err)
	for _, fsys := range []fs.FS{root.FS(), inner} {
		app, _ := newApp()
		app.Handle("GET /files/{name...}", serving(fsys))
		s := serve(t, app)
		assert.Equal(t, "inside", s.send("GET", "/files/a.txt", "").body)
		paths := []string{"%2e%2e/secret.txt", "..%2fsecret.txt", "a%2f..%2f..%2fsecret.txt", "..%5csecret.txt", "%2fetc/passwd", "/etc/passwd", "a.txt%00", "a.txt/", ".", "", "%2e", "a.txt%2f"}
		if fsys != inner {
			paths = append(paths, "link", "absolute")
		}
		for _, path := range paths {
			got := s.send("GET", "/files/"+path, "")
			assert.GreaterOrEqual(t, got.status, 300, path)
			assert.NotContains(t, got.body, "secret", path)
			assert.NotContains(t, got.body, "root:", path)
		}
	}
}

func TestAFileOfAnotherStatusIsSentAsAWhole(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /{name...}", serving(fstest.MapFS{"404.html": {Data: []byte("<p>lost"), ModTime: modified}}, func(r weft.Response) weft.Response { return r.WithStatus(404) }))
	got := serve(t, app).send("GET", "/404.html", "", "Range: bytes=0-1", "If-Modified-Since: "+modified.Format(http.TimeFormat))
	assert.Equal(t, 404, got.status)
	assert.Equal(t, "<p>lost", got.body)
	assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
}

// countedFS counts what is opened and not closed.
type countedFS struct {
	fs.FS
	open *atomic.Int64
	fail bool
}

type countedFile struct {
	fs.File
	open *atomic.Int64
	fail bool
}

func (c countedFS) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &countedFile{f, c.open, c.fail}, nil
}

func (f *countedFile) Close() error { f.open.Add(-1); return f.File.Close() }

func (f *countedFile) Read(p []byte) (int, error) {
	if f.fail {
		return 0, errSecret
	}
	return f.File.Read(p)
}

func TestFilesAreClosed(t *testing.T) {
	var open atomic.Int64
	files := fstest.MapFS{"a.txt": {Data: []byte("0123456789"), ModTime: modified}, "dir/b": {Data: []byte("b")}}
	replacing := weft.After("replacing", func(r *weft.Request, resp weft.Response) weft.Response {
		if r.HTTP().URL.RawQuery == "replace" {
			return weft.Text("other")
		}
		return resp
	})
	app, j := newApp()
	app.Use(replacing)
	app.Handle("GET /f/{name...}", serving(countedFS{files, &open, false}))
	app.Handle("GET /broken/{name...}", serving(countedFS{files, &open, true}))
	s := serve(t, app)
	assert.Equal(t, "0123456789", s.send("GET", "/f/a.txt", "").body, "a file that cannot seek")
	assert.Equal(t, 200, s.send("HEAD", "/f/a.txt", "").status)
	assert.Equal(t, "other", s.send("GET", "/f/a.txt?replace", "").body)
	assert.Equal(t, 404, s.send("GET", "/f/dir", "").status)
	assert.Empty(t, j.errors())
	_, err := s.try("GET", "/broken/a.txt", "")
	assert.Error(t, err, "it has no end")
	assert.Eventually(t, func() bool { return open.Load() == 0 && len(j.all()) > 0 }, waitFor, time.Millisecond)
	assert.Contains(t, j.errors()[0], errSecret.Error())
}

func TestALargeFileIsSentByAnyMeans(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	_, disk := onDisk(t, map[string]string{"large": content})
	app, j := newApp()
	sent := sentBy(app)
	app.Handle("GET /disk/{name...}", serving(disk))
	app.Handle("GET /memory/{name...}", serving(fstest.MapFS{"large": {Data: []byte(content)}}))
	app.Handle("GET /content", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Content("large.txt", time.Time{}, strings.NewReader(content)), nil
	}))
	s := serve(t, app)
	for _, path := range []string{"/disk/large", "/memory/large", "/content"} {
		got := s.send("GET", path, "")
		assert.True(t, content == got.body, path)
		assert.EqualValues(t, len(content), got.length)
		assert.EqualValues(t, len(content), await(t, sent).Bytes)
		got = s.send("GET", path, "", "Range: bytes=16-1048575")
		assert.True(t, content[16:] == got.body, path)
		await(t, sent)
	}
	assert.Empty(t, j.errors())
	o := s.open("GET", "/disk/large")
	_, err := io.ReadFull(o.lines, make([]byte, 1000))
	require.NoError(t, err)
	o.cancel()
	await(t, sent)
	assert.Empty(t, j.errors(), "who leaves is no failure")
}

func TestNamesOfAttachments(t *testing.T) {
	for name, want := range map[string]string{
		"report.pdf":           `attachment; filename="report.pdf"`,
		"":                     `attachment`,
		"../../etc/passwd":     `attachment; filename="passwd"`,
		`C:\dir\x.txt`:         `attachment; filename="x.txt"`,
		`say "hi".txt`:         `attachment; filename="say \"hi\".txt"`,
		"Müller – €.csv":       `attachment; filename="M_ller _ _.csv"; filename*=UTF-8''M%C3%BCller%20%E2%80%93%20%E2%82%AC.csv`,
		"a\r\nSet-Cookie: x=1": `attachment; filename="a__Set-Cookie: x=1"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x%3D1`,
		"50%.txt":              `attachment; filename="50_.txt"; filename*=UTF-8''50%25.txt`,
		"\xff.txt":             `attachment; filename="_.txt"; filename*=UTF-8''%EF%BF%BD.txt`,
	} {
		got := weft.Text("").WithAttachment(name).Header().Get("Content-Disposition")
		assert.Equal(t, want, got)
		kind, params, err := mime.ParseMediaType(got)
		require.NoError(t, err, got)
		assert.Equal(t, "attachment", kind)
		if !strings.ContainsAny(name, `/\`) && name != "" {
			assert.Equal(t, strings.ToValidUTF8(name, "\uFFFD"), params["filename"])
		}
	}
	assert.Equal(t, `inline; filename="a.txt"`, weft.Text("").WithInline("a.txt").Header().Get("Content-Disposition"))
}

// closingReader tells when it is closed.
type closingReader struct {
	io.Reader
	closed *atomic.Bool
}

func (c closingReader) Close() error { c.closed.Store(true); return nil }

func TestWhatIsReadIsSent(t *testing.T) {
	var closed atomic.Bool
	app, j := newApp()
	app.Handle("GET /bytes", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Reader("text/plain", strings.NewReader("some")), nil
	}))
	app.Handle("GET /resp", weft.Handle(func(context.Context, struct{}) (io.Reader, error) { return bytes.NewReader([]byte("any")), nil }))
	app.Handle("GET /closer", weft.Handle(func(context.Context, struct{}) (io.ReadCloser, error) {
		closed.Store(false)
		return closingReader{iotest.OneByteReader(strings.NewReader("one by one")), &closed}, nil
	}).Status(203))
	app.Handle("GET /nil", weft.Handle(func(context.Context, struct{}) (io.ReadCloser, error) { return (*os.File)(nil), nil }))
	app.Handle("GET /first", weft.Handle(func(context.Context, struct{}) (io.Reader, error) { return iotest.ErrReader(errSecret), nil }))
	app.Handle("GET /later", weft.Handle(func(context.Context, struct{}) (io.Reader, error) {
		return io.MultiReader(strings.NewReader(strings.Repeat("x", 100<<10)), iotest.ErrReader(errSecret)), nil
	}))
	s := serve(t, app)
	got := s.send("GET", "/bytes", "")
	assert.Equal(t, "some", got.body)
	assert.EqualValues(t, 4, got.length)
	got = s.send("GET", "/resp", "")
	assert.Equal(t, "any", got.body)
	assert.Equal(t, "application/octet-stream", got.header.Get("Content-Type"))
	got = s.send("GET", "/closer", "")
	assert.Equal(t, 203, got.status)
	assert.Equal(t, "one by one", got.body)
	assert.Eventually(t, closed.Load, waitFor, time.Millisecond)
	s.send("HEAD", "/closer", "")
	assert.Eventually(t, closed.Load, waitFor, time.Millisecond)
	assert.Empty(t, j.errors())
	for _, path := range []string{"/nil", "/first"} {
		assert.Equal(t, 500, s.send("GET", path, "").status)
		assert.Len(t, j.errors(), 1)
	}
	_, err := s.try("GET", "/later", "")
	assert.True(t, errors.Is(err, io.ErrUnexpectedEOF), err)
	assert.Eventually(t, func() bool { return len(j.errors()) == 1 }, waitFor, time.Millisecond)
	assert.Equal(t, 500, weft.Reader("text/plain", nil).Status())
	assert.Equal(t, 500, weft.Reader("text\nplain", closingReader{strings.NewReader(""), &closed}).Status())
}

// What comes slowly is read while it comes.
func TestAReaderIsNotWaitedForToItsEnd(t *testing.T) {
	r, w := io.Pipe()
	app, _ := newApp()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (io.ReadCloser, error) { return r, nil }))
	s := serve(t, app)
	go func() { _, _ = io.WriteString(w, "first\n") }()
	o := s.open("GET", "/")
	assert.Equal(t, "first", o.line(t))
	go func() { _, _ = io.WriteString(w, "second\n") }()
	assert.Equal(t, "second", o.line(t))
	o.cancel()
	assert.Eventually(t, func() bool { _, err := w.Write([]byte("x")); return err != nil }, waitFor, time.Millisecond)
}

// A File is a Response that can be kept and sent many times, like any that does not depend on a request.
func TestAFileIsSentManyTimes(t *testing.T) {
	kept := weft.File(fstest.MapFS{"a.txt": {Data: []byte("0123456789"), ModTime: modified}}, "a.txt")
	app, j := newApp()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return kept, nil }))
	s := serve(t, app)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i%2 == 0 {
				assert.Equal(t, "0123456789", s.send("GET", "/", "").body)
			} else {
				assert.Equal(t, "234", s.send("GET", "/", "", "Range: bytes=2-4").body)
			}
		})
	}
	wg.Wait()
	assert.Empty(t, j.errors())
}
