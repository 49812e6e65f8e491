package tracing

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
)

const schema = semconv.SchemaURL

// longestBody is how much of an answer a span has.
const longestBody = 8 << 10

// request is what the visits of one request, or of one call of a function, share.
type request struct {
	visit
	observer *observer
	timed    bool        // somebody may ask for Server-Timing
	event    *weft.Route // that it is a record for, nil of HTTP
	method   string
	scheme   string
	version  string
	began    time.Time

	mu        sync.Mutex // of what follows
	described []error    // that are on their way out
	timings   []timing
}

// EnterRequest begins the span of a request, and counts it.
func (o *observer) EnterRequest(hr *http.Request) (context.Context, weft.RequestExit) {
	r := &request{observer: o, timed: o.timing.Load(), event: weft.EventRouteOf(hr.Context()), method: methodOf(hr), scheme: schemeOf(hr), version: versionOf(hr), began: time.Now()}
	if o.tracer == nil {
		o.count(hr, r)
		return nil, r.leave
	}
	opts := []trace.SpanStartOption{trace.WithSpanKind(r.kind()), trace.WithTimestamp(r.began), trace.WithAttributes(r.attributes(hr)...)}
	ctx, links := o.parent(hr.Context(), o.extractor, propagation.HeaderCarrier(hr.Header))
	r.begin(ctx, r.name(""), append(opts, links...))
	o.count(hr, r)
	return &r.visit, r.leave
}

// count counts a request that has begun, when nothing of the user's that may panic is still to come: it is counted off by leave.
func (o *observer) count(hr *http.Request, r *request) {
	if o.meters != nil {
		o.meters.enter(hr.Context(), r)
	}
}

// parent is ctx with the span that the carrier names, unless it has one already.
func (o *observer) parent(ctx context.Context, named propagation.TextMapPropagator, carrier propagation.TextMapCarrier) (context.Context, []trace.SpanStartOption) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, nil
	}
	ctx = named.Extract(ctx, carrier)
	if from := trace.SpanContextFromContext(ctx); from.IsValid() && o.public {
		return ctx, []trace.SpanStartOption{trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: from})}
	}
	return ctx, nil
}

// begin begins the outermost span, with what is said of each.
func (r *request) begin(ctx context.Context, name string, opts []trace.SpanStartOption) {
	o := r.observer
	r.whole, r.tracing = r, o.Tracing
	r.Context, r.span = o.tracer.Start(ctx, name, opts...)
	for _, a := range o.annotations {
		r.annotate(a)
	}
	if o.service != "" {
		r.annotate(attribute.String("Service", o.service))
	}
}

func (r *request) annotate(a attribute.KeyValue) {
	r.span.SetAttributes(a)
	r.notes.annotated(string(a.Key))
}

// leave ends the span of a request that has been answered.
func (r *request) leave(view *weft.Request, resp weft.Response, sent weft.Sent) {
	route := ""
	if r.event == nil {
		route = template(view.Route().Pattern())
	}
	if r.observer.meters != nil {
		r.observer.meters.leave(view.Context(), r, route, sent)
	}
	if r.span == nil {
		return
	}
	if flush := r.observer.flush; flush != nil {
		defer flush.start(view.Context())
	}
	defer r.span.End()
	if !r.span.IsRecording() {
		return
	}
	if route != "" {
		r.span.SetName(r.name(route))
		r.span.SetAttributes(semconv.HTTPRoute(route))
	}
	r.ended(resp, sent, view.Context().Err() != nil)
	r.capture(view, resp, sent)
	r.notes.write(r.span)
}

// ended says how the request ended. An answer that blames the client is no failure of a server's span, but one of a record's, and neither is
// a client that has gone before it had all of it. A body that breaks off while it is made is one, whatever the status was.
func (r *request) ended(resp weft.Response, sent weft.Sent, gone bool) {
	if sent.Status != 0 {
		r.span.SetAttributes(r.status(sent.Status))
		if r.event == nil {
			r.span.SetAttributes(semconv.HTTPResponseBodySize(int(sent.Bytes)))
		}
	}
	failed := r.failed(sent.Status)
	brokeOff := sent.Err != nil && (resp.Err() == nil || !same(sent.Err, resp.Err()))
	switch {
	case sent.Err != nil && failed:
		r.pass(&r.visit, examine(sent.Err), true)
	case failed:
		r.span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(sent.Status)))
		r.span.SetStatus(codes.Error, "")
	case sent.WriteErr != nil:
		r.pass(&r.visit, examine(sent.WriteErr), !gone)
	case brokeOff:
		r.pass(&r.visit, examine(sent.Err), true)
	}
}

// capture puts the body of the answer on the span.
func (r *request) capture(view *weft.Request, resp weft.Response, sent weft.Sent) {
	if _, traced := r.observer.handlers.Load(view.Route().Pattern()); !traced || !r.tracing.captureResponses.on || resp.Err() != nil || sent.Status == 0 || sent.Status >= http.StatusBadRequest {
		return
	}
	body, err := resp.Render()
	if err != nil || len(body) == 0 {
		return
	}
	if said, readable := said(resp.Header().Get("Content-Type"), body); readable {
		r.notes.add(r.tracing.namespace(), view.Route().Name()+" response", said)
	}
}

// said is a body as JSON, where it is text.
func said(mediaType string, body []byte) (json.RawMessage, bool) {
	kind, _, _ := mime.ParseMediaType(mediaType)
	isJSON := kind == "application/json" || strings.HasSuffix(kind, "+json")
	switch {
	case !isJSON && !strings.HasPrefix(kind, "text/") || !utf8.Valid(body):
		return nil, false
	case len(body) > longestBody:
		body, isJSON = fmt.Appendf(nil, "%d bytes, left out", len(body)), false
	}
	if isJSON && json.Valid(body) {
		return body, true
	}
	text, err := json.Marshal(string(body))
	return text, err == nil
}

// name is that of the span, of as few values as there are routes.
func (r *request) name(route string) string {
	if r.event != nil {
		return valid(r.event.Pattern())
	}
	method := r.method
	if method == otherMethod {
		method = "HTTP"
	}
	if route == "" {
		return method
	}
	return method + " " + route
}

// attributes are those known before the request runs. The query is left out: it may hold what nobody should read.
func (r *request) attributes(hr *http.Request) []attribute.KeyValue {
	if r.event != nil {
		return []attribute.KeyValue{r.source()}
	}
	attrs := append(make([]attribute.KeyValue, 0, 12),
		semconv.HTTPRequestMethodKey.String(r.method),
		semconv.URLScheme(r.scheme),
		semconv.URLPath(valid(hr.URL.Path)),
		semconv.NetworkProtocolVersion(r.version),
	)
	if r.method == otherMethod {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(valid(hr.Method)))
	}
	host, port := hostPort(hr.Host)
	if host != "" {
		attrs = append(attrs, semconv.ServerAddress(valid(host)))
	}
	if port > 0 {
		attrs = append(attrs, semconv.ServerPort(port))
	}
	if peer, port := hostPort(valid(hr.RemoteAddr)); peer != "" {
		attrs = append(attrs, semconv.NetworkPeerAddress(peer), semconv.ClientAddress(peer))
		if port > 0 {
			attrs = append(attrs, semconv.NetworkPeerPort(port))
		}
	}
	if agent := hr.UserAgent(); agent != "" {
		attrs = append(attrs, semconv.UserAgentOriginal(valid(agent)))
	}
	return attrs
}

// valid is text as OTLP takes it: one attribute that is not UTF-8 would keep all spans sent with it from arriving.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

const otherMethod = "_OTHER"

// methodOf is the method, of those that are known: others would be as many as clients like.
func methodOf(hr *http.Request) string {
	switch hr.Method {
	case "":
		return http.MethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY":
		return hr.Method
	}
	return otherMethod
}

func schemeOf(hr *http.Request) string {
	if hr.TLS != nil {
		return "https"
	}
	return "http"
}

func versionOf(hr *http.Request) string {
	switch hr.ProtoMajor {
	case 2, 3:
		return strconv.Itoa(hr.ProtoMajor)
	}
	return strconv.Itoa(hr.ProtoMajor) + "." + strconv.Itoa(hr.ProtoMinor)
}

// hostPort takes an address apart that may have no port.
func hostPort(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return strings.Trim(address, "[]"), 0
	}
	port, _ = strconv.Atoi(text)
	return host, port
}

// template is the path of a route's pattern: "GET example.com/orders/{id}" is "/orders/{id}".
func template(pattern string) string {
	i := strings.IndexByte(pattern, '/')
	if i < 0 {
		return ""
	}
	return strings.TrimSuffix(pattern[i:], "{$}")
}
