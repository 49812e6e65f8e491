package weft_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/weft-go/weft"
)

// audited has before and after logic: what stands before next, and what stands behind it.
func audited[Req, Resp any](ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
	fmt.Printf("before %+v\n", in)
	out, err := next(ctx, in)
	fmt.Printf("after %+v\n", out)
	return out, err
}

// atMost has a parameter, and answers by itself where there are more: next is not called.
func atMost(most int) weft.Around[PlaceOrder, Order] {
	return func(ctx context.Context, in PlaceOrder, next func(context.Context, PlaceOrder) (Order, error)) (Order, error) {
		if in.Quantity > most {
			return Order{Product: "a voucher"}, nil
		}
		return next(ctx, in)
	}
}

// inStock has exception logic: it takes one error, and leaves all others as they are.
func inStock(ctx context.Context, in PlaceOrder, next func(context.Context, PlaceOrder) (Order, error)) (Order, error) {
	out, err := next(ctx, in)
	if _, is := errors.AsType[*OutOfStock](err); is {
		return Order{Product: "brass"}, nil
	}
	return out, err
}

func ExampleFunc_middleware() {
	h := weft.Handle(placeOrder).Around(audited).Around(atMost(9), weft.Named("at most 9")).Around(inStock)
	place := weft.MustFunc(context.Background(), h) // for lambda.Start(place)

	for _, in := range []PlaceOrder{{"tea", 1}, {"tea", 10}, {"gold", 1}} {
		_, err := place(context.Background(), in)
		fmt.Println(err)
	}
	// Output:
	// before {Product:tea Quantity:1}
	// after {ID:7 Product:tea}
	// <nil>
	// before {Product:tea Quantity:10}
	// after {ID:0 Product:a voucher}
	// <nil>
	// before {Product:gold Quantity:1}
	// after {ID:0 Product:brass}
	// <nil>
}

// doBefore is an Around of what is done before: it may change the request, and refuse it.
func doBefore[Req, Resp any](do func(context.Context, Req) (Req, error)) weft.Around[Req, Resp] {
	return func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (none Resp, err error) {
		if in, err = do(ctx, in); err != nil {
			return none, err
		}
		return next(ctx, in)
	}
}

// doAfter is an Around of what is done after, where it went well.
func doAfter[Req, Resp any](do func(context.Context, Resp) (Resp, error)) weft.Around[Req, Resp] {
	return func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
		out, err := next(ctx, in)
		if err != nil {
			return out, err
		}
		return do(ctx, out)
	}
}

// doOnError is an Around of what is done about errors of one kind.
func doOnError[E error, Req, Resp any](do func(context.Context, Req, E) (Resp, error)) weft.Around[Req, Resp] {
	return func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
		out, err := next(ctx, in)
		if failed, is := errors.AsType[E](err); is {
			return do(ctx, in, failed)
		}
		return out, err
	}
}

func ExampleAround_phases() {
	h := weft.Handle(placeOrder).
		Around(doBefore[PlaceOrder, Order](func(_ context.Context, in PlaceOrder) (PlaceOrder, error) {
			in.Quantity = max(in.Quantity, 1)
			return in, nil
		}), weft.Named("at least one")).
		Around(doAfter[PlaceOrder](func(_ context.Context, out Order) (Order, error) {
			out.ID += 1000
			return out, nil
		}), weft.Named("numbered")).
		Around(doOnError(func(_ context.Context, in PlaceOrder, e *OutOfStock) (Order, error) {
			return Order{Product: "brass, for " + e.Product}, nil
		}), weft.Named("in stock"))
	place := weft.MustFunc(context.Background(), h)
	fmt.Println(place(context.Background(), PlaceOrder{"tea", 1}))
	fmt.Println(place(context.Background(), PlaceOrder{"gold", 1}))
	// Output:
	// {1007 tea} <nil>
	// {1000 brass, for gold} <nil>
}

// batch is an envelope, and receipt what it is answered with.
type (
	batch   struct{ Detail PlaceOrder }
	receipt struct {
		Order   Order
		Success bool
	}
)

// unwrapped changes both types: further in there are orders alone.
func unwrapped(ctx context.Context, in batch, next func(context.Context, PlaceOrder) (Order, error)) (receipt, error) {
	out, err := next(ctx, in.Detail)
	return receipt{out, err == nil}, err
}

func ExampleFunc_envelope() {
	h := weft.Adapt(weft.Handle(placeOrder).Around(inStock), unwrapped).Around(audited)
	place := weft.MustFunc(context.Background(), h) // of type func(context.Context, batch) (receipt, error)
	_, err := place(context.Background(), batch{PlaceOrder{"tea", 1}})
	fmt.Println(err)
	// Output:
	// before {Detail:{Product:tea Quantity:1}}
	// after {Order:{ID:7 Product:tea} Success:true}
	// <nil>
}
