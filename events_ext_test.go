package weft_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// delivery is how a record was answered.
type delivery struct {
	status   int
	body     string
	panicked any
	returned bool // ServeHTTP has
	work     <-chan struct{}
}

func (d delivery) handled() bool { return d.returned && d.status < 400 }

// deliver hands a record to the route for a source, on a goroutine of its own, as a transport should. Headers are "Name: value".
func deliver(t *testing.T, srv *weft.Server, name, content string, headers ...string) (d delivery) {
	t.Helper()
	for from, h := range srv.Events() {
		if from.Name() != name {
			continue
		}
		hr, err := http.NewRequestWithContext(t.Context(), "POST", "dock:///7", strings.NewReader(content))
		require.NoError(t, err)
		for _, line := range headers {
			name, value, _ := strings.Cut(line, ": ")
			hr.Header.Add(name, value)
		}
		w := &takesWhole{ResponseRecorder: httptest.NewRecorder(), limit: 1 << 20}
		var done sync.WaitGroup
		done.Go(func() {
			defer func() { d.panicked = recover() }()
			h.ServeHTTP(w, hr)
			d.returned = true
		})
		done.Wait()
		d.status, d.body, d.work = w.Code, w.Body.String(), w.work
		return d
	}
	require.Fail(t, "no route", "for %s", name)
	return d
}

// A record has the same way as a request of HTTP, and the same end, whatever happens to it; only its source's stage is more.
func TestARecordGoesThroughEveryStageAsARequestDoes(t *testing.T) {
	tr := &trace{}
	app := yard(tr)
	srv := build(t, app)
	overHTTP := func(content string, headers ...string) delivery {
		hr := httptest.NewRequest("POST", "/group/x", strings.NewReader(content))
		hr.Header.Set("Content-Type", "application/json")
		for _, line := range headers {
			name, value, _ := strings.Cut(line, ": ")
			hr.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		var d delivery
		var done sync.WaitGroup
		done.Go(func() {
			defer func() { d.panicked = recover() }()
			srv.ServeHTTP(w, hr)
			d.returned = true
		})
		done.Wait()
		d.status, d.body = w.Code, w.Body.String()
		return d
	}
	// neutral takes out what may differ.
	neutral := strings.NewReplacer("POST /group/x", "", "POST /7", "", "dock", "", "+receive ", "", "-receive ", "").Replace
	for content, row := range map[string]struct {
		status int
		header []string
	}{
		`{"name":"Ada"}`:             {status: 200},
		`{"name":"Ada","age":3}`:     {403, []string{"Denied: may-app"}},
		`{"name":"Ada","age":4}`:     {403, []string{"Denied: may-group"}},
		`{"name":"Ada","age":5}`:     {403, []string{"Denied: may-route"}},
		`{"name":"Ada","age":101}`:   {status: 422},
		`{"name":"Ada","age":"7"}`:   {status: 400},
		`{"name":"Ada","other":7}`:   {status: 400},
		`{"name":"Ada","name":"Bo"}`: {status: 400},
		`{`:                          {status: 400},
		``:                           {status: 400},
		`{"name":"app"}`:             {status: 418},
		`{"name":"group"}`:           {status: 418},
		`{"name":"route"}`:           {status: 418},
		`{"name":"secret"}`:          {status: 500},
		`{"name":"panic"}`:           {status: 500},
		`{"name":"abort"}`:           {},
		`{"name":"exit"}`:            {},
	} {
		want := overHTTP(content, row.header...)
		passed := tr.take()
		got := deliver(t, srv, "dock", content, row.header...)
		events := tr.take()
		assert.Equal(t, neutral(passed), neutral(events), content)
		assert.Contains(t, events, "+app +receive +group +route may-app", content)
		assert.Equal(t, want.body, got.body, content)
		assert.Equal(t, want.returned, got.returned, content)
		assert.Equal(t, want.panicked, got.panicked, content)
		if row.status == 0 {
			assert.False(t, got.returned, content)
			continue
		}
		assert.Equal(t, want.status, got.status, content)
		assert.Equal(t, row.status, got.status, content)
		if row.status == http.StatusTeapot {
			level := content[len(`{"name":"`) : len(content)-len(`"}`)]
			assert.True(t, strings.HasPrefix(got.body, level+": "), "%s: %s", content, got.body)
		}
	}
	assert.Equal(t, http.ErrAbortHandler, deliver(t, srv, "dock", `{"name":"abort"}`).panicked)
	assert.Nil(t, deliver(t, srv, "dock", `{"name":"exit"}`).panicked)
	tr.take()
	require.True(t, deliver(t, srv, "dock", `{"name":"Ada"}`).handled())
	assert.Equal(t, `+/observer POST /7; +app +receive +group +route may-app may-group may-route check +in-app +in-group +in-route +around-app +around-group made core `+
		`-around-group -around-app -in-route -in-group -in-app commit -route -group -receive -app end=200 close `+
		`-/observer "dock" status=200 bytes=22 rendered=22 err=<nil> took=true;`, tr.take())
}

func TestARecordThatAStageLeavesOnAnotherGoroutine(t *testing.T) {
	app, _ := newApp()
	app.Use(weft.NewMiddleware("elsewhere", func(r *weft.Request, next weft.Next) weft.Response {
		answer := make(chan weft.Response)
		go func() { answer <- next(r) }()
		return <-answer
	}))
	app.On(dock("dock"), weft.Handle(func(context.Context, struct{}) (string, error) { panic(http.ErrAbortHandler) }))
	got := deliver(t, build(t, app), "dock", "")
	assert.Equal(t, http.ErrAbortHandler, got.panicked)
	assert.False(t, got.handled())
}

// On the goroutine that serves it, a record that is dropped is no Response to any stage outside.
func TestARecordThatIsDroppedIsNoResponse(t *testing.T) {
	tr := &trace{}
	app, _ := newApp()
	app.Use(tr.stage("app"))
	app.On(dock("dock"), weft.Handle(func(context.Context, struct{}) (string, error) { panic(http.ErrAbortHandler) }).Use(tr.stage("route")))
	assert.Equal(t, http.ErrAbortHandler, deliver(t, build(t, app), "dock", "").panicked)
	assert.Equal(t, "+app +route", tr.take())
}

func TestWhatAStageKnowsOfARecord(t *testing.T) {
	app, log := newApp()
	tr := &trace{}
	src := dock("dock")
	tell := func(where string) weft.Middleware {
		return weft.NewMiddleware(where, func(r *weft.Request, next weft.Next) weft.Response {
			seven, _ := weft.MetaOf[int](r.Route())
			tr.add(fmt.Sprintf("%s %q %q %q %d %t;", where, r.Route().Pattern(), r.Route().Name(), weft.EventRouteOf(r.Context()).Pattern(), seven, r.Route().EventSource() == src))
			weft.Logger(r.Context()).InfoContext(r.Context(), where)
			return next(r)
		})
	}
	app.Use(tell("before routing"))
	group := app.Group("/group", tell("behind it"))
	group.Meta(7)
	h := weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		tr.add(fmt.Sprintf("%q %q;", weft.RouteOf(ctx).Pattern(), weft.EventRouteOf(ctx).Pattern()))
		return "", nil
	}).Named("weigh")
	group.On(src, h)
	group.Handle("POST /x", h)
	srv := build(t, app)
	require.True(t, deliver(t, srv, "dock", "").handled())
	assert.Equal(t, `before routing "" "" "dock" 0 false; behind it "dock" "weigh" "dock" 7 true; "dock" "dock";`, tr.take())
	assert.Equal(t, []string{"INFO before routing", "INFO behind it route=dock"}, log.all())

	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/group/x", nil))
	assert.Equal(t, `before routing "" "" "" 0 false; behind it "POST /group/x" "weigh" "" 7 false; "POST /group/x" "";`, tr.take())
	assert.Nil(t, (*weft.Route)(nil).EventSource())
	assert.Nil(t, weft.EventRouteOf(t.Context()))
}

// telling is an observer of requests that writes down what came.
type telling struct {
	spans
	tr *trace
}

func (o *telling) EnterRequest(hr *http.Request) (context.Context, weft.RequestExit) {
	o.tr.add(fmt.Sprintf("%q", weft.EventRouteOf(hr.Context()).Pattern()))
	return nil, nil
}

// The nearest request says what it is: one of HTTP that a record's handler makes is none of a source, and the other way round.
func TestAnObserverKnowsARecordBeforeRouting(t *testing.T) {
	tr := &trace{}
	watch := func() weft.Option {
		return weft.WithObserver(&telling{spans{only: func(*weft.StageInfo) bool { return false }}, tr})
	}
	stock, _ := newApp(watch(), watch())
	stock.Handle("GET /stock", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		tr.add(fmt.Sprintf("%q", weft.EventRouteOf(ctx).Pattern()))
		return "", nil
	}))
	inner := build(t, stock)
	app, _ := newApp(watch(), watch())
	app.On(dock("dock"), weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		inner.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/stock", nil))
		return "", nil
	}))
	require.True(t, deliver(t, build(t, app), "dock", "").handled())
	assert.Equal(t, `"dock" "dock" "" "" ""`, tr.take())
}

func TestAKeyOfARecord(t *testing.T) {
	app, _ := newApp()
	tr := &trace{}
	provides := weft.NewMiddleware("from the dock", func(r *weft.Request, next weft.Next) weft.Response {
		crateKey.Set(r, crate{7})
		return next(r)
	}, weft.Provides(crateKey))
	group := app.Group("", weft.Before("weighs", func(r *weft.Request) error {
		tr.add(fmt.Sprint(crateKey.Must(r).Weight))
		return nil
	}, weft.Needs(crateKey)))
	group.On(receivedBy("dock", provides), weft.Handle(func(_ context.Context, in struct {
		Crate crate  `value:""`
		From  string `header:"From"`
		Body  person `body:"json"`
	}) (string, error) {
		return fmt.Sprint(in.Crate.Weight, " ", in.From, " ", in.Body.Name), nil
	}))
	got := deliver(t, build(t, app), "dock", `{"name":"Ada"}`, "From: Oslo")
	assert.JSONEq(t, `"7 Oslo Ada"`, got.body)
	assert.Equal(t, "7", tr.take())
}

// What a source's own stage fails with meets the mappers of the app, and no others.
func TestASourceThatCannotReceiveARecord(t *testing.T) {
	app, _ := newApp()
	app.Catch(onIs(errClosed, "app"))
	group := app.Group("/group")
	group.Catch(onIs(errClosed, "group"))
	group.On(receivedBy("dock", weft.Before("receive", func(*weft.Request) error { return errClosed })), weft.Handle(echo[person]).Catch(onIs(errClosed, "route")))
	got := deliver(t, build(t, app), "dock", `{}`)
	assert.Equal(t, "app: closed", got.body)
}

func TestTheContentOfARecord(t *testing.T) {
	app, _ := newApp(weft.WithFormats(inFormats(false)))
	app.On(dock("json"), weft.Handle(echo[person]))
	app.On(dock("product"), weft.Handle(func(_ context.Context, in Product) (string, error) { return fmt.Sprint(in.Name, in.Price), nil }))
	app.On(dock("pointer"), weft.Handle(func(_ context.Context, in *person) (bool, error) { return in == nil, nil }))
	app.On(dock("raw"), weft.Handle(func(_ context.Context, in struct {
		Bytes []byte `body:"raw"`
	}) (int, error) {
		return len(in.Bytes), nil
	}))
	app.On(dock("short"), weft.Handle(echo[person]).Limit(20))
	app.On(dock("typed"), weft.Handle(echo[person]).JSON(weft.JSONOptions{}))
	app.On(dock("lines"), weft.Handle(func(_ context.Context, in weft.Stream[person]) (names string, _ error) {
		for p, err := range in {
			if err != nil {
				return "", err
			}
			names += p.Name
		}
		return names, nil
	}))
	app.On(dock("parts"), weft.Handle(func(_ context.Context, in weft.Stream[weft.Part]) (n int, _ error) {
		for _, err := range in {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	}))
	app.Handle("POST /typed", weft.Handle(echo[person]))
	srv := build(t, app)
	for _, row := range []struct {
		source, content, mediaType string
		status                     int
		body                       string
	}{
		{"json", `{"name":"Ada","age":7}`, "", 200, `{"name":"Ada","age":7}`},
		{"json", `{"name":"Ada","age":7}`, "application/json", 200, `{"name":"Ada","age":7}`},
		{"json", `{"name":"Ada","age":7}`, "text/plain", 415, ""},
		{"json", `{"name":"Ada","age":700}`, "", 400, ""},
		{"json", `{"name":"Ada"} {}`, "", 400, ""},
		{"typed", `{"name":"Ada","age":7}`, "", 200, `{"name":"Ada","age":7}`},
		{"product", asJSON, "", 200, `"tea3"`},
		{"product", asJSON, "application/json", 200, `"tea3"`},
		{"product", asXML, "application/xml", 200, `"tea3"`},
		{"product", asXML, "", 400, ""},
		{"pointer", "", "", 200, "true"},
		{"pointer", "{}", "", 200, "false"},
		{"raw", "\x00\xff", "", 200, "2"},
		{"raw", "", "", 200, "0"},
		{"short", `{"name":"A","age":1}`, "", 200, `{"name":"A","age":1}`},
		{"short", `{"name":"Al","age":1}`, "", 413, ""},
		{"lines", `[{"name":"Ada"},{"name":"Bo"}]`, "application/json", 200, `"AdaBo"`},
		{"lines", `{"name":"Ada"}` + "\n" + `{"name":"Bo"}`, "application/x-ndjson", 200, `"AdaBo"`},
		{"lines", `{"name":"Ada"}` + "\n" + `{"name":"Bo"}`, "", 200, `"AdaBo"`},
		{"lines", `{"name":"Ada"}`, "", 200, `"Ada"`},
		{"parts", "--x\r\n\r\nAda\r\n--x--\r\n", "multipart/mixed; boundary=x", 200, "1"},
		{"parts", "--x\r\n\r\nAda\r\n--x--\r\n", "", 400, ""},
	} {
		var headers []string
		if row.mediaType != "" {
			headers = []string{"Content-Type: " + row.mediaType}
		}
		got := deliver(t, srv, row.source, row.content, headers...)
		assert.Equal(t, row.status, got.status, "%+v: %s", row, got.body)
		if row.status == 200 {
			assert.Equal(t, row.body, strings.TrimSpace(got.body), "%+v", row)
		}
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequest("POST", "/typed", strings.NewReader(`{"name":"Ada"}`)))
	assert.Equal(t, 415, w.Code, "requests of HTTP have to say what they bring")
}

func TestARecordHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		app.On(dock("dock"), weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}).Timeout(time.Second))
		assert.Equal(t, 504, deliver(t, build(t, app), "dock", "").status)
	})
}

func TestWorkThatARecordLeaves(t *testing.T) {
	app, _ := newApp()
	ran := make(chan string, 1)
	app.On(dock("dock"), weft.Handle(func(ctx context.Context, in person) (string, error) {
		err := weft.Go(ctx, "mail", func(ctx context.Context) error {
			ran <- weft.RouteOf(ctx).Pattern() + " " + weft.EventRouteOf(ctx).Pattern()
			return nil
		})
		if in.Age > 0 {
			err = errClosed
		}
		return "", err
	}))
	srv := build(t, app)
	got := deliver(t, srv, "dock", `{}`)
	require.NotNil(t, got.work)
	<-got.work
	assert.Equal(t, "dock dock", <-ran)
	assert.Nil(t, deliver(t, srv, "dock", `{"age":1}`).work, "a record that fails leaves nothing")
	require.NoError(t, srv.Shutdown(t.Context()))
	assert.Empty(t, ran)
}

// An answer that is made while it is sent is made to its end for a transport that takes it as a whole: it is settled then, and a failure has a status.
func TestAnAnswerOfARecordThatIsMadeWhileItIsSent(t *testing.T) {
	for fails, want := range map[bool]string{false: "core commit close", true: "core rollback close"} {
		l := &ledger{tr: &trace{}}
		app, _, _ := ledgerApp(l)
		app.On(dock("dock"), weft.HandleFrom(func(l *ledger, _ context.Context, _ struct{}) (weft.Stream[int], error) {
			return func(yield func(int, error) bool) {
				l.tr.add("core")
				if yield(1, nil) && fails {
					yield(0, errSecret)
				}
			}, nil
		}))
		got := deliver(t, build(t, app), "dock", "")
		assert.Equal(t, !fails, got.handled())
		assert.Nil(t, got.panicked)
		assert.Equal(t, want, l.tr.take())
	}
}

func TestACommitThatFailsFailsTheRecord(t *testing.T) {
	l := &ledger{tr: &trace{}, fails: errSecret}
	app, _, _ := ledgerApp(l)
	app.On(dock("dock"), weft.HandleFrom(func(*ledger, context.Context, struct{}) (string, error) { return "", nil }))
	assert.Equal(t, 500, deliver(t, build(t, app), "dock", "").status)
	assert.Equal(t, "commit close", l.tr.take())
}

// Records are handled at once, each with its own services.
func TestRecordsAtOnceShareNothing(t *testing.T) {
	type box struct{ n int }
	c := weft.NewContainer(nil)
	var mu sync.Mutex
	made := 0
	weft.PerRequest[*box](c, func() *box { mu.Lock(); defer mu.Unlock(); made++; return &box{} })
	app, _ := newApp(weft.WithContainer(c))
	app.On(dock("dock"), weft.HandleFrom(func(b *box, _ context.Context, n int) (bool, error) {
		if b.n != 0 {
			return false, errors.New("the box of another")
		}
		b.n = n
		runtime.Gosched()
		if b.n != n {
			return false, errors.New("the box of two")
		}
		return true, nil
	}))
	srv := build(t, app)
	const records = 200
	var all sync.WaitGroup
	for i := range records {
		all.Go(func() { assert.True(t, deliver(t, srv, "dock", fmt.Sprint(i+1)).handled()) })
	}
	all.Wait()
	assert.Equal(t, records, made)
}

// No request of HTTP gets to the route of a source, and none is answered otherwise for its sake.
func TestASourceIsOutOfReachOfHTTP(t *testing.T) {
	declare := func(with bool) *site {
		app, _ := newApp()
		app.Handle("POST /orders", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
		app.Handle("GET /orders/{id}", weft.Handle(ok))
		group := app.Group("/group")
		group.Handle("PUT /x", weft.Handle(ok))
		if with {
			reached := weft.Handle(func(context.Context, struct{}) (string, error) { t.Error("reached"); return "", nil })
			for _, name := range []string{"dock", "/", "/dock", "GET /dock", "POST /", "dock/", "/orders", "DELETE /orders", "example.com/", "*", "OPTIONS *", "/{rest...}"} {
				app.On(dock(name), reached)
				group.On(dock("group "+name), reached)
			}
		}
		return serve(t, app)
	}
	with, without := declare(true), declare(false)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"} {
		for _, path := range []string{"/", "/dock", "/dock/", "//dock", "/./dock", "/group/dock", "/group", "/group/", "/group/x", "/orders", "/orders/7", "/orders/7/", "/%64ock", "/dock/7", "/nowhere?x=dock"} {
			for _, host := range []string{"dock", "example.com", "127.0.0.1"} {
				want, got := without.send(method, path, "", "Host: "+host), with.send(method, path, "", "Host: "+host)
				what := method + " " + host + path
				assert.Equal(t, want.status, got.status, what)
				assert.Equal(t, want.body, got.body, what)
				for _, field := range []string{"Allow", "Location", "Content-Type"} {
					assert.Equal(t, want.header[field], got.header[field], what)
				}
			}
		}
	}
	for _, request := range []string{
		"OPTIONS * HTTP/1.1\r\nHost: dock\r\nConnection: close\r\n\r\n",
		"POST dock HTTP/1.1\r\nHost: dock\r\nConnection: close\r\n\r\n",
		"POST dock:///7 HTTP/1.1\r\nHost: dock\r\nConnection: close\r\n\r\n",
		"CONNECT dock:7 HTTP/1.1\r\nHost: dock:7\r\nConnection: close\r\n\r\n",
	} {
		want, _, _ := strings.Cut(raw(t, without, request), "\r\n")
		got, _, _ := strings.Cut(raw(t, with, request), "\r\n")
		assert.Equal(t, want, got, request)
	}
}

func TestTheEventsOfAServerAreInTheOrderOfTheirDeclarations(t *testing.T) {
	app, _ := newApp()
	sources := []weft.EventSource{dock("c"), dock("a"), dock("b")}
	group := app.Group("/group")
	group.On(sources[0], weft.Handle(ok))
	app.Handle("GET /x", weft.Handle(ok))
	app.On(sources[1], weft.Handle(ok))
	group.On(sources[2], weft.Handle(ok))
	srv := build(t, app)
	var got []weft.EventSource
	for from := range srv.Events() {
		got = append(got, from)
	}
	require.Len(t, got, len(sources))
	for i := range sources {
		assert.Same(t, sources[i], got[i])
	}
	for range srv.Events() {
		break // may stop early
	}
	empty, _ := newApp()
	for range build(t, empty).Events() {
		t.Error("there is none")
	}
}

// revision has a tag, with which GET has conditions.
type revision struct{ Product }

func (revision) ETag() string { return `"1"` }

func revise(_ context.Context, in Product) (revision, error) { return revision{in}, nil }

// The name of a source is no pattern, whatever it looks like.
func TestTheNameOfASourceIsNoPattern(t *testing.T) {
	for _, name := range []string{"GET /orders/{id}", "HEAD x", "POST /x", "/{", "dock", "SQS a/b", " "} {
		app, _ := newApp()
		app.Handle("POST /x", weft.Handle(revise))
		app.On(dock(name), weft.Handle(revise))
		plan, err := app.Plan()
		require.NoError(t, err, name)
		assert.Empty(t, plan.Warnings, name)
		assert.Equal(t, plan.Routes[0].Statuses, plan.Routes[1].Statuses, name)
		assert.True(t, deliver(t, build(t, app), name, `{"name":"tea"}`).handled(), name)
	}
}

func TestThePlanOfASource(t *testing.T) {
	tr := &trace{}
	app := yard(tr)
	plan, err := app.Plan()
	require.NoError(t, err)
	golden(t, "events_plan.txt", plan.String())
	assert.Equal(t, plan.String(), build(t, app).Explain())
	require.Len(t, plan.Routes, 2)
	web, event := plan.Routes[0], plan.Routes[1]
	assert.False(t, web.Event)
	assert.True(t, event.Event)
	assert.Equal(t, "dock", event.Pattern)
	assert.Equal(t, web.Statuses, event.Statuses, "as those of a POST")
	assert.Equal(t, web.Reads, event.Reads)
	assert.Equal(t, web.Catches, event.Catches)
	assert.Len(t, event.Stages, len(web.Stages)+1)
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(text), `"event":true`))
	assert.NotContains(t, string(text), `"event":false`)
	var back weft.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, *plan, back)
}
