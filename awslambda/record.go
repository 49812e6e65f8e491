package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// record is one of an event: it becomes a request of its own.
type record struct {
	service Source
	from    string // the queue, the topic or the like
	detail  string // of EventBridge
	id      string // for logs
	failure []byte // JSON that says in an answer that it has failed; nil where there is nothing to say it with
	lane    string // records of the same one are handled in their order; "" is for itself
	about   any    // what its source's key is set to
	header  http.Header
	body    []byte
	unread  error // why it cannot be handled

	to     *target
	status int // 0 where it was not begun, or has no answer
}

func newRecord(of Source) *record { return &record{service: of, header: http.Header{}} }

// oneLane is that of a stream's records: a batch is of one shard.
const oneLane = "shard"

// failed reports whether it is to be sent again.
func (r *record) failed() bool { return r.status == 0 || r.status >= http.StatusBadRequest }

// recordContext leads back to the record that a request is about.
type recordContext struct {
	context.Context
	record *record
}

type recordKey struct{}

func (c *recordContext) Value(key any) any {
	if key == (recordKey{}) {
		return c.record
	}
	return c.Context.Value(key)
}

func recordOf(ctx context.Context) *record {
	r, _ := ctx.Value(recordKey{}).(*record)
	return r
}

// request is the record as a request. The URL is for logs.
func (r *record) request(ctx context.Context) *http.Request {
	hr := new(http.Request).WithContext(&recordContext{ctx, r})
	hr.Method, hr.Proto, hr.ProtoMajor, hr.ProtoMinor = http.MethodPost, "HTTP/1.1", 1, 1
	hr.URL = &url.URL{Scheme: r.to.source.scheme, Host: r.from, Path: "/" + r.id}
	hr.Host, hr.Header = r.from, r.header
	if trace := traceOf(ctx); trace != "" && hr.Header["X-Amzn-Trace-Id"] == nil {
		hr.Header["X-Amzn-Trace-Id"] = []string{trace}
	}
	hr.Body = http.NoBody
	if len(r.body) > 0 {
		content := &content{}
		content.Reset(r.body)
		hr.Body, hr.ContentLength = content, int64(len(r.body))
	}
	return hr
}

// field makes an attribute of a message a header field, where it can be one. What is about a connection, or about the body of HTTP, it is not.
func (r *record) field(name, value string) {
	if !isToken(name) || !isFieldValue(value) {
		return
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	switch name {
	case "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Expect", "Trailer", "Host", "Cookie":
		return
	}
	r.header[name] = append(r.header[name], value)
}

// orderFields gives the values of fields of one name an order: attributes, whose names may differ in case alone, have none.
func (r *record) orderFields() {
	for _, values := range r.header {
		slices.Sort(values)
	}
}

// trace says what the record is a part of, where its sender was traced.
func (r *record) trace(header string) {
	if header != "" && isFieldValue(header) {
		r.header["X-Amzn-Trace-Id"] = []string{header}
	}
}

// lenient reads records as they are documented, and passes over what is not said there.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// decode reads a record, or says that it cannot be.
func (r *record) decode(text jsontext.Value, into any) {
	if err := json.Unmarshal(text, into, lenient); err != nil {
		r.unread = err
	}
}

// base64 reads content that was sent as base64.
func (r *record) base64(text string) []byte {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil && r.unread == nil {
		r.unread = err
	}
	return content
}

// quoted is a JSON text.
func quoted(text string) []byte {
	if text == "" {
		return nil
	}
	return appendString(nil, text)
}

// loose is a member of a record that cannot be read as a whole, so that it can be told by name.
func loose(text jsontext.Value, path ...string) string {
	for _, name := range path {
		var members map[string]jsontext.Value
		if json.Unmarshal(text, &members, lenient) != nil {
			return ""
		}
		text = members[name]
	}
	var s string
	if json.Unmarshal(text, &s, lenient) != nil {
		return ""
	}
	return s
}

// number is one that is sent as a text, 0 where it is none.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// opened is a decoder behind the brace of an object.
func opened(object jsontext.Value) (*jsontext.Decoder, error) {
	if object.Kind() != '{' {
		return nil, errNoObject
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(object), lenient)
	_, err := d.ReadToken()
	return d, err
}
