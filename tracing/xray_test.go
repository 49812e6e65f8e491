package tracing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft/tracing"
)

// The field is read and written as OpenTelemetry's own propagator does, where that reads what AWS documents.
func TestTheFieldOfXRay(t *testing.T) {
	const root, parent = "Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8"
	for field, row := range map[string]struct{ valid, sampled, unlike bool }{
		root + ";" + parent + ";Sampled=1":                               {valid: true, sampled: true},
		root + ";" + parent + ";Sampled=0":                               {valid: true},
		root + ";" + parent + ";Sampled=?":                               {valid: true},
		root + ";" + parent:                                              {valid: true},
		parent + ";" + root + ";Sampled=1":                               {valid: true, sampled: true},
		"Self=1-67891234-12456789abcdef012345678;" + root + ";" + parent: {valid: true},
		root + ";" + parent + ";Sampled=1;Lineage=a87bd80c:0|68fd508a:5": {valid: true, sampled: true},
		root + "; " + parent + "; Sampled=1":                             {valid: true, sampled: true, unlike: true}, // the spaces are allowed
		root:                                                             {},
		parent:                                                           {},
		"":                                                               {},
		";":                                                              {},
		"Root=1-5759e988-bd862e3fe1be46a99427279;" + parent:       {},
		"Root=1-5759e988-bd862e3fe1be46a9942727933;" + parent:     {},
		"Root=2-5759e988-bd862e3fe1be46a994272793;" + parent:      {},
		"Root=1-5759e98-8bd862e3fe1be46a994272793;" + parent:      {},
		"Root=1-5759e988-bd862e3fe1be46a99427279x;" + parent:      {},
		"Root=1-00000000-000000000000000000000000;" + parent:      {},
		root + ";Parent=53995c3f42cd8ad":                          {},
		root + ";Parent=53995c3f42cd8adx":                         {},
		root + ";Parent=0000000000000000":                         {},
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": {},
		root + ";" + parent + ";Sampled=1;" + "Root=1-broken":     {},
	} {
		t.Run(field, func(t *testing.T) {
			from := propagation.MapCarrier{"X-Amzn-Trace-Id": field}
			got := trace.SpanContextFromContext(tracing.XRay{}.Extract(context.Background(), from))
			assert.Equal(t, row.valid, got.IsValid())
			assert.Equal(t, row.sampled, got.IsSampled())
			assert.Equal(t, row.valid, got.IsRemote())
			if row.unlike {
				return
			}
			theirs := trace.SpanContextFromContext(xray.Propagator{}.Extract(context.Background(), from))
			assert.Equal(t, theirs, got)
			into, intoTheirs := propagation.MapCarrier{}, propagation.MapCarrier{}
			ctx := trace.ContextWithSpanContext(context.Background(), got)
			tracing.XRay{}.Inject(ctx, into)
			xray.Propagator{}.Inject(ctx, intoTheirs)
			assert.Equal(t, intoTheirs, into)
		})
	}
	assert.Equal(t, xray.Propagator{}.Fields(), tracing.XRay{}.Fields())
}
