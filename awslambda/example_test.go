package awslambda_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// Order is what the examples' shop sells.
type Order struct {
	ID      int    `json:"id"`
	Product string `json:"product"`
}

func newShop() *weft.App {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, id int) (Order, error) {
		return Order{id, "tea"}, nil
	}).Extract(weft.PathValue[int]("id")))
	return app
}

func server(app *weft.App) *weft.Server {
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err)
	}
	return srv
}

// One program is a server, and a function where Lambda runs it.
func Example() {
	app := newShop()
	if awslambda.InLambda() {
		awslambda.Start(app) // does not return
	}
	srv := server(app)
	fmt.Println(srv.Plan().Routes[0].Pattern) // srv.Run(ctx, ":8080")
	// Output: GET /orders/{id}
}

// An event in, an answer out: in tests, and beside handlers of one's own.
func ExampleHandle() {
	srv := server(newShop())
	answer, err := awslambda.Handle(context.Background(), srv, []byte(`{
		"version": "2.0", "rawPath": "/orders/7", "rawQueryString": "", "headers": {"accept": "*/*"},
		"requestContext": {"http": {"method": "GET"}, "stage": "$default"}
	}`))
	fmt.Println(string(answer), err)
	// Output: {"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"{\"id\":7,\"product\":\"tea\"}","isBase64Encoded":false} <nil>
}

// A Function is what the options say, and answers any number of events.
func ExampleNew() {
	srv := server(newShop())
	f, err := awslambda.New(srv, awslambda.StripStage(), awslambda.BasePath("/shop"))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := f.Invoke(context.Background(), []byte(`{
		"version": "2.0", "rawPath": "/prod/shop/orders/7",
		"requestContext": {"http": {"method": "GET"}, "stage": "prod"}
	}`))
	fmt.Println(strings.Contains(string(answer), `"statusCode":200`), err)
	_, err = awslambda.New(srv, awslambda.BasePath("shop"))
	fmt.Println(err)
	// Output:
	// true <nil>
	// awslambda: BasePath("shop") is not a prefix of a path: write it as "/orders"
}

// What Lambda says is there by the context, and as the value of a key.
func ExampleInvocationOf() {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(awslambda.Provide())
	app.Handle("GET /whoami", weft.Handle(func(ctx context.Context, in struct {
		Invocation *awslambda.Invocation `value:""`
	}) (string, error) {
		var authorizer struct {
			JWT struct{ Claims map[string]string }
		}
		if err := in.Invocation.Authorizer(&authorizer); err != nil {
			return "", err
		}
		same, _ := awslambda.InvocationOf(ctx)
		return fmt.Sprint(authorizer.JWT.Claims["sub"], " by ", same.Source, ", ", same.CorrelationID), nil
	}))
	answer, _ := awslambda.Handle(context.Background(), server(app), []byte(`{
		"version": "2.0", "rawPath": "/whoami",
		"requestContext": {"http": {"method": "GET"}, "requestId": "F1b=", "authorizer": {"jwt": {"claims": {"sub": "ada"}}}}
	}`))
	_, body, _ := strings.Cut(string(answer), `"body":`)
	fmt.Println(body)
	// Output: "\"ada by API Gateway HTTP API, F1b=\"","isBase64Encoded":false}
}

// A connection's three kinds of events are three routes, which only a WebSocket API reaches.
func ExampleOnly() {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	chat := app.Group("")
	chat.Guard(awslambda.Only(awslambda.WebSocket))
	heard := func(ctx context.Context, _ struct{}) (string, error) {
		inv, _ := awslambda.InvocationOf(ctx)
		return inv.WebSocket.Event + " of " + inv.WebSocket.ID, nil
	}
	chat.Handle("GET /$connect", weft.Handle(heard))
	chat.Handle("POST /$default", weft.Handle(heard))
	chat.Handle("DELETE /$disconnect", weft.Handle(heard))
	answer, _ := awslambda.Handle(context.Background(), server(app), []byte(`{
		"requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c1="}
	}`))
	fmt.Println(string(answer))
	// Output: {"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"\"CONNECT of c1=\"","isBase64Encoded":false}
}

// A front door in a test: requests go in, and come out as its clients get them.
func Example_test() {
	door := awslambdatest.Transport(server(newShop()), awslambdatest.ALB)
	hr, _ := http.NewRequest("GET", "http://shop.example.com/orders/7", nil)
	resp, err := door(hr)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body))
	// Output: 200 {"id":7,"product":"tea"}
}
