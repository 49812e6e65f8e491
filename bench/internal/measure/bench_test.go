package measure

import (
	"sync/atomic"
	"testing"
	"time"
)

// One that begins when the others have had enough makes some calls too: a status that was never answered is no right one.
func TestEachGoroutineOfATurnMakesCalls(t *testing.T) {
	var made [8]atomic.Int64
	b := &bench{status: 200, each: time.Nanosecond}
	for i := range made {
		b.calls = append(b.calls, func() int { made[i].Add(1); return 200 })
	}
	for range 50 {
		for i := range made {
			made[i].Store(0)
		}
		_, calls, err := b.runFor(0)
		sum := int64(0)
		for i := range made {
			if made[i].Load() == 0 {
				t.Fatal("one has made none")
			}
			sum += made[i].Load()
		}
		if err != nil || sum != int64(calls) {
			t.Fatalf("%d calls were told of %d: %v", calls, sum, err)
		}
	}
}

func TestATurnIsAsLongAsItsSlice(t *testing.T) {
	b := &bench{status: 200, calls: []func() int{func() int { return 200 }}, each: time.Millisecond}
	if took, calls, err := b.runFor(20 * time.Millisecond); took < 20*time.Millisecond || calls == 0 || err != nil {
		t.Errorf("%d calls in %v: %v", calls, took, err)
	}
}

var kept *[64]byte

// A workload of a call that takes long is measured by that call alone.
func TestAllocationsAreThoseOfTheCalls(t *testing.T) {
	b := &bench{status: 200, calls: []func() int{func() int {
		kept = new([64]byte)
		for begun := time.Now(); time.Since(begun) < 2*time.Millisecond; {
		}
		return 200
	}}}
	fewest, least := 1e9, 1e9 // of some: what else is in the process may allocate too
	for range 5 {
		if err := b.estimate(); err != nil {
			t.Fatal(err)
		}
		fewest, least = min(fewest, b.allocations), min(least, b.bytes)
	}
	if fewest != 1 || least != 64 {
		t.Errorf("%v allocations of %v bytes", fewest, least)
	}
}
