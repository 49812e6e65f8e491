package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func request(t *testing.T, header ...string) *weft.Request {
	t.Helper()
	hr := httptest.NewRequestWithContext(t.Context(), "GET", "/api/tenants/acme/orders", nil)
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		hr.Header.Set(name, value)
	}
	return weft.NewRequest(hr)
}

func TestARequestHasAnID(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, sent string
		kept       bool
	}{
		{"a well-formed id is kept", "trace-1.A_b", true},
		{"the longest id is kept", strings.Repeat("x", 64), true},
		{"no id is replaced", "", false},
		{"a longer id is replaced", strings.Repeat("x", 65), false},
		{"an id with spaces is replaced", "a b", false},
		{"an id that would end its line is replaced", "a\nb", false},
		{"an id in another script is replaced", "й", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var inside string
			resp := requestID().Dispatch(request(t, "X-Request-ID: "+row.sent), func(r *weft.Request) weft.Response {
				inside = requestIDOf(r.Context())
				return weft.Empty()
			})

			assert.Equal(t, inside, resp.Header().Get(requestIDHeader), "the client gets the id that the stages see")
			assert.Regexp(t, wellFormed, inside)
			assert.Equal(t, row.kept, inside == row.sent)
		})
	}
}

func TestEveryNewIDIsAnother(t *testing.T) {
	t.Parallel()
	next := func(*weft.Request) weft.Response { return weft.Empty() }
	first := requestID().Dispatch(request(t), next).Header().Get(requestIDHeader)
	second := requestID().Dispatch(request(t), next).Header().Get(requestIDHeader)
	assert.NotEqual(t, first, second)
}

func TestAFailureHasItsIDOnAndInTheAnswer(t *testing.T) {
	t.Parallel()
	failing := func(*weft.Request) weft.Response { return weft.Fail(errors.New("private")) }
	resp := requestID().Dispatch(request(t, "X-Request-ID: one"), func(r *weft.Request) weft.Response {
		return reference().Dispatch(r, failing)
	})
	assert.Equal(t, "one", resp.Header().Get(requestIDHeader))
	assert.JSONEq(t, `{"title":"Internal Server Error","status":500,"code":"internal","request_id":"one"}`, body(t, resp))
}

func TestTheReferenceIsAddedToProblemsAlone(t *testing.T) {
	t.Parallel()
	soldOut := &weft.Error{
		Status:     http.StatusConflict,
		Code:       "sold_out",
		Extensions: map[string]any{"left": 0},
		Header:     http.Header{"Retry-After": {"60"}},
	}
	for _, row := range []struct {
		name string
		from weft.Response
		body string
	}{
		{"a problem keeps its members", weft.Fail(soldOut), `{"title":"Conflict","status":409,"code":"sold_out","left":0,"request_id":"one"}`},
		{"a success stays as it is", weft.Text("tea"), "tea"},
		{"what a mapper made of an error stays as it is", weft.Fail(soldOut).WithStatus(http.StatusOK).WithBody("application/json", []byte(`{"result":"ignored"}`)), `{"result":"ignored"}`},
		{"a failure in another form stays as it is", weft.Fail(soldOut).WithBody("text/plain", []byte("sold out")), "sold out"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := request(t)
			r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, "one"))
			resp := reference().Dispatch(r, func(*weft.Request) weft.Response { return row.from })

			assert.Equal(t, row.from.Status(), resp.Status())
			assert.Equal(t, row.from.Err(), resp.Err())
			assert.Equal(t, row.from.Header(), resp.Header())
			if strings.HasPrefix(row.body, "{") {
				assert.JSONEq(t, row.body, body(t, resp))
			} else {
				assert.Equal(t, row.body, body(t, resp))
			}
		})
	}
}

func TestOrdersAreNotStoredInCaches(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]weft.Response{
		"a success": weft.Text("tea").WithHeader("Cache-Control", "public"),
		"a failure": weft.Fail(errors.New("private")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := noStore().Dispatch(request(t), func(*weft.Request) weft.Response { return from })
			assert.Equal(t, []string{"no-store"}, resp.Header()["Cache-Control"])
			assert.Equal(t, from.Status(), resp.Status())
		})
	}
}

func TestADeadlineIsForEverythingInside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inside context.Context
		resp := deadline(time.Second).Dispatch(request(t), func(r *weft.Request) weft.Response {
			inside = r.Context()
			ends, limited := inside.Deadline()
			assert.True(t, limited)
			assert.Equal(t, time.Second, time.Until(ends))
			return weft.Text("tea")
		})
		assert.Equal(t, "tea", body(t, resp))
		assert.ErrorIs(t, inside.Err(), context.Canceled, "nothing goes on when it has returned")
	})
}

// The access log runs when the answer has been sent, so it needs a server.
func TestTheAccessLogSaysHowARequestEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		app := weft.New(weft.WithLogger(newLogger(&log, slog.LevelInfo)))
		app.Use(requestID(), accessLog())
		app.Handle("GET /tea/{sort}", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
			time.Sleep(3 * time.Second)
			return weft.Text("green").WithStatus(http.StatusTeapot), nil
		}))
		srv, err := app.Build(t.Context())
		require.NoError(t, err)

		hr := httptest.NewRequestWithContext(t.Context(), "GET", "/tea/sencha", nil)
		hr.Header.Set(requestIDHeader, "one")
		srv.ServeHTTP(httptest.NewRecorder(), hr)

		_, line, _ := strings.Cut(log.String(), " ") // the time
		assert.Equal(t, `level=INFO msg=answered route="GET /tea/{sort}" method=GET path=/tea/sencha status=418 bytes=5 duration=3s request_id=one`+"\n", line)
	})
}

func TestTheLogHasTheIDOfTheRequest(t *testing.T) {
	t.Parallel()
	ctx := context.WithValue(t.Context(), requestIDKey{}, "one")
	for _, row := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"with a request's context", func(l *slog.Logger) { l.InfoContext(ctx, "tea") }, "msg=tea request_id=one\n"},
		{"with attributes", func(l *slog.Logger) { l.With("a", 1).InfoContext(ctx, "tea", "b", 2) }, "msg=tea a=1 b=2 request_id=one\n"},
		{"in a group", func(l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "tea", "a", 1) }, "msg=tea g.a=1 g.request_id=one\n"},
		{"with another context", func(l *slog.Logger) { l.InfoContext(t.Context(), "tea") }, "msg=tea\n"},
		{"below the level", func(l *slog.Logger) { l.DebugContext(ctx, "tea") }, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			row.log(newLogger(&log, slog.LevelInfo))
			_, line, _ := strings.Cut(log.String(), "level=INFO ")
			assert.Equal(t, row.want, line)
		})
	}
}

func body(t *testing.T, resp weft.Response) string {
	t.Helper()
	b, err := resp.Render()
	require.NoError(t, err)
	return string(b)
}
