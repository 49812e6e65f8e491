package results

import (
	"slices"
	"testing"
)

func TestDisturbedRoundsAreLeftOut(t *testing.T) {
	yes := func(n int) []bool { return slices.Repeat([]bool{true}, n) }
	no := func(n int) []bool { return make([]bool, n) }
	for name, c := range map[string]struct {
		samples [][]bool
		want    []int
	}{
		"none are":                   {[][]bool{yes(7), yes(7)}, []int{0, 1, 2, 3, 4, 5, 6}},
		"of one":                     {[][]bool{slices.Concat(no(2), yes(6))}, []int{2, 3, 4, 5, 6, 7}},
		"of either of two":           {[][]bool{slices.Concat(no(1), yes(7)), slices.Concat(yes(7), no(1))}, []int{1, 2, 3, 4, 5, 6}},
		"but not if too few remain":  {[][]bool{slices.Concat(no(2), yes(5))}, []int{0, 1, 2, 3, 4, 5, 6}},
		"of the shorter one":         {[][]bool{yes(6), yes(8)}, []int{0, 1, 2, 3, 4, 5}},
		"where one was not measured": {[][]bool{yes(6), nil}, []int{}},
	} {
		if got := undisturbed(c.samples...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestADisturbedRoundDoesNotCount(t *testing.T) {
	p, tcp := &InProcess{}, &TCP{}
	for i := range 20 {
		calm, slow := i < 8, 1.0
		if !calm {
			slow = 2
		}
		p.Add("get", "best", true, 100, 1, 1)
		p.Add("get", "weft", calm, 150*slow, 1, 1)
		tcp.Add("get", "best", 4, true, 100, 1, 2, 3)
		tcp.Add("get", "weft", 4, calm, 90/slow, 10*slow, 20, 30)
	}
	if e, ok := p.Ratio("get", "weft", "best"); !ok || e.High != 1.5 || p.Sample("get", "weft").Typical() != 150 {
		t.Errorf("%v, %v ns", e, p.Sample("get", "weft").Typical())
	}
	perSecond, p50, _, _ := tcp.Sample("get", "weft", 4).Typical()
	if e, ok := tcp.Ratio("get", "weft", "best", 4); !ok || e.Low != 0.9 || perSecond != 90 || p50 != 10 {
		t.Errorf("%v, %v, %v", e, perSecond, p50)
	}
}
