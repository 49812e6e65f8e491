package awslambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// samplesDir is where aws-lambda-go has the sample events that AWS publishes.
var samplesDir = sync.OnceValues(func() (string, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	return filepath.Join(strings.TrimSpace(string(dir)), "events", "testdata"), err
})

func sampleEvent(t testing.TB, name string) []byte {
	t.Helper()
	dir, err := samplesDir()
	require.NoError(t, err)
	event, err := os.ReadFile(filepath.Join(dir, name+".json"))
	require.NoError(t, err)
	return event
}

// about is what the handler of a source gets of each record of an event.
func about[T any](t testing.TB, from *awslambda.EventSource, event []byte) (records []T, bodies []string) {
	t.Helper()
	app := quiet()
	type both struct {
		About T      `value:""`
		Body  []byte `body:"raw"`
	}
	app.On(from, weft.Handle(func(_ context.Context, in both) (struct{}, error) {
		records, bodies = append(records, in.About), append(bodies, string(in.Body))
		return struct{}{}, nil
	}))
	_, err := awslambda.Handle(t.Context(), build(t, app), event)
	require.NoError(t, err, string(event))
	return records, bodies
}

// decoded is an event by the types of aws-lambda-go.
func decoded[T any](t testing.TB, event []byte) (into T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(event, &into))
	return into
}

// What a handler is told is what aws-lambda-go reads of the same events.

func TestSampleOfSQS(t *testing.T) {
	event := sampleEvent(t, "sqs-event")
	event = []byte(strings.ReplaceAll(string(event), `"binaryValue": "base64Str"`, `"binaryValue": "YWJj"`)) // which aws-lambda-go refuses
	records, bodies := about[awslambda.SQSMessage](t, awslambda.SQS("*"), event)
	want := decoded[events.SQSEvent](t, event).Records
	require.Len(t, records, len(want))
	for i, w := range want {
		got := records[i]
		assert.Equal(t, []string{w.MessageId, w.ReceiptHandle, w.EventSourceARN, w.AWSRegion, w.Body}, []string{got.ID, got.ReceiptHandle, got.QueueARN, got.Region, bodies[i]})
		assert.Equal(t, w.Attributes, got.Attributes)
		assert.Len(t, got.MessageAttributes, len(w.MessageAttributes))
		for name, a := range w.MessageAttributes {
			assert.Equal(t, a.DataType, got.MessageAttributes[name].Type)
			if a.StringValue != nil {
				assert.Equal(t, *a.StringValue, got.MessageAttributes[name].Text)
			}
			if a.BinaryValue != nil {
				value, err := got.MessageAttributes[name].Bytes()
				require.NoError(t, err)
				assert.Equal(t, a.BinaryValue, value)
			}
		}
		assert.Equal(t, 2, got.Receives())
		assert.EqualValues(t, 1520621625029, got.Sent().UnixMilli())
		assert.False(t, got.FIFO())
	}
	records, _ = about[awslambda.SQSMessage](t, awslambda.SQS("*"), sampleEvent(t, "sqs-event"))
	assert.Len(t, records, len(want), "and as it is")
	fifo, _ := about[awslambda.SQSMessage](t, awslambda.SQS("*"), origins()[1].event(task{"ok", 3}))
	assert.True(t, fifo[0].FIFO())
	assert.Equal(t, "g3", fifo[0].Group())
}

func TestSampleOfSNS(t *testing.T) {
	for _, event := range [][]byte{sampleEvent(t, "sns-event"), awslambdatest.SNSEvent("news", awslambdatest.Message{Body: "b", Subject: "s", Attributes: map[string]string{"A": "1"}})} {
		records, bodies := about[awslambda.SNSMessage](t, awslambda.SNS("*"), event)
		want := decoded[events.SNSEvent](t, event).Records
		require.Len(t, records, len(want))
		for i, w := range want {
			got := records[i]
			assert.Equal(t, []any{w.SNS.MessageID, w.SNS.TopicArn, w.SNS.Subject, w.SNS.Timestamp, w.SNS.Message}, []any{got.ID, got.TopicARN, got.Subject, got.Sent, bodies[i]})
			attributes := map[string]any{}
			for name, a := range got.MessageAttributes {
				attributes[name] = map[string]any{"Type": a.Type, "Value": a.Value}
			}
			if w.SNS.MessageAttributes == nil {
				w.SNS.MessageAttributes = map[string]any{}
			}
			assert.Equal(t, w.SNS.MessageAttributes, attributes)
		}
	}
}

func TestSampleOfKinesis(t *testing.T) {
	event := sampleEvent(t, "kinesis-event")
	records, bodies := about[awslambda.KinesisRecord](t, awslambda.Kinesis("*"), event)
	want := decoded[events.KinesisEvent](t, event).Records
	require.Len(t, records, len(want))
	for i, w := range want {
		got := records[i]
		assert.Equal(t, []string{w.EventID, w.EventSourceArn, w.AwsRegion, w.Kinesis.PartitionKey, w.Kinesis.SequenceNumber, string(w.Kinesis.Data)},
			[]string{got.EventID, got.StreamARN, got.Region, got.PartitionKey, got.SequenceNumber, bodies[i]})
		assert.WithinDuration(t, w.Kinesis.ApproximateArrivalTimestamp.Time, got.Arrived, time.Millisecond)
		assert.Equal(t, "shardId-000000000000", got.Shard())
	}
}

func TestSampleOfDynamoDB(t *testing.T) {
	event := sampleEvent(t, "dynamodb-event")
	records, bodies := about[awslambda.DynamoDBRecord](t, awslambda.DynamoDB("*"), event)
	want := decoded[events.DynamoDBEvent](t, event).Records
	require.Len(t, records, len(want))
	for i, w := range want {
		got := records[i]
		assert.Equal(t, []any{w.EventID, w.EventName, w.EventSourceArn, w.AWSRegion, w.Change.SequenceNumber, w.Change.StreamViewType, w.UserIdentity != nil && w.UserIdentity.PrincipalID == "dynamodb.amazonaws.com"},
			[]any{got.EventID, got.EventName, got.TableARN, got.Region, got.SequenceNumber, got.View, got.Expired})
		assert.WithinDuration(t, w.Change.ApproximateCreationDateTime.Time, got.Created, time.Millisecond)
		images := map[string]any{}
		for name, image := range map[string]map[string]events.DynamoDBAttributeValue{"keys": w.Change.Keys, "old": w.Change.OldImage, "new": w.Change.NewImage} {
			if image != nil {
				images[name] = plainImage(image)
			}
		}
		text, err := json.Marshal(images)
		require.NoError(t, err)
		assert.JSONEq(t, string(text), bodies[i])
	}
	app := quiet()
	app.On(awslambda.DynamoDB("*"), weft.Handle(func(context.Context, any) (string, error) { return "", nil }))
	_, err := awslambda.Handle(t.Context(), build(t, app), sampleEvent(t, "dynamodb-time-window-event"))
	assert.ErrorContains(t, err, "tumbling window")
}

// plainImage is an image of aws-lambda-go as plain JSON has it.
func plainImage(image map[string]events.DynamoDBAttributeValue) map[string]any {
	all := map[string]any{}
	for name, v := range image {
		all[name] = plainOf(v)
	}
	return all
}

func plainOf(v events.DynamoDBAttributeValue) any {
	numbers := func(texts ...string) (all []json.Number) {
		for _, text := range texts {
			all = append(all, json.Number(text))
		}
		return all
	}
	switch v.DataType() {
	case events.DataTypeString:
		return v.String()
	case events.DataTypeNumber:
		return json.Number(v.Number())
	case events.DataTypeBinary:
		return v.Binary()
	case events.DataTypeBoolean:
		return v.Boolean()
	case events.DataTypeStringSet:
		return v.StringSet()
	case events.DataTypeNumberSet:
		return numbers(v.NumberSet()...)
	case events.DataTypeBinarySet:
		return v.BinarySet()
	case events.DataTypeMap:
		return plainImage(v.Map())
	case events.DataTypeList:
		list := []any{}
		for _, of := range v.List() {
			list = append(list, plainOf(of))
		}
		return list
	}
	return nil
}

func TestSampleOfKafka(t *testing.T) {
	event := sampleEvent(t, "kafka-event")
	records, bodies := about[awslambda.KafkaRecord](t, awslambda.Kafka("*"), event)
	want := decoded[events.KafkaEvent](t, event)
	n := 0
	for _, partition := range slices.Sorted(maps.Keys(want.Records)) {
		for _, w := range want.Records[partition] {
			got := records[n]
			value, err := base64.StdEncoding.DecodeString(w.Value)
			require.NoError(t, err)
			key, err := base64.StdEncoding.DecodeString(w.Key)
			require.NoError(t, err)
			if w.Key == "" {
				key = nil
			}
			assert.Equal(t, []any{w.Topic, int32(w.Partition), w.Offset, w.Timestamp.UnixMilli(), key, string(value)}, []any{got.Topic, got.Partition, got.Offset, got.Time.UnixMilli(), got.Key, bodies[n]})
			var headers []map[string]events.JSONNumberBytes
			for _, h := range got.Header {
				headers = append(headers, map[string]events.JSONNumberBytes{h.Name: h.Value})
			}
			assert.Equal(t, w.Headers, headers)
			n++
		}
	}
	assert.Len(t, records, n)
	self := strings.ReplaceAll(string(event), "aws:kafka", "SelfManagedKafka")
	records, _ = about[awslambda.KafkaRecord](t, awslambda.Kafka("*"), []byte(self))
	assert.Len(t, records, n)
}

func TestSamplesOfS3(t *testing.T) {
	for _, sample := range []string{"s3-event", "s3-event-with-decoded"} {
		event := sampleEvent(t, sample)
		records, bodies := about[awslambda.S3Record](t, awslambda.S3("*"), event)
		want := decoded[events.S3Event](t, event).Records
		require.Len(t, records, len(want))
		for i, w := range want {
			o := w.S3.Object
			assert.Equal(t, awslambda.S3Record{
				EventName: w.EventName, Time: w.EventTime, Region: w.AWSRegion, Bucket: w.S3.Bucket.Name, BucketARN: w.S3.Bucket.Arn, Key: o.URLDecodedKey,
				Size: o.Size, ETag: o.ETag, VersionID: o.VersionID, Sequencer: o.Sequencer, Configuration: w.S3.ConfigurationID,
				Principal: w.PrincipalID.PrincipalID, SourceIP: w.RequestParameters.SourceIPAddress,
			}, records[i])
			assert.Equal(t, w, decoded[events.S3EventRecord](t, []byte(bodies[i])))
		}
	}
}

func TestSamplesOfEventBridge(t *testing.T) {
	for _, sample := range []string{
		"autoscaling-event-launch-successful", "codebuild-phase-change", "codebuild-state-change", "codedeploy-deployment-event", "codedeploy-instance-event",
		"codepipeline-action-execution-stage-change-event", "codepipeline-execution-state-change-event", "ecr-image-push-event", "ecr-image-scan-event", "ecs-container-instance-state-change",
	} {
		event := sampleEvent(t, sample)
		records, bodies := about[awslambda.EventBridgeEvent](t, awslambda.EventBridge("*", "*"), event)
		w := decoded[events.CloudWatchEvent](t, event)
		require.Len(t, records, 1)
		got := records[0]
		assert.Equal(t, []any{w.ID, w.DetailType, w.Source, w.AccountID, w.Time, w.Region, w.Resources}, []any{got.ID, got.DetailType, got.Source, got.Account, got.Time, got.Region, got.Resources}, sample)
		assert.JSONEq(t, string(w.Detail), bodies[0])
	}
}

// No sample of AWS is more than an event that nobody has declared a route for.
func TestEverySampleIsAnswered(t *testing.T) {
	dir, err := samplesDir()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.Greater(t, len(files), 50)
	nothing := build(t, quiet())
	rest, all := listening(t, awslambda.Direct("*"))
	for _, file := range files {
		event, err := os.ReadFile(file)
		require.NoError(t, err)
		if _, err = awslambda.Handle(t.Context(), nothing, event); err != nil {
			kind := errorType(t, err)
			if strings.Contains(string(event), `"window"`) || !json.Valid(event) {
				assert.Equal(t, "Weft.InvalidEvent", kind)
				continue
			}
			assert.Equal(t, "Weft.UnknownEvent", kind, file)
			*all = nil
			_, again := awslambda.Handle(t.Context(), rest, event)
			if strings.Contains(err.Error(), "awslambda.") { // it says which route to declare
				assert.Equal(t, err, again, file)
				continue
			}
			require.NoError(t, again)
			assert.Equal(t, []got{{"Direct *", string(event)}}, *all, file)
		}
	}
}
