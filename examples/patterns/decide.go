package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/weft-go/weft"
)

// decision is a row of the table: which kind of stage for which question.
// Below is a small stage of each kind; decide_test.go shows what another kind
// would get wrong.
type decision struct {
	question string
	kind     string
	attach   string
	instead  string // of which other kind, and what goes wrong with it
}

var decisions = []decision{
	{"wrap every request, a 404 too", "middleware of the app", "App.Use",
		"a guard, or middleware of a group: a path that leads nowhere is never counted"},
	{"reject by identity, before decoding", "guard", "Guard",
		"middleware: a wrong path and the health check are a 401, too; a check: a stranger is told what is wrong with the body"},
	{"turn request data into a value", "extractor", "a field of Req, or Handler.Extract",
		"middleware: the client is told of one mistake at a time"},
	{"decide by the decoded value", "check", "Handler.Check",
		"a guard: it is not given the body, and would have to decode it by other rules"},
	{"turn an error type into an answer", "exception mapper", "Catch",
		"middleware that looks at errors: it overrules the levels further in, and the log has a failure that was none"},
	{"see the Response, inside the guards", "interceptor", "Intercept",
		"middleware: what it keeps from one client's request it gives to those whom a guard refuses"},
	{"change what goes in or comes out, typed", "around", "Handler.Around",
		"an interceptor: it has the bytes, and not the defaults, the decoded value or the result"},
	{"know how it ended", "Finally", "App.Use",
		"After: it is told of a Response that is still to be sent"},
}

// order is what a shop of the table is asked for.
type order struct {
	Shop   string `path:"shop"`
	Coupon coupon `header:"X-Coupon"`
	Cups   int    `query:"cups" default:"1"`
}

type bill struct {
	Cents int `json:"cents"`
}

func price(_ context.Context, in order) (bill, error) {
	if in.Shop == "closed" {
		return bill{}, &outOfTea{in.Shop}
	}
	return bill{in.Cups * (199 - int(in.Coupon))}, nil
}

// shop has a stage of each kind.
func shop(c *counter, ends func(weft.Sent)) *weft.App {
	app := weft.New()
	app.Use(c.everyRequest(), ended(ends))
	app.Catch(noTea())
	app.Handle("GET /shops/{shop}/price", weft.Handle(price).
		Guard(members()).
		Check(atMostTen, weft.Named("at most ten")).
		Intercept(new(cache).remember()).
		Around(wholeEuros, weft.Named("whole euros")))
	return app
}

// A middleware of the app: it counts what the server is asked for, whatever it is.
type counter struct{ requests atomic.Int64 }

func (c *counter) everyRequest() weft.Middleware {
	return weft.Before("every request", func(*weft.Request) error {
		c.requests.Add(1)
		return nil
	})
}

// A guard: it knows who asks, and not yet for what.
func members() weft.Guard {
	return weft.NewGuard("members", func(r *weft.Request) error {
		if r.Header().Get("X-Member") == "" {
			return weft.Unauthenticated(`Member realm="shops"`, "This is for members.")
		}
		return nil
	})
}

// An extractor: a type that reads itself, and a field of that type wherever it
// is needed. Where there are more ways to read a type, see weft.NewExtractor.
type coupon int // in cents

func (c *coupon) UnmarshalText(text []byte) error {
	switch string(text) {
	case "TEATIME":
		*c = 50
	case "FRIEND":
		*c = 20
	default:
		return errors.New("there is no such coupon")
	}
	return nil
}

// A check: it has what was decoded, with its types and defaults.
func atMostTen(_ context.Context, in order) error {
	if in.Cups < 1 || in.Cups > 10 {
		return weft.Deny("One to ten cups, please.")
	}
	return nil
}

// An exception mapper: it is for a type of error, from wherever inside its level.
type outOfTea struct{ shop string }

func (e *outOfTea) Error() string { return e.shop + " is out of tea" }

func noTea() weft.Mapper {
	return weft.On(func(_ *weft.Request, err *outOfTea) weft.Response {
		return weft.Fail(&weft.Error{Status: http.StatusConflict, Code: "out_of_tea", Cause: err})
	})
}

// An interceptor: it has the whole Response, and only those get there whom the
// guards let in. It keeps answers for as long as it lives.
type cache struct{ kept sync.Map }

func (c *cache) remember() weft.Middleware {
	return weft.NewMiddleware("cache", func(r *weft.Request, next weft.Next) weft.Response {
		key := r.HTTP().URL.RequestURI() + " " + r.Header().Get("X-Coupon")
		if kept, found := c.kept.Load(key); found {
			return kept.(weft.Response).WithHeader("X-Cache", "hit")
		}
		resp := next(r)
		if resp.Err() == nil {
			c.kept.Store(key, resp)
		}
		return resp
	})
}

// An around: types go in and come out, and next is the rest of it.
func wholeEuros(ctx context.Context, in order, next func(context.Context, order) (bill, error)) (bill, error) {
	out, err := next(ctx, in)
	if in.Cups > 1 {
		out.Cents -= out.Cents % 100
	}
	return out, err
}

// A Finally: it is told what was sent, and whether it could be.
func ended(tell func(weft.Sent)) weft.Middleware {
	return weft.Finally("ended", func(_ *weft.Request, sent weft.Sent) { tell(sent) })
}
