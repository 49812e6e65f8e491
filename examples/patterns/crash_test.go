package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// incidentIn is the id in an answer of the crash guard, "" where it is none.
func incidentIn(t *testing.T, body string) string {
	t.Helper()
	var problem struct{ Code, Incident string }
	if json.Unmarshal([]byte(body), &problem) != nil || problem.Code != "crash" {
		return ""
	}
	require.NotEmpty(t, problem.Incident)
	return problem.Incident
}

func TestAPanicIsAnIncident(t *testing.T) {
	t.Parallel()
	r := request(t, "GET", "/")
	resp, mapped := crashGuard().Map(r, &weft.PanicError{Value: "private"})
	require.True(t, mapped)
	assert.Equal(t, 500, resp.Status())
	assert.NotContains(t, body(t, resp), "private")
	id := incidentIn(t, body(t, resp))
	assert.ErrorContains(t, resp.Err(), id, "the log is told of it")

	again, _ := crashGuard().Map(r, &weft.PanicError{Value: "private"})
	assert.NotEqual(t, id, incidentIn(t, body(t, again)))
}

func TestNothingElseIsAnIncident(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		errors.New("an outage"), &weft.Error{Status: 500}, &weft.Error{Status: 404}, weft.Deny(""),
		weft.Invalid("/a", "min", ""), context.Canceled, http.ErrAbortHandler,
	} {
		_, mapped := crashGuard().Map(request(t, "GET", "/"), err)
		assert.False(t, mapped, err)
	}
}

func TestTheCrashGuardIsForPanicsAlone(t *testing.T) {
	t.Parallel()
	log, without := &logged{}, serving(t, teahouse((&logged{}).logger(), requestID()))
	app := teahouse(log.logger(), requestID())
	app.Catch(crashGuard())
	with := serving(t, app)
	for _, o := range outcomes {
		got := o.call(t, with, "X-Request-ID: of."+o.method)
		id := incidentIn(t, got.body)
		assert.Equal(t, o.panics, id != "", o.name)
		if !o.panics {
			assert.Equal(t, o.call(t, without).body, got.body, o.name)
			continue
		}
		var lines []map[string]any
		for _, line := range log.records(t, "") {
			if text, _ := line["error"].(string); containsOnce(text, id) {
				lines = append(lines, line)
			}
		}
		require.Len(t, lines, 1, "%s: the cause is logged once, with the id", o.name)
		assert.Equal(t, "ERROR", lines[0]["level"])
		assert.Contains(t, lines[0]["error"], "panic: the ")
		assert.Contains(t, lines[0]["stack"], "support_test.go", "it leads to where it was")
		assert.Equal(t, "of."+o.method, lines[0]["request_id"])
	}
}

func TestTheCrashGuardLeavesARefusalAsItIs(t *testing.T) {
	t.Parallel()
	app := teahouse((&logged{}).logger())
	app.Catch(crashGuard())
	s := serving(t, app)
	assert.Equal(t, 403, s.call(t, "GET", "/shop/kitchen", "").status)
	assert.Equal(t, 422, s.call(t, "POST", "/shop/orders", `{"cups":0}`).status)
	assert.Equal(t, 404, s.call(t, "GET", "/coffee", "").status)
}

// anApp has a stage or a handler that panics at one place, and a crash guard at each level that is asked for.
func anApp(log *logged, place string, levels ...string) *weft.App {
	panics := func(*weft.Request) error { panic(place) }
	before := func(at string) weft.Middleware {
		if place == at {
			return weft.Before(at, panics)
		}
		return nil
	}
	guards := func(at string) weft.Guard {
		return weft.NewGuard(at, func(*weft.Request) error {
			if place == at {
				panic(at)
			}
			return nil
		})
	}
	app := weft.New(weft.WithLogger(log.logger()))
	app.Use(before("app middleware"))
	app.Guard(guards("app guard"))
	group := app.Group("/g", before("group middleware"))
	h := weft.Handle(func(_ context.Context, in readsItself) (any, error) {
		switch place {
		case "handler":
			panic(place)
		case "encoding":
			return encodesItself{}, nil
		}
		return "fine", nil
	}).Use(before("route middleware")).Guard(guards("route guard")).Intercept(before("interceptor"))
	if place == "extraction" {
		h = h.Extract(weft.NewExtractor("extraction", func(*weft.Request) (readsItself, error) { panic(place) }))
	}
	if place == "check" {
		h = h.Check(func(context.Context, readsItself) error { panic(place) })
	}
	if place == "around" {
		h = h.Around(func(context.Context, readsItself, func(context.Context, readsItself) (any, error)) (any, error) {
			panic(place)
		})
	}
	for _, level := range levels {
		switch level {
		case "app":
			app.Catch(crashGuard())
		case "group":
			group.Catch(crashGuard())
		case "route":
			h = h.Catch(crashGuard())
		}
	}
	group.Handle("GET /x", h)
	return app
}

type readsItself struct{}

type encodesItself struct{}

func (encodesItself) MarshalJSON() ([]byte, error) { panic("encoding") }

func TestTheCrashGuardWorksAtEveryLevel(t *testing.T) {
	t.Parallel()
	outermost := map[string]int{"app middleware": 0, "group middleware": 1} // level of the first guard that is too far in
	for _, place := range []string{
		"app middleware", "group middleware", "route middleware", "app guard", "route guard", "extraction",
		"check", "interceptor", "around", "handler", "encoding",
	} {
		for i, level := range []string{"app", "group", "route"} {
			t.Run(place+", guarded by the "+level, func(t *testing.T) {
				t.Parallel()
				log := &logged{}
				got := serving(t, anApp(log, place, level)).call(t, "GET", "/g/x", "")
				assert.Equal(t, 500, got.status)
				last, further := outermost[place]
				assert.Equal(t, !further || i <= last, incidentIn(t, got.body) != "", got.body)
				assert.Len(t, log.records(t, "request failed"), 1)
			})
		}
	}
}

func TestOneOfSeveralCrashGuardsAnswers(t *testing.T) {
	t.Parallel()
	log := &logged{}
	got := serving(t, anApp(log, "handler", "app", "group", "route")).call(t, "GET", "/g/x", "")
	id := incidentIn(t, got.body)
	lines := log.records(t, "request failed")
	require.Len(t, lines, 1)
	assert.True(t, containsOnce(lines[0]["error"].(string), id))
	assert.True(t, containsOnce(lines[0]["error"].(string), "incident "), "and there is no other incident")
}

// What the guard hands on is an error like any other, so the service's own form of errors holds for it.
func TestACrashHasTheFormOfTheServicesErrors(t *testing.T) {
	t.Parallel()
	app := weft.New(weft.WithLogger((&logged{}).logger()), weft.WithErrorFormat(weft.ErrorEnvelope))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { panic("oh") }).Catch(crashGuard()))
	got := serving(t, app).call(t, "GET", "/x", "")
	var envelope struct {
		Error struct {
			Code   string
			Detail struct{ Incident string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &envelope))
	assert.Equal(t, "crash", envelope.Error.Code)
	assert.NotEmpty(t, envelope.Error.Detail.Incident)
}

func TestAConnectionThatIsDroppedOnPurposeIsNoCrash(t *testing.T) {
	t.Parallel()
	log := &logged{}
	app := weft.New(weft.WithLogger(log.logger()))
	app.Catch(crashGuard())
	app.Handle("POST /drop", weft.Handle(func(context.Context, struct{}) (string, error) { panic(http.ErrAbortHandler) }))
	s := serving(t, app)
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/drop", nil)
	require.NoError(t, err)
	_, err = s.client.Do(req)
	require.Error(t, err)
	assert.Empty(t, log.records(t, "request failed"))
}

// recovers is a common version of a crash guard, written around everything.
func recovers(seen *int) weft.Middleware {
	return weft.NewMiddleware("recovers", func(r *weft.Request, next weft.Next) (resp weft.Response) {
		defer func() {
			if recover() != nil {
				*seen++
				resp = weft.Text("crash").WithStatus(http.StatusInternalServerError)
			}
		}()
		return next(r)
	})
}

// catchesAll is another, where errors come by: whatever is one is a crash.
func catchesAll() weft.Middleware {
	return weft.OnError("catches all", func(*weft.Request, weft.Response, error) weft.Response {
		return weft.Text("crash").WithStatus(http.StatusInternalServerError)
	})
}

func TestACommonCrashGuardSeesNothingOrTooMuch(t *testing.T) {
	t.Parallel()
	seen := 0
	s := serving(t, teahouse((&logged{}).logger(), recovers(&seen)))
	for _, o := range outcomes {
		o.call(t, s)
	}
	assert.Zero(t, seen, "every panic has become a Response on the way")

	s = serving(t, teahouse((&logged{}).logger(), catchesAll()))
	for _, o := range outcomes {
		if o.status >= 400 {
			assert.Equal(t, 500, s.call(t, o.method, o.path, o.content).status, o.name)
		}
	}
}

var errGone = errors.New("gone")

// Where the value of a panic is an error that has a mapper, weft takes it for that error. Within a
// level a sentinel comes first; a guard further in than its mapper has the panic.
func TestAPanicWithAnErrorIsForTheNearestThatIsForIt(t *testing.T) {
	t.Parallel()
	gone := weft.OnIs(errGone, func(*weft.Request, error) weft.Response { return weft.Text("gone").WithStatus(http.StatusGone) })
	h := weft.Handle(func(context.Context, struct{}) (string, error) { panic(errGone) })
	app := weft.New(weft.WithLogger((&logged{}).logger()))
	app.Catch(gone)
	app.Handle("GET /guarded", h.Catch(crashGuard()))
	app.Handle("GET /not", h)
	s := serving(t, app)
	assert.NotEmpty(t, incidentIn(t, s.call(t, "GET", "/guarded", "").body))
	assert.Equal(t, 410, s.call(t, "GET", "/not", "").status)
}
