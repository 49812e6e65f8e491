package main

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

func TestTheTraceShowsWhatARequestWentThrough(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	require.NoError(t, traceOne(t.Context(), &out, newLogger(&log, slog.LevelWarn)), out.String())
	assert.Empty(t, log.String())
	_, shown, found := strings.Cut(out.String(), "Where its time went:")
	require.True(t, found, out.String())
	var lines []string
	for line := range strings.Lines(shown) {
		name, bar, isSpan := strings.Cut(line, " ms")
		if !isSpan {
			continue
		}
		lines = append(lines, regexp.MustCompile(`\s+[\d.]+$`).ReplaceAllString(name, ""))
		assert.Regexp(t, `^ +[\d.]+ ms +\| *=+ *\|\n$`, bar)
	}
	assert.Equal(t, []string{
		"  POST /api/tenants/{tenant}/orders",
		"    ## request id",
		"      ## access log",
		"        ## reference",
		"          ## no store",
		"            ## deadline",
		"              ## login",
		"              ## same tenant",
		"              ## any(clerk, manager)",
		"              ## extract",
		"                ## orders.mayOrder",
		"                ## settle",
		"                  ## audit",
		"                    ## create order",
	}, lines, out.String())
}

func TestAWaterfall(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	context := func(id byte) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{id}})
	}
	span := func(id, parent byte, name string, from, to int) tracetest.SpanStub {
		return tracetest.SpanStub{Name: name, SpanContext: context(id), Parent: context(parent), StartTime: at(from), EndTime: at(to)}
	}
	failed := span(4, 2, "late", 80, 100)
	failed.Status = sdktrace.Status{Code: codes.Error, Description: "too late"}
	behind := span(5, 9, "behind", 120, 140)
	behind.Status.Code = codes.Error
	var out bytes.Buffer
	require.NoError(t, waterfall(&out, tracetest.SpanStubs{span(3, 2, "early", 10, 10), failed, span(2, 9, "middle", 0, 100), behind, span(9, 0, "whole", 0, 100)}))
	assert.Equal(t, `
  trace 01000000000000000000000000000000

  span               at        took  
  whole         0.00 ms   100.00 ms  |========================================|
    middle      0.00 ms   100.00 ms  |========================================|
      early    10.00 ms     0.00 ms  |    =                                   |
      late     80.00 ms    20.00 ms  |                                ========|  ! too late
    behind    120.00 ms    20.00 ms  |                                       =|  ! failed
`, out.String())

	assert.ErrorContains(t, waterfall(&out, nil), "0 beginnings")
	assert.ErrorContains(t, waterfall(&out, tracetest.SpanStubs{span(1, 0, "a", 0, 1), span(2, 0, "b", 0, 1)}), "2 beginnings")
	assert.ErrorContains(t, waterfall(&out, tracetest.SpanStubs{span(1, 0, "a", 0, 1), span(2, 3, "b", 0, 1), span(3, 2, "c", 0, 1)}), "lead back")
}
