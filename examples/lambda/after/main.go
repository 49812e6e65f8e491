// Command after is a function with after logic: what the handler answers with gets two header fields.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/rest"
	"github.com/weft-go/weft/examples/lambda/internal/telemetry"
	"github.com/weft-go/weft/examples/lambda/internal/upstream"
)

// Todos is a list that another service keeps.
type Todos struct{ upstream *upstream.Service }

// NewTodos is its constructor.
func NewTodos(service *upstream.Service) *Todos { return &Todos{service} }

// Handle adds what a POST to /todos has.
func (t *Todos) Handle(ctx context.Context, in rest.Event) (rest.Response, error) {
	if in.Method != http.MethodPost || in.Path != "/todos" {
		return rest.NotFound()
	}
	form, err := formOf(in)
	if err != nil {
		return rest.Failure(http.StatusBadRequest, "The body is no JSON object.")
	}
	todo, err := t.upstream.Post(ctx, "/todos", form)
	if err != nil {
		return rest.Response{}, fmt.Errorf("adding a todo: %w", err)
	}
	return rest.JSON(http.StatusOK, map[string]json.RawMessage{"todo": todo})
}

// formOf is the object in the body as a form.
func formOf(in rest.Event) (url.Values, error) {
	content, err := in.Content()
	if err != nil {
		return nil, err
	}
	var members map[string]any
	numbers := json.NewDecoder(bytes.NewReader(content))
	numbers.UseNumber()
	if err := numbers.Decode(&members); err != nil {
		return nil, err
	}
	form := url.Values{}
	for name, value := range members {
		form.Set(name, fmt.Sprint(value))
	}
	return form, nil
}

// timed is after logic, for handlers of all requests that answer in this way.
func timed[Req any](ctx context.Context, in Req, next func(context.Context, Req) (rest.Response, error)) (rest.Response, error) {
	began := time.Now()
	out, err := next(ctx, in)
	if err != nil {
		return out, err
	}
	took := strconv.FormatFloat(time.Since(began).Seconds(), 'f', -1, 64)
	return out.With("execution_time", took).With("aws_request_id", telemetry.RequestID(ctx)), nil
}

func services() *weft.Container {
	i := do.New()
	do.ProvideValue(i, upstream.New("https://jsonplaceholder.typicode.com"))
	c := weft.NewContainer(i)
	weft.Auto[*Todos](c, NewTodos)
	return c
}

func function(ctx context.Context, c *weft.Container) (func(context.Context, rest.Event) (rest.Response, error), error) {
	return weft.Func(ctx, weft.HandleFrom((*Todos).Handle).Around(timed), weft.WithContainer(c))
}

func main() {
	fn, err := function(context.Background(), services())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(fn)
}
