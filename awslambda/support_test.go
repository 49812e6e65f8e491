package awslambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

// seen is what a handler sees of a request.
type seen struct {
	Method, Path, Escaped, URI, Query, Host, Remote string
	Header                                          http.Header
	Cookies                                         []string
	Length                                          int64
	Body                                            []byte
	BodyErr                                         string
}

// look answers every request with what it is.
func look(r *weft.Request) seen {
	hr := r.HTTP()
	s := seen{Method: hr.Method, Path: hr.URL.Path, Escaped: hr.URL.EscapedPath(), URI: hr.RequestURI, Query: hr.URL.RawQuery, Host: hr.Host, Remote: hr.RemoteAddr, Header: hr.Header, Length: hr.ContentLength}
	for _, c := range hr.Cookies() {
		s.Cookies = append(s.Cookies, c.String())
	}
	content, err := r.Body()
	if s.Body = content; err != nil {
		s.BodyErr = err.Error()
	}
	return s
}

func quiet(opts ...weft.Option) *weft.App {
	return weft.New(append([]weft.Option{weft.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
}

func build(t testing.TB, app *weft.App) *weft.Server {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	return srv
}

// looking is a server that answers with what it sees.
func looking(t testing.TB) *weft.Server {
	app := quiet()
	app.Use(weft.NewMiddleware("look", func(r *weft.Request, _ weft.Next) weft.Response { return weft.JSON(look(r)) }))
	return build(t, app)
}

// function is a Function of one handler, for every path.
func function(t testing.TB, fn func(ctx context.Context, r *weft.Request) (weft.Response, error), opts ...awslambda.Option) *awslambda.Function {
	t.Helper()
	app := quiet()
	app.Handle("/", weft.Handle(fn))
	f, err := awslambda.New(build(t, app), opts...)
	require.NoError(t, err)
	return f
}

// reply is an answer of any form.
type reply struct {
	Status      int                 `json:"statusCode"`
	Description string              `json:"statusDescription"`
	Header      map[string]string   `json:"headers"`
	Multi       map[string][]string `json:"multiValueHeaders"`
	Cookies     []string            `json:"cookies"`
	Body        string              `json:"body"`
	Base64      bool                `json:"isBase64Encoded"`
}

func parse(t testing.TB, answer []byte) reply {
	t.Helper()
	var r reply
	require.NoError(t, json.Unmarshal(answer, &r), string(answer))
	return r
}

// handle has a server answer an event.
func handle(t testing.TB, srv *weft.Server, event string, opts ...awslambda.Option) reply {
	t.Helper()
	answer, err := awslambda.Handle(t.Context(), srv, []byte(event), opts...)
	require.NoError(t, err)
	return parse(t, answer)
}

// sees is what a handler sees of an event.
func sees(t testing.TB, event string, opts ...awslambda.Option) seen {
	t.Helper()
	r := handle(t, looking(t), event, opts...)
	require.Equal(t, 200, r.Status, r.Body)
	var s seen
	require.NoError(t, json.Unmarshal([]byte(r.Body), &s), r.Body)
	return s
}

func read(t testing.TB, from io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(from)
	require.NoError(t, err)
	return string(text)
}

// Events as they are documented and were captured: one request, with an encoded space, a key twice, an encoded colon and slash, a plus, an encoded
// plus, an empty value, a header sent twice, and two cookies.
const (
	restEvent = `{"resource":"/{proxy+}","path":"/a%20b/c","httpMethod":"GET",
		"headers":{"Host":"a1.execute-api.eu-west-1.amazonaws.com","X-Many":"two","Cookie":"a=1; b=2","X-Amzn-Trace-Id":"Root=1-1"},
		"multiValueHeaders":{"Host":["a1.execute-api.eu-west-1.amazonaws.com"],"X-Many":["one","two"],"Cookie":["a=1; b=2"],"X-Amzn-Trace-Id":["Root=1-1"]},
		"queryStringParameters":{"k":"2","u":"a:/b","p":"x y","q":"x+y","e":""},
		"multiValueQueryStringParameters":{"k":["1","2"],"u":["a:/b"],"p":["x y"],"q":["x+y"],"e":[""]},
		"pathParameters":{"proxy":"a%20b/c"},"stageVariables":null,
		"requestContext":{"resourcePath":"/{proxy+}","path":"/prod/a%20b/c","stage":"prod","apiId":"a1","requestId":"r-1","identity":{"sourceIp":"192.0.2.7","userAgent":"x"},"authorizer":{"principalId":"ada","tier":"3"}},
		"body":null,"isBase64Encoded":false}`
	httpEvent = `{"version":"2.0","routeKey":"$default","rawPath":"/a b/c","rawQueryString":"k=1&k=2&u=a%3A%2Fb&p=x+y&q=x%2By&e=",
		"cookies":["a=1","b=2"],"headers":{"host":"a1.execute-api.eu-west-1.amazonaws.com","x-many":"one,two","x-forwarded-for":"192.0.2.7"},
		"queryStringParameters":{"k":"1,2"},
		"requestContext":{"accountId":"1","apiId":"a1","domainName":"a1.execute-api.eu-west-1.amazonaws.com","stage":"$default","requestId":"r-1","authorizer":{"jwt":{"claims":{"sub":"ada"},"scopes":["read"]}},
			"http":{"method":"GET","path":"/a b/c","protocol":"HTTP/1.1","sourceIp":"192.0.2.7","userAgent":"x"}},
		"isBase64Encoded":false}`
	urlEvent = `{"version":"2.0","routeKey":"$default","rawPath":"/a%20b/c","rawQueryString":"k=1&k=2&u=a%3A%2Fb&p=x+y&q=x%2By&e=",
		"cookies":["a=1","b=2"],"headers":{"host":"a1.lambda-url.eu-west-1.on.aws","x-many":"one,two","cookie":"a=1; b=2"},
		"requestContext":{"accountId":"anonymous","apiId":"a1","domainName":"a1.lambda-url.eu-west-1.on.aws","stage":"$default","requestId":"r-1",
			"http":{"method":"GET","path":"/a b/c","protocol":"HTTP/1.1","sourceIp":"192.0.2.7","userAgent":"x"}},
		"isBase64Encoded":false}`
	albEvent = `{"requestContext":{"elb":{"targetGroupArn":"arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}},"httpMethod":"GET","path":"/a%20b/c",
		"queryStringParameters":{"k":"2","u":"a%3A%2Fb","p":"x+y","q":"x%2By","e":""},
		"headers":{"host":"lb.example.com","x-many":"two","cookie":"a=1; b=2","x-forwarded-for":"203.0.113.9, 192.0.2.7","x-amzn-trace-id":"Root=1-1"},"body":"","isBase64Encoded":false}`
	albMultiEvent = `{"requestContext":{"elb":{"targetGroupArn":"arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}},"httpMethod":"GET","path":"/a%20b/c",
		"multiValueQueryStringParameters":{"k":["1","2"],"u":["a%3A%2Fb"],"p":["x+y"],"q":["x%2By"],"e":[""]},
		"multiValueHeaders":{"host":["lb.example.com"],"x-many":["one","two"],"cookie":["a=1; b=2"],"x-forwarded-for":["198.51.100.1, 203.0.113.9, 192.0.2.7"],"x-amzn-trace-id":["Root=1-1"]},"body":"","isBase64Encoded":false}`
	lattice1Event = `{"raw_path":"/a%20b/c?k=1&k=2&u=a%3A%2Fb&p=x+y&q=x%2By&e=","method":"GET",
		"headers":{"host":"svc.example.com","x-many":"one,two","cookie":"a=1; b=2","x-forwarded-for":"192.0.2.7"},
		"query_string_parameters":{"k":"2"},"body":"","is_base64_encoded":false}`
	lattice2Event = `{"version":"2.0","path":"/a%20b/c","method":"GET",
		"headers":{"host":["svc.example.com"],"x-many":["one","two"],"cookie":["a=1; b=2"],"x-forwarded-for":["192.0.2.7"]},
		"queryStringParameters":{"k":["1","2"],"u":["a%3A%2Fb"],"p":["x+y"],"q":["x%2By"],"e":[""]},
		"requestContext":{"serviceNetworkArn":"arn:aws:vpc-lattice:eu-west-1:1:servicenetwork/sn-1","serviceArn":"arn","requestId":"r-1","identity":{"type":"AWS_IAM"}},"isBase64Encoded":false}`
	socketEvent = `{"headers":{"Host":"w1.execute-api.eu-west-1.amazonaws.com","Sec-WebSocket-Protocol":"chat"},"multiValueHeaders":{"Host":["w1.execute-api.eu-west-1.amazonaws.com"],"Sec-WebSocket-Protocol":["chat"]},
		"queryStringParameters":{"room":"tea"},"multiValueQueryStringParameters":{"room":["tea"]},
		"requestContext":{"routeKey":"$connect","eventType":"CONNECT","connectionId":"c-1","stage":"prod","apiId":"w1","domainName":"w1.execute-api.eu-west-1.amazonaws.com","requestId":"r-1","identity":{"sourceIp":"192.0.2.7"}},"isBase64Encoded":false}`
)

// built is the program of the function, and builtErr why there is none.
var (
	built    string
	builtErr error
)

// buildFunction is called before the tests.
func buildFunction(dir string) {
	built = filepath.Join(dir, "function")
	out, err := exec.Command("go", "build", "-o", built, "./internal/testfunction").CombinedOutput()
	if err != nil {
		builtErr = fmt.Errorf("%w: %s", err, out)
	}
}
