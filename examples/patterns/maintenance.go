package main

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft"
)

// Maintenance answers for the whole app while it is switched on, and lets
// nothing of it run. The switch works at any time, from any goroutine; requests
// that are under way are not disturbed. Make one with newMaintenance.
type Maintenance struct {
	open []string
	ends atomic.Pointer[time.Time] // nil while it is off
}

// soonest is what clients are told to wait at least, also when maintenance takes longer than was thought.
const soonest = 10 * time.Second

// newMaintenance leaves the paths open, exactly as they are written: the health
// check, or the orchestrator would stop what is being maintained, and the switch.
func newMaintenance(open ...string) *Maintenance {
	return &Maintenance{open: slices.Clone(open)}
}

// Begin switches on what will take about as long as expected.
func (m *Maintenance) Begin(expected time.Duration) {
	ends := time.Now().Add(expected)
	m.ends.Store(&ends)
}

// End switches off.
func (m *Maintenance) End() { m.ends.Store(nil) }

// Dispatch implements [weft.Middleware].
func (m *Maintenance) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	ends := m.ends.Load()
	if ends == nil || slices.Contains(m.open, r.HTTP().URL.Path) {
		return next(r)
	}
	wait := max(time.Until(*ends), soonest)
	return planned(r, &weft.Error{
		Status: http.StatusServiceUnavailable,
		Title:  http.StatusText(http.StatusServiceUnavailable),
		Code:   "maintenance",
		Detail: "The service is being maintained. Try again later.",
	}).WithHeader("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second))).WithHeader("Cache-Control", "no-store")
}

// planned is a problem document that is nobody's fault. weft.Fail would have
// every 503 in the log as a failure of the server's.
func planned(r *weft.Request, e *weft.Error) weft.Response {
	mediaType, document := weft.ProblemDetails(r, e)
	return weft.JSON(document).WithStatus(e.Status).WithHeader("Content-Type", mediaType)
}
