package contenders

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/service"
)

// humaGo is huma over http.ServeMux.
var humaGo = contest.Contender{
	Slug: "huma", Name: "huma", Module: "github.com/danielgtaylor/huma/v2",
	About: "adapter humago; rules in huma's own tags; without the link transformer, which would add a `$schema` member and a Link header",
	Shop:  humaShop,
	Middleware: func(n int) contest.App {
		return humaGreeting(n, func(ctx huma.Context, next func(huma.Context)) { next(ctx) })
	},
	Guards: func(n int) contest.App {
		// The check answers by itself, so it needs the API that it stands in.
		return humaGreeting(n, nil)
	},
	Routes: func(n int) contest.App {
		mux, api := humaAPI()
		for i := range n {
			huma.Get(api, fmt.Sprintf("/r%d/{id}", i), humaReport)
		}
		return contest.HTTP(mux)
	},
	Without: map[string]string{
		"arounds":  "its middleware stands outside decoding",
		"services": "it has no services of a request; by hand they cost what they cost net/http",
		"stream":   "its streams are those of net/http, written by hand",
		"plan":     "it has no plan, and no services of a request",
	},
}

type humaPlaceOrder struct {
	Tenant string `path:"tenant"`
	DryRun bool   `query:"dry_run"`
	Trace  string `header:"X-Trace"`
	Body   service.Order
}

type humaListOrders struct {
	Tenant string `path:"tenant"`
	Limit  int    `query:"limit"`
	Cursor string `query:"cursor"`
}

type humaOutput[T any] struct{ Body T }

func humaAPI() (*http.ServeMux, huma.API) {
	config := huma.DefaultConfig("orders", "1.0.0")
	config.CreateHooks = nil
	mux := http.NewServeMux()
	return mux, humago.New(mux, config)
}

func humaShop() contest.App {
	mux, api := humaAPI()
	huma.Register(api, huma.Operation{
		OperationID: "place-order", Method: http.MethodPost, Path: "/tenants/{tenant}/orders", DefaultStatus: http.StatusCreated,
	}, func(_ context.Context, in *humaPlaceOrder) (*humaOutput[service.Receipt], error) {
		return &humaOutput[service.Receipt]{service.Place(in.Tenant, in.DryRun, in.Trace, &in.Body)}, nil
	})
	huma.Get(api, "/tenants/{tenant}/orders", func(_ context.Context, in *humaListOrders) (*humaOutput[service.Page], error) {
		return &humaOutput[service.Page]{service.Page(*in)}, nil
	})
	huma.Get(api, "/stock/{sku}", func(ctx context.Context, in *struct {
		SKU string `path:"sku"`
	}) (*humaOutput[service.Stock], error) {
		stock, err := service.Reserve(ctx, in.SKU)
		if err != nil {
			if empty, ok := service.IsOutOfStock(err); ok {
				return nil, outOfStock(empty)
			}
			return nil, huma.Error500InternalServerError("")
		}
		return &humaOutput[service.Stock]{stock}, nil
	})
	huma.Get(api, "/items", func(context.Context, *struct{}) (*humaOutput[[]service.Item], error) {
		return &humaOutput[[]service.Item]{service.Items()}, nil
	})
	huma.Post(api, "/imports", func(_ context.Context, in *struct{ Body service.Import }) (*humaOutput[service.Imported], error) {
		return &humaOutput[service.Imported]{service.Take(&in.Body)}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "report", Method: http.MethodGet, Path: "/reports/{id}", Middlewares: huma.Middlewares{humaKeyed(api)},
	}, humaReport)
	return contest.HTTP(mux)
}

func humaReport(_ context.Context, in *struct {
	ID string `path:"id"`
}) (*humaOutput[service.Report], error) {
	return &humaOutput[service.Report]{service.Report{ID: in.ID}}, nil
}

// humaKeyed lets requests with the key pass.
func humaKeyed(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if ctx.Header(service.KeyHeader) != service.Key {
			ctx.SetHeader("WWW-Authenticate", service.Challenge)
			_ = huma.WriteErr(api, ctx, http.StatusUnauthorized, "Send a key.")
			return
		}
		next(ctx)
	}
}

// humaGreeting is a greeting behind n middleware; nil is a check of the key.
func humaGreeting(n int, middleware func(huma.Context, func(huma.Context))) contest.App {
	mux, api := humaAPI()
	if middleware == nil {
		middleware = humaKeyed(api)
	}
	for range n {
		api.UseMiddleware(middleware)
	}
	type greeting struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}
	huma.Get(api, "/greeting", func(context.Context, *struct{}) (*greeting, error) {
		return &greeting{"application/json", service.Greeting}, nil
	})
	return contest.HTTP(mux)
}
