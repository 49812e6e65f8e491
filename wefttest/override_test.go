package wefttest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

func marks(name string, opts ...weft.StageOption) weft.Middleware {
	return weft.NewMiddleware(name, func(r *weft.Request, next weft.Next) weft.Response {
		return next(r).WithAddedHeader("X-Stages", name)
	}, opts...)
}

func asks(name string, err error) weft.Guard {
	return weft.NewGuard(name, func(*weft.Request) error { return err })
}

func marksAround(name string) weft.Around[struct{}, string] {
	return func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
		out, err := next(ctx, in)
		return out + " " + name, err
	}
}

// stages is an app with a stage of each kind at each level.
func stages() *weft.App {
	app := discard()
	app.Use(marks("app"))
	app.Intercept(marks("inner app"))
	app.Guard(asks("app guard", weft.Deny("app")))
	app.Around(func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
		out, err := next(ctx, in)
		text, _ := out.(string)
		return text + " app", err
	}, weft.Named("app around"))
	g := app.Group("/g", marks("group"))
	g.Guard(asks("group guard", weft.Deny("group")))
	g.Intercept(marks("inner group"))
	g.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "x", nil }).
		Use(marks("route")).Intercept(marks("inner route")).
		Guard(weft.Any(asks("clerk", weft.Deny("clerk")), weft.All(asks("manager", weft.Deny("manager"))))).
		Check(func(context.Context, struct{}) error { return weft.Deny("check") }, weft.Named("check")).
		Around(marksAround("route"), weft.Named("route around")))
	return app
}

// open leaves out what refuses, but for the route's guard.
var open = wefttest.Without("app guard", "group guard", "check")

func TestStagesAreLeftOutAtEveryLevel(t *testing.T) {
	t.Parallel()
	app := stages()
	none := wefttest.New(t, app, wefttest.Without("app guard", "group guard", "any(clerk, all(manager))", "check"))
	got := none.Get("/g/x").Want(200)
	assert.Equal(t, "inner route inner group inner app route group app", strings.Join(got.Header["X-Stages"], " "))
	assert.Equal(t, `"x route app"`, got.Text())

	got = wefttest.New(t, app, wefttest.Without("app guard", "group guard", "any(clerk, all(manager))", "check", "app", "inner app", "group", "inner route", "route around")).Get("/g/x").Want(200)
	assert.Equal(t, "inner group route", strings.Join(got.Header["X-Stages"], " "))
	assert.Equal(t, `"x app"`, got.Text())
	got = wefttest.New(t, app, wefttest.Without("app")).Get("/nowhere").Want(404)
	assert.Empty(t, got.Header["X-Stages"], "also where no route is")

	assert.Equal(t, "app", wefttest.New(t, app).Get("/g/x").Want(403).Problem().Detail, "the app is as it was")
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	assert.Contains(t, srv.Explain(), "app guard")
}

func TestStagesAreReplacedAtEveryLevel(t *testing.T) {
	t.Parallel()
	c := wefttest.New(t, stages(),
		wefttest.Replace("app guard", asks("yes", nil)),
		wefttest.Replace("group guard", weft.GuardFunc(func(*weft.Request) error { return nil })),
		wefttest.Replace("manager", asks("yes", nil)), // a part of a part
		wefttest.Replace("app", marks("1")), wefttest.Replace("inner app", marks("2")),
		wefttest.Replace("group", marks("3")), wefttest.Replace("inner group", marks("4")),
		wefttest.Replace("route", marks("5")), wefttest.Replace("inner route", marks("6")),
		wefttest.ReplaceCheck("check", func(context.Context, struct{}) error { return nil }),
		wefttest.ReplaceAround("route around", marksAround("7")),
		wefttest.Replace("app around", func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
			return next(ctx, in)
		}))
	got := c.Get("/g/x").Want(200)
	assert.Equal(t, "6 4 2 5 3 1", strings.Join(got.Header["X-Stages"], " "))
	assert.Equal(t, `"x 7"`, got.Text())
	for _, name := range []string{"any(clerk, all(manager))", "app guard", "inner route", "route around", "check"} {
		assert.Contains(t, c.Server().Explain(), name, "what stands there has the name of what stood there")
	}
	got = wefttest.New(t, stages(), open, wefttest.Replace("any(clerk, all(manager))", asks("x", weft.Deny("mine")))).Get("/g/x")
	assert.Equal(t, "mine", got.Want(403).Problem().Detail)
}

func TestAReplacementStandsWhereTheOtherStood(t *testing.T) {
	t.Parallel()
	app := discard()
	app.Use(marks("once", weft.Once()), marks("last", weft.Inside("once")))
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (string, error) { return "x", nil }).Use(marks("once", weft.Once())))
	got := wefttest.New(t, app, wefttest.Replace("once", marks("other"))).Get("/").Want(200)
	assert.Equal(t, "last other", strings.Join(got.Header["X-Stages"], " "))
}

func TestTheKeysOfAReplacementAreProved(t *testing.T) {
	t.Parallel()
	app := discard()
	app.Guard(login(&keys{}))
	app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		u, _ := currentUser.From(ctx)
		return u.Name, nil
	}).Check(func(context.Context, struct{}) error { return nil }, weft.Named("needs"), weft.Needs(currentUser)))

	fake := weft.ValueGuard(currentUser, "fake", func(*weft.Request) (*user, error) { return &user{Name: "Eve"}, nil })
	assert.Equal(t, `"Eve"`, wefttest.New(t, app, wefttest.Replace("login", fake)).Get("/").Want(200).Text())
	wefttest.New(t, app).Get("/").Want(401)
	record(t, func(t testing.TB) { wefttest.New(t, app, wefttest.Without("login")) }).
		found(t, `the check "needs" needs the key "current user"`)
	record(t, func(t testing.TB) { wefttest.New(t, app, wefttest.Replace("login", asks("x", nil))) }).
		found(t, `the check "needs" needs the key "current user"`)
}

func TestAnOverrideThatFitsNothingFailsTheTest(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		opt  wefttest.Option
		want string
	}{
		{"an unknown name", wefttest.Without("logn"), `there is no stage "logn"; there are around "app around", around "route around", check "check", guard "all(manager)"`},
		{"another kind", wefttest.Replace("app", asks("x", nil)), `the stage "app" is a middleware, which a guard cannot stand for`},
		{"no stage at all", wefttest.Replace("app", 7), `Replace("app"): a int is no stage; give it a weft.Middleware, a weft.Guard or a weft.AroundAny`},
		{"nothing", wefttest.Replace("app", nil), `Replace("app"): a <nil> is no stage`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			record(t, func(t testing.TB) { wefttest.New(t, stages(), row.opt) }).found(t, row.want)
		})
	}
	empty := discard()
	record(t, func(t testing.TB) { wefttest.New(t, empty, wefttest.Without("x")) }).found(t, `there is no stage "x"; there are none`)

	not := discard()
	not.Guard(weft.Not(asks("robot", weft.Deny(""))))
	not.Handle("GET /", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
	record(t, func(t testing.TB) { wefttest.New(t, not, wefttest.Without("robot")) }).found(t, "is made of no guards")
	wefttest.New(t, not, wefttest.Replace("robot", asks("x", nil))).Get("/").Want(403)
}

func TestATypedReplacementFitsItsTypesAlone(t *testing.T) {
	t.Parallel()
	bad := func(ctx context.Context, in int, next func(context.Context, int) (string, error)) (string, error) {
		return next(ctx, in)
	}
	got := wefttest.New(t, stages(), open, wefttest.ReplaceAround("route around", bad), wefttest.Replace("any(clerk, all(manager))", asks("x", nil))).Get("/g/x")
	assert.Equal(t, http.StatusInternalServerError, got.Status)
	assert.ErrorContains(t, got.Err, `wefttest: ReplaceAround("route around") is for a int, and the handler takes a struct {}`)
	got = wefttest.New(t, stages(), wefttest.Without("app guard", "group guard", "any(clerk, all(manager))"),
		wefttest.ReplaceCheck("check", func(context.Context, int) error { return nil })).Get("/g/x")
	assert.ErrorContains(t, got.Err, `wefttest: ReplaceCheck("check") is for a int`)

	failing := errors.New("inside")
	app := discard()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (string, error) { return "", failing }).Around(marksAround("a"), weft.Named("a")))
	var seen error
	wefttest.New(t, app, wefttest.ReplaceAround("a", func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
		out, err := next(ctx, in)
		seen = err
		return out, err
	})).Get("/").Want(500)
	assert.ErrorIs(t, seen, failing)
}
