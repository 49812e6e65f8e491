package function_test

import (
	"testing"

	"github.com/weft-go/weft/bench/function"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

func TestAllSidesGiveTheSameAnswer(t *testing.T) {
	if err := sidebyside.Same(function.Call(), function.Contenders()); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkFunction(b *testing.B) {
	for _, side := range function.Contenders() {
		b.Run(side.Name, func(b *testing.B) { sidebyside.Benchmark(b, function.Call(), side.Handler) })
	}
}
