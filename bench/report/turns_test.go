package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func less(a, b int) bool { return a < b }

func TestTheBestCalmTurnCounts(t *testing.T) {
	var o outcome[int]
	for i, step := range []struct {
		found     int
		calm      bool
		best      int
		bestsCalm bool
	}{{9, false, 9, false}, {8, false, 8, false}, {12, true, 12, true}, {1, false, 12, true}, {11, true, 11, true}, {13, true, 11, true}} {
		if o.add(step.found, step.calm, less); o.best != step.best || o.calm != step.bestsCalm {
			t.Errorf("after %d: %+v", i, o)
		}
	}
}

func TestAPaceIsCalmNearTheFastest(t *testing.T) {
	var p paces
	for i, step := range []struct {
		pace float64
		calm bool
	}{{200, true}, {230, true}, {100, true}, {110, true}, {119, true}, {121, false}, {200, false}} {
		if got := p.calm(step.pace); got != step.calm {
			t.Errorf("%d, a pace of %v: %v", i, step.pace, got)
		}
	}
	if p.turns != 7 || p.disturbed != 2 {
		t.Errorf("%+v", p)
	}
}

func TestDisturbedTurnsAreTakenAgainWhileThereIsPatience(t *testing.T) {
	calmFrom := []int{0, 0, 4} // the turn from which on each is calm
	taken := make([]int, 3)
	take := func(player int) (int, bool, error) {
		time.Sleep(time.Millisecond)
		taken[player]++
		return taken[player], taken[player] > calmFrom[player], nil
	}
	all, err := takeTurns(t.Context(), 3, 2, &patience{each: time.Hour}, less, take)
	if err != nil || !slices.Equal(taken, []int{2, 2, 5}) || all[2] != (outcome[int]{5, true, true}) || all[0].best != 1 {
		t.Errorf("%v turns, %+v, %v", taken, all, err)
	}

	calmFrom, taken = []int{0, 0, 1 << 30}, make([]int, 3)
	p := &patience{each: 20 * time.Millisecond}
	if all, err = takeTurns(t.Context(), 3, 2, p, less, take); err != nil || all[2].calm || all[2].best != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if taken[0] != 2 || taken[2] < 4 || p.left > 0 || p.spent < 20*time.Millisecond {
		t.Errorf("%v turns, %+v", taken, p)
	}
}

func TestPatienceThatIsNotNeededIsKept(t *testing.T) {
	p := &patience{each: time.Second}
	for range 3 {
		if _, err := takeTurns(t.Context(), 2, 1, p, less, func(int) (int, bool, error) { return 1, true, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if p.left != 3*time.Second || p.spent != 0 {
		t.Errorf("%+v", p)
	}
}

func TestTurnsEnd(t *testing.T) {
	broken := errors.New("broken")
	if _, err := takeTurns(t.Context(), 2, 1, &patience{}, less, func(int) (int, bool, error) { return 0, false, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if _, err := takeTurns(ctx, 2, 1, &patience{}, less, func(int) (int, bool, error) { return 0, true, nil }); !errors.Is(err, broken) {
		t.Error(err)
	}
}
