// Package runtimeapi is Lambda's runtime API on a loopback address, for the process of one function
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Config is what is different between functions. What is zero has a default.
type Config struct {
	// ARN is that of the function.
	ARN string
	// StartFailed is called when the function reports why it cannot start.
	StartFailed func(*Failure)
}

// API is the runtime API of a process. Its methods may be called concurrently.
type API struct {
	config  Config
	address string
	server  *http.Server
	served  chan struct{}
	calls   chan *Call
	ctx     context.Context // ends with the API
	end     context.CancelCauseFunc
	ready   chan struct{}

	mu       sync.Mutex
	known    map[string]*Call // not answered
	answered []*Call          // the next event was not asked for since, the oldest first
	asked    int
	taken    int
}

// ErrClosed is why an API has ended that was closed without a cause.
var ErrClosed = errors.New("the runtime API is closed")

// errGone is why an invocation has failed whose process did not wait for it any more.
var errGone = errors.New("the function has gone while it was handed the event")

// Start starts an API, which has to be closed.
func Start(c Config) (*API, error) {
	if c.ARN == "" {
		c.ARN = "arn:aws:lambda:eu-west-1:123456789012:function:fn"
	}
	a := &API{config: c, served: make(chan struct{}), calls: make(chan *Call), ready: make(chan struct{}), known: map[string]*Call{}}
	a.ctx, a.end = context.WithCancelCause(context.Background())
	l, err := new(net.ListenConfig).Listen(a.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		a.end(err)
		return nil, err
	}
	a.address = l.Addr().String()
	a.server = &http.Server{Handler: a.routes(), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(a.served)
		_ = a.server.Serve(l)
	}()
	return a, nil
}

func (a *API) routes() http.Handler {
	const prefix = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"invocation/next", a.next)
	mux.HandleFunc("POST "+prefix+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { a.came(w, r, (*Call).respond) })
	mux.HandleFunc("POST "+prefix+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { a.came(w, r, (*Call).fail) })
	mux.HandleFunc("POST "+prefix+"init/error", func(w http.ResponseWriter, r *http.Request) {
		if f := failureIn(r.Body); a.config.StartFailed != nil {
			a.config.StartFailed(f)
		}
		accept(w)
	})
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Extension-Identifier", "extension-1")
		_, _ = io.WriteString(w, "{}")
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-a.ctx.Done():
		}
	})
	return mux
}

// Address is host and port, as AWS_LAMBDA_RUNTIME_API takes them.
func (a *API) Address() string { return a.address }

// Ready is closed when the function has asked for its first event: it has started.
func (a *API) Ready() <-chan struct{} { return a.ready }

// Asked is how often the function has asked for the next event.
func (a *API) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// Close ends the API, and all invocations with the cause.
func (a *API) Close(cause error) error {
	if cause == nil {
		cause = ErrClosed
	}
	a.end(cause)
	err := a.server.Close()
	<-a.served
	return err
}

// Deliver hands an event to the function, and waits until it has taken it. Those that wait are served in their order.
func (a *API) Deliver(ctx context.Context, event []byte, about Invocation) (*Call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &Call{Invocation: about, event: event, handed: make(chan struct{}), reply: make(chan reply, 1), finished: make(chan struct{})}
	c.ctx, c.end = context.WithCancelCause(a.ctx)
	select {
	case a.calls <- c:
		<-c.handed
		return c, nil
	case <-ctx.Done():
		c.end(ctx.Err())
		return nil, ctx.Err()
	case <-a.ctx.Done():
		return nil, context.Cause(a.ctx)
	}
}

// next holds a function until there is an event. That it asks is the end of the invocation before.
func (a *API) next(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	if a.asked++; a.asked == 1 {
		close(a.ready)
	}
	if len(a.answered) > 0 {
		a.answered[0].finish()
		a.answered = a.answered[1:]
	}
	a.mu.Unlock()
	var c *Call
	select {
	case c = <-a.calls:
	case <-r.Context().Done(): // without an event the function is frozen here
		return
	case <-a.ctx.Done():
		return
	}
	a.mu.Lock()
	a.taken++
	if c.RequestID == "" {
		c.RequestID = "req-" + strconv.Itoa(a.taken)
	}
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	c.Deadline = time.Now().Add(c.Timeout)
	a.known[c.RequestID] = c
	a.mu.Unlock()
	close(c.handed)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", c.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.Deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", a.config.ARN)
	for name, value := range map[string]string{
		"Lambda-Runtime-Trace-Id": c.TraceID, "Lambda-Runtime-Aws-Tenant-Id": c.TenantID, "Lambda-Runtime-Client-Context": c.ClientContext,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(c.event)))
	if _, err := w.Write(c.event); err != nil || r.Context().Err() != nil {
		c.End(errGone)
	}
}

// came takes what a function answers, once. An invocation that has ended before is answered into the void.
func (a *API) came(w http.ResponseWriter, r *http.Request, take func(*Call, *http.Request)) {
	a.mu.Lock()
	c := a.known[r.PathValue("id")]
	delete(a.known, r.PathValue("id"))
	a.mu.Unlock()
	if c == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	take(c, r)
	a.mu.Lock()
	a.answered = append(a.answered, c)
	a.mu.Unlock()
	accept(w)
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

// Failure is an error that a function reports.
type Failure struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
	Stack   []any  `json:"stackTrace"`
	// Text is all of it as the function has sent it.
	Text []byte `json:"-"`
}

// Error is type and message.
func (f *Failure) Error() string {
	if f.Type == "" {
		return f.Message
	}
	return f.Type + ": " + f.Message
}

func failureIn(from io.Reader) *Failure {
	f := &Failure{}
	text, err := io.ReadAll(from)
	if err == nil {
		f.Text, err = text, json.Unmarshal(text, f)
	}
	if err != nil {
		f.Message = err.Error()
	}
	return f
}
