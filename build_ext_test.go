package weft_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file in testdata. The folder of this checkout,
// which the sources name, is left out.
func golden(t *testing.T, name, text string) {
	t.Helper()
	text = regexp.MustCompile(`[^\s("]+/(\w+_test\.go:\d+)`).ReplaceAllString(text, "$1")
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), text, "go test -run %s . -update writes it anew", t.Name())
}

// wrong declares every mistake that Build can find.
func wrong() *weft.App {
	app := weft.New(weft.WithLogger(nil), weft.WithLimit(0), weft.WithDrainTimeout(-time.Second), weft.WithObserver(nil))
	ok := weft.Handle(echo[person]).Named("ok")

	app.Handle("GET", ok)
	app.Handle("G(T /x", ok)
	app.Handle("GET /a b", ok)
	app.Handle("GET example.com", ok)
	app.Handle("GET /{id", ok)
	app.Handle("GET /{id}/{id}", ok)
	app.Handle("GET /a//b", ok)
	app.Handle("GET /same", ok)
	app.Handle("GET /same", ok)
	app.Handle("GET /x/{y}/z", ok)
	app.Handle("GET /x/y/{z}", ok)

	app.Group("/slash/").Handle("GET /same", ok)
	app.Group("slash").Handle("GET /same", ok)
	app.Group("GET /method")
	app.Group("/{rest...}")
	app.Group("/a//b")
	app.Group("example.com/a").Handle("GET example.org/b", ok)
	app.Group("example.com/a").Group("example.org/b")
	app.Group("/{id}").Group("/{id}")
	app.Group("/{id}").Handle("GET /{id}", ok)

	app.Handle("GET /nil/endpoint", nil)
	app.Handle("GET /nil/handler", (*weft.Handler[person, person])(nil))
	app.Handle("GET /nil/function", weft.Handle[person, person](nil))
	app.Handle("GET /status/1", ok.Status(0))
	app.Handle("GET /status/2", ok.Status(404))
	app.Handle("GET /status/3", weft.Handle(echo[weft.Response]).Status(200))
	app.Handle("GET /timeout", ok.Timeout(0))
	app.Handle("GET /limit", ok.Limit(-1))

	app.Handle("GET /types/1", weft.Handle(echo[chan int]))
	app.Handle("GET /types/2", weft.Handle(func(context.Context, struct {
		Items []struct{ Callback func() }
	}) (*weft.Response, error) {
		return nil, nil
	}))
	app.Handle("GET /types/3", weft.Handle(func(_ context.Context, in struct{ Reader error }) (string, error) { return "", nil }))
	app.Handle("GET /types/4", weft.Handle(func(_ context.Context, in struct {
		//lint:ignore SA5008 the mistake is the point
		A string `json:"'unfinished"`
	}) (string, error) {
		return "", nil
	}))
	app.Handle("GET /types/5", weft.Handle(func(_ context.Context, in struct {
		ID int `path:"id"`
	}) (string, error) {
		return "", nil
	}))

	app.Use(weft.MiddlewareFunc(nil), weft.Before("no function", nil), (*audit)(nil))
	app.Intercept(weft.NewMiddleware("no function", nil))
	app.Use(weft.NewMiddleware("second", passThrough), weft.NewMiddleware("first", passThrough, weft.Outside("second")))
	return app
}

func TestLaw8EveryMistakeIsAnErrorOfBuildWithItsLine(t *testing.T) {
	_, err := wrong().Plan()
	require.Error(t, err)
	golden(t, "mistakes.txt", err.Error()+"\n")

	_, same := wrong().Build(t.Context())
	require.Error(t, same)
	assert.Equal(t, err.Error(), same.Error())

	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, one := range joined.Unwrap() {
		var mistake *weft.BuildError
		require.ErrorAs(t, one, &mistake)
		assert.Regexp(t, `build_ext_test\.go:\d+$`, mistake.Source)
		assert.NotEmpty(t, mistake.Problem)
		assert.NotEmpty(t, mistake.Remedy)
	}
}

func TestAFailedBuildLeavesTheAppOpen(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", nil)
	_, err := app.Build(t.Context())
	require.Error(t, err)
	assert.NotPanics(t, func() { app.Use() })
}

func TestBuildHonoursItsContext(t *testing.T) {
	app, _ := newApp()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("not now"))
	_, err := app.Build(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

// planned declares a little of everything.
func planned() *weft.App {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(weft.NewMiddleware("request id", passThrough), weft.NewMiddleware("access log", passThrough, weft.Inside("request id")))
	app.Intercept(weft.NewMiddleware("metrics", passThrough))
	api := app.Group("/api", weft.NewMiddleware("no store", passThrough))
	orders := api.Group("/tenants/{tenant}/orders")
	orders.Handle("POST", weft.Handle(echo[person]).Named("create").Status(201).Limit(4096).Use(weft.NewMiddleware("quota", passThrough)))
	orders.Handle("GET /{id}", weft.Handle(func(context.Context, *weft.Request) (*person, error) { return nil, nil }).Named("read").Timeout(time.Second))
	orders.Handle("DELETE /{id}", weft.Handle(func(context.Context, *weft.Request) (struct{}, error) { return struct{}{}, nil }).Named("delete").
		Intercept(weft.NewMiddleware("trail", passThrough)))
	app.Handle("GET /healthz", weft.Health())
	return app
}

func TestThePlanAsText(t *testing.T) {
	plan, err := planned().Plan()
	require.NoError(t, err)
	golden(t, "plan.txt", plan.String())
	assert.Equal(t, plan.String(), build(t, planned()).Explain())
}

func TestThePlanAsJSON(t *testing.T) {
	plan, err := planned().Plan()
	require.NoError(t, err)
	text, err := json.MarshalIndent(plan, "", "  ")
	require.NoError(t, err)
	golden(t, "plan.json", string(text)+"\n")

	var back weft.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, *plan, back)
}

func TestPlanOfAnEmptyApp(t *testing.T) {
	app, _ := newApp()
	plan, err := app.Plan()
	require.NoError(t, err)
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	assert.JSONEq(t, `{"app":[],"routes":[],"misses":[]}`, string(text))
	assert.Equal(t, 404, serve(t, app).send("GET", "/", "").status)
}

// A policy is a test over the plan.
func TestAPolicyOverThePlan(t *testing.T) {
	plan, err := planned().Plan()
	require.NoError(t, err)
	for _, route := range plan.Routes {
		if strings.HasPrefix(route.Pattern, "POST ") {
			assert.Condition(t, func() bool {
				for _, s := range route.Stages {
					if s.Name == "quota" {
						return true
					}
				}
				return false
			}, "%s (%s) has no quota", route.Pattern, route.Source)
		}
	}
}
