package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/measure"
	"github.com/weft-go/weft/bench/internal/process"
	"github.com/weft-go/weft/bench/internal/results"
)

// inProcess measures in rounds. A round has a fresh process for each contender, all of which wait while
// one takes its turn. The workloads come in a new order each round, and for each of
// them the contenders take turns in a new order each time, so that what is compared was measured within a
// fraction of a second. Of the turns of one round the fastest counts: whatever disturbs only adds.
//
// A process has one processor, see [process.StartOnOneProcessor], so whoever makes garbage pays for its collection;
// there is another one, with all of them, for workloads that are parallel.
func inProcess(ctx context.Context, o *options, workloads []contest.Workload, entrants []contest.Contender) (*results.InProcess, error) {
	found := &results.InProcess{Machine: machine(), Rounds: o.rounds, Turns: 3, Strictness: map[string][]int{}}
	least := 4 // of the calls of a turn, because garbage is collected in some and not in others
	if o.quick {
		found.Turns, least = 2, 1
	}
	for i := range entrants {
		statuses, err := contest.Strictness(&entrants[i], contest.Probes())
		if err != nil {
			return nil, err
		}
		found.Strictness[entrants[i].Slug] = statuses
	}
	turns := 0
	for _, w := range workloads {
		for i := range entrants {
			if w.Reason(&entrants[i]) == "" {
				turns += found.Turns
			}
		}
	}
	rounds := o.warming() + o.rounds
	bar := newProgress("in process", rounds*turns, o.inProcess)
	slice := o.inProcess / time.Duration(rounds*turns) * 2 / 3 // a first guess
	for round := range rounds {
		begun := time.Now()
		into := found
		if round < o.warming() {
			into = &results.InProcess{Turns: found.Turns} // which does not count: the machine gets warm
		}
		if err := oneRound(ctx, into, measure.Turn{Slice: slice, Least: least}, workloads, entrants, bar); err != nil {
			return nil, err
		}
		found.Slice = slice
		if o.quick && slice <= shortest && found.Turns > 1 { // too busy a machine for both a second turn and a quick end
			found.Turns, turns = 1, turns/found.Turns
		}
		slice = paced(slice, time.Since(begun), bar.left()/time.Duration(max(1, rounds-round-1)), turns)
	}
	bar.end()
	return found, nil
}

// paced is the slice with which a round of so many turns, which took so long, takes as long as it may.
func paced(slice, took, mayTake time.Duration, turns int) time.Duration {
	next := slice + (mayTake-took)/time.Duration(turns)
	return min(max(next, slice/2, shortest), slice*2, 200*time.Millisecond)
}

// shortest is how short a turn may become.
const shortest = 2 * time.Millisecond

func oneRound(ctx context.Context, found *results.InProcess, turn measure.Turn, workloads []contest.Workload, entrants []contest.Contender, bar *progress) error {
	started, err := startAll(entrants, slices.ContainsFunc(workloads, func(w contest.Workload) bool { return w.Parallel }))
	defer started.close()
	if err != nil {
		return err
	}
	for _, at := range rand.Perm(len(workloads)) {
		w := &workloads[at]
		turn.Workload = w.ID
		fastest := make([]measure.Taken, len(entrants))
		for range found.Turns {
			for _, i := range rand.Perm(len(entrants)) {
				if w.Reason(&entrants[i]) != "" {
					continue
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				var taken measure.Taken
				if err := started.of(w)[i].Ask(turn, &taken); err != nil {
					return fmt.Errorf("%s, %s: %w", entrants[i].Name, w.Title, err)
				}
				fastest[i] = fastest[i].Faster(taken)
				bar.step()
			}
		}
		for i, taken := range fastest {
			if taken.Calls > 0 {
				found.Add(w.ID, entrants[i].Slug, taken.Nanoseconds, taken.Allocations, taken.Bytes)
			}
		}
	}
	return nil
}

// crew is the processes of a round: those of one processor and those of all, if there are any; each in the order of the contenders.
type crew struct{ one, all []*process.Process }

func startAll(entrants []contest.Contender, parallel bool) (crew, error) {
	var c crew
	for i := range entrants {
		p, err := process.StartOnOneProcessor(childMeasures, entrants[i].Slug)
		if err != nil {
			return c, err
		}
		c.one = append(c.one, p)
		if !parallel {
			continue
		}
		if p, err = process.Start(childMeasures, entrants[i].Slug); err != nil {
			return c, err
		}
		c.all = append(c.all, p)
	}
	return c, nil
}

func (c crew) of(w *contest.Workload) []*process.Process {
	if w.Parallel {
		return c.all
	}
	return c.one
}

func (c crew) close() {
	for _, p := range slices.Concat(c.one, c.all) {
		_ = p.Close()
	}
}
