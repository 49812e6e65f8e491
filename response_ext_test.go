package weft_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestResponseConstructors(t *testing.T) {
	type order struct {
		ID int `json:"id"`
	}
	for _, row := range []struct {
		name   string
		resp   weft.Response
		status int
		header http.Header
		body   string
	}{
		{"JSON", weft.JSON(order{1}), 200, http.Header{"Content-Type": {"application/json"}}, `{"id":1}`},
		{"JSON of a map is in the order of its keys", weft.JSON(map[string]int{"b": 2, "a": 1, "c": 3}), 200, http.Header{"Content-Type": {"application/json"}}, `{"a":1,"b":2,"c":3}`},
		{"JSON of a nil slice is an empty list", weft.JSON([]int(nil)), 200, http.Header{"Content-Type": {"application/json"}}, `[]`},
		{"text", weft.Text("a<b"), 200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, "a<b"},
		{"HTML", weft.HTML("<p>"), 200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, "<p>"},
		{"bytes", weft.Bytes("image/png", []byte{1, 2}), 200, http.Header{"Content-Type": {"image/png"}}, "\x01\x02"},
		{"empty", weft.Empty(), 204, http.Header{}, ""},
		{"created", weft.Created("/orders/1", order{1}), 201, http.Header{"Content-Type": {"application/json"}, "Location": {"/orders/1"}}, `{"id":1}`},
		{"accepted", weft.Accepted(order{1}), 202, http.Header{"Content-Type": {"application/json"}}, `{"id":1}`},
		{"redirect", weft.Redirect(303, "/orders/é?q=ü"), 303, http.Header{"Location": {"/orders/%C3%A9?q=%C3%BC"}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.status, row.resp.Status())
			assert.Equal(t, row.header, row.resp.Header())
			body, err := row.resp.Render()
			require.NoError(t, err)
			assert.Equal(t, row.body, string(body))
			assert.NoError(t, row.resp.Err())
		})
	}
}

func TestAResponseIsAtMostFourWords(t *testing.T) {
	assert.LessOrEqual(t, reflect.TypeFor[weft.Response]().Size(), 4*reflect.TypeFor[uintptr]().Size())
}

func TestResponseWithMethodsReturnANewResponse(t *testing.T) {
	base := weft.Text("hello").WithHeader("x-a", "1")
	for _, row := range []struct {
		name   string
		got    weft.Response
		status int
		header http.Header
	}{
		{"a header set", base.WithHeader("X-A", "2"), 200, http.Header{"X-A": {"2"}}},
		{"a header added", base.WithAddedHeader("x-a", "2"), 200, http.Header{"X-A": {"1", "2"}}},
		{"a header removed", base.WithoutHeader("x-A"), 200, http.Header{}},
		{"a header removed and added", base.WithoutHeader("X-A").WithAddedHeader("X-A", "3"), 200, http.Header{"X-A": {"3"}}},
		{"a status", base.WithStatus(418), 418, http.Header{"X-A": {"1"}}},
		{"a cookie", base.WithCookie(&http.Cookie{Name: "c", Value: "v", HttpOnly: true}).WithCookie(&http.Cookie{Name: "d", Value: "w"}), 200, http.Header{"X-A": {"1"}, "Set-Cookie": {"c=v; HttpOnly", "d=w"}}},
		{"vary", base.Vary("Accept", "Origin").Vary("accept", "Cookie"), 200, http.Header{"X-A": {"1"}, "Vary": {"Accept", "Origin", "Cookie"}}},
		{"vary after a list", base.WithHeader("Vary", "Accept, Origin").Vary("origin"), 200, http.Header{"X-A": {"1"}, "Vary": {"Accept, Origin"}}},
		{"vary after a star", base.Vary("*").Vary("Accept"), 200, http.Header{"X-A": {"1"}, "Vary": {"*"}}},
		{"a body", base.WithBody("text/csv", []byte("a,b")), 200, http.Header{"X-A": {"1"}, "Content-Type": {"text/csv"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.header.Get("Content-Type") == "" {
				row.header.Set("Content-Type", "text/plain; charset=utf-8")
			}
			assert.Equal(t, row.status, row.got.Status())
			assert.Equal(t, row.header, row.got.Header())
			assert.Equal(t, http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-A": {"1"}}, base.Header(), "the original is as it was")
			body, _ := base.Render()
			assert.Equal(t, "hello", string(body))
		})
	}
}

func TestNothingInAResponseAliasesItsSources(t *testing.T) {
	source := []byte("body")
	resp := weft.Bytes("text/plain", source).WithHeader("X", "1")
	changed := resp.WithBody("text/plain", source)
	source[0] = '!'
	rendered, err := resp.Render()
	require.NoError(t, err)
	rendered[1] = '!'
	header := resp.Header()
	header["X"][0] = "!"

	for _, r := range []weft.Response{resp, changed} {
		body, err := r.Render()
		require.NoError(t, err)
		assert.Equal(t, "body", string(body))
		assert.Equal(t, "1", r.Header().Get("X"))
	}
}

func TestHeaderInjectionIsRefused(t *testing.T) {
	for name, resp := range map[string]weft.Response{
		"CR LF in a value":         weft.Text("x").WithHeader("X-A", "v\r\nX-B: w"),
		"LF in an added value":     weft.Text("x").WithAddedHeader("X-A", "v\nX-B: w"),
		"NUL in a value":           weft.Text("x").WithHeader("X-A", "v\x00"),
		"a colon in a name":        weft.Text("x").WithHeader("X-B: w\r\nX-A", "v"),
		"an empty name":            weft.Text("x").WithHeader("", "v"),
		"CR LF in Vary":            weft.Text("x").Vary("Accept\r\nX-B: w"),
		"CR LF in a media type":    weft.Bytes("text/plain\r\nX-B: w", nil),
		"CR LF in a body's type":   weft.Text("x").WithBody("text/plain\r\nX-B: w", []byte("secret")),
		"CR LF in a location":      weft.Redirect(303, "/a\r\nX-B: w"),
		"CR LF in a created one's": weft.Created("/a\r\nX-B: w", 1),
		"a cookie's name":          weft.Text("x").WithCookie(&http.Cookie{Name: "a b", Value: "v"}),
		"a cookie's value":         weft.Text("x").WithCookie(&http.Cookie{Name: "a", Value: "v\r\nX-B: w"}),
		"an Error's header":        weft.Fail(&weft.Error{Status: 500, Header: http.Header{"X-A": {"v\r\nX-B: w"}}}),
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, 500, resp.Status())
			require.Error(t, resp.Err())
			assert.NotContains(t, resp.Err().Error(), "X-B: w\"", "the value is not repeated")
			for key, values := range resp.Header() {
				assert.NotContains(t, key+strings.Join(values, ""), "X-B")
			}
			body, err := resp.Render()
			require.NoError(t, err)
			assert.Contains(t, string(body), `"status":500`)
			assert.NotContains(t, string(body), "X-B")
		})
	}
}

func TestAResponseThatCannotBeMadeIsAFailure(t *testing.T) {
	for name, resp := range map[string]weft.Response{
		"JSON of a channel":      weft.JSON(make(chan int)),
		"created from a channel": weft.Created("/x", make(chan int)),
		"accepted of a func":     weft.Accepted(func() {}),
		"invalid UTF-8":          weft.JSON("\xff"),
		"a redirect with 200":    weft.Redirect(200, "/x"),
		"status 0":               weft.Empty().WithStatus(0),
		"status 100":             weft.Empty().WithStatus(100),
		"status 1000":            weft.Empty().WithStatus(1000),
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, 500, resp.Status())
			require.Error(t, resp.Err())
			assert.Equal(t, "application/problem+json", resp.Header().Get("Content-Type"))
		})
	}
}

func TestTheZeroResponseStaysTheZeroResponse(t *testing.T) {
	var zero weft.Response
	changed := zero.WithHeader("X", "y").WithAddedHeader("X", "\n").WithoutHeader("X").WithStatus(9).Vary("X").
		WithCookie(&http.Cookie{Name: "\n"}).WithBody("text/plain", []byte("x"))
	assert.Equal(t, zero, changed)
	assert.Zero(t, zero.Status())
	assert.NoError(t, zero.Err())
	assert.Empty(t, zero.Header())
	_, err := zero.Render()
	assert.ErrorIs(t, err, weft.ErrNotRenderable)
}

// What is sent, seen by a client.
func TestResponsesOnTheWire(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, row := range []struct {
		name, method string
		resp         weft.Response
		status       int
		length       int64 // -1 is no Content-Length
		contentType  string
		body         string
	}{
		{"a short body has its length", "GET", weft.Text("hello"), 200, 5, "text/plain; charset=utf-8", "hello"},
		{"a long body has its length", "GET", weft.Text(long), 200, 100_000, "text/plain; charset=utf-8", long},
		{"HEAD has the length of a short body", "HEAD", weft.Text("hello"), 200, 5, "text/plain; charset=utf-8", ""},
		{"HEAD has the length of a long body", "HEAD", weft.Text(long), 200, 100_000, "text/plain; charset=utf-8", ""},
		{"HEAD may say a length of its own", "HEAD", weft.Empty().WithStatus(200).WithHeader("Content-Length", "7"), 200, 7, "", ""},
		{"an empty 200 has length 0", "GET", weft.Empty().WithStatus(200), 200, 0, "", ""},
		{"204 has no length", "GET", weft.Empty(), 204, -1, "", ""},
		{"204 never has a body", "GET", weft.Text("hello").WithStatus(204), 204, -1, "", ""},
		{"205 never has a body", "GET", weft.Text("hello").WithStatus(205), 205, 0, "", ""},
		{"304 never has a body", "GET", weft.Text("hello").WithStatus(304), 304, -1, "", ""},
		{"a length that is wrong is mended", "GET", weft.Text("hello").WithHeader("Content-Length", "3"), 200, 5, "text/plain; charset=utf-8", "hello"},
		{"a long one too", "GET", weft.Text(long).WithHeader("Content-Length", "3"), 200, 100_000, "text/plain; charset=utf-8", long},
		{"the transfer is not the Response's", "GET", weft.Text("hello").WithHeader("Transfer-Encoding", "chunked"), 200, 5, "text/plain; charset=utf-8", "hello"},
		{"no type is guessed", "GET", weft.HTML("<p>").WithoutHeader("Content-Type"), 200, 3, "", "<p>"},
	} {
		t.Run(row.name, func(t *testing.T) {
			app, _ := newApp()
			app.Handle("/x", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return row.resp, nil }))
			site := serve(t, app)
			got := site.send(row.method, "/x", "")
			assert.Equal(t, row.status, got.status)
			if row.length >= 0 {
				assert.Equal(t, row.length, got.length)
			} else {
				assert.Empty(t, got.header.Get("Content-Length"))
			}
			assert.Equal(t, row.contentType, got.header.Get("Content-Type"))
			assert.Equal(t, row.body, got.body)
			assert.True(t, site.send("GET", "/unknown", "").reused, "the connection is in order")
		})
	}
}

func TestErrorsAreProblemDetails(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"nothing but a status", &weft.Error{Status: 404}, 404, `{"title":"Not Found","status":404}`},
		{"all members", &weft.Error{
			Status: 409, Code: "sold_out", Title: "Sold out", Detail: "No more of these.",
			Extensions: map[string]any{"sku": "a", "type": "https://example.com/sold-out", "left": 0, "status": "ignored"},
			Cause:      errSecret,
		}, 409, `{"title":"Sold out","status":409,"code":"sold_out","detail":"No more of these.","left":0,"sku":"a","type":"https://example.com/sold-out"}`},
		{"extensions of reserved names only", &weft.Error{Status: 404, Extensions: map[string]any{"status": 1, "title": "x"}}, 404, `{"title":"Not Found","status":404}`},
		{"an extension whose name is not UTF-8", &weft.Error{Status: 404, Extensions: map[string]any{"\xff": 1}}, 404, `{"title":"Not Found","status":404}`},
		{"fields that are no text", &weft.InvalidRequest{Status: 422, Fields: []weft.FieldError{
			{Source: weft.SourceBody, Pointer: "/a\xff\"", Code: "odd", Text: "\xff", Params: map[string]any{"z": 1, "a": []int{2}}},
			{Source: weft.SourceQuery, Name: "\xff", Pointer: "ignored", Code: "odd", Text: "x"},
		}}, 422, `{"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[` +
			`{"source":"body","pointer":"/a�\"","code":"odd","message":"�","params":{"a":[2],"z":1}},{"source":"query","name":"�","code":"odd","message":"x"}]}`},
		{"a parameter that cannot be encoded", &weft.InvalidRequest{Fields: []weft.FieldError{{Source: weft.SourceBody, Code: "odd", Params: map[string]any{"a": func() {}}}}}, 400,
			`{"title":"Bad Request","status":400,"code":"invalid_request","detail":"The request is not valid: see errors."}`},
		{"a wrapped Error", errors.Join(errors.New("context"), &weft.Error{Status: 403, Code: "no"}), 403, `{"title":"Forbidden","status":403,"code":"no"}`},
		{"an unknown error", errSecret, 500, `{"title":"Internal Server Error","status":500,"code":"internal"}`},
		{"a status that is no failure", &weft.Error{Status: 200, Detail: "odd"}, 500, `{"title":"Internal Server Error","status":500,"detail":"odd"}`},
		{"text that is not UTF-8", &weft.Error{Status: 400, Detail: "a\xffb"}, 400, `{"title":"Bad Request","status":400,"detail":"a�b"}`},
		{"an extension that cannot be encoded", &weft.Error{Status: 400, Code: "c", Extensions: map[string]any{"bad": make(chan int)}}, 400, `{"title":"Bad Request","status":400,"code":"c"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp := weft.Fail(row.err)
			assert.Equal(t, row.status, resp.Status())
			assert.Equal(t, "application/problem+json", resp.Header().Get("Content-Type"))
			assert.Equal(t, "nosniff", resp.Header().Get("X-Content-Type-Options"))
			body, err := resp.Render()
			require.NoError(t, err)
			assert.Equal(t, row.body, string(body))
			assert.ErrorIs(t, resp.Err(), row.err)
		})
	}
}

func TestAnErrorsHeaderIsSent(t *testing.T) {
	resp := weft.Fail(&weft.Error{Status: 401, Header: http.Header{"Www-Authenticate": {"Basic", "Bearer"}, "Content-Type": {"application/vnd.api+json"}}})
	assert.Equal(t, []string{"Basic", "Bearer"}, resp.Header()["Www-Authenticate"])
	assert.Equal(t, []string{"application/vnd.api+json"}, resp.Header()["Content-Type"])
}

func TestErrorTextIsForLogs(t *testing.T) {
	e := &weft.Error{Status: 409, Code: "sold_out", Detail: "No more.", Cause: errSecret}
	assert.Equal(t, "409 Conflict (sold_out): No more.: secret-dsn", e.Error())
	require.ErrorIs(t, e, errSecret)
	assert.Equal(t, "<nil>", (*weft.Error)(nil).Error())
	assert.NoError(t, (*weft.Error)(nil).Unwrap())
}

// What a stage does to a failure it returns stands on the Response it becomes.
func TestAFailureKeepsWhatTheStageAddedToIt(t *testing.T) {
	app, log := newApp()
	app.Use(weft.NewMiddleware("busy", func(*weft.Request, weft.Next) weft.Response {
		return weft.Fail(&weft.Error{Status: 503, Header: http.Header{"X-From": {"error"}}}).
			WithHeader("Retry-After", "7").WithAddedHeader("X-From", "stage").WithStatus(529)
	}))
	got := serve(t, app).send("GET", "/", "")
	assert.Equal(t, 529, got.status)
	assert.Equal(t, "7", got.header.Get("Retry-After"))
	assert.Equal(t, []string{"error", "stage"}, got.header["X-From"])
	assert.Len(t, log.errors(), 1)
}
