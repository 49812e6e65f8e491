package onion_test

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// misuse is one way of calling next more often than once.
type misuse struct {
	name string
	do   func(m *attempts, r *weft.Request, next weft.Next) weft.Response
}

// attempts collects what the calls that must be refused get.
type attempts struct {
	trace   *trace
	refused []weft.Response
	later   []func() // to be called when the server has answered
}

func (m *attempts) refuse(resp ...weft.Response) { m.refused = append(m.refused, resp...) }

// inParallel calls next from n goroutines at the same moment.
func inParallel(n int, call func() weft.Response) []weft.Response {
	answers := make([]weft.Response, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			<-start
			answers[i] = call()
		})
	}
	close(start)
	all.Wait()
	return answers
}

// isRefusal tells the answer to a refused call from any other of these tests.
func isRefusal(resp weft.Response) bool {
	return resp.Status() == http.StatusInternalServerError && resp.Err() != nil && resp.Header()[wayHeader] == nil
}

var misuseOfNext = []misuse{
	{"twice in a row", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		resp := next(r)
		m.refuse(next(r), next(r))
		return resp
	}},
	{"twice, with views of the request", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		type key struct{}
		resp := next(r.WithContext(context.WithValue(r.Context(), key{}, 1)))
		m.refuse(next(r.WithContext(context.WithValue(r.Context(), key{}, 2))))
		return resp
	}},
	{"with another Request for the same http.Request, then properly", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		m.refuse(next(weft.NewRequest(r.HTTP())))
		return next(r)
	}},
	{"properly, then with another Request for the same http.Request", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		resp := next(r)
		m.refuse(next(weft.NewRequest(r.HTTP())))
		return resp
	}},
	{"from eight goroutines at once", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		answers := inParallel(8, func() weft.Response { return next(r) })
		entered := slices.IndexFunc(answers, func(resp weft.Response) bool { return !isRefusal(resp) })
		if entered < 0 {
			entered = 0 // all were refused, and the events say so
		}
		m.refuse(slices.Delete(slices.Clone(answers), entered, entered+1)...)
		return answers[entered]
	}},
	{"on a goroutine that is waited for, then again", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		answer := make(chan weft.Response)
		go func() { answer <- next(r) }()
		resp := <-answer
		m.refuse(next(r))
		return resp
	}},
	{"once more when the server has answered", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		m.later = append(m.later, func() { m.refuse(next(r)) })
		return next(r)
	}},
	{"from the handler, around the stages between", func(m *attempts, r *weft.Request, next weft.Next) weft.Response {
		m.trace.core = func() { m.refuse(next(r)) }
		return next(r)
	}},
}

// The calls beyond the first get a 500 and are logged with the stage that made
// them; what is inside runs once, and what the stage returns stands.
func TestNextEntersWhatIsInsideOnce(t *testing.T) {
	for _, misuse := range misuseOfNext {
		t.Run(misuse.name, func(t *testing.T) {
			var m *attempts
			prepare := func(_ *rapid.T, tr *trace) {
				m = &attempts{trace: tr}
				tr.misuse = func(r *weft.Request, next weft.Next) weft.Response { return misuse.do(m, r, next) }
			}
			tryDeviations(t, []deviation{{misuses, false}}, prepare, func(t *rapid.T, tr *trial) {
				for _, call := range m.later {
					call()
				}
				assert.Equal(t, tr.events(), tr.trace.events, "nothing runs when the server has answered")
				assert.Equal(t, tr.status(), tr.rec.Code, "what the stage returned stands")
				assert.Equal(t, way(tr.journey.chain), tr.rec.Header()[wayHeader])
				tr.assertRefused(t, m.refused)
			})
		})
	}
}

// A stage that did not call next has closed it by returning.
func TestNextEntersNothingWhenItsStageHasReturned(t *testing.T) {
	var late func() weft.Response
	prepare := func(t *rapid.T, tr *trace) {
		drawError(t, tr)
		late = nil
		tr.keep = func(r *weft.Request, next weft.Next) {
			late = func() weft.Response { return next(r) }
		}
	}
	ways := []deviation{{answers, false}, {fails, false}, {panics, false}, {zero, false}, {exits, false}}
	tryDeviations(t, ways, prepare, func(t *rapid.T, tr *trial) {
		if late == nil {
			return // the stage was given no next
		}
		refused := late()
		assert.Equal(t, tr.events(), tr.trace.events)
		tr.logs = nil // of the deviation itself
		tr.assertRefused(t, []weft.Response{refused})
	})
}

// assertRefused checks the answers to refused calls of next, and that each was
// logged with the stage that made the call.
func (tr *trial) assertRefused(t require.TestingT, answers []weft.Response) {
	for _, resp := range answers {
		assert.True(t, isRefusal(resp), "a refused call got a %d with the error %v", resp.Status(), resp.Err())
	}
	logs := append(tr.logs, tr.world.log.take()...)
	assert.Len(t, logs, len(answers))
	for _, record := range logs {
		assert.Equal(t, tr.deviant(), record["stage"])
		assert.Contains(t, record["error"], "next")
		assert.Equal(t, tr.request.URL.Path, record["path"])
	}
}

// A stage that starts next and returns without waiting is waited for at its
// boundary: the stages outside go on only when all that it started has ended.
func TestAStageIsLeftWhenTheNextItStartedHasReturned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		srv := w.build(t)
		for _, target := range w.drawTargets(t) {
			j := target.journey()
			if target.route == nil || !j.drawDeviation(t, []deviation{{misuses, false}}) {
				continue
			}
			returned, core := "< "+j.deviant(), make(chan struct{})
			tr := &trace{deviant: j.deviant(), how: j.how}
			tr.misuse = func(r *weft.Request, next weft.Next) weft.Response {
				go next(r)
				<-core
				return weft.Text(shortAnswer).WithStatus(http.StatusTeapot)
			}
			tr.core = func() {
				close(core)
				for !tr.recorded(returned) {
					runtime.Gosched()
				}
			}

			rec, _ := send(t, srv, target.request, tr)

			inside, outside := journey{chain: j.chain[j.at+1:]}, journey{chain: j.chain[:j.at]}
			want := slices.Concat(j.wayIn(), []string{returned}, inside.wayOut(), outside.wayOut(), j.afterwards())
			require.Equal(t, want, tr.events, "%v, where %s abandons next", target, j.deviant())
			assert.Equal(t, http.StatusTeapot, rec.Code)
			assert.Empty(t, w.log.take())
		}
	})
}
