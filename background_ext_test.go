package weft_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestWorkStartsWhenTheRequestHasEndedWell(t *testing.T) {
	type key struct{}
	l := &ledger{tr: &trace{}}
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func() *ledger { return l })
	app, log := newApp(weft.WithContainer(c))
	ran := make(chan string, 1)
	app.Guard(login())
	app.Handle("GET /{how}", weft.Handle(func(ctx context.Context, r *weft.Request) (string, error) {
		how := r.PathValue("how")
		_, err := do.Invoke[*ledger](r.Scope())
		require.NoError(t, err)
		l.tr.add("core")
		require.NoError(t, weft.Go(context.WithValue(ctx, key{}, 1), "mail", func(ctx context.Context) error {
			mine, err := do.Invoke[*ledger](weft.ScopeOf(ctx))
			assert.NoError(t, err)
			mine.tr.add("work")
			assert.NoError(t, ctx.Err(), "it does not end with the request")
			u, _ := currentUser.From(ctx)
			defer func() { ran <- u.Name + " " + weft.RouteOf(ctx).Pattern() }()
			switch how {
			case "fails":
				return errSecret
			case "panics":
				panic("oh")
			}
			return nil
		}))
		if how == "error" {
			return "", errClosed
		}
		return "", nil
	}))
	site := serve(t, app)

	assert.Equal(t, 200, site.send("GET", "/well", "", "X-User: Ada").status)
	assert.Equal(t, "Ada GET /{how}", <-ran)
	for how, logged := range map[string]string{"fails": "secret-dsn", "panics": "panic: oh"} {
		assert.Equal(t, 200, site.send("GET", "/"+how, "", "X-User: Ada").status)
		<-ran
		var lines []string
		require.Eventually(t, func() bool { lines = append(lines, log.errors()...); return len(lines) > 0 }, waitFor, tick)
		assert.Contains(t, lines[0], "stage=mail")
		assert.Contains(t, lines[0], logged)
	}
	l.tr.take()
	assert.Equal(t, 500, site.send("GET", "/error", "", "X-User: Ada").status)
	select {
	case <-ran:
		t.Error("the request failed, and what depends on it was done")
	case <-time.After(20 * time.Millisecond):
	}
	require.ErrorIs(t, weft.Go(t.Context(), "x", nil), weft.ErrNoRequest)
}

func TestWorkSettlesByItsError(t *testing.T) {
	for fails, want := range map[bool]string{false: "core close work commit close", true: "core close work rollback close"} {
		l := &ledger{tr: &trace{}}
		c := weft.NewContainer(nil)
		weft.PerRequest[*closer](c, func() *closer { return &closer{l} })
		weft.PerRequest[*ledger](c, func() *ledger { return l })
		app, _ := newApp(weft.WithContainer(c))
		app.Handle("GET /x", weft.HandleFrom(func(q *closer, ctx context.Context, _ struct{}) (string, error) {
			l.tr.add("core")
			return "", weft.Go(ctx, "work", func(ctx context.Context) error {
				l, err := do.Invoke[*ledger](weft.ScopeOf(ctx))
				l.tr.add("work")
				if fails {
					return errClosed
				}
				return err
			})
		}))
		srv := build(t, app)
		srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
		require.NoError(t, srv.Shutdown(t.Context()), "waits for the work")
		assert.Equal(t, want, l.tr.take())
	}
}

// closer closes and does not settle.
type closer struct{ ledger *ledger }

func (q *closer) Close() error { q.ledger.tr.add("close"); return nil }

func TestShutdownEndsWorkThatTakesTooLong(t *testing.T) {
	app, _ := newApp(weft.WithDrainTimeout(10 * time.Millisecond))
	ended := make(chan error, 1)
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		return "", weft.Go(ctx, "long", func(ctx context.Context) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil
		})
	}))
	srv := build(t, app)
	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
	require.ErrorContains(t, srv.Shutdown(t.Context()), "still running")
	assert.True(t, errors.Is(<-ended, context.Canceled))
}
