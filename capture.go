package weft

import (
	"bufio"
	"errors"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// capturedRoom is how much a middleware of net/http may answer by itself before it is sent while it goes on.
	capturedRoom = 64 << 10
	// sendingRoom is how much is put together then, unless it is flushed.
	sendingRoom = 4 << 10
)

var errReturned = errors.New("the middleware has returned, and its answer is complete")

// captured is the ResponseWriter of a middleware of net/http: it makes a Response of what is written to it.
type captured struct {
	bridge *bridge
	header http.Header // the middleware's to change

	mu      sync.Mutex // of all that follows: it may write on several goroutines
	head    *head      // as it was when the head was written, nil until then
	typed   bool       // the media type is known
	body    []byte
	plain   []byte // of the Response inside: nobody writes into it
	room    int
	sending bool                      // what is written is sent, and the head cannot change
	err     error                     // why nothing more is taken
	lists   [len(listFields)][]string // what the middleware has put there before it called next
}

// listFields are added to by each who has something to say, so what the Response inside says must not replace what the middleware has said.
var listFields = [...]string{"Vary", "Set-Cookie"}

// ack is what the middleware was waiting for.
type ack struct {
	err    error
	conn   net.Conn
	stream *bufio.ReadWriter
}

// Header is the header, until it is written.
func (w *captured) Header() http.Header { return w.header }

// WriteHeader ends the header. Informational statuses are sent at once.
func (w *captured) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	w.begin(status)
}

func (w *captured) begin(status int) {
	if w.head != nil || w.err != nil {
		return
	}
	if status < 100 || status > 999 { // as net/http does
		panic("weft: invalid status in a call of WriteHeader")
	}
	w.restoreLists()
	w.head = headOf(status, w.header)
	_, w.typed = w.header[contentType]
	w.typed = w.typed || w.header.Get("Content-Encoding") != ""
}

// headOf is a status and header fields, as links of one allocation. Trailers are not among them.
func headOf(status int, h http.Header) *head {
	n := 0
	for name, values := range h {
		if !strings.HasPrefix(name, http.TrailerPrefix) {
			n += len(values)
		}
	}
	if n == 0 {
		return &head{status: status}
	}
	links := make([]head, 0, n)
	var last *head
	for name, values := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		c := setField
		for _, value := range values {
			links = append(links, head{prev: last, change: c, name: name, value: value, status: status})
			last, c = &links[len(links)-1], addField
		}
	}
	return last
}

// inform sends an informational answer (RFC 9110 section 15.2) with the header as it is, over the connection itself.
func (w *captured) inform(status int) {
	wire := w.bridge.request.state.writer
	if wire == nil || w.head != nil || w.err != nil {
		return
	}
	h := wire.Header()
	before := maps.Clone(h)
	maps.Copy(h, w.header)
	wire.WriteHeader(status)
	clear(h)
	maps.Copy(h, before)
}

// Write takes the next part of the body.
func (w *captured) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(http.StatusOK)
	switch {
	case w.err != nil:
		return 0, w.err
	case !bodyAllowed(w.head.status) || w.head.status < 200:
		return 0, http.ErrBodyNotAllowed
	case len(p) == 0:
		return 0, nil
	}
	w.guess(p)
	if len(w.body) == 0 && len(p) == len(w.plain) && &p[0] == &w.plain[0] {
		w.body = slices.Clip(p)
		return len(p), nil
	}
	if len(w.body)+len(p) <= w.room {
		w.body = append(w.body, p...)
		return len(p), nil
	}
	if len(w.body) > 0 {
		w.hand(part{chunk: w.body})
		w.body = nil
	}
	if len(p) <= w.room && w.err == nil {
		w.body = append(w.body, p...)
		return len(p), nil
	}
	w.hand(part{chunk: p})
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// guess says what the body is where the middleware did not, as net/http does.
func (w *captured) guess(p []byte) {
	if w.typed {
		return
	}
	w.typed = true
	w.head = (Response{head: w.head}).link(setField, contentType, http.DetectContentType(p)).head
}

// hand waits until a part was sent. From then on others are, too.
func (w *captured) hand(p part) ack {
	if w.err != nil {
		return ack{err: w.err}
	}
	w.sending, w.room = true, sendingRoom
	w.bridge.parts <- p
	a := <-w.bridge.acks
	if !p.hijack || a.err == nil {
		w.err = a.err
	}
	return a
}

// Flush sends what was written.
func (w *captured) Flush() { _ = w.FlushError() }

// FlushError is for [http.ResponseController].
func (w *captured) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(http.StatusOK)
	body := w.body
	w.body = nil
	return w.hand(part{chunk: body, flush: true}).err
}

// Hijack takes the connection over, as far as it can be.
func (w *captured) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !hijackable(w.bridge.request.state.writer) {
		return nil, nil, http.ErrNotSupported
	}
	a := w.hand(part{hijack: true})
	if a.err == nil {
		w.err = http.ErrHijacked
	}
	return a.conn, a.stream, a.err
}

// hijackable reports whether a ResponseWriter can hand its connection over.
func hijackable(w http.ResponseWriter) bool {
	_, can := writerAs[http.Hijacker](w)
	return can
}

// hijackedFrom takes the connection over when it is the answer's turn.
func (w *captured) hijackedFrom(t *transfer) (a ack) {
	if w.head != nil {
		t.begin()
	}
	a.conn, a.stream, a.err = http.NewResponseController(t.w).Hijack()
	if a.err == nil && t.status == 0 {
		t.status = http.StatusSwitchingProtocols
	}
	return a
}

// SetReadDeadline is for [http.ResponseController].
func (w *captured) SetReadDeadline(deadline time.Time) error {
	return w.control(func(c *http.ResponseController) error { return c.SetReadDeadline(deadline) })
}

// SetWriteDeadline is for [http.ResponseController].
func (w *captured) SetWriteDeadline(deadline time.Time) error {
	return w.control(func(c *http.ResponseController) error {
		err := c.SetWriteDeadline(deadline)
		if err == nil {
			w.bridge.request.state.bounded.Store(true)
		}
		return err
	})
}

// EnableFullDuplex is for [http.ResponseController].
func (w *captured) EnableFullDuplex() error {
	return w.control((*http.ResponseController).EnableFullDuplex)
}

func (w *captured) control(do func(*http.ResponseController) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	wire := w.bridge.request.state.writer
	if wire == nil || w.err != nil {
		return http.ErrNotSupported
	}
	return do(http.NewResponseController(wire))
}

// keepLists remembers the fields that the Response inside is to add to.
func (w *captured) keepLists() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, name := range listFields {
		w.lists[i] = slices.Clone(w.header[name])
	}
}

// restoreLists puts what is missing before what has come from inside: of two cookies of a name the last counts.
func (w *captured) restoreLists() {
	for i, name := range listFields {
		lost := slices.DeleteFunc(w.lists[i], func(value string) bool {
			return slices.Contains(w.header[name], value) || name == "Vary" && varies(w.header[name], value)
		})
		if w.lists[i] = nil; len(lost) > 0 {
			w.header[name] = append(lost, w.header[name]...)
		}
	}
}

// expect says which body is about to be written, of whatever length. It need not be copied.
func (w *captured) expect(body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plain = body
	if !w.sending {
		w.room = math.MaxInt
	}
}

// begun reports whether the head was written, and whether it was sent.
func (w *captured) begun() (written, sent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head != nil, w.sending
}

// close takes nothing more. What is left of an answer that is being sent goes first.
func (w *captured) close(complete bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if complete && w.err == nil {
		w.begin(http.StatusOK)
		if w.sending && len(w.body) > 0 {
			w.hand(part{chunk: w.body})
			w.body = nil
		}
	}
	if w.err == nil {
		w.err = errReturned
	}
}

// response is what was written, as a whole. Its head is that of what was sent where something was.
func (w *captured) response() Response {
	if w.head == nil {
		return Response{head: &head{status: http.StatusOK}}
	}
	resp := Response{w.head, w.body}
	for name, values := range w.trailers() {
		for _, value := range values {
			resp = resp.link(addField, name, value)
			resp.head.trailers = true
		}
	}
	return resp
}

// live is a Response whose body the middleware goes on writing.
func (w *captured) live(b *bridge) Response {
	resp := Response{head: &head{}} // it wants the connection, and may not have a status
	if w.head != nil {
		resp.head = w.head
	}
	resp = resp.link(unchanged, "", "")
	resp.head.live, resp.head.open = &live{source: b}, true
	return resp
}

// trailers are what was put into the header after it was sent, and is to follow the
// body: under [http.TrailerPrefix], all that were announced too.
func (w *captured) trailers() http.Header {
	var trailers http.Header
	add := func(name string, values []string) {
		if trailers == nil {
			trailers = http.Header{}
		}
		trailers[http.TrailerPrefix+name] = values
	}
	for name, values := range w.header {
		if undeclared, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			add(undeclared, values)
		}
	}
	for n := w.head; n != nil; n = n.prev {
		if n.name != "Trailer" {
			continue
		}
		for name := range strings.SplitSeq(n.value, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if values := w.header[name]; len(values) > 0 {
				add(name, values)
			}
		}
	}
	return trailers
}
