package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/results"
	"github.com/weft-go/weft/bench/internal/stats"
)

// ours is weft as it comes.
const ours = "weft"

// tables are the results for a terminal.
func (b *book) tables() string {
	var all strings.Builder
	if b.InProcess != nil {
		for _, t := range []*table{b.ratios(), b.allocations(), b.strictness()} {
			all.WriteString(t.text())
		}
		all.WriteString(b.extremes().text())
		all.WriteString(b.others().text())
	}
	if b.TCP != nil {
		all.WriteString(b.throughput().text())
	}
	if b.Sizes != nil {
		all.WriteString(b.sizes().text())
	}
	all.WriteString(b.budgets().text())
	return all.String()
}

// measured are the contenders that have samples, in their order.
func measured[T any](samples map[string]map[string]T) []contest.Contender {
	return slices.DeleteFunc(contenders.All(), func(c contest.Contender) bool {
		for _, byContender := range samples {
			if _, has := byContender[c.Slug]; has {
				return false
			}
		}
		return true
	})
}

// grid is a table of workloads by contenders. A contender without samples of a workload has a dash and a numbered reason.
func (b *book) grid(title string, with func(contest.Contender) bool, cell func(w *contest.Workload, c *contest.Contender) string) *table {
	t := &table{title: title, head: []string{""}}
	entrants := slices.DeleteFunc(measured(b.InProcess.Samples), func(c contest.Contender) bool { return !with(c) })
	for _, c := range entrants {
		t.head = append(t.head, c.Name+mark(&c))
	}
	var reasons []string
	workloads := contest.Workloads()
	for i := range workloads {
		w := &workloads[i]
		if b.InProcess.Samples[w.ID] == nil {
			continue
		}
		row := []string{w.Title}
		for j := range entrants {
			c := &entrants[j]
			if len(b.InProcess.Sample(w.ID, c.Slug).Nanoseconds) > 0 {
				row = append(row, cell(w, c)+b.lenient(w, c))
				continue
			}
			reason := w.Reason(c)
			at := slices.Index(reasons, reason)
			if at < 0 {
				at = len(reasons)
				reasons = append(reasons, reason)
			}
			row = append(row, fmt.Sprintf("- (%d)", at+1))
		}
		t.add(row...)
	}
	for i, reason := range reasons {
		t.notes = append(t.notes, fmt.Sprintf("(%d) not done: %s.", i+1, reason))
	}
	for _, c := range entrants {
		if c.Apart != "" {
			t.notes = append(t.notes, fmt.Sprintf("* %s is not comparable here. %s.", c.Name, c.Apart))
		}
	}
	return t
}

func mark(c *contest.Contender) string {
	if c.Apart != "" {
		return " *"
	}
	return ""
}

// lenient is the sign of a contender that does less work at what reads a request, because it lets pass what others refuse.
func (b *book) lenient(w *contest.Workload, c *contest.Contender) string {
	switch w.ID {
	case "post", "body", "invalid", "get", "parallel-post", "parallel-get":
		if b.passes(c.Slug, w.Request.Method) {
			return " †"
		}
	}
	return ""
}

// passes reports whether a contender lets pass a probe with this method.
func (b *book) passes(slug, method string) bool {
	probes := contest.Probes()
	for i, status := range b.InProcess.Strictness[slug] {
		if i < len(probes) && probes[i].Request.Method == method && !contest.Refused(status) {
			return true
		}
	}
	return false
}

func anybody(contest.Contender) bool { return true }

func (b *book) ratios() *table {
	t := b.grid("Time, against the best by hand", func(c contest.Contender) bool { return c.Slug != contenders.Baseline }, func(w *contest.Workload, c *contest.Contender) string {
		e, ok := b.InProcess.Ratio(w.ID, c.Slug, contenders.Baseline)
		if !ok {
			return duration(b.InProcess.Sample(w.ID, c.Slug).Typical())
		}
		return fmt.Sprintf("%s (%s to %s)", ratio(e.Median), ratio(e.Low), ratio(e.High))
	})
	t.notes = append([]string{
		"Medians of the rounds' ratios, and the interval that holds the true median in 95 of 100 runs. Less is better; 1.00 is the best by hand. Where that does not do the work, the time itself is told.",
		"† lets requests pass that the best by hand refuses, and so does less work: see what each refuses.",
	}, t.notes...)
	return t
}

func (b *book) times() *table {
	return b.grid("Time of one request", anybody, func(w *contest.Workload, c *contest.Contender) string {
		return duration(b.InProcess.Sample(w.ID, c.Slug).Typical())
	})
}

func (b *book) allocations() *table {
	return b.grid("Allocations of one request", anybody, func(w *contest.Workload, c *contest.Contender) string {
		return fmt.Sprintf("%.0f", stats.Median(b.InProcess.Sample(w.ID, c.Slug).Allocations))
	})
}

func (b *book) bytes() *table {
	return b.grid("Bytes allocated by one request", anybody, func(w *contest.Workload, c *contest.Contender) string {
		return amount(stats.Median(b.InProcess.Sample(w.ID, c.Slug).Bytes))
	})
}

func (b *book) strictness() *table {
	t := &table{title: "What each refuses", head: []string{""}}
	entrants := slices.DeleteFunc(contenders.All(), func(c contest.Contender) bool { return len(b.InProcess.Strictness[c.Slug]) == 0 })
	for _, c := range entrants {
		t.head = append(t.head, c.Name)
	}
	for i, p := range contest.Probes() {
		row := []string{p.Title}
		for _, c := range entrants {
			status := b.InProcess.Strictness[c.Slug][i]
			if told := fmt.Sprint(status); contest.Refused(status) {
				row = append(row, told)
			} else {
				row = append(row, told+" †")
			}
		}
		t.add(row...)
	}
	t.notes = []string{"The status that each answers with. † passes what is wrong on to the handler."}
	return t
}

// pair is a ratio of weft's.
type pair struct {
	title string
	e     stats.Estimate
}

// against are weft's ratios against the best by hand, the worst first.
func (b *book) against() []pair {
	var all []pair
	for _, w := range contest.Workloads() {
		if e, ok := b.InProcess.Ratio(w.ID, ours, contenders.Baseline); ok {
			all = append(all, pair{w.Title, e})
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(b.e.Median, a.e.Median) })
	return all
}

// extremes puts weft's worst rows beside its best.
func (b *book) extremes() *table {
	t := &table{title: "weft's worst and best rows, against the best by hand", head: []string{"worst", "ratio", "best", "ratio"}}
	all := b.against()
	told := func(p pair) string {
		return fmt.Sprintf("%s (%s to %s)", ratio(p.e.Median), ratio(p.e.Low), ratio(p.e.High))
	}
	for i := range min(6, len(all)/2) {
		low := all[len(all)-1-i]
		t.add(all[i].title, told(all[i]), low.title, told(low))
	}
	return t
}

// others says at each workload who is faster than weft and who is slower, where that is beyond doubt.
func (b *book) others() *table {
	t := &table{title: "Who is faster than weft, and who is slower", head: []string{"", "faster", "slower"}, wordy: true}
	for _, w := range contest.Workloads() {
		var faster, slower []string
		for _, c := range measured(b.InProcess.Samples) {
			if c.Apart != "" || strings.HasPrefix(c.Slug, ours) {
				continue
			}
			e, ok := b.InProcess.Ratio(w.ID, c.Slug, ours)
			told := fmt.Sprintf("%s %s%s", c.Name, ratio(e.Median), b.lenient(&w, &c))
			switch {
			case ok && e.High < 1:
				faster = append(faster, told)
			case ok && e.Low > 1:
				slower = append(slower, told)
			}
		}
		if len(faster)+len(slower) > 0 {
			t.add(w.Title, strings.Join(faster, ", "), strings.Join(slower, ", "))
		}
	}
	t.notes = []string{"The number is how many times weft's time it takes. Only those whose interval does not reach 1 are named. † does less work: see what each refuses."}
	return t
}

func (b *book) throughput() *table {
	t := &table{title: "Throughput and latency over loopback", head: []string{
		"", "connections", "requests a second", "against the best by hand", "p50, microseconds", "p90", "p99",
	}}
	for _, w := range contest.Workloads() {
		for _, n := range b.TCP.Connections(w.ID) {
			for _, c := range measured(b.TCP.Samples) {
				s := b.TCP.Sample(w.ID, c.Slug, n)
				e, ok := b.TCP.Ratio(w.ID, c.Slug, contenders.Baseline, n)
				if !ok {
					continue
				}
				perSecond, p50, p90, p99 := s.Typical()
				t.add(w.Title+", "+c.Name, fmt.Sprint(n), fmt.Sprintf("%.0f", perSecond),
					fmt.Sprintf("%s (%s to %s)", ratio(e.Median), ratio(e.Low), ratio(e.High)),
					fmt.Sprintf("%.0f", p50), fmt.Sprintf("%.0f", p90), fmt.Sprintf("%.0f", p99))
			}
		}
	}
	t.notes = []string{"More requests are better. Server and load generator have the same one processor, so a request costs what both of them take. With many connections latencies are mostly waiting for a turn."}
	return t
}

func (b *book) sizes() *table {
	t := &table{title: "Programs of 10, 100 and 1,000 routes", head: []string{""}}
	for _, n := range routeCounts {
		t.head = append(t.head, fmt.Sprintf("MiB, %d", n))
	}
	t.head = append(t.head, "KiB for each route more")
	for _, n := range routeCounts {
		t.head = append(t.head, fmt.Sprintf("seconds to compile, %d", n))
	}
	for _, c := range contenders.All() {
		of := b.Sizes.Programs[c.Slug]
		if of == nil {
			continue
		}
		row := []string{c.Name}
		for _, n := range routeCounts {
			row = append(row, fmt.Sprintf("%.1f", float64(of[n].Bytes)/(1<<20)))
		}
		row = append(row, fmt.Sprintf("%.1f", float64(of[1000].Bytes-of[100].Bytes)/900/1024))
		for _, n := range routeCounts {
			row = append(row, fmt.Sprintf("%.1f", of[n].Compile))
		}
		t.add(row...)
	}
	t.notes = []string{
		"Each route has three types, a handler and a body with rules of its own. Stripped of symbols and debug information. Compiled once: the package itself and the link, everything else from the cache.",
	}
	return t
}

func (b *book) budgets() *table {
	t := &table{title: "Budgets", head: []string{"work", "allowed", "measured", "verdict", "remark"}, wordy: true}
	count := map[results.Verdict]int{}
	for _, row := range results.Budgets(b.InProcess, b.TCP, b.Sizes) {
		told := string(row.Verdict)
		if row.Verdict == results.NotMet {
			told = "NOT MET"
		}
		t.add(row.Work, row.Allowed, row.Measured, told, row.Remark)
		count[row.Verdict]++
	}
	var told []string
	for _, v := range slices.Sorted(maps.Keys(count)) {
		told = append(told, fmt.Sprintf("%d %s", count[v], v))
	}
	t.notes = []string{strings.Join(told, ", ") + ". Decided by the interval and not by the median: undecided is what has the limit within."}
	return t
}

// ratio has as many digits as it is worth.
func ratio(r float64) string {
	if r >= 100 {
		return fmt.Sprintf("%.0f", r)
	}
	if r >= 10 {
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.2f", r)
}

func duration(ns float64) string {
	switch {
	case math.IsNaN(ns):
		return "-"
	case ns >= 1e6:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	case ns >= 1e4:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	case ns >= 100:
		return fmt.Sprintf("%.0f ns", ns)
	}
	return fmt.Sprintf("%.1f ns", ns)
}

func amount(bytes float64) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", bytes/(1<<20))
	case bytes >= 1<<14:
		return fmt.Sprintf("%.0f KiB", bytes/(1<<10))
	}
	return fmt.Sprintf("%.0f", bytes)
}
