package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// calm tells turns in which the processor was as fast as it can be from those in which something slowed it down:
// another machine on the same host, a lower frequency, something else that runs.
type calm struct {
	fastest          float64 // of all paces until now, see [measure.Pace]
	turns, disturbed int
}

// most is how much slower than the fastest a pace may be. The frequency changes by some hundredths, and with it what all take; the other half of a processor by three quarters.
const most = 1.20

func (c *calm) is(pace float64) bool {
	if c.fastest == 0 || pace < c.fastest {
		c.fastest = pace
	}
	c.turns++
	if pace > most*c.fastest {
		c.disturbed++
		return false
	}
	return true
}

// patience is how long turns may be taken again because they were disturbed.
type patience struct {
	each        time.Duration // for each time that players take turns; what was not needed is kept
	left, spent time.Duration
}

// outcome is what counts of the turns of one player.
type outcome[T any] struct {
	best  T
	taken bool
	calm  bool
}

// add counts a turn. One that was calm is better than one that was not, whatever it found.
func (o *outcome[T]) add(found T, calm bool, better func(a, b T) bool) {
	if !o.taken || calm && !o.calm || calm == o.calm && better(found, o.best) {
		*o = outcome[T]{found, true, calm}
	}
}

// takeTurns lets the players take so many turns each, in a new order each time, and then, while there is patience,
// lets those take more that had no calm one yet.
func takeTurns[T any](ctx context.Context, players, turns int, patience *patience, better func(a, b T) bool, take func(player int) (T, bool, error)) ([]outcome[T], error) {
	patience.left += patience.each
	all := make([]outcome[T], players)
	for turn := 0; turn < turns || patience.left > 0 && slices.ContainsFunc(all, func(o outcome[T]) bool { return !o.calm }); turn++ {
		begun := time.Now()
		for _, player := range rand.Perm(players) {
			if turn >= turns && all[player].calm {
				continue
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			found, calm, err := take(player)
			if err != nil {
				return nil, err
			}
			all[player].add(found, calm, better)
		}
		if took := time.Since(begun); turn >= turns {
			patience.left -= took
			patience.spent += took
		}
	}
	return all, nil
}
