package awslambdatest

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

type object = map[string]any

// Message is one of a queue, or of a topic of SNS. What is zero is left out, or has a default.
type Message struct {
	ID string // "message-1" and so on, by its place in the batch
	// Body is the content: a string and a []byte as they are, any other value as JSON.
	Body any
	// Attributes are the sender's, of the type String.
	Attributes map[string]string
	Group      string // of a FIFO queue
	Receives   int    // of a queue: how often it was handed out, 1
	TraceID    string // of a queue: what its sender was a part of, as X-Ray says it
	Subject    string // of SNS
}

// Record is one of Kinesis or Kafka.
type Record struct {
	Key string // of Kinesis "key" unless said
	// Data are the content: a string and a []byte as they are, any other value as JSON. Of Kafka nil is none: a tombstone.
	Data      any
	Partition int               // of Kafka
	Header    map[string]string // of Kafka
}

// Change is one of an item of DynamoDB: what has no Old was inserted, what has no New removed. The three are values whose JSON is an object, such as a struct or a
// map: its texts become S, its numbers N, and so on. A json.RawMessage is what DynamoDB sends, {"tags": {"SS": ["a"]}}.
type Change struct {
	Keys, Old, New any
	Expired        bool // removed by the table's time to live
}

const (
	region  = "eu-west-1"
	account = "123456789012"
	sentAt  = 1767225600 // 2026-01-01, in seconds
)

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource
}

// contentOf is a content as its sender has sent it. A value that is no JSON is a mistake of the test, and panics.
func contentOf(content any) []byte {
	switch content := content.(type) {
	case nil:
		return nil
	case string:
		return []byte(content)
	case []byte:
		return content
	}
	return jsonOf(content)
}

func jsonOf(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("awslambdatest: a value that is no JSON: %v", err))
	}
	return text
}

// SQSBatch is the event of a queue's messages. A queue whose name ends in ".fifo" is a FIFO queue. It panics where a body cannot be JSON.
func SQSBatch(queue string, messages ...Message) []byte {
	records := make([]object, len(messages))
	for i, m := range messages {
		body := contentOf(m.Body)
		sum := md5.Sum(body)
		sent := strconv.Itoa(sentAt*1000 + i)
		attributes := object{
			"ApproximateReceiveCount": strconv.Itoa(max(1, m.Receives)), "SentTimestamp": sent,
			"ApproximateFirstReceiveTimestamp": sent, "SenderId": "AIDAIENQZJOLO23YVJ4VO",
		}
		if strings.HasSuffix(queue, ".fifo") {
			attributes["MessageGroupId"], attributes["MessageDeduplicationId"] = m.Group, hex.EncodeToString(sum[:])
			attributes["SequenceNumber"] = strconv.Itoa(1884949646046769612 + i)
		}
		if m.TraceID != "" {
			attributes["AWSTraceHeader"] = m.TraceID
		}
		of := object{}
		for name, value := range m.Attributes {
			of[name] = object{"stringValue": value, "stringListValues": []string{}, "binaryListValues": []string{}, "dataType": "String"}
		}
		records[i] = object{
			"messageId": m.id(i), "receiptHandle": "AQEB-" + m.id(i), "body": string(body), "md5OfBody": hex.EncodeToString(sum[:]),
			"attributes": attributes, "messageAttributes": of,
			"eventSource": "aws:sqs", "eventSourceARN": arn("sqs", queue), "awsRegion": region,
		}
	}
	return jsonOf(object{"Records": records})
}

func (m Message) id(i int) string {
	if m.ID != "" {
		return m.ID
	}
	return "message-" + strconv.Itoa(i+1)
}

// KinesisBatch is the event of a data stream's records, of one shard. Their sequence numbers are "1" and so on, by their place. It panics where
// data cannot be JSON.
func KinesisBatch(stream string, records ...Record) []byte {
	all := make([]object, len(records))
	for i, r := range records {
		sequence := strconv.Itoa(i + 1)
		if r.Key == "" {
			r.Key = "key"
		}
		all[i] = object{
			"kinesis": object{
				"kinesisSchemaVersion": "1.0", "partitionKey": r.Key, "sequenceNumber": sequence,
				"data": base64.StdEncoding.EncodeToString(contentOf(r.Data)), "approximateArrivalTimestamp": sentAt + float64(i)/1000,
			},
			"eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "shardId-000000000006:" + sequence, "eventName": "aws:kinesis:record",
			"invokeIdentityArn": "arn:aws:iam::" + account + ":role/lambda-role", "awsRegion": region, "eventSourceARN": arn("kinesis", "stream/"+stream),
		}
	}
	return jsonOf(object{"Records": all})
}

// KafkaBatch is the event of a topic's records, of Amazon MSK. Their offsets are 0 and so on in each partition, in their order. It panics where data
// cannot be JSON.
func KafkaBatch(topic string, records ...Record) []byte {
	all := map[string][]object{}
	for i, r := range records {
		partition := topic + "-" + strconv.Itoa(r.Partition)
		one := object{
			"topic": topic, "partition": r.Partition, "offset": len(all[partition]), "timestamp": sentAt*1000 + i, "timestampType": "CREATE_TIME",
			"headers": headersOf(r.Header),
		}
		if r.Key != "" {
			one["key"] = base64.StdEncoding.EncodeToString([]byte(r.Key))
		}
		if content := contentOf(r.Data); content != nil {
			one["value"] = base64.StdEncoding.EncodeToString(content)
		}
		all[partition] = append(all[partition], one)
	}
	return jsonOf(object{
		"eventSource": "aws:kafka", "eventSourceArn": arn("kafka", "cluster/vpc/751d2973-a626-431c-9d4e-d7975eb44dd7-2"),
		"bootstrapServers": "b-1.demo.c1.kafka." + region + ".amazonaws.com:9092", "records": all,
	})
}

// headersOf are bytes, as Java has them.
func headersOf(header map[string]string) []object {
	all := []object{}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		value := header[name]
		signed := make([]int, len(value))
		for i := range len(value) {
			signed[i] = int(int8(value[i]))
		}
		all = append(all, object{name: signed})
	}
	return all
}

// DynamoDBBatch is the event of changes in a table. Their sequence numbers are "1" and so on, by their place. It panics where an item is no JSON object.
func DynamoDBBatch(table string, changes ...Change) []byte {
	all := make([]object, len(changes))
	for i, c := range changes {
		sequence, name := strconv.Itoa(i+1), "MODIFY"
		change := object{"SequenceNumber": sequence, "SizeBytes": 26, "ApproximateCreationDateTime": sentAt + i, "StreamViewType": "NEW_AND_OLD_IMAGES", "Keys": itemOf(c.Keys)}
		if c.Old != nil {
			change["OldImage"] = itemOf(c.Old)
		} else {
			name = "INSERT"
		}
		if c.New != nil {
			change["NewImage"] = itemOf(c.New)
		} else {
			name = "REMOVE"
		}
		all[i] = object{
			"eventID": "event-" + sequence, "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": region,
			"eventSourceARN": arn("dynamodb", "table/"+table+"/stream/2026-01-01T00:00:00.000"), "dynamodb": change,
		}
		if c.Expired {
			all[i]["userIdentity"] = object{"type": "Service", "principalId": "dynamodb.amazonaws.com"}
		}
	}
	return jsonOf(object{"Records": all})
}

// itemOf is a value as an item, whose members are attribute values.
func itemOf(value any) any {
	if raw, is := value.(json.RawMessage); is {
		return raw
	}
	if value == nil {
		return object{}
	}
	d := json.NewDecoder(bytes.NewReader(jsonOf(value)))
	d.UseNumber()
	var members object
	if err := d.Decode(&members); err != nil {
		panic(fmt.Sprintf("awslambdatest: an item of DynamoDB is a JSON object: %v", err))
	}
	return attributesOf(members)
}

func attributesOf(members object) object {
	all := object{}
	for name, value := range members {
		all[name] = attributeOf(value)
	}
	return all
}

func attributeOf(value any) object {
	switch value := value.(type) {
	case string:
		return object{"S": value}
	case json.Number:
		return object{"N": value.String()}
	case bool:
		return object{"BOOL": value}
	case []any:
		list := make([]object, len(value))
		for i, v := range value {
			list[i] = attributeOf(v)
		}
		return object{"L": list}
	case object:
		return object{"M": attributesOf(value)}
	}
	return object{"NULL": true}
}

func timeAt(i int) string {
	return time.Unix(sentAt, int64(i)*1e6).UTC().Format("2006-01-02T15:04:05.000Z")
}
