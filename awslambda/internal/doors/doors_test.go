package doors_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/internal/doors"
)

func eventOf(t *testing.T, d doors.Door, hr *http.Request, about doors.About) map[string]any {
	t.Helper()
	text, err := doors.Event(d, hr, about)
	require.NoError(t, err)
	var event map[string]any
	require.NoError(t, json.Unmarshal(text, &event))
	return event
}

// headerIn is a field of an event's header, of whatever form and case, and nil where it has none.
func headerIn(event map[string]any, name string) any {
	for _, member := range []string{"headers", "multiValueHeaders"} {
		all, _ := event[member].(map[string]any)
		for n, value := range all {
			if strings.EqualFold(n, name) {
				if list, ok := value.([]any); ok {
					return list[0]
				}
				return value
			}
		}
	}
	return nil
}

// A request may have as little as a client of net/http may send.
func TestEveryDoorTakesRequestsWithoutHeader(t *testing.T) {
	target, err := url.Parse("http://shop.example.com/a?b=1")
	require.NoError(t, err)
	for _, d := range doors.All() {
		event := eventOf(t, d, &http.Request{URL: target}, doors.About{})
		assert.Equal(t, "shop.example.com", headerIn(event, "Host"), d)
		text, err := json.Marshal(event)
		require.NoError(t, err)
		assert.Contains(t, string(text), `"GET"`, d)

		event = eventOf(t, d, &http.Request{Method: "PUT", URL: &url.URL{Path: "/a"}, Header: http.Header{"User-Agent": nil, "X-None": {}}}, doors.About{})
		assert.Nil(t, headerIn(event, "Host"), d)
		assert.Nil(t, headerIn(event, "User-Agent"), d)
		assert.Nil(t, headerIn(event, "X-None"), d)
	}
}

func TestARequestIsNotChanged(t *testing.T) {
	hr, err := http.NewRequest("POST", "http://shop.example.com/", strings.NewReader("tea"))
	require.NoError(t, err)
	eventOf(t, doors.ALB, hr, doors.About{})
	assert.Empty(t, hr.Header)
}

func TestATargetForAProxyIsAPath(t *testing.T) {
	target, err := url.Parse("http://shop.example.com/a?b=1")
	require.NoError(t, err)
	event := eventOf(t, doors.HTTPAPI, &http.Request{URL: target, RequestURI: target.String(), Host: "shop.example.com"}, doors.About{})
	assert.Equal(t, "/a", event["rawPath"])
	assert.Equal(t, "b=1", event["rawQueryString"])
}

func TestWhatADoorKnowsIsInTheEvent(t *testing.T) {
	about := doors.About{RequestID: "r-9", SourceIP: "203.0.113.5", Time: time.UnixMilli(1753171200123)}
	for d, wants := range map[doors.Door][]string{
		doors.RESTAPI:     {`"requestId":"r-9"`, `"sourceIp":"203.0.113.5"`, `"requestTimeEpoch":1753171200123`, `"requestTime":"22/Jul/2025:08:00:00 +0000"`},
		doors.HTTPAPI:     {`"requestId":"r-9"`, `"sourceIp":"203.0.113.5"`, `"timeEpoch":1753171200123`, `"userAgent":"tea/1"`},
		doors.FunctionURL: {`"requestId":"r-9"`, `"sourceIp":"203.0.113.5"`, `"timeEpoch":1753171200123`},
		doors.ALB:         {`"x-forwarded-for":"203.0.113.5"`},
		doors.Lattice2:    {`"x-forwarded-for":["203.0.113.5"]`, `"timeEpoch":"1753171200123000"`},
	} {
		hr, err := http.NewRequest("GET", "http://shop.example.com/", nil)
		require.NoError(t, err)
		hr.Header.Set("User-Agent", "tea/1")
		text, err := doors.Event(d, hr, about)
		require.NoError(t, err)
		for _, want := range wants {
			assert.Contains(t, string(text), want, d)
		}
	}
}

// What the types of package events are as JSON, has members that are null.
func TestAnswersOfAnyFunction(t *testing.T) {
	marshal := func(v any) string {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		return string(text)
	}
	typed := map[string]string{"Content-Type": "text/plain"}
	multi := map[string][]string{"Content-Type": {"text/plain"}}
	for _, c := range []struct {
		door         doors.Door
		answer, want string // want is status, Content-Type and body, or an error
	}{
		{doors.RESTAPI, marshal(events.APIGatewayProxyResponse{StatusCode: 201, Headers: typed, Body: "tea"}), "201 text/plain tea"},
		{doors.RESTAPI, `{"statusCode":200,"more":1}`, `does not know the member "more"`},
		{doors.RESTAPI, `{"hello":"you"}`, `does not know the member "hello"`},
		{doors.RESTAPI, `{"body":"tea"}`, "no status"},
		{doors.RESTAPI, `"tea"`, "no object"},
		{doors.RESTAPI, `null`, "no object"},
		{doors.RESTAPI, `{"statusCode":204}`, "204  "},
		{doors.HTTPAPI1, marshal(events.APIGatewayProxyResponse{StatusCode: 200, MultiValueHeaders: multi, Body: "tea"}), "200 text/plain tea"},
		{doors.HTTPAPI, marshal(events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: typed, Body: "dGVh", IsBase64Encoded: true}), "200 text/plain tea"},
		{doors.HTTPAPI, `{"statusCode":200,"headers":{},"multiValueHeaders":{"X":["1"]},"more":1,"body":"tea"}`, "200  tea"},
		{doors.HTTPAPI, `{"hello":"you"}`, `200 application/json {"hello":"you"}`},
		{doors.HTTPAPI, `[1]`, `200 application/json [1]`},
		{doors.FunctionURL, `"tea"`, `200 application/json tea`},
		{doors.FunctionURL, marshal(events.LambdaFunctionURLResponse{StatusCode: 418, Headers: typed, Body: "tea"}), "418 text/plain tea"},
		{doors.HTTPAPI, `tea`, "no object"},
		{doors.ALB, marshal(events.ALBTargetGroupResponse{StatusCode: 200, Headers: typed, Body: "tea"}), "200 text/plain tea"},
		{doors.ALB, marshal(events.ALBTargetGroupResponse{StatusCode: 200, MultiValueHeaders: multi, Body: "tea"}), "not the header"},
		{doors.ALBMultiValue, marshal(events.ALBTargetGroupResponse{StatusCode: 200, Headers: map[string]string{}, MultiValueHeaders: multi}), "200 text/plain "},
		{doors.Lattice2, `{"statusCode":200,"headers":{"Content-Type":"text/plain"},"body":"tea","isBase64Encoded":null}`, "200 text/plain tea"},
		{doors.FunctionURLStreams, `{"statusCode":200,"headers":null,"cookies":["a=1"]}` + "\x00\x00\x00\x00\x00\x00\x00\x00tea", "200  tea"},
	} {
		resp, err := doors.AnswerOfAny(c.door, nil, strings.NewReader(c.answer))
		if err != nil {
			assert.ErrorContains(t, err, c.want, c.answer)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, c.want, resp.Status+" "+resp.Header.Get("Content-Type")+" "+string(body), c.answer)
		assert.Empty(t, resp.Header.Get("X"))
	}
}
