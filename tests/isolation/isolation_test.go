// Package isolation_test runs several apps in one process that share handlers,
// stages and Responses, and looks for anything that one app sees of another.
package isolation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// owner is the metadata that says whose route it is.
type owner string

type order struct {
	Item string `json:"item"`
}

// view is what a handler finds out about where it runs.
type view struct {
	Pattern string `json:"pattern"`
	Owner   owner  `json:"owner"`
	Item    string `json:"item"`
}

// see is what every handler here does: it looks and writes to its request's log.
func see(ctx context.Context, item string) view {
	route := weft.RouteOf(ctx)
	who, _ := weft.MetaOf[owner](route)
	weft.Logger(ctx).InfoContext(ctx, "seen", "item", item)
	return view{route.Pattern(), who, item}
}

var errBroken = errors.New("broken")

// What all apps share: one value each, made once.
var (
	sharedStage = weft.NewMiddleware("shared stage", func(r *weft.Request, next weft.Next) weft.Response {
		return next(r).WithAddedHeader("X-Seen-By", r.Route().Pattern())
	})
	sharedFinally = weft.Finally("shared finally", func(r *weft.Request, sent weft.Sent) {
		weft.Logger(r.Context()).Info("sent", "status", sent.Status)
	})
	sharedAnswer = weft.Text("shared").WithHeader("X-Shared", "1")

	sharedGet = weft.Handle(func(ctx context.Context, r *weft.Request) (weft.Response, error) {
		return weft.JSON(see(ctx, r.Query().Get("item"))), nil
	}).Use(sharedStage).Intercept(sharedStage)
	sharedPost = weft.Handle(func(ctx context.Context, o order) (view, error) {
		return see(ctx, o.Item), nil
	}).Status(http.StatusCreated).Use(sharedStage, sharedFinally)
	sharedFailing = weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, errBroken }).Use(sharedStage)
	sharedSmall   = weft.Handle(func(_ context.Context, o order) (order, error) { return o, nil }).Limit(20)
	sharedCached  = weft.Handle(func(context.Context, *weft.Request) (weft.Response, error) { return sharedAnswer, nil }).Use(sharedStage)
)

// tenant is one of the apps, with everything that is its own.
type tenant struct {
	name  string
	limit int64
	log   logbook
	seen  observed
	app   *weft.App
	srv   *weft.Server
}

type logbook struct {
	mu    sync.Mutex
	lines []map[string]any
}

func (b *logbook) Write(line []byte) (int, error) {
	var record map[string]any
	if err := json.Unmarshal(line, &record); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, record)
	return len(line), nil
}

// observed counts the stages that an Observer sees, by their route.
type observed struct {
	mu    sync.Mutex
	count map[string]int
}

func (o *observed) observe(ctx context.Context, stage *weft.StageInfo) (context.Context, weft.Exit) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count[stage.Route]++
	return ctx, nil
}

// newTenant declares an app whose routes are the shared handlers under its own prefix.
func newTenant(t *testing.T, name string, limit int64) *tenant {
	a := &tenant{name: name, limit: limit, seen: observed{count: map[string]int{}}}
	a.app = weft.New(
		weft.WithLogger(slog.New(slog.NewJSONHandler(&a.log, nil)).With("app", name)),
		weft.WithLimit(limit),
		weft.WithObserver(weft.ObserverFunc(a.seen.observe)),
	)
	a.app.Meta(owner(name))
	a.app.Use(weft.After("name", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithAddedHeader("X-App", name)
	}), sharedStage)
	group := a.app.Group("/"+name, sharedStage)
	group.Handle("GET /view", sharedGet)
	group.Handle("POST /view", sharedPost)
	group.Handle("GET /failing", sharedFailing)
	group.Handle("POST /small", sharedSmall)
	group.Handle("GET /cached", sharedCached)
	a.app.Handle("GET /health", weft.Health())
	var err error
	a.srv, err = a.app.Build(t.Context())
	require.NoError(t, err)
	return a
}

func (a *tenant) send(method, path, body string) *httptest.ResponseRecorder {
	hr := httptest.NewRequest(method, path, strings.NewReader(body))
	hr.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	a.srv.ServeHTTP(rec, hr)
	return rec
}

// use sends one request of each kind and checks that all in its answer is a's own.
func (a *tenant) use(t *testing.T, item string) {
	pattern := func(method, path string) string { return method + " /" + a.name + path }
	// The shared stage stands before routing too, but looks when the way back leads there.
	seenBy := func(pattern string, places int) []string { return slices.Repeat([]string{pattern}, places) }

	get := a.send("GET", "/"+a.name+"/view?item="+item, "")
	assert.Equal(t, http.StatusOK, get.Code)
	assert.Equal(t, view{pattern("GET", "/view"), owner(a.name), item}, decoded(t, get))
	assert.Equal(t, []string{a.name}, get.Header()["X-App"])
	assert.Equal(t, seenBy(pattern("GET", "/view"), 4), get.Header()["X-Seen-By"])

	post := a.send("POST", "/"+a.name+"/view", fmt.Sprintf(`{"item":%q}`, item))
	assert.Equal(t, http.StatusCreated, post.Code)
	assert.Equal(t, view{pattern("POST", "/view"), owner(a.name), item}, decoded(t, post))

	tooMuch := a.send("POST", "/"+a.name+"/view", strings.Repeat(" ", int(a.limit)+1))
	assert.Equal(t, http.StatusRequestEntityTooLarge, tooMuch.Code)
	assert.Contains(t, tooMuch.Body.String(), fmt.Sprintf("at most %d bytes", a.limit))

	small := a.send("POST", "/"+a.name+"/small", `{"item":"too long for it"}`)
	assert.Equal(t, http.StatusRequestEntityTooLarge, small.Code)
	assert.Contains(t, small.Body.String(), "at most 20 bytes", "the handler's own limit goes with it")

	failing := a.send("GET", "/"+a.name+"/failing", "")
	assert.Equal(t, http.StatusInternalServerError, failing.Code)
	assert.NotContains(t, failing.Body.String(), "broken")

	cached := a.send("GET", "/"+a.name+"/cached", "")
	assert.Equal(t, "shared", cached.Body.String())
	assert.Equal(t, []string{a.name}, cached.Header()["X-App"], "what one app adds to a shared Response, another does not see")
	assert.Equal(t, seenBy(pattern("GET", "/cached"), 3), cached.Header()["X-Seen-By"])
}

func decoded(t *testing.T, rec *httptest.ResponseRecorder) view {
	var v view
	assert.NoError(t, json.NewDecoder(bytes.NewReader(rec.Body.Bytes())).Decode(&v))
	return v
}

const (
	users = 8
	times = 60
)

func TestAppsThatShareTheirHandlersDoNotSeeEachOther(t *testing.T) {
	tenants := []*tenant{newTenant(t, "one", 100), newTenant(t, "two", 2000), newTenant(t, "three", 300)}

	var all sync.WaitGroup
	for _, a := range tenants {
		for user := range users {
			all.Go(func() {
				for i := range times {
					a.use(t, fmt.Sprintf("%s-%d-%d", a.name, user, i))
				}
			})
		}
	}
	all.Go(func() { // apps are declared and built from the same handlers while others serve
		for i := range times {
			newTenant(t, fmt.Sprintf("late-%d", i), 100).use(t, "late")
		}
	})
	all.Wait()

	for _, a := range tenants {
		a.log.check(t, a.name)
		for route := range a.seen.count {
			assert.True(t, route == "" || strings.Contains(route, " /"+a.name+"/"), "the observer of %s saw the route %q", a.name, route)
		}
		// Before routing: two stages for each of six requests.
		assert.Equal(t, 2*6*users*times, a.seen.count[""], a.name)
	}
}

// check checks that every record is the app's own, and that none is missing.
func (b *logbook) check(t *testing.T, name string) {
	count := map[string]int{}
	for _, record := range b.lines {
		count[record["msg"].(string)]++
		assert.Equal(t, name, record["app"])
		assert.Contains(t, record["route"], " /"+name+"/")
		if item, logged := record["item"].(string); logged {
			assert.True(t, strings.HasPrefix(item, name+"-"), "%s has logged the item %s", name, item)
		}
	}
	assert.Equal(t, map[string]int{
		"seen":           2 * users * times,
		"sent":           2 * users * times,
		"request failed": users * times,
	}, count, name)
}

func TestOneAppStopsAndTheOtherGoesOn(t *testing.T) {
	one, two := newTenant(t, "one", 100), newTenant(t, "two", 100)

	require.NoError(t, one.srv.Shutdown(t.Context()))

	assert.Equal(t, http.StatusServiceUnavailable, one.send("GET", "/health", "").Code)
	assert.Equal(t, http.StatusOK, two.send("GET", "/health", "").Code)
	two.use(t, "two-0-0")
}

func TestOneAppIsClosedForDeclarationsAndTheOtherIsOpen(t *testing.T) {
	one, other := newTenant(t, "one", 100), weft.New()

	assert.Panics(t, func() { one.app.Handle("GET /more", sharedGet) })
	assert.Panics(t, func() { one.app.Use(sharedStage) })
	assert.NotPanics(t, func() {
		other.Use(sharedStage)
		other.Handle("GET /more", sharedGet)
	})
	_, err := other.Build(t.Context())
	assert.NoError(t, err)
	one.use(t, "one-0-0")
}

// A server inside another's stage: each context leads to its own request.
func TestAServerInsideAnotherIsItsOwn(t *testing.T) {
	inner := newTenant(t, "inner", 100)
	outer := &tenant{name: "outer"}
	outer.app = weft.New(weft.WithLogger(slog.New(slog.NewJSONHandler(&outer.log, nil)).With("app", "outer")))
	outer.app.Meta(owner("outer"))
	outer.app.Handle("GET /outer/around", weft.Handle(func(ctx context.Context, r *weft.Request) (weft.Response, error) {
		hr := httptest.NewRequestWithContext(ctx, "GET", "/inner/view?item=inner-0-0", nil)
		rec := httptest.NewRecorder()
		inner.srv.ServeHTTP(rec, hr)
		assert.Equal(t, view{"GET /inner/view", "inner", "inner-0-0"}, decoded(t, rec))
		return weft.JSON(see(ctx, "outer-0-0")), nil
	}))
	var err error
	outer.srv, err = outer.app.Build(t.Context())
	require.NoError(t, err)

	rec := outer.send("GET", "/outer/around", "")

	assert.Equal(t, view{"GET /outer/around", "outer", "outer-0-0"}, decoded(t, rec))
	for _, a := range []*tenant{inner, outer} {
		require.Len(t, a.log.lines, 1, a.name)
		assert.Equal(t, a.name, a.log.lines[0]["app"])
		assert.Contains(t, a.log.lines[0]["route"], " /"+a.name+"/")
		assert.Equal(t, a.name+"-0-0", a.log.lines[0]["item"])
	}
}

// A stage that gets hold of a Request of another app cannot run its own app's
// stages with it: they would log, route and answer as if they were the other's.
func TestTheRequestOfAnotherAppEntersNothing(t *testing.T) {
	for _, when := range []string{"while the other serves it", "when the other has answered"} {
		t.Run(when, func(t *testing.T) {
			other := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
			var foreign *weft.Request
			var during func()
			other.Use(weft.Before("keep", func(r *weft.Request) error {
				foreign = r
				during()
				return nil
			}))
			otherServer, err := other.Build(t.Context())
			require.NoError(t, err)

			var refused weft.Response
			own := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
			for range 5 { // further in than the other app has any stage
				own.Use(weft.NewMiddleware("passes on", func(r *weft.Request, next weft.Next) weft.Response { return next(r) }))
			}
			own.Use(weft.NewMiddleware("borrows", func(r *weft.Request, next weft.Next) weft.Response {
				borrow := func() { refused = next(foreign) }
				if when == "while the other serves it" {
					during = borrow
				} else {
					during = func() {}
				}
				otherServer.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				if when != "while the other serves it" {
					borrow()
				}
				return next(r)
			}))
			handled := 0
			own.Handle("GET /", weft.Handle(func(context.Context, struct{}) (struct{}, error) {
				handled++
				return struct{}{}, nil
			}))
			srv, err := own.Build(t.Context())
			require.NoError(t, err)
			rec := httptest.NewRecorder()

			srv.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))

			assert.Equal(t, http.StatusInternalServerError, refused.Status())
			assert.Equal(t, 1, handled)
			assert.Equal(t, http.StatusNoContent, rec.Code)
		})
	}
}
