package awslambdatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// RuntimeAPI is Lambda's runtime API over a loopback connection, for tests of a whole function's process
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
type RuntimeAPI struct {
	t       testing.TB
	address string
	events  chan *invocation
	starts  chan Failure
	output  io.Writer

	mu    sync.Mutex
	known map[string]*invocation
	asked int // how often the next event was asked for
	count int
}

// Invocation is what Lambda tells a function beside the event. What is zero has a default.
type Invocation struct {
	RequestID string        // "req-1" and so on
	Timeout   time.Duration // 3 seconds
	TraceID   string        // none
	TenantID  string        // none
}

// Result is what came back for an event.
type Result struct {
	// Body is the answer, "" where there is an Error.
	Body        string
	ContentType string
	// Trailer is what came behind the body, where that broke off.
	Trailer http.Header
	// Error is what the function reported, nil where it answered.
	Error *Failure
}

// Failure is an error that a function reports.
type Failure struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
	Stack   []any  `json:"stackTrace"`
}

type invocation struct {
	Invocation
	event  []byte
	result chan Result
	live   func(io.Reader) // gets the body while it arrives, where there is one
}

// NewRuntimeAPI starts the API, which ends with the test.
func NewRuntimeAPI(t testing.TB) *RuntimeAPI {
	t.Helper()
	a := &RuntimeAPI{t: t, events: make(chan *invocation, 64), starts: make(chan Failure, 1), known: map[string]*invocation{}, output: t.Output()}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.address = l.Addr().String()
	const prefix = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"invocation/next", a.next)
	mux.HandleFunc("POST "+prefix+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { a.came(w, r, false) })
	mux.HandleFunc("POST "+prefix+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { a.came(w, r, true) })
	mux.HandleFunc("POST "+prefix+"init/error", func(w http.ResponseWriter, r *http.Request) {
		a.starts <- failureIn(r)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Extension-Identifier", "extension-1")
		_, _ = io.WriteString(w, "{}")
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = hs.Serve(l) }()
	t.Cleanup(func() { _ = hs.Close() })
	return a
}

func (a *RuntimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked++
	a.mu.Unlock()
	var next *invocation
	select {
	case next = <-a.events:
	case <-r.Context().Done(): // without an event the function is frozen here
		return
	}
	a.mu.Lock()
	a.count++
	if next.RequestID == "" {
		next.RequestID = "req-" + strconv.Itoa(a.count)
	}
	a.known[next.RequestID] = next
	a.mu.Unlock()
	if next.Timeout == 0 {
		next.Timeout = 3 * time.Second
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", next.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(next.Timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:fn")
	for name, value := range map[string]string{"Lambda-Runtime-Trace-Id": next.TraceID, "Lambda-Runtime-Aws-Tenant-Id": next.TenantID} {
		if value != "" {
			h.Set(name, value)
		}
	}
	_, _ = w.Write(next.event)
}

// came takes what a function answers.
func (a *RuntimeAPI) came(w http.ResponseWriter, r *http.Request, failed bool) {
	a.mu.Lock()
	of := a.known[r.PathValue("id")]
	delete(a.known, r.PathValue("id"))
	a.mu.Unlock()
	if of == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	result := Result{ContentType: r.Header.Get("Content-Type")}
	if failed {
		f := failureIn(r)
		result.Error = &f
	} else {
		var body io.Reader = r.Body
		if of.live != nil {
			read, write := io.Pipe()
			body = io.TeeReader(r.Body, write)
			go of.live(read)
			defer func() { _ = write.Close() }()
		}
		text, err := io.ReadAll(body)
		if result.Body = string(text); err != nil {
			result.Error = &Failure{Message: err.Error(), Type: "broken"}
		}
		result.Trailer = r.Trailer
	}
	w.WriteHeader(http.StatusAccepted)
	of.result <- result
}

func failureIn(r *http.Request) (f Failure) {
	if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
		f.Message = err.Error()
	}
	return f
}

// Environment is what a function's process has to be started with, beside what it needs itself.
func (a *RuntimeAPI) Environment() []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + a.address, "AWS_LAMBDA_FUNCTION_NAME=fn", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "LAMBDA_TASK_ROOT=/var/task", "AWS_REGION=eu-west-1",
	}
}

// Start starts a function's process, with more for its environment, and kills it when the test ends. What it prints is in the test's output.
func (a *RuntimeAPI) Start(program string, environment ...string) *Process {
	a.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(a.t.Context()), program)
	cmd.Env = slices.Concat(os.Environ(), a.Environment(), environment)
	cmd.Stdout, cmd.Stderr = a.output, a.output
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	p := &Process{cmd, make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.ended) }()
	a.t.Cleanup(func() { _ = cmd.Process.Kill(); <-p.ended })
	return p
}

// Process is that of a function.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// ID is that of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Signal sends the process a signal, as Lambda does before it ends it.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Running reports whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Wait waits until the process has ended, and returns its status.
func (p *Process) Wait(ctx context.Context) (status int, err error) {
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, errors.New("the process is still running")
	}
}

// Invoke hands an event to the function, and waits for what comes back.
func (a *RuntimeAPI) Invoke(ctx context.Context, event []byte, about Invocation) (Result, error) {
	return a.invoke(ctx, &invocation{Invocation: about, event: event, result: make(chan Result, 1)})
}

// InvokeLive is [RuntimeAPI.Invoke] for answers that are streamed: read gets the body while it arrives, and has to read it to its end.
func (a *RuntimeAPI) InvokeLive(ctx context.Context, event []byte, about Invocation, read func(io.Reader)) (Result, error) {
	done := make(chan struct{})
	of := &invocation{Invocation: about, event: event, result: make(chan Result, 1), live: func(r io.Reader) { defer close(done); read(r) }}
	result, err := a.invoke(ctx, of)
	if err == nil && result.Error == nil {
		<-done
	}
	return result, err
}

func (a *RuntimeAPI) invoke(ctx context.Context, of *invocation) (Result, error) {
	a.events <- of
	select {
	case result := <-of.result:
		return result, nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("the function has not answered: %w", ctx.Err())
	}
}

// Asked is how often the function has asked for the next event: between an answer and that Lambda counts its time.
func (a *RuntimeAPI) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// StartFailure waits until the function reports why it cannot start.
func (a *RuntimeAPI) StartFailure(ctx context.Context) (Failure, error) {
	select {
	case f := <-a.starts:
		return f, nil
	case <-ctx.Done():
		return Failure{}, fmt.Errorf("the function has reported nothing: %w", ctx.Err())
	}
}
