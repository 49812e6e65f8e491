package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// secretText is in every error here, and must never be in an answer.
const secretText = "secret-dsn"

type secretError struct{ detail string }

func (e *secretError) Error() string { return e.detail }

// leak is an error of one shape, made anew for each request.
type leak struct {
	shape   string
	make    func() error
	status  int
	logged  string // what the log line says; the cause, except where there is none
	panics  bool   // raised as a panic
	typeNil bool   // a typed nil: an error value that is not nil
}

var leaks = []leak{
	{shape: "plain", make: func() error { return errors.New(secretText) }},
	{shape: "wrapped", make: func() error { return fmt.Errorf("reading: %w", &secretError{secretText}) }},
	{shape: "joined", make: func() error {
		return errors.Join(errors.New("first"), fmt.Errorf("second: %w", errors.New(secretText)))
	}},
	{shape: "of a type with public fields", make: func() error { return &struct{ *secretError }{&secretError{secretText}} }},
	{shape: "an Error with a private cause", make: func() error { return &weft.Error{Status: 503, Code: "busy", Cause: errors.New(secretText)} }, status: 503},
	{shape: "a wrapped Error with a private cause", make: func() error {
		return fmt.Errorf("%s: %w", secretText, &weft.Error{Status: 502, Cause: &secretError{secretText}})
	}, status: 502},
	{shape: "an Error without a status", make: func() error { return &weft.Error{Cause: errors.New(secretText)} }},
	{shape: "an Error whose extension cannot be encoded", make: func() error {
		return &weft.Error{Status: 500, Extensions: map[string]any{"x": func() {}}, Cause: errors.New(secretText)}
	}},
	{shape: "a typed nil", make: func() error { return (*secretError)(nil) }, logged: "nil *weft_test.secretError", typeNil: true},
	{shape: "a typed nil, joined", make: func() error { return errors.Join((*secretError)(nil), errors.New(secretText)) }},
	{shape: "a panic with an error", make: func() error { return errors.New(secretText) }, panics: true},
	{shape: "a panic with an Error", make: func() error { return &weft.Error{Status: 404, Detail: secretText, Cause: errors.New(secretText)} }, panics: true},
	{shape: "a panic with a typed nil", make: func() error { return (*secretError)(nil) }, logged: "panic: ", panics: true, typeNil: true},
}

// raise returns the error, or panics with it.
func (l leak) raise() error {
	err := l.make()
	if l.panics {
		panic(err)
	}
	return err
}

type leakKey struct{}

// leakOf is what the request is to leak.
func leakOf(ctx context.Context) leak { return ctx.Value(leakKey{}).(leak) }

// leakyAnswer leaks while it is encoded.
type leakyAnswer struct{ leak leak }

func (a leakyAnswer) MarshalJSON() ([]byte, error) { return nil, a.leak.raise() }

// leakyRequest leaks while it is extracted.
type leakyRequest struct{}

func (*leakyRequest) FromRequest(r *weft.Request) error { return leakOf(r.Context()).raise() }

// leakyField is the same as a field.
type leakyField struct {
	Field leakyRequest
	Name  string `query:"name"`
}

func leakyHandler(ctx context.Context, _ struct{}) (string, error) {
	return "", leakOf(ctx).raise()
}

// sources are the places from which an error can come. stage is the one that the log names.
var sources = []struct {
	name, stage string
	declare     func(app *weft.App, group *weft.Group)
	// always500 is where an Error does not say what the client sees: the failure is one of the place.
	always500 bool
}{
	{name: "the handler", stage: "leaky", declare: func(_ *weft.App, g *weft.Group) { g.Handle("GET /x", weft.Handle(leakyHandler).Named("leaky")) }},
	{name: "a Response of the handler", stage: "leaky", declare: func(_ *weft.App, g *weft.Group) {
		g.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (weft.Response, error) {
			return weft.Fail(leakOf(ctx).raise()), nil
		}).Named("leaky"))
	}},
	{name: "app middleware", stage: "leaky", declare: func(a *weft.App, g *weft.Group) {
		a.Use(leakyStage())
		g.Handle("GET /x", weft.Handle(fails))
	}},
	{name: "middleware before a miss", stage: "leaky", declare: func(_ *weft.App, g *weft.Group) { g.Use(leakyStage()) }},
	{name: "route middleware, on the way out", stage: "leaky", declare: func(_ *weft.App, g *weft.Group) {
		g.Handle("GET /x", weft.Handle(fails).Use(weft.After("leaky", func(r *weft.Request, _ weft.Response) weft.Response {
			return weft.Fail(leakOf(r.Context()).raise())
		})))
	}},
	{name: "an interceptor", stage: "leaky", declare: func(_ *weft.App, g *weft.Group) {
		g.Handle("GET /x", weft.Handle(fails).Intercept(leakyStage()))
	}},
	{name: "an extractor", stage: "extract", declare: func(_ *weft.App, g *weft.Group) {
		x := weft.NewExtractor("leaky", func(r *weft.Request) (string, error) { return "", leakOf(r.Context()).raise() })
		g.Handle("GET /x", weft.Handle(echo[string]).Extract(x))
	}},
	{name: "an extractor with a default", stage: "extract", declare: func(_ *weft.App, g *weft.Group) {
		x := weft.NewExtractor("leaky", func(r *weft.Request) (string, error) { return "", leakOf(r.Context()).raise() })
		g.Handle("GET /x", weft.Handle(echo[string]).Extract(weft.Default(x, "none")))
	}},
	{name: "FromRequest", stage: "extract", declare: func(_ *weft.App, g *weft.Group) { g.Handle("GET /x", weft.Handle(echo[leakyRequest])) }},
	{name: "FromRequest of a field", stage: "extract", declare: func(_ *weft.App, g *weft.Group) {
		g.Handle("GET /x", weft.Handle(func(context.Context, leakyField) (string, error) { return "", nil }))
	}},
	{name: "FromRequest before an interceptor", stage: "extract", declare: func(a *weft.App, g *weft.Group) {
		a.Intercept(weft.NewMiddleware("through", passThrough))
		g.Handle("GET /x", weft.Handle(echo[leakyRequest]))
	}},
	{name: "MarshalJSON", stage: "respond", declare: func(_ *weft.App, g *weft.Group) {
		g.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (leakyAnswer, error) { return leakyAnswer{leakOf(ctx)}, nil }))
	}},
	{name: "MarshalJSON in a Response", stage: "leaky", declare: func(_ *weft.App, g *weft.Group) {
		g.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (weft.Response, error) {
			return weft.Created("/here", []leakyAnswer{{leakOf(ctx)}}), nil
		}).Named("leaky"))
	}},
	{name: "a mapper that fails", stage: "broken", declare: func(_ *weft.App, g *weft.Group) {
		g.Catch(onIs(errClosed, "unused"), weft.OnIs(errSoldOut, func(r *weft.Request, _ error) weft.Response {
			return weft.Fail(leakOf(r.Context()).raise())
		}))
		g.Handle("GET /x", weft.Handle(broken).Named("broken"))
	}},
	{name: "a mapper that panics", stage: "broken", always500: true, declare: func(a *weft.App, g *weft.Group) {
		a.Catch(weft.OnIs(errSoldOut, func(r *weft.Request, _ error) weft.Response { panic(leakOf(r.Context()).make()) }))
		g.Handle("GET /x", weft.Handle(broken).Named("broken"))
	}},
}

func broken(context.Context, struct{}) (string, error) { return "", errSoldOut }

func leakyStage() weft.Middleware {
	return weft.Before("leaky", func(r *weft.Request) error { return leakOf(r.Context()).raise() })
}

func TestLaw7UnknownErrorsNeverReachAClient(t *testing.T) {
	for _, source := range sources {
		for _, l := range leaks {
			t.Run(l.shape+" from "+source.name, func(t *testing.T) {
				var seen error
				app, log := newApp()
				app.Use(
					weft.NewMiddleware("prepare", func(r *weft.Request, next weft.Next) weft.Response {
						return next(r.WithContext(context.WithValue(r.Context(), leakKey{}, l)))
					}),
					weft.OnError("see", func(_ *weft.Request, resp weft.Response, err error) weft.Response { seen = err; return resp }))
				source.declare(app, app.Group("/g"))

				got := serve(t, app).send("GET", "/g/x", "")

				status := http.StatusInternalServerError
				if l.status != 0 && !source.always500 {
					status = l.status
				}
				assertProblem(t, got, status)
				for _, private := range []string{"secret", "goroutine", "reading", "first", ".go"} {
					assert.NotContains(t, strings.ToLower(got.body), private)
					assert.NotContains(t, strings.ToLower(fmt.Sprint(got.header)), private)
				}
				if status == http.StatusInternalServerError {
					assert.Contains(t, got.body, `"title":"Internal Server Error"`)
				}

				require.Error(t, seen, "the stages outside are told")
				logged := log.errors()
				require.Len(t, logged, 1, "the cause is logged once")
				assert.Contains(t, logged[0], "stage="+source.stage+" ")
				if l.logged == "" {
					l.logged = secretText
				}
				assert.Contains(t, logged[0], l.logged)
			})
		}
	}
}
