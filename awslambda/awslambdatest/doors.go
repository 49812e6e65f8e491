// Package awslambdatest is AWS in front of a function, for tests: it makes events of requests as the front doors do, and reads the answers as they
// do. [RuntimeAPI] is what stands behind a function's process.
package awslambdatest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/wefttest"
)

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

// Doors are all of them.
func Doors() []Door {
	return []Door{RESTAPI, HTTPAPI, HTTPAPI1, FunctionURL, FunctionURLStreams, RESTAPIStreams, ALB, ALBMultiValue, Lattice1, Lattice2}
}

// Differs is what is documented to be different behind the door from a connection.
func (d Door) Differs() []wefttest.Difference {
	different := []wefttest.Difference{wefttest.Collects}
	if d.streams() {
		different = nil
	}
	switch d {
	case HTTPAPI:
		return append(different, wefttest.DecodesPath, wefttest.JoinsHeaders, wefttest.JoinsAnswers)
	case HTTPAPI1:
		return append(different, wefttest.DecodesPath)
	case FunctionURL, FunctionURLStreams:
		return append(different, wefttest.JoinsHeaders, wefttest.JoinsAnswers)
	case ALB:
		return append(different, wefttest.LastHeader, wefttest.LastParameter, wefttest.LastCookie, wefttest.JoinsAnswers)
	case Lattice1:
		return append(different, wefttest.JoinsHeaders, wefttest.LastCookie, wefttest.JoinsAnswers)
	case Lattice2:
		return append(different, wefttest.LastCookie, wefttest.JoinsAnswers)
	}
	return different
}

func (d Door) streams() bool { return d == FunctionURLStreams || d == RESTAPIStreams }

// Transport carries requests to the server by events. It is what [wefttest.TestTransport] takes.
func Transport(srv *weft.Server, d Door, opts ...awslambda.Option) wefttest.Carry {
	if d.streams() {
		opts = append(slices.Clip(opts), awslambda.Streaming())
	}
	f, err := awslambda.New(srv, opts...)
	return func(hr *http.Request) (*http.Response, error) {
		if err != nil {
			return nil, err
		}
		event, err := Event(d, hr)
		if err != nil {
			return nil, err
		}
		answer, err := f.Stream(hr.Context(), event)
		if err != nil {
			return nil, err
		}
		return Answer(d, hr, answer)
	}
}

type object = map[string]any

// Event is what the door makes of a request. The request is as a server gets it, or as a client makes it.
func Event(d Door, hr *http.Request) ([]byte, error) {
	var body []byte
	if hr.Body != nil {
		var err error
		if body, err = io.ReadAll(hr.Body); err != nil {
			return nil, err
		}
	}
	target := hr.RequestURI
	if target == "" {
		target = hr.URL.RequestURI()
	}
	rawPath, rawQuery, _ := strings.Cut(target, "?")
	header := hr.Header.Clone()
	header.Set("Host", hr.Host)
	if len(body) > 0 && header["Content-Length"] == nil {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	event := object{"isBase64Encoded": false}
	if encode := len(body) > 0 && !isText(header.Get("Content-Type"), body); encode {
		event["body"], event["isBase64Encoded"] = base64.StdEncoding.EncodeToString(body), true
	} else {
		event["body"] = string(body)
	}
	decoded, err := url.PathUnescape(rawPath)
	if err != nil {
		return nil, fmt.Errorf("the door answers 400: %w", err)
	}
	switch d {
	case RESTAPI, RESTAPIStreams, HTTPAPI1:
		event["httpMethod"], event["resource"], event["path"] = hr.Method, "/{proxy+}", rawPath
		event["headers"], event["multiValueHeaders"] = last(header, asIs), all(header, asIs)
		event["queryStringParameters"], event["multiValueQueryStringParameters"] = decodedMaps(rawQuery)
		c := object{"stage": "prod", "apiId": "a1", "requestId": "door-1", "httpMethod": hr.Method, "identity": object{"sourceIp": "192.0.2.7"}, "domainName": "a1.execute-api.eu-west-1.amazonaws.com"}
		if d == HTTPAPI1 {
			event["version"], event["path"] = "1.0", upTo(decoded, '?')
			c["path"] = upTo(decoded, '?')
		} else {
			c["resourcePath"], c["path"] = "/{proxy+}", "/prod"+rawPath
		}
		if len(body) == 0 {
			event["body"] = nil
		}
		event["requestContext"] = c
	case HTTPAPI, FunctionURL, FunctionURLStreams:
		domain := "a1.execute-api.eu-west-1.amazonaws.com"
		event["rawPath"] = upTo(decoded, '?')
		joined := all(header, strings.ToLower)
		if cookies := cookiesOf(header); len(cookies) > 0 {
			event["cookies"] = cookies
		}
		if d == HTTPAPI {
			delete(joined, "cookie")
		} else {
			domain, event["rawPath"] = "a1.lambda-url.eu-west-1.on.aws", rawPath
			if cookies := joined["cookie"]; len(cookies) > 0 {
				joined["cookie"] = []string{strings.Join(cookies, "; ")}
			}
		}
		event["version"], event["routeKey"], event["rawQueryString"] = "2.0", "$default", rawQuery
		event["headers"] = joinedMap(joined)
		event["requestContext"] = object{"stage": "$default", "apiId": "a1", "requestId": "door-1", "domainName": domain, "http": object{
			"method": hr.Method, "path": decoded, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": ""}}
	case ALB, ALBMultiValue:
		event["httpMethod"], event["path"] = hr.Method, rawPath
		header.Set("X-Forwarded-For", strings.TrimPrefix(header.Get("X-Forwarded-For")+", 192.0.2.7", ", "))
		event["requestContext"] = object{"elb": object{"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}}
		params := pairs(rawQuery)
		if d == ALBMultiValue {
			event["multiValueHeaders"], event["multiValueQueryStringParameters"] = all(header, strings.ToLower), params
		} else {
			single := map[string]string{}
			for name, values := range params {
				single[name] = values[len(values)-1]
			}
			event["headers"], event["queryStringParameters"] = last(header, strings.ToLower), single
		}
	case Lattice1:
		header.Set("X-Forwarded-For", "192.0.2.7")
		event["method"], event["raw_path"], event["headers"] = hr.Method, target, joinedMap(all(header, strings.ToLower))
		event["is_base64_encoded"] = event["isBase64Encoded"]
		delete(event, "isBase64Encoded")
	case Lattice2:
		header.Set("X-Forwarded-For", "192.0.2.7")
		event["version"], event["method"], event["path"], event["headers"] = "2.0", hr.Method, target, all(header, strings.ToLower)
		event["queryStringParameters"] = pairs(rawQuery)
		event["requestContext"] = object{"serviceNetworkArn": "arn:aws:vpc-lattice:eu-west-1:1:servicenetwork/sn-1", "region": "eu-west-1"}
	default:
		return nil, fmt.Errorf("there is no front door %q", d)
	}
	return json.Marshal(event)
}

func asIs(name string) string { return name }

func upTo(text string, end byte) string {
	text, _, _ = strings.Cut(text, string(end))
	return text
}

func last(h http.Header, named func(string) string) map[string]string {
	m := map[string]string{}
	for name, values := range h {
		m[named(name)] = values[len(values)-1]
	}
	return m
}

func all(h http.Header, named func(string) string) map[string][]string {
	m := map[string][]string{}
	for name, values := range h {
		m[named(name)] = values
	}
	return m
}

func joinedMap(h map[string][]string) map[string]string {
	m := map[string]string{}
	for name, values := range h {
		m[name] = strings.Join(values, ",")
	}
	return m
}

func cookiesOf(h http.Header) (cookies []string) {
	for _, line := range h["Cookie"] {
		cookies = append(cookies, strings.Split(line, "; ")...)
	}
	return cookies
}

// decodedMaps are the parameters of a REST API.
func decodedMaps(query string) (single map[string]string, multi map[string][]string) {
	single, multi = map[string]string{}, map[string][]string{}
	for name, values := range pairs(query) {
		name = unescaped(name)
		for _, v := range values {
			multi[name] = append(multi[name], unescaped(v))
			single[name] = unescaped(v)
		}
	}
	return single, multi
}

func unescaped(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}

// pairs are parameters as they were sent.
func pairs(query string) map[string][]string {
	m := map[string][]string{}
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		m[name] = append(m[name], value)
	}
	return m
}

// isText reports whether an HTTP API sends a body as text.
func isText(contentType string, body []byte) bool {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch mediaType {
	case "application/json", "application/xml", "application/javascript":
	default:
		if !strings.HasPrefix(mediaType, "text/") {
			return false
		}
	}
	return utf8.Valid(body)
}

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

// Answer is what the client gets of a function's answer. An error is the door's 502.
func Answer(d Door, hr *http.Request, from io.Reader) (*http.Response, error) {
	var text []byte
	var body io.ReadCloser
	closer, _ := from.(io.Closer)
	if d.streams() {
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
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("the answer is no object: %w", err)
	}
	for name, value := range members {
		if !slices.Contains(d.members(), name) {
			return nil, fmt.Errorf("%s does not know the member %q of an answer", d, name)
		}
		if string(value) == "null" {
			return nil, fmt.Errorf("the member %q of the answer is null", name)
		}
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("the answer is malformed: %w", err)
	}
	if a.Status == nil || *a.Status < 100 || *a.Status > 599 {
		return nil, fmt.Errorf("the answer has no status: %s", text)
	}
	if (d == ALB || d == ALBMultiValue) && a.Description == "" {
		return nil, errors.New("the answer has no statusDescription")
	}
	if d == ALBMultiValue && a.Multi == nil || d == ALB && a.Header == nil {
		return nil, errors.New("the answer has not the header that its event had")
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
	if a.Body == nil {
		return nil, errors.New("the answer has no body")
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
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err) // which a client sees of it
	}
	return n, err
}

func (b *streamedBody) Close() error { return closed(b.closer) }
