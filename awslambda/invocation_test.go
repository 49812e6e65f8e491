package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

// invoked is the context that the runtime gives an invocation.
func invoked(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "req-1", InvokedFunctionArn: "arn:fn", TenantID: "acme"})
	//lint:ignore SA1029 the key is the runtime's
	return context.WithValue(ctx, "x-amzn-trace-id", "Root=1-2;Parent=3;Sampled=1"), cancel
}

// What Lambda and the event say is there for stages, as a value and as a key.
func TestFactsOfAnInvocation(t *testing.T) {
	var got []*awslambda.Invocation
	var trace string
	app := quiet()
	app.Use(awslambda.Provide())
	type in struct {
		Invocation *awslambda.Invocation `value:""`
	}
	app.Handle("/", weft.Handle(func(ctx context.Context, in in) (string, error) {
		inv, ok := awslambda.InvocationOf(ctx)
		assert.Same(t, in.Invocation, inv)
		assert.True(t, ok)
		got = append(got, inv)
		return "", nil
	}).Use(weft.Before("trace", func(r *weft.Request) error { trace = r.Header().Get("X-Amzn-Trace-Id"); return nil })))
	f, err := awslambda.New(build(t, app))
	require.NoError(t, err)
	for _, c := range []struct {
		event       string
		source      awslambda.Source
		correlation string
		stage       string
	}{
		{restEvent, awslambda.RESTAPI, "r-1", "prod"},
		{httpEvent, awslambda.HTTPAPI, "r-1", "$default"},
		{urlEvent, awslambda.FunctionURL, "r-1", "$default"},
		{albEvent, awslambda.ALB, "Root=1-1", ""},
		{albMultiEvent, awslambda.ALB, "Root=1-1", ""},
		{lattice1Event, awslambda.VPCLattice, "req-1", ""},
		{lattice2Event, awslambda.VPCLattice, "r-1", ""},
		{socketEvent, awslambda.WebSocket, "r-1", "prod"},
	} {
		ctx, cancel := invoked(t.Context(), time.Minute)
		_, err := f.Invoke(ctx, []byte(c.event))
		deadline, _ := ctx.Deadline()
		cancel()
		require.NoError(t, err)
		inv := got[len(got)-1]
		assert.Equal(t, c.source, inv.Source)
		assert.Equal(t, c.correlation, inv.CorrelationID, c.source)
		assert.Equal(t, c.stage, inv.Stage, c.source)
		assert.Equal(t, "req-1 arn:fn acme Root=1-2;Parent=3;Sampled=1", fmt.Sprint(inv.RequestID, " ", inv.FunctionARN, " ", inv.TenantID, " ", inv.TraceID))
		assert.Equal(t, deadline, inv.Deadline, "Lambda's, not the request's")
		assert.Equal(t, len(got) == 1, inv.ColdStart)
		assert.Equal(t, "Root=1-2;Parent=3;Sampled=1", trace, "what the function does belongs below its own segment")
		if c.source != awslambda.VPCLattice {
			assert.True(t, json.Valid(inv.Context), string(inv.Context))
		}
		assert.Equal(t, c.source == awslambda.WebSocket, inv.WebSocket != nil)
	}
	var v1 struct{ PrincipalID, Tier string }
	require.NoError(t, got[0].Authorizer(&v1))
	assert.Equal(t, "ada 3", v1.PrincipalID+" "+v1.Tier)
	var v2 struct {
		JWT struct {
			Claims map[string]string
			Scopes []string
		}
	}
	require.NoError(t, got[1].Authorizer(&v2))
	assert.Equal(t, "ada", v2.JWT.Claims["sub"])
	assert.ErrorContains(t, got[3].Authorizer(&v1), "no authorizer")
	assert.ErrorContains(t, (&awslambda.Invocation{}).Authorizer(&v1), "no authorizer")
}

// Without a runtime there are no facts, and on a connection there is no source.
func TestThereMayBeNoInvocation(t *testing.T) {
	app := quiet()
	app.Use(awslambda.Provide())
	app.Handle("GET /", weft.Handle(func(_ context.Context, in struct {
		Invocation *awslambda.Invocation `value:""`
	}) (string, error) {
		return "from " + string(in.Invocation.Source), nil
	}))
	g := app.Group("/lambda")
	g.Guard(awslambda.Only(awslambda.RESTAPI, awslambda.WebSocket))
	g.Handle("GET", weft.Handle(func(context.Context, struct{}) (string, error) { return "in", nil }))
	srv := build(t, app)
	w := &written{header: http.Header{}}
	hr, err := http.NewRequestWithContext(t.Context(), "GET", "/", nil)
	require.NoError(t, err)
	srv.ServeHTTP(w, hr)
	assert.Equal(t, `"from "`, w.body.String())
	w = &written{header: http.Header{}}
	hr.URL.Path = "/lambda"
	srv.ServeHTTP(w, hr)
	assert.Equal(t, 403, w.status)
	assert.Equal(t, 200, handle(t, srv, `{"path":"/lambda","httpMethod":"GET","requestContext":{"stage":"x"}}`).Status)
	assert.Equal(t, 403, handle(t, srv, `{"path":"/lambda","httpMethod":"GET","headers":{},"requestContext":{"elb":{}}}`).Status)
}

type written struct {
	header http.Header
	status int
	body   strings.Builder
}

func (w *written) Header() http.Header         { return w.header }
func (w *written) WriteHeader(status int)      { w.status = status }
func (w *written) Write(p []byte) (int, error) { return w.body.Write(p) }

// The three events of a connection are three routes.
func TestWebSockets(t *testing.T) {
	var all []string
	app := quiet()
	app.Guard(awslambda.Only(awslambda.WebSocket))
	tell := func(ctx context.Context, body string) (string, error) {
		inv, _ := awslambda.InvocationOf(ctx)
		c := inv.WebSocket
		all = append(all, fmt.Sprint(c.Event, " ", c.RouteKey, " ", c.ID, " ", c.Endpoint, " ", body))
		if strings.Contains(body, "no") {
			return "", &weft.Error{Status: 403}
		}
		return "heard", nil
	}
	app.Handle("GET /$connect", weft.Handle(func(ctx context.Context, in struct {
		Room string `query:"room"`
	}) (string, error) {
		return tell(ctx, in.Room)
	}))
	app.Handle("POST /say", weft.Handle(func(ctx context.Context, in struct {
		Text string `json:"text"`
	}) (string, error) {
		return tell(ctx, in.Text)
	}).JSON(weft.JSONOptions{AllowUntyped: true, AllowUnknown: true}))
	app.Handle("DELETE /$disconnect", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) { return tell(ctx, "") }))
	srv := build(t, app)
	event := func(kind, route, more string) string {
		return `{"requestContext":{"routeKey":"` + route + `","eventType":"` + kind + `","connectionId":"c-1","stage":"prod","domainName":"w1.example.com"}` + more + `}`
	}
	assert.Equal(t, 200, handle(t, srv, socketEvent).Status)
	r := handle(t, srv, event("MESSAGE", "say", `,"body":"{\"action\":\"say\",\"text\":\"tea\"}"`))
	assert.Equal(t, `200 "heard"`, fmt.Sprint(r.Status, " ", r.Body))
	assert.Equal(t, 403, handle(t, srv, event("MESSAGE", "say", `,"body":"{\"text\":\"no\"}"`)).Status)
	assert.Equal(t, 404, handle(t, srv, event("MESSAGE", "shout", `,"body":"{}"`)).Status)
	assert.Equal(t, 200, handle(t, srv, event("DISCONNECT", "$disconnect", ``)).Status)
	assert.Equal(t, []string{
		"CONNECT $connect c-1 https://w1.execute-api.eu-west-1.amazonaws.com/prod tea",
		"MESSAGE say c-1 https://w1.example.com/prod tea",
		"MESSAGE say c-1 https://w1.example.com/prod no",
		"DISCONNECT $disconnect c-1 https://w1.example.com/prod ",
	}, all)
}

// The context of a request ends before Lambda's does, so that there is time left for an answer.
func TestTheDeadlineHasAReserve(t *testing.T) {
	var left time.Duration
	var has bool
	f := func(opts ...awslambda.Option) *awslambda.Function {
		return function(t, func(ctx context.Context, r *weft.Request) (weft.Response, error) {
			var deadline time.Time
			deadline, has = ctx.Deadline()
			left = time.Until(deadline)
			if r.HTTP().URL.Query().Has("k") {
				<-ctx.Done()
				return weft.Response{}, ctx.Err()
			}
			return weft.Empty(), nil
		}, opts...)
	}
	get := []byte(`{"path":"/","httpMethod":"GET","requestContext":{"stage":"x"}}`)
	for _, c := range []struct {
		timeout, min, max time.Duration
		opts              []awslambda.Option
	}{
		{time.Minute, 59 * time.Second, 60*time.Second - 500*time.Millisecond, nil},
		{time.Minute, 49 * time.Second, 50 * time.Second, []awslambda.Option{awslambda.Reserve(10 * time.Second)}},
		{time.Minute, 59 * time.Second, 60 * time.Second, []awslambda.Option{awslambda.Reserve(0)}},
		{2 * time.Second, time.Second / 2, time.Second, []awslambda.Option{awslambda.Reserve(10 * time.Second)}},
	} {
		ctx, cancel := invoked(t.Context(), c.timeout)
		_, err := f(c.opts...).Invoke(ctx, get)
		cancel()
		require.NoError(t, err)
		assert.True(t, has && left > c.min && left <= c.max, "%v of %v left", left, c.timeout)
	}
	_, err := f().Invoke(t.Context(), get)
	require.NoError(t, err)
	assert.False(t, has)

	late, over := context.WithDeadline(t.Context(), time.Now().Add(-time.Minute))
	defer over()
	_, err = f().Invoke(late, get)
	require.NoError(t, err)
	assert.Less(t, left, -50*time.Second, "what has passed has passed")

	ctx, cancel := invoked(t.Context(), 400*time.Millisecond)
	defer cancel()
	answer, err := f().Invoke(ctx, []byte(restEvent))
	require.NoError(t, err)
	assert.Equal(t, 504, parse(t, answer).Status)
	require.NoError(t, ctx.Err(), "Lambda has not ended it")
}

// Whatever becomes of a request, the process goes on, and Lambda is told of what is no answer.
func TestNothingEndsTheProcess(t *testing.T) {
	f := function(t, func(_ context.Context, r *weft.Request) (weft.Response, error) {
		switch r.HTTP().URL.Path {
		case "/panic":
			panic("oh")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/short":
			return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "7")
				_, _ = io.WriteString(w, "tea")
			})), nil
		case "/raw":
			return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "tea")
				panic("oh")
			})), nil
		}
		return weft.Empty(), nil
	})
	for path, want := range map[string]string{"/panic": "500", "/abort": "Weft.Aborted", "/short": "Weft.InvalidAnswer", "/raw": "Weft.Aborted", "/": "204"} {
		answer, err := f.Invoke(t.Context(), []byte(`{"path":"`+path+`","httpMethod":"GET","requestContext":{"stage":"x"}}`))
		if err == nil {
			assert.Equal(t, want, fmt.Sprint(parse(t, answer).Status), path)
			continue
		}
		assert.Equal(t, want, errorType(t, err), path)
	}
}

// The payload is the runtime's, and is used again: nothing of it is kept by what the handler keeps.
func TestNothingOfThePayloadIsKept(t *testing.T) {
	for _, size := range []int{10, 100 << 10} {
		var kept []string
		var body []byte
		var inv *awslambda.Invocation
		later := make(chan string, 1)
		f := function(t, func(ctx context.Context, r *weft.Request) (weft.Response, error) {
			hr := r.HTTP()
			kept = []string{hr.Method, hr.URL.Path, hr.URL.RawQuery, hr.Host, hr.Header.Get("X-One"), hr.RemoteAddr}
			body, _ = r.Body()
			inv, _ = awslambda.InvocationOf(ctx)
			return weft.Text("x"), weft.Go(ctx, "later", func(ctx context.Context) error {
				later <- hr.Header.Get("X-One")
				return nil
			})
		})
		payload := []byte(`{"path":"/tea","httpMethod":"POST","headers":{"X-One":"one","Host":"h"},"queryStringParameters":{"k":"v"},"requestContext":{"stage":"prod","identity":{"sourceIp":"192.0.2.7"}},"body":"` + strings.Repeat("x", size) + `"}`)
		before := string(payload)
		_, err := f.Invoke(t.Context(), payload)
		require.NoError(t, err)
		assert.Equal(t, before, string(payload), "and it is not changed")
		for i := range payload {
			payload[i] = '!'
		}
		assert.Equal(t, []string{"POST", "/tea", "k=v", "h", "one", "192.0.2.7:0"}, kept)
		assert.Equal(t, strings.Repeat("x", size), string(body))
		assert.JSONEq(t, `{"stage":"prod","identity":{"sourceIp":"192.0.2.7"}}`, string(inv.Context))
		assert.Equal(t, "one", <-later)
	}
}

// One process may serve several invocations at once.
func TestInvocationsAtOnce(t *testing.T) {
	const n = 8
	var inside atomic.Int32
	all := make(chan struct{})
	var colds atomic.Int32
	f := function(t, func(ctx context.Context, r *weft.Request) (weft.Response, error) {
		if inside.Add(1) == n {
			close(all)
		}
		<-all // that they are really at once
		inv, _ := awslambda.InvocationOf(ctx)
		if inv.ColdStart {
			colds.Add(1)
		}
		content, err := r.Body()
		return weft.Text(inv.CorrelationID + " " + r.HTTP().URL.Path + " " + string(content)), err
	})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			for j := range 50 {
				id := fmt.Sprint(i, "-", j)
				payload := []byte(`{"path":"/` + id + `","httpMethod":"POST","requestContext":{"stage":"x","requestId":"` + id + `"},"body":"` + id + `"}`)
				answer, err := f.Invoke(t.Context(), payload)
				for k := range payload {
					payload[k] = '!'
				}
				if !assert.NoError(t, err) {
					return
				}
				var r reply
				assert.NoError(t, json.Unmarshal(answer, &r))
				assert.Equal(t, id+" /"+id+" "+id, r.Body)
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, colds.Load())
}

// The process stands still behind an answer, so what a request has left is done before, within the request's deadline.
func TestWorkBehindTheAnswerIsDoneBeforeTheProcessStandsStill(t *testing.T) {
	done := false
	ended := make(chan error, 1)
	f := function(t, func(ctx context.Context, r *weft.Request) (weft.Response, error) {
		return weft.Text("x"), weft.Go(ctx, "later", func(ctx context.Context) error {
			if r.HTTP().URL.Path == "/slow" {
				<-ctx.Done()
				ended <- ctx.Err()
				return nil
			}
			time.Sleep(20 * time.Millisecond)
			done = true
			return nil
		})
	})
	ctx, cancel := invoked(t.Context(), time.Minute)
	_, err := f.Invoke(ctx, []byte(httpEvent))
	cancel()
	require.NoError(t, err)
	assert.True(t, done)
	ctx, cancel = invoked(t.Context(), 100*time.Millisecond)
	defer cancel()
	answer, err := f.Invoke(ctx, []byte(`{"path":"/slow","httpMethod":"GET"}`))
	require.NoError(t, err)
	assert.Equal(t, 200, parse(t, answer).Status)
	require.NoError(t, ctx.Err())
	assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
}

// An error of the invocation is of the one type that the runtime takes as it is.
func TestErrorsHaveNames(t *testing.T) {
	_, err := awslambda.Handle(t.Context(), looking(t), []byte(`{}`))
	var e messages.InvokeResponse_Error
	require.True(t, errors.As(err, &e))
	assert.Equal(t, "the event is of no source that is known", e.Message)
}
