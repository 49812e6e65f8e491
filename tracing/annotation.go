package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
)

// The attributes by which the exporter of the OpenTelemetry collector tells annotations and metadata of X-Ray from others.
const (
	annotationsAttribute = "aws.xray.annotations"
	metadataPrefix       = "aws.xray.metadata."
	defaultNamespace     = "default"
)

// Annotate puts an annotation on the span of the nearest stage outside that has one, or of the request: an
// attribute that X-Ray indexes, so that traces are found by it. Where nothing is traced it does nothing.
//
// The key is made of the letters A to Z and a to z, digits and underscores, at most 500 of them; a text has at most 1000 characters, and a number
// is finite. Another annotation is left out and logged as a warning: it does not fail the request. The last value of a key
// counts. Annotate may be called by several goroutines at once. When the stage has been left, as where the body is made while it is sent, the annotation is the
// request's; when the request is over it has no effect.
func Annotate[T Annotatable](ctx context.Context, key string, value T) {
	v := openIn(ctx)
	if v == nil {
		return
	}
	attr, wrong := annotation(key, value)
	if wrong != "" {
		leftOut(ctx, "annotation", key, wrong)
		return
	}
	v.span.SetAttributes(attr)
	v.notes.annotated(key)
}

// Metadata puts a value of any kind, as JSON, on the same span as [Annotate] does, under a key in the namespace of the service's name, or else
// "default". X-Ray shows it, and does not search it. A value that cannot be encoded is left out and logged as a warning.
func Metadata(ctx context.Context, key string, value any) { MetadataIn(ctx, "", key, value) }

// MetadataIn is [Metadata] in a namespace of its own.
func MetadataIn(ctx context.Context, namespace, key string, value any) {
	v := openIn(ctx)
	if v == nil {
		return
	}
	if key == "" {
		leftOut(ctx, "metadata", key, "has no key")
		return
	}
	text, err := encoded(value)
	if err != nil {
		leftOut(ctx, "metadata", key, "cannot be encoded: "+err.Error())
		return
	}
	if namespace == "" {
		namespace = v.tracing.namespace()
	}
	v.notes.add(namespace, key, text)
}

// openIn is the nearest visit whose span takes notes: where a stage has been left already, as when the body
// is made while it is sent, that of the request.
func openIn(ctx context.Context) *visit {
	v := visitOf(ctx)
	switch {
	case v == nil:
		return nil
	case v.span.IsRecording():
		return v
	case v.whole.span.IsRecording():
		return &v.whole.visit
	}
	return nil
}

func (t *Tracing) namespace() string {
	if t.service == "" {
		return defaultNamespace
	}
	return t.service
}

func leftOut(ctx context.Context, what, key, wrong string) {
	weft.Logger(ctx).WarnContext(ctx, "a note of a trace was left out", slog.String("kind", what), slog.String("key", key), slog.String("problem", wrong))
}

// encoded is a value as JSON. Its methods may panic.
func encoded(value any) (text json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	return json.Marshal(value)
}

// annotation is an annotation as an attribute, or what is wrong with it.
func annotation[T Annotatable](key string, value T) (attr attribute.KeyValue, wrong string) {
	if wrong := keyProblem(key); wrong != "" {
		return attr, wrong
	}
	switch v := any(value).(type) { // the types at hand, without reflection
	case string:
		return text(key, v)
	case bool:
		return attribute.Bool(key, v), ""
	case int:
		return attribute.Int(key, v), ""
	case float64:
		return number(key, v)
	}
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.String:
		return text(key, v.String())
	case v.Kind() == reflect.Bool:
		return attribute.Bool(key, v.Bool()), ""
	case v.CanInt():
		return attribute.Int64(key, v.Int()), ""
	case v.CanUint():
		return attribute.Int64(key, int64(v.Uint())), "" // of 32 bits at most
	default:
		return number(key, v.Float())
	}
}

func text(key, value string) (attr attribute.KeyValue, wrong string) {
	switch {
	case !utf8.ValidString(value):
		return attr, "is a text that is not UTF-8"
	case utf8.RuneCountInString(value) > longestText:
		return attr, fmt.Sprintf("is a text of more than %d characters", longestText)
	}
	return attribute.String(key, value), ""
}

func number(key string, value float64) (attr attribute.KeyValue, wrong string) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return attr, "is no finite number"
	}
	return attribute.Float64(key, value), ""
}

// notes are what is put on a span when it ends: X-Ray has one list of annotations and one object for each namespace.
type notes struct {
	mu          sync.Mutex
	annotations []string
	metadata    map[string]map[string]json.RawMessage // by namespace and key
}

func (n *notes) annotated(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.annotations, key) {
		n.annotations = append(n.annotations, key)
	}
}

func (n *notes) add(namespace, key string, text json.RawMessage) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.metadata == nil {
		n.metadata = map[string]map[string]json.RawMessage{}
	}
	if n.metadata[namespace] == nil {
		n.metadata[namespace] = map[string]json.RawMessage{}
	}
	n.metadata[namespace][key] = text
}

// write puts the notes on the span.
func (n *notes) write(span trace.Span) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.annotations != nil {
		span.SetAttributes(attribute.StringSlice(annotationsAttribute, n.annotations))
	}
	for _, namespace := range slices.Sorted(maps.Keys(n.metadata)) {
		span.SetAttributes(attribute.String(metadataPrefix+namespace, object(n.metadata[namespace])))
	}
}

// object is an object of JSON, its members in order. They are JSON already.
func object(members map[string]json.RawMessage) string {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			text.WriteByte(',')
		}
		name, _ := json.Marshal(key) // of a string, which cannot fail
		text.Write(name)
		text.WriteByte(':')
		text.Write(members[key])
	}
	text.WriteByte('}')
	return text.String()
}
