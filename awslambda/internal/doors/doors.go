// Package doors makes events of requests as AWS's front doors do, and reads the answers of functions as they do.
package doors

// Door is a front door, with the form of its events.
type Door string

// The front doors.
const (
	RESTAPI            Door = "REST API"
	HTTPAPI            Door = "HTTP API"
	HTTPAPI1           Door = "HTTP API, payload 1.0"
	FunctionURL        Door = "function URL"
	FunctionURLStreams Door = "function URL, streaming"
	RESTAPIStreams     Door = "REST API, streaming"
	ALB                Door = "ALB"
	ALBMultiValue      Door = "ALB, multi-value headers"
	Lattice1           Door = "VPC Lattice 1"
	Lattice2           Door = "VPC Lattice 2"
)

// All are all of them.
func All() []Door {
	return []Door{RESTAPI, HTTPAPI, HTTPAPI1, FunctionURL, FunctionURLStreams, RESTAPIStreams, ALB, ALBMultiValue, Lattice1, Lattice2}
}

// Streams reports whether the door passes answers on while they are made.
func (d Door) Streams() bool { return d == FunctionURLStreams || d == RESTAPIStreams }

// RequestLimit is how many bytes a body may have (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, and those of the doors).
// The event that is made of it may have no more than [EventLimit].
func (d Door) RequestLimit() int64 {
	switch d {
	case RESTAPI, RESTAPIStreams, HTTPAPI, HTTPAPI1:
		return 10 << 20
	case ALB, ALBMultiValue:
		return 1 << 20
	}
	return 6 << 20
}

// AnswerLimit is how many bytes the JSON of an answer may have, 0 where it is streamed.
func (d Door) AnswerLimit() int64 {
	switch {
	case d.Streams():
		return 0
	case d == ALB || d == ALBMultiValue:
		return 1 << 20
	}
	return EventLimit
}

// EventLimit is how many bytes an event may have, and an answer that is not streamed.
const EventLimit = 6 << 20
