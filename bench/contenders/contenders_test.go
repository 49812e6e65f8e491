package contenders_test

import (
	"slices"
	"testing"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/contest"
)

func TestEveryContenderAnswersRightly(t *testing.T) {
	workloads := contest.Workloads()
	for _, c := range contenders.All() {
		t.Run(c.Slug, func(t *testing.T) {
			if err := contest.Check(&c, workloads); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is compared most closely is equally strict; of the others the report says what they let pass.
func TestTheBestByHandAndWeftRefuseTheSame(t *testing.T) {
	probes := contest.Probes()
	for _, c := range contenders.All() {
		statuses, err := contest.Strictness(&c, probes)
		if err != nil {
			t.Fatal(err)
		}
		for i, status := range statuses {
			if status >= 500 {
				t.Errorf("%s fails with %d of %s", c.Name, status, probes[i].Title)
			}
			if exact := c.Slug == contenders.Baseline || c.Slug == "weft"; exact && status != probes[i].Status {
				t.Errorf("%s answers %d to %s, not %d", c.Name, status, probes[i].Title, probes[i].Status)
			}
		}
	}
}

func TestWhatAContenderDoesNotDoHasAReason(t *testing.T) {
	var slugs []string
	for _, c := range contenders.All() {
		if slices.Contains(slugs, c.Slug) || c.About == "" {
			t.Errorf("%q is there twice, or says nothing of itself", c.Slug)
		}
		slugs = append(slugs, c.Slug)
		if found, ok := contenders.Named(c.Slug); !ok || found.Name != c.Name {
			t.Errorf("%q is not found", c.Slug)
		}
		for _, w := range contest.Workloads() {
			if w.Reason(&c) == "not written" {
				t.Errorf("%s does not do %s, and does not say why", c.Name, w.Title)
			}
		}
	}
	if slugs[0] != contenders.Baseline {
		t.Errorf("ratios are made against %s, which is not the first", contenders.Baseline)
	}
}

func BenchmarkContenders(b *testing.B) {
	all, workloads := contenders.All(), contest.Workloads()
	for _, c := range all {
		if err := contest.Check(&c, workloads); err != nil {
			b.Fatal(err)
		}
	}
	for _, w := range workloads {
		for _, c := range all {
			if w.Reason(&c) != "" {
				continue
			}
			make := w.App(c)
			b.Run(w.ID+"/"+c.Slug, func(b *testing.B) {
				b.ReportAllocs()
				switch {
				case w.Starts:
					for b.Loop() {
						make()
					}
				case w.Parallel:
					app := make()
					b.RunParallel(func(pb *testing.PB) {
						for call := app.Caller(w.Request); pb.Next(); {
							call()
						}
					})
				default:
					call := make().Caller(w.Request)
					for b.Loop() {
						call()
					}
				}
			})
		}
	}
}
