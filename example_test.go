package weft_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

type Greeting struct {
	Name string `json:"name"`
}

type Greeted struct {
	Text string `json:"text"`
}

func greet(_ context.Context, in Greeting) (Greeted, error) {
	if in.Name == "" {
		return Greeted{}, &weft.Error{Status: http.StatusUnprocessableEntity, Detail: "Tell me your name."}
	}
	return Greeted{Text: "Hello, " + in.Name}, nil
}

// send builds an app and sends it a request in process.
func send(app *weft.App, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err)
	}
	hr := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		hr.Header.Set("Content-Type", "application/json")
	}
	for _, field := range headers {
		name, value, _ := strings.Cut(field, ": ")
		hr.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, hr)
	return w
}

// show sends an app a request in process, and prints the answer.
func show(app *weft.App, method, path, body string, headers ...string) {
	w := send(app, method, path, body, headers...)
	fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body)))
}

// quiet keeps the log out of an example's output.
func quiet() *weft.App { return weft.New(weft.WithLogger(slog.New(slog.DiscardHandler))) }

// The program of the package documentation, in process.
func Example() {
	newApp := func() *weft.App {
		app := weft.New()
		app.Use(weft.After("server name", func(r *weft.Request, resp weft.Response) weft.Response {
			return resp.WithHeader("Server", "greeter")
		}))
		app.Handle("POST /greetings", weft.Handle(greet).Status(http.StatusCreated))
		app.Handle("GET /healthz", weft.Health())
		return app
	}
	show(newApp(), "POST", "/greetings", `{"name":"Ada"}`)
	show(newApp(), "POST", "/greetings", `{}`)
	show(newApp(), "GET", "/healthz", "")
	// Output:
	// 201 {"text":"Hello, Ada"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"Tell me your name."}
	// 200 {"status":"ok"}
}

func ExampleHandle() {
	double := weft.Handle(func(_ context.Context, n int) (int, error) { return 2 * n, nil })

	app := quiet()
	app.Handle("POST /double", double.Named("double").Limit(100))
	show(app, "POST", "/double", "21")
	// Output: 200 42
}

// A Handler is a value: what extends it leaves it as it was.
func ExampleHandler_Use() {
	say := func(name string) weft.Middleware {
		return weft.Before(name, func(*weft.Request) error { fmt.Println(name); return nil })
	}
	base := weft.Handle(greet).Use(say("first"))

	app := quiet()
	app.Handle("POST /plain", base)
	app.Handle("POST /more", base.Use(say("second")))
	show(app, "POST", "/more", `{"name":"Ada"}`)
	// Output:
	// first
	// second
	// 200 {"text":"Hello, Ada"}
}

func ExampleHandler_Timeout() {
	slow := weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})

	app := quiet()
	app.Handle("GET /slow", slow.Timeout(time.Millisecond))
	show(app, "GET", "/slow", "")
	// Output: 504 {"title":"Gateway Timeout","status":504,"code":"timeout"}
}

// A middleware is tested alone, with one call.
func ExampleMiddleware() {
	maintenance := weft.NewMiddleware("maintenance", func(r *weft.Request, next weft.Next) weft.Response {
		if r.Header().Get("X-Operator") == "" {
			return weft.Text("back soon").WithStatus(http.StatusServiceUnavailable)
		}
		return next(r)
	})

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	resp := maintenance.Dispatch(r, func(*weft.Request) weft.Response { return weft.Text("inside") })
	fmt.Println(resp.Status())
	// Output: 503
}

// A parameter is what a function that makes a stage closes over.
func ExampleBefore() {
	requireHeader := func(name string) weft.Middleware {
		return weft.Before("require "+name, func(r *weft.Request) error {
			if r.Header().Get(name) == "" {
				return &weft.Error{Status: http.StatusBadRequest, Code: "header_missing", Detail: name + " is required."}
			}
			return nil
		})
	}

	app := quiet()
	app.Use(requireHeader("X-Tenant"))
	app.Handle("POST /greetings", weft.Handle(greet))
	show(app, "POST", "/greetings", `{"name":"Ada"}`)
	// Output: 400 {"title":"Bad Request","status":400,"code":"header_missing","detail":"X-Tenant is required."}
}

func ExampleAfter() {
	noStore := weft.After("no store", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("Cache-Control", "no-store")
	})

	resp := noStore.Dispatch(weft.NewRequest(httptest.NewRequest("GET", "/", nil)), func(*weft.Request) weft.Response { return weft.Empty() })
	fmt.Println(resp.Status(), resp.Header())
	// Output: 204 map[Cache-Control:[no-store]]
}

func ExampleOnError() {
	errBusy := errors.New("all workers are busy")
	retry := weft.OnError("retry after", func(_ *weft.Request, resp weft.Response, err error) weft.Response {
		if errors.Is(err, errBusy) {
			return resp.WithHeader("Retry-After", "1")
		}
		return resp
	})

	busy := func(*weft.Request) weft.Response {
		return weft.Fail(&weft.Error{Status: http.StatusServiceUnavailable, Cause: errBusy})
	}
	resp := retry.Dispatch(weft.NewRequest(httptest.NewRequest("GET", "/", nil)), busy)
	fmt.Println(resp.Status(), resp.Header().Get("Retry-After"))
	// Output: 503 1
}

func ExampleFinally() {
	app := quiet()
	app.Use(weft.Finally("count", func(r *weft.Request, sent weft.Sent) {
		fmt.Println(r.Route().Pattern(), sent.Status, sent.Bytes)
	}))
	app.Handle("POST /greetings/{id}", weft.Handle(greet))
	show(app, "POST", "/greetings/7", `{"name":"Ada"}`)
	// Output:
	// POST /greetings/{id} 200 21
	// 200 {"text":"Hello, Ada"}
}

func ExampleDescribe() {
	app := quiet()
	app.Use(weft.NewMiddleware("access log", passThrough, weft.Inside("request id")))
	app.Use(weft.Describe(weft.MiddlewareFunc(passThrough), weft.Named("request id")))
	_, err := app.Plan()
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), mistake.Remedy)
	// Output: true list it later, or attach it at a level further in
}

func ExampleResponse() {
	kept := weft.JSON(Greeted{"Hello"})
	changed := kept.WithStatus(http.StatusAccepted).WithHeader("X-Copy", "yes")
	fmt.Println(kept.Status(), kept.Header())
	fmt.Println(changed.Status(), changed.Header())
	// Output:
	// 200 map[Content-Type:[application/json]]
	// 202 map[Content-Type:[application/json] X-Copy:[yes]]
}

func ExampleError() {
	app := quiet()
	app.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		return "", &weft.Error{
			Status: http.StatusNotFound,
			Code:   "order_not_found",
			Detail: "There is no order " + r.PathValue("id") + ".",
			Cause:  errors.New("sql: no rows in result set"), // never sent
		}
	}))
	show(app, "GET", "/orders/7", "")
	// Output: 404 {"title":"Not Found","status":404,"code":"order_not_found","detail":"There is no order 7."}
}

func ExampleMetaOf() {
	type audited struct{ As string }

	app := quiet()
	app.Use(weft.After("audit", func(r *weft.Request, resp weft.Response) weft.Response {
		if a, ok := weft.MetaOf[audited](r.Route()); ok {
			fmt.Println("audited as", a.As)
		}
		return resp
	}))
	app.Handle("POST /greetings", weft.Handle(greet).Meta(audited{"greeting"}))
	show(app, "POST", "/greetings", `{"name":"Ada"}`)
	// Output:
	// audited as greeting
	// 200 {"text":"Hello, Ada"}
}

func ExampleApp_Group() {
	app := quiet()
	api := app.Group("/api")
	orders := api.Group("/tenants/{tenant}/orders")
	orders.Handle("GET", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		return "orders of " + r.PathValue("tenant"), nil
	}))
	show(app, "GET", "/api/tenants/acme/orders", "")
	// Output: 200 "orders of acme"
}

// The plan can be tested against a policy before anything runs.
func ExampleApp_Plan() {
	app := quiet()
	app.Handle("POST /greetings", weft.Handle(greet))
	plan, err := app.Plan()
	if err != nil {
		fmt.Println(err)
	}
	for _, route := range plan.Routes {
		for _, stage := range route.Stages {
			fmt.Println(route.Pattern, stage.Kind, stage.Level)
		}
	}
	// Output:
	// POST /greetings extract route
	// POST /greetings handler route
	// POST /greetings respond route
}

func ExampleWithObserver() {
	observer := weft.ObserverFunc(func(ctx context.Context, stage *weft.StageInfo) (context.Context, weft.Exit) {
		return ctx, func(status int, _ error) { fmt.Println(stage.Kind, status) }
	})

	app := weft.New(weft.WithObserver(observer))
	app.Handle("POST /greetings", weft.Handle(greet))
	show(app, "POST", "/greetings", `{"name":"Ada"}`)
	// Output:
	// handler 0
	// respond 200
	// extract 200
	// 200 {"text":"Hello, Ada"}
}

// ListOrders is read from the path, the query and a header.
type ListOrders struct {
	Tenant string              `path:"tenant"`
	Limit  int                 `query:"limit" default:"20" validate:"min=1,max=100"`
	Status []string            `query:"status,csv" validate:"dive,oneof=open shipped"`
	Since  weft.Opt[time.Time] `query:"since" layout:"DateOnly"`
	Trace  string              `header:"X-Trace"`
}

// A Req with tags is read field by field, and everything wrong with it is told at once.
func ExampleStruct() {
	app := quiet()
	app.Handle("GET /{tenant}/orders", weft.Handle(func(_ context.Context, in ListOrders) (string, error) {
		since, _ := in.Since.Get()
		return fmt.Sprint(in.Tenant, in.Limit, in.Status, since.Year()), nil
	}))
	show(app, "GET", "/acme/orders?status=open,shipped&since=2026-01-02", "")

	app = quiet()
	app.Handle("GET /{tenant}/orders", weft.Handle(func(context.Context, ListOrders) (string, error) { return "", nil }))
	show(app, "GET", "/acme/orders?limit=many&since=today", "")
	// Output:
	// 200 "acme20 [open shipped] 2026"
	// 400 {"title":"Bad Request","status":400,"code":"invalid_request","detail":"The request is not valid: see errors.","errors":[{"source":"query","name":"limit","code":"invalid_type","message":"must be of type integer","params":{"type":"integer"}},{"source":"query","name":"since","code":"invalid_type","message":"must be a time like 2006-01-02","params":{"layout":"2006-01-02","type":"time"}}]}
}

// An Extractor is a value that is combined with others and tested alone.
func ExampleExtractor() {
	limit := weft.Default(weft.QueryValue[int]("limit"), 20)

	n, err := limit.Extract(weft.NewRequest(httptest.NewRequest("GET", "/?limit=5", nil)))
	fmt.Println(n, err)
	n, err = limit.Extract(weft.NewRequest(httptest.NewRequest("GET", "/", nil)))
	fmt.Println(n, err)
	_, err = limit.Extract(weft.NewRequest(httptest.NewRequest("GET", "/?limit=x", nil)))
	fmt.Println(err)
	// Output:
	// 5 <nil>
	// 20 <nil>
	// 400 invalid request: query limit: invalid_type
}

// A PATCH leaves what is absent, clears what is null, and replaces the rest.
func ExampleOpt() {
	type profile struct{ Name, Motto string }
	type change struct {
		Name  weft.Opt[string] `json:"name" validate:"omitnil,min=2"`
		Motto weft.Opt[string] `json:"motto"`
	}
	app := quiet()
	app.Handle("PATCH /profile", weft.Handle(func(_ context.Context, in change) (profile, error) {
		p := profile{"Ada", "Poetical science"}
		in.Name.ApplyTo(&p.Name)
		in.Motto.ApplyTo(&p.Motto)
		return p, nil
	}))
	show(app, "PATCH", "/profile", `{"motto":null}`)
	// Output: 200 {"Name":"Ada","Motto":""}
}

// Build proves that every error a handler declares is mapped.
func ExampleHandler_Errors() {
	type outOfStock struct{ error }
	errClosed := errors.New("the shop is closed")
	order := weft.Handle(func(context.Context, struct{}) (string, error) { return "", errClosed }).
		Errors(errClosed, outOfStock{}, &weft.Error{Status: http.StatusGone, Code: "discontinued"})

	app := quiet()
	app.Catch(weft.OnIs(errClosed, func(*weft.Request, error) weft.Response {
		return weft.Text("come back at nine").WithStatus(http.StatusServiceUnavailable)
	}))
	app.Handle("POST /orders", order)
	_, err := app.Plan()
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), mistake.Problem)

	app.Catch(weft.On(func(_ *weft.Request, err outOfStock) weft.Response {
		return weft.Fail(&weft.Error{Status: http.StatusConflict, Code: "out_of_stock", Cause: err})
	}))
	plan, err := app.Plan()
	fmt.Println(err, plan.Routes[0].Statuses)
	for _, e := range plan.Routes[0].Errors {
		fmt.Println(e.Error, e.Itself)
	}
	// Output:
	// true no exception mapper takes weft_test.outOfStock, which the handler declares
	// <nil> [200 410 500]
	// "the shop is closed" false
	// weft_test.outOfStock false
	// 410 Gone (discontinued) true
}

// A mapper gives a domain's error its public face, once for all handlers of a level.
func ExampleOn() {
	type outOfStock struct{ error }
	app := quiet()
	shop := app.Group("/shop")
	shop.Catch(weft.On(func(_ *weft.Request, err outOfStock) weft.Response {
		return weft.Fail(&weft.Error{Status: http.StatusConflict, Code: "out_of_stock", Cause: err})
	}))
	shop.Handle("POST /orders", weft.Handle(func(context.Context, struct{}) (string, error) {
		return "", fmt.Errorf("placing the order: %w", outOfStock{errors.New("no tea")})
	}))
	show(app, "POST", "/shop/orders", "")
	// Output: 409 {"title":"Conflict","status":409,"code":"out_of_stock"}
}

// A guard that finds out who is asking, one that needs to know, and a handler
// that takes the user. Each is tested by one call.
func ExampleValueGuard() {
	type User struct{ Name, Role string }
	currentUser := weft.NewKey[User]("current user")
	login := weft.ValueGuard(currentUser, "login", func(r *weft.Request) (User, error) {
		if r.Header().Get("Authorization") != "Bearer ada's key" {
			return User{}, weft.Unauthenticated(`Bearer realm="orders"`, "This needs an API key.")
		}
		return User{"Ada", "clerk"}, nil
	})
	managers := weft.NewGuard("managers", func(r *weft.Request) error {
		if user, _ := currentUser.Get(r); user.Role != "manager" {
			return weft.Deny("Only for managers.")
		}
		return nil
	}, weft.Needs(currentUser))

	req := weft.NewRequest(httptest.NewRequest("GET", "/orders", nil))
	currentUser.Set(req, User{"Bob", "clerk"})
	fmt.Println(managers.Allow(req))

	type ListOrders struct {
		User User `value:""`
	}
	app := weft.New()
	app.Guard(login)
	app.Handle("GET /orders", weft.Handle(func(_ context.Context, in ListOrders) (string, error) {
		return "orders for " + in.User.Name, nil
	}))
	app.Handle("DELETE /orders", weft.Handle(func(context.Context, struct{}) (struct{}, error) {
		return struct{}{}, nil
	}).Guard(managers))

	for _, method := range []string{"GET", "DELETE"} {
		show(app, method, "/orders", "")
		show(app, method, "/orders", "", "Authorization: Bearer ada's key")
	}
	// Output:
	// 403 Forbidden (forbidden): Only for managers.
	// 401 {"title":"Unauthorized","status":401,"code":"unauthenticated","detail":"This needs an API key."}
	// 200 "orders for Ada"
	// 401 {"title":"Unauthorized","status":401,"code":"unauthenticated","detail":"This needs an API key."}
	// 403 {"title":"Forbidden","status":403,"code":"forbidden","detail":"Only for managers."}
}

// What a combination of guards decided, and why, for a log.
func ExampleDecide() {
	says := func(name string, err error) weft.Guard {
		return weft.NewGuard(name, func(*weft.Request) error { return err })
	}
	mayEdit := weft.Any(says("owner", weft.Deny("Not yours.")), says("admin", nil), says("auditor", nil))

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	fmt.Println(weft.Decide(r, mayEdit))
	// Output:
	// any(owner, admin, auditor) allowed (owner denied: 403 Forbidden (forbidden): Not yours.; admin allowed; auditor not asked)
}
