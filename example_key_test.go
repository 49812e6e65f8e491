package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/weft-go/weft"
)

// Language is what locale finds out about a request, for texts further in.
var Language = weft.NewKey[string]("language")

// locale provides the language. It is a middleware of the app, so errors of routing have one too.
var locale = weft.NewMiddleware("locale", func(r *weft.Request, next weft.Next) weft.Response {
	language := "en"
	if strings.HasPrefix(r.Header().Get("Accept-Language"), "de") {
		language = "de"
	}
	Language.Set(r, language)
	return next(r).WithHeader("Content-Language", language).Vary("Accept-Language")
}, weft.Provides(Language))

// A key is a package's variable. A guard provides its value, and a handler takes it by the type of a field.
func ExampleNewKey() {
	type WhoAmI struct {
		User User `value:""`
	}
	app := quiet()
	app.Guard(logIn) // a ValueGuard for CurrentUser
	app.Handle("GET /me", weft.Handle(func(_ context.Context, in WhoAmI) (string, error) {
		return in.User.Name, nil
	}))
	show(app, "GET", "/me", "", asAda)
	// Output: 200 "Ada"
}

// In a unit test a key is set on the request, whoever provides it otherwise.
func ExampleKey_Set() {
	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	CurrentUser.Set(r, User{"Bob", "clerk"})
	fmt.Println(hasRole("clerk").Allow(r))
	// Output: <nil>
}

// On the way out a value may be there or not.
func ExampleKey_Get() {
	app := quiet()
	app.Use(weft.Finally("access log", func(r *weft.Request, sent weft.Sent) {
		user, known := CurrentUser.Get(r)
		fmt.Println(sent.Status, known, user.Name)
	}, weft.Reads(CurrentUser)))
	app.Guard(logIn)
	app.Handle("POST /orders", weft.Handle(placeOrder))
	send(app, "POST", "/orders", `{"product":"tea","quantity":1}`, asAda)
	send(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output:
	// 200 true Ada
	// 401 false
}

// What has only a context, such as a function that the handler calls, takes the value from there.
func ExampleKey_From() {
	hello := func(ctx context.Context) string {
		if language, _ := Language.From(ctx); language == "de" {
			return "Guten Tag"
		}
		return "Hello"
	}
	app := quiet()
	app.Use(locale)
	app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) { return hello(ctx), nil }))
	show(app, "GET", "/", "", "Accept-Language: de-AT")
	fmt.Println(hello(context.Background()))
	// Output:
	// 200 "Guten Tag"
	// Hello
}

// A stage that Needs the key may say Must: Build has proved that the value is there.
func ExampleKey_Must() {
	greetUser := weft.NewGuard("greet", func(r *weft.Request) error {
		fmt.Println("Hello,", CurrentUser.Must(r).Name)
		return nil
	}, weft.Needs(CurrentUser))

	app := quiet()
	app.Guard(logIn, greetUser)
	app.Handle("POST /orders", weft.Handle(placeOrder))
	send(app, "POST", "/orders", "", asAda)
	// Output: Hello, Ada
}

// A check and an around have a context and no Request.
func ExampleKey_SetIn() {
	large := weft.NewKey[bool]("large order")
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).
		Check(func(ctx context.Context, in PlaceOrder) error {
			large.SetIn(ctx, in.Quantity > 100)
			return nil
		}, weft.Named("size"), weft.Provides(large)).
		Intercept(weft.After("approval", func(r *weft.Request, resp weft.Response) weft.Response {
			return resp.WithHeader("X-Approval", fmt.Sprint(large.Must(r)))
		}, weft.Needs(large))))
	fmt.Println(send(app, "POST", "/orders", `{"product":"tea","quantity":1000}`).Header().Get("X-Approval"))
	// Output: true
}

// A middleware sets what it Provides before it calls next.
func ExampleProvides() {
	type Greeting struct {
		Language string `value:"language"` // by type and name: a string may be anything
	}
	app := quiet()
	app.Use(locale)
	app.Handle("GET /greeting", weft.Handle(func(_ context.Context, in Greeting) (string, error) {
		return map[string]string{"de": "Guten Tag", "en": "Hello"}[in.Language], nil
	}))
	show(app, "GET", "/greeting", "", "Accept-Language: de")
	// Output: 200 "Guten Tag"
}

// Build proves for every route that what a stage needs is provided before.
func ExampleNeeds() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).Guard(hasRole("manager"))) // and nobody has asked who it is
	_, err := app.Plan()

	var mistake *weft.BuildError
	if errors.As(err, &mistake) {
		fmt.Println(mistake.Problem)
		fmt.Println(mistake.Remedy)
	}
	// Output:
	// the guard "manager" needs the key "current user" of type weft_test.User, and nothing provides it
	// attach a ValueGuard for it, or a middleware or guard that Provides it, so that it runs before
}

// Reads is for what can do without: the plan names the key, and Build asks for nobody who provides it.
func ExampleReads() {
	app := quiet()
	app.Use(weft.NewMiddleware("audit", passThrough, weft.Reads(CurrentUser)))
	plan, err := app.Plan()
	fmt.Println(plan.App[0].Reads, err)
	// Output: [current user] <nil>
}

// A field that is an Opt takes what is there only on some ways.
func ExampleKey_optional() {
	type ListProducts struct {
		User weft.Opt[User] `value:""`
	}
	list := weft.Handle(func(_ context.Context, in ListProducts) (string, error) {
		return "for " + in.User.Or(User{Name: "everybody"}).Name, nil
	})
	app := quiet()
	app.Handle("GET /products", list)
	app.Handle("GET /my/products", list.Guard(logIn))
	show(app, "GET", "/products", "")
	show(app, "GET", "/my/products", "", asAda)
	// Output:
	// 200 "for everybody"
	// 200 "for Ada"
}
