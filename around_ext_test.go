package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// loggedAround is an Around for every handler.
func loggedAround[Req, Resp any](tr *trace, name string) weft.Around[Req, Resp] {
	return func(ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
		tr.add("+" + name)
		out, err := next(ctx, in)
		tr.add("-" + name)
		return out, err
	}
}

func tracedAny(tr *trace, name string) weft.AroundAny {
	return func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
		tr.add("+" + name)
		out, err := next(ctx, in)
		tr.add("-" + name)
		return out, err
	}
}

// twiceAsOld changes what goes in and what comes out.
func twiceAsOld(ctx context.Context, in person, next func(context.Context, person) (person, error)) (person, error) {
	in.Age *= 2
	out, err := next(ctx, in)
	out.Name = strings.ToUpper(out.Name)
	return out, err
}

// labelled is generic: its types are inferred where it is attached.
func labelled[Req, Resp any](ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
	out, err := next(ctx, in)
	if err != nil {
		err = fmt.Errorf("%T: %w", in, err)
	}
	return out, err
}

func TestAroundsStandInOrderInsideEverythingElse(t *testing.T) {
	tr := &trace{}
	app, _ := newApp()
	group := app.Group("/g")
	h := tr.handler("core").
		Around(loggedAround[struct{}, string](tr, "a1")).
		Around(loggedAround[struct{}, string](tr, "a2")).
		Around(labelled).
		Around(loggedAround[struct{}, string](tr, "a3"), weft.Named("a3")).
		Intercept(tr.stage("i")).Use(tr.stage("m")).
		Check(func(context.Context, struct{}) error { tr.add("check"); return nil })
	group.Around(tracedAny(tr, "group"))
	app.Around(tracedAny(tr, "app"), weft.Named("app"))
	group.Handle("GET /x", h)
	assert.Equal(t, `"core"`, serve(t, app).send("GET", "/g/x", "").body)
	assert.Equal(t, "+m check +i +app +group +a1 +a2 +a3 core -a3 -a2 -a1 -group -app -i -m", tr.take())

	plan, err := app.Plan()
	require.NoError(t, err)
	var kinds []string
	for _, s := range plan.Routes[0].Stages {
		if s.Kind == weft.KindAround {
			name := s.Name[strings.LastIndexByte(s.Name, '.')+1:]
			kinds = append(kinds, string(s.Level)+" "+strings.TrimRight(name, "0123456789"))
		}
	}
	assert.Equal(t, []string{"app app", "group func", "route func", "route func", "route labelled", "route a"}, kinds)
}

func TestAnAroundChangesWhatGoesInAndOut(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(echo[person]).Around(twiceAsOld).Around(labelled))
	app.Handle("POST /stop", weft.Handle(echo[person]).Around(func(context.Context, person, func(context.Context, person) (person, error)) (person, error) {
		return person{Name: "nobody"}, nil
	}))
	site := serve(t, app)
	assert.JSONEq(t, `{"name":"ADA","age":72}`, site.send("POST", "/x", `{"name":"Ada","age":36}`).body)
	assert.JSONEq(t, `{"name":"nobody","age":0}`, site.send("POST", "/stop", `{"name":"Ada","age":36}`).body)
}

// What a handler fails with travels through the arounds as a Go error, and is
// mapped once, when all have returned.
func TestAnErrorTravelsThroughTheArounds(t *testing.T) {
	var seen []error
	see := func(ctx context.Context, in string, next func(context.Context, string) (string, error)) (string, error) {
		out, err := next(ctx, in)
		seen = append(seen, err)
		return out, err
	}
	app, log := newApp()
	mapped := 0
	app.Catch(weft.On(func(_ *weft.Request, e *outOfStock) weft.Response { mapped++; return says("mapped") }))
	app.Handle("GET /{kind}", weft.Handle(func(_ context.Context, kind string) (string, error) {
		switch kind {
		case "stock":
			return "", &outOfStock{"tea"}
		case "panic":
			panic("oh")
		}
		return "", errSecret
	}).Extract(weft.PathValue[string]("kind")).Around(see).Around(labelled).Around(see))
	app.Handle("GET /recovers", weft.Handle(func(context.Context, struct{}) (string, error) { panic("oh") }).
		Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
			_, err := next(ctx, in)
			var p *weft.PanicError
			if errors.As(err, &p) {
				return fmt.Sprint("recovered from ", p.Value), nil
			}
			return "", err
		}))
	site := serve(t, app)

	assert.Equal(t, "mapped", site.send("GET", "/stock", "").body)
	assert.Equal(t, 1, mapped)
	require.Len(t, seen, 2)
	assert.EqualError(t, seen[0], "out of stock: tea")
	assert.EqualError(t, seen[1], "string: out of stock: tea")
	assert.Empty(t, log.errors())

	assertProblem(t, site.send("GET", "/other", ""), 500)
	assertProblem(t, site.send("GET", "/panic", ""), 500)
	var p *weft.PanicError
	require.ErrorAs(t, seen[len(seen)-1], &p)
	assert.Len(t, log.errors(), 2, "each once")
	assert.Equal(t, `"recovered from oh"`, site.send("GET", "/recovers", "").body)
	assert.Empty(t, log.errors())
}

type call = func(context.Context, struct{}) (string, error)

// Law 3 for arounds, at every place among them.
func TestLaw3OfArounds(t *testing.T) {
	type key struct{}
	for _, row := range []struct {
		name   string
		around func(ctx context.Context, next call) (string, error)
		status int
		cores  int
		logged string
	}{
		{"next twice, the second answer returned", func(ctx context.Context, next call) (string, error) {
			_, _ = next(ctx, struct{}{})
			return next(ctx, struct{}{})
		}, 500, 1, "second time"},
		{"next twice, the second answer ignored", func(ctx context.Context, next call) (string, error) {
			out, err := next(ctx, struct{}{})
			_, _ = next(context.WithValue(ctx, key{}, 1), struct{}{})
			return out, err
		}, 200, 1, "second time"},
		{"next twice, in a goroutine", func(ctx context.Context, next call) (string, error) {
			out, err := next(ctx, struct{}{})
			done := make(chan error)
			go func() { _, err := next(ctx, struct{}{}); done <- err }()
			if <-done == nil {
				return "the second next was answered", nil
			}
			return out, err
		}, 200, 1, "second time"},
		{"a foreign context", func(_ context.Context, next call) (string, error) {
			return next(context.Background(), struct{}{})
		}, 500, 0, "does not derive"},
		{"no context", func(_ context.Context, next call) (string, error) {
			return next(nil, struct{}{}) //nolint:staticcheck // the mistake is the point
		}, 500, 0, "does not derive"},
		{"a panic before", func(context.Context, call) (string, error) { panic("oh") }, 500, 0, "panic: oh"},
		{"a panic behind", func(ctx context.Context, next call) (string, error) {
			_, _ = next(ctx, struct{}{})
			panic("oh")
		}, 500, 1, "panic: oh"},
		{"no next", func(context.Context, call) (string, error) { return "", nil }, 200, 0, ""},
	} {
		for _, outside := range []int{0, 1, 3} {
			t.Run(fmt.Sprint(row.name, " inside ", outside), func(t *testing.T) {
				tr := &trace{}
				app, log := newApp()
				app.Use(tr.stage("edge"))
				h := tr.handler("core")
				for range outside {
					h = h.Around(labelled)
				}
				app.Handle("GET /x", h.Around(func(ctx context.Context, _ struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
					return row.around(ctx, next)
				}, weft.Named("faulty")).Around(labelled))
				site := serve(t, app)
				got := site.send("GET", "/x", "")
				assert.Equal(t, row.status, got.status)
				assert.Equal(t, "edge", stagesOf(got.header))
				assert.Equal(t, row.cores, strings.Count(tr.take(), "core"))
				logged := log.errors()
				if row.logged == "" {
					assert.Empty(t, logged)
				} else if assert.Len(t, logged, 1, "once") {
					assert.Contains(t, logged[0], row.logged)
					if !strings.Contains(row.logged, "panic") {
						assert.Contains(t, logged[0], "stage=faulty")
					}
				}
				assert.True(t, site.send("GET", "/unknown", "").reused)
			})
		}
	}
}

func TestLaw3AnAroundsNextAfterItReturned(t *testing.T) {
	late := make(chan error)
	returned := make(chan struct{})
	tr := &trace{}
	app, log := newApp()
	app.Handle("GET /x", tr.handler("core").Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
		go func() {
			<-returned
			_, err := next(ctx, in)
			late <- err
		}()
		return "", nil
	}))
	assert.Equal(t, 200, serve(t, app).send("GET", "/x", "").status)
	close(returned)
	require.Error(t, <-late)
	assert.Empty(t, tr.take())
	assert.Len(t, log.errors(), 1)
}

func TestLaw3AnAroundWaitsForItsNext(t *testing.T) {
	for _, depth := range []int{0, 2} {
		tr := &trace{}
		app, _ := newApp()
		started := make(chan struct{})
		h := weft.Handle(func(context.Context, struct{}) (string, error) {
			close(started)
			time.Sleep(20 * time.Millisecond)
			tr.add("core")
			return "", nil
		}).Use(tr.stage("outer")).Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
			go func() { _, _ = next(ctx, in) }()
			<-started
			return "too early", nil
		})
		for range depth {
			h = h.Around(labelled)
		}
		app.Handle("GET /x", h)
		serve(t, app).send("GET", "/x", "")
		assert.Equal(t, "+outer core -outer", tr.take())
	}
}

func TestLaw3OfManyConcurrentNextsOfAnAroundOneEnters(t *testing.T) {
	tr := &trace{}
	app, log := newApp()
	app.Handle("GET /x", tr.handler("core").Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { _, _ = next(ctx, in) })
		}
		all.Wait()
		return "", nil
	}))
	assert.Equal(t, 200, serve(t, app).send("GET", "/x", "").status)
	assert.Equal(t, "core", tr.take())
	assert.Len(t, log.errors(), 7)
}

func TestLaw2AbortAndGoexitPassThroughArounds(t *testing.T) {
	for name, leave := range map[string]func(){"http.ErrAbortHandler": func() { panic(http.ErrAbortHandler) }, "runtime.Goexit": runtime.Goexit} {
		for _, inner := range []bool{true, false} {
			t.Run(fmt.Sprint(name, inner), func(t *testing.T) {
				app, log := newApp()
				sent := make(chan weft.Sent, 1)
				app.Use(weft.Finally("end", func(_ *weft.Request, s weft.Sent) { sent <- s }))
				app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
					if inner {
						leave()
					}
					return "", nil
				}).Around(labelled).Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
					_, _ = next(ctx, in)
					leave()
					return "", nil
				}))
				_, err := serve(t, app).try("GET", "/x", "")
				require.Error(t, err)
				assert.Zero(t, (<-sent).Status)
				assert.Empty(t, log.errors())
			})
		}
	}
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { panic(http.ErrAbortHandler) }).
		Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
			done := make(chan error)
			go func() { _, err := next(ctx, in); done <- err }()
			<-done
			return "must not be answered", nil
		}))
	_, err := serve(t, app).try("GET", "/x", "")
	require.Error(t, err, "on another goroutine it ends the connection, not the process")
}

func TestAnAroundAnyOfAnotherTypeIsANamedDefect(t *testing.T) {
	for name, fn := range map[string]weft.AroundAny{
		"in": func(ctx context.Context, _ any, next func(context.Context, any) (any, error)) (any, error) {
			return next(ctx, 42)
		},
		"out": func(context.Context, any, func(context.Context, any) (any, error)) (any, error) { return 42, nil },
		"nil": func(context.Context, any, func(context.Context, any) (any, error)) (any, error) { return nil, nil },
	} {
		app, log := newApp()
		app.Around(fn, weft.Named("faulty"))
		app.Handle("POST /x", weft.Handle(echo[person]))
		assertProblem(t, serve(t, app).send("POST", "/x", `{"name":"Ada"}`), 500)
		logged := log.errors()
		require.Len(t, logged, 1, name)
		assert.Contains(t, logged[0], `"faulty"`)
		assert.Regexp(t, "weft_test.person", logged[0])
	}
	app, log := newApp()
	app.Around(func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
		return next(ctx, in)
	})
	app.Handle("GET /nil", weft.Handle(func(context.Context, struct{}) (any, error) { return nil, nil }).Status(204))
	assert.Equal(t, 204, serve(t, app).send("GET", "/nil", "").status, "the nil of an interface is one")
	assert.Empty(t, log.errors())
}

func TestObserversSeeArounds(t *testing.T) {
	s := &spans{}
	app, _ := newApp(weft.WithObserver(s))
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) { return ctx.Value(spanKey{}).(string), errClosed }).Named("handler").
		Around(labelled, weft.Named("a")).Around(labelled, weft.Named("b")))
	assert.Equal(t, 500, serve(t, app).send("GET", "/x", "").status)
	assert.Equal(t, "/a/b/handler=0 closed; /a/b=0 struct {}: closed; /a=0 struct {}: struct {}: closed;", s.take())
}

func TestAHandlersDeadlineCoversItsArounds(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }).Timeout(10*time.Millisecond).
		Around(func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
			<-ctx.Done()
			return next(ctx, in)
		}))
	assertProblem(t, serve(t, app).send("GET", "/x", ""), 504)
}

func TestAnAroundNeedsAndProvidesKeys(t *testing.T) {
	needy := []weft.StageOption{weft.Named("tenant"), weft.Provides(currentTenant), weft.Needs(currentUser)}
	h := (&trace{}).handler("core")
	app, _ := newApp()
	app.Handle("GET /x", h.Around(labelled, needy...))
	app.Handle("GET /y", h.Guard(login()).Around(labelled, needy...).Around(labelled, needy...))
	_, err := app.Plan()
	require.ErrorContains(t, err, `the around "tenant" needs the key "current user"`)
	require.ErrorContains(t, err, `provides the key "current tenant"`)

	app, log := newApp()
	app.Handle("GET /x", h.Guard(login()).Around(labelled, needy...))
	assertProblem(t, serve(t, app).send("GET", "/x", "", "X-User: Ada"), 500)
	require.Contains(t, strings.Join(log.errors(), ""), `"tenant" says that it provides`)
}

func TestACheckHasANameAndNeedsKeys(t *testing.T) {
	mine := func(ctx context.Context, in person) error {
		if u, _ := currentUser.From(ctx); u.Name != in.Name {
			return weft.Deny("Not yours.")
		}
		return nil
	}
	h := weft.Handle(echo[person]).Check(mine, weft.Named("mine"), weft.Needs(currentUser))
	app, _ := newApp()
	app.Handle("POST /x", h.Guard(login()))
	site := serve(t, app)
	assert.Equal(t, 200, site.send("POST", "/x", `{"name":"Ada"}`, "X-User: Ada").status)
	assertProblem(t, site.send("POST", "/x", `{"name":"Ada"}`, "X-User: Bob"), 403)

	app, _ = newApp()
	app.Handle("POST /x", h.Check(nil, weft.Named("nothing")).Around(nil, weft.Named("nothing")))
	app.Around(nil)
	_, err := app.Plan()
	require.ErrorContains(t, err, `the check "mine" needs the key "current user"`)
	require.ErrorContains(t, err, `the check "nothing" has no function`)
	require.ErrorContains(t, err, `the around "nothing" has no function`)
	require.ErrorContains(t, err, `the around "nil" has no function`)
}

type envelope[T any] struct {
	Data T      `json:"data"`
	Meta string `json:"meta"`
}

// enveloped unwraps a handler's request and wraps its answer: a reusable stage is a generic function over a handler.
func enveloped[Req, Resp any](h *weft.Handler[Req, Resp]) *weft.Handler[envelope[Req], envelope[Resp]] {
	return weft.Adapt(h, func(ctx context.Context, in envelope[Req], next func(context.Context, Req) (Resp, error)) (envelope[Resp], error) {
		out, err := next(ctx, in.Data)
		return envelope[Resp]{out, in.Meta}, err
	})
}

func TestAdaptChangesTheTypesOfAHandler(t *testing.T) {
	tr := &trace{}
	app, _ := newApp()
	h := weft.Handle(func(_ context.Context, in person) (person, error) { tr.add("core"); return in, nil }).
		Check(func(_ context.Context, in person) error {
			tr.add("check")
			if in.Name == "" {
				return weft.Invalid("/data/name", "required", "")
			}
			return nil
		}).
		Around(loggedAround[person, person](tr, "inner")).Use(tr.stage("m")).Status(201).Named("create")
	app.Handle("POST /x", enveloped(h).
		Around(loggedAround[envelope[person], envelope[person]](tr, "outer1")).
		Around(loggedAround[envelope[person], envelope[person]](tr, "outer2")).
		Check(func(context.Context, envelope[person]) error { tr.add("outer check"); return nil }))
	app.Handle("POST /twice", enveloped(enveloped(h)))
	app.Handle("POST /plain", h)
	app.Around(tracedAny(tr, "app"))
	site := serve(t, app)

	got := site.send("POST", "/x", `{"data":{"name":"Ada"},"meta":"m"}`)
	assert.Equal(t, 201, got.status)
	assert.JSONEq(t, `{"data":{"name":"Ada","age":0},"meta":"m"}`, got.body)
	assert.Equal(t, "+m outer check +app +outer1 +outer2 check +inner core -inner -outer2 -outer1 -app -m", tr.take())
	got = site.send("POST", "/twice", `{"data":{"data":{"name":"Ada"},"meta":"i"},"meta":"o"}`)
	assert.JSONEq(t, `{"data":{"data":{"name":"Ada","age":0},"meta":"i"},"meta":"o"}`, got.body)
	assert.Equal(t, 422, site.send("POST", "/x", `{"data":{},"meta":"m"}`).status)
	assert.Equal(t, 201, site.send("POST", "/plain", `{"name":"Ada"}`).status, "the handler itself is as it was")

	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Contains(t, plan.String(), "weft_test.enveloped")

	wrongApp, _ := newApp()
	wrongApp.Handle("POST /x", weft.Adapt[person, person](h, nil))
	wrongApp.Handle("POST /y", weft.Adapt((*weft.Handler[person, person])(nil), func(_ context.Context, in int, _ func(context.Context, person) (person, error)) (int, error) {
		return in, nil
	}))
	_, err = wrongApp.Plan()
	require.ErrorContains(t, err, "has no function")
	require.ErrorContains(t, err, "the handler's function is nil")
}

func TestManyArounds(t *testing.T) {
	tr := &trace{}
	app, _ := newApp()
	h := tr.handler("core").Use(tr.stage("m"), tr.stage("m2"))
	for range 30 {
		h = h.Around(labelled)
	}
	app.Handle("GET /x", h)
	app.Handle("GET /y", tr.handler("y"))
	site := serve(t, app)
	assert.Equal(t, 200, site.send("GET", "/x", "").status)
	assert.Equal(t, 200, site.send("GET", "/y", "").status)
}
