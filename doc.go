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
// A request meets the stages in this order; on every list the first is the
// outermost, and those of the app stand outside those of a group, and those of a group outside the route's.
//
//  1. [Middleware] of the app ([App.Use]), before routing: every request, also those that end in a 404 or 405.
//  2. Middleware of the groups and of the route ([Group.Use], [Handler.Use]).
//  3. A [Guard] decides whether the request may run, before anything of it is decoded ([Handler.Guard]).
//  4. Extraction makes the handler's Req, by the tags of its type or by an [Extractor], and asks its validate tags.
//  5. A check is a guard on the decoded value ([Handler.Check]).
//  6. An interceptor is a Middleware that stands in here, around requests that will run ([Handler.Intercept]).
//  7. An [Around] is a typed function around the handler ([Handler.Around]); [AroundAny] for a group or the app.
//  8. The [Handler]'s function.
//
// What the handler returns becomes a [Response], encoded, right there; the stages outside see it on its way out,
// and failures too: a Middleware's next never fails, it returns the Response that
// the error was turned into. Between the interceptors and the middleware, services of the request commit or roll
// back ([Settler]); where that fails, the failure is the answer.
//
// # Middleware
//
// [NewMiddleware], [Before], [After], [OnError] and [Finally] make one of a function; [Describe] gives options to one that is
// a type. The options [Named], [Once], [Outside] and [Inside] say what Build is to know of it.
//
// # Guards and keys
//
// [NewGuard] makes a guard of a function; [All], [Any], [Not] and [Unless] combine them. Only [Deny] and [Unauthenticated]
// say no: any other error is a failure, and an outage lets nobody in.
//
// A [ValueGuard] finds out who is asking, or the like, and hands it by a [Key] to the stages and the handler
// further in. [Provides], [Needs] and [Reads] say so of other stages. Build proves that what they need has been provided.
//
// # Requests and answers
//
// A Req is read as [Handler] and [Struct] describe; [QueryValue] and its like, [Optional], [Default], [Map], [Validate] and [Try]
// are the same as values. [Opt] tells absent from null. Everything that is wrong with a request is in one [InvalidRequest].
//
// A Resp is answered with as JSON, or as the tags of a struct say; a handler that answers in several ways returns a Response,
// made by [JSON], [Text], [Created], [Redirect] and others.
//
// # Errors
//
// A handler or a stage returns an [Error] to say what the client may know, or one made by [Invalid] of a field that is wrong. Of
// any other error, and of a panic, the client learns nothing: it gets a plain 500, and the log gets the cause, once.
// A [Mapper], made by [On] or [OnIs] and attached with Catch, gives errors of one kind their answer at the
// level of a handler, a group or the app. [Handler.Errors] has Build prove that none is forgotten.
//
// # Types of your own around a handler
//
// What adds declarations to every handler is a generic function over one, and [Adapt] changes a handler's types.
// [Func] makes a plain function of a handler, with its rules, checks and arounds, and without a transport.
//
// # Services
//
// A [Container] says how services are made and how long they live: [Singleton], [PerRequest], or [Auto], where that follows from what
// they need. [HandleFrom], [MiddlewareFrom], [GuardFrom] and the like make a stage of a service's method. A request makes what its stages need, once, and
// they share it; a [Settler], such as a transaction, is told how the request ended, before anything is sent.
//
// # Before it runs
//
// [App.Plan] is what will run, as data: to print, and to test policies against. An [Observer] watches it run, for
// tracing and measuring.
//
// The folder docs has a page for each of these, and one that answers "where do I put X?".
package weft
