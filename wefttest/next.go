package wefttest

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"testing"

	"github.com/weft-go/weft"
)

var (
	errAgain = errors.New("next was called a second time; the stages inside were not run again")
	errZero  = errors.New("wefttest: next was given the zero Response, which no stage returns")
)

// NextRecorder is the next of a middleware under test. It keeps what weft
// promises of a next: it runs once, a second call gets a 500 that carries an error, and it never fails or panics. It is safe for
// concurrent use.
type NextRecorder struct {
	answer func(*weft.Request) weft.Response

	mu    sync.Mutex
	calls []*weft.Request
}

// Next answers with resp.
func Next(resp weft.Response) *NextRecorder {
	return NextFunc(func(*weft.Request) weft.Response { return resp })
}

// NextError answers as the stages inside do when one of them fails with err: with a Response made from it.
func NextError(err error) *NextRecorder { return Next(weft.Fail(err)) }

// NextPanic answers as the stages inside do when one of them panics: with a 500
// made from a [*weft.PanicError]. [http.ErrAbortHandler] goes through, as it does there.
func NextPanic(value any) *NextRecorder {
	return NextFunc(func(*weft.Request) weft.Response { panic(value) })
}

// NextFunc answers with what fn returns. A panic of fn is that of a stage inside.
func NextFunc(fn func(*weft.Request) weft.Response) *NextRecorder { return &NextRecorder{answer: fn} }

// Func is the next itself, for Dispatch.
func (n *NextRecorder) Func() weft.Next { return n.call }

func (n *NextRecorder) call(r *weft.Request) (resp weft.Response) {
	n.mu.Lock()
	n.calls = append(n.calls, r)
	again := len(n.calls) > 1
	n.mu.Unlock()
	if again {
		return weft.Fail(errAgain)
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		if p == http.ErrAbortHandler {
			panic(p)
		}
		if p != nil {
			resp = weft.Fail(&weft.PanicError{Value: p, Stack: debug.Stack()})
		}
	}()
	resp = n.answer(r)
	returned = true
	if resp.Status() == 0 {
		return weft.Fail(errZero)
	}
	return resp
}

// Calls is how often next was called.
func (n *NextRecorder) Calls() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.calls)
}

// Request is the one that next was called with first, or nil.
func (n *NextRecorder) Request() *weft.Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.calls) == 0 {
		return nil
	}
	return n.calls[0]
}

// CalledOnce fails the test where next was not called, or more than once.
func (n *NextRecorder) CalledOnce(t testing.TB) {
	t.Helper()
	calledOnce(t, n.Calls())
}

// NotCalled fails the test where next was called.
func (n *NextRecorder) NotCalled(t testing.TB) {
	t.Helper()
	notCalled(t, n.Calls())
}

func calledOnce(t testing.TB, calls int) {
	t.Helper()
	switch {
	case calls == 0:
		t.Error("next was not called: the stage answered without what is inside")
	case calls > 1:
		t.Errorf("next was called %d times: a stage calls it once at most", calls)
	}
}

func notCalled(t testing.TB, calls int) {
	t.Helper()
	if calls > 0 {
		t.Errorf("next was called (%d times): the stage should have answered without what is inside", calls)
	}
}

// TypedNextRecorder is the next of an around under test. A second call runs
// nothing and gets an error, as in weft. It is safe for concurrent use.
type TypedNextRecorder[Req, Resp any] struct {
	answer func(context.Context, Req) (Resp, error)

	mu       sync.Mutex
	inputs   []Req
	contexts []context.Context
}

// NextOf returns out and err; the type of out is inferred:
//
//	next := wefttest.NextOf[Order](Receipt{}, nil)
func NextOf[Req, Resp any](out Resp, err error) *TypedNextRecorder[Req, Resp] {
	return NextOfFunc(func(context.Context, Req) (Resp, error) { return out, err })
}

// NextOfFunc returns what fn returns, such as a handler's function. A panic of fn is an error, a [*weft.PanicError].
func NextOfFunc[Req, Resp any](fn func(context.Context, Req) (Resp, error)) *TypedNextRecorder[Req, Resp] {
	return &TypedNextRecorder[Req, Resp]{answer: fn}
}

// Func is the next itself.
func (n *TypedNextRecorder[Req, Resp]) Func() func(context.Context, Req) (Resp, error) { return n.call }

func (n *TypedNextRecorder[Req, Resp]) call(ctx context.Context, in Req) (out Resp, err error) {
	n.mu.Lock()
	n.inputs, n.contexts = append(n.inputs, in), append(n.contexts, ctx)
	again := len(n.inputs) > 1
	n.mu.Unlock()
	if again {
		return out, errAgain
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		if p == http.ErrAbortHandler {
			panic(p)
		}
		if p != nil {
			err = &weft.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	out, err = n.answer(ctx, in)
	returned = true
	return out, err
}

// Inputs are those that next was called with, in order.
func (n *TypedNextRecorder[Req, Resp]) Inputs() []Req {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.inputs)
}

// Context is the one that next was called with first, or nil.
func (n *TypedNextRecorder[Req, Resp]) Context() context.Context {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.contexts) == 0 {
		return nil
	}
	return n.contexts[0]
}

// CalledOnce fails the test where next was not called, or more than once.
func (n *TypedNextRecorder[Req, Resp]) CalledOnce(t testing.TB) {
	t.Helper()
	calledOnce(t, len(n.Inputs()))
}

// NotCalled fails the test where next was called.
func (n *TypedNextRecorder[Req, Resp]) NotCalled(t testing.TB) {
	t.Helper()
	notCalled(t, len(n.Inputs()))
}
