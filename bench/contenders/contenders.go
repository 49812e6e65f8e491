// Package contenders is the service written in several ways, each in a file of
// its own and as its documentation teaches.
package contenders

import "github.com/weft-go/weft/bench/contest"

// Baseline is the slug of the contender that ratios are made against.
const Baseline = "best"

// All are the contenders, the one that ratios are made against first.
func All() []contest.Contender {
	return []contest.Contender{best, usual, plain, withSonic, reflected, humaGo, ginGonic, echoFive, chiHTTPIn, goaGenerated, fiberThree}
}

// Named is the contender with a slug.
func Named(slug string) (contest.Contender, bool) {
	for _, c := range All() {
		if c.Slug == slug {
			return c, true
		}
	}
	return contest.Contender{}, false
}
