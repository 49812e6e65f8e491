package awslambda

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// DefaultDirectMember is the member of an event that names its [Direct] route, unless [DirectMember] says otherwise.
const DefaultDirectMember = "action"

// DirectMember is the member of events that names their [Direct] route: {"action": "reindex"}.
func DirectMember(name string) Option {
	return func(f *Function) {
		if name == "" {
			f.problem("DirectMember(\"\") is no member of an event")
		}
		f.directMember = name
	}
}

// Direct is the source of events that are sent to the function itself: by Lambda's Invoke, by Step Functions, by a schedule with an input of its own. Those
// are any JSON. The name is that in an event's member "action" (see [DirectMember]); "*" is every event that no other route is for and that no service of
// those with a source of their own has sent: what a queue without a route sends is an error, because any answer would acknowledge it.
// The event is the request's body, the answer's body the result. A status of 400 or more is an error of the invocation: its type is the code
// of the problem, such as "order_not_found", else "Status" with the status, and its message is the answer's body.
func Direct(name string, opts ...EventOption) *EventSource {
	return newSource(FromDirect, name, nil, opts)
}

// direct answers an event that is sent to the function itself.
func (f *Function) direct(ctx, reserved context.Context, to *target, name string, payload []byte) ([]byte, error) {
	r := newRecord(FromDirect)
	r.from, r.body, r.to = name, payload, to
	if inv, ok := InvocationOf(reserved); ok {
		r.id = inv.RequestID
	}
	w := &result{limit: f.limitOf(notHTTP) - headRoom}
	w.header = http.Header{}
	var err error
	ended := make(chan struct{})
	go func() { // which the handler may end
		defer close(ended)
		err = errUnwound
		err = serve(to.handler, w, r.request(reserved))
		await(ctx, w.work)
	}()
	<-ended
	if err != nil {
		return nil, err
	}
	if w.status >= http.StatusBadRequest {
		return nil, w.failure()
	}
	answer, err := w.json()
	if err == nil && int64(len(answer)) > f.limitOf(notHTTP) {
		err = &tooLarge{len(answer), f.limitOf(notHTTP), notHTTP}
	}
	if err != nil {
		return nil, failure("InvalidAnswer", err)
	}
	return answer, nil
}

// result is the ResponseWriter of what is sent to the function itself.
type result struct {
	receipt
	limit int64
	body  []byte
}

func (w *result) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// CollectLimit is for weft, which makes a body to its end before it is written.
func (w *result) CollectLimit(http.Header) int64 { return w.limit }

// json is the body as JSON, which Lambda takes alone: what is none is a JSON text, of binary content in base64.
func (w *result) json() ([]byte, error) {
	mediaType, _, _ := mime.ParseMediaType(w.header.Get("Content-Type"))
	switch {
	case len(w.body) == 0:
		return []byte("null"), nil
	case mediaType == "application/json" || strings.HasSuffix(mediaType, "+json"):
		if !jsontext.Value(w.body).IsValid() {
			return nil, errors.New("the answer's Content-Type is JSON, and its body is none")
		}
		return w.body, nil
	case utf8.Valid(w.body):
		return appendString(nil, string(w.body)), nil
	}
	return json.Marshal(w.body)
}

// failure is an answer as the error that it tells of.
func (w *result) failure() error {
	var problem struct {
		Code  string `json:"code"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(w.body, &problem, lenient) // a renderer of one's own has its own form
	kind := problem.Code
	if kind == "" {
		kind = problem.Error.Code
	}
	if kind == "" {
		kind = "Status" + strconv.Itoa(w.status)
	}
	return messages.InvokeResponse_Error{Type: kind, Message: string(w.body)}
}

// directName is the name that an event gives of its route.
func (f *Function) directName(payload jsontext.Value) string {
	if payload.Kind() != '{' {
		return ""
	}
	return loose(payload, f.directMember)
}

// noRoute says that an event is known, and that there is no route for it.
func noRoute(r *record) error {
	call := fmt.Sprintf("%s(%q)", r.service, r.from)
	if r.service == FromEventBridge {
		call = fmt.Sprintf("%s(%q, %q)", r.service, r.from, r.detail)
	}
	return failure("UnknownEvent", fmt.Errorf("there is no route for the event: declare one with App.On(awslambda.%s, …)", call))
}

var _ weft.Collector = (*result)(nil)
