package awslambda

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seeds are events of every source.
func seeds(f *testing.F) {
	for _, event := range []string{
		`{"path":"/a%20b","httpMethod":"POST","headers":{"Host":"x","A":"1"},"multiValueHeaders":{"A":["1","2"]},"queryStringParameters":{"k":"x y"},"multiValueQueryStringParameters":{"k":["1","x y"]},"requestContext":{"stage":"prod","identity":{"sourceIp":"::1"}},"body":"t\u00e9","isBase64Encoded":false}`,
		`{"version":"1.0","path":"/a b","httpMethod":"GET","headers":null,"requestContext":{"stage":"prod","apiId":"a"},"body":null}`,
		`{"version":"2.0","rawPath":"/a b/%","rawQueryString":"a=%zz&b","cookies":["a=1","b=2"],"headers":{"host":"x"},"requestContext":{"http":{"method":"PUT","sourceIp":"192.0.2.7"},"stage":"prod"},"body":"dGVh","isBase64Encoded":true}`,
		`{"version":"2.0","rawPath":"/a%20b","headers":{"cookie":"a=1"},"cookies":["a=1"],"requestContext":{"http":{"method":"GET"},"domainName":"x.lambda-url.y.on.aws"}}`,
		`{"requestContext":{"elb":{"targetGroupArn":"x"}},"httpMethod":"GET","path":"/","multiValueHeaders":{"host":["a"],"x-forwarded-for":["1.2.3.4, 5.6.7.8"]},"multiValueQueryStringParameters":{"a":["x+y","&"]},"body":""}`,
		`{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/x","headers":{"host":"a"},"queryStringParameters":{"a":"#"},"body":"x","isBase64Encoded":true}`,
		`{"raw_path":"/x?a=1","method":"GET","headers":{"a":"1,2"},"is_base64_encoded":false,"body":""}`,
		`{"version":"2.0","path":"/x","method":"GET","headers":{"a":["1","2"]},"queryStringParameters":{"a":["1"]},"requestContext":{"serviceNetworkArn":"x"}}`,
		`{"requestContext":{"routeKey":"$default","connectionId":"c","eventType":"MESSAGE"},"body":"{}"}`,
		`{"path":"None","httpMethod":"None","headers":"None","cookies":"None","requestContext":"None"}`,
		`{"Records":[]}`, `[]`, `{`, ``, "{\"a\":\"\xff\"}", `{"path":{"a":[1]},"headers":[[{}]],"cookies":[{},[],1,null]}`,
	} {
		f.Add([]byte(event))
	}
}

// What an event becomes is a request that net/http reads from a connection without an objection, and reads as the same.
func FuzzEvent(f *testing.F) {
	seeds(f)
	fn := &Function{stripStage: true, basePaths: []string{"/shop"}}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		e, err := fn.decoders.decode(payload)
		require.Equal(t, before, payload, "the payload is the runtime's")
		if err != nil {
			return
		}
		form := e.format()
		fn.facts(context.Background(), context.Background(), e, form)
		if form == notHTTP {
			return
		}
		holds(t, fn, e, form, func() { clear(payload) })
	})
}

// The same for events whose parts are anything, of each source.
func FuzzParts(f *testing.F) {
	f.Add("GET", "/a b", "k", "v w", "X-A", "1", "example.com", "a=1", "body", false)
	f.Add("POST", "//a%2Fb%zz?x#y", "k&=", "+%2B", "x_a", "t\u00e9", "[::1]:80", "b=\"2 3\"", "dGVh", true)
	f.Add("", "*", "", "", "", "\t", "a,b", "", "", false)
	f.Add("CONNECT", "example.com:80", "\xff", "\x00", "Content-Length", "-1", "", ";", "x", true)
	f.Add("OPTIONS", "http://a/b", "a;b", "c", "Transfer-Encoding", "x", "%41", "\r\n", "", false)
	fn := &Function{stripStage: true, basePaths: []string{"/shop"}}
	f.Fuzz(func(t *testing.T, method, path, name, value, field, content, host, cookie, body string, encoded bool) {
		list := func(s string) []string { return []string{s, content} }
		type object = map[string]any
		api := object{"stage": "prod", "apiId": "a"}
		v2 := func(domain string) object {
			return object{"stage": "prod", "domainName": domain, "http": object{"method": method, "sourceIp": host}}
		}
		for _, event := range []object{
			{"httpMethod": method, "path": path, "headers": object{field: content, "Host": host}, "queryStringParameters": object{name: value}, "requestContext": api},
			{"httpMethod": method, "path": path, "multiValueHeaders": object{field: list(content), "Cookie": list(cookie)}, "multiValueQueryStringParameters": object{name: list(value)}, "requestContext": api},
			{"version": "2.0", "rawPath": path, "rawQueryString": name + "=" + value, "headers": object{field: content, "host": host}, "cookies": list(cookie), "requestContext": v2(host)},
			{"version": "2.0", "rawPath": path, "rawQueryString": value, "headers": object{field: content}, "requestContext": v2("x.lambda-url.y")},
			{"httpMethod": method, "path": path, "headers": object{field: content, "x-forwarded-for": host}, "queryStringParameters": object{name: value}, "requestContext": object{"elb": object{}}},
			{"httpMethod": method, "path": path, "multiValueHeaders": object{field: list(content)}, "multiValueQueryStringParameters": object{name: list(value)}, "requestContext": object{"elb": object{}}},
			{"method": method, "raw_path": path, "headers": object{field: content}, "query_string_parameters": object{name: value}},
			{"method": method, "path": path, "headers": object{field: list(content)}, "queryStringParameters": object{name: list(value)}, "requestContext": object{"serviceNetworkArn": "x"}},
			{"headers": object{field: content}, "queryStringParameters": object{name: value}, "requestContext": object{"routeKey": path, "connectionId": "c", "eventType": method}},
		} {
			event["body"], event["isBase64Encoded"] = body, encoded
			payload, err := json.Marshal(event)
			require.NoError(t, err)
			e, err := fn.decoders.decode(payload)
			require.NoError(t, err)
			if form := e.format(); form != notHTTP {
				holds(t, fn, e, form, func() { clear(payload) })
			}
		}
	})
}

// holds asserts that an event is a request that net/http would have handed on.
func holds(t *testing.T, fn *Function, e *event, form format, release func()) {
	t.Helper()
	hr, err := fn.request(context.Background(), e, form)
	release() // the payload, which the runtime uses again
	if err != nil {
		return
	}
	body, broken := io.ReadAll(hr.Body)
	if broken == nil {
		require.EqualValues(t, len(body), hr.ContentLength)
	}
	var wire bytes.Buffer
	wire.WriteString(hr.Method + " " + hr.RequestURI + " HTTP/1.1\r\nHost: " + hr.Host + "\r\n")
	for name, values := range hr.Header {
		for _, v := range values {
			wire.WriteString(name + ": " + v + "\r\n")
		}
	}
	wire.WriteString("\r\n")
	if hr.Header["Content-Length"] != nil {
		wire.Write(body)
	}
	again, err := http.ReadRequest(bufio.NewReader(&wire))
	if hr.Method == http.MethodConnect || hr.Header["Content-Length"] != nil && broken != nil {
		return
	}
	require.NoError(t, err, "%s %s %v", hr.Method, hr.RequestURI, hr.Header)
	assert.Equal(t, again.URL, hr.URL)
	assert.Equal(t, again.Host, hr.Host)
	assert.Equal(t, again.RequestURI, hr.RequestURI)
	want := again.Header
	delete(hr.Header, "Content-Length")
	delete(want, "Content-Length")
	if hr.Header["Pragma"] == nil {
		assert.Equal(t, want, hr.Header)
	}
	assert.True(t, strings.HasPrefix(hr.URL.Path, "/"))
}

// The decoder finds what encoding/json finds, wherever both take the event.
func FuzzDecode(f *testing.F) {
	seeds(f)
	fn := &Function{}
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := fn.decoders.decode(payload)
		var all map[string]any
		other := json.Unmarshal(payload, &all)
		if err == nil && !json.Valid(payload) {
			t.Fatalf("this is no JSON: %q", payload)
		}
		if err != nil {
			if other == nil && all != nil {
				t.Fatalf("encoding/json takes it: %v", err)
			}
			return
		}
		if hasDuplicates(payload) || !json.Valid(bytes.ToValidUTF8(payload, nil)) || !slices.Equal(payload, bytes.ToValidUTF8(payload, []byte("?"))) {
			return
		}
		text := func(name string) string { s, _ := all[name].(string); return s }
		for _, c := range []struct{ name, got string }{
			{"version", e.version}, {"path", e.path}, {"rawPath", e.rawPath}, {"httpMethod", e.httpMethod}, {"rawQueryString", e.rawQuery},
		} {
			if _, is := all[c.name].(string); is {
				require.Equal(t, text(c.name), c.got, c.name)
			}
		}
		if headers, is := all["headers"].(map[string]any); is {
			names := map[string]bool{}
			for _, h := range e.headers.all {
				names[h.name] = true
				if want, is := headers[h.name].(string); is {
					require.Equal(t, want, h.value)
				}
			}
			for name, v := range headers {
				if _, list := v.([]any); !list && !names[name] {
					t.Fatalf("the header %q was lost", name)
				}
			}
		}
	})
}

// hasDuplicates reports whether an object has a name twice: of these the two keep different ones.
func hasDuplicates(payload []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(payload))
	var seen []map[string]bool
	var keys []bool
	for {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				seen, keys = append(seen, map[string]bool{}), append(keys, true)
				continue
			case '[':
				seen, keys = append(seen, nil), append(keys, false)
				continue
			default:
				seen, keys = seen[:len(seen)-1], keys[:len(keys)-1]
			}
		case string:
			if n := len(seen); n > 0 && seen[n-1] != nil && keys[n-1] {
				if seen[n-1][token] {
					return true
				}
				seen[n-1][token], keys[n-1] = true, false
				continue
			}
		}
		if n := len(keys); n > 0 && seen[n-1] != nil {
			keys[n-1] = true
		}
	}
}
