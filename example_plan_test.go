package weft_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

// unguarded are the routes that no guard for certain knows the user of.
func unguarded(plan *weft.Plan) []string {
	var open []string
	for _, route := range plan.Routes {
		if !slices.ContainsFunc(route.Stages, func(s weft.StageInfo) bool {
			return s.Kind == weft.KindGuard && slices.Contains(s.Provides, "current user")
		}) {
			open = append(open, route.Pattern)
		}
	}
	return open
}

// A policy is a test over the plan: it holds for routes that are yet to be written, too.
func ExamplePlan() {
	app := quiet()
	app.Handle("GET /healthz", weft.Health())
	shop := app.Group("/shop")
	shop.Guard(logIn)
	shop.Handle("POST /orders", weft.Handle(placeOrder))
	app.Handle("POST /orders", weft.Handle(placeOrder)) // beside the group, by mistake

	plan, err := app.Plan()
	fmt.Println(unguarded(plan), err)
	// Output: [GET /healthz POST /orders] <nil>
}

// The plan as text: each stage with its place, its level and its line.
func ExamplePlan_String() {
	app := quiet()
	app.Guard(logIn)
	app.Handle("POST /orders", weft.Handle(placeOrder).Guard(hasRole("manager")))
	plan, err := app.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	sources := regexp.MustCompile(` +\(?[^ ]+\.go:\d+\)?`) // the lines of this file are not the point
	fmt.Print(sources.ReplaceAllString(plan.String(), ""))
	// Output:
	// every request
	//   no stages
	//
	// POST /orders  weft_test.placeOrder
	//   1  guard    app    log in; provides current user
	//   2  guard    route  manager; needs current user
	//   3  extract  route  extract: body: json, required; at most 1048576 bytes; validated
	//   4  handler  route  weft_test.placeOrder
	//   5  respond  route  respond: 200, weft_test.Order as JSON
	//   answers 200 400 401 403 413 415 422 500, or the status of an error
}

// Every mistake is in the error of Plan and of Build, each with its line, its route and what to do.
func ExampleBuildError() {
	app := quiet()
	app.Handle("POST /orders/{id}", weft.Handle(placeOrder).Status(404))
	app.Handle("GET /orders", weft.Handle(func(_ context.Context, in struct {
		ID int `path:"id"`
	}) (string, error) {
		return "", nil
	}))
	_, err := app.Build(context.Background())
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			var mistake *weft.BuildError
			if errors.As(err, &mistake) {
				fmt.Println(mistake.Route, "-", mistake.Problem)
				fmt.Println(" ", mistake.Remedy)
			}
		}
	}
	// Output:
	// POST /orders/{id} - Status(404) is no status of a success
	//   use one from 200 to 399; failures are errors that the handler returns
	// GET /orders - struct { ID int "path:\"id\"" } reads the path value "id", and the pattern has no {id}
	//   write the wildcard into the pattern, or mend the name
}

// A warning is about what is seldom meant, as it has no effect; Build logs it.
func ExampleWarning() {
	app := quiet()
	app.Group("").Catch(closed503) // a group without routes
	plan, err := app.Plan()
	fmt.Println(err)
	for _, w := range plan.Warnings {
		fmt.Println(w.Problem)
	}
	// Output:
	// <nil>
	// nothing can reach the mapper for errors that are "the shop is closed": its group has no route and no path of its own
}

// Build makes the server. Explain says what it does.
func ExampleApp_Build() {
	app := quiet()
	app.Handle("GET /healthz", weft.Health())
	srv, err := app.Build(context.Background())
	fmt.Println(err, strings.Contains(srv.Explain(), "GET /healthz"))
	// Output: <nil> true
}

// An Observer of its own type chooses its stages; those that it does not want cost nothing.
func ExampleObserver() {
	app := weft.New(weft.WithObserver(refusals{}))
	app.Guard(logIn)
	app.Handle("POST /orders", weft.Handle(placeOrder).Named("place order"))
	send(app, "POST", "/orders", "")
	// Output: log in: 401 Unauthorized (unauthenticated): This needs an API key.
}

// refusals tells which guards and handlers return errors.
type refusals struct{}

func (refusals) Observes(stage *weft.StageInfo) bool {
	return stage.Kind == weft.KindGuard || stage.Kind == weft.KindHandler
}

func (refusals) Enter(ctx context.Context, stage *weft.StageInfo) (context.Context, weft.Exit) {
	return ctx, func(_ int, err error) {
		if err != nil {
			fmt.Printf("%s: %v\n", stage.Name, err)
		}
	}
}

// The logger of a request names its route.
func ExampleLogger() {
	var lines strings.Builder
	app := weft.New(weft.WithLogger(slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))))
	app.Handle("GET /orders/{id}", weft.Handle(func(ctx context.Context, id int) (string, error) {
		weft.Logger(ctx).InfoContext(ctx, "reading", "id", id)
		return "", nil
	}).Extract(weft.PathValue[int]("id")))
	send(app, "GET", "/orders/7", "")
	fmt.Print(lines.String())
	// Output: level=INFO msg=reading route="GET /orders/{id}" id=7
}

// The pattern, and not the path, is the label of a metric.
func ExampleRouteOf() {
	app := quiet()
	app.Handle("GET /orders/{id}", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		return weft.RouteOf(ctx).Pattern() + ", " + weft.RouteOf(ctx).Name(), nil
	}).Named("read order"))
	show(app, "GET", "/orders/7", "")
	// Output: 200 "GET /orders/{id}, read order"
}

func ExampleWithPlanCheck() {
	app := weft.New(weft.WithPlanCheck(func(plan *weft.Plan) (found []weft.BuildError) {
		for _, route := range plan.Routes {
			if route.Timeout == 0 {
				found = append(found, weft.BuildError{
					Source: route.Source, Route: route.Pattern,
					Problem: "there is no deadline", Remedy: "give the handler a Timeout",
				})
			}
		}
		return found
	}))
	app.Handle("GET /healthz", weft.Health().Timeout(time.Second))
	app.Handle("POST /orders", weft.Handle(placeOrder))
	_, err := app.Plan()
	_, said, _ := strings.Cut(err.Error(), ": ") // without its line
	fmt.Println(said)
	// Output: route "POST /orders": there is no deadline; give the handler a Timeout
}

func ExampleTraced() {
	app := quiet()
	app.Use(
		weft.NewMiddleware("audit", passThrough, weft.Traced()),
		weft.NewMiddleware("request id", passThrough, weft.Untraced()),
	)
	plan, _ := app.Plan()
	for _, stage := range plan.App {
		fmt.Println(stage.Name, stage.Traced, stage.Untraced)
	}
	// Output:
	// audit true false
	// request id false true
}
