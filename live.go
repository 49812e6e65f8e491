package weft

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Bodies that are made while they are sent: by a producer of chunks, by a
// handler of net/http, by a middleware of net/http that has flushed.

// live is such a body. One without a state is only a recipe, as a constructor of Response makes it: any number of
// requests may have one of their own made of it, at the boundary of the stage that returned it.
type live struct {
	source  source
	state   *state // whose it is
	stage   *stage // whose failure it is, where the body cannot be made
	request *Request
	begun   bool
	before  *live // the body of the request that was made before
}

// source makes a body.
type source interface {
	// send makes the body and writes it to t. It is called at most once for each request.
	send(r *Request, t *transfer) error
	// end ends what is still open. It is called when the request is over, whether or not the body was sent.
	end()
}

// preparable is a source that finds out what it is when the request is known.
type preparable interface {
	prepared(resp Response, r *Request, st *stage) Response
}

// ownedBy gives the request a body of its own, and the means to end it.
func (r Response) ownedBy(req *Request, st *stage) Response {
	own := &live{source: r.head.live.source, state: req.state, stage: st, request: req, before: req.state.bodies}
	req.state.bodies = own
	r = r.link(unchanged, "", "")
	r.head.live, r.head.open = own, false
	return r
}

// endBodies ends all bodies of the request, the last made first: what stands outside holds what stands inside.
func (s *state) endBodies() {
	s.endStream(errNotWanted)
	for s.bodies != nil {
		l := s.bodies
		s.bodies = l.before
		if err := contained(func() error { l.source.end(); return nil }); err != nil {
			logFailure(s.logger(), l.request, "ending a body failed", l.stage.info.Name, err)
		}
	}
}

var (
	errBodyForeign = errors.New("the Response belongs to another request: its body is made while it is sent, so it cannot be kept")
	errBodyAgain   = errors.New("the Response was sent before: its body is made while it is sent, once")
	errNotWanted   = errors.New("the answer is not wanted: another one was sent in its place, or the client has left")
)

// heldBack is how much of a body is kept until it is sent, unless it is flushed: a short
// one is sent as a whole, with its length, and what fails before has its proper answer.
const heldBack = 32 << 10

// transfer is a body that is being made on its way to a ResponseWriter. Its
// errors are those of the ResponseWriter: whoever made the body is to stop then.
type transfer struct {
	w        http.ResponseWriter
	ctx      context.Context // that lasts as long as w
	method   string
	response Response // its head
	held     []byte
	limit    int64  // of a body that is sent as a whole, else 0
	status   int    // that was sent, 0 until then
	written  int64  // what w took
	err      error  // why w took no more
	refused  error  // what w did not take of a handler, which it was told
	failed   *stage // whose failure it is
	// failure is the end of a body that says what failed, nil where that cannot be said in it.
	failure  func(problem []byte) []byte
	bounded  *atomic.Bool  // whether a stage says how long the client may take
	patience time.Duration // how long it may take otherwise for what is written, 0 where w is not the transport's
	extended time.Time     // when it was last given that
}

// bodiless reports whether nothing of a body is to be sent.
func (t *transfer) bodiless() bool {
	return t.method == http.MethodHead || !bodyAllowed(t.response.Status())
}

// Write takes the next part of the body, and is done with p when it returns.
func (t *transfer) Write(p []byte) (int, error) {
	if t.collects() {
		return t.collect(p)
	}
	if t.err == nil && t.status == 0 && len(t.held)+len(p) <= heldBack {
		t.held = append(t.held, p...)
		return len(p), nil
	}
	t.begin()
	return t.pass(p)
}

// Flush sends what was written so far to the client.
func (t *transfer) Flush() error {
	if t.collects() {
		return t.err
	}
	t.begin()
	if t.err != nil {
		return t.err
	}
	t.extend()
	if err := http.NewResponseController(t.w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		t.err = err
	}
	return t.err
}

// extend gives the client time to read what comes now.
func (t *transfer) extend() {
	if t.patience <= 0 || t.bounded.Load() {
		return
	}
	if now := time.Now(); now.Sub(t.extended) > t.patience/16 {
		t.extended = now
		_ = http.NewResponseController(t.w).SetWriteDeadline(now.Add(t.patience)) // which not every one has
	}
}

// begin sends the head, and what was held back.
func (t *transfer) begin() {
	if t.status != 0 || t.err != nil {
		return
	}
	h := t.w.Header()
	t.response.head.apply(h)
	delete(h, transferEncoding)
	if length := h[contentLength]; len(length) != 1 || !digits(length[0]) {
		delete(h, contentLength)
	}
	if _, typed := h[contentType]; !typed {
		h[contentType] = nil // not to be guessed
	}
	t.status = t.response.Status()
	t.w.WriteHeader(t.status)
	if len(t.held) > 0 {
		_, _ = t.pass(t.held) // t.err has it
		t.held = nil
	}
}

// piece is how much a client has the time of one write for.
const piece = 256 << 10

func (t *transfer) pass(p []byte) (n int, _ error) {
	for t.err == nil && len(p) > 0 {
		t.extend()
		m, err := t.w.Write(p[:min(piece, len(p))])
		n, p = n+m, p[m:]
		t.written += int64(m)
		t.err = err
	}
	return n, t.err
}

// ReadFrom sends what src has, by the system's own means where it is a file. Of what could
// not be written t.err has the error, too.
func (t *transfer) ReadFrom(src io.Reader) (total int64, err error) {
	if t.collects() {
		return io.CopyBuffer(onlyWriter{t}, onlyReader{src}, make([]byte, heldBack))
	}
	t.begin()
	whole, limited := src.(*io.LimitedReader)
	if !limited {
		whole = &io.LimitedReader{R: src, N: math.MaxInt64}
	}
	_, file := whole.R.(*os.File)
	direct, can := t.w.(io.ReaderFrom)
	if !file || !can {
		return io.CopyBuffer(onlyWriter{t}, whole, make([]byte, heldBack))
	}
	for t.err == nil && whole.N > 0 {
		t.extend()
		part := &io.LimitedReader{R: whole.R, N: min(piece, whole.N)}
		n, err := direct.ReadFrom(part)
		whole.N -= n
		total, t.written = total+n, t.written+n
		if _, ofConnection := errorAs[*net.OpError](err); ofConnection {
			t.err = err
		} else if err != nil || n == 0 {
			return total, err
		}
	}
	return total, t.err
}

// onlyWriter hides what else a Writer can do.
type onlyWriter struct{ io.Writer }

// onlyReader hides what else a Reader can do.
type onlyReader struct{ io.Reader }

// finish sends what is complete and was held back, which is then an answer like any other.
func (t *transfer) finish() {
	if t.status != 0 || t.err != nil {
		return
	}
	head := *t.response.head
	head.live = nil
	t.status, t.written, t.err = send(t.w, t.method, Response{&head, t.held})
}

// delivery is what became of an answer.
type delivery struct {
	status   int
	bytes    int64
	err      error         // why the body could not be made to its end
	writeErr error         // why it could not be written to its end
	cut      bool          // the client has to be told that this is not its end
	patience time.Duration // how long the client may take for a part, 0 where that is not for weft to say
}

// deliver sends a Response whose body is made now. What fails before anything
// was sent is answered as the failure of its stage. d is told also where making the body ends the goroutine.
func (s *state) deliver(ctx context.Context, w http.ResponseWriter, method string, resp Response, d *delivery) {
	l := resp.head.live
	if l.state == nil { // no stage has returned it, as outside a server
		l = &live{source: l.source, state: s, request: s.first()}
	}
	t := &transfer{w: w, ctx: ctx, method: method, response: resp, limit: s.collectLimit(resp), failed: l.stage, bounded: &s.bounded, patience: d.patience}
	defer func() { d.status, d.bytes, d.writeErr = t.status, t.written, cmp.Or(t.err, t.refused) }()
	if s.body.err == errBodyStreamed { // it may be read while the answer is written
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	d.err = l.send(s, t)
	if long, is := t.err.(*bodyTooLong); is {
		d.err, t.err = long, nil // nothing was sent
	}
	switch {
	case d.err == nil && t.err == nil:
		t.finish()
	case d.err == nil:
		d.err = t.err
	case t.status != 0 && s.told(l, t, d.err):
		return
	case t.status != 0 || t.err != nil:
		s.reportBody(l, t, d.err)
	case d.err != http.ErrAbortHandler:
		t.status, t.written, t.err = send(w, method, s.failed(l, t, d.err).underHeaderOf(resp))
		d.cut = t.err != nil
		return
	}
	d.cut = d.err != nil || t.err != nil
}

// failed is the answer in place of a body that could not be made.
func (s *state) failed(l *live, t *transfer, err error) Response {
	switch {
	case s.server == nil:
		return problem(s.first(), err)
	case l.state != s:
		return s.server.sending.fail(s.first(), err)
	}
	return t.failed.fail(l.request, err)
}

// told tells the client within the body that it ends with a failure, where the body has a way to say so.
func (s *state) told(l *live, t *transfer, err error) bool {
	if t.failure == nil || t.err != nil || err == http.ErrAbortHandler || s.base.Err() != nil {
		return false
	}
	resp := s.failed(l, t, err)
	_, _ = t.Write(t.failure(resp.body)) // t.err has it
	return t.Flush() == nil
}

// reportBody logs why a body was broken off, unless that has been, or the client has left.
func (s *state) reportBody(l *live, t *transfer, err error) {
	gone := t.err != nil || holds(err, context.Canceled) && (errors.Is(s.base.Err(), context.Canceled) || context.Cause(t.ctx) == errNotWanted)
	if t.failed == nil || err == http.ErrAbortHandler || errorIs[*reportedError](err) || gone && panicIn(err) == nil {
		return
	}
	logFailure(s.logger(), l.request, "the body of the answer was broken off", t.failed.info.Name, err)
}

// send makes the body. Whatever that panics with is an error.
func (l *live) send(s *state, t *transfer) (err error) {
	switch {
	case l.state != s:
		return errBodyForeign
	case l.begun:
		return errBodyAgain
	}
	l.begun = true
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p == http.ErrAbortHandler {
			err = http.ErrAbortHandler
		} else if p != nil {
			err = caught(p)
		}
	}()
	err = l.source.send(l.request, t)
	returned = true
	return err
}

// sendLive is what the server does with a Response whose body is made while it is sent.
func (s *state) sendLive(w http.ResponseWriter, resp Response, sent *Sent) {
	d := delivery{patience: s.streams().WriteTimeout}
	defer func() { sent.Status, sent.Bytes, sent.WriteErr = d.status, d.bytes, d.writeErr }()
	s.tellTest(resp.Err())
	s.deliver(&s.base, w, s.view.http.Method, resp, &d)
	sent.Err = resp.Err()
	if d.err != nil {
		sent.Err = d.err
		if reported, ok := d.err.(*reportedError); ok {
			sent.Err = reported.error
		}
		s.tellTest(sent.Err)
	}
	if d.cut || s.aborted.Load() {
		panic(http.ErrAbortHandler)
	}
}

func (s *state) tellTest(err error) {
	if s.server.test != nil {
		s.server.test.Responding(s.view.http.Context(), err)
	}
}

// about are the header fields that are about a body, or about how long an answer may be kept.
var about = []string{contentType, contentLength, "Content-Encoding", "Content-Disposition", "Content-Language", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified", "Cache-Control", "Trailer"}

// underHeaderOf is a failure with the header fields of the Response in whose place it is sent, but those that are
// about its body.
func (r Response) underHeaderOf(other Response) Response {
	own, outer := r.Header(), other.Header()
	for _, name := range slices.Sorted(maps.Keys(outer)) {
		if own[name] != nil || slices.Contains(about, name) || strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		for _, value := range outer[name] {
			r = r.link(addField, name, value)
		}
	}
	return r
}
