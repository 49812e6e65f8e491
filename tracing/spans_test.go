package tracing_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

func TestEveryStageIsASpanThatNestsAsTheOnionDoes(t *testing.T) {
	clean(t)
	c := newCollector(t)
	site := traced(t, c, tracing.All(true))
	site.Post("/shop/orders/7?token=password123", order{Product: "milk"}, wefttest.Header("User-Agent", "test")).Want(200)
	got := c.take()

	const top = "POST /shop/orders/{id}"
	const route = top + " > ## access log > ## group > ## route"
	const inside = route + " > ## extract > ## interceptor"
	assert.Equal(t, []string{
		route + " > ## log in",
		route + " > ## extract > ## check",
		inside + " > ## around > ## place order",
		inside + " > ## around",
		inside + " > ## respond",
		inside,
		route + " > ## extract",
		route,
		top + " > ## access log > ## group",
		top + " > ## access log",
		top,
	}, got.tree())

	whole := got.of(top)
	assert.Equal(t, tracepb.Span_SPAN_KIND_SERVER, whole.Kind)
	assert.Empty(t, whole.ParentSpanId)
	for key, want := range map[string]string{
		"http.request.method": "POST", "http.route": "/shop/orders/{id}", "url.path": "/shop/orders/7", "url.scheme": "http",
		"http.response.status_code": "200", "network.protocol.version": "1.1", "user_agent.original": "test",
		"server.address": "127.0.0.1", "client.address": "127.0.0.1", "http.response.body.size": "18", "url.query": "",
	} {
		assert.Equal(t, want, attr(whole.Attributes, key), key)
	}
	assert.NotContains(t, c.received(), "password123", "the query is nobody's business")

	handler := got.of("## place order")
	assert.Equal(t, tracepb.Span_SPAN_KIND_INTERNAL, handler.Kind)
	assert.Equal(t, "milk", attr(handler.Attributes, "Product"))
	for key, want := range map[string]string{"weft.stage.kind": "handler", "weft.stage.level": "route", "http.response.status_code": ""} {
		assert.Equal(t, want, attr(handler.Attributes, key), key)
	}
	group := got.of("## group")
	assert.Equal(t, "/shop", attr(group.Attributes, "weft.stage.group"))
	assert.Equal(t, "200", attr(group.Attributes, "http.response.status_code"))
	assert.Contains(t, attr(group.Attributes, "weft.stage.source"), "tracing/support_test.go:")
	for _, span := range got.all {
		assert.Equal(t, hexID(whole.TraceId), hexID(span.TraceId), span.Name)
		assert.LessOrEqual(t, whole.StartTimeUnixNano, span.StartTimeUnixNano, span.Name)
		assert.GreaterOrEqual(t, whole.EndTimeUnixNano, span.EndTimeUnixNano, span.Name)
		assert.Equal(t, tracepb.Status_STATUS_CODE_UNSET, span.Status.GetCode(), span.Name)
	}
}

func TestOnlyWhatWasChosenIsASpan(t *testing.T) {
	clean(t)
	for name, row := range map[string]struct {
		opts []tracing.Option
		want []string
	}{
		"nothing is":                    {nil, nil},
		"by name":                       {[]tracing.Option{tracing.Stages("group", "place order")}, []string{"## place order", "## group"}},
		"all but some":                  {[]tracing.Option{tracing.All(true), tracing.Except("access log", "log in", "extract", "check", "respond", "around", "route")}, []string{"## place order", "## interceptor", "## group"}},
		"under another name":            {[]tracing.Option{tracing.Stages("group"), tracing.SpanNames(func(s *weft.StageInfo) string { return string(s.Kind) + "/" + s.Name })}, []string{"middleware/group"}},
		"not all, by name nevertheless": {[]tracing.Option{tracing.All(false), tracing.Stages("check")}, []string{"## check"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			traced(t, c, row.opts...).Post("/shop/orders/7", order{Product: "milk"}).Want(200)
			assert.Equal(t, append(row.want, "POST /shop/orders/{id}"), c.take().names())
		})
	}
}

func TestWhatADeclarationSaysCountsUnlessItIsNamed(t *testing.T) {
	clean(t)
	for name, row := range map[string]struct {
		opts []tracing.Option
		want []string
	}{
		"by itself":                {nil, []string{"## guard", "## yes"}},
		"where all are":            {[]tracing.Option{tracing.All(true)}, []string{"## guard", "## core", "## respond", "## yes"}},
		"where none is":            {[]tracing.Option{tracing.All(false)}, []string{"## guard", "## yes"}},
		"where it is named":        {[]tracing.Option{tracing.Stages("no")}, []string{"## guard", "## no", "## yes"}},
		"where it is named, to go": {[]tracing.Option{tracing.Except("yes")}, []string{"## guard"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			app := weft.New(tracing.New(append(row.opts, tracing.WithTracerProvider(c.provider))...).Observe())
			app.Use(weft.NewMiddleware("yes", pass, weft.Traced()), weft.NewMiddleware("no", pass, weft.Untraced()))
			app.Guard(weft.NewGuard("guard", func(*weft.Request) error { return nil }, weft.Traced()))
			app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }).Named("core"))
			wefttest.Serve(t, app).Get("/x").Want(200)
			assert.Equal(t, append(row.want, "GET /x"), c.take().names())
		})
	}
}

// What stands in a stage's place in a test is traced as the stage is.
func TestAStageThatIsReplacedInATestIsTracedAllTheSame(t *testing.T) {
	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(tracing.WithTracerProvider(c.provider)).Observe())
	app.Use(weft.NewMiddleware("audit", pass, weft.Traced()))
	app.Handle("GET /x", answering(weft.Empty()))
	for range 2 { // and an App may be built for several tests
		wefttest.Serve(t, app, wefttest.Replace("audit", weft.MiddlewareFunc(pass))).Get("/x").Want(204)
		assert.Equal(t, []string{"## audit", "GET /x"}, c.take().names())
	}
}

func TestAnErrorIsDescribedOnceOnTheInnermostSpanThatItLeaves(t *testing.T) {
	clean(t)
	const top = "POST /shop/orders/{id}"
	stock := " password123 is out of stock [*errors.errorString] (exception *errors.errorString: password123 is out of stock)"
	for name, row := range map[string]struct {
		opts    []tracing.Option
		product string
		header  string
		status  int
		want    []string
	}{
		"of the handler": {
			[]tracing.Option{tracing.Stages("place order", "around", "interceptor", "group")}, "gold", "", 500,
			[]string{"## place order: ERROR" + stock, "## around: ERROR [*errors.errorString]", "## interceptor: ERROR [*errors.errorString]", "## group: ERROR [*errors.errorString]", top + ": ERROR [*errors.errorString]"},
		},
		"with nobody inside to tell": {
			nil, "gold", "", 500,
			[]string{top + ": ERROR around: password123 is out of stock [*errors.errorString] (exception *errors.errorString: around: password123 is out of stock)"},
		},
		"that a stage recovers from": {
			[]tracing.Option{tracing.Stages("place order", "interceptor", "group")}, "beer", "", 200,
			[]string{"## place order: ERROR the shop is closed [*errors.errorString] (exception *errors.errorString: the shop is closed)", "## interceptor: UNSET", "## group: UNSET", top + ": UNSET"},
		},
		"that is mapped to the client's fault": {
			[]tracing.Option{tracing.Stages("place order", "group")}, "taken", "", 409,
			[]string{"## place order: ERROR conflict [*tracing_test.conflict] (exception *tracing_test.conflict: conflict)", "## group: UNSET [*tracing_test.conflict]", top + ": UNSET"},
		},
		"that is the client's fault": {
			[]tracing.Option{tracing.Stages("place order", "group")}, "unknown", "", 404,
			[]string{"## place order: UNSET [*weft.Error] (exception *weft.Error: 404 Not Found)", "## group: UNSET [*weft.Error]", top + ": UNSET"},
		},
		"that denies": {
			[]tracing.Option{tracing.Stages("log in", "access log")}, "milk", "nobody", 401,
			[]string{"## log in: UNSET [*weft.Denial] (exception *weft.Denial: 401 Unauthorized (unauthenticated))", "## access log: UNSET [*weft.Denial]", top + ": UNSET"},
		},
		"of a guard that could not decide": {
			[]tracing.Option{tracing.Stages("log in")}, "milk", "outage", 500,
			[]string{"## log in: ERROR the shop is closed [*errors.errorString] (exception *errors.errorString: the shop is closed)", top + ": ERROR [*errors.errorString]"},
		},
		"that is a panic": {
			[]tracing.Option{tracing.Stages("place order", "group")}, "bomb", "", 500,
			[]string{"## place order: ERROR panic: boom  [*weft.PanicError] (exception *weft.PanicError: panic: boom )", "## group: ERROR [*weft.PanicError]", top + ": ERROR [*weft.PanicError]"},
		},
		"that is an invalid request": {
			[]tracing.Option{tracing.Stages("extract")}, "", "", 400,
			[]string{"## extract: UNSET [*weft.InvalidRequest] (exception *weft.InvalidRequest: 400 invalid request: body /nonsense: unknown_field)", top + ": UNSET"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			site := traced(t, c, row.opts...)
			var body any = order{Product: row.product}
			if row.product == "" {
				body = map[string]any{"nonsense": 1}
			}
			site.Post("/shop/orders/7", body, wefttest.Header("Authorization", row.header)).Want(row.status)
			assert.Equal(t, row.want, c.take().outcomes())
		})
	}
}

// A stage that recovered has ended the error's way. Where it comes again, it is another one.
func TestAnErrorThatComesAgainIsDescribedAgain(t *testing.T) {
	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(tracing.All(true), tracing.WithTracerProvider(c.provider)).Observe())
	app.Use(
		weft.After("again", func(*weft.Request, weft.Response) weft.Response { return weft.Fail(errClosed) }),
		weft.NewMiddleware("recovers", func(r *weft.Request, next weft.Next) weft.Response { next(r); return weft.Text("fine") }),
	)
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", errClosed }).Named("core"))
	wefttest.Serve(t, app).Get("/x").Want(500)
	closed := ": ERROR the shop is closed [*errors.errorString] (exception *errors.errorString: the shop is closed)"
	assert.Equal(t, []string{"## core" + closed, "## recovers: UNSET", "## again" + closed, "GET /x: ERROR [*errors.errorString]"}, c.take().outcomes())
}

func TestAPanicHasItsStack(t *testing.T) {
	clean(t)
	c := newCollector(t)
	traced(t, c, tracing.Stages("place order")).Post("/shop/orders/7", order{Product: "bomb"}).Want(500)
	event := c.take().of("## place order").Events[0]
	assert.Contains(t, attr(event.Attributes, "exception.stacktrace"), "tracing_test.place(")
}

// A connection that is dropped without an answer is a failure of the request, and every span ends.
func TestAConnectionThatIsDropped(t *testing.T) {
	clean(t)
	c := newCollector(t)
	site := traced(t, c, tracing.All(true))
	_, err := site.Try("POST", "/shop/orders/7", wefttest.JSON(order{Product: "abort"}))
	require.Error(t, err)
	got := c.take()
	assert.Len(t, got.all, 10, "all but respond")
	whole := got.of("POST /shop/orders/{id}")
	assert.Equal(t, tracepb.Status_STATUS_CODE_ERROR, whole.Status.Code)
	assert.Empty(t, attr(whole.Attributes, "http.response.status_code"))
	described := 0
	for _, span := range got.all {
		described += len(span.Events)
	}
	assert.Equal(t, 1, described)
}

func TestARequestThatLeadsNowhere(t *testing.T) {
	clean(t)
	c := newCollector(t)
	site := traced(t, c, tracing.All(true))
	site.Get("/nowhere").Want(404)
	site.Do("BREW", "/shop/orders/7").Want(405)
	site.Get("/shop/nowhere").Want(404)
	got := c.take()
	assert.Equal(t, []string{"GET > ## access log", "GET", "HTTP > ## access log > ## group", "HTTP > ## access log", "HTTP", "GET > ## access log > ## group", "GET > ## access log", "GET"}, got.tree())
	brew := got.of("HTTP")
	assert.Equal(t, "_OTHER", attr(brew.Attributes, "http.request.method"))
	assert.Equal(t, "BREW", attr(brew.Attributes, "http.request.method_original"))
	assert.Empty(t, attr(brew.Attributes, "http.route"))
	assert.Equal(t, tracepb.Status_STATUS_CODE_UNSET, brew.Status.GetCode(), "which the client is to blame for")
}

// Parents come from contexts: requests at the same time do not get into each other's traces.
func TestRequestsAtTheSameTimeHaveTracesOfTheirOwn(t *testing.T) {
	clean(t)
	c := newCollector(t)
	site := traced(t, c, tracing.All(true))
	const requests, spansOfEach = 40, 11
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			site.Post("/shop/orders/7", order{Product: fmt.Sprint(i)}, wefttest.Header("traceparent", fmt.Sprintf("00-%032x-%016x-01", i+1, i+1))).Want(200)
		})
	}
	wg.Wait()
	byTrace := map[string]spans{}
	for _, span := range c.take().all {
		of := byTrace[hexID(span.TraceId)]
		byTrace[hexID(span.TraceId)] = spans{t, append(of.all, span)}
	}
	require.Len(t, byTrace, requests)
	for i := range requests {
		of := byTrace[fmt.Sprintf("%032x", i+1)]
		assert.Len(t, of.all, spansOfEach)
		assert.Equal(t, fmt.Sprint(i), attr(of.of("## place order").Attributes, "Product"))
		assert.Equal(t, fmt.Sprintf("%016x", i+1), hexID(of.of("POST /shop/orders/{id}").ParentSpanId))
		assert.Contains(t, of.tree(), "POST /shop/orders/{id} > ## access log > ## group > ## route > ## extract > ## interceptor > ## around > ## place order")
	}
}

func TestTheParentOfARequest(t *testing.T) {
	clean(t)
	const w3cID, xrayID, span = "4bf92f3577b34da6a3ce929d0e0e4736", "5759e988bd862e3fe1be46a994272793", "00f067aa0ba902b7"
	w3c := wefttest.Header("traceparent", "00-"+w3cID+"-"+span+"-01")
	xray := wefttest.Header("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent="+span+";Sampled=1")
	for name, row := range map[string]struct {
		opts    []tracing.Option
		headers []wefttest.RequestOption
		trace   string
		linked  bool
	}{
		"is in the header of W3C":   {nil, []wefttest.RequestOption{w3c}, w3cID, false},
		"or in that of X-Ray":       {nil, []wefttest.RequestOption{xray}, xrayID, false},
		"W3C first":                 {nil, []wefttest.RequestOption{xray, w3c}, w3cID, false},
		"or where it is looked for": {[]tracing.Option{tracing.WithPropagator(tracing.XRay{})}, []wefttest.RequestOption{xray, w3c}, xrayID, false},
		"and nowhere else":          {[]tracing.Option{tracing.WithPropagator(propagation.TraceContext{})}, []wefttest.RequestOption{xray}, "", false},
		"is a link, of strangers":   {[]tracing.Option{tracing.PublicEndpoint()}, []wefttest.RequestOption{w3c}, "", true},
		"is nobody":                 {nil, nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			traced(t, c, row.opts...).Post("/shop/orders/7", order{Product: "milk"}, row.headers...).Want(200)
			whole := c.take().of("POST /shop/orders/{id}")
			if row.trace != "" {
				assert.Equal(t, row.trace, hexID(whole.TraceId))
				assert.Equal(t, span, hexID(whole.ParentSpanId))
				return
			}
			assert.NotContains(t, []string{w3cID, xrayID}, hexID(whole.TraceId))
			assert.Empty(t, whole.ParentSpanId)
			if row.linked {
				require.Len(t, whole.Links, 1)
				assert.Equal(t, w3cID, hexID(whole.Links[0].TraceId))
			}
		})
	}
}

// A handler of net/http around the server, such as otelhttp, has begun a trace: its span is the parent, and the header is not asked.
func TestASpanInTheContextIsTheParent(t *testing.T) {
	clean(t)
	c := newCollector(t)
	app := weft.New(tracing.New(tracing.WithTracerProvider(c.provider)).Observe())
	shop(app)
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	tracer := c.provider.Tracer("github.com/weft-go/weft/tracing", trace.WithSchemaURL("https://opentelemetry.io/schemas/1.0.0"))
	site := serve(t, http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		ctx, span := tracer.Start(hr.Context(), "outside")
		defer span.End()
		srv.ServeHTTP(w, hr.WithContext(ctx))
	}))
	send(t, "GET", site+"/nowhere", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	assert.EventuallyWithT(t, func(t *assert.CollectT) { assert.Contains(t, c.peek(), "outside") }, waitFor, tick)
	assert.Equal(t, []string{"outside > GET", "outside"}, c.take().tree())
}

func TestNothingIsRecordedThatIsNotSampled(t *testing.T) {
	clean(t)
	for name, provider := range map[string]sdktrace.Sampler{
		"never":                    sdktrace.NeverSample(),
		"because the parent isn't": sdktrace.ParentBased(sdktrace.AlwaysSample()),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t, sdktrace.WithSampler(provider))
			site := traced(t, c, tracing.All(true))
			for _, product := range []string{"milk", "gold"} {
				site.Post("/shop/orders/7", order{Product: product}, wefttest.Header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"))
			}
			assert.Empty(t, c.take().all)
			assert.Empty(t, c.received())
		})
	}
}

// A request that is not sampled asks no sampler for its stages.
func TestTheSamplerIsAskedOnceForARequestThatIsNotSampled(t *testing.T) {
	clean(t)
	var asked counting
	c := newCollector(t, sdktrace.WithSampler(&asked))
	traced(t, c, tracing.All(true)).Post("/shop/orders/7", order{Product: "milk"}).Want(200)
	assert.EqualValues(t, 1, asked.Load())
}

type counting struct{ atomic.Int64 }

func (c *counting) Description() string { return "" }
func (c *counting) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	c.Add(1)
	return sdktrace.NeverSample().ShouldSample(p)
}

// What a service is made with, and work after the request, belong to the request's trace.
func TestTheSpanOfTheRequestIsTheParentOfItsServices(t *testing.T) {
	clean(t)
	c := newCollector(t)
	container := weft.NewContainer(nil)
	weft.PerRequest[*session](container, func(ctx context.Context) *session { return &session{trace.SpanContextFromContext(ctx)} })
	later := make(chan trace.SpanContext, 1)
	app := weft.New(tracing.New(tracing.WithTracerProvider(c.provider), tracing.All(true)).Observe(), weft.WithContainer(container))
	app.Handle("GET /x", weft.HandleFrom(func(s *session, ctx context.Context, _ struct{}) (string, error) {
		return s.span.SpanID().String(), weft.Go(ctx, "later", func(ctx context.Context) error {
			later <- trace.SpanContextFromContext(ctx)
			return nil
		})
	}))
	got := wefttest.Decode[string](wefttest.Serve(t, app).Get("/x").Want(200))
	whole := c.take().of("GET /x")
	assert.Equal(t, hexID(whole.SpanId), got)
	assert.Equal(t, hexID(whole.SpanId), (<-later).SpanID().String())
}

type session struct{ span trace.SpanContext }
