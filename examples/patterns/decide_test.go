package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// Each test is a row of the table: the stage of the right kind, alone by one
// call and in an app, and beside it what another kind gets wrong.

const member = "X-Member: 7"

func aShop(t *testing.T) *site {
	t.Helper()
	return serving(t, shop(&counter{}, func(weft.Sent) {}))
}

// bare is an app without stages, whose log is nobody's.
func bare() *weft.App { return weft.New(weft.WithLogger((&logged{}).logger())) }

func TestTheTableIsThatOfTheREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, d := range decisions {
		assert.Contains(t, string(readme), fmt.Sprintf("| %s | %s | %s | %s |\n", d.question, d.kind, d.attach, d.instead))
	}
}

func TestTheStagesOfTheTableAreOfTheirKinds(t *testing.T) {
	t.Parallel()
	plan, err := shop(&counter{}, func(weft.Sent) {}).Plan()
	require.NoError(t, err)
	require.Len(t, plan.Routes, 1)
	kinds := map[string]weft.Kind{}
	for _, stage := range plan.Routes[0].Stages {
		kinds[stage.Name] = stage.Kind
	}
	assert.Equal(t, weft.KindMiddleware, kinds["every request"])
	assert.Equal(t, weft.KindMiddleware, kinds["ended"])
	assert.Equal(t, weft.KindGuard, kinds["members"])
	assert.Equal(t, weft.KindCheck, kinds["at most ten"])
	assert.Equal(t, weft.KindInterceptor, kinds["cache"])
	assert.Equal(t, weft.KindAround, kinds["whole euros"])
	assert.Len(t, plan.Routes[0].Reads, 3)
	require.Len(t, plan.Routes[0].Catches, 1)
	assert.Equal(t, weft.LevelApp, plan.Routes[0].Catches[0].Level)
}

func TestWhatWrapsEveryRequestIsMiddlewareOfTheApp(t *testing.T) {
	t.Parallel()
	alone := &counter{}
	alone.everyRequest().Dispatch(request(t, "GET", "/"), answers(weft.Empty()))
	assert.EqualValues(t, 1, alone.requests.Load())

	asMiddleware, asGuard, ofGroup := &counter{}, &counter{}, &counter{}
	app := shop(asMiddleware, func(weft.Sent) {})
	app.Guard(weft.NewGuard("count", func(*weft.Request) error { asGuard.requests.Add(1); return nil }))
	app.Group("/shops/{shop}", ofGroup.everyRequest()).Handle("GET /open", weft.Health())
	s := serving(t, app)
	assert.Equal(t, 200, s.call(t, "GET", "/shops/corner/open", "").status)
	assert.Equal(t, 404, s.call(t, "GET", "/nowhere", "").status)
	assert.Equal(t, 405, s.call(t, "PUT", "/shops/corner/price", "").status)
	assert.Equal(t, 204, s.call(t, "OPTIONS", "/shops/corner/price", "").status)
	assert.EqualValues(t, 4, asMiddleware.requests.Load())
	assert.EqualValues(t, 1, asGuard.requests.Load(), "a guard is asked of routes alone")
	assert.EqualValues(t, 3, ofGroup.requests.Load(), "a group has the misses of its own paths, and no others")
}

func TestWhatRejectsByIdentityIsAGuard(t *testing.T) {
	t.Parallel()
	var denial *weft.Denial
	require.ErrorAs(t, members().Allow(request(t, "GET", "/")), &denial)
	assert.Equal(t, 401, denial.Status())
	assert.NoError(t, members().Allow(request(t, "GET", "/", member)))

	s := aShop(t)
	assert.Equal(t, 401, s.call(t, "GET", "/shops/corner/price?cups=many", "").status, "before anything is decoded")
	assert.Equal(t, 400, s.call(t, "GET", "/shops/corner/price?cups=many", "", member).status)
	assert.Equal(t, 404, s.call(t, "GET", "/nowhere", "").status, "there is nothing to be guarded")

	asMiddleware := bare()
	asMiddleware.Use(weft.Before("members", members().Allow))
	asMiddleware.Handle("GET /healthz", weft.Health())
	s = serving(t, asMiddleware)
	assert.Equal(t, 401, s.call(t, "GET", "/nowhere", "").status, "who mistypes a path is told to log in")
	assert.Equal(t, 401, s.call(t, "GET", "/healthz", "").status)
	assert.Equal(t, 401, s.call(t, "OPTIONS", "/healthz", "").status)

	type asked struct {
		order
		Member string `header:"X-Member"`
	}
	asCheck := bare()
	asCheck.Handle("GET /shops/{shop}/price", weft.Handle(func(ctx context.Context, in asked) (bill, error) { return price(ctx, in.order) }).
		Check(func(_ context.Context, in asked) error {
			if in.Member == "" {
				return weft.Unauthenticated(`Member realm="shops"`, "")
			}
			return nil
		}))
	got := serving(t, asCheck).call(t, "GET", "/shops/corner/price?cups=many", "")
	assert.Equal(t, 400, got.status)
	assert.Contains(t, got.body, "must be of type integer", "a stranger is told what orders look like")
}

// fieldErrors are those of an answer, as "X-Coupon invalid_type".
func fieldErrors(t *testing.T, body string) []string {
	t.Helper()
	var problem struct {
		Errors []struct{ Name, Code string }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &problem), body)
	var all []string
	for _, e := range problem.Errors {
		all = append(all, e.Name+" "+e.Code)
	}
	return all
}

func TestWhatTurnsRequestDataIntoAValueIsAnExtractor(t *testing.T) {
	t.Parallel()
	extractor := weft.HeaderValue[coupon]("X-Coupon")
	got, err := extractor.Extract(request(t, "GET", "/", "X-Coupon: TEATIME"))
	require.NoError(t, err)
	assert.EqualValues(t, 50, got)
	_, err = extractor.Extract(request(t, "GET", "/", "X-Coupon: FREE"))
	assert.Error(t, err)

	answered := aShop(t).call(t, "GET", "/shops/corner/price?cups=many", "", member, "X-Coupon: FREE")
	assert.Equal(t, []string{"cups invalid_type", "X-Coupon invalid_type"}, fieldErrors(t, answered.body), "all that is wrong, at once")

	type plain struct {
		Cups int `query:"cups" default:"1"`
	}
	asMiddleware := bare()
	asMiddleware.Handle("GET /price", weft.Handle(func(context.Context, plain) (bill, error) { return bill{}, nil }).
		Use(weft.Before("coupon", func(r *weft.Request) error {
			_, err := extractor.Extract(r)
			return err
		})))
	answered = serving(t, asMiddleware).call(t, "GET", "/price?cups=many", "", "X-Coupon: FREE")
	assert.Equal(t, []string{"X-Coupon invalid_type"}, fieldErrors(t, answered.body), "the next mistake is for the next time")
}

func TestWhatDecidesByTheDecodedValueIsACheck(t *testing.T) {
	t.Parallel()
	for cups, allowed := range map[int]bool{0: false, 1: true, 10: true, 11: false} {
		assert.Equal(t, allowed, atMostTen(t.Context(), order{Cups: cups}) == nil, cups)
	}

	s := aShop(t)
	assert.Equal(t, 200, s.call(t, "GET", "/shops/corner/price", "", member).status, "the default is one cup")
	assert.Equal(t, 403, s.call(t, "GET", "/shops/corner/price?cups=11", "", member).status)

	type large struct {
		Cups int `json:"cups"`
	}
	log := &logged{}
	asGuard := weft.New(weft.WithLogger(log.logger()))
	asGuard.Handle("POST /orders", weft.Handle(func(context.Context, large) (bill, error) { return bill{}, nil }).
		Guard(weft.NewGuard("at most ten", func(r *weft.Request) error {
			content, err := r.Body()
			if err != nil {
				return err
			}
			var in large
			if err := json.Unmarshal(content, &in); err != nil || in.Cups > 10 {
				return weft.Deny("")
			}
			return nil
		})))
	assert.Equal(t, 500, serving(t, asGuard).call(t, "POST", "/orders", `{"cups":1}`).status)
	require.Len(t, log.records(t, "request failed"), 1)
	assert.Contains(t, log.records(t, "request failed")[0]["error"], "ReadsBody", "a guard is not given the body")
}

// twoLevels is an API with an answer for all its errors, and a webhook that
// knows better. The catching is done by app.
func twoLevels(log *logged) *weft.App {
	app := weft.New(weft.WithLogger(log.logger()))
	sell := weft.Handle(func(context.Context, struct{}) (bill, error) { return bill{}, &outOfTea{"corner"} })
	app.Handle("GET /api/price", sell)
	webhooks := app.Group("/webhooks")
	webhooks.Catch(weft.On(func(*weft.Request, *outOfTea) weft.Response { return weft.Text("ignored") }))
	webhooks.Handle("POST /orders", sell)
	return app
}

func TestWhatTurnsAnErrorIntoAnAnswerIsAnExceptionMapper(t *testing.T) {
	t.Parallel()
	resp, mapped := noTea().Map(request(t, "GET", "/"), fmt.Errorf("pricing: %w", &outOfTea{"corner"}))
	assert.True(t, mapped)
	assert.Equal(t, 409, resp.Status())
	assert.Equal(t, 409, aShop(t).call(t, "GET", "/shops/closed/price", "", member).status)

	log := &logged{}
	app := twoLevels(log)
	app.Catch(noTea())
	s := serving(t, app)
	assert.Equal(t, 409, s.call(t, "GET", "/api/price", "").status)
	assert.Equal(t, 200, s.call(t, "POST", "/webhooks/orders", "").status, "the nearest level decides")
	assert.Empty(t, log.records(t, "request failed"))

	app = twoLevels(log)
	app.Use(weft.OnError("no tea", func(_ *weft.Request, resp weft.Response, err error) weft.Response {
		if _, found := errors.AsType[*outOfTea](err); found {
			return weft.Text("out of tea").WithStatus(http.StatusConflict)
		}
		return resp
	}))
	s = serving(t, app)
	assert.Equal(t, 409, s.call(t, "GET", "/api/price", "").status)
	assert.Len(t, log.records(t, "request failed"), 1, "by then it was an unknown error, and a 500")
	assert.Equal(t, 409, s.call(t, "POST", "/webhooks/orders", "").status, "the webhook's own answer is overruled")
}

func TestWhatSeesTheResponseInsideTheGuardsIsAnInterceptor(t *testing.T) {
	t.Parallel()
	stage := new(cache).remember()
	first := stage.Dispatch(request(t, "GET", "/tea"), answers(weft.Text("green")))
	second := stage.Dispatch(request(t, "GET", "/tea"), answers(weft.Text("black")))
	assert.Equal(t, "green", body(t, first))
	assert.Equal(t, "green", body(t, second))
	assert.Equal(t, "hit", second.Header().Get("X-Cache"))
	stage.Dispatch(request(t, "GET", "/failed"), answers(weft.Fail(errors.New("an outage"))))
	assert.Equal(t, "black", body(t, stage.Dispatch(request(t, "GET", "/failed"), answers(weft.Text("black")))))

	const path = "/shops/corner/price"
	s := aShop(t)
	assert.Equal(t, 200, s.call(t, "GET", path, "", member).status)
	assert.Equal(t, "hit", s.call(t, "GET", path, "", member).header.Get("X-Cache"))
	assert.Equal(t, 401, s.call(t, "GET", path, "").status, "what is kept is for members")

	asMiddleware := bare()
	asMiddleware.Handle("GET /shops/{shop}/price", weft.Handle(price).Guard(members()).Use(new(cache).remember()))
	s = serving(t, asMiddleware)
	assert.Equal(t, 401, s.call(t, "GET", path, "").status)
	assert.Equal(t, 200, s.call(t, "GET", path, "", member).status)
	assert.Equal(t, 200, s.call(t, "GET", path, "").status, "now it is everybody's")
}

func TestWhatIsTypedInAndOutIsAnAround(t *testing.T) {
	t.Parallel()
	got, err := wholeEuros(t.Context(), order{Cups: 2}, price)
	require.NoError(t, err)
	assert.Equal(t, bill{300}, got)

	s := aShop(t)
	assert.JSONEq(t, `{"cents":199}`, s.call(t, "GET", "/shops/corner/price", "", member).body)
	assert.JSONEq(t, `{"cents":300}`, s.call(t, "GET", "/shops/corner/price?cups=2", "", member).body)

	var seen, bytes string
	asInterceptor := bare()
	asInterceptor.Handle("GET /shops/{shop}/price", weft.Handle(price).
		Intercept(weft.After("whole euros", func(r *weft.Request, resp weft.Response) weft.Response {
			seen, bytes = r.Query().Get("cups"), body(t, resp)
			return resp
		})))
	serving(t, asInterceptor).call(t, "GET", "/shops/corner/price", "")
	assert.Empty(t, seen, "the default is not in the request")
	assert.Equal(t, `{"cents":199}`, bytes, "and the bill is text already")
}

// brokenPipe takes a status, and no body.
type brokenPipe struct{ http.ResponseWriter }

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWhatKnowsHowItEndedIsAFinally(t *testing.T) {
	t.Parallel()
	var sent []weft.Sent
	var after []int
	app := shop(&counter{}, func(s weft.Sent) { sent = append(sent, s) })
	app.Use(weft.After("after", func(_ *weft.Request, resp weft.Response) weft.Response {
		after = append(after, resp.Status())
		return resp
	}))
	server, err := app.Build(t.Context())
	require.NoError(t, err)
	hr := httptest.NewRequestWithContext(t.Context(), "GET", "/shops/corner/price", nil)
	hr.Header.Set("X-Member", "7")
	server.ServeHTTP(httptest.NewRecorder(), hr)
	server.ServeHTTP(brokenPipe{httptest.NewRecorder()}, hr)

	require.Len(t, sent, 2)
	assert.NoError(t, sent[0].WriteErr)
	assert.EqualValues(t, len(`{"cents":199}`), sent[0].Bytes)
	assert.ErrorContains(t, sent[1].WriteErr, "broken pipe")
	assert.Zero(t, sent[1].Bytes)
	assert.Equal(t, []int{200, 200}, after, "as far as it knows, all is well")
}

// The stages of the table stand in the plan, for people to read.
func TestThePlanShowsTheTable(t *testing.T) {
	t.Parallel()
	plan, err := shop(&counter{}, func(weft.Sent) {}).Plan()
	require.NoError(t, err)
	text := plan.String()
	place := -1
	for _, name := range []string{"every request", "members", "at most ten", "cache", "whole euros"} {
		at := strings.Index(text[place+1:], name)
		require.GreaterOrEqual(t, at, 0, name)
		place += at + 1
	}
}
