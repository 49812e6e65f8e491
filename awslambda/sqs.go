package awslambda

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// SQSMessage is what SQS says of a message. Its maps must not be changed.
type SQSMessage struct {
	ID            string `json:"messageId"`
	ReceiptHandle string `json:"receiptHandle"`
	// Attributes are those that SQS adds, such as ApproximateReceiveCount.
	Attributes map[string]string `json:"attributes"`
	// MessageAttributes are the sender's. They are header fields of the request too, where they are texts or numbers.
	MessageAttributes map[string]MessageAttribute `json:"messageAttributes"`
	QueueARN          string                      `json:"eventSourceARN"`
	Region            string                      `json:"awsRegion"`
}

// MessageAttribute is one that the sender of a message has given it.
type MessageAttribute struct {
	// Type is String, Number or Binary, with what the sender has put behind a dot.
	Type string `json:"dataType"`
	// Text is the value of a String or a Number.
	Text string `json:"stringValue"`
	// Base64 is the value of a Binary, as it was sent.
	Base64 string `json:"binaryValue"`
}

// Bytes is the value of a Binary.
func (a MessageAttribute) Bytes() ([]byte, error) { return base64.StdEncoding.DecodeString(a.Base64) }

// CurrentSQSMessage is the key of the message that a request is about. Fields with the tag value take it.
var CurrentSQSMessage = weft.NewKey[SQSMessage]("SQS message")

// Receives is how often SQS has handed the message out, this time included.
func (m SQSMessage) Receives() int { return int(number(m.Attributes["ApproximateReceiveCount"])) }

// Sent is when SQS got the message.
func (m SQSMessage) Sent() time.Time { return time.UnixMilli(number(m.Attributes["SentTimestamp"])) }

// Group is the message group, "" where there is none.
func (m SQSMessage) Group() string { return m.Attributes["MessageGroupId"] }

// FIFO reports whether the queue keeps the order of a group's messages.
func (m SQSMessage) FIFO() bool { return strings.HasSuffix(m.QueueARN, fifoSuffix) }

const fifoSuffix = ".fifo"

var receiveSQS = receiving(FromSQS, CurrentSQSMessage)

// SQS is the source of a queue's messages, by the queue's name; "*" is every queue without a route of its own. A message's body is the request's.
// The mapping of the queue to the function has to report batch item failures; see [WholeBatch].
func SQS(queue string, opts ...EventOption) *EventSource {
	return newSource(FromSQS, queue, receiveSQS, opts)
}

func sqsRecord(text jsontext.Value) *record {
	var m struct {
		SQSMessage
		Body string `json:"body"`
	}
	r := newRecord(FromSQS)
	if r.decode(text, &m); r.unread != nil {
		m.ID, m.QueueARN = loose(text, "messageId"), loose(text, "eventSourceARN")
		m.Attributes = map[string]string{"MessageGroupId": loose(text, "attributes", "MessageGroupId")}
	}
	r.from, r.id, r.failure, r.about, r.body = ofARN(m.QueueARN, ':'), m.ID, quoted(m.ID), m.SQSMessage, []byte(m.Body)
	if m.FIFO() {
		r.lane = "group " + m.Group()
	}
	for name, a := range m.MessageAttributes {
		if a.Text != "" {
			r.field(name, a.Text)
		}
	}
	r.orderFields()
	r.trace(m.Attributes["AWSTraceHeader"])
	return r
}
