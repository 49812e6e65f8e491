// Weft is the service by weft, for the measurement of cold starts.
package main

import (
	"context"
	"net/http"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

type order struct {
	Tenant   string `json:"tenant,omitempty"`
	Product  string `json:"product" validate:"required"`
	Quantity int    `json:"quantity" validate:"min=1"`
}

func main() {
	app := weft.New()
	type in struct {
		Tenant string `path:"tenant"`
		Body   order  `body:"json"`
	}
	app.Handle("POST /tenants/{tenant}/orders", weft.Handle(func(_ context.Context, in in) (order, error) {
		in.Body.Tenant = in.Tenant
		return in.Body, nil
	}).Status(http.StatusCreated))
	awslambda.Start(app)
}
