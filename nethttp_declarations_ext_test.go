package weft_test

// Declarations whose lines are in a golden file: a change here changes that.

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type muxOfOurs struct{ http.ServeMux }

// wrongNetHTTP declares every mistake with what comes from net/http that Build can find.
func wrongNetHTTP() *weft.App {
	app, _ := newApp()
	nothing := func(http.Handler) http.Handler { return nil }
	typedNil := func(http.Handler) http.Handler { return (*muxOfOurs)(nil) }

	// Middleware that is none.
	app.Use(weft.Std("no function", nil))
	app.Use(weft.Std("", nil), weft.Std("fine", passStd))
	app.Group("/group").Use(weft.Std("returns nothing", nothing))
	app.Handle("GET /route", weft.Handle(ok).Use(weft.Std("returns a nil of its own", typedNil, weft.Once())))
	app.Handle("GET /intercepted", weft.Handle(ok).Intercept(weft.Std("returns nothing", nothing)))
	app.Use(weft.Std("order", passStd, weft.Inside("fine again")), weft.Std("fine again", passStd))
	app.Handle("GET /needs", weft.Handle(ok).Use(weft.Std("needs a key", passStd, weft.Needs(CurrentUser))))

	// Handlers that are none.
	app.Mount("/nil", nil)
	app.Mount("/typed-nil", (*muxOfOurs)(nil))
	app.Mount("/function", http.HandlerFunc(nil))
	app.Group("/group").Mount("/nil", nil)

	// Prefixes that are none.
	app.Mount("GET /method", http.NotFoundHandler())
	app.Mount("GET", http.NotFoundHandler())
	app.Mount("no-slash", http.NotFoundHandler())
	app.Mount("/rest/{rest...}", http.NotFoundHandler())
	app.Mount("/end/{$}", http.NotFoundHandler())
	app.Mount("/twice/{id}/{id}", http.NotFoundHandler())
	app.Mount("/un//clean", http.NotFoundHandler())
	app.Mount("/open/{id", http.NotFoundHandler())
	app.Group("/tenants/{id}").Mount("/orders/{id}", http.NotFoundHandler())

	// Prefixes that are taken.
	app.Mount("/files", http.NotFoundHandler())
	app.Mount("/files/", http.NotFoundHandler())
	app.Group("/files").Mount("", http.NotFoundHandler())
	app.Handle("/route/", weft.Handle(ok))
	app.Mount("/route", http.NotFoundHandler())
	app.Handle("GET /a/{b}/c/", weft.Handle(ok))
	app.Mount("/a/b/{c}", http.NotFoundHandler())

	// Stages around what is mounted.
	app.Mount("/stages", http.NotFoundHandler(), weft.Std("no function", nil))
	app.Mount("/needs-a-key", http.NotFoundHandler(), weft.Std("needs a key", passStd, weft.Needs(CurrentUser)))
	return app
}

func TestEveryWrongDeclarationOfNetHTTPIsFound(t *testing.T) {
	_, err := wrongNetHTTP().Plan()
	require.Error(t, err)
	golden(t, "nethttp_mistakes.txt", err.Error()+"\n")
	_, err = wrongNetHTTP().Build(t.Context())
	assert.Error(t, err)
}

// What HTTP is given wrongly is an error of HTTP, with its line.
func TestEveryWrongDeclarationOfAHandlerForAnotherRouterIsFound(t *testing.T) {
	for problem, build := range map[string]func() (*weft.Server, error){
		"the handler is nil":            func() (*weft.Server, error) { return weft.HTTP(nil) },
		`route "shown": Status(7)`:      func() (*weft.Server, error) { return weft.HTTP(weft.Handle(ok).Named("shown").Status(7)) },
		`"nothing" has no function`:     func() (*weft.Server, error) { return weft.HTTP(weft.Handle(ok).Use(weft.Std("nothing", nil))) },
		"needs the key":                 func() (*weft.Server, error) { return weft.HTTP(weft.Handle(ok).Guard(hasRole("clerk"))) },
		"WithLimit(0) accepts no body;": func() (*weft.Server, error) { return weft.HTTP(weft.Handle(ok), weft.WithLimit(0)) },
	} {
		srv, err := build()
		assert.Nil(t, srv)
		if assert.ErrorContains(t, err, problem) {
			assert.Regexp(t, `nethttp_declarations_ext_test\.go:\d+`, err.Error())
		}
	}
}

// A Response cannot be looked at by Build: what is wrong with one is a 500 that is logged with the line which made it.
func TestWrongResponsesOfNetHTTPNameTheirLine(t *testing.T) {
	assert.ErrorContains(t, weft.Raw(nil).Err(), "Raw was given no handler (")
	assert.ErrorContains(t, weft.Raw(http.HandlerFunc(nil)).Err(), "nethttp_declarations_ext_test.go:")
	assert.ErrorContains(t, weft.Writer("text/csv", nil).Err(), "nethttp_declarations_ext_test.go:")
}
