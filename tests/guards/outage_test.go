package guards_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// drawTree draws a tree with leaves from first on; it is a leaf where depth or leaves run out.
func drawTree(t *rapid.T, depth int, first *int) *tree {
	op := leaf
	if depth > 0 && *first < maxLeaves-3 {
		op = rapid.SampledFrom([]operator{all, all, oneOf, oneOf, not, unless, leaf}).Draw(t, "operator")
	}
	parts := map[operator]int{not: 1, unless: 2}[op]
	switch op {
	case leaf:
		f := rapid.SampledFrom([]form{values, values, sets, sets, nothing, plain, forgets}).Draw(t, "form")
		*first++
		return newLeaf(*first-1, f)
	case all, oneOf:
		parts = rapid.IntRange(1, 3).Draw(t, "parts")
	}
	tr := &tree{op: op}
	for range parts {
		if *first < maxLeaves {
			tr.of = append(tr.of, drawTree(t, depth-1, first))
		}
	}
	if len(tr.of) < parts { // there are no more leaves
		return combined(oneOf, tr.of...)
	}
	return tr
}

// keeping is the guards of one route, as they are drawn.
type keeping struct {
	trees  []*tree // in the order in which they are asked
	at     map[level][]weft.Guard
	leaves int
}

func drawKeeping(t *rapid.T) keeping {
	k := keeping{at: map[level][]weft.Guard{}}
	for _, l := range levels {
		for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "guards of the "+string(l)) {
			if k.leaves < maxLeaves {
				k.add(l, drawTree(t, 4, &k.leaves))
			}
		}
	}
	if k.leaves == 0 {
		k.add("route", drawTree(t, 4, &k.leaves))
	}
	return k
}

func (k *keeping) add(l level, tr *tree) {
	k.trees = append(k.trees, tr)
	k.at[l] = append(k.at[l], tr.guard())
}

// drawDoes draws what the leaves do: mostly yes and no, so that many are asked.
func (k keeping) drawDoes(t *rapid.T) []*kind {
	does := make([]*kind, k.leaves)
	for i := range does {
		of := allKinds
		if rapid.IntRange(0, 5).Draw(t, "usual") > 0 {
			of = []*kind{allows, allows, denies, asksWho, wrapsTwice}
		}
		does[i] = rapid.SampledFrom(of).Draw(t, "does")
	}
	return does
}

// drawOptions draws what else looks at the guards: nobody, or somebody who must not matter.
func drawOptions(t *rapid.T) []weft.Option {
	var opts []weft.Option
	if rapid.Bool().Draw(t, "observed") {
		opts = append(opts, weft.WithObserver(weft.ObserverFunc(func(ctx context.Context, _ *weft.StageInfo) (context.Context, weft.Exit) {
			return ctx, func(int, error) {}
		})))
	}
	if rapid.Bool().Draw(t, "told") {
		opts = append(opts, weft.WithDecisions(func(*weft.Request, weft.Decision) {}))
	}
	return opts
}

// An outage never lets anybody in: whatever the tree, a guard that was asked and
// could not decide ends the request, and turns no refusal into a yes.
func TestNoOutageGrantsAccess(t *testing.T) {
	requests, refused, failed := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		k := drawKeeping(t)
		s := newSite(t, k.at, drawOptions(t)...)
		visit := func(does []*kind) outcome {
			requests++
			got := s.visitInProcess(does)
			want, asked := whether(k.trees, does)
			if wrong := got.differs(want, asked); wrong != "" {
				t.Fatalf("%v, where the leaves %v: %s", k.trees, does, wrong)
			}
			if wrong := got.logs(does, want); wrong != "" {
				t.Fatalf("%v, where the leaves %v: %s", k.trees, does, wrong)
			}
			anyFailed := false
			for _, n := range numbers(got.asked) {
				anyFailed = anyFailed || does[n].verdict == weft.VerdictFailed
			}
			if anyFailed && (got.handled || got.status < 400) {
				t.Fatalf("%v, where the leaves %v: one of %s failed, and the answer is %d", k.trees, does, got.asked, got.status)
			}
			return got
		}
		for range 5 {
			does := k.drawDoes(t)
			before := visit(does)
			for i := range does {
				instead := append([]*kind(nil), does...)
				instead[i] = rapid.SampledFrom(failing).Draw(t, "fails with")
				after := visit(instead)
				asked := slices.Contains(numbers(before.asked), i)
				switch {
				case asked && (after.handled || after.status != instead[i].status):
					t.Fatalf("%v: leaf %d %s, and the answer is %d; where the leaves %v it was %d", k.trees, i, instead[i], after.status, does, before.status)
				case !asked && (after.status != before.status || after.asked != before.asked):
					t.Fatalf("%v: leaf %d was not asked, and mattered: %d, not %d", k.trees, i, after.status, before.status)
				}
				if asked {
					failed++
				}
			}
			if before.status != http.StatusOK {
				refused++
			}
			again := visit(does) // the server goes on as before
			if fmt.Sprint(again) != fmt.Sprint(before) {
				t.Fatalf("%v, where the leaves %v: the answer was %v and is %v", k.trees, does, before, again)
			}
		}
	})
	t.Logf("%d requests; %d of the original ones refused; %d leaves that were asked replaced by a failure", requests, refused, failed)
	assert.Positive(t, failed)
}
