package weft

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
)

// Std makes a stage of a middleware of net/http, for any place in which a [Middleware] can stand. Its name is wrap's where
// none is given. wrap is called once, here: what it keeps, such as a limiter, is shared by all places the stage is attached at.
//
// The middleware runs on a goroutine of its own, to which the request's waits: it is done before the stages outside go on. What it answers becomes a
// Response like any other when it returns. Where it flushes, or answers by itself with more than 64 KiB, or the body inside is made
// while it is sent, it is held there: the stages outside see status and header fields first, and what it writes
// then is sent piece by piece while it runs on. Where they answer with something else, its writes fail and its context ends.
//
// What the middleware does to the request is seen inside: values of the context, header fields, another URL or
// Body. What it wraps around the ResponseWriter gets the Response of the stages inside, which is flushed where
// that is, and its header fields
// in place of those of the same name that the middleware has set before; Vary and Set-Cookie are added to. An error of that Response is still [Response.Err] outside, unless the status has become another. Where it does not call next, its own answer stands.
// A second call is refused as for any stage, and so is one after it has flushed by itself; so is one with a context that does not derive from its request's. A panic
// is the stage's, and becomes a 500.
//
// The ResponseWriter supports what [http.ResponseController] can ask for, as far as the connection does, informational
// statuses, which are sent at once, and trailers. A write after the middleware has returned is an error and otherwise harmless, and one from another goroutine is fine.
// Where the middleware answers while next still runs elsewhere, as [http.TimeoutHandler] does, the answer waits for next.
// One that needs a router of its own in the context cannot work.
func Std(name string, wrap func(http.Handler) http.Handler, opts ...StageOption) Middleware {
	m := &stdMiddleware{}
	if name == "" {
		name = functionName(wrap)
	}
	if wrap != nil {
		if m.handler = wrap(http.HandlerFunc(m.next)); noHandler(m.handler) || isNull(m.handler) {
			m.handler = nil
			opts = append(slices.Clip(opts), func(r *rules) { r.missing = "has made no handler of the next one: it returned nil" })
		}
	}
	return factory(name, m.handler == nil, opts, m.dispatch)
}

// stdMiddleware is what Std made, and the key under which it finds its bridge in the context.
type stdMiddleware struct{ handler http.Handler }

// bridge is one request's way through a middleware of net/http. The request's goroutine and that of the middleware take turns: one
// of them always waits for the other.
type bridge struct {
	ctx     bridgeContext
	cancel  context.CancelCauseFunc // of ctx
	w       captured
	request *Request
	given   *http.Request // to the middleware
	inside  Next

	parts   chan part // from the middleware
	acks    chan ack  // to it
	waiting *part     // that it waits for an ack of
	over    bool      // it has returned

	mu      sync.Mutex
	idle    sync.Cond // no next is running
	running int
	ended   bool // the middleware has returned, and what it calls now is late

	// What came back from inside.
	status int
	err    error
	broken error // the body could not be made to its end

	// What the middleware ended with.
	panicked any
	stack    []byte
	exited   bool
}

// part is what the middleware hands over, and then waits.
type part struct {
	chunk  []byte
	flush  bool
	hijack bool
	last   bool // nothing waits
}

// bridgeContext leads from a request of the middleware's back to the bridge.
type bridgeContext struct {
	context.Context
	of     *stdMiddleware
	bridge *bridge
}

func (c *bridgeContext) Value(key any) any {
	if key == c.of {
		return c.bridge
	}
	return c.Context.Value(key)
}

func (m *stdMiddleware) dispatch(r *Request, next Next) Response {
	b := &bridge{request: r, inside: next, parts: make(chan part), acks: make(chan ack)}
	ctx, cancel := context.WithCancelCause(r.ctx)
	b.ctx, b.cancel = bridgeContext{ctx, m, b}, cancel
	b.w = captured{bridge: b, header: http.Header{}, room: capturedRoom}
	b.idle.L = &b.mu
	b.given = r.forHandler(&b.ctx)
	go b.run(m.handler)
	first := <-b.parts
	if r.state.server == nil { // nobody will send it
		return b.collected(first)
	}
	if first.last {
		return b.answer()
	}
	b.waiting = &first
	return b.passed(b.w.live(b))
}

// run is the middleware's goroutine.
func (b *bridge) run(h http.Handler) {
	returned := false
	defer func() {
		if !returned {
			b.panicked = recover()
			b.exited = b.panicked == nil
			b.stack = debug.Stack()
		}
		b.conclude()
		b.w.close(returned)
		handBack(b.request.http, b.given)
		b.parts <- part{last: true}
	}()
	h.ServeHTTP(&b.w, b.given)
	returned = true
}

// conclude waits for what the middleware has started elsewhere and left behind.
func (b *bridge) conclude() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	for b.running > 0 {
		b.idle.Wait()
	}
}

func (b *bridge) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	b.running++
	return true
}

func (b *bridge) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	b.idle.Broadcast()
}

var errContextLost = errors.New("the middleware called next with a request whose context does not derive from the one that it got")

// next is the handler that the middleware is wrapped around: the stages inside.
func (m *stdMiddleware) next(w http.ResponseWriter, hr *http.Request) {
	b, ours := hr.Context().Value(m).(*bridge)
	if !ours {
		if runsIn("weft.(*bridge).run") {
			panic(errContextLost)
		}
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	s := b.request.state
	inside := &Request{s, hr.Context(), hr}
	if !b.enter() {
		b.inside(inside) // which refuses it
		return
	}
	defer b.leave()
	defer handBack(b.given, hr)
	s.body.replacedBy(hr.Body)
	_, late := b.w.begun()
	resp := b.inside(inside)
	if s.aborted.Load() {
		b.abort(http.ErrAbortHandler)
		return
	}
	if late || !b.passes(resp) {
		return
	}
	b.w.keepLists()
	if resp.head.live == nil {
		b.w.expect(resp.body)
		send(w, hr.Method, resp)
		return
	}
	var d delivery
	s.deliver(hr.Context(), w, hr.Method, resp, &d)
	switch {
	case d.cut && d.writeErr == nil:
		if d.err != http.ErrAbortHandler {
			d.err = &reportedError{d.err}
		}
		b.abort(d.err)
	case d.err != nil && !d.cut: // answered with
		b.replaced(d.status, d.err)
	}
}

// passes keeps what a Response says of an error. It is false for a second one, which has nowhere to go.
func (b *bridge) passes(resp Response) bool {
	written, _ := b.w.begun() // whose lock may be held by who waits for this one
	b.mu.Lock()
	defer b.mu.Unlock()
	if written && b.status != 0 {
		return false
	}
	b.status, b.err = max(resp.Status(), 1), resp.Err()
	return true
}

func (b *bridge) replaced(status int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status, b.err = status, err
}

// abort breaks the answer off, as a handler of net/http does. On a goroutine of the middleware's own that would end the process.
func (b *bridge) abort(err error) {
	b.mu.Lock()
	b.broken = err
	b.mu.Unlock()
	if runsIn("weft.(*bridge).run") {
		panic(http.ErrAbortHandler)
	}
}

// failure is what the middleware ended with, where it did not return an answer that can stand.
func (b *bridge) failure() error {
	switch {
	case b.exited:
		runtime.Goexit()
	case b.broken != nil:
		return b.broken
	case b.panicked == http.ErrAbortHandler:
		return http.ErrAbortHandler
	case b.panicked != nil:
		return &PanicError{b.panicked, b.stack}
	}
	return nil
}

// answer is the Response of a middleware that has returned.
func (b *bridge) answer() Response {
	b.over = true
	switch err := b.failure(); err {
	case nil:
		return b.passed(b.w.response())
	case http.ErrAbortHandler:
		panic(err)
	default:
		return Fail(err)
	}
}

// passed is a Response of the middleware, which carries the error of the one inside where it was passed on.
func (b *bridge) passed(resp Response) Response {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil || resp.Status() != b.status {
		return resp
	}
	return resp.carrying(b.err)
}

// collected is the answer as a whole, where nobody sends it: for a test of the stage alone.
func (b *bridge) collected(p part) Response {
	var body []byte
	for ; !p.last; p = <-b.parts {
		body = append(body, p.chunk...)
		a := ack{}
		if p.hijack {
			a.err = http.ErrNotSupported
		}
		b.acks <- a
	}
	resp := b.answer()
	if len(body) > 0 && resp.Err() == nil {
		resp.body = append(body, resp.body...)
	}
	return resp
}

// send passes on what the middleware writes, part by part, until it has returned.
func (b *bridge) send(_ *Request, t *transfer) error {
	for !b.over {
		p := b.waiting
		if p.hijack {
			b.resume(b.w.hijackedFrom(t))
		} else {
			b.resume(ack{err: b.pass(t, p)})
		}
	}
	if err := b.failure(); err != nil {
		return err
	}
	b.complete(t)
	if trailers := b.w.trailers(); len(trailers) > 0 && !t.collects() { // which has none
		t.begin()
		h := t.w.Header()
		for name, values := range trailers {
			h[name] = values
		}
	}
	return nil
}

// complete gives the answer its head, where the middleware wanted the connection, could not have it, and answered then.
func (b *bridge) complete(t *transfer) {
	if t.status == 0 && t.response.Status() == 0 {
		t.response = b.w.response().underHeaderOf(t.response)
	}
}

func (b *bridge) pass(t *transfer, p *part) error {
	b.complete(t)
	switch {
	case t.method == http.MethodHead:
		return nil
	case t.bodiless():
		return http.ErrBodyNotAllowed
	}
	if len(p.chunk) > 0 {
		_, _ = t.Write(p.chunk) // t.err has it
	}
	if p.flush {
		return t.Flush()
	}
	return t.err
}

// resume lets the middleware run on, until it hands over more or has returned.
func (b *bridge) resume(a ack) {
	b.waiting = nil
	b.acks <- a
	if p := <-b.parts; p.last {
		b.over = true
	} else {
		b.waiting = &p
	}
}

// end lets the middleware run to its end: nothing that it writes is wanted, and its context
// ends, since it may wait for something to write.
func (b *bridge) end() {
	if b.over {
		return
	}
	b.cancel(errNotWanted)
	for !b.over {
		b.resume(ack{err: errNotWanted})
	}
	if b.panicked != nil && b.panicked != http.ErrAbortHandler {
		panic(&PanicError{b.panicked, b.stack})
	}
}
