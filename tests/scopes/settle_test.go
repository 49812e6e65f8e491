package scopes_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
)

// How a request ended, as what settles is told.

// teller keeps what it was told.
type teller struct {
	outcome weft.Outcome
	ctx     error
	times   int
}

func (s *teller) Settle(ctx context.Context, o weft.Outcome) error {
	s.outcome, s.ctx = o, ctx.Err()
	s.times++
	return nil
}

func TestAnErrorThatIsMappedToASuccessIsNoSuccess(t *testing.T) {
	told := &teller{}
	c := weft.NewContainer(nil)
	weft.PerRequest[*teller](c, func() *teller { return told })
	app := newApp(c)
	app.Catch(weft.On(func(*weft.Request, *matrixError) weft.Response { return weft.Text("never mind") }))
	failing := weft.HandleFrom(func(*teller, context.Context, struct{}) (string, error) { return "", &matrixError{} })
	app.Handle("GET /x", failing)
	app.Handle("GET /recovers", failing.Intercept(weft.OnError("recovers", func(*weft.Request, weft.Response, error) weft.Response { return weft.Text("fine") })))
	srv := build(t, app)
	assert.Equal(t, 200, get(srv, "/x").Code)
	assert.Equal(t, 200, told.outcome.Status)
	assert.ErrorAs(t, told.outcome.Err, new(*matrixError))
	assert.False(t, told.outcome.OK())
	assert.Equal(t, 200, get(srv, "/recovers").Code)
	assert.True(t, told.outcome.OK(), "an interceptor answered for itself")
	assert.Equal(t, 2, told.times)
}

func TestWhatSettlesIsToldThatTheClientLeftAndMayStillWork(t *testing.T) {
	told := &teller{}
	c := weft.NewContainer(nil)
	weft.PerRequest[*teller](c, func() *teller { return told })
	ctx, leave := context.WithCancel(t.Context())
	app := newApp(c)
	app.Handle("GET /x", weft.HandleFrom(func(*teller, context.Context, struct{}) (string, error) { leave(); return "", nil }))
	build(t, app).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", nil).WithContext(ctx))
	assert.True(t, told.outcome.Gone)
	assert.False(t, told.outcome.OK())
	assert.NoError(t, told.ctx)
	assert.Equal(t, 1, told.times)
}

// A Finally that fails its test ends the goroutine too.
func TestAFinallyThatEndsTheGoroutineLeavesNothingOpen(t *testing.T) {
	d := &diary{}
	app := newApp(withTx(d))
	app.Use(weft.Finally("exits", func(*weft.Request, weft.Sent) { runtime.Goexit() }))
	app.Handle("GET /x", handlerOf(number))
	srv := build(t, app)
	over := make(chan struct{})
	go func() {
		defer close(over)
		get(srv, "/x")
	}()
	<-over
	assert.Equal(t, "+tx1 -tx1", d.take())
}

func TestSingletonsAreShutDownBehindWhoNeedsThem(t *testing.T) {
	d := &diary{}
	c := weft.NewContainer(nil)
	weft.Singleton[*noted](c, func() *noted { return &noted{d} })
	weft.Auto[*inner](c, func(*noted) *inner { return &inner{d} })
	weft.Auto[*outer](c, weft.Fn1(func(*inner) *outer { return &outer{d} }))
	srv := build(t, newApp(c))
	assert.NoError(t, srv.Shutdown(t.Context()))
	assert.Equal(t, "-outer -inner -noted", d.take())
}

type (
	inner struct{ diary *diary }
	outer struct{ diary *diary }
)

func (i *inner) Shutdown() error { i.diary.write("-inner"); return nil }
func (o *outer) Shutdown(context.Context) error {
	o.diary.write("-outer")
	return nil
}
