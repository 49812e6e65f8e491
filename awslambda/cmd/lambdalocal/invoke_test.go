//go:build unix

package main

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What curl --data sends has the media type of a form.
func TestAnyEventCanBePosted(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	g := l.send("POST", invokes, `{"what":"event","Records":[1]}`, "Content-Type", "application/x-www-form-urlencoded")
	require.NoError(t, g.err)
	assert.Equal(t, 200, g.status)
	assert.Equal(t, `{"what":"event","Records":[1]}`, g.body)
	assert.Equal(t, "$LATEST", g.header.Get("X-Amz-Executed-Version"))
	assert.NotContains(t, g.header, "X-Amz-Function-Error")
	assert.Regexp(t, `^[0-9a-f]{8}-`, g.header.Get("X-Amzn-Requestid"))

	for _, name := range []string{"fn", "arn:aws:lambda:us-east-1:1:function:fn", "arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Afn%2Fx"} {
		g = l.send("POST", invokePrefix+name+invokeSuffix, "", "X-Amz-Client-Context", base64.StdEncoding.EncodeToString([]byte(`{"client":{"app_title":"tea"}}`)), "X-Amz-Tenant-Id", "acme")
		var f facts
		require.NoError(t, json.Unmarshal([]byte(g.body), &f), g.body)
		assert.Equal(t, g.header.Get("X-Amzn-Requestid"), f.RequestID)
		assert.Equal(t, "tea", f.Client)
		assert.Equal(t, "acme", f.Tenant)
	}
	g = l.send("POST", invokePrefix+"fn/other", "")
	assert.Contains(t, g.body, `"PID"`, "that is a request for the front door")
}

func TestACallThatIsWrongDoesNotReachTheFunction(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	for _, c := range []struct {
		method, body string
		fields       []string
		status       int
		kind         string
	}{
		{"GET", "", nil, 405, "MethodNotAllowedException"},
		{"POST", "no JSON", nil, 400, "InvalidRequestContentException"},
		{"POST", "{}", []string{"X-Amz-Invocation-Type", "Sometimes"}, 400, "InvalidParameterValueException"},
		{"POST", "{}", []string{"X-Amz-Client-Context", "?"}, 400, "InvalidRequestContentException"},
		{"POST", `"` + strings.Repeat("x", 6<<20) + `"`, nil, 413, "RequestTooLargeException"},
	} {
		g := l.send(c.method, invokes, c.body, c.fields...)
		if g.err != nil && c.status == 413 { // the connection may end before all is sent
			continue
		}
		require.NoError(t, g.err)
		assert.Equal(t, c.status, g.status)
		assert.Equal(t, c.kind, g.header.Get("X-Amzn-Errortype"))
		assert.Contains(t, g.body, `"message":`)
	}
}

func TestAnErrorOfTheFunctionIsSaidAsLambdaDoes(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"), "-timeout", "2s")
	for what, want := range map[string][2]string{
		"error": {"errorString", "no tea"},
		"panic": {"string", "no tea at all"},
		"exit":  {"Runtime.ExitError", "exit status 3"},
		"sleep": {"Sandbox.Timedout", "timed out after 2.00 seconds"},
	} {
		g := l.send("POST", invokes, `{"what":"`+what+`"}`)
		require.NoError(t, g.err)
		assert.Equal(t, 200, g.status)
		assert.Equal(t, "Unhandled", g.header.Get("X-Amz-Function-Error"), what)
		var f struct{ ErrorType, ErrorMessage string }
		require.NoError(t, json.Unmarshal([]byte(g.body), &f), g.body)
		assert.Equal(t, want[0], f.ErrorType)
		assert.Contains(t, f.ErrorMessage, want[1])
	}
	g := l.send("POST", invokes, `{"what":"large"}`)
	assert.Equal(t, "Unhandled", g.header.Get("X-Amz-Function-Error"))
	assert.Less(t, len(g.body), 1000)
}

func TestAnEventCanBeTakenLater(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"), "-timeout", "2s")
	l.facts("/")
	file := filepath.Join(t.TempDir(), "touched")
	start := time.Now()
	for _, what := range []string{"sleep", "touch" + file} {
		g := l.send("POST", invokes, `{"what":"`+what+`"}`, "X-Amz-Invocation-Type", "Event")
		require.NoError(t, g.err)
		assert.Equal(t, 202, g.status)
		assert.Empty(t, g.body)
	}
	assert.Less(t, time.Since(start), 2*time.Second, "at once")
	assert.Eventually(t, func() bool { found, _ := filepath.Glob(file); return found != nil }, 20*time.Second, 10*time.Millisecond)

	l.send("POST", invokes, `{"what":"error"}`, "X-Amz-Invocation-Type", "Event")
	l.out.waits(t, "errorString: no tea")
}

func TestADryRunDoesNotReachTheFunction(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	file := filepath.Join(t.TempDir(), "touched")
	g := l.send("POST", invokes, `{"what":"touch`+file+`"}`, "X-Amz-Invocation-Type", "DryRun")
	require.NoError(t, g.err)
	assert.Equal(t, 204, g.status)
	l.facts("/")
	assert.NoFileExists(t, file)
}
