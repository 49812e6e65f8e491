// Testfunction is a Lambda function for the tests of package awslambda, which start it as a process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

// closing tells when it is closed.
type closing struct{}

func (*closing) Shutdown() { _ = os.WriteFile(os.Getenv("FUNCTION_CLOSED"), nil, 0o600) }

// events are the routes for what is none of HTTP. A record's content says how it fails.
func events(app *weft.App) {
	take := func(ctx context.Context, how string) (string, error) {
		inv, _ := awslambda.InvocationOf(ctx)
		switch how {
		case "panic":
			panic("oh")
		case "goexit":
			runtime.Goexit()
		case "error":
			return "", errors.New("unexpected")
		case "late":
			<-ctx.Done()
			return "", ctx.Err()
		case "not found":
			return "", &weft.Error{Status: 404, Code: "order_not_found"}
		}
		return fmt.Sprintf("%s %s by %d", how, inv.RequestID, os.Getpid()), nil
	}
	app.On(awslambda.SQS("orders", awslambda.Concurrency(2)), weft.Handle(take))
	app.On(awslambda.Kinesis("clicks"), weft.Handle(take))
	app.On(awslambda.Direct("take"), weft.Handle(func(ctx context.Context, in struct {
		Action string `json:"action"`
		How    string `json:"how"`
	}) (string, error) {
		return take(ctx, in.How)
	}))
}

func main() {
	con := weft.NewContainer(nil)
	weft.Singleton[*closing](con, func() (*closing, error) {
		switch os.Getenv("FUNCTION_FAILS") {
		case "error":
			return nil, errors.New("no database")
		case "panic":
			panic("no database at all")
		}
		return &closing{}, nil
	})
	app := weft.New(weft.WithContainer(con))
	if os.Getenv("FUNCTION_FAILS") == "declaration" {
		app.Handle("GET", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
	}
	app.Handle("GET /facts", weft.Handle(func(ctx context.Context, r *weft.Request) (string, error) {
		inv, _ := awslambda.InvocationOf(ctx)
		deadline, _ := ctx.Deadline()
		return fmt.Sprintf("%d %s %s %s %s cold=%t reserve=%v", os.Getpid(), inv.RequestID, inv.TraceID, inv.TenantID, r.Header().Get("X-Amzn-Trace-Id"), inv.ColdStart, inv.Deadline.Sub(deadline)), nil
	}))
	app.Handle("GET /fails/{how}", weft.Handle(func(_ context.Context, how string) (string, error) {
		switch how {
		case "panic":
			panic("oh")
		case "abort":
			panic(http.ErrAbortHandler)
		case "goexit":
			runtime.Goexit()
		}
		return "", errors.New("unexpected")
	}).Extract(weft.PathValue[string]("how")))
	app.Handle("GET /slow", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(500 * time.Millisecond):
			return "slow", nil
		}
	}))
	app.Handle("GET /deadline", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}))
	app.Handle("GET /stream/{how}", weft.Handle(func(_ context.Context, how string) (weft.Stream[int], error) {
		return func(yield func(int, error) bool) {
			for i := range 3 {
				if !yield(i, nil) {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
			if how == "breaks" {
				yield(0, errors.New("no more"))
			}
		}, nil
	}).Extract(weft.PathValue[string]("how")))
	app.Handle("POST /work", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		return "answered", weft.Go(ctx, "work", func(context.Context) error {
			time.Sleep(300 * time.Millisecond)
			return nil
		})
	}))
	app.Handle("POST /echo", weft.Handle(func(_ context.Context, body io.Reader) (io.Reader, error) { return body, nil }).Extract(weft.BodyReader()).Limit(8<<20))
	events(app)

	opts := []awslambda.Option{awslambda.Reserve(200 * time.Millisecond), awslambda.ShutDown()}
	switch os.Getenv("FUNCTION_MODE") {
	case "streaming":
		opts = append(opts, awslambda.Streaming())
	case "options":
		opts = append(opts, awslambda.BasePath("shop"))
	}
	awslambda.Start(app, opts...)
}
