package weft_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// Services that write down how they end.
type (
	disk    struct{ tr *trace } // closed
	cache   struct{ tr *trace } // shut down, needs the disk
	mailer  struct{ tr *trace } // the application's own, needs the cache
	metrics struct{ tr *trace } // the application's own, which the disk needs
	twofold struct{ tr *trace }
	ending  struct{ how func(context.Context) error }
)

func (d *disk) Close() error                         { d.tr.add("disk"); return errors.New("disk full") }
func (c *cache) Shutdown(context.Context) error      { c.tr.add("cache"); return nil }
func (m *mailer) Shutdown()                          { m.tr.add("mailer") }
func (m *metrics) Shutdown() error                   { m.tr.add("metrics"); return nil }
func (b *twofold) Close() error                      { b.tr.add("close"); return nil }
func (b *twofold) Shutdown() error                   { b.tr.add("shutdown"); return nil }
func (e *ending) Shutdown(ctx context.Context) error { return e.how(ctx) }

func TestServicesEndBeforeWhatTheyNeed(t *testing.T) {
	for range 20 {
		tr := &trace{}
		i := do.New()
		do.Provide(i, func(i do.Injector) (*mailer, error) {
			do.MustInvoke[*cache](i)
			return &mailer{tr}, nil
		})
		do.Provide(i, func(do.Injector) (*metrics, error) { return &metrics{tr}, nil })
		c := weft.NewContainer(i)
		weft.Singleton[*disk](c, func(*metrics) *disk { return &disk{tr} })
		weft.Auto[*cache](c, func(*disk) *cache { return &cache{tr} })
		app, _ := newApp(weft.WithContainer(c))
		app.Handle("GET /x", weft.HandleFrom(func(*mailer, context.Context, *weft.Request) (string, error) { return "", nil }))
		srv := build(t, app)
		err := srv.Shutdown(t.Context())
		require.ErrorContains(t, err, "disk full")
		assert.Equal(t, "mailer cache disk metrics", tr.take())
		assert.Equal(t, err, srv.Shutdown(t.Context()), "once")
	}
}

func TestAServiceThatDoesNotEndKeepsNoOtherFromIt(t *testing.T) {
	for what, how := range map[string]func(context.Context) error{
		"panics: of Shutdown":               func(context.Context) error { panic("panics: of Shutdown") },
		"its goroutine was ended":           func(context.Context) error { runtime.Goexit(); return nil },
		"has not come to its end in time":   func(context.Context) error { time.Sleep(3 * time.Second); return nil },
		"context deadline exceeded":         func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"weft: shutting down the services:": func(context.Context) error { return errors.New("fails") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			tr := &trace{}
			c := weft.NewContainer(nil)
			weft.Singleton[*twofold](c, func() *twofold { return &twofold{tr} })
			weft.Singleton[*ending](c, func(*twofold) *ending { return &ending{how} })
			app, _ := newApp(weft.WithContainer(c), weft.WithDrainTimeout(50*time.Millisecond))
			err := build(t, app).Shutdown(t.Context())
			require.ErrorContains(t, err, strings.Replace(what, "context deadline exceeded", "weft_test.ending: ", 1))
			assert.Equal(t, "shutdown", tr.take(), "in whatever time is left, and Close is not called where there is Shutdown")
		})
	}
}

func TestWhatABuildThatFailsHasMadeIsClosed(t *testing.T) {
	tr := &trace{}
	c := weft.NewContainer(nil)
	weft.Singleton[*disk](c, func() *disk { return &disk{tr} })
	weft.Singleton[*cache](c, func(*disk) (*cache, error) { return nil, errors.New("no cache") })
	app, _ := newApp(weft.WithContainer(c))
	_, err := app.Build(t.Context())
	require.ErrorContains(t, err, "no cache")
	require.ErrorContains(t, err, "disk full")
	assert.Equal(t, "disk", tr.take())
}

func TestAContainerEndsTheInjectorThatItWasGiven(t *testing.T) {
	tr := &trace{}
	root := do.New()
	do.ProvideValue(root, &mailer{tr})
	do.MustInvoke[*mailer](root)
	scope := root.Scope("tenant")
	do.ProvideValue(scope, &metrics{tr})
	c := weft.NewContainer(scope)
	weft.Singleton[*disk](c, func(*mailer, *metrics) *disk { return &disk{tr} })
	app, _ := newApp(weft.WithContainer(c))
	copied, _ := newApp(weft.WithContainer(c.With()))
	build(t, copied)
	_ = build(t, app).Shutdown(t.Context())
	assert.Equal(t, "disk metrics", tr.take(), "and neither what is above it nor a copy")
}

type sickly struct{ how func() error }

func (s *sickly) HealthCheck() error { return s.how() }

func TestAHealthCheckThatPanicsIsAFailedOne(t *testing.T) {
	c := weft.NewContainer(nil)
	how := func() error { panic("secret") }
	weft.Singleton[*sickly](c, func() *sickly { return &sickly{func() error { return how() }} })
	app, log := newApp(weft.WithContainer(c))
	app.Handle("GET /health", weft.Health().Timeout(100*time.Millisecond))
	srv := build(t, app)
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest("GET", "/health", nil))
		return w.Code, w.Body.String()
	}
	status, body := ask()
	assert.Equal(t, 503, status)
	assert.NotContains(t, body, "secret")
	assert.Contains(t, strings.Join(log.all(), "\n"), "secret")
	how = func() error { return nil }
	status, _ = ask()
	assert.Equal(t, 200, status)
}

func TestAConstructorThatPanicsIsAnErrorOfBuild(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.Singleton[*disk](c, func() *disk { panic("no disk") })
	app, _ := newApp(weft.WithContainer(c))
	_, err := app.Build(t.Context())
	require.ErrorContains(t, err, "making *weft_test.disk failed: panic: no disk; see what its constructor says")
	var panicked *weft.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Contains(t, string(panicked.Stack), "teardown_ext_test.go")
}
