package response_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// model is what a Response must be, kept with the standard library's own header map.
type model struct {
	zero   bool // no answer at all
	status int
	header http.Header
	body   string
	failed bool
	names  string // what Err must mention, where the Response failed by a change
}

func (m model) clone() model {
	m.header = m.header.Clone()
	return m
}

// failure is the generic rendering of an error that tells nothing.
func failure(names string) model {
	return model{
		status: http.StatusInternalServerError,
		header: http.Header{
			"Content-Type":           {"application/problem+json"},
			"X-Content-Type-Options": {"nosniff"},
		},
		body:   `{"title":"Internal Server Error","status":500,"code":"internal"}`,
		failed: true,
		names:  names,
	}
}

// assertSame compares all that can be read of the Response with the model, and
// spoils what it was given to read: that must be the reader's own.
func (m model) assertSame(t require.TestingT, r weft.Response, what string) {
	header, body := r.Header(), mustRender(t, m, r)
	assert.Equal(t, m.status, r.Status(), what)
	assert.Equal(t, m.header, header, what)
	if m.body != string(body) {
		t.Errorf("%s: the body is %.80q, not %.80q", what, body, m.body)
	}
	if !m.failed {
		assert.NoError(t, r.Err(), what)
	} else if assert.Error(t, r.Err(), what) {
		assert.Contains(t, r.Err().Error(), m.names, what)
	}
	spoil(header, body)
}

func mustRender(t require.TestingT, m model, r weft.Response) []byte {
	body, err := r.Render()
	if m.zero {
		require.ErrorIs(t, err, weft.ErrNotRenderable)
	} else {
		require.NoError(t, err)
	}
	return body
}

func spoil(header http.Header, body []byte) {
	for name, values := range header {
		for i := range values {
			values[i] = "spoiled"
		}
		header[name] = append(values, "spoiled")
	}
	header["Spoiled"] = []string{"spoiled"}
	spoilBytes(body)
}

func spoilBytes(body []byte) {
	for i := range body[:cap(body)] {
		body[:cap(body)][i] = '#'
	}
}

// change is one call of a With method, on a Response and on the model.
type change struct {
	text string
	real func(weft.Response) weft.Response
	want func(*model)
}

func (c change) GoString() string { return c.text }

// apply is the model after the change.
func (c change) apply(m model) model {
	if m.zero {
		return m
	}
	m = m.clone()
	c.want(&m)
	return m
}

func (m *model) fail(names string) { *m = failure(names) }

var (
	goodNames = []string{"X-A", "x-a", "X-B", "ETag", "Cache-Control", "Vary", "vary", "Content-Type", "content-type", "Set-Cookie", "Content-Length", "Transfer-Encoding"}
	badNames  = []string{"", "X A", "X-A:", "X-A\r\nX-B", "Ä", "X-\x00"}

	goodValues = []string{"", "a", "b, c", "Accept, origin", "*", "tab\there", "bytes \xff beyond ASCII", "17"}
	badValues  = []string{"a\r\nX-Injected: b", "a\nb", "a\rb", "\x00", "a\x7f"}
)

// drawName draws the name of a field, now and then one that HTTP does not allow.
func drawName(t *rapid.T) (name string, ok bool) {
	if rapid.IntRange(0, 24).Draw(t, "bad name") == 0 {
		return rapid.SampledFrom(badNames).Draw(t, "name"), false
	}
	return rapid.SampledFrom(goodNames).Draw(t, "name"), true
}

func drawValue(t *rapid.T) (value string, ok bool) {
	if rapid.IntRange(0, 24).Draw(t, "bad value") == 0 {
		return rapid.SampledFrom(badValues).Draw(t, "value"), false
	}
	return rapid.SampledFrom(goodValues).Draw(t, "value"), true
}

func drawChange(t *rapid.T) change {
	return rapid.SampledFrom([]func(*rapid.T) change{
		drawWithHeader, drawWithAddedHeader, drawWithoutHeader, drawVary, drawWithCookie, drawWithStatus, drawWithBody,
	}).Draw(t, "change")(t)
}

func drawWithHeader(t *rapid.T) change {
	return drawField(t, "WithHeader", weft.Response.WithHeader, http.Header.Set)
}

func drawWithAddedHeader(t *rapid.T) change {
	return drawField(t, "WithAddedHeader", weft.Response.WithAddedHeader, http.Header.Add)
}

func drawField(t *rapid.T, method string, with func(r weft.Response, name, value string) weft.Response, want func(h http.Header, name, value string)) change {
	name, nameOK := drawName(t)
	value, valueOK := drawValue(t)
	return change{
		fmt.Sprintf("%s(%q, %q)", method, name, value),
		func(r weft.Response) weft.Response { return with(r, name, value) },
		func(m *model) {
			if !nameOK || !valueOK {
				m.fail(fmt.Sprintf("%q", name))
				return
			}
			want(m.header, name, value)
		},
	}
}

func drawWithoutHeader(t *rapid.T) change {
	name, _ := drawName(t)
	return change{
		fmt.Sprintf("WithoutHeader(%q)", name),
		func(r weft.Response) weft.Response { return r.WithoutHeader(name) },
		func(m *model) { m.header.Del(name) },
	}
}

func drawVary(t *rapid.T) change {
	fields := rapid.SliceOfN(rapid.SampledFrom([]string{
		"Accept", "accept", "Origin", "Accept-Language", "*", "Accept", "Origin", "Cookie", "X\r\nY",
	}), 0, 4).Draw(t, "fields")
	return change{
		fmt.Sprintf("Vary(%q)", fields),
		func(r weft.Response) weft.Response {
			given := slices.Clone(fields)
			defer clear(given)
			return r.Vary(given...)
		},
		func(m *model) {
			for _, field := range fields {
				switch {
				case strings.ContainsAny(field, "\r\n"):
					m.fail(`"Vary"`)
				case !varies(m.header, field):
					m.header.Add("Vary", field)
				}
			}
		},
	}
}

// varies reports whether the Vary field names field already, or everything.
func varies(h http.Header, field string) bool {
	listed := strings.Split(strings.Join(h["Vary"], ","), ",")
	return slices.ContainsFunc(listed, func(s string) bool {
		s = strings.TrimSpace(s)
		return s == "*" || strings.EqualFold(s, field)
	})
}

func drawWithCookie(t *rapid.T) change {
	c := rapid.SampledFrom([]*http.Cookie{
		{Name: "session", Value: "abc", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode},
		{Name: "theme", Value: "with space", Path: "/x"},
		{Name: "gone", MaxAge: -1},
		{Name: "bad name", Value: "abc"},
		{Name: "bad", Value: "a\r\nSet-Cookie: b=c"},
		{Name: "bad", Value: "a", Path: "/;x"},
		nil,
	}).Draw(t, "cookie")
	return change{
		fmt.Sprintf("WithCookie(%s)", cookieText(c)),
		func(r weft.Response) weft.Response {
			if c == nil {
				return r.WithCookie(nil)
			}
			given := *c
			defer func() { given = http.Cookie{Name: "spoiled"} }()
			return r.WithCookie(&given)
		},
		func(m *model) {
			if c.Valid() != nil {
				m.fail("cookie")
				return
			}
			m.header.Add("Set-Cookie", c.String())
		},
	}
}

// cookieText is not Cookie.String, which logs what it leaves out.
func cookieText(c *http.Cookie) string {
	if c == nil {
		return "nil"
	}
	return fmt.Sprintf("%q=%q", c.Name, c.Value)
}

func drawWithStatus(t *rapid.T) change {
	status := rapid.SampledFrom([]int{
		200, 201, 204, 205, 299, 301, 304, 399, 400, 404, 451, 500, 503, 599, // each as likely as all that are none together
		rapid.SampledFrom([]int{-1, 0, 99, 100, 101, 199, 600, 1000}).Draw(t, "none"),
	}).Draw(t, "status")
	return change{
		fmt.Sprintf("WithStatus(%d)", status),
		func(r weft.Response) weft.Response { return r.WithStatus(status) },
		func(m *model) {
			if status < 200 || status > 599 {
				m.fail(fmt.Sprint(status))
				return
			}
			m.status = status
		},
	}
}

func drawWithBody(t *rapid.T) change {
	mediaType, ok := drawValue(t)
	body := rapid.SampledFrom([]string{"", "short", strings.Repeat("long ", 500), "\x00\xff"}).Draw(t, "body")
	return change{
		fmt.Sprintf("WithBody(%q, %d bytes)", mediaType, len(body)),
		func(r weft.Response) weft.Response {
			given := []byte(body)
			defer spoilBytes(given)
			return r.WithBody(mediaType, given)
		},
		func(m *model) {
			if !ok {
				m.fail(`"Content-Type"`)
				return
			}
			m.header.Set("Content-Type", mediaType)
			m.body = body
		},
	}
}

// beginning is a Response as it is made, and its model.
type beginning struct {
	text string
	real func() weft.Response
	want model
}

func (b beginning) GoString() string { return b.text }

func ok(status int, mediaType, body string) model {
	m := model{status: status, header: http.Header{}, body: body}
	if mediaType != "" {
		m.header.Set("Content-Type", mediaType)
	}
	return m
}

func (m model) located(location string) model {
	m.header.Set("Location", location)
	return m
}

// answers are the beginnings that can be sent: a Response made of the zero one stays zero.
var answers = beginnings[1:]

var beginnings = []beginning{
	{"the zero Response", func() weft.Response { return weft.Response{} }, model{zero: true, header: http.Header{}}},
	{"Text", func() weft.Response { return weft.Text("hello") }, ok(200, "text/plain; charset=utf-8", "hello")},
	{"HTML", func() weft.Response { return weft.HTML("<p>") }, ok(200, "text/html; charset=utf-8", "<p>")},
	{"Empty", weft.Empty, ok(204, "", "")},
	{"JSON", func() weft.Response { return weft.JSON(map[string]int{"b": 2, "a": 1}) }, ok(200, "application/json", `{"a":1,"b":2}`)},
	{"Accepted", func() weft.Response { return weft.Accepted([]int{1}) }, ok(202, "application/json", `[1]`)},
	{"Created", func() weft.Response { return weft.Created("/ä b", 1) }, ok(201, "application/json", `1`).located("/%C3%A4 b")},
	{"Redirect", func() weft.Response { return weft.Redirect(303, "/x") }, ok(303, "", "").located("/x")},
	{"Bytes", func() weft.Response {
		given := []byte("raw")
		defer spoilBytes(given)
		return weft.Bytes("application/octet-stream", given)
	}, ok(200, "application/octet-stream", "raw")},
	{"JSON of what has no JSON form", func() weft.Response { return weft.JSON(func() {}) }, failure("func()")},
	{"Created at no location", func() weft.Response { return weft.Created("/\r\n", 1) }, failure(`"Location"`)},
	{"Redirect that is none", func() weft.Response { return weft.Redirect(200, "/") }, failure("200")},
	{"Bytes of no media type", func() weft.Response { return weft.Bytes("a\nb", nil) }, failure(`"Content-Type"`)},
	{"Fail of an unknown error", func() weft.Response { return weft.Fail(fmt.Errorf("secret")) }, failure("secret")},
	{"Fail of nil", func() weft.Response { return weft.Fail(nil) }, failure("nil error")},
	{"Fail of an Error", func() weft.Response {
		return weft.Fail(&weft.Error{
			Status: 401, Code: "who", Detail: "Who are you?",
			Header: http.Header{"www-authenticate": {"Basic", "Bearer"}, "vary": {"Authorization"}},
		})
	}, model{
		status: 401,
		header: http.Header{
			"Content-Type":           {"application/problem+json"},
			"X-Content-Type-Options": {"nosniff"},
			"Www-Authenticate":       {"Basic", "Bearer"},
			"Vary":                   {"Authorization"},
		},
		body:   `{"title":"Unauthorized","status":401,"code":"who","detail":"Who are you?"}`,
		failed: true,
		names:  "Who are you?",
	}},
}
