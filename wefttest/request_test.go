package wefttest_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

type order struct {
	ID      int64    `path:"id"`
	Limit   int      `query:"limit"`
	Tags    []string `query:"tag"`
	Tenant  string   `header:"X-Tenant"`
	Session string   `cookie:"session"`
	Who     *user    `value:""`
	Body    struct {
		Name string `json:"name"`
	} `body:"json"`
}

func TestARequestHasWhatWasSaid(t *testing.T) {
	t.Parallel()
	type mark struct{}
	mia := &user{Name: "Mia"}
	r := wefttest.Request("POST", "/orders/7?limit=3",
		wefttest.PathValue("id", "7"), wefttest.Query("tag", "a b"), wefttest.Query("tag", "c&d"),
		wefttest.Header("x-tenant", "acme"), wefttest.Header("Host", "shop.example"), wefttest.Cookie("session", "s"),
		wefttest.With(currentUser, mia), wefttest.JSON(map[string]string{"name": "tea"}),
		wefttest.WithContext(context.WithValue(t.Context(), mark{}, 1)), nil)

	got, err := weft.Struct[order]().Extract(r)
	require.NoError(t, err)
	want := order{ID: 7, Limit: 3, Tags: []string{"a b", "c&d"}, Tenant: "acme", Session: "s", Who: mia}
	want.Body.Name = "tea"
	assert.Equal(t, want, got)
	assert.Equal(t, "shop.example", r.HTTP().Host)
	assert.Equal(t, 1, r.Context().Value(mark{}))
	assert.Nil(t, r.Route())

	by, known := currentUser.From(r.Context())
	assert.True(t, known, "the context leads to the keys")
	assert.Same(t, mia, by)
}

func TestBodiesAreAsTheyWereGiven(t *testing.T) {
	t.Parallel()
	r := wefttest.Request("POST", "/", wefttest.Body("text/plain", "tea"))
	text, err := weft.TextBody().Extract(r)
	require.NoError(t, err)
	assert.Equal(t, "tea", text)
	assert.EqualValues(t, 3, r.HTTP().ContentLength)

	r = wefttest.Request("POST", "/", wefttest.BodyFrom("application/json", strings.NewReader(`{"a":1}`)))
	assert.EqualValues(t, -1, r.HTTP().ContentLength, "nobody knows")
	value, err := weft.JSONBody[map[string]int]().Extract(r)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"a": 1}, value)

	raw := wefttest.Body("", []byte{1, 2})
	for range 2 {
		r = wefttest.Request("PUT", "/", raw)
		body, err := r.Body()
		require.NoError(t, err)
		assert.Equal(t, []byte{1, 2}, body, "an option can be used again")
		assert.NotContains(t, r.Header(), "Content-Type")
	}
	assert.PanicsWithValue(t, "wefttest: JSON: json: unsupported type: chan int", func() { wefttest.JSON(make(chan int)) })
}

func TestARequestIsFinishedOnce(t *testing.T) {
	t.Parallel()
	var told []string
	last := func(name string) weft.Middleware {
		return weft.Finally(name, func(r *weft.Request, sent weft.Sent) {
			told = append(told, name+" "+http.StatusText(sent.Status))
			assert.Positive(t, sent.Duration)
			assert.Equal(t, "/x", r.HTTP().URL.Path)
		})
	}
	r := wefttest.Request("GET", "/x")
	next := wefttest.NextFunc(func(r *weft.Request) weft.Response {
		time.Sleep(time.Millisecond)
		return last("inner").Dispatch(r, wefttest.Next(weft.Empty()).Func())
	})
	last("outer").Dispatch(r, next.Func())
	assert.Empty(t, told)
	wefttest.Finish(r, weft.Sent{Status: 204})
	wefttest.Finish(r, weft.Sent{Status: 204})
	assert.Equal(t, []string{"inner No Content", "outer No Content"}, told)

	said := time.Duration(0)
	r = wefttest.Request("GET", "/")
	weft.Finally("f", func(_ *weft.Request, sent weft.Sent) { said = sent.Duration }).Dispatch(r, wefttest.Next(weft.Empty()).Func())
	wefttest.Finish(r, weft.Sent{Duration: time.Hour})
	assert.Equal(t, time.Hour, said, "the test may say how long it took")

	other := weft.NewRequest(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	assert.PanicsWithValue(t, "wefttest: Finish: the Request was not made by wefttest.Request", func() { wefttest.Finish(other, weft.Sent{}) })
}

func TestVerdictsAreToldApart(t *testing.T) {
	t.Parallel()
	open := weft.NewGuard("open", func(*weft.Request) error { return nil })
	closed := weft.NewGuard("closed", func(*weft.Request) error { return weft.Deny("No.") })
	down := weft.NewGuard("down", func(*weft.Request) error { return errOutage })
	r := wefttest.Request("GET", "/")

	record(t, func(t testing.TB) { wefttest.Allowed(t, open, r) }).clean(t)
	record(t, func(t testing.TB) { wefttest.Allowed(t, weft.Any(closed, closed), r) }).found(t, "the request should pass, and does not: any(closed, closed) denied (closed denied")
	record(t, func(t testing.TB) { wefttest.Allowed(t, down, r) }).found(t, "down failed: the database is down")

	assert.Equal(t, 403, wefttest.Denied(t, closed, r).Status())
	record(t, func(t testing.TB) { wefttest.Denied(t, open, r) }).found(t, "the request should be denied, and is not: open allowed")
	record(t, func(t testing.TB) { wefttest.Denied(t, down, r) }).found(t, "down failed")

	assert.ErrorIs(t, wefttest.Failed(t, down, r), errOutage)
	record(t, func(t testing.TB) { _ = wefttest.Failed(t, closed, r) }).found(t, "the guard should fail, and does not: closed denied")
}

// discard is an app whose own logger says nothing.
func discard(opts ...weft.Option) *weft.App {
	return weft.New(append(opts, weft.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))...)
}
