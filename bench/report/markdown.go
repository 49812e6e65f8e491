package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/internal/results"
)

// markdown is RESULTS.md.
func (b *book) markdown(plots []plotted) string {
	var all strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&all, format+"\n\n", args...) }
	say("# Results")
	say("Written by `go run ./bench/report`; [README.md](README.md) says what is measured, and how to read it. What was measured is in [results](results), round by round.")
	all.WriteString(b.measuredOn())
	show := func(t *table) { all.WriteString(t.markdown()) }
	if b.InProcess != nil {
		show(b.extremes())
		show(b.others())
	}
	show(b.budgets())
	if b.InProcess != nil {
		show(b.ratios())
	}
	for _, p := range plots {
		say("![%s](results/%s)", p.title, p.file)
	}
	if b.InProcess != nil {
		show(b.strictness())
		show(b.times())
		show(b.allocations())
		show(b.bytes())
	}
	if b.TCP != nil {
		show(b.throughput())
	}
	if b.Sizes != nil {
		show(b.sizes())
	}
	say("## Contenders")
	for _, c := range contenders.All() {
		fmt.Fprintf(&all, "- **%s** (`%s`): %s.\n", c.Name, c.Slug, c.About)
	}
	return all.String()
}

// measuredOn says of each part on what, with what and by which command it was measured.
func (b *book) measuredOn() string {
	t := &table{title: "Measured", head: []string{"", "date", "machine", "Go", "weft", "command", "rounds"}, wordy: true}
	add := func(part string, m results.Machine, rounds string) {
		t.add(part, m.Date, fmt.Sprintf("%s, %d processors, %s", m.CPU, m.Processors, m.System), m.Go, m.Weft, "`"+m.Command+"`", rounds)
		if len(t.notes) == 0 {
			var versions []string
			for _, module := range slices.Sorted(maps.Keys(m.Modules)) {
				versions = append(versions, module+" "+m.Modules[module])
			}
			t.notes = append(t.notes, "With "+strings.Join(versions, ", ")+".")
		}
	}
	if p := b.InProcess; p != nil {
		add("in process", p.Machine, rounds(p.Rounds, p.Turns, p.Slice, p.Disturbed))
	}
	if p := b.TCP; p != nil {
		add("over TCP", p.Machine, rounds(p.Rounds, p.Turns, p.Slice, p.Disturbed))
	}
	if p := b.Sizes; p != nil {
		add("programs", p.Machine, "1")
	}
	return t.markdown()
}

func rounds(n, turns int, slice time.Duration, disturbed float64) string {
	each := fmt.Sprint(slice.Round(time.Millisecond / 10))
	if turns > 1 {
		each = fmt.Sprintf("%d turns of %s", turns, each)
	}
	return fmt.Sprintf("%d of %s; %.0f %% of the turns were disturbed", n, each, 100*disturbed)
}
