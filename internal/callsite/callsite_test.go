package callsite

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCallerIsTheTest(t *testing.T) {
	helper := func() Site { return Caller() } // what a function of the package does
	assert.Equal(t, "callsite/callsite_test.go:11", helper().String())
}

func TestStringOfASite(t *testing.T) {
	assert.Equal(t, "unknown", Site{}.String())
	assert.Equal(t, "orders/main.go:7", Site{"/home/somebody/orders/main.go", 7}.String())
	assert.Equal(t, "orders/main.go:7", Site{"example.com/shop/orders@v1/orders/main.go", 7}.String())
}
