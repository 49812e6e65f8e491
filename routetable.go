package weft

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/weft-go/weft/internal/callsite"
)

// routeTable asks ServeMux what it thinks of each pattern, before anything is linked.
type routeTable struct {
	mux      *http.ServeMux
	accepted []acceptedRoute
}

type acceptedRoute struct {
	pattern string
	at      callsite.Site
}

// add reports why the pattern cannot be routed, and what to do.
func (t *routeTable) add(name string, at callsite.Site) (problem, remedy string) {
	if t.mux == nil {
		t.mux = http.NewServeMux()
	}
	refusal := register(t.mux, name)
	if refusal == "" {
		t.accepted = append(t.accepted, acceptedRoute{name, at})
		return "", ""
	}
	const mend = "mend the pattern: [METHOD ][HOST]/[PATH]"
	if alone := register(http.NewServeMux(), name); alone != "" {
		return alone, mend
	}
	for _, other := range t.accepted {
		pair := http.NewServeMux()
		register(pair, other.pattern)
		if conflict := register(pair, name); conflict != "" {
			_, why, _ := strings.Cut(conflict, ":\n")
			return fmt.Sprintf("conflicts with %q (%v): %s", other.pattern, other.at, strings.ReplaceAll(strings.TrimSuffix(why, "."), "\n", " ")),
				"change one of the two, or make one more specific than the other"
		}
	}
	return refusal, mend
}

// register returns what ServeMux panics with, in place of its panic.
func register(mux *http.ServeMux, pattern string) (refusal string) {
	defer func() {
		if p := recover(); p != nil {
			refusal = fmt.Sprint(p)
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return ""
}
