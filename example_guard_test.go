package weft_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/weft-go/weft"
)

// A guard is tested alone, with one call.
func ExampleNewGuard() {
	office := weft.NewGuard("office", func(r *weft.Request) error {
		if r.Header().Get("X-Network") != "office" {
			return weft.Deny("Only from the office.")
		}
		return nil
	})

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	fmt.Println(office.Allow(r))
	r.Header().Set("X-Network", "office")
	fmt.Println(office.Allow(r))
	// Output:
	// 403 Forbidden (forbidden): Only from the office.
	// <nil>
}

// A type with the method Allow is a Guard. NewGuard gives its method a name and options.
func ExampleGuard() {
	var limit quota
	limit.left.Store(1)

	app := quiet()
	app.Guard(weft.NewGuard("quota", limit.Allow))
	app.Handle("GET /report", weft.Handle(func(context.Context, struct{}) (string, error) { return "all is well", nil }))
	show(app, "GET", "/report", "")
	show(app, "GET", "/report", "")
	// Output:
	// 200 "all is well"
	// 429 {"title":"Too Many Requests","status":429}
}

// quota lets pass as many requests as are left.
type quota struct{ left atomic.Int64 }

// Allow implements weft.Guard. An Error is no Denial: it ends the request whatever Any or Not stands around.
func (q *quota) Allow(*weft.Request) error {
	if q.left.Add(-1) < 0 {
		return &weft.Error{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}}
	}
	return nil
}

func ExampleGuardFunc() {
	app := quiet()
	app.Guard(weft.GuardFunc(func(*weft.Request) error { return weft.Deny("") }))
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output: 403 {"title":"Forbidden","status":403,"code":"forbidden"}
}

// Guards of a route are asked behind those of its groups and of the app, and before anything is decoded.
func ExampleHandler_Guard() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).Guard(logIn, hasRole("manager")))
	const broken = `{"product":`
	show(app, "POST", "/orders", broken)
	show(app, "POST", "/orders", broken, asBob)
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`, asAda)
	// Output:
	// 401 {"title":"Unauthorized","status":401,"code":"unauthenticated","detail":"This needs an API key."}
	// 403 {"title":"Forbidden","status":403,"code":"forbidden","detail":"Your role does not allow this."}
	// 200 {"id":7,"product":"tea"}
}

// A guard of the app is asked on every route, and on no path that leads nowhere.
func ExampleApp_Guard() {
	app := quiet()
	app.Guard(logIn)
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", "")
	show(app, "POST", "/nowhere", "")
	// Output:
	// 401 {"title":"Unauthorized","status":401,"code":"unauthenticated","detail":"This needs an API key."}
	// 404 {"title":"Not Found","status":404,"code":"not_found"}
}

func ExampleGroup_Guard() {
	app := quiet()
	app.Handle("GET /healthz", weft.Health())
	api := app.Group("/api")
	api.Guard(logIn)
	api.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "GET", "/healthz", "")
	show(app, "POST", "/api/orders", "")
	// Output:
	// 200 {"status":"ok"}
	// 401 {"title":"Unauthorized","status":401,"code":"unauthenticated","detail":"This needs an API key."}
}

func ExampleAll() {
	staff := weft.All(logIn, hasRole("manager")) // logIn provides what hasRole needs

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	r.Header().Set("Authorization", "Bearer bob's key")
	fmt.Println(staff.Allow(r))
	// Output: 403 Forbidden (forbidden): Your role does not allow this.
}

// One of the guards is enough. Whoever is not logged in is told so first.
func ExampleAny() {
	mayRead := weft.Any(hasRole("manager"), hasRole("auditor"))

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	CurrentUser.Set(r, User{"Bob", "clerk"})
	fmt.Println(mayRead.Allow(r))
	r = weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	CurrentUser.Set(r, User{"Eve", "auditor"})
	fmt.Println(mayRead.Allow(r))
	// Output:
	// 403 Forbidden (forbidden): Your role does not allow this.
	// <nil>
}

// Only a Denial means no: an outage is no way in, wherever it stands.
func ExampleAny_outage() {
	outage := errors.New("the database of users is down")
	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	fmt.Println(weft.Any(guardThat("fails", outage), guardThat("allows", nil)).Allow(r))
	fmt.Println(weft.Not(guardThat("fails", outage)).Allow(r))
	// Output:
	// the database of users is down
	// the database of users is down
}

// guardThat decides as err says.
func guardThat(name string, err error) weft.Guard {
	return weft.NewGuard(name, func(*weft.Request) error { return err })
}

// Not turns a guard around. Its no has no text; a guard of your own can have one.
func ExampleNot() {
	noClerks := weft.Not(hasRole("clerk"))

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	CurrentUser.Set(r, User{"Bob", "clerk"})
	fmt.Println(noClerks.Allow(r))
	// Output: 403 Forbidden (forbidden)
}

// Requests from inside need no key; the others are told what logIn tells.
func ExampleUnless() {
	fromInside := weft.NewGuard("from inside", func(r *weft.Request) error {
		if r.Header().Get("X-Network") != "office" {
			return weft.Deny("Only from the office.")
		}
		return nil
	})
	guard := weft.Unless(fromInside, logIn)

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	fmt.Println(guard.Allow(r))
	// Output: 401 Unauthorized (unauthenticated): This needs an API key.
}

// The client gets the detail and the code; the cause is for the log.
func ExampleDeny() {
	cause := errors.New("the account has an unpaid invoice")
	denial := weft.Deny("Your account is closed.").WithCode("account_closed").WithCause(cause)

	app := quiet()
	app.Guard(guardThat("account", denial))
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", "")
	fmt.Println(errors.Is(denial, cause))
	// Output:
	// 403 {"title":"Forbidden","status":403,"code":"account_closed","detail":"Your account is closed."}
	// true
}

// A 401 always says how to log in.
func ExampleUnauthenticated() {
	denial := weft.Unauthenticated(`Bearer realm="shop"`, "This needs an API key.")
	fmt.Println(denial.Status(), denial.Challenges())

	app := quiet()
	app.Guard(guardThat("log in", denial))
	app.Handle("POST /orders", weft.Handle(placeOrder))
	w := send(app, "POST", "/orders", "")
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 [Bearer realm="shop"]
	// 401 Bearer realm="shop"
}

// A feature that is not for everybody looks like a path that leads nowhere.
func ExampleDenial_Hidden() {
	app := quiet()
	app.Handle("GET /beta", weft.Handle(func(context.Context, struct{}) (string, error) { return "new", nil }).
		Guard(guardThat("beta", weft.Deny("").Hidden())))
	show(app, "GET", "/beta", "")
	show(app, "GET", "/nowhere", "")
	// Output:
	// 404 {"title":"Not Found","status":404,"code":"not_found"}
	// 404 {"title":"Not Found","status":404,"code":"not_found"}
}

// A guard that reads the body says so. The handler decodes the same bytes.
func ExampleReadsBody() {
	signed := weft.NewGuard("signed", func(r *weft.Request) error {
		body, err := r.Body()
		if err != nil {
			return err // such as a body over the limit: a 413
		}
		if r.Header().Get("X-Length") != fmt.Sprint(len(body)) { // in place of a real signature
			return weft.Deny("The signature is wrong.")
		}
		return nil
	}, weft.ReadsBody())

	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).Guard(signed))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`, "X-Length: 30")
	show(app, "POST", "/orders", `{"product":"tea","quantity":9}`, "X-Length: 0")
	// Output:
	// 200 {"id":7,"product":"tea"}
	// 403 {"title":"Forbidden","status":403,"code":"forbidden","detail":"The signature is wrong."}
}

// A line for each denial: who was refused, by which guard, and why.
func ExampleWithDecisions() {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)), weft.WithDecisions(func(r *weft.Request, d weft.Decision) {
		if d.Verdict == weft.VerdictDenied {
			user, _ := CurrentUser.Get(r)
			fmt.Println(user.Name, d)
		}
	}))
	app.Guard(logIn)
	app.Handle("POST /orders", weft.Handle(placeOrder).Guard(weft.Any(hasRole("manager"), hasRole("admin"))))
	show(app, "POST", "/orders", "", asBob)
	// Output:
	// Bob any(manager, admin) denied (manager denied: 403 Forbidden (forbidden): Your role does not allow this.; admin denied: 403 Forbidden (forbidden): Your role does not allow this.)
	// 403 {"title":"Forbidden","status":403,"code":"forbidden","detail":"Your role does not allow this."}
}
