package lambdatest

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is a receiver of OTLP over HTTP, as a collector of OpenTelemetry is.
type Collector struct {
	URL      string
	t        testing.TB
	mu       sync.Mutex
	spans    []*tracepb.Span
	received int
}

// NewCollector is a collector on a connection of its own.
func NewCollector(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{t: t}
	ts := httptest.NewServer(c)
	t.Cleanup(ts.Close)
	c.URL = ts.URL
	return c
}

// Variable has the exporter of a function send its spans here.
func (c *Collector) Variable() (name, value string) { return "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL }

// ServeHTTP takes an ExportTraceServiceRequest.
func (c *Collector) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	body := io.Reader(hr.Body)
	if hr.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(hr.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	content, err := io.ReadAll(body)
	var request collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(content, &request)
	}
	if err != nil || hr.URL.Path != "/v1/traces" || hr.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprint("no export of traces: ", err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received++
	for _, of := range request.ResourceSpans {
		for _, in := range of.ScopeSpans {
			c.spans = append(c.spans, in.Spans...)
		}
	}
	answer, _ := proto.Marshal(&collectorpb.ExportTraceServiceResponse{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

// Take returns the spans so far, in the order in which they ended, and in how many exports they came, and forgets them.
func (c *Collector) Take() (Spans, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans, received := c.spans, c.received
	c.spans, c.received = nil, 0
	return Spans{c.t, spans}, received
}

// Spans are those of one invocation or of many.
type Spans struct {
	t   testing.TB
	All []*tracepb.Span
}

// Tree is the spans with their parents, in the order in which they ended: "parent > name".
func (s Spans) Tree() (lines []string) {
	byID := map[string]*tracepb.Span{}
	for _, span := range s.All {
		byID[string(span.SpanId)] = span
	}
	for _, span := range s.All {
		line := span.Name
		for at := byID[string(span.ParentSpanId)]; at != nil; at = byID[string(at.ParentSpanId)] {
			line = at.Name + " > " + line
		}
		lines = append(lines, line)
	}
	return lines
}

// Of is the first span of that name.
func (s Spans) Of(name string) Span {
	s.t.Helper()
	i := slices.IndexFunc(s.All, func(span *tracepb.Span) bool { return span.Name == name })
	require.GreaterOrEqual(s.t, i, 0, "no span %q in %q", name, s.Tree())
	return Span{s.All[i]}
}

// Span is one span.
type Span struct{ *tracepb.Span }

// Attr is an attribute as text, or "".
func (s Span) Attr(key string) string {
	for _, a := range s.Attributes {
		if a.Key != key {
			continue
		}
		if list := a.Value.GetArrayValue(); list != nil {
			var all []string
			for _, v := range list.Values {
				all = append(all, v.GetStringValue())
			}
			return strings.Join(all, ",")
		}
		if text := a.Value.GetStringValue(); text != "" {
			return text
		}
		return fmt.Sprint(a.Value.GetBoolValue())
	}
	return ""
}

// Trace is the ids of its trace and of its parent.
func (s Span) Trace() string {
	return hex.EncodeToString(s.TraceId) + " " + hex.EncodeToString(s.ParentSpanId)
}

// Peek shows the spans so far, and keeps them.
func (c *Collector) Peek(look func(Spans)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	look(Spans{c.t, c.spans})
}
