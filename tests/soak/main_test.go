// Package soak_test puts servers on real connections under load of every kind,
// well-behaved and not, and looks for what is lost, doubled or left behind.
package soak_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
