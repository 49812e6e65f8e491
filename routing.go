package weft

import (
	"net"
	"net/http"
	"strings"

	"github.com/weft-go/weft/internal/pattern"
)

// route finds the request's route and runs its chain. ServeMux calls back
// through the ResponseWriter it is given, which carries the state, so that one
// look-up decides, sets the path values, and costs no allocation of ours.
func (srv *Server) route(r *Request) Response {
	s := r.state
	if s.event != nil {
		return s.enter(s.event, r)
	}
	s.routed = r
	srv.mux.ServeHTTP((*sink)(s), r.http)
	if s.route.Load() != nil {
		return s.answer
	}
	return srv.missed(r)(r)
}

// routeHandler is a route as ServeMux knows it.
type routeHandler struct{ *Route }

func (h routeHandler) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s := (*state)(w.(*sink))
	s.answer = s.enter(h.Route, s.routed)
}

// enter is the way into a route.
func (s *state) enter(route *Route, r *Request) Response {
	s.route.Store(route)
	s.input = route.input
	return route.chain(r)
}

// sink takes what ServeMux answers by itself: 404, 405, and redirects to the clean path.
type sink state

type miss struct {
	status int
	header http.Header
}

func (w *sink) taken() *miss {
	if w.miss == nil {
		w.miss = &miss{header: http.Header{}}
	}
	return w.miss
}

func (w *sink) Header() http.Header         { return w.taken().header }
func (w *sink) WriteHeader(status int)      { w.taken().status = status }
func (w *sink) Write(p []byte) (int, error) { return len(p), nil }

const codeNotFound = "not_found"

// answer is the Response to a request that no route matches.
func (m *miss) answer(st *stage, r *Request) Response {
	switch {
	case r.http.RequestURI == "*" && r.http.Method == http.MethodOptions: // of the server as a whole
		return Empty()
	case m.status < http.StatusBadRequest:
		return Redirect(m.status, m.header.Get("Location"))
	case m.status == http.StatusMethodNotAllowed && r.http.Method == http.MethodOptions: // RFC 9110 section 9.3.7
		return Empty().WithHeader("Allow", m.allowed())
	}
	e := &Error{Status: m.status}
	switch m.status {
	case http.StatusNotFound:
		e.Code = codeNotFound
	case http.StatusMethodNotAllowed:
		e.Code, e.Header = "method_not_allowed", http.Header{"Allow": {m.allowed()}}
	}
	if v := m.header["Connection"]; v != nil {
		if e.Header == nil {
			e.Header = http.Header{}
		}
		e.Header["Connection"] = v
	}
	return st.fail(r, e)
}

// allowed is what may be asked of the path: OPTIONS is answered everywhere.
func (m *miss) allowed() string { return m.header.Get("Allow") + ", " + http.MethodOptions }

// missChain answers for paths under a group's prefix.
type missChain struct {
	prefix pattern.Prefix
	chain  Next
}

// missed is the chain of the deepest group that the path lies in. Nothing of
// this is in the mux: a catch-all there would turn a 405 into a 404.
func (srv *Server) missed(r *Request) Next {
	host, path := routingHost(r.http), r.http.URL.EscapedPath()
	var deepest *missChain
	for i := range srv.misses {
		m := &srv.misses[i]
		if m.prefix.Contains(host, path) && (deepest == nil || m.prefix.Deeper(deepest.prefix)) {
			deepest = m
		}
	}
	if deepest == nil {
		return srv.unrouted
	}
	return deepest.chain
}

// routingHost is the host as ServeMux compares it: without a port.
func routingHost(hr *http.Request) string {
	if !strings.Contains(hr.Host, ":") {
		return hr.Host
	}
	if host, _, err := net.SplitHostPort(hr.Host); err == nil {
		return host
	}
	return hr.Host
}
