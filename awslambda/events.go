package awslambda

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// shape is what an event that is none of HTTP has, by which it is told what it is.
type shape struct {
	records    bool // a list Records
	partitions bool // an object records
	detailed   bool // a detail-type
}

// handled answers an event that is none of HTTP. Nothing of the payload is kept: it belongs to the runtime, which uses it again.
func (f *Function) handled(ctx context.Context, e *event, payload []byte) ([]byte, error) {
	batch, err := e.batch(payload)
	if err != nil {
		return nil, failure("InvalidEvent", err)
	}
	if len(batch) == 0 {
		return f.sentItself(ctx, e, payload)
	}
	for _, r := range batch {
		if r.to = f.targetOf(r); r.to == nil {
			return nil, noRoute(r)
		}
	}
	reserved, cancel := f.reserved(ctx)
	defer cancel()
	f.handle(ctx, f.invoked(ctx, reserved, batch[0].service), batch)
	return outcome(batch)
}

// sentItself answers what is none of a service's that is known.
func (f *Function) sentItself(ctx context.Context, e *event, payload []byte) ([]byte, error) {
	name := f.directName(payload)
	to := f.targets.find(FromDirect, name)
	switch {
	case to == nil && e.kind == '{':
		return nil, failure("UnknownEvent", errNoHTTPEvent)
	case to == nil:
		return nil, failure("InvalidEvent", errNoObject)
	}
	reserved, cancel := f.reserved(ctx)
	defer cancel()
	return f.direct(ctx, f.invoked(ctx, reserved, FromDirect), to, name, append([]byte(nil), payload...))
}

func (f *Function) targetOf(r *record) *target {
	if r.service == FromEventBridge || r.service == FromSchedule {
		return f.targets.findEvent(r)
	}
	return f.targets.find(r.service, r.from)
}

// batch is the records of an event, none where it is of no service that is known.
func (e *event) batch(payload []byte) ([]*record, error) {
	switch {
	case e.kind == '[': // as EventBridge Pipes sends them
		var all []jsontext.Value
		if err := json.Unmarshal(payload, &all, lenient); err != nil {
			return nil, err
		}
		return recordsIn(all), nil
	case e.others.records:
		var in struct {
			Records []jsontext.Value `json:"Records"`
			Window  jsontext.Value   `json:"window"`
		}
		if err := json.Unmarshal(payload, &in, lenient); err != nil {
			return nil, err
		}
		if in.Window.Kind() == '{' {
			return nil, errWindow
		}
		return recordsIn(in.Records), nil
	case e.others.partitions:
		return partitions(payload)
	case e.others.detailed:
		return []*record{eventBridgeRecord(payload)}, nil
	}
	return nil, nil
}

var errWindow = errors.New("the event is of a tumbling window, whose state is kept nowhere: leave TumblingWindowInSeconds out of the event source mapping")

// readers make records of what services send.
var readers = map[string]func(jsontext.Value) *record{
	"aws:sqs": sqsRecord, "aws:sns": snsRecord, "aws:kinesis": kinesisRecord, "aws:dynamodb": dynamoDBRecord, "aws:s3": s3Record,
}

// recordsIn are those of a list, which are all of one service.
func recordsIn(all []jsontext.Value) []*record {
	var read func(jsontext.Value) *record
	for _, text := range all {
		var r struct {
			Source string `json:"eventSource"`
			SNS    string `json:"EventSource"`
		}
		if err := json.Unmarshal(text, &r, lenient); err != nil {
			continue
		}
		if read = readers[r.Source+r.SNS]; read != nil {
			break
		}
	}
	if read == nil {
		return nil
	}
	batch := make([]*record, len(all))
	from := ""
	for i, text := range all {
		if batch[i] = read(text); from == "" {
			from = batch[i].from
		}
	}
	for _, r := range batch {
		if r.from == "" { // of a record that cannot be read; they are all of one queue or the like
			r.from = from
		}
	}
	return batch
}

// partitions are the records of an event of Kafka.
func partitions(payload []byte) ([]*record, error) {
	var in struct {
		Source  string         `json:"eventSource"`
		Records jsontext.Value `json:"records"`
	}
	if err := json.Unmarshal(payload, &in, lenient); err != nil || in.Source != "aws:kafka" && in.Source != "SelfManagedKafka" {
		return nil, err
	}
	d, err := opened(in.Records)
	if err != nil {
		return nil, err
	}
	var batch []*record
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		partition := name.String()
		list, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		var all []jsontext.Value
		if err := json.Unmarshal(list, &all, lenient); err != nil {
			return nil, err
		}
		for _, text := range all {
			batch = append(batch, kafkaRecord(partition, text))
		}
	}
	return batch, nil
}
