package awslambda

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// KafkaRecord is what Kafka says of a record, of Amazon MSK or a cluster of one's own. Its slices must not be changed.
type KafkaRecord struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time
	Key       []byte // nil where there is none
	// Header is the record's, in its order. They are header fields of the request too, where they are texts.
	Header []KafkaHeader
}

// KafkaHeader is one of a record.
type KafkaHeader struct {
	Name  string
	Value []byte
}

// CurrentKafkaRecord is the key of the record that a request is about. Fields with the tag value take it.
var CurrentKafkaRecord = weft.NewKey[KafkaRecord]("Kafka record")

var receiveKafka = receiving(FromKafka, CurrentKafkaRecord)

// Kafka is the source of a topic's records, by the topic's name; "*" is every topic without a route of its own. The value is the request's body, which a
// tombstone does not have. Records of a partition are handled in their order, until one has failed: it is the one that is reported, and
// everything of the partition from there on is sent again. The mapping of the topic to the function has to report batch item failures; see [WholeBatch].
func Kafka(topic string, opts ...EventOption) *EventSource {
	return newSource(FromKafka, topic, receiveKafka, opts)
}

// kafkaRecord reads a record of a partition, which is named "topic-0".
func kafkaRecord(partition string, text jsontext.Value) *record {
	var k struct {
		Offset    *int64             `json:"offset"`
		Timestamp int64              `json:"timestamp"`
		Key       *string            `json:"key"`
		Value     string             `json:"value"`
		Headers   []map[string][]int `json:"headers"`
	}
	r := newRecord(FromKafka)
	if r.decode(text, &k); r.unread != nil {
		k.Offset, k.Key, k.Value, k.Headers = offsetIn(text), nil, "", nil
	}
	end := max(0, strings.LastIndexByte(partition, '-'))
	about := KafkaRecord{Topic: partition[:end], Partition: int32(number(partition[min(end+1, len(partition)):])), Time: time.UnixMilli(k.Timestamp)}
	id := partition + "/?"
	if k.Offset != nil {
		id = partition + "/" + strconv.FormatInt(*k.Offset, 10)
		about.Offset = *k.Offset
		r.failure = append(appendString([]byte(`{"partition":`), partition), `,"offset":`...)
		r.failure = append(strconv.AppendInt(r.failure, about.Offset, 10), '}')
	}
	if k.Key != nil {
		about.Key = r.base64(*k.Key)
	}
	for _, fields := range k.Headers {
		for name, bytes := range fields {
			h := KafkaHeader{name, make([]byte, len(bytes))}
			for i, b := range bytes { // of Java, which may be negative
				h.Value[i] = byte(b)
			}
			about.Header = append(about.Header, h)
			r.field(name, string(h.Value))
		}
	}
	r.from, r.id, r.lane, r.about, r.body = about.Topic, id, "partition "+partition, about, r.base64(k.Value)
	return r
}

// offsetIn is that of a record of which something else cannot be read.
func offsetIn(text jsontext.Value) *int64 {
	var k struct {
		Offset *int64 `json:"offset"`
	}
	if json.Unmarshal(text, &k, lenient) != nil {
		return nil // what was read of it would be 0
	}
	return k.Offset
}
