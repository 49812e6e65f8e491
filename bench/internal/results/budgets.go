package results

import (
	"fmt"
	"math"

	"github.com/weft-go/weft/bench/internal/stats"
)

// Verdict is whether a budget is kept.
type Verdict string

// The verdicts.
const (
	Met         Verdict = "met"
	NotMet      Verdict = "not met"
	Undecided   Verdict = "undecided" // the interval lies on both sides
	NotMeasured Verdict = "not measured"
)

// Budget is one row of the budgets, with what was measured.
type Budget struct {
	Work, Allowed, Measured string
	Verdict                 Verdict
	Remark                  string
}

// The slugs that budgets are about.
const (
	best, usual, ours, reflected, huma = "best", "usual", "weft", "weft-reflect", "huma"
)

// Budgets goes through the budgets. What was not measured says so; any of the three may be nil.
func Budgets(p *InProcess, t *TCP, z *Sizes) []Budget {
	if p == nil {
		p = &InProcess{}
	}
	if t == nil {
		t = &TCP{}
	}
	if z == nil {
		z = &Sizes{}
	}
	all := []Budget{
		p.ratioBudget("typed POST, against the best by hand", "post", best, 1.10),
		p.allocationBudget("typed POST, over the best by hand", "post", 1),
		p.ratioBudget("typed POST, against the usual way", "post", usual, 0.80),
		p.ratioBudget("typed POST, against huma", "post", huma, 0.60),
		p.overBudget("typed GET, time over the best by hand", "get", 300),
		p.allocationBudget("typed GET, over the best by hand", "get", 2),
	}
	for _, n := range []int{20, 5} {
		all = append(all, p.middlewareBudget(n))
	}
	all = append(all,
		p.stageAllocations("5 middleware", "middleware", 5, 0),
		p.stageAllocations("20 middleware", "middleware", 20, 1),
		p.stageBudget("one guard more, of 20", "guards", 20, 15, p.lookRemark(20)),
		p.stageAllocations("20 guards", "guards", 20, 0),
		p.stageBudget("one around more, of 20", "arounds", 20, 30, "beside 30 ns, three copies of Req are allowed, which are not counted here"),
	)
	for _, n := range []int{1, 3, 10} {
		all = append(all, p.serviceBudget(n))
	}
	all = append(all,
		p.ownAllocations(10),
		p.reflectedBudget(),
		p.itemBudget(10_000),
		p.itemAllocations(10_000),
	)
	for _, w := range []string{"post", "get"} {
		for _, n := range t.Connections(w) {
			all = append(all, t.throughputBudget(w, n))
		}
	}
	if len(t.Samples) == 0 {
		all = append(all, Budget{Work: "throughput over loopback", Allowed: "0.97 x by hand", Verdict: NotMeasured})
	}
	return append(all, p.planBudget(), z.bytesBudget(), z.compileBudget())
}

func decide(b Budget, e stats.Estimate, limit float64) Budget {
	switch {
	case math.IsNaN(e.Median):
		b.Verdict = NotMeasured
	case e.High <= limit:
		b.Verdict = Met
	case e.Low > limit:
		b.Verdict = NotMet
	default:
		b.Verdict = Undecided
	}
	return b
}

func (p *InProcess) ratioBudget(work, workload, against string, limit float64) Budget {
	b := Budget{Work: work, Allowed: fmt.Sprintf("%.2f x", limit), Verdict: NotMeasured}
	if e, ok := p.Ratio(workload, ours, against); ok {
		b.Measured = e.String() + " x"
		return decide(b, e, limit)
	}
	return b
}

func (p *InProcess) allocationBudget(work, workload string, limit float64) Budget {
	return allocated(work, stats.Median(p.Sample(workload, ours).Allocations)-stats.Median(p.Sample(workload, best).Allocations), limit)
}

// counted decides about a number of allocations, of which a collection of garbage adds and takes a small part.
func counted(b Budget, more, limit float64) Budget {
	b.Measured, b.Verdict = fmt.Sprintf("%+.0f", math.Round(more)+0), NotMet
	if math.Round(more) <= limit {
		b.Verdict = Met
	}
	return b
}

func (p *InProcess) overBudget(work, workload string, limit float64) Budget {
	a, b := p.Sample(workload, ours), p.Sample(workload, best)
	rounds := undisturbed(a.Calm, b.Calm)
	over := stats.Pairs(at(a.Nanoseconds, rounds), at(b.Nanoseconds, rounds), minus)
	return nanoseconds(Budget{Work: work, Allowed: fmt.Sprintf("%.0f ns", limit)}, stats.Of(over), limit)
}

func nanoseconds(b Budget, e stats.Estimate, limit float64) Budget {
	if !math.IsNaN(e.Median) {
		b.Measured = fmt.Sprintf("%.1f ns (%.1f to %.1f)", e.Median, e.Low, e.High)
	}
	return decide(b, e, limit)
}

func minus(a, b float64) float64 { return a - b }

// added is what one of n stages costs each of the contenders, in the same rounds.
func (p *InProcess) added(kind string, n int, contenders ...string) (each [][]float64) {
	var calm [][]bool
	id := fmt.Sprintf("%s-%d", kind, n)
	for _, c := range contenders {
		calm = append(calm, p.Sample(id, c).Calm, p.Sample(kind+"-0", c).Calm)
	}
	rounds := undisturbed(calm...)
	for _, c := range contenders {
		with, without := at(p.Sample(id, c).Nanoseconds, rounds), at(p.Sample(kind+"-0", c).Nanoseconds, rounds)
		each = append(each, stats.Pairs(with, without, func(a, b float64) float64 { return (a - b) / float64(n) }))
	}
	return each
}

func (p *InProcess) middlewareBudget(n int) Budget {
	b := Budget{Work: fmt.Sprintf("one middleware more, of %d, against net/http's", n), Allowed: "3 x"}
	each := p.added("middleware", n, ours, best)
	weft, hand := each[0], each[1]
	e := stats.RatioOfMedians(weft, hand)
	if !math.IsNaN(e.Median) {
		b.Measured = fmt.Sprintf("%.1f (%.1f to %.1f) x: %.1f ns, and %.1f ns by hand", e.Median, e.Low, e.High, stats.Median(weft), stats.Median(hand))
	}
	return decide(b, e, 3)
}

func (p *InProcess) stageBudget(work, kind string, n int, limit float64, remark string) Budget {
	return nanoseconds(Budget{Work: work, Allowed: fmt.Sprintf("%.0f ns", limit), Remark: remark}, stats.Of(p.added(kind, n, ours)[0]), limit)
}

// lookRemark says what the guards' own work costs where nothing is around it.
func (p *InProcess) lookRemark(n int) string {
	each := stats.Median(p.added("guards", n, best)[0])
	if math.IsNaN(each) {
		return ""
	}
	return fmt.Sprintf("with the guard's own look at a header field, by Get; by hand a look at the map takes %.1f ns", each)
}

func (p *InProcess) stageAllocations(work, kind string, n int, limit float64) Budget {
	return allocated(work, p.addedAllocations(kind, ours, n), limit)
}

// ownAllocations is about what services add beyond what they add by hand.
func (p *InProcess) ownAllocations(n int) Budget {
	own := p.addedAllocations("services", ours, n) - p.addedAllocations("services", best, n)
	return allocated(fmt.Sprintf("services of a request, %d, over by hand", n), own, 1)
}

// itemBudget is about what an item of a stream adds beyond what it adds by hand.
func (p *InProcess) itemBudget(n int) Budget {
	each := p.added("stream", n, ours, best)
	over := stats.Pairs(each[0], each[1], minus)
	return nanoseconds(Budget{Work: "one item of a stream, over encoding it by hand", Allowed: "10 ns"}, stats.Of(over), 10)
}

// itemAllocations is about what an item allocates: those of all streams are too few to see.
func (p *InProcess) itemAllocations(n int) Budget {
	return allocated("one item of a stream", (p.addedAllocations("stream", ours, n)-p.addedAllocations("stream", best, n))/float64(n), 0)
}

// addedAllocations is how many more n stages make than none, NaN where that was not measured.
func (p *InProcess) addedAllocations(kind, contender string, n int) float64 {
	return stats.Median(p.Sample(fmt.Sprintf("%s-%d", kind, n), contender).Allocations) - stats.Median(p.Sample(kind+"-0", contender).Allocations)
}

func allocated(work string, more, limit float64) Budget {
	b := Budget{Work: work + ", allocations", Allowed: fmt.Sprintf("%+.0f", limit), Verdict: NotMeasured}
	if math.IsNaN(more) {
		return b
	}
	return counted(b, more, limit)
}

// serviceBudget is about what services add to the same route without any, which is another route for weft than by hand.
func (p *InProcess) serviceBudget(n int) Budget {
	b := Budget{Work: fmt.Sprintf("services of a request, %d, against by hand", n), Allowed: "1.10 x", Remark: "constructors that do nothing; what they add to the same route without them"}
	each := p.added("services", n, ours, best)
	weft, hand := each[0], each[1]
	e := stats.RatioOfMedians(weft, hand)
	if !math.IsNaN(e.Median) {
		b.Measured = fmt.Sprintf("%s x: %.0f ns each, and %.0f ns by hand", e, stats.Median(weft), stats.Median(hand))
	}
	return decide(b, e, 1.10)
}

func (p *InProcess) reflectedBudget() Budget {
	return nanoseconds(Budget{Work: "a service of a plain constructor, of 10", Allowed: "250 ns"}, stats.Of(p.added("services", 10, reflected)[0]), 250)
}

func (p *InProcess) planBudget() Budget {
	const limit = 100 // milliseconds
	b := Budget{Work: "Plan of 1,000 routes with 200 services", Allowed: "100 ms"}
	s := p.Sample("plan-1000", ours)
	took := at(s.Nanoseconds, undisturbed(s.Calm))
	e := stats.Of(stats.Pairs(took, took, func(a, _ float64) float64 { return a / 1e6 }))
	if !math.IsNaN(e.Median) {
		b.Measured = fmt.Sprintf("%.1f ms (%.1f to %.1f)", e.Median, e.Low, e.High)
	}
	return decide(b, e, limit)
}

func (t *TCP) throughputBudget(workload string, connections int) Budget {
	b := Budget{Work: fmt.Sprintf("throughput over loopback, %s, %d connections", workload, connections), Allowed: "at least 0.97 x by hand", Verdict: NotMeasured}
	e, ok := t.Ratio(workload, ours, best, connections)
	if !ok {
		return b
	}
	b.Measured = e.String() + " x"
	switch {
	case e.Low >= 0.97:
		b.Verdict = Met
	case e.High < 0.97:
		b.Verdict = NotMet
	default:
		b.Verdict = Undecided
	}
	return b
}

// each is what one route of its own types more makes of a program.
func (z *Sizes) each(of func(Program) float64) (float64, bool) {
	few, ok1 := z.Programs[ours][100]
	many, ok2 := z.Programs[ours][1000]
	return (of(many) - of(few)) / 900, ok1 && ok2
}

func (z *Sizes) bytesBudget() Budget {
	b := Budget{
		Work: "a further handler type, in the program", Allowed: "16,384 bytes", Verdict: NotMeasured,
		Remark: "measured with its route, its types and their tags",
	}
	if bytes, ok := z.each(func(p Program) float64 { return float64(p.Bytes) }); ok {
		b.Measured = fmt.Sprintf("%.0f bytes", bytes)
		return decide(b, stats.Estimate{Median: bytes, Low: bytes, High: bytes}, 16384)
	}
	return b
}

func (z *Sizes) compileBudget() Budget {
	b := Budget{Work: "a further handler type, to compile", Allowed: "30 ms", Verdict: NotMeasured, Remark: "compiled once, so without an interval"}
	if seconds, ok := z.each(func(p Program) float64 { return p.Compile }); ok {
		b.Measured = fmt.Sprintf("%.1f ms", seconds*1000)
		return decide(b, stats.Estimate{Median: seconds, Low: seconds, High: seconds}, 0.030)
	}
	return b
}
