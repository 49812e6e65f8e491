package contenders

import (
	"context"
	"errors"
	"net/http"
	"sync"

	goahttp "goa.design/goa/v3/http"
	goa "goa.design/goa/v3/pkg"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/goa/gen/http/orders/server"
	"github.com/weft-go/weft/bench/goa/gen/orders"
	"github.com/weft-go/weft/bench/service"
)

// goaGenerated is goa, whose server is generated from bench/goa/design.
var goaGenerated = contest.Contender{
	Slug: "goa", Name: "goa", Module: "goa.design/goa/v3",
	About: "generated from a design: decoders, rules and encoders are Go code; its default encoding, MaxBytesReader, an error formatter",
	Shop:  goaShop,
	Middleware: func(n int) contest.App {
		return goaGreeting(n, passThrough)
	},
	Guards: func(n int) contest.App { return goaGreeting(n, keyed) },
	Without: map[string]string{
		"invalid":  "it names the fields, but not the element of a list that they are in",
		"arounds":  "its middleware of endpoints is not typed",
		"services": "it has no services of a request; by hand they cost what they cost net/http",
		"start":    "its routes are generated from a design",
		"stream":   "its streams are those of net/http, written by hand",
		"plan":     "it has no plan, and no services of a request",
	},
}

type goaService struct{ items []*orders.Item }

func goaShop() contest.App {
	mux := goahttp.NewMuxer()
	endpoints := orders.NewEndpoints(&goaService{goaItems()})
	s := server.New(endpoints, mux, goahttp.RequestDecoder, goahttp.ResponseEncoder, nil, goaFormat)
	s.Mount(mux)
	return contest.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, service.Limit)
		mux.ServeHTTP(w, r)
	}))
}

// goaItems is the long list in goa's types, made once.
var goaItems = sync.OnceValue(func() []*orders.Item {
	items := make([]*orders.Item, 0, service.ListLength)
	for _, i := range service.Items() {
		items = append(items, &orders.Item{ID: i.ID, Name: i.Name, Price: i.Price, Active: i.Active, Tags: i.Tags})
	}
	return items
})

func (s *goaService) Place(_ context.Context, in *orders.PlacePayload) (*orders.Receipt, error) {
	receipt := &orders.Receipt{Tenant: in.Tenant, DryRun: in.DryRun, Trace: in.Trace, Customer: in.Order.Customer, Lines: in.Order.Lines}
	for _, line := range in.Order.Lines {
		receipt.Items += line.Quantity
	}
	return receipt, nil
}

func (s *goaService) List(_ context.Context, in *orders.ListPayload) (*orders.Page, error) {
	return &orders.Page{Tenant: in.Tenant, Limit: in.Limit, Cursor: in.Cursor}, nil
}

func (s *goaService) Reserve(ctx context.Context, in *orders.ReservePayload) (*orders.Stock, error) {
	stock, err := service.Reserve(ctx, in.Sku)
	if err != nil {
		if empty, ok := service.IsOutOfStock(err); ok {
			p := outOfStock(empty)
			return nil, &orders.OutOfStock{Title: p.Title, Status: p.Status, Code: p.Code, Detail: p.Detail}
		}
		return nil, err
	}
	return &orders.Stock{Sku: stock.SKU, Count: stock.Count}, nil
}

func (s *goaService) Items(context.Context) ([]*orders.Item, error) { return s.items, nil }

func (s *goaService) Import(_ context.Context, in *orders.ImportPayload) (*orders.Imported, error) {
	done := &orders.Imported{Source: in.Source, Entries: len(in.Entries)}
	for _, e := range in.Entries {
		done.Quantity += e.Quantity
	}
	return done, nil
}

func (s *goaService) Report(_ context.Context, in *orders.ReportPayload) (*orders.Report2, error) {
	if in.Key != service.Key {
		return nil, &orders.Denied{Title: http.StatusText(http.StatusUnauthorized), Status: http.StatusUnauthorized, Challenge: service.Challenge}
	}
	return &orders.Report2{ID: in.ID}, nil
}

// goaFormat is what an error becomes, those of the design and goa's own.
func goaFormat(_ context.Context, err error) goahttp.Statuser {
	switch e := err.(type) {
	case *orders.OutOfStock:
		return newProblem(e.Status, e.Code, e.Detail)
	case *orders.Denied:
		return newProblem(e.Status, "unauthenticated", "Send a key.")
	}
	own, ok := errors.AsType[*goa.ServiceError](err)
	if !ok {
		return newProblem(http.StatusInternalServerError, "internal", "")
	}
	switch own.Name {
	case goa.MissingField, goa.InvalidLength, goa.InvalidRange:
		p := newProblem(http.StatusUnprocessableEntity, "validation_failed", "The request is not valid: see errors.")
		for _, e := range own.History() {
			if e.Field != nil {
				p.Errors = append(p.Errors, fault{Field: *e.Field, Code: e.Name, Message: e.Message})
			}
		}
		return p
	case goa.UnsupportedMediaType:
		return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Send application/json.")
	}
	return newProblem(http.StatusBadRequest, "invalid_request", "The request is not valid.")
}

func goaGreeting(n int, middleware func(http.Handler) http.Handler) contest.App {
	mux := goahttp.NewMuxer()
	for range n {
		mux.Use(middleware)
	}
	mux.Handle(http.MethodGet, "/greeting", greet)
	return contest.HTTP(mux)
}
