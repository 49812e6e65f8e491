package main

import (
	"context"
	"errors"
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
	order, err := o.store.get(ctx, in.ID)
	return order, public(err)
}

type change struct {
	named
	Patch Patch `body:"json"`
}

func (o *orders) patch(ctx context.Context, in change) (Order, error) {
	if err := in.Patch.check(); err != nil {
		return Order{}, err
	}
	order, err := o.store.change(ctx, in.ID, in.Patch.apply)
	return order, public(err)
}

func (o *orders) delete(ctx context.Context, in named) (struct{}, error) {
	return struct{}{}, public(o.store.delete(ctx, in.ID))
}

// public gives an error of the store that concerns the client a public face.
// Every other one stays private, and so becomes a 500.
func public(err error) error {
	if errors.Is(err, errNotFound) {
		return &weft.Error{
			Status: http.StatusNotFound,
			Code:   "order_not_found",
			Detail: "There is no order with this id.",
			Cause:  err,
		}
	}
	return err
}
