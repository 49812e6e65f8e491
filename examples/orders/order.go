package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

// Order is an order as the service keeps it.
type Order struct {
	ID       int64     `json:"id"`
	Customer string    `json:"customer"`
	Items    []Item    `json:"items"`
	Total    Money     `json:"total"`
	Status   Status    `json:"status"`
	Due      Date      `json:"due,omitzero"`
	Note     string    `json:"note,omitzero"`
	Created  time.Time `json:"created"` // UTC, to the millisecond
	Paid     time.Time `json:"paid,omitzero"`
	Version  int64     `json:"version"` // one more with each change
}

// ETag makes the answers with an order conditional: see [weft.Tagged]. Versions do not repeat, nor do the numbers of orders.
func (o Order) ETag() string { return fmt.Sprintf(`"v%d"`, o.Version) }

// Status is how far an order has come.
type Status string

// An order starts open. Where it ends, it stays.
const (
	Open      Status = "open"
	Shipped   Status = "shipped"
	Cancelled Status = "cancelled"
)

// Draft is an order as a customer sends it. The rules of its tags bound the
// total, too: it stays far below the end of an int64.
type Draft struct {
	Customer string `json:"customer" validate:"required,min=1,max=200"`
	Items    []Item `json:"items" validate:"required,min=1,max=100,dive"`
	Due      Date   `json:"due,omitzero"`
	Note     string `json:"note,omitzero" validate:"max=500"`
}

// Item is one line of an order. What is free has a price of "0.00": a price that
// is missing is more likely to be a mistake.
type Item struct {
	SKU       string `json:"sku" validate:"required,min=1,max=200"`
	Quantity  int64  `json:"quantity" validate:"required,min=1,max=10000"`
	UnitPrice Money  `json:"unit_price" validate:"required,min=0,max=1000000"`
}

func (i Item) price() Money { return Money(i.Quantity) * i.UnitPrice }

// total is what the order will cost.
func (d Draft) total() (total Money) {
	for _, item := range d.Items {
		total += item.price()
	}
	return total
}

// check finds what no tag can say, as a 422.
func (d Draft) check(now time.Time) error {
	if blank(d.Customer) {
		return unprocessable("customer_blank", "/customer", "A customer has a name.")
	}
	for i, item := range d.Items {
		if blank(item.SKU) {
			return unprocessable("sku_blank", fmt.Sprintf("/items/%d/sku", i), "An item has a SKU.")
		}
	}
	return checkDue(d.Due, now)
}

// checkDue refuses a date that was over when the order was made.
func checkDue(due Date, ordered time.Time) error {
	if !due.IsZero() && due.Before(dateOf(ordered)) {
		return unprocessable("due_too_early", "/due", "An order cannot be due before the day it is made, in UTC.")
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// unprocessable is a 422 for the value at a JSON pointer (RFC 6901).
func unprocessable(code, pointer, detail string) error {
	return &weft.Error{
		Status:     http.StatusUnprocessableEntity,
		Code:       code,
		Detail:     detail,
		Extensions: map[string]any{"pointer": pointer},
	}
}
