package tracing

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
)

// pass puts the error with which a visit ends on its span. An error is described once in a trace, on the
// innermost span that it leaves; those outside only say that they failed, if the service is to blame.
func (r *request) pass(v *visit, f failure, failed bool) {
	v.span.SetAttributes(semconv.ErrorTypeKey.String(f.kind))
	if !r.first(f) {
		if failed {
			v.span.SetStatus(codes.Error, "")
		}
		return
	}
	text := ""
	if v.tracing.captureErrors.on {
		text = f.text
		attrs := []attribute.KeyValue{semconv.ExceptionType(f.kind), semconv.ExceptionMessage(text)}
		if f.stack != "" {
			attrs = append(attrs, semconv.ExceptionStacktrace(f.stack))
		}
		v.span.AddEvent(semconv.ExceptionEventName, trace.WithAttributes(attrs...))
	}
	if failed {
		v.span.SetStatus(codes.Error, text)
	}
}

// forget says that no error is on its way out.
func (r *request) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.described = nil
}

// first reports whether the error has not been described further in, and notes that it is now.
func (r *request) first(f failure) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.described {
		if slices.ContainsFunc(f.tree, func(err error) bool { return same(err, known) }) {
			return false
		}
	}
	r.described = append(r.described, f.tree[0])
	return true
}

// same reports whether two errors are one. Of those that cannot be compared the types are.
func same(a, b error) bool {
	t := reflect.TypeOf(a)
	if t != reflect.TypeOf(b) {
		return false
	}
	if !reflect.ValueOf(a).Comparable() {
		return true
	}
	return a == b
}

// failure is what is told of an error.
type failure struct {
	kind   string // its type
	text   string
	stack  string  // of a panic
	status int     // that it says itself, or 0
	tree   []error // it, and what it wraps
}

// failed reports whether the service is to blame, and not the client: an answer with the status,
// where there is one, or else the error, says so.
func (f *failure) failed(status int) bool {
	if status == 0 {
		status = f.status
	}
	return status == 0 || status >= http.StatusInternalServerError
}

// furthest is how many errors of a tree are looked at. A tree may lead back to itself.
const furthest = 1000

// examine asks an error about itself. It is the user's, and so are its methods: what panics is not asked again.
func examine(err error) (f failure) {
	f = failure{kind: typeName(err), text: "an error that panics when it is asked", tree: []error{err}}
	defer func() { _ = recover() }()
	f.tree = treeOf(err)
	for _, e := range f.tree {
		switch e := e.(type) {
		case *weft.PanicError:
			if e != nil && f.stack == "" {
				f.stack = valid(string(e.Stack))
			}
		case *weft.Denial:
			f.says(e != nil, func() int { return e.Status() })
		case *weft.InvalidRequest:
			f.says(e != nil, func() int { return max(e.Status, http.StatusBadRequest) })
		case *weft.Error:
			f.says(e != nil, func() int { return e.Status })
		}
	}
	f.kind = kindOf(f.tree)
	if len(f.tree) >= furthest {
		f.text = "an error of a tree without an end"
		return f
	}
	f.text = valid(err.Error())
	return f
}

// says takes the status of the outermost error that has one. A panic further out has none, and counts.
func (f *failure) says(there bool, status func() int) {
	if there && f.status == 0 && f.stack == "" {
		f.status = status()
	}
}

// treeOf is an error and what it wraps, the outermost first, up to a limit.
func treeOf(err error) []error {
	tree := []error{err}
	for i := 0; i < len(tree) && len(tree) < furthest; i++ {
		switch e := tree[i].(type) {
		case interface{ Unwrap() error }:
			if inner := e.Unwrap(); inner != nil {
				tree = append(tree, inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				if inner != nil && len(tree) < furthest {
					tree = append(tree, inner)
				}
			}
		}
	}
	return tree
}

// kindOf is the type of the outermost error that does more than to add words.
func kindOf(tree []error) string {
	for _, err := range tree {
		if name := typeName(err); !slices.Contains([]string{"*fmt.wrapError", "*fmt.wrapErrors", "*errors.joinError", "*weft.during", "*weft.reportedError"}, name) {
			return name
		}
	}
	return typeName(tree[0])
}

func typeName(err error) string { return fmt.Sprintf("%T", err) }
