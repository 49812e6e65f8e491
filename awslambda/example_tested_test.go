package awslambda_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// place sells an order.
func place(_ context.Context, in Order) (struct{}, error) {
	if in.Product == "" {
		return struct{}{}, errors.New("nothing to sell")
	}
	return struct{}{}, nil
}

func TestWhichOrdersComeBack(t *testing.T) {
	app := quiet()
	app.On(awslambda.SQS("orders"), weft.Handle(place))
	app.On(awslambda.Kafka("orders"), weft.Handle(place))
	srv := server(app)

	assert.Equal(t, []string{"unfit", "garbled"}, awslambdatest.Failed(t, srv, awslambdatest.SQSBatch("orders",
		awslambdatest.Message{ID: "sold", Body: Order{7, "tea"}, Attributes: map[string]string{"Tenant": "acme"}},
		awslambdatest.Message{ID: "unfit", Body: Order{8, ""}},
		awslambdatest.Message{ID: "garbled", Body: "{"},
	)))
	assert.Equal(t, []string{"orders-0/1", "orders-0/2"}, awslambdatest.Failed(t, srv, awslambdatest.KafkaBatch("orders",
		awslambdatest.Record{Data: Order{7, "tea"}},
		awslambdatest.Record{Data: Order{8, ""}},
		awslambdatest.Record{Data: Order{9, "tea"}},
		awslambdatest.Record{Data: Order{10, "tea"}, Partition: 1},
	)))
}
