// Package stats says what many noisy measurements have in common, and whether
// two runs of them agree.
package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Estimate is a median, and an interval that holds the true one in 95 of 100 runs.
type Estimate struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Of is the Estimate of values that were measured independently of each other.
//
// The interval is that of the sign test: two order statistics, as narrow as
// they can be while at least 95 % of all samples of this size hold the median between them. It
// supposes nothing of how the values are distributed. Fewer than six values
// cannot say so much, and the interval is then from the least to the greatest.
func Of(values []float64) Estimate {
	if len(values) == 0 {
		return Estimate{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	skip := skipped(len(sorted))
	return Estimate{median(sorted), sorted[skip], sorted[len(sorted)-1-skip]}
}

// Median is the middle of the values.
func Median(values []float64) float64 { return Of(values).Median }

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// skipped is how many values on either side of n can be left out: the greatest k for which
// at most k of n coins fall on one side, or on the other, with a probability of no more than 5 %.
func skipped(n int) int {
	tail, k := 0.0, 0
	for ; k < n/2; k++ {
		tail += math.Exp(logChoose(n, k) - float64(n)*math.Ln2)
		if 2*tail > 0.05 {
			break
		}
	}
	return max(0, k-1)
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// Pairs is f of each pair of values with the same index: of two measurements of the same round.
func Pairs(a, b []float64, f func(a, b float64) float64) []float64 {
	all := make([]float64, 0, min(len(a), len(b)))
	for i := range min(len(a), len(b)) {
		all = append(all, f(a[i], b[i]))
	}
	return all
}

// Ratio divides.
func Ratio(a, b float64) float64 { return a / b }

// Bootstrap is the Estimate of something that is computed of all n rounds together, such as the ratio of
// two small differences, which says nothing when it is computed of one round. The interval
// holds 95 % of what it would have been, had other rounds of these been drawn; the draws are the same each time.
func Bootstrap(n int, statistic func(rounds []int) float64) Estimate {
	if n == 0 {
		return Estimate{math.NaN(), math.NaN(), math.NaN()}
	}
	rounds := make([]int, n)
	for i := range rounds {
		rounds[i] = i
	}
	all := statistic(rounds)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // it need not be a secret
	drawn := make([]float64, 2000)
	for d := range drawn {
		for i := range rounds {
			rounds[i] = random.IntN(n)
		}
		drawn[d] = statistic(rounds)
	}
	slices.Sort(drawn)
	return Estimate{all, Quantile(drawn, 0.025), Quantile(drawn, 0.975)}
}

// RatioOfMedians is how many times the median of a is that of b, values of the same rounds; see [Bootstrap].
func RatioOfMedians(a, b []float64) Estimate {
	pick := func(values []float64, rounds []int) float64 {
		picked := make([]float64, len(rounds))
		for i, r := range rounds {
			picked[i] = values[r]
		}
		slices.Sort(picked)
		return median(picked)
	}
	return Bootstrap(min(len(a), len(b)), func(rounds []int) float64 { return pick(a, rounds) / pick(b, rounds) })
}

// Overlaps reports whether two intervals have a point in common.
func (e Estimate) Overlaps(other Estimate) bool { return e.Low <= other.High && other.Low <= e.High }

// Apart is how far two medians are from each other, as a share of the lesser one.
func (e Estimate) Apart(other Estimate) float64 {
	return math.Abs(e.Median-other.Median) / math.Min(e.Median, other.Median)
}

// Figure is an Estimate with a name.
type Figure struct {
	Name string
	Estimate
}

// Agreement is what two runs have to say of each other.
type Agreement struct {
	Compared int
	// Disjoint are the figures whose intervals have nothing in common, Far those whose medians are too
	// far apart, Missing those that only one of the runs has; one sentence each.
	Disjoint, Far, Missing []string
}

// The limits within which two runs agree.
const (
	MinOverlap = 0.90 // of the intervals have a point in common
	MaxApart   = 0.10 // is how far medians may be from each other
)

// Compare holds two runs against each other.
func Compare(a, b []Figure) Agreement {
	var all Agreement
	other := map[string]Estimate{}
	for _, f := range b {
		other[f.Name] = f.Estimate
	}
	for _, f := range a {
		g, both := other[f.Name]
		if !both {
			all.Missing = append(all.Missing, f.Name+" is only in the first")
			continue
		}
		delete(other, f.Name)
		all.Compared++
		told := fmt.Sprintf("%s: %s and %s", f.Name, f.Estimate, g)
		if !f.Overlaps(g) {
			all.Disjoint = append(all.Disjoint, told)
		}
		if !(f.Apart(g) <= MaxApart) { // and so is what is no number
			all.Far = append(all.Far, fmt.Sprintf("%s, %.0f %% apart", told, 100*f.Apart(g)))
		}
	}
	for _, f := range b {
		if _, only := other[f.Name]; only {
			all.Missing = append(all.Missing, f.Name+" is only in the second")
		}
	}
	return all
}

// Overlap is which share of the intervals overlaps.
func (a Agreement) Overlap() float64 {
	if a.Compared == 0 {
		return 0
	}
	return 1 - float64(len(a.Disjoint))/float64(a.Compared)
}

// OK reports whether the runs agree.
func (a Agreement) OK() bool {
	return a.Compared > 0 && a.Overlap() >= MinOverlap && len(a.Far) == 0 && len(a.Missing) == 0
}

// String is the median and the interval.
func (e Estimate) String() string { return fmt.Sprintf("%.2f (%.2f to %.2f)", e.Median, e.Low, e.High) }

// Quantile is the value below which the share q of the sorted values lies.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
