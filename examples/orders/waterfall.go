package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// barWidth is how many characters the whole of a trace is wide.
const barWidth = 40

// waterfall writes the spans of one trace: each under the one it happened in, with the time at which it
// began, how long it took, and a bar that shows both.
func waterfall(out io.Writer, spans tracetest.SpanStubs) error {
	inside := map[trace.SpanID][]tracetest.SpanStub{}
	known := map[trace.SpanID]bool{}
	for _, s := range spans {
		known[s.SpanContext.SpanID()] = true
	}
	var roots []tracetest.SpanStub
	for _, s := range spans {
		if parent := s.Parent.SpanID(); known[parent] {
			inside[parent] = append(inside[parent], s)
		} else {
			roots = append(roots, s)
		}
	}
	if len(roots) != 1 {
		return fmt.Errorf("there is a trace with %d beginnings, and one is expected", len(roots))
	}
	whole := roots[0]
	fmt.Fprintf(out, "\n  trace %s\n\n", whole.SpanContext.TraceID())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	written := 0
	var write func(s tracetest.SpanStub, depth int)
	write = func(s tracetest.SpanStub, depth int) {
		written++
		fmt.Fprintf(w, "  %s%s\t%10s\t%10s\t%s%s\n", strings.Repeat("  ", depth), s.Name,
			milliseconds(s.StartTime.Sub(whole.StartTime)), milliseconds(s.EndTime.Sub(s.StartTime)), bar(whole, s), remark(s))
		children := inside[s.SpanContext.SpanID()]
		slices.SortFunc(children, func(a, b tracetest.SpanStub) int {
			return cmp.Or(a.StartTime.Compare(b.StartTime), strings.Compare(a.Name, b.Name))
		})
		for _, child := range children {
			write(child, depth+1)
		}
	}
	fmt.Fprintf(w, "  span\t%10s\t%10s\t\n", "at", "took")
	write(whole, 0)
	if written != len(spans) {
		return errors.New("some spans lead back to themselves")
	}
	return w.Flush()
}

// bar shows when a span was, of the time of the whole. The shortest is one character.
func bar(whole, s tracetest.SpanStub) string {
	total := max(whole.EndTime.Sub(whole.StartTime), 1)
	at := func(t time.Time) int {
		return min(max(int(t.Sub(whole.StartTime)*barWidth/total), 0), barWidth)
	}
	from := min(at(s.StartTime), barWidth-1)
	to := max(at(s.EndTime), from+1)
	return "|" + strings.Repeat(" ", from) + strings.Repeat("=", to-from) + strings.Repeat(" ", barWidth-to) + "|"
}

// remark says what went wrong.
func remark(s tracetest.SpanStub) string {
	if s.Status.Code != codes.Error {
		return ""
	}
	return "  ! " + cmp.Or(s.Status.Description, "failed")
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
