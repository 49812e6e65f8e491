package results

import (
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/weft-go/weft/bench/internal/stats"
)

// measured makes a result of ten rounds in which every value is the same.
func measured(values map[string]map[string][2]float64) *InProcess {
	p := &InProcess{}
	for range 10 {
		for workload, byContender := range values {
			for contender, v := range byContender {
				p.Add(workload, contender, true, v[0], v[1], 100*v[1])
			}
		}
	}
	return p
}

func TestARatioIsThatOfTheSameRound(t *testing.T) {
	p := &InProcess{}
	for i := range 10 { // a machine that gets slower and slower
		slow := float64(i + 1)
		p.Add("get", "best", true, 100*slow, 1, 1)
		p.Add("get", "weft", true, 150*slow, 1, 1)
	}
	if e, ok := p.Ratio("get", "weft", "best"); !ok || e != (stats.Estimate{Median: 1.5, Low: 1.5, High: 1.5}) {
		t.Errorf("%v, %v", e, ok)
	}
	if _, ok := p.Ratio("get", "huma", "best"); ok {
		t.Error("a ratio of what was not measured")
	}
}

func TestBudgetsAreDecidedByTheInterval(t *testing.T) {
	for name, c := range map[string]struct {
		low, median, high float64
		want              Verdict
	}{
		"below": {1, 1.05, 1.1, Met}, "above": {1.11, 1.2, 1.3, NotMet}, "around": {1.05, 1.08, 1.2, Undecided},
		"no number": {math.NaN(), math.NaN(), math.NaN(), NotMeasured},
	} {
		if got := decide(Budget{}, stats.Estimate{Median: c.median, Low: c.low, High: c.high}, 1.10); got.Verdict != c.want {
			t.Errorf("%s: %s", name, got.Verdict)
		}
	}
}

func TestBudgetsTellWhatWasMeasured(t *testing.T) {
	p := measured(map[string]map[string][2]float64{
		"post":          {"best": {1000, 20}, "usual": {1500, 40}, "weft": {1090, 22}, "huma": {2000, 60}},
		"get":           {"best": {400, 4}, "weft": {750, 5}},
		"middleware-0":  {"best": {100, 1}, "weft": {200, 3}},
		"middleware-5":  {"best": {110, 1}, "weft": {270, 3}},
		"middleware-20": {"best": {300, 1}, "weft": {640, 4}},
		"guards-0":      {"weft": {200, 3}}, "guards-20": {"weft": {480, 3}},
		"services-0":  {"best": {100, 1}, "weft": {200, 3}, "weft-reflect": {200, 3}},
		"services-10": {"best": {300, 11}, "weft": {410, 14}, "weft-reflect": {2800, 33}},
		"plan-1000":   {"weft": {25e6, 1}},
		"stream-0":    {"best": {1000, 10}, "weft": {3000, 30}}, "stream-10000": {"best": {1_001_000, 20}, "weft": {1_073_000, 90}},
	})
	tcp := &TCP{}
	for range 10 {
		tcp.Add("post", "best", 8, true, 1000, 1, 1, 1)
		tcp.Add("post", "weft", 8, true, 960, 1, 1, 1)
	}
	sizes := &Sizes{Programs: map[string]map[int]Program{"weft": {100: {1 << 20, 1}, 1000: {1<<20 + 900*16000, 1 + 900*0.02}}}}
	got := map[string]Budget{}
	for _, b := range Budgets(p, tcp, sizes) {
		if _, twice := got[b.Work]; twice {
			t.Errorf("%s is there twice", b.Work)
		}
		got[b.Work] = b
	}
	for work, want := range map[string]Verdict{
		"typed POST, against the best by hand":                 Met,    // 1.09
		"typed POST, over the best by hand, allocations":       NotMet, // 2
		"typed POST, against the usual way":                    Met,    // 0.73
		"typed POST, against huma":                             Met,    // 0.55
		"typed GET, time over the best by hand":                NotMet, // 350 ns
		"typed GET, over the best by hand, allocations":        Met,    // 1
		"one middleware more, of 20, against net/http's":       Met,    // 22 to 10
		"one middleware more, of 5, against net/http's":        NotMet, // 14 to 2
		"20 middleware, allocations":                           Met,
		"5 middleware, allocations":                            Met,
		"one guard more, of 20":                                Met, // 14 ns
		"services of a request, 10, against by hand":           Met, // 21 to 20
		"services of a request, 10, over by hand, allocations": Met, // 11 to 10
		"services of a request, 3, against by hand":            NotMeasured,
		"a service of a plain constructor, of 10":              NotMet, // 260 ns
		"one around more, of 20":                               NotMeasured,
		"throughput over loopback, post, 8 connections":        NotMet,
		"Plan of 1,000 routes with 200 services":               Met,
		"a further handler type, in the program":               Met,
		"a further handler type, to compile":                   Met,
		"one item of a stream, over encoding it by hand":       Met, // 107 to 100 ns
		"one item of a stream, allocations":                    Met,
	} {
		if b, there := got[work]; !there || b.Verdict != want {
			t.Errorf("%s: %+v, where it is %s", work, b, want)
		}
	}
	for _, b := range Budgets(nil, nil, nil) {
		if b.Verdict != NotMeasured {
			t.Errorf("nothing was measured, and %+v", b)
		}
	}
}

func TestASummaryComesBackFromAFile(t *testing.T) {
	p := measured(map[string]map[string][2]float64{"get": {"best": {400, 4}, "weft": {600, 5}}})
	tcp := &TCP{}
	tcp.Add("get", "best", 8, true, 1000, 1, 1, 1)
	tcp.Add("get", "weft", 8, true, 900, 1, 1, 1)
	s := Summarize(p, tcp, []string{"get", "post"}, []string{"best", "weft", "huma"}, "best")
	path := filepath.Join(t.TempDir(), "a.json")
	if err := Write(path, s); err != nil {
		t.Fatal(err)
	}
	var back Summary
	if found, err := Read(path, &back); !found || err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%v, %v\n%+v\n%+v", found, err, s, back)
	}
	figures := back.Figures()
	if len(figures) != 2 || figures[0].Median != 1.5 || figures[1].Median != 0.9 || figures[0].Name == figures[1].Name {
		t.Errorf("%+v", figures)
	}
	if found, err := Read(path+".no", &back); found || err != nil {
		t.Errorf("a file that is not there: %v, %v", found, err)
	}
}
