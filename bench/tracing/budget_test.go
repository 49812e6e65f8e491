//go:build !race

package tracing_test

import (
	"testing"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/tracing"
)

// Tracing that is off is no tracing, to the allocation.
func TestTracingThatIsOffAllocatesNothing(t *testing.T) {
	sides := tracing.Contenders()
	without := sidebyside.Allocations(tracing.Call(), sides[tracing.Untraced].Handler)
	if off := sidebyside.Allocations(tracing.Call(), sides[tracing.Off].Handler); off != without {
		t.Errorf("%v allocations, and %v without", off, without)
	}
}

// A span of the request takes no more allocations than one of otelhttp.
func TestASpanAllocatesNoMoreThanOneOfOtelhttp(t *testing.T) {
	sides := tracing.Contenders()
	for ours, theirs := range map[int]int{tracing.Sampled: tracing.SampledOTel, tracing.Unsampled: tracing.UnsampledOTel} {
		weft, otelhttp := sidebyside.Allocations(tracing.Call(), sides[ours].Handler), sidebyside.Allocations(tracing.Call(), sides[theirs].Handler)
		t.Logf("%s: %v allocations, %s: %v", sides[ours].Name, weft, sides[theirs].Name, otelhttp)
		if weft > otelhttp {
			t.Errorf("%s: %v allocations, and %v of otelhttp", sides[ours].Name, weft, otelhttp)
		}
	}
}
