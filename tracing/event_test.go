package tracing_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

// queue is a source of events.
type queue string

func (q queue) Name() string           { return string(q) }
func (queue) Receive() weft.Middleware { return weft.NewMiddleware("from the queue", pass) }
func (queue) Err() error               { return nil }

// deliver sends one record of the only source of an app, with one header field, and reports whether it was handled.
func deliver(t testing.TB, app *weft.App, body, field, value string) (handled bool) {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	for _, h := range srv.Events() {
		hr := httptest.NewRequestWithContext(t.Context(), "POST", "queue://orders/7?password=123", strings.NewReader(body))
		if field != "" {
			hr.Header.Set(field, value)
		}
		hr.Header.Set("User-Agent", "nobody")
		w := httptest.NewRecorder()
		func() {
			defer func() { handled = recover() == nil && w.Code < 400 }()
			h.ServeHTTP(w, hr)
		}()
	}
	return handled
}

func queueing(c *collector, opts ...tracing.Option) *weft.App {
	app := weft.New(tracing.New(append([]tracing.Option{tracing.WithTracerProvider(c.provider)}, opts...)...).Observe(), weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(weft.NewMiddleware("closed", func(r *weft.Request, next weft.Next) weft.Response {
		if r.Header().Get("Closed") != "" {
			return weft.Empty().WithStatus(503)
		}
		return next(r)
	}))
	app.On(queue("SQS orders"), weft.Handle(place).Named("place order").
		Catch(weft.On(func(r *weft.Request, e *conflict) weft.Response { return weft.Text("conflict").WithStatus(409) })))
	return app
}

func keysOf(attrs []*commonpb.KeyValue) (keys []string) {
	for _, a := range attrs {
		keys = append(keys, a.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestARecordIsNoRequestOfHTTP(t *testing.T) {
	clean(t)
	c := newCollector(t)
	const span = "53995c3f42cd8ad8"
	for field, value := range map[string]string{
		"Traceparent":     "00-5759e988bd862e3fe1be46a994272793-" + span + "-01",
		"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=" + span + ";Sampled=1",
	} {
		require.True(t, deliver(t, queueing(c, tracing.Stages("place order", "from the queue"), tracing.Service("shop")), `{"product":"milk"}`, field, value))
		got := c.take()
		assert.Equal(t, []string{"SQS orders > ## from the queue > ## place order", "SQS orders > ## from the queue", "SQS orders"}, got.tree())
		whole := got.of("SQS orders")
		assert.Equal(t, tracepb.Span_SPAN_KIND_CONSUMER, whole.Kind)
		assert.Equal(t, span, hexID(whole.ParentSpanId), field)
		assert.Equal(t, "5759e988bd862e3fe1be46a994272793", hexID(whole.TraceId))
		assert.Equal(t, []string{"Service", "aws.xray.annotations", "aws.xray.metadata.shop", "weft.event.source", "weft.event.status"}, keysOf(whole.Attributes))
		assert.Equal(t, "SQS orders", attr(whole.Attributes, "weft.event.source"))
		assert.Equal(t, "200", attr(whole.Attributes, "weft.event.status"))
		assert.JSONEq(t, `{"place order response":{"product":"milk"}}`, attr(whole.Attributes, "aws.xray.metadata.shop"))
		handler := got.of("## place order")
		assert.Equal(t, "milk", attr(handler.Attributes, "Product"))
		assert.NotContains(t, strings.Join(keysOf(slices.Concat(handler.Attributes, got.of("## from the queue").Attributes)), " "), "http")
		assert.Equal(t, "200", attr(got.of("## from the queue").Attributes, "weft.event.status"))
	}
	assert.NotContains(t, c.received(), "password")
}

// The name of a source is no path, whatever it looks like.
func TestTheNameOfASourceIsNoRoute(t *testing.T) {
	clean(t)
	for _, name := range []string{"EventBridge shop a/b", "POST /orders", "a\xffb"} {
		c := newCollector(t)
		app := weft.New(tracing.New(tracing.WithTracerProvider(c.provider)).Observe(), weft.WithLogger(slog.New(slog.DiscardHandler)))
		app.On(queue(name), answering(weft.Empty()))
		require.True(t, deliver(t, app, "", "", ""))
		whole := c.take().of(strings.ToValidUTF8(name, "\uFFFD"))
		assert.Equal(t, []string{"weft.event.source", "weft.event.status"}, keysOf(whole.Attributes))
	}
}

// Whatever has a record sent again is an error of its span.
func TestARecordThatFailsHasASpanThatSaysSo(t *testing.T) {
	clean(t)
	for body, row := range map[string]struct {
		status  string
		outcome []string
	}{
		`{"product":"milk"}`:    {"200", []string{"## place order: UNSET", "SQS orders: UNSET"}},
		`{"product":"unknown"}`: {"404", []string{"## place order: UNSET [*weft.Error] (exception *weft.Error: 404 Not Found)", "SQS orders: ERROR [*weft.Error]"}},
		`{"product":"taken"}`:   {"409", []string{"## place order: ERROR conflict [*tracing_test.conflict] (exception *tracing_test.conflict: conflict)", "SQS orders: ERROR [*tracing_test.conflict]"}},
		`not JSON`:              {"400", []string{"SQS orders: ERROR"}},
		`{"product":"gold"}`:    {"500", []string{"## place order: ERROR password123 is out of stock [*errors.errorString] (exception *errors.errorString: password123 is out of stock)", "SQS orders: ERROR [*errors.errorString]"}},
		`{"product":"abort"}`:   {"", []string{"## place order: ERROR", "SQS orders: ERROR"}},
	} {
		c := newCollector(t)
		assert.Equal(t, row.status == "200", deliver(t, queueing(c, tracing.Stages("place order")), body, "", ""), body)
		got := c.take()
		assert.Equal(t, row.status, attr(got.of("SQS orders").Attributes, "weft.event.status"), body)
		outcomes := got.outcomes()
		require.Len(t, outcomes, len(row.outcome), body)
		for i, want := range row.outcome {
			assert.True(t, strings.HasPrefix(outcomes[i], want), "%s: %s", body, outcomes)
		}
	}
	c := newCollector(t)
	assert.False(t, deliver(t, queueing(c), `{"product":"milk"}`, "Closed", "yes"))
	got := c.take()
	assert.Equal(t, []string{"SQS orders: ERROR [503]"}, got.outcomes(), "before routing, too, it has its name")
	assert.Equal(t, "SQS orders", attr(got.all[0].Attributes, "weft.event.source"))
}

// A sampler is told of a record what there is to know: it comes from one source.
func TestASamplerKnowsWhereARecordComesFrom(t *testing.T) {
	clean(t)
	asked := &asking{}
	c := newCollector(t, sdktrace.WithSampler(asked))
	deliver(t, queueing(c), `{"product":"milk"}`, "", "")
	assert.Equal(t, "SQS orders", asked.name)
	assert.Equal(t, trace.SpanKindConsumer, asked.kind)
	require.Len(t, asked.attrs, 1)
	assert.Equal(t, "SQS orders", asked.attrs[0])
	assert.Empty(t, c.take().all)
}

type asking struct {
	name  string
	kind  trace.SpanKind
	attrs []string
}

func (s *asking) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	s.name, s.kind = p.Name, p.Kind
	for _, a := range p.Attributes {
		s.attrs = append(s.attrs, a.Value.AsString())
	}
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func (*asking) Description() string { return "asking" }

func TestARecordHasAMetricOfItsOwn(t *testing.T) {
	clean(t)
	reader := sdkmetric.NewManualReader()
	metrics := []tracing.Option{tracing.Enabled(false), tracing.Metrics(), tracing.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))}
	c := newCollector(t)
	for _, product := range []string{"milk", "milk", "taken", "gold", "abort"} {
		deliver(t, queueing(c, metrics...), `{"product":"`+product+`"}`, "", "")
	}
	points, unit := collected(t, reader, "weft.event.duration")
	assert.Equal(t, "s", unit)
	assert.Equal(t, []string{
		"1 error.type=*errors.errorString weft.event.source=SQS orders",
		"1 error.type=409 weft.event.source=SQS orders weft.event.status=409",
		"1 error.type=500 weft.event.source=SQS orders weft.event.status=500",
		"2 weft.event.source=SQS orders weft.event.status=200",
	}, points)
	for _, name := range []string{"http.server.request.duration", "http.server.active_requests"} {
		points, _ = collected(t, reader, name)
		assert.Empty(t, points, name)
	}
}

// The routes of HTTP beside a source are traced as ever, also where a record's handler asks another app in process.
func TestRequestsBesideRecordsAreOfHTTP(t *testing.T) {
	clean(t)
	c := newCollector(t)
	app := queueing(c)
	app.Handle("POST /orders", weft.Handle(place))
	wefttest.Serve(t, app).Post("/orders", order{Product: "milk"}).Want(200)
	whole := c.take().of("POST /orders")
	assert.Equal(t, tracepb.Span_SPAN_KIND_SERVER, whole.Kind)
	assert.Equal(t, "/orders", attr(whole.Attributes, "http.route"))
	assert.Empty(t, attr(whole.Attributes, "weft.event.source"))

	other := weft.New(tracing.New(tracing.WithTracerProvider(c.provider)).Observe(), weft.WithLogger(slog.New(slog.DiscardHandler)))
	other.Handle("GET /stock", answering(weft.Text("7")))
	stock, err := other.Build(t.Context())
	require.NoError(t, err)
	asks := weft.New(tracing.New(tracing.WithTracerProvider(c.provider)).Observe(), weft.WithLogger(slog.New(slog.DiscardHandler)))
	asks.On(queue("SQS orders"), weft.Handle(func(ctx context.Context, _ []byte) (string, error) {
		w := httptest.NewRecorder()
		stock.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/stock", http.NoBody))
		text, err := io.ReadAll(w.Body)
		return string(text), err
	}).Extract(weft.RawBody()))
	require.True(t, deliver(t, asks, "7", "", ""))
	got := c.take()
	assert.Equal(t, []string{"SQS orders > GET /stock", "SQS orders"}, got.tree())
	assert.Equal(t, tracepb.Span_SPAN_KIND_SERVER, got.of("GET /stock").Kind)
}
