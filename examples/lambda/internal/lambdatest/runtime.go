// Package lambdatest runs the examples as AWS Lambda does: in process, and as programs that poll the Runtime API over HTTP.
package lambdatest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/awslambdatest"
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
	ctx = context.WithValue(ctx, "x-amzn-trace-id", of.TraceID)
	out, err := lambda.NewHandler(fn).Invoke(ctx, event)
	return string(out), err
}

// Invocation is what the runtime says of an event.
type Invocation = awslambdatest.Invocation

// Trace is a header of X-Ray for trace and span n.
func Trace(n int) string {
	return fmt.Sprintf("Root=1-5759e988-%024x;Parent=%016x;Sampled=1", n, n)
}

// Program is a function that runs as a process of its own, behind a Runtime API.
type Program struct {
	Log   *Log
	api   *awslambdatest.RuntimeAPI
	ended context.Context
}

// Start builds the package of the test and runs it as Lambda does; more are variables of its environment, as "NAME=value".
func Start(t testing.TB, more ...string) *Program {
	t.Helper()
	ended, end := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &Program{&Log{}, awslambdatest.NewRuntimeAPI(t), ended}
	cmd := exec.Command(build(t))
	cmd.Env = slices.Concat(p.api.Environment(), []string{"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, more)
	cmd.Stdout, cmd.Stderr = p.Log, p.Log
	require.NoError(t, cmd.Start())
	go func() {
		defer end()
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended.Done()
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
func (p *Program) Invoke(t testing.TB, payload []byte, of Invocation) awslambdatest.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.ended, Patience)
	defer cancel()
	of.Timeout = Patience
	got, err := p.api.Invoke(ctx, payload, of)
	if err != nil {
		t.Errorf("%v; the program has written: %v", err, p.Log)
	}
	return got
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
