package awslambda_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// guarded is an app with routes of HTTP and for events, and how often the latter were called.
func guarded(t testing.TB) (*weft.Server, *atomic.Int32) {
	t.Helper()
	calls := &atomic.Int32{}
	app := quiet()
	app.Handle("GET /{$}", weft.Handle(func(context.Context, struct{}) (string, error) { return "home", nil }))
	group := app.Group("/admin")
	for _, from := range []*awslambda.EventSource{
		awslambda.SQS("orders"), awslambda.SQS("*"), awslambda.SNS("orders"), awslambda.Kinesis("orders"), awslambda.DynamoDB("orders"), awslambda.S3("orders"),
		awslambda.Kafka("orders"), awslambda.EventBridge("orders", "x"), awslambda.Schedule("orders"), awslambda.Direct("orders"), awslambda.Direct("*"),
	} {
		group.On(from, weft.Handle(func(context.Context, []byte) (string, error) {
			calls.Add(1)
			return "called", nil
		}).Extract(weft.RawBody()))
	}
	return build(t, app), calls
}

// craft are methods and targets that somebody might hope to get to an event's route by.
var craft = func() (all [][2]string) {
	for _, service := range []string{"SQS", "SNS", "Kinesis", "DynamoDB", "S3", "Kafka", "EventBridge", "Schedule", "Direct"} {
		for _, method := range []string{service, "POST", "GET", strings.ToLower(service)} {
			for _, target := range []string{"/orders", "/admin/orders", "/" + service + "/orders", "/" + service + "%20orders", "/admin/" + service + "%20orders", "/*", "/", "//orders", "/" + service + "%20*"} {
				all = append(all, [2]string{method, target})
			}
		}
	}
	return all
}()

// No request over a network gets to a route of events.
func TestRequestsNeverGetToRoutesOfEvents(t *testing.T) {
	srv, calls := guarded(t)
	site := httptest.NewServer(srv)
	t.Cleanup(site.Close)
	const body = `{"action":"orders","Records":[{"eventSource":"aws:sqs","messageId":"m","eventSourceARN":"arn:aws:sqs:eu-west-1:1:orders","body":"x"}]}`
	for _, c := range craft {
		method, target := c[0], c[1]
		hr, err := http.NewRequestWithContext(t.Context(), method, site.URL+target, strings.NewReader(body))
		require.NoError(t, err)
		hr.Header.Set("Content-Type", "application/json")
		resp, err := site.Client().Do(hr)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.NotContains(t, string(text), "called")
	}
	for _, door := range awslambdatest.Doors() {
		carry := awslambdatest.Transport(srv, door)
		for _, c := range craft {
			hr, err := http.NewRequestWithContext(t.Context(), c[0], "http://example.com"+c[1], strings.NewReader(body))
			require.NoError(t, err)
			hr.Header.Set("Content-Type", "application/json")
			resp, err := carry(hr)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.GreaterOrEqual(t, resp.StatusCode, 200)
		}
	}
	assert.Zero(t, calls.Load())
	_, err := awslambda.Handle(t.Context(), srv, awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: "x"}))
	require.NoError(t, err)
	assert.EqualValues(t, 1, calls.Load(), "an event does")
}

// As it is on the wire: targets that no client would send, in absolute form too, whose scheme and host are as a record's.
func TestTargetsOnTheWireNeverGetToRoutesOfEvents(t *testing.T) {
	srv, calls := guarded(t)
	site := httptest.NewServer(srv)
	t.Cleanup(site.Close)
	for _, head := range []string{
		"POST sqs://orders/message-1 HTTP/1.1\r\nHost: orders", "POST sqs://orders HTTP/1.1\r\nHost: orders", "POST direct://orders/ HTTP/1.1\r\nHost: orders", "SQS orders HTTP/1.1\r\nHost: orders",
		"POST /message-1 HTTP/1.1\r\nHost: orders", "SQS /orders HTTP/1.1\r\nHost: orders\r\nX-HTTP-Method-Override: SQS", "OPTIONS * HTTP/1.1\r\nHost: orders", "CONNECT orders:80 HTTP/1.1\r\nHost: orders:80",
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(site.URL, "http://"))
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "%s\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1", head)
		require.NoError(t, err)
		answer, err := io.ReadAll(bufio.NewReader(conn))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		assert.NotContains(t, string(answer), "called", head)
	}
	assert.Zero(t, calls.Load())
}

// Events of HTTP are those of a front door, whatever else they have: a client chooses nothing of their kind.
func TestEventsOfHTTPAreOfHTTP(t *testing.T) {
	srv, calls := guarded(t)
	more := `,"Records":[{"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:1:orders"}],"records":{"orders-0":[{"offset":1}]},"eventSource":"aws:kafka","detail-type":"x","source":"orders","action":"orders"}`
	for _, event := range []string{restEvent, httpEvent, urlEvent, albEvent, albMultiEvent, lattice1Event, lattice2Event, socketEvent} {
		both := strings.TrimSuffix(strings.TrimSpace(event), "}") + more
		assert.Equal(t, 404, handle(t, srv, both).Status, both)
	}
	assert.Zero(t, calls.Load())
}

// The handlers of Events alone answer a request that is none of a record's with a failure.
func TestRecordsComeFromTheTransportAlone(t *testing.T) {
	srv, calls := guarded(t)
	for from, h := range srv.Events() {
		if strings.HasPrefix(from.Name(), "Direct") { // which has no records
			continue
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, (&http.Request{Method: "POST", URL: &url.URL{Path: "/"}, Header: http.Header{}, Body: http.NoBody}).WithContext(t.Context()))
		assert.Equal(t, 500, w.Code, from.Name())
	}
	assert.Zero(t, calls.Load())
}
