// Package lambdatest runs the examples as AWS Lambda does: in process, and as programs that poll the Runtime API over HTTP.
package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"
)

// Patience is how long a test waits for what should happen at once.
const Patience = 20 * time.Second

// Event reads testdata/event.json, the published payload of an example.
func Event(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "event.json"))
	require.NoError(t, err)
	return text
}

// Invoke calls a function in process, as lambda.Start does: with the event as JSON, and with what the runtime says in the context.
func Invoke(t testing.TB, fn any, event []byte, of Invocation) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: of.RequestID})
	//lint:ignore SA1029 the key is that of aws-lambda-go
	ctx = context.WithValue(ctx, "x-amzn-trace-id", of.Trace)
	out, err := lambda.NewHandler(fn).Invoke(ctx, event)
	return string(out), err
}

// Invocation is what the runtime says of an event.
type Invocation struct {
	RequestID string
	Trace     string // the header of X-Ray
}

// Trace is a header of X-Ray for trace and span n.
func Trace(n int) string {
	return fmt.Sprintf("Root=1-5759e988-%024x;Parent=%016x;Sampled=1", n, n)
}

// Answer is what a function posted.
type Answer struct {
	Body   string
	Failed bool // it posted an error
}

// Failure is the error that was posted: its type, and its message.
func (a Answer) Failure(t testing.TB) (kind, message string) {
	t.Helper()
	require.True(t, a.Failed, a.Body)
	var said struct{ ErrorType, ErrorMessage string }
	require.NoError(t, json.Unmarshal([]byte(a.Body), &said))
	return said.ErrorType, said.ErrorMessage
}

// Program is a function that runs as a process of its own, behind a Runtime API.
type Program struct {
	Log    *Log
	events chan event
	mu     sync.Mutex
	waits  map[string]chan Answer
	count  atomic.Int64
	ended  chan struct{}
}

type event struct {
	of      Invocation
	payload []byte
}

// Start builds the package of the test and runs it as Lambda does; more are variables of its environment, as "NAME=value".
func Start(t testing.TB, more ...string) *Program {
	t.Helper()
	p := &Program{Log: &Log{}, events: make(chan event), waits: map[string]chan Answer{}, ended: make(chan struct{})}
	api := httptest.NewServer(p.api())
	cmd := exec.Command(build(t))
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + api.Listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=fn", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "LAMBDA_TASK_ROOT=/var/task", "AWS_REGION=eu-west-1",
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"),
	}, more...)
	cmd.Stdout, cmd.Stderr = p.Log, p.Log
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
		api.CloseClientConnections() // a poll is held open
		api.Close()
		if raced := strings.Contains(p.Log.String(), "DATA RACE"); raced || t.Failed() {
			t.Errorf("the program has written: %v", p.Log)
		}
	})
	return p
}

// build is the package of the test as a program.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bootstrap")
	args := []string{"build", "-o", program}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.CommandContext(t.Context(), "go", append(args, ".")...).CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// Invoke has the program handle an event, and returns what it posts. It may be called concurrently.
func (p *Program) Invoke(t testing.TB, payload []byte, of Invocation) Answer {
	t.Helper()
	if of.RequestID == "" {
		of.RequestID = fmt.Sprint("invocation-", p.count.Add(1))
	}
	answer := make(chan Answer, 1)
	p.mu.Lock()
	p.waits[of.RequestID] = answer
	p.mu.Unlock()
	late := time.After(Patience)
	select {
	case p.events <- event{of, payload}:
		select {
		case a := <-answer:
			return a
		case <-p.ended:
		case <-late:
		}
	case <-p.ended:
	case <-late:
	}
	t.Errorf("no answer from the program, which has written: %v", p.Log)
	return Answer{}
}

// api is the Runtime API, as far as a function that does not stream uses it.
func (p *Program) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, hr *http.Request) {
		select {
		case e := <-p.events:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", e.of.RequestID)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(Patience).UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:fn")
			h.Set("Lambda-Runtime-Trace-Id", e.of.Trace)
			_, _ = w.Write(e.payload)
		case <-hr.Context().Done():
		}
	})
	for what, failed := range map[string]bool{"response": false, "error": true} {
		mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/"+what, func(w http.ResponseWriter, hr *http.Request) {
			body, err := io.ReadAll(hr.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			p.mu.Lock()
			answer := p.waits[hr.PathValue("id")]
			delete(p.waits, hr.PathValue("id"))
			p.mu.Unlock()
			if answer == nil {
				http.Error(w, "no such invocation, or answered twice", http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusAccepted)
			answer <- Answer{string(body), failed}
		})
	}
	return mux
}

// Log is what a program has written.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
