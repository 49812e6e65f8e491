package weft

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// HealthCheck is one thing a service needs to be healthy, such as its database.
type HealthCheck struct {
	Name string
	// Check returns an error where the thing is not usable. It should honour ctx.
	Check func(ctx context.Context) error
}

// Health is a handler for load balancers and orchestrators: 200 while the
// server takes requests, every check passes and the services of the container are
// healthy, as samber/do finds by their HealthCheck methods; otherwise 503. A server that is draining
// is not healthy. The body says which checks failed, the log why.
func Health(checks ...HealthCheck) *Handler[*Request, Response] {
	return Handle(func(ctx context.Context, r *Request) (Response, error) {
		report := healthReport{Status: "ok"}
		if srv := r.state.server; srv != nil && srv.draining.Load() {
			report.Status = "draining"
		}
		checks := checks
		if srv := r.state.server; srv != nil && srv.container != nil {
			checks = append(slices.Clip(checks), HealthCheck{"services", srv.container.healthOf})
		}
		for _, c := range checks {
			result := checkResult{Name: c.Name, Status: "ok"}
			if err := c.Check(ctx); err != nil {
				Logger(ctx).WarnContext(ctx, "health check failed", "check", c.Name, "error", err)
				result.Status, report.Status = "failed", "failed"
			}
			report.Checks = append(report.Checks, result)
		}
		resp := JSON(report).WithHeader("Cache-Control", "no-store")
		if report.Status != "ok" {
			resp = resp.WithStatus(http.StatusServiceUnavailable)
		}
		return resp, nil
	}).Named("health")
}

// healthOf asks the singletons of the container that have a HealthCheck, as samber/do knows it.
func (c *Container) healthOf(ctx context.Context) error {
	var failed error
	found := c.injector.RootScope().HealthCheckWithContext(ctx)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if err := found[name]; err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	return failed
}

type healthReport struct {
	Status string        `json:"status"`
	Checks []checkResult `json:"checks,omitempty"`
}

type checkResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}
