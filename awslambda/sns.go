package awslambda

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// SNSMessage is what SNS says of a notification. Its map must not be changed.
type SNSMessage struct {
	ID       string    `json:"MessageId"`
	TopicARN string    `json:"TopicArn"`
	Subject  string    `json:"Subject"`
	Sent     time.Time `json:"Timestamp"`
	// MessageAttributes are the sender's. They are header fields of the request too, where they are texts or numbers.
	MessageAttributes map[string]SNSAttribute `json:"MessageAttributes"`
}

// SNSAttribute is one that the sender of a notification has given it.
type SNSAttribute struct {
	Type  string `json:"Type"`
	Value string `json:"Value"`
}

// CurrentSNSMessage is the key of the notification that a request is about. Fields with the tag value take it.
var CurrentSNSMessage = weft.NewKey[SNSMessage]("SNS message")

var receiveSNS = receiving(FromSNS, CurrentSNSMessage)

// SNS is the source of a topic's notifications, by the topic's name; "*" is every topic without a route of its own. The message is the request's body.
// A notification that fails fails the invocation, which Lambda repeats.
func SNS(topic string, opts ...EventOption) *EventSource {
	return newSource(FromSNS, topic, receiveSNS, opts)
}

func snsRecord(text jsontext.Value) *record {
	var n struct {
		SNS struct {
			SNSMessage
			Message string `json:"Message"`
		} `json:"Sns"`
	}
	r := newRecord(FromSNS)
	if r.decode(text, &n); r.unread != nil {
		n.SNS.ID, n.SNS.TopicARN = loose(text, "Sns", "MessageId"), loose(text, "Sns", "TopicArn")
	}
	m := n.SNS.SNSMessage
	r.from, r.id, r.about, r.body = ofARN(m.TopicARN, ':'), m.ID, m, []byte(n.SNS.Message)
	for name, a := range m.MessageAttributes {
		if a.Type == "String" || a.Type == "Number" {
			r.field(name, a.Value)
		}
	}
	r.orderFields()
	return r
}
