package weft_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/weft-go/weft"
)

// ofTheClient fails unless an answer is one that a client alone can be to blame for: short, and problem details.
func ofTheClient(t *testing.T, w *httptest.ResponseRecorder, log *journal) {
	t.Helper()
	if logged := log.errors(); w.Code < 400 || w.Code >= 500 || len(logged) > 0 {
		t.Fatalf("status %d: %s, logged %q", w.Code, w.Body, logged)
	}
	var problem struct{ Errors []json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || len(problem.Errors) == 0 || w.Body.Len() > 8000 {
		t.Fatalf("%d bytes, %v: %.300s", w.Body.Len(), err, w.Body)
	}
}

// A multipart form is what net/http takes it for, or refused. What net/http refuses is refused too.
func FuzzMultipart(f *testing.F) {
	whole, _ := parted(part{name: "title", content: "x"}, part{"main", "a.png", "image/png", "PNG"}, part{"more", "b", "", strings.Repeat("b", 100)}, part{name: "unknown"})
	for _, seed := range []string{
		whole, whole[:len(whole)-5], strings.Replace(whole, "\r\n", "\n", 1), whole + "trailing", "preamble\r\n" + whole, strings.ReplaceAll(whole, "name=", "Name="),
		strings.Replace(whole, "--"+boundary+"--", "--"+boundary+"-- \t", 1), "", "--" + boundary + "--", strings.ReplaceAll(whole, "\r\n", "\n"),
		strings.Replace(whole, "Content-Disposition", "Content-Transfer-Encoding: quoted-printable\r\nContent-Disposition", 1),
		strings.Replace(whole, `filename="a.png"`, `filename*=utf-8''%e2%82%ac`, 1), strings.Replace(whole, `"a.png"`, "\"\xff\"", 1),
	} {
		f.Add([]byte(seed), boundary)
	}
	f.Add([]byte(whole), "")
	f.Add([]byte(whole), "-")
	type sent struct {
		Title []string
		Files map[string][]string
	}
	var bound sent
	app, log := newApp(weft.WithForms(weft.FormOptions{Memory: 50, TempDir: f.TempDir()}), weft.WithLimit(1<<20))
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in struct {
		Title []string      `form:"title"`
		Main  []weft.Upload `file:"main"`
		More  []weft.Upload `file:"more"`
	}) (struct{}, error) {
		bound = sent{in.Title, map[string][]string{}}
		for name, uploads := range map[string][]weft.Upload{"main": in.Main, "more": in.More} {
			for _, u := range uploads {
				content, err := u.Bytes()
				if err != nil {
					return struct{}{}, err
				}
				bound.Files[name] = append(bound.Files[name], string(content))
			}
		}
		return struct{}{}, nil
	}))
	srv, err := app.Build(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte, boundary string) {
		request := func() *http.Request {
			hr := httptest.NewRequest("POST", "/x", strings.NewReader(string(content)))
			hr.Header.Set("Content-Type", mime.FormatMediaType("multipart/form-data", map[string]string{"boundary": boundary}))
			return hr
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, request())
		theirs := request()
		theirErr := theirs.ParseMultipartForm(1 << 20)
		if w.Code != http.StatusNoContent {
			ofTheClient(t, w, log)
			ended := strings.Contains("\n"+string(content), "\n--"+boundary+"--") // net/http also takes what breaks off behind a part
			if theirErr == nil && ended && strings.Contains(w.Body.String(), `"source":"form","code":"malformed"`) {
				t.Fatalf("net/http reads it: %s", w.Body)
			}
			return
		}
		if len(content) == 0 {
			return
		}
		if theirErr != nil {
			t.Fatalf("net/http refuses it: %v", theirErr)
		}
		if !slices.Equal(bound.Title, theirs.MultipartForm.Value["title"]) {
			t.Fatalf("%q and %q", bound.Title, theirs.MultipartForm.Value["title"])
		}
		for _, name := range []string{"main", "more"} {
			files := theirs.MultipartForm.File[name]
			if len(files) != len(bound.Files[name]) {
				t.Fatalf("%s: %d and %d", name, len(bound.Files[name]), len(files))
			}
			for i, file := range files {
				from, err := file.Open()
				if err != nil {
					t.Fatal(err)
				}
				if text, err := io.ReadAll(from); err != nil || string(text) != bound.Files[name][i] {
					t.Fatalf("%s: %q and %q, %v", name, bound.Files[name][i], text, err)
				}
			}
		}
	})
}

// Whatever a client says of its body, a route reads it as what it is, or says what it would read.
func FuzzContentType(f *testing.F) {
	for _, seed := range []string{
		"application/json", "application/merge-patch+json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "APPLICATION/JSON ; Charset=\"utf-8\"",
		"application/json; charset=latin1", "application/a+json", "+json", "a/+json", "text/plain; charset=us-ascii", "text/*", "*/*", "application/json,text/plain", ";", "", "multipart/form-data; boundary=\"\"", "application/json; a=b; a=c",
	} {
		f.Add(seed, "")
	}
	f.Add("application/json", "identity")
	f.Add("application/json", "gzip, identity")
	f.Add("text/plain", ",, IDENTITY")
	app, log := newApp()
	bodies := map[string]string{"/json": "{}", "/patch": "{}", "/text": "x", "/form": "--x--\r\n", "/parts": "--x--\r\n", "/raw": "x"}
	accepted := map[string][]string{
		"/json": {"application/json"}, "/patch": {"application/merge-patch+json"}, "/text": {"text/plain"},
		"/form": {"application/x-www-form-urlencoded", "multipart/form-data"}, "/parts": {"multipart/form-data"},
	}
	app.Handle("POST /json", weft.Handle(takes[person]))
	app.Handle("POST /patch", weft.Handle(takes[namePatch]).Extract(weft.MergePatchBody[namePatch]()))
	app.Handle("POST /text", weft.Handle(takes[string]).Extract(weft.TextBody()))
	app.Handle("POST /form", weft.Handle(takes[formPaging]))
	app.Handle("POST /parts", weft.Handle(takes[[]weft.Upload]).Extract(weft.FormFiles("f")))
	app.Handle("POST /raw", weft.Handle(takes[[]byte]).Extract(weft.RawBody()))
	srv, err := app.Build(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, contentType, coding string) {
		plain := true
		for one := range strings.SplitSeq(coding, ",") {
			one = strings.Trim(one, " \t")
			plain = plain && (one == "" || strings.EqualFold(one, "identity"))
		}
		mediaType, params, err := mime.ParseMediaType(contentType)
		for path, body := range bodies {
			hr := httptest.NewRequest("POST", path, strings.NewReader(body))
			hr.Header["Content-Type"], hr.Header["Content-Encoding"] = []string{contentType}, []string{coding}
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, hr)
			charset, given := params["charset"]
			known := err == nil && plain && (slices.Contains(accepted[path], mediaType) || path == "/json" && strings.HasSuffix(mediaType, "+json") && strings.Contains(mediaType, "/")) &&
				(!given || strings.EqualFold(charset, "utf-8") || path == "/text" && strings.EqualFold(charset, "us-ascii"))
			if known || path == "/raw" {
				if w.Code == http.StatusUnsupportedMediaType || w.Code >= 500 {
					t.Fatalf("%s as %q, %q: %d %s", path, contentType, coding, w.Code, w.Body)
				}
				continue
			}
			if w.Code != http.StatusUnsupportedMediaType {
				t.Fatalf("%s as %q, %q: %d %s", path, contentType, coding, w.Code, w.Body)
			}
			ofTheClient(t, w, log)
			want, field := strings.Join(accepted[path], ", "), "Accept"
			if !plain {
				want, field = "identity", "Accept-Encoding"
			}
			if got := w.Header().Get(field); got != want {
				t.Fatalf("%s as %q, %q: %s: %q", path, contentType, coding, field, got)
			}
		}
	})
}

// Cookies are what net/http takes them for, as strictly as anything else, and never told to anybody.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{"s=a; n=1", "n=300", "n=", "n=1; n=2", "s=\"a b\"", "s", "=", ";;", "s=a;s=b", "N=1", "s=\xff", "s=a\x00", "l=1; l=2", "l=1; l=x; p=", "p=5; b=true", `s="`, "s=a=b", " s = a "} {
		f.Add(seed)
	}
	type jar struct {
		S string        `cookie:"s"`
		N int8          `cookie:"n"`
		P *int          `cookie:"p"`
		B bool          `cookie:"b"`
		L weft.Opt[int] `cookie:"l"`
	}
	var got jar
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(func(_ context.Context, in jar) (struct{}, error) { got = in; return struct{}{}, nil }))
	srv, err := app.Build(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		hr := httptest.NewRequest("GET", "/x", nil)
		hr.Header["Cookie"] = []string{header}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, hr)
		sent := map[string][]string{}
		for _, c := range hr.Cookies() {
			sent[c.Name] = append(sent[c.Name], c.Value)
		}
		if w.Code != http.StatusNoContent {
			ofTheClient(t, w, log)
			for _, values := range sent {
				for _, value := range values {
					if len(value) > 20 && strings.Contains(w.Body.String(), value) {
						t.Fatalf("%q is told: %s", value, w.Body)
					}
				}
			}
			return
		}
		for _, name := range []string{"s", "n", "p", "b", "l"} {
			if len(sent[name]) > 1 {
				t.Fatalf("%s is there %d times: %q", name, len(sent[name]), header)
			}
		}
		texts := map[string]string{"s": got.S, "n": fmt.Sprint(got.N)}
		for name, text := range texts {
			if values := sent[name]; len(values) == 1 && strings.TrimLeft(strings.TrimPrefix(values[0], "-"), "0") != strings.TrimLeft(strings.TrimPrefix(text, "-"), "0") {
				t.Fatalf("%s is %q of %q", name, text, header)
			}
		}
		if !utf8.ValidString(got.S) {
			t.Fatalf("%q", got.S)
		}
	})
}

// limited are routes of one limit, and a good body for each that has a size exactly.
func limited(limit int64) (*weft.App, *journal, map[string]func(size int) (body, contentType string)) {
	app, log := newApp(weft.WithLimit(1 << 30))
	fill := func(n int) string { return strings.Repeat("x", max(n, 0)) }
	within := func(before, after, contentType string) func(int) (string, string) {
		return func(size int) (string, string) {
			return before + fill(size-len(before)-len(after)) + after, contentType
		}
	}
	empty, multipart := parted(part{"f", "f", "", ""})
	at := strings.LastIndex(empty, "\r\n--"+boundary+"--")
	file := within(empty[:at], empty[at:], strings.TrimPrefix(multipart, "Content-Type: "))
	emptyValue, _ := parted(part{name: "a"})
	at = strings.LastIndex(emptyValue, "\r\n--"+boundary+"--")
	app.Handle("POST /json", weft.Handle(takes[string]).Limit(limit))
	app.Handle("POST /patch", weft.Handle(takes[namePatch]).Extract(weft.MergePatchBody[namePatch]()).Limit(limit))
	app.Handle("POST /text", weft.Handle(takes[string]).Extract(weft.TextBody()).Limit(limit))
	app.Handle("POST /raw", weft.Handle(takes[[]byte]).Extract(weft.RawBody()).Limit(limit))
	app.Handle("POST /reader", weft.Handle(func(_ context.Context, body io.Reader) (string, error) {
		_, err := io.Copy(io.Discard, body)
		return "", err
	}).Extract(weft.BodyReader()).Limit(limit))
	form := weft.Handle(takes[struct {
		A string        `form:"a"`
		F []weft.Upload `file:"f"`
	}]).Limit(limit)
	app.Handle("POST /parts", form)
	app.Handle("POST /value", form)
	app.Handle("POST /form", weft.Handle(takes[struct {
		A string `form:"a"`
	}]).Limit(limit))
	return app, log, map[string]func(int) (string, string){
		"/json": within(`"`, `"`, "application/json"), "/patch": within(`{"name":"`, `"}`, "application/merge-patch+json"), "/text": within("", "", "text/plain"),
		"/raw": within("", "", "image/png"), "/reader": within("", "", "video/mp4"), "/form": within("a=", "", "application/x-www-form-urlencoded"),
		"/parts": file, "/value": within(emptyValue[:at], emptyValue[at:], strings.TrimPrefix(multipart, "Content-Type: ")),
	}
}

// A body is refused if and only if it has more bytes than the limit, whatever its type, and in whatever pieces it comes.
func FuzzBodyLimit(f *testing.F) {
	for delta := int8(-2); delta <= 2; delta++ {
		f.Add(uint16(300), delta, uint8(0))
		f.Add(uint16(4096), delta, uint8(1))
		f.Add(uint16(513), delta, uint8(2))
		f.Add(uint16(65535), delta, uint8(3))
	}
	f.Add(uint16(200), int8(127), uint8(4))
	f.Add(uint16(500), int8(-128), uint8(5))
	f.Fuzz(func(t *testing.T, limit uint16, delta int8, how uint8) {
		limit = max(limit, 400) // with room for the smallest form
		app, log, bodies := limited(int64(limit))
		srv, err := app.Build(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		size := int(limit) + int(delta)
		for path, sized := range bodies {
			body, contentType := sized(size)
			if len(body) != size {
				t.Fatalf("%s: %d bytes, and not %d", path, len(body), size)
			}
			var from io.Reader = strings.NewReader(body)
			switch how % 4 {
			case 1:
				from = iotest.OneByteReader(from)
			case 2:
				from = iotest.HalfReader(from)
			case 3:
				from = iotest.DataErrReader(from)
			}
			hr := httptest.NewRequest("POST", path, io.NopCloser(from))
			hr.ContentLength = -1
			if how&4 != 0 {
				hr.ContentLength = int64(size)
			}
			hr.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, hr)
			want := http.StatusOK
			if size > int(limit) {
				want = http.StatusRequestEntityTooLarge
			}
			if logged := log.errors(); w.Code != want || len(logged) > 0 {
				t.Fatalf("%s, %d of %d bytes: %d %s, logged %q", path, size, limit, w.Code, w.Body, logged)
			}
		}
	})
}

// The same over connections, with a length and in chunks.
func TestTheLimitIsTheSameForEveryContentType(t *testing.T) {
	const limit = 2000
	app, log, bodies := limited(limit)
	site := serve(t, app)
	for path, sized := range bodies {
		for size := limit - 2; size <= limit+2; size++ {
			body, contentType := sized(size)
			status := 200
			if size > limit {
				status = 413
			}
			if got := site.send("POST", path, body, "Content-Type: "+contentType); got.status != status {
				t.Errorf("%s, %d bytes: %d %s", path, size, got.status, got.body)
			}
			if got := raw(t, site, chunkedPost(path, "Content-Type: "+contentType, body)); !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d", status)) {
				t.Errorf("%s, %d bytes in chunks: %s", path, size, got)
			}
		}
	}
	if logged := log.errors(); len(logged) > 0 {
		t.Error(logged)
	}
}

// An urlencoded form is read as the same text in the query is, or refused for the same.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"s=a&n=1", "s=%zz", "s=a;n=1", "n=300&n=1", "l=1&l=x&l=2", "c=1,,2", "p=&o=", "%73=a", "&&s=&", "=", "s=%ff", "s=+%2B", "unknown=1", strings.Repeat("l=1&", 1000)} {
		f.Add(seed)
	}
	type query struct {
		S string        `query:"s,required"`
		N int8          `query:"n" default:"7"`
		L []int         `query:"l"`
		C []uint8       `query:"c,csv"`
		P *int          `query:"p"`
		O weft.Opt[int] `query:"o"`
	}
	type form struct {
		S string        `form:"s,required"`
		N int8          `form:"n" default:"7"`
		L []int         `form:"l"`
		C []uint8       `form:"c,csv"`
		P *int          `form:"p"`
		O weft.Opt[int] `form:"o"`
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "&") >= 1000 {
			return
		}
		hr := httptest.NewRequest("GET", "/", nil)
		hr.URL.RawQuery = text
		want, wantErr := weft.Struct[query]().Extract(weft.NewRequest(hr))
		hr = httptest.NewRequest("POST", "/", strings.NewReader(text))
		hr.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got, err := weft.Struct[form]().Extract(weft.NewRequest(hr))
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != strings.ReplaceAll(wantErr.Error(), "query", "form") {
			t.Fatalf("%v, and as a query %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if samePointer := (got.P == nil) == (want.P == nil) && (got.P == nil || *got.P == *want.P); !samePointer || !slices.Equal(got.L, want.L) || got.S != want.S || got.N != want.N || !slices.Equal(got.C, want.C) || got.O != want.O {
			t.Fatalf("%+v, and as a query %+v", got, want)
		}
	})
}
