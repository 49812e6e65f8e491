package measure

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Pace is how long so many processors take, at once, for a fixed piece of work just now, in nanoseconds; some 20,000.
//
// It is the same for everybody, so what makes it longer is not what is measured: another virtual
// machine on the other half of the processor, a lower frequency, something else that runs.
func Pace(processors int) float64 {
	if processors == 1 {
		return pace()
	}
	all := make([]float64, processors)
	var done sync.WaitGroup
	for i := range all {
		done.Go(func() { all[i] = pace() })
	}
	done.Wait()
	return slices.Max(all)
}

// pace is the median of five, because an interrupt is no reason to call the processor slow.
func pace() float64 {
	var took [5]time.Duration
	for i := range took {
		begun := time.Now()
		work()
		took[i] = time.Since(begun)
	}
	slices.Sort(took[:])
	return float64(took[len(took)/2].Nanoseconds())
}

// work keeps busy, at every moment, what the two halves of a processor share.
func work() {
	var a, b, c, d uint64
	for i := range uint64(40_000) {
		a += i
		b ^= i << 1
		c += i ^ 0x55
		d ^= i + 3
	}
	worked.Store(a + b + c + d)
}

var worked atomic.Uint64 // so that the work is not left out as useless
