package weft

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/samber/do/v2"
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

// healthDeadline is how long the services may take to say that they are healthy.
const healthDeadline = 5 * time.Second

// healthOf asks what the container's injector and those above it provide, as samber/do does, all at the
// same time. Where do would end the process, a panic is an error.
func (c *Container) healthOf(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthDeadline)
	defer cancel()
	type answer struct {
		name string
		err  error
	}
	asked := map[string]bool{} // and what it has not answered
	answers := make(chan answer, 16)
	for _, scope := range append([]do.Injector{c.injector}, ancestors(c.injector)...) {
		for _, s := range scope.ListProvidedServices() {
			if s.ScopeID != scope.ID() || asked[s.Service] {
				continue
			}
			asked[s.Service] = true
			go func() {
				err := contained(func() error { return do.HealthCheckNamedWithContext(unbounded{ctx}, scope, s.Service) })
				select {
				case answers <- answer{s.Service, err}:
				case <-ctx.Done():
				}
			}()
		}
	}
	failed := map[string]error{}
	for len(asked) > 0 {
		select {
		case a := <-answers:
			delete(asked, a.name)
			failed[a.name] = a.err
		case <-ctx.Done():
			for name := range asked {
				failed[name] = errors.New("has not answered in time")
			}
			clear(asked)
		}
	}
	var joined error
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		if err := failed[name]; err != nil {
			joined = errors.Join(joined, fmt.Errorf("%s: %w", name, err))
		}
	}
	return joined
}

// unbounded is a context whose deadline is not told: where do knows of one, it asks on a goroutine of its own.
type unbounded struct{ context.Context }

func (unbounded) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

type healthReport struct {
	Status string        `json:"status"`
	Checks []checkResult `json:"checks,omitempty"`
}

type checkResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}
