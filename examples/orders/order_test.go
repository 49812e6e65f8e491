package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestADraftIsChecked(t *testing.T) {
	t.Parallel()
	tea := Item{SKU: "tea", Quantity: 1, UnitPrice: 450}
	of := func(items ...Item) Draft { return Draft{Customer: "Ada", Items: items} }

	for _, row := range []struct {
		name          string
		draft         Draft
		code, pointer string // "" where nothing is wrong
	}{
		{"one item is enough", of(tea), "", ""},
		{"an item may be free", of(Item{SKU: "fork", Quantity: 1}), "", ""},
		{"the most of everything", Draft{
			strings.Repeat("ä", maxText),
			slices.Repeat([]Item{{strings.Repeat("ä", maxText), maxQuantity, maxUnitPrice}}, maxItems),
		}, "", ""},

		{"a customer is required", Draft{Items: []Item{tea}}, "customer_required", "/customer"},
		{"spaces are no customer", Draft{" \t", []Item{tea}}, "customer_required", "/customer"},
		{"a customer has a longest name", Draft{strings.Repeat("x", maxText+1), []Item{tea}}, "customer_too_long", "/customer"},
		{"an item is required", of(), "items_required", "/items"},
		{"there are not too many items", of(slices.Repeat([]Item{tea}, maxItems+1)...), "too_many_items", "/items"},
		{"a SKU is required", of(tea, Item{Quantity: 1}), "sku_required", "/items/1/sku"},
		{"a SKU has a longest name", of(Item{SKU: strings.Repeat("x", maxText+1), Quantity: 1}), "sku_too_long", "/items/0/sku"},
		{"a quantity is not zero", of(Item{SKU: "tea"}), "quantity_out_of_range", "/items/0/quantity"},
		{"a quantity is not negative", of(Item{SKU: "tea", Quantity: -1}), "quantity_out_of_range", "/items/0/quantity"},
		{"a quantity is not too much", of(Item{SKU: "tea", Quantity: maxQuantity + 1}), "quantity_out_of_range", "/items/0/quantity"},
		{"a price is not negative", of(Item{SKU: "tea", Quantity: 1, UnitPrice: -1}), "unit_price_out_of_range", "/items/0/unit_price_cents"},
		{"a price is not too much", of(Item{SKU: "tea", Quantity: 1, UnitPrice: maxUnitPrice + 1}), "unit_price_out_of_range", "/items/0/unit_price_cents"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := row.draft.check()
			if row.code == "" {
				require.NoError(t, err)
				return
			}
			var problem *weft.Error
			require.ErrorAs(t, err, &problem)
			assert.Equal(t, 422, problem.Status)
			assert.Equal(t, row.code, problem.Code)
			assert.Equal(t, row.pointer, problem.Extensions["pointer"])
		})
	}
}
