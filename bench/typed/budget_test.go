//go:build !race

package typed_test

import (
	"testing"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/typed"
)

// The budgets over the best that is written by hand: two allocations for a GET,
// one for a POST. They are exact, but for the race detector, whose pools forget.
func TestTypedHandlersKeepTheirAllocationBudgets(t *testing.T) {
	contenders := typed.Contenders()
	best, weft := contenders[0].Handler, contenders[len(contenders)-1].Handler
	budgets := map[string]float64{"GET": 2, "POST": 1}
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			more := sidebyside.Allocations(c.call(), weft) - sidebyside.Allocations(c.call(), best)
			t.Logf("%v more", more)
			if more > budgets[c.name] {
				t.Errorf("%v allocations more than by hand, and %v are allowed", more, budgets[c.name])
			}
		})
	}
}
