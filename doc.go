// Package weft builds services out of typed handlers and typed stages.
//
// A handler is a function from a request's value to an answer's value. Stages,
// such as middleware, stand around it; each is a value that can be tested alone with one
// call. An [App] collects handlers and stages at three levels, app, group and route.
// [App.Build] joins them into one plan, proves what can be proved before the
// first request, and returns a [Server] that runs the plan as an [http.Handler].
//
// A complete service:
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//		"log"
//		"net/http"
//
//		"github.com/weft-go/weft"
//	)
//
//	type Greeting struct {
//		Name string `json:"name"`
//	}
//
//	type Greeted struct {
//		Text string `json:"text"`
//	}
//
//	func greet(ctx context.Context, in Greeting) (Greeted, error) {
//		if in.Name == "" {
//			return Greeted{}, &weft.Error{Status: http.StatusUnprocessableEntity, Detail: "Tell me your name."}
//		}
//		return Greeted{Text: "Hello, " + in.Name}, nil
//	}
//
//	func main() {
//		app := weft.New()
//		app.Use(weft.After("server name", func(r *weft.Request, resp weft.Response) weft.Response {
//			return resp.WithHeader("Server", "greeter")
//		}))
//		app.Handle("POST /greetings", weft.Handle(greet).Status(http.StatusCreated))
//		app.Handle("GET /healthz", weft.Health())
//
//		srv, err := app.Build(context.Background())
//		if err != nil {
//			log.Fatal(err) // every mistake, each with its line and what to do
//		}
//		fmt.Print(srv.Explain())
//		if err := srv.Run(context.Background(), "localhost:8080"); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// # One request's way
//
// The app's middleware runs before routing and sees every request, also those
// that end in a 404 or 405. Then come the middleware of the groups and of the
// route, the guards, the decoding of the request, the checks of what was
// decoded, the interceptors and the handler. On every list the first stage is the outermost. What the handler returns becomes
// a [Response], encoded, right there; the stages outside see it on its way out,
// and failures too: a stage's next never fails, it returns the Response that
// the error was turned into.
//
// # Guards and keys
//
// A [Guard] decides whether a request may run, before anything of it is
// decoded. A [ValueGuard] finds out who is asking, or the like, and hands it by a [Key] to the stages and the handler
// further in. Build proves that what they need has been provided.
//
// # Errors
//
// A handler or a stage returns an [Error] to say what the client may know. Of
// any other error, and of a panic, the client learns nothing: it gets a plain 500, and the log gets the cause, once.
// A [Mapper], attached with Catch, gives errors of one kind their answer at the
// level of a handler, a group or the app. [Handler.Errors] has Build prove that none is forgotten.
package weft
