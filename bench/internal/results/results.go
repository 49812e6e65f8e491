// Package results is what was measured, and what follows from it.
package results

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/weft-go/weft/bench/internal/stats"
)

// Machine is where and how something was measured.
type Machine struct {
	Go         string            `json:"go"`
	System     string            `json:"system"`
	CPU        string            `json:"cpu"`
	Processors int               `json:"processors"`
	Date       string            `json:"date"`
	Command    string            `json:"command"`
	Weft       string            `json:"weft"` // the commit
	Modules    map[string]string `json:"modules"`
}

// InProcess is what requests take without a network.
type InProcess struct {
	Machine Machine       `json:"machine"`
	Rounds  int           `json:"rounds"`
	Turns   int           `json:"turns"` // of each contender in a round, of which the fastest undisturbed one counts
	Slice   time.Duration `json:"slice"` // about how long a turn was in the last round
	// Disturbed is the share of turns in which something else slowed the processor down.
	Disturbed float64 `json:"disturbed"`
	// Samples are those of a workload and a contender, one for each round.
	Samples map[string]map[string]*Samples `json:"samples"`
	// Strictness is the status of each contender for each probe.
	Strictness map[string][]int `json:"strictness"`
}

// Samples are what one request took, one value for each round.
type Samples struct {
	Nanoseconds []float64 `json:"ns"`
	Allocations []float64 `json:"allocs"`
	Bytes       []float64 `json:"bytes"`
	// Calm is whether the processor was as fast as it can be; a round in which it was not is left out of what is computed, if there are enough others.
	Calm []bool `json:"calm"`
}

// Typical is the median of what a request took, in nanoseconds.
func (s *Samples) Typical() float64 { return stats.Median(at(s.Nanoseconds, undisturbed(s.Calm))) }

// Sample is that of a workload and a contender, which is empty where there is none.
func (p *InProcess) Sample(workload, contender string) *Samples {
	if s := p.Samples[workload][contender]; s != nil {
		return s
	}
	return &Samples{}
}

// Add adds a round's value.
func (p *InProcess) Add(workload, contender string, calm bool, ns, allocations, bytes float64) {
	if p.Samples == nil {
		p.Samples = map[string]map[string]*Samples{}
	}
	if p.Samples[workload] == nil {
		p.Samples[workload] = map[string]*Samples{}
	}
	s := p.Sample(workload, contender)
	p.Samples[workload][contender] = s
	s.Nanoseconds = append(s.Nanoseconds, ns)
	s.Allocations = append(s.Allocations, allocations)
	s.Bytes = append(s.Bytes, bytes)
	s.Calm = append(s.Calm, calm)
}

// Ratio is how much longer a contender takes than another: the median of what the rounds
// have, each against the same round. ok is false where one of them does not do the workload.
func (p *InProcess) Ratio(workload, contender, against string) (ratio stats.Estimate, ok bool) {
	a, b := p.Sample(workload, contender), p.Sample(workload, against)
	rounds := undisturbed(a.Calm, b.Calm)
	if len(rounds) == 0 {
		return stats.Estimate{}, false
	}
	return stats.Of(stats.Pairs(at(a.Nanoseconds, rounds), at(b.Nanoseconds, rounds), stats.Ratio)), true
}

// TCP is what servers do over loopback.
type TCP struct {
	Machine Machine       `json:"machine"`
	Rounds  int           `json:"rounds"`
	Turns   int           `json:"turns"` // of each server in a round, of which the best undisturbed one counts
	Slice   time.Duration `json:"slice"`
	// Disturbed is the share of turns in which something else slowed the processor down.
	Disturbed float64 `json:"disturbed"`
	// Samples are those of a workload, a contender and a number of connections.
	Samples map[string]map[string]map[int]*Traffic `json:"samples"`
}

// Traffic is what a server did, one value for each round.
type Traffic struct {
	PerSecond []float64 `json:"per_second"`
	P50       []float64 `json:"p50"` // microseconds
	P90       []float64 `json:"p90"`
	P99       []float64 `json:"p99"`
	Calm      []bool    `json:"calm"` // as in process
}

// Typical are the medians of what a server did.
func (s *Traffic) Typical() (perSecond, p50, p90, p99 float64) {
	rounds := undisturbed(s.Calm)
	of := func(values []float64) float64 { return stats.Median(at(values, rounds)) }
	return of(s.PerSecond), of(s.P50), of(s.P90), of(s.P99)
}

// Sample is that of a workload, a contender and a number of connections, which is empty where there is none.
func (t *TCP) Sample(workload, contender string, connections int) *Traffic {
	if s := t.Samples[workload][contender][connections]; s != nil {
		return s
	}
	return &Traffic{}
}

// Add adds a round's values.
func (t *TCP) Add(workload, contender string, connections int, calm bool, perSecond, p50, p90, p99 float64) {
	if t.Samples == nil {
		t.Samples = map[string]map[string]map[int]*Traffic{}
	}
	if t.Samples[workload] == nil {
		t.Samples[workload] = map[string]map[int]*Traffic{}
	}
	if t.Samples[workload][contender] == nil {
		t.Samples[workload][contender] = map[int]*Traffic{}
	}
	s := t.Sample(workload, contender, connections)
	t.Samples[workload][contender][connections] = s
	s.PerSecond = append(s.PerSecond, perSecond)
	s.P50, s.P90, s.P99 = append(s.P50, p50), append(s.P90, p90), append(s.P99, p99)
	s.Calm = append(s.Calm, calm)
}

// Ratio is how much more a contender serves than another, of the same rounds.
func (t *TCP) Ratio(workload, contender, against string, connections int) (ratio stats.Estimate, ok bool) {
	a, b := t.Sample(workload, contender, connections), t.Sample(workload, against, connections)
	rounds := undisturbed(a.Calm, b.Calm)
	if len(rounds) == 0 {
		return stats.Estimate{}, false
	}
	return stats.Of(stats.Pairs(at(a.PerSecond, rounds), at(b.PerSecond, rounds), stats.Ratio)), true
}

// Sizes is what programs weigh and how long they take to compile.
type Sizes struct {
	Machine Machine `json:"machine"`
	// Programs are those of a contender, by their number of routes.
	Programs map[string]map[int]Program `json:"programs"`
}

// Program is one that was compiled, stripped of symbols and debug information.
type Program struct {
	Bytes int64 `json:"bytes"`
	// Compile is how long its own package took to compile and the program to link, with everything else compiled before, in seconds.
	Compile float64 `json:"compile"`
}

// Read reads what was written to a file; missing is no error and leaves v as it is.
func Read(path string, v any) (found bool, err error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(text, v)
}

// Write writes v to a file as JSON.
func Write(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Connections are the numbers of connections that a workload was measured with, the fewest first.
func (t *TCP) Connections(workload string) []int {
	seen := map[int]bool{}
	for _, byConnections := range t.Samples[workload] {
		for n := range byConnections {
			seen[n] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
