package main

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestBuildFindsOutWhatBelongsToARequest(t *testing.T) {
	t.Parallel()
	lifetimes, reasons := map[string]string{}, map[string]string{}
	for _, s := range testPlan(t).Services {
		lifetimes[s.Service] = s.Declared + ", " + s.Lifetime
		reasons[s.Service] = s.Reason
	}
	assert.Equal(t, map[string]string{
		"*main.database":             "singleton, singleton",
		"*main.Tx":                   "per request, per request",
		"*main.userRepository":       "auto, singleton",
		"*main.paymentRepository":    "auto, singleton",
		"*main.payments":             "auto, singleton",
		"*main.feed":                 "auto, singleton",
		"*main.exports":              "auto, singleton",
		"*main.downloads":            "auto, singleton",
		"*main.attachments":          "auto, per request",
		"*main.attachmentRepository": "auto, per request",
		"*main.imports":              "auto, singleton",
		"*main.orderRepository":      "auto, per request",
		"*main.orders":               "auto, per request",
		"*main.audit":                "auto, per request",
	}, lifetimes)
	for _, promoted := range []string{"*main.orderRepository", "*main.orders", "*main.audit"} {
		assert.Regexp(t, `needs \*main.Tx \(\S+services.go:\d+\), which is made per request$`, reasons[promoted])
	}
	assert.Contains(t, reasons["*main.orders"], "needs *main.orderRepository")
}

// stagesPerRequest are the stages of a route that are made for each request.
func stagesPerRequest(route weft.RoutePlan) (names []string) {
	for _, st := range route.Stages {
		if st.Lifetime == "per request" {
			names = append(names, st.Name)
		}
	}
	return names
}

func TestTheRoutesOfOrdersAloneHaveATransaction(t *testing.T) {
	t.Parallel()
	plan := testPlan(t)
	want := map[string][]string{
		"GET /healthz":                                                      nil,
		"GET /api/me":                                                       nil,
		"POST /webhooks/payments":                                           nil,
		"GET /api/tenants/{tenant}/orders":                                  {"list orders"},
		"GET /api/tenants/{tenant}/orders/feed":                             nil, // what lasts long must not have one
		"GET /api/tenants/{tenant}/orders/export":                           nil,
		"GET /api/tenants/{tenant}/orders/export.csv":                       nil,
		"POST /api/tenants/{tenant}/orders/import":                          nil, // it has one for each batch
		"POST /api/tenants/{tenant}/orders/{id}/attachments":                {"audit", "attach"},
		"GET /api/tenants/{tenant}/orders/{id}/attachments":                 {"list attachments"},
		"GET /api/tenants/{tenant}/orders/{id}/attachments/{attachment}":    nil, // it lasts as long as the client reads
		"DELETE /api/tenants/{tenant}/orders/{id}/attachments/{attachment}": {"audit", "delete attachment"},
		"GET /api/tenants/{tenant}/orders/{id}":                             {"read order"},
		"POST /api/tenants/{tenant}/orders":                                 {"audit", "create order"},
		"PATCH /api/tenants/{tenant}/orders/{id}":                           {"audit", "change order"},
		"DELETE /api/tenants/{tenant}/orders/{id}":                          {"audit", "delete order"},
	}
	found := map[string][]string{}
	for _, route := range plan.Routes {
		found[route.Pattern] = stagesPerRequest(route)
		settles := slices.ContainsFunc(route.Stages, func(st weft.StageInfo) bool { return st.Kind == weft.KindSettle })
		assert.Equal(t, len(want[route.Pattern]) > 0, settles, route.Pattern)
	}
	assert.Equal(t, want, found)
	assert.Empty(t, plan.Warnings)
}

// A new route that writes must not be without its audit. An import has its own, for each batch; import_test.go sees to that.
func TestWhatChangesAnOrderIsAudited(t *testing.T) {
	t.Parallel()
	for _, route := range testPlan(t).Routes {
		if slices.ContainsFunc(route.Stages, func(st weft.StageInfo) bool { return st.Group == apiPrefix+tenantPrefix }) {
			changes := route.Pattern[:4] != "GET " && route.Name != "import orders"
			audited := slices.ContainsFunc(route.Stages, func(st weft.StageInfo) bool { return st.Name == "audit" && st.Kind == weft.KindInterceptor })
			assert.Equal(t, changes, audited, route.Pattern)
		}
	}
}

// shelf is an orderStore without a database.
type shelf struct {
	orderStore
	order Order
}

func (s *shelf) get(context.Context, Tenant, int64) (Order, error) { return s.order, nil }

// TestAHandlerIsTestedWithAStoreOfTheTests overrides the interface; everything else, guards included, is the real thing.
func TestAHandlerIsTestedWithAStoreOfTheTests(t *testing.T) {
	t.Parallel()
	db, err := openDatabase(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	c := services(nil, "").With(
		weft.Override(db), // to add a user to
		weft.Override[orderStore](&shelf{order: Order{ID: 7, Customer: "Ada"}}),
	)
	app := newApp(c, testSecret, slog.New(slog.DiscardHandler))
	plan, err := app.Plan()
	require.NoError(t, err)
	for _, route := range plan.Routes {
		assert.NotContains(t, stagesPerRequest(route), "read order", "without a transaction there is one for all requests")
	}
	server, err := app.Build(t.Context())
	require.NoError(t, err)
	a := serveOn(t, server, db)
	got := a.call(t, "GET", acmeOrders+"/7", "")
	assert.Equal(t, 200, got.status, got.body)
	assert.Contains(t, got.body, `"customer":"Ada"`)
	assert.Equal(t, 404, a.call(t, "GET", globexOrders+"/7", "").status)
}
