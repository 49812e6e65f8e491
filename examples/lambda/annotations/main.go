// Command annotations is a function with a middleware that has a span of its own, and says more in it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/rest"
	"github.com/weft-go/weft/examples/lambda/internal/telemetry"
	"github.com/weft-go/weft/examples/lambda/internal/upstream"
	"github.com/weft-go/weft/tracing"
)

// Products is a catalogue that another service keeps.
type Products struct{ upstream *upstream.Service }

// NewProducts is its constructor.
func NewProducts(service *upstream.Service) *Products { return &Products{service} }

// Handle answers GET /products.
func (p *Products) Handle(ctx context.Context, in rest.Event) (rest.Response, error) {
	if in.Method != http.MethodGet || in.Path != "/products" {
		return rest.NotFound()
	}
	product, err := p.upstream.Get(ctx, "/products/1")
	if err != nil {
		return rest.Response{}, fmt.Errorf("reading the product: %w", err)
	}
	return rest.JSON(http.StatusOK, map[string]json.RawMessage{"product": product})
}

// timed adds to an answer how long it took, and which invocation it is of, and puts on its span what was asked for and the time.
func timed(ctx context.Context, in rest.Event, next func(context.Context, rest.Event) (rest.Response, error)) (rest.Response, error) {
	tracing.Metadata(ctx, "resource", in.Path) // in the namespace of the service
	began := time.Now()
	out, err := next(ctx, in)
	took := strconv.FormatFloat(time.Since(began).Seconds(), 'f', -1, 64)
	tracing.Annotate(ctx, "TotalExecutionTime", took) // traces are found by it
	if err != nil {
		return out, err
	}
	return out.With("execution_time", took).With("aws_request_id", telemetry.RequestID(ctx)), nil
}

func services() *weft.Container {
	i := do.New()
	do.ProvideValue(i, upstream.New("https://dummyjson.com"))
	c := weft.NewContainer(i)
	weft.Auto[*Products](c, NewProducts)
	return c
}

func function(ctx context.Context, c *weft.Container) (func(context.Context, rest.Event) (rest.Response, error), error) {
	traces, err := telemetry.New(ctx)
	if err != nil {
		return nil, err
	}
	h := weft.HandleFrom((*Products).Handle).Named("products").
		Around(timed, weft.Named("middleware_with_advanced_tracing"), weft.Traced())
	return weft.Func(ctx, h, weft.WithContainer(c), traces.Observe())
}

func main() {
	fn, err := function(context.Background(), services())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(fn)
}
