package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTheIntervalIsThatOfTheSignTest(t *testing.T) {
	// The ranks of every table of the sign test: of ten values the second and the ninth.
	for n, skip := range map[int]int{1: 0, 5: 0, 6: 0, 8: 0, 9: 1, 10: 1, 11: 1, 12: 2, 15: 3, 20: 5, 25: 7, 30: 9, 50: 17} {
		if got := skipped(n); got != skip {
			t.Errorf("of %d values %d are left out on either side, not %d", n, got, skip)
		}
	}
	got := Of([]float64{9, 1, 8, 2, 7, 3, 6, 4, 5, 10})
	if want := (Estimate{5.5, 2, 9}); got != want {
		t.Errorf("%v, not %v", got, want)
	}
	if odd := Median([]float64{3, 1, 2}); odd != 2 {
		t.Errorf("the middle of three is %v", odd)
	}
	if none := Of(nil); !math.IsNaN(none.Median) {
		t.Errorf("the median of nothing is %v", none.Median)
	}
}

func TestTheIntervalHoldsTheMedianIn95Of100Samples(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{10, 15, 40} {
		const runs = 20_000
		held := 0
		for range runs {
			values := make([]float64, n)
			for i := range values {
				values[i] = random.ExpFloat64() // as skewed as times are
			}
			if e := Of(values); e.Low <= math.Ln2 && math.Ln2 <= e.High {
				held++
			}
		}
		if share := float64(held) / runs; share < 0.948 || share > 0.985 {
			t.Errorf("of %d values: in %.3f", n, share)
		}
	}
}

func TestTheRatioOfMediansHoldsTheTrueOne(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const runs, n = 200, 20
	held := 0
	for range runs {
		a, b := make([]float64, n), make([]float64, n)
		for i := range a { // differences of which some are below zero
			a[i], b[i] = 30+20*random.NormFloat64(), 10+8*random.NormFloat64()
		}
		if e := RatioOfMedians(a, b); e.Low <= 3 && 3 <= e.High {
			held++
		}
	}
	if held < runs*90/100 {
		t.Errorf("in %d of %d runs", held, runs)
	}
	exact := RatioOfMedians([]float64{6, 6, 6}, []float64{2, 2, 2})
	if exact != (Estimate{3, 3, 3}) {
		t.Errorf("6 to 2 is %v", exact)
	}
	if none := RatioOfMedians(nil, nil); !math.IsNaN(none.Median) {
		t.Errorf("of nothing: %v", none)
	}
}

func TestTwoRunsAgree(t *testing.T) {
	a := make([]Figure, 20)
	for i := range a {
		a[i] = Figure{string(rune('a' + i)), Estimate{1, 0.95, 1.05}}
	}
	with := func(changed ...Figure) []Figure {
		b := append([]Figure(nil), a...)
		for i, f := range changed {
			f.Name = b[i].Name
			b[i] = f
		}
		return b
	}
	beside := Figure{"", Estimate{1.08, 1.06, 1.1}}
	for name, c := range map[string]struct {
		b  []Figure
		ok bool
	}{
		"the same":                              {a, true},
		"medians that are 9 % apart":            {with(Figure{"", Estimate{1.09, 1, 1.2}}), true},
		"one median that is 11 % apart":         {with(Figure{"", Estimate{1.11, 1, 1.2}}), false},
		"one that is 11 % less":                 {with(Figure{"", Estimate{0.89, 0.8, 1}}), false},
		"two of twenty intervals without touch": {with(beside, beside), true},
		"three of twenty":                       {with(beside, beside, beside), false},
		"one that is missing":                   {a[1:], false},
		"one that is no number":                 {with(Figure{"", Estimate{math.NaN(), math.NaN(), math.NaN()}}), false},
	} {
		if got := Compare(a, c.b); got.OK() != c.ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if extra := Compare(a[1:], a); extra.OK() || len(extra.Missing) != 1 {
		t.Errorf("one more in the second: %+v", extra)
	}
	if Compare(nil, nil).OK() {
		t.Error("nothing agrees with nothing")
	}
}

func TestQuantiles(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(i + 1)
	}
	for q, want := range map[float64]float64{0: 1, 0.01: 1, 0.5: 50, 0.99: 99, 0.999: 100, 1: 100} {
		if got := Quantile(values, q); got != want {
			t.Errorf("%v: %v, not %v", q, got, want)
		}
	}
}
