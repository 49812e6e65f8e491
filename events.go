package weft

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/pattern"
)

// EventSource is where requests come from that are none of HTTP's, such as a queue, a topic or a timer. The package of a transport
// makes them: awslambda.SQS("orders"). Its methods are called by [App.Plan] and [App.Build], once each, and never for a record.
type EventSource interface {
	// Name is the source's name, such as "SQS orders": it is the pattern of the route, and no other source of an App has it.
	Name() string
	// Receive is the outermost stage of the route, behind the App's middleware. It provides what the transport knows of a record as keys. It may be nil.
	Receive() Middleware
	// Err is why there can be no such source, and what to do instead, or nil. [App.Build] reports it.
	Err() error
}

// On adds a route for what comes from a source of events; see [Group.On].
func (a *App) On(from EventSource, e Endpoint) { a.root.on("App.On", from, e) }

// On adds a route for what comes from a source of events. Each record is a request of its own, and goes through the stages of the app, the group and
// the handler; the group's prefix has no meaning for it. The record's content is the body, as JSON, of a [Stream] as lines of it, unless a Content-Type says otherwise, and its
// metadata are header fields, and keys that the source provides: there is no path, no query, and there are no cookies. Requests of HTTP do not
// get there: the routes stand in a table of their own, which [Server.Events] gives to a transport.
func (g *Group) On(from EventSource, e Endpoint) { g.on("Group.On", from, e) }

func (g *Group) on(what string, from EventSource, e Endpoint) {
	r := declaredRoute{group: g, event: true, source: from, at: g.app.mayDeclare(what)}
	if e != nil {
		r.endpoint = e.endpoint()
	}
	g.app.routes = append(g.app.routes, r)
}

// Events are the sources that the app has routes for, in the order of their declarations, each with what answers its records: a transport calls it with
// the record as a request with the method POST, whose URL is for logs alone. It may do so concurrently. A record was handled if and only if ServeHTTP returns, and
// the answer's status is below 400.
func (srv *Server) Events() iter.Seq2[EventSource, http.Handler] {
	return func(yield func(EventSource, http.Handler) bool) {
		for _, e := range srv.events {
			if !yield(e.route.source, e) {
				return
			}
		}
	}
}

// EventSource is where the route's requests come from, nil for a route of HTTP.
func (r *Route) EventSource() EventSource {
	if r == nil {
		return nil
	}
	return r.source
}

// EventRouteOf is the route of a source of events that the request of ctx comes from, nil for HTTP. Unlike [RouteOf], it knows it before routing, for the
// App's middleware, and for [RequestObserver], by the context of the request that it is given.
func EventRouteOf(ctx context.Context) *Route {
	route, _ := ctx.Value(eventKey{}).(*Route)
	return route
}

// eventContext says where a request comes from to those who have no requestContext yet.
type eventContext struct {
	context.Context
	route *Route
}

type eventKey struct{}

func (c *eventContext) Value(key any) any {
	if key == (eventKey{}) {
		return c.route
	}
	return c.Context.Value(key)
}

// eventHandler answers what comes from one source.
type eventHandler struct {
	server *Server
	route  *Route
}

func (h *eventHandler) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	h.server.serve(w, hr, h.route)
}

// describedSource is what a source says of itself.
type describedSource struct {
	name    string
	receive Middleware
	err     error
}

// describeSource asks a source once. It is the transport's: what panics there is a mistake like any other.
func describeSource(from EventSource) (d describedSource, panicked error) {
	panicked = contained(func() error {
		d.name = from.Name()
		if d.err = from.Err(); d.err == nil {
			d.receive = from.Receive()
		}
		return nil
	})
	return d, panicked
}

// resolveEvent resolves the route of a source, unless there can be none.
func (r *resolution) resolveEvent(seen map[string]callsite.Site, d declaredRoute) {
	if d.source == nil || isNil(d.source) {
		r.report(d.at, "", "the source of On is nil", "give it one, such as awslambda.SQS makes")
		return
	}
	source, panicked := describeSource(d.source)
	before, twice := seen[source.name]
	switch {
	case panicked != nil:
		r.report(d.at, source.name, fmt.Sprintf("the source %T cannot be asked what it is: %v", d.source, panicked), "mend its methods Name, Err and Receive")
	case source.err != nil:
		r.report(d.at, source.name, strings.ReplaceAll(textOf(source.err), "\n", "; "), "mend the source")
	case source.name == "":
		r.report(d.at, "", fmt.Sprintf("the source %T has no name", d.source), "have its method Name return one, which no other source of the app has")
	case twice:
		r.report(d.at, source.name, fmt.Sprintf("the source has a route already (%v)", before), "leave one of the two out; of several handlers for one source, one calls the others")
	default:
		seen[source.name], d.receive = d.at, source.receive
		r.resolveRoute(d, pattern.Pattern{}, source.name)
	}
}

// receiving is the stage that a source puts in front of its route.
func (r *resolution) receiving(d declaredRoute, name string) []*stage {
	if d.receive == nil {
		return nil
	}
	stages := r.stages([]attached{{d.receive, d.at}}, KindMiddleware, StageInfo{Level: LevelRoute, Route: name}, r.levels(nil, r.app.root))
	for _, st := range stages {
		st.receives = true
	}
	return stages
}

// checkEventReads reports what a handler reads of a request that an event does not have.
func (r *resolution) checkEventReads(e *endpoint, in *intake, name string) {
	if in == nil {
		return
	}
	for _, read := range in.reads {
		switch read.Source {
		case SourcePath, SourceQuery, SourceCookie, SourceForm, SourceFile:
			r.report(e.at, name, fmt.Sprintf("%v reads the %s %q, which no event has", e.req, read.Source, read.Name),
				"read the content as the body, and metadata as a header field or by a key of the source")
		}
	}
}
