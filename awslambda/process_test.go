//go:build unix

package awslambda_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// process is that of the function, behind a runtime API of its own.
func process(t *testing.T, environment ...string) (*awslambdatest.RuntimeAPI, *awslambdatest.Process) {
	t.Helper()
	require.NoError(t, builtErr)
	api := awslambdatest.NewRuntimeAPI(t)
	return api, api.Start(built, environment...)
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func get(path string) []byte {
	return []byte(`{"path":"` + path + `","httpMethod":"GET","requestContext":{"stage":"prod"}}`)
}

func urlGet(path string) []byte {
	return []byte(`{"version":"2.0","rawPath":"` + path + `","headers":{"accept":"application/x-ndjson"},"requestContext":{"domainName":"a.lambda-url.b.on.aws","http":{"method":"GET"}}}`)
}

func TestTheProcessAnswersEventsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	api, p := process(t)
	about := awslambdatest.Invocation{TraceID: "Root=1-1;Parent=2;Sampled=1", TenantID: "acme", Timeout: 5 * time.Second}
	for i, cold := range []bool{true, false} {
		result, err := api.Invoke(within(t), get("/facts"), about)
		require.NoError(t, err)
		require.Nil(t, result.Error)
		r := parse(t, []byte(result.Body))
		assert.Equal(t, fmt.Sprintf(`"%d req-%d Root=1-1;Parent=2;Sampled=1 acme Root=1-1;Parent=2;Sampled=1 cold=%t reserve=200ms"`, p.ID(), i+1, cold), r.Body)
	}
	result, err := api.Invoke(within(t), []byte(`{"Records":[]}`), about)
	require.NoError(t, err)
	require.NotNil(t, result.Error)
	assert.Equal(t, "Weft.UnknownEvent", result.Error.Type)

	large := strings.Repeat("tea", 1<<20)
	result, err = api.Invoke(within(t), []byte(`{"path":"/echo","httpMethod":"POST","requestContext":{"stage":"x"},"headers":{"content-type":"text/plain"},"body":"`+large+`"}`), about)
	require.NoError(t, err)
	require.Nil(t, result.Error)
	content, err := base64.StdEncoding.DecodeString(parse(t, []byte(result.Body)).Body)
	require.NoError(t, err)
	assert.Len(t, content, 3<<20)
}

// A panic is an answer, and what is no answer is reported; the process is the same afterwards.
func TestTheProcessOutlivesItsRequests(t *testing.T) {
	t.Parallel()
	api, p := process(t)
	for _, c := range []struct{ how, kind string }{{"panic", ""}, {"error", ""}, {"abort", "Weft.Aborted"}} {
		result, err := api.Invoke(within(t), get("/fails/"+c.how), awslambdatest.Invocation{})
		require.NoError(t, err, c.how)
		if c.kind == "" {
			require.Nil(t, result.Error, c.how)
			assert.Equal(t, 500, parse(t, []byte(result.Body)).Status)
			continue
		}
		require.NotNil(t, result.Error, c.how)
		assert.Equal(t, c.kind, result.Error.Type)
	}
	result, err := api.Invoke(within(t), get("/facts"), awslambdatest.Invocation{})
	require.NoError(t, err)
	assert.Contains(t, result.Body, fmt.Sprint(p.ID()))
	assert.True(t, p.Running())
}

// A handler that ends its goroutine ends the process: it would never ask for an event again.
func TestTheProcessEndsWithItsGoroutine(t *testing.T) {
	t.Parallel()
	api, p := process(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = api.Invoke(ctx, get("/fails/goexit"), awslambdatest.Invocation{}) }()
	status, err := p.Wait(within(t))
	cancel()
	require.NoError(t, err)
	assert.Equal(t, 1, status)
}

func TestTheProcessAnswersBeforeLambdaEndsIt(t *testing.T) {
	t.Parallel()
	api, _ := process(t)
	start := time.Now()
	result, err := api.Invoke(within(t), get("/deadline"), awslambdatest.Invocation{Timeout: time.Second})
	require.NoError(t, err)
	assert.Equal(t, 504, parse(t, []byte(result.Body)).Status)
	assert.Less(t, time.Since(start), time.Second)
}

func TestTheProcessServesSeveralInvocationsAtOnce(t *testing.T) {
	t.Parallel()
	api, _ := process(t, "AWS_LAMBDA_MAX_CONCURRENCY=4")
	_, err := api.Invoke(within(t), get("/facts"), awslambdatest.Invocation{})
	require.NoError(t, err)
	start := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			result, err := api.Invoke(within(t), get("/slow"), awslambdatest.Invocation{})
			if assert.NoError(t, err) {
				assert.Contains(t, result.Body, "slow")
			}
		})
	}
	all.Wait()
	assert.Less(t, time.Since(start), 4*500*time.Millisecond, "one after the other")
	result, err := api.Invoke(within(t), get("/facts"), awslambdatest.Invocation{TraceID: "Root=1-7"})
	require.NoError(t, err)
	assert.Contains(t, result.Body, "Root=1-7", "which is not in the environment then")
}

func TestTheProcessStreams(t *testing.T) {
	t.Parallel()
	api, p := process(t, "FUNCTION_MODE=streaming")
	var arrived []time.Time
	var lines []string
	result, err := api.InvokeLive(within(t), urlGet("/stream/ends"), awslambdatest.Invocation{}, func(body io.Reader) {
		from := bufio.NewReader(body)
		for {
			line, err := from.ReadString('\n')
			if err != nil {
				_, _ = io.Copy(io.Discard, from)
				return
			}
			arrived, lines = append(arrived, time.Now()), append(lines, line)
		}
	})
	require.NoError(t, err)
	require.Nil(t, result.Error)
	assert.Equal(t, "application/vnd.awslambda.http-integration-response", result.ContentType)
	head, body, found := strings.Cut(result.Body, strings.Repeat("\x00", 8))
	require.True(t, found)
	assert.Equal(t, 200, parse(t, []byte(head)).Status)
	assert.Equal(t, "0\n1\n2\n", body)
	assert.Empty(t, values(result.Trailer))
	require.Len(t, arrived, 3)
	assert.Greater(t, arrived[2].Sub(arrived[0]), 100*time.Millisecond, "as they were made")

	result, err = api.Invoke(within(t), urlGet("/stream/breaks"), awslambdatest.Invocation{})
	require.NoError(t, err)
	assert.Equal(t, "Weft.Aborted", result.Trailer.Get("Lambda-Runtime-Function-Error-Type"))
	why, err := base64.StdEncoding.DecodeString(result.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
	require.NoError(t, err)
	assert.Contains(t, string(why), "broken off")

	result, err = api.Invoke(within(t), urlGet("/fails/panic"), awslambdatest.Invocation{})
	require.NoError(t, err)
	assert.Contains(t, result.Body, `"statusCode":500`)
	result, err = api.Invoke(within(t), urlGet("/fails/abort"), awslambdatest.Invocation{})
	require.NoError(t, err)
	require.NotNil(t, result.Error)
	assert.Equal(t, "Weft.Aborted", result.Error.Type)

	result, err = api.Invoke(within(t), []byte(httpEvent), awslambdatest.Invocation{})
	require.NoError(t, err)
	assert.Equal(t, "application/json", result.ContentType, "a source that cannot stream")
	assert.Equal(t, 404, parse(t, []byte(result.Body)).Status)
	assert.True(t, p.Running())
}

func values(h http.Header) (all []string) {
	for _, v := range h {
		all = append(all, v...)
	}
	return all
}

// The next event is asked for when the work of the last is done: until then the process runs.
func TestTheProcessDoesNotStandStillOverItsWork(t *testing.T) {
	t.Parallel()
	api, _ := process(t)
	start := time.Now()
	_, err := api.Invoke(within(t), []byte(`{"path":"/work","httpMethod":"POST","requestContext":{"stage":"x"}}`), awslambdatest.Invocation{})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(start), 300*time.Millisecond)
}

func TestTheProcessReportsWhyItCannotStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ environment, want string }{
		{"FUNCTION_FAILS=error", "no database"},
		{"FUNCTION_FAILS=panic", "no database at all"},
		{"FUNCTION_FAILS=declaration", "main.go:"},
		{"FUNCTION_MODE=options", `BasePath("shop") is not a prefix`},
	} {
		api, p := process(t, c.environment)
		f, err := api.StartFailure(within(t))
		require.NoError(t, err, c.environment)
		assert.Equal(t, "Weft.InitError", f.Type)
		assert.Contains(t, f.Message, c.want)
		status, err := p.Wait(within(t))
		require.NoError(t, err)
		assert.Equal(t, 1, status)
		assert.Zero(t, api.Asked(), "no event is taken")
	}
}

func TestTheProcessClosesWhatItHasOpened(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	api, p := process(t, "FUNCTION_CLOSED="+closed)
	_, err := api.Invoke(within(t), get("/facts"), awslambdatest.Invocation{})
	require.NoError(t, err)
	assert.NoFileExists(t, closed)
	require.NoError(t, p.Signal(syscall.SIGTERM))
	status, err := p.Wait(within(t))
	require.NoError(t, err)
	assert.Zero(t, status)
	assert.FileExists(t, closed)
}
