package awslambdatest

import (
	"fmt"
	"net/url"
	"strings"
)

// SNSEvent is the event of a topic's message: Lambda sends one at a time. It panics where the body cannot be JSON.
func SNSEvent(topic string, m Message) []byte {
	attributes := object{}
	for name, value := range m.Attributes {
		attributes[name] = object{"Type": "String", "Value": value}
	}
	var subject any
	if m.Subject != "" {
		subject = m.Subject
	}
	host := "https://sns." + region + ".amazonaws.com/"
	return jsonOf(object{"Records": []object{{
		"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": arn("sns", topic+":21be56ed-a058-49f5-8c98-aedd2564c486"),
		"Sns": object{
			"Type": "Notification", "MessageId": m.id(0), "TopicArn": arn("sns", topic), "Subject": subject, "Message": string(contentOf(m.Body)),
			"Timestamp": timeAt(0), "SignatureVersion": "1", "Signature": "EXAMPLE", "SigningCertUrl": host + "SimpleNotificationService.pem",
			"UnsubscribeUrl": host + "?Action=Unsubscribe", "MessageAttributes": attributes,
		},
	}}})
}

// EventBridgeEvent is an event of a bus. The detail is a value whose JSON is an object; it panics where there is none.
func EventBridgeEvent(source, detailType string, detail any) []byte {
	return jsonOf(busEvent(source, detailType, detail))
}

func busEvent(source, detailType string, detail any, resources ...string) object {
	if resources == nil {
		resources = []string{}
	}
	return object{
		"version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": detailType, "source": source, "account": account,
		"time": "2026-01-01T00:00:00Z", "region": region, "resources": resources, "detail": detail,
	}
}

// ScheduledEvent is what a rule of EventBridge sends at its time.
func ScheduledEvent(rule string) []byte {
	return jsonOf(busEvent("aws.events", "Scheduled Event", object{}, arn("events", "rule/"+rule)))
}

// SchedulerEvent is what a schedule of EventBridge Scheduler sends at its time, where it has no input of its own.
func SchedulerEvent(schedule string) []byte {
	return jsonOf(busEvent("aws.scheduler", "Scheduled Event", "{}", arn("scheduler", "schedule/default/"+schedule)))
}

// Object is one of S3 that something has happened to.
type Object struct {
	Key       string // as it is: the event has it encoded
	Size      int64
	VersionID string
	Event     string // "ObjectCreated:Put" unless said
}

// S3Event is the event of a bucket's notifications.
func S3Event(bucket string, objects ...Object) []byte {
	all := make([]object, len(objects))
	for i, o := range objects {
		about := object{"key": strings.ReplaceAll(url.QueryEscape(o.Key), "%2F", "/"), "sequencer": fmt.Sprintf("%018X", i+1)}
		if o.Event == "" {
			o.Event = "ObjectCreated:Put"
		}
		if strings.HasPrefix(o.Event, "ObjectCreated:") {
			about["size"], about["eTag"] = o.Size, "d41d8cd98f00b204e9800998ecf8427e"
		}
		if o.VersionID != "" {
			about["versionId"] = o.VersionID
		}
		all[i] = object{
			"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": region, "eventTime": timeAt(i), "eventName": o.Event,
			"userIdentity":      object{"principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE"},
			"requestParameters": object{"sourceIPAddress": "192.0.2.7"},
			"responseElements":  object{"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},
			"s3": object{
				"s3SchemaVersion": "1.0", "configurationId": "uploads",
				"bucket": object{"name": bucket, "ownerIdentity": object{"principalId": "A3NL1KOZZKExample"}, "arn": "arn:aws:s3:::" + bucket}, "object": about,
			},
		}
	}
	return jsonOf(object{"Records": all})
}
