package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// The rules that tags express are checked over HTTP, in api_test.go.
func TestADraftIsChecked(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC)
	for _, row := range []struct {
		name          string
		draft         Draft
		code, pointer string // "" where nothing is wrong
	}{
		{"one item is enough", Draft{Customer: "Ada", Items: []Item{tea}}, "", ""},
		{"an order may be due today", Draft{Customer: "Ada", Items: []Item{tea}, Due: date(t, "2026-11-21")}, "", ""},

		{"spaces are no customer", Draft{Customer: " \t", Items: []Item{tea}}, "customer_blank", "/customer"},
		{"spaces are no SKU", Draft{Customer: "Ada", Items: []Item{tea, {SKU: " "}}}, "sku_blank", "/items/1/sku"},
		{"an order is not due yesterday", Draft{Customer: "Ada", Items: []Item{tea}, Due: date(t, "2026-11-20")}, "due_too_early", "/due"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := row.draft.check(now)
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
