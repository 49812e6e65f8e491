package tracing_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// collector is a receiver of OTLP over HTTP, as a collector of OpenTelemetry is.
type collector struct {
	t        testing.TB
	provider *sdktrace.TracerProvider
	exporter sdktrace.SpanExporter

	mu    sync.Mutex
	spans []*tracepb.Span
	raw   []byte // everything that was received
}

// newCollector is a collector on a connection of its own, and a provider that sends each span to it when it ends.
func newCollector(t testing.TB, opts ...sdktrace.TracerProviderOption) *collector {
	t.Helper()
	c := &collector{t: t}
	ts := httptest.NewServer(c)
	t.Cleanup(ts.Close)
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(ts.URL+"/v1/traces"))
	require.NoError(t, err)
	c.exporter = exporter
	c.provider = sdktrace.NewTracerProvider(append(opts, sdktrace.WithSyncer(exporter))...)
	t.Cleanup(func() { assert.NoError(t, c.provider.Shutdown(context.WithoutCancel(t.Context()))) })
	return c
}

// ServeHTTP takes an ExportTraceServiceRequest.
func (c *collector) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
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
	c.raw = append(c.raw, content...)
	for _, of := range request.ResourceSpans {
		for _, in := range of.ScopeSpans {
			assert.Equal(c.t, "github.com/weft-go/weft/tracing", in.Scope.Name)
			assert.Contains(c.t, in.SchemaUrl, "https://opentelemetry.io/schemas/1.")
			c.spans = append(c.spans, in.Spans...)
		}
	}
	answer, _ := proto.Marshal(&collectorpb.ExportTraceServiceResponse{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

// take returns the spans so far, in the order in which they ended, and forgets them.
func (c *collector) take() spans {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := spans{c.t, c.spans}
	c.spans = nil
	return got
}

// received is everything that came in.
func (c *collector) received() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}

type spans struct {
	t   testing.TB
	all []*tracepb.Span
}

// tree is the spans with their parents, in the order in which they ended: "parent > name". A span whose parent is not among them has none.
func (s spans) tree() []string {
	byID := map[string]*tracepb.Span{}
	for _, span := range s.all {
		byID[string(span.SpanId)] = span
	}
	var lines []string
	for _, span := range s.all {
		line := span.Name
		for at := byID[string(span.ParentSpanId)]; at != nil; at = byID[string(at.ParentSpanId)] {
			line = at.Name + " > " + line
		}
		lines = append(lines, line)
	}
	return lines
}

// of is the one span of that name.
func (s spans) of(name string) *tracepb.Span {
	s.t.Helper()
	i := slices.IndexFunc(s.all, func(span *tracepb.Span) bool { return span.Name == name })
	require.GreaterOrEqual(s.t, i, 0, "no span %q in %q", name, s.tree())
	return s.all[i]
}

// names are those of all spans.
func (s spans) names() []string {
	list := []string{}
	for _, span := range s.all {
		list = append(list, span.Name)
	}
	return list
}

// attr is an attribute as text, or "".
func attr(attrs []*commonpb.KeyValue, key string) string {
	for _, a := range attrs {
		if a.Key != key {
			continue
		}
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			return v.StringValue
		case *commonpb.AnyValue_ArrayValue:
			var list []string
			for _, e := range v.ArrayValue.Values {
				list = append(list, e.GetStringValue())
			}
			return strings.Join(list, ",")
		case *commonpb.AnyValue_BoolValue:
			return fmt.Sprint(v.BoolValue)
		case *commonpb.AnyValue_IntValue:
			return fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_DoubleValue:
			return fmt.Sprint(v.DoubleValue)
		}
	}
	return ""
}

// outcomes is what each span says of errors: "name: status message (exception type: message)".
func (s spans) outcomes() []string {
	var lines []string
	for _, span := range s.all {
		line := span.Name + ": " + strings.TrimPrefix(span.Status.GetCode().String(), "STATUS_CODE_")
		if m := span.Status.GetMessage(); m != "" {
			line += " " + m
		}
		if kind := attr(span.Attributes, "error.type"); kind != "" {
			line += " [" + kind + "]"
		}
		for _, e := range span.Events {
			line += fmt.Sprintf(" (%s %s: %s)", e.Name, attr(e.Attributes, "exception.type"), attr(e.Attributes, "exception.message"))
		}
		lines = append(lines, line)
	}
	return lines
}

func hexID(id []byte) string { return hex.EncodeToString(id) }

// clean takes every variable that New looks at out of the environment.
func clean(t testing.TB) {
	for _, name := range []string{"POWERTOOLS_TRACE_DISABLED", "POWERTOOLS_TRACE_MIDDLEWARES", "POWERTOOLS_TRACER_CAPTURE_ERROR",
		"POWERTOOLS_TRACER_CAPTURE_RESPONSE", "POWERTOOLS_SERVICE_NAME", "OTEL_SERVICE_NAME", "AWS_SAM_LOCAL", "AWS_CHALICE_CLI_MODE"} {
		t.(interface{ Setenv(name, value string) }).Setenv(name, "")
	}
}

// Shop is the service of the tests.
type order struct {
	Product string `json:"product"`
	Secret  string `json:"secret,omitempty"`
}

var (
	errStock  = errors.New("password123 is out of stock")
	errClosed = errors.New("the shop is closed")
)

func pass(r *weft.Request, next weft.Next) weft.Response { return next(r) }

// shop declares a stage of each kind. What is ordered decides what happens.
func shop(app *weft.App) {
	app.Use(weft.NewMiddleware("access log", pass))
	app.Guard(weft.NewGuard("log in", func(r *weft.Request) error {
		switch r.Header().Get("Authorization") {
		case "nobody":
			return weft.Unauthenticated("Bearer", "")
		case "outage":
			return errClosed
		}
		return nil
	}))
	group := app.Group("/shop", weft.NewMiddleware("group", pass))
	group.Handle("POST /orders/{id}", weft.Handle(place).Named("place order").
		Use(weft.NewMiddleware("route", pass)).
		Check(func(context.Context, order) error { return nil }, weft.Named("check")).
		Intercept(weft.NewMiddleware("interceptor", func(r *weft.Request, next weft.Next) weft.Response {
			resp := next(r)
			if errors.Is(resp.Err(), errClosed) {
				return weft.Text("closed").WithStatus(200)
			}
			return resp
		})).
		Around(func(ctx context.Context, in order, next func(context.Context, order) (order, error)) (order, error) {
			out, err := next(ctx, in)
			if err != nil {
				err = fmt.Errorf("around: %w", err)
			}
			return out, err
		}, weft.Named("around")).
		Catch(weft.On(func(r *weft.Request, e *conflict) weft.Response { return weft.Text("conflict").WithStatus(409) })))
}

type conflict struct{}

func (*conflict) Error() string { return "conflict" }

func place(ctx context.Context, in order) (order, error) {
	tracing.Annotate(ctx, "Product", in.Product)
	switch in.Product {
	case "gold":
		return order{}, errStock
	case "beer":
		return order{}, errClosed
	case "taken":
		return order{}, &conflict{}
	case "unknown":
		return order{}, &weft.Error{Status: 404}
	case "bomb":
		panic("boom " + in.Secret)
	case "abort":
		panic(http.ErrAbortHandler)
	}
	return in, nil
}

// traced is a shop on loopback whose spans the collector gets.
func traced(t testing.TB, c *collector, opts ...tracing.Option) *wefttest.Client {
	t.Helper()
	app := weft.New(tracing.New(append([]tracing.Option{tracing.WithTracerProvider(c.provider)}, opts...)...).Observe())
	shop(app)
	return wefttest.Serve(t, app)
}

const (
	waitFor = 10 * time.Second
	tick    = time.Millisecond
)

// peek are the names of the spans so far.
func (c *collector) peek() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return spans{c.t, slices.Clone(c.spans)}.names()
}

// serve serves a handler of net/http on loopback.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	return ts.URL
}

// send makes a request with one header field, and reads the answer.
func send(t testing.TB, method, url, header, value string) (status int, body string) {
	t.Helper()
	hr, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	hr.Header.Set(header, value)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(hr)
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(content)
}

// answering is a handler with one answer.
func answering(resp weft.Response) *weft.Handler[struct{}, weft.Response] {
	return weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return resp, nil }).Named("core")
}

// jsonOf is a value as a body.
func jsonOf(v any) io.Reader {
	text, _ := json.Marshal(v)
	return bytes.NewReader(text)
}
