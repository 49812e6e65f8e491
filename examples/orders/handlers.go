package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/weft-go/weft"
)

const (
	defaultPage = 20
	maxPage     = 100
)

// Page is a part of all orders.
type Page struct {
	Orders []Order `json:"orders"`
}

// orders answers requests from a store.
type orders struct{ store *store }

func (o *orders) create(ctx context.Context, draft Draft) (weft.Response, error) {
	if err := draft.check(); err != nil {
		return weft.Response{}, err
	}
	order, err := o.store.add(ctx, draft)
	if err != nil {
		return weft.Response{}, err
	}
	return weft.Created(fmt.Sprintf("%s/%d", ordersPath, order.ID), order), nil
}

func (o *orders) list(ctx context.Context, r *weft.Request) (Page, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return Page{}, err
	}
	found, err := o.store.list(ctx, limit)
	return Page{found}, err
}

func (o *orders) read(ctx context.Context, r *weft.Request) (Order, error) {
	id, err := orderID(r)
	if err != nil {
		return Order{}, err
	}
	order, err := o.store.get(ctx, id)
	return order, public(err)
}

func (o *orders) delete(ctx context.Context, r *weft.Request) (struct{}, error) {
	id, err := orderID(r)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, public(o.store.delete(ctx, id))
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

func orderID(r *weft.Request) (int64, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 63) // unsigned, so that "+1" is no second name of 1
	if err != nil {
		return 0, &weft.Error{
			Status: http.StatusBadRequest,
			Code:   "invalid_order_id",
			Detail: "The id of an order is a whole number.",
			Cause:  err,
		}
	}
	return int64(id), nil
}

func pageLimit(r *weft.Request) (int, error) {
	values := r.Query()["limit"]
	if len(values) == 0 {
		return defaultPage, nil
	}
	limit, err := strconv.Atoi(values[0])
	if err != nil || len(values) > 1 || limit < 1 || limit > maxPage {
		return 0, &weft.Error{
			Status: http.StatusBadRequest,
			Code:   "invalid_limit",
			Detail: fmt.Sprintf("The limit is one whole number from 1 to %d.", maxPage),
			Cause:  err,
		}
	}
	return limit, nil
}
