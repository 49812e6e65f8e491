package weft_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// chunkedPost is the text of a request whose length is not known before.
func chunkedPost(path, contentType, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + contentType + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(body)
}

func TestTheLimitOfAForm(t *testing.T) {
	const limit = 4096
	type in struct {
		A string      `form:"a"`
		F weft.Upload `file:"f"`
	}
	type text struct {
		A string `form:"a"`
	}
	app, log := newApp()
	app.Handle("POST /parts", weft.Handle(func(_ context.Context, in in) (int64, error) { return in.F.Size, nil }).Limit(limit))
	app.Handle("POST /text", weft.Handle(func(_ context.Context, in text) (int, error) { return len(in.A), nil }).Limit(limit))
	site := serve(t, app)
	empty, contentType := parted(part{"f", "f", "", ""})
	sized := func(size int) string {
		body, _ := parted(part{"f", "f", "", strings.Repeat("x", size-len(empty))})
		require.Len(t, body, size)
		return body
	}
	encoded := func(size int) string { return "a=" + strings.Repeat("x", size-2) }
	for _, row := range []struct {
		name, path, contentType, body string
		status                        int
	}{
		{"parts exactly at the limit", "/parts", contentType, sized(limit), 200},
		{"parts with one byte more", "/parts", contentType, sized(limit + 1), 413},
		{"a file of 8 MiB", "/parts", contentType, sized(8 << 20), 413},
		{"what is behind the last part counts", "/parts", contentType, sized(limit-10) + strings.Repeat(" ", 10), 200},
		{"what is behind the last part counts too", "/parts", contentType, sized(limit-10) + strings.Repeat(" ", 11), 413},
		{"what is before the first part counts", "/parts", contentType, strings.Repeat(" ", 9) + "\r\n" + sized(limit-10), 413},
		{"text exactly at the limit", "/text", urlencoded, encoded(limit), 200},
		{"text with one byte more", "/text", urlencoded, encoded(limit + 1), 413},
		{"text of 8 MiB", "/text", urlencoded, encoded(8 << 20), 413},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := site.try("POST", row.path, row.body, row.contentType)
			if err == nil { // the connection may be closed before all of it was sent
				assert.Equal(t, row.status, got.status, got.body)
			}
			if len(row.body) <= 2*limit {
				require.NoError(t, err)
				answer := raw(t, site, chunkedPost(row.path, row.contentType, row.body))
				assert.Contains(t, answer, fmt.Sprintf("HTTP/1.1 %d", row.status), "chunked")
				if row.status == 413 {
					assert.Contains(t, answer, `"source":"body","pointer":"","code":"body_too_large","message":"must be at most 4096 bytes","params":{"max":4096}`)
				}
			}
		})
	}
	assert.Empty(t, log.errors())
}

// A form that was read under the app's limit is held against the route's.
func TestAFormThatWasReadBeforeRoutingIsHeldAgainstTheRoutesLimit(t *testing.T) {
	type text struct {
		A string `form:"a"`
	}
	app, log := newApp(weft.WithLimit(1000))
	var before []string
	app.Use(weft.Before("reads", func(r *weft.Request) error {
		a, err := weft.FormValue[string]("a").Extract(r)
		before = append(before, fmt.Sprint(len(a), err))
		return nil
	}))
	app.Handle("POST /low", weft.Handle(takes[text]).Limit(500))
	app.Handle("POST /high", weft.Handle(takes[text]).Limit(5000))
	site := serve(t, app)
	parts := func(size int) (string, string) { return parted(part{name: "a", content: strings.Repeat("x", size)}) }
	for _, send := range []func(path string, size int) reply{
		func(path string, size int) reply {
			return site.send("POST", path, "a="+strings.Repeat("x", size), urlencoded)
		},
		func(path string, size int) reply {
			body, contentType := parts(size)
			return site.send("POST", path, body, contentType)
		},
	} {
		assert.Equal(t, 200, send("/low", 100).status)
		assert.Equal(t, 413, send("/low", 600).status)
		assert.Equal(t, 200, send("/high", 600).status)
		assert.Equal(t, 413, send("/high", 2000).status, "which the stage before has asked for in vain")
		for i, want := range []string{"100 <nil>", "600 <nil>", "600 <nil>", "0 413 invalid request: body: body_too_large"} {
			assert.Equal(t, want, before[i])
		}
		before = nil
	}
	assert.Empty(t, log.errors())
}

// Each file has a limit of its own, which its field says, or the app.
func TestTheLimitOfAFile(t *testing.T) {
	type in struct {
		Title string        `form:"title"`
		Small weft.Upload   `file:"small,max=1KiB"`
		Large weft.Upload   `file:"large,max=2KiB,required"`
		More  []weft.Upload `file:"more"`
	}
	app, log, dir := spooling(t)
	bounded, _ := newApp(weft.WithForms(weft.FormOptions{File: 1000, Memory: 10, TempDir: dir}))
	parsing, _ := newApp(weft.WithForms(weft.FormOptions{File: 1000}))
	parsing.Use(weft.Before("parses", func(r *weft.Request) error { return r.HTTP().ParseMultipartForm(1 << 20) }))
	signed, _ := newApp(weft.WithForms(weft.FormOptions{File: 1000, Memory: 10, TempDir: dir}))
	signed.Guard(weft.NewGuard("reads", func(r *weft.Request) error { _, err := r.Body(); return err }, weft.ReadsBody()))
	var sites []*site
	for _, app := range []*weft.App{bounded, parsing, signed, app} {
		app.Handle("POST /x", weft.Handle(func(_ context.Context, in in) ([]int64, error) {
			for _, u := range append(in.More, in.Small, in.Large) {
				if content, err := u.Bytes(); err == nil && int64(len(content)) != u.Size {
					return nil, fmt.Errorf("%d of %d bytes", len(content), u.Size)
				}
			}
			return []int64{in.Small.Size, in.Large.Size, int64(len(in.More))}, nil
		}))
		sites = append(sites, serve(t, app))
	}
	file := func(name string, size int) part { return part{name, name, "", strings.Repeat("x", size)} }
	for _, row := range []struct {
		name  string
		parts []part
		says  string // the field errors, "" for none
	}{
		{"all at their limits", []part{file("small", 1024), file("large", 2048), file("more", 1000)}, ""},
		{"one byte more", []part{file("small", 1025), file("large", 2048)}, "file small file_too_large"},
		{"another one", []part{file("small", 1024), file("large", 2049)}, "file large file_too_large"},
		{"much more", []part{file("large", 300_000)}, "file large file_too_large"},
		{"all that is wrong", []part{{name: "title", content: "\xff"}, file("small", 5000)}, "form title invalid_utf8, file small file_too_large, file large required"},
		{"twice, and too large", []part{file("small", 5000), file("small", 1), file("large", 1)}, "file small repeated"},
		{"of a field that says nothing", []part{file("large", 1), file("more", 1), file("more", 1001)}, "file more file_too_large"},
		{"one that nobody asked for", []part{file("large", 1), file("other", 5000)}, ""},
	} {
		for i, s := range sites {
			says := row.says
			if i == 3 && row.name == "of a field that says nothing" {
				says = "" // the app neither
			}
			got := s.sendParts("/x", row.parts...)
			switch {
			case says == "":
				assert.Equal(t, 200, got.status, "%s: %s", row.name, got.body)
			case strings.Contains(says, "too_large"):
				assertProblem(t, got, 413)
				assert.Contains(t, got.body, `"code":"file_too_large"`)
				assert.Equal(t, says, fieldErrors(t, got), row.name)
			default:
				assertProblem(t, got, 400)
				assert.Equal(t, says, fieldErrors(t, got), row.name)
			}
		}
	}
	assertNothingHeld(t, dir)
	got := sites[0].sendParts("/x", file("large", 2049))
	assert.Contains(t, got.body, `"status":413,"code":"file_too_large"`)
	assert.Contains(t, got.body, `{"source":"file","name":"large","code":"file_too_large","message":"must be at most 2048 bytes","params":{"max":2048}}`)
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Contains(t, plan.String(), "file small: file, at most 1024 bytes; file large: file, required, at most 2048 bytes; file more: files;")
	assert.EqualValues(t, 1024, plan.Routes[0].Reads[1].Max)
	assert.Empty(t, log.errors())
}

// What is larger than its field says is never kept, however large the form may be.
func TestAFileBeyondItsLimitIsNotKept(t *testing.T) {
	dir := t.TempDir()
	app, _ := newApp(weft.WithForms(weft.FormOptions{Memory: 1, TempDir: dir}), weft.WithLimit(8<<20))
	var first, second error
	stored := int64(-1)
	app.Use(weft.Before("reads", func(r *weft.Request) error {
		_, first = weft.Struct[struct {
			F weft.Upload `file:"f,max=1KiB"`
		}]().Extract(r)
		stored = heldBytes(dir)
		_, second = weft.FormFile("f").Extract(r)
		return nil
	}))
	app.Handle("POST /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
	assert.Equal(t, 200, serve(t, app).sendParts("/x", part{"f", "f", "", strings.Repeat("x", 4<<20)}).status)
	for _, err := range []error{first, second} {
		assert.Equal(t, "413 invalid request: file f: file_too_large", rejection(t, err), "also for who would take it")
	}
	if runtime.GOOS == "linux" {
		assert.EqualValues(t, 1025, stored, "as much as tells that it is too large")
	}
}

func TestAFormHasOnlySoManyFields(t *testing.T) {
	type in struct {
		A []string      `form:"a"`
		F []weft.Upload `file:"f"`
	}
	type text struct {
		A []string `form:"a"`
	}
	app, log := newApp(weft.WithLimit(4 << 20))
	app.Handle("POST /parts", weft.Handle(func(_ context.Context, in in) (int, error) { return len(in.A) + len(in.F), nil }))
	app.Handle("POST /text", weft.Handle(func(_ context.Context, in text) (int, error) { return len(in.A), nil }))
	few, _ := newApp(weft.WithForms(weft.FormOptions{Fields: 2}))
	few.Handle("POST /text", weft.Handle(takes[text]))
	site, small := serve(t, app), serve(t, few)
	parts := func(n int) []part {
		return slices.Repeat([]part{{name: "a"}, {"f", "f", "", ""}}, n/2+1)[:n]
	}
	assert.Equal(t, "1000", site.sendParts("/parts", parts(1000)...).body)
	assert.Equal(t, "1000", site.send("POST", "/text", strings.Repeat("a=&", 999)+"a=", urlencoded).body)
	for _, got := range []reply{site.sendParts("/parts", parts(1001)...), site.send("POST", "/text", strings.Repeat("a=&", 1000)+"a=", urlencoded)} {
		assertProblem(t, got, 413)
		assert.Contains(t, got.body, `"source":"form","code":"too_many_fields","message":"must have at most 1000 fields","params":{"max":1000}`)
	}
	assert.Equal(t, 200, small.send("POST", "/text", "a=1&b=2", urlencoded).status)
	assert.Equal(t, 413, small.send("POST", "/text", "a=1&b=2&c=3", urlencoded).status)
	assert.Equal(t, 200, small.sendParts("/text", parts(2)...).status)
	assert.Equal(t, 413, small.sendParts("/text", parts(3)...).status)
	assert.Empty(t, log.errors())
}

// What a form keeps in memory whatever the limit is bounded as by mime/multipart.
func TestTheTextOfAMultipartFormIsBounded(t *testing.T) {
	type in struct {
		A string `form:"a"`
	}
	app, log := newApp(weft.WithLimit(64 << 20))
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in in) (int, error) { return len(in.A), nil }))
	site := serve(t, app)
	room := 10<<20 - 200 - len("a")
	assert.Equal(t, fmt.Sprint(room), site.sendParts("/x", part{name: "a", content: strings.Repeat("x", room)}).body)
	for name, parts := range map[string][]part{
		"one value":   {{name: "a", content: strings.Repeat("x", room+1)}},
		"two values":  {{name: "a", content: strings.Repeat("x", room/2)}, {name: "b", content: strings.Repeat("x", room/2+1)}},
		"a long name": {{name: strings.Repeat("n", 10<<20-200)}, {name: "a"}},
		"a header":    {{"f", "f", strings.Repeat("t", 10<<20+1), ""}},
	} {
		got := site.sendParts("/x", parts...)
		assertProblem(t, got, 413)
		assert.Contains(t, got.body, `"source":"form","code":"body_too_large"`, name)
	}
	files := make([]part, 900)
	for i := range files {
		files[i] = part{"f", "f", strings.Repeat("t", 12_000), ""}
	}
	assertProblem(t, site.sendParts("/x", files...), 413)
	assert.Equal(t, 200, site.sendParts("/x", part{"f", "f", "", strings.Repeat("x", 20<<20)}).status, "a file is no text")
	assert.Empty(t, log.errors())
}

// The bytes that a guard has asked for are those that are read as a form.
func TestAGuardThatReadsTheBodyLeavesItToTheForm(t *testing.T) {
	app, log := newApp()
	var signed string
	signature := weft.NewGuard("signature", func(r *weft.Request) error {
		body, err := r.Body()
		signed = string(body)
		return err
	}, weft.ReadsBody())
	form := weft.Handle(func(_ context.Context, in formPaging) (formPaging, error) { return in, nil })
	files := weft.Handle(func(_ context.Context, in photos) (string, error) { return in.Title + described(t, in.Main), nil })
	app.Handle("POST /form", form.Guard(signature))
	app.Handle("POST /photos", files.Guard(signature))
	app.Handle("POST /small", files.Guard(signature).Limit(10))
	reads := func(r *weft.Request) error { _, err := weft.FormValue[string]("title").Extract(r); return err }
	app.Handle("POST /secret", files.Guard(weft.NewGuard("reads secretly", reads)))
	app.Handle("POST /open", files.Guard(weft.NewGuard("reads openly", reads, weft.ReadsBody())))
	site := serve(t, app)
	assert.JSONEq(t, `{"Limit":5,"Cursor":"a b"}`, site.send("POST", "/form", "limit=5&cursor=a+b", urlencoded).body)
	assert.Equal(t, "limit=5&cursor=a+b", signed)
	body, contentType := parted(part{name: "title", content: "x"}, part{"main", "f", "", "F"})
	assert.Equal(t, `"xf()=F"`, site.send("POST", "/photos", body, contentType).body)
	assert.Equal(t, body, signed)
	assert.Contains(t, raw(t, site, chunkedPost("/photos", contentType, body)), `"xf()=F"`)
	assert.JSONEq(t, `{"Limit":20,"Cursor":""}`, site.send("POST", "/form", body, contentType).body)
	assert.Equal(t, "form malformed", fieldErrors(t, site.send("POST", "/photos", body[:len(body)-5], contentType)))
	assert.Equal(t, 413, site.send("POST", "/small", body, contentType).status)
	assert.Equal(t, `"xf()=F"`, site.send("POST", "/open", body, contentType).body)
	assert.Empty(t, log.errors())
	assertProblem(t, site.send("POST", "/secret", body, contentType), 500)
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Contains(t, logged[0], `the guard "reads secretly" reads the body and has not said so`)
}

// What was read part by part is not kept: whoever asks for the bytes then is told so.
func TestTheBytesOfAMultipartFormAreNotKept(t *testing.T) {
	app, log := newApp()
	asked := make(chan error, 1)
	app.Intercept(weft.Before("asks", func(r *weft.Request) error {
		_, err := r.Body()
		asked <- err
		return nil
	}))
	app.Handle("POST /photos", weft.Handle(takes[photos]))
	app.Handle("POST /form", weft.Handle(takes[formPaging]))
	site := serve(t, app)
	assert.Equal(t, 200, site.sendParts("/photos", part{"main", "f", "", "F"}).status)
	require.ErrorContains(t, <-asked, "read as a form")
	assert.Equal(t, 200, site.send("POST", "/form", "limit=5", urlencoded).status)
	require.NoError(t, <-asked, "an urlencoded form is kept as any other body is")
	assert.Empty(t, log.errors())
}

func TestAFormThatBreaksOff(t *testing.T) {
	type in struct {
		A string `form:"a"`
		N int    `query:"n"`
	}
	app, log := newApp()
	app.Handle("POST /x", weft.Handle(takes[in]))
	site := serve(t, app)
	body, contentType := parted(part{name: "a", content: "x"}, part{"f", "f", "", "content"})
	for end := 1; end < len(body)-len("\r\n"); end++ {
		got := site.send("POST", "/x?n=a", body[:end], contentType)
		if got.status != 400 || fieldErrors(t, got) != "query n invalid_type, form malformed" {
			t.Fatalf("%q: %d %s", body[:end], got.status, got.body)
		}
	}
	hr := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(body[:60]), failing{}))
	hr.Header.Set("Content-Type", strings.TrimPrefix(contentType, "Content-Type: "))
	_, err := weft.FormValue[string]("a").Extract(weft.NewRequest(hr))
	var rejected *weft.InvalidRequest
	require.ErrorAs(t, err, &rejected)
	assert.Equal(t, "400 invalid request: body: body_unreadable", rejected.Error())
	require.ErrorContains(t, rejected.Fields[0].Cause, "stumbles")
	assert.Empty(t, log.errors())
}

// A stage that reads another field of the form does not decide how large the handler's file may be.
func TestTheLimitOfAFileIsThatOfWhoTakesIt(t *testing.T) {
	app, _ := newApp(weft.WithForms(weft.FormOptions{File: 10}))
	token := weft.FormValue[string]("csrf")
	app.Handle("POST /", weft.Handle(func(_ context.Context, in struct {
		CSRF  string      `form:"csrf"`
		Large weft.Upload `file:"large,max=100"`
		Small weft.Upload `file:"small"`
	}) (int64, error) {
		return in.Large.Size + in.Small.Size, nil
	}).Guard(weft.NewGuard("csrf", func(r *weft.Request) error {
		_, err := token.Extract(r)
		return err
	}, weft.ReadsBody())))
	s := serve(t, app)
	form := func(name string, size int) string {
		return "--b\r\nContent-Disposition: form-data; name=csrf\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=" + name + "; filename=a\r\n\r\n" + strings.Repeat("x", size) + "\r\n--b--\r\n"
	}
	for _, c := range []struct {
		name         string
		size, status int
	}{{"large", 100, 200}, {"large", 101, 413}, {"small", 10, 200}, {"small", 11, 413}} {
		assert.Equal(t, c.status, s.send("POST", "/", form(c.name, c.size), "Content-Type: multipart/form-data; boundary=b").status, c)
	}
}
