package weft_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// Code that has nothing but an injector gets the instances of the request's stages.
func ExampleRequest_Scope() {
	app := quietWith(shopServices())
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place).Use(weft.NewMiddleware("same", func(r *weft.Request, next weft.Next) weft.Response {
		orders := do.MustInvoke[*Orders](r.Scope())
		fmt.Println(orders.tx == do.MustInvoke[*Tx](r.Scope()))
		return next(r)
	})))
	show(app, "POST", "/orders", tea)
	// Output:
	// begin
	// true
	// commit
	// 200 {"id":7,"product":"tea"}
}

// Work that a request leaves starts when the request has ended well. It has services of its own.
func ExampleGo() {
	app := quietWith(shopServices())
	app.Handle("POST /orders", weft.Handle(func(ctx context.Context, in PlaceOrder) (Order, error) {
		err := weft.Go(ctx, "confirm", func(ctx context.Context) error {
			tx, err := do.Invoke[*Tx](weft.ScopeOf(ctx))
			if err != nil {
				return err
			}
			fmt.Println("confirming", in.Product)
			tx.sell = append(tx.sell, in.Product)
			return nil
		})
		if err != nil {
			return Order{}, err
		}
		return placeOrder(ctx, in)
	}))
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	w, hr := httptest.NewRecorder(), httptest.NewRequest("POST", "/orders", strings.NewReader(tea))
	hr.Header.Set("Content-Type", "application/json")
	srv.ServeHTTP(w, hr)
	fmt.Println(w.Code)
	fmt.Println(srv.Shutdown(context.Background())) // waits for it
	// Unordered output:
	// 200
	// begin
	// confirming tea
	// commit
	// <nil>
}

// Counter names what it is made of by its fields.
type Counter struct {
	Tx *Tx `do:""`
}

func (c *Counter) Count(context.Context, struct{}) (int, error) { return len(c.Tx.pool.sold), nil }

// A struct whose fields say what it is made of needs no constructor.
func ExampleFields() {
	c := shopServices()
	weft.Auto[*Counter](c, weft.Fields[*Counter]())
	app := quietWith(c)
	app.Handle("GET /count", weft.HandleFrom((*Counter).Count))
	show(app, "GET", "/count", "")
	// Output:
	// begin
	// commit
	// 200 0
}

// A provider of samber/do, as it is, of something that needs the request's transaction.
func ExampleFromDo() {
	c := shopServices()
	weft.Auto[*Counter](c, weft.FromDo(func(i do.Injector) (*Counter, error) {
		tx, err := do.Invoke[*Tx](i)
		return &Counter{tx}, err
	}, weft.Takes[*Tx]()))
	app := quietWith(c)
	app.Handle("GET /count", weft.HandleFrom((*Counter).Count))
	show(app, "GET", "/count", "")
	// Output:
	// begin
	// commit
	// 200 0
}
