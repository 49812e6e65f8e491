package wefttest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

// t stands for the t of a test: examples have none.
var t = new(testingT)

func Example() {
	// func TestTheAPI(t *testing.T) {
	app := weft.New()
	app.Handle("POST /greetings", weft.Handle(func(_ context.Context, in struct {
		Name string `json:"name" validate:"required"`
	}) (map[string]string, error) {
		return map[string]string{"text": "Hello, " + in.Name}, nil
	}).Status(http.StatusCreated))

	client := wefttest.New(t, app)
	created := client.Post("/greetings", map[string]string{"name": "Ada"}).Want(201)
	fmt.Println(wefttest.Decode[map[string]string](created)["text"])
	problem := client.Post("/greetings", `{}`).Want(422).Problem()
	fmt.Println(problem.Code, problem.Fields())
	// Output:
	// Hello, Ada
	// validation_failed [body /name: required]
}

func ExampleRequest() {
	r := wefttest.Request("GET", "/orders/7?limit=3", wefttest.PathValue("id", "7"), wefttest.Header("X-Tenant", "acme"))

	in, err := weft.Struct[struct {
		ID     int    `path:"id"`
		Limit  int    `query:"limit"`
		Tenant string `header:"X-Tenant"`
	}]().Extract(r)
	fmt.Println(in, err)
	// Output: {7 3 acme} <nil>
}

func ExampleNext() {
	noStore := weft.After("no store", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("Cache-Control", "no-store")
	})

	next := wefttest.Next(weft.Text("tea"))
	resp := noStore.Dispatch(wefttest.Request("GET", "/"), next.Func())
	next.CalledOnce(t)
	fmt.Println(resp.Header().Get("Cache-Control"))
	// Output: no-store
}

func ExampleNextError() {
	retry := weft.OnError("retry later", func(_ *weft.Request, resp weft.Response, _ error) weft.Response {
		return resp.WithHeader("Retry-After", "30")
	})

	next := wefttest.NextError(&weft.Error{Status: 503})
	resp := retry.Dispatch(wefttest.Request("GET", "/"), next.Func())
	fmt.Println(resp.Status(), resp.Header().Get("Retry-After"))
	// Output: 503 30
}

func ExampleNextOf() {
	double := func(ctx context.Context, in int, next func(context.Context, int) (string, error)) (string, error) {
		return next(ctx, 2*in)
	}

	next := wefttest.NextOf[int]("tea", nil)
	out, err := double(wefttest.Context(), 21, next.Func())
	next.CalledOnce(t)
	fmt.Println(out, err, next.Inputs())
	// Output: tea <nil> [42]
}

func ExampleFinish() {
	log := weft.Finally("log", func(r *weft.Request, sent weft.Sent) {
		fmt.Println(r.HTTP().URL.Path, sent.Status)
	})

	r := wefttest.Request("GET", "/tea")
	log.Dispatch(r, wefttest.Next(weft.Empty()).Func())
	wefttest.Finish(r, weft.Sent{Status: 204})
	// Output: /tea 204
}

func ExampleDenied() {
	guard := weft.NewGuard("key", func(r *weft.Request) error {
		if r.Header().Get("X-Key") != "right" {
			return weft.Unauthenticated("Key", "Send a key.")
		}
		return nil
	})

	wefttest.Allowed(t, guard, wefttest.Request("GET", "/", wefttest.Header("X-Key", "right")))
	denial := wefttest.Denied(t, guard, wefttest.Request("GET", "/"))
	fmt.Println(denial.Status(), denial.Challenges())
	// Output: 401 [Key]
}

func ExampleContext() {
	tenant := weft.NewKey[string]("tenant")
	check := func(ctx context.Context, amount int) error {
		if of, _ := tenant.From(ctx); of == "small" && amount > 100 {
			return weft.Deny("That is too much.")
		}
		return nil
	}

	fmt.Println(check(wefttest.Context(wefttest.With(tenant, "small")), 1000))
	// Output: 403 Forbidden (forbidden): That is too much.
}

func ExampleReplace() {
	admin := weft.NewGuard("login", func(*weft.Request) error { return errors.New("there is no directory here") })
	app := weft.New()
	app.Guard(admin)
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (string, error) { return "tea", nil }))

	everybody := weft.NewGuard("everybody", func(*weft.Request) error { return nil })
	client := wefttest.New(t, app, wefttest.Replace("login", everybody))
	fmt.Println(client.Get("/").Want(200).Text())
	// Output: "tea"
}

func ExampleClient_Open() {
	app := weft.New()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return weft.Text("tea"), nil }))

	answer := wefttest.New(t, app).Open("GET", "/")
	defer answer.Body.Close()
	cup := make([]byte, 1)
	_, err := answer.Body.Read(cup)
	fmt.Println(answer.Status, string(cup), err)
	// Output: 200 t <nil>
}

func ExampleServe() {
	app := weft.New()
	app.Handle("GET /healthz", weft.Health())

	client := wefttest.Serve(t, app)
	defer t.end()
	fmt.Println(client.Get("/healthz").Want(200).Header.Get("Cache-Control"))
	// Output: no-store
}

func ExampleNoLeaks() {
	// func TestNothingIsLeft(t *testing.T) {
	wefttest.NoLeaks(t)
	app := weft.New()
	app.Handle("GET /healthz", weft.Health())
	wefttest.New(t, app).Get("/healthz").Want(200)
	t.end()
	// Output:
}

func ExampleTestMiddleware() {
	impatient := weft.NewMiddleware("try again", func(r *weft.Request, next weft.Next) weft.Response {
		if resp := next(r); resp.Status() < 500 {
			return resp
		}
		return next(r)
	})

	// func TestTheContract(t *testing.T) {
	wefttest.TestMiddleware(t.showing(1), impatient)
	// Output:
	// the middleware "try again" calls next 2 times when what is inside fails with an unknown error: once at most
}

func ExampleTestGuard() {
	sessions := map[string]bool{"right": true}
	guard := weft.NewGuard("session", func(r *weft.Request) error {
		if err := r.Context().Err(); err != nil { // as a look-up in a database would
			return weft.Deny("No session.").WithCause(err)
		}
		if !sessions[r.Header().Get("X-Session")] {
			return weft.Deny("No session.")
		}
		return nil
	})

	// func TestTheContract(t *testing.T) {
	wefttest.TestGuard(t.showing(1), guard,
		wefttest.Sample("GET", "/", wefttest.Header("X-Session", "right")),
		wefttest.Sample("GET", "/"))
	// Output:
	// the guard "session" denies with a context that is cancelled what it lets pass otherwise: return the error as it is, not a Denial (GET /)
}

func ExampleTestExtractor() {
	page := weft.NewExtractor("page", func(r *weft.Request) (byte, error) {
		return r.Query().Get("page")[0], nil
	})

	// func TestTheContract(t *testing.T) {
	wefttest.TestExtractor(t.showing(1), page, wefttest.Sample("GET", "/?page=2"))
	// Output:
	// the extractor "page" panics, given a query that is broken: runtime error: index out of range [0] with length 0
}

func ExampleTestMapper() {
	errClosed := errors.New("closed")
	mapper := weft.OnIs(errClosed, func(_ *weft.Request, err error) weft.Response {
		return weft.Text(err.Error()).WithStatus(http.StatusServiceUnavailable)
	})

	// func TestTheContract(t *testing.T) {
	wefttest.TestMapper(t.showing(1), mapper, errClosed)
	// Output:
	// the mapper for *errors.errorString tells the client what is wrapped around the error, which is private (an error wrapped)
}

func ExampleTestAround() {
	careless := func(ctx context.Context, in int, next func(context.Context, int) (string, error)) (string, error) {
		out, _ := next(ctx, in)
		return out, nil
	}

	// func TestTheContract(t *testing.T) {
	wefttest.TestAround(t.showing(1), careless, 1, "tea")
	// Output:
	// the around "wefttest_test.ExampleTestAround.func1" swallows the error of next (an unknown error): return it, or say Recovers
}

// testingT is enough of a test for an example: it prints what fails.
type testingT struct {
	testing.TB
	cleanups []func()
	show     *int // how many more failures
}

// showing prints the first failures alone.
func (t *testingT) showing(n int) *testingT { return &testingT{show: &n} }

func (t *testingT) end() {
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		last()
	}
}
