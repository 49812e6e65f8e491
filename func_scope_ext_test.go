package weft_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type how struct {
	How string `query:"how"`
}

// bookFunc is a plain function of a handler whose service, check and around keep a ledger.
func bookFunc(t *testing.T, l *ledger, log *journal) func(context.Context, how) (string, error) {
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func() *ledger { l.tr.add("open"); return l })
	weft.Auto[*bookkeeper](c, func(l *ledger) *bookkeeper { return &bookkeeper{l} })
	h := weft.HandleFrom(func(b *bookkeeper, ctx context.Context, in how) (string, error) {
		b.ledger.tr.add("core")
		assert.Same(t, b.ledger, do.MustInvoke[*ledger](weft.ScopeOf(ctx)))
		assert.NoError(t, weft.Go(ctx, "later", func(ctx context.Context) error {
			do.MustInvoke[*ledger](weft.ScopeOf(ctx)).tr.add("later")
			return nil
		}))
		switch in.How {
		case "error":
			return "", errClosed
		case "panic":
			panic("oh")
		case "exit":
			runtime.Goexit()
		}
		return "written", nil
	})
	h = weft.CheckFrom(h, func(l *ledger, _ context.Context, in how) error {
		l.tr.add("check")
		if in.How == "denied" {
			return weft.Deny("")
		}
		return nil
	})
	h = weft.AroundFrom(h, func(b *bookkeeper, ctx context.Context, in how, next func(context.Context, how) (string, error)) (string, error) {
		b.ledger.tr.add("around")
		return next(ctx, in)
	})
	fn, err := weft.Func(t.Context(), h, weft.WithContainer(c), weft.WithLogger(slog.New(log)))
	require.NoError(t, err)
	return fn
}

func TestAFunctionHasServicesThatAreSettledByItsError(t *testing.T) {
	for in, want := range map[string]struct {
		err    error
		events string
	}{
		"":       {nil, "open check around core commit close open later commit close"},
		"error":  {errClosed, "open check around core rollback close"},
		"denied": {nil, "open check rollback close"},
		"panic":  {nil, "open check around core rollback close"},
	} {
		t.Run(in, func(t *testing.T) {
			l, log := &ledger{tr: &trace{}}, &journal{}
			out, err := bookFunc(t, l, log)(t.Context(), how{in})
			assert.Equal(t, want.events, l.tr.take())
			if in == "" {
				require.NoError(t, err)
				assert.Equal(t, "written", out)
			} else {
				require.Error(t, err)
				assert.Empty(t, out)
			}
			if want.err != nil {
				assert.Equal(t, want.err, err, "the original error, as it is")
			}
			assert.Empty(t, log.errors())
		})
	}
}

func TestAFunctionWhoseCommitFailsFails(t *testing.T) {
	l := &ledger{tr: &trace{}, fails: errClosed}
	out, err := bookFunc(t, l, &journal{})(t.Context(), how{})
	require.ErrorIs(t, err, errClosed)
	assert.Empty(t, out)
	assert.Equal(t, "open check around core commit close", l.tr.take(), "and what was left for later is not done")
}

func TestAFunctionThatLosesItsGoroutineRollsBack(t *testing.T) {
	l := &ledger{tr: &trace{}}
	fn := bookFunc(t, l, &journal{})
	var caller sync.WaitGroup
	caller.Go(func() { _, _ = fn(context.Background(), how{"exit"}) })
	caller.Wait()
	assert.Equal(t, "open check around core rollback close", l.tr.take())
}

func TestAFunctionOfAClientThatHasGoneIsSettledByItsErrorAlone(t *testing.T) {
	l := &ledger{tr: &trace{}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := bookFunc(t, l, &journal{})(ctx, how{})
	require.NoError(t, err)
	assert.Contains(t, l.tr.take(), "commit", "it has told its caller that it went well")
}

func TestFunctionsAndServersShareSingletons(t *testing.T) {
	tr := &trace{}
	c := weft.NewContainer(nil)
	weft.Singleton[*twofold](c, func() *twofold { tr.add("made"); return &twofold{tr} })
	h := weft.HandleFrom(func(*twofold, context.Context, struct{}) (string, error) { return "x", nil })
	fn := weft.MustFunc(t.Context(), h, weft.WithContainer(c))
	app, _ := newApp(weft.WithContainer(c))
	app.Handle("GET /x", h)
	srv := build(t, app)
	out, err := fn(t.Context(), struct{}{})
	require.NoError(t, err)
	assert.Equal(t, "x", out)
	require.NoError(t, srv.Shutdown(t.Context()))
	assert.Equal(t, "made shutdown", tr.take())
}

func TestMistakesOfAFunctionsContainerAreErrorsOfFunc(t *testing.T) {
	c := weft.NewContainer(nil)
	user := weft.NewKey[string]("user")
	weft.FromKey(c, user)
	weft.Auto[*addressed](c, func(s string) *addressed { return &addressed{s} })
	weft.Singleton[*twofold](c, func() (*twofold, error) { return nil, errors.New("cannot be made") })
	_, err := weft.Func(t.Context(), weft.HandleFrom(func(*addressed, context.Context, struct{}) (string, error) { return "", nil }), weft.WithContainer(c))
	require.ErrorContains(t, err, "needs a key, and Func has no stage that provides one")
	_, err = weft.Func(t.Context(), weft.HandleFrom(func(*ledger, context.Context, struct{}) (string, error) { return "", nil }), weft.WithContainer(c))
	require.ErrorContains(t, err, "*weft_test.ledger, which nothing provides")
	_, err = weft.Func(t.Context(), weft.HandleFrom(func(*twofold, context.Context, struct{}) (string, error) { return "", nil }), weft.WithContainer(c))
	require.ErrorContains(t, err, "cannot be made")
}

type addressed struct{ name string }

func TestAFunctionKnowsTheRulesOfAValidatorOfYours(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled())
	require.NoError(t, v.RegisterValidation("even", func(f validator.FieldLevel) bool { return f.Field().Int()%2 == 0 }))
	type in struct {
		N int `json:"n" validate:"even"`
	}
	fn, err := weft.Func(t.Context(), weft.Handle(func(_ context.Context, in in) (int, error) { return in.N, nil }), weft.WithValidator(v))
	require.NoError(t, err)
	_, err = fn(t.Context(), in{3})
	var invalid *weft.InvalidRequest
	require.ErrorAs(t, err, &invalid)
	out, err := fn(t.Context(), in{4})
	require.NoError(t, err)
	assert.Equal(t, 4, out)
}

func TestAFunctionReturnsNoStreamOfItsServices(t *testing.T) {
	c := weft.NewContainer(nil)
	weft.PerRequest[*ledger](c, func() *ledger { return &ledger{tr: &trace{}} })
	weft.Auto[*feed](c, func(l *ledger) *feed { return &feed{l} })
	_, err := weft.Func(t.Context(), weft.HandleFrom((*feed).Items), weft.WithContainer(c))
	require.ErrorContains(t, err, "is made for each call, which ends before that is read")

	fn, err := weft.Func(t.Context(), streaming(ticks(2)))
	require.NoError(t, err)
	got, err := fn(t.Context(), struct{}{})
	require.NoError(t, err)
	n := 0
	for _, err := range got {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 2, n)
}
