package weft_test

// How long uploads last, and that nothing is left of them, however a request ends.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// held are the temporary files of a folder, also those that have no name any more, where the system tells.
func held(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	descriptors, _ := os.ReadDir("/proc/self/fd")
	for _, d := range descriptors {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", d.Name())); err == nil && strings.HasPrefix(to, dir) {
			files = append(files, to)
		}
	}
	return files
}

// heldBytes is how large the temporary files of a folder are that are open, where the system tells.
func heldBytes(dir string) (size int64) {
	descriptors, _ := os.ReadDir("/proc/self/fd")
	for _, d := range descriptors {
		at := filepath.Join("/proc/self/fd", d.Name())
		if to, err := os.Readlink(at); err == nil && strings.HasPrefix(to, dir) {
			if info, err := os.Stat(at); err == nil {
				size += info.Size()
			}
		}
	}
	return size
}

// assertNothingHeld waits until requests under way have ended: a client may have its answer before.
func assertNothingHeld(t *testing.T, dir string) {
	t.Helper()
	assert.Eventually(t, func() bool { return len(held(dir)) == 0 }, waitFor, tick, "%v", held(dir))
}

// assertGoroutines waits until there are no more than before.
func assertGoroutines(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(waitFor); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(tick)
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, and %d before: %s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// big is larger than the memory that spooling leaves for uploads.
var big = strings.Repeat("0123456789abcdef", 4096)

// spooling is an app whose uploads are on disk, in a folder of their own.
func spooling(t *testing.T, opts ...weft.Option) (app *weft.App, log *journal, dir string) {
	dir = t.TempDir()
	app, log = newApp(append([]weft.Option{weft.WithForms(weft.FormOptions{Memory: 64, TempDir: dir}), weft.WithLimit(1 << 20)}, opts...)...)
	return app, log, dir
}

func TestUploadsBeyondTheMemoryAreOnDisk(t *testing.T) {
	app, _, dir := spooling(t)
	var kept []weft.Upload
	var late io.Reader
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in struct {
		Files []weft.Upload `file:"f"`
	}) (int, error) {
		for i, f := range in.Files {
			want := strings.Repeat(fmt.Sprint(i), int(f.Size))
			content, err := f.Bytes()
			if assert.NoError(t, err) {
				assert.Equal(t, want, string(content))
			}
			part := make([]byte, 3)
			r, err := f.Open()
			if assert.NoError(t, err) {
				_, err = r.ReadAt(part, f.Size-2)
				assert.ErrorIs(t, err, io.EOF, "what is behind it belongs to another file")
				assert.Equal(t, want[:2], string(part[:2]))
				late = r
			}
		}
		kept = in.Files
		return len(held(dir)), nil
	}))
	site := serve(t, app)
	sized := func(sizes ...int) (parts []part) {
		for i, size := range sizes {
			parts = append(parts, part{"f", fmt.Sprint(i), "", strings.Repeat(fmt.Sprint(i), size)})
		}
		return parts
	}
	files := 1
	if runtime.GOOS == "linux" || runtime.GOOS == "windows" { // elsewhere a file without a name cannot be found
		assert.Equal(t, fmt.Sprint(files), site.sendParts("/x", sized(10, 65, 20, 100)...).body, "one file for all that does not fit")
	}
	assertNothingHeld(t, dir)
	assert.Equal(t, "0", site.sendParts("/x", sized(64)...).body, "exactly the memory")
	assert.Equal(t, "0", site.sendParts("/x", sized(30, 34)...).body, "exactly the memory, together")
	assert.Equal(t, 200, site.sendParts("/x", sized(30, 35)...).status)
	assertNothingHeld(t, dir)
	for _, u := range kept {
		_, err := u.Bytes()
		require.ErrorIs(t, err, weft.ErrUploadGone, "the request is over")
		_, err = u.Open()
		require.ErrorIs(t, err, weft.ErrUploadGone)
	}
	_, err := io.ReadAll(late)
	require.ErrorIs(t, err, weft.ErrUploadGone)
}

func TestADiskThatFailsIsTheServersFault(t *testing.T) {
	app, log := newApp(weft.WithForms(weft.FormOptions{Memory: 1, TempDir: filepath.Join(t.TempDir(), "none")}))
	app.Handle("POST /photos", weft.Handle(takes[photos]))
	site := serve(t, app)
	got := site.sendParts("/photos", part{"main", "a", "", "xx"})
	assertProblem(t, got, 500)
	assert.NotContains(t, got.body, "none")
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Contains(t, logged[0], "an upload cannot be kept")
	assert.Equal(t, 200, site.sendParts("/photos", part{"main", "a", "", "x"}).status, "what fits into the memory needs no disk")
}

// upload is what the tests of endings send: text, a file on disk, and whatever more.
func upload(more ...part) (body, contentType string) {
	return parted(append([]part{{name: "title", content: "x"}, {"main", "big", "", big}}, more...)...)
}

// What cannot be used is let go at once, and not when the request is over.
func TestNothingIsKeptOfAFormThatIsRefused(t *testing.T) {
	app, log, dir := spooling(t)
	kept := make(chan []string, 1)
	app.Use(weft.OnError("looks", func(_ *weft.Request, resp weft.Response, _ error) weft.Response {
		kept <- held(dir)
		return resp
	}))
	app.Handle("POST /x", weft.Handle(takes[photos]))
	body, contentType := upload()
	assert.Equal(t, 400, serve(t, app).send("POST", "/x", body[:len(body)-10], contentType).status)
	assert.Empty(t, <-kept)
	assert.Empty(t, log.errors())
}

// brokenBody yields some of a body, and then does something.
type brokenBody struct {
	io.Reader
	then func()
}

func (b *brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.then()
	}
	return n, err
}

func (*brokenBody) Close() error { return nil }

func TestNothingIsLeftOfUploadsHoweverARequestEnds(t *testing.T) {
	app, log, dir := spooling(t)
	seen := make(chan int, 100)
	type in struct {
		photos
		How string `form:"how" validate:"max=10"`
	}
	app.Use(weft.NewMiddleware("aborting", func(r *weft.Request, next weft.Next) weft.Response {
		resp := next(r)
		if r.Header().Get("X-Abort") != "" {
			panic(http.ErrAbortHandler)
		}
		return resp
	}))
	app.Handle("POST /x", weft.Handle(func(ctx context.Context, in in) (string, error) {
		seen <- len(held(dir))
		_, err := in.Main.Open() // and nobody closes it
		assert.NoError(t, err)
		switch in.How {
		case "error":
			return "", errors.New("the handler fails")
		case "panic":
			panic("the handler panics")
		case "abort":
			panic(http.ErrAbortHandler)
		case "exit":
			runtime.Goexit()
		case "late":
			<-ctx.Done()
		}
		return "", nil
	}).Check(func(_ context.Context, in in) error {
		if in.How == "check" {
			return weft.Deny("")
		}
		return nil
	}).Timeout(50*time.Millisecond))
	srv := build(t, app)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	site := &site{t, ts.URL, ts.Client()}

	for how, status := range map[string]int{"": 200, "error": 500, "panic": 500, "late": 504, "check": 403, "much too long": 422} {
		body, contentType := upload(part{name: "how", content: how})
		assert.Equal(t, status, site.send("POST", "/x", body, contentType).status, how)
		assertNothingHeld(t, dir)
	}
	for _, how := range []string{"abort", "exit"} {
		body, contentType := upload(part{name: "how", content: how})
		_, err := site.try("POST", "/x", body, contentType)
		require.Error(t, err, "the connection is dropped")
		assertNothingHeld(t, dir)
	}
	body, contentType := upload()
	_, err := site.try("POST", "/x", body, contentType, "X-Abort: yes")
	require.Error(t, err)
	assertNothingHeld(t, dir)
	if runtime.GOOS == "linux" {
		for range 7 {
			assert.Equal(t, 1, <-seen, "the upload was on disk")
		}
	}
	log.errors()

	for name, body := range map[string]string{
		"cut off":      body[:len(body)-10],
		"broken later": strings.TrimSuffix(body, "--\r\n") + "\r\nno header\r\n\r\n",
		"many parts": func() string {
			body, _ := upload(make([]part, 2000)...)
			return body
		}(),
		"a file without a name in UTF-8": func() string {
			body, _ := upload(part{"more", "\xff", "", ""})
			return body
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			got := site.send("POST", "/x", body, contentType)
			assert.Contains(t, []int{400, 413}, got.status, got.body)
			assertNothingHeld(t, dir)
			assert.Empty(t, log.errors())
		})
	}
	for name, then := range map[string]func(){
		"panics": func() { panic("the body panics") },
		"exits":  runtime.Goexit,
		"fails":  func() {},
	} {
		t.Run("the body "+name, func(t *testing.T) {
			hr := httptest.NewRequest("POST", "/x", nil)
			hr.Header.Set("Content-Type", strings.TrimPrefix(contentType, "Content-Type: "))
			hr.Body, hr.ContentLength = &brokenBody{strings.NewReader(body[:len(body)-100]), then}, -1
			done := make(chan struct{})
			go func() {
				defer close(done)
				srv.ServeHTTP(httptest.NewRecorder(), hr)
			}()
			<-done
			assert.Empty(t, held(dir))
		})
	}
}

func TestNothingIsLeftOfUploadsWhoseClientLeaves(t *testing.T) {
	app, log, dir := spooling(t)
	app.Handle("POST /x", weft.Handle(takes[photos]))
	site := serve(t, app)
	body, contentType := upload()
	before := runtime.NumGoroutine()
	for i := range 5 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(site.url, "http://"))
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n\r\n%s", len(body), contentType, body[:len(body)-1-i*100])
		require.NoError(t, err)
		if runtime.GOOS == "linux" {
			assert.Eventually(t, func() bool { return len(held(dir)) > 0 }, waitFor, tick, "the upload is under way")
		}
		require.NoError(t, conn.Close())
		assertNothingHeld(t, dir)
	}
	assert.Empty(t, log.errors())
	assertGoroutines(t, before)
}

// 200 uploads at once, of which half are never sent to their end, leave neither a file nor a goroutine.
func TestUploadsThatAreAbortedLeaveNothing(t *testing.T) {
	app, log, dir := spooling(t, weft.WithLimit(4*int64(len(big))))
	app.Handle("POST /x", weft.Handle(func(ctx context.Context, in photos) (string, error) {
		switch in.Title {
		case "wait":
			<-ctx.Done()
			return "", ctx.Err()
		case "fail":
			return "", errors.New("no")
		}
		content, err := in.Main.Bytes()
		return fmt.Sprint(len(content)), err
	}))
	before := runtime.NumGoroutine()
	ts := httptest.NewServer(build(t, app))
	address := strings.TrimPrefix(ts.URL, "http://")
	onTheWay, done := make(chan bool), make(chan bool)
	var all sync.WaitGroup
	var answered [5]atomic.Int64
	for i := range 100 {
		all.Go(func() { // aborted anywhere, behind what is on disk already
			body, contentType := upload(part{"more", "m", "", big})
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
			if !assert.NoError(t, err) {
				return
			}
			defer conn.Close()
			length := fmt.Sprintf("Content-Length: %d", len(body))
			sent := body[:len(body)-1-i*len(body)/110]
			if i%2 == 1 {
				length, sent = "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s", len(body), sent)
			}
			_, err = fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: x\r\n%s\r\n%s\r\n\r\n%s", length, contentType, sent)
			assert.NoError(t, err)
			onTheWay <- true
			<-done
		})
	}
	for range 100 {
		<-onTheWay
	}
	if runtime.GOOS == "linux" {
		assert.Eventually(t, func() bool { return len(held(dir)) > 50 }, waitFor, tick, "they are on disk")
	}
	for i := range 100 {
		all.Go(func() { // ended in other ways, meanwhile
			kind := i % 5
			title, more := "x", ""
			switch kind {
			case 1:
				title = "fail"
			case 2:
				more = strings.Repeat(big, 4) // over the limit
			case 3:
				title = "wait"
			}
			body, contentType := parted(part{name: "title", content: title}, part{"main", "big", "", big}, part{"more", "m", "", more})
			if kind == 4 {
				body = strings.Replace(body, `name="main"`, `name="other"`, 1) // without what is required
			}
			ctx := t.Context()
			if kind == 3 { // the client leaves while the handler works
				left, leave := context.WithTimeout(ctx, 100*time.Millisecond)
				defer leave()
				ctx = left
			}
			req, err := http.NewRequestWithContext(ctx, "POST", ts.URL+"/x", strings.NewReader(body))
			if !assert.NoError(t, err) {
				return
			}
			req.Header.Set("Content-Type", strings.TrimPrefix(contentType, "Content-Type: "))
			resp, err := ts.Client().Do(req)
			if err == nil {
				assert.Equal(t, [5]int{200, 500, 413, 499, 400}[kind], resp.StatusCode)
				answered[kind].Add(1)
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	close(done)
	all.Wait()
	assert.EqualValues(t, 20, answered[0].Load(), "those that were sent well")
	assert.EqualValues(t, 20, answered[1].Load())
	assert.EqualValues(t, 20, answered[4].Load())
	ts.Client().CloseIdleConnections()
	ts.Close()
	assertNothingHeld(t, dir)
	assertGoroutines(t, before)
	for _, line := range log.errors() {
		assert.Contains(t, line, "error=no", "nothing else is a failure of the server")
	}
}

// failing is a reader that fails.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the client stumbles") }

// Requests are copied on their way, by a stage of weft's or in front of it; net/http removes but the files of the first.
func TestNothingIsLeftWhereTheRequestIsCopied(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	type tag struct{}
	app, log := newApp(weft.WithForms(weft.FormOptions{Memory: 64, TempDir: dir}))
	app.Use(weft.NewMiddleware("copies", func(r *weft.Request, next weft.Next) weft.Response {
		return next(r.WithContext(context.WithValue(r.Context(), tag{}, "inner")))
	}))
	app.Handle("POST /bound", weft.Handle(func(ctx context.Context, in photos) (string, error) {
		assert.NotEmpty(t, held(dir))
		return fmt.Sprint(in.Main.Size, ctx.Value(tag{})), nil
	}))
	app.Handle("POST /by-hand", weft.Handle(func(ctx context.Context, r *weft.Request) (string, error) {
		err := r.HTTP().ParseMultipartForm(1)
		if assert.NoError(t, err) {
			assert.NotEmpty(t, held(dir))
			return fmt.Sprint(r.HTTP().MultipartForm.File["main"][0].Size, ctx.Value(tag{})), nil
		}
		return "", err
	}))
	srv := build(t, app)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		srv.ServeHTTP(w, hr.WithContext(context.WithValue(hr.Context(), tag{}, "outer")))
	}))
	t.Cleanup(ts.Close)
	s := &site{t, ts.URL, ts.Client()}
	body, contentType := upload()
	for _, path := range []string{"/bound", "/by-hand"} {
		got := s.send("POST", path, body, contentType)
		assert.Equal(t, fmt.Sprintf(`"%dinner"`, len(big)), got.body, path)
		assertNothingHeld(t, dir)
	}
	assert.Empty(t, log.errors())
}

// Middleware of net/http in front of a Server may have parsed the form, and copied the request before or behind that.
func TestFormsThatWereParsedBefore(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	app, log := newApp(weft.WithLimit(2 * int64(len(big))))
	app.Handle("POST /photos", weft.Handle(func(_ context.Context, in photos) ([]string, error) {
		content, err := in.Main.Bytes()
		assert.Equal(t, big, string(content))
		got := []string{in.Title, in.Main.Filename}
		for _, u := range in.More {
			got = append(got, described(t, u))
		}
		return got, err
	}))
	app.Handle("POST /form", weft.Handle(func(_ context.Context, in formPaging) (formPaging, error) { return in, nil }))
	app.Handle("POST /by-hand", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		err := r.HTTP().ParseMultipartForm(1)
		return r.HTTP().FormValue("title"), err
	}))
	app.Handle("POST /unread", weft.Handle(func(context.Context, struct{}) (string, error) { return "unread", nil }))
	srv := build(t, app)
	type tag struct{}
	again := func(hr *http.Request) *http.Request { return hr.WithContext(context.WithValue(hr.Context(), tag{}, 1)) }
	body, contentType := upload(part{"more", "1", "", "1"}, part{"more", "2", "text/plain", "2"})
	for name, parse := range map[string]func(hr *http.Request) *http.Request{
		"by ParseMultipartForm": func(hr *http.Request) *http.Request { _ = hr.ParseMultipartForm(1); return hr },
		"by ParseForm":          func(hr *http.Request) *http.Request { _ = hr.ParseForm(); return hr },
		"by FormValue":          func(hr *http.Request) *http.Request { _ = hr.FormValue("title"); return hr },
		"by PostFormValue":      func(hr *http.Request) *http.Request { _ = hr.PostFormValue("cursor"); return hr },
		"and copied":            func(hr *http.Request) *http.Request { _ = hr.ParseMultipartForm(1); return again(hr) },
		"as a copy":             func(hr *http.Request) *http.Request { hr = again(hr); _ = hr.ParseMultipartForm(1); return again(hr) },
	} {
		t.Run(name, func(t *testing.T) {
			ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { srv.ServeHTTP(w, parse(hr)) }))
			t.Cleanup(ts.Close)
			s := &site{t, ts.URL, ts.Client()}
			got := s.send("POST", "/photos?title=query", body, contentType)
			assert.JSONEq(t, `["x","big","1()=1","2(text/plain)=2"]`, got.body)
			assertNothingHeld(t, dir)
			assert.JSONEq(t, `{"Limit":5,"Cursor":"a b"}`, s.send("POST", "/form?limit=6", "limit=5&cursor=a+b", urlencoded).body)
			assert.Equal(t, "form cursor invalid_utf8, form limit repeated", fieldErrors(t, s.send("POST", "/form", "cursor=%ff&limit=5&limit=5", urlencoded)))
			assert.Equal(t, 413, s.send("POST", "/form", "cursor="+strings.Repeat("x", 2*len(big)), urlencoded).status)
			assert.Equal(t, `"x"`, s.send("POST", "/by-hand", body, contentType).body)
			assert.Equal(t, `"unread"`, s.send("POST", "/unread", body, contentType).body)
			assertNothingHeld(t, dir)
		})
	}
	assert.Empty(t, log.errors())
}

// What a middleware parses by itself is used, and removed.
func TestFormsThatAMiddlewareParses(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var outcome error
	var parse func(hr *http.Request) error
	byNetHTTP := true
	app, log := newApp(weft.WithLimit(2 * int64(len(big))))
	app.Use(weft.Before("parses", func(r *weft.Request) error {
		outcome = parse(r.HTTP())
		return nil
	}))
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in photos) (string, error) {
		content, err := in.Main.Bytes()
		assert.Equal(t, big, string(content))
		_, openErr := in.Main.Open() // and nobody closes it
		assert.NoError(t, openErr)
		if byNetHTTP {
			assert.NotEmpty(t, held(dir), "net/http keeps it on disk")
		}
		return strings.Join([]string{in.Title, in.Main.Filename, fmt.Sprint(in.Main.Size == int64(len(big))), fmt.Sprint(len(in.More))}, " "), err
	}))
	app.Handle("POST /json", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
	app.Handle("POST /text", weft.Handle(func(_ context.Context, in formPaging) (formPaging, error) { return in, nil }))
	srv := build(t, app)
	send := func(path, body, contentType string, change func(*http.Request)) *httptest.ResponseRecorder {
		hr := httptest.NewRequest("POST", path, strings.NewReader(body))
		hr.Header.Set("Content-Type", strings.TrimPrefix(contentType, "Content-Type: "))
		if change != nil {
			change(hr)
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, hr)
		return w
	}
	chunked := func(hr *http.Request) { hr.ContentLength = -1 }
	body, contentType := upload(part{"more", "../1", "", "1"}, part{"more", "2", "", "2"})

	parse = func(hr *http.Request) error { return hr.ParseMultipartForm(1) }
	w := send("/x", body, contentType, nil)
	require.NoError(t, outcome)
	assert.Equal(t, `"x big true 2"`, w.Body.String())
	assert.Empty(t, held(dir))
	assert.Equal(t, 200, send("/json", body, contentType, nil).Code)
	assert.Empty(t, held(dir), "also where nothing was extracted")

	large, _ := upload(part{"more", "1", "", big + big})
	assert.Equal(t, 413, send("/x", large, contentType, nil).Code, "the limit holds for it")
	assert.Equal(t, 413, send("/x", large, contentType, chunked).Code)
	many, _ := upload(make([]part, 998)...)
	assert.Equal(t, 200, send("/x", many, contentType, chunked).Code, "parts without a name count for net/http alone")
	assert.Empty(t, held(dir))

	// A form that a stage parses, and parses wrong.
	assert.Equal(t, 400, send("/x", body[:len(body)-10], contentType, nil).Code)
	require.Error(t, outcome)
	assert.Equal(t, 400, send("/x", body[:len(body)-10], contentType, chunked).Code)
	assert.Equal(t, 400, send("/x", "", contentType, chunked).Code)

	parse, byNetHTTP = func(hr *http.Request) error { return hr.ParseForm() }, false
	assert.Equal(t, 200, send("/x", body, contentType, func(hr *http.Request) { hr.URL.RawQuery = "title=query" }).Code, "which leaves parts alone")
	w = send("/text", "limit=5&cursor=a+b", urlencoded, func(hr *http.Request) { hr.URL.RawQuery = "limit=6" })
	assert.JSONEq(t, `{"Limit":5,"Cursor":"a b"}`, w.Body.String(), "and not what the query says")
	w = send("/text", "limit=5&limit=6", urlencoded, chunked)
	assert.Equal(t, 400, w.Code)
	assert.Contains(t, w.Body.String(), "repeated")
	assert.Equal(t, 200, send("/text", "", urlencoded, chunked).Code)
	assert.Equal(t, 400, send("/text", "%zz", urlencoded, nil).Code, "of which nothing was left")
	assert.Equal(t, 413, send("/text", "cursor="+strings.Repeat("x", 2*len(big)), urlencoded, chunked).Code)
	assert.Equal(t, 400, send("/text", "cursor="+strings.Repeat("x", 10<<20)+"&cursor=y", urlencoded, chunked).Code, "which is more than net/http reads")
	assert.Empty(t, log.errors())

	// A stage that reads the body past weft is told apart from a client's mistake.
	for name, other := range map[string]func(hr *http.Request) error{
		"to its end":   func(hr *http.Request) error { _, err := io.Copy(io.Discard, hr.Body); return err },
		"part by part": func(hr *http.Request) error { _, err := hr.MultipartReader(); return err },
	} {
		parse = other
		assert.Equal(t, 500, send("/x", body, contentType, nil).Code, name)
		assert.Len(t, log.errors(), 1)
	}
	parse = func(hr *http.Request) error { _, err := io.Copy(io.Discard, hr.Body); return err }
	assert.Equal(t, 500, send("/text", "limit=5", urlencoded, nil).Code)
}
