package weft_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// Which bodies a route takes, and how it says so where it was sent another one.
func TestContentTypesOfEveryKindOfBody(t *testing.T) {
	app, log := newApp()
	for path, h := range map[string]weft.Endpoint{
		"/json": weft.Handle(takes[person]),
		"/patch": weft.Handle(takes[struct {
			P namePatch `body:"merge-patch"`
		}]),
		"/text": weft.Handle(takes[string]).Extract(weft.TextBody()),
		"/raw":  weft.Handle(takes[[]byte]).Extract(weft.RawBody()),
		"/form": weft.Handle(takes[struct {
			A string `form:"a"`
		}]),
		"/parts": weft.Handle(takes[struct {
			A weft.Upload `file:"a"`
		}]),
	} {
		app.Handle("POST "+path, h)
		app.Handle("PATCH "+path, h)
		app.Handle("PUT "+path, h)
	}
	site := serve(t, app)
	const json, patch, text, form, parts = "application/json", "application/merge-patch+json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"
	declared := parts + "; boundary=" + boundary
	one, _ := parted(part{"a", "f", "", "1"})
	bodies := map[string]string{"/json": `{"name":"a"}`, "/patch": `{}`, "/text": "a", "/raw": "a", "/form": "a=1", "/parts": one}
	types := map[string]string{"/json": json, "/patch": patch, "/text": text, "/raw": "", "/form": form, "/parts": declared}
	accepted := map[string]string{"/json": json, "/patch": patch, "/text": text, "/form": form + ", " + parts, "/parts": parts}
	for _, row := range []struct {
		contentType string
		by          string // the paths that take it
	}{
		{json, "/json /raw"},
		{"Application/JSON; charset=\"UTF-8\"", "/json /raw"},
		{"application/vnd.api+json", "/json /raw"},
		{"application/json; charset=latin1", "/raw"},
		{patch, "/patch /json /raw"},
		{"application/merge-patch+json; charset=utf-16", "/raw"},
		{"text/plain; charset=us-ascii", "/text /raw"},
		{"text/plain; charset=utf-8; format=flowed", "/text /raw"},
		{"text/plain; charset=latin1", "/raw"},
		{"text/html", "/raw"},
		{form, "/form /raw"},
		{form + "; charset=UTF-8", "/form /raw"},
		{"APPLICATION/X-WWW-FORM-URLENCODED", "/form /raw"},
		{form + "; charset=latin1", "/raw"},
		{form + ", " + parts, "/raw"},
		{declared, "/parts /form /raw"},
		{declared + "; charset=utf-8", "/parts /form /raw"},
		{declared + "; charset=utf-16", "/raw"},
		{"multipart/mixed; boundary=" + boundary, "/raw"},
		{"application/octet-stream", "/raw"},
		{"a/b/c;;", "/raw"},
		{"", "/raw"},
	} {
		for path, body := range bodies {
			if path == "/form" && strings.HasPrefix(row.contentType, parts) {
				body, _ = parted(part{name: "a", content: "1"})
			}
			for _, method := range []string{"POST", "PATCH", "PUT"} {
				got := site.send(method, path, body, "Content-Type: "+row.contentType)
				what := fmt.Sprintf("%s %s as %q: %s", method, path, row.contentType, got.body)
				if strings.Contains(" "+row.by+" ", " "+path+" ") {
					assert.Equal(t, 200, got.status, what)
					continue
				}
				assert.Equal(t, 415, got.status, what)
				assert.Equal(t, accepted[path], got.header.Get("Accept"), what)
				assert.Equal(t, map[string]string{"POST": accepted[path]}[method], got.header.Get("Accept-Post"), what)
				assert.Equal(t, map[string]string{"PATCH": accepted[path]}[method], got.header.Get("Accept-Patch"), what)
				assert.Empty(t, got.header.Get("Accept-Encoding"), what)
			}
		}
	}
	for path, body := range bodies {
		send := func(headers ...string) reply {
			return site.send("POST", path, body, append(headers, "Content-Type: "+types[path])...)
		}
		for _, coding := range []string{"gzip", "br", "snappy", "identity, gzip", "gzip, identity", "x"} {
			got := send("Content-Encoding: " + coding)
			if path == "/raw" { // the bytes as they are
				assert.Equal(t, 200, got.status)
				continue
			}
			assertProblem(t, got, 415)
			assert.Equal(t, "identity", got.header.Get("Accept-Encoding"), "RFC 9110 section 15.5.16")
			assert.Empty(t, got.header.Get("Accept"))
			assert.Contains(t, got.body, `"message":"must be sent without a Content-Encoding","params":{"encodings":["identity"]}`)
		}
		for _, coding := range []string{"identity", "IDENTITY", "identity, identity", "", ","} {
			assert.Equal(t, 200, send("Content-Encoding: "+coding).status, "%s %s", path, coding)
		}
		two := "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Type: " + form + "\r\nContent-Length: 1\r\n\r\n1"
		if path != "/raw" {
			assert.Contains(t, raw(t, site, two), `"errors":[{"source":"header","name":"Content-Type","code":"repeated","message":"must be given once"}]`, path)
		}
		unread := "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
		if path != "/raw" {
			assert.Contains(t, raw(t, site, unread), "HTTP/1.1 415", "%s: of a length that is not known before", path)
		}
	}
	assert.Empty(t, log.errors())
}

func TestA415SaysWhatToSend(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /form", weft.Handle(takes[formPaging]))
	app.Handle("POST /json", weft.Handle(takes[person]))
	app.Handle("POST /text", weft.Handle(takes[string]).Extract(weft.TextBody()))
	site := serve(t, app)
	for _, row := range []struct{ path, contentType, says string }{
		{"/form", "application/json", `"message":"must be sent as application/x-www-form-urlencoded or multipart/form-data","params":{"accepted":["application/x-www-form-urlencoded","multipart/form-data"]}`},
		{"/form", "multipart/form-data; charset=latin1", `"message":"must be sent in UTF-8","params":{"accepted":["application/x-www-form-urlencoded","multipart/form-data"],"charsets":["UTF-8"]}`},
		{"/json", "", `"source":"body","pointer":"","code":"unsupported_media_type","message":"must be sent as application/json","params":{"accepted":["application/json"]}`},
		{"/text", "text/plain; charset=latin1", `"message":"must be sent in UTF-8 or US-ASCII","params":{"accepted":["text/plain"],"charsets":["UTF-8","US-ASCII"]}`},
	} {
		got := site.send("POST", row.path, "{}", "Content-Type: "+row.contentType)
		assertProblem(t, got, 415)
		assert.Contains(t, got.body, row.says)
	}
}

func TestAFormWithoutABodyIsEmpty(t *testing.T) {
	app, log := newApp()
	app.Handle("POST /form", weft.Handle(func(_ context.Context, in formPaging) (formPaging, error) { return in, nil }))
	app.Handle("POST /photos", weft.Handle(takes[photos]))
	site := serve(t, app)
	for _, contentType := range []string{"", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x"} {
		assert.JSONEq(t, `{"Limit":20,"Cursor":""}`, site.send("POST", "/form", "", "Content-Type: "+contentType).body, contentType)
		assert.Equal(t, "file main required", fieldErrors(t, site.send("POST", "/photos", "", "Content-Type: "+contentType)), contentType)
		chunked := raw(t, site, "POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "+contentType+"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
		assert.Contains(t, chunked, "HTTP/1.1 200", contentType)
	}
	assert.Equal(t, "form malformed", fieldErrors(t, site.send("POST", "/form", "a", "Content-Type: multipart/form-data")), "no boundary")
	assert.Equal(t, "form malformed", fieldErrors(t, site.send("POST", "/form", "a", "Content-Type: multipart/form-data; boundary=x")), "no part")
	empty, contentType := parted()
	assert.Equal(t, 200, site.send("POST", "/form", empty, contentType).status, "no part, and its end")
	assert.Empty(t, log.errors())
}

func TestThePlanSaysWhatBodyARouteTakes(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /photos", weft.Handle(takes[photos]).Limit(1<<20))
	app.Handle("POST /form", weft.Handle(takes[formPaging]))
	app.Handle("POST /login", weft.Handle(takes[struct {
		Form formPaging `body:"multipart"`
	}]))
	app.Handle("POST /one", weft.Handle(takes[int]).Extract(weft.FormValue[int]("n")))
	app.Handle("POST /json", weft.Handle(takes[person]))
	app.Handle("POST /patch", weft.Handle(takes[namePatch]).Extract(weft.MergePatchBody[namePatch]()))
	app.Handle("POST /raw", weft.Handle(takes[[]byte]).Extract(weft.RawBody()))
	app.Handle("POST /none", weft.Handle(takes[struct{}]))
	plan, err := app.Plan()
	require.NoError(t, err)
	consumes := map[string]string{}
	for _, r := range plan.Routes {
		consumes[r.Pattern] = strings.Join(r.Consumes, " ")
	}
	assert.Equal(t, map[string]string{
		"POST /photos": "multipart/form-data",
		"POST /form":   "application/x-www-form-urlencoded multipart/form-data",
		"POST /login":  "multipart/form-data",
		"POST /one":    "application/x-www-form-urlencoded multipart/form-data",
		"POST /json":   "application/json",
		"POST /patch":  "application/merge-patch+json",
		"POST /raw":    "*/*",
		"POST /none":   "",
	}, consumes)
	assert.Equal(t, []int{200, 400, 413, 415, 500}, plan.Routes[0].Statuses)
	assert.Equal(t, weft.ReadInfo{Source: weft.SourceFile, Name: "main", Form: "file", Required: true}, plan.Routes[0].Reads[1])
	text := plan.String()
	assert.Contains(t, text, "extract: form title: string; file main: file, required; file small: file; file extra: file; file more: files; file rest: files; sent as multipart/form-data; at most 1048576 bytes")
	assert.Contains(t, text, "extract: form limit: integer, default 20; form cursor: string; sent as application/x-www-form-urlencoded or multipart/form-data; at most 1048576 bytes")
}
