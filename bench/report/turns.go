package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// course is what the rounds of a measurement have in common.
type course struct {
	bar      *progress
	patience patience
	one, all paces // of the turns that have one processor, and of those that have all
}

// eachRound lets do do the rounds, of which that of a machine that gets warm does not count, and tells next how long each took
// and how long those that are left may take, without what turns cost that were taken again.
func (c *course) eachRound(o *options, do func(counts bool) error, next func(took, mayTake time.Duration)) error {
	rounds := o.warming() + o.rounds
	for round := range rounds {
		begun, waited := time.Now(), c.patience.spent
		if err := do(round >= o.warming()); err != nil {
			return err
		}
		extra := c.patience.spent - waited
		c.bar.length += extra
		next(time.Since(begun)-extra, c.bar.left()/time.Duration(max(1, rounds-round-1)))
	}
	c.bar.end()
	return nil
}

// disturbed is the share of turns in which something slowed a processor down.
func (c *course) disturbed() float64 {
	return float64(c.one.disturbed+c.all.disturbed) / float64(max(1, c.one.turns+c.all.turns))
}

// paces tells turns in which the processor was as fast as it can be from those in which something slowed it down:
// another machine on the same host, a lower frequency, something else that runs.
type paces struct {
	fastest          float64 // of all until now, see [measure.Pace]
	turns, disturbed int
}

// most is how much slower than the fastest a pace may be. The frequency changes by some hundredths, and with it what all take; the other half of a processor by three quarters.
const most = 1.20

func (p *paces) calm(pace float64) bool {
	if p.fastest == 0 || pace < p.fastest {
		p.fastest = pace
	}
	p.turns++
	if pace > most*p.fastest {
		p.disturbed++
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
