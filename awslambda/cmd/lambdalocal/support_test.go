//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// plain and woven are functions: the test's own program made with aws-lambda-go, which is called as plain(mode), and one made with weft.
var (
	plainProgram string
	wovenProgram string
)

const asFunction = "-as-function"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == asFunction {
		runFunction(os.Args[2])
		return
	}
	dir, err := os.MkdirTemp("", "lambdalocal")
	if err != nil {
		panic(err)
	}
	if plainProgram, err = os.Executable(); err != nil {
		panic(err)
	}
	wovenProgram = filepath.Join(dir, "function")
	if out, err := exec.Command("go", "build", "-o", wovenProgram, "../../internal/testfunction").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"), goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// plain is how the function made with aws-lambda-go is called.
func plain(mode string) []string { return []string{plainProgram, asFunction, mode} }

// woven is how the function made with weft is called, with variables of its environment.
func woven(variables ...string) []string {
	return append(append([]string{"env"}, variables...), wovenProgram)
}

// facts is what a function knows about itself.
type facts struct {
	PID         int
	RequestID   string
	ARN         string
	Trace       string
	Tenant      string
	Client      string
	Left        time.Duration
	Environment map[string]string
}

// asked is what an event asks of the function: by its path, whatever door it came by, or by what.
type asked struct {
	RawPath string `json:"rawPath"`
	Path    string `json:"path"`
	Lattice string `json:"raw_path"`
	What    string `json:"what"`
}

// runFunction is a function made with aws-lambda-go.
func runFunction(mode string) {
	switch mode {
	case "ends":
		fmt.Println("it ends at once")
		os.Exit(4)
	case "hangs":
		time.Sleep(time.Minute)
	case "refuses":
		_, _ = http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error", "application/json", strings.NewReader(`{"errorType":"Tea","errorMessage":"none"}`))
		time.Sleep(time.Minute)
	case "stays":
		signal.Ignore(syscall.SIGTERM)
	}
	fmt.Println("function: out")
	fmt.Fprintln(os.Stderr, "function: err")
	if mode == "streams" {
		lambda.Start(streams)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	var a asked
	_ = json.Unmarshal(event, &a)
	what := a.What
	for _, path := range []string{a.RawPath, a.Path, a.Lattice} {
		if path != "" {
			what = strings.TrimPrefix(path, "/")
		}
	}
	what, argument, _ := strings.Cut(what, "/")
	switch what {
	case "error":
		return nil, errors.New("no tea")
	case "panic":
		panic("no tea at all")
	case "exit":
		os.Exit(3)
	case "sleep": // whatever the context says
		fmt.Println("function: sleeps")
		time.Sleep(time.Minute)
	case "nap":
		time.Sleep(500 * time.Millisecond)
	case "doze":
		fmt.Println("function: dozes")
		time.Sleep(2 * time.Second)
	case "touch":
		return "touched", os.WriteFile("/"+argument, nil, 0o600)
	case "header":
		return events.APIGatewayV2HTTPResponse{StatusCode: 201, Headers: map[string]string{"X-Tea": "green", "Connection": "close", "Content-Length": "999"}, Cookies: []string{"a=1", "b=2"}, Body: "dGVh", IsBase64Encoded: true}, nil
	case "empty":
		return events.APIGatewayV2HTTPResponse{StatusCode: 204}, nil
	case "head":
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Length": "7"}}, nil
	case "early":
		return events.APIGatewayV2HTTPResponse{StatusCode: 103}, nil
	case "large":
		return strings.Repeat("x", 7<<20), nil
	case "event":
		return event, nil
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	trace, _ := ctx.Value("x-amzn-trace-id").(string)
	f := facts{PID: os.Getpid(), RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn, Trace: trace, Tenant: lc.TenantID, Client: lc.ClientContext.Client.AppTitle, Left: time.Until(deadline), Environment: map[string]string{}}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		f.Environment[name] = value
	}
	return f, nil
}

// streams answers with two lines, or what the path asks.
func streams(_ context.Context, event events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
	read, write := io.Pipe()
	var body io.Reader = read
	go func() {
		_, _ = io.WriteString(write, "one\n")
		time.Sleep(300 * time.Millisecond)
		switch event.RawPath {
		case "/exit":
			os.Exit(3)
		case "/hang":
			time.Sleep(time.Minute)
		case "/break":
			_ = write.CloseWithError(errors.New("no more tea"))
		}
		_, _ = fmt.Fprintf(write, "two of %d\n", os.Getpid())
		_ = write.Close()
	}()
	if event.RawPath == "/linger" {
		body = lingering{read}
	}
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "text/plain"}, Cookies: []string{"a=1"}, Body: body}, nil
}

// lingering is a body that keeps the runtime from asking for the next event.
type lingering struct{ io.Reader }

func (lingering) Close() error { time.Sleep(time.Minute); return nil }

// output is what lambdalocal and its function have printed.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waits waits until there is something in the output.
func (o *output) waits(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	require.Eventually(t, func() bool {
		found = re.FindStringSubmatch(o.String())
		return found != nil
	}, 30*time.Second, 10*time.Millisecond, pattern)
	return found
}

// local is lambdalocal that serves a function.
type local struct {
	t      *testing.T
	base   string
	out    *output
	client *http.Client
	stop   context.CancelFunc
	ended  chan int
}

// serveLocal runs it until the test ends, on a free port.
func serveLocal(t *testing.T, function []string, flags ...string) *local {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &local{t: t, out: &output{}, client: &http.Client{Transport: &http.Transport{}, Timeout: 40 * time.Second}, stop: stop, ended: make(chan int, 1)}
	args := append(append([]string{"-listen", "127.0.0.1:0"}, flags...), "--")
	go func() { l.ended <- run(ctx, append(args, function...), l.out, l.out) }()
	t.Cleanup(func() {
		l.client.CloseIdleConnections()
		l.end()
		if t.Failed() {
			t.Log(l.out.String())
		}
	})
	l.base = "http://" + l.out.waits(t, ` behind http://(\S+) as`)[1]
	return l
}

// end ends it as a signal does, and sees that its status is 0.
func (l *local) end() {
	if l.ended == nil {
		return
	}
	l.stop()
	select {
	case status := <-l.ended:
		assert.Zero(l.t, status)
	case <-time.After(30 * time.Second):
		l.t.Error("it does not end")
	}
	l.ended = nil
}

// got is an answer.
type got struct {
	status int
	header http.Header
	body   string
	err    error
}

// send sends a request; fields are names and values of the header.
func (l *local) send(method, path, body string, fields ...string) got {
	return l.sendIn(l.t.Context(), method, path, body, fields...)
}

func (l *local) sendIn(ctx context.Context, method, path, body string, fields ...string) got {
	hr, err := http.NewRequestWithContext(ctx, method, l.base+path, strings.NewReader(body))
	if err != nil {
		return got{err: err}
	}
	for i := 0; i < len(fields); i += 2 {
		hr.Header.Add(fields[i], fields[i+1])
	}
	resp, err := l.client.Do(hr)
	if err != nil {
		return got{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return got{resp.StatusCode, resp.Header, string(text), err}
}

// facts are those of the process that answers.
func (l *local) facts(path string, fields ...string) (f facts) {
	l.t.Helper()
	g := l.send("GET", path, "", fields...)
	require.NoError(l.t, g.err)
	require.Equal(l.t, 200, g.status, g.body)
	require.NoError(l.t, json.Unmarshal([]byte(g.body), &f), g.body)
	return f
}

const invokes = invokePrefix + "function" + invokeSuffix

// runs reports whether there is a process.
func runs(pid int) bool { return syscall.Kill(pid, 0) == nil }

func gone(t *testing.T, pid int) {
	t.Helper()
	assert.Eventually(t, func() bool { return !runs(pid) }, 20*time.Second, 10*time.Millisecond, "the process still runs")
}

// pidIn is the process of an answer that has its facts.
func pidIn(t *testing.T, body string) int {
	t.Helper()
	var f facts
	require.NoError(t, json.Unmarshal([]byte(body), &f), body)
	return f.PID
}
