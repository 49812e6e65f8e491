// Package measure takes the time of one contender in a process of its own, as
// the process that leads several of them asks for it.
package measure

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/process"
)

// Turn asks for one workload, for about so long, and for so many calls of each goroutine at least, however long they take. It begins behind a
// collection of garbage, if one ends within the slice, and ends behind one, if one ends within three slices: each pays for all of its own, and for no other's.
type Turn struct {
	Workload string        `json:"workload"`
	Slice    time.Duration `json:"slice"`
	Least    int           `json:"least"`
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
	calls  []func() int // one for each goroutine
	each   time.Duration
	// allocations and bytes are those of a call while no garbage is collected, which would empty pools.
	allocations, bytes float64
}

func (s *stopwatch) take(turn Turn) (Taken, error) {
	b, err := s.ready(turn.Workload)
	if err != nil {
		return Taken{}, err
	}
	if _, _, err := b.runCycles(0, turn.Slice, 0); err != nil {
		return Taken{}, err // what the turn of another workload has left is collected, pools are filled again
	}
	before := Pace(len(b.calls))
	took, calls, err := b.runCycles(turn.Slice, 3*turn.Slice, max(1, turn.Least))
	if err != nil {
		return Taken{}, err
	}
	b.each = max(1, took/time.Duration(calls))
	return Taken{
		Nanoseconds: float64(took.Nanoseconds()) / float64(calls), Calls: calls,
		Allocations: b.allocations, Bytes: b.bytes,
		Pace: max(before, Pace(len(b.calls))),
	}, nil
}

// ready makes the application of a workload once, and finds out about how long a call takes.
func (s *stopwatch) ready(id string) (*bench, error) {
	if b := s.known[id]; b != nil {
		return b, nil
	}
	for i := range s.workloads {
		w := &s.workloads[i]
		if w.ID != id {
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
		s.known[id] = b
		return b, nil
	}
	return nil, fmt.Errorf("no workload is called %q", id)
}

// estimate doubles the calls until they take a millisecond. The first ones do not count: what is
// compiled or remembered with the first request may take much longer than the request.
func (b *bench) estimate() error {
	if _, err := b.run(len(b.calls)); err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for calls := len(b.calls); ; calls *= 2 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		took, err := b.run(calls)
		if err != nil {
			return err
		}
		runtime.ReadMemStats(&after)
		if took >= time.Millisecond {
			b.each = max(1, took/time.Duration(calls))
			b.allocations = float64(after.Mallocs-before.Mallocs) / float64(calls)
			b.bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(calls)
			return nil
		}
	}
}

// run makes so many calls, shared out evenly.
func (b *bench) run(calls int) (time.Duration, error) {
	each := calls / len(b.calls)
	took, _, err := b.together(func(call func() int, _ *atomic.Bool) (int, int) { return repeat(call, each), each })
	return took, err
}

// often is about how long calls go on until it is looked whether they have been enough.
const often = 100 * time.Microsecond

// runCycles makes so many calls at least, until a collection of garbage has ended, neither before shortest nor after longest.
func (b *bench) runCycles(shortest, longest time.Duration, least int) (took time.Duration, calls int, err error) {
	some := max(1, int(often/b.each)/len(b.calls))
	return b.together(func(call func() int, enough *atomic.Bool) (status, calls int) {
		begun, cycles := time.Now(), collected(0)
		for {
			status = repeat(call, some)
			calls += some
			took := time.Since(begun)
			if took >= shortest && calls >= least && (cycles.end() || took > longest) {
				enough.Store(true)
			}
			if enough.Load() {
				return status, calls
			}
		}
	})
}

// together lets goroutines make calls as do says, and tells how many that were. The first one to have enough ends all.
func (b *bench) together(do func(call func() int, enough *atomic.Bool) (status, calls int)) (took time.Duration, calls int, err error) {
	var enough atomic.Bool
	statuses, counts := make([]int, len(b.calls)), make([]int, len(b.calls))
	begun := time.Now()
	if len(b.calls) == 1 {
		statuses[0], counts[0] = do(b.calls[0], &enough)
	} else {
		var all sync.WaitGroup
		for i, call := range b.calls {
			all.Go(func() { statuses[i], counts[i] = do(call, &enough) })
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

// collected is how many collections of garbage there had been when it was last asked, 0 for never asked.
type collected uint64

// end reports whether one has ended since it was last asked.
func (c *collected) end() bool {
	var now [1]metrics.Sample
	now[0].Name = "/gc/cycles/total:gc-cycles"
	metrics.Read(now[:])
	before, count := *c, collected(now[0].Value.Uint64())
	*c = count
	return before != 0 && count > before
}

func (b *bench) right(status int) error {
	if status != b.status {
		return fmt.Errorf("the last answer was %d, not %d", status, b.status)
	}
	return nil
}
