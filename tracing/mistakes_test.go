package tracing_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
)

// wrong says everything about tracing that Build can find out to be wrong. Its lines are in the golden file.
func wrong() *tracing.Tracing {
	return tracing.New(
		tracing.Stages("group", "grup"),
		tracing.Except("nobody", "group"),
		tracing.Annotation("a.b", 1),
		tracing.Annotation("", true),
		tracing.Annotation(strings.Repeat("k", 501), "too long"),
		tracing.Annotation("text", strings.Repeat("x", 1001)),
		tracing.Annotation("number", math.Inf(1)),
		tracing.Service(""),
		tracing.WithTracerProvider(nil),
		tracing.WithMeterProvider(nil),
		tracing.WithPropagator(nil),
		tracing.SpanNames(nil),
		tracing.FlushEach(nil),
		nil,
	)
}

const golden = "testdata/mistakes.txt"

func TestEveryWrongDeclarationIsFound(t *testing.T) {
	clean(t)
	t.Setenv("POWERTOOLS_TRACE_DISABLED", "maybe")
	t.Setenv("POWERTOOLS_TRACE_MIDDLEWARES", "si")
	app := weft.New(wrong().Observe())
	shop(app)
	_, err := app.Plan()
	require.Error(t, err)
	got := strings.ReplaceAll(err.Error(), strings.Repeat("k", 501), "kkk…") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "go test -run %s . -update writes it anew", t.Name())
}

// Off or not, a mistake is one: who switches tracing on in an emergency does not learn of it then.
func TestAMistakeIsFoundWhereTracingIsOff(t *testing.T) {
	clean(t)
	app := weft.New(tracing.New(tracing.Enabled(false), tracing.Stages("grup")).Observe())
	app.Handle("GET /x", answering(weft.Empty()))
	_, err := app.Build(t.Context())
	require.Error(t, err)
	assert.Regexp(t, `^tracing/mistakes_test.go:\d+: no stage is named "grup"; mend the name; there are "core"$`, err.Error())
}
