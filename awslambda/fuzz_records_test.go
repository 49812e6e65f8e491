package awslambda_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// Whatever an event is: the answer is one that its source takes, names records of the event alone, and leaves out none that was not handled.
func FuzzRecords(f *testing.F) {
	for _, event := range mixed("tea", 3) {
		f.Add(event)
	}
	for _, o := range origins() {
		all := []task{{"ok", 0}, {"error", 1}, {"ok", 0}, {"ok", 1}}
		f.Add(o.event(all...))
		for i, poison := range o.poisons {
			f.Add(o.spoil(f, o.event(all...), all, i%4, poison))
		}
	}
	for _, event := range []string{
		`{"Records":[{"eventSource":"aws:sqs"},7,null,[],{"messageId":"a"}]}`, `[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"YQ=="}}]`,
		`{"eventSource":"SelfManagedKafka","records":{"":[{"offset":1}],"-":[{}],"a":[{"offset":-1}],"a-99999999999":[{"offset":0}],"b-1":[]}}`,
		`{"Records":[{"EventSource":"aws:sns","eventSource":"aws:"}]}`, `{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"%"}}}]}`,
		`{"detail-type":"Scheduled Event","source":"aws.scheduler","resources":["/"],"detail":"\ud800"}`, `{"Records":[{"eventSource":"aws:dynamodb","dynamodb":{"NewImage":{"a":{"N":"1e999"}}}}],"window":{}}`,
	} {
		f.Add([]byte(event))
	}
	handled := 0
	app := quiet()
	for _, from := range []*awslambda.EventSource{
		awslambda.SQS("*"), awslambda.SNS("*"), awslambda.Kinesis("*"), awslambda.DynamoDB("*"), awslambda.Kafka("*"), awslambda.S3("*"), awslambda.EventBridge("*", "*"), awslambda.Schedule("*"),
	} {
		app.On(from, weft.Handle(func(_ context.Context, body []byte) (struct{}, error) {
			if len(body)%5 == 1 {
				return struct{}{}, errors.New("it failed")
			}
			handled++
			return struct{}{}, nil
		}).Extract(weft.RawBody()))
	}
	fn, err := awslambda.New(build(f, app))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		handled = 0
		answer, err := fn.Invoke(t.Context(), payload)
		require.Equal(t, before, payload, "the payload is the runtime's")
		if err != nil {
			var e messages.InvokeResponse_Error
			require.True(t, errors.As(err, &e), "the runtime would name it by its Go type: %v", err)
			require.True(t, slices.Contains([]string{"Weft.InvalidEvent", "Weft.UnknownEvent", "Weft.RecordsFailed"}, e.Type), e.Type)
			return
		}
		var members map[string]jsontext.Value
		if json.Unmarshal(answer, &members) == nil && members["statusCode"] != nil {
			return // of HTTP
		}
		if !jsontext.Value(payload).IsValid() {
			return // has names twice, or what is no UTF-8: read in more than one way
		}
		again, err := awslambdatest.SentAgain(payload, answer)
		require.NoError(t, err, "%s", answer)
		all, err := awslambdatest.SentAgain(payload, []byte("no answer"))
		require.Error(t, err)
		require.NotEmpty(t, all)
		require.GreaterOrEqual(t, handled, len(all)-len(again), "%s acknowledges what was not handled", answer)
	})
}
