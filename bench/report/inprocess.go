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

// inProcess measures in rounds. A round has a fresh copy of the program, and a fresh process of it for each contender, all of which wait while
// one takes its turn. The workloads come in a new order each round, and for each of
// them the contenders take turns in a new order each time, so that what is compared was measured within a
// fraction of a second. The fastest turn that was not disturbed counts; who had none takes more, and if none of a round was calm the fastest counts.
//
// A process has one processor, see [process.Program.StartOnOneProcessor]; there is another one, with all of them, for workloads that are parallel.
func inProcess(ctx context.Context, o *options, workloads []contest.Workload, entrants []contest.Contender) (*results.InProcess, error) {
	found := &results.InProcess{Machine: machine(), Rounds: o.rounds, Turns: 3, Strictness: map[string][]int{}}
	if o.quick {
		found.Turns = 1
	}
	for i := range entrants {
		statuses, err := contest.Strictness(&entrants[i], contest.Probes())
		if err != nil {
			return nil, err
		}
		found.Strictness[entrants[i].Slug] = statuses
	}
	turns := 0 // of a round
	for _, w := range workloads {
		turns += found.Turns * len(doing(&w, entrants))
	}
	rounds := o.warming() + o.rounds
	c := &course{
		bar:      newProgress("in process", rounds*turns, o.inProcess),
		patience: patience{each: o.patience(o.inProcess) / time.Duration(rounds*len(workloads))},
	}
	turn := measure.Turn{Slice: min(o.inProcess/time.Duration(rounds*turns)/2, longest)} // the rest is for what comes before
	err := c.eachRound(o, func(counts bool) error {
		into := found
		if !counts {
			into = &results.InProcess{Turns: found.Turns}
		}
		found.Slice = turn.Slice
		return c.round(ctx, into, turn, workloads, entrants)
	}, func(took, mayTake time.Duration) {
		if o.quick { // otherwise the same slice in each run: the longer it is the less of the memory is in the processor's caches
			turn.Slice = paced(turn.Slice, took, mayTake, turns)
		}
	})
	found.Disturbed = c.disturbed()
	return found, err
}

// doing are the contenders that do a workload.
func doing(w *contest.Workload, entrants []contest.Contender) (indices []int) {
	for i := range entrants {
		if w.Reason(&entrants[i]) == "" {
			indices = append(indices, i)
		}
	}
	return indices
}

// paced is the slice with which a round of so many turns, which took so long, takes as long as it may.
func paced(slice, took, mayTake time.Duration, turns int) time.Duration {
	next := slice + (mayTake-took)/time.Duration(turns)
	return min(max(next, slice/2, shortest), slice*2, longest)
}

// shortest and longest is a turn. While it lasts no garbage is collected, so its length is memory too.
const (
	shortest = 2 * time.Millisecond
	longest  = 50 * time.Millisecond
)

func (c *course) round(ctx context.Context, found *results.InProcess, turn measure.Turn, workloads []contest.Workload, entrants []contest.Contender) error {
	program, err := process.Copy()
	if err != nil {
		return err
	}
	defer program.Remove()
	started, err := startAll(program, entrants, slices.ContainsFunc(workloads, func(w contest.Workload) bool { return w.Parallel }))
	defer started.close()
	if err != nil {
		return err
	}
	faster := func(a, b measure.Taken) bool { return a.Nanoseconds < b.Nanoseconds }
	for _, at := range rand.Perm(len(workloads)) {
		w := &workloads[at]
		players, processes, paces := doing(w, entrants), started.one, &c.one
		if w.Parallel {
			processes, paces = started.all, &c.all
		}
		turn.Workload = w.ID
		best, err := takeTurns(ctx, len(players), found.Turns, &c.patience, faster, func(player int) (taken measure.Taken, undisturbed bool, err error) {
			if err := processes[players[player]].Ask(turn, &taken); err != nil {
				return taken, false, fmt.Errorf("%s, %s: %w", entrants[players[player]].Name, w.Title, err)
			}
			c.bar.step()
			return taken, paces.calm(taken.Pace), nil
		})
		if err != nil {
			return err
		}
		for i, o := range best {
			found.Add(w.ID, entrants[players[i]].Slug, o.calm, o.best.Nanoseconds, o.best.Allocations, o.best.Bytes)
		}
	}
	return nil
}

// crew is the processes of a round: those of one processor and those of all, if there are any; each in the order of the contenders.
type crew struct{ one, all []*process.Process }

func startAll(program *process.Program, entrants []contest.Contender, parallel bool) (crew, error) {
	var c crew
	for i := range entrants {
		p, err := program.StartOnOneProcessor(childMeasures, entrants[i].Slug)
		if err != nil {
			return c, err
		}
		c.one = append(c.one, p)
		if !parallel {
			continue
		}
		if p, err = program.Start(childMeasures, entrants[i].Slug); err != nil {
			return c, err
		}
		c.all = append(c.all, p)
	}
	return c, nil
}

func (c crew) close() {
	for _, p := range slices.Concat(c.one, c.all) {
		_ = p.Close()
	}
}
