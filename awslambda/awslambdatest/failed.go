package awslambdatest

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

// Failed has srv answer an event of a source, and is which of its records the source would send again, as [SentAgain] names them; nil where it is none. An
// invocation that fails because records have failed (Weft.RecordsFailed) sends all of them again. The test fails where the answer is nothing that the source
// takes, and where the invocation fails in another way: there is no route for the event, say.
func Failed(t testing.TB, srv *weft.Server, event []byte, opts ...awslambda.Option) []string {
	t.Helper()
	answer, err := awslambda.Handle(t.Context(), srv, event, opts...)
	if awslambda.ErrorType(err) == "Weft.RecordsFailed" {
		b, malformed := batchOf(event)
		if malformed != nil {
			t.Fatalf("the event: %v", malformed)
		}
		return b.all()
	}
	if err != nil {
		var e messages.InvokeResponse_Error
		if errors.As(err, &e) {
			err = fmt.Errorf("%s: %s", e.Type, e.Message)
		}
		t.Fatalf("the invocation failed: %v", err)
	}
	again, err := SentAgain(event, answer)
	if err != nil {
		t.Fatalf("the answer %s: %v", answer, err)
	}
	return again
}

// SentAgain is which records of an event their source sends again for an answer: those of SQS by message ID, of Kinesis and DynamoDB by
// sequence number, of Kafka as "topic-0/15", of SNS and EventBridge by ID, of S3 by key. Of a stream it is everything from the lowest that was
// reported on. The error tells what is wrong with an answer: where the source does not take it, all records are sent again; a member that nobody reads is passed over
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
func SentAgain(event, answer []byte) ([]string, error) {
	b, err := batchOf(event)
	if err != nil {
		return nil, err
	}
	if !jsontext.Value(answer).IsValid() {
		return b.all(), errors.New("it is no JSON")
	}
	if !b.partial {
		return nil, nil // nobody reads it
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(answer, &members); err != nil {
		return b.all(), errors.New("it is no object")
	}
	var unread error
	for name := range members {
		if name != "batchItemFailures" {
			unread = fmt.Errorf("its member %q is read by nobody", name)
		}
	}
	var reports []map[string]jsontext.Value
	if text := members["batchItemFailures"]; len(text) > 0 {
		if err := json.Unmarshal(text, &reports); err != nil {
			return b.all(), fmt.Errorf("batchItemFailures is no list of objects: %w", err)
		}
	}
	reported := map[string]bool{}
	for _, report := range reports {
		id, err := b.reported(report)
		if err != nil {
			return b.all(), err
		}
		reported[id] = true
	}
	var again []string
	from := map[string]bool{} // the lanes whose checkpoint was passed
	for _, r := range b.records {
		if reported[r.id] || from[r.lane] {
			again = append(again, r.id)
			from[r.lane] = r.lane != ""
		}
	}
	return again, unread
}

// batch is what of an event its answer is about.
type batch struct {
	records []sent
	partial bool // the source reads which have failed
	kafka   bool
}

type sent struct {
	id   string
	lane string // what is behind a failure in it is sent again
}

func (b *batch) all() (ids []string) {
	for _, r := range b.records {
		ids = append(ids, r.id)
	}
	return ids
}

// reported is the identifier in a report, which is {"itemIdentifier": …}.
func (b *batch) reported(report map[string]jsontext.Value) (string, error) {
	var id string
	text := report["itemIdentifier"]
	if b.kafka {
		var of struct {
			Partition string `json:"partition"`
			Offset    *int64 `json:"offset"`
		}
		if err := json.Unmarshal(text, &of); err != nil || of.Partition == "" || of.Offset == nil {
			return "", fmt.Errorf("the identifier %s is none of Kafka", text)
		}
		id = kafkaID(of.Partition, of.Offset)
	} else if err := json.Unmarshal(text, &id); err != nil || id == "" {
		return "", fmt.Errorf("the identifier %q is empty, or no text", text)
	}
	if len(report) != 1 {
		return "", fmt.Errorf("beside the identifier %s there is something", text)
	}
	if !slices.ContainsFunc(b.records, func(r sent) bool { return r.id == id }) {
		return "", fmt.Errorf("the identifier %q is of no record of the event", id)
	}
	return id, nil
}

func kafkaID(partition string, offset *int64) string {
	if offset == nil {
		return ""
	}
	return partition + "/" + strconv.FormatInt(*offset, 10)
}

// record is one of any source's. Members of another type than they should have are as if they were not there: a test may send such a record.
type record struct {
	Source    loosely[string] `json:"eventSource"`
	OfSNS     loosely[string] `json:"EventSource"`
	MessageID loosely[string] `json:"messageId"`
	Kinesis   loosely[struct {
		Sequence loosely[string] `json:"sequenceNumber"`
	}] `json:"kinesis"`
	DynamoDB loosely[struct {
		Sequence loosely[string] `json:"SequenceNumber"`
	}] `json:"dynamodb"`
	SNS loosely[struct {
		ID loosely[string] `json:"MessageId"`
	}] `json:"Sns"`
	S3 loosely[struct {
		Object loosely[struct {
			Key loosely[string] `json:"key"`
		}] `json:"object"`
	}] `json:"s3"`
	Offset loosely[*int64] `json:"offset"`
}

// lenient reads an event as the adapter does.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

type loosely[T any] struct{ is T }

// UnmarshalJSON takes what fits.
func (l *loosely[T]) UnmarshalJSON(text []byte) error {
	var is T
	if json.Unmarshal(text, &is, lenient) == nil {
		l.is = is
	}
	return nil
}

// services send lists of records.
var services = []string{"aws:sqs", "aws:sns", "aws:kinesis", "aws:dynamodb", "aws:s3"}

// batchOf reads an event, which may be a list as EventBridge Pipes send it.
func batchOf(event []byte) (*batch, error) {
	var of struct {
		Records    loosely[[]loosely[record]]
		Partitions loosely[map[string][]loosely[record]] `json:"records"`
		DetailType loosely[*string]                      `json:"detail-type"`
		ID         loosely[string]                       `json:"id"`
	}
	if err := json.Unmarshal(event, &of.Records.is, lenient); err != nil {
		if err := json.Unmarshal(event, &of, lenient); err != nil {
			return nil, fmt.Errorf("it is no event: %w", err)
		}
	}
	b := &batch{}
	switch {
	case len(of.Records.is) > 0:
		source := ""
		for _, r := range of.Records.is {
			if source = r.is.Source.is + r.is.OfSNS.is; slices.Contains(services, source) {
				break
			}
		}
		b.partial = source == "aws:sqs" || source == "aws:kinesis" || source == "aws:dynamodb"
		for _, r := range of.Records.is {
			b.records = append(b.records, r.is.sentBy(source))
		}
	case len(of.Partitions.is) > 0:
		b.partial, b.kafka = true, true
		for _, partition := range slices.Sorted(maps.Keys(of.Partitions.is)) {
			for _, r := range of.Partitions.is[partition] {
				b.records = append(b.records, sent{kafkaID(partition, r.is.Offset.is), partition})
			}
		}
	case of.DetailType.is != nil:
		b.records = []sent{{id: of.ID.is}}
	default:
		return nil, errors.New("it is of no source that sends records")
	}
	return b, nil
}

func (r *record) sentBy(source string) sent {
	switch source {
	case "aws:sqs":
		return sent{id: r.MessageID.is}
	case "aws:kinesis":
		return sent{r.Kinesis.is.Sequence.is, "shard"}
	case "aws:dynamodb":
		return sent{r.DynamoDB.is.Sequence.is, "shard"}
	case "aws:s3":
		key, _ := url.QueryUnescape(r.S3.is.Object.is.Key.is)
		return sent{id: key}
	}
	return sent{id: r.SNS.is.ID.is}
}
