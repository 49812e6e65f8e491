package weft_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type titled struct {
	Name string `json:"name" validate:"required,max=5"`
}

func TestFuncIsAHandlerWithoutATransport(t *testing.T) {
	tr := &trace{}
	h := weft.Handle(func(ctx context.Context, in titled) (string, error) {
		tr.add("core")
		switch in.Name {
		case "fails":
			return "", errClosed
		case "panic":
			panic("oh")
		case "waits":
			<-ctx.Done()
		}
		return "Hello " + in.Name, nil
	}).Check(func(_ context.Context, in titled) error {
		tr.add("check")
		if in.Name == "Eve" {
			return weft.Deny("Not you.")
		}
		return nil
	}).Around(loggedAround[titled, string](tr, "around")).Catch(weft.On(func(*weft.Request, error) weft.Response { return says("mapped") })).Timeout(20 * time.Millisecond)
	fn, err := weft.Func(t.Context(), h)
	require.NoError(t, err)

	out, err := fn(t.Context(), titled{"Ada"})
	require.NoError(t, err)
	assert.Equal(t, "Hello Ada", out)
	assert.Equal(t, "check +around core -around", tr.take())

	_, err = fn(t.Context(), titled{"Eve"})
	var denied *weft.Denial
	require.ErrorAs(t, err, &denied)
	assert.Equal(t, "check", tr.take())

	for name, want := range map[string]string{"": "body /name: required", "Adalbert": "body /name: max"} {
		_, err = fn(t.Context(), titled{name})
		var invalid *weft.InvalidRequest
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, want, invalid.Fields[0].String())
		assert.Empty(t, tr.take())
	}

	_, err = fn(t.Context(), titled{"fails"})
	assert.Same(t, errClosed, err, "the original error")
	_, err = fn(t.Context(), titled{"panic"})
	var p *weft.PanicError
	require.ErrorAs(t, err, &p)
	_, err = fn(t.Context(), titled{"waits"})
	var timeout *weft.Error
	require.ErrorAs(t, err, &timeout)
	assert.Equal(t, 504, timeout.Status)
}

func TestFuncCanBeCalledConcurrently(t *testing.T) {
	fn := weft.MustFunc(t.Context(), weft.Handle(echo[titled]).Around(labelled).Around(labelled))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			out, err := fn(t.Context(), titled{"Ada"})
			assert.NoError(t, err)
			assert.Equal(t, "Ada", out.Name)
		})
	}
	all.Wait()
}

func TestFuncTakesWhatIsGivenAsItIs(t *testing.T) {
	type in struct {
		ID   int    `path:"id" validate:"min=1"`
		User user   `value:""`
		Body titled `body:"json"`
	}
	fn := weft.MustFunc(t.Context(), weft.Handle(echo[in]))
	out, err := fn(t.Context(), in{7, user{Name: "Ada"}, titled{"tea"}})
	require.NoError(t, err)
	assert.Equal(t, in{7, user{Name: "Ada"}, titled{"tea"}}, out)
	_, err = fn(t.Context(), in{0, user{}, titled{"tea"}})
	assert.EqualError(t, err, "422 invalid request: path id: min")

	count := weft.MustFunc(t.Context(), weft.Handle(func(_ context.Context, n int) (int, error) { return n + 1, nil }))
	n, err := count(t.Context(), 41)
	require.NoError(t, err)
	assert.Equal(t, 42, n)
}

func TestFuncSaysWhatIsWrongWithAHandler(t *testing.T) {
	ok := weft.Handle(echo[titled])
	for want, h := range map[string]*weft.Handler[titled, titled]{
		"the handler of Func is nil":                    nil,
		"the handler's function is nil":                 weft.Handle[titled, titled](nil),
		"has guards, middleware or interceptors":        ok.Guard(login()),
		"has guards, middleware or interceptors, which": ok.Use(weft.MiddlewareFunc(passThrough)),
		"or interceptors, which need":                   ok.Intercept(weft.MiddlewareFunc(passThrough)),
		`Timeout(-1ns) has passed`:                      ok.Timeout(-1),
		`the check "nil" has no function`:               ok.Check(nil),
		`the around "nil" has no function`:              ok.Around(nil),
	} {
		_, err := weft.Func(t.Context(), h)
		require.ErrorContains(t, err, want)
		var mistake *weft.BuildError
		require.ErrorAs(t, err, &mistake)
		assert.Panics(t, func() { weft.MustFunc(t.Context(), h) })
	}
	fn, err := weft.Func(t.Context(), ok.Guard(login()).Use(weft.MiddlewareFunc(passThrough)), weft.HandlerOnly())
	require.NoError(t, err)
	_, err = fn(t.Context(), titled{"Ada"})
	require.NoError(t, err)

	type wrongRule struct {
		Name string `validate:"requird"`
	}
	_, err = weft.Func(t.Context(), weft.Handle(echo[wrongRule]))
	require.ErrorContains(t, err, "requird")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no"))
	_, err = weft.Func(ctx, ok)
	require.ErrorIs(t, err, context.Canceled)
}

// Keys have the values that checks and arounds give them; that they do is proved, and held to.
func TestKeysInAFunction(t *testing.T) {
	customer, other := weft.NewKey[string]("customer"), weft.NewKey[string]("other")
	provide := func(ctx context.Context, in titled, next func(context.Context, titled) (string, error)) (string, error) {
		if in.Name != "Eve" {
			customer.SetIn(ctx, in.Name)
		}
		return next(ctx, in)
	}
	pass := func(ctx context.Context, in titled, next func(context.Context, titled) (string, error)) (string, error) {
		return next(ctx, in)
	}
	h := weft.Handle(func(ctx context.Context, _ titled) (string, error) {
		found, _ := customer.From(ctx)
		return found, nil
	})
	fn, err := weft.Func(t.Context(), h.Around(provide, weft.Named("provide"), weft.Provides(customer)).Around(pass, weft.Needs(customer)))
	require.NoError(t, err)
	var all sync.WaitGroup
	for _, name := range []string{"Ada", "Bob", "Mia"} {
		all.Go(func() {
			for range 50 {
				found, err := fn(t.Context(), titled{name})
				assert.NoError(t, err)
				assert.Equal(t, name, found, "each call has its own")
			}
		})
	}
	all.Wait()
	_, err = fn(t.Context(), titled{"Eve"})
	require.ErrorContains(t, err, `"provide"`)

	for _, wrong := range []*weft.Handler[titled, string]{
		h.Around(pass, weft.Needs(customer)).Around(provide, weft.Provides(customer)),
		h.Around(provide, weft.Provides(customer)).Around(pass, weft.Needs(other)),
		h.Check(func(context.Context, titled) error { return nil }, weft.Needs(customer)).Around(provide, weft.Provides(customer)),
	} {
		_, err = weft.Func(t.Context(), wrong)
		require.ErrorContains(t, err, "needs a key, and Func has no stage that provides one; provide it in an around or a check outside")
	}
}
