package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/lambdatest"
	"github.com/weft-go/weft/examples/lambda/internal/upstream"
)

// catalogue is the service that keeps the products.
func catalogue(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/1", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id": 1, "title": "Mascara"}`) })
	ts := httptest.NewServer(mux)
	t.Cleanup(ts.Close)
	return ts
}

func check(t *testing.T, out, id string) {
	t.Helper()
	var answer struct {
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	require.Len(t, answer.MultiValueHeaders["execution_time"], 1, out)
	assert.JSONEq(t, fmt.Sprintf(`{
		"statusCode": 200, "body": "{\"product\":{\"id\":1,\"title\":\"Mascara\"}}", "isBase64Encoded": false,
		"multiValueHeaders": {"Content-Type": ["application/json"], "execution_time": [%q], "aws_request_id": [%q]}
	}`, answer.MultiValueHeaders["execution_time"][0], id), out)
}

// traced checks the spans of one invocation with trace n: they came in one export, before the function returned.
func traced(t *testing.T, c *lambdatest.Collector, n int, id string) {
	t.Helper()
	spans, exports := c.Take()
	assert.Equal(t, []string{"products > ## middleware_with_advanced_tracing", "products"}, spans.Tree())
	assert.Equal(t, 1, exports)
	root := spans.Of("products")
	assert.Equal(t, fmt.Sprintf("5759e988%024x %016x", n, n), root.Trace())
	assert.Equal(t, id, root.Attr("faas.invocation_id"))
	mw := spans.Of("## middleware_with_advanced_tracing")
	seconds, err := strconv.ParseFloat(mw.Attr("TotalExecutionTime"), 64)
	assert.True(t, err == nil && seconds > 0, "a text, as it is published: %q", mw.Attr("TotalExecutionTime"))
	assert.Equal(t, "TotalExecutionTime", mw.Attr("aws.xray.annotations"))
	assert.Equal(t, `{"resource":"/products"}`, mw.Attr("aws.xray.metadata.shop"))
}

func TestTheMiddlewareHasASpan(t *testing.T) {
	c, ts := lambdatest.NewCollector(t), catalogue(t)
	t.Setenv(c.Variable())
	t.Setenv("POWERTOOLS_SERVICE_NAME", "shop")
	fn, err := function(t.Context(), services().With(weft.Override(&upstream.Service{URL: ts.URL, Client: ts.Client()})))
	require.NoError(t, err)
	out, err := lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{RequestID: "request 7", TraceID: lambdatest.Trace(7)})
	require.NoError(t, err)
	check(t, out, "request 7")
	traced(t, c, 7, "request 7")

	ts.Close()
	_, err = lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{})
	require.ErrorContains(t, err, "reading the product")
	spans, _ := c.Take()
	assert.Equal(t, "STATUS_CODE_ERROR", spans.Of("products").Status.Code.String())
	mw := spans.Of("## middleware_with_advanced_tracing")
	assert.Len(t, mw.Events, 1, "the innermost span describes the error")
	assert.NotEmpty(t, mw.Attr("TotalExecutionTime"), "and has its notes")
	assert.Empty(t, spans.Of("products").Events)
}

// Not traced, the function answers all the same.
func TestWithoutACollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	ts := catalogue(t)
	fn, err := function(t.Context(), services().With(weft.Override(&upstream.Service{URL: ts.URL, Client: ts.Client()})))
	require.NoError(t, err)
	out, err := lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{RequestID: "request 7"})
	require.NoError(t, err)
	check(t, out, "request 7")
}

func TestAsAProgram(t *testing.T) {
	c := lambdatest.NewCollector(t)
	p := lambdatest.Start(t, "UPSTREAM_URL="+catalogue(t).URL, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "POWERTOOLS_SERVICE_NAME=shop")
	for n, cold := range []string{"true", "false"} {
		id := fmt.Sprint("request ", n)
		answer := p.Invoke(t, lambdatest.Event(t), lambdatest.Invocation{RequestID: id, TraceID: lambdatest.Trace(n + 1)})
		require.Nil(t, answer.Error)
		check(t, answer.Body, id)
		c.Peek(func(spans lambdatest.Spans) { assert.Equal(t, cold, spans.Of("products").Attr("ColdStart")) })
		traced(t, c, n+1, id)
	}
}
