package weft_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestAnInjectorOfTheRequestHasTheInstancesOfItsStages(t *testing.T) {
	s, c := newShop()
	var kept do.Injector
	app, log := newApp(weft.WithContainer(c))
	app.Handle("GET /x", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		kept = r.Scope()
		assert.Same(t, kept, r.Scope())
		tx, err := do.Invoke[*transaction](kept)
		require.NoError(t, err)
		assert.Same(t, r, do.MustInvoke[*weft.Request](kept), "the first view")
		_, err = do.Invoke[*connections](kept)
		require.NoError(t, err, "the application's")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				store, err := do.Invoke[*pgStore](kept)
				assert.NoError(t, err)
				assert.Same(t, tx, store.tx)
			})
		}
		all.Wait()
		return fmt.Sprint(tx.id), nil
	}).Use(weft.MiddlewareFrom((*auditor).Dispatch)))
	app.Handle("GET /many", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		injector, made := r.Scope(), make([]*shopper, 8)
		var all sync.WaitGroup
		for i := range made {
			all.Go(func() { made[i] = do.MustInvoke[*shopper](injector) })
		}
		all.Wait()
		for _, one := range made {
			assert.Same(t, made[0], one, "made once, whoever asks first")
		}
		return "", nil
	}))
	site := serve(t, app)
	for i := range 3 {
		got := site.send("GET", "/x", "")
		assert.Equal(t, fmt.Sprintf("%q", fmt.Sprint(i+1)), got.body)
		assert.Equal(t, fmt.Sprint(i+1), got.header.Get("X-Tx"))
	}
	assert.Equal(t, 200, site.send("GET", "/many", "").status)
	require.Eventually(t, func() bool {
		_, err := do.Invoke[*transaction](kept)
		return err != nil
	}, waitFor, tick)
	_, err := do.Invoke[*transaction](kept)
	require.ErrorContains(t, err, "the request is over")
	assert.Equal(t, int64(4), s.nth.Load())
	assert.Empty(t, log.errors())
}

// lingering counts what is open of it.
type lingering struct{ open *atomic.Int64 }

func (l *lingering) Close() error { l.open.Add(-1); return nil }

func TestWhatIsMadeTooLateIsClosed(t *testing.T) {
	var open, late atomic.Int64
	begun := make(chan struct{})
	c := weft.NewContainer(nil)
	weft.PerRequest[*lingering](c, func() *lingering {
		open.Add(1)
		close(begun)
		time.Sleep(time.Millisecond)
		return &lingering{&open}
	})
	app, log := newApp(weft.WithContainer(c))
	var all sync.WaitGroup
	app.Handle("GET /x", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		injector := r.Scope()
		all.Go(func() {
			if _, err := do.Invoke[*lingering](injector); err != nil {
				assert.ErrorIs(t, err, weft.ErrScopeClosed)
				late.Add(1)
			}
		})
		<-begun
		return "", nil
	}))
	srv := build(t, app)
	for range 50 {
		begun = make(chan struct{})
		srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
		all.Wait()
		require.Zero(t, open.Load(), "also what a goroutine asked for that the request has left behind")
	}
	assert.Positive(t, late.Load())
	assert.Empty(t, log.errors())
}

func TestTheInjectorsAreUsedAgain(t *testing.T) {
	i := do.New()
	c := weft.NewContainer(i)
	weft.PerRequest[*ledger](c, func() *ledger { return &ledger{tr: &trace{}} })
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /x", weft.Handle(func(_ context.Context, r *weft.Request) (bool, error) {
		l, err := do.Invoke[*ledger](r.Scope())
		return l != nil, err
	}))
	srv := build(t, app)
	for range 1000 {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
		require.Equal(t, 200, w.Code, w.Body)
	}
	assert.Len(t, i.Children(), 1)
	assert.NotNil(t, weft.NewRequest(httptest.NewRequest("GET", "/", nil)).Scope(), "outside a server it is empty")
}

type field struct {
	Tx    *transaction `do:""`
	Spare *clockwork   `do:"spare"`
	Other int
}

func (f *field) Show(context.Context, struct{}) (string, error) {
	return fmt.Sprint(f.Tx.id, f.Spare != nil, f.Other), nil
}

type provided struct{ tx *transaction }

func (p *provided) Show(context.Context, struct{}) (string, error) { return fmt.Sprint(p.tx.id), nil }

func TestServicesMadeOfFieldsAndByProvidersOfDo(t *testing.T) {
	_, c := newShop()
	weft.Singleton[*clockwork](c, func() *clockwork { return &clockwork{} }, weft.NamedService("spare"))
	weft.Auto[*field](c, weft.Fields[*field]())
	weft.Auto[*provided](c, weft.FromDo(func(i do.Injector) (*provided, error) {
		tx, err := do.Invoke[*transaction](i)
		return &provided{tx}, err
	}, weft.Takes[*transaction]()))
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /field", weft.HandleFrom((*field).Show))
	app.Handle("GET /provided", weft.HandleFrom((*provided).Show).Use(weft.MiddlewareFrom((*auditor).Dispatch)))
	plan, err := app.Plan()
	require.NoError(t, err)
	for _, svc := range plan.Services {
		if svc.Service == "*weft_test.field" || svc.Service == "*weft_test.provided" {
			assert.Equal(t, "per request", svc.Lifetime, svc.Service)
		}
	}
	site := serve(t, app)
	assert.Equal(t, `"1 true 0"`, site.send("GET", "/field", "").body)
	got := site.send("GET", "/provided", "")
	assert.Equal(t, `"2"`, got.body)
	assert.Equal(t, "2", got.header.Get("X-Tx"))

	weft.Auto[int](weft.NewContainer(nil), weft.Fields[int]())
	broken := weft.NewContainer(nil)
	weft.Auto[int](broken, weft.Fields[int]())
	weft.Auto[*hidden](broken, weft.Fields[*hidden]())
	weft.Auto[string](broken, weft.FromDo[string](nil))
	app, _ = newApp(weft.WithContainer(broken))
	_, err = app.Plan()
	require.ErrorContains(t, err, "is Fields of a int, which is no struct")
	require.ErrorContains(t, err, "whose field tx has the tag do and is not exported")
	require.ErrorContains(t, err, "is FromDo of nil")
}

type hidden struct {
	//lint:ignore U1000 the mistake is the point
	tx *transaction `do:""`
}
