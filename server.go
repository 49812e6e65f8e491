package weft

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers requests as its plan says. It is an [http.Handler], safe for
// concurrent use, and is made by [App.Build].
type Server struct {
	plan       *Plan
	mux        *http.ServeMux
	entry      Next // everything, from the outermost stage
	watching   []RequestObserver
	misses     []missChain
	events     []*eventHandler
	unrouted   Next
	sending    *stage // what fails where no stage has
	streams    *Streams
	drains     chan struct{} // closed when the server begins to end
	drainsOnce sync.Once
	moreMarks  int
	ring       keyring
	settable   uint64 // by what runs where no route does
	assembly   *assembly
	logger     *slog.Logger
	input      *input
	bodies     bodyPool
	messages   func(*Request, FieldError) string
	decisions  func(*Request, Decision)
	format     ErrorFormat   // nil is ProblemDetails
	drainDelay time.Duration // how long to go on when told to stop
	drain      time.Duration // how long to wait for requests under way then
	test       production    // of package wefttest, nil outside its tests

	container  *Container
	lenders    lenders
	background background
	closing    sync.Once // of its services
	closed     error

	draining atomic.Bool // told to stop
	cutting  atomic.Bool // ending what outlasted the drain timeout
	mu       sync.Mutex
	running  []*serving
}

// Explain is the plan as text.
func (srv *Server) Explain() string { return srv.plan.String() }

// Plan is the plan that the Server runs. It must not be changed.
func (srv *Server) Plan() *Plan { return srv.plan }

// ServeHTTP answers hr.
func (srv *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) { srv.serve(w, hr, nil) }

// serve answers hr, which leads to the route of a source of events, or where ServeMux says.
func (srv *Server) serve(w http.ResponseWriter, hr *http.Request, event *Route) {
	s := newState(srv, hr)
	s.writer, s.event = w, event
	sent := Sent{Err: errUnwound}
	var resp Response
	if srv.watching != nil {
		exits := s.observe(srv.watching)
		defer s.unobserve(exits, &resp, &sent)
	}
	defer s.finish(&sent)
	resp = srv.entry(s.first())
	if s.aborted.Load() {
		panic(http.ErrAbortHandler)
	}
	if resp.head.live != nil {
		s.sendLive(w, resp, &sent)
		return
	}
	sent.Err = resp.Err()
	s.tellTest(sent.Err)
	sent.Status, sent.Bytes, sent.WriteErr = send(w, hr.Method, resp)
}

// finish runs the Finally stages, last entered first, whichever way the
// request ended, and gives back what was borrowed.
func (s *state) finish(sent *Sent) {
	defer func() { // also where a Finally ends the goroutine
		defer s.releaseForm()
		s.closeScope()
		s.startWork(sent)
		s.body.release(s.server)
	}()
	s.endBodies()
	for f := s.finals; f != nil; f = f.before {
		sent.Duration = time.Since(f.entered)
		f.run(*sent)
	}
}

func (f *final) run(sent Sent) {
	defer func() {
		if p := recover(); p != nil {
			logFailure(f.request.state.logger(), f.request, "finally failed", f.do.name, &PanicError{p, debug.Stack()})
		}
	}()
	f.do.run(f.request, sent)
}

// shortBody is what net/http certainly buffers and counts by itself; beyond it,
// and for HEAD, Content-Length is ours to say.
const shortBody = 1024

// send writes a Response. What the Response did not say is net/http's: Date, and how the connection goes on.
func send(w http.ResponseWriter, method string, resp Response) (status int, written int64, err error) {
	h := w.Header()
	resp.head.apply(h)
	delete(h, transferEncoding)
	if _, typed := h[contentType]; !typed && len(resp.body) > 0 {
		h[contentType] = nil // what the Response does not say must not be guessed from the body
	}
	status = resp.Status()
	head := method == http.MethodHead
	switch {
	case !bodyAllowed(status):
		delete(h, contentType)
		delete(h, contentLength)
		w.WriteHeader(status)
		return status, 0, nil
	case head && len(resp.body) == 0: // a handler for HEAD may say how long the answer to GET would be
		if length := h[contentLength]; len(length) != 1 || !digits(length[0]) {
			delete(h, contentLength)
		}
	case head || len(resp.body) > shortBody && !resp.head.trailers: // which HTTP/1.1 sends only where it says no length
		h[contentLength] = []string{strconv.Itoa(len(resp.body))}
	default:
		delete(h, contentLength)
	}
	w.WriteHeader(status)
	if head || len(resp.body) == 0 {
		return status, 0, nil
	}
	n, err := w.Write(resp.body)
	return status, int64(n), err
}

func digits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

// bodyAllowed reports whether a status may have content (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}
