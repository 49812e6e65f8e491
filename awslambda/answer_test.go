package awslambda_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

func errorType(t testing.TB, err error) string {
	t.Helper()
	e, is := err.(messages.InvokeResponse_Error)
	require.True(t, is, "the runtime takes only this type as it is: %T %v", err, err)
	return e.Type
}

type order struct {
	Product string `json:"product"`
}

func orders(t testing.TB) *weft.Server {
	app := quiet()
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in order) (order, error) { return in, nil }))
	return build(t, app)
}

// Every source has a form of its own, and refuses others.
func TestAnswersHaveTheFormOfTheirSource(t *testing.T) {
	f := function(t, func(context.Context, *weft.Request) (weft.Response, error) {
		return weft.Text("té \"x\"").WithStatus(201).WithAddedHeader("X-Many", "a").WithAddedHeader("X-Many", "b").
			WithCookie(&http.Cookie{Name: "a", Value: "1"}).WithCookie(&http.Cookie{Name: "b", Value: "2"}), nil
	})
	const (
		lists = `"multiValueHeaders":{"Content-Type":["text/plain; charset=utf-8"],"Set-Cookie":["a=1","b=2"],"X-Many":["a","b"]}`
		texts = `"headers":{"Content-Type":"text/plain; charset=utf-8","X-Many":"a, b"}`
		one   = `"headers":{"Content-Type":"text/plain; charset=utf-8","Set-Cookie":"b=2","X-Many":"a, b"}`
		body  = `,"body":"té \"x\"","isBase64Encoded":false}`
	)
	for _, c := range []struct{ name, event, want string }{
		{"REST API", restEvent, `{"statusCode":201,` + lists + body},
		{"HTTP API", httpEvent, `{"statusCode":201,` + texts + `,"cookies":["a=1","b=2"]` + body},
		{"function URL", urlEvent, `{"statusCode":201,` + texts + `,"cookies":["a=1","b=2"]` + body},
		{"ALB", albEvent, `{"statusCode":201,` + one + `,"statusDescription":"201 Created"` + body},
		{"ALB multi", albMultiEvent, `{"statusCode":201,` + lists + `,"statusDescription":"201 Created"` + body},
		{"Lattice 1", lattice1Event, `{"statusCode":201,` + one + body},
		{"Lattice 2", lattice2Event, `{"statusCode":201,` + one + body},
		{"WebSocket", socketEvent, `{"statusCode":201,` + one + body},
	} {
		got, err := f.Invoke(t.Context(), []byte(c.event))
		require.NoError(t, err)
		assert.Equal(t, c.want, string(got), c.name)
	}
}

func TestBodiesAreTextOrBase64(t *testing.T) {
	for _, c := range []struct {
		mediaType, coding, body string
		base64                  bool
		opts                    []awslambda.Option
	}{
		{"text/plain", "", "x", false, nil},
		{"Text/HTML; charset=utf-8", "", "x", false, nil},
		{"application/json", "", "{}", false, nil},
		{"application/vnd.x+json; v=1", "", "{}", false, nil},
		{"application/atom+xml", "", "<x/>", false, nil},
		{"application/javascript", "", "x", false, nil},
		{"application/x-www-form-urlencoded", "", "a=1", false, nil},
		{"text/plain", "identity", "x", false, nil},
		{"text/plain", "gzip", "x", true, nil},
		{"text/plain", "br", "x", true, nil},
		{"text/plain; charset=iso-8859-1", "", "\xe9", true, nil},
		{"image/png", "", "x", true, nil},
		{"image/svg+xml", "", "<svg/>", false, nil},
		{"application/octet-stream", "", "x", true, nil},
		{"application/octet-stream", "", "", false, nil},
		{"application/pdf", "", "x", false, []awslambda.Option{awslambda.Text("application/PDF")}},
		{"application/pdf", "", "\xff", true, []awslambda.Option{awslambda.Text("application/pdf")}},
		{"text/csv", "", "x", true, []awslambda.Option{awslambda.Binary("text/csv")}},
		{"text/plain", "", "x", false, []awslambda.Option{awslambda.Binary("text/csv")}},
	} {
		f := function(t, func(context.Context, *weft.Request) (weft.Response, error) {
			resp := weft.Bytes(c.mediaType, []byte(c.body))
			if c.coding != "" {
				resp = resp.WithHeader("Content-Encoding", c.coding)
			}
			return resp, nil
		}, c.opts...)
		answer, err := f.Invoke(t.Context(), []byte(httpEvent))
		require.NoError(t, err)
		assert.Equal(t, c.base64, parse(t, answer).Base64, "%s %s %q", c.mediaType, c.coding, c.body)
	}
}

// A handler of net/http on the connection itself finds what net/http does with an answer.
func TestAnswersOfHandlersOfNetHTTP(t *testing.T) {
	raw := func(h http.HandlerFunc) reply {
		f := function(t, func(context.Context, *weft.Request) (weft.Response, error) { return weft.Raw(h), nil })
		answer, err := f.Invoke(t.Context(), []byte(restEvent))
		require.NoError(t, err)
		return parse(t, answer)
	}
	r := raw(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-Before", "1")
		w.Header().Set("Connection", "close")
		w.WriteHeader(202)
		w.Header().Set("X-Behind", "1")
		w.WriteHeader(500)
		_, _ = io.WriteString(w, "<html>")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "tea")
	})
	assert.Equal(t, 202, r.Status)
	assert.Equal(t, "<html>tea", r.Body)
	assert.Equal(t, map[string][]string{"Content-Type": {"text/html; charset=utf-8"}, "X-Before": {"1"}}, r.Multi)
	r = raw(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		_, err := w.Write([]byte("x"))
		assert.ErrorIs(t, err, http.ErrBodyNotAllowed)
	})
	assert.Equal(t, 204, r.Status)
	assert.Empty(t, r.Body)
	r = raw(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "2")
		_, err := w.Write([]byte("te"))
		require.NoError(t, err)
		_, err = w.Write([]byte("a"))
		assert.ErrorIs(t, err, http.ErrContentLength)
		_, _, err = http.NewResponseController(w).Hijack()
		assert.ErrorIs(t, err, http.ErrNotSupported)
	})
	assert.Equal(t, "te", r.Body)
	assert.Equal(t, 200, raw(func(http.ResponseWriter, *http.Request) {}).Status)
}

// What is too long for the source is an error that says so, and a body that is made while it is sent a 500.
func TestAnswersHaveALimit(t *testing.T) {
	f := function(t, func(_ context.Context, r *weft.Request) (weft.Response, error) {
		size := 900 << 10
		switch r.HTTP().URL.Query().Get("k") {
		case "large":
			size = 7 << 20
		}
		text := strings.Repeat("x", size)
		if r.HTTP().URL.Query().Has("writer") {
			return weft.Writer("text/plain", func(w io.Writer) error { _, err := io.WriteString(w, text); return err }), nil
		}
		if r.HTTP().URL.Query().Has("bytes") {
			return weft.Writer("image/png", func(w io.Writer) error { _, err := io.WriteString(w, text); return err }), nil
		}
		return weft.Text(text), nil
	})
	event := func(event, query string) []byte {
		if event == "alb" {
			return []byte(`{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","headers":{},"queryStringParameters":{` + query + `}}`)
		}
		return []byte(`{"httpMethod":"GET","path":"/","headers":{},"queryStringParameters":{` + query + `},"requestContext":{"stage":"x"}}`)
	}
	for _, c := range []struct {
		event, query string
		status       int // 0 is an error
	}{
		{"rest", `"k":"1"`, 200},
		{"rest", `"k":"large"`, 0},
		{"rest", `"k":"large","writer":""`, 500},
		{"alb", `"k":"1"`, 200},
		{"alb", `"k":"1","writer":""`, 200},
		{"alb", `"k":"1","bytes":""`, 500},
		{"alb", `"k":"large"`, 0},
	} {
		answer, err := f.Invoke(t.Context(), event(c.event, c.query))
		if c.status == 0 {
			assert.Equal(t, "Weft.InvalidAnswer", errorType(t, err))
			assert.ErrorContains(t, err, "bytes of JSON, and ")
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.status, parse(t, answer).Status, c)
	}
	short := function(t, func(context.Context, *weft.Request) (weft.Response, error) {
		return weft.Text(strings.Repeat("x", 40<<10)), nil
	}, awslambda.AnswerLimit(32<<10))
	_, err := short.Invoke(t.Context(), []byte(restEvent))
	assert.Equal(t, "Weft.InvalidAnswer", errorType(t, err))
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	_, err := awslambda.New(looking(t), awslambda.Reserve(-1), awslambda.BasePath("shop", "/shop/", ""), awslambda.AnswerLimit(1), nil)
	require.Error(t, err)
	var all []string
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, one.Error())
	}
	assert.Equal(t, []string{
		"awslambda: Reserve(-1ns) ends requests behind Lambda's deadline: use a positive duration",
		`awslambda: BasePath("shop") is not a prefix of a path: write it as "/orders"`,
		`awslambda: BasePath("/shop/") is not a prefix of a path: write it as "/orders"`,
		`awslambda: BasePath("") is not a prefix of a path: write it as "/orders"`,
		"awslambda: AnswerLimit(1) leaves no room for an answer: it takes 16384 bytes beside the body",
	}, all)
	_, err = awslambda.Handle(t.Context(), nil, nil)
	assert.ErrorContains(t, err, "there is no Server")
	assert.False(t, errors.Is(err, io.EOF))
}
