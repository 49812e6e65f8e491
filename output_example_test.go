package weft_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/weft-go/weft"
)

// A struct with tags is the whole answer: status, header and body.
func ExampleHandler_output() {
	type Order struct {
		ID int `json:"id"`
	}
	type Created struct {
		Status   int       `status:"201"` // unless the handler sets it
		Location string    `header:"Location"`
		Modified time.Time `header:"Last-Modified"` // left out while it is zero
		Order    Order     `body:"json"`
	}
	app := weft.New()
	app.Handle("POST /orders", weft.Handle(func(context.Context, struct{}) (Created, error) {
		return Created{Location: "/orders/7", Order: Order{7}}, nil
	}))
	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequest("POST", "/orders", nil))
	fmt.Println(w.Code, w.Header(), w.Body)
	// Output: 201 map[Content-Type:[application/json] Location:[/orders/7]] {"id":7}
}
