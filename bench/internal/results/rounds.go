package results

import "slices"

// fewest is how many rounds say something of a median with 95 % certainty, see [stats.Of].
const fewest = 6

// undisturbed are the rounds in which nothing slowed the processor down in any of these; all rounds where those are too few.
func undisturbed(samples ...[]bool) []int {
	rounds := len(samples[0])
	for _, s := range samples {
		rounds = min(rounds, len(s))
	}
	all, calm := []int{}, []int{}
	for round := range rounds {
		all = append(all, round)
		if !slices.ContainsFunc(samples, func(s []bool) bool { return !s[round] }) {
			calm = append(calm, round)
		}
	}
	if len(calm) < fewest {
		return all
	}
	return calm
}

// at are the values of these rounds.
func at(values []float64, rounds []int) []float64 {
	picked := make([]float64, len(rounds))
	for i, round := range rounds {
		picked[i] = values[round]
	}
	return picked
}
