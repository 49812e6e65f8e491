package awslambda

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// DynamoDBRecord is what DynamoDB says of a change.
type DynamoDBRecord struct {
	EventID        string
	EventName      string // INSERT, MODIFY or REMOVE
	SequenceNumber string
	Created        time.Time // about
	TableARN       string    // of the table's stream
	Region         string
	// View is what the stream has of an item: KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES.
	View string
	// Expired says that it was the table's time to live that removed the item.
	Expired bool
}

// CurrentDynamoDBRecord is the key of the change that a request is about. Fields with the tag value take it.
var CurrentDynamoDBRecord = weft.NewKey[DynamoDBRecord]("DynamoDB record")

// DynamoDBChange is the body of a change of an item: what a handler takes. T is decoded from plain JSON: numbers are numbers, sets are lists, binary
// values are base64. A handler that does not name all attributes says [weft.JSONOptions].AllowUnknown.
type DynamoDBChange[T any] struct {
	Keys map[string]any `json:"keys"`
	Old  *T             `json:"old"` // nil for INSERT, and where the stream has none
	New  *T             `json:"new"` // nil for REMOVE, and where the stream has none
}

var receiveDynamoDB = receiving(FromDynamoDB, CurrentDynamoDBRecord)

// DynamoDB is the source of a table's stream, by the table's name; "*" is every table without a route of its own. The request's body is a [DynamoDBChange].
// Changes are handled in their order, until one has failed: it is the one that is reported, and DynamoDB sends everything from
// there on again. The mapping of the stream to the function has to report batch item failures; see [WholeBatch].
func DynamoDB(table string, opts ...EventOption) *EventSource {
	return newSource(FromDynamoDB, table, receiveDynamoDB, opts)
}

func dynamoDBRecord(text jsontext.Value) *record {
	var d struct {
		ID     string `json:"eventID"`
		Name   string `json:"eventName"`
		ARN    string `json:"eventSourceARN"`
		Region string `json:"awsRegion"`
		Change struct {
			Sequence string         `json:"SequenceNumber"`
			Created  float64        `json:"ApproximateCreationDateTime"`
			View     string         `json:"StreamViewType"`
			Keys     jsontext.Value `json:"Keys"`
			Old      jsontext.Value `json:"OldImage"`
			New      jsontext.Value `json:"NewImage"`
		} `json:"dynamodb"`
		User struct {
			Principal string `json:"principalId"`
		} `json:"userIdentity"`
	}
	r := newRecord(FromDynamoDB)
	if r.decode(text, &d); r.unread != nil {
		d.ID, d.ARN, d.Change.Sequence = loose(text, "eventID"), loose(text, "eventSourceARN"), loose(text, "dynamodb", "SequenceNumber")
	} else {
		r.body, r.unread = plainChange(d.Change.Keys, d.Change.Old, d.Change.New)
	}
	_, table, _ := strings.Cut(d.ARN, ":table/")
	table, _, _ = strings.Cut(table, "/")
	r.from, r.id, r.failure, r.lane = table, d.Change.Sequence, quoted(d.Change.Sequence), oneLane
	r.about = DynamoDBRecord{d.ID, d.Name, d.Change.Sequence, seconds(d.Change.Created), d.ARN, d.Region, d.Change.View, d.User.Principal == "dynamodb.amazonaws.com"}
	return r
}

// plainChange is a change as plain JSON.
func plainChange(keys, before, after jsontext.Value) ([]byte, error) {
	to, err := []byte{'{'}, error(nil)
	for _, image := range []struct {
		name  string
		value jsontext.Value
	}{{"keys", keys}, {"old", before}, {"new", after}} {
		if len(image.value) == 0 || image.value.Kind() == 'n' {
			continue
		}
		if len(to) > 1 {
			to = append(to, ',')
		}
		to = append(append(append(to, '"'), image.name...), `":`...)
		if to, err = plainItem(to, image.value, 0); err != nil {
			return nil, fmt.Errorf("the image %q: %w", image.name, err)
		}
	}
	return append(to, '}'), nil
}

// plainItem appends an item: an object whose members are attribute values.
func plainItem(to []byte, item jsontext.Value, depth int) ([]byte, error) {
	d, err := opened(item)
	if err != nil {
		return nil, err
	}
	to = append(to, '{')
	for first := true; d.PeekKind() != '}'; first = false {
		name, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		if !first {
			to = append(to, ',')
		}
		to = append(append(to, name...), ':')
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		if to, err = plainValue(to, value, depth+1); err != nil {
			return nil, err
		}
	}
	return append(to, '}'), nil
}

// maxNesting is more than the 32 levels that DynamoDB allows.
const maxNesting = 64

// plainValue appends an attribute value, such as {"S": "tea"}
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_AttributeValue.html).
func plainValue(to []byte, value jsontext.Value, depth int) ([]byte, error) {
	if depth > maxNesting {
		return nil, errors.New("a value is nested too deeply")
	}
	d, err := opened(value)
	if err != nil {
		return nil, err
	}
	name, err := d.ReadToken()
	if err != nil || name.Kind() != '"' {
		return nil, errNoAttribute
	}
	kind := name.String()
	inner, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	if d.PeekKind() != '}' {
		return nil, errNoAttribute
	}
	switch kind {
	case "S", "B":
		if inner.Kind() == '"' {
			return append(to, inner...), nil
		}
	case "N":
		return plainNumber(to, inner)
	case "BOOL":
		if k := inner.Kind(); k == 't' || k == 'f' {
			return append(to, inner...), nil
		}
	case "NULL":
		return append(to, "null"...), nil
	case "M":
		return plainItem(to, inner, depth)
	case "L", "SS", "NS", "BS":
		return plainList(to, kind, inner, depth)
	}
	return nil, errNoAttribute
}

func plainList(to []byte, kind string, list jsontext.Value, depth int) ([]byte, error) {
	if list.Kind() != '[' {
		return nil, errNoAttribute
	}
	var all []jsontext.Value
	err := json.Unmarshal(list, &all, lenient)
	if err != nil {
		return nil, err
	}
	to = append(to, '[')
	for i, v := range all {
		if i > 0 {
			to = append(to, ',')
		}
		switch {
		case kind == "L":
			to, err = plainValue(to, v, depth+1)
		case kind == "NS":
			to, err = plainNumber(to, v)
		case v.Kind() == '"':
			to = append(to, v...)
		default:
			err = errNoAttribute
		}
		if err != nil {
			return nil, err
		}
	}
	return append(to, ']'), nil
}

// plainNumber appends a number that was sent as a text, with all of its digits.
func plainNumber(to []byte, text jsontext.Value) ([]byte, error) {
	var digits string
	if err := json.Unmarshal(text, &digits, lenient); err != nil {
		return nil, errNoAttribute
	}
	number := jsontext.Value(digits)
	if number.Kind() != '0' || !number.IsValid() {
		return nil, errNoAttribute
	}
	return append(to, digits...), nil
}

var errNoAttribute = errors.New("there is a value that is none of DynamoDB")
