package awslambda

import (
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// KinesisRecord is what Kinesis says of a record.
type KinesisRecord struct {
	EventID        string
	SequenceNumber string
	PartitionKey   string
	Arrived        time.Time // about
	StreamARN      string
	Region         string
}

// Shard is the shard that the record is of.
func (r KinesisRecord) Shard() string {
	shard, _, _ := strings.Cut(r.EventID, ":")
	return shard
}

// CurrentKinesisRecord is the key of the record that a request is about. Fields with the tag value take it.
var CurrentKinesisRecord = weft.NewKey[KinesisRecord]("Kinesis record")

var receiveKinesis = receiving(FromKinesis, CurrentKinesisRecord)

// Kinesis is the source of a data stream's records, by the stream's name; "*" is every stream without a route of its own. The data are the request's body.
// Records of a shard are handled in their order, until one has failed: it is the one that is reported, and Kinesis sends everything from
// there on again. The mapping of the stream to the function has to report batch item failures; see [WholeBatch].
func Kinesis(stream string, opts ...EventOption) *EventSource {
	return newSource(FromKinesis, stream, receiveKinesis, opts)
}

func kinesisRecord(text jsontext.Value) *record {
	var k struct {
		ID     string `json:"eventID"`
		ARN    string `json:"eventSourceARN"`
		Region string `json:"awsRegion"`
		Record struct {
			Sequence     string  `json:"sequenceNumber"`
			PartitionKey string  `json:"partitionKey"`
			Data         string  `json:"data"`
			Arrived      float64 `json:"approximateArrivalTimestamp"`
		} `json:"kinesis"`
	}
	r := newRecord(FromKinesis)
	if r.decode(text, &k); r.unread != nil {
		k.ID, k.ARN, k.Record.Sequence, k.Record.Data = loose(text, "eventID"), loose(text, "eventSourceARN"), loose(text, "kinesis", "sequenceNumber"), ""
	}
	about := KinesisRecord{k.ID, k.Record.Sequence, k.Record.PartitionKey, seconds(k.Record.Arrived), k.ARN, k.Region}
	_, stream, _ := strings.Cut(k.ARN, ":stream/")
	stream, _, _ = strings.Cut(stream, "/") // of a consumer with enhanced fan-out
	r.from, r.id, r.failure, r.lane, r.about, r.body = stream, k.Record.Sequence, quoted(k.Record.Sequence), oneLane, about, r.base64(k.Record.Data)
	return r
}

// seconds is a time since 1970, in seconds with a fraction.
func seconds(since float64) time.Time {
	if since == 0 {
		return time.Time{}
	}
	whole, fraction := math.Modf(since)
	return time.Unix(int64(whole), int64(math.Round(fraction*1e3))*1e6)
}
