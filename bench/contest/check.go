package contest

import (
	"errors"
	"fmt"
	"strings"
)

// Check makes the applications of c and says in its error which workloads it
// does not answer rightly, be it recorded or through the function that is timed.
func Check(c *Contender, workloads []Workload) error {
	var wrong []error
	for i := range workloads {
		w := &workloads[i]
		if w.Reason(c) != "" {
			continue
		}
		app := w.App(*c)()
		a, err := app.Answer(w.Request)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s: %w", c.Name, w.Title, err))
			continue
		}
		if d := w.Want.Differences(w.Request, a); len(d) > 0 {
			wrong = append(wrong, fmt.Errorf("%s: %s: %s", c.Name, w.Title, strings.Join(d, "; ")))
		}
		call := app.Caller(w.Request)
		for range 2 { // the second time with what the first left behind
			if status := call(); status != w.Want.Status {
				wrong = append(wrong, fmt.Errorf("%s: %s: in the timed loop the status is %d, not %d", c.Name, w.Title, status, w.Want.Status))
			}
		}
	}
	return errors.Join(wrong...)
}

// Strictness is the status that c answers each probe with.
func Strictness(c *Contender, probes []Probe) ([]int, error) {
	if c.Shop == nil {
		return nil, nil
	}
	app := c.Shop()
	statuses := make([]int, len(probes))
	for i, p := range probes {
		a, err := app.Answer(p.Request)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.Name, p.Title, err)
		}
		statuses[i] = a.Status
	}
	return statuses, nil
}
