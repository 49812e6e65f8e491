package weft

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
)

// state is what all views of a request share. It is one allocation and is
// never reused: a view kept too long reads old data, never another request's.
// Of 512 bytes nothing is wasted, so what few requests have is behind pointers.
type state struct {
	server *Server // nil outside a server
	route  atomic.Pointer[Route]
	event  *Route // that an event leads to, nil for HTTP
	base   requestContext
	view   Request // the first view
	routed *Request
	answer Response // from the route, through ServeMux
	miss   *miss    // ServeMux's own answer
	frame  frame    // that extraction filled
	body   body
	form   *form  // that the body is, once it was read as one
	input  *input // how it is read: the app's, then the route's
	values values
	scope  *requestScope // nil until a stage needs a service of the request

	marks     [inlineMarks]mark
	moreMarks *[]mark // nil where there are no more
	awaited   stragglers
	aborted   atomic.Bool // by http.ErrAbortHandler on a goroutine of a stage's
	bounded   atomic.Bool // a stage has set a deadline for writing the answer

	writer http.ResponseWriter // the transport's, nil outside a server
	bodies *live               // that are made while they are sent, the last first
	stream *streamContext      // of a handler whose answer outlives it, else nil

	work       *[]work // to start when the request has ended well, nil for none
	finals     *final  // to run when it has ended, the last entered first
	finalsRoom final   // for the first that was entered
}

func newState(srv *Server, hr *http.Request) *state {
	s := &state{server: srv}
	s.base = requestContext{hr.Context(), s}
	s.view = Request{s, &s.base, hr}
	if srv == nil {
		s.input = defaultInput
		s.values.ring = &keyring{open: true}
		return s
	}
	s.input = srv.input
	s.values.ring = &srv.ring
	if srv.moreMarks > 0 {
		s.moreMarks = roomFor[mark](srv.moreMarks)
	}
	if more := len(srv.ring.keys) - inlineValues; more > 0 {
		s.values.more = roomFor[any](more)
	}
	return s
}

// roomFor is n elements behind one pointer, and in one allocation unless there are very many.
func roomFor[T any](n int) *[]T {
	switch {
	case n <= 16:
		r := &struct {
			all  []T
			room [16]T
		}{}
		r.all = r.room[:n]
		return &r.all
	case n <= 64:
		r := &struct {
			all  []T
			room [64]T
		}{}
		r.all = r.room[:n]
		return &r.all
	case n <= 256:
		r := &struct {
			all  []T
			room [256]T
		}{}
		r.all = r.room[:n]
		return &r.all
	}
	all := make([]T, n)
	return &all
}

func (s *state) first() *Request { return &s.view }

func (s *state) logger() *slog.Logger {
	if s.server == nil {
		return slog.Default()
	}
	if route := s.route.Load(); route != nil {
		return route.logger
	}
	return s.server.logger
}

// requestContext lets a context lead back to its request without an allocation of its own.
type requestContext struct {
	context.Context
	state *state
}

type stateKey struct{}

func (c *requestContext) Value(key any) any {
	switch key {
	case stateKey{}:
		return c.state
	case eventKey{}:
		return c.state.event
	}
	return c.Context.Value(key)
}

// stateOf is the request that ctx derives from, or nil.
func stateOf(ctx context.Context) *state {
	if c, ok := ctx.(*requestContext); ok {
		return c.state
	}
	s, _ := ctx.Value(stateKey{}).(*state)
	return s
}

// stragglers holds the boundaries that wait for a next running on another
// goroutine. It is empty unless a stage returned before its next did.
type stragglers struct {
	mu    sync.Mutex
	first *straggler
}

type straggler struct {
	mark *mark
	done chan struct{}
	next *straggler
}
