package awslambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// Which messages come back, in one line.
func ExampleFailed() {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.On(awslambda.SQS("orders"), weft.Handle(func(_ context.Context, in struct {
		Product string `json:"product"`
	}) (struct{}, error) {
		if in.Product == "" {
			return struct{}{}, errors.New("nothing to sell")
		}
		return struct{}{}, nil
	}))
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err)
	}

	// func TestOrders(t *testing.T) {
	fmt.Println(awslambdatest.Failed(t, srv, awslambdatest.SQSBatch("orders",
		awslambdatest.Message{ID: "sold", Body: map[string]string{"product": "tea"}},
		awslambdatest.Message{ID: "unfit", Body: map[string]string{}},
		awslambdatest.Message{ID: "garbled", Body: "{"},
	)))
	// Output: [unfit garbled]
}

// Everything of a shard comes back from the record on that has failed.
func ExampleSentAgain() {
	event := awslambdatest.KinesisBatch("clicks", awslambdatest.Record{Data: "a"}, awslambdatest.Record{Data: "b"}, awslambdatest.Record{Data: "c"})
	fmt.Println(awslambdatest.SentAgain(event, []byte(`{"batchItemFailures":[{"itemIdentifier":"2"}]}`)))
	fmt.Println(awslambdatest.SentAgain(event, []byte(`{"batchItemFailures":[{"itemIdentifier":"7"}]}`)))
	// Output:
	// [2 3] <nil>
	// [1 2 3] the identifier "7" is of no record of the event
}

// t stands for that of a test.
var t testing.TB = exampleT{}

type exampleT struct{ testing.TB }

func (exampleT) Helper()                  {}
func (exampleT) Context() context.Context { return context.Background() }
