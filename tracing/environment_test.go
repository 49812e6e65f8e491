package tracing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
	"github.com/weft-go/weft/wefttest"
)

// behaviour is what one can see of the switches: which spans there are, and what they tell.
type behaviour struct {
	on, stages, errors, responses bool
	service                       string
}

func (b behaviour) String() string {
	if !b.on {
		return "off"
	}
	return fmt.Sprintf("stages %t, errors %t, responses %t, service %q", b.stages, b.errors, b.responses, b.service)
}

// seen finds out how a shop behaves whose handler has a span.
func seen(t *testing.T, opts []tracing.Option) (b behaviour) {
	t.Helper()
	c := newCollector(t)
	site := traced(t, c, append([]tracing.Option{tracing.Stages("place order")}, opts...)...)
	site.Post("/shop/orders/7", order{Product: "milk"}).Want(200)
	good := c.take()
	if len(good.all) == 0 {
		return b
	}
	b.on, b.stages = true, slices.Contains(good.names(), "## group")
	whole := good.of("POST /shop/orders/{id}")
	b.service = attr(whole.Attributes, "Service")
	for _, a := range whole.Attributes {
		if strings.HasPrefix(a.Key, "aws.xray.metadata.") {
			b.responses = a.Value.GetStringValue() == `{"place order response":{"product":"milk"}}`
			assert.True(t, b.responses, a.Value)
			namespace := "aws.xray.metadata.default"
			if b.service != "" {
				namespace = "aws.xray.metadata." + b.service
			}
			assert.Equal(t, namespace, a.Key)
		}
	}
	site.Post("/shop/orders/7", order{Product: "gold"})
	b.errors = len(c.take().of("## place order").Events) == 1
	return b
}

// A switch is what an option says, else what the environment says, else its default; and the environment is only asked where no option has said anything.
func TestTheSwitches(t *testing.T) {
	usual := behaviour{on: true, errors: true, responses: true}
	with := func(change func(*behaviour)) behaviour {
		b := usual
		change(&b)
		return b
	}
	off := behaviour{}
	stages := with(func(b *behaviour) { b.stages = true })
	noErrors := with(func(b *behaviour) { b.errors = false })
	noResponses := with(func(b *behaviour) { b.responses = false })
	named := func(name string) behaviour { return with(func(b *behaviour) { b.service = name }) }
	type env = map[string]string
	const (
		disabled = "POWERTOOLS_TRACE_DISABLED"
		all      = "POWERTOOLS_TRACE_MIDDLEWARES"
		errs     = "POWERTOOLS_TRACER_CAPTURE_ERROR"
		resps    = "POWERTOOLS_TRACER_CAPTURE_RESPONSE"
		service  = "POWERTOOLS_SERVICE_NAME"
	)
	option := func(opts ...tracing.Option) []tracing.Option { return opts }
	rows := []struct {
		env  env
		opts []tracing.Option
		want behaviour
	}{
		{nil, nil, usual},

		{env{disabled: "true"}, nil, off},
		{env{disabled: "false"}, nil, usual},
		{env{disabled: "true"}, option(tracing.Enabled(true)), usual},
		{env{disabled: "false"}, option(tracing.Enabled(false)), off},
		{env{disabled: "maybe"}, option(tracing.Enabled(true)), usual},
		{nil, option(tracing.Enabled(false)), off},
		{nil, option(tracing.Enabled(false), tracing.All(true)), off},
		{env{"AWS_SAM_LOCAL": "true"}, nil, off},
		{env{"AWS_SAM_LOCAL": "true"}, option(tracing.Enabled(true)), usual},
		{env{"AWS_SAM_LOCAL": "true", disabled: "false"}, nil, off},
		{env{"AWS_CHALICE_CLI_MODE": "true"}, nil, off},
		{env{"AWS_CHALICE_CLI_MODE": "true"}, option(tracing.Enabled(true)), usual},

		{env{all: "true"}, nil, stages},
		{env{all: "false"}, nil, usual},
		{env{all: "true"}, option(tracing.All(false)), usual},
		{env{all: "false"}, option(tracing.All(true)), stages},
		{env{all: "maybe"}, option(tracing.All(true)), stages},
		{nil, option(tracing.All(true)), stages},
		{env{all: "true"}, option(tracing.Except("group")), usual},
		{env{all: "true", disabled: "true"}, nil, off},

		{env{errs: "false"}, nil, noErrors},
		{env{errs: "true"}, nil, usual},
		{env{errs: "false"}, option(tracing.CaptureErrors(true)), usual},
		{env{errs: "true"}, option(tracing.CaptureErrors(false)), noErrors},
		{env{errs: "maybe"}, option(tracing.CaptureErrors(false)), noErrors},
		{nil, option(tracing.CaptureErrors(false)), noErrors},

		{env{resps: "false"}, nil, noResponses},
		{env{resps: "true"}, nil, usual},
		{env{resps: "false"}, option(tracing.CaptureResponses(true)), usual},
		{env{resps: "true"}, option(tracing.CaptureResponses(false)), noResponses},
		{env{resps: "maybe"}, option(tracing.CaptureResponses(false)), noResponses},
		{nil, option(tracing.CaptureResponses(false)), noResponses},

		{env{service: "shop"}, nil, named("shop")},
		{env{"OTEL_SERVICE_NAME": "shop"}, nil, named("shop")},
		{env{service: "shop", "OTEL_SERVICE_NAME": "other"}, nil, named("shop")},
		{env{service: "shop"}, option(tracing.Service("orders")), named("orders")},
		{nil, option(tracing.Service("orders")), named("orders")},
	}
	for yes, on := range map[string]bool{"1": true, "y": true, "YES": true, "t": true, "True": true, "on": true, "0": false, "n": false, "No": false, "f": false, "FALSE": false, "off": false} {
		want := usual
		want.stages = on
		rows = append(rows, struct {
			env  env
			opts []tracing.Option
			want behaviour
		}{env{all: yes}, nil, want})
	}
	for _, row := range rows {
		t.Run(fmt.Sprintf("%v and %d options is %v", row.env, len(row.opts), row.want), func(t *testing.T) {
			clean(t)
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			assert.Equal(t, row.want.String(), seen(t, row.opts).String())
		})
	}
}

func TestAVariableThatIsNeitherYesNorNoIsAnErrorOfBuild(t *testing.T) {
	for _, name := range []string{"POWERTOOLS_TRACE_DISABLED", "POWERTOOLS_TRACE_MIDDLEWARES", "POWERTOOLS_TRACER_CAPTURE_ERROR", "POWERTOOLS_TRACER_CAPTURE_RESPONSE"} {
		for _, off := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, tracing off %t", name, off), func(t *testing.T) {
				clean(t)
				t.Setenv(name, "maybe")
				var opts []tracing.Option
				if off && name != "POWERTOOLS_TRACE_DISABLED" {
					opts = append(opts, tracing.Enabled(false))
				}
				app := weft.New(tracing.New(opts...).Observe())
				shop(app)
				_, err := app.Build(t.Context())
				require.Error(t, err)
				assert.Regexp(t, `^tracing/environment_test.go:\d+: the variable `+name+` of the environment is "maybe", which is neither yes nor no; set it to true or false, or take it out$`, err.Error())
			})
		}
	}
}

// Redaction is about everything that leaves the process, not about one attribute: what is looked at are the bytes that the collector got.
func TestWhatIsNotToBeCapturedLeavesInNoForm(t *testing.T) {
	clean(t)
	const secret = "password123"
	run := func(opts ...tracing.Option) string {
		c := newCollector(t)
		site := traced(t, c, append(opts, tracing.All(true))...)
		site.Post("/shop/orders/7", order{Product: "gold"}).Want(500)
		site.Post("/shop/orders/7", order{Product: "bomb", Secret: secret}).Want(500)
		site.Post("/shop/orders/7", order{Product: "milk", Secret: secret}).Want(200)
		assert.Len(t, c.take().all, 10+10+11)
		return c.received()
	}
	assert.Contains(t, run(), secret)
	assert.Contains(t, run(tracing.CaptureResponses(false)), secret, "in the errors")
	assert.Contains(t, run(tracing.CaptureErrors(false)), secret, "in the response")
	redacted := run(tracing.CaptureErrors(false), tracing.CaptureResponses(false))
	for _, part := range []string{secret, "out of stock", "boom", "goroutine", "support_test.go:\n"} {
		assert.NotContains(t, redacted, part)
	}
	assert.Contains(t, redacted, "*weft.PanicError", "the type is left")
}

func TestWhichResponsesAreCaptured(t *testing.T) {
	clean(t)
	large := strings.Repeat("x", 9000)
	for name, row := range map[string]struct {
		answer weft.Response
		opts   []tracing.Option
		want   string
	}{
		"JSON":                        {weft.JSON(order{Product: "milk"}), nil, `{"core response":{"product":"milk"}}`},
		"problem details":             {weft.JSON(1).WithHeader("Content-Type", "application/problem+json"), nil, `{"core response":1}`},
		"text":                        {weft.Text("fine \"so\""), nil, `{"core response":"fine \"so\""}`},
		"JSON that is none":           {weft.Bytes("application/json", []byte("{")), nil, `{"core response":"{"}`},
		"neither":                     {weft.Bytes("image/png", []byte("xyz")), nil, ""},
		"no UTF-8":                    {weft.Bytes("text/plain", []byte{0xff}), nil, ""},
		"none":                        {weft.Empty(), nil, ""},
		"more than 8 KiB":             {weft.Text(large), nil, `{"core response":"9000 bytes, left out"}`},
		"a failure, called a success": {weft.Fail(errStock).WithStatus(200), nil, ""},
		"a failure":                   {weft.Text("no").WithStatus(409), nil, ""},
		"of a handler without a span": {weft.Text("fine"), []tracing.Option{tracing.Except("core")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			app := weft.New(tracing.New(append(row.opts, tracing.All(true), tracing.WithTracerProvider(c.provider))...).Observe())
			app.Handle("GET /x", answering(row.answer))
			wefttest.Serve(t, app).Get("/x")
			assert.Equal(t, row.want, attr(c.take().of("GET /x").Attributes, "aws.xray.metadata.default"))
		})
	}
}
