// Command combined is a function with everything: requests are validated and correlated, answers get security headers, and where a feature
// flag says so, who asked for what is kept. Each is a stage of its own, in the file stages.go.
package main

import (
	"context"
	"log"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/rest"
	"github.com/weft-go/weft/examples/lambda/internal/telemetry"
	"github.com/weft-go/weft/examples/lambda/internal/upstream"
	"github.com/weft-go/weft/tracing"
)

func services() *weft.Container {
	i := do.New()
	do.ProvideValue(i, upstream.New("https://jsonplaceholder.typicode.com"))
	c := weft.NewContainer(i)
	weft.Auto[*Comments](c, NewComments)
	weft.Singleton[*Features](c, NewFeatures)
	weft.Singleton[*History](c, NewHistory)
	return c
}

func function(ctx context.Context, c *weft.Container, logger *slog.Logger) (func(context.Context, rest.Event) (rest.Response, error), error) {
	traces, err := telemetry.New(ctx, tracing.Stages("comments")) // the handler, too: where it fails, its span says why
	if err != nil {
		return nil, err
	}
	read := weft.Adapt(weft.HandleFrom((*Comments).Read).Named("comments"), answered)
	read = read.Around(correlated, weft.Named("correlated"), weft.Traced())
	read = weft.AroundFrom(read, remembered, weft.Named("remembered"), weft.Traced())
	read = read.Around(secured, weft.Named("secured"), weft.Traced())
	return weft.Func(ctx, weft.Adapt(read, validated), weft.WithContainer(c), weft.WithLogger(logger), traces.Observe())
}

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	fn, err := function(context.Background(), services(), logger)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(fn)
}
