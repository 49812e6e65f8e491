// Package onion_test states the laws of the onion as properties and tries them
// on apps that are declared at random: groups in groups, handlers copied from
// each other, stages shared between places, and everything in any order.
package onion_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

func TestThePlanOfEveryRouteIsTheDeclaredOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		plan, err := w.app.Plan()
		require.NoError(t, err)

		assert.Equal(t, modelOf(w.groups[0].missChain()), plannedOf(plan.App), "every request")

		require.Len(t, plan.Routes, len(w.routes))
		for i, r := range w.routes {
			got := plan.Routes[i]
			assert.Equal(t, r.pattern, got.Pattern)
			assert.Equal(t, r.handler.name, got.Name)
			assert.Equal(t, r.plan(), plannedOf(got.Stages), "the stages of %s", r.pattern)
		}

		var prefixed []*group
		for _, g := range w.groups[1:] {
			if g.host != "" || g.path != "" {
				prefixed = append(prefixed, g)
			}
		}
		require.Len(t, plan.Misses, len(prefixed))
		for i, g := range prefixed {
			assert.Equal(t, g.prefix(), plan.Misses[i].Prefix)
			assert.Equal(t, modelOf(g.missChain()), plannedOf(plan.Misses[i].Stages), "no route under %s", g.prefix())
		}

		again, err := w.app.Plan()
		require.NoError(t, err)
		assert.Equal(t, plan, again, "a plan changes nothing")
		assert.Equal(t, plan, w.build(t).Plan(), "what is built is what was planned")
	})
}

func modelOf(places []place) []planned {
	list := []planned{}
	for _, p := range places {
		list = append(list, p.planned())
	}
	return list
}

func plannedOf(stages []weft.StageInfo) []planned {
	list := []planned{}
	for _, s := range stages {
		list = append(list, planned{s.Name, string(s.Kind), string(s.Level), s.Group, s.Route})
	}
	return list
}

func TestEveryRequestRunsThePlanOfItsRouteAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		srv := w.build(t)
		for _, r := range w.routes {
			target := w.target(r.drawRequest(t))
			r = target.route // a more specific one may be meant
			require.NotNil(t, r)
			tr := &trace{}

			rec, _ := send(t, srv, target.request, tr)

			require.Equal(t, target.journey().events(), tr.events, "%v", target)
			assert.Equal(t, r.handler.success(), rec.Code)
			assert.Equal(t, way(target.chain), rec.Header()[wayHeader])
			assert.Empty(t, w.log.take())
			for _, sent := range tr.finals {
				assert.Equal(t, r.handler.success(), sent.Status)
				assert.NoError(t, sent.Err)
			}
			assertFinds(t, r, tr.route)
		}
	})
}

// assertFinds checks what the handler finds out about its route.
func assertFinds(t require.TestingT, r *route, got *weft.Route) {
	require.NotNil(t, got)
	assert.Equal(t, r.pattern, got.Pattern())
	assert.Equal(t, r.handler.name, got.Name())
	assertNearest[role](t, r, got)
	assertNearest[owner](t, r, got)
	assertNearest[cost](t, r, got)
}

func assertNearest[T any](t require.TestingT, r *route, got *weft.Route) {
	want, declared := nearest[T](r)
	value, found := weft.MetaOf[T](got)
	assert.Equal(t, declared, found, "metadata of type %T", want)
	assert.Equal(t, want, value)
}

// way is what the stages of a chain put on a Response that passes all of them.
func way(chain []place) []string {
	var names []string
	for _, p := range slices.Backward(chain) {
		if p.form.recordsLeaving() {
			names = append(names, p.name)
		}
	}
	return names
}

func TestAHandlerIsUnchangedByTheCopiesMadeOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		handlers := drawWorld(t).handlers
		w := newWorld()
		for i, h := range handlers { // only now, when all have been extended
			r := &route{w.groups[0], h, fmt.Sprintf("GET /%d", i)}
			require.True(t, w.accepts(r))
			w.app.Handle(r.pattern, h.built.Endpoint())
			w.routes = append(w.routes, r)
		}
		srv := w.build(t)
		for i, r := range w.routes {
			got := srv.Plan().Routes[i]
			assert.Equal(t, r.plan(), plannedOf(got.Stages))
			assert.Equal(t, r.handler.name, got.Name)
			if r.handler.limit != 0 {
				assert.Equal(t, r.handler.limit, got.Limit)
			} else {
				assert.EqualValues(t, weft.DefaultLimit, got.Limit)
			}
			if r.handler.form != answersResponse {
				assert.Equal(t, r.handler.success(), got.Statuses[0])
			}

			target, tr := w.target(r.drawRequest(t)), &trace{}
			send(t, srv, target.request, tr)
			require.Equal(t, target.journey().events(), tr.events)
			assertFinds(t, r, tr.route)
		}
	})
}

// A slice with room to grow shows where copies share it, and append leaves room
// after 3, 5, 6 and 7 elements that were added one by one.
func TestSiblingsDoNotShareWhatTheyInherit(t *testing.T) {
	for _, inherited := range []int{1, 2, 3, 5, 6, 7, 9} {
		for name, siblings := range map[string]func(*weft.App, []weft.Middleware) (first, second *weft.Handler[struct{}, reply]){
			"handlers with middleware": func(_ *weft.App, base []weft.Middleware) (first, second *weft.Handler[struct{}, reply]) {
				h := greeting()
				for _, m := range base {
					h = h.Use(m)
				}
				return h.Use(named("first")), h.Use(named("second"))
			},
			"handlers with interceptors": func(_ *weft.App, base []weft.Middleware) (first, second *weft.Handler[struct{}, reply]) {
				h := greeting()
				for _, m := range base {
					h = h.Intercept(m)
				}
				return h.Intercept(named("first")), h.Intercept(named("second"))
			},
			"one handler in two groups": func(app *weft.App, base []weft.Middleware) (first, second *weft.Handler[struct{}, reply]) {
				outer := app.Group("")
				for _, m := range base {
					outer.Use(m)
				}
				outer.Group("/1", named("first")).Handle("GET", greeting())
				outer.Group("/2", named("second")).Handle("GET", greeting())
				return nil, nil
			},
		} {
			t.Run(fmt.Sprintf("%s and %d stages", name, inherited), func(t *testing.T) {
				app := weft.New()
				var base []weft.Middleware
				var want []string
				for i := range inherited {
					want = append(want, fmt.Sprint("base ", i))
					base = append(base, named(want[i]))
				}
				if first, second := siblings(app, base); first != nil {
					app.Handle("GET /1", first)
					app.Handle("GET /2", second)
				}
				plan, err := app.Plan()
				require.NoError(t, err)
				assert.Equal(t, append(slices.Clone(want), "first"), attachedTo(plan.Routes[0]))
				assert.Equal(t, append(slices.Clone(want), "second"), attachedTo(plan.Routes[1]))
			})
		}
	}
}

func greeting() *weft.Handler[struct{}, reply] {
	return answersJSON.build("greeting").(built[struct{}, reply]).h
}

func named(name string) weft.Middleware { return newStage(name, function, false).value }

// attachedTo is the names of the stages that users attached.
func attachedTo(r weft.RoutePlan) []string {
	var names []string
	for _, s := range r.Stages {
		if s.Kind == weft.KindMiddleware || s.Kind == weft.KindInterceptor {
			names = append(names, s.Name)
		}
	}
	return names
}

// trial is a request of which one stage deviated, and what came of it.
type trial struct {
	world *world
	*target
	journey
	trace   *trace
	rec     *httptest.ResponseRecorder
	dropped any
	logs    []map[string]any
}

// tryDeviations sends requests through random worlds, observed or not, each
// with one stage that deviates in one of the ways. prepare completes the trace.
func tryDeviations(t *testing.T, ways []deviation, prepare func(*rapid.T, *trace), check func(*rapid.T, *trial)) {
	rapid.Check(t, func(t *rapid.T) {
		var opts []weft.Option
		if rapid.Bool().Draw(t, "observed") {
			opts = append(opts, weft.WithObserver(newWitness(new(atomic.Int64))))
		}
		w := drawWorld(t, opts...)
		srv := w.build(t)
		for _, target := range w.drawTargets(t) {
			j := target.journey()
			if !j.drawDeviation(t, ways) {
				continue
			}
			tr := &trace{deviant: j.deviant(), how: j.how}
			if prepare != nil {
				prepare(t, tr)
			}
			rec, dropped := send(t, srv, target.request, tr)
			require.Equal(t, j.events(), tr.events, "%v, where %s %v", target, tr.deviant, j.how)
			check(t, &trial{w, target, j, tr, rec, dropped, w.log.take()})
		}
	})
}

// drawDeviation makes one place of the chain deviate, if there is one that can.
func (j *journey) drawDeviation(t *rapid.T, ways []deviation) bool {
	var options []journey
	for at, p := range j.chain {
		for _, how := range ways {
			if p.form.can(how) && deviating(j.chain, p) == at {
				options = append(options, journey{j.chain, at, how, j.failed})
			}
		}
	}
	if len(options) == 0 {
		return false
	}
	*j = options[rapid.IntRange(0, len(options)-1).Draw(t, "deviation")]
	return true
}

// deviating is the place that deviates of a stage that stands in the chain more
// than once: the one that asks first, on the way in or, for After, on the way out.
func deviating(chain []place, p place) int {
	at := -1
	for i, other := range chain {
		if other.name == p.name && (at < 0 || p.form == after) {
			at = i
		}
	}
	return at
}

// outside calls see for every Response that a stage outside the deviating one saw.
func (tr *trial) outside(see func(name string, resp weft.Response)) {
	for _, p := range tr.journey.chain[:tr.at] {
		if resp, saw := tr.trace.seen[p.name]; saw {
			see(p.name, resp)
		}
	}
}

func TestAShortCircuitUnwindsExactlyTheStagesOutsideIt(t *testing.T) {
	tryDeviations(t, []deviation{{answers, false}}, nil, func(t *rapid.T, tr *trial) {
		assert.Equal(t, http.StatusTeapot, tr.rec.Code)
		assert.Equal(t, way(tr.entered()), tr.rec.Header()[wayHeader])
		tr.outside(func(name string, resp weft.Response) {
			assert.Equal(t, http.StatusTeapot, resp.Status(), name)
			assert.NoError(t, resp.Err(), name)
		})
		for _, sent := range tr.trace.finals {
			assert.Equal(t, http.StatusTeapot, sent.Status)
		}
		assert.Empty(t, tr.logs)
	})
}

// secret is part of what no client may learn.
const secret = "password=hunter2"

var errPlain = errors.New(secret)

// drawError draws an error to fail or panic with: one that says what the client
// may know, one that says nothing, and both wrapped.
func drawError(t *rapid.T, tr *trace) {
	status := rapid.SampledFrom([]int{400, 401, 404, 409, 422, 429, 500, 503}).Draw(t, "status")
	public := &weft.Error{Status: status, Code: "drawn", Detail: "As drawn.", Cause: errPlain}
	tr.err = rapid.SampledFrom([]error{
		errPlain,
		public,
		fmt.Errorf("wrapped: %w", errPlain),
		fmt.Errorf("wrapped: %w", public),
		errors.Join(errPlain, public),
	}).Draw(t, "error")
}

func TestAFailureIsSeenByTheStagesOutsideAndLoggedOnce(t *testing.T) {
	ways := []deviation{{fails, false}, {fails, true}, {panics, false}, {panics, true}}
	tryDeviations(t, ways, drawError, func(t *rapid.T, tr *trial) {
		status := http.StatusInternalServerError
		if public, ok := errors.AsType[*weft.Error](tr.trace.err); ok && tr.how.manner != panics {
			status = public.Status
		}
		assertCause := func(err error, where string) {
			if tr.how.manner != panics {
				assert.Same(t, tr.trace.err, err, where)
				return
			}
			p, ok := errors.AsType[*weft.PanicError](err)
			if assert.True(t, ok, "%s: %T is no PanicError", where, err) {
				assert.Same(t, tr.trace.err, p.Value, where)
				assert.Contains(t, string(p.Stack), "tests/onion/", "the stack leads to the stage")
			}
		}

		assert.Equal(t, status, tr.rec.Code)
		tr.outside(func(name string, resp weft.Response) {
			assert.Equal(t, status, resp.Status(), name)
			assertCause(resp.Err(), name)
			body, err := resp.Render()
			require.NoError(t, err)
			assert.NotContains(t, string(body), secret)
		})
		for _, sent := range tr.trace.finals {
			assert.Equal(t, status, sent.Status)
			assertCause(sent.Err, "Finally")
		}

		through := tr.at
		if tr.how.leaves() {
			through++ // what the stage put on its own failure stands
		}
		assert.Equal(t, way(tr.journey.chain[:through]), tr.rec.Header()[wayHeader])
		assert.Equal(t, "application/problem+json", tr.rec.Header().Get("Content-Type"))
		assert.NotContains(t, tr.rec.Body.String(), secret)
		assertLogged(t, tr, status, secret)
	})
}

// assertLogged checks that the log has the cause of a 5xx once, naming the
// stage, and nothing of others.
func assertLogged(t require.TestingT, tr *trial, status int, cause string) {
	if status < 500 {
		assert.Empty(t, tr.logs)
		return
	}
	if !assert.Len(t, tr.logs, 1) {
		return
	}
	deviant := tr.journey.chain[tr.at]
	name := deviant.name
	if deviant.form == theHandler {
		name = tr.route.handler.name
	}
	assert.Equal(t, name, tr.logs[0]["stage"])
	assert.Contains(t, tr.logs[0]["error"], cause)
	if tr.how.manner == panics {
		assert.Contains(t, tr.logs[0]["stack"], "tests/onion/")
	}
}

func TestAZeroResponseIsA500NamingTheStage(t *testing.T) {
	tryDeviations(t, []deviation{{zero, false}, {zero, true}}, nil, func(t *rapid.T, tr *trial) {
		assert.Equal(t, http.StatusInternalServerError, tr.rec.Code)
		tr.outside(func(name string, resp weft.Response) {
			assert.Equal(t, http.StatusInternalServerError, resp.Status(), name)
			assert.Error(t, resp.Err(), name)
		})
		assert.Equal(t, way(tr.journey.chain[:tr.at]), tr.rec.Header()[wayHeader])
		assertLogged(t, tr, http.StatusInternalServerError, "zero Response")
	})
}

// http.ErrAbortHandler and runtime.Goexit are no failures to be mapped: the
// stages outside do not see them, only Finally does.
func TestADroppedRequestPassesEveryStageAndReachesFinally(t *testing.T) {
	ways := []deviation{{aborts, false}, {aborts, true}, {exits, false}, {exits, true}}
	tryDeviations(t, ways, nil, func(t *rapid.T, tr *trial) {
		if tr.how.manner == aborts {
			assert.Equal(t, http.ErrAbortHandler, tr.dropped)
		}
		assert.Empty(t, tr.rec.Header())
		assert.Empty(t, tr.rec.Body.String())
		for _, sent := range tr.trace.finals {
			assert.Zero(t, sent.Status)
			assert.Error(t, sent.Err)
		}
		assert.Empty(t, tr.logs)
	})
}

// A path that no route matches: 404, 405, the automatic OPTIONS and the
// redirects of ServeMux.
func TestAMissRunsTheAppAndItsDeepestGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		srv := w.build(t)
		for _, g := range w.groups {
			target, tr := w.target(g.drawStray(t)), &trace{}
			if target.route != nil {
				continue // it met a route after all
			}

			rec, _ := send(t, srv, target.request, tr)

			require.Equal(t, target.journey().events(), tr.events, "%v", target)
			assert.Equal(t, target.status(), rec.Code)
			assert.Equal(t, target.verdict.location, rec.Header().Get("Location"))
			assert.Contains(t, rec.Header().Get("Allow"), target.verdict.allow)
			assert.Equal(t, way(target.chain), rec.Header()[wayHeader])
			assert.Nil(t, tr.route)
			assert.Empty(t, w.log.take())
		}
	})
}
