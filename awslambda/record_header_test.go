package awslambda_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// requests are what the records of an event become.
func requests(t testing.TB, event []byte) (all []*http.Request) {
	t.Helper()
	app := quiet()
	app.Use(weft.NewMiddleware("look", func(r *weft.Request, next weft.Next) weft.Response {
		all = append(all, r.HTTP())
		return next(r)
	}))
	for _, from := range []*awslambda.EventSource{awslambda.SQS("*"), awslambda.SNS("*"), awslambda.Kinesis("*"), awslambda.DynamoDB("*"), awslambda.Kafka("*"), awslambda.S3("*"), awslambda.EventBridge("*", "*"), awslambda.Schedule("*"), awslambda.Direct("*")} {
		app.On(from, weft.Handle(func(context.Context, []byte) (struct{}, error) { return struct{}{}, nil }).Extract(weft.RawBody()))
	}
	_, err := awslambda.Handle(t.Context(), build(t, app), event)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// hostile are attributes that are no header of a record: about a connection, about the body of HTTP, about what only HTTP has, or no field at all.
var hostile = map[string]string{
	"Host": "evil.example.com", "host": "evil.example.com", "Content-Length": "1", "content-length": "99", "Content-Encoding": "gzip", "Transfer-Encoding": "chunked",
	"Connection": "close", "Expect": "100-continue", "Trailer": "X", "Cookie": "a=1", "cookie": "a=1",
	"A B": "1", "": "1", "A:": "1", "A\r\nB": "1", "Ä": "1", "X-Line": "a\r\nB: c", "X-Feed": "a\nb", "X-Return": "a\rb", "X-Zero": "a\x00b", "X-Delete": "a\x7f",
}

// Attributes of messages and headers of records are header fields, where they can be.
func TestAttributesAreHeaderFields(t *testing.T) {
	attributes := map[string]string{"Tenant": "acme", "x-trace": "1", "X-Text": "tea & ü", "Empty": ""}
	for name, value := range hostile {
		attributes[name] = value
	}
	body := anyObject{"id": 7}
	for name, event := range map[string][]byte{
		"SQS":   awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: body, Attributes: attributes}),
		"SNS":   awslambdatest.SNSEvent("news", awslambdatest.Message{Body: body, Attributes: attributes}),
		"Kafka": awslambdatest.KafkaBatch("orders", awslambdatest.Record{Data: body, Header: attributes}),
	} {
		hr := requests(t, event)[0]
		want := http.Header{"Tenant": {"acme"}, "X-Trace": {"1"}, "X-Text": {"tea & ü"}, "Empty": {""}}
		if name == "SQS" {
			delete(want, "Empty") // a message has no empty attributes
		}
		assert.Equal(t, want, hr.Header, name)
		assert.NotEqual(t, "evil.example.com", hr.Host)
		assert.EqualValues(t, len(`{"id":7}`), hr.ContentLength)
		assert.Empty(t, hr.TransferEncoding)
		assert.False(t, hr.Close)
		assert.Empty(t, hr.Cookies())
	}
}

// Of a type, a binary value, a list: what is no text is no header field.
func TestAttributesThatAreNoTexts(t *testing.T) {
	event := string(awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: "x", Attributes: map[string]string{"A": "1"}}))
	withNumber := strings.ReplaceAll(event, `"dataType":"String"`, `"dataType":"Number.int"`)
	assert.Equal(t, http.Header{"A": {"1"}}, requests(t, []byte(withNumber))[0].Header)
	withBinary := strings.ReplaceAll(strings.ReplaceAll(event, `"dataType":"String"`, `"dataType":"Binary"`), `"stringValue":"1"`, `"binaryValue":"AQI="`)
	assert.Empty(t, requests(t, []byte(withBinary))[0].Header)
	note := string(awslambdatest.SNSEvent("news", awslambdatest.Message{Body: "x", Attributes: map[string]string{"A": "[1]"}}))
	assert.Empty(t, requests(t, []byte(strings.ReplaceAll(note, `"Type":"String"`, `"Type":"String.Array"`)))[0].Header)
	assert.Empty(t, requests(t, []byte(strings.ReplaceAll(note, `"Type":"String"`, `"Type":"Binary"`)))[0].Header)
	assert.Len(t, requests(t, []byte(strings.ReplaceAll(note, `"Type":"String"`, `"Type":"Number"`)))[0].Header, 1)
}

// Names that are one as header fields are in the same order every time.
func TestAttributesWhoseNamesAreOne(t *testing.T) {
	message := awslambdatest.Message{Body: "x", Attributes: map[string]string{"tenant": "c", "Tenant": "b", "TENANT": "a"}}
	for range 20 {
		assert.Equal(t, []string{"a", "b", "c"}, requests(t, awslambdatest.SQSBatch("orders", message))[0].Header["Tenant"])
		assert.Equal(t, []string{"a", "b", "c"}, requests(t, awslambdatest.SNSEvent("orders", message))[0].Header["Tenant"])
	}
}

// upper is JSON in capitals.
type upper struct{}

func (upper) MediaTypes() []string         { return []string{"application/x-upper"} }
func (upper) Encode(v any) ([]byte, error) { return json.Marshal(v) }
func (upper) Decode(body []byte, into any) error {
	return json.Unmarshal([]byte(strings.ToLower(string(body))), into)
}

// A Content-Type chooses what the body is read as; without one it is JSON.
func TestContentTypeOfRecords(t *testing.T) {
	app := quiet(weft.WithFormats(weft.Formats{Codecs: []weft.MediaCodec{upper{}}}))
	take := weft.Handle(func(_ context.Context, in Order) (Order, error) { return in, nil })
	app.On(awslambda.SQS("orders"), take)
	app.On(awslambda.Kafka("orders"), take)
	app.On(awslambda.SNS("orders"), take)
	srv := build(t, app)
	for _, c := range []struct {
		contentType, body string
		fails             bool
	}{
		{"", `{"id":7,"product":"tea"}`, false},
		{"application/json", `{"id":7,"product":"tea"}`, false},
		{"application/vnd.shop+json", `{"id":7,"product":"tea"}`, false},
		{"application/x-upper", `{"ID":7,"PRODUCT":"TEA"}`, false},
		{"", `{"ID":7,"PRODUCT":"TEA"}`, true},
		{"application/xml", `<order/>`, true},
		{"no media type at all;;", `{"id":7}`, true},
	} {
		header := map[string]string{}
		if c.contentType != "" {
			header["content-type"] = c.contentType
		}
		message := awslambdatest.Message{Body: c.body, Attributes: header}
		for _, event := range [][]byte{awslambdatest.SQSBatch("orders", message), awslambdatest.KafkaBatch("orders", awslambdatest.Record{Data: c.body, Header: header}), awslambdatest.SNSEvent("orders", message)} {
			assert.Equal(t, c.fails, len(awslambdatest.Failed(t, srv, event)) > 0, "%s %s", c.contentType, c.body)
		}
	}
}

// The trace is that of the message's sender, where there is one, else the invocation's.
func TestTraceOfRecords(t *testing.T) {
	app := quiet()
	var traces []string
	app.On(awslambda.SQS("orders"), weft.Handle(func(_ context.Context, in struct {
		Trace string `header:"X-Amzn-Trace-Id"`
	}) (string, error) {
		traces = append(traces, in.Trace)
		return "", nil
	}))
	f, err := awslambda.New(build(t, app))
	require.NoError(t, err)
	//lint:ignore SA1029 the key is the runtime's
	ctx := context.WithValue(t.Context(), "x-amzn-trace-id", "Root=of-the-invocation")
	type message = awslambdatest.Message
	_, err = f.Invoke(ctx, awslambdatest.SQSBatch("orders",
		message{TraceID: "Root=of-the-sender"}, message{}, message{TraceID: "a\r\nB: c"}, message{Attributes: map[string]string{"X-Amzn-Trace-Id": "Root=of-an-attribute"}},
		message{TraceID: "Root=of-the-sender", Attributes: map[string]string{"X-Amzn-Trace-Id": "Root=of-an-attribute"}}))
	require.NoError(t, err)
	assert.Equal(t, []string{"Root=of-the-sender", "Root=of-the-invocation", "Root=of-the-invocation", "Root=of-an-attribute", "Root=of-the-sender"}, traces)
}
