// Package measure takes the time of one contender in a process of its own, as
// the process that leads several of them asks for it.
package measure

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/process"
)

// Turn asks for one workload, for about so long, and for so many calls at least, however long they take.
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
}

// Faster is the turn that took less; one without calls is none.
func (t Taken) Faster(other Taken) Taken {
	if t.Calls == 0 || other.Calls > 0 && other.Nanoseconds < t.Nanoseconds {
		return other
	}
	return t
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
	runtime.GC() // what other turns left is not this one's
	if b.each < turn.Slice {
		if _, err := b.run(b.fitting(turn.Slice/8, 1)); err != nil {
			return Taken{}, err // pools are filled again
		}
	}
	calls := b.fitting(turn.Slice, max(1, turn.Least))
	took, err := b.run(calls)
	if err != nil {
		return Taken{}, err
	}
	b.each = max(1, took/time.Duration(calls))
	return Taken{
		Nanoseconds: float64(took.Nanoseconds()) / float64(calls), Calls: calls,
		Allocations: b.allocations, Bytes: b.bytes,
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

// fitting is how many calls fit into a time, but no fewer than so many for each goroutine.
func (b *bench) fitting(slice time.Duration, least int) int {
	goroutines := len(b.calls)
	return max(least, int(slice/b.each)/goroutines) * goroutines
}

// run makes so many calls, shared out evenly.
func (b *bench) run(calls int) (time.Duration, error) {
	if len(b.calls) == 1 {
		call, status := b.calls[0], 0
		begun := time.Now()
		for range calls {
			status = call()
		}
		took := time.Since(begun)
		return took, b.right(status)
	}
	statuses := make([]int, len(b.calls))
	var all sync.WaitGroup
	begun := time.Now()
	for i, call := range b.calls {
		all.Go(func() {
			last := 0
			for range calls / len(b.calls) {
				last = call()
			}
			statuses[i] = last
		})
	}
	all.Wait()
	took := time.Since(begun)
	for _, status := range statuses {
		if err := b.right(status); err != nil {
			return 0, err
		}
	}
	return took, nil
}

func (b *bench) right(status int) error {
	if status != b.status {
		return fmt.Errorf("the last answer was %d, not %d", status, b.status)
	}
	return nil
}
