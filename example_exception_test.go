package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/weft-go/weft"
)

// soldOut409 gives an error of the domain its public face.
var soldOut409 = weft.On(func(_ *weft.Request, err *OutOfStock) weft.Response {
	return weft.Fail(&weft.Error{
		Status:     http.StatusConflict,
		Code:       "out_of_stock",
		Detail:     "There is none left.",
		Extensions: map[string]any{"product": err.Product},
		Cause:      err,
	})
})

// closed503 is for one sentinel.
var closed503 = weft.OnIs(ErrShopClosed, func(*weft.Request, error) weft.Response {
	return weft.Text("Come back at nine.").WithStatus(http.StatusServiceUnavailable)
})

// OnIs is for a sentinel, wherever it stands in the error's tree.
func ExampleOnIs() {
	app := quiet()
	app.Catch(closed503)
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", `{"product":"beer","quantity":1}`)
	// Output: 503 Come back at nine.
}

// A mapper is tested alone, with one call.
func ExampleMapper_Map() {
	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	resp, mapped := soldOut409.Map(r, fmt.Errorf("placing the order: %w", &OutOfStock{"gold"}))
	fmt.Println(mapped, resp.Status())
	_, mapped = soldOut409.Map(r, ErrShopClosed)
	fmt.Println(mapped)
	// Output:
	// true 409
	// false
}

// The nearest level decides, then the kind of mapper; the order of Catch never does.
func ExampleMapper() {
	says := func(text string) func(*weft.Request, error) weft.Response {
		return func(*weft.Request, error) weft.Response { return weft.Text(text) }
	}
	app := quiet()
	app.Catch(weft.OnIs(ErrShopClosed, says("the app's")))
	shop := app.Group("/shop")
	shop.Catch(weft.On(says("for any error of the group")))
	shop.Handle("POST /orders", weft.Handle(placeOrder))
	shop.Handle("POST /own", weft.Handle(placeOrder).Catch(weft.OnIs(ErrShopClosed, says("the route's"))))
	const beer = `{"product":"beer","quantity":1}`
	show(app, "POST", "/shop/orders", beer)
	show(app, "POST", "/shop/own", beer)
	// Output:
	// 200 for any error of the group
	// 200 the route's
}

func ExampleHandler_Catch() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).Catch(soldOut409))
	show(app, "POST", "/orders", `{"product":"gold","quantity":1}`)
	// Output: 409 {"title":"Conflict","status":409,"code":"out_of_stock","detail":"There is none left.","product":"gold"}
}

func ExampleGroup_Catch() {
	app := quiet()
	shop := app.Group("/shop")
	shop.Catch(soldOut409, closed503)
	shop.Handle("POST /orders", weft.Handle(placeOrder))
	fmt.Println(send(app, "POST", "/shop/orders", `{"product":"gold","quantity":1}`).Code)
	fmt.Println(send(app, "POST", "/shop/orders", `{"product":"beer","quantity":1}`).Code)
	// Output:
	// 409
	// 503
}

// Errors of weft itself are mapped like any other: here a page for what is not found, also for whom a guard hides it. What is not meant is handed on.
func ExampleApp_Catch() {
	app := quiet()
	app.Catch(weft.On(func(_ *weft.Request, err *weft.Error) weft.Response {
		if err.Code != "not_found" {
			return weft.Fail(err)
		}
		return weft.HTML("<h1>Nothing here</h1>").WithStatus(http.StatusNotFound)
	}))
	app.Handle("POST /orders", weft.Handle(placeOrder).Guard(guardThat("beta", weft.Deny("").Hidden())))
	show(app, "GET", "/nowhere", "")
	show(app, "POST", "/orders", "")
	show(app, "GET", "/orders", "")
	// Output:
	// 404 <h1>Nothing here</h1>
	// 404 <h1>Nothing here</h1>
	// 405 {"title":"Method Not Allowed","status":405,"code":"method_not_allowed"}
}

// Fail is the Response for an error, with which a middleware ends a request.
func ExampleFail() {
	resp := weft.Fail(errors.New("the database is down"))
	body, err := resp.Render()
	fmt.Println(resp.Status(), string(body), err)
	fmt.Println(resp.Err())
	// Output:
	// 500 {"title":"Internal Server Error","status":500,"code":"internal"} <nil>
	// the database is down
}

// A panic is an error of its stage: the client gets a plain 500, the log the stack, and a stage outside the value.
func ExamplePanicError() {
	app := quiet()
	app.Use(weft.OnError("report", func(_ *weft.Request, resp weft.Response, err error) weft.Response {
		var p *weft.PanicError
		if errors.As(err, &p) {
			fmt.Println("panicked with", p.Value)
		}
		return resp
	}))
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (string, error) { panic("no tea") }))
	show(app, "GET", "/", "")
	// Output:
	// panicked with no tea
	// 500 {"title":"Internal Server Error","status":500,"code":"internal"}
}

// A format of your own for every error that no mapper answers.
func ExampleWithErrorFormat() {
	app := weft.New(weft.WithErrorFormat(func(_ *weft.Request, e *weft.Error) (mediaType string, document any) {
		return "application/json", map[string]any{"failure": e.Title}
	}))
	show(app, "GET", "/nowhere", "")
	// Output: 404 {"failure":"Not Found"}
}

func ExampleErrorEnvelope() {
	app := weft.New(weft.WithErrorFormat(weft.ErrorEnvelope))
	show(app, "GET", "/nowhere", "")
	// Output: 404 {"error":{"code":"not_found","message":"Not Found","detail":{}}}
}

// A format may start from weft's own.
func ExampleProblemDetails() {
	app := weft.New(weft.WithErrorFormat(func(r *weft.Request, e *weft.Error) (mediaType string, document any) {
		e.Extensions = map[string]any{"instance": r.HTTP().URL.Path}
		return weft.ProblemDetails(r, e)
	}))
	show(app, "GET", "/nowhere", "")
	// Output: 404 {"title":"Not Found","status":404,"code":"not_found","instance":"/nowhere"}
}
