package weft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/internal/callsite"
)

// Plan is what an App will do, as data: which stages run on each route, in
// which order and why. It is made by [App.Plan], is not used for running, and
// can be printed, encoded as JSON, or tested against a policy.
type Plan struct {
	// App is the stages around routing, outermost first.
	App []StageInfo `json:"app"`
	// Routes are in order of declaration.
	Routes []RoutePlan `json:"routes"`
	// Misses are the groups whose middleware runs where no route matched.
	Misses []MissPlan `json:"misses"`
	// Warnings are about declarations that are seldom meant as they are. Build logs each.
	Warnings []Warning `json:"warnings"`
	// Services are those of the container, each behind what it needs.
	Services []ServiceInfo `json:"services,omitempty"`
}

// RoutePlan is what one route does.
type RoutePlan struct {
	// Pattern is the whole pattern, prefixes included, as ServeMux matches it; of an event's route the name of its source.
	Pattern string `json:"pattern"`
	// Event says that the route is that of a source of events; see [Group.On].
	Event bool `json:"event,omitempty"`
	// Name is the handler's name.
	Name string `json:"name"`
	// Source is where the route was declared, as "folder/file.go:12".
	Source string `json:"source"`
	// Request and Response are the handler's types.
	Request  string `json:"request"`
	Response string `json:"response"`
	// Reads are the values that the handler's Req is made of.
	Reads []ReadInfo `json:"reads"`
	// Writes are the values that a success is made of, none where the handler makes the Response.
	Writes []WriteInfo `json:"writes"`
	// Consumes are the media types of bodies that are read, and Produces of those that a success has, as far as Req and Resp say;
	// "*/*" is any.
	Consumes []string `json:"consumes"`
	Produces []string `json:"produces"`
	// Statuses are those that the route's own declarations can lead to, the
	// success first. Those of declared errors are here where no mapper takes them.
	Statuses []int `json:"statuses"`
	// Limit is how many bytes of body are accepted.
	Limit int64 `json:"limit"`
	// Timeout is the handler's deadline in nanoseconds, 0 for none.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Stages are those of the app, the groups and the route, in the order in
	// which they are entered.
	Stages []StageInfo `json:"stages"`
	// Catches are the exception mappers for errors of the route, the nearest level first.
	Catches []CatchInfo `json:"catches"`
	// Errors are those that the handler declares, and what becomes of each; see [Handler.Errors].
	Errors []ErrorInfo `json:"errors"`
}

// CatchInfo describes one exception mapper at one place.
type CatchInfo struct {
	// Error is what it maps: a type, or a sentinel's text.
	Error string `json:"error"`
	Level Level  `json:"level"`
	// Group is the whole prefix of the group that declared it, at LevelGroup.
	Group string `json:"group,omitempty"`
	// Source is where it was attached, as "folder/file.go:12".
	Source string `json:"source"`
}

// MissPlan is what runs where a path lies under a group's prefix and no route matched.
type MissPlan struct {
	// Prefix is the group's whole prefix.
	Prefix string `json:"prefix"`
	// Stages are those of the app and the groups, in the order in which they are entered.
	Stages []StageInfo `json:"stages"`
}

// StageInfo describes one stage at one place.
type StageInfo struct {
	Name  string `json:"name"`
	Kind  Kind   `json:"kind"`
	Level Level  `json:"level"`
	// Group is the whole prefix of the group that declared it, at LevelGroup.
	Group string `json:"group,omitempty"`
	// Route is the pattern of the route it stands on, "" before routing.
	Route string `json:"route,omitempty"`
	// Source is where it was attached, as "folder/file.go:12".
	Source string `json:"source"`
	// Detail says what a built-in stage does.
	Detail string `json:"detail,omitempty"`
	// Provides, Needs and Reads are the names of keys. MayProvide are those that
	// only some branches of a combination of guards provide.
	Provides   []string `json:"provides,omitempty"`
	MayProvide []string `json:"may_provide,omitempty"`
	Needs      []string `json:"needs,omitempty"`
	Reads      []string `json:"reads,omitempty"`
	// Lifetime is that of a stage that is made of services, "singleton" or "per request", and Reason why it is per request.
	Lifetime string `json:"lifetime,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// ReadsBody says that a guard reads the body.
	ReadsBody bool `json:"reads_body,omitempty"`
	// Traced and Untraced are what the options of that name said, never both.
	Traced   bool `json:"traced,omitempty"`
	Untraced bool `json:"untraced,omitempty"`
}

// Kind is the kind of a stage.
type Kind string

// The kinds of stages, in the order in which a request meets them.
const (
	KindMiddleware  Kind = "middleware"
	KindRouting     Kind = "routing"
	KindGuard       Kind = "guard"
	KindExtract     Kind = "extract"
	KindCheck       Kind = "check"
	KindSettle      Kind = "settle"
	KindInterceptor Kind = "interceptor"
	KindAround      Kind = "around"
	KindHandler     Kind = "handler"
	KindRespond     Kind = "respond"
)

// Level is where a stage was attached.
type Level string

// The levels, outermost first.
const (
	LevelApp   Level = "app"
	LevelGroup Level = "group"
	LevelRoute Level = "route"
)

// String prints the plan: stable text, one line a stage.
func (p *Plan) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "every request")
	writeStages(w, p.App)
	for i := range p.Routes {
		p.Routes[i].write(w)
	}
	for _, m := range p.Misses {
		fmt.Fprintf(w, "\nno route under %s\n", m.Prefix)
		writeStages(w, m.Stages)
	}
	if len(p.Services) > 0 {
		fmt.Fprintln(w, "\nservices")
	}
	for _, s := range p.Services {
		s.write(w)
	}
	if len(p.Warnings) > 0 {
		fmt.Fprintln(w, "\nwarnings")
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(w, "  %v\n", warning)
	}
	_ = w.Flush() // to a strings.Builder
	return text.String()
}

func (r *RoutePlan) write(w *tabwriter.Writer) {
	fmt.Fprintf(w, "\n%s  %s  (%s)\n", r.Pattern, r.Name, r.Source)
	writeStages(w, r.Stages)
	for _, c := range r.Catches {
		fmt.Fprintf(w, "  -\tcatch\t%s\t%s\t%s\n", levelText(c.Level, c.Group), c.Error, c.Source)
	}
	for _, e := range r.Errors {
		switch {
		case e.Mapper != nil:
			fmt.Fprintf(w, "  -\terror\t%s\t%s\t%s\n", levelText(e.Mapper.Level, e.Mapper.Group), e.Error, e.Mapper.Source)
		case e.Itself:
			fmt.Fprintf(w, "  -\terror\titself\t%s\t%s\n", e.Error, e.Source)
		default:
			fmt.Fprintf(w, "  -\terror\tnot mapped\t%s\t%s\n", e.Error, e.Source)
		}
	}
	statuses := make([]string, len(r.Statuses))
	for i, s := range r.Statuses {
		statuses[i] = strconv.Itoa(s)
	}
	switch {
	case r.Response == typeResponse.String():
		statuses = append([]string{"as the handler says"}, statuses...)
	case slices.ContainsFunc(r.Writes, func(w WriteInfo) bool { return w.Target == TargetStatus }):
		statuses[0] += " or as the handler says"
	}
	fmt.Fprintf(w, "  answers %s, or the status of an error\n", strings.Join(statuses, " "))
}

func writeStages(w *tabwriter.Writer, stages []StageInfo) {
	if len(stages) == 0 {
		fmt.Fprintln(w, "  no stages")
	}
	for i, s := range stages {
		level := levelText(s.Level, s.Group)
		name := s.Name
		if s.Detail != "" {
			name += ": " + s.Detail
		}
		for _, use := range []struct {
			verb string
			keys []string
		}{{"provides", s.Provides}, {"may provide", s.MayProvide}, {"needs", s.Needs}, {"reads", s.Reads}} {
			if len(use.keys) > 0 {
				name += fmt.Sprintf("; %s %s", use.verb, strings.Join(use.keys, ", "))
			}
		}
		if s.ReadsBody {
			name += "; reads the body"
		}
		switch {
		case s.Traced:
			name += "; traced"
		case s.Untraced:
			name += "; untraced"
		}
		if s.Lifetime != "" {
			name += "; " + s.Lifetime
		}
		fmt.Fprintf(w, "  %d\t%s\t%s\t%s\t%s\n", i+1, s.Kind, level, name, s.Source)
	}
}

// write prints the service, and why it is per request where nobody said so.
func (s *ServiceInfo) write(w *tabwriter.Writer) {
	fmt.Fprintf(w, "  %s\t%s\t%s", s.Service, s.Lifetime, s.Source)
	if s.Reason != "" {
		fmt.Fprintf(w, "\t%s", strings.TrimPrefix(s.Reason, fmt.Sprintf("%s (%s) ", s.Service, s.Source)))
	}
	fmt.Fprintln(w)
}

func levelText(level Level, group string) string {
	if group == "" {
		return string(level)
	}
	return string(level) + " " + group
}

// BuildError is one mistake in an App's declarations. [App.Plan] and
// [App.Build] return all of them, joined; find them with errors.As or by unwrapping to []error.
type BuildError struct {
	// Source is the line to look at, as "folder/file.go:12".
	Source string
	// Route is the pattern of the route concerned, or "".
	Route string
	// Problem is what is wrong, Remedy what to do.
	Problem string
	Remedy  string

	at     callsite.Site
	cause  error // of a constructor that failed
	shared bool  // of a stage of a group or the app: one error tells it for all of their routes
}

// Unwrap returns why a service could not be made, or nil.
func (e *BuildError) Unwrap() error { return e.cause }

// Error is source, route, problem and remedy in one line.
func (e *BuildError) Error() string { return Warning{e.Source, e.Route, e.Problem, e.Remedy}.String() }

// Warning is about a declaration that is seldom meant as it is, such as one without effect. It has
// the members of a [BuildError], but does not keep the App from being built.
type Warning struct {
	Source  string `json:"source"`
	Route   string `json:"route,omitempty"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// String is source, route, problem and remedy in one line.
func (w Warning) String() string {
	s := w.Source + ": "
	if w.Route != "" {
		s += "route " + strconv.Quote(w.Route) + ": "
	}
	return s + w.Problem + "; " + w.Remedy
}
