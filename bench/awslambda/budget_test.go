//go:build !race

package awslambda_test

import (
	"testing"

	"github.com/weft-go/weft/bench/awslambda"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// A message costs a request: no more allocations than decoding all of the event by hand, and a dozen for the record.
func TestBudgetOfAMessage(t *testing.T) {
	form := awslambda.Queue(-1)
	call, sides := sidebyside.NewCall("POST", "/", ""), form.Contenders()
	own, plain := sidebyside.Allocations(call, sides[awslambda.WeftQueue].Handler), sidebyside.Allocations(call, sides[awslambda.PlainQueue].Handler)
	t.Logf("a batch of 10: %.0f allocations, %.0f by hand", own, plain)
	if own > plain {
		t.Errorf("a batch of 10: %.0f allocations, %.0f by hand", own, plain)
	}
}

// The allocations of an event are exact, and half of those behind aws-lambda-go-api-proxy at most.
func TestBudgetOfAnEvent(t *testing.T) {
	for _, form := range awslambda.Forms() {
		call, sides := sidebyside.NewCall("POST", "/", ""), form.Contenders()
		own, other := sidebyside.Allocations(call, sides[awslambda.Weft].Handler), sidebyside.Allocations(call, sides[awslambda.HandProxy].Handler)
		t.Logf("%s: %.0f allocations, %.0f behind aws-lambda-go-api-proxy", form.Name, own, other)
		if own > other/2 {
			t.Errorf("%s: %.0f allocations, and %.0f behind aws-lambda-go-api-proxy", form.Name, own, other)
		}
	}
}
