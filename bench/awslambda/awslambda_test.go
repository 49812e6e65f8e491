package awslambda_test

import (
	"testing"

	"github.com/weft-go/weft/bench/awslambda"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

func TestAllAnswerTheSame(t *testing.T) {
	for _, form := range awslambda.Forms() {
		if err := form.Same(); err != nil {
			t.Error(err)
		}
	}
}

func TestAllSendTheSameMessagesAgain(t *testing.T) {
	for _, broken := range []int{-1, 0, 9} {
		if err := awslambda.Queue(broken).SameFailures(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkEvent(b *testing.B) {
	for _, form := range append(awslambda.Forms(), awslambda.Queue(-1)) {
		for _, side := range form.Contenders() {
			b.Run(form.Name+"/"+side.Name, func(b *testing.B) {
				sidebyside.Benchmark(b, sidebyside.NewCall("POST", "/", ""), side.Handler)
			})
		}
	}
}
