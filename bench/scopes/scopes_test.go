package scopes_test

import (
	"fmt"
	"testing"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/scopes"
)

func TestAllSidesGiveTheSameAnswer(t *testing.T) {
	for _, n := range scopes.Counts {
		if err := sidebyside.Same(scopes.Call(), scopes.Contenders(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkScopes(b *testing.B) {
	for _, side := range scopes.Sides {
		for _, n := range scopes.Counts {
			b.Run(fmt.Sprintf("%s/%d", side.Name, n), func(b *testing.B) {
				sidebyside.Benchmark(b, scopes.Call(), side.With(n))
			})
		}
	}
}

// The budget of docs/design.md: beside the services themselves, one allocation.
func TestTheServicesOfARequestCostOneAllocation(t *testing.T) {
	for _, n := range scopes.Counts {
		by, ours := sidebyside.Allocations(scopes.Call(), scopes.ByHand(n)), sidebyside.Allocations(scopes.Call(), scopes.Typed(n))
		if ours > by+1 {
			t.Errorf("%d services: %v allocations, %v by hand", n, ours, by)
		}
	}
}

// What belongs to a request goes with it: the long form is command scopes.
func TestRequestsLeaveNothingBehind(t *testing.T) {
	for _, byScope := range []bool{false, true} {
		const goroutines = 16
		levels, err := scopes.Soak(20_000, goroutines, byScope)
		if err != nil {
			t.Fatal(err)
		}
		first, last := levels[1], levels[len(levels)-1]
		t.Logf("%+v", levels)
		if last.HeapKiB > first.HeapKiB+512 || last.Goroutines > first.Goroutines || last.Children > goroutines {
			t.Errorf("it was %+v, and is %+v", first, last)
		}
	}
}

func BenchmarkThousandServices(b *testing.B) {
	for b.Loop() {
		if _, _, err := scopes.Promote(); err != nil {
			b.Fatal(err)
		}
	}
}
