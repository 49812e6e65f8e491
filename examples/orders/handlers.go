package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/weft-go/weft"
)

// orders answers requests from a store.
type orders struct{ store *store }

func (o *orders) create(ctx context.Context, draft Draft) (weft.Response, error) {
	if err := draft.check(time.Now()); err != nil {
		return weft.Response{}, err
	}
	order, err := o.store.add(ctx, draft)
	if err != nil {
		return weft.Response{}, err
	}
	return weft.Created(fmt.Sprintf("%s/%d", ordersPath, order.ID), order), nil
}

// listing is a request for a page of the orders that a filter lets through.
type listing struct {
	Filter
	Paging
}

func (o *orders) list(ctx context.Context, in listing) (Page, error) {
	return o.store.list(ctx, in.Filter, in.Paging)
}

// named is a request for the one order that its path names.
type named struct {
	ID int64 `path:"id"`
}

func (o *orders) read(ctx context.Context, in named) (Order, error) {
	return o.store.get(ctx, in.ID)
}

type change struct {
	named
	Patch Patch `body:"json"`
}

func (o *orders) patch(ctx context.Context, in change) (Order, error) {
	if err := in.Patch.check(); err != nil {
		return Order{}, err
	}
	return o.store.change(ctx, in.ID, in.Patch.apply)
}

func (o *orders) delete(ctx context.Context, in named) (struct{}, error) {
	return struct{}{}, o.store.delete(ctx, in.ID)
}

// notFound is the public face of errNotFound. An error of the store without one
// stays private, and so becomes a 500.
func notFound(_ *weft.Request, err error) weft.Response {
	return weft.Fail(&weft.Error{
		Status: http.StatusNotFound,
		Code:   "order_not_found",
		Detail: "There is no order with this id.",
		Cause:  err,
	})
}
