package weft_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/weft-go/weft"
)

func ExampleJSON() {
	body, err := weft.JSON(Order{7, "tea"}).Render()
	fmt.Println(string(body), err)
	// Output: {"id":7,"product":"tea"} <nil>
}

func ExampleText() {
	fmt.Println(weft.Text("tea").Header())
	// Output: map[Content-Type:[text/plain; charset=utf-8]]
}

// HTML escapes nothing: what is not the program's own goes through html/template first.
func ExampleHTML() {
	fmt.Println(weft.HTML("<h1>Tea</h1>").Header())
	// Output: map[Content-Type:[text/html; charset=utf-8]]
}

func ExampleBytes() {
	resp := weft.Bytes("image/png", []byte("\x89PNG"))
	fmt.Println(resp.Status(), resp.Header())
	// Output: 200 map[Content-Type:[image/png]]
}

func ExampleEmpty() {
	fmt.Println(weft.Empty().Status())
	// Output: 204
}

func ExampleCreated() {
	resp := weft.Created("/orders/7", Order{7, "tea"})
	fmt.Println(resp.Status(), resp.Header().Get("Location"))
	// Output: 201 /orders/7
}

func ExampleAccepted() {
	fmt.Println(weft.Accepted(Order{7, "tea"}).Status())
	// Output: 202
}

func ExampleRedirect() {
	resp := weft.Redirect(http.StatusSeeOther, "/orders/7")
	fmt.Println(resp.Status(), resp.Header().Get("Location"))
	// Output: 303 /orders/7
}

// A handler that answers in several ways returns a Response.
func ExampleResponse_handler() {
	app := quiet()
	app.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, id int) (weft.Response, error) {
		if id < 7 {
			return weft.Redirect(http.StatusMovedPermanently, "/archive"), nil
		}
		return weft.JSON(Order{id, "tea"}), nil
	}).Extract(weft.PathValue[int]("id")))
	show(app, "GET", "/orders/7", "")
	fmt.Println(send(app, "GET", "/orders/1", "").Header().Get("Location"))
	// Output:
	// 200 {"id":7,"product":"tea"}
	// /archive
}

func ExampleResponse_WithStatus() {
	fmt.Println(weft.Text("short and stout").WithStatus(http.StatusTeapot).Status())
	// Output: 418
}

// A value that could start another header field is never sent.
func ExampleResponse_WithHeader() {
	resp := weft.Text("tea").WithHeader("X-Product", "tea\r\nSet-Cookie: admin=1")
	fmt.Println(resp.Status(), resp.Header().Get("Set-Cookie") == "")
	// Output: 500 true
}

func ExampleResponse_WithAddedHeader() {
	resp := weft.Empty().WithAddedHeader("Link", "</a>; rel=prev").WithAddedHeader("Link", "</c>; rel=next")
	fmt.Println(resp.Header()["Link"])
	// Output: [</a>; rel=prev </c>; rel=next]
}

func ExampleResponse_WithoutHeader() {
	fmt.Println(weft.Text("tea").WithHeader("Server", "weft").WithoutHeader("Server").Header())
	// Output: map[Content-Type:[text/plain; charset=utf-8]]
}

// Status and other header fields stay.
func ExampleResponse_WithBody() {
	resp := weft.JSON(Order{7, "tea"}).WithHeader("X-Trace", "1").WithBody("text/csv", []byte("7,tea\n"))
	body, err := resp.Render()
	fmt.Printf("%v %q %v\n", resp.Header(), body, err)
	// Output: map[Content-Type:[text/csv] X-Trace:[1]] "7,tea\n" <nil>
}

func ExampleResponse_WithCookie() {
	resp := weft.Empty().WithCookie(&http.Cookie{Name: "theme", Value: "dark", MaxAge: int(time.Hour.Seconds()), HttpOnly: true})
	fmt.Println(resp.Header().Get("Set-Cookie"))
	// Output: theme=dark; Max-Age=3600; HttpOnly
}

// Vary adds a field once, however many stages name it.
func ExampleResponse_Vary() {
	resp := weft.Text("tea").Vary("Accept-Language").Vary("Origin", "accept-language")
	fmt.Println(resp.Header()["Vary"])
	// Output: [Accept-Language Origin]
}

// Render is the body, whether the Response has been sent or not.
func ExampleResponse_Render() {
	_, err := weft.Response{}.Render() // no answer at all
	fmt.Println(err)
	// Output: the Response has no body that can be read
}

// The error stays with the Response that was made of it.
func ExampleResponse_Err() {
	resp := weft.Fail(ErrShopClosed).WithHeader("Retry-After", "3600")
	fmt.Println(resp.Err())
	// Output: the shop is closed
}

// Status is that of a success; failures are errors that the handler returns.
func ExampleHandler_Status() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).Status(http.StatusCreated))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output: 201 {"id":7,"product":"tea"}
}

// A Resp with tags is the whole answer, and Build knows its parts.
func ExampleHandler_outputPlan() {
	type Page struct {
		Total   int          `header:"X-Total"`
		Next    string       `header:"Link"` // left out while it is empty
		Visited *http.Cookie `cookie:"visited"`
		Orders  []Order      `body:"json"`
	}
	app := quiet()
	app.Handle("GET /orders", weft.Handle(func(context.Context, struct{}) (Page, error) {
		return Page{Total: 1, Orders: []Order{{7, "tea"}}}, nil
	}))
	w := send(app, "GET", "/orders", "")
	fmt.Println(w.Code, w.Header(), w.Body)
	plan, err := app.Plan()
	fmt.Println(plan.Routes[0].Writes, err)
	// Output:
	// 200 map[Content-Type:[application/json] X-Total:[1]] [{"id":7,"product":"tea"}]
	// [header X-Total: integer header Link: text cookie visited: text body: []weft_test.Order as JSON] <nil>
}
