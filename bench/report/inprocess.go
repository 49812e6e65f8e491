package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/measure"
	"github.com/weft-go/weft/bench/internal/results"
)

// inProcess measures in rounds. A round has a fresh process for each contender, all of which wait while
// one takes its turn. The workloads come in a new order each round, and for each of
// them the contenders take turns in a new order each time, so that what is compared was measured within a
// fraction of a second. Of the turns of one round the fastest counts: whatever disturbs only adds.
func inProcess(ctx context.Context, o *options, workloads []contest.Workload, entrants []contest.Contender) (*results.InProcess, error) {
	found := &results.InProcess{Machine: machine(), Rounds: o.rounds, Turns: 3, Strictness: map[string][]int{}}
	if o.quick {
		found.Turns = 2
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
	bar := newProgress("in process", o.rounds*turns, o.inProcess)
	slice := o.inProcess / time.Duration(o.rounds*turns) * 2 / 3 // a first guess
	for round := range o.rounds {
		begun := time.Now()
		if err := oneRound(ctx, found, slice, workloads, entrants, bar); err != nil {
			return nil, err
		}
		found.Slice = slice
		if o.quick && slice <= shortest && found.Turns > 1 { // too busy a machine for both a second turn and a quick end
			found.Turns, turns = 1, turns/found.Turns
		}
		slice = paced(slice, time.Since(begun), bar.left()/time.Duration(max(1, o.rounds-round-1)), turns)
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

func oneRound(ctx context.Context, found *results.InProcess, slice time.Duration, workloads []contest.Workload, entrants []contest.Contender, bar *progress) error {
	processes := make([]*measure.Process, len(entrants))
	defer func() {
		for _, p := range processes {
			if p != nil {
				_ = p.Close()
			}
		}
	}()
	for i := range entrants {
		p, err := measure.Start(childMeasures, entrants[i].Slug)
		if err != nil {
			return err
		}
		processes[i] = p
	}
	for _, at := range rand.Perm(len(workloads)) {
		w := &workloads[at]
		fastest := make([]measure.Taken, len(entrants))
		for range found.Turns {
			for _, i := range rand.Perm(len(entrants)) {
				if w.Reason(&entrants[i]) != "" {
					continue
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				taken, err := processes[i].Take(measure.Turn{Workload: w.ID, Slice: slice})
				if err != nil {
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
