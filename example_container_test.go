package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// What the application provides with samber/do can be asked for, and what is
// declared as a singleton here can be asked for there.
func ExampleNewContainer() {
	i := do.New()
	do.ProvideValue(i, &Pool{sold: []string{"tea"}})

	c := weft.NewContainer(i)
	weft.Auto[*Stock](c, NewStock)
	app := quietWith(c)
	app.Handle("GET /sold", weft.HandleFrom((*Stock).Sold))
	show(app, "GET", "/sold", "")

	stock, err := do.Invoke[*Stock](i)
	fmt.Println(stock.pool == do.MustInvoke[*Pool](i), err)
	// Output:
	// 200 1
	// true <nil>
}

func ExampleWithContainer() {
	app := weft.New(weft.WithContainer(shopServices()))
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place))
	show(app, "POST", "/orders", tea)
	// Output:
	// begin
	// commit
	// 200 {"id":7,"product":"tea"}
}

// A singleton is made by Build, which fails where its constructor does.
func ExampleSingleton() {
	refused := errors.New("connection refused")
	c := weft.NewContainer(nil)
	weft.Singleton[*Pool](c, func(context.Context) (*Pool, error) { return nil, refused })

	_, err := quietWith(c).Build(context.Background())
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), mistake.Problem)
	fmt.Println(errors.Is(err, refused))
	// Output:
	// true making *weft_test.Pool failed: connection refused
	// true
}

// All stages of a request share one instance, and no two requests do.
func ExamplePerRequest() {
	type Visit struct{ Number int }
	visits := 0
	c := weft.NewContainer(nil)
	weft.PerRequest[*Visit](c, func() *Visit {
		visits++
		return &Visit{visits}
	})

	app := quietWith(c)
	app.Guard(weft.GuardFrom(func(v *Visit, _ *weft.Request) error {
		fmt.Println("guard", v.Number)
		return nil
	}))
	app.Handle("GET /", weft.HandleFrom(func(v *Visit, _ context.Context, _ struct{}) (int, error) { return v.Number, nil }))
	show(app, "GET", "/", "")
	show(app, "GET", "/", "")
	// Output:
	// guard 1
	// 200 1
	// guard 2
	// 200 2
}

// The lifetime follows from what is needed: the stock needs the pool alone, and the orders a transaction.
func ExampleAuto() {
	c := weft.NewContainer(nil)
	weft.Singleton[*Pool](c, OpenPool)
	weft.PerRequest[*Tx](c, Begin)
	weft.Auto[*Stock](c, NewStock)
	weft.Auto[*Orders](c, NewOrders)
	weft.Auto[*Till](c, NewTill)

	plan, err := quietWith(c).Plan()
	fmt.Println(err)
	lifetimes(plan)
	// Output:
	// <nil>
	// *weft_test.Pool: singleton
	// *weft_test.Tx: per request
	// *weft_test.Stock: singleton
	// *weft_test.Orders: per request, since *weft_test.Orders needs *weft_test.Tx, which is made per request
	// *weft_test.Till: per request, since *weft_test.Till needs *weft_test.Orders needs *weft_test.Tx, which is made per request
}

// Till needs a transaction, though it does not know.
type Till struct {
	orders *Orders
	stock  *Stock
}

func NewTill(orders *Orders, stock *Stock) *Till { return &Till{orders, stock} }

// Pin is for what would be expensive, or wrong, if it were made anew for each request.
func ExamplePin() {
	c := weft.NewContainer(nil)
	weft.Singleton[*Pool](c, OpenPool)
	weft.PerRequest[*Tx](c, Begin)
	weft.Auto[*Orders](c, NewOrders, weft.Pin())

	_, err := quietWith(c).Plan()
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), placed.ReplaceAllString(mistake.Problem, ""))
	// Output: true *weft_test.Orders is pinned, and what it needs is made per request: *weft_test.Orders needs *weft_test.Tx, which is made per request
}

// Placer is what a handler needs to know of Orders.
type Placer interface {
	Place(ctx context.Context, in PlaceOrder) (Order, error)
}

// A method expression of an interface is a function of a service, too.
func ExampleImplements() {
	c := shopServices()
	weft.Implements[Placer, *Orders](c)

	app := quietWith(c)
	app.Handle("POST /orders", weft.HandleFrom(Placer.Place))
	show(app, "POST", "/orders", tea)
	// Output:
	// begin
	// commit
	// 200 {"id":7,"product":"tea"}
}

// Basket is that of one user.
type Basket struct{ owner User }

func NewBasket(owner User) *Basket { return &Basket{owner} }

// Owner is a handler's function.
func (b *Basket) Owner(context.Context, struct{}) (string, error) { return b.owner.Name, nil }

// A constructor may take what a guard found out. Build proves that it has been, by then.
func ExampleFromKey() {
	c := weft.NewContainer(nil)
	weft.FromKey(c, CurrentUser)
	weft.Auto[*Basket](c, NewBasket)

	app := quietWith(c)
	app.Handle("GET /basket", weft.HandleFrom((*Basket).Owner).Guard(logIn))
	show(app, "GET", "/basket", "", asAda)
	// Output: 200 "Ada"
}

// Discount is one of several that a price goes through.
type Discount func(price int) int

// Those of a group are asked for together, in the order of their declarations.
func ExampleInGroup() {
	c := weft.NewContainer(nil)
	weft.Auto[Discount](c, func() Discount { return func(price int) int { return price / 2 } }, weft.InGroup())
	weft.Auto[Discount](c, func() Discount { return func(price int) int { return price - 1 } }, weft.InGroup())

	app := quietWith(c)
	app.Handle("POST /price", weft.HandleFrom(func(all []Discount, _ context.Context, price int) (int, error) {
		for _, discount := range all {
			price = discount(price)
		}
		return price, nil
	}))
	show(app, "POST", "/price", "10")
	// Output: 200 4
}

// Welcome takes a service by its name: a string may be anything.
type Welcome struct {
	Text string `inject:"welcome"`
}

func welcome(_ context.Context, in Welcome) (string, error) { return in.Text, nil }

func ExampleNamedService() {
	c := weft.NewContainer(nil)
	weft.Singleton[string](c, func() string { return "Come in." }, weft.NamedService("welcome"))

	app := quietWith(c)
	app.Handle("GET /", weft.Handle(welcome))
	show(app, "GET", "/", "")
	// Output: 200 "Come in."
}

// A constructor that is called for each request may be called without reflection.
func ExampleFn1() {
	c := weft.NewContainer(nil)
	weft.Singleton[*Pool](c, OpenPool)
	weft.PerRequest[*Tx](c, weft.FnErr2(Begin))
	weft.Auto[*Orders](c, weft.Fn1(NewOrders))

	app := quietWith(c)
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place))
	show(app, "POST", "/orders", tea)
	// Output:
	// begin
	// commit
	// 200 {"id":7,"product":"tea"}
}

func ExampleFn0() {
	c := weft.NewContainer(nil)
	weft.Auto[*Visits](c, weft.Fn0(NewVisits))
	plan, err := quietWith(c).Plan()
	fmt.Println(err)
	lifetimes(plan)
	// Output:
	// <nil>
	// *weft_test.Visits: singleton
}

func ExampleFnErr1() {
	c := weft.NewContainer(nil)
	weft.Singleton[*Pool](c, weft.FnErr1(OpenPool))
	plan, err := quietWith(c).Plan()
	fmt.Println(err)
	lifetimes(plan)
	// Output:
	// <nil>
	// *weft_test.Pool: singleton
}

// fakeOrders places every order.
type fakeOrders struct{}

func (fakeOrders) Place(_ context.Context, in PlaceOrder) (Order, error) {
	return Order{1, in.Product}, nil
}

// A test replaces what is asked for. No request makes what it replaces, nor a transaction for that.
func ExampleOverride() {
	c := shopServices()
	weft.Implements[Placer, *Orders](c)

	app := quietWith(c.With(weft.Override[Placer](fakeOrders{})))
	app.Handle("POST /orders", weft.HandleFrom(Placer.Place))
	show(app, "POST", "/orders", gold)
	// Output: 200 {"id":1,"product":"gold"}
}

func ExampleOverrideNamed() {
	c := weft.NewContainer(nil)
	weft.Singleton[string](c, func() string { return "Come in." }, weft.NamedService("welcome"))

	app := quietWith(c.With(weft.OverrideNamed("welcome", "This is a test.")))
	app.Handle("GET /", weft.Handle(welcome))
	show(app, "GET", "/", "")
	// Output: 200 "This is a test."
}

// Without overrides, With is a container with instances of its own: the tests of one do not see those of another.
func ExampleContainer_With() {
	c := weft.NewContainer(nil)
	weft.Auto[*Visits](c, NewVisits)
	for range 2 {
		app := quietWith(c.With())
		app.Use(weft.MiddlewareFrom((*Visits).Dispatch))
		fmt.Println(send(app, "GET", "/nowhere", "").Header().Get("X-Visit"))
	}
	// Output:
	// 1
	// 1
}

// Database has the methods of samber/do: one is asked by Health, the other called when the server is over.
type Database struct{ down error }

func (d *Database) HealthCheck() error { return d.down }

func (d *Database) Shutdown() { fmt.Println("disconnected") }

// Singletons live as long as the server.
func ExampleServer_Shutdown() {
	database := &Database{}
	c := weft.NewContainer(nil)
	weft.Singleton[*Database](c, func() *Database { return database })
	app := quietWith(c)
	app.Handle("GET /healthz", weft.Health())
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	health := func() {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		fmt.Println(w.Code, w.Body)
	}

	health()
	database.down = errors.New("connection refused")
	health()
	fmt.Println(srv.Shutdown(context.Background()))
	// Output:
	// 200 {"status":"ok","checks":[{"name":"services","status":"ok"}]}
	// 503 {"status":"failed","checks":[{"name":"services","status":"failed"}]}
	// disconnected
	// <nil>
}
