package awslambdatest_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// strictly decodes an event by a type of others, which has to know every member.
func strictly[T any](t *testing.T, event []byte) T {
	t.Helper()
	var into T
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&into), string(event))
	return into
}

// The events have the members that AWS documents, with values of their types: those of aws-lambda-go take them.
func TestEventsAreAsAWSSendsThem(t *testing.T) {
	message := awslambdatest.Message{Body: map[string]int{"id": 7}, Attributes: map[string]string{"Tenant": "acme"}, Group: "a", Receives: 3, TraceID: "Root=1-1", Subject: "s"}

	queue := strictly[events.SQSEvent](t, awslambdatest.SQSBatch("orders.fifo", message, awslambdatest.Message{ID: "m", Body: "text"}))
	m := queue.Records[0]
	assert.Equal(t, []string{"message-1", `{"id":7}`, "arn:aws:sqs:eu-west-1:123456789012:orders.fifo", "a", "3", "Root=1-1", "acme"},
		[]string{m.MessageId, m.Body, m.EventSourceARN, m.Attributes["MessageGroupId"], m.Attributes["ApproximateReceiveCount"], m.Attributes["AWSTraceHeader"], *m.MessageAttributes["Tenant"].StringValue})
	assert.Equal(t, "m", queue.Records[1].MessageId)
	assert.Equal(t, "text", queue.Records[1].Body)
	standard := strictly[events.SQSEvent](t, awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: []byte("b")})).Records[0]
	assert.NotContains(t, standard.Attributes, "MessageGroupId")
	assert.Equal(t, "92eb5ffee6ae2fec3ad71c777531578f", standard.Md5OfBody)

	topic := strictly[events.SNSEvent](t, awslambdatest.SNSEvent("news", message)).Records[0]
	assert.Equal(t, []any{"arn:aws:sns:eu-west-1:123456789012:news", `{"id":7}`, "s", "2026-01-01T00:00:00Z"},
		[]any{topic.SNS.TopicArn, topic.SNS.Message, topic.SNS.Subject, topic.SNS.Timestamp.Format("2006-01-02T15:04:05Z07:00")})
	assert.Equal(t, map[string]any{"Type": "String", "Value": "acme"}, topic.SNS.MessageAttributes["Tenant"])

	stream := strictly[events.KinesisEvent](t, awslambdatest.KinesisBatch("clicks", awslambdatest.Record{Data: "one"}, awslambdatest.Record{Key: "k", Data: []byte{0, 255}}))
	assert.Equal(t, []any{"1", "key", []byte("one")}, []any{stream.Records[0].Kinesis.SequenceNumber, stream.Records[0].Kinesis.PartitionKey, stream.Records[0].Kinesis.Data})
	assert.Equal(t, []any{"2", "k", []byte{0, 255}, "shardId-000000000006:2"}, []any{stream.Records[1].Kinesis.SequenceNumber, stream.Records[1].Kinesis.PartitionKey, stream.Records[1].Kinesis.Data, stream.Records[1].EventID})

	topics := strictly[events.KafkaEvent](t, awslambdatest.KafkaBatch("orders", awslambdatest.Record{Data: "a", Key: "k", Header: map[string]string{"H": "\xe9"}}, awslambdatest.Record{Partition: 3}, awslambdatest.Record{Data: "b"}))
	assert.Len(t, topics.Records["orders-0"], 2)
	first := topics.Records["orders-0"][0]
	assert.Equal(t, []any{"orders", int64(0), int64(0), "aw==", "YQ=="}, []any{first.Topic, first.Partition, first.Offset, first.Key, first.Value})
	assert.Equal(t, []map[string]events.JSONNumberBytes{{"H": {0xe9}}}, first.Headers)
	assert.EqualValues(t, 1, topics.Records["orders-0"][1].Offset)
	assert.Equal(t, []any{int64(3), int64(0), ""}, []any{topics.Records["orders-3"][0].Partition, topics.Records["orders-3"][0].Offset, topics.Records["orders-3"][0].Value})

	bus := strictly[events.CloudWatchEvent](t, awslambdatest.EventBridgeEvent("shop", "Order Placed", map[string]int{"id": 7}))
	assert.Equal(t, []string{"shop", "Order Placed", `{"id":7}`}, []string{bus.Source, bus.DetailType, string(bus.Detail)})
	rule := strictly[events.CloudWatchEvent](t, awslambdatest.ScheduledEvent("nightly"))
	assert.Equal(t, []any{"aws.events", "Scheduled Event", "{}", []string{"arn:aws:events:eu-west-1:123456789012:rule/nightly"}}, []any{rule.Source, rule.DetailType, string(rule.Detail), rule.Resources})
	schedule := strictly[events.CloudWatchEvent](t, awslambdatest.SchedulerEvent("nightly"))
	assert.Equal(t, []any{"aws.scheduler", `"{}"`, []string{"arn:aws:scheduler:eu-west-1:123456789012:schedule/default/nightly"}}, []any{schedule.Source, string(schedule.Detail), schedule.Resources})

	bucket := strictly[events.S3Event](t, awslambdatest.S3Event("uploads", awslambdatest.Object{Key: "a b/ü+.jpg", Size: 7, VersionID: "v"}, awslambdatest.Object{Key: "x", Event: "ObjectRemoved:Delete"}))
	assert.Equal(t, []any{"a+b/%C3%BC%2B.jpg", "a b/ü+.jpg", int64(7), "v", "ObjectCreated:Put"},
		[]any{bucket.Records[0].S3.Object.Key, bucket.Records[0].S3.Object.URLDecodedKey, bucket.Records[0].S3.Object.Size, bucket.Records[0].S3.Object.VersionID, bucket.Records[0].EventName})
	assert.Equal(t, "ObjectRemoved:Delete", bucket.Records[1].EventName)
}

func TestItemsOfDynamoDB(t *testing.T) {
	type item struct {
		ID    int            `json:"id"`
		Price float64        `json:"price"`
		Name  string         `json:"name"`
		Sold  bool           `json:"sold"`
		Tags  []any          `json:"tags"`
		Of    map[string]any `json:"of"`
		None  *int           `json:"none"`
	}
	table := strictly[events.DynamoDBEvent](t, awslambdatest.DynamoDBBatch("orders",
		awslambdatest.Change{Keys: map[string]int{"id": 7}, New: item{7, 1.5, "tea", true, []any{"a", 1}, map[string]any{"x": 12345678901234567}, nil}},
		awslambdatest.Change{Old: json.RawMessage(`{"tags":{"SS":["a"]}}`), New: map[string]any{}},
		awslambdatest.Change{Old: item{}, Expired: true},
	)).Records
	image := table[0].Change.NewImage
	assert.Equal(t, []string{"INSERT", "MODIFY", "REMOVE"}, []string{table[0].EventName, table[1].EventName, table[2].EventName})
	assert.Equal(t, "7", table[0].Change.Keys["id"].Number())
	assert.Equal(t, []any{"7", "1.5", "tea", true, "1", "12345678901234567", true},
		[]any{image["id"].Number(), image["price"].Number(), image["name"].String(), image["sold"].Boolean(), image["tags"].List()[1].Number(), image["of"].Map()["x"].Number(), image["none"].IsNull()})
	assert.Equal(t, []string{"a"}, table[1].Change.OldImage["tags"].StringSet())
	assert.Equal(t, "dynamodb.amazonaws.com", table[2].UserIdentity.PrincipalID)
	assert.Equal(t, "3", table[2].Change.SequenceNumber)
	for want, mistake := range map[string]func(){
		"awslambdatest: an item of DynamoDB is a JSON object: ": func() { awslambdatest.DynamoDBBatch("orders", awslambdatest.Change{New: 7}) },
		"awslambdatest: a value that is no JSON: ":              func() { awslambdatest.SQSBatch("q", awslambdatest.Message{Body: func() {}}) },
	} {
		func() {
			defer func() { assert.Contains(t, recover(), want) }()
			mistake()
		}()
	}
}
