package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weft-go/weft"
)

// Order is an order as the service keeps it.
type Order struct {
	ID       int64     `json:"id"`
	Customer string    `json:"customer"`
	Items    []Item    `json:"items"`
	Total    int64     `json:"total_cents"`
	Created  time.Time `json:"created"` // UTC, to the millisecond
}

// Item is one line of an order. Money is in whole cents.
type Item struct {
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price_cents"`
}

// Draft is an order as a customer sends it.
type Draft struct {
	Customer string `json:"customer"`
	Items    []Item `json:"items"`
}

// The bounds of a draft. Together they keep a total far below the end of an int64.
const (
	maxItems     = 100
	maxQuantity  = 10_000
	maxUnitPrice = 100_000_000
	maxText      = 200 // characters of a name or SKU
)

// check returns the first thing that is wrong with a draft, as a 422.
func (d Draft) check() error {
	switch {
	case blank(d.Customer):
		return unprocessable("customer_required", "/customer", "An order needs a customer.")
	case tooLong(d.Customer):
		return unprocessable("customer_too_long", "/customer", fmt.Sprintf("A customer has at most %d characters.", maxText))
	case len(d.Items) == 0:
		return unprocessable("items_required", "/items", "An order needs at least one item.")
	case len(d.Items) > maxItems:
		return unprocessable("too_many_items", "/items", fmt.Sprintf("An order has at most %d items.", maxItems))
	}
	for i, item := range d.Items {
		if err := item.check(fmt.Sprintf("/items/%d", i)); err != nil {
			return err
		}
	}
	return nil
}

func (i Item) check(pointer string) error {
	switch {
	case blank(i.SKU):
		return unprocessable("sku_required", pointer+"/sku", "An item needs a SKU.")
	case tooLong(i.SKU):
		return unprocessable("sku_too_long", pointer+"/sku", fmt.Sprintf("A SKU has at most %d characters.", maxText))
	case i.Quantity < 1 || i.Quantity > maxQuantity:
		return unprocessable("quantity_out_of_range", pointer+"/quantity", fmt.Sprintf("A quantity is from 1 to %d.", maxQuantity))
	case i.UnitPrice < 0 || i.UnitPrice > maxUnitPrice:
		return unprocessable("unit_price_out_of_range", pointer+"/unit_price_cents", fmt.Sprintf("A unit price is from 0 to %d cents.", maxUnitPrice))
	}
	return nil
}

func (i Item) price() int64 { return i.Quantity * i.UnitPrice }

func blank(s string) bool   { return strings.TrimSpace(s) == "" }
func tooLong(s string) bool { return utf8.RuneCountInString(s) > maxText }

// unprocessable is a 422 for the value at a JSON pointer (RFC 6901).
func unprocessable(code, pointer, detail string) error {
	return &weft.Error{
		Status:     http.StatusUnprocessableEntity,
		Code:       code,
		Detail:     detail,
		Extensions: map[string]any{"pointer": pointer},
	}
}
