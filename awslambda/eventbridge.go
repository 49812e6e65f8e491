package awslambda

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// EventBridgeEvent is what EventBridge says of an event. Its slice must not be changed.
type EventBridgeEvent struct {
	ID         string    `json:"id"`
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Region     string    `json:"region"`
	Time       time.Time `json:"time"`
	Resources  []string  `json:"resources"`
}

// CurrentEventBridgeEvent is the key of the event that a request is about, also of a [Schedule]'s. Fields with the tag value take it.
var CurrentEventBridgeEvent = weft.NewKey[EventBridgeEvent]("EventBridge event")

var (
	receiveEventBridge = receiving(FromEventBridge, CurrentEventBridgeEvent)
	receiveSchedule    = receiving(FromSchedule, CurrentEventBridgeEvent)
)

// EventBridge is the source of events with that source and detail type; "*" is every one for which there is no closer route. The detail is the request's
// body. An event that fails fails the invocation, which Lambda repeats.
func EventBridge(source, detailType string, opts ...EventOption) *EventSource {
	s := newSource(FromEventBridge, source, receiveEventBridge, opts)
	if s.detail = detailType; detailType == "" {
		s.fault(`EventBridge(%q, "") names no detail type; "*" is every one`, source)
	}
	return s
}

// Schedule is the source of what a rule of EventBridge or a schedule of EventBridge Scheduler sends at its time, by the rule's or schedule's name; "*" is every one without a
// route of its own. The request's body is the event's detail, an empty object unless somebody wrote one. A rule or schedule with an input of its
// own sends nothing but that: it is for [Direct]. One that fails fails the invocation, which Lambda repeats.
func Schedule(name string, opts ...EventOption) *EventSource {
	return newSource(FromSchedule, name, receiveSchedule, opts)
}

func eventBridgeRecord(text jsontext.Value) *record {
	var e struct {
		EventBridgeEvent
		Detail jsontext.Value `json:"detail"`
	}
	r := newRecord(FromEventBridge)
	if r.decode(text, &e); r.unread != nil {
		e.ID, e.Source, e.DetailType = loose(text, "id"), loose(text, "source"), loose(text, "detail-type")
	}
	r.from, r.detail, r.id, r.about, r.body = e.Source, e.DetailType, e.ID, e.EventBridgeEvent, e.Detail
	if name := e.schedule(); name != "" {
		r.service, r.from, r.detail = FromSchedule, name, ""
		if e.Detail.Kind() == '"' { // as Scheduler sends it
			var inner string
			if json.Unmarshal(e.Detail, &inner, lenient) == nil {
				r.body = []byte(inner)
			}
		}
	}
	return r
}

// schedule is the name of the rule or schedule that has sent an event, "" where it is none of those.
func (e *EventBridgeEvent) schedule() string {
	if e.DetailType != "Scheduled Event" || e.Source != "aws.events" && e.Source != "aws.scheduler" {
		return ""
	}
	for _, arn := range e.Resources {
		if strings.Contains(arn, ":rule/") || strings.Contains(arn, ":schedule/") {
			return ofARN(arn, '/')
		}
	}
	return anyName
}

// findEvent is where an event of EventBridge belongs: the closest route.
func (t targets) findEvent(r *record) *target {
	source, detailType := r.from, r.detail
	if r.service == FromSchedule {
		if found := t.find(FromSchedule, r.from); found != nil {
			return found
		}
		e := r.about.(EventBridgeEvent)
		source, detailType = e.Source, e.DetailType
	}
	for _, name := range [...][2]string{{source, detailType}, {source, anyName}, {anyName, detailType}, {anyName, anyName}} {
		if found := t[routeName(FromEventBridge, name[0], name[1])]; found != nil {
			return found
		}
	}
	return nil
}
