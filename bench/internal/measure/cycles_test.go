package measure

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// litter is a call that leaves garbage: some megabytes in a millisecond.
func litter() int {
	garbage.Store(new([1 << 14]byte))
	return 200
}

var garbage atomic.Pointer[[1 << 14]byte]

func collections() uint32 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.NumGC
}

func TestATurnEndsBehindACollection(t *testing.T) {
	b := &bench{status: 200, calls: []func() int{litter}, each: 5 * time.Microsecond}
	before := collections()
	took, calls, err := b.runCycles(0, time.Minute, 0)
	if err != nil || calls == 0 || took >= time.Minute || collections() == before {
		t.Errorf("%d calls in %v, %d collections, %v", calls, took, collections()-before, err)
	}
	if took, _, err = b.runCycles(30*time.Millisecond, time.Minute, 0); err != nil || took < 30*time.Millisecond {
		t.Errorf("%v, not 30 ms or longer: %v", took, err)
	}
}

func TestATurnWithoutGarbageEndsAllTheSame(t *testing.T) {
	calls := 0
	b := &bench{status: 200, calls: []func() int{func() int { calls++; return 200 }}, each: time.Millisecond}
	if took, n, err := b.runCycles(0, 5*time.Millisecond, 0); err != nil || took <= 5*time.Millisecond || n != calls {
		t.Errorf("%d calls of %d in %v, %v", n, calls, took, err)
	}
	if _, n, err := b.runCycles(0, 0, 1000); err != nil || n < 1000 {
		t.Errorf("%d calls, not 1000 or more: %v", n, err)
	}
}

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
		_, calls, err := b.runCycles(0, 0, 0)
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
