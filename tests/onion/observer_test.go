package onion_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// witness is an Observer of every stage that writes down what it is told.
type witness struct {
	clock  *atomic.Int64 // counts the exits of all observers
	mu     sync.Mutex
	visits []*visit
}

func newWitness(clock *atomic.Int64) *witness { return &witness{clock: clock} }

// visit is one Enter, the visit it stood in, and its exits.
type visit struct {
	planned
	within *visit
	exits  []int64 // when, by the clock
}

func (*witness) Observes(*weft.StageInfo) bool { return true }

func (o *witness) Enter(ctx context.Context, info *weft.StageInfo) (context.Context, weft.Exit) {
	within, _ := ctx.Value(o).(*visit)
	v := &visit{planned: plannedOf([]weft.StageInfo{*info})[0], within: within}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.visits = append(o.visits, v)
	return context.WithValue(ctx, o, v), func(int, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		v.exits = append(v.exits, o.clock.Add(1))
	}
}

func (o *witness) take() []*visit {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.visits
	o.visits = nil
	return taken
}

// Observers are told of every stage that is entered, nested as the onion nests,
// whichever way the request goes, and of its end once.
func TestObserversSeeEveryEnteredStageOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var clock atomic.Int64
		outer, inner := newWitness(&clock), newWitness(&clock)
		w := drawWorld(t, weft.WithObserver(outer), weft.WithObserver(inner))
		srv := w.build(t)
		assert.Empty(t, outer.take(), "building enters nothing")
		inner.take()
		for _, target := range w.drawTargets(t) {
			j := target.journey()
			if rapid.Bool().Draw(t, "deviates") {
				j.drawDeviation(t, []deviation{
					{answers, false}, {fails, false}, {panics, false}, {panics, true}, {zero, true}, {aborts, false}, {exits, true},
				})
			}
			tr := &trace{deviant: j.deviant(), how: j.how, err: errPlain}
			send(t, srv, target.request, tr)

			what := fmt.Sprintf("%v, where %s %v", target, tr.deviant, tr.how)
			seen, seenInside := outer.take(), inner.take()
			for _, visits := range [][]*visit{seen, seenInside} {
				require.Equal(t, j.visited(target.route), stagesOf(visits), what)
				assertNested(t, visits)
			}
			for i := range seen {
				assert.Less(t, seenInside[i].exits[0], seen[i].exits[0], "the first observer is the outermost")
			}
		}
	})
}

// assertNested checks that each visit stands in the one before and ends once, before that.
func assertNested(t require.TestingT, visits []*visit) {
	for i, v := range visits {
		require.Len(t, v.exits, 1, "the exit of %s", v.Name)
		switch {
		case v.Kind == "respond": // it stands beside the handler, not in it
			assert.Same(t, visits[i-1].within, v.within)
		case i > 0:
			assert.Same(t, visits[i-1], v.within, "%s stands in the stage before it", v.Name)
		}
		if v.within != nil {
			assert.Less(t, v.exits[0], v.within.exits[0], "%s is left before what it stands in", v.Name)
		}
	}
}

func stagesOf(visits []*visit) []planned {
	list := []planned{}
	for _, v := range visits {
		list = append(list, v.planned)
	}
	return list
}

// visited is the stages of the plan that the request gets to.
func (j journey) visited(r *route) []planned {
	entered := j.entered()
	if r == nil {
		return modelOf(entered)
	}
	plan := r.plan()
	if len(entered) == len(j.chain) && (j.how.manner == "" || j.at < len(j.chain)-1) {
		return plan // the handler answers
	}
	last := entered[len(entered)-1]
	if last.form == theHandler {
		return slices.DeleteFunc(plan, func(p planned) bool { return p.Kind == "respond" })
	}
	// The place is as far into the plan as into the chain, but for the extract step before interceptors.
	end := len(entered)
	if last.kind == "interceptor" && r.handler.form.reads() {
		end++
	}
	return plan[:end]
}
