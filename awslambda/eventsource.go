package awslambda

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/weft-go/weft"
)

// EventSource is where records come from: what [weft.App.On] is given. It is made by [SQS], [SNS] and so on.
type EventSource struct {
	service Source
	name    string // of the queue, the topic or the like
	detail  string // of EventBridge
	scheme  string // of its records' URLs
	receive weft.Middleware
	err     error

	atOnce      int
	wholeBatch  bool
	noneIsError bool
	stops       bool
}

// anyName is every queue, topic or the like that has no route of its own.
const anyName = "*"

// EventOption says something about an [EventSource].
type EventOption func(*EventSource)

// Concurrency is how many records of a batch may be handled at once; 1 unless said. Order is kept where the source has one: of a FIFO queue the messages
// of a group, of Kafka the records of a partition, of Kinesis and DynamoDB the records of a shard, which is all of a batch, come one after the other.
func Concurrency(n int) EventOption {
	return func(s *EventSource) {
		s.batchOnly("Concurrency")
		if n < 1 {
			s.fault("Concurrency(%d) handles no record", n)
		}
		s.atOnce = n
	}
}

// WholeBatch fails the invocation where any record fails, so that all of the batch is sent again. It is for event source mappings
// without ReportBatchItemFailures, for which Lambda takes whatever else is answered for a success.
func WholeBatch() EventOption {
	return func(s *EventSource) { s.batchOnly("WholeBatch"); s.wholeBatch = true }
}

// FailIfNoneSucceeds fails the invocation where every record of a batch has failed, so that it counts among the function's errors. What is sent again is the same.
func FailIfNoneSucceeds() EventOption {
	return func(s *EventSource) { s.batchOnly("FailIfNoneSucceeds"); s.noneIsError = true }
}

// StopAtFailure handles the messages of a FIFO queue's batch one after the other, and none when one has failed, of whatever group. Without it the other groups
// go on, whose order that does not touch.
func StopAtFailure() EventOption {
	return func(s *EventSource) {
		if s.service != FromSQS || s.name != anyName && !strings.HasSuffix(s.name, fifoSuffix) {
			s.fault(`StopAtFailure is for a FIFO queue of SQS, whose name ends in "%s"`, fifoSuffix)
		}
		s.stops = true
	}
}

func (s *EventSource) batchOnly(option string) {
	if !s.partial() {
		s.fault("%s is for sources with partial batch responses: SQS, Kinesis, DynamoDB and Kafka", option)
	}
}

func (s *EventSource) fault(text string, args ...any) {
	s.err = errors.Join(s.err, fmt.Errorf(text, args...))
}

func newSource(of Source, name string, receive weft.Middleware, opts []EventOption) *EventSource {
	s := &EventSource{service: of, name: name, scheme: strings.ToLower(string(of)), receive: receive, atOnce: 1}
	if name == "" {
		s.fault(`%s("") names nothing; "*" is everything that has no route of its own`, of)
	}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	return s
}

// Name is the service with the name, such as "SQS orders".
func (s *EventSource) Name() string { return routeName(s.service, s.name, s.detail) }

func routeName(of Source, name, detail string) string {
	if detail != "" {
		return string(of) + " " + name + " " + detail
	}
	return string(of) + " " + name
}

// Receive is the stage that provides a record's metadata.
func (s *EventSource) Receive() weft.Middleware { return s.receive }

// Err is why there can be no such source, or nil.
func (s *EventSource) Err() error { return s.err }

// receiving is the outermost stage of a source's route. It ends the way of a record that cannot be read, and logs failures that are the sender's fault, which
// nobody would hear of otherwise: those of the server are logged where they arise.
func receiving[T any](of Source, key *weft.Key[T]) weft.Middleware {
	return weft.NewMiddleware("from "+string(of), func(r *weft.Request, next weft.Next) weft.Response {
		rec := recordOf(r.Context())
		if rec == nil {
			return weft.Fail(errNoRecord)
		}
		var resp weft.Response
		if rec.unread != nil {
			resp = weft.Fail(unreadable(rec.unread))
		} else {
			key.Set(r, rec.about.(T))
			resp = next(r)
		}
		if status := resp.Status(); status >= 400 && status < 500 {
			why := fmt.Sprint(resp.Err())
			if rec.unread != nil {
				why = "it cannot be read: " + rec.unread.Error()
			}
			weft.Logger(r.Context()).WarnContext(r.Context(), "a record was refused", "record", rec.id, "status", status, "error", why)
		}
		return resp
	}, weft.Provides(key))
}

var errNoRecord = errors.New("awslambda: the request is no record of an event")

// unreadable is a failure of the record, not of the function.
func unreadable(cause error) error {
	return &weft.InvalidRequest{Status: 400, Fields: []weft.FieldError{{Source: weft.SourceRequest, Code: weft.CodeMalformed, Cause: cause}}}
}

// target is a source of the app's, with what answers its records.
type target struct {
	source  *EventSource
	handler http.Handler
}

// targets are those of an app by the names of their routes.
type targets map[string]*target

func targetsOf(srv *weft.Server) targets {
	all := targets{}
	for from, h := range srv.Events() {
		if s, ours := from.(*EventSource); ours {
			all[s.Name()] = &target{s, h}
		}
	}
	return all
}

// find is where a record of a service belongs: the route for what it comes from, or that for everything else.
func (t targets) find(of Source, name string) *target {
	if found := t[routeName(of, name, "")]; found != nil {
		return found
	}
	return t[routeName(of, anyName, "")]
}

// ofARN is the part of an ARN behind the last of a mark: "arn:aws:sqs:eu-west-1:1:orders" and ':' is "orders".
func ofARN(arn string, mark byte) string { return arn[strings.LastIndexByte(arn, mark)+1:] }
