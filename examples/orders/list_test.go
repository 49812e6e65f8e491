package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// list is the first page of the orders of acme that a filter lets through.
func list(t *testing.T, s *store, f Filter) []Order {
	t.Helper()
	page, err := s.list(t.Context(), acme, f, Paging{Limit: 100})
	require.NoError(t, err)
	require.True(t, page.Next.IsZero())
	return page.Orders
}

func TestAFilterLetsOrdersThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // orders are made at times that are known
		s := newStore(t, "")
		noon := time.Now().UTC()
		for _, order := range []struct {
			customer string
			item     Item
			status   Status
		}{
			{"Ada", tea, Open},       // 9.00 at noon
			{"Bob", cake, Shipped},   // 3.95 an hour later
			{"Ada", cake, Cancelled}, // 3.95 two hours later
		} {
			added := add(t, s, Draft{Customer: order.customer, Items: []Item{order.item, fork}})
			_, err := s.change(t.Context(), acme, added.ID, func(o *Order) error {
				o.Status = order.status
				return nil
			})
			require.NoError(t, err)
			time.Sleep(time.Hour)
		}
		for _, row := range []struct {
			name   string
			filter Filter
			want   []int64
		}{
			{"no filter lets all through, the newest first", Filter{}, []int64{3, 2, 1}},
			{"a customer", Filter{Customer: "Ada"}, []int64{3, 1}},
			{"a customer is not a pattern", Filter{Customer: "%"}, nil},
			{"a customer is not a query", Filter{Customer: "' OR true --"}, nil},
			{"a status", Filter{Status: []Status{Shipped}}, []int64{2}},
			{"some statuses", Filter{Status: []Status{Open, Cancelled}}, []int64{3, 1}},
			{"since a time, which is included", Filter{Since: noon.Add(time.Hour)}, []int64{3, 2}},
			{"until a time, which is not", Filter{Until: noon.Add(time.Hour)}, []int64{1}},
			{"between times", Filter{Since: noon.Add(time.Minute), Until: noon.Add(2 * time.Hour)}, []int64{2}},
			{"in another zone", Filter{Since: noon.Add(time.Hour).In(time.FixedZone("east", 60*60))}, []int64{3, 2}},
			{"no time at all", Filter{Since: noon.Add(time.Hour), Until: noon}, nil},
			{"at least a total", Filter{MinTotal: 395}, []int64{3, 2, 1}},
			{"more than most totals", Filter{MinTotal: 396}, []int64{1}},
			{"everything at once", Filter{"Ada", []Status{Open, Shipped}, noon, noon.Add(time.Minute), 900}, []int64{1}},
		} {
			var ids []int64
			for _, order := range list(t, s, row.filter) {
				ids = append(ids, order.ID)
			}
			assert.Equal(t, row.want, ids, row.name)
		}
	})
}

// TestPagesHoldEveryOrderOnce walks through pages while the list changes. All
// orders are of the same millisecond, so that only their ids tell them apart.
func TestPagesHoldEveryOrderOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		meanwhile func(*testing.T, *store)
	}{
		{"nothing changes", func(*testing.T, *store) {}},
		{"orders are added", func(t *testing.T, s *store) {
			add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
			add(t, s, Draft{Customer: "Bob", Items: []Item{tea}})
		}},
		{"orders of the filter are added later", func(t *testing.T, s *store) {
			time.Sleep(time.Second)
			add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
		}},
		{"orders that were seen are deleted", func(t *testing.T, s *store) {
			newest := list(t, s, Filter{})[0]
			require.NoError(t, s.delete(t.Context(), acme, newest.ID))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStore(t, "")
				var want []int64
				for range 7 {
					want = append([]int64{add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}}).ID}, want...)
					add(t, s, Draft{Customer: "Bob", Items: []Item{tea}})
				}

				var seen []int64
				for paging := (Paging{Limit: 3}); ; row.meanwhile(t, s) {
					page, err := s.list(t.Context(), acme, Filter{Customer: "Ada"}, paging)
					require.NoError(t, err)
					for _, order := range page.Orders {
						seen = append(seen, order.ID)
					}
					if paging.Cursor = page.Next; page.Next.IsZero() {
						break
					}
					require.Len(t, page.Orders, 3, "only the last page is shorter")
				}
				assert.Equal(t, want, seen)
			})
		})
	}
}

func TestAFullLastPageHasNoNext(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}})
	add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}})

	page, err := s.list(t.Context(), acme, Filter{}, Paging{Limit: 2})
	require.NoError(t, err)
	assert.Len(t, page.Orders, 2, "a limit counts orders, not items")
	assert.True(t, page.Next.IsZero())

	page, err = s.list(t.Context(), acme, Filter{Customer: "Eve"}, Paging{Limit: 2})
	require.NoError(t, err)
	assert.Empty(t, page.Orders)
	assert.True(t, page.Next.IsZero())
}
