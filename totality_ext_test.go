package weft_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestErrorsReturnsACopy(t *testing.T) {
	base := weft.Handle(fails).Errors(errClosed)
	app, _ := newApp()
	app.Catch(onIs(errClosed, "app"), onIs(errSoldOut, "app"), on[*outOfStock]("app"))
	app.Handle("GET /base", base)
	app.Handle("GET /one", base.Errors(errSoldOut))
	app.Handle("GET /two", base.Errors((*outOfStock)(nil)))
	plan, err := app.Plan()
	require.NoError(t, err)
	declared := func(i int) string {
		var names []string
		for _, e := range plan.Routes[i].Errors {
			names = append(names, e.Error)
		}
		return strings.Join(names, " ")
	}
	assert.Equal(t, `"closed"`, declared(0))
	assert.Equal(t, `"closed" "sold out"`, declared(1))
	assert.Equal(t, `"closed" *weft_test.outOfStock`, declared(2))
}

// The mapper that the plan names is the one that answers.
func TestThePlanNamesTheMapperThatAnswers(t *testing.T) {
	mappers := []weft.Mapper{
		on[error]("error"), on[temporary]("weft_test.temporary"), on[temporaryTimeout]("weft_test.temporaryTimeout"),
		on[wrapped]("weft_test.wrapped"), on[*outOfStock]("*weft_test.outOfStock"), onIs(errSoldOut, `is "sold out"`), onIs(errClosed, `is "closed"`),
	}
	for _, example := range []error{
		errSoldOut, &outOfStock{"tea"}, flaky{}, wrapped{errClosed}, wrapped{&outOfStock{"tea"}}, asked{}, errors.New("other"),
		errors.Join(&outOfStock{"tea"}, errClosed), &weft.Error{Status: 404}, &crooked{"", nil},
	} {
		t.Run(fmt.Sprintf("%T %v", example, example), func(t *testing.T) {
			app, _ := newApp()
			h := weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, example })
			app.Handle("GET /x", h.Catch(mappers...).Errors(example))
			plan, err := app.Plan()
			require.NoError(t, err)
			name, _, _ := strings.Cut(serve(t, app).send("GET", "/x", "").body, ": ")
			require.NotNil(t, plan.Routes[0].Errors[0].Mapper)
			assert.Equal(t, name, plan.Routes[0].Errors[0].Mapper.Error)
		})
	}
}

func TestTheMapperOfTheNearestLevelIsPlanned(t *testing.T) {
	app, _ := newApp()
	app.Catch(on[*outOfStock]("app"), onIs(errSoldOut, "app"), on[*weft.Error]("app"))
	outer := app.Group("/outer")
	outer.Catch(on[error]("outer"))
	inner := outer.Group("/inner")
	inner.Catch(on[*outOfStock]("inner"))
	inner.Handle("GET /x", weft.Handle(fails).Catch(onIs(errClosed, "route")).
		Errors(errClosed, (*outOfStock)(nil), errSoldOut, &weft.Error{Status: 409}))
	app.Handle("GET /y", weft.Handle(fails).Errors(&weft.Error{Status: 409}))
	plan, err := app.Plan()
	require.NoError(t, err)
	var places []string
	for _, e := range plan.Routes[0].Errors {
		require.NotNil(t, e.Mapper)
		assert.False(t, e.Itself)
		assert.Regexp(t, `totality_ext_test.go:\d+$`, e.Source)
		places = append(places, string(e.Mapper.Level)+" "+e.Mapper.Group)
	}
	assert.Equal(t, []string{"route ", "group /outer/inner", "group /outer", "group /outer"}, places)
	assert.Equal(t, "app", string(plan.Routes[1].Errors[0].Mapper.Level))
	assert.NotContains(t, plan.Routes[1].Statuses, 409, "the mapper says it")
}

// warnings are those of the app that concern mappers on handlers and groups.
func warnings(t *testing.T, app *weft.App) []weft.Warning {
	t.Helper()
	plan, err := app.Plan()
	require.NoError(t, err)
	return plan.Warnings
}

func TestAMapperThatNothingCanReachIsWarnedOf(t *testing.T) {
	type part struct {
		At   time.Time
		Name weft.Opt[string]
		More map[string][]*part
	}
	type in struct {
		ID    int           `path:"id"`
		Since weft.Opt[int] `query:"since"`
		Part  part          `body:"json"`
	}
	for name, h := range map[string]weft.Endpoint{
		"though there is much to read":        weft.Handle(func(context.Context, in) (struct{}, error) { return struct{}{}, nil }).Catch(on[*outOfStock]("dead")).Errors(errClosed),
		"though there is much to write":       weft.Handle(nothing[[]part]).Catch(on[*outOfStock]("dead")).Errors(errClosed),
		"of another type":                     weft.Handle(fails).Catch(on[*outOfStock]("dead")).Errors(errClosed),
		"of another sentinel":                 weft.Handle(fails).Catch(onIs(errSoldOut, "dead")).Errors(errClosed),
		"of an interface":                     weft.Handle(fails).Catch(on[oddError]("dead")).Errors(errClosed),
		"of another type than an example nil": weft.Handle(fails).Catch(on[flaky]("dead")).Errors((*outOfStock)(nil)),
		"with a deadline":                     weft.Handle(fails).Timeout(1).Catch(on[*outOfStock]("dead")).Errors(errClosed),
	} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Use(weft.Before("outside", func(*weft.Request) error { return &outOfStock{"tea"} }))
			app.Catch(onIs(errClosed, "app"), on[*outOfStock]("app"))
			app.Handle("POST /x/{id}", h)
			found := warnings(t, app)
			require.Len(t, found, 1)
			assert.Equal(t, "POST /x/{id}", found[0].Route)
			assert.Contains(t, found[0].Problem, "nothing can reach the mapper")
			assert.Regexp(t, `totality_ext_test.go:\d+$`, found[0].Source)
			srv := build(t, app)
			assert.Contains(t, srv.Explain(), found[0].String())
			require.Len(t, log.all(), 1)
			assert.Contains(t, log.all()[0], "WARN a declaration is seldom meant")
			assert.Contains(t, log.all()[0], found[0].Problem)
		})
	}
}

// oddError is an error with a method that no mapper of weft's own errors would ask for.
type oddError interface {
	error
	Odd()
}

type joinedError interface {
	error
	Unwrap() []error
}

type wrapperError interface {
	error
	Unwrap() error
}

// jsonOwn encodes itself.
type jsonOwn struct{}

func (jsonOwn) MarshalJSON() ([]byte, error) { return nil, &outOfStock{"encoding"} }

// readsItself extracts itself.
type readsItself struct{}

func (*readsItself) FromRequest(*weft.Request) error { return &outOfStock{"extracting"} }

// What could be reached, however far-fetched, is not warned of.
func TestAMapperThatSomethingCanReachIsNotWarnedOf(t *testing.T) {
	stock := on[*outOfStock]("stock")
	through := weft.NewMiddleware("through", passThrough)
	own := weft.NewExtractor("own", func(*weft.Request) (struct{}, error) { return struct{}{}, &outOfStock{"tea"} })
	type deep struct {
		List []map[string]*weft.Opt[jsonOwn]
	}
	for name, declare := range map[string]func(app *weft.App){
		"nothing is declared": func(a *weft.App) { a.Handle("GET /x", weft.Handle(fails).Catch(stock)) },
		"it takes an example": func(a *weft.App) {
			a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(errClosed, (*outOfStock)(nil)))
		},
		"it would take an example that another takes": func(a *weft.App) {
			a.Handle("GET /x", weft.Handle(fails).Catch(on[flaky]("concrete"), on[temporary]("interface")).Errors(flaky{}))
		},
		"an Error may be caused by it": func(a *weft.App) {
			a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(&weft.Error{Status: 409}))
		},
		"an example wraps":     func(a *weft.App) { a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(wrapped{errClosed})) },
		"an example has an As": func(a *weft.App) { a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(asked{}, errClosed)) },
		"an example has an Is": func(a *weft.App) {
			a.Handle("GET /x", weft.Handle(fails).Catch(onIs(errSoldOut, "sold out")).Errors(&alias{}, errClosed))
		},
		"a middleware": func(a *weft.App) { a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(errClosed).Use(through)) },
		"an interceptor": func(a *weft.App) {
			a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(errClosed).Intercept(through))
		},
		"the app's too": func(a *weft.App) {
			a.Intercept(through)
			a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(errClosed))
		},
		"an extractor":      func(a *weft.App) { a.Handle("GET /x", weft.Handle(fails).Catch(stock).Errors(errClosed).Extract(own)) },
		"a type that reads": func(a *weft.App) { a.Handle("GET /x", weft.Handle(echo[readsItself]).Catch(stock).Errors(errClosed)) },
		"one in a field": func(a *weft.App) {
			type in struct {
				Part readsItself
			}
			a.Handle("GET /x", weft.Handle(func(context.Context, in) (string, error) { return "", nil }).Catch(stock).Errors(errClosed))
		},
		"a type that encodes":    func(a *weft.App) { a.Handle("GET /x", weft.Handle(echo[*jsonOwn]).Catch(stock).Errors(errClosed)) },
		"one deep in the answer": func(a *weft.App) { a.Handle("GET /x", weft.Handle(nothing[deep]).Catch(stock).Errors(errClosed)) },
		"any answer":             func(a *weft.App) { a.Handle("GET /x", weft.Handle(nothing[any]).Catch(stock).Errors(errClosed)) },
		"a codec": func(a *weft.App) {
			a.Handle("GET /x", weft.Handle(nothing[string]).Catch(stock).Errors(errClosed).JSON(weft.JSONOptions{Codec: stdCodec{}}))
		},
		"another route of the handler": func(a *weft.App) {
			h := weft.Handle(fails).Catch(stock)
			a.Handle("GET /x", h.Errors(errClosed))
			a.Handle("GET /y", h.Errors(&outOfStock{}))
		},
		"weft's own errors": func(a *weft.App) {
			a.Handle("GET /x", weft.Handle(nothing[string]).Errors(errClosed).Catch(
				on[*weft.Error]("Error"), on[*weft.InvalidRequest]("InvalidRequest"), on[*weft.PanicError]("PanicError"), on[runtime.Error]("runtime"),
				onIs(context.Canceled, "cancelled"), onIs(context.DeadlineExceeded, "deadline"), on[temporary]("of the context"),
				on[joinedError]("joined"), on[wrapperError]("wrapped"), on[error]("any")))
		},
		"a group with a path": func(a *weft.App) { a.Group("/g").Catch(stock) },
		"a group around a path": func(a *weft.App) {
			g := a.Group("")
			g.Catch(stock)
			g.Group("/g")
		},
		"a group around a route": func(a *weft.App) {
			g := a.Group("")
			g.Catch(stock)
			g.Group("").Handle("GET /x", weft.Handle(fails))
		},
		"the app": func(a *weft.App) { a.Catch(stock) },
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			if name != "the app" {
				app.Catch(on[error]("app"))
			}
			declare(app)
			assert.Empty(t, warnings(t, app))
			text, err := json.Marshal(warnings(t, app))
			require.NoError(t, err)
			assert.Equal(t, "[]", string(text))
		})
	}
	for name, option := range map[string]weft.Option{
		"an Observer": weft.WithObserver(weft.ObserverFunc(func(ctx context.Context, _ *weft.StageInfo) (context.Context, weft.Exit) { return ctx, nil })),
		"a validator": weft.WithValidator(validator.New(validator.WithRequiredStructEnabled())),
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(option)
			app.Handle("GET /x", weft.Handle(fails).Catch(stock, onIs(errClosed, "closed")).Errors(errClosed))
			assert.Empty(t, warnings(t, app), "it may panic with anything")
		})
	}
}

// Sentinels are told apart by identity, whatever takes them and whatever they say.
func TestSentinelsWithTheSameTextAreDeclaredSideBySide(t *testing.T) {
	app, _ := newApp()
	app.Catch(on[error]("any"))
	app.Handle("GET /x", weft.Handle(fails).Errors(errors.New("closed"), errors.New("closed"), fmt.Errorf("closed"), &weft.Error{Status: 404}, &weft.Error{Status: 410}))
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Len(t, plan.Routes[0].Errors, 5)
}

func nothing[T any](context.Context, struct{}) (out T, err error) { return out, nil }

// stdCodec is encoding/json.
type stdCodec struct{}

func (stdCodec) Decode(body []byte, into any) error { return json.Unmarshal(body, into) }
func (stdCodec) Encode(v any) ([]byte, error)       { return json.Marshal(v) }

// A group without routes and paths has mappers that nothing can reach, its middleware's errors included.
func TestAGroupWithoutRoutesIsWarnedOf(t *testing.T) {
	app, _ := newApp()
	empty := app.Group("", weft.Before("never", func(*weft.Request) error { return errClosed }))
	empty.Catch(onIs(errClosed, "dead"))
	empty.Group("").Catch(on[oddError]("dead too"))
	app.Group("").Use(weft.NewMiddleware("alone", passThrough))
	var problems []string
	for _, w := range warnings(t, app) {
		assert.Empty(t, w.Route)
		problems = append(problems, w.Problem)
	}
	require.Len(t, problems, 2)
	assert.Contains(t, problems[0], `are "closed"`)
	assert.Contains(t, problems[1], "weft_test.oddError")
}
