package awslambda_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

// A message of a queue is a request, and those that fail are sent again.
func ExampleSQS() {
	type Place struct {
		Order   Order                `body:"json"`
		Message awslambda.SQSMessage `value:""`
		Tenant  string               `header:"Tenant"` // an attribute of the message
	}
	place := weft.Handle(func(_ context.Context, in Place) (struct{}, error) {
		if in.Order.Product == "" {
			return struct{}{}, errors.New("nothing to sell")
		}
		fmt.Printf("%s sells %s, by message %s\n", in.Tenant, in.Order.Product, in.Message.ID)
		return struct{}{}, nil
	})
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.On(awslambda.SQS("orders"), place)

	answer, err := awslambda.Handle(context.Background(), server(app), []byte(`{"Records": [
		{"messageId": "m1", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:orders", "body": "{\"id\":7,\"product\":\"tea\"}",
		 "messageAttributes": {"Tenant": {"dataType": "String", "stringValue": "acme"}}},
		{"messageId": "m2", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:orders", "body": "not JSON"}
	]}`))
	fmt.Println(string(answer), err)
	// Output:
	// acme sells tea, by message m1
	// {"batchItemFailures":[{"itemIdentifier":"m2"}]} <nil>
}

// A change of an item is decoded like any JSON.
func ExampleDynamoDB() {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.On(awslambda.DynamoDB("orders"), weft.Handle(func(_ context.Context, change awslambda.DynamoDBChange[Order]) (struct{}, error) {
		fmt.Println(change.Old == nil, change.New.ID, change.New.Product)
		return struct{}{}, nil
	}))
	answer, err := awslambda.Handle(context.Background(), server(app), []byte(`{"Records": [{
		"eventSource": "aws:dynamodb", "eventName": "INSERT", "eventSourceARN": "arn:aws:dynamodb:eu-west-1:1:table/orders/stream/2026-01-01T00:00:00.000",
		"dynamodb": {"SequenceNumber": "111", "Keys": {"id": {"N": "7"}}, "NewImage": {"id": {"N": "7"}, "product": {"S": "tea"}}}
	}]}`))
	fmt.Println(string(answer), err)
	// Output:
	// true 7 tea
	// {"batchItemFailures":[]} <nil>
}

// What is sent to the function itself has a result, or an error whose type is the problem's code.
func ExampleDirect() {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	type find struct {
		Action string `json:"action"`
		ID     int    `json:"id"`
	}
	app.On(awslambda.Direct("find"), weft.Handle(func(_ context.Context, in find) (Order, error) {
		if in.ID != 7 {
			return Order{}, &weft.Error{Status: 404, Code: "order_not_found"}
		}
		return Order{in.ID, "tea"}, nil
	}))
	answer, err := awslambda.Handle(context.Background(), server(app), []byte(`{"action": "find", "id": 7}`))
	fmt.Println(string(answer), err)
	_, err = awslambda.Handle(context.Background(), server(app), []byte(`{"action": "find", "id": 8}`))
	fmt.Println(awslambda.ErrorType(err))
	// Output:
	// {"id":7,"product":"tea"} <nil>
	// order_not_found
}
