package wefttest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

type user struct {
	Name  string
	Roles []string
}

var (
	currentUser = weft.NewKey[*user]("current user")
	number      = weft.NewKey[int]("number")
)

type idKey struct{}

// Middleware as it should be: the factory forms, and those that the examples have.
var rightMiddleware = map[string]struct {
	stage  weft.Middleware
	traits []wefttest.Trait
}{
	"Before": {stage: weft.Before("b", func(*weft.Request) error { return nil })},
	"Before that refuses": {stage: weft.Before("b", func(r *weft.Request) error {
		if r.Header().Get("X-Key") == "" {
			return weft.Deny("No key.")
		}
		return nil
	})},
	"After": {stage: weft.After("a", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("Cache-Control", "no-store")
	})},
	"OnError that adds to the answer": {stage: weft.OnError("e", func(_ *weft.Request, resp weft.Response, _ error) weft.Response {
		return resp.WithHeader("Retry-After", "1")
	})},
	"OnError that recovers": {
		stage:  weft.OnError("e", func(*weft.Request, weft.Response, error) weft.Response { return weft.Text("later") }),
		traits: []wefttest.Trait{wefttest.Recovers()},
	},
	"Finally": {stage: weft.Finally("f", func(r *weft.Request, sent weft.Sent) { _, _ = r.Header(), sent.Status })},
	"one that does nothing": {stage: weft.MiddlewareFunc(func(r *weft.Request, next weft.Next) weft.Response {
		return next(r)
	})},
	"a short circuit": {stage: weft.MiddlewareFunc(func(*weft.Request, weft.Next) weft.Response { return weft.Empty() })},
	"a request id": {stage: weft.NewMiddleware("request id", func(r *weft.Request, next weft.Next) weft.Response {
		ctx := context.WithValue(r.Context(), idKey{}, "one")
		return next(r.WithContext(ctx)).WithHeader("X-Request-Id", "one")
	})},
	"a deadline": {stage: weft.NewMiddleware("deadline", func(r *weft.Request, next weft.Next) weft.Response {
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		return next(r.WithContext(ctx))
	})},
	"a next on another goroutine": {stage: weft.NewMiddleware("apart", func(r *weft.Request, next weft.Next) weft.Response {
		answered := make(chan weft.Response, 1)
		go func() { answered <- next(r) }()
		return <-answered
	})},
	"a bounded concurrency":   {stage: bounded(2)},
	"a counter behind a lock": {stage: counted()},
	"one that needs a key": {
		stage: weft.NewMiddleware("greets", func(r *weft.Request, next weft.Next) weft.Response {
			return next(r).WithHeader("X-User", currentUser.Must(r).Name)
		}, weft.Needs(currentUser)),
		traits: []wefttest.Trait{wefttest.Sample("GET", "/", wefttest.With(currentUser, &user{Name: "Mia"}))},
	},
	"one that provides a key": {stage: weft.NewMiddleware("provides", func(r *weft.Request, next weft.Next) weft.Response {
		number.Set(r, 7)
		return next(r)
	}, weft.Provides(number))},
	"one that reads the body and says so": {
		stage: weft.NewMiddleware("digest", func(r *weft.Request, next weft.Next) weft.Response {
			body, err := r.Body()
			if err != nil {
				return weft.Fail(err)
			}
			return next(r).WithHeader("X-Length", strconv.Itoa(len(body)))
		}),
		traits: []wefttest.Trait{wefttest.ReadsBody()},
	},
	"one whose background work ends soon": {stage: weft.NewMiddleware("audit", func(r *weft.Request, next weft.Next) weft.Response {
		path := r.HTTP().URL.Path // what it needs is copied
		go func() { time.Sleep(5 * time.Millisecond); _ = path }()
		return next(r)
	})},
	"a type of its own": {stage: &accessLog{slog.New(slog.DiscardHandler)}},
}

func bounded(n int) weft.Middleware {
	room := make(chan struct{}, n)
	return weft.NewMiddleware("bounded", func(r *weft.Request, next weft.Next) weft.Response {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
			return next(r)
		case <-r.Context().Done():
			return weft.Fail(r.Context().Err())
		}
	})
}

func counted() weft.Middleware {
	var mu sync.Mutex
	counts := map[string]int{}
	return weft.After("counted", func(r *weft.Request, resp weft.Response) weft.Response {
		mu.Lock()
		defer mu.Unlock()
		counts[r.HTTP().URL.Path]++
		return resp
	})
}

type accessLog struct{ log *slog.Logger }

func (a *accessLog) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	resp := next(r)
	a.log.InfoContext(r.Context(), "answered", "status", resp.Status())
	return resp
}

func TestRightMiddlewarePasses(t *testing.T) {
	t.Parallel()
	for name, row := range rightMiddleware {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record(t, func(t testing.TB) { wefttest.TestMiddleware(t, row.stage, row.traits...) }).clean(t)
		})
	}
}

var errOutage = errors.New("the database is down")

// keys is a dependency of a guard, which may be down.
type keys struct{ down bool }

func (k *keys) look(ctx context.Context, key string) (*user, error) {
	switch {
	case k.down:
		return nil, errOutage
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case key != "Bearer right":
		return nil, nil
	}
	return &user{Name: "Mia"}, nil
}

func login(k *keys) weft.Guard {
	return weft.ValueGuard(currentUser, "login", func(r *weft.Request) (*user, error) {
		u, err := k.look(r.Context(), r.Header().Get("Authorization"))
		if err == nil && u == nil {
			return nil, weft.Unauthenticated("Bearer", "Log in.")
		}
		return u, err
	})
}

func signed(secret []byte) weft.Guard {
	return weft.NewGuard("signed", func(r *weft.Request) error {
		body, err := r.Body()
		if err != nil {
			return err
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		sent, err := hex.DecodeString(r.Header().Get("X-Signature"))
		if err != nil || !hmac.Equal(sent, mac.Sum(nil)) {
			return weft.Deny("The signature is wrong.")
		}
		return nil
	}, weft.ReadsBody())
}

var (
	good = wefttest.Sample("GET", "/", wefttest.Header("Authorization", "Bearer right"))
	bad  = wefttest.Sample("GET", "/", wefttest.Header("Authorization", "Bearer wrong"))
)

var rightGuards = map[string]struct {
	guard  weft.Guard
	traits []wefttest.Trait
}{
	"one that lets everybody pass": {guard: weft.NewGuard("open", func(*weft.Request) error { return nil })},
	"one that lets nobody pass":    {guard: weft.NewGuard("closed", func(*weft.Request) error { return weft.Deny("No.") })},
	"a function":                   {guard: weft.GuardFunc(func(*weft.Request) error { return nil })},
	"a login":                      {guard: login(&keys{}), traits: []wefttest.Trait{good, bad, wefttest.Broken(login(&keys{down: true}))}},
	"a combination": {
		guard:  weft.Any(login(&keys{}), weft.Not(weft.NewGuard("open", func(*weft.Request) error { return nil }))),
		traits: []wefttest.Trait{good, bad},
	},
	"a role": {
		guard: weft.NewGuard("role", func(r *weft.Request) error {
			if len(currentUser.Must(r).Roles) == 0 {
				return weft.Deny("").Hidden()
			}
			return nil
		}, weft.Needs(currentUser)),
		traits: []wefttest.Trait{wefttest.Sample("GET", "/", wefttest.With(currentUser, &user{Roles: []string{"admin"}}))},
	},
	"a signature": {
		guard: signed([]byte("key")),
		traits: []wefttest.Trait{
			wefttest.Sample("POST", "/", wefttest.Body("application/json", "{}"), wefttest.Header("X-Signature", mac("{}"))),
			wefttest.Sample("POST", "/", wefttest.Body("application/json", "{}"), wefttest.Header("X-Signature", mac("[]"))),
		},
	},
	"a rate limit": {guard: rateLimit(), traits: []wefttest.Trait{wefttest.Stateful()}},
}

func mac(body string) string {
	m := hmac.New(sha256.New, []byte("key"))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

func rateLimit() weft.Guard {
	var mu sync.Mutex
	asked := 0
	return weft.NewGuard("rate limit", func(*weft.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked%2 == 0 {
			return weft.Deny("Later.")
		}
		return nil
	})
}

func TestRightGuardsPass(t *testing.T) {
	t.Parallel()
	for name, row := range rightGuards {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record(t, func(t testing.TB) { wefttest.TestGuard(t, row.guard, row.traits...) }).clean(t)
		})
	}
}

type search struct {
	Limit  int       `query:"limit" default:"20"`
	Tenant string    `header:"X-Tenant,required"`
	Since  time.Time `query:"since"`
	Body   struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	} `body:"json"`
}

func TestRightExtractorsPass(t *testing.T) {
	t.Parallel()
	body := wefttest.Sample("POST", "/?limit=3", wefttest.JSON(map[string]any{"name": "tea", "tags": []string{"a"}}), wefttest.Header("X-Tenant", "acme"), wefttest.Cookie("session", "s"))
	path := wefttest.Sample("GET", "/orders/7", wefttest.PathValue("id", "7"))
	for name, run := range map[string]func(testing.TB){
		"a struct":      func(t testing.TB) { wefttest.TestExtractor(t, weft.Struct[search](), body) },
		"a path value":  func(t testing.TB) { wefttest.TestExtractor(t, weft.PathValue[int64]("id"), path) },
		"a query value": func(t testing.TB) { wefttest.TestExtractor(t, weft.QueryValue[[]int]("limit"), body) },
		"a header":      func(t testing.TB) { wefttest.TestExtractor(t, weft.HeaderValue[string]("X-Tenant"), body) },
		"a cookie":      func(t testing.TB) { wefttest.TestExtractor(t, weft.CookieValue[string]("session"), body) },
		"a JSON body":   func(t testing.TB) { wefttest.TestExtractor(t, weft.JSONBody[map[string]any](), body) },
		"a form": func(t testing.TB) {
			wefttest.TestExtractor(t, weft.Struct[struct {
				Title string      `form:"title"`
				Photo weft.Upload `file:"photo"`
			}](), wefttest.Sample("POST", "/", wefttest.Body("multipart/form-data; boundary=x",
				"--x\r\nContent-Disposition: form-data; name=title\r\n\r\ntea\r\n--x\r\nContent-Disposition: form-data; name=photo; filename=a.png\r\n\r\nPNG\r\n--x--\r\n")))
		},
		"a raw body": func(t testing.TB) { wefttest.TestExtractor(t, weft.RawBody(), body) },
		"a text": func(t testing.TB) {
			wefttest.TestExtractor(t, weft.TextBody(), wefttest.Sample("POST", "/", wefttest.Body("text/plain", "tea")))
		},
		"one that may miss": func(t testing.TB) { wefttest.TestExtractor(t, weft.Optional(weft.QueryValue[int]("page"))) },
		"a default":         func(t testing.TB) { wefttest.TestExtractor(t, weft.Default(weft.QueryValue[int]("page"), 1)) },
		"one that tries":    func(t testing.TB) { wefttest.TestExtractor(t, weft.Try(weft.QueryValue[int]("page"))) },
		"a key": func(t testing.TB) {
			wefttest.TestExtractor(t, weft.KeyValue(number), wefttest.Sample("GET", "/", wefttest.With(number, 7)))
		},
		"a function": func(t testing.TB) {
			wefttest.TestExtractor(t, weft.NewExtractor("page", func(r *weft.Request) (int, error) {
				n, err := strconv.Atoi(r.Query().Get("page"))
				if err != nil {
					return 0, &weft.InvalidRequest{Fields: []weft.FieldError{{Source: weft.SourceQuery, Name: "page", Code: weft.CodeInvalidType, Cause: err}}}
				}
				return n, nil
			}), wefttest.Sample("GET", "/?page=2"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record(t, run).clean(t)
		})
	}
}

type outOfStock struct {
	SKU   string
	cause error
}

func (e *outOfStock) Error() string { return "out of stock: " + e.SKU }
func (e *outOfStock) Unwrap() error { return e.cause }

var errClosed = errors.New("the shop is closed")

func TestRightMappersPass(t *testing.T) {
	t.Parallel()
	private := errors.New("warehouse 7 at 10.0.0.7 said no")
	for name, run := range map[string]func(testing.TB){
		"On": func(t testing.TB) {
			wefttest.TestMapper(t, weft.On(func(_ *weft.Request, e *outOfStock) weft.Response {
				return weft.Fail(&weft.Error{Status: http.StatusConflict, Code: "out_of_stock", Detail: "There is no " + e.SKU + ".", Cause: e})
			}), &outOfStock{"tea", private}, wefttest.Example(&outOfStock{SKU: "x"}))
		},
		"OnIs": func(t testing.TB) {
			wefttest.TestMapper(t, weft.OnIs(errClosed, func(_ *weft.Request, err error) weft.Response {
				return weft.Fail(&weft.Error{Status: http.StatusServiceUnavailable, Cause: err})
			}), errClosed)
		},
		"one that recovers": func(t testing.TB) {
			wefttest.TestMapper(t, weft.OnIs(errClosed, func(*weft.Request, error) weft.Response { return weft.JSON("closed") }), errClosed)
		},
		"a denial": func(t testing.TB) {
			wefttest.TestMapper(t, weft.On(func(_ *weft.Request, d *weft.Denial) weft.Response { return weft.Empty().WithStatus(d.Status()) }), weft.Deny("No."))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record(t, run).clean(t)
		})
	}
}

func trail[Req, Resp any](ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return next(ctx, in)
}

func TestRightAroundsPass(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(testing.TB){
		"a generic one": func(t testing.TB) { wefttest.TestAround(t, trail, search{}, "tea") },
		"one that answers by itself": func(t testing.TB) {
			wefttest.TestAround(t, func(context.Context, int, func(context.Context, int) (string, error)) (string, error) {
				return "cached", nil
			}, 1, "tea")
		},
		"one that recovers": func(t testing.TB) {
			wefttest.TestAround(t, func(ctx context.Context, in int, next func(context.Context, int) (string, error)) (string, error) {
				out, err := next(ctx, in)
				if err != nil {
					return "later", nil
				}
				return out, nil
			}, 1, "tea", wefttest.Recovers())
		},
		"one that uses a key": func(t testing.TB) {
			wefttest.TestAround(t, func(ctx context.Context, in int, next func(context.Context, int) (string, error)) (string, error) {
				if n, known := number.From(ctx); !known || n != 7 {
					return "", errors.New("no number")
				}
				return next(ctx, in)
			}, 1, "tea", wefttest.Sample("GET", "/", wefttest.With(number, 7)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record(t, run).clean(t)
		})
	}
}
