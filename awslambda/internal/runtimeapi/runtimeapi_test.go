package runtimeapi_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft/awslambda/internal/runtimeapi"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// runtime is a function's side of the API, by hand.
type runtime struct {
	t      *testing.T
	client *http.Client
	base   string
}

func start(t *testing.T, c runtimeapi.Config) (*runtimeapi.API, runtime) {
	t.Helper()
	api, err := runtimeapi.Start(c)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		_ = api.Close(nil)
		client.CloseIdleConnections()
	})
	return api, runtime{t, client, "http://" + api.Address() + "/2018-06-01/runtime/"}
}

func (r runtime) next() (event string, h http.Header) {
	resp, err := r.client.Get(r.base + "invocation/next")
	if !assert.NoError(r.t, err) {
		return "", http.Header{}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	assert.NoError(r.t, err)
	return string(text), resp.Header
}

func (r runtime) post(path string, body io.Reader, trailer ...string) int {
	hr, err := http.NewRequest("POST", r.base+path, body)
	if !assert.NoError(r.t, err) {
		return 0
	}
	hr.Header.Set("Content-Type", "text/x-answer")
	if len(trailer) > 0 {
		hr.ContentLength = -1
		hr.Trailer = http.Header{trailer[0]: nil, trailer[2]: nil}
		hr.Body = io.NopCloser(io.MultiReader(body, atEnd(func() {
			hr.Trailer.Set(trailer[0], trailer[1])
			hr.Trailer.Set(trailer[2], trailer[3])
		})))
	}
	resp, err := r.client.Do(hr)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

type atEnd func()

func (f atEnd) Read([]byte) (int, error) { f(); return 0, io.EOF }

// deliver has the function take an event, and returns both sides of it.
func (r runtime) deliver(api *runtimeapi.API, about runtimeapi.Invocation) (*runtimeapi.Call, http.Header) {
	r.t.Helper()
	took := make(chan http.Header, 1)
	go func() {
		_, h := r.next()
		took <- h
	}()
	call, err := api.Deliver(r.t.Context(), []byte(`{"a":1}`), about)
	require.NoError(r.t, err)
	return call, <-took
}

func TestAnEventIsTakenAnsweredAndFinished(t *testing.T) {
	api, fn := start(t, runtimeapi.Config{ARN: "arn:x"})
	select {
	case <-api.Ready():
		t.Fatal("nothing has asked yet")
	default:
	}
	before := time.Now()
	call, h := fn.deliver(api, runtimeapi.Invocation{Timeout: time.Minute, TraceID: "Root=1-1", TenantID: "acme", ClientContext: `{"a":1}`})
	<-api.Ready()
	assert.Equal(t, "req-1", h.Get("Lambda-Runtime-Aws-Request-Id"))
	assert.Equal(t, "arn:x", h.Get("Lambda-Runtime-Invoked-Function-Arn"))
	assert.Equal(t, "Root=1-1", h.Get("Lambda-Runtime-Trace-Id"))
	assert.Equal(t, "acme", h.Get("Lambda-Runtime-Aws-Tenant-Id"))
	assert.Equal(t, `{"a":1}`, h.Get("Lambda-Runtime-Client-Context"))
	ms, err := strconv.ParseInt(h.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	require.NoError(t, err)
	assert.WithinDuration(t, before.Add(time.Minute), time.UnixMilli(ms), 10*time.Second)
	assert.WithinDuration(t, call.Deadline, time.UnixMilli(ms), time.Millisecond)

	posted := make(chan int, 1)
	go func() { posted <- fn.post("invocation/req-1/response", strings.NewReader("answer")) }()
	resp, err := call.Answer()
	require.NoError(t, err)
	assert.Equal(t, "text/x-answer", resp.ContentType)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "answer", string(text))
	assert.Nil(t, resp.BrokenOff())
	assert.Equal(t, 202, <-posted)
	assert.Equal(t, 400, fn.post("invocation/req-1/response", strings.NewReader("again")), "it was answered")
	assert.Equal(t, 400, fn.post("invocation/nobody/error", strings.NewReader("{}")))
	select {
	case <-call.Finished():
		t.Fatal("the next event was not asked for")
	default:
	}
	second, _ := fn.deliver(api, runtimeapi.Invocation{RequestID: "mine"})
	<-call.Finished()
	assert.Equal(t, "mine", second.RequestID)
	assert.Equal(t, 2, api.Asked())
}

func TestAFailureIsWhatTheFunctionReports(t *testing.T) {
	starts := make(chan *runtimeapi.Failure, 1)
	api, fn := start(t, runtimeapi.Config{StartFailed: func(f *runtimeapi.Failure) { starts <- f }})
	call, _ := fn.deliver(api, runtimeapi.Invocation{})
	const text = `{"errorMessage":"oh","errorType":"E","more":1}`
	assert.Equal(t, 202, fn.post("invocation/req-1/error", strings.NewReader(text)))
	second, _ := fn.deliver(api, runtimeapi.Invocation{}) // the first is over, and still says so
	_, err := call.Answer()
	f, ok := errors.AsType[*runtimeapi.Failure](err)
	require.True(t, ok, err)
	assert.Equal(t, "E: oh", f.Error())
	assert.Equal(t, text, string(f.Text))

	assert.Equal(t, 202, fn.post("invocation/"+second.RequestID+"/error", strings.NewReader("no JSON")))
	_, err = second.Answer()
	assert.ErrorContains(t, err, "invalid character")

	assert.Equal(t, 202, fn.post("init/error", strings.NewReader(`{"errorMessage":"no database","errorType":"I"}`)))
	assert.Equal(t, "I: no database", (<-starts).Error())
}

func TestABodyArrivesWhileItIsMade(t *testing.T) {
	api, fn := start(t, runtimeapi.Config{})
	call, _ := fn.deliver(api, runtimeapi.Invocation{})
	read, write := io.Pipe()
	why := base64.StdEncoding.EncodeToString([]byte(`{"errorMessage":"no more"}`))
	go fn.post("invocation/req-1/response", read, "Lambda-Runtime-Function-Error-Type", "Late", "Lambda-Runtime-Function-Error-Body", why)
	_, _ = io.WriteString(write, "one\n")
	resp, err := call.Answer()
	require.NoError(t, err)
	from := bufio.NewReader(resp.Body)
	line, err := from.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "one\n", line, "while the second is not made")
	_, _ = io.WriteString(write, "two")
	_ = write.Close()
	rest, err := io.ReadAll(from)
	require.NoError(t, err)
	assert.Equal(t, "two", string(rest))
	require.NotNil(t, resp.BrokenOff())
	assert.Equal(t, "Late: no more", resp.BrokenOff().Error())
	assert.Equal(t, "Late", resp.Trailer().Get("Lambda-Runtime-Function-Error-Type"))
}

// half answers with the beginning of a chunked body, and returns its connection.
func (r runtime) half(api *runtimeapi.API, id string) net.Conn {
	conn, err := net.Dial("tcp", api.Address())
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", id)
	require.NoError(r.t, err)
	return conn
}

func TestABodyCanBreakOff(t *testing.T) {
	cause := errors.New("the cause")
	for _, c := range []struct {
		name   string
		breaks func(*runtimeapi.API, *runtimeapi.Call, net.Conn)
		want   error
	}{
		{"by its function", func(_ *runtimeapi.API, _ *runtimeapi.Call, conn net.Conn) { _ = conn.Close() }, io.ErrUnexpectedEOF},
		{"by its call", func(_ *runtimeapi.API, call *runtimeapi.Call, _ net.Conn) { call.End(cause) }, cause},
		{"by its API", func(api *runtimeapi.API, _ *runtimeapi.Call, _ net.Conn) { _ = api.Close(cause) }, cause},
	} {
		t.Run(c.name, func(t *testing.T) {
			api, fn := start(t, runtimeapi.Config{})
			call, _ := fn.deliver(api, runtimeapi.Invocation{})
			conn := fn.half(api, call.RequestID)
			resp, err := call.Answer()
			require.NoError(t, err)
			four := make([]byte, 4)
			_, err = io.ReadFull(resp.Body, four)
			require.NoError(t, err)
			c.breaks(api, call, conn)
			_, err = io.ReadAll(resp.Body)
			assert.ErrorIs(t, err, c.want)
		})
	}
}

// A function is answered also where nobody reads, or waits any more: else its process would end.
func TestWhatNobodyReadsIsAcceptedAllTheSame(t *testing.T) {
	api, fn := start(t, runtimeapi.Config{})
	long := strings.Repeat("x", 1<<20)
	call, _ := fn.deliver(api, runtimeapi.Invocation{})
	posted := make(chan int, 1)
	go func() { posted <- fn.post("invocation/req-1/response", strings.NewReader(long)) }()
	resp, err := call.Answer()
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 202, <-posted)

	call, _ = fn.deliver(api, runtimeapi.Invocation{})
	call.End(context.DeadlineExceeded)
	_, err = call.Answer()
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 202, fn.post("invocation/req-2/response", strings.NewReader(long)))
}

func TestAnEventWaitsAsLongAsItsContext(t *testing.T) {
	api, fn := start(t, runtimeapi.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	for range 100 {
		go func() {
			_, err := api.Deliver(ctx, nil, runtimeapi.Invocation{})
			failed <- err
		}()
	}
	cancel()
	for range 100 {
		assert.ErrorIs(t, <-failed, context.Canceled)
	}
	_, h := fn.deliver(api, runtimeapi.Invocation{RequestID: "later"})
	assert.Equal(t, "later", h.Get("Lambda-Runtime-Aws-Request-Id"), "the others are forgotten")
}

func TestSeveralEventsAreUnderWayAtOnce(t *testing.T) {
	api, fn := start(t, runtimeapi.Config{})
	var calls []*runtimeapi.Call
	for range 3 {
		call, _ := fn.deliver(api, runtimeapi.Invocation{})
		calls = append(calls, call)
	}
	for _, i := range []int{2, 0, 1} {
		go fn.post("invocation/"+calls[i].RequestID+"/response", strings.NewReader(fmt.Sprint(i)))
		resp, err := calls[i].Answer()
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(i), string(text))
	}
}

func TestWhatIsUnderWayEndsWithTheAPI(t *testing.T) {
	api, fn := start(t, runtimeapi.Config{})
	call, _ := fn.deliver(api, runtimeapi.Invocation{})
	cause := errors.New("the process has ended")
	waits := make(chan error)
	go func() {
		_, err := api.Deliver(t.Context(), nil, runtimeapi.Invocation{})
		waits <- err
	}()
	require.NoError(t, api.Close(cause))
	_, err := call.Answer()
	assert.ErrorIs(t, err, cause)
	assert.ErrorIs(t, <-waits, cause)
}
