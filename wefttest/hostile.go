package wefttest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/weft-go/weft"
)

// marker is in values that no answer may repeat.
const marker = "hostile-51d09be2"

// hostileRequest is a change of a good request into one that nobody means well with.
type hostileRequest struct {
	what  string
	spoil func(*http.Request)
}

var hostileValues = []struct{ what, value string }{
	{"an empty value", ""},
	{"a blank value", " \t"},
	{"a value that is " + marker, marker},
	{"a NUL", "\x00" + marker},
	{"a line break", marker + "\r\nX-Injected: 1"},
	{"bytes that are not UTF-8", "\xff\xfe" + marker},
	{"a negative number", "-1"},
	{"a number beyond all types", "99999999999999999999999999"},
	{"a number with an exponent", "1e999"},
	{"no number", "NaN"},
	{"null", "null"},
	{"a broken escape", "%zz"},
	{"a path upwards", "../../etc/passwd"},
	{"commas alone", ",,,"},
	{"dots alone", "..."},
	{"a quote", `"'` + marker},
	{"a space in front", " " + marker + " x y z"},
	{"a scheme without credentials", "Bearer"},
	{"a scheme and nothing", "Bearer "},
	{"a scheme and dots", "Bearer ..."},
	{"credentials that are not base64", "Basic %%%"},
	{"a very long value", strings.Repeat("x", 1<<16)},
}

var hostileBodies = []struct{ what, body string }{
	{"no body", ""},
	{"a body that breaks off", `{"` + marker},
	{"a body that is null", "null"},
	{"a body that is a list", "[]"},
	{"a body that is a text", `"` + marker + `"`},
	{"a body that is a number", "1e999"},
	{"a body with unknown members", `{"` + marker + `":1}`},
	{"a body that is not UTF-8", "{\"a\":\"\xff\xfe\"}"},
	{"a body that is nested deeply", strings.Repeat("[", 20000)},
	{"a body with something behind it", "{} " + marker},
	{"a large body", strings.Repeat("x", 1<<20)},
}

var hostileTypes = []string{"", "text/plain", "application/json; charset=utf-16", "a/b/c;;", "multipart/form-data", "application/x-www-form-urlencoded"}

// hostile are such changes of a sample: of whatever it has, of the parameters that reads names, and of its body.
func (c *contract) hostile(s sample, reads []weft.ReadInfo, body bool) []hostileRequest {
	o := s.outgoing(c.t.Context())
	hr := o.incoming(o.ctx)
	headers, queries, cookies, paths := keysOf(hr.Header), keysOf(hr.URL.Query()), []string{}, []string{}
	for _, cookie := range o.cookies {
		cookies = append(cookies, cookie.Name)
	}
	for _, p := range o.path {
		paths = append(paths, p.name)
	}
	for _, r := range reads {
		switch r.Source {
		case weft.SourceHeader:
			headers = append(headers, http.CanonicalHeaderKey(r.Name))
		case weft.SourceQuery:
			queries = append(queries, r.Name)
		case weft.SourceCookie:
			cookies = append(cookies, r.Name)
		case weft.SourcePath:
			paths = append(paths, r.Name)
		}
	}
	headers = slices.DeleteFunc(headers, func(name string) bool { return name == "Content-Type" || name == "Cookie" })
	if len(headers) == 0 {
		headers = []string{"Authorization"}
	}
	list := []hostileRequest{
		{"a query that is broken", func(hr *http.Request) { hr.URL.RawQuery = "a;b&%zz=%&=" + marker }},
		{"nothing but a path", func(hr *http.Request) {
			clear(hr.Header)
			hr.URL.RawQuery = ""
			hr.Body, hr.ContentLength = http.NoBody, 0
		}},
	}
	add := func(what string, spoil func(*http.Request)) { list = append(list, hostileRequest{what, spoil}) }
	each := func(kind string, names []string, put func(hr *http.Request, name string, values ...string)) {
		for _, name := range unique(names) {
			add(fmt.Sprintf("no %s %s", kind, name), func(hr *http.Request) { put(hr, name) })
			add(fmt.Sprintf("%s %s twice", kind, name), func(hr *http.Request) { put(hr, name, "1", "2") })
			for _, v := range hostileValues {
				add(fmt.Sprintf("%s in the %s %s", v.what, kind, name), func(hr *http.Request) { put(hr, name, v.value) })
			}
		}
	}
	each("header", headers, func(hr *http.Request, name string, values ...string) {
		if hr.Header[name] = values; len(values) == 0 {
			delete(hr.Header, name)
		}
	})
	each("query parameter", queries, func(hr *http.Request, name string, values ...string) {
		q := hr.URL.Query()
		q[name] = values
		hr.URL.RawQuery = q.Encode()
	})
	each("cookie", cookies, func(hr *http.Request, name string, values ...string) {
		others := slices.DeleteFunc(hr.Cookies(), func(c *http.Cookie) bool { return c.Name == name })
		hr.Header.Del("Cookie")
		for _, other := range others {
			hr.AddCookie(other)
		}
		for _, v := range values {
			hr.Header.Add("Cookie", name+"="+v)
		}
	})
	each("path value", paths, func(hr *http.Request, name string, values ...string) {
		hr.SetPathValue(name, strings.Join(values, "/"))
	})
	if !body && o.body == nil {
		return list
	}
	for _, b := range hostileBodies {
		add(b.what, func(hr *http.Request) {
			hr.Body, hr.ContentLength = io.NopCloser(strings.NewReader(b.body)), int64(len(b.body))
		})
	}
	add("a body of unknown length that cannot be read", func(hr *http.Request) {
		hr.Body, hr.ContentLength = io.NopCloser(io.MultiReader(bytes.NewReader([]byte("{")), brokenReader{})), -1
	})
	for _, mediaType := range hostileTypes {
		add(fmt.Sprintf("a body of the type %q", mediaType), func(hr *http.Request) {
			if hr.Header.Set("Content-Type", mediaType); mediaType == "" {
				hr.Header.Del("Content-Type")
			}
		})
	}
	return list
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func keysOf[M http.Header | url.Values](m M) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
