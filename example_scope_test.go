package weft_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/weft-go/weft"
)

// Pool stands for the connections to a database: the application has one.
type Pool struct {
	mu   sync.Mutex
	sold []string
}

func OpenPool(context.Context) (*Pool, error) { return &Pool{}, nil }

// Tx is a transaction on it: each request that needs one has its own.
type Tx struct {
	pool *Pool
	sell []string
}

func Begin(_ context.Context, pool *Pool) (*Tx, error) {
	fmt.Println("begin")
	return &Tx{pool: pool}, nil
}

// ErrSold is found out when the transaction commits, and not before.
var ErrSold = errors.New("sold to somebody else")

// Settle implements weft.Settler: it is told how the request ended.
func (tx *Tx) Settle(_ context.Context, o weft.Outcome) error {
	if !o.OK() {
		fmt.Println("rollback")
		return nil
	}
	tx.pool.mu.Lock()
	defer tx.pool.mu.Unlock()
	for _, product := range tx.sell {
		if slices.Contains(tx.pool.sold, product) {
			return ErrSold
		}
	}
	fmt.Println("commit")
	tx.pool.sold = append(tx.pool.sold, tx.sell...)
	return nil
}

// Orders is what places orders. It says nothing of how long it lives.
type Orders struct{ tx *Tx }

func NewOrders(tx *Tx) *Orders { return &Orders{tx} }

// Place is a handler's function.
func (o *Orders) Place(ctx context.Context, in PlaceOrder) (Order, error) {
	order, err := placeOrder(ctx, in)
	if err != nil {
		return Order{}, err
	}
	o.tx.sell = append(o.tx.sell, in.Product)
	return order, nil
}

// shopServices are the three.
func shopServices() *weft.Container {
	c := weft.NewContainer(nil)
	weft.Singleton[*Pool](c, OpenPool)
	weft.PerRequest[*Tx](c, Begin)
	weft.Auto[*Orders](c, NewOrders)
	return c
}

// conflict409 says what ErrSold is to a client.
var conflict409 = weft.OnIs(ErrSold, func(_ *weft.Request, err error) weft.Response {
	return weft.Fail(&weft.Error{Status: http.StatusConflict, Detail: "Somebody was faster.", Cause: err})
})

// quietWith is quiet, with services.
func quietWith(c *weft.Container) *weft.App {
	return weft.New(weft.WithContainer(c), weft.WithLogger(slog.New(slog.DiscardHandler)))
}

// placed is at which line something was declared. The lines of the examples are not their point.
var placed = regexp.MustCompile(` \([^ ]+\.go:\d+\)`)

// lifetimes prints how long services live, and why.
func lifetimes(plan *weft.Plan) {
	for _, s := range plan.Services {
		line := s.Service + ": " + s.Lifetime
		if s.Reason != "" {
			line += ", since " + placed.ReplaceAllString(s.Reason, "")
		}
		fmt.Println(line)
	}
}

const (
	tea  = `{"product":"tea","quantity":1}`
	gold = `{"product":"gold","quantity":1}`
)

// A pool, a transaction and a store: the handler is a method of the store, and
// the transaction ends as its request does, before the client has an answer.
func Example_services() {
	app := quietWith(shopServices())
	app.Catch(conflict409)
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place))

	plan, err := app.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	lifetimes(plan)

	show(app, "POST", "/orders", tea)
	show(app, "POST", "/orders", gold) // the handler fails
	show(app, "POST", "/orders", tea)  // the commit fails
	// Output:
	// *weft_test.Pool: singleton
	// *weft_test.Tx: per request
	// *weft_test.Orders: per request, since *weft_test.Orders needs *weft_test.Tx, which is made per request
	// begin
	// commit
	// 200 {"id":7,"product":"tea"}
	// begin
	// rollback
	// 500 {"title":"Internal Server Error","status":500,"code":"internal"}
	// begin
	// 409 {"title":"Conflict","status":409,"detail":"Somebody was faster."}
}

// What a request did is settled before anything is sent. A request that does not get there is rolled back when it is over.
func ExampleSettler() {
	app := quietWith(shopServices())
	app.Use(weft.Finally("log", func(_ *weft.Request, sent weft.Sent) { fmt.Println("sent", sent.Status) }))
	app.Catch(conflict409, soldOut409)
	place := weft.HandleFrom((*Orders).Place)
	app.Handle("POST /orders", place)
	app.Handle("POST /refused", place.Guard(weft.GuardFrom(func(*Tx, *weft.Request) error { return weft.Deny("") })))
	for _, request := range []struct{ path, body string }{{"/orders", tea}, {"/orders", gold}, {"/orders", tea}, {"/refused", tea}} {
		send(app, "POST", request.path, request.body)
	}
	// Output:
	// begin
	// commit
	// sent 200
	// begin
	// rollback
	// sent 409
	// begin
	// sent 409
	// begin
	// sent 403
	// rollback
}

// An interceptor that keeps answers stands outside the settling: it must not keep one that is taken back.
func ExampleSettle() {
	keep := weft.After("keep", func(_ *weft.Request, resp weft.Response) weft.Response {
		fmt.Println("kept", resp.Status())
		return resp
	}, weft.Outside(weft.Settle))

	app := quietWith(shopServices())
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place).Intercept(keep))
	show(app, "POST", "/orders", tea)
	// Output:
	// begin
	// commit
	// kept 200
	// 200 {"id":7,"product":"tea"}
}

// An error that was mapped to an answer below 400 is still an error, and what was done for a client that has left is undone.
func ExampleOutcome() {
	fmt.Println(weft.Outcome{Status: http.StatusCreated}.OK())
	fmt.Println(weft.Outcome{Status: http.StatusOK, Err: ErrShopClosed}.OK())
	fmt.Println(weft.Outcome{Status: http.StatusConflict}.OK())
	fmt.Println(weft.Outcome{Status: http.StatusOK, Gone: true}.OK())
	// Output:
	// true
	// false
	// false
	// false
}

// A branch that says no leaves nothing behind: what was made for it is rolled back and closed, and made anew further in.
func ExampleAny_services() {
	refuses := weft.GuardFrom(func(*Tx, *weft.Request) error { return weft.Deny("") }, weft.Named("refuses"))

	app := quietWith(shopServices())
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place).Guard(weft.Any(refuses, guardThat("lets pass", nil))))
	show(app, "POST", "/orders", tea)
	// Output:
	// begin
	// rollback
	// begin
	// commit
	// 200 {"id":7,"product":"tea"}
}

// Stock is what there is. It needs the Pool alone, and so is a singleton.
type Stock struct{ pool *Pool }

func NewStock(pool *Pool) *Stock { return &Stock{pool} }

// Sold is a handler's function.
func (s *Stock) Sold(context.Context, struct{}) (int, error) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return len(s.pool.sold), nil
}

// Enough is a check's.
func (s *Stock) Enough(_ context.Context, in PlaceOrder) error {
	if in.Quantity > 10 {
		return weft.Invalid("/quantity", "stock", "there are ten")
	}
	return nil
}

// Refused is a mapper's.
func (s *Stock) Refused(_ *weft.Request, err *OutOfStock) weft.Response {
	return weft.Fail(&weft.Error{Status: http.StatusConflict, Detail: "No " + err.Product + " before Monday.", Cause: err})
}

// Find is an extractor's.
func (s *Stock) Find(r *weft.Request) (string, error) {
	product := r.PathValue("product")
	if product != "tea" {
		return "", &weft.Error{Status: http.StatusNotFound}
	}
	return product, nil
}

func stockServices() *weft.Container {
	c := shopServices()
	weft.Auto[*Stock](c, NewStock)
	return c
}

// The function takes the service first, as a method expression does.
func ExampleHandleFrom() {
	app := quietWith(stockServices())
	app.Handle("GET /sold", weft.HandleFrom((*Stock).Sold))
	show(app, "GET", "/sold", "")
	// Output: 200 0
}

// Visits counts requests.
type Visits struct{ count atomic.Int64 }

func NewVisits() *Visits { return &Visits{} }

// Dispatch is a middleware's function.
func (v *Visits) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	return next(r).WithHeader("X-Visit", fmt.Sprint(v.count.Add(1)))
}

// A middleware of the app is made of a singleton, as most are. What is made per request is for interceptors.
func ExampleMiddlewareFrom() {
	c := weft.NewContainer(nil)
	weft.Auto[*Visits](c, NewVisits)
	app := quietWith(c)
	app.Use(weft.MiddlewareFrom((*Visits).Dispatch, weft.Named("visits")))
	for range 2 {
		fmt.Println(send(app, "GET", "/nowhere", "").Header().Get("X-Visit"))
	}
	// Output:
	// 1
	// 2
}

// Accounts knows who may come in.
type Accounts struct{ pool *Pool }

func NewAccounts(pool *Pool) *Accounts { return &Accounts{pool} }

// LogIn is a value guard's function.
func (a *Accounts) LogIn(r *weft.Request) (User, error) {
	user, known := users[strings.TrimPrefix(r.Header().Get("Authorization"), "Bearer ")]
	if !known {
		return User{}, weft.Unauthenticated(`Bearer realm="shop"`, "This needs an API key.")
	}
	return user, nil
}

// Active is a guard's.
func (a *Accounts) Active(r *weft.Request) error {
	if CurrentUser.Must(r).Name == "Bob" {
		return weft.Deny("Your account is closed.")
	}
	return nil
}

func ExampleValueGuardFrom() {
	c := shopServices()
	weft.Auto[*Accounts](c, NewAccounts)
	app := quietWith(c)
	app.Guard(weft.ValueGuardFrom(CurrentUser, (*Accounts).LogIn, weft.Named("log in")))
	app.Handle("GET /me", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		user, _ := CurrentUser.From(ctx)
		return user.Name, nil
	}))
	show(app, "GET", "/me", "", asAda)
	// Output: 200 "Ada"
}

func ExampleGuardFrom() {
	c := shopServices()
	weft.Auto[*Accounts](c, NewAccounts)
	app := quietWith(c)
	app.Guard(logIn, weft.GuardFrom((*Accounts).Active, weft.Named("active"), weft.Needs(CurrentUser)))
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place))
	show(app, "POST", "/orders", tea, asBob)
	// Output: 403 {"title":"Forbidden","status":403,"code":"forbidden","detail":"Your account is closed."}
}

// CheckFrom is a function over a handler: it returns a changed copy.
func ExampleCheckFrom() {
	place := weft.CheckFrom(weft.Handle(placeOrder), (*Stock).Enough)

	app := quietWith(stockServices())
	app.Handle("POST /orders", place)
	show(app, "POST", "/orders", `{"product":"tea","quantity":11}`)
	// Output: 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"/quantity","code":"stock","message":"there are ten"}]}
}

// counted is an around for every handler: its types are inferred where it is attached.
func counted[Req, Resp any](v *Visits, ctx context.Context, in Req, next func(context.Context, Req) (Resp, error)) (Resp, error) {
	fmt.Println("call", v.count.Add(1))
	return next(ctx, in)
}

func ExampleAroundFrom() {
	c := weft.NewContainer(nil)
	weft.Auto[*Visits](c, NewVisits)
	app := quietWith(c)
	app.Handle("POST /orders", weft.AroundFrom(weft.Handle(placeOrder), counted))
	show(app, "POST", "/orders", tea)
	// Output:
	// call 1
	// 200 {"id":7,"product":"tea"}
}

func ExampleOnFrom() {
	app := quietWith(stockServices())
	app.Catch(weft.OnFrom((*Stock).Refused))
	app.Handle("POST /orders", weft.HandleFrom((*Orders).Place))
	show(app, "POST", "/orders", gold)
	// Output:
	// begin
	// rollback
	// 409 {"title":"Conflict","status":409,"detail":"No gold before Monday."}
}

func ExampleExtractorFrom() {
	app := quietWith(stockServices())
	app.Handle("GET /products/{product}", weft.Handle(func(_ context.Context, product string) (string, error) {
		return product, nil
	}).Extract(weft.ExtractorFrom("product", (*Stock).Find)))
	show(app, "GET", "/products/tea", "")
	show(app, "GET", "/products/snow", "")
	// Output:
	// 200 "tea"
	// 404 {"title":"Not Found","status":404}
}

// A handler may take a service as its Req, where it reads nothing.
func ExampleService() {
	app := quietWith(stockServices())
	app.Handle("GET /sold", weft.Handle(func(ctx context.Context, stock *Stock) (int, error) {
		return stock.Sold(ctx, struct{}{})
	}).Extract(weft.Service[*Stock]()))
	show(app, "GET", "/sold", "")
	// Output: 200 0
}

// A field with the tag inject takes a service beside what is read.
func ExampleStruct_inject() {
	type SellMore struct {
		Body  PlaceOrder `body:"json"`
		Stock *Stock     `inject:""`
	}
	app := quietWith(stockServices())
	app.Handle("POST /more", weft.Handle(func(ctx context.Context, in SellMore) (string, error) {
		sold, err := in.Stock.Sold(ctx, struct{}{})
		return fmt.Sprint(in.Body.Product, ", and ", sold, " before"), err
	}))
	show(app, "POST", "/more", tea)
	// Output: 200 "tea, and 0 before"
}
