//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/internal/doors"
)

// The same program behind every door.
func TestEveryDoorPassesRequestsAndAnswers(t *testing.T) {
	all := map[doors.Door]bool{}
	for _, n := range named {
		all[n.door] = true
		t.Run(n.name, func(t *testing.T) {
			t.Parallel()
			mode := "FUNCTION_MODE="
			if n.door.Streams() {
				mode += "streaming"
			}
			l := serveLocal(t, woven(mode), "-door", n.name)
			g := l.send("GET", "/facts", "", "X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
			require.NoError(t, g.err)
			assert.Equal(t, 200, g.status)
			assert.Equal(t, "application/json", g.header.Get("Content-Type"))
			assert.Contains(t, g.body, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
			binary := strings.Repeat("\x00\xff", 3000)
			g = l.send("POST", "/echo", binary, "Content-Type", "application/octet-stream")
			require.NoError(t, g.err)
			assert.Equal(t, 200, g.status)
			assert.Equal(t, binary, g.body)
			g = l.send("GET", "/nothing", "")
			assert.Equal(t, 404, g.status)
			assert.Contains(t, g.header.Get("Content-Type"), "application/problem+json")
		})
	}
	for _, d := range doors.All() {
		assert.True(t, all[d], "%s has no name", d)
	}
}

func TestWhatTheEventSaysOfTheRequest(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	g := l.send("POST", "/event?a=1&b=x%20y", "tea", "Content-Type", "text/plain", "User-Agent", "tea/1", "Cookie", "c=1", "X-Forwarded-For", "203.0.113.9", "Connection", "X-Hop", "X-Hop", "1", "Te", "trailers")
	require.NoError(t, g.err)
	var event struct {
		RawPath, RawQueryString, Body string
		Cookies                       []string
		Headers                       map[string]string
		RequestContext                struct {
			RequestID string
			TimeEpoch int64
			HTTP      struct{ Method, SourceIP, UserAgent string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(g.body), &event), g.body)
	assert.Equal(t, "/event", event.RawPath)
	assert.Equal(t, "a=1&b=x%20y", event.RawQueryString)
	assert.Equal(t, "tea", event.Body)
	assert.Equal(t, []string{"c=1"}, event.Cookies)
	assert.Equal(t, strings.TrimPrefix(l.base, "http://"), event.Headers["host"])
	assert.Equal(t, "203.0.113.9, 127.0.0.1", event.Headers["x-forwarded-for"])
	assert.Equal(t, "http", event.Headers["x-forwarded-proto"])
	assert.Equal(t, l.base[strings.LastIndex(l.base, ":")+1:], event.Headers["x-forwarded-port"])
	assert.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`, event.Headers["x-amzn-trace-id"])
	for _, dropped := range []string{"connection", "te", "x-hop"} {
		assert.NotContains(t, event.Headers, dropped)
	}
	assert.Equal(t, "POST", event.RequestContext.HTTP.Method)
	assert.Equal(t, "127.0.0.1", event.RequestContext.HTTP.SourceIP)
	assert.Equal(t, "tea/1", event.RequestContext.HTTP.UserAgent)
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, event.RequestContext.RequestID)
	assert.WithinDuration(t, time.Now(), time.UnixMilli(event.RequestContext.TimeEpoch), time.Minute)
}

func TestWhatTheRuntimeSaysOfTheInvocation(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"), "-timeout", "20s", "-name", "tea", "-memory", "512")
	first, second := l.facts("/"), l.facts("/", "X-Amzn-Trace-Id", "Root=1-1-2;Sampled=1")
	assert.Equal(t, first.PID, second.PID)
	assert.NotEqual(t, first.RequestID, second.RequestID)
	assert.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`, first.Trace)
	assert.Equal(t, "Root=1-1-2;Sampled=1", second.Trace)
	assert.Greater(t, first.Left, 10*time.Second)
	assert.LessOrEqual(t, first.Left, 20*time.Second)
	assert.Contains(t, first.ARN, ":function:tea")
	env := first.Environment
	assert.Equal(t, "tea", env["AWS_LAMBDA_FUNCTION_NAME"])
	assert.Equal(t, "512", env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
	assert.Equal(t, "$LATEST", env["AWS_LAMBDA_FUNCTION_VERSION"])
	assert.Equal(t, "/aws/lambda/tea", env["AWS_LAMBDA_LOG_GROUP_NAME"])
	assert.NotEmpty(t, env["AWS_REGION"])
	assert.NotEmpty(t, env["PATH"], "the rest is inherited")
	assert.NotContains(t, env, "AWS_LAMBDA_MAX_CONCURRENCY")
	l.out.waits(t, "function: out")
	l.out.waits(t, "function: err")
}

func TestAnAnswerIsThatOfTheDoor(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	g := l.send("GET", "/header", "")
	require.NoError(t, g.err)
	assert.Equal(t, 201, g.status)
	assert.Equal(t, "tea", g.body)
	assert.Equal(t, "green", g.header.Get("X-Tea"))
	assert.Equal(t, []string{"a=1", "b=2"}, g.header["Set-Cookie"])
	assert.Equal(t, "3", g.header.Get("Content-Length"), "not what the function says")
	assert.NotContains(t, g.header, "Content-Type", "none is made up")
	g = l.send("GET", "/empty", "")
	require.NoError(t, g.err)
	assert.Equal(t, 204, g.status)
	g = l.send("HEAD", "/head", "")
	require.NoError(t, g.err)
	assert.Equal(t, "7", g.header.Get("Content-Length"))
	g = l.send("GET", "/early", "")
	require.NoError(t, g.err)
	assert.Equal(t, 502, g.status)
	g = l.send("GET", "/large", "")
	require.NoError(t, g.err)
	assert.Equal(t, 502, g.status)
	l.out.waits(t, `GET /large: 502: the answer has more than 6291456 bytes`)
	assert.Equal(t, 200, l.send("GET", "/", "").status)
}

func TestBodiesAreLimitedAsByTheDoor(t *testing.T) {
	for _, c := range []struct {
		door     string
		fits     int
		too      int
		encoding string
	}{
		{"alb", 1<<20 - 1024, 1<<20 + 1, "text/plain"},
		{"function-url", 6<<20 - 4096, 6<<20 + 1, "text/plain"},
		{"http-api", 6<<20 - 4096, 10<<20 + 1, "text/plain"},
		{"rest-api", 4 << 20, 5 << 20, "application/octet-stream"}, // whose event is too large, in base64
	} {
		t.Run(c.door, func(t *testing.T) {
			t.Parallel()
			l := serveLocal(t, plain("handles"), "-door", c.door)
			g := l.send("POST", "/empty", strings.Repeat("x", c.too), "Content-Type", c.encoding)
			if g.err == nil { // the connection may end before all is sent
				assert.Equal(t, 413, g.status)
				assert.JSONEq(t, `{"message":"Request Entity Too Large"}`, g.body)
			}
			g = l.send("POST", "/empty", strings.Repeat("x", c.fits), "Content-Type", c.encoding)
			require.NoError(t, g.err)
			assert.NotEqual(t, 413, g.status)
		})
	}
}

func TestAStreamIsPassedOnWhileItIsMade(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("streams"), "-door", "function-url-stream", "-timeout", "3s")
	resp, err := l.client.Get(l.base + "/")
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, 200, resp.StatusCode)
	assert.Equal(t, "text/plain", resp.Header.Get("Content-Type"))
	assert.Equal(t, "a=1", resp.Header.Get("Set-Cookie"))
	from := bufio.NewReader(resp.Body)
	line, err := from.ReadString('\n')
	first := time.Now()
	require.NoError(t, err)
	assert.Equal(t, "one\n", line)
	line, err = from.ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "two of")
	assert.Greater(t, time.Since(first), 150*time.Millisecond, "as it was made")

	for path, reason := range map[string]string{"/break": "no more tea", "/exit": "(unexpected EOF|exit status 3)", "/hang": "timed out after 3.00 seconds"} {
		g := l.send("GET", path, "")
		assert.Equal(t, 200, g.status, path)
		assert.Equal(t, "one\n", g.body, path)
		require.ErrorIs(t, g.err, io.ErrUnexpectedEOF, path)
		l.out.waits(t, "GET "+path+": the answer has broken off: .*"+reason)
	}
	g := l.send("GET", "/", "")
	require.NoError(t, g.err, "another process")
	assert.Contains(t, g.body, "two of")
}

func TestAStreamOfWeftIsPassedOn(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, woven("FUNCTION_MODE=streaming"), "-door", "rest-api-stream")
	g := l.send("GET", "/stream/ends", "", "Accept", "application/x-ndjson")
	require.NoError(t, g.err)
	assert.Equal(t, "0\n1\n2\n", g.body)
	g = l.send("GET", "/stream/breaks", "", "Accept", "application/x-ndjson")
	require.ErrorIs(t, g.err, io.ErrUnexpectedEOF)
}

func TestAFunctionThatDoesNotStreamBehindADoorThatDoes(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"), "-door", "function-url-stream")
	g := l.send("GET", "/empty", "")
	require.NoError(t, g.err)
	assert.Equal(t, 200, g.status)
	assert.Equal(t, "application/octet-stream", g.header.Get("Content-Type"))
	assert.Contains(t, g.body, `"statusCode":204`)
	l.out.waits(t, "the function does not stream")
	l = serveLocal(t, plain("handles"), "-door", "rest-api-stream")
	assert.Equal(t, 502, l.send("GET", "/empty", "").status)
}

// A client that goes is nothing to the function, as on Lambda, and nothing of it is left.
func TestAClientMayGo(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("streams"), "-door", "function-url-stream")
	resp, err := l.client.Get(l.base + "/")
	require.NoError(t, err)
	_, err = io.ReadFull(resp.Body, make([]byte, 4))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	g := l.send("GET", "/", "")
	require.NoError(t, g.err)
	assert.Contains(t, g.body, "two of")
	assert.NotContains(t, l.out.String(), "broken off")
}

func TestTargetsAndBodiesOfAnyForm(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	g := l.send("GET", "/a%2Fb%20c", "")
	require.NoError(t, g.err)
	assert.Equal(t, 200, g.status)
	hr, err := http.NewRequest("POST", l.base+"/", io.MultiReader(bytes.NewReader([]byte("tea"))))
	require.NoError(t, err)
	resp, err := l.client.Do(hr) // chunked
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 200, resp.StatusCode)
}
