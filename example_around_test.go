package weft_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weft-go/weft"
)

// logged is an Around for every handler: its types are inferred where it is attached.
func logged[Req, Resp any](ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
	out, err := next(ctx, in)
	fmt.Printf("%T: %+v, %v\n", in, out, err)
	return out, err
}

func ExampleAround() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).Around(logged))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	show(app, "POST", "/orders", `{"product":"beer","quantity":1}`)
	// Output:
	// weft_test.PlaceOrder: {ID:7 Product:tea}, <nil>
	// 200 {"id":7,"product":"tea"}
	// weft_test.PlaceOrder: {ID:0 Product:}, the shop is closed
	// 500 {"title":"Internal Server Error","status":500,"code":"internal"}
}

// An Around of one handler's types changes what goes in and what comes out, or answers by itself.
func ExampleHandler_Around() {
	substitute := func(ctx context.Context, in PlaceOrder, next func(context.Context, PlaceOrder) (Order, error)) (Order, error) {
		if in.Product == "gold" {
			in.Product = "brass"
		}
		return next(ctx, in)
	}
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).Around(substitute, weft.Named("substitute")))
	show(app, "POST", "/orders", `{"product":"gold","quantity":1}`)
	// Output: 200 {"id":7,"product":"brass"}
}

// An Around is tested alone: it is a function, and so is its next.
func ExampleAround_alone() {
	placed := func(context.Context, PlaceOrder) (Order, error) { return Order{7, "tea"}, nil }
	out, err := logged(context.Background(), PlaceOrder{"tea", 1}, placed)
	fmt.Println(out, err)
	// Output:
	// weft_test.PlaceOrder: {ID:7 Product:tea}, <nil>
	// {7 tea} <nil>
}

// An AroundAny stands around handlers of every type: the price is that it sees values as any.
func ExampleAroundAny() {
	app := quiet()
	app.Around(func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
		out, err := next(ctx, in)
		fmt.Printf("%T\n", out)
		return out, err
	}, weft.Named("types"))
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output:
	// weft_test.Order
	// 200 {"id":7,"product":"tea"}
}

func ExampleApp_Around() {
	app := quiet()
	app.Around(explained, weft.Named("explained"))
	app.Catch(weft.OnIs(ErrShopClosed, func(_ *weft.Request, err error) weft.Response {
		fmt.Println(err)
		return weft.Text("Come back at nine.")
	}))
	app.Handle("POST /orders", weft.Handle(placeOrder).Named("place order"))
	show(app, "POST", "/orders", `{"product":"beer","quantity":1}`)
	// Output:
	// place order: the shop is closed
	// 200 Come back at nine.
}

func ExampleGroup_Around() {
	app := quiet()
	app.Handle("GET /healthz", weft.Health())
	shop := app.Group("/shop")
	shop.Around(explained)
	shop.Handle("POST /orders", weft.Handle(placeOrder))
	plan, err := app.Plan()
	for _, route := range plan.Routes {
		fmt.Println(route.Pattern, slices.ContainsFunc(route.Stages, func(s weft.StageInfo) bool { return s.Kind == weft.KindAround }))
	}
	fmt.Println(err)
	// Output:
	// GET /healthz false
	// POST /shop/orders true
	// <nil>
}

// explained says of an error which handler it was.
func explained(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
	out, err := next(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", weft.RouteOf(ctx).Name(), err)
	}
	return out, nil
}

// Envelope is what every answer of this API is wrapped in.
type Envelope[T any] struct {
	Data    T      `json:"data"`
	Version string `json:"version"`
}

// inEnvelope is a stage that changes types: a generic function over a handler.
func inEnvelope[Req, Resp any](h *weft.Handler[Req, Resp]) *weft.Handler[Req, Envelope[Resp]] {
	return weft.Adapt(h, func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Envelope[Resp], error) {
		out, err := next(ctx, in)
		return Envelope[Resp]{out, "v1"}, err
	})
}

func ExampleAdapt() {
	app := quiet()
	app.Handle("POST /orders", inEnvelope(weft.Handle(placeOrder)))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output: 200 {"data":{"id":7,"product":"tea"},"version":"v1"}
}

// A stage that adds several declarations is a function over a handler, too.
func ExampleHandler_stage() {
	app := quiet()
	app.Handle("POST /orders", forManagers(weft.Handle(placeOrder)))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`, asBob)
	// Output: 403 {"title":"Forbidden","status":403,"code":"forbidden","detail":"Your role does not allow this."}
}

func forManagers[Req, Resp any](h *weft.Handler[Req, Resp]) *weft.Handler[Req, Resp] {
	return h.Guard(logIn, hasRole("manager")).Around(logged)
}

// Func is the handler with its rules, checks and arounds, and without a transport.
func ExampleFunc() {
	place, err := weft.Func(context.Background(), weft.Handle(placeOrder).Around(logged))
	fmt.Println(err)

	_, err = place(context.Background(), PlaceOrder{"tea", 1})
	fmt.Println(err)
	_, err = place(context.Background(), PlaceOrder{"tea", 0})
	fmt.Println(err)
	_, err = place(context.Background(), PlaceOrder{"gold", 1})
	var sold *OutOfStock
	fmt.Println(errors.As(err, &sold)) // the original error: nothing is mapped
	// Output:
	// <nil>
	// weft_test.PlaceOrder: {ID:7 Product:tea}, <nil>
	// <nil>
	// 422 invalid request: body /quantity: min
	// weft_test.PlaceOrder: {ID:0 Product:}, placing the order: out of stock: gold
	// true
}

func ExampleMustFunc() {
	place := weft.MustFunc(context.Background(), weft.Handle(placeOrder)) // for lambda.Start(place), or a test
	fmt.Println(place(context.Background(), PlaceOrder{"tea", 1}))
	// Output: {7 tea} <nil>
}

// A handler with guards is refused: there is no request that they could be asked about.
func ExampleHandlerOnly() {
	guarded := weft.Handle(placeOrder).Guard(logIn)
	_, err := weft.Func(context.Background(), guarded)
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), mistake.Problem)

	place, err := weft.Func(context.Background(), guarded, weft.HandlerOnly())
	fmt.Println(err)
	fmt.Println(place(context.Background(), PlaceOrder{"tea", 1}))
	// Output:
	// true the handler of Func has guards, middleware or interceptors, which need a request
	// <nil>
	// {7 tea} <nil>
}
