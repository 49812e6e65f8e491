package weft_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft"
)

// A middleware is a function of a request and of what is further in.
func ExampleNewMiddleware() {
	var maintenance atomic.Bool
	closed := weft.NewMiddleware("maintenance", func(r *weft.Request, next weft.Next) weft.Response {
		if maintenance.Load() {
			return weft.Fail(&weft.Error{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"60"}}})
		}
		return next(r)
	})

	app := quiet()
	app.Use(closed)
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	maintenance.Store(true)
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output:
	// 200 {"id":7,"product":"tea"}
	// 503 {"title":"Service Unavailable","status":503}
}

// A MiddlewareFunc is named after the function; NewMiddleware gives it a name and options.
func ExampleMiddlewareFunc() {
	app := quiet()
	app.Use(weft.MiddlewareFunc(passThrough))
	plan, err := app.Plan()
	fmt.Println(plan.App[0].Name, err)
	// Output: weft_test.passThrough <nil>
}

// Middleware of the app stands before routing: it sees the 404 too.
func ExampleApp_Use() {
	app := quiet()
	app.Use(weft.After("security headers", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("X-Frame-Options", "DENY")
	}))
	w := send(app, "GET", "/nowhere", "")
	fmt.Println(w.Code, w.Header().Get("X-Frame-Options"))
	// Output: 404 DENY
}

// Middleware of a group runs on its routes, and on what leads nowhere under its prefix.
func ExampleGroup_Use() {
	app := quiet()
	api := app.Group("/api")
	api.Use(weft.After("no store", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("Cache-Control", "no-store")
	}))
	api.Handle("POST /orders", weft.Handle(placeOrder))
	for _, path := range []string{"/api/nowhere", "/elsewhere"} {
		w := send(app, "GET", path, "")
		fmt.Println(w.Code, w.Header().Get("Cache-Control"))
	}
	// Output:
	// 404 no-store
	// 404
}

// The context that a stage hands to next is that of everything further in.
func ExampleRequest_WithContext() {
	deadline := weft.NewMiddleware("deadline", func(r *weft.Request, next weft.Next) weft.Response {
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		return next(r.WithContext(ctx))
	})

	app := quiet()
	app.Use(deadline)
	app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (bool, error) {
		_, has := ctx.Deadline()
		return has, nil
	}))
	show(app, "GET", "/", "")
	// Output: 200 true
}

// Whoever attaches the stage again, such as a group of another package, finds it there already.
func ExampleOnce() {
	requestID := weft.NewMiddleware("request id", func(r *weft.Request, next weft.Next) weft.Response {
		fmt.Println("request id")
		return next(r)
	}, weft.Once())

	app := quiet()
	app.Use(requestID)
	app.Handle("POST /orders", weft.Handle(placeOrder).Use(requestID))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output:
	// request id
	// 200 {"id":7,"product":"tea"}
}

// Build checks what a stage demands of its place. It never sorts: the source says what runs.
func ExampleInside() {
	app := quiet()
	app.Use(
		weft.NewMiddleware("access log", passThrough, weft.Inside("request id")),
		weft.NewMiddleware("request id", passThrough),
	)
	_, err := app.Plan()
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), mistake.Remedy)
	// Output: true list it later, or attach it at a level further in
}

func ExampleOutside() {
	app := quiet()
	app.Use(
		weft.NewMiddleware("compress", passThrough),
		weft.NewMiddleware("access log", passThrough, weft.Outside("compress")),
	)
	_, err := app.Plan()
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), mistake.Remedy)
	// Output: true list it earlier, or attach it at a level further out
}

// An interceptor is a middleware behind the guards, the decoding and the checks.
func ExampleHandler_Intercept() {
	step := func(name string) weft.Middleware {
		return weft.Before(name, func(*weft.Request) error { fmt.Println(name); return nil })
	}
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).
		Intercept(step("interceptor")).
		Check(func(context.Context, PlaceOrder) error { fmt.Println("check"); return nil }).
		Guard(weft.NewGuard("guard", func(*weft.Request) error { fmt.Println("guard"); return nil })).
		Use(step("middleware")))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output:
	// middleware
	// guard
	// check
	// interceptor
	// 200 {"id":7,"product":"tea"}
}

// Answers are kept behind the guards, so nobody gets one that is not for them.
func ExampleHandler_Intercept_cache() {
	var kept sync.Map // by URL; where answers depend on the user, by user too
	cache := weft.NewMiddleware("cache", func(r *weft.Request, next weft.Next) weft.Response {
		key := r.HTTP().URL.String()
		if resp, found := kept.Load(key); found {
			return resp.(weft.Response)
		}
		resp := next(r)
		if resp.Err() == nil {
			kept.Store(key, resp) // a Response is a value: it can be sent many times
		}
		return resp
	})

	app := quiet()
	app.Handle("GET /price", weft.Handle(func(context.Context, struct{}) (int, error) {
		fmt.Println("computed")
		return 42, nil
	}).Intercept(cache))
	show(app, "GET", "/price", "")
	show(app, "GET", "/price", "")
	// Output:
	// computed
	// 200 42
	// 200 42
}

// An interceptor of the app stands on every route, and on no path that leads nowhere.
func ExampleApp_Intercept() {
	etag := weft.After("etag", func(r *weft.Request, resp weft.Response) weft.Response {
		body, err := resp.Render()
		if err != nil || r.HTTP().Method != http.MethodGet || resp.Status() != http.StatusOK {
			return resp
		}
		tag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))
		if r.Header().Get("If-None-Match") == tag {
			resp = resp.WithStatus(http.StatusNotModified)
		}
		return resp.WithHeader("ETag", tag)
	})

	app := quiet()
	app.Intercept(etag)
	app.Handle("GET /price", weft.Handle(func(context.Context, struct{}) (int, error) { return 42, nil }))
	tag := send(app, "GET", "/price", "").Header().Get("ETag")
	show(app, "GET", "/price", "", "If-None-Match: "+tag)
	// Output: 304
}

// Named and Describe give a type of your own a name, and options.
func ExampleNamed() {
	app := quiet()
	app.Use(weft.Describe(&stopwatch{}, weft.Named("stopwatch")))
	plan, err := app.Plan()
	fmt.Println(plan.App[0].Name, err)
	// Output: stopwatch <nil>
}

// stopwatch is a Middleware with state of its own, which all requests share.
type stopwatch struct{ total atomic.Int64 }

func (s *stopwatch) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	start := time.Now()
	defer func() { s.total.Add(int64(time.Since(start))) }()
	return next(r)
}

// The function of a Finally is what a test calls: a Finally alone has no end of a request to wait for.
func ExampleSent() {
	log := func(r *weft.Request, sent weft.Sent) {
		fmt.Println(r.HTTP().Method, r.HTTP().URL.Path, sent.Status)
	}
	log(weft.NewRequest(httptest.NewRequest("GET", "/orders", nil)), weft.Sent{Status: 503})
	// Output: GET /orders 503
}
