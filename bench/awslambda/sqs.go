package awslambda

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"github.com/weft-go/weft"
	weftlambda "github.com/weft-go/weft/awslambda"
)

// The places of the sides of [Queue].
const (
	WeftQueue  = iota // by package awslambda
	PlainQueue        // by hand on aws-lambda-go: one function for the batch
)

// Queue is a batch of ten messages of SQS, each decoded, checked and handled by itself. broken is which of them breaks a rule, -1 for none.
func Queue(broken int) Form {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.On(weftlambda.SQS("orders"), weft.Handle(func(_ context.Context, in order) (struct{}, error) { return struct{}{}, nil }))
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err)
	}
	f, err := weftlambda.New(srv)
	if err != nil {
		panic(err)
	}
	return Form{"SQS, a batch of 10", batch(broken), []Side{
		{"weft", f.Invoke},
		{"by hand, aws-lambda-go", invoker(func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
			answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
			for _, m := range e.Records {
				if _, status := take("acme", []byte(m.Body)); status != http.StatusCreated {
					answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
				}
			}
			return answer, nil
		})},
	}}
}

// SameFailures says in its error which side has other messages sent again than the first.
func (f Form) SameFailures() error {
	var want string
	for i, side := range f.Sides {
		answer, err := side.Invoke(context.Background(), f.Event)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", f.Name, side.Name, err)
		}
		if i == 0 {
			want = string(answer)
		}
		if string(answer) != want {
			return fmt.Errorf("%s: %s answers %s, and %s %s", f.Name, f.Sides[0].Name, want, side.Name, answer)
		}
	}
	return nil
}

func batch(broken int) []byte {
	var records []events.SQSMessage
	for i := range 10 {
		o := order{Product: "Earl Grey, loose leaf", Quantity: i + 1}
		if i == broken {
			o.Quantity = 0
		}
		content, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		tenant := "acme"
		records = append(records, events.SQSMessage{
			MessageId: fmt.Sprintf("059f36b4-87a3-44ab-83d2-66197%07d", i), ReceiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", Body: string(content), Md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3",
			Attributes: map[string]string{
				"ApproximateReceiveCount": "1", "SentTimestamp": strconv.Itoa(1795363712000 + i), "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": strconv.Itoa(1795363712500 + i),
			},
			MessageAttributes: map[string]events.SQSMessageAttribute{"Tenant": {StringValue: &tenant, DataType: "String"}},
			EventSource:       "aws:sqs", EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:orders", AWSRegion: "eu-west-1",
		})
	}
	return event(map[string]any{"Records": records})
}
