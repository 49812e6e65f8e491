package weft_test

// Declarations whose lines are in a golden file: a change here changes that.

import (
	"context"

	"github.com/weft-go/weft"
)

var (
	keyA     = weft.NewKey[int]("a")
	keyB     = weft.NewKey[string]("b")
	keyB2    = weft.NewKey[string]("another b")
	keyC     = weft.NewKey[[]byte]("c")
	keyOther = weft.NewKey[float64]("other")
)

func provides[T any](name string, k *weft.Key[T], opts ...weft.StageOption) weft.Guard {
	return weft.ValueGuard(k, name, func(*weft.Request) (v T, err error) { return v, nil }, opts...)
}

func needs(name string, keys ...weft.AnyKey) weft.Guard {
	return weft.NewGuard(name, func(*weft.Request) error { return nil }, weft.Needs(keys...))
}

func mwNeeds(name string, keys ...weft.AnyKey) weft.Middleware {
	return weft.NewMiddleware(name, passThrough, weft.Needs(keys...))
}

func mwProvides(name string, keys ...weft.AnyKey) weft.Middleware {
	return weft.NewMiddleware(name, passThrough, weft.Provides(keys...))
}

type takesA struct {
	A int `value:""`
}

// wrongGuards declares every mistake with guards, checks and keys that Build can find.
func wrongGuards() *weft.App {
	app, _ := newApp()
	plain := weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }).Named("plain")
	takes := weft.Handle(echo[takesA]).Named("takes a")

	// Guards that are none.
	app.Handle("GET /none/1", plain.Guard(nil))
	app.Handle("GET /none/2", plain.Guard(weft.NewGuard("no function", nil)))
	app.Handle("GET /none/3", plain.Guard(weft.GuardFunc(nil)))
	app.Handle("GET /none/4", plain.Guard((*typedGuard)(nil)))
	app.Handle("GET /none/5", plain.Guard(weft.All(), weft.Any()))
	app.Handle("GET /none/6", plain.Guard(weft.Any(needs("fine"), nil, weft.Not(weft.Unless(nil, needs("fine"))))))
	app.Handle("GET /none/7", plain.Guard(weft.ValueGuard[int](keyA, "no function", nil)))
	app.Handle("GET /none/8", plain.Check(nil))
	app.Group("/none/9").Guard(nil)

	// Keys that are none.
	app.Handle("GET /keys/1", plain.Guard(provides("no key", (*weft.Key[int])(nil))))
	app.Handle("GET /keys/2", plain.Guard(needs("no key", nil, new(weft.Key[int]))))
	app.Handle("GET /keys/3", plain.Use(mwProvides("no key", nil)))
	app.Handle("GET /keys/4", weft.Handle(echo[int]).Extract(weft.KeyValue[int](nil)))

	// Nothing provides it.
	app.Handle("GET /missing/1", plain.Guard(needs("needs other", keyOther)))
	app.Handle("GET /missing/2", plain.Use(mwNeeds("needs other", keyOther)))
	app.Handle("GET /missing/3", plain.Intercept(mwNeeds("needs other", keyOther)))
	app.Handle("GET /missing/4", weft.Handle(echo[float64]).Extract(weft.KeyValue(keyOther)))
	app.Handle("GET /missing/5", weft.Handle(func(context.Context, struct {
		Other complex64 `value:""`
	}) (string, error) {
		return "", nil
	}))
	app.Handle("GET /missing/6", weft.Handle(func(context.Context, struct {
		B string `value:"c"`
	}) (string, error) {
		return "", nil
	}).Guard(provides("b", keyB), provides("c", keyC)))
	app.Handle("GET /missing/7", weft.Handle(echo[string]).Extract(weft.NewExtractor("own", func(*weft.Request) (string, error) { return "", nil }, weft.Needs(keyOther))))

	// It is provided elsewhere, or too late.
	app.Handle("GET /late/1", plain.Guard(needs("early", keyA), provides("a", keyA)))
	app.Handle("GET /late/2", plain.Use(mwNeeds("early", keyA)).Guard(provides("a", keyA)))
	app.Handle("GET /late/3", plain.Use(mwNeeds("early", keyA), mwProvides("a", keyA)))
	app.Handle("GET /late/4", takes.Intercept(mwProvides("a", keyA)))
	app.Handle("GET /late/5", takes)
	app.Handle("GET /late/6", plain.Guard(weft.All(needs("early", keyA), provides("a", keyA))))
	app.Use(mwNeeds("before routing", keyA))
	late := app.Group("/late")
	late.Use(mwNeeds("before the guards", keyA))
	late.Guard(needs("the group's guard", keyB))
	late.Handle("GET /7", plain.Guard(provides("b", keyB)))
	app.Guard(needs("the app's guard", keyC))

	// It is provided in some cases only.
	app.Handle("GET /some/1", takes.Guard(weft.Any(provides("a", keyA), provides("b", keyB))))
	app.Handle("GET /some/2", takes.Guard(weft.Unless(needs("condition"), provides("a", keyA))))
	app.Handle("GET /some/3", takes.Guard(weft.Not(provides("a", keyA))))
	app.Handle("GET /some/4", plain.Guard(weft.Any(provides("a", keyA), needs("sibling", keyA))))
	app.Handle("GET /some/5", takes.Guard(weft.All(needs("fine"), weft.Any(weft.All(provides("a", keyA), provides("b", keyB)), provides("only b", keyB)))))

	// It is provided twice.
	app.Handle("GET /twice/1", plain.Guard(provides("a", keyA), provides("again", keyA)))
	app.Handle("GET /twice/2", plain.Use(mwProvides("a", keyA)).Guard(provides("again", keyA)))
	app.Handle("GET /twice/3", plain.Guard(weft.All(provides("a", keyA), provides("again", keyA))))
	app.Handle("GET /twice/4", plain.Guard(provides("a", keyA), weft.Any(provides("again", keyA), provides("b", keyB))))
	app.Handle("GET /twice/5", plain.Guard(weft.Any(weft.All(provides("a", keyA), provides("again", keyA)), provides("a", keyA))))

	// A field that several keys fit, or options that do not.
	app.Handle("GET /field/1", weft.Handle(func(context.Context, struct {
		B string `value:""`
	}) (string, error) {
		return "", nil
	}).Guard(provides("b", keyB), provides("another", keyB2)))
	app.Handle("GET /field/2", weft.Handle(echo[string]).Extract(weft.NewExtractor("own", func(*weft.Request) (string, error) { return "", nil }, weft.Once(), weft.Provides(keyA))))
	app.Handle("GET /order", plain.Guard(weft.NewGuard("second", passGuard), weft.NewGuard("first", passGuard, weft.Outside("second"))))
	return app
}

func passGuard(*weft.Request) error { return nil }

type typedGuard struct{}

func (*typedGuard) Allow(*weft.Request) error { return nil }
