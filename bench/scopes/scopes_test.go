package scopes_test

import (
	"fmt"
	"testing"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/scopes"
)

func TestAllSidesGiveTheSameAnswer(t *testing.T) {
	if err := sidebyside.Same(scopes.Call(), scopes.Contenders()); err != nil {
		t.Fatal(err)
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
