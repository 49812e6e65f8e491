package typed_test

import (
	"testing"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/typed"
)

var calls = []struct {
	name string
	call func() *sidebyside.Call
}{{"POST", typed.Post}, {"GET", typed.Get}}

func TestAllServicesGiveTheSameAnswersAndRefusals(t *testing.T) {
	if err := typed.Compare(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkTyped(b *testing.B) {
	if err := typed.Compare(); err != nil {
		b.Fatal(err)
	}
	for _, c := range calls {
		for _, contender := range typed.Contenders() {
			b.Run(c.name+"/"+contender.Name, func(b *testing.B) {
				sidebyside.Benchmark(b, c.call(), contender.Handler)
			})
		}
	}
}

// The budgets of docs/design.md over the best that is written by hand, with
// pooled buffers: two allocations for a GET, the request's state and the body
// that the Response owns, and one for a POST.
func TestTypedHandlersKeepTheirAllocationBudgets(t *testing.T) {
	contenders := typed.Contenders()
	best, weft := contenders[0].Handler, contenders[len(contenders)-1].Handler
	budgets := map[string]float64{"GET": 2, "POST": 1}
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			more := sidebyside.Allocations(c.call(), weft) - sidebyside.Allocations(c.call(), best)
			if more > budgets[c.name] {
				t.Errorf("%v allocations more than by hand, and %v are allowed", more, budgets[c.name])
			}
		})
	}
}
