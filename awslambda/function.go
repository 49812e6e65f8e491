package awslambda

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/weft-go/weft"
)

// DefaultReserve is how long before Lambda's deadline the context of a request ends, unless [Reserve] says otherwise.
const DefaultReserve = 500 * time.Millisecond

// Option says something about a [Function].
type Option func(*Function)

// Reserve is how long before Lambda's deadline the context of a request ends, so that there is time left to answer. Where less than
// twice as much is left when the invocation begins, it is half of what is left.
func Reserve(d time.Duration) Option {
	return func(f *Function) {
		if d < 0 {
			f.problem("Reserve(%v) ends requests behind Lambda's deadline: use a positive duration", d)
		}
		f.reserve = d
	}
}

// StripStage takes the stage of an HTTP API off the paths of its events, where they begin with it: those of the API's own domain
// do, "/prod/orders"; those of the stage $default, of a custom domain and of a REST API do not.
func StripStage() Option { return func(f *Function) { f.stripStage = true } }

// BasePath takes a prefix off the paths of events, where they begin with it: the base path of a custom domain, or the path that a rule
// of an ALB sends to this function. Of several the first that fits is taken off, and StripStage comes before.
func BasePath(prefixes ...string) Option {
	return func(f *Function) {
		for _, p := range prefixes {
			if !strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") {
				f.problem(`BasePath(%q) is not a prefix of a path: write it as "/orders"`, p)
				continue
			}
			f.basePaths = append(f.basePaths, p)
		}
	}
}

// Text says which media types are sent as text, beside those that are: text/*, JSON, XML, JavaScript, forms. Everything else is sent
// as base64, which a REST API decodes only for its binary media types. A body that is no UTF-8 is base64 whatever it says.
func Text(mediaTypes ...string) Option { return sentAs(true, mediaTypes) }

// Binary says which media types are sent as base64, although they are text.
func Binary(mediaTypes ...string) Option { return sentAs(false, mediaTypes) }

func sentAs(text bool, mediaTypes []string) Option {
	return func(f *Function) {
		if f.text == nil {
			f.text = map[string]bool{}
		}
		for _, t := range mediaTypes {
			f.text[strings.ToLower(t)] = text
		}
	}
}

// AnswerLimit is how many bytes an answer may have, as the JSON that Lambda takes. By default it is what the source takes: 6 MiB, of an ALB 1 MiB.
// Beyond it, a body that is made while it is sent is a 500, and any other is an error of the invocation, a 502.
func AnswerLimit(bytes int64) Option {
	return func(f *Function) {
		if bytes <= headRoom {
			f.problem("AnswerLimit(%d) leaves no room for an answer: it takes %d bytes beside the body", bytes, headRoom)
		}
		f.limit = bytes
	}
}

// Streaming says that the front door takes an answer while it is made: a function URL whose invoke mode is RESPONSE_STREAM, or a REST API
// whose integration has the response transfer mode STREAM. Events do not say so. Those of other sources are answered as a whole all the same.
func Streaming() Option { return func(f *Function) { f.streaming = true } }

// ShutDown has the server's services shut down when Lambda ends the process: work under way is waited for, and what was made is closed, within the
// half of a second that Lambda allows. It costs an extension that the runtime registers with Lambda.
func ShutDown() Option { return func(f *Function) { f.shutDown = true } }

// Function answers invocations by a [weft.Server]. It is safe for concurrent use: Lambda may have one process serve several invocations at once.
type Function struct {
	server     *weft.Server
	reserve    time.Duration
	stripStage bool
	basePaths  []string
	text       map[string]bool
	limit      int64
	streaming  bool
	shutDown   bool
	problems   []error
	warm       atomic.Bool
	decoders   decoders

	targets      targets
	directMember string
}

// New is a Function of a Server. The error tells what is wrong with the options.
func New(srv *weft.Server, opts ...Option) (*Function, error) {
	f := &Function{server: srv, reserve: DefaultReserve, directMember: DefaultDirectMember}
	if srv == nil {
		f.problem("there is no Server: App.Build makes one")
	} else {
		f.targets = targetsOf(srv)
	}
	for _, opt := range opts {
		if opt != nil {
			opt(f)
		}
	}
	if err := errors.Join(f.problems...); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Function) problem(text string, args ...any) {
	f.problems = append(f.problems, fmt.Errorf("awslambda: "+text, args...))
}

func (f *Function) limitOf(form format) int64 {
	if f.limit > 0 {
		return f.limit
	}
	return form.limit()
}

// Handle answers one event by srv, and is the whole of it in a test. ctx is what the runtime would give: its deadline and the values of
// package lambdacontext are used where they are there.
func Handle(ctx context.Context, srv *weft.Server, payload []byte, opts ...Option) ([]byte, error) {
	f, err := New(srv, opts...)
	if err != nil {
		return nil, err
	}
	return f.Invoke(ctx, payload)
}

// Invoke answers an event as a whole. It makes a Function a lambda.Handler. Of payload nothing is kept. The error is one that Lambda
// reports as it is; a request that fails is no error but an answer.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, form, err := f.read(payload)
	if err != nil {
		return nil, err
	}
	return f.answer(ctx, e, form, payload)
}

// read tells what an event is.
func (f *Function) read(payload []byte) (*event, format, error) {
	e, err := f.decoders.decode(payload)
	if err != nil {
		return nil, notHTTP, failure("InvalidEvent", err)
	}
	return e, e.format(), nil
}

// answer has the server answer an event as a whole.
func (f *Function) answer(ctx context.Context, e *event, form format, payload []byte) ([]byte, error) {
	if form == notHTTP {
		return f.handled(ctx, e, payload)
	}
	w := &whole{function: f}
	reserved, cancel := f.reserved(ctx)
	defer cancel()
	hr, err := f.request(f.facts(ctx, reserved, e, form), e, form)
	if err != nil {
		w.head = newHead(form, "")
		refuse(w, err)
		return w.answer()
	}
	w.head = newHead(form, hr.Method)
	if err := serve(f.server, w, hr); err != nil {
		return nil, err
	}
	await(ctx, w.work)
	answer, err := w.answer()
	if err != nil {
		return nil, failure("InvalidAnswer", err)
	}
	return answer, nil
}

// refuse answers as net/http answers a request that it does not hand on.
func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, "400 Bad Request: %v", err)
}

// reserved is ctx, ending before Lambda's deadline does.
func (f *Function) reserved(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, has := ctx.Deadline()
	if !has {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(f.reserve, max(0, time.Until(deadline)/2))))
}

// serve calls a handler. A panic, of which there should be none, is an error. runtime.Goexit passes through.
func serve(h http.Handler, w http.ResponseWriter, hr *http.Request) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p == http.ErrAbortHandler {
			err = errAborted
		} else if p != nil {
			err = panicked(p)
		}
	}()
	h.ServeHTTP(w, hr)
	returned = true
	return nil
}

// await waits for the work that a request has left, at most as long as Lambda does.
func await(ctx context.Context, work <-chan struct{}) {
	if work == nil {
		return
	}
	select {
	case <-work:
	case <-ctx.Done():
	}
}

var (
	errAborted = failure("Aborted", errors.New("the answer was broken off (http.ErrAbortHandler)"))
	errUnwound = failure("Unwound", errors.New("the goroutine of the request ended without an answer, as by runtime.Goexit"))
)

// failure is an error that the runtime reports as it is: of any other it would report the name of its Go type.
func failure(kind string, err error) error {
	return messages.InvokeResponse_Error{Type: "Weft." + kind, Message: err.Error()}
}

// panicked reports a panic as the runtime does, which would then end the process.
func panicked(p any) error {
	kind := reflect.TypeOf(p)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return messages.InvokeResponse_Error{Type: kind.Name(), Message: fmt.Sprint(p), StackTrace: stack()}
}

func stack() []*messages.InvokeResponse_Error_StackFrame {
	var frames []*messages.InvokeResponse_Error_StackFrame
	pcs := make([]uintptr, 32)
	all := runtime.CallersFrames(pcs[:runtime.Callers(5, pcs)])
	for {
		frame, more := all.Next()
		frames = append(frames, &messages.InvokeResponse_Error_StackFrame{Path: frame.File, Line: int32(frame.Line), Label: frame.Function})
		if !more {
			return frames
		}
	}
}

// ErrorType is the name under which the runtime reports an error of [Function.Invoke], such as Weft.UnknownEvent or the code of a [Direct] route's problem;
// "" for any other error.
func ErrorType(err error) string {
	var e messages.InvokeResponse_Error
	if errors.As(err, &e) {
		return e.Type
	}
	return ""
}
