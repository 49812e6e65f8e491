package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestMaintenanceAnswersAndLetsNothingRun(t *testing.T) {
	t.Parallel()
	m := newMaintenance("/healthz")
	entered := 0
	next := func(*weft.Request) weft.Response { entered++; return weft.Text("inside") }

	assert.Equal(t, 200, m.Dispatch(request(t, "GET", "/tea"), next).Status(), "it is off at first")
	m.Begin(time.Minute)
	resp := m.Dispatch(request(t, "POST", "/tea"), next)
	assert.Equal(t, 1, entered)
	assert.Equal(t, http.StatusServiceUnavailable, resp.Status())
	assert.NoError(t, resp.Err(), "nothing has failed")
	assert.Equal(t, http.Header{
		"Content-Type": {"application/problem+json"}, "Retry-After": {"60"}, "Cache-Control": {"no-store"},
	}, resp.Header())
	assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"code":"maintenance","detail":"The service is being maintained. Try again later."}`, body(t, resp))
	m.End()
	assert.Equal(t, 200, m.Dispatch(request(t, "GET", "/tea"), next).Status())
}

func TestOnlyTheListedPathsAreOpen(t *testing.T) {
	t.Parallel()
	m := newMaintenance("/healthz", "/operator/maintenance")
	m.Begin(time.Hour)
	for path, open := range map[string]bool{
		"/healthz": true, "/%68ealthz": true, "/healthz?deep=1": true, "/operator/maintenance": true,
		"/": false, "/healthz/": false, "/healthz/../tea": false, "//healthz": false, "/HEALTHZ": false, "/operator": false, "/tea?/healthz": false,
	} {
		status := m.Dispatch(request(t, "GET", path), answers(weft.Empty())).Status()
		assert.Equal(t, open, status == 204, path)
	}
}

func TestTheListIsTheStagesOwn(t *testing.T) {
	t.Parallel()
	open := []string{"/healthz"}
	m := newMaintenance(open...)
	open[0] = "/tea"
	m.Begin(time.Hour)
	assert.Equal(t, 503, m.Dispatch(request(t, "GET", "/tea"), answers(weft.Empty())).Status())
}

func TestClientsAreToldHowLongItStillTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMaintenance()
		retryAfter := func() string {
			return m.Dispatch(request(t, "GET", "/"), answers(weft.Empty())).Header().Get("Retry-After")
		}
		m.Begin(5 * time.Minute)
		assert.Equal(t, "300", retryAfter())
		time.Sleep(time.Minute + time.Millisecond)
		assert.Equal(t, "240", retryAfter(), "whole seconds, and not before it is over")
		time.Sleep(3*time.Minute + 55*time.Second)
		assert.Equal(t, "10", retryAfter(), "soon")
		time.Sleep(time.Hour)
		assert.Equal(t, "10", retryAfter(), "it takes longer than was thought, and ends when it is ended")
		m.Begin(time.Minute)
		assert.Equal(t, "60", retryAfter(), "it can be thought anew")
	})
}

func TestMaintenanceStandsBeforeEverything(t *testing.T) {
	t.Parallel()
	log := &logged{}
	m := newMaintenance()
	s := serving(t, teahouse(log.logger(), requestID(), accessLog(), m))
	for _, o := range outcomes {
		o.call(t, s)
	}
	before := len(log.records(t, "request failed"))
	m.Begin(time.Minute)
	for _, o := range outcomes {
		got := s.call(t, o.method, o.path, o.content)
		assert.Equal(t, 503, got.status, o.name)
		assert.NotEmpty(t, got.header.Get("Retry-After"), o.name)
		assert.NotEmpty(t, got.header.Get(requestIDHeader), o.name)
	}
	m.End()
	for _, o := range outcomes {
		o.call(t, s)
	}
	s.Close()
	assert.Len(t, log.records(t, "request failed"), 2*before, "maintenance is no failure")
	assert.Len(t, log.records(t, "answered"), 3*len(outcomes))
}

func TestTheSwitchIsForAnyNumberOfGoroutines(t *testing.T) {
	t.Parallel()
	m := newMaintenance("/healthz")
	var inside atomic.Int64
	app := weft.New()
	app.Use(m)
	app.Handle("GET /tea", weft.Handle(func(context.Context, struct{}) (struct{}, error) {
		inside.Add(1)
		return struct{}{}, nil
	}))
	s := serving(t, app)
	var answered, refused atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				switch s.call(t, "GET", "/tea", "").status {
				case 204:
					answered.Add(1)
				case 503:
					refused.Add(1)
				}
			}
		})
	}
	all.Go(func() {
		for range 100 {
			m.Begin(time.Minute)
			time.Sleep(10 * time.Microsecond)
			m.End()
		}
	})
	all.Wait()
	assert.EqualValues(t, 200, answered.Load()+refused.Load())
	assert.Equal(t, inside.Load(), answered.Load())
}

func TestARequestUnderWayIsNotDisturbed(t *testing.T) {
	t.Parallel()
	m := newMaintenance()
	begun, goOn := make(chan struct{}), make(chan struct{})
	app := weft.New()
	app.Use(m)
	app.Handle("GET /slow", weft.Handle(func(context.Context, struct{}) (string, error) {
		close(begun)
		<-goOn
		return "done", nil
	}))
	s := serving(t, app)
	got := make(chan answer, 1)
	go func() { got <- s.call(t, "GET", "/slow", "") }()
	<-begun
	m.Begin(time.Minute)
	assert.Equal(t, 503, s.call(t, "GET", "/slow", "").status)
	close(goOn)
	assert.Equal(t, 200, (<-got).status)
}

// As a guard it would run behind routing, and say 404 of a path while another is 503.
func TestAPathThatLeadsNowhereIsMaintainedToo(t *testing.T) {
	t.Parallel()
	m := newMaintenance()
	s := serving(t, teahouse((&logged{}).logger(), m))
	m.Begin(time.Minute)
	assert.Equal(t, 503, s.call(t, "GET", "/coffee", "").status)

	app := weft.New(weft.WithLogger((&logged{}).logger()))
	app.Guard(weft.NewGuard("maintenance", func(*weft.Request) error {
		return &weft.Error{Status: http.StatusServiceUnavailable, Code: "maintenance"}
	}))
	app.Handle("GET /tea", weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }))
	guarded := serving(t, app)
	require.Equal(t, 503, guarded.call(t, "GET", "/tea", "").status)
	assert.Equal(t, 404, guarded.call(t, "GET", "/coffee", "").status)
}
