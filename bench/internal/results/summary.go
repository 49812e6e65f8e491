package results

import (
	"fmt"

	"github.com/weft-go/weft/bench/internal/stats"
)

// Summary is what report -json prints and report -compare reads: every ratio of a run.
type Summary struct {
	Machine Machine  `json:"machine"`
	Rounds  int      `json:"rounds"`
	Ratios  []Figure `json:"ratios"`
}

// Figure is one ratio, against the best by hand. Of the time of a request, less is better; of
// throughput over TCP, which is told for a number of connections, more is.
type Figure struct {
	Workload    string  `json:"workload"`
	Contender   string  `json:"contender"`
	Connections int     `json:"connections,omitempty"`
	Ratio       float64 `json:"ratio"`
	Low         float64 `json:"low"`
	High        float64 `json:"high"`
	// Nanoseconds and Allocations are medians, of a request in process; PerSecond is that over TCP.
	Nanoseconds float64 `json:"ns,omitempty"`
	Allocations float64 `json:"allocs,omitempty"`
	PerSecond   float64 `json:"per_second,omitempty"`
}

// Summarize makes a Summary of what was measured; either may be nil.
func Summarize(p *InProcess, t *TCP, workloads, contenders []string, baseline string) Summary {
	var s Summary
	if p != nil {
		s.Machine, s.Rounds = p.Machine, p.Rounds
	} else if t != nil {
		s.Machine, s.Rounds = t.Machine, t.Rounds
	}
	for _, w := range workloads {
		for _, c := range contenders {
			if c == baseline {
				continue
			}
			if p != nil {
				if e, ok := p.Ratio(w, c, baseline); ok {
					sample := p.Sample(w, c)
					s.Ratios = append(s.Ratios, Figure{
						Workload: w, Contender: c, Ratio: e.Median, Low: e.Low, High: e.High,
						Nanoseconds: sample.Typical(), Allocations: stats.Median(sample.Allocations),
					})
				}
			}
			if t == nil {
				continue
			}
			for _, n := range t.Connections(w) {
				if e, ok := t.Ratio(w, c, baseline, n); ok {
					perSecond, _, _, _ := t.Sample(w, c, n).Typical()
					s.Ratios = append(s.Ratios, Figure{
						Workload: w, Contender: c, Connections: n, Ratio: e.Median, Low: e.Low, High: e.High,
						PerSecond: perSecond,
					})
				}
			}
		}
	}
	return s
}

// Figures are the ratios, named for comparing.
func (s Summary) Figures() []stats.Figure {
	all := make([]stats.Figure, len(s.Ratios))
	for i, f := range s.Ratios {
		name := f.Workload + " of " + f.Contender
		if f.Connections > 0 {
			name += fmt.Sprintf(" over TCP, %d connections", f.Connections)
		}
		all[i] = stats.Figure{Name: name, Estimate: stats.Estimate{Median: f.Ratio, Low: f.Low, High: f.High}}
	}
	return all
}
