package wefttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-go/weft"
)

// TestAround holds an around against the contract of [weft.Around]: alone, from
// many callers at once, and around a handler in an app. in is what it is given, out what
// next returns. Run it with -race too.
//
// It calls next once at most and before it returns, with a context that derives from its own. An
// error of next is its own error, wrapped or as it is, unless it [Recovers]. It returns when its
// context has ended, and leaves no goroutine.
//
// Each breach fails the test with a sentence of its own.
func TestAround[Req, Resp any](t testing.TB, fn weft.Around[Req, Resp], in Req, out Resp, traits ...Trait) {
	t.Helper()
	c := newContract(t, fmt.Sprintf("the around %q", nameOf(fn)), traits)
	defer c.end()
	if fn == nil {
		c.fault("is nil: there is nothing to test")
		return
	}
	a := &aroundContract[Req, Resp]{c, fn, in, out}
	for _, s := range c.samples {
		if !a.once(s) {
			return
		}
		a.failures(s)
		a.endedContexts(s)
		a.together(s)
		a.works(s)
	}
}

func nameOf(fn any) string {
	v := reflect.ValueOf(fn)
	if v.IsNil() {
		return "nil"
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	return strings.TrimSuffix(strings.ReplaceAll(name[strings.LastIndexByte(name, '/')+1:], "[...]", ""), "-fm")
}

type aroundContract[Req, Resp any] struct {
	*contract
	fn  weft.Around[Req, Resp]
	in  Req
	out Resp
}

// typedInside is the next of an around that is tried.
type typedInside[Req, Resp any] struct {
	*probe
	answer   func(context.Context) (Resp, error)
	calls    atomic.Int32
	running  atomic.Int32
	returned atomic.Bool
}

func (n *typedInside[Req, Resp]) call(ctx context.Context, _ Req) (out Resp, err error) {
	n.running.Add(1)
	defer n.running.Add(-1)
	if n.returned.Load() {
		n.fault("calls next after it has returned")
		return out, errAgain
	}
	if n.calls.Add(1) > 1 {
		return out, errAgain
	}
	if !n.derives(ctx) {
		n.fault("calls next with a context that does not derive from its own")
		return out, errors.New("a context that is not the request's")
	}
	defer func() {
		if p := recover(); p != nil {
			err = &weft.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return n.answer(ctx)
}

func (a *aroundContract[Req, Resp]) run(p *probe, within time.Duration, answer func(context.Context) (Resp, error)) (next *typedInside[Req, Resp], e ended, failed error) {
	next = &typedInside[Req, Resp]{probe: p, answer: answer}
	type returned struct {
		out Resp
		err error
	}
	got, e := call(a.contract, within, func() returned {
		defer next.returned.Store(true)
		out, err := a.fn(p.req.Context(), a.in, next.call)
		if next.running.Load() > 0 {
			a.fault("returns while next is still running")
		}
		return returned{out, err}
	}, nil)
	return next, e, got.err
}

func (a *aroundContract[Req, Resp]) once(s sample) (goOn bool) {
	a.t.Helper()
	p := a.watched(s)
	next, e, _ := a.run(p, patience, func(context.Context) (Resp, error) {
		time.Sleep(waiting) // for one that does not wait
		return a.out, nil
	})
	if !a.report(e, "when next returns well") {
		return false
	}
	if n := next.calls.Load(); n > 1 {
		a.fault("calls next %d times: once at most", n)
	}
	p.unharmed(a.readsBody)
	return true
}

func (a *aroundContract[Req, Resp]) failures(s sample) {
	a.t.Helper()
	for _, inner := range []struct {
		name string
		err  error
	}{
		{"an unknown error", errInner},
		{"an Error", &weft.Error{Status: http.StatusConflict, Code: "conflict", Cause: errInner}},
		{"a panic", &weft.PanicError{Value: errInner, Stack: debug.Stack()}},
	} {
		var zero Resp
		next, e, err := a.run(a.probe(a.t.Context(), s, nil), patience, func(context.Context) (Resp, error) { return zero, inner.err })
		if !a.report(e, "when next fails with "+inner.name) {
			return
		}
		switch calls := next.calls.Load(); {
		case calls > 1:
			a.fault("calls next %d times when it fails with %s: once at most", calls, inner.name)
		case calls == 0 || a.recovers:
		case err == nil:
			a.fault("swallows the error of next (%s): return it, or say Recovers", inner.name)
		case !errors.Is(err, inner.err):
			a.fault("puts another error in the place of that of next (%s), and does not wrap it", inner.name)
		}
	}
}

func (a *aroundContract[Req, Resp]) endedContexts(s sample) {
	a.t.Helper()
	ctx, cancel := context.WithCancel(a.t.Context())
	defer cancel()
	_, e, _ := a.run(a.probe(ctx, s, nil), patience, func(ctx context.Context) (Resp, error) {
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(cancelPatience): // a context of another kind is told on a goroutine
			a.fault("gives next a context that does not end when the request's does")
		}
		return a.out, nil
	})
	if !a.report(e, "when the client leaves") {
		return
	}
	for name, ended := range endedContexts(a.t.Context()) {
		_, e, _ := a.run(a.probe(ended, s, nil), cancelPatience, func(context.Context) (Resp, error) { return a.out, nil })
		if e.hung {
			a.fault("has not returned %v after it was given a context that is %s: it does not honour its context", cancelPatience, name)
			return
		}
		a.report(e, "given a context that is "+name)
	}
}

func (a *aroundContract[Req, Resp]) together(s sample) {
	a.t.Helper()
	one := func(meet func()) {
		_, e, _ := a.run(a.probe(a.t.Context(), s, nil), patience, func(context.Context) (Resp, error) {
			meet()
			return a.out, nil
		})
		if !e.fine() {
			a.report(e, "called for several requests at once")
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

// works runs the around in an app, around a handler that answers well.
func (a *aroundContract[Req, Resp]) works(s sample) {
	a.t.Helper()
	_, _, alone := a.run(a.probe(a.t.Context(), s, nil), patience, func(context.Context) (Resp, error) { return a.out, nil })
	h := weft.Handle(func(context.Context, Req) (Resp, error) { return a.out, nil }).Around(a.fn)
	// Adapt, so that nothing has to be decoded or encoded.
	adapted := weft.Adapt(h, func(ctx context.Context, _ struct{}, next func(context.Context, Req) (Resp, error)) (weft.Response, error) {
		_, err := next(ctx, a.in)
		return weft.Text("tea"), err
	})
	p := a.pipeline(s, func(app *weft.App) { app.Handle("/", adapted) })
	if p == nil {
		return
	}
	got, e := p.send(s)
	if a.report(e, "around a handler") && got.status >= http.StatusInternalServerError && alone == nil {
		a.fault("fails around a handler, and not alone: %v", got.err)
	}
}
