package wefttest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

func TestANextRunsOnce(t *testing.T) {
	t.Parallel()
	next := wefttest.Next(weft.Text("tea"))
	next.NotCalled(t)
	r := wefttest.Request("GET", "/")
	first, second := next.Func()(r), next.Func()(wefttest.Request("GET", "/other"))

	assert.Equal(t, http.StatusOK, first.Status())
	assert.Equal(t, http.StatusInternalServerError, second.Status())
	assert.ErrorContains(t, second.Err(), "next was called a second time")
	assert.Same(t, r, next.Request(), "it is the first one")
	assert.Equal(t, 2, next.Calls())
	record(t, func(t testing.TB) { next.CalledOnce(t) }).found(t, "next was called 2 times: a stage calls it once at most")
	record(t, func(t testing.TB) { next.NotCalled(t) }).found(t, "next was called (2 times)")
	unused := wefttest.Next(weft.Empty())
	record(t, func(t testing.TB) { unused.CalledOnce(t) }).found(t, "next was not called")
	assert.Nil(t, unused.Request())
}

func TestANextAlwaysAnswers(t *testing.T) {
	t.Parallel()
	conflict := &weft.Error{Status: http.StatusConflict}
	for _, row := range []struct {
		name   string
		next   *wefttest.NextRecorder
		status int
		cause  error
	}{
		{"an error", wefttest.NextError(conflict), 409, conflict},
		{"no error", wefttest.NextError(nil), 500, nil},
		{"a panic with an error", wefttest.NextPanic(errOutage), 500, errOutage},
		{"a panic of a function", wefttest.NextFunc(func(*weft.Request) weft.Response { panic("oh") }), 500, nil},
		{"the zero Response", wefttest.Next(weft.Response{}), 500, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			resp := row.next.Func()(wefttest.Request("GET", "/"))
			assert.Equal(t, row.status, resp.Status())
			require.Error(t, resp.Err())
			if row.cause != nil {
				assert.ErrorIs(t, resp.Err(), row.cause)
			}
		})
	}
	_, panicked := errors.AsType[*weft.PanicError](wefttest.NextPanic("oh").Func()(wefttest.Request("GET", "/")).Err())
	assert.True(t, panicked)
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() {
		wefttest.NextPanic(http.ErrAbortHandler).Func()(wefttest.Request("GET", "/"))
	}, "as in weft")
}

func TestATypedNextRunsOnce(t *testing.T) {
	t.Parallel()
	next := wefttest.NextOf[int]("tea", errClosed)
	next.NotCalled(t)
	assert.Nil(t, next.Context())
	ctx := wefttest.Context(wefttest.With(number, 7))
	out, err := next.Func()(ctx, 1)
	assert.Equal(t, "tea", out)
	assert.ErrorIs(t, err, errClosed)
	next.CalledOnce(t)
	assert.Equal(t, ctx, next.Context())

	out, err = next.Func()(t.Context(), 2)
	assert.Empty(t, out)
	assert.ErrorContains(t, err, "next was called a second time")
	assert.Equal(t, []int{1, 2}, next.Inputs())
	record(t, func(t testing.TB) { next.CalledOnce(t) }).found(t, "next was called 2 times")
	record(t, func(t testing.TB) { next.NotCalled(t) }).found(t, "next was called (2 times)")

	_, err = wefttest.NextOfFunc(func(context.Context, int) (string, error) { panic(errOutage) }).Func()(t.Context(), 1)
	_, panicked := errors.AsType[*weft.PanicError](err)
	assert.True(t, panicked)
	assert.Panics(t, func() {
		_, _ = wefttest.NextOfFunc(func(context.Context, int) (string, error) { panic(http.ErrAbortHandler) }).Func()(t.Context(), 1)
	})
}
