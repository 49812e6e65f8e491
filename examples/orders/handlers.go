package main

import (
	"context"
	"fmt"
	"time"

	"github.com/weft-go/weft"
)

// orders answers requests about the orders of a tenant. Where its store has a transaction of
// the request's, Build finds out that there is one orders for each request.
type orders struct{ store orderStore }

func newOrders(store orderStore) *orders { return &orders{store} }

// orderStore is what orders needs of whatever keeps them. A test has one of its own.
type orderStore interface {
	add(ctx context.Context, tenant Tenant, d Draft) (Order, error)
	get(ctx context.Context, tenant Tenant, id int64) (Order, error)
	list(ctx context.Context, tenant Tenant, filter Filter, paging Paging) (Page, error)
	change(ctx context.Context, tenant Tenant, id int64, fn func(*Order) error) (Order, error)
	delete(ctx context.Context, tenant Tenant, id int64, may func(Order) error) error
}

// ofTenant is embedded by requests about the orders of a tenant. The tag value
// takes what a stage has found out: here sameTenant, which is behind the guards and so has passed.
type ofTenant struct {
	Tenant Tenant `value:""`
}

// creation is a draft and who sends it. The user is for the check mayOrder.
type creation struct {
	ofTenant
	User  User  `value:""`
	Draft Draft `body:"json"`
}

func (o *orders) create(ctx context.Context, in creation) (weft.Response, error) {
	if err := in.Draft.check(time.Now()); err != nil {
		return weft.Response{}, err
	}
	order, err := o.store.add(ctx, in.Tenant, in.Draft)
	if err != nil {
		return weft.Response{}, err
	}
	return weft.Created(fmt.Sprintf("%s/%d", ordersPath(in.Tenant), order.ID), order).WithHeader("ETag", order.ETag()), nil
}

// listing is a request for a page of the orders that a filter lets through.
type listing struct {
	ofTenant
	Filter
	Paging
}

func (o *orders) list(ctx context.Context, in listing) (Page, error) {
	return o.store.list(ctx, in.Tenant, in.Filter, in.Paging)
}

// named is a request for the one order that its path names.
type named struct {
	ofTenant
	ID int64 `path:"id"`
}

// read is answered with the order's ETag, and with a 304 to who has that already: weft sees that an Order has the method.
func (o *orders) read(ctx context.Context, in named) (Order, error) {
	return o.store.get(ctx, in.Tenant, in.ID)
}

// seen is embedded by requests that change an order. A client that says by If-Match what it has seen overwrites nothing else.
type seen struct {
	If weft.Preconditions
}

// check is asked within the transaction that changes the order, where nobody else can: a 412 where the client has seen another version.
func (s seen) check(order Order) error { return s.If.Check(order.ETag(), time.Time{}) }

// change is a patch and who sends it. The user is for the check mayChange.
type change struct {
	named
	seen
	User  User  `value:""`
	Patch Patch `body:"json"`
}

func (o *orders) patch(ctx context.Context, in change) (Order, error) {
	if err := in.Patch.check(); err != nil {
		return Order{}, err
	}
	return o.store.change(ctx, in.Tenant, in.ID, func(order *Order) error {
		if err := in.seen.check(*order); err != nil {
			return err
		}
		return in.Patch.apply(order)
	})
}

type deletion struct {
	named
	seen
}

func (o *orders) delete(ctx context.Context, in deletion) (struct{}, error) {
	return struct{}{}, o.store.delete(ctx, in.Tenant, in.ID, in.check)
}

type asker struct {
	User User `value:""`
}

// whoAmI tells clients whom their key belongs to, and so which tenant to ask for.
func whoAmI(_ context.Context, in asker) (User, error) { return in.User, nil }
