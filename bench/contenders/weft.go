package contenders

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/scopes"
	"github.com/weft-go/weft/bench/service"
)

// plain is weft with nothing changed.
var plain = contest.Contender{
	Slug: "weft", Name: "weft", Module: "github.com/weft-go/weft",
	About:      "typed handlers, a guard, an exception mapper, a container; nothing is configured",
	Shop:       func() contest.App { return contest.HTTP(weftShop()) },
	Middleware: func(n int) contest.App { return contest.HTTP(weftMiddleware(n)) },
	Guards:     func(n int) contest.App { return contest.HTTP(weftGuards(n)) },
	Arounds:    func(n int) contest.App { return contest.HTTP(weftArounds(n)) },
	Streams:    func(n int) contest.App { return contest.HTTP(weftStream(n)) },
	Services: func(n int) contest.App {
		if n == 0 {
			return contest.HTTP(scopes.Singletons(0))
		}
		return contest.HTTP(scopes.Typed(n))
	},
	Routes: func(n int) contest.App { return contest.HTTP(weftRoutes(n)) },
	Plan: func(n int) contest.App {
		app := scopes.TwoHundred(n)
		if _, err := app.Plan(); err != nil {
			panic(err) // the declarations are its own
		}
		return &planned{app: app}
	},
}

// planned is an app that is built when it is asked something.
type planned struct {
	app *weft.App
	srv http.Handler
}

func (p *planned) built() contest.App {
	if p.srv == nil {
		p.srv = built(p.app)
	}
	return contest.HTTP(p.srv)
}

func (p *planned) Caller(r contest.Request) func() int              { return p.built().Caller(r) }
func (p *planned) Answer(r contest.Request) (contest.Answer, error) { return p.built().Answer(r) }
func (p *planned) Serve(l net.Listener) error                       { return p.built().Serve(l) }

// reflected is weft with constructors that are plain functions.
var reflected = contest.Contender{
	Slug: "weft-reflect", Name: "weft, plain constructors", Module: "github.com/weft-go/weft",
	About: "weft with constructors declared as plain functions in place of Fn1, Fn2: only services are measured",
	Services: func(n int) contest.App {
		if n == 0 {
			return plain.Services(0)
		}
		return contest.HTTP(scopes.Reflected(n))
	},
	Without: map[string]string{"": "the same as weft: only constructors differ"},
}

type placeOrder struct {
	Tenant string        `path:"tenant"`
	DryRun bool          `query:"dry_run"`
	Trace  string        `header:"X-Trace"`
	Order  service.Order `body:"json"`
}

type listOrders struct {
	Tenant string `path:"tenant"`
	Limit  int    `query:"limit"`
	Cursor string `query:"cursor"`
}

type reserve struct {
	SKU string `path:"sku"`
}

type byID struct {
	ID string `path:"id"`
}

func weftShop(opts ...weft.Option) http.Handler {
	app := weft.New(opts...)
	app.Catch(weft.On(func(_ *weft.Request, err *service.OutOfStock) weft.Response {
		return weft.Fail(&weft.Error{Status: http.StatusConflict, Code: "out_of_stock", Detail: err.Error()})
	}))
	app.Handle("POST /tenants/{tenant}/orders", weft.Handle(func(_ context.Context, in placeOrder) (service.Receipt, error) {
		return service.Place(in.Tenant, in.DryRun, in.Trace, &in.Order), nil
	}).Status(http.StatusCreated))
	app.Handle("GET /tenants/{tenant}/orders", weft.Handle(page))
	app.Handle("GET /stock/{sku}", weft.Handle(func(ctx context.Context, in reserve) (service.Stock, error) {
		return service.Reserve(ctx, in.SKU)
	}).Errors((*service.OutOfStock)(nil)))
	app.Handle("GET /items", weft.Handle(func(context.Context, struct{}) ([]service.Item, error) { return service.Items(), nil }))
	app.Handle("POST /imports", weft.Handle(func(_ context.Context, in service.Import) (service.Imported, error) {
		return service.Take(&in), nil
	}))
	app.Handle("GET /reports/{id}", weft.Handle(report).Guard(weft.NewGuard("key", needsKey)))
	return built(app)
}

func page(_ context.Context, in listOrders) (service.Page, error) { return service.Page(in), nil }

func report(_ context.Context, in byID) (service.Report, error) { return service.Report(in), nil }

func needsKey(r *weft.Request) error {
	if r.Header().Get(service.KeyHeader) != service.Key {
		return weft.Unauthenticated(service.Challenge, "Send a key.")
	}
	return nil
}

func weftMiddleware(n int) http.Handler {
	app := weft.New()
	for range n {
		app.Use(weft.MiddlewareFunc(func(r *weft.Request, next weft.Next) weft.Response { return next(r) }))
	}
	app.Handle("GET /greeting", weftGreeting())
	return built(app)
}

func weftGuards(n int) http.Handler {
	app := weft.New()
	for range n {
		app.Guard(weft.GuardFunc(needsKey))
	}
	app.Handle("GET /greeting", weftGreeting())
	return built(app)
}

// weftGreeting answers with bytes made once, as the others do.
func weftGreeting() weft.Endpoint {
	answer := weft.Bytes("application/json", service.Greeting)
	return weft.Handle(func(context.Context, *weft.Request) (weft.Response, error) { return answer, nil })
}

func weftArounds(n int) http.Handler {
	app, h := weft.New(), weft.Handle(page)
	for range n {
		h = h.Around(func(ctx context.Context, in listOrders, next func(context.Context, listOrders) (service.Page, error)) (service.Page, error) {
			return next(ctx, in)
		})
	}
	app.Handle("GET /tenants/{tenant}/orders", h)
	return built(app)
}

func weftStream(n int) http.Handler {
	app := weft.New()
	app.Handle("GET /items", weft.Handle(func(context.Context, struct{}) (weft.Stream[service.Item], error) {
		return func(yield func(service.Item, error) bool) {
			for _, item := range service.Items()[:n] {
				if !yield(item, nil) {
					return
				}
			}
		}, nil
	}))
	return built(app)
}

func weftRoutes(n int, opts ...weft.Option) http.Handler {
	app := weft.New(opts...)
	for i := range n {
		app.Handle(fmt.Sprintf("GET /r%d/{id}", i), weft.Handle(report))
	}
	return built(app)
}

func built(app *weft.App) http.Handler {
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err) // the declarations are the ones above
	}
	return srv
}
