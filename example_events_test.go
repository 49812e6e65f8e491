package weft_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/weft-go/weft"
)

// Message is what a Queue has.
type Message struct {
	ID, Body   string
	Attributes map[string]string
}

// MessageKey is provided for each message, by the source's own stage.
var MessageKey = weft.NewKey[Message]("message")

// Queue is a queue in memory: a source of events, and its transport.
type Queue struct {
	name     string
	messages []Message
}

func (q *Queue) Name() string { return "queue " + q.name }

func (q *Queue) Err() error {
	if q.name == "" {
		return errors.New("the queue has no name")
	}
	return nil
}

func (q *Queue) Receive() weft.Middleware {
	return weft.Before("from the queue", func(r *weft.Request) error {
		m, there := r.Context().Value(messageOf{}).(Message)
		if !there {
			return errors.New("the request is no message")
		}
		MessageKey.Set(r, m)
		return nil
	}, weft.Provides(MessageKey))
}

type messageOf struct{}

// Deliver hands each message to the route for the queue, and keeps those that were not handled.
func (q *Queue) Deliver(ctx context.Context, srv *weft.Server) {
	for from, h := range srv.Events() {
		if from == q {
			q.messages = slices.DeleteFunc(q.messages, func(m Message) bool { return m.handledBy(ctx, h) })
		}
	}
}

// handledBy makes a request of the message.
func (m Message) handledBy(ctx context.Context, h http.Handler) (handled bool) {
	defer func() { handled = recover() == nil && handled }() // http.ErrAbortHandler, as of HTTP
	hr, err := http.NewRequestWithContext(context.WithValue(ctx, messageOf{}, m), "POST", "queue:///"+m.ID, strings.NewReader(m.Body))
	if err != nil {
		return false
	}
	for name, value := range m.Attributes {
		hr.Header.Set(name, value)
	}
	w := &outcome{header: http.Header{}}
	h.ServeHTTP(w, hr)
	return w.status < http.StatusBadRequest
}

// outcome takes an answer, of which only the status matters.
type outcome struct {
	header http.Header
	status int
}

func (w *outcome) Header() http.Header { return w.header }

func (w *outcome) WriteHeader(status int) { w.status = status }

func (w *outcome) Write(p []byte) (int, error) { return len(p), nil }

// CollectLimit has bodies made to their end: one that breaks off has failed.
func (w *outcome) CollectLimit(http.Header) int64 { return 1 << 20 }

// A queue of one's own is a source: its messages go through the same stages as requests of HTTP, and what fails stays in it.
func ExampleApp_On() {
	type Place struct {
		Order   PlaceOrder `body:"json"`
		Message Message    `value:""`
		Tenant  string     `header:"Tenant"` // an attribute
	}
	app := quiet()
	app.Use(weft.After("audit", func(r *weft.Request, resp weft.Response) weft.Response {
		fmt.Println(r.Route().Pattern(), resp.Status())
		return resp
	}))
	orders := &Queue{name: "orders", messages: []Message{
		{"1", `{"product":"tea","quantity":1}`, map[string]string{"Tenant": "acme"}},
		{"2", `{"product":"tea","quantity":0}`, nil},
		{"3", `{"product":"gold","quantity":1}`, nil},
	}}
	app.On(orders, weft.Handle(func(ctx context.Context, in Place) (Order, error) {
		order, err := placeOrder(ctx, in.Order)
		if err == nil {
			fmt.Printf("%s ordered %s, by message %s\n", in.Tenant, order.Product, in.Message.ID)
		}
		return order, err
	}))
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	orders.Deliver(context.Background(), srv)
	for _, m := range orders.messages {
		fmt.Println("not handled:", m.ID)
	}
	// Output:
	// acme ordered tea, by message 1
	// queue orders 200
	// queue orders 422
	// queue orders 500
	// not handled: 2
	// not handled: 3
}

// What stands around everything may be about HTTP alone.
func ExampleEventRouteOf() {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(weft.NewMiddleware("trusted hosts", func(r *weft.Request, next weft.Next) weft.Response {
		if weft.EventRouteOf(r.Context()) == nil && r.HTTP().Host != "example.com" {
			return weft.Fail(&weft.Error{Status: http.StatusMisdirectedRequest})
		}
		return next(r)
	}))
	stock := &Queue{name: "stock", messages: []Message{{"1", `"tea"`, nil}}}
	order := weft.Handle(func(ctx context.Context, product string) (string, error) {
		fmt.Println("order", product, "for", weft.RouteOf(ctx).Pattern())
		return product, nil
	})
	app.Group("/stock").On(stock, order) // the same handler for both; the prefix is that of HTTP alone
	app.Group("/stock").Handle("POST", order)
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	stock.Deliver(context.Background(), srv)
	fmt.Println(send(app, "POST", "/stock", `"tea"`, "Host: example.com").Code)
	// Output:
	// order tea for queue stock
	// order tea for POST /stock
	// 200
}
