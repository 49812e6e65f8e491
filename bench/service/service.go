// Package service is what every contender serves: the types on the wire, and
// the work behind them, which is the same for all.
package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Limit is how many bytes of body are accepted.
const Limit = 1 << 20

// Order is the body of the typed POST: six fields, one of them a list. Its rules
// are written in the three languages that contenders speak: validate for
// go-playground/validator, binding for the same validator within gin, and the words of JSON Schema for huma.
type Order struct {
	Customer string `json:"customer" validate:"required,min=3" binding:"required,min=3" minLength:"3"`
	Email    string `json:"email" validate:"required,max=100" binding:"required,max=100" maxLength:"100"`
	Note     string `json:"note" validate:"max=200" binding:"max=200" required:"false" maxLength:"200"`
	Priority int    `json:"priority" validate:"gte=0,lte=9" binding:"gte=0,lte=9" required:"false" minimum:"0" maximum:"9"`
	Express  bool   `json:"express" required:"false"`
	Lines    []Line `json:"lines" validate:"required,min=1,dive" binding:"required,min=1,dive" minItems:"1"`
}

// Line is one item of an Order.
type Line struct {
	SKU      string `json:"sku" validate:"required,max=20" binding:"required,max=20" maxLength:"20"`
	Quantity int    `json:"quantity" validate:"min=1,max=99" binding:"min=1,max=99" minimum:"1" maximum:"99"`
}

// Receipt is the answer to an Order.
type Receipt struct {
	Tenant   string `json:"tenant"`
	DryRun   bool   `json:"dry_run"`
	Trace    string `json:"trace"`
	Customer string `json:"customer"`
	Items    int    `json:"items"`
	Lines    []Line `json:"lines"`
}

// Place is the work of the typed POST.
func Place(tenant string, dryRun bool, trace string, order *Order) Receipt {
	receipt := Receipt{Tenant: tenant, DryRun: dryRun, Trace: trace, Customer: order.Customer, Lines: order.Lines}
	for _, line := range order.Lines {
		receipt.Items += line.Quantity
	}
	return receipt
}

// Page is the answer to the typed GET: what it asked for.
type Page struct {
	Tenant string `json:"tenant"`
	Limit  int    `json:"limit"`
	Cursor string `json:"cursor"`
}

// Import is a body of about a mebibyte. Its entries have no rules, so that reading is measured and not validating.
type Import struct {
	Source  string  `json:"source" validate:"required" binding:"required"`
	Entries []Entry `json:"entries" validate:"required,min=1" binding:"required,min=1" minItems:"1"`
}

// Entry is one line of an Import.
type Entry struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Place    string `json:"place"`
}

// Imported is the answer to an Import.
type Imported struct {
	Source   string `json:"source"`
	Entries  int    `json:"entries"`
	Quantity int    `json:"quantity"`
}

// Take is the work of an Import.
func Take(in *Import) Imported {
	done := Imported{Source: in.Source, Entries: len(in.Entries)}
	for _, e := range in.Entries {
		done.Quantity += e.Quantity
	}
	return done
}

// Item is one element of the long list.
type Item struct {
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Price  float64  `json:"price"`
	Active bool     `json:"active"`
	Tags   []string `json:"tags"`
}

// ListLength is how many elements the long list has.
const ListLength = 10_000

// Items is the long list, made once; nobody may change it.
var Items = sync.OnceValue(func() []Item {
	items := make([]Item, ListLength)
	for i := range items {
		items[i] = Item{
			ID: i, Name: fmt.Sprintf("item number %d", i), Price: float64(i%1000) + 0.25, Active: i%3 == 0,
			Tags: []string{"tea", "cake"},
		}
	}
	return items
})

// OutOfStock is an error of the domain. It knows nothing of HTTP: contenders answer with a 409 that says so.
type OutOfStock struct{ SKU string }

func (e *OutOfStock) Error() string { return e.SKU + " is out of stock" }

// Stock is how many there are of something.
type Stock struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

// Reserve never finds anything in stock, and wraps the error as a store would.
func Reserve(_ context.Context, sku string) (Stock, error) {
	return Stock{}, fmt.Errorf("reserve: %w", &OutOfStock{sku})
}

// IsOutOfStock finds the error of the domain in another.
func IsOutOfStock(err error) (*OutOfStock, bool) { return errors.AsType[*OutOfStock](err) }

// KeyHeader, Key and Challenge are what the guarded route asks for.
const (
	KeyHeader = "X-Key"
	Key       = "letmein"
	Challenge = `Key realm="orders"`
)

// Report is the answer of the guarded route, which a denied request never gets.
type Report struct {
	ID string `json:"id"`
}

// Greeting is the body of the routes on which stages are counted, made once.
var Greeting = []byte(`{"text":"Hello"}`)
