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
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const teaForTwo = `{"customer":"Ada","items":[{"sku":"tea","quantity":2,"unit_price_cents":450}]}`

// api is the whole service, behind a real connection.
type api struct {
	*httptest.Server
	store *store
}

func newAPI(t *testing.T, log io.Writer) *api {
	t.Helper()
	s := newStore(t, "")
	server, err := newApp(s, newLogger(log, slog.LevelInfo)).Build(t.Context())
	require.NoError(t, err)
	a := &api{httptest.NewServer(server), s}
	t.Cleanup(a.Close)
	return a
}

// withOrder is an API that holds the order teaForTwo, as number 1.
func withOrder(t *testing.T) *api {
	t.Helper()
	a := newAPI(t, t.Output())
	require.Equal(t, http.StatusCreated, a.call(t, "POST", "/api/orders", teaForTwo).status)
	return a
}

type answer struct {
	status int
	header http.Header
	body   string
}

// code is the code of a problem document, "" where the answer is none.
func (a answer) code(t *testing.T) string {
	t.Helper()
	if a.header.Get("Content-Type") != "application/problem+json" {
		return ""
	}
	var problem struct{ Code string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &problem))
	return problem.Code
}

// call sends a body as JSON, unless a header given as "Name: value" says otherwise.
func (a *api) call(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
	}
	resp, err := a.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	sent, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(sent)}
}

func TestAPIAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", draftLimit)
	for _, row := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{name: "an order is created", method: "POST", path: "/api/orders", body: teaForTwo, status: 201},
		{name: "an order is read", method: "GET", path: "/api/orders/1", status: 200},
		{name: "an order has a HEAD", method: "HEAD", path: "/api/orders/1", status: 200},
		{name: "an order is deleted", method: "DELETE", path: "/api/orders/1", status: 204},
		{name: "orders are listed", method: "GET", path: "/api/orders", status: 200},
		{name: "orders are listed up to a limit", method: "GET", path: "/api/orders?limit=100", status: 200},
		{name: "the health is told", method: "GET", path: "/healthz", status: 200},
		{name: "the methods of a path are told", method: "OPTIONS", path: "/api/orders/1", status: 204},

		{name: "a body is needed", method: "POST", path: "/api/orders", header: []string{"Content-Type: application/json"}, status: 400, code: "body_required"},
		{name: "a body must be JSON", method: "POST", path: "/api/orders", body: "tea", header: []string{"Content-Type: text/plain"}, status: 415, code: "unsupported_media_type"},
		{name: "JSON must be whole", method: "POST", path: "/api/orders", body: `{"customer":`, status: 400, code: "invalid_json"},
		{name: "JSON must have the right types", method: "POST", path: "/api/orders", body: `{"customer":7}`, status: 400, code: "invalid_json"},
		{name: "members must be known", method: "POST", path: "/api/orders", body: `{"customer":"Ada","coupon":"X"}`, status: 400, code: "unknown_field"},
		{name: "members must be there once", method: "POST", path: "/api/orders", body: `{"customer":"Ada","customer":"Bob"}`, status: 400, code: "duplicate_field"},
		{name: "an order must make sense", method: "POST", path: "/api/orders", body: `{"customer":"Ada","items":[]}`, status: 422, code: "items_required"},
		{name: "an order must not be huge", method: "POST", path: "/api/orders", body: `{"customer":"` + long + `"}`, status: 413, code: "body_too_large"},

		{name: "an unknown order is not found", method: "GET", path: "/api/orders/2", status: 404, code: "order_not_found"},
		{name: "an unknown order cannot be deleted", method: "DELETE", path: "/api/orders/2", status: 404, code: "order_not_found"},
		{name: "an id is a number", method: "GET", path: "/api/orders/tea", status: 400, code: "invalid_order_id"},
		{name: "an id has no sign", method: "GET", path: "/api/orders/+1", status: 400, code: "invalid_order_id"},
		{name: "an id fits 63 bits", method: "GET", path: "/api/orders/9223372036854775808", status: 400, code: "invalid_order_id"},
		{name: "an id to delete is a number", method: "DELETE", path: "/api/orders/tea", status: 400, code: "invalid_order_id"},
		{name: "a limit is a number", method: "GET", path: "/api/orders?limit=all", status: 400, code: "invalid_limit"},
		{name: "a limit is not empty", method: "GET", path: "/api/orders?limit=", status: 400, code: "invalid_limit"},
		{name: "a limit is at least one", method: "GET", path: "/api/orders?limit=0", status: 400, code: "invalid_limit"},
		{name: "a limit is at most a hundred", method: "GET", path: "/api/orders?limit=101", status: 400, code: "invalid_limit"},
		{name: "there is one limit", method: "GET", path: "/api/orders?limit=1&limit=2", status: 400, code: "invalid_limit"},

		{name: "a path of the API leads nowhere", method: "GET", path: "/api/customers", status: 404, code: "not_found"},
		{name: "another path leads nowhere", method: "GET", path: "/", status: 404, code: "not_found"},
		{name: "a path has no such method", method: "PUT", path: "/api/orders/1", body: teaForTwo, status: 405, code: "method_not_allowed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := withOrder(t).call(t, row.method, row.path, row.body, row.header...)

			assert.Equal(t, row.status, got.status, got.body)
			assert.Equal(t, row.code, got.code(t))
			assert.NotEmpty(t, got.header.Get(requestIDHeader))
			if strings.HasPrefix(row.path, apiPrefix) {
				assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
			}
			if row.method == "HEAD" || row.status == http.StatusNoContent {
				assert.Empty(t, got.body)
			}
		})
	}
}

func TestAnOrderIsReadWhereItsLocationPoints(t *testing.T) {
	t.Parallel()
	a := newAPI(t, t.Output())

	created := a.call(t, "POST", "/api/orders", teaForTwo)
	require.Equal(t, http.StatusCreated, created.status)
	require.Equal(t, "/api/orders/1", created.header.Get("Location"))

	read := a.call(t, "GET", created.header.Get("Location"), "")
	assert.Equal(t, http.StatusOK, read.status)
	assert.Equal(t, created.body, read.body)

	var order Order
	require.NoError(t, json.Unmarshal([]byte(read.body), &order))
	assert.Equal(t, int64(900), order.Total)
}

func TestADeletedOrderIsGone(t *testing.T) {
	t.Parallel()
	a := withOrder(t)

	assert.Equal(t, http.StatusNoContent, a.call(t, "DELETE", "/api/orders/1", "").status)
	assert.Equal(t, http.StatusNotFound, a.call(t, "DELETE", "/api/orders/1", "").status)
	assert.Equal(t, http.StatusNotFound, a.call(t, "GET", "/api/orders/1", "").status)
	assert.JSONEq(t, `{"orders":[]}`, a.call(t, "GET", "/api/orders", "").body)
}

func TestAListHoldsTheNewestOrders(t *testing.T) {
	t.Parallel()
	a := newAPI(t, t.Output())
	for range defaultPage + 2 {
		require.Equal(t, http.StatusCreated, a.call(t, "POST", "/api/orders", teaForTwo).status)
	}
	for query, count := range map[string]int{"": defaultPage, "?limit=1": 1, "?limit=100": defaultPage + 2} {
		var page Page
		require.NoError(t, json.Unmarshal([]byte(a.call(t, "GET", "/api/orders"+query, "").body), &page))

		require.Len(t, page.Orders, count, query)
		for i, order := range page.Orders {
			assert.Equal(t, int64(defaultPage+2-i), order.ID, query)
		}
	}
}

func TestAFailureTellsTheClientNothingAndTheLogEverything(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := newAPI(t, &log)
	require.NoError(t, a.store.close())

	got := a.call(t, "GET", "/api/orders/1", "", "X-Request-ID: lost-order")
	health := a.call(t, "GET", "/healthz", "")
	a.Close() // the access log is written after the answer

	assert.Equal(t, http.StatusInternalServerError, got.status)
	assert.JSONEq(t, `{"title":"Internal Server Error","status":500,"code":"internal","request_id":"lost-order"}`, got.body)
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
	assert.Equal(t, "lost-order", got.header.Get(requestIDHeader))

	failure := lineWith(t, log.String(), "level=ERROR")
	assert.Contains(t, failure, "database is closed")
	assert.Contains(t, failure, "request_id=lost-order")

	assert.Equal(t, http.StatusServiceUnavailable, health.status)
	assert.JSONEq(t, `{"status":"failed","checks":[{"name":"database","status":"failed"}]}`, health.body)
}

func TestADatabaseThatIsBusyForTooLongIsATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, "")
		srv, err := newApp(s, newLogger(io.Discard, slog.LevelInfo)).Build(t.Context())
		require.NoError(t, err)
		only, err := s.db.Conn(t.Context()) // the connection of a database in memory
		require.NoError(t, err)
		defer func() { assert.NoError(t, only.Close()) }()

		came := time.Now()
		answer := httptest.NewRecorder()
		srv.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/api/orders", nil))

		assert.Equal(t, http.StatusGatewayTimeout, answer.Code)
		assert.Equal(t, queryTimeout, time.Since(came))
	})
}

func TestEveryRequestLeavesOneLineInTheLog(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, method, path string
		line               []string
	}{
		{"a route", "GET", "/api/orders/1", []string{`route="GET /api/orders/{id}"`, "path=/api/orders/1", "status=404"}},
		{"a route's HEAD", "HEAD", "/api/orders", []string{`route="GET /api/orders"`, "method=HEAD", "status=200", "bytes=0"}},
		{"a path that leads nowhere", "GET", "/nowhere", []string{"path=/nowhere", "status=404"}},
		{"a method that there is none of", "DELETE", "/healthz", []string{"method=DELETE", "status=405"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			a := newAPI(t, &log)
			got := a.call(t, row.method, row.path, "", "X-Request-ID: one")
			a.Close()

			require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
			line := lineWith(t, log.String(), "msg=answered")
			for _, part := range append(row.line, "request_id=one", "duration=", fmt.Sprint("bytes=", len(got.body))) {
				assert.Contains(t, line, part)
			}
		})
	}
}

// lineWith is the only line of a log that holds part.
func lineWith(t *testing.T, log, part string) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	require.Len(t, found, 1, "%s in:\n%s", part, log)
	return found[0]
}

func TestThePlanNamesEveryStage(t *testing.T) {
	t.Parallel()
	plan, err := newApp(newStore(t, ""), slog.New(slog.DiscardHandler)).Plan()
	require.NoError(t, err)

	for _, route := range plan.Routes {
		var names []string
		for _, stage := range route.Stages {
			names = append(names, stage.Name)
		}
		assert.Equal(t, []string{"request id", "access log", "reference"}, names[:3], route.Pattern)
		if strings.Contains(route.Pattern, ordersPath) {
			assert.Equal(t, "no store", names[3], route.Pattern)
		}
		assert.Equal(t, queryTimeout, route.Timeout, "%s has no deadline", route.Pattern)
	}
}

func TestManyClientsAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	a := newAPI(t, t.Output())
	const clients = 20
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			resp, err := a.Client().Post(a.URL+"/api/orders", "application/json", strings.NewReader(teaForTwo))
			if assert.NoError(t, err) {
				assert.Equal(t, http.StatusCreated, resp.StatusCode)
				assert.NoError(t, resp.Body.Close())
			}
		})
	}
	all.Wait()

	kept, err := a.store.list(t.Context(), 2*clients)
	require.NoError(t, err)
	assert.Len(t, kept, clients)
}
