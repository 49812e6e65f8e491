package weft

import (
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/negotiation"
)

// Stream is a sequence of items that are made while they are sent: an export too long to be kept as a whole, or a feed that has no end.
// A handler returns it as its Resp:
//
//	func (o *Orders) Export(ctx context.Context, in Filter) (weft.Stream[Order], error) {
//		return func(yield func(Order, error) bool) {
//			rows, err := o.db.QueryContext(ctx, …)
//			if err != nil {
//				yield(Order{}, err)
//				return
//			}
//			defer rows.Close()
//			…
//		}, nil
//	}
//
// It is sent as a JSON array, as lines of JSON, or as server-sent events, whichever the client's Accept prefers; see [StreamFormat] and
// [Streams]. An item is sent as soon as the client takes it, and a producer that is faster than the client waits.
//
// The producer runs when the stages have returned, on a goroutine of its own, while nothing else of the request runs; before
// the request's services settle and are closed. The handler's ctx serves it: it ends with the request, and not with the
// timeouts of stages, nor with [Handler.Timeout], once the handler has returned. When the client leaves, or reads nothing for
// too long, ctx ends and yield returns false: the producer is to return then, and is waited for. What it needs to end, it opens
// itself and ends by defer: where the answer is not sent, as for HEAD, it is not run.
//
// An error that it yields, or a panic, ends the stream. Where no item came before, it is answered as if the handler had failed with it,
// as long as the headers have not gone out ([Streams.FirstItem]). Afterwards server-sent events
// end with an event "error", whose data is the error as it would have been answered; in other formats the connection
// is dropped, so that the client sees that there is no end. [Sent] has it, and the log.
//
// A nil Stream with a nil error is a defect, a 500. As a body field of a Req, and as a Req, a Stream is what the client sends: see [Handler].
type Stream[T any] iter.Seq2[T, error]

// StreamOf is a Stream of items that are there already.
func StreamOf[T any](items ...T) Stream[T] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// As is a 200 with the stream as its body in one format, whatever Accept says; for handlers that return a Response.
// Their producers are ended as those of a Resp are; the context of a stage that is no handler may have ended when they run.
func (s Stream[T]) As(format StreamFormat) Response {
	if s == nil {
		return Fail(errNilAnswer)
	}
	if format.framing() == nil {
		return Fail(fmt.Errorf("%q is no format of streams: use weft.SSE, weft.NDJSON or weft.JSONArray", format))
	}
	return Response{head: format.head(newHead(http.StatusOK, string(format)))}.streaming(&streamSource{items: s, format: format})
}

// StreamFormat is a media type in which streams are sent.
type StreamFormat string

// The formats of streams.
const (
	// JSONArray is one JSON array (RFC 8259), which any client reads; as a whole, mostly.
	JSONArray StreamFormat = jsonType
	// NDJSON is a line of JSON for each item.
	NDJSON StreamFormat = "application/x-ndjson"
	// SSE is server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), as EventSource in a browser
	// reads them. An item is the data of an event, or is an [Event].
	SSE StreamFormat = "text/event-stream"
)

// Streams says how an app, or one route ([WithStreams], [Streaming]), sends what is made while it is sent. What is 0 is the default.
type Streams struct {
	// Formats are those a [Stream] can be sent in; the first where the client has no preference. By default JSONArray, NDJSON and SSE;
	// SSE and NDJSON for a Stream of Events.
	Formats []StreamFormat
	// FirstItem is how long the first item is waited for before the headers go out without it: 250 ms by default.
	FirstItem time.Duration
	// Heartbeat is how long server-sent events may be silent until a comment is sent, so that nothing between takes the
	// connection for dead: 15 s by default. A negative one is never.
	Heartbeat time.Duration
	// Idle is how long the producer may take for an item. A longer one is an error, and ends its context. By default it may take any time.
	Idle time.Duration
	// WriteTimeout is how long a client may take to read a part of the answer, before its connection is
	// dropped: 30 s by default, also where the http.Server has a WriteTimeout. It holds for all bodies that are made while they are sent, but those of Raw. A
	// stage of net/http may set a deadline of its own, by [http.ResponseController]. A negative one is never.
	WriteTimeout time.Duration
	// ItemLimit is how many bytes one item may have that a client sends: 1 MiB by default, and for a [Part] as many as the whole body may have. The
	// whole is bounded by [Handler.Limit].
	ItemLimit int64
}

// WithStreams says how the app's routes send streams.
func WithStreams(s Streams) Option {
	at := here()
	return func(a *App) {
		a.streams = &declaredStreams{s, at}
		a.streams.problems(a.problem)
	}
}

// Streaming is h, sending streams in this way, and not as its app does. It is no method because those of Handler are compiled for each
// pair of types.
func Streaming[Req, Resp any](h *Handler[Req, Resp], s Streams) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withStreams(s))
}

//go:noinline
func (s *spec) withStreams(d Streams) *spec {
	c := *s
	c.streams = &declaredStreams{d, here()}
	return &c
}

type declaredStreams struct {
	Streams
	at callsite.Site
}

const (
	firstItem    = 250 * time.Millisecond
	heartbeat    = 15 * time.Second
	writeTimeout = 30 * time.Second
)

// resolved are the declarations with the defaults of what they leave out.
func (d *declaredStreams) resolved() *Streams {
	s := Streams{FirstItem: firstItem, Heartbeat: heartbeat, WriteTimeout: writeTimeout}
	if d == nil {
		return &s
	}
	s.Formats, s.Idle, s.ItemLimit = d.Formats, d.Idle, min(d.ItemLimit, maxLimit)
	for _, field := range []struct{ to, from *time.Duration }{
		{&s.FirstItem, &d.FirstItem}, {&s.Heartbeat, &d.Heartbeat}, {&s.WriteTimeout, &d.WriteTimeout},
	} {
		if *field.from != 0 {
			*field.to = *field.from
		}
	}
	return &s
}

// problems reports what is wrong with the declaration.
func (d *declaredStreams) problems(tell func(at callsite.Site, problem, remedy string)) {
	if d == nil {
		return
	}
	for i, f := range d.Formats {
		switch {
		case f.framing() == nil:
			tell(d.at, fmt.Sprintf("%q is no format of streams", string(f)), "use weft.SSE, weft.NDJSON or weft.JSONArray")
		case slices.Contains(d.Formats[:i], f):
			tell(d.at, fmt.Sprintf("the format %q of streams is there twice", string(f)), "leave one of them out")
		}
	}
	if d.FirstItem < 0 {
		tell(d.at, fmt.Sprintf("the first item is waited for for %v", d.FirstItem), "use a positive duration, or leave FirstItem out")
	}
	if d.ItemLimit < 0 {
		tell(d.at, fmt.Sprintf("an item may have %d bytes", d.ItemLimit), "use a positive number, or leave ItemLimit out")
	}
	if d.Idle < 0 {
		tell(d.at, fmt.Sprintf("the producer may take %v for an item", d.Idle), "use a positive duration, or leave Idle out")
	}
}

// streams are those of the request's route, else of its app.
func (s *state) streams() *Streams {
	if route := s.route.Load(); route != nil && route.streams != nil {
		return route.streams
	}
	if s.server != nil {
		return s.server.streams
	}
	return (*declaredStreams)(nil).resolved()
}

// anyStream is a Stream of any items.
type anyStream interface {
	isNil() bool
	element() reflect.Type
	// produce runs the producer until it ends, fails, or take takes no more. Item is always the same
	// pointer to a T, so that nothing is allocated for each.
	produce(take func(item any) bool) error
	boxed() Stream[any]
}

func (s Stream[T]) isNil() bool { return s == nil }

func (Stream[T]) element() reflect.Type { return reflect.TypeFor[T]() }

func (s Stream[T]) produce(take func(item any) bool) error {
	item := new(T)
	box := any(item)
	for value, err := range s {
		if err != nil {
			return err
		}
		if *item = value; !take(box) {
			return nil
		}
	}
	return nil
}

func (s Stream[T]) boxed() Stream[any] {
	return func(yield func(any, error) bool) {
		for value, err := range s {
			if !yield(value, err) || err != nil {
				return
			}
		}
	}
}

// streamOf is the empty stream of a Resp of type t, or nil where t is no Stream.
func streamOf(t reflect.Type) anyStream {
	if t.Kind() != reflect.Func {
		return nil
	}
	s, _ := reflect.Zero(t).Interface().(anyStream)
	return s
}

// streamFormats are those of a route that returns s.
func (e *endpoint) streamFormats(said []StreamFormat, strict bool) *formats {
	if len(said) == 0 {
		said = []StreamFormat{JSONArray, NDJSON, SSE}
		if reflect.PointerTo(e.stream.element()).Implements(reflect.TypeFor[event]()) {
			said = []StreamFormat{SSE, NDJSON}
		}
	}
	all := &formats{strict: strict}
	for _, f := range said {
		if m, err := negotiation.Parse(string(f)); err == nil {
			all.types, all.names = append(all.types, m), append(all.names, string(f))
		}
	}
	return all
}

// streaming answers with a Stream, in the format that the client prefers.
func (e *endpoint) streaming(handler *stage, a *answers) func(*Request, any) Response {
	heads := a.formats.heads(e.success())
	for i, name := range a.formats.names {
		heads[i] = StreamFormat(name).head(heads[i])
	}
	return func(r *Request, out any) Response {
		items := out.(anyStream)
		if items.isNil() {
			return handler.fail(r, errNilAnswer)
		}
		i := a.formats.choose(r)
		source := &streamSource{items: items, format: StreamFormat(a.formats.names[i])}
		return Response{head: heads[i]}.streaming(source).ownedBy(r, handler)
	}
}

// head is that of an answer in the format.
func (f StreamFormat) head(h *head) *head {
	r := Response{head: h}
	if f == SSE {
		r = r.WithHeader("Cache-Control", "no-cache").WithHeader("X-Accel-Buffering", "no")
	}
	return r.head
}

// streaming gives the Response a body that is made while it is sent.
func (r Response) streaming(s source) Response {
	r = r.link(unchanged, "", "")
	r.head.live, r.head.open = &live{source: s}, true
	return r
}

// MapStream wraps the items of a [Stream], to watch or to change them; with any other body r is as it was. wrap gets
// the items and returns what is sent; its own items are encoded as they are. It is called when the body is made, where the producer runs.
func (r Response) MapStream(wrap func(items Stream[any]) Stream[any]) Response {
	if r.head == nil || r.head.live == nil || wrap == nil {
		return r
	}
	l := *r.head.live
	mapped, is := l.source.(mappable)
	if !is {
		return r
	}
	if l.source = mapped.mapped(wrap); l.source == nil {
		return r
	}
	r = r.link(unchanged, "", "")
	r.head.live = &l
	return r
}

// mappable is a source that may be a stream.
type mappable interface {
	// mapped is the source with its items wrapped, nil where it is no stream.
	mapped(wrap func(Stream[any]) Stream[any]) source
}

func (s *streamSource) mapped(wrap func(Stream[any]) Stream[any]) source {
	inner, c := s.items, *s
	c.items = Stream[any](func(yield func(any, error) bool) { wrap(inner.boxed())(yield) })
	return &c
}

func (b *settledSource) mapped(wrap func(Stream[any]) Stream[any]) source {
	body, is := b.body.source.(mappable)
	if !is {
		return nil
	}
	l := *b.body
	if l.source = body.mapped(wrap); l.source == nil {
		return nil
	}
	return &settledSource{&l, b.status}
}

// settleStreams says how a route sends its stream.
func (r *resolution) settleStreams(rr *resolvedRoute, all *formats) {
	e, name := rr.endpoint, rr.route.pattern
	declared := e.streams
	if declared == nil {
		declared = r.app.streams
	} else {
		declared.problems(func(at callsite.Site, problem, remedy string) { r.report(at, name, problem, remedy) })
		if e.stream == nil && e.resp != typeResponse && !rr.intake.streams() {
			r.report(declared.at, name, fmt.Sprintf("Streaming has no effect on a handler that returns a %v", e.resp), "leave it out, or take or return a Stream")
		}
	}
	rr.route.streams = declared.resolved()
	if e.stream != nil {
		rr.answers.formats = e.streamFormats(rr.route.streams.Formats, all != nil && all.strict)
	}
}

// unsendable reports why items cannot be sent.
func (e *endpoint) unsendable(how *input) (found problemList) {
	t := e.stream.element()
	if t.Kind() == reflect.Pointer && t.Implements(reflect.TypeFor[event]()) {
		found.add(e.at, fmt.Sprintf("the items of the stream are of type %v", t), "stream the Event itself, which is a value")
		return found
	}
	if problem, remedy := uncodable("an item of the stream", t, false, map[reflect.Type]bool{}); problem != "" && !how.knowsItself("") {
		found.add(e.at, problem, remedy)
	}
	return found
}

// likeStream reports whether t is a sequence of values and errors.
func likeStream(t reflect.Type) bool {
	if t.Kind() != reflect.Func || t.NumIn() != 1 || t.In(0).Kind() != reflect.Func {
		return false
	}
	yield := t.In(0)
	return yield.NumIn() == 2 && yield.In(1) == typeError
}
