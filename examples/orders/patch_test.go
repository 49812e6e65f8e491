package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestAPatchIsApplied(t *testing.T) {
	t.Parallel()
	due, later := date(t, "2026-12-24"), date(t, "2026-12-31")
	of := func(status Status, due Date, note string) Order {
		return Order{ID: 1, Status: status, Due: due, Note: note, Created: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	}
	for _, row := range []struct {
		name  string
		from  Order
		patch Patch
		want  Order
		code  string // "" where nothing is wrong; otherwise the order stays as it was
	}{
		{"absent leaves everything", of(Open, due, "hot"), Patch{}, of(Open, due, "hot"), ""},
		{"null clears", of(Open, due, "hot"), Patch{Due: weft.Null[Date](), Note: weft.Null[string]()}, of(Open, Date{}, ""), ""},
		{"values replace", of(Open, due, "hot"), Patch{weft.Some(Shipped), weft.Some(later), weft.Some("cold")}, of(Shipped, later, "cold"), ""},
		{"a closed order takes a note", of(Shipped, due, ""), Patch{Note: weft.Some("hot")}, of(Shipped, due, "hot"), ""},
		{"a patch may come twice", of(Shipped, due, "hot"), Patch{weft.Some(Shipped), weft.Some(due), weft.Some("hot")}, of(Shipped, due, "hot"), ""},

		{"a shipped order is not cancelled", of(Shipped, due, ""), Patch{Status: weft.Some(Cancelled)}, Order{}, "order_closed"},
		{"a cancelled order is not opened", of(Cancelled, due, ""), Patch{Status: weft.Some(Open)}, Order{}, "order_closed"},
		{"a closed order keeps its date", of(Shipped, due, ""), Patch{Due: weft.Null[Date]()}, Order{}, "order_closed"},
		{"no order is due before it is made", of(Open, due, ""), Patch{Due: weft.Some(date(t, "2026-11-20")), Note: weft.Some("hot")}, Order{}, "due_too_early"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			order := row.from
			err := row.patch.apply(&order)
			if row.code == "" {
				require.NoError(t, err)
				assert.Equal(t, row.want, order)
				return
			}
			assert.Equal(t, row.from, order)
			if row.code == "order_closed" { // an error of the domain; errors.go makes a problem of it
				var closed *OrderClosed
				require.ErrorAs(t, err, &closed)
				assert.Equal(t, row.from.Status, closed.Status)
				return
			}
			var problem *weft.Error
			require.ErrorAs(t, err, &problem)
			assert.Equal(t, row.code, problem.Code)
		})
	}
}
