package wefttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/internal/rehearsal"
)

// RequestOption says what is in a request; for [Request], for the methods of a
// [Client], and for a [Sample]. It can be used for many requests, unless it says otherwise.
type RequestOption func(*outgoing)

// outgoing is a request before it is made.
type outgoing struct {
	method, target string
	ctx            context.Context
	header         http.Header
	query          url.Values
	cookies        []*http.Cookie
	body           io.Reader // nil for none
	path           []pathValue
	given          []givenValue
}

type pathValue struct{ name, value string }

// givenValue is the value of a key.
type givenValue struct {
	key   weft.AnyKey
	value any
	set   func(*weft.Request)
}

// With gives a key its value, as a stage further out would have. A server's
// request gets its values from its own stages: a [Client] refuses the option, see [Replace].
func With[T any](key *weft.Key[T], value T) RequestOption {
	return func(o *outgoing) {
		o.given = append(o.given, givenValue{key, value, func(r *weft.Request) { key.Set(r, value) }})
	}
}

// PathValue gives a wildcard of a route's pattern its value, as routing would
// have. A [Client] refuses the option: there the path leads to the value.
func PathValue(name, value string) RequestOption {
	return func(o *outgoing) { o.path = append(o.path, pathValue{name, value}) }
}

// Header adds a value of a header field. It is not checked: what a client should not send can be tested too. "Host" is the request's host.
func Header(name, value string) RequestOption {
	return func(o *outgoing) { o.header.Add(name, value) }
}

// Query adds a value of a query parameter to those in the target.
func Query(name, value string) RequestOption {
	return func(o *outgoing) { o.query.Add(name, value) }
}

// Cookie adds a cookie.
func Cookie(name, value string) RequestOption {
	return func(o *outgoing) { o.cookies = append(o.cookies, &http.Cookie{Name: name, Value: value}) }
}

// JSON sets the body to v, encoded by encoding/json, as application/json. It
// panics where v cannot be encoded.
func JSON(v any) RequestOption {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("wefttest: JSON: %v", err))
	}
	return Body("application/json", body)
}

// Body sets the body, and its Content-Type unless that is "".
func Body[Content string | []byte](contentType string, body Content) RequestOption {
	content := []byte(body)
	return func(o *outgoing) {
		o.body = bytes.NewReader(content)
		o.typed(contentType)
	}
}

// BodyFrom sets the body to what from yields, of a length that is not known
// before. It is for one request.
func BodyFrom(contentType string, from io.Reader) RequestOption {
	return func(o *outgoing) {
		o.body = struct{ io.Reader }{from}
		o.typed(contentType)
	}
}

func (o *outgoing) typed(contentType string) {
	if contentType != "" {
		o.header.Set("Content-Type", contentType)
	}
}

// WithContext sets the context that the request's own derives from: the background for [Request], the test's for a [Client].
func WithContext(ctx context.Context) RequestOption {
	return func(o *outgoing) { o.ctx = ctx }
}

func newOutgoing(ctx context.Context, method, target string, opts []RequestOption) *outgoing {
	o := &outgoing{method: method, target: target, ctx: ctx, header: http.Header{}, query: url.Values{}}
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	if len(o.query) > 0 {
		separator := "?"
		if strings.Contains(o.target, "?") {
			separator = "&"
		}
		o.target += separator + o.query.Encode()
	}
	return o
}

// incoming is the request as a server gets it. It panics where the method or the target cannot be sent.
func (o *outgoing) incoming(ctx context.Context) *http.Request {
	hr := httptest.NewRequestWithContext(ctx, o.method, o.target, o.body)
	o.fill(hr)
	return hr
}

// fill puts what was said into a request that was made of method, target and body.
func (o *outgoing) fill(hr *http.Request) {
	for name, values := range o.header {
		hr.Header[name] = slices.Clone(values)
	}
	if host := hr.Header.Get("Host"); host != "" {
		hr.Host = host
	}
	hr.Header.Del("Host")
	for _, c := range o.cookies {
		hr.AddCookie(c)
	}
}

// Request makes a Request outside any server, for calling one stage with it. The
// target is a path with a query, or a URL. There is no route, logs go to [slog.Default], and
// the limit of a body is [weft.DefaultLimit].
//
// Like httptest.NewRequest, it panics where it cannot be made: it is for tests.
func Request(method, target string, opts ...RequestOption) *weft.Request {
	o := newOutgoing(context.Background(), method, target, opts)
	r, _ := o.request(o.ctx)
	return r
}

// Context is the context of a Request, for what takes no more than that, such as
// a check, an around or a handler: keys are found through it.
func Context(opts ...RequestOption) context.Context {
	return Request(http.MethodGet, "/", opts...).Context()
}

func (o *outgoing) request(ctx context.Context) (*weft.Request, *http.Request) {
	hr := o.incoming(rehearsal.With(ctx, new(ending)))
	r := weft.NewRequest(hr)
	o.give(r)
	return r, hr
}

// give sets what a stage further out and routing would have set.
func (o *outgoing) give(r *weft.Request) {
	for _, p := range o.path {
		r.HTTP().SetPathValue(p.name, p.value)
	}
	for _, g := range o.given {
		g.set(r)
	}
}

// ending is how a Request made here is ended.
type ending struct{ finish func(weft.Sent) }

// FinishWith is called by weft.
func (e *ending) FinishWith(finish func(weft.Sent)) { e.finish = finish }

// Finish ends a request that [Request] made, as a server does when its answer
// was sent: what [weft.Finally] was given runs, last entered first, once. Where sent has no
// Duration, it is the time since each was entered. Finish panics where another function made the request.
func Finish(r *weft.Request, sent weft.Sent) {
	e, ok := rehearsal.From(r.Context()).(*ending)
	if !ok {
		panic("wefttest: Finish: the Request was not made by wefttest.Request")
	}
	e.finish(sent)
}
