package weft

import (
	"context"
	"net/http"
)

// HealthCheck is one thing a service needs to be healthy, such as its database.
type HealthCheck struct {
	Name string
	// Check returns an error where the thing is not usable. It should honour ctx.
	Check func(ctx context.Context) error
}

// Health is a handler for load balancers and orchestrators: 200 while the
// server takes requests and every check passes, otherwise 503. A server that is draining
// is not healthy. The body says which checks failed, the log why.
func Health(checks ...HealthCheck) *Handler[*Request, Response] {
	return Handle(func(ctx context.Context, r *Request) (Response, error) {
		report := healthReport{Status: "ok"}
		if srv := r.state.server; srv != nil && srv.draining.Load() {
			report.Status = "draining"
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

type healthReport struct {
	Status string        `json:"status"`
	Checks []checkResult `json:"checks,omitempty"`
}

type checkResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}
