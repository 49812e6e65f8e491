package awslambda

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// event is what all HTTP events have, of whatever source: what one of them does not have is empty. Only what is used is decoded. Of
// the payload nothing is kept: it belongs to the runtime, which uses it again.
type event struct {
	kind       jsontext.Kind // of the whole
	others     shape         // what it is where it is none of HTTP
	version    string
	httpMethod string // of a REST API, an ALB
	methodV1   string // of VPC Lattice
	path       string
	rawPath    string
	rawPathV1  string // of VPC Lattice 1, perhaps with a query
	rawQuery   string

	headers, multiHeaders fields
	query, multiQuery     fields
	cookies               []string

	body   []byte // as JSON
	base64 bool

	context requestContext
}

// requestContext is what the event says of its way.
type requestContext struct {
	raw            string // all of it
	stage          string
	apiID          string
	resourcePath   string
	path           string
	domainName     string
	requestID      string
	routeKey       string
	connectionID   string
	eventType      string
	serviceNetwork string
	sourceIP       string
	loadBalancer   bool
	http           struct{ method, path, sourceIP, protocol string }
}

// fields are names with values, in the order in which they came. There may be several of a name.
type fields struct {
	there bool // also where it is empty
	all   []field
}

type field struct{ name, value string }

// get is the first value of a name.
func (f *fields) get(name string) string {
	for i := range f.all {
		if strings.EqualFold(f.all[i].name, name) {
			return f.all[i].value
		}
	}
	return ""
}

// sharedText is up to which size the strings of an event share one copy of the payload. Beyond, a header that is kept must not keep a long body.
const sharedText = 16 << 10

// decoder reads an event. What is not as it should be is passed over, wherever there is something that it can mean: test events of
// consoles have null and "None" in place of objects, and numbers in place of texts.
type decoder struct {
	json *jsontext.Decoder
	from bytes.Buffer
	all  []byte // the payload
	text string // of it, where it is short
	name [64]byte
	err  error
}

// decoders are those of a Function that are not in use.
type decoders struct{ sync.Pool }

func (p *decoders) get() *decoder {
	if d, ok := p.Get().(*decoder); ok {
		return d
	}
	return &decoder{json: jsontext.NewDecoder(new(bytes.Buffer))}
}

var errNoObject = errors.New("it is no JSON object")

// decode reads the payload of an invocation.
func (p *decoders) decode(payload []byte) (*event, error) {
	d := p.get()
	e := &event{}
	d.from = *bytes.NewBuffer(payload)
	d.json.Reset(&d.from, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.all = payload; len(payload) <= sharedText {
		d.text = string(payload)
	}
	d.event(e)
	err := d.err
	d.from, d.all, d.text, d.err = bytes.Buffer{}, nil, "", nil
	d.json.Reset(&d.from) // which lets go of the payload
	p.Put(d)
	if err != nil {
		return nil, fmt.Errorf("the event cannot be read: %w", err)
	}
	return e, nil
}

func (d *decoder) event(e *event) {
	e.kind = d.json.PeekKind()
	if e.kind != '{' {
		d.skip()
	} else {
		d.members(e)
	}
	if d.err == nil {
		if _, err := d.json.ReadToken(); err != io.EOF {
			d.err = errors.New("there is something behind it")
		}
	}
}

func (d *decoder) members(e *event) {
	d.object(func(name []byte) {
		switch string(name) {
		case "version":
			e.version = d.string()
		case "httpMethod":
			e.httpMethod = d.string()
		case "method":
			e.methodV1 = d.string()
		case "path":
			e.path = d.string()
		case "rawPath":
			e.rawPath = d.string()
		case "raw_path":
			e.rawPathV1 = d.string()
		case "rawQueryString":
			e.rawQuery = d.string()
		case "headers":
			d.fields(&e.headers)
		case "multiValueHeaders":
			d.fields(&e.multiHeaders)
		case "queryStringParameters", "query_string_parameters":
			d.fields(&e.query)
		case "multiValueQueryStringParameters":
			d.fields(&e.multiQuery)
		case "cookies":
			e.cookies = d.strings(nil)
		case "body":
			if v := d.value(); v.Kind() == '"' || v.Kind() == '{' || v.Kind() == '[' {
				e.body = append(e.body[:0], v...)
			}
		case "isBase64Encoded", "is_base64_encoded":
			e.base64 = d.string() == "true"
		case "requestContext":
			d.context(&e.context)
		case "Records":
			e.others.records = d.json.PeekKind() == '['
			d.skip()
		case "records":
			e.others.partitions = d.json.PeekKind() == '{'
			d.skip()
		case "detail-type":
			e.others.detailed = d.json.PeekKind() == '"'
			d.skip()
		default:
			d.skip()
		}
	})
}

func (d *decoder) context(c *requestContext) {
	start := d.json.InputOffset()
	there := d.json.PeekKind() == '{'
	d.object(func(name []byte) {
		switch string(name) {
		case "stage":
			c.stage = d.string()
		case "apiId":
			c.apiID = d.string()
		case "resourcePath":
			c.resourcePath = d.string()
		case "path":
			c.path = d.string()
		case "domainName":
			c.domainName = d.string()
		case "requestId":
			c.requestID = d.string()
		case "routeKey":
			c.routeKey = d.string()
		case "connectionId":
			c.connectionID = d.string()
		case "eventType":
			c.eventType = d.string()
		case "serviceNetworkArn":
			c.serviceNetwork = d.string()
		case "elb":
			c.loadBalancer = d.json.PeekKind() == '{'
			d.skip()
		case "identity":
			d.object(func(name []byte) {
				if string(name) == "sourceIp" {
					c.sourceIP = d.string()
				} else {
					d.skip()
				}
			})
		case "http":
			d.object(func(name []byte) {
				switch string(name) {
				case "method":
					c.http.method = d.string()
				case "path":
					c.http.path = d.string()
				case "sourceIp":
					c.http.sourceIP = d.string()
				case "protocol":
					c.http.protocol = d.string()
				default:
					d.skip()
				}
			})
		default:
			d.skip()
		}
	})
	if d.err == nil && there {
		c.raw = strings.TrimLeft(d.between(start, d.json.InputOffset()), ": \t\r\n")
	}
}

// object calls member for each member of the object that comes next, which has to read its value, and may look at the name until then. Anything else is
// passed over.
func (d *decoder) object(member func(name []byte)) {
	if d.err != nil {
		return
	}
	if d.json.PeekKind() != '{' {
		d.skip()
		return
	}
	if _, d.err = d.json.ReadToken(); d.err != nil {
		return
	}
	for d.err == nil && d.json.PeekKind() != '}' {
		name := d.value()
		if d.err != nil {
			return
		}
		if quoted := name[1 : len(name)-1]; bytes.IndexByte(quoted, '\\') < 0 {
			name = append(d.name[:0], quoted...)
		} else {
			name, _ = jsontext.AppendUnquote(d.name[:0], name) // only fails for what is no UTF-8
		}
		member(name)
	}
	if d.err == nil {
		_, d.err = d.json.ReadToken()
	}
}

func (d *decoder) value() jsontext.Value {
	if d.err != nil {
		return nil
	}
	var v jsontext.Value
	v, d.err = d.json.ReadValue()
	return v
}

func (d *decoder) skip() {
	if d.err == nil {
		d.err = d.json.SkipValue()
	}
}

// string is a text, or what stands for one: a number, true or false. Anything else is "".
func (d *decoder) string() string {
	if kind := d.json.PeekKind(); kind == '{' || kind == '[' {
		d.skip()
		return ""
	}
	v := d.value()
	if d.err != nil || v.Kind() == 'n' {
		return ""
	}
	end := d.json.InputOffset()
	if v.Kind() != '"' {
		return d.between(end-int64(len(v)), end)
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return d.between(end-int64(len(v))+1, end-1)
	}
	text, _ := jsontext.AppendUnquote(nil, v)
	return string(text)
}

// between is a part of the payload, as a copy.
func (d *decoder) between(start, end int64) string {
	if d.text != "" {
		return d.text[start:end]
	}
	return string(d.all[start:end])
}

// strings appends a list of texts, or one that stands alone.
func (d *decoder) strings(to []string) []string {
	if d.err == nil && d.json.PeekKind() != '[' {
		if kind := d.json.PeekKind(); kind == '{' || kind == 'n' {
			d.skip()
			return to
		}
		return append(to, d.string())
	}
	if _, err := d.json.ReadToken(); err != nil {
		d.err = err
	}
	for d.err == nil && d.json.PeekKind() != ']' {
		to = append(to, d.string())
	}
	if d.err == nil {
		_, d.err = d.json.ReadToken()
	}
	return to
}

// fields reads an object whose values are texts or lists of texts.
func (d *decoder) fields(f *fields) {
	if d.err != nil || d.json.PeekKind() != '{' {
		d.skip()
		return
	}
	f.there = true
	if f.all == nil {
		f.all = make([]field, 0, 16)
	}
	if _, d.err = d.json.ReadToken(); d.err != nil {
		return
	}
	for d.err == nil && d.json.PeekKind() != '}' {
		name := d.string()
		if d.err != nil {
			return
		}
		if d.json.PeekKind() != '[' {
			f.all = append(f.all, field{name, d.string()})
			continue
		}
		if _, d.err = d.json.ReadToken(); d.err != nil {
			return
		}
		for d.err == nil && d.json.PeekKind() != ']' {
			f.all = append(f.all, field{name, d.string()})
		}
		if d.err == nil {
			_, d.err = d.json.ReadToken()
		}
	}
	if d.err == nil {
		_, d.err = d.json.ReadToken()
	}
}
