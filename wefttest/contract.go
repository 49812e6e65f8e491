package wefttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/rehearsal"
)

// Trait says something about a stage that is held against its contract by
// [TestMiddleware], [TestGuard], [TestExtractor], [TestMapper] or [TestAround].
type Trait func(*contract)

// Sample adds a request to try the stage with. It should hold what the stage
// needs: keys by [With], path values by [PathValue]. Of a guard there should be one that it lets pass and
// one that it denies; of an extractor, one that it reads. Without any Sample these are
// a GET of "/" and a POST of an empty JSON object.
func Sample(method, target string, opts ...RequestOption) Trait {
	return func(c *contract) { c.samples = append(c.samples, sample{method, target, opts}) }
}

// Recovers says that the stage may turn the error of what is inside into another answer, which does not carry it.
func Recovers() Trait { return func(c *contract) { c.recovers = true } }

// ReadsBody says that a middleware reads the body of the request. Guards and
// extractors say so by the option of package weft.
func ReadsBody() Trait { return func(c *contract) { c.readsBody = true } }

// Stateful says that the answer of a stage depends on more than the request, as a rate limiter's does.
func Stateful() Trait { return func(c *contract) { c.stateful = true } }

// Broken is the guard under test made with a dependency that is out, such as a
// closed database. It must not let pass what the whole guard denies, nor deny what that lets pass, nor
// go on as if nothing were the matter.
func Broken(g weft.Guard) Trait { return func(c *contract) { c.broken = g } }

// Example is a further error for [TestMapper].
func Example(err error) Trait { return func(c *contract) { c.examples = append(c.examples, err) } }

const (
	patience        = 3 * time.Second // for a stage to return
	cancelPatience  = time.Second     // where the context of its request has ended
	outlastPatience = time.Second     // for a goroutine that it started, when it has returned
	meeting         = 20 * time.Millisecond
	waiting         = 10 * time.Millisecond
	crowd           = 8  // callers at once
	turns           = 10 // of each
)

// secret is what no client may see.
const secret = "secret-7f3a91c4"

// contract is one stage and what is known of it.
type contract struct {
	t         testing.TB
	what      string // `the middleware "x"`
	samples   []sample
	recovers  bool
	readsBody bool
	stateful  bool
	broken    weft.Guard
	examples  []error

	mark  mark // of the goroutines that it started
	mu    sync.Mutex
	leaky bool // it is known to leave some
	found []string
}

type sample struct {
	method, target string
	opts           []RequestOption
}

func (s sample) String() string { return s.method + " " + s.target }

func (s sample) outgoing(ctx context.Context) *outgoing {
	return newOutgoing(ctx, s.method, s.target, s.opts)
}

func newContract(t testing.TB, what string, traits []Trait) *contract {
	c := &contract{t: t, what: what, mark: newMark(what)}
	for _, trait := range traits {
		if trait != nil {
			trait(c)
		}
	}
	if len(c.samples) == 0 {
		c.samples = []sample{
			{http.MethodGet, "/", nil},
			{http.MethodPost, "/", []RequestOption{Body("application/json", "{}")}},
		}
	}
	return c
}

// fault tells one thing that is wrong, once.
func (c *contract) fault(format string, args ...any) {
	c.t.Helper()
	text := c.what + " " + fmt.Sprintf(format, args...)
	c.mu.Lock()
	again := slices.Contains(c.found, text)
	c.found = append(c.found, text)
	c.mu.Unlock()
	if !again {
		c.t.Error(text)
	}
}

// ended is how a call of the user's code went, apart from its results.
type ended struct {
	panicked any
	stack    []byte
	hung     bool
	left     []string // goroutines that it started and left running
}

func (e ended) fine() bool { return e.panicked == nil && !e.hung }

// call runs fn on a goroutine of its own, and gives it time. settle runs when fn
// has returned, before what fn has started is waited for; where it is nil, that is waited for at the end of the contract.
// Where fn has not returned by itself, its result is the zero value.
func call[T any](c *contract, within time.Duration, fn func() T, settle func()) (T, ended) {
	type outcome struct {
		result T
		ended
		mark
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{mark: c.mark}
		if settle != nil {
			o.mark = newMark(c.what)
		}
		o.label()
		defer func() {
			if p := recover(); p != nil {
				o.panicked, o.stack = p, debug.Stack()
			}
			done <- o
		}()
		o.result = fn()
	}()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case o := <-done:
		if settle != nil {
			settle()
			o.left = o.linger(outlastPatience)
		}
		return o.result, o.ended
	case <-timer.C:
		c.mu.Lock()
		c.leaky = true // and that is told as what it is
		c.mu.Unlock()
		return *new(T), ended{hung: true}
	}
}

// report tells what is wrong with how a call ended, and whether it is worth going on.
func (c *contract) report(e ended, on string) (goOn bool) {
	c.t.Helper()
	switch {
	case e.hung:
		c.fault("has not returned after %v, %s", patience, on)
	case e.panicked != nil:
		c.fault("panics, %s: %v", on, e.panicked)
		c.t.Logf("%s", e.stack)
	}
	c.leftRunning(e.left)
	return e.fine()
}

func (c *contract) leftRunning(stacks []string) {
	c.t.Helper()
	for _, stack := range stacks {
		c.mu.Lock()
		c.leaky = true
		c.mu.Unlock()
		c.fault("leaves a goroutine running when it has returned:%s", stack)
	}
}

// end waits for what the stage has started and nobody has waited for yet.
func (c *contract) end() {
	c.t.Helper()
	c.mu.Lock()
	known := c.leaky
	c.mu.Unlock()
	if !known {
		c.leftRunning(c.mark.linger(outlastPatience))
	}
}

// probe is one request that a stage is tried with, and what is watched of it.
type probe struct {
	*contract
	sample sample
	token  *token
	req    *weft.Request
	hr     *http.Request
	out    *outgoing
	body   *watchedBody
	before string
	kept   []weak.Pointer[weft.Request] // views that nobody should have any more
	keptMu sync.Mutex
}

// token tells a request from all others. It has a size, so that each has an address.
type token struct{ _ byte }

type tokenKey struct{}

// viewKey tells the views of one request from those of another one.
var viewKey = weft.NewKey[*token]("wefttest: the request under test")

// watchedBody counts how often it is read.
type watchedBody struct {
	io.ReadCloser
	reads atomic.Int64
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.reads.Add(1)
	return b.ReadCloser.Read(p)
}

// probe makes a new request of a sample; spoil, which may be nil, changes it first.
func (c *contract) probe(ctx context.Context, s sample, spoil func(*http.Request)) *probe {
	p := &probe{contract: c, sample: s, token: new(token)}
	p.out = s.outgoing(context.WithValue(ctx, tokenKey{}, p.token))
	hr := p.out.incoming(rehearsal.With(p.out.ctx, new(ending)))
	if spoil != nil {
		for _, v := range p.out.path {
			hr.SetPathValue(v.name, v.value)
		}
		p.out.path = nil
		spoil(hr)
	}
	p.body = &watchedBody{ReadCloser: hr.Body}
	hr.Body = p.body
	p.hr, p.req = hr, weft.NewRequest(hr)
	p.out.give(p.req)
	viewKey.Set(p.req, p.token)
	return p
}

// watched is a probe that tells what is done to the request. It is for one call at a time:
// what a key holds is looked at without the locks of its own.
func (c *contract) watched(s sample) *probe {
	p := c.probe(c.t.Context(), s, nil)
	p.before = p.picture()
	return p
}

// picture is all of the request that its stages share and none may change.
func (p *probe) picture() string {
	hr := p.hr
	text := fmt.Sprintf("%s %s %s %s %s %s", hr.Method, pictureOf(hr.URL), hr.Host, hr.RequestURI, hr.RemoteAddr, hr.Proto)
	for _, g := range p.out.given {
		text += "\n" + pictureOf(g.value)
	}
	return text
}

// give calls fn with a view of the request that nobody else has, and notes it.
//
//go:noinline
func give[T any](p *probe, fn func(*weft.Request) T) T {
	view := p.req.WithContext(p.req.Context())
	p.watch(view)
	return fn(view)
}

func (p *probe) watch(view *weft.Request) {
	if view == p.req {
		return
	}
	p.keptMu.Lock()
	defer p.keptMu.Unlock()
	p.kept = append(p.kept, weak.Make(view))
}

// stillKept reports whether somebody holds a view that was given.
func (p *probe) stillKept() bool {
	Finish(p.req, weft.Sent{Status: http.StatusOK}) // what was kept until then is let go
	for range 3 {
		runtime.GC()
		p.keptMu.Lock()
		kept := slices.ContainsFunc(p.kept, func(w weak.Pointer[weft.Request]) bool { return w.Value() != nil })
		p.keptMu.Unlock()
		if !kept {
			return false
		}
	}
	return true
}

// isView reports whether r is a view of the request of the probe.
func (p *probe) isView(r *weft.Request) bool {
	if r == nil {
		return false
	}
	held, _ := viewKey.Get(r)
	return held == p.token && p.derives(r.Context())
}

func (p *probe) derives(ctx context.Context) bool {
	return ctx != nil && ctx.Value(tokenKey{}) == p.token
}

// unharmed tells what a stage has done to the request that it should not.
func (p *probe) unharmed(mayRead bool) {
	p.t.Helper()
	if !mayRead && p.body.reads.Load() > 0 {
		p.fault("reads the body and does not say so (%v)", p.sample)
	}
	if p.picture() != p.before {
		p.fault("changes what the stages share: the request's URL or the like, or the value of a key (%v)", p.sample)
	}
}

// letGo, run when the stage has returned, tells that somebody holds the request.
func (p *probe) letGo() func() {
	return func() {
		p.t.Helper()
		if p.stillKept() {
			p.fault("keeps the Request after it has returned (%v)", p.sample)
		}
	}
}

// leaks reports whether a Response holds what no client may see.
func leaks(resp weft.Response, text string) bool {
	body, _ := resp.Render()
	return bytes.Contains(body, []byte(text)) || strings.Contains(fmt.Sprint(resp.Header()), text)
}

// stageInfo is how the plan of an app describes the stage of a kind that is tried.
func stageInfo(app *weft.App, kind weft.Kind) (weft.StageInfo, bool) {
	plan, _ := app.Plan() // what is wrong is told by Build
	for _, route := range plan.Routes {
		for _, st := range slices.Backward(route.Stages) {
			if st.Kind == kind {
				return st, true
			}
		}
	}
	return weft.StageInfo{}, false
}

// pipeline is an app with the stage in its place.
type pipeline struct {
	*contract
	server  *weft.Server
	journal *journal
}

// pipeline builds an app in which the stages that attach adds stand behind one
// that gives the keys of the samples their values. It is nil where that cannot be built, which is a fault.
func (c *contract) pipeline(s sample, declare func(app *weft.App)) *pipeline {
	c.t.Helper()
	app := c.app(s, declare)
	j := &journal{}
	server, err := build(c.t.Context(), app, &rehearsed{&stageDirector{}, j, callsite.Caller()})
	if err != nil {
		c.fault("cannot be built into an app; give the keys it needs by Sample and With:%s", listed(mistakes(err)))
		return nil
	}
	return &pipeline{c, server, j}
}

func (c *contract) app(s sample, declare func(app *weft.App)) *weft.App {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	var keys []weft.AnyKey
	for _, g := range s.outgoing(c.t.Context()).given {
		keys = append(keys, g.key)
	}
	app.Use(weft.NewMiddleware("wefttest", func(r *weft.Request, next weft.Next) weft.Response {
		r.Context().Value(outgoingKey{}).(*outgoing).give(r)
		return next(r)
	}, weft.Provides(keys...)))
	declare(app)
	return app
}

type outgoingKey struct{}

// result is what a pipeline answered.
type result struct {
	status int
	err    error
	text   string // of header and body
	logs   []string
	body   *watchedBody
}

func (p *pipeline) send(s sample) (got result, e ended) {
	o := s.outgoing(p.t.Context())
	x := &exchange{done: make(chan struct{})}
	hr := o.incoming(context.WithValue(context.WithValue(o.ctx, outgoingKey{}, o), exchangeKey{}, x))
	body := &watchedBody{ReadCloser: hr.Body}
	hr.Body = body
	w := httptest.NewRecorder()
	_, e = call(p.contract, patience, func() struct{} { p.server.ServeHTTP(w, hr); return struct{}{} }, nil)
	if !e.fine() {
		return result{}, e
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return result{w.Code, x.cause, fmt.Sprint(w.Header()) + w.Body.String(), slices.Clone(x.logs), body}, e
}

// together runs fn for many callers at once, several times.
func together(fn func()) {
	var callers sync.WaitGroup
	for range crowd {
		callers.Go(func() {
			for range turns {
				fn()
			}
		})
	}
	callers.Wait()
}

// meetingPoint lets those who come wait for each other, but not for long.
type meetingPoint struct {
	mu     sync.Mutex
	there  int
	opened chan struct{}
}

func newMeetingPoint() *meetingPoint { return &meetingPoint{opened: make(chan struct{})} }

func (m *meetingPoint) wait() {
	m.mu.Lock()
	if m.there++; m.there == crowd {
		close(m.opened)
	}
	m.mu.Unlock()
	timer := time.NewTimer(meeting)
	defer timer.Stop()
	select {
	case <-m.opened:
	case <-timer.C:
	}
}

// endedContexts are contexts of requests that are over already.
func endedContexts(ctx context.Context) map[string]context.Context {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	late, cancelLate := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	cancelLate()
	return map[string]context.Context{"cancelled": cancelled, "past its deadline": late}
}

var errInner = errors.New(secret)
