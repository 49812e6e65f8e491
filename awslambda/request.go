package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// refused says that an event is no request that net/http would hand on. The front doors do not send such; it is a 400, as it is there.
type refused struct{ reason string }

func (e *refused) Error() string { return e.reason }

// request makes the request that the event is about, as net/http would have.
func (f *Function) request(ctx context.Context, e *event, form format) (*http.Request, error) {
	method, path, query := e.target(form)
	if f.stripStage {
		path = e.withoutStage(form, path)
	}
	for _, prefix := range f.basePaths {
		if rest, cut := cutSegments(path, prefix); cut {
			path = rest
			break
		}
	}
	if !isToken(method) {
		return nil, &refused{"the method of the event is no token (RFC 9110 section 9.1)"}
	}
	target := path
	if query != "" {
		target += "?" + query
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, &refused{"the path of the event is none (RFC 9112 section 3.2)"}
	}
	hr := new(http.Request).WithContext(ctx)
	hr.Method, hr.URL, hr.RequestURI = method, u, target
	hr.Proto, hr.ProtoMajor, hr.ProtoMinor = "HTTP/1.1", 1, 1
	if hr.Header, err = e.header(form); err != nil {
		return nil, err
	}
	if trace := traceOf(ctx); trace != "" { // what this function does belongs below its own segment
		hr.Header["X-Amzn-Trace-Id"] = []string{trace}
	}
	if host := hr.Header["Host"]; len(host) > 0 {
		hr.Host = host[0]
		delete(hr.Header, "Host")
		if !isHost(hr.Host) {
			return nil, &refused{"the host of the event is none (RFC 9112 section 3.2)"}
		}
	}
	if domain := e.context.domainName; hr.Host == "" && isHost(domain) {
		hr.Host = domain
	}
	if hr.Host == "" {
		hr.Host = "lambda"
	}
	if ip := e.clientIP(form, hr.Header); ip != "" {
		hr.RemoteAddr = net.JoinHostPort(ip, "0")
	}
	if err := e.content(hr); err != nil {
		return nil, err
	}
	return hr, nil
}

// target is the method, the path and the query, both as they may stand in a request line.
func (e *event) target(form format) (method, path, query string) {
	method, path = e.httpMethod, e.path
	switch form {
	case httpV2, functionURL:
		method, path, query = e.context.http.method, e.rawPath, e.rawQuery
		if path == "" {
			path = e.context.http.path
		}
	case restV1, httpV1:
		query = decodedQuery(&e.query, &e.multiQuery)
	case albSingle, albMulti:
		query = encodedQuery(&e.query, &e.multiQuery)
	case latticeV1:
		method = e.methodV1
		var has bool
		if path, query, has = strings.Cut(e.rawPathV1, "?"); !has {
			query = encodedQuery(&e.query, &e.multiQuery)
		}
	case latticeV2:
		method = e.methodV1
		var has bool
		if path, query, has = strings.Cut(e.path, "?"); !has {
			query = encodedQuery(&e.query, &e.multiQuery)
		}
	case webSocket:
		return e.webSocketMethod(), escaped("/"+e.context.routeKey, true), decodedQuery(&e.query, &e.multiQuery)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return method, escaped(path, true), escaped(query, false)
}

// webSocketMethod tells the three kinds of events apart in patterns.
func (e *event) webSocketMethod() string {
	switch e.context.eventType {
	case "CONNECT":
		return http.MethodGet // which a handshake is
	case "DISCONNECT":
		return http.MethodDelete
	}
	return http.MethodPost
}

// escaped escapes what cannot stand in a path or a query, and nothing that is escaped already: some sources send a path decoded, and most
// do not. A path has no bare "%"; in a query that is the handler's to refuse.
func escaped(text string, path bool) string {
	var to []byte
	for i := range len(text) {
		c := text[i]
		bad := c <= ' ' || c >= 0x7f || c == '#'
		if path {
			bad = bad || c == '?' || c == '%' && (i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2]))
		}
		switch {
		case bad && to == nil:
			to = append(make([]byte, 0, len(text)+16), text[:i]...)
			fallthrough
		case bad:
			to = append(to, '%', hex[c>>4], hex[c&15])
		case to != nil:
			to = append(to, c)
		}
	}
	if to == nil {
		return text
	}
	return string(to)
}

const hex = "0123456789ABCDEF"

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// decodedQuery encodes parameters that the source has decoded.
func decodedQuery(single, multi *fields) string {
	return joinQuery(single, multi, url.QueryEscape)
}

// encodedQuery puts parameters together that the source has left as they were sent.
func encodedQuery(single, multi *fields) string {
	return joinQuery(single, multi, func(part string) string { return strings.ReplaceAll(part, "&", "%26") })
}

// joinQuery prefers the list that has all values; of a parameter that only the other one has there is one.
func joinQuery(single, multi *fields, encode func(string) string) string {
	if len(single.all)+len(multi.all) == 0 {
		return ""
	}
	var q []byte
	add := func(f field) {
		if len(q) > 0 {
			q = append(q, '&')
		}
		q = append(append(append(q, encode(f.name)...), '='), encode(f.value)...)
	}
	for _, f := range multi.all {
		add(f)
	}
	for _, f := range single.all {
		if !multi.hasExactly(f.name) {
			add(f)
		}
	}
	return string(q)
}

func (f *fields) hasExactly(name string) bool {
	for i := range f.all {
		if f.all[i].name == name {
			return true
		}
	}
	return false
}

// withoutStage takes the stage off a path that has it. That of a REST API has none, only the path in its context does.
func (e *event) withoutStage(form format, path string) string {
	stage := e.context.stage
	if stage == "" || stage == "$default" || form != httpV2 && form != httpV1 {
		return path
	}
	rest, _ := cutSegments(path, "/"+stage)
	return rest
}

// cutSegments takes a prefix of whole segments off a path.
func cutSegments(path, prefix string) (rest string, cut bool) {
	rest, cut = strings.CutPrefix(path, prefix)
	switch {
	case !cut || rest != "" && rest[0] != '/':
		return path, false
	case rest == "":
		return "/", true
	}
	return rest, true
}

// header is the fields of the event, under their canonical names.
func (e *event) header(form format) (http.Header, error) {
	h := make(http.Header, len(e.headers.all)+len(e.multiHeaders.all)+2)
	values := make([]string, 0, len(e.headers.all)+len(e.multiHeaders.all)+1)
	add := func(f field) error {
		if !isToken(f.name) || !isFieldValue(f.value) {
			return &refused{"the event has a header field that is none (RFC 9110 section 5)"}
		}
		name := canonical(f.name)
		value := strings.Trim(f.value, " \t")
		if before := h[name]; before != nil {
			h[name] = append(before, value)
			return nil
		}
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
		return nil
	}
	for _, f := range e.multiHeaders.all {
		if err := add(f); err != nil {
			return nil, err
		}
	}
	for _, f := range e.headers.all {
		if len(e.multiHeaders.all) > 0 && h[canonical(f.name)] != nil {
			continue
		}
		if err := add(f); err != nil {
			return nil, err
		}
	}
	if len(e.cookies) > 0 && h["Cookie"] == nil && (form == httpV2 || form == functionURL) {
		if err := add(field{"Cookie", strings.Join(e.cookies, "; ")}); err != nil {
			return nil, err
		}
	}
	if hosts := h["Host"]; len(hosts) > 1 {
		return nil, &refused{"the event has more than one host (RFC 9112 section 3.2)"}
	}
	// What is about the connection was between the client and the front door.
	for _, name := range [...]string{"Transfer-Encoding", "Expect", "Trailer"} {
		delete(h, name)
	}
	return h, nil
}

// canonical is the name under which net/http keeps a field. Those that front doors add and send in lower case are not among the ones that textproto knows
// without an allocation.
func canonical(name string) string {
	switch name {
	case "x-forwarded-for":
		return "X-Forwarded-For"
	case "x-forwarded-port":
		return "X-Forwarded-Port"
	case "x-forwarded-proto":
		return "X-Forwarded-Proto"
	case "x-amzn-trace-id":
		return "X-Amzn-Trace-Id"
	case "origin":
		return "Origin"
	case "sec-fetch-dest":
		return "Sec-Fetch-Dest"
	case "sec-fetch-mode":
		return "Sec-Fetch-Mode"
	case "sec-fetch-site":
		return "Sec-Fetch-Site"
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

// clientIP is who has called the front door. Of X-Forwarded-For only the last is what the door itself has seen.
func (e *event) clientIP(form format, h http.Header) string {
	ip := e.context.sourceIP
	switch form {
	case httpV2, functionURL:
		ip = e.context.http.sourceIP
	case albSingle, albMulti, latticeV1, latticeV2:
		if all := h["X-Forwarded-For"]; len(all) > 0 {
			last := all[len(all)-1]
			ip = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		}
	}
	if net.ParseIP(ip) == nil {
		return ""
	}
	return ip
}

// content gives the request its body. Base64 that is none is an error of reading it, since there are test events that say base64 and have plain text.
func (e *event) content(hr *http.Request) error {
	text := e.body
	if len(text) > 0 && text[0] == '"' {
		if inner := text[1 : len(text)-1]; bytes.IndexByte(inner, '\\') < 0 {
			text = inner
		} else {
			text, _ = jsontext.AppendUnquote(make([]byte, 0, len(text)), text)
		}
	}
	var body io.ReadCloser = http.NoBody
	var length int64
	if len(text) > 0 {
		var err error
		if e.base64 {
			decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
			n := 0
			if n, err = base64.StdEncoding.Decode(decoded, text); err != nil {
				err = fmt.Errorf("the body of the event is not the base64 that it is said to be: %w", err)
			}
			text = decoded[:n]
		}
		if err != nil {
			body, length = io.NopCloser(brokenBody{err}), -1
		} else {
			content := &content{}
			content.Reset(text)
			body, length = content, int64(len(text))
		}
	}
	hr.Body, hr.ContentLength = body, length
	if hr.Header["Content-Length"] == nil {
		return nil
	}
	if length < 0 {
		delete(hr.Header, "Content-Length")
	} else {
		hr.Header["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	return nil
}

// content is a body that is all there.
type content struct{ bytes.Reader }

func (*content) Close() error { return nil }

type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }

// isToken reports whether a text is a token (RFC 9110 section 5.6.2).
func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return text != ""
}

// isFieldValue reports whether a text can be the value of a header field (RFC 9110 section 5.5).
func isFieldValue(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isHost reports whether a text has only what a host and a port may have (RFC 3986 section 3.2.2).
func isHost(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!$%&'()*+,-.:;=[]_~", c) >= 0) {
			return false
		}
	}
	return true
}

func isFunctionURL(domain string) bool { return strings.Contains(domain, ".lambda-url.") }

var errNoHTTPEvent = errors.New("the event is of no source that is known")
