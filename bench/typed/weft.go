package typed

import (
	"context"
	"net/http"

	"github.com/weft-go/weft"
)

type placeOrder struct {
	Head
	Order Order `body:"json"`
}

// Weft is the service on weft.
func Weft() http.Handler {
	app := weft.New()
	app.Handle("POST /tenants/{tenant}/orders", weft.Handle(func(_ context.Context, in placeOrder) (Receipt, error) {
		return place(in.Head, &in.Order), nil
	}).Status(http.StatusCreated))
	app.Handle("GET /tenants/{tenant}/orders", weft.Handle(func(_ context.Context, in Page) (Page, error) {
		return in, nil
	}))
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err) // the declarations are the ones above
	}
	return srv
}
