package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/weft-go/weft/examples/lambda/internal/lambdatest"
)

// world is what the function depends on, each on a connection of its own.
type world struct {
	comments, flags, table *httptest.Server
	spans                  *lambdatest.Collector

	mu      sync.Mutex
	on      bool     // the feature
	broken  bool     // the table
	asked   []string // of the comments, as it was sent
	kept    []map[string]map[string]string
	targets []string
}

func newWorld(t *testing.T) *world {
	w := &world{on: true, spans: lambdatest.NewCollector(t)}
	serve := func(h http.HandlerFunc) *httptest.Server {
		ts := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, hr *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			h(rw, hr)
		}))
		t.Cleanup(ts.Close)
		return ts
	}
	w.comments = serve(func(rw http.ResponseWriter, hr *http.Request) {
		w.asked = append(w.asked, hr.RequestURI)
		switch hr.RequestURI {
		case "/comments":
			var all []string
			for i := range 12 {
				all = append(all, fmt.Sprintf(`{"id": %d}`, i+1))
			}
			fmt.Fprintf(rw, "[%s]", strings.Join(all, ", "))
		case "/comments/7":
			fmt.Fprint(rw, `{"id": 7}`)
		default:
			http.NotFound(rw, hr)
		}
	})
	w.flags = serve(func(rw http.ResponseWriter, hr *http.Request) {
		if hr.URL.Path != "/applications/comments/environments/dev/configurations/features" {
			http.NotFound(rw, hr)
			return
		}
		fmt.Fprintf(rw, `{"save_history": {"default": %t}}`, w.on)
	})
	w.table = serve(func(rw http.ResponseWriter, hr *http.Request) {
		if w.broken {
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(rw, `{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "Requested resource not found"}`)
			return
		}
		var put struct {
			TableName string
			Item      map[string]map[string]string
		}
		text, _ := io.ReadAll(hr.Body)
		assert.NoError(t, json.Unmarshal(text, &put))
		w.kept = append(w.kept, put.Item)
		w.targets = append(w.targets, hr.Header.Get("X-Amz-Target")+" "+put.TableName)
		rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
		fmt.Fprint(rw, `{}`)
	})
	return w
}

// environment is the variables by which the function finds its world.
func (w *world) environment() []string {
	return []string{
		"UPSTREAM_URL=" + w.comments.URL, "APPCONFIG_URL=" + w.flags.URL, "AWS_ENDPOINT_URL_DYNAMODB=" + w.table.URL, "HISTORY_TABLE=visits",
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + w.spans.URL, "POWERTOOLS_SERVICE_NAME=middleware",
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true",
	}
}

// site is the function in process, in its world.
type site struct {
	*world
	t   *testing.T
	fn  any
	log *lambdatest.Log
}

func newSite(t *testing.T) *site {
	s := &site{world: newWorld(t), t: t, log: &lambdatest.Log{}}
	for _, v := range s.environment() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	fn, err := function(t.Context(), services(), slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, err)
	s.fn = fn
	return s
}

func (s *site) invoke(event []byte) string {
	s.t.Helper()
	out, err := lambdatest.Invoke(s.t, s.fn, event, lambdatest.Invocation{RequestID: "request 7", TraceID: lambdatest.Trace(7)})
	require.NoError(s.t, err)
	return out
}

// answer is what the function answers with: the status, the body as JSON in JSON, and its fields.
func answer(t *testing.T, status int, body string) string {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	return fmt.Sprintf(`{"statusCode": %d, "body": %s, "isBase64Encoded": false, "multiValueHeaders": {
		"Content-Type": ["application/json"],
		"Referrer-Policy": ["no-referrer"],
		"Strict-Transport-Security": ["max-age=15552000; includeSubDomains; preload"],
		"X-DNS-Prefetch-Control": ["off"],
		"X-Content-Type-Options": ["nosniff"],
		"X-Permitted-Cross-Domain-Policies": ["none"],
		"X-Download-Options": ["noopen"]
	}}`, status, text)
}

const (
	ten     = `[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5},{"id":6},{"id":7},{"id":8},{"id":9},{"id":10}]`
	refused = `{"statusCode": 400, "body": "\"Failed schema validation. Error: data.headers must contain ['X-Customer-Id'] properties\"", "isBase64Encoded": false}`
)

// visit is what is kept of the published event.
var visit = map[string]map[string]string{
	"customer_id": {"S": "1"}, "request_id": {"S": "56d1a102-6d9d-4f13-b4f7-26751c10a131"}, "path": {"S": "/comments"},
	"request_time": {"S": "20/Aug/2022:18:18:58 +0000"}, "source_ip": {"S": "127.0.0.1"}, "http_method": {"S": "GET"},
}

func TestTheCommentsAreListed(t *testing.T) {
	s := newSite(t)
	assert.JSONEq(t, answer(t, 200, ten), s.invoke(lambdatest.Event(t)))
	assert.Equal(t, []map[string]map[string]string{visit}, s.kept)
	assert.Equal(t, []string{"DynamoDB_20120810.PutItem visits"}, s.targets)
	assert.Contains(t, s.log.String(), `level=DEBUG msg="a visit" customer_id=1 correlation_id=56d1a102-6d9d-4f13-b4f7-26751c10a131`)
	s.traced(t, 7)
}

// traced checks the spans of one invocation.
func (w *world) traced(t *testing.T, n int) {
	t.Helper()
	spans, exports := w.spans.Take()
	const correlated = "comments > ## correlated"
	assert.Equal(t, []string{correlated + " > ## remembered > ## secured > ## comments", correlated + " > ## remembered > ## secured", correlated + " > ## remembered", correlated, "comments"}, spans.Tree())
	assert.Equal(t, 1, exports)
	assert.Equal(t, fmt.Sprintf("5759e988%024x %016x", n, n), spans.Of("comments").Trace())
	assert.Equal(t, "1 CustomerId", spans.Of("## correlated").Attr("CustomerId")+" "+spans.Of("## correlated").Attr("aws.xray.annotations"))
	assert.JSONEq(t, `{"execution detail": {"customer_id": "1", "request_id": "56d1a102-6d9d-4f13-b4f7-26751c10a131", "path": "/comments",
		"request_time": "20/Aug/2022:18:18:58 +0000", "source_ip": "127.0.0.1", "http_method": "GET"}}`,
		spans.Of("## remembered").Attr("aws.xray.metadata.middleware"))
}

func TestWhoSaysNotWhoTheyAreIsRefused(t *testing.T) {
	s := newSite(t)
	event := string(lambdatest.Event(t))
	assert.JSONEq(t, refused, s.invoke([]byte(strings.ReplaceAll(event, "X-Customer-Id", "X-Customer"))))
	for _, headers := range []string{`null`, `"None"`, `[]`, `{"X-Customer-Id": 1}`} {
		assert.JSONEq(t, refused, s.invoke([]byte(`{"path":"/comments","httpMethod":"GET","headers":`+headers+`}`)), headers)
	}
	assert.JSONEq(t, refused, s.invoke([]byte(`{}`)))
	assert.Empty(t, s.asked, "nothing further in has run")
	assert.Empty(t, s.kept)
	assert.JSONEq(t, answer(t, 200, ten), s.invoke([]byte(strings.ReplaceAll(event, "X-Customer-Id", "x-customer-id"))), "in whatever letters")
	assert.JSONEq(t, answer(t, 200, ten), s.invoke([]byte(strings.ReplaceAll(event, `"X-Customer-Id": "1"`, `"X-Customer-Id": ""`))), "any text")
}

func TestRoutes(t *testing.T) {
	s := newSite(t)
	at := func(method, path string) string {
		text, err := json.Marshal(map[string]any{"httpMethod": method, "path": path, "headers": map[string]string{"X-Customer-Id": "1"}})
		require.NoError(t, err)
		return s.invoke(text)
	}
	assert.JSONEq(t, answer(t, 200, `{"id":7}`), at("GET", "/comments/7"))
	const nothing, failure = `{"statusCode":404,"message":"Not found"}`, `{"statusCode":500,"message":"The comments cannot be read."}`
	for _, route := range []string{"POST /comments", "GET /", "GET /comments/", "GET /comments/7/8"} {
		method, path, _ := strings.Cut(route, " ")
		assert.JSONEq(t, answer(t, 404, nothing), at(method, path), route)
	}
	s.asked = nil
	for id, sent := range map[string]string{"a b": "a%20b", "é?x=/..": "", "a+b&c=d": "a%2Bb%26c%3Dd", "..": "%2E%2E", "%2f": "%252f", "x#y": "x%23y"} {
		got := at("GET", "/comments/"+id)
		if sent == "" {
			assert.JSONEq(t, answer(t, 404, nothing), got)
			continue
		}
		assert.JSONEq(t, answer(t, 500, failure), got, id)
		assert.Equal(t, "/comments/"+sent, s.asked[len(s.asked)-1])
	}
}

func TestTheFeatureFlagDecides(t *testing.T) {
	s := newSite(t)
	s.on = false
	assert.JSONEq(t, answer(t, 200, ten), s.invoke(lambdatest.Event(t)))
	assert.Empty(t, s.kept)
	s.spans.Peek(func(spans lambdatest.Spans) {
		assert.Empty(t, spans.Of("## remembered").Attr("aws.xray.metadata.middleware"))
	})

	s.on, s.broken = true, true
	assert.JSONEq(t, answer(t, 200, ten), s.invoke(lambdatest.Event(t)), "a table that is away is no failure of the visit")
	assert.Contains(t, s.log.String(), "a visit could not be kept")
	assert.Contains(t, s.log.String(), "ResourceNotFoundException")

	s.broken = false
	s.flags.Close()
	assert.JSONEq(t, answer(t, 200, ten), s.invoke(lambdatest.Event(t)))
	assert.Empty(t, s.kept, "a flag that cannot be read is off")
	assert.Contains(t, s.log.String(), "the feature flags could not be read")
}

func TestAnUpstreamThatIsAwayIsA500AndOneErrorInTheTrace(t *testing.T) {
	s := newSite(t)
	s.comments.Close()
	assert.JSONEq(t, answer(t, 500, `{"statusCode":500,"message":"The comments cannot be read."}`), s.invoke(lambdatest.Event(t)))
	assert.Contains(t, s.log.String(), "connection refused", "the cause is for the log")
	spans, _ := s.spans.Take()
	for _, span := range spans.All {
		described := 0
		if span.Name == "## comments" {
			described = 1
		}
		assert.Len(t, span.Events, described, span.Name)
		assert.Equal(t, described == 1, span.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR, "the stages outside have an answer")
	}
}

// One process, sixteen invocations at once, each with a trace and a customer of its own.
func TestAsAProgram(t *testing.T) {
	w := newWorld(t)
	p := lambdatest.Start(t, append(w.environment(), "AWS_LAMBDA_MAX_CONCURRENCY=16")...)
	first := p.Invoke(t, lambdatest.Event(t), lambdatest.Invocation{TraceID: lambdatest.Trace(7)})
	require.Nil(t, first.Error)
	assert.JSONEq(t, answer(t, 200, ten), first.Body)
	assert.Equal(t, []map[string]map[string]string{visit}, w.kept)
	w.traced(t, 7)
	assert.JSONEq(t, refused, p.Invoke(t, []byte(`{}`), lambdatest.Invocation{}).Body)
	w.spans.Take()

	const calls = 64
	var all sync.WaitGroup
	for n := 1; n <= calls; n++ {
		all.Go(func() {
			event := bytes.ReplaceAll(lambdatest.Event(t), []byte(`"X-Customer-Id": "1"`), fmt.Appendf(nil, `"X-Customer-Id": "%d"`, n))
			got := p.Invoke(t, event, lambdatest.Invocation{RequestID: fmt.Sprint("request ", n), TraceID: lambdatest.Trace(n)})
			assert.Nil(t, got.Error)
			assert.JSONEq(t, answer(t, 200, ten), got.Body)
		})
	}
	all.Wait()
	spans, _ := w.spans.Take()
	assert.Len(t, spans.All, 5*calls)
	traces := map[string]string{} // of the invocations
	for _, span := range spans.All {
		if span := (lambdatest.Span{Span: span}); span.Name == "comments" {
			traces[span.Attr("faas.invocation_id")] = span.Trace()
		}
	}
	customers := map[string]string{}
	for _, span := range spans.All {
		if span := (lambdatest.Span{Span: span}); span.Name == "## correlated" {
			customers[span.Attr("CustomerId")] = span.Trace()[:32]
		}
	}
	for n := 1; n <= calls; n++ {
		of := fmt.Sprintf("5759e988%024x", n)
		assert.Equal(t, fmt.Sprintf("%s %016x", of, n), traces[fmt.Sprint("request ", n)])
		assert.Equal(t, of, customers[fmt.Sprint(n)])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.Len(t, w.kept, 1+calls)
}
