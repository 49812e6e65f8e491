// Package measure takes the time of one contender in a process of its own, as
// the process that leads several of them asks for it.
package measure

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/process"
)

// Turn asks for one workload, for about so long; some calls are made however long they take. It begins behind a collection of
// garbage, and none is collected until it ends: how much of one falls into some milliseconds is chance.
type Turn struct {
	Workload string        `json:"workload"`
	Slice    time.Duration `json:"slice"`
}

// Taken is what one turn took, for each request or start.
type Taken struct {
	Nanoseconds float64 `json:"ns"`
	Allocations float64 `json:"allocs"`
	Bytes       float64 `json:"bytes"`
	Calls       int     `json:"calls"`
	// Pace is the slower one of those before and after it.
	Pace float64 `json:"pace"`
}

// Serve answers turns from in on out, until in ends.
func Serve(c contest.Contender, in io.Reader, out io.Writer) error {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	s := &stopwatch{contender: c, workloads: contest.Workloads(), known: map[string]*bench{}}
	return process.Serve(in, out, s.take)
}

type stopwatch struct {
	contender contest.Contender
	workloads []contest.Workload
	known     map[string]*bench
}

// bench is a workload that is ready to run.
type bench struct {
	status int
	calls  []func() int  // one for each goroutine
	each   time.Duration // that a call takes, about
	// allocations and bytes are those of a call when pools are full.
	allocations, bytes float64
}

func (s *stopwatch) take(turn Turn) (Taken, error) {
	b, err := s.ready(turn)
	if err != nil {
		return Taken{}, err
	}
	runtime.GC()
	before := Pace(len(b.calls))
	took, calls, err := b.runFor(turn.Slice)
	if err != nil {
		return Taken{}, err
	}
	return Taken{
		Nanoseconds: float64(took.Nanoseconds()) / float64(calls), Calls: calls,
		Allocations: b.allocations, Bytes: b.bytes,
		Pace: max(before, Pace(len(b.calls))),
	}, nil
}

// ready makes the application of a workload once, and finds out about how long a call takes. A turn that does not count follows:
// memory that is used for the first time is that of the system, and slow.
func (s *stopwatch) ready(turn Turn) (*bench, error) {
	if b := s.known[turn.Workload]; b != nil {
		return b, nil
	}
	for i := range s.workloads {
		w := &s.workloads[i]
		if w.ID != turn.Workload {
			continue
		}
		if reason := w.Reason(&s.contender); reason != "" {
			return nil, fmt.Errorf("%s does not do %s: %s", s.contender.Name, w.Title, reason)
		}
		make := w.App(s.contender)
		b := &bench{status: w.Want.Status}
		switch app := make(); {
		case w.Starts:
			b.calls = []func() int{func() int { make(); return w.Want.Status }}
		case w.Parallel:
			for range runtime.GOMAXPROCS(0) {
				b.calls = append(b.calls, app.Caller(w.Request))
			}
		default:
			b.calls = []func() int{app.Caller(w.Request)}
		}
		if err := b.estimate(); err != nil {
			return nil, err
		}
		if _, _, err := b.runFor(turn.Slice); err != nil {
			return nil, err
		}
		s.known[turn.Workload] = b
		return b, nil
	}
	return nil, fmt.Errorf("no workload is called %q", turn.Workload)
}

// estimate doubles the calls until they take a millisecond. The first ones do not count: what is
// compiled or remembered with the first request may take much longer than the request. Nothing but the calls
// allocates between the two looks at the memory, as that of few calls would be seen.
func (b *bench) estimate() error {
	for _, call := range b.calls {
		if err := b.right(call()); err != nil {
			return err
		}
	}
	for calls := 1; ; calls *= 2 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		status := repeat(b.calls[0], calls)
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		if err := b.right(status); err != nil {
			return err
		}
		if took >= time.Millisecond {
			b.each = took / time.Duration(calls)
			b.allocations = float64(after.Mallocs-before.Mallocs) / float64(calls)
			b.bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(calls)
			return nil
		}
	}
}

// often is about how long calls go on until it is looked whether they have been enough.
const often = 100 * time.Microsecond

// runFor has each goroutine make calls for about so long. The first one to have enough ends all.
func (b *bench) runFor(slice time.Duration) (took time.Duration, calls int, err error) {
	some := int(often/max(1, b.each)) + 1
	var enough atomic.Bool
	run := func(call func() int) (status, calls int) {
		for begun := time.Now(); ; {
			status = repeat(call, some)
			calls += some
			if time.Since(begun) >= slice {
				enough.Store(true)
			}
			if enough.Load() {
				return status, calls
			}
		}
	}
	statuses, counts := make([]int, len(b.calls)), make([]int, len(b.calls))
	begun := time.Now()
	if len(b.calls) == 1 {
		statuses[0], counts[0] = run(b.calls[0])
	} else {
		var all sync.WaitGroup
		for i, call := range b.calls {
			all.Go(func() { statuses[i], counts[i] = run(call) })
		}
		all.Wait()
	}
	took = time.Since(begun)
	for i, status := range statuses {
		if err := b.right(status); err != nil {
			return 0, 0, err
		}
		calls += counts[i]
	}
	return took, calls, nil
}

// repeat makes so many calls, and returns the status of the last answer.
func repeat(call func() int, times int) (status int) {
	for range times {
		status = call()
	}
	return status
}

func (b *bench) right(status int) error {
	if status != b.status {
		return fmt.Errorf("the last answer was %d, not %d", status, b.status)
	}
	return nil
}
