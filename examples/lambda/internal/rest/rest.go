// Package rest has the events of an API Gateway REST API (payload 1.0), as far as the examples look at them, and its answers.
package rest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/textproto"
)

// Event is a request. It declares what is used: of all else it does not matter which type a console or a test gave it, as where it
// has the text "None" in place of a map. Events of aws-lambda-go, which declare everything, are refused there.
type Event struct {
	Path            string  `json:"path"`
	Method          string  `json:"httpMethod"`
	Headers         Headers `json:"headers"`
	Body            string  `json:"body"`
	IsBase64Encoded bool    `json:"isBase64Encoded"`
	Context         Context `json:"requestContext"`
}

// Context is what the API says of the request.
type Context struct {
	RequestID   string `json:"requestId"`
	RequestTime string `json:"requestTime"`
	Identity    struct {
		SourceIP string `json:"sourceIp"`
	} `json:"identity"`
}

// Content is the body as it was sent.
func (e *Event) Content() ([]byte, error) {
	if e.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(e.Body)
	}
	return []byte(e.Body), nil
}

// Headers are those of a request, their names in the form of net/http: clients may write them as they like (RFC 9110 section 5.1).
type Headers map[string]string

// UnmarshalJSON reads an object of texts. Anything else is no headers.
func (h *Headers) UnmarshalJSON(text []byte) error {
	var fields map[string]string
	if json.Unmarshal(text, &fields) != nil {
		fields = nil
	}
	*h = Headers{}
	for name, value := range fields {
		(*h)[textproto.CanonicalMIMEHeaderKey(name)] = value
	}
	return nil
}

// Lookup is a field, and whether there is one.
func (h Headers) Lookup(name string) (value string, there bool) {
	value, there = h[textproto.CanonicalMIMEHeaderKey(name)]
	return value, there
}

// Response is an answer. All of its fields go into the one map that takes every field, also one with several values.
type Response struct {
	Status          int                 `json:"statusCode"`
	Body            string              `json:"body"`
	IsBase64Encoded bool                `json:"isBase64Encoded"`
	Headers         map[string][]string `json:"multiValueHeaders,omitempty"`
}

// JSON answers with a value.
func JSON(status int, value any) (Response, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: status, Body: string(body), Headers: map[string][]string{"Content-Type": {"application/json"}}}, nil
}

// Failure answers with a message, as the event handler of Powertools does.
func Failure(status int, message string) (Response, error) {
	return JSON(status, struct {
		Status  int    `json:"statusCode"`
		Message string `json:"message"`
	}{status, message})
}

// NotFound is the answer to a path that there is not.
func NotFound() (Response, error) { return Failure(http.StatusNotFound, "Not found") }

// With adds a field, and leaves r as it is.
func (r Response) With(name, value string) Response {
	fields := make(map[string][]string, len(r.Headers)+1)
	for n, v := range r.Headers {
		fields[n] = v
	}
	fields[name] = []string{value}
	r.Headers = fields
	return r
}
