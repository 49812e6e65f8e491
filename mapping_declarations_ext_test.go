package weft_test

// Declarations of errors whose lines are in the golden files: a change here changes those.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/weft-go/weft"
)

// fails is a handler that reads and writes nothing.
func fails(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }

// passing is what temporary is, by another name.
type passing interface {
	Temporary() bool
	error
}

// wrongErrors declares every mistake with errors and mappers that Build can find.
func wrongErrors() *weft.App {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Catch(onIs(errSoldOut, "app"), weft.Mapper{})
	app.Catch(onIs(errSoldOut, "again"))
	app.Catch(onIs(several{}, "cannot be compared"))
	app.Catch(onIs(holder{several{}}, "this value cannot either"))
	app.Catch(onIs((*outOfStock)(nil), "nil"))
	group := app.Group("/g")
	group.Catch(on[temporary]("a"), on[passing]("b"), on[temporary]("c"))
	h := weft.Handle(fails).Named("fails")

	app.Handle("GET /sentinel", h.Errors(errSoldOut, errClosed))
	app.Handle("GET /type", h.Errors(&outOfStock{"tea"}))
	app.Handle("GET /type/nil", h.Errors((*outOfStock)(nil)))
	app.Handle("GET /interface", h.Errors(flaky{})) // only the group has a mapper
	group.Handle("GET /interface", h.Errors(flaky{}))
	app.Handle("GET /wrapped", h.Errors(fmt.Errorf("wrapped: %w", errClosed)))
	app.Handle("GET /panics/is", h.Errors(&crooked{"Is", nil}))
	app.Handle("GET /panics/as", h.Errors(&crooked{"As", nil}))
	app.Handle("GET /panics/unwrap", h.Errors(&crooked{"Unwrap", nil}))
	app.Handle("GET /panics/error", h.Errors(&crooked{"Error", nil}))
	app.Handle("GET /loop", h.Errors(selfWrapped()))
	app.Handle("GET /uncomparable", h.Errors(several{}))
	app.Handle("GET /context", h.Errors(context.Canceled))
	app.Handle("GET /nil", h.Errors(nil))
	app.Handle("GET /twice/sentinel", h.Errors(errSoldOut).Errors(errSoldOut))
	app.Handle("GET /twice/type", h.Catch(on[*outOfStock]("stock")).Errors(&outOfStock{}, (*outOfStock)(nil)))
	app.Handle("GET /twice/itself", h.Errors(&weft.Error{Status: 409, Code: "taken"}, &weft.Error{Status: 409, Code: "taken"}))
	return app
}

// plannedErrors declares errors of every kind, each mapped, and mappers that nothing can reach.
func plannedErrors() *weft.App {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Catch(on[*outOfStock]("app"), on[*weft.InvalidRequest]("app"))
	shop := app.Group("/shop")
	shop.Catch(onIs(errClosed, "shop"), on[temporary]("shop"))
	shop.Handle("POST /orders", weft.Handle(echo[person]).Named("order").
		Catch(onIs(errSoldOut, "route")).
		Errors(errSoldOut, errClosed, (*outOfStock)(nil), flaky{}).
		Errors(&weft.Error{Status: 409, Code: "taken"}, &weft.Error{Status: 410}, (*weft.Error)(nil), fmt.Errorf("late: %w", &weft.Error{Status: 410})).
		Errors(&weft.InvalidRequest{Status: 422}, errors.Join(errSoldOut, errClosed)))
	shop.Handle("GET /orders", weft.Handle(fails).Named("list").
		Catch(on[*outOfStock]("dead"), on[error]("last resort"), onIs(errSoldOut, "dead"), onIs(errClosed, "route")).
		Errors(errClosed))
	app.Group("").Catch(onIs(errClosed, "dead"), on[error]("dead"))
	return app
}
