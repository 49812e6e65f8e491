package doors

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// answer is all that an answer can have.
type answer struct {
	Status      *int                `json:"statusCode"`
	Description string              `json:"statusDescription"`
	Header      map[string]string   `json:"headers"`
	Multi       map[string][]string `json:"multiValueHeaders"`
	Cookies     []string            `json:"cookies"`
	Body        *string             `json:"body"`
	Base64      bool                `json:"isBase64Encoded"`
}

// members are those that an answer may have; for any other the door answers 502.
func (d Door) members() []string {
	switch d {
	case RESTAPI, HTTPAPI1:
		return []string{"statusCode", "multiValueHeaders", "headers", "body", "isBase64Encoded"}
	case RESTAPIStreams:
		return []string{"statusCode", "multiValueHeaders", "headers", "cookies"}
	case HTTPAPI, FunctionURL, FunctionURLStreams:
		return []string{"statusCode", "headers", "cookies", "body", "isBase64Encoded"}
	case ALB:
		return []string{"statusCode", "statusDescription", "headers", "body", "isBase64Encoded"}
	case ALBMultiValue:
		return []string{"statusCode", "statusDescription", "multiValueHeaders", "body", "isBase64Encoded"}
	}
	return []string{"statusCode", "headers", "body", "isBase64Encoded"}
}

// Answer is what the client gets of a function's answer. An error is the door's 502. It is strict: what is not documented is an error.
func Answer(d Door, hr *http.Request, from io.Reader) (*http.Response, error) {
	return read(d, hr, from, true)
}

// AnswerOfAny is [Answer] for functions made by whatever means. It is as lenient as the door is: with members that are null or unknown, and of payload 2.0 with answers that
// are nothing but the body.
func AnswerOfAny(d Door, hr *http.Request, from io.Reader) (*http.Response, error) {
	return read(d, hr, from, false)
}

func read(d Door, hr *http.Request, from io.Reader, strict bool) (*http.Response, error) {
	var text []byte
	var body io.ReadCloser
	closer, _ := from.(io.Closer)
	if d.Streams() {
		prelude, rest, err := split(from)
		if err != nil {
			return nil, errors.Join(err, closed(closer))
		}
		text, body = prelude, &streamedBody{rest, closer}
	} else {
		var err error
		if text, err = io.ReadAll(from); err != nil {
			return nil, err
		}
	}
	a, err := d.parse(text, strict)
	if err != nil {
		if body != nil {
			err = errors.Join(err, body.Close())
		}
		return nil, err
	}
	resp := &http.Response{StatusCode: *a.Status, Status: strconv.Itoa(*a.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: hr}
	for name, value := range a.Header {
		if a.Multi[name] == nil {
			resp.Header.Set(name, value)
		}
	}
	for name, values := range a.Multi {
		for _, v := range values {
			resp.Header.Add(name, v)
		}
	}
	for _, c := range a.Cookies {
		resp.Header.Add("Set-Cookie", c)
	}
	if body != nil {
		resp.Body, resp.ContentLength = body, -1
		return resp, nil
	}
	content := []byte(*a.Body)
	if a.Base64 {
		var err error
		if content, err = base64.StdEncoding.DecodeString(*a.Body); err != nil {
			return nil, fmt.Errorf("the body of the answer is no base64: %w", err)
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	return resp, nil
}

// parse reads the JSON of an answer.
func (d Door) parse(text []byte, strict bool) (*answer, error) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(text, &members)
	if !strict && d.infers() && json.Valid(text) && members["statusCode"] == nil {
		return inferred(text), nil
	}
	if err != nil || members == nil {
		return nil, errors.Join(errors.New("the answer is no object"), err)
	}
	for name, value := range members {
		switch isNull := string(value) == "null"; {
		case !strict && isNull:
			delete(members, name)
		case !strict && d != RESTAPI && d != RESTAPIStreams: // which alone is known to refuse them
		case !slices.Contains(d.members(), name):
			return nil, fmt.Errorf("%s does not know the member %q of an answer", d, name)
		case isNull:
			return nil, fmt.Errorf("the member %q of the answer is null", name)
		}
	}
	a := &answer{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("the answer is malformed: %w", err)
	}
	if a.Status == nil || *a.Status < 100 || *a.Status > 599 {
		return nil, fmt.Errorf("the answer has no status: %s", text)
	}
	if strict && (d == ALB || d == ALBMultiValue) && a.Description == "" {
		return nil, errors.New("the answer has no statusDescription")
	}
	if d == ALBMultiValue && a.Multi == nil || d == ALB && a.Header == nil {
		return nil, errors.New("the answer has not the header that its event had")
	}
	if a.Body == nil && !d.Streams() {
		if strict {
			return nil, errors.New("the answer has no body")
		}
		a.Body = new(string)
	}
	if !strict {
		d.forget(a)
	}
	return a, nil
}

// infers reports whether the door takes an answer without a status for the body of one
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
func (d Door) infers() bool { return d == HTTPAPI || d == FunctionURL }

// inferred is an answer that is nothing but its body: of a text what it says, and else the JSON.
func inferred(text []byte) *answer {
	status, body := http.StatusOK, string(text)
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		body = plain
	}
	return &answer{Status: &status, Header: map[string]string{"Content-Type": "application/json"}, Body: &body}
}

// forget takes from an answer what the door does not read.
func (d Door) forget(a *answer) {
	members := d.members()
	if !slices.Contains(members, "headers") {
		a.Header = nil
	}
	if !slices.Contains(members, "multiValueHeaders") {
		a.Multi = nil
	}
	if !slices.Contains(members, "cookies") {
		a.Cookies = nil
	}
}

func closed(c io.Closer) error {
	if c == nil {
		return nil
	}
	return c.Close()
}

// split reads the head of an answer that is streamed.
func split(from io.Reader) (prelude []byte, rest io.Reader, err error) {
	end := make([]byte, 8)
	one := make([]byte, 1)
	for !bytes.HasSuffix(prelude, end) {
		if _, err := io.ReadFull(from, one); err != nil {
			return nil, nil, fmt.Errorf("the answer ends within its head: %w", err)
		}
		prelude = append(prelude, one[0])
	}
	return bytes.TrimRight(prelude, "\x00"), from, nil
}

type streamedBody struct {
	io.Reader
	closer io.Closer
}

func (b *streamedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err) // which a client sees of it
	}
	return n, err
}

func (b *streamedBody) Close() error { return closed(b.closer) }
