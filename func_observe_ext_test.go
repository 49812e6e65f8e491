package weft_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// calls is an observer of calls and of their stages.
type calls struct {
	spans
	name        string
	shared      *trace // in place of its own
	panicsEnter bool
	panicsExit  bool
}

func (o *calls) events() *trace {
	if o.shared != nil {
		return o.shared
	}
	return &o.trace
}

func (o *calls) EnterCall(ctx context.Context, handler *weft.StageInfo) (context.Context, weft.CallExit) {
	if o.panicsEnter {
		panic("oh")
	}
	outer, _ := ctx.Value(spanKey{}).(string)
	path := outer + "/" + o.name + ":" + handler.Name
	o.events().add("+" + path + ";")
	return context.WithValue(ctx, spanKey{}, path), func(ctx context.Context, out any, err error) {
		if inside, _ := ctx.Value(spanKey{}).(string); !strings.HasPrefix(inside, path) {
			o.events().add("another context;")
		}
		if o.panicsExit {
			panic("oh")
		}
		switch out := out.(type) {
		case *string:
			o.events().add(fmt.Sprintf("-%s=%q %v;", path, *out, err))
		default:
			o.events().add(fmt.Sprintf("-%s=%v %v;", path, out, err))
		}
	}
}

// wholeCalls is an observer of calls and of no stage.
func wholeCalls(name string, tr *trace) *calls {
	o := &calls{name: name, shared: tr}
	o.only = func(*weft.StageInfo) bool { return false }
	return o
}

// observedFunc is a function with a stage of each kind that a function has.
func observedFunc(t *testing.T, opts ...weft.FuncOption) func(context.Context, titled) (string, error) {
	t.Helper()
	h := weft.Handle(func(ctx context.Context, in titled) (string, error) {
		switch in.Name {
		case "fails":
			return "half", errClosed
		case "panic":
			panic("oh")
		case "exit":
			runtime.Goexit()
		}
		within, _ := ctx.Value(spanKey{}).(string)
		return within, nil
	}).Named("core").
		Check(func(_ context.Context, in titled) error {
			if in.Name == "Eve" {
				return weft.Deny("")
			}
			return nil
		}, weft.Named("check")).
		Around(func(ctx context.Context, in titled, next func(context.Context, titled) (string, error)) (string, error) {
			if in.Name == "early" {
				return "early", nil
			}
			out, err := next(ctx, in)
			if errors.Is(err, errClosed) && in.Name != "fails" {
				return "saved", nil
			}
			return out, err
		}, weft.Named("around"))
	fn, err := weft.Func(t.Context(), h, opts...)
	require.NoError(t, err)
	return fn
}

func TestAnObserverSeesTheStagesOfAFunctionWithinItsCall(t *testing.T) {
	o := &calls{name: "o"}
	fn := observedFunc(t, weft.WithObserver(o))
	for name, want := range map[string]string{
		"Ada":      "+/o:core; /o:core/check=0; /o:core/around/core=0; /o:core/around=0; -/o:core=\"/o:core/around/core\" <nil>;",
		"early":    "+/o:core; /o:core/check=0; /o:core/around=0; -/o:core=\"early\" <nil>;",
		"Eve":      "+/o:core; /o:core/check=0 403 Forbidden (forbidden); -/o:core=<nil> 403 Forbidden (forbidden);",
		"fails":    "+/o:core; /o:core/check=0; /o:core/around/core=0 closed; /o:core/around=0 closed; -/o:core=<nil> closed;",
		"panic":    "+/o:core; /o:core/check=0; /o:core/around/core=0 panic: oh; /o:core/around=0 panic: oh; -/o:core=<nil> panic: oh;",
		"Adalbert": "+/o:core; -/o:core=<nil> 422 invalid request: body /name: max;",
	} {
		out, err := fn(t.Context(), titled{name})
		assert.Equal(t, want, o.take(), name)
		assert.Equal(t, err != nil, out == "", name)
	}

	var caller sync.WaitGroup
	caller.Go(func() { _, _ = fn(context.Background(), titled{"exit"}) })
	caller.Wait()
	assert.Contains(t, o.take(), "-/o:core=<nil> the stage did not return", "every call ends, also where its goroutine does")
}

// Without arounds, the handler is watched from its own boundary.
func TestAnObserverSeesTheHandlerOfAFunctionAlone(t *testing.T) {
	s := &spans{}
	fn := weft.MustFunc(t.Context(), weft.Handle(echo[titled]).Named("core"), weft.WithObserver(s))
	_, err := fn(t.Context(), titled{"Ada"})
	require.NoError(t, err)
	assert.Equal(t, "/core=0;", s.take())
}

func TestObserversOfCallsNestInTheirOrder(t *testing.T) {
	tr := &trace{}
	fn := observedFunc(t, weft.WithObserver(wholeCalls("a", tr)), weft.WithObserver(wholeCalls("b", tr)))
	out, err := fn(t.Context(), titled{"Ada"})
	require.NoError(t, err)
	assert.Equal(t, "/a:core/b:core", out, "the context goes inward")
	assert.Equal(t, "+/a:core; +/a:core/b:core; -/a:core/b:core=\"/a:core/b:core\" <nil>; -/a:core=\"/a:core/b:core\" <nil>;", tr.take())
}

// The call of an observer ends behind its services and behind the work that it left.
func TestACallEndsBehindItsServices(t *testing.T) {
	l := &ledger{tr: &trace{}}
	o := wholeCalls("o", l.tr)
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func(ctx context.Context) *ledger {
		assert.Equal(t, "/o:core", ctx.Value(spanKey{}), "a service is made within the call")
		return l
	})
	h := weft.HandleFrom(func(l *ledger, ctx context.Context, _ struct{}) (string, error) {
		return "", weft.Go(ctx, "later", func(ctx context.Context) error {
			l.tr.add(fmt.Sprintf("later in %v", ctx.Value(spanKey{})))
			return nil
		})
	}).Named("core")
	fn := weft.MustFunc(t.Context(), h, weft.WithContainer(c), weft.WithObserver(o))
	_, err := fn(t.Context(), struct{}{})
	require.NoError(t, err)
	assert.Equal(t, `+/o:core; commit close later in /o:core -/o:core="" <nil>;`, l.tr.take())

	l.fails = errClosed
	_, err = fn(t.Context(), struct{}{})
	require.ErrorIs(t, err, errClosed)
	assert.Regexp(t, `commit close -/o:core=<nil> settling .*: closed;$`, l.tr.take(), "a commit that fails is the error of the call")
}

func TestAnObserverOfCallsThatPanicsLeavesTheCallAlone(t *testing.T) {
	for name, broken := range map[string]*calls{"entering": {panicsEnter: true}, "leaving": {name: "b", panicsExit: true}} {
		t.Run(name, func(t *testing.T) {
			log, outer := &journal{}, &calls{name: "outer"}
			fn := observedFunc(t, weft.WithObserver(outer), weft.WithObserver(broken), weft.WithLogger(slog.New(log)))
			_, err := fn(t.Context(), titled{"Ada"})
			require.NoError(t, err)
			assert.Contains(t, outer.take(), "-/outer:core=")
			logged := log.errors()
			require.Len(t, logged, 1)
			assert.Contains(t, logged[0], "observing a request failed")
		})
	}
}

// An observer of stages that panics is a failure of the stage, as in a server.
func TestAnObserverThatPanicsFailsTheCall(t *testing.T) {
	o := weft.ObserverFunc(func(context.Context, *weft.StageInfo) (context.Context, weft.Exit) { panic("oh") })
	fn := weft.MustFunc(t.Context(), weft.Handle(echo[titled]), weft.WithObserver(o))
	_, err := fn(t.Context(), titled{"Ada"})
	var p *weft.PanicError
	require.ErrorAs(t, err, &p)
	_, err = observedFunc(t, weft.WithObserver(o))(t.Context(), titled{"Ada"})
	require.ErrorAs(t, err, &p)
}

func TestManyCallsAreObservedAtOnce(t *testing.T) {
	o := &calls{name: "o"}
	fn := observedFunc(t, weft.WithObserver(o))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 20 {
				caller := fmt.Sprint("/", i)
				out, err := fn(context.WithValue(t.Context(), spanKey{}, caller), titled{"Ada"})
				assert.NoError(t, err)
				assert.Equal(t, caller+"/o:core/around/core", out, "each has the context of its own caller")
			}
		})
	}
	all.Wait()
	assert.Equal(t, 16*20, strings.Count(o.take(), "-/"))
}

func TestChecksOfThePlanAreAskedAboutAFunction(t *testing.T) {
	var plan *weft.Plan
	look := weft.WithPlanCheck(func(p *weft.Plan) []weft.BuildError {
		assert.Nil(t, plan, "once")
		plan = p
		return []weft.BuildError{{Problem: "no function is wanted", Remedy: "leave it out"}}
	})
	_, err := weft.Func(t.Context(), weft.Handle(echo[titled]).Named("core").Timeout(time.Second).Around(labelled, weft.Named("around")), look)
	require.ErrorContains(t, err, "no function is wanted; leave it out")
	require.Len(t, plan.Routes, 1)
	route := plan.Routes[0]
	assert.Equal(t, "core weft_test.titled weft_test.titled 1s", fmt.Sprint(route.Name, " ", route.Request, " ", route.Response, " ", route.Timeout))
	var stages []string
	for _, s := range route.Stages {
		stages = append(stages, fmt.Sprint(s.Kind, " ", s.Name))
	}
	assert.Equal(t, []string{"around around", "handler core"}, stages)
	_, err = weft.Func(t.Context(), weft.Handle(echo[titled]), weft.WithObserver(nil))
	require.ErrorContains(t, err, "WithObserver(nil) observes nothing")
}
