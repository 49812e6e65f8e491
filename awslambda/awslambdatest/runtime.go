package awslambdatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/weft-go/weft/awslambda/internal/runtimeapi"
)

// RuntimeAPI is Lambda's runtime API over a loopback connection, for tests of a whole function's process
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
type RuntimeAPI struct {
	t      testing.TB
	api    *runtimeapi.API
	starts chan Failure
	output io.Writer
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

func failure(f *runtimeapi.Failure) Failure { return Failure{f.Message, f.Type, f.Stack} }

// NewRuntimeAPI starts the API, which ends with the test.
func NewRuntimeAPI(t testing.TB) *RuntimeAPI {
	t.Helper()
	a := &RuntimeAPI{t: t, starts: make(chan Failure, 1), output: t.Output()}
	api, err := runtimeapi.Start(runtimeapi.Config{StartFailed: func(f *runtimeapi.Failure) {
		select {
		case a.starts <- failure(f):
		default: // nobody has asked for the last
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close(nil) })
	a.api = api
	return a
}

// Environment is what a function's process has to be started with, beside what it needs itself.
func (a *RuntimeAPI) Environment() []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + a.api.Address(), "AWS_LAMBDA_FUNCTION_NAME=fn", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
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
	return a.InvokeLive(ctx, event, about, func(io.Reader) {})
}

// InvokeLive is [RuntimeAPI.Invoke] for answers that are streamed: read gets the body while it arrives. What it leaves is read behind it. Of a body that breaks off
// the Reader ends with an error, as it does when ctx ends.
func (a *RuntimeAPI) InvokeLive(ctx context.Context, event []byte, about Invocation, read func(io.Reader)) (Result, error) {
	call, err := a.api.Deliver(ctx, event, runtimeapi.Invocation{RequestID: about.RequestID, Timeout: about.Timeout, TraceID: about.TraceID, TenantID: about.TenantID})
	if err != nil {
		return Result{}, unanswered(err)
	}
	stop := context.AfterFunc(ctx, func() { call.End(ctx.Err()) })
	defer stop()
	resp, err := call.Answer()
	if reported, ok := errors.AsType[*runtimeapi.Failure](err); ok {
		f := failure(reported)
		return Result{Error: &f}, nil
	}
	if err != nil {
		return Result{}, unanswered(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var all bytes.Buffer
	body := io.TeeReader(resp.Body, &all)
	read(body)
	_, err = io.Copy(io.Discard, body)
	if ctx.Err() != nil && err != nil {
		return Result{}, unanswered(ctx.Err())
	}
	result := Result{Body: all.String(), ContentType: resp.ContentType, Trailer: resp.Trailer()}
	if err != nil {
		result.Error = &Failure{Message: err.Error(), Type: "broken"}
	}
	return result, nil
}

func unanswered(err error) error { return fmt.Errorf("the function has not answered: %w", err) }

// Asked is how often the function has asked for the next event: between an answer and that Lambda counts its time.
func (a *RuntimeAPI) Asked() int { return a.api.Asked() }

// StartFailure waits until the function reports why it cannot start.
func (a *RuntimeAPI) StartFailure(ctx context.Context) (Failure, error) {
	select {
	case f := <-a.starts:
		return f, nil
	case <-ctx.Done():
		return Failure{}, fmt.Errorf("the function has reported nothing: %w", ctx.Err())
	}
}
