package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// A policy is a rule about every route, those to come included. The plan is data, so a test can hold it.

// violations are the routes under the prefix that have no guard which provides the key.
func violations(plan *weft.Plan, prefix, key string) []string {
	var all []string
	for _, route := range plan.Routes {
		_, path, _ := strings.Cut(route.Pattern, " ")
		guarded := slices.ContainsFunc(route.Stages, func(st weft.StageInfo) bool {
			return st.Kind == weft.KindGuard && slices.Contains(st.Provides, key)
		})
		if strings.HasPrefix(path, prefix) && !guarded {
			all = append(all, route.Pattern)
		}
	}
	return all
}

func testPlan(t *testing.T) *weft.Plan {
	t.Helper()
	plan, err := newApp(services(nil, ""), testSecret, slog.New(slog.DiscardHandler)).Plan()
	require.NoError(t, err)
	return plan
}

func TestEveryRouteOfTheAPIKnowsItsUser(t *testing.T) {
	t.Parallel()
	assert.Empty(t, violations(testPlan(t), apiPrefix, "current user"))
}

func TestEveryRouteOfATenantIsForItsUsers(t *testing.T) {
	t.Parallel()
	assert.Empty(t, violations(testPlan(t), apiPrefix+"/tenants/", "current tenant"))
}

// TestThePolicyFindsARouteWithoutAGuard shows what the policy is for: somebody
// adds routes beside the group, or guards that do not always provide the user.
func TestThePolicyFindsARouteWithoutAGuard(t *testing.T) {
	t.Parallel()
	login := weft.ValueGuardFrom(currentUser, login)
	export := weft.Handle(func(context.Context, struct{}) (string, error) { return "everything", nil })
	app := weft.New(weft.WithContainer(services(nil, "")), weft.WithLogger(slog.New(slog.DiscardHandler)))
	api := app.Group(apiPrefix)
	guarded := api.Group("/guarded")
	guarded.Guard(login)
	guarded.Handle("GET /export", export)
	api.Handle("GET /export", export)
	api.Handle("GET /perhaps", export.Guard(weft.Any(login, weft.NewGuard("office", func(*weft.Request) error { return nil }))))
	app.Handle("GET /open", export)
	plan, err := app.Plan()
	require.NoError(t, err)

	assert.Equal(t, []string{"GET /api/export", "GET /api/perhaps"}, violations(plan, apiPrefix, "current user"))
}

// What is open is listed here by name: a route that joins it changes this test.
func TestOnlyTheHealthIsOpen(t *testing.T) {
	t.Parallel()
	var open []string
	for _, route := range testPlan(t).Routes {
		if !slices.ContainsFunc(route.Stages, func(st weft.StageInfo) bool { return st.Kind == weft.KindGuard }) {
			open = append(open, route.Pattern)
		}
	}
	assert.Equal(t, []string{"GET /healthz"}, open)
}

func TestEveryWebhookIsSigned(t *testing.T) {
	t.Parallel()
	for _, route := range testPlan(t).Routes {
		if !strings.Contains(route.Pattern, "/webhooks/") {
			continue
		}
		guard := route.Stages[slices.IndexFunc(route.Stages, func(st weft.StageInfo) bool { return st.Kind == weft.KindGuard })]
		assert.Equal(t, "signed", guard.Name)
		assert.True(t, guard.ReadsBody)
	}
}
