package weft

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
)

// Request is one stage's view of a request. It is small and cheap to copy:
// all views of a request share one state, so what one stage reads (the body) or
// finds out (the route), the others see; only the context and the HTTP request
// belong to the view.
//
// A Request is used by one stage at a time and is not safe for concurrent use,
// except Context, Route, and a call of a stage's next.
type Request struct {
	state *state
	ctx   context.Context
	http  *http.Request
}

// NewRequest is a Request outside any server: to call a stage alone in a test.
// It has no route, logs go to [slog.Default], and a server's next refuses it.
func NewRequest(hr *http.Request) *Request {
	s := newState(nil, hr)
	s.rehearse(hr.Context())
	return s.first()
}

// Context is the context of this view. It ends when the client leaves or the
// request has been answered.
func (r *Request) Context() context.Context { return r.ctx }

// WithContext returns a view of the same request with ctx, which must derive from r.Context.
// A stage passes it to its next.
func (r *Request) WithContext(ctx context.Context) *Request {
	if ctx == nil {
		panic("weft: Request.WithContext: nil context")
	}
	if r.state.server != nil && stateOf(ctx) != r.state {
		panic("weft: Request.WithContext: the context does not derive from the request's: its route, its keys and its end would be lost; derive it from Request.Context")
	}
	return &Request{r.state, ctx, r.http}
}

// HTTP is the underlying request. Its body must be read through [Request.Body],
// and its Context is the transport's: use [Request.Context].
func (r *Request) HTTP() *http.Request { return r.http }

// PathValue is the value of a wildcard of the route's pattern, unescaped: it
// may hold any character, "/" and NUL too. It is "" before routing and for an unknown name.
func (r *Request) PathValue(name string) string { return r.http.PathValue(name) }

// Header holds the header fields of the request; keys are in canonical form.
// Changes are seen by all stages.
func (r *Request) Header() http.Header { return r.http.Header }

// Query parses the query component anew at each call. As [url.URL.Query] does,
// it leaves out what is malformed.
func (r *Request) Query() url.Values { return r.http.URL.Query() }

// Cookie returns the named cookie, or [http.ErrNoCookie].
func (r *Request) Cookie(name string) (*http.Cookie, error) { return r.http.Cookie(name) }

// Route is where routing led, or nil: before routing, and where nothing matched.
// Its methods accept nil.
func (r *Request) Route() *Route { return r.state.route.Load() }

// Body reads the whole body, once, under the route's limit (before routing:
// the app's), and keeps it: every caller gets the same bytes, which nobody may
// change. A guard must have said that it [ReadsBody]. What was read as a multipart form is not kept, so that Body is an error then. The error, such as a 413 over the limit, is an [*InvalidRequest].
func (r *Request) Body() ([]byte, error) {
	content, err := r.borrowBody()
	r.state.body.pooled = nil // they are the caller's to keep now
	return content, err
}

// borrowBody is Body for those who are done with the bytes before the request is.
func (r *Request) borrowBody() ([]byte, error) {
	b, limit := &r.state.body, r.state.input.limit
	if err := b.permitted(); err != nil {
		return nil, err
	}
	if !b.read {
		b.read = true
		b.err = b.readFrom(r.http, r.state.server, limit)
	}
	if b.err == nil && int64(len(b.bytes)) > limit {
		return nil, tooLarge(limit) // read under the app's limit, the route's is lower
	}
	return b.bytes, b.err
}

// Logger is the app's logger, with the attribute "route" once routing led
// somewhere, or [slog.Default] where ctx does not derive from a request.
func Logger(ctx context.Context) *slog.Logger {
	if s := stateOf(ctx); s != nil {
		return s.logger()
	}
	return slog.Default()
}

// RouteOf is the route of the request that ctx derives from, or nil; see [Request.Route].
func RouteOf(ctx context.Context) *Route {
	if s := stateOf(ctx); s != nil {
		return s.route.Load()
	}
	return nil
}

// Route is a route of a built app. Its methods accept a nil Route, which has no
// pattern, no name and no metadata.
type Route struct {
	pattern string
	name    string
	meta    []any
	input   *input
	streams *Streams
	logger  *slog.Logger
	chain   Next
	source  EventSource // nil for HTTP
	// settable is the keys that stages on the way to the answer provide, as a set of slots.
	settable uint64
}

// Pattern is the route's whole pattern, prefixes included: "POST /api/orders/{id}".
// Use it, not the path, as a label of metrics.
func (r *Route) Pattern() string {
	if r == nil {
		return ""
	}
	return r.pattern
}

// Name is the handler's name.
func (r *Route) Name() string {
	if r == nil {
		return ""
	}
	return r.name
}

// MetaOf finds the metadata of type T that is attached nearest to the route: on
// the handler, else on the innermost group that has one, else on the app.
func MetaOf[T any](r *Route) (value T, found bool) {
	if r == nil {
		return value, false
	}
	for _, m := range r.meta {
		if value, found = m.(T); found {
			return value, true
		}
	}
	return value, false
}
