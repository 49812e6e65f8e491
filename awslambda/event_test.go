package awslambda_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda"
)

// One request through all front doors is the same request.
func TestEventsAreRequests(t *testing.T) {
	all := url.Values{"k": {"1", "2"}, "u": {"a:/b"}, "p": {"x y"}, "q": {"x+y"}, "e": {""}}
	last := url.Values{"k": {"2"}, "u": {"a:/b"}, "p": {"x y"}, "q": {"x+y"}, "e": {""}}
	for _, c := range []struct {
		name, event, host, remote string
		query                     url.Values
		many                      []string
	}{
		{"REST API", restEvent, "a1.execute-api.eu-west-1.amazonaws.com", "192.0.2.7:0", all, []string{"one", "two"}},
		{"HTTP API", httpEvent, "a1.execute-api.eu-west-1.amazonaws.com", "192.0.2.7:0", all, []string{"one,two"}},
		{"function URL", urlEvent, "a1.lambda-url.eu-west-1.on.aws", "192.0.2.7:0", all, []string{"one,two"}},
		{"ALB", albEvent, "lb.example.com", "192.0.2.7:0", last, []string{"two"}},
		{"ALB multi", albMultiEvent, "lb.example.com", "192.0.2.7:0", all, []string{"one", "two"}},
		{"Lattice 1", lattice1Event, "svc.example.com", "192.0.2.7:0", all, []string{"one,two"}},
		{"Lattice 2", lattice2Event, "svc.example.com", "192.0.2.7:0", all, []string{"one", "two"}},
	} {
		s := sees(t, c.event)
		assert.Equal(t, "GET", s.Method, c.name)
		assert.Equal(t, "/a b/c", s.Path, c.name)
		assert.Equal(t, "/a%20b/c", s.Escaped, c.name)
		assert.Equal(t, "/a%20b/c?"+s.Query, s.URI, c.name)
		query, err := url.ParseQuery(s.Query)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.query, query, c.name)
		assert.Equal(t, c.many, s.Header["X-Many"], c.name)
		assert.Equal(t, []string{"a=1", "b=2"}, s.Cookies, c.name)
		assert.Len(t, s.Header["Cookie"], 1, "%s: cookies are not there twice", c.name)
		assert.Equal(t, c.host, s.Host, c.name)
		assert.NotContains(t, s.Header, "Host", c.name)
		assert.Equal(t, c.remote, s.Remote, c.name)
		assert.Zero(t, s.Length, c.name)
	}
}

// What consoles, emulators and older accounts send is understood, as far as it can mean anything.
func TestEventsThatAreNotQuiteAsDocumented(t *testing.T) {
	for _, c := range []struct {
		name, event, method, uri string
		header                   map[string]string
	}{
		{"a console's test event", `{"path":"/x","httpMethod":"GET","headers":null,"multiValueHeaders":null,"queryStringParameters":null,"multiValueQueryStringParameters":null,"requestContext":{"stage":"prod","apiId":"a1"},"body":null}`, "GET", "/x", nil},
		{"None for maps", `{"path":"/x","httpMethod":"GET","headers":"None","multiValueHeaders":"None","queryStringParameters":"None","multiValueQueryStringParameters":"None","requestContext":{"stage":"prod","authorizer":"None","identity":"None"},"body":"None"}`, "GET", "/x", nil},
		{"a REST API without multi-value maps", `{"path":"/x","httpMethod":"GET","headers":{"x-ONE":"1"},"queryStringParameters":{"a":"b c"},"requestContext":{"resourcePath":"/x"}}`, "GET", "/x?a=b+c", map[string]string{"X-One": "1"}},
		{"fields of which only one map knows", `{"path":"/x","httpMethod":"GET","headers":{"A":"1","b":"2"},"multiValueHeaders":{"a":["0","1"]},"queryStringParameters":{"p":"1","q":"2"},"multiValueQueryStringParameters":{"p":["0"]},"requestContext":{"stage":"x"}}`, "GET", "/x?p=0&q=2", map[string]string{"A": "0|1", "B": "2"}},
		{"header names in several cases", `{"path":"/x","httpMethod":"GET","headers":{"x-a":"1","X-A":"2"},"requestContext":{"stage":"x"}}`, "GET", "/x", map[string]string{"X-A": "1|2"}},
		{"numbers and truths for texts", `{"path":"/x","httpMethod":"GET","headers":{"a":1,"b":true,"c":null,"d":{"e":1},"f":[2,"3"]},"queryStringParameters":{"n":7},"isBase64Encoded":"false","requestContext":{"stage":"x"}}`, "GET", "/x?n=7", map[string]string{"A": "1", "B": "true", "C": "", "D": "", "F": "2|3"}},
		{"no context at all", `{"path":"/x","httpMethod":"GET"}`, "GET", "/x", nil},
		{"an HTTP API with payload 1.0", `{"version":"1.0","path":"/a b%","httpMethod":"PUT","headers":{"a":"1"},"multiValueHeaders":{"a":["1"]},"requestContext":{"stage":"$default","apiId":"a"}}`, "PUT", "/a%20b%25", map[string]string{"A": "1"}},
		{"an HTTP API without rawPath", `{"version":"2.0","headers":{},"requestContext":{"http":{"method":"GET","path":"/x"}}}`, "GET", "/x", nil},
		{"a path without a slash", `{"path":"x","httpMethod":"GET"}`, "GET", "/x", nil},
		{"an empty path", `{"path":"","httpMethod":"GET","requestContext":{"stage":"x"}}`, "GET", "/", nil},
		{"a path with what cannot stand in one", `{"path":"/té?#\t%zz%4","httpMethod":"GET"}`, "GET", "/t%C3%A9%3F%23%09%25zz%254", nil},
		{"escaped JSON", `{"pa\u0074h":"\/x\u00e9","httpMethod":"G\u0045T","headers":{"\u0061":"\"1\""}}`, "GET", "/x%C3%A9", map[string]string{"A": `"1"`}},
		{"members twice", `{"path":"/a","path":"/b","httpMethod":"GET"}`, "GET", "/b", nil},
		{"VPC Lattice's map, where the path has no query", `{"raw_path":"/x","method":"GET","headers":{},"query_string_parameters":{"a":"1 &2"}}`, "GET", "/x?a=1%20%262", nil},
		{"fields of the connection", `{"path":"/x","httpMethod":"GET","headers":{"Transfer-Encoding":"chunked","Expect":"100-continue","Content-Length":"77","A":" 1\t"}}`, "GET", "/x", map[string]string{"A": "1", "Content-Length": "0"}},
		{"a client address that is none", `{"path":"/x","httpMethod":"GET","requestContext":{"stage":"x","identity":{"sourceIp":"test-invoke-source-ip"}}}`, "GET", "/x", nil},
	} {
		s := sees(t, c.event)
		assert.Equal(t, c.method, s.Method, c.name)
		assert.Equal(t, c.uri, s.URI, c.name)
		got := map[string]string{}
		for name, values := range s.Header {
			got[name] = strings.Join(values, "|")
		}
		if c.header == nil {
			c.header = map[string]string{}
		}
		assert.Equal(t, c.header, got, c.name)
	}
	long := strings.Repeat("x", 100<<10) // beyond what shares one text
	s := sees(t, `{"path":"/a%20b","httpMethod":"POST","headers":{"A":"1","\u0042":"2"},"requestContext":{"stage":"x"},"body":"`+long+`"}`)
	assert.Equal(t, "/a%20b 1 2 102400", fmt.Sprint(s.URI, " ", s.Header.Get("A"), " ", s.Header.Get("B"), " ", len(s.Body)))
}

// AWS publishes events. All of HTTP are understood.
func TestPublishedEvents(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	require.NoError(t, err)
	for file, want := range map[string]string{
		"alb-lambda-target-request-headers-only.json":       "GET /?key=hello 25.12.198.67:0",
		"alb-lambda-target-request-multivalue-headers.json": "GET /?key=hello 72.21.198.67:0",
		"apigw-request.json":                                "POST /hello/world?name=me 192.168.196.186:0",
		"apigw-restapi-openapi-request.json":                "POST /hello/world?name=me 192.168.196.186:0",
		"apigw-v2-request-iam.json":                         "GET /my/path?parameter1=value1&parameter1=value2&parameter2=value ",
		"apigw-v2-request-jwt-authorizer.json":              "GET /my/path?parameter1=value1&parameter1=value2&parameter2=value ",
		"apigw-v2-request-lambda-authorizer.json":           "GET /my/path?parameter1=value1&parameter1=value2&parameter2=value ",
		"apigw-v2-request-no-authorizer.json":               "GET / ",
		"apigw-websocket-request.json":                      "GET /$connect?name=me ",
		"apigw-websocket-request-send-message.json":         "POST /",
		"apigw-websocket-request-disconnect.json":           "DELETE /$disconnect",
		"lambda-urls-request.json":                          "POST /my/path?parameter1=value1&parameter1=value2&parameter2=value 123.123.123.123:0",
	} {
		event, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "events/testdata", file))
		require.NoError(t, err)
		s := sees(t, string(event))
		assert.Contains(t, s.Method+" "+s.URI+" "+s.Remote, want, file)
	}
}

// Base64 is looked at when the body is read, and what is none is the client's mistake then.
func TestBodiesOfEvents(t *testing.T) {
	event := func(body, more string) string {
		return `{"path":"/x","httpMethod":"POST","headers":{"Content-Type":"application/json"},"requestContext":{"stage":"x"},"body":` + body + more + `}`
	}
	for _, c := range []struct {
		body, more, want string
		length           int64
		broken           bool
	}{
		{`"text"`, ``, "text", 4, false},
		{`"t\u00e9 \"x\"\n"`, ``, "té \"x\"\n", 8, false},
		{`"dGVh"`, `,"isBase64Encoded":true`, "tea", 3, false},
		{`"dGU="`, `,"isBase64Encoded":true`, "te", 2, false},
		{`"dGVh\nZWE\u003d"`, `,"isBase64Encoded":true`, "teaea", 5, false},
		{`"` + base64.StdEncoding.EncodeToString([]byte{0, 255, 1}) + `"`, `,"isBase64Encoded":"true"`, "\x00\xff\x01", 3, false},
		{`"plain text"`, `,"isBase64Encoded":true`, "", -1, true},
		{`""`, `,"isBase64Encoded":true`, "", 0, false},
		{`null`, ``, "", 0, false},
		{`{"a": 1}`, ``, `{"a": 1}`, 8, false},
	} {
		s := sees(t, event(c.body, c.more))
		assert.Equal(t, c.want, string(s.Body), c.body)
		assert.Equal(t, c.length, s.Length, c.body)
		assert.Equal(t, c.broken, s.BodyErr != "", c.body)
		r := handle(t, orders(t), event(c.body, c.more))
		if c.broken {
			assert.Equal(t, 400, r.Status)
			assert.Contains(t, r.Body, "body_unreadable")
		}
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	for _, event := range []string{
		`{"path":"/x","httpMethod":"G T"}`,
		`{"path":"/x","httpMethod":"GÉT"}`,
		`{"path":"/x","httpMethod":"GET","headers":{"a b":"1"}}`,
		`{"path":"/x","httpMethod":"GET","headers":{"":"1"}}`,
		`{"path":"/x","httpMethod":"GET","headers":{"a":"1\r\nB: 2"}}`,
		`{"path":"/x","httpMethod":"GET","headers":{"a":"\u0000"}}`,
		`{"path":"/x","httpMethod":"GET","headers":{"host":"a/b"}}`,
		`{"path":"/x","httpMethod":"GET","multiValueHeaders":{"host":["a","b"]}}`,
	} {
		for _, opts := range [][]awslambda.Option{nil} {
			r := handle(t, looking(t), event, opts...)
			assert.Equal(t, 400, r.Status, event)
			assert.Contains(t, r.Body, "400 Bad Request", event)
		}
	}
}

func TestPathsAreStrippedOnlyWhereTheyBeginSo(t *testing.T) {
	v2 := func(stage, path string) string {
		return `{"version":"2.0","rawPath":"` + path + `","headers":{},"requestContext":{"stage":"` + stage + `","http":{"method":"GET"}}}`
	}
	v1 := func(stage, path string) string {
		return `{"path":"` + path + `","httpMethod":"GET","requestContext":{"stage":"` + stage + `","path":"/prod` + path + `"}}`
	}
	stage, base := awslambda.StripStage(), awslambda.BasePath("/shop/v1", "/shop")
	for _, c := range []struct {
		event string
		opts  []awslambda.Option
		want  string
	}{
		{v2("prod", "/prod/x"), nil, "/prod/x"},
		{v2("prod", "/prod/x"), []awslambda.Option{stage}, "/x"},
		{v2("prod", "/prod"), []awslambda.Option{stage}, "/"},
		{v2("prod", "/product/x"), []awslambda.Option{stage}, "/product/x"},
		{v2("prod", "/x"), []awslambda.Option{stage}, "/x"},
		{v2("$default", "/$default/x"), []awslambda.Option{stage}, "/$default/x"},
		{v1("prod", "/prod/x"), []awslambda.Option{stage}, "/prod/x"},
		{`{"version":"1.0","path":"/prod/x","httpMethod":"GET","requestContext":{"stage":"prod","apiId":"a"}}`, []awslambda.Option{stage}, "/x"},
		{v1("prod", "/shop/v1/x"), []awslambda.Option{base}, "/x"},
		{v1("prod", "/shop/x"), []awslambda.Option{base}, "/x"},
		{v1("prod", "/shop"), []awslambda.Option{base}, "/"},
		{v1("prod", "/shopping"), []awslambda.Option{base}, "/shopping"},
		{v2("prod", "/prod/shop/x"), []awslambda.Option{base, stage}, "/x"},
	} {
		s := sees(t, c.event, c.opts...)
		assert.Equal(t, c.want, s.URI, c.event)
		assert.Equal(t, c.want, s.Path, c.event)
	}
}

// An event of another kind, and what is no JSON, are errors of the invocation.
func TestWhatIsNoHTTPEventIsAnError(t *testing.T) {
	for _, c := range []struct{ event, kind string }{
		{`{"Records":[{"eventSource":"aws:sqs"}]}`, "Weft.UnknownEvent"},
		{`{}`, "Weft.UnknownEvent"},
		{`[]`, "Weft.InvalidEvent"},
		{`"x"`, "Weft.InvalidEvent"},
		{``, "Weft.InvalidEvent"},
		{`{"path":"/x","httpMethod":"GET"`, "Weft.InvalidEvent"},
		{`{"path":"/x","httpMethod":"GET"} {}`, "Weft.InvalidEvent"},
	} {
		_, err := awslambda.Handle(t.Context(), looking(t), []byte(c.event))
		assert.Equal(t, c.kind, errorType(t, err), c.event)
	}
}
