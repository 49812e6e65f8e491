package tracing

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// What is said of a record of a source of events. Nothing of it is HTTP, though it is answered as if. The conventions for messaging
// do not fit either: they demand the name of the system, which the name of a source does not tell, and not every source has messages.
const (
	eventSource = attribute.Key("weft.event.source") // the pattern of the route
	eventStatus = attribute.Key("weft.event.status") // of the answer: from 400 on, the record has failed
)

// kind is the kind of the request's span.
func (r *request) kind() trace.SpanKind {
	if r.event != nil {
		return trace.SpanKindConsumer
	}
	return trace.SpanKindServer
}

// source is where a record comes from.
func (r *request) source() attribute.KeyValue { return eventSource.String(valid(r.event.Pattern())) }

// status is the attribute for the status of an answer.
func (r *request) status(code int) attribute.KeyValue {
	if r.event != nil {
		return eventStatus.Int(code)
	}
	return semconv.HTTPResponseStatusCode(code)
}

// failed reports whether a request has failed by the status of its answer. A record has where the answer blames its sender, too: it is
// sent again, or lost, and its sender does not hear of it.
func (r *request) failed(status int) bool {
	least := http.StatusInternalServerError
	if r.event != nil {
		least = http.StatusBadRequest
	}
	return status == 0 || status >= least
}
