package doors

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

type object = map[string]any

// About is what a door knows beside the request. What is zero has a default.
type About struct {
	RequestID string    // "door-1"
	SourceIP  string    // 192.0.2.7, which is for documentation (RFC 5737)
	Time      time.Time // none
}

// Event is what the door makes of a request. The request is as a server gets it, or as a client makes it.
func Event(d Door, hr *http.Request, about About) ([]byte, error) {
	var body []byte
	if hr.Body != nil {
		var err error
		if body, err = io.ReadAll(hr.Body); err != nil {
			return nil, err
		}
	}
	if about.RequestID == "" {
		about.RequestID = "door-1"
	}
	if about.SourceIP == "" {
		about.SourceIP = "192.0.2.7"
	}
	target := hr.RequestURI
	if !strings.HasPrefix(target, "/") { // a client's, or one for a proxy
		target = hr.URL.RequestURI()
	}
	rawPath, rawQuery, _ := strings.Cut(target, "?")
	method := hr.Method
	if method == "" {
		method = http.MethodGet // as net/http has it
	}
	header := headerOf(hr, len(body))
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
		event["httpMethod"], event["resource"], event["path"] = method, "/{proxy+}", rawPath
		event["headers"], event["multiValueHeaders"] = last(header, asIs), all(header, asIs)
		event["queryStringParameters"], event["multiValueQueryStringParameters"] = decodedMaps(rawQuery)
		c := object{"stage": "prod", "apiId": "a1", "requestId": about.RequestID, "httpMethod": method, "identity": object{"sourceIp": about.SourceIP}, "domainName": "a1.execute-api.eu-west-1.amazonaws.com"}
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
		event["requestContext"] = object{"stage": "$default", "apiId": "a1", "requestId": about.RequestID, "domainName": domain, "http": object{
			"method": method, "path": decoded, "protocol": "HTTP/1.1", "sourceIp": about.SourceIP, "userAgent": header.Get("User-Agent")}}
	case ALB, ALBMultiValue:
		event["httpMethod"], event["path"] = method, rawPath
		header.Set("X-Forwarded-For", strings.TrimPrefix(header.Get("X-Forwarded-For")+", "+about.SourceIP, ", "))
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
		header.Set("X-Forwarded-For", about.SourceIP)
		event["method"], event["raw_path"], event["headers"] = method, target, joinedMap(all(header, strings.ToLower))
		event["is_base64_encoded"] = event["isBase64Encoded"]
		delete(event, "isBase64Encoded")
	case Lattice2:
		header.Set("X-Forwarded-For", about.SourceIP)
		event["version"], event["method"], event["path"], event["headers"] = "2.0", method, target, all(header, strings.ToLower)
		event["queryStringParameters"] = pairs(rawQuery)
		event["requestContext"] = object{"serviceNetworkArn": "arn:aws:vpc-lattice:eu-west-1:1:servicenetwork/sn-1", "region": "eu-west-1"}
	default:
		return nil, fmt.Errorf("there is no front door %q", d)
	}
	if c, ok := event["requestContext"].(object); ok && !about.Time.IsZero() {
		stamp(d, c, about.Time)
	}
	return json.Marshal(event)
}

// stamp adds when the door has got the request.
func stamp(d Door, c object, at time.Time) {
	const asInLogs = "02/Jan/2006:15:04:05 -0700"
	switch d {
	case RESTAPI, RESTAPIStreams, HTTPAPI1:
		c["requestTime"], c["requestTimeEpoch"] = at.UTC().Format(asInLogs), at.UnixMilli()
	case HTTPAPI, FunctionURL, FunctionURLStreams:
		c["time"], c["timeEpoch"] = at.UTC().Format(asInLogs), at.UnixMilli()
	case Lattice2:
		c["timeEpoch"] = strconv.FormatInt(at.UnixMicro(), 10)
	}
}

// headerOf is the header as it is sent: with its host and length, and without fields that have no value.
func headerOf(hr *http.Request, length int) http.Header {
	header := http.Header{}
	for name, values := range hr.Header {
		if len(values) > 0 {
			header[name] = slices.Clone(values)
		}
	}
	host := hr.Host
	if host == "" && hr.URL != nil {
		host = hr.URL.Host
	}
	if host != "" {
		header.Set("Host", host)
	}
	if length > 0 && header["Content-Length"] == nil {
		header.Set("Content-Length", strconv.Itoa(length))
	}
	return header
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
