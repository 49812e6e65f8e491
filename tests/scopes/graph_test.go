package scopes_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// drawWorld draws a graph of services and the stages of a route. Where it may be wrong, it often is.
func drawWorld(t *rapid.T, mayBeWrong bool) *world {
	w := &world{live: map[int]int{}}
	n := rapid.IntRange(1, len(types)).Draw(t, "services")
	chance := func(of int, what string) bool { return rapid.IntRange(0, of-1).Draw(t, what) == of-1 }
	wrong := mayBeWrong && rapid.Bool().Draw(t, "wrong")
	for id := range n {
		s := &service{id: id, form: types[id][rapid.IntRange(0, 2).Draw(t, "form")], source: made, group: -1}
		s.life = rapid.SampledFrom([]lifetime{asAuto, asAuto, asAuto, asSingleton, asRequest}).Draw(t, "life")
		w.services = append(w.services, s)
		switch {
		case chance(8, "external"):
			s.source, s.life = external, asSingleton
			continue
		case chance(8, "from a key"):
			s.source, s.life = fromKey, asRequest
			continue
		case chance(5, "in a group"):
			s.group = rapid.IntRange(0, len(groups)-1).Draw(t, "group")
		default:
			s.bound = rapid.Bool().Draw(t, "bound")
		}
		s.context = s.life == asRequest && rapid.Bool().Draw(t, "context")
		for range rapid.IntRange(0, min(id, 3)).Draw(t, "needs") {
			s.needs = append(s.needs, w.drawNeed(t, id))
		}
		if wrong {
			s.pinned = s.life != asRequest && chance(12, "pinned")
			if chance(40, "a need of anything") {
				s.needs = append(s.needs, need{service: rapid.IntRange(0, len(types)-1).Draw(t, "any")})
			}
		} else if s.life == asSingleton && w.lifetimes()[id] { // captive: not what this is about
			s.life = asAuto
		}
		if !wrong && !w.sound() { // a group that leads back to itself, or has become captive
			s.group, s.needs = -1, nil
			if !w.sound() {
				s.life, s.context = asAuto, false
			}
		}
	}
	for _, kind := range stageKinds {
		for range rapid.IntRange(0, 1).Draw(t, kind) {
			w.stages = append(w.stages, &stage{kind, w.drawNeed(t, n)})
		}
	}
	return w
}

// drawNeed draws one of the services before a number, or a group.
func (w *world) drawNeed(t *rapid.T, before int) need {
	if rapid.IntRange(0, 5).Draw(t, "by group") == 0 {
		n := need{service: -1, group: rapid.IntRange(0, len(groups)-1).Draw(t, "group")}
		if len(w.satisfying(n)) > 0 {
			return n
		}
	}
	var single []int
	for _, s := range w.services[:before] {
		if s.group < 0 {
			single = append(single, s.id)
		}
	}
	if len(single) == 0 {
		return need{service: -1, group: w.services[0].group}
	}
	id := rapid.SampledFrom(single).Draw(t, "need")
	return need{service: id, byFace: w.services[id].bound && rapid.Bool().Draw(t, "by its interface")}
}

// lifetimes is which services are made per request: the fixed point of "needs one that is".
func (w *world) lifetimes() []bool {
	request := make([]bool, len(w.services))
	for changed := true; changed; {
		changed = false
		for _, s := range w.services {
			is := s.life == asRequest
			for _, n := range s.needs {
				for _, d := range w.satisfying(n) {
					is = is || request[d]
				}
			}
			if is && !request[s.id] {
				request[s.id], changed = true, true
			}
		}
	}
	return request
}

// sound reports whether nothing is wrong with the graph and its stages.
func (w *world) sound() bool {
	request := w.lifetimes()
	var all []need
	for _, s := range w.services {
		if request[s.id] && (s.life == asSingleton || s.pinned) {
			return false
		}
		all = append(all, s.needs...)
	}
	for _, st := range w.stages {
		all = append(all, st.need)
	}
	for _, n := range all {
		if len(w.satisfying(n)) == 0 {
			return false
		}
	}
	return !w.cyclic()
}

// cyclic reports whether services remain when all that need nothing more are taken away, again and again.
func (w *world) cyclic() bool {
	gone := make([]bool, len(w.services))
	for range w.services {
		for _, s := range w.services {
			free := true
			for _, n := range s.needs {
				for _, d := range w.satisfying(n) {
					free = free && gone[d]
				}
			}
			gone[s.id] = gone[s.id] || free
		}
	}
	return slices.Contains(gone, false)
}

// steps is how many steps it is from each service to one that is declared per request.
func (w *world) steps() []int {
	steps := make([]int, len(w.services))
	for i, s := range w.services {
		if steps[i] = math.MaxInt / 2; s.life == asRequest {
			steps[i] = 0
		}
	}
	for range w.services {
		for i, s := range w.services {
			for _, n := range s.needs {
				steps[i] = min(steps[i], w.stepsOf(n, steps))
			}
		}
	}
	return steps
}

func (w *world) stepsOf(n need, steps []int) int {
	least := math.MaxInt / 2
	for _, d := range w.satisfying(n) {
		least = min(least, steps[d]+1)
	}
	if n.service < 0 {
		least++ // through the group
	}
	return least
}

func (w *world) order(t *rapid.T) []int {
	ids := make([]int, len(w.services))
	for i := range ids {
		ids[i] = i
	}
	return rapid.Permutation(ids).Draw(t, "order")
}

func TestLifetimesAndMistakesOfRandomGraphs(t *testing.T) {
	sound, unsound := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, true)
		app, _ := w.app(w.order(t))
		plan, err := app.Plan()
		assert.Empty(t, w.events, "Plan makes nothing")
		if !w.sound() {
			unsound++
			require.Error(t, err)
			return
		}
		sound++
		require.NoError(t, err)
		request, steps := w.lifetimes(), w.steps()
		want, got := map[string][]string{}, map[string][]string{}
		describe := func(request bool, declared lifetime, steps int) string {
			if !request {
				return fmt.Sprint(declared, ", singleton")
			}
			if declared == asRequest {
				steps = 0
			}
			return fmt.Sprint(declared, ", per request by ", steps)
		}
		for _, s := range w.services {
			if s.source == made {
				name := s.form.typ.String()
				if s.group >= 0 {
					name = groups[s.group].typ.String()[2:]
				}
				want[name] = append(want[name], describe(request[s.id], s.life, steps[s.id]))
			}
		}
		place := map[string]int{}
		for i, s := range plan.Services {
			place[s.Service] = i
			got[s.Service] = append(got[s.Service], describe(s.Lifetime == "per request", lifetime(s.Declared), strings.Count(s.Reason, " needs ")))
		}
		for name := range want {
			assert.ElementsMatch(t, want[name], got[name], name)
		}
		assert.Len(t, got, len(want))
		planned := slices.DeleteFunc(slices.Clone(plan.Routes[0].Stages), func(s weft.StageInfo) bool { return s.Lifetime == "" })
		require.Len(t, planned, len(w.stages))
		for i, st := range w.stages {
			isRequest := false
			for _, d := range w.satisfying(st.need) {
				isRequest = isRequest || request[d]
			}
			if !isRequest {
				assert.Equal(t, "singleton", planned[i].Lifetime, st.kind)
				assert.Empty(t, planned[i].Reason)
				continue
			}
			assert.Equal(t, "per request", planned[i].Lifetime, st.kind)
			assert.Equal(t, w.stepsOf(st.need, steps), strings.Count(planned[i].Reason, " needs "), planned[i].Reason)
		}
	})
	t.Logf("%d graphs that are right, %d that are wrong", sound, unsound)
}

// closure is the services of the request that the needs lead to.
func (w *world) closure(needs []need, found map[int]bool) {
	request := w.lifetimes()
	for _, n := range needs {
		for _, d := range w.satisfying(n) {
			if s := w.services[d]; request[d] && !found[d] {
				if s.source == made {
					found[d] = true
				}
				w.closure(s.needs, found)
			}
		}
	}
}

var (
	stageWays = []string{"stops", "fails", "panics", "aborts", "exits"}
	ctorWays  = []string{"fails", "panics", "aborts", "exits"}
	endWays   = []string{"fails", "panics", "aborts", "exits"}
)

func (w *world) drawDeviance(t *rapid.T) deviance {
	d := deviance{stage: -1, ctor: -1, close: map[int]string{}, settle: map[int]string{}}
	if len(w.stages) > 0 && rapid.Bool().Draw(t, "a stage deviates") {
		d.stage = rapid.IntRange(0, len(w.stages)-1).Draw(t, "stage")
		d.how = rapid.SampledFrom(stageWays).Draw(t, "how")
	}
	if rapid.IntRange(0, 3).Draw(t, "a constructor deviates") == 0 {
		d.ctor = rapid.IntRange(0, len(w.services)-1).Draw(t, "constructor")
		d.ctorHow = rapid.SampledFrom(ctorWays).Draw(t, "constructor how")
	}
	for _, s := range w.services {
		if s.form.closes && rapid.IntRange(0, 7).Draw(t, "Close deviates") == 0 {
			d.close[s.id] = rapid.SampledFrom(endWays).Draw(t, "Close how")
		}
		if s.form.settles && rapid.IntRange(0, 7).Draw(t, "Settle deviates") == 0 {
			d.settle[s.id] = rapid.SampledFrom(endWays).Draw(t, "Settle how")
		}
	}
	return d
}

// send sends one request on a goroutine of its own, which it may end.
func (w *world) send(srv *weft.Server) (status int) {
	w.events, w.wrong, w.entered = nil, nil, 0
	hr := httptest.NewRequest(http.MethodGet, "/g/x", nil)
	w.ctx = context.WithValue(hr.Context(), seenKey{}, &seen{})
	rec := httptest.NewRecorder()
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		srv.ServeHTTP(rec, hr.WithContext(w.ctx))
	}()
	if p := <-done; p != nil && p != http.ErrAbortHandler {
		w.complain("the server panicked: %v", p)
	}
	return rec.Code
}

func TestARequestMakesWhatItNeedsAndEndsAllOfIt(t *testing.T) {
	deviances := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, false)
		require.True(t, w.sound())
		app, _ := w.app(w.order(t))
		w.deviant = deviance{stage: -1, ctor: -1}
		srv, err := app.Build(t.Context())
		require.NoError(t, err)
		w.checkBuild(t)
		for range 4 {
			w.deviant = w.drawDeviance(t)
			deviances[w.deviant.how]++
			w.send(srv)
			require.Empty(t, w.wrong, "%+v", w.deviant)
			w.checkRequest(t)
		}
	})
	t.Logf("requests by how a stage deviated: %v", deviances)
}

// checkBuild checks that the singletons were made, once and each behind what it needs.
func (w *world) checkBuild(t *rapid.T) {
	request := w.lifetimes()
	var want, got []int
	needed := map[int]bool{} // of the application's own, which are made when they are needed
	for _, s := range w.services {
		for _, n := range s.needs {
			for _, d := range w.satisfying(n) {
				needed[d] = true
			}
		}
	}
	for _, st := range w.stages {
		for _, d := range w.satisfying(st.need) {
			needed[d] = true
		}
	}
	for _, s := range w.services {
		if !request[s.id] && (s.source == made || needed[s.id]) {
			want = append(want, s.id)
		}
	}
	for _, e := range w.events {
		got = append(got, e.id)
	}
	assert.ElementsMatch(t, want, got, "the singletons")
	w.checkOrder(t)
}

// checkOrder checks that what was made was made behind what it needs.
func (w *world) checkOrder(t *rapid.T) {
	place := map[int]int{}
	for i, e := range w.events {
		if e.what == "made" {
			place[e.id] = i
		}
	}
	for id, at := range place {
		for _, n := range w.services[id].needs {
			for _, d := range w.satisfying(n) {
				if before, too := place[d]; too {
					assert.Less(t, before, at, "%d needs %d", id, d)
				}
			}
		}
	}
}

// checkRequest checks what one request made, and how that ended.
func (w *world) checkRequest(t *rapid.T) {
	d := w.deviant
	reached := len(w.stages)
	if d.stage >= 0 {
		reached = d.stage + 1
	}
	needed, failsAt := map[int]bool{}, -1
	for i, st := range w.stages[:reached] {
		w.closure([]need{st.need}, needed)
		if d.ctor >= 0 && needed[d.ctor] {
			failsAt = i
			break
		}
	}
	var made, ended []event
	for _, e := range w.events {
		if e.what == "made" {
			made = append(made, e)
		} else {
			ended = append(ended, e)
		}
	}
	want := make([]int, 0, len(needed))
	for id := range needed {
		want = append(want, id)
	}
	got := make([]int, 0, len(made))
	for _, e := range made {
		got = append(got, e.id)
	}
	if failsAt < 0 {
		assert.ElementsMatch(t, want, got, "what is needed is made, once")
		assert.Equal(t, reached, w.entered)
	} else {
		assert.Subset(t, want, got, "nothing is made that is not needed")
		assert.NotContains(t, got, d.ctor)
		assert.Len(t, slices.Compact(slices.Sorted(slices.Values(got))), len(got), "once")
		assert.Equal(t, failsAt, w.entered, "the stage whose service fails does not run")
	}
	w.checkOrder(t)
	w.checkEnds(t, made, ended)
	for _, e := range made {
		delete(w.live, e.id)
	}
}

// checkEnds checks that everything that was made was settled and closed, each once, the last made first.
func (w *world) checkEnds(t *rapid.T, made, ended []event) {
	var closed, settled, wantClosed, wantSettled []event
	over := map[int]bool{}
	for _, e := range ended {
		if e.what == "closed" {
			closed = append(closed, event{"", e.id, e.n})
			over[e.id] = true
			continue
		}
		settled = append(settled, event{"", e.id, e.n})
		assert.False(t, over[e.id], "%d is settled before it is closed", e.id)
	}
	for _, e := range slices.Backward(made) {
		if w.services[e.id].form.closes {
			wantClosed = append(wantClosed, event{"", e.id, e.n})
		}
		if w.services[e.id].form.settles {
			wantSettled = append(wantSettled, event{"", e.id, e.n})
		}
	}
	assert.Equal(t, wantClosed, closed, "closed in reverse: %+v %v", w.deviant, w.events)
	assert.Equal(t, wantSettled, settled, "settled in reverse: %+v %v", w.deviant, w.events)

	// No commit behind a failure, and none of a request that did not succeed.
	failed := w.deviant.stage >= 0 && w.deviant.how != "stops" || w.deviant.ctor >= 0 && w.entered < len(w.stages) && w.deviant.stage < 0
	for _, e := range ended {
		switch {
		case e.what == "committed" && failed:
			t.Errorf("%d was committed behind a failure: %+v", e.id, w.deviant)
		case e.what != "closed" && w.deviant.settle[e.id] != "":
			failed = true
		}
	}
	if w.deviant.stage < 0 && w.deviant.ctor < 0 && len(w.deviant.settle) == 0 {
		for _, e := range ended {
			assert.NotEqual(t, "rolled back", e.what, "nothing went wrong")
		}
	}
}
