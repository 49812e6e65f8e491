package tracing_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

// collected are the data points of a metric as "count attributes".
func collected(t *testing.T, reader sdkmetric.Reader, name string) (points []string, unit string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.WithoutCancel(t.Context()), &all))
	list := func(set attribute.Set) string {
		var parts []string
		for _, a := range set.ToSlice() {
			parts = append(parts, fmt.Sprintf("%s=%v", a.Key, a.Value.AsInterface()))
		}
		return strings.Join(parts, " ")
	}
	for _, in := range all.ScopeMetrics {
		for _, m := range in.Metrics {
			if m.Name != name {
				continue
			}
			unit = m.Unit
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					assert.Equal(t, []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}, p.Bounds)
					assert.Positive(t, p.Sum)
					points = append(points, fmt.Sprint(p.Count, " ", list(p.Attributes)))
				}
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					points = append(points, fmt.Sprint(p.Value, " ", list(p.Attributes)))
				}
			}
		}
	}
	slices.Sort(points)
	return points, unit
}

func TestMetricsAreByRouteAndNotByPath(t *testing.T) {
	for name, opts := range map[string][]tracing.Option{"beside spans": nil, "alone": {tracing.Enabled(false), tracing.All(true)}} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			reader := sdkmetric.NewManualReader()
			provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
			c := newCollector(t)
			site := traced(t, c, append(opts, tracing.Metrics(), tracing.WithMeterProvider(provider))...)
			site.Post("/shop/orders/7", order{Product: "milk"}).Want(200)
			site.Post("/shop/orders/8", order{Product: "milk"}).Want(200)
			site.Post("/shop/orders/8", order{Product: "gold"}).Want(500)
			site.Get("/shop/nowhere").Want(404)
			site.Do("BREW", "/shop/orders/7").Want(405)
			_, err := site.Try("POST", "/shop/orders/7", wefttest.JSON(order{Product: "abort"}))
			require.Error(t, err)

			points, unit := collected(t, reader, "http.server.request.duration")
			assert.Equal(t, "s", unit)
			const all = "network.protocol.version=1.1 url.scheme=http"
			assert.Equal(t, []string{
				"1 error.type=*errors.errorString http.request.method=POST http.route=/shop/orders/{id} " + all,
				"1 error.type=500 http.request.method=POST http.response.status_code=500 http.route=/shop/orders/{id} " + all,
				"1 http.request.method=GET http.response.status_code=404 " + all,
				"1 http.request.method=_OTHER http.response.status_code=405 " + all,
				"2 http.request.method=POST http.response.status_code=200 http.route=/shop/orders/{id} " + all,
			}, points)
			points, unit = collected(t, reader, "http.server.active_requests")
			assert.Equal(t, "{request}", unit)
			assert.Equal(t, []string{"0 http.request.method=GET url.scheme=http", "0 http.request.method=POST url.scheme=http", "0 http.request.method=_OTHER url.scheme=http"}, points)
			assert.Equal(t, name == "alone", len(c.take().all) == 0)
		})
	}
}

func TestTheRequestsUnderWayAreCounted(t *testing.T) {
	clean(t)
	reader := sdkmetric.NewManualReader()
	app := weft.New(tracing.New(tracing.Metrics(), tracing.Enabled(false), tracing.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))).Observe())
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) ([]string, error) {
		points, _ := collected(t, reader, "http.server.active_requests")
		return points, nil
	}))
	assert.Equal(t, []string{"1 http.request.method=GET url.scheme=http"}, wefttest.Decode[[]string](wefttest.Serve(t, app).Get("/x")))
}

func TestTheRouteOfAPattern(t *testing.T) {
	clean(t)
	for pattern, row := range map[string]struct{ path, route string }{
		"GET /orders/{id}":      {"/orders/7", "/orders/{id}"},
		"/any/{rest...}":        {"/any/a/b", "/any/{rest...}"},
		"GET /exactly/{$}":      {"/exactly/", "/exactly/"},
		"GET 127.0.0.1/on/host": {"/on/host", "/on/host"},
	} {
		c := newCollector(t)
		app := weft.New(tracing.New(tracing.WithTracerProvider(c.provider)).Observe())
		app.Handle(pattern, answering(weft.Empty()))
		wefttest.Serve(t, app).Get(row.path).Want(http.StatusNoContent)
		assert.Equal(t, row.route, attr(c.take().of("GET "+row.route).Attributes, "http.route"))
	}
}
