package tracing

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/internal/callsite"
)

// Tracing is how apps are traced. It is made by [New], does not change, and may be shared by several apps.
type Tracing struct {
	at               callsite.Site
	enabled          choice
	all              choice
	captureErrors    choice
	captureResponses choice
	stages, except   []stageName
	service          string
	annotations      []attribute.KeyValue
	spanName         func(*weft.StageInfo) string
	tracers          trace.TracerProvider
	meters           metric.MeterProvider
	propagator       propagation.TextMapPropagator
	public           bool
	metrics          bool
	flush            flusher
	invocationID     func(context.Context) string
	timing           atomic.Bool // ServerTiming was asked for
	problems         []weft.BuildError
}

// New makes a Tracing, and reads the environment for what the options do not say. What is wrong with it is an error of Build.
func New(opts ...Option) *Tracing {
	t := &Tracing{at: callsite.Caller(), spanName: func(stage *weft.StageInfo) string { return "## " + stage.Name }}
	for _, opt := range opts {
		if opt != nil {
			opt(t)
		}
	}
	t.settle()
	return t
}

func (t *Tracing) problem(at callsite.Site, problem, remedy string) {
	t.problems = append(t.problems, weft.BuildError{Source: at.String(), Problem: problem, Remedy: remedy})
}

// Observe is the option for [weft.New].
func (t *Tracing) Observe() weft.Option {
	return func(app *weft.App) {
		weft.WithPlanCheck(t.check)(app)
		if t.enabled.on || t.metrics {
			weft.WithObserver(t.observer())(app)
		}
	}
}

// check reports what is wrong with the Tracing for an app of that plan.
func (t *Tracing) check(plan *weft.Plan) []weft.BuildError {
	found := slices.Clone(t.problems)
	report := func(n stageName, problem, remedy string) {
		found = append(found, weft.BuildError{Source: n.at.String(), Problem: problem, Remedy: remedy})
	}
	names := namesIn(plan)
	for _, n := range slices.Concat(t.stages, t.except) {
		if !slices.Contains(names, n.name) {
			report(n, fmt.Sprintf("no stage is named %q", n.name), "mend the name; there are "+quoted(names))
		}
	}
	for _, n := range t.except {
		if named(t.stages, n.name) {
			report(n, fmt.Sprintf("the stage %q is named by both Stages and Except", n.name), "leave one of them out")
		}
	}
	return found
}

func named(list []stageName, name string) bool {
	return slices.ContainsFunc(list, func(n stageName) bool { return n.name == name })
}

// namesIn are the names of all stages of a plan.
func namesIn(plan *weft.Plan) (names []string) {
	add := func(stages []weft.StageInfo) {
		for _, s := range stages {
			names = append(names, s.Name)
		}
	}
	add(plan.App)
	for _, r := range plan.Routes {
		add(r.Stages)
	}
	for _, m := range plan.Misses {
		add(m.Stages)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// quoted lists names for people, the first twenty of them.
func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	list := make([]string, min(len(names), 20))
	for i := range list {
		list[i] = fmt.Sprintf("%q", names[i])
	}
	if more := len(names) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// traces reports whether a stage has a span of its own.
func (t *Tracing) traces(stage *weft.StageInfo) bool {
	switch {
	case !t.enabled.on || named(t.except, stage.Name):
		return false
	case named(t.stages, stage.Name):
		return true
	case stage.Traced, stage.Untraced:
		return stage.Traced
	}
	return t.all.on
}

const scope = "github.com/weft-go/weft/tracing"

// observer is what watches one app.
func (t *Tracing) observer() *observer {
	o := &observer{Tracing: t, extractor: t.propagator, lambda: os.Getenv(envFunction) != ""}
	if o.extractor == nil {
		o.extractor = otel.GetTextMapPropagator()
		if len(o.extractor.Fields()) == 0 {
			o.extractor = anyHeader{}
		}
	}
	if t.enabled.on {
		tracers := t.tracers
		if tracers == nil {
			tracers = otel.GetTracerProvider()
		}
		o.tracer = tracers.Tracer(scope, trace.WithSchemaURL(schema))
	}
	if t.metrics {
		o.meters = t.newMeters()
	}
	return o
}
