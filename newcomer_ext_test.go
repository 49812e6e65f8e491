package weft_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// What one does on the first day, and what Build or the log says of it.

func TestTagsThatMeanNothingAreFound(t *testing.T) {
	type upper struct {
		ID int `Path:"id"`
	}
	type second struct {
		ID   int `path:"id"`
		Page int `json:"page" Query:"page"`
	}
	type embedding struct{ upper }
	type fine struct {
		Name string `json:"name" Db:"name"`
	}
	for want, h := range map[string]weft.Endpoint{
		"the field ID has the tag Path, which means nothing; write it as path":                                weft.Handle(receives[upper]),
		"the field Page has the tag Query, which means nothing; write it as query":                            weft.Handle(receives[second]),
		"route \"POST /x/{id}\": the field ID has the tag Path":                                               weft.Handle(receives[embedding]),
		"members of the body go into a struct of their own, the type of one field with the tag body:\"json\"": weft.Handle(receives[mixed]),
		"has a http.Request, which is no JSON; take a *weft.Request, whose method HTTP returns net/http's":    weft.Handle(receives[*http.Request]),
		"has a weft.Request, which is no JSON; take a *weft.Request":                                          weft.Handle(receives[weft.Request]),
		"the handler returns an error as its response; return it as the second result":                        weft.Handle(func(context.Context, struct{}) (error, error) { return nil, nil }),
		"the handler is nil": new(weft.Handler[struct{}, string]),
	} {
		app, _ := newApp()
		app.Handle("POST /x/{id}", h)
		_, err := app.Plan()
		require.ErrorContains(t, err, want, want)
	}
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(receives[fine]))
	_, err := app.Plan()
	assert.NoError(t, err)
}

type mixed struct {
	ID   int    `path:"id"`
	Name string `json:"name"`
}

func receives[T any](context.Context, T) (struct{}, error) { return struct{}{}, nil }

func hello(context.Context, struct{}) (string, error) { return "hello", nil }

func TestPatternsThatAreNoneAreFound(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET/x":   `a method is followed by a space: write "GET /x"`,
		"get /x":  `"get" is not a method of HTTP, whose names are told apart by case: write "GET"`,
		"Post /x": `write "POST"`,
	} {
		app, _ := newApp()
		app.Handle(pattern, weft.Handle(hello))
		_, err := app.Plan()
		assert.ErrorContains(t, err, want)
	}
	app, _ := newApp()
	app.Group("GET/x").Handle("/y", weft.Handle(hello))
	_, err := app.Plan()
	require.ErrorContains(t, err, "methods belong to the routes")
	app, _ = newApp()
	app.Handle("get.example.com/x", weft.Handle(hello))
	app.Handle("FETCH /x", weft.Handle(hello))
	_, err = app.Plan()
	require.NoError(t, err)
}

func TestABodyThatIsNeverThereIsWarnedOf(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /one/{id}", weft.Handle(func(context.Context, int) (string, error) { return "", nil }))
	app.Handle("HEAD /two", weft.Handle(receives[titled]))
	app.Handle("GET /three/{id}", weft.Handle(func(context.Context, int) (string, error) { return "", nil }).Extract(weft.PathValue[int]("id")))
	app.Handle("GET /four", weft.Handle(receives[*titled])) // may be left out
	app.Handle("DELETE /five", weft.Handle(receives[titled]))
	app.Handle("PUT /six", weft.Handle(hello).Status(204))
	app.Handle("PUT /seven", weft.Handle(func(context.Context, struct{}) (*titled, error) { return nil, nil }).Status(204)) // which returns nil
	plan, err := app.Plan()
	require.NoError(t, err)
	require.Len(t, plan.Warnings, 3)
	assert.Contains(t, plan.Warnings[0].Problem, "the handler reads a body of type int, and requests with GET have none")
	assert.Contains(t, plan.Warnings[0].Remedy, "an extractor such as PathValue")
	assert.Contains(t, plan.Warnings[1].Problem, "requests with HEAD have none")
	assert.Contains(t, plan.Warnings[2].Problem, "Status(204) is sent without a body, and the handler returns a string")
}

func TestAKeyIsSetOnlyWhereAStageSaysSo(t *testing.T) {
	user := weft.NewKey[string]("user")
	app, log := newApp()
	app.Handle("GET /honest", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		name, _ := user.From(ctx)
		return name, nil
	}).Guard(weft.ValueGuard(user, "login", func(*weft.Request) (string, error) { return "Ada", nil })))
	set := weft.Before("sets unasked", func(r *weft.Request) error { user.Set(r, "Eve"); return nil })
	app.Handle("GET /elsewhere", weft.Handle(hello).Use(set))
	app.Handle("GET /handler", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) { user.Set(r, "Eve"); return "", nil }))
	site := serve(t, app)
	assert.Equal(t, `"Ada"`, site.send("GET", "/honest", "").body)
	for _, path := range []string{"/elsewhere", "/handler"} {
		assert.Equal(t, 500, site.send("GET", path, "").status, path)
	}
	logged := log.errors()
	require.Len(t, logged, 2)
	assert.Contains(t, logged[0], `the key "user" of type string cannot be set: no stage on the way of this request says that it Provides it`)
}

func TestKeysThatLookTheSameAreToldApart(t *testing.T) {
	one, other := weft.NewKey[string]("user"), weft.NewKey[string]("user")
	app, _ := newApp()
	app.Guard(weft.ValueGuard(one, "login", func(*weft.Request) (string, error) { return "Ada", nil }))
	app.Handle("GET /x", weft.Handle(hello).Guard(weft.NewGuard("reads", func(*weft.Request) error { return nil }, weft.Needs(other))))
	_, err := app.Plan()
	require.ErrorContains(t, err, "nothing provides it, but another key of that name and type")

	app, _ = newApp()
	app.Guard(weft.ValueGuard(one, "login", func(*weft.Request) (string, error) { return "Ada", nil }))
	app.Handle("GET /x", weft.Handle(func(_ context.Context, in struct {
		User *string `value:"user"`
	}) (string, error) {
		return "", nil
	}))
	_, err = app.Plan()
	require.ErrorContains(t, err, `; there is the key "user" of type string`)
}

func TestAContextOfAnotherRequestIsRefused(t *testing.T) {
	app, log := newApp()
	app.Use(weft.NewMiddleware("detaches", func(r *weft.Request, next weft.Next) weft.Response {
		if r.HTTP().URL.Path == "/well" {
			return next(r.WithContext(context.WithoutCancel(r.Context())))
		}
		return next(r.WithContext(context.Background()))
	}))
	app.Handle("GET /{how}", weft.Handle(hello))
	site := serve(t, app)
	assert.Equal(t, 200, site.send("GET", "/well", "").status)
	assert.Equal(t, 500, site.send("GET", "/badly", "").status)
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Contains(t, logged[0], "does not derive from the request's")
	assert.Contains(t, logged[0], "detaches")
}

func TestWhatAMapperHandsOnIsLoggedOnce(t *testing.T) {
	var logged bytes.Buffer
	app := weft.New(weft.WithLogger(slog.New(slog.NewTextHandler(&logged, nil))))
	app.Catch(weft.On(func(_ *weft.Request, err *oddity) weft.Response { return weft.Fail(err) }))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", &oddity{} }))
	app.Handle("GET /status", weft.Handle(func(context.Context, struct{}) (string, error) { return "", &weft.Error{Status: 200} }))
	site := serve(t, app)
	assert.Equal(t, 500, site.send("GET", "/x", "").status)
	assert.Equal(t, 1, strings.Count(logged.String(), "an oddity"))
	assert.Equal(t, 500, site.send("GET", "/status", "").status)
	assert.Contains(t, logged.String(), "of Status 200, which is none of a failure")
}

type oddity struct{}

func (*oddity) Error() string { return errors.New("an oddity").Error() }
