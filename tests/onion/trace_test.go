package onion_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/weft-go/weft"
)

// form is how a stage is made, and with it what it can see.
type form string

const (
	function   form = "a function"
	ownType    form = "a type of the user's own"
	before     form = "Before"
	after      form = "After"
	onError    form = "OnError"
	finally    form = "Finally"
	theHandler form = "the handler"
)

var stageForms = []form{function, ownType, before, after, onError, finally}

func (f form) recordsEntering() bool {
	return f == function || f == ownType || f == before || f == theHandler
}

func (f form) recordsLeaving() bool { return f == function || f == ownType || f == after }

// stage is a stage of a test: the model's name and rules, and weft's value.
type stage struct {
	name  string
	form  form
	once  bool
	value weft.Middleware
}

// GoString is for rapid's account of a failure.
func (s *stage) GoString() string { return fmt.Sprintf("%s, %s", s.name, s.form) }

// trace is what the stages record of one request, and what one of them is told to do.
type trace struct {
	deviant string // the name of the stage that deviates
	how     deviation
	err     error                                        // what it fails or panics with
	misuse  func(*weft.Request, weft.Next) weft.Response // what it calls in place of next
	keep    func(*weft.Request, weft.Next)               // is given its next before it deviates
	core    func()                                       // what the handler does before it answers

	mu       sync.Mutex
	deviated bool
	events   []string
	seen     map[string]weft.Response // what came out to a stage, at its outermost place
	route    *weft.Route              // what the handler finds
	finals   []weft.Sent
}

type traceKey struct{}

func (tr *trace) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, traceKey{}, tr)
}

func traceOf(ctx context.Context) *trace { return ctx.Value(traceKey{}).(*trace) }

func (tr *trace) record(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.events = append(tr.events, fmt.Sprintf(format, args...))
}

func (tr *trace) recorded(event string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Contains(tr.events, event)
}

func (tr *trace) saw(name string, resp weft.Response) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.seen == nil {
		tr.seen = map[string]weft.Response{}
	}
	tr.seen[name] = resp // the outermost place sees it last
}

// deviation is what the stage is to do now. Of a stage that stands in the chain
// more than once, the place that asks first deviates; see deviating.
func (tr *trace) deviation(name string) deviation {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if name != tr.deviant || tr.deviated {
		return deviation{}
	}
	tr.deviated = true
	return tr.how
}

const shortAnswer = "answered by a stage"

// act does what the deviation says.
func (tr *trace) act(how deviation) (weft.Response, error) {
	switch how.manner {
	case answers:
		return weft.Text(shortAnswer).WithStatus(http.StatusTeapot), nil
	case fails:
		return weft.Fail(tr.err), tr.err
	case panics:
		panic(tr.err)
	case aborts:
		panic(http.ErrAbortHandler)
	case exits:
		runtime.Goexit()
	}
	return weft.Response{}, nil
}

// wayHeader collects the names of the stages that the Response passed.
const wayHeader = "X-Way"

// newStage makes a stage that records what happens to it.
func newStage(name string, f form, once bool) *stage {
	s := &stage{name: name, form: f, once: once}
	options := []weft.StageOption{weft.Named(name)}
	if once {
		options = append(options, weft.Once())
	}
	switch f {
	case function:
		s.value = weft.NewMiddleware(name, s.dispatch, options...)
	case ownType:
		s.value = weft.Describe(weft.Describe((*typed)(s), weft.Named("renamed")), options...)
	case before:
		s.value = weft.Before(name, func(r *weft.Request) error {
			tr := traceOf(r.Context())
			tr.record("> %s", name)
			_, err := tr.act(tr.deviation(name))
			return err
		}, options...)
	case after:
		s.value = weft.After(name, func(r *weft.Request, resp weft.Response) weft.Response {
			tr := traceOf(r.Context())
			tr.saw(name, resp)
			if how := tr.deviation(name); how.late {
				resp, _ = tr.act(how)
			}
			tr.record("< %s", name)
			return resp.WithAddedHeader(wayHeader, name)
		}, options...)
	case onError:
		s.value = weft.OnError(name, func(r *weft.Request, resp weft.Response, err error) weft.Response {
			tr := traceOf(r.Context())
			tr.saw(name, resp)
			tr.record("< %s", name)
			return resp
		}, options...)
	case finally:
		s.value = weft.Finally(name, func(r *weft.Request, sent weft.Sent) {
			tr := traceOf(r.Context())
			tr.record(". %s", name)
			tr.finals = append(tr.finals, sent)
		}, options...)
	}
	return s
}

// typed is a stage as a type of the user's own.
type typed stage

func (s *typed) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	return (*stage)(s).dispatch(r, next)
}

func (s *stage) dispatch(r *weft.Request, next weft.Next) (resp weft.Response) {
	tr := traceOf(r.Context())
	tr.record("> %s", s.name)
	how := tr.deviation(s.name)
	if how.manner != "" && tr.keep != nil {
		tr.keep(r, next)
	}
	switch {
	case how.manner == misuses:
		resp = tr.misuse(r, next)
	case how.manner != "" && !how.late:
		resp, _ = tr.act(how)
	default:
		resp = next(r)
		tr.saw(s.name, resp)
	}
	if how.late {
		resp, _ = tr.act(how)
	}
	tr.record("< %s", s.name)
	return resp.WithAddedHeader(wayHeader, s.name)
}

// logbook keeps what an app logs at level Error.
type logbook struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(line)
}

func (b *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelError}))
}

// take returns the records since the last call.
func (b *logbook) take() []map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	var records []map[string]any
	for line := range bytes.Lines(b.lines.Bytes()) {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil {
			panic(err) // slog made it
		}
		records = append(records, record)
	}
	b.lines.Reset()
	return records
}
