package awslambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// What a source sends again is as it is documented for each answer.
func TestWhatIsSentAgain(t *testing.T) {
	type message = awslambdatest.Message
	type rec = awslambdatest.Record
	queue := awslambdatest.SQSBatch("q", message{ID: "a"}, message{ID: "b"}, message{ID: "c"})
	stream := awslambdatest.KinesisBatch("s", rec{}, rec{}, rec{})
	table := awslambdatest.DynamoDBBatch("t", awslambdatest.Change{}, awslambdatest.Change{})
	topic := awslambdatest.KafkaBatch("t", rec{}, rec{}, rec{Partition: 1}, rec{Partition: 1}, rec{})
	all := func(ids ...string) []string { return ids }
	for _, c := range []struct {
		about         string
		event         []byte
		answer        string
		again         []string
		isNothingThat string
	}{
		{"an empty list", queue, `{"batchItemFailures":[]}`, nil, ""},
		{"no list", queue, `{"batchItemFailures":null}`, nil, ""},
		{"nothing", queue, `{}`, nil, ""},
		{"null", queue, `null`, nil, ""},
		{"one", queue, `{"batchItemFailures":[{"itemIdentifier":"b"}]}`, all("b"), ""},
		{"two, in another order", queue, `{"batchItemFailures":[{"itemIdentifier":"c"},{"itemIdentifier":"a"}]}`, all("a", "c"), ""},
		{"of no message", queue, `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"x"}]}`, all("a", "b", "c"), `"x" is of no record`},
		{"empty", queue, `{"batchItemFailures":[{"itemIdentifier":""}]}`, all("a", "b", "c"), "is empty, or no text"},
		{"null in place of a name", queue, `{"batchItemFailures":[{"itemIdentifier":null}]}`, all("a", "b", "c"), "is empty, or no text"},
		{"by another name", queue, `{"batchItemFailures":[{"id":"a"}]}`, all("a", "b", "c"), "is empty, or no text"},
		{"with more than the name", queue, `{"batchItemFailures":[{"itemIdentifier":"a","why":1}]}`, all("a", "b", "c"), "there is something"},
		{"a list of texts", queue, `{"batchItemFailures":["a"]}`, all("a", "b", "c"), "no list of objects"},
		{"a member by another name", queue, `{"failures":["a"]}`, nil, `"failures" is read by nobody`},
		{"a member more", queue, `{"batchItemFailures":[{"itemIdentifier":"b"}],"x":1}`, all("b"), `"x" is read by nobody`},
		{"no object", queue, `7`, all("a", "b", "c"), "no object"},
		{"no JSON", queue, `{`, all("a", "b", "c"), "no JSON"},
		{"a shard from the lowest on", stream, `{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`, all("2", "3"), ""},
		{"a shard, nothing", stream, `{"batchItemFailures":[]}`, nil, ""},
		{"a table", table, `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, all("1", "2"), ""},
		{"each partition from there on", topic, `{"batchItemFailures":[{"itemIdentifier":{"partition":"t-0","offset":1}}]}`, all("t-0/1", "t-0/2"), ""},
		{"two partitions", topic, `{"batchItemFailures":[{"itemIdentifier":{"partition":"t-1","offset":0}},{"itemIdentifier":{"partition":"t-0","offset":2}}]}`, all("t-0/2", "t-1/0", "t-1/1"), ""},
		{"no such offset", topic, `{"batchItemFailures":[{"itemIdentifier":{"partition":"t-1","offset":2}}]}`, all("t-0/0", "t-0/1", "t-0/2", "t-1/0", "t-1/1"), "is of no record"},
		{"a text in place of a partition", topic, `{"batchItemFailures":[{"itemIdentifier":"t-1"}]}`, all("t-0/0", "t-0/1", "t-0/2", "t-1/0", "t-1/1"), "is none of Kafka"},
		{"a partition without an offset", topic, `{"batchItemFailures":[{"itemIdentifier":{"partition":"t-1"}}]}`, all("t-0/0", "t-0/1", "t-0/2", "t-1/0", "t-1/1"), "is none of Kafka"},
		{"what nobody reads", awslambdatest.SNSEvent("t", message{}), `{"batchItemFailures":[{"itemIdentifier":"x"}]}`, nil, ""},
	} {
		again, err := awslambdatest.SentAgain(c.event, []byte(c.answer))
		assert.Equal(t, c.again, again, c.about)
		if c.isNothingThat == "" {
			assert.NoError(t, err, c.about)
		} else {
			assert.ErrorContains(t, err, c.isNothingThat, c.about)
		}
	}
	for _, event := range []string{"", "{}", "[]", "7", `{"Records":[]}`, `{"records":{}}`} {
		_, err := awslambdatest.SentAgain([]byte(event), []byte("null"))
		assert.Error(t, err, event)
	}
}

// watched is a test that may fail.
type watched struct {
	testing.TB
	failure string
}

func (*watched) Helper()                    {}
func (w *watched) Context() context.Context { return w.TB.Context() }
func (w *watched) Fatalf(format string, args ...any) {
	w.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failing is Failed of a test that may fail, with how it has.
func failing(t *testing.T, srv *weft.Server, event []byte, opts ...awslambda.Option) (failed []string, failure string) {
	t.Helper()
	w := &watched{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		failed = awslambdatest.Failed(w, srv, event, opts...)
	}()
	<-done
	return failed, w.failure
}

func TestFailed(t *testing.T) {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	take := weft.Handle(func(_ context.Context, n int) (struct{}, error) {
		if n < 0 {
			return struct{}{}, errors.New("negative")
		}
		return struct{}{}, nil
	})
	app.On(awslambda.SQS("partly"), take)
	app.On(awslambda.SQS("whole", awslambda.WholeBatch()), take)
	for _, from := range []*awslambda.EventSource{awslambda.SNS("topic"), awslambda.S3("bucket"), awslambda.EventBridge("shop", "Sold"), awslambda.Kafka("topic"), awslambda.Kinesis("stream")} {
		app.On(from, take)
	}
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	type message = awslambdatest.Message
	type rec = awslambdatest.Record
	for _, c := range []struct {
		event []byte
		again []string
	}{
		{awslambdatest.SQSBatch("partly", message{Body: 1}, message{Body: 2}), nil},
		{awslambdatest.SQSBatch("partly", message{Body: 1}, message{Body: -2}), []string{"message-2"}},
		{awslambdatest.SQSBatch("whole", message{Body: 1}, message{Body: -2}), []string{"message-1", "message-2"}},
		{awslambdatest.SNSEvent("topic", message{ID: "m", Body: 1}), nil},
		{awslambdatest.SNSEvent("topic", message{ID: "m", Body: -1}), []string{"m"}},
		{awslambdatest.S3Event("bucket", awslambdatest.Object{Key: "a b"}), []string{"a b"}},
		{awslambdatest.EventBridgeEvent("shop", "Sold", -1), []string{"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa"}},
		{awslambdatest.KinesisBatch("stream", rec{Data: 1}, rec{Data: -1}, rec{Data: 1}), []string{"2", "3"}},
		{awslambdatest.KafkaBatch("topic", rec{Data: 1}, rec{Data: -1}, rec{Data: 1}, rec{Partition: 1, Data: 1}), []string{"topic-0/1", "topic-0/2"}},
	} {
		assert.Equal(t, c.again, awslambdatest.Failed(t, srv, c.event), string(c.event))
	}
	_, failure := failing(t, srv, awslambdatest.SQSBatch("other", message{}))
	assert.Contains(t, failure, `the invocation failed: Weft.UnknownEvent: there is no route for the event: declare one with App.On(awslambda.SQS("other"), …)`)
	app = weft.New()
	app.On(awslambda.Direct("*"), weft.Handle(func(context.Context, any) (string, error) { return "x", nil }))
	direct, err := app.Build(t.Context())
	require.NoError(t, err)
	_, failure = failing(t, direct, []byte(`{}`))
	assert.Equal(t, `the answer "x": it is of no source that sends records`, failure)
	_, failure = failing(t, srv, []byte(`{`))
	assert.Contains(t, failure, "Weft.InvalidEvent")
	_, failure = failing(t, srv, awslambdatest.SQSBatch("partly", message{}), awslambda.DirectMember(""))
	assert.Contains(t, failure, `DirectMember("")`)
}
