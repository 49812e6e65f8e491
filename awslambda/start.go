package awslambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/weft-go/weft"
)

// runtimeAPI is the variable that says where Lambda's runtime API is.
const runtimeAPI = "AWS_LAMBDA_RUNTIME_API"

// InLambda reports whether the process is a Lambda function, for programs that are a server elsewhere.
func InLambda() bool { return os.Getenv(runtimeAPI) != "" }

// Start builds the app and answers Lambda's invocations with it. It does not return. What Build finds wrong is
// reported to Lambda as an error of the function's start, and ends the process.
func Start(app *weft.App, opts ...Option) {
	srv, err := build(app)
	if err != nil {
		FailStart(err)
	}
	StartServer(srv, opts...)
}

// build is Build, with a panic of a constructor as an error.
func build(app *weft.App) (srv *weft.Server, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return app.Build(context.Background())
}

// StartServer is [Start] for a Server that was built. It does not return.
func StartServer(srv *weft.Server, opts ...Option) {
	f, err := New(srv, opts...)
	if err != nil {
		FailStart(err)
	}
	var runtime []lambda.Option
	if f.shutDown {
		runtime = append(runtime, lambda.WithEnableSIGTERM(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
			defer cancel()
			if err := srv.Shutdown(ctx); err != nil {
				fmt.Fprintln(os.Stderr, "awslambda: shutting down:", err)
			}
			os.Exit(0)
		}))
	}
	if f.streaming {
		lambda.StartWithOptions(f.stream, runtime...)
	} else {
		lambda.StartWithOptions(onRuntime{f}, runtime...)
	}
}

// onRuntime is a Function on the goroutine that asks for events. Where a handler ends that (runtime.Goexit), nothing would ever be answered any more: the process
// ends at once, and Lambda starts another.
type onRuntime struct{ *Function }

// Invoke is called by the runtime.
func (f onRuntime) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	returned := false
	defer func() {
		if !returned {
			fmt.Fprintln(os.Stderr, "awslambda: the handler has ended its goroutine, which is the runtime's (runtime.Goexit): the process ends")
			os.Exit(1)
		}
	}()
	answer, err := f.Function.Invoke(ctx, payload)
	returned = true
	return answer, err
}

// payload is an event as it came.
type payload []byte

// UnmarshalJSON keeps a copy.
func (p *payload) UnmarshalJSON(text []byte) error {
	*p = append((*p)[:0], text...)
	return nil
}

// stream is a func handler, which alone can return a Reader.
func (f *Function) stream(ctx context.Context, event payload) (any, error) {
	return f.Stream(ctx, event)
}

// FailStart reports to Lambda why the function cannot start, and ends the process with status 1. Outside of Lambda it only does the latter.
func FailStart(err error) {
	fmt.Fprintln(os.Stderr, err)
	if api := os.Getenv(runtimeAPI); api != "" {
		if err := reportStart(api, err); err != nil {
			fmt.Fprintln(os.Stderr, "awslambda: reporting that:", err)
		}
	}
	os.Exit(1)
}

// reportStart posts an init error (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror).
func reportStart(api string, failed error) error {
	text, err := json.Marshal(messages.InvokeResponse_Error{Type: "Weft.InitError", Message: failed.Error()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(text))
	if err != nil {
		return err
	}
	hr.Header.Set("Content-Type", "application/json")
	hr.Header.Set("Lambda-Runtime-Function-Error-Type", "Weft.InitError")
	resp, err := (&http.Transport{}).RoundTrip(hr) // by no proxy
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}
