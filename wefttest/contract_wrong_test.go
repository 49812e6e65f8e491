package wefttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

func mw(fn func(*weft.Request, weft.Next) weft.Response) weft.Middleware {
	return weft.NewMiddleware("wrong", fn)
}

// keeper keeps the last Request in a field.
type keeper struct {
	mu   sync.Mutex
	last *weft.Request
}

func (k *keeper) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	k.mu.Lock()
	k.last = r
	k.mu.Unlock()
	return next(r)
}

// mixer keeps the Request in a field while it waits, and so passes on that of another caller.
type mixer struct{ r atomic.Pointer[weft.Request] }

func (m *mixer) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	m.r.Store(r)
	time.Sleep(2 * time.Millisecond)
	resp := next(m.r.Load())
	m.r.Store(nil)
	return resp
}

// answers keeps the Response of what is inside in a field.
type answers struct{ last atomic.Pointer[weft.Response] }

func (a *answers) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	resp := next(r)
	a.last.Store(&resp)
	time.Sleep(2 * time.Millisecond)
	return *a.last.Load()
}

func wrongMiddleware() []wrong {
	var promotion sync.Mutex
	rows := []struct {
		name     string
		stage    weft.Middleware
		sentence string
		traits   []wefttest.Trait
	}{
		{name: "calls next twice", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			next(r)
			return next(r)
		}), sentence: `the middleware "wrong" calls next 2 times for one request (GET /): once at most`},
		{name: "tries again after a failure", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			resp := next(r)
			if resp.Status() >= 500 {
				next(r)
			}
			return resp
		}), sentence: `the middleware "wrong" calls next a second time in an app: level=ERROR msg="request failed" route=/ stage=wrong`},
		{name: "calls next when it has returned", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			go func() {
				time.Sleep(20 * time.Millisecond)
				next(r)
			}()
			return weft.Empty()
		}), sentence: `the middleware "wrong" calls next after it has returned (GET /)`},
		{name: "does not wait for next", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			entered := make(chan struct{})
			go func() {
				close(entered)
				next(r)
			}()
			<-entered
			time.Sleep(2 * time.Millisecond)
			return weft.Empty()
		}), sentence: `the middleware "wrong" returns while next is still running (GET /)`},
		{name: "passes on a Request of its own", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			return next(weft.NewRequest(r.HTTP()))
		}), sentence: `the middleware "wrong" calls next with a Request that is not a view of the one it got (GET /)`},
		{name: "passes on a context of its own", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			return next(r.WithContext(context.Background()))
		}), sentence: `the middleware "wrong" calls next with a Request that is not a view of the one it got (GET /)`},
		{name: "detaches what is inside", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			return next(r.WithContext(context.WithoutCancel(r.Context())))
		}), sentence: `the middleware "wrong" gives next a context that does not end when the request's does (GET /)`},
		{name: "keeps the Request", stage: &keeper{},
			sentence: `the middleware "wefttest_test.keeper" keeps the Request after it has returned (GET /)`},
		{name: "uses the Request in the background", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			go func() {
				time.Sleep(700 * time.Millisecond)
				_ = r.Context().Err()
			}()
			return next(r)
		}), sentence: `the middleware "wrong" keeps the Request after it has returned (GET /)`},
		{name: "swallows the error", stage: weft.After("wrong", func(_ *weft.Request, resp weft.Response) weft.Response {
			body, _ := resp.Render()
			return weft.Bytes("text/plain", body).WithStatus(resp.Status())
		}), sentence: `the middleware "wrong" swallows the error of what is inside (an unknown error): the Response it returns carries none; make it from the one that next returned, or say Recovers`},
		{name: "replaces the error", stage: weft.OnError("wrong", func(*weft.Request, weft.Response, error) weft.Response {
			return weft.Fail(errors.New("something failed"))
		}), sentence: `the middleware "wrong" puts another error in the place of that of what is inside (an unknown error), and does not wrap it`},
		{name: "echoes the cause", stage: weft.OnError("wrong", func(_ *weft.Request, resp weft.Response, err error) weft.Response {
			return resp.WithHeader("X-Error", fmt.Sprintf("%.40q", err.Error()))
		}), sentence: `the middleware "wrong" tells the client the private cause of an error (an unknown error inside)`},
		{name: "reads the body unasked", stage: weft.Before("wrong", func(r *weft.Request) error {
			_, err := r.Body()
			return err
		}), sentence: `the middleware "wrong" reads the body and does not say so (GET /)`},
		{name: "reads the body behind weft's back", stage: weft.Before("wrong", func(r *weft.Request) error {
			_, err := io.ReadAll(r.HTTP().Body)
			return err
		}), sentence: `the middleware "wrong" reads the body and does not say so (GET /)`},
		{name: "rewrites the URL", stage: weft.Before("wrong", func(r *weft.Request) error {
			r.HTTP().URL.Path = "/rewritten"
			return nil
		}), sentence: `the middleware "wrong" changes what the stages share: the request's URL or the like, or the value of a key (GET /)`},
		{name: "changes the value of a key", stage: weft.Before("wrong", func(r *weft.Request) error {
			promotion.Lock()
			defer promotion.Unlock()
			if u, known := currentUser.Get(r); known {
				u.Roles = append(u.Roles, "admin")
			}
			return nil
		}), traits: []wefttest.Trait{wefttest.Sample("GET", "/", wefttest.With(currentUser, &user{Name: "Mia"}))},
			sentence: `the middleware "wrong" changes what the stages share: the request's URL or the like, or the value of a key (GET /)`},
		{name: "mixes up requests", stage: &mixer{},
			sentence: `the middleware "wefttest_test.mixer" calls next with a Request that is not a view of the one it got (GET /)`},
		{name: "mixes up answers", stage: &answers{},
			sentence: `the middleware "wefttest_test.answers" answers a request with the Response of another one, when there are several at once`},
		{name: "leaves a goroutine", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			go func() { time.Sleep(3 * time.Second) }()
			return next(r)
		}), sentence: `the middleware "wrong" leaves a goroutine running when it has returned:` + "\n\ttime.Sleep"},
		{name: "returns nothing", stage: mw(func(r *weft.Request, next weft.Next) weft.Response {
			next(r)
			return weft.Response{}
		}), sentence: `the middleware "wrong" returns the zero Response (GET /)`},
		{name: "returns nothing for failures", stage: weft.OnError("wrong", func(*weft.Request, weft.Response, error) weft.Response {
			return weft.Response{}
		}), sentence: `the middleware "wrong" returns the zero Response when what is inside fails with an unknown error`},
		{name: "sleeps through a cancellation", stage: weft.Before("wrong", func(r *weft.Request) error {
			if r.Context().Err() != nil {
				time.Sleep(1500 * time.Millisecond)
			}
			return nil
		}), sentence: `the middleware "wrong" has not returned 1s after it was given a context that is`},
		{name: "panics", stage: weft.Before("wrong", func(*weft.Request) error { panic("oh") }),
			sentence: `the middleware "wrong" panics, given GET /: oh`},
		{name: "panics for failures", stage: weft.OnError("wrong", func(_ *weft.Request, _ weft.Response, err error) weft.Response {
			return weft.Text(err.(*weft.Error).Code)
		}), sentence: `the middleware "wrong" panics, when what is inside fails with an unknown error: interface conversion`},
		{name: "panics at the end", stage: weft.Finally("wrong", func(*weft.Request, weft.Sent) { panic("oh") }),
			sentence: `the middleware "wrong" panics when the answer has been sent (Finally): level=ERROR msg="finally failed"`},
		{name: "breaks its promise", stage: weft.NewMiddleware("wrong", func(r *weft.Request, next weft.Next) weft.Response {
			return next(r)
		}, weft.Provides(number)), sentence: `the middleware "wrong" fails in an app (GET /): "wrong" says that it provides the key "number" of type int, and went on without having set it`},
		{name: "sets what it does not say", stage: weft.Before("wrong", func(r *weft.Request) error {
			number.Set(r, 7)
			return nil
		}), sentence: `the middleware "wrong" fails in an app (GET /): panic: weft: the key "number" of type int cannot be set: no stage of the app says that it Provides it`},
		{name: "needs what it is not given", stage: weft.NewMiddleware("wrong", func(r *weft.Request, next weft.Next) weft.Response {
			return next(r)
		}, weft.Needs(number)), sentence: `the middleware "wrong" cannot be built into an app; give the keys it needs by Sample and With:`},
		{name: "is nil", stage: nil, sentence: "the middleware is nil: there is nothing to test"},
	}
	var all []wrong
	for _, row := range rows {
		all = append(all, wrong{row.name, func(t testing.TB) { wefttest.TestMiddleware(t, row.stage, row.traits...) }, row.sentence})
	}
	return all
}

// wrong is a stage with a defect, and the sentence that must tell it.
type wrong struct {
	name     string
	run      func(testing.TB)
	sentence string
}

func guard(fn func(*weft.Request) error, traits ...wefttest.Trait) func(testing.TB) {
	return func(t testing.TB) { wefttest.TestGuard(t, weft.NewGuard("wrong", fn), traits...) }
}

func wrongGuards() []wrong {
	var asked atomic.Int64
	return []wrong{
		{"takes an outage for a no", guard(func(r *weft.Request) error {
			if err := r.Context().Err(); err != nil {
				return weft.Deny("Could not look.").WithCause(err)
			}
			return nil
		}), `the guard "wrong" denies with a context that is cancelled what it lets pass otherwise: return the error as it is, not a Denial (GET /)`},
		{"takes an outage for a yes", guard(func(r *weft.Request) error {
			if r.Context().Err() != nil {
				return nil
			}
			return weft.Deny("No.")
		}), `the guard "wrong" lets pass with a context that is cancelled what it denies otherwise: an outage is access (GET /)`},
		{"is open without its database", func(t testing.TB) {
			withDatabase := func(k *keys) weft.Guard {
				return weft.NewGuard("wrong", func(r *weft.Request) error {
					u, err := k.look(context.WithoutCancel(r.Context()), r.Header().Get("Authorization"))
					if err == nil && u == nil {
						return weft.Deny("No.")
					}
					return nil
				})
			}
			wefttest.TestGuard(t, withDatabase(&keys{}), good, bad, wefttest.Broken(withDatabase(&keys{down: true})))
		}, `the guard "wrong" lets pass with a broken dependency what it denies otherwise: an outage is access (GET /)`},
		{"ignores that its database is down", func(t testing.TB) {
			open := weft.NewGuard("wrong", func(*weft.Request) error { return nil })
			wefttest.TestGuard(t, open, wefttest.Broken(open))
		}, `the guard "wrong" lets pass with a broken dependency: it cannot know (GET /)`},
		{"decides by chance", guard(func(*weft.Request) error {
			if asked.Add(1)%2 == 0 {
				return weft.Deny("No.")
			}
			return nil
		}), `the guard "wrong" decides differently about the same request again: allowed, and then denied (GET /)`},
		{"fails on what a client sends", guard(func(r *weft.Request) error {
			if _, err := strconv.Atoi(r.Header().Get("X-Level")); err != nil {
				return err
			}
			return nil
		}, wefttest.Sample("GET", "/", wefttest.Header("X-Level", "3"))), `the guard "wrong" fails on no header X-Level, which is the client's mistake and not its own: strconv.Atoi`},
		{"panics on what a client sends", guard(func(r *weft.Request) error {
			if r.Header().Get("Authorization")[:7] != "Bearer " {
				return weft.Deny("No.")
			}
			return nil
		}, good), `the guard "wrong" fails on no header Authorization, which is the client's mistake and not its own: panic: runtime error: slice bounds out of range`},
		{"panics", guard(func(*weft.Request) error { panic("oh") }), `the guard "wrong" panics, asked about GET /: panic: oh`},
		{"reads the body unasked", guard(func(r *weft.Request) error {
			_, err := r.Body()
			return err
		}), `the guard "wrong" reads the body and does not say so (GET /)`},
		{"reads the body behind weft's back", guard(func(r *weft.Request) error {
			_, err := io.ReadAll(r.HTTP().Body)
			return err
		}), `the guard "wrong" reads the body and does not say so (GET /)`},
		{"sets what it does not say", guard(func(r *weft.Request) error {
			number.Set(r, 7)
			return nil
		}), `the guard "wrong" fails in an app, where it is allowed alone (GET /): panic: weft: the key "number" of type int cannot be set`},
		{"does not set what it says", func(t testing.TB) {
			wefttest.TestGuard(t, weft.NewGuard("wrong", func(*weft.Request) error { return nil }, weft.Provides(number)))
		}, `the guard "wrong" fails, asked about GET /, in place of deciding: "wrong" says that it provides the key "number" of type int, and went on without having set it`},
		{"repeats credentials", guard(func(r *weft.Request) error {
			return weft.Deny("Not with " + strconv.QuoteToASCII(r.Header().Get("Authorization")))
		}, good), `the guard "wrong" repeats the client's credentials in its answer (GET /)`},
		{"does not honour its context", guard(func(r *weft.Request) error {
			if r.Context().Err() != nil {
				time.Sleep(1500 * time.Millisecond)
			}
			return nil
		}), `the guard "wrong" has not decided 1s after it was given a context that is cancelled: it does not honour its context`},
		{"cannot be built", func(t testing.TB) {
			wefttest.TestGuard(t, weft.NewGuard("wrong", func(*weft.Request) error { return nil }, weft.Needs(number)))
		}, `the guard "wrong" cannot be built into an app; give the keys it needs by Sample and With:`},
		{"keeps the Request", func(t testing.TB) {
			var mu sync.Mutex
			var all []*weft.Request
			guard(func(r *weft.Request) error {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, r)
				return nil
			})(t)
			_ = len(all)
		}, `the guard "wrong" keeps the Request after it has returned (GET /)`},
	}
}

func extractor[T any](fn func(*weft.Request) (T, error), traits ...wefttest.Trait) func(testing.TB) {
	return func(t testing.TB) { wefttest.TestExtractor(t, weft.NewExtractor("wrong", fn), traits...) }
}

func wrongExtractors() []wrong {
	page := wefttest.Sample("GET", "/?page=2")
	return []wrong{
		{"answers a client's mistake with a 500", extractor(func(r *weft.Request) (int, error) { return strconv.Atoi(r.Query().Get("page")) }, page),
			`the extractor "wrong" answers a client's mistake (`},
		{"panics on what a client sends", extractor(func(r *weft.Request) (byte, error) { return r.Query().Get("page")[0], nil }, page),
			`the extractor "wrong" panics, given`},
		{"repeats what a client sent", extractor(func(r *weft.Request) (int, error) {
			n, err := strconv.Atoi(r.Query().Get("page"))
			if err != nil {
				return 0, &weft.Error{Status: 400, Detail: "The page cannot be " + r.Query().Get("page") + ".", Cause: err}
			}
			return n, nil
		}, page), `the extractor "wrong" repeats to the client what it sent (a value that is hostile-`},
		{"reads the body once", extractor(func(r *weft.Request) (map[string]any, error) {
			var v map[string]any
			if err := json.NewDecoder(r.HTTP().Body).Decode(&v); err != nil {
				return nil, &weft.Error{Status: 400, Cause: err}
			}
			return v, nil
		}, wefttest.Sample("POST", "/", wefttest.JSON(map[string]int{"a": 1}))), `the extractor "wrong" reads another value when it is asked again (POST /): what it reads must stay, read the body by Request.Body`},
		{"reads the body unasked", extractor(func(r *weft.Request) (int, error) {
			body, err := r.Body()
			return len(body), err
		}), `the extractor "wrong" reads the body and does not say so (GET /)`},
		{"reads what changes", extractor(func(*weft.Request) (string, error) { return fmt.Sprint(time.Now().UnixNano()), nil }),
			`the extractor "wrong" reads another value when it is asked again (GET /)`},
		{"changes the request", extractor(func(r *weft.Request) (string, error) {
			q := r.HTTP().URL.RawQuery
			r.HTTP().URL.RawQuery = ""
			return q, nil
		}, page), `the extractor "wrong" changes what the stages share`},
		{"fails", extractor(func(*weft.Request) (string, error) { return "", errOutage }), `the extractor "wrong" fails, reading GET /: the database is down`},
	}
}

func wrongMappers() []wrong {
	on := func(fn func(*weft.Request, *outOfStock) weft.Response, example error) func(testing.TB) {
		return func(t testing.TB) { wefttest.TestMapper(t, weft.On(fn), example) }
	}
	private := &outOfStock{"tea", errors.New("warehouse 7 at 10.0.0.7")}
	var answered atomic.Int64
	return []wrong{
		{"returns nothing", on(func(*weft.Request, *outOfStock) weft.Response { return weft.Response{} }, private),
			`the mapper for *wefttest_test.outOfStock returns the zero Response, given an error by itself`},
		{"echoes the cause", on(func(_ *weft.Request, e *outOfStock) weft.Response { return weft.Text(e.cause.Error()) }, private),
			`the mapper for *wefttest_test.outOfStock tells the client the private cause of the error (an error by itself)`},
		{"panics for a zero value", on(func(_ *weft.Request, e *outOfStock) weft.Response { return weft.Text(e.SKU[:1]) }, private),
			`the mapper for *wefttest_test.outOfStock panics, given an error that is the zero value of its type: runtime error: slice bounds out of range`},
		{"panics for what is wrapped", func(t testing.TB) {
			wefttest.TestMapper(t, weft.OnIs(error(errSentinel), func(_ *weft.Request, err error) weft.Response {
				return weft.Text(err.(*sentinelError).text)
			}), errSentinel)
		}, `the mapper for *wefttest_test.sentinelError panics, given an error wrapped: interface conversion`},
		{"tells what is wrapped around", func(t testing.TB) {
			wefttest.TestMapper(t, weft.OnIs(errClosed, func(_ *weft.Request, err error) weft.Response { return weft.Text(err.Error()) }), errClosed)
		}, `the mapper for *errors.errorString tells the client what is wrapped around the error, which is private (an error wrapped)`},
		{"is for something else", on(func(*weft.Request, *outOfStock) weft.Response { return weft.Empty() }, errClosed),
			`the mapper for *errors.errorString is not for an error by itself`},
		{"answers by chance", on(func(*weft.Request, *outOfStock) weft.Response {
			return weft.Empty().WithStatus(200 + int(answered.Add(1)%7))
		}, private), `the mapper for *wefttest_test.outOfStock answers the same error differently`},
		{"has no example", func(t testing.TB) { wefttest.TestMapper(t, weft.Mapper{}, nil) }, "has nil for an example: give it an error that it is for"},
	}
}

type sentinelError struct{ text string }

func (e *sentinelError) Error() string { return e.text }

var errSentinel = &sentinelError{"closed"}

type typedNext = func(context.Context, int) (string, error)

func around(fn weft.Around[int, string]) func(testing.TB) {
	return func(t testing.TB) { wefttest.TestAround(t, fn, 1, "tea") }
}

func wrongArounds() []wrong {
	return []wrong{
		{"tries again after a failure", around(func(ctx context.Context, in int, next typedNext) (string, error) {
			out, err := next(ctx, in)
			if err != nil {
				return next(ctx, in)
			}
			return out, nil
		}), "calls next 2 times when it fails with an unknown error: once at most"},
		{"calls next twice", around(func(ctx context.Context, in int, next typedNext) (string, error) {
			_, _ = next(ctx, in)
			return next(ctx, in)
		}), "calls next 2 times: once at most"},
		{"swallows the error", around(func(ctx context.Context, in int, next typedNext) (string, error) {
			out, _ := next(ctx, in)
			return out, nil
		}), "swallows the error of next (an unknown error): return it, or say Recovers"},
		{"replaces the error", around(func(ctx context.Context, in int, next typedNext) (string, error) {
			out, err := next(ctx, in)
			if err != nil {
				err = errors.New("failed: " + err.Error())
			}
			return out, err
		}), "puts another error in the place of that of next (an unknown error), and does not wrap it"},
		{"calls next with another context", around(func(_ context.Context, in int, next typedNext) (string, error) {
			return next(context.Background(), in)
		}), "calls next with a context that does not derive from its own"},
		{"detaches what is inside", around(func(ctx context.Context, in int, next typedNext) (string, error) {
			return next(context.WithoutCancel(ctx), in)
		}), "gives next a context that does not end when the request's does"},
		{"calls next when it has returned", around(func(ctx context.Context, in int, next typedNext) (string, error) {
			go func() {
				time.Sleep(20 * time.Millisecond)
				_, _ = next(ctx, in)
			}()
			return "", nil
		}), "calls next after it has returned"},
		{"panics", around(func(context.Context, int, typedNext) (string, error) { panic("oh") }), "panics, when next returns well: oh"},
		{"leaves a goroutine", around(func(ctx context.Context, in int, next typedNext) (string, error) {
			go func() { time.Sleep(3 * time.Second) }()
			return next(ctx, in)
		}), "leaves a goroutine running when it has returned:\n\ttime.Sleep"},
		{"is nil", func(t testing.TB) { wefttest.TestAround[int, string](t, nil, 1, "") }, "is nil: there is nothing to test"},
	}
}

func TestWrongStagesAreFound(t *testing.T) {
	t.Parallel()
	for kind, rows := range map[string][]wrong{
		"middleware": wrongMiddleware(),
		"guard":      wrongGuards(),
		"extractor":  wrongExtractors(),
		"mapper":     wrongMappers(),
		"around":     wrongArounds(),
	} {
		for _, row := range rows {
			t.Run(kind+" that "+row.name, func(t *testing.T) {
				t.Parallel()
				record(t, row.run).found(t, row.sentence)
			})
		}
	}
}

// A stage with one defect is not blamed for others that follow from none.
func TestEachDefectIsToldOnce(t *testing.T) {
	t.Parallel()
	r := record(t, func(t testing.TB) {
		wefttest.TestMiddleware(t, weft.Before("wrong", func(r *weft.Request) error {
			r.HTTP().URL.Path = "/rewritten"
			return nil
		}), wefttest.Sample("GET", "/"))
	})
	require.Len(t, r.failures, 1, "%q", r.failures)
	require.NotContains(t, r.failures[0], "\n", "it is a sentence")
}
