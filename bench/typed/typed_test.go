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
