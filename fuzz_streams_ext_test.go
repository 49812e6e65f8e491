package weft_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/weft-go/weft"
)

// Whatever lines or array a client sends, each line and each element is an item or an error with its place, in order, none
// is lost, and what is no item is what the body as a whole is refused for.
func FuzzItems(f *testing.F) {
	for _, seed := range []string{
		"1\n2\n3", "[1,2,3]", "\n\n1\r\n", "[", "]", "[1", "[1,]", "[1] 2", "[[1],{\"a\":1}]", "null\n", "[null]", "1 2\n3", "\"\xff\"\n1", "300\n-1",
		"[1,300,\"x\",4]", strings.Repeat("9", 300) + "\n1", "[" + strings.Repeat("9", 300) + "]", "", " ", "{\"a\":1,\"a\":2}\n1", "\ufeff1\n",
	} {
		f.Add([]byte(seed), strings.HasPrefix(seed, "["))
	}
	type told struct {
		Values []int `json:"values"`
		Errors []int `json:"errors"` // the indexes
		Broken bool  `json:"broken"`
	}
	app, log := newApp(weft.WithLimit(4<<10), weft.WithStreams(weft.Streams{ItemLimit: 100}))
	app.Handle("POST /", weft.Handle(func(_ context.Context, in weft.Stream[int]) (told, error) {
		var got told
		count := 0
		for n, err := range in {
			var item *weft.ItemError
			switch {
			case errors.As(err, &item):
				if item.Index != count {
					return got, fmt.Errorf("item %d after %d", item.Index, count)
				}
				got.Errors = append(got.Errors, item.Index)
			case err != nil:
				got.Broken = true
				return got, nil
			default:
				got.Values = append(got.Values, n)
			}
			count++
		}
		return got, nil
	}))
	srv, err := app.Build(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte, array bool) {
		if len(content) > 4<<10 {
			return
		}
		hr := httptest.NewRequest("POST", "/", bytes.NewReader(content))
		hr.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "application/x-ndjson"}[array])
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, hr)
		var got told
		if w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &got) != nil {
			t.Fatalf("%d %s %v", w.Code, w.Body, log.errors())
		}
		if array {
			var want []int
			if json.Unmarshal(content, &want) == nil && bytes.HasPrefix(bytes.TrimSpace(content), []byte("[")) && !bytes.Contains(content, []byte("null")) &&
				(got.Broken || fmt.Sprint(got.Values) != fmt.Sprint(want)) && len(got.Errors) == 0 {
				t.Fatalf("%q is %v, and came as %v", content, want, got)
			}
			return
		}
		lines := 0
		for line := range bytes.Lines(content) {
			if len(bytes.TrimSpace(line)) > 0 || len(line) > 100 {
				lines++
			}
		}
		if got.Broken || len(got.Values)+len(got.Errors) != lines {
			t.Fatalf("%q has %d lines, and came as %v", content, lines, got)
		}
	})
}

// Whatever range and conditions a client asks for, what it gets is that part of the file.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=3-1", "bytes=0-1,3-4", "bytes=0-999999999999999999999", "bytes=", "items=0-1", "bytes=-0", "bytes=- 0", "bytes=-+0", "bytes= 1-2 , -3", "bytes=9-9,0-0,0-0,0-0"} {
		f.Add(seed, "", "")
	}
	f.Add("bytes=1-2", `"a"`, `W/"a"`)
	f.Add("bytes=1-2", `Sun, 01 Mar 2026 12:00:00 GMT`, "")
	const content = "0123456789"
	app, log := newApp()
	app.Handle("GET /{name}", serving(fstest.MapFS{"a": {Data: []byte(content), ModTime: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}},
		func(r weft.Response) weft.Response { return r.WithHeader("ETag", `"a"`) }))
	srv, err := app.Build(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	part := func(t *testing.T, at string, body []byte) {
		from, to, total := 0, 0, 0
		if n, _ := fmt.Sscanf(at, "bytes %d-%d/%d", &from, &to, &total); n != 3 || total != len(content) || from > to || to >= total || content[from:to+1] != string(body) {
			t.Fatalf("%q is not %q", body, at)
		}
	}
	f.Fuzz(func(t *testing.T, ranges, ifRange, ifNoneMatch string) {
		hr := httptest.NewRequest("GET", "/a", nil)
		for name, value := range map[string]string{"Range": ranges, "If-Range": ifRange, "If-None-Match": ifNoneMatch} {
			if value != "" {
				hr.Header[name] = []string{value}
			}
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, hr)
		switch h := w.Header(); w.Code {
		case 200:
			if w.Body.String() != content {
				t.Fatalf("all is %q", w.Body)
			}
		case 206:
			if length := h.Get("Content-Length"); length != strconv.Itoa(w.Body.Len()) {
				t.Fatalf("%s bytes are %d", length, w.Body.Len())
			}
			mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
			if err != nil || mediaType != "multipart/byteranges" {
				part(t, h.Get("Content-Range"), w.Body.Bytes())
				return
			}
			parts := multipart.NewReader(w.Body, params["boundary"])
			for {
				p, err := parts.NextPart()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(p)
				part(t, p.Header.Get("Content-Range"), body)
			}
		case http.StatusNotModified, http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Fatalf("%d %v", w.Code, log.errors())
		}
	})
}
