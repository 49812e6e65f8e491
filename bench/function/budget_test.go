//go:build !race

package function_test

import (
	"testing"

	"github.com/weft-go/weft/bench/function"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// A function of weft makes three allocations more than a plain one, and four with 25 arounds: an around makes none. Tracing that is off is no tracing.
func TestAroundsOfAFunctionAllocateNothing(t *testing.T) {
	sides := function.Contenders()
	allocations := func(i, side int) float64 {
		return sidebyside.Allocations(function.Call(), sides[i*function.Sides+side].Handler)
	}
	plain := allocations(0, function.ByHand)
	for i, n := range function.Middleware {
		budget := plain + 3
		if n == 25 {
			budget++ // the marks of more than a dozen stages
		}
		untraced := allocations(i, function.Untraced)
		t.Logf("%d arounds: %v allocations, %v traced, %v by hand", n, untraced, allocations(i, function.On), allocations(i, function.ByHand))
		if untraced > budget {
			t.Errorf("%d arounds: %v allocations, and %v of aws-lambda-go alone", n, untraced, plain)
		}
		if off := allocations(i, function.Off); off != untraced {
			t.Errorf("%d arounds: %v allocations where tracing is off, and %v without", n, off, untraced)
		}
	}
}
