package tracing_test

import (
	"testing"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/tracing"
)

func TestAllSidesGiveTheSameAnswer(t *testing.T) {
	if err := sidebyside.Same(tracing.Call(), tracing.Contenders()); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkTracing(b *testing.B) {
	for _, side := range tracing.Contenders() {
		b.Run(side.Name, func(b *testing.B) { sidebyside.Benchmark(b, tracing.Call(), side.Handler) })
	}
}
