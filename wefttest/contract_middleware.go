package wefttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-go/weft"
)

// TestMiddleware holds a middleware, which may be meant as an interceptor,
// against the contract of [weft.Middleware]: alone, from many callers at once, and in an app. Run it with -race too.
//
// It calls next once at most and before it returns, with a view of the request it got and a
// context that ends with the request's. It keeps no Request when it has returned and leaves no
// goroutine. It reads no body and changes nothing that stages share. It returns a Response,
// whatever next answers; that of a failure still carries its error, unless it [Recovers], and nothing of
// the private cause. It returns when the request's context has ended. One value serves all requests.
//
// Each breach fails the test with a sentence of its own.
func TestMiddleware(t testing.TB, m weft.Middleware, traits ...Trait) {
	t.Helper()
	if m == nil {
		t.Error("the middleware is nil: there is nothing to test")
		return
	}
	c := newContract(t, "the middleware", traits)
	defer c.end()
	attach := func(h *weft.Handler[struct{}, weft.Response]) func(*weft.App) {
		return func(app *weft.App) { app.Handle("/", h.Use(m)) }
	}
	inner := weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return weft.Text("tea"), nil })
	if info, ok := stageInfo(c.app(c.samples[0], attach(inner)), weft.KindMiddleware); ok {
		c.what = fmt.Sprintf("the middleware %q", info.Name)
		c.readsBody = c.readsBody || info.ReadsBody
	}
	failing := weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return weft.Response{}, errInner })
	for _, s := range c.samples {
		status, ok := c.dispatchOnce(m, s)
		if !ok {
			return // it does not get better
		}
		c.dispatchFailures(m, s)
		c.dispatchEnded(m, s)
		c.dispatchTogether(m, s)
		if p := c.pipeline(s, attach(inner)); p != nil {
			p.middlewareWorks(s, status)
		}
		if p := c.pipeline(s, attach(failing)); p != nil {
			p.middlewareFails(s)
		}
	}
}

// inside is the next of a middleware that is tried.
type inside struct {
	*probe
	answer   func(*weft.Request) weft.Response
	calls    atomic.Int32
	running  atomic.Int32
	returned atomic.Bool // the stage has
}

func (n *inside) call(r *weft.Request) (resp weft.Response) {
	n.running.Add(1)
	defer n.running.Add(-1)
	if n.returned.Load() {
		n.fault("calls next after it has returned (%v)", n.sample)
		return weft.Fail(errAgain)
	}
	if n.calls.Add(1) > 1 {
		return weft.Fail(errAgain)
	}
	if !n.isView(r) {
		n.fault("calls next with a Request that is not a view of the one it got (%v)", n.sample)
		return weft.Empty()
	}
	n.watch(r)
	defer func() {
		if p := recover(); p != nil {
			resp = weft.Fail(&weft.PanicError{Value: p, Stack: debug.Stack()})
		}
	}()
	return n.answer(r)
}

// dispatch calls the middleware with the probe's request. The Response is the zero one where it has not returned.
func (c *contract) dispatch(m weft.Middleware, p *probe, within time.Duration, settle func(), answer func(*weft.Request) weft.Response) (resp weft.Response, next *inside, e ended) {
	next = &inside{probe: p, answer: answer}
	resp, e = call(c, within, func() weft.Response {
		defer next.returned.Store(true)
		return give(p, func(view *weft.Request) weft.Response {
			got := m.Dispatch(view, next.call)
			if next.running.Load() > 0 {
				c.fault("returns while next is still running (%v)", p.sample)
			}
			return got
		})
	}, settle)
	return resp, next, e
}

// dispatchOnce tries the middleware with a next that answers well, and returns the status.
func (c *contract) dispatchOnce(m weft.Middleware, s sample) (status int, goOn bool) {
	c.t.Helper()
	p := c.watched(s)
	inner := weft.Text("tea").WithHeader("X-Inner", "1")
	header := inner.Header()
	resp, next, e := c.dispatch(m, p, patience, p.letGo(), func(*weft.Request) weft.Response {
		time.Sleep(waiting) // for a stage that does not wait
		return inner
	})
	if !c.report(e, fmt.Sprintf("given %v", s)) {
		return 0, false
	}
	if n := next.calls.Load(); n > 1 {
		c.fault("calls next %d times for one request (%v): once at most", n, s)
	}
	if resp.Status() == 0 {
		c.fault("returns the zero Response (%v)", s)
	}
	if pictureOf(header) != pictureOf(inner.Header()) {
		c.fault("changes the header of the Response that next returned (%v)", s)
	}
	p.unharmed(c.readsBody)
	return resp.Status(), true
}

// dispatchFailures tries the middleware with a next whose Responses were made from errors.
func (c *contract) dispatchFailures(m weft.Middleware, s sample) {
	c.t.Helper()
	for _, inner := range []struct {
		name string
		err  error
	}{
		{"an unknown error", errInner},
		{"an Error of the client", &weft.Error{Status: http.StatusConflict, Code: "conflict", Cause: errInner}},
		{"an Error of the server", &weft.Error{Status: http.StatusServiceUnavailable, Cause: errInner}},
		{"a denial", weft.Deny("No.").WithCause(errInner)},
		{"an invalid request", weft.Invalid("/name", "taken", "Choose another.")},
		{"a panic", &weft.PanicError{Value: errInner, Stack: debug.Stack()}},
	} {
		p := c.probe(c.t.Context(), s, nil)
		resp, next, e := c.dispatch(m, p, patience, nil, func(*weft.Request) weft.Response { return weft.Fail(inner.err) })
		if !c.report(e, "when what is inside fails with "+inner.name) {
			return
		}
		switch {
		case resp.Status() == 0:
			c.fault("returns the zero Response when what is inside fails with %s", inner.name)
		case leaks(resp, secret):
			c.fault("tells the client the private cause of an error (%s inside)", inner.name)
		}
		calls := next.calls.Load()
		if calls > 1 {
			c.fault("calls next %d times when what is inside fails with %s: once at most", calls, inner.name)
		}
		if calls != 1 || c.recovers || resp.Status() == 0 {
			continue
		}
		switch {
		case resp.Err() == nil:
			c.fault("swallows the error of what is inside (%s): the Response it returns carries none; make it from the one that next returned, or say Recovers", inner.name)
		case !errors.Is(resp.Err(), inner.err):
			c.fault("puts another error in the place of that of what is inside (%s), and does not wrap it", inner.name)
		}
	}
}

// dispatchEnded tries the middleware with contexts that end.
func (c *contract) dispatchEnded(m weft.Middleware, s sample) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	p := c.probe(ctx, s, nil)
	_, _, e := c.dispatch(m, p, patience, nil, func(r *weft.Request) weft.Response {
		cancel()
		select {
		case <-r.Context().Done():
		case <-time.After(cancelPatience): // a context of another kind is told on a goroutine
			c.fault("gives next a context that does not end when the request's does (%v)", s)
		}
		return weft.Text("tea")
	})
	if !c.report(e, "when the client leaves") {
		return
	}
	for name, ended := range endedContexts(c.t.Context()) {
		p := c.probe(ended, s, nil)
		_, _, e := c.dispatch(m, p, cancelPatience, nil, func(*weft.Request) weft.Response { return weft.Text("tea") })
		if e.hung {
			c.fault("has not returned %v after it was given a context that is %s: it does not honour its context", cancelPatience, name)
			return
		}
		c.report(e, "given a context that is "+name)
	}
}

// dispatchTogether tries the middleware from many goroutines.
func (c *contract) dispatchTogether(m weft.Middleware, s sample) {
	c.t.Helper()
	one := func(meet func()) {
		p := c.probe(c.t.Context(), s, nil)
		mine := fmt.Sprintf("%p", p.token)
		resp, next, e := c.dispatch(m, p, patience, nil, func(*weft.Request) weft.Response {
			meet()
			return weft.Text("tea").WithHeader("X-Inner", mine)
		})
		if !e.fine() {
			c.report(e, "called for several requests at once")
			return
		}
		if got := resp.Header().Get("X-Inner"); next.calls.Load() == 1 && strings.HasPrefix(got, "0x") && got != mine {
			c.fault("answers a request with the Response of another one, when there are several at once")
		}
		if resp.Status() == 0 {
			c.fault("returns the zero Response, when there are several requests at once")
		}
	}
	together(func() { one(func() {}) })
	point := newMeetingPoint()
	var callers sync.WaitGroup
	for range crowd {
		callers.Go(func() { one(point.wait) })
	}
	callers.Wait()
}

// middlewareWorks tries the middleware in an app whose handler answers well; alone its status was alone.
func (p *pipeline) middlewareWorks(s sample, alone int) {
	p.t.Helper()
	got, e := p.send(s)
	if !p.report(e, fmt.Sprintf("in an app, given %v", s)) {
		return
	}
	if got.err != nil && got.status >= http.StatusInternalServerError && alone < http.StatusInternalServerError {
		p.fault("fails in an app (%v): %v", s, got.err)
	}
	p.logged(got)
}

// middlewareFails tries the middleware in an app whose handler fails.
func (p *pipeline) middlewareFails(s sample) {
	p.t.Helper()
	got, e := p.send(s)
	if !p.report(e, fmt.Sprintf("in an app whose handler fails, given %v", s)) {
		return
	}
	if strings.Contains(got.text, secret) {
		p.fault("tells the client the private cause of an error, in an app whose handler fails (%v)", s)
	}
	p.logged(got)
}

// logged tells defects that weft logs and answers nobody.
func (p *pipeline) logged(got result) {
	p.t.Helper()
	for _, line := range got.logs {
		switch {
		case strings.Contains(line, "finally failed"):
			p.fault("panics when the answer has been sent (Finally): %s", line)
		case strings.Contains(line, "next was called a second time"):
			p.fault("calls next a second time in an app: %s", line)
		}
	}
}
