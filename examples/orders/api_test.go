package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

const teaForTwo = `{"customer":"Ada","items":[{"sku":"tea","quantity":2,"unit_price":"4.50"}]}`

// testSecret signs the webhooks of an api.
var testSecret = []byte("a secret of the tests alone")

// api is the whole service, behind a real connection.
type api struct {
	*httptest.Server
	store *store
	key   apiKey // of Mia, a manager of acme, whom call speaks for
}

func newAPI(t *testing.T, log io.Writer) *api {
	t.Helper()
	injector := do.New()
	return apiOf(t, injector, newApp(services(injector, ""), testSecret, newLogger(log, slog.LevelInfo)))
}

// apiOf is the API that an app is, whose database is in the injector.
func apiOf(t *testing.T, injector do.Injector, app *weft.App) *api {
	t.Helper()
	server, err := app.Build(t.Context())
	require.NoError(t, err)
	return serveOn(t, server, do.MustInvoke[*database](injector))
}

func serveOn(t *testing.T, server *weft.Server, db *database) *api {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, server.Shutdown(context.WithoutCancel(t.Context()))) })
	s := storeOf(db)
	a := &api{httptest.NewServer(server), s, addMia(t, s)}
	t.Cleanup(a.Close)
	return a
}

func addUser(t *testing.T, s *store, u User) apiKey {
	t.Helper()
	key, err := s.addUser(t.Context(), u)
	require.NoError(t, err)
	return key
}

func addMia(t *testing.T, s *store) apiKey {
	t.Helper()
	return addUser(t, s, User{"Mia", Manager, acme})
}

// as is the header field of a user's key, for call.
func as(key apiKey) string { return "Authorization: Bearer " + string(key) }

// asNobody is for a call without a key.
const asNobody = "Authorization: "

// withOrder is an API that holds the order teaForTwo, as number 1.
func withOrder(t *testing.T) *api {
	t.Helper()
	a := newAPI(t, t.Output())
	require.Equal(t, http.StatusCreated, a.call(t, "POST", "/api/tenants/acme/orders", teaForTwo).status)
	return a
}

type answer struct {
	status int
	header http.Header
	body   string
}

// code is the code of a problem document, "" where the answer is none. Of a
// request with one error it is that error's.
func (a answer) code(t *testing.T) string {
	t.Helper()
	if a.header.Get("Content-Type") != "application/problem+json" {
		return ""
	}
	var problem problem
	require.NoError(t, json.Unmarshal([]byte(a.body), &problem))
	return problem.code()
}

// call sends a body as JSON and Mia's key, unless a header given as "Name: value"
// says otherwise. "Name: " sends no such field.
func (a *api) call(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+string(a.key))
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		if req.Header.Set(name, value); value == "" {
			req.Header.Del(name)
		}
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
	long := strings.Repeat("x", bodyLimit)
	for _, row := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{name: "an order is created", method: "POST", path: "/api/tenants/acme/orders", body: teaForTwo, status: 201},
		{name: "an order is read", method: "GET", path: "/api/tenants/acme/orders/1", status: 200},
		{name: "an order has a HEAD", method: "HEAD", path: "/api/tenants/acme/orders/1", status: 200},
		{name: "an order is deleted", method: "DELETE", path: "/api/tenants/acme/orders/1", status: 204},
		{name: "orders are listed", method: "GET", path: "/api/tenants/acme/orders", status: 200},
		{name: "orders are listed up to a limit", method: "GET", path: "/api/tenants/acme/orders?limit=100", status: 200},
		{name: "the health is told", method: "GET", path: "/healthz", status: 200},
		{name: "the methods of a path are told", method: "OPTIONS", path: "/api/tenants/acme/orders/1", status: 204},

		{name: "a body is needed", method: "POST", path: "/api/tenants/acme/orders", header: []string{"Content-Type: application/json"}, status: 400, code: "body_required"},
		{name: "a body must be JSON", method: "POST", path: "/api/tenants/acme/orders", body: "tea", header: []string{"Content-Type: text/plain"}, status: 415, code: "unsupported_media_type"},
		{name: "JSON must be whole", method: "POST", path: "/api/tenants/acme/orders", body: `{"customer":`, status: 400, code: "invalid_json"},
		{name: "JSON must have the right types", method: "POST", path: "/api/tenants/acme/orders", body: `{"customer":7}`, status: 400, code: "invalid_type"},
		{name: "members must be known", method: "POST", path: "/api/tenants/acme/orders", body: `{"customer":"Ada","coupon":"X"}`, status: 400, code: "unknown_field"},
		{name: "members must be there once", method: "POST", path: "/api/tenants/acme/orders", body: `{"customer":"Ada","customer":"Bob"}`, status: 400, code: "duplicate_field"},
		{name: "an order must not be huge", method: "POST", path: "/api/tenants/acme/orders", body: `{"customer":"` + long + `"}`, status: 413, code: "body_too_large"},
		{name: "an order must not be due in the past", method: "POST", path: "/api/tenants/acme/orders", body: strings.Replace(teaForTwo, `{`, `{"due":"1999-12-24",`, 1), status: 422, code: "due_too_early"},

		{name: "an order is changed", method: "PATCH", path: "/api/tenants/acme/orders/1", body: `{"note":"hot"}`, status: 200},
		{name: "a merge patch may say what it is", method: "PATCH", path: "/api/tenants/acme/orders/1", body: `{}`, header: []string{"Content-Type: application/merge-patch+json"}, status: 200},
		{name: "a patch needs a body", method: "PATCH", path: "/api/tenants/acme/orders/1", header: []string{"Content-Type: application/json"}, status: 400, code: "body_required"},
		{name: "a patch has known members", method: "PATCH", path: "/api/tenants/acme/orders/1", body: `{"customer":"Bob"}`, status: 400, code: "unknown_field"},
		{name: "an unknown order is not changed", method: "PATCH", path: "/api/tenants/acme/orders/2", body: `{"note":"hot"}`, status: 404, code: "order_not_found"},

		{name: "an unknown order is not found", method: "GET", path: "/api/tenants/acme/orders/2", status: 404, code: "order_not_found"},
		{name: "an unknown order cannot be deleted", method: "DELETE", path: "/api/tenants/acme/orders/2", status: 404, code: "order_not_found"},
		{name: "no order is before the first", method: "GET", path: "/api/tenants/acme/orders/-1", status: 404, code: "order_not_found"},
		{name: "an id is a number", method: "GET", path: "/api/tenants/acme/orders/tea", status: 400, code: "invalid_type"},
		{name: "an id fits 63 bits", method: "GET", path: "/api/tenants/acme/orders/9223372036854775808", status: 400, code: "out_of_range"},
		{name: "an id to delete is a number", method: "DELETE", path: "/api/tenants/acme/orders/tea", status: 400, code: "invalid_type"},

		{name: "a path of the API leads nowhere", method: "GET", path: "/api/customers", status: 404, code: "not_found"},
		{name: "another path leads nowhere", method: "GET", path: "/", status: 404, code: "not_found"},
		{name: "a path has no such method", method: "PUT", path: "/api/tenants/acme/orders/1", body: teaForTwo, status: 405, code: "method_not_allowed"},
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

	created := a.call(t, "POST", "/api/tenants/acme/orders", teaForTwo)
	require.Equal(t, http.StatusCreated, created.status)
	require.Equal(t, "/api/tenants/acme/orders/1", created.header.Get("Location"))

	read := a.call(t, "GET", created.header.Get("Location"), "")
	assert.Equal(t, http.StatusOK, read.status)
	assert.Equal(t, created.body, read.body)

	var order Order
	require.NoError(t, json.Unmarshal([]byte(read.body), &order))
	assert.Equal(t, Money(900), order.Total)
}

func TestADeletedOrderIsGone(t *testing.T) {
	t.Parallel()
	a := withOrder(t)

	assert.Equal(t, http.StatusNoContent, a.call(t, "DELETE", "/api/tenants/acme/orders/1", "").status)
	assert.Equal(t, http.StatusNotFound, a.call(t, "DELETE", "/api/tenants/acme/orders/1", "").status)
	assert.Equal(t, http.StatusNotFound, a.call(t, "GET", "/api/tenants/acme/orders/1", "").status)
	assert.JSONEq(t, `{"orders":[]}`, a.call(t, "GET", "/api/tenants/acme/orders", "").body)
}

// fieldErrors are those of an answer, as "/items/0/sku required" or "limit max", in their order.
func (a answer) fieldErrors(t *testing.T) []string {
	t.Helper()
	var problem struct {
		Errors []struct{ Name, Pointer, Code, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &problem), a.body)
	var all []string
	for _, e := range problem.Errors {
		assert.NotEmpty(t, e.Message)
		all = append(all, e.Name+e.Pointer+" "+e.Code)
	}
	return all
}

func TestARequestIsToldAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	item := `{"sku":"tea","quantity":1,"unit_price":"4.50"}`
	of := func(items ...string) string {
		return `{"customer":"Ada","items":[` + strings.Join(items, ",") + `]}`
	}
	for _, row := range []struct {
		name, method, path, body string
		status                   int
		errors                   []string
	}{
		{"an order needs everything", "POST", "/api/tenants/acme/orders", `{}`, 422, []string{"/customer required", "/items required"}},
		{"null is nothing", "POST", "/api/tenants/acme/orders", `{"customer":null,"items":null}`, 422, []string{"/customer required", "/items required"}},
		{"an order is not empty", "POST", "/api/tenants/acme/orders", `{"customer":"","items":[]}`, 422, []string{"/customer min", "/items min"}},
		{"a name has a longest form", "POST", "/api/tenants/acme/orders", `{"customer":"` + strings.Repeat("ä", 201) + `","items":[` + item + `]}`, 422, []string{"/customer max"}},
		{"a note has a longest form", "POST", "/api/tenants/acme/orders", `{"customer":"Ada","items":[` + item + `],"note":"` + strings.Repeat("ä", 501) + `"}`, 422, []string{"/note max"}},
		{"there are not too many items", "POST", "/api/tenants/acme/orders", of(slices.Repeat([]string{item}, 101)...), 422, []string{"/items max"}},
		{"an item needs everything", "POST", "/api/tenants/acme/orders", of(item, `{}`), 422, []string{"/items/1/sku required", "/items/1/quantity required", "/items/1/unit_price required"}},
		{"nothing is ordered too little of", "POST", "/api/tenants/acme/orders", of(`{"sku":"","quantity":0,"unit_price":"-0.01"}`), 422, []string{"/items/0/sku min", "/items/0/quantity min", "/items/0/unit_price min"}},
		{"nothing is ordered too much of", "POST", "/api/tenants/acme/orders", of(`{"sku":"tea","quantity":10001,"unit_price":"1000000.01"}`), 422, []string{"/items/0/quantity max", "/items/0/unit_price max"}},
		{"a price is text", "POST", "/api/tenants/acme/orders", of(`{"sku":"tea","quantity":1,"unit_price":4.50}`), 400, []string{"/items/0/unit_price invalid_type"}},
		{"a price has two decimals", "POST", "/api/tenants/acme/orders", of(`{"sku":"tea","quantity":1,"unit_price":"4.505"}`), 400, []string{"/items/0/unit_price invalid_type"}},
		{"a price can be kept", "POST", "/api/tenants/acme/orders", of(`{"sku":"tea","quantity":1,"unit_price":"1` + strings.Repeat("0", 30) + `"}`), 400, []string{"/items/0/unit_price invalid_type"}},
		{"a date is of the calendar", "POST", "/api/tenants/acme/orders", `{"due":"2026-02-30"}`, 400, []string{"/due invalid_type"}},

		{"a status is known", "PATCH", "/api/tenants/acme/orders/1", `{"status":"lost"}`, 422, []string{"/status oneof"}},
		{"a status is there", "PATCH", "/api/tenants/acme/orders/1", `{"status":null,"note":null}`, 422, []string{"/status not_null"}},
		{"a new note has a longest form", "PATCH", "/api/tenants/acme/orders/1", `{"note":"` + strings.Repeat("ä", 501) + `"}`, 422, []string{"/note max"}},
		{"a new date is of the calendar", "PATCH", "/api/tenants/acme/orders/1", `{"due":"soon"}`, 400, []string{"/due invalid_type"}},
		{"an id and a body", "PATCH", "/api/tenants/acme/orders/tea", `{"customer":"Bob"}`, 400, []string{"id invalid_type", "/customer unknown_field"}},

		{"everything in a query", "GET", "/api/tenants/acme/orders?since=today&until=2026-11-21&min_total=NaN&limit=all&cursor=2", "", 400,
			[]string{"since invalid_type", "until invalid_type", "min_total invalid_type", "limit invalid_type", "cursor invalid_type"}},
		{"a limit is not empty", "GET", "/api/tenants/acme/orders?limit=", "", 400, []string{"limit invalid_type"}},
		{"there is one limit", "GET", "/api/tenants/acme/orders?limit=1&limit=2", "", 400, []string{"limit repeated"}},
		{"a cursor is not empty", "GET", "/api/tenants/acme/orders?cursor=", "", 400, []string{"cursor invalid_type"}},
		{"a filter is known", "GET", "/api/tenants/acme/orders?state=open", "", 400, []string{"state unknown_field"}},
		{"a limit is at least one", "GET", "/api/tenants/acme/orders?limit=0", "", 422, []string{"limit min"}},
		{"a limit is at most a hundred", "GET", "/api/tenants/acme/orders?limit=101", "", 422, []string{"limit max"}},
		{"a total is not negative", "GET", "/api/tenants/acme/orders?min_total=-0.01", "", 422, []string{"min_total min"}},
		{"a status to filter by is known", "GET", "/api/tenants/acme/orders?status=open,lost", "", 422, []string{"status oneof"}},
		{"a status to filter by is named once", "GET", "/api/tenants/acme/orders?status=open,open", "", 422, []string{"status unique"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := a.call(t, row.method, row.path, row.body)
			assert.Equal(t, row.status, got.status, got.body)
			assert.Equal(t, row.errors, got.fieldErrors(t))
		})
	}
}

func TestTheMostOfEverythingIsAnOrder(t *testing.T) {
	t.Parallel()
	item := `{"sku":"` + strings.Repeat("x", 200) + `","quantity":10000,"unit_price":"1000000.00"}`
	got := newAPI(t, t.Output()).call(t, "POST", "/api/tenants/acme/orders",
		`{"customer":"`+strings.Repeat("ä", 200)+`","items":[`+strings.Repeat(item+",", 99)+item+`],"note":"`+strings.Repeat("ä", 500)+`"}`)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	assert.Contains(t, got.body, `"total":"1000000000000.00"`)
}

func TestTheFormThatIsExpectedIsTold(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	for path, want := range map[string]string{
		"/api/tenants/acme/orders?min_total=4,50": `must be an amount in text, such as \"4.50\"`,
		"/api/tenants/acme/orders?cursor=2":       `must be the next of an earlier answer`,
	} {
		assert.Contains(t, a.call(t, "GET", path, "").body, want)
	}
	assert.Contains(t, a.call(t, "PATCH", "/api/tenants/acme/orders/1", `{"due":"soon"}`).body, `must be a date such as \"2026-11-21\"`)
	assert.Contains(t, a.call(t, "PATCH", "/api/tenants/acme/orders/1", `{"status":null}`).body, `must not be null`)
}

func TestAPatchLeavesClearsAndReplaces(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	for _, row := range []struct {
		name, patch string
		due, note   string // "null" where they are left out
	}{
		{"values", `{"due":"2099-12-24","note":"hot"}`, `"2099-12-24"`, `"hot"`},
		{"absent", `{}`, `"2099-12-24"`, `"hot"`},
		{"null and absent", `{"due":null}`, `null`, `"hot"`},
		{"absent and empty", `{"note":""}`, `null`, `null`},
	} {
		got := a.call(t, "PATCH", "/api/tenants/acme/orders/1", row.patch)
		require.Equal(t, http.StatusOK, got.status, got.body)
		assert.Equal(t, a.call(t, "GET", "/api/tenants/acme/orders/1", "").body, got.body, row.name)

		var order struct{ Due, Note *string }
		require.NoError(t, json.Unmarshal([]byte(got.body), &order))
		due, err := json.Marshal(order.Due)
		require.NoError(t, err)
		note, err := json.Marshal(order.Note)
		require.NoError(t, err)
		assert.Equal(t, row.due, string(due), row.name)
		assert.Equal(t, row.note, string(note), row.name)
	}
}

func (a *api) page(t *testing.T, query string) (page Page) {
	t.Helper()
	got := a.call(t, "GET", "/api/tenants/acme/orders?"+query, "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NoError(t, json.Unmarshal([]byte(got.body), &page))
	return page
}

func TestAListIsFilteredByItsQuery(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	require.Equal(t, http.StatusCreated, a.call(t, "POST", "/api/tenants/acme/orders", strings.Replace(teaForTwo, "Ada", "Bob & Eve", 1)).status)
	require.Equal(t, http.StatusOK, a.call(t, "PATCH", "/api/tenants/acme/orders/1", `{"status":"shipped"}`).status)
	for query, want := range map[string][]int64{
		"":                                  {2, 1},
		"customer=Bob+%26+Eve":              {2},
		"status=open":                       {2},
		"status=open,shipped":               {2, 1},
		"status=open&status=shipped":        {2, 1},
		"status=cancelled":                  nil,
		"since=2000-01-01T00:00:00Z":        {2, 1},
		"since=2099-01-01T00:00:00%2B01:00": nil,
		"until=2000-01-01T00:00:00Z":        nil,
		"min_total=9":                       {2, 1},
		"min_total=9.01":                    nil,
		"customer=Ada&status=shipped&min_total=1.5&limit=1": {1},
	} {
		var ids []int64
		for _, order := range a.page(t, query).Orders {
			ids = append(ids, order.ID)
		}
		assert.Equal(t, want, ids, query)
	}
}

func TestAListIsReadPageByPageWhileItGrows(t *testing.T) {
	t.Parallel()
	a := newAPI(t, t.Output())
	const kept, limit = 25, 10
	for range kept {
		require.Equal(t, http.StatusCreated, a.call(t, "POST", "/api/tenants/acme/orders", teaForTwo).status)
	}
	assert.Len(t, a.page(t, "").Orders, 20, "without a limit")
	assert.Len(t, a.page(t, "limit=100").Orders, kept)
	assert.NotContains(t, a.call(t, "GET", "/api/tenants/acme/orders?limit=100", "").body, "next")

	wanted := int64(kept)
	query := fmt.Sprint("limit=", limit)
	for {
		page := a.page(t, query)
		for _, order := range page.Orders {
			assert.Equal(t, wanted, order.ID)
			wanted--
		}
		if page.Next.IsZero() {
			break
		}
		next, err := page.Next.MarshalText()
		require.NoError(t, err)
		query = fmt.Sprintf("limit=%d&cursor=%s", limit, next)
		require.Equal(t, http.StatusCreated, a.call(t, "POST", "/api/tenants/acme/orders", teaForTwo).status)
	}
	assert.Zero(t, wanted, "the first order is on the last page")
}

func TestAFailureTellsTheClientNothingAndTheLogEverything(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := newAPI(t, &log)
	require.NoError(t, a.store.db.Close())

	got := a.call(t, "GET", "/api/tenants/acme/orders/1", "", "X-Request-ID: lost-order")
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
	assert.JSONEq(t, `{"status":"failed","checks":[{"name":"services","status":"failed"}]}`, health.body)
}

func TestADatabaseThatIsBusyForTooLongIsATimeout(t *testing.T) {
	t.Parallel()
	for name, newApp := range map[string]func(*weft.Container) *weft.App{
		"as soon as login asks it": func(c *weft.Container) *weft.App {
			return newApp(c, testSecret, slog.New(slog.DiscardHandler))
		},
		"or else as soon as the handler does": func(c *weft.Container) *weft.App {
			app := weft.New(weft.WithContainer(c), weft.WithLogger(slog.New(slog.DiscardHandler)))
			app.Guard(weft.ValueGuard(currentTenant, "acme", func(*weft.Request) (Tenant, error) { return acme, nil }))
			app.Handle("GET "+acmeOrders, weft.HandleFrom((*orders).list).Timeout(queryTimeout))
			return app
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				injector := do.New()
				srv, err := newApp(services(injector, "")).Build(t.Context())
				require.NoError(t, err)
				defer func() { assert.NoError(t, srv.Shutdown(context.WithoutCancel(t.Context()))) }()
				db := do.MustInvoke[*database](injector)
				key := addMia(t, storeOf(db))
				only, err := db.Conn(t.Context()) // the connection of a database in memory
				require.NoError(t, err)
				defer func() { assert.NoError(t, only.Close()) }()

				came := time.Now()
				answer := httptest.NewRecorder()
				hr := httptest.NewRequestWithContext(t.Context(), "GET", "/api/tenants/acme/orders", nil)
				hr.Header.Set("Authorization", "Bearer "+string(key))
				srv.ServeHTTP(answer, hr)

				assert.Equal(t, http.StatusGatewayTimeout, answer.Code)
				assert.Equal(t, queryTimeout, time.Since(came))
			})
		})
	}
}

func TestEveryRequestLeavesOneLineInTheLog(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, method, path string
		line               []string
	}{
		{"a route", "GET", "/api/tenants/acme/orders/1", []string{"user=acme/Mia", `route="GET /api/tenants/{tenant}/orders/{id}"`, "path=/api/tenants/acme/orders/1", "status=404"}},
		{"a route's HEAD", "HEAD", "/api/tenants/acme/orders", []string{`route="GET /api/tenants/{tenant}/orders"`, "method=HEAD", "status=200", "bytes=0"}},
		{"a path that leads nowhere", "GET", "/nowhere", []string{"path=/nowhere", "status=404"}},
		{"a method that there is none of", "DELETE", "/healthz", []string{"method=DELETE", "status=405"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			a := newAPI(t, &log)
			log.Reset() // of what was said at the start
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
	plan, err := newApp(services(nil, ""), testSecret, slog.New(slog.DiscardHandler)).Plan()
	require.NoError(t, err)

	for _, route := range plan.Routes {
		var names []string
		for _, stage := range route.Stages {
			names = append(names, stage.Name)
		}
		assert.Equal(t, []string{"request id", "access log", "reference"}, names[:3], route.Pattern)
		if strings.Contains(route.Pattern, ordersPath("{tenant}")) {
			assert.Equal(t, []string{"no store", "deadline", "login", "same tenant"}, names[3:7], route.Pattern)
		}
		bound := queryTimeout
		if slices.Contains([]string{"import orders", "attach"}, route.Name) { // which take long where the client sends slowly
			bound = sendTimeout
		}
		assert.Equal(t, bound, route.Timeout, "%s has another deadline", route.Pattern)
	}
}

func TestManyClientsAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	a := newAPI(t, t.Output())
	const clients = 20
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), "POST", a.URL+"/api/tenants/acme/orders", strings.NewReader(teaForTwo))
			if !assert.NoError(t, err) {
				return
			}
			req.Header.Set("Authorization", "Bearer "+string(a.key))
			req.Header.Set("Content-Type", "application/json")
			resp, err := a.Client().Do(req)
			if assert.NoError(t, err) {
				assert.Equal(t, http.StatusCreated, resp.StatusCode)
				assert.NoError(t, resp.Body.Close())
			}
		})
	}
	all.Wait()

	assert.Len(t, list(t, a.store, Filter{}), clients)
}
