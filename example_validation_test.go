package weft_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft"
)

// Everything that is wrong with a request is told at once. Required means present: 0 and false are.
func ExampleInvalidRequest() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", `{"quantity":0}`)
	show(app, "POST", "/orders", `{"product":"tea","quantity":"two"}`)
	// Output:
	// 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"/product","code":"required","message":"is required"},{"source":"body","pointer":"/quantity","code":"min","message":"must be at least 1","params":{"param":"1"}}]}
	// 400 {"title":"Bad Request","status":400,"code":"invalid_request","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"/quantity","code":"invalid_type","message":"must be of type integer","params":{"type":"integer"}}]}
}

// A rule that no tag can say is code of the handler, or of a check.
func ExampleInvalid() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(func(_ context.Context, in PlaceOrder) (Order, error) {
		if !slices.Contains([]string{"tea", "coffee"}, in.Product) {
			return Order{}, weft.Invalid("/product", "unknown_product", "There is no such product.")
		}
		return Order{7, in.Product}, nil
	}))
	show(app, "POST", "/orders", `{"product":"gold","quantity":1}`)
	// Output: 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"/product","code":"unknown_product","message":"There is no such product."}]}
}

// What a FieldError says in English.
func ExampleFieldError() {
	field := weft.FieldError{Source: weft.SourceQuery, Name: "limit", Code: weft.CodeOutOfRange, Params: map[string]any{"min": 1, "max": 100}}
	fmt.Println(field, "-", field.Message())
	// Output: query limit: out_of_range - must be from 1 to 100
}

// The texts of an answer in the client's language; the codes stay.
func ExampleWithMessages() {
	german := map[string]string{weft.CodeRequired: "fehlt", "min": "ist zu klein"}
	app := weft.New(weft.WithMessages(func(r *weft.Request, field weft.FieldError) string {
		if strings.HasPrefix(r.Header().Get("Accept-Language"), "de") {
			return german[field.Code] // where it is "", the text is the English one
		}
		return ""
	}))
	app.Handle("GET /products", weft.Handle(func(context.Context, Paging) (string, error) { return "", nil }))
	show(app, "GET", "/products?limit=0", "", "Accept-Language: de")
	// Output: 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"query","name":"limit","code":"min","message":"ist zu klein","params":{"param":"1"}}]}
}

// A validator of your own has your rules. Build asks each rule that a request can reach.
func ExampleWithValidator() {
	rules := validator.New(validator.WithRequiredStructEnabled())
	err := rules.RegisterValidation("dozen", func(field validator.FieldLevel) bool { return field.Field().Int()%12 == 0 })
	fmt.Println(err)

	type OrderEggs struct {
		Number int `json:"number" validate:"dozen"`
	}
	order := weft.Handle(func(context.Context, OrderEggs) (string, error) { return "", nil })
	app := weft.New(weft.WithValidator(rules))
	app.Handle("POST /eggs", order)
	fmt.Println(send(app, "POST", "/eggs", `{"number":10}`).Code)

	app = quiet() // another app knows nothing of them
	app.Handle("POST /eggs", order)
	_, err = app.Plan()
	var mistake *weft.BuildError
	fmt.Println(errors.As(err, &mistake), mistake.Remedy)
	// Output:
	// <nil>
	// 422
	// true mend the validate tag
}

// A check is a guard on the decoded request.
func ExampleHandler_Check() {
	type CancelOrder struct {
		ID     int    `path:"id"`
		User   User   `value:""`
		Reason string `body:"text"`
	}
	onlyManagers := func(_ context.Context, in CancelOrder) error {
		if in.User.Role != "manager" && in.Reason == "" {
			return weft.Invalid("", "reason_needed", "Say why.")
		}
		return nil
	}
	cancel := weft.Handle(func(_ context.Context, in CancelOrder) (struct{}, error) { return struct{}{}, nil }).
		Guard(logIn).Check(onlyManagers, weft.Named("reason"))

	app := quiet()
	app.Handle("DELETE /orders/{id}", cancel)
	show(app, "DELETE", "/orders/7", "wrong address", asBob, "Content-Type: text/plain")
	show(app, "DELETE", "/orders/7", "", asBob, "Content-Type: text/plain")
	fmt.Println(onlyManagers(context.Background(), CancelOrder{User: User{Role: "manager"}})) // alone
	// Output:
	// 204
	// 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"","code":"reason_needed","message":"Say why."}]}
	// <nil>
}

// By the owner of the object: the check knows what the guard found out, and what the request is about.
func ExampleHandler_Check_owner() {
	type ReadOrder struct {
		ID   int  `path:"id"`
		User User `value:""`
	}
	ownerOf := map[int]string{7: "Ada", 8: "Bob"} // in place of a store
	own := func(_ context.Context, in ReadOrder) error {
		if ownerOf[in.ID] != in.User.Name {
			return weft.Deny("").Hidden() // whether there is such an order is nobody else's business
		}
		return nil
	}

	app := quiet()
	app.Guard(logIn)
	app.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, in ReadOrder) (Order, error) {
		return Order{ID: in.ID}, nil
	}).Check(own, weft.Named("own order")))
	show(app, "GET", "/orders/7", "", asAda)
	show(app, "GET", "/orders/8", "", asAda)
	// Output:
	// 200 {"id":7,"product":""}
	// 404 {"title":"Not Found","status":404,"code":"not_found"}
}

// A route, or the app, may be less strict than weft is by itself.
func ExampleJSONOptions() {
	app := quiet()
	app.Handle("POST /strict", weft.Handle(placeOrder))
	app.Handle("POST /hook", weft.Handle(placeOrder).JSON(weft.JSONOptions{AllowUnknown: true}))
	const body = `{"product":"tea","quantity":1,"sent_by":"v2"}`
	fmt.Println(send(app, "POST", "/strict", body).Code, send(app, "POST", "/hook", body).Code)
	// Output: 400 200
}

// A Codec of your own replaces the JSON of weft, here by that of the standard library.
func ExampleCodec() {
	app := quiet()
	app.Handle("POST /orders", weft.Handle(placeOrder).JSON(weft.JSONOptions{Codec: standardJSON{}}))
	show(app, "POST", "/orders", `{"PRODUCT":"tea","quantity":1}`) // encoding/json does not look at the case
	// Output: 200 {"id":7,"product":"tea"}
}

type standardJSON struct{}

func (standardJSON) Decode(body []byte, into any) error { return json.Unmarshal(body, into) }
func (standardJSON) Encode(v any) ([]byte, error)       { return json.Marshal(v) }

func ExampleWithJSON() {
	app := weft.New(weft.WithJSON(weft.JSONOptions{AllowUntyped: true}))
	app.Handle("POST /orders", weft.Handle(placeOrder))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`, "Content-Type: ")
	// Output: 200 {"id":7,"product":"tea"}
}

func ExampleHandler_StrictQuery() {
	list := weft.Handle(func(context.Context, Paging) (string, error) { return "", nil })
	app := quiet()
	app.Handle("GET /products", list)
	app.Handle("GET /orders", list.StrictQuery())
	fmt.Println(send(app, "GET", "/products?limt=5", "").Code, send(app, "GET", "/orders?limt=5", "").Code)
	// Output: 200 400
}

func ExampleWithStrictQuery() {
	app := weft.New(weft.WithStrictQuery())
	app.Handle("GET /products", weft.Handle(func(context.Context, Paging) (string, error) { return "", nil }))
	fmt.Println(send(app, "GET", "/products?limt=5", "").Code)
	// Output: 400
}

func ExampleHandler_Limit() {
	app := weft.New(weft.WithLimit(64 << 10))
	app.Handle("POST /orders", weft.Handle(placeOrder).Limit(10))
	show(app, "POST", "/orders", `{"product":"tea","quantity":1}`)
	// Output: 413 {"title":"Request Entity Too Large","status":413,"code":"body_too_large","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"","code":"body_too_large","message":"must be at most 10 bytes","params":{"max":10}}]}
}

func ExampleWithLimit() {
	app := weft.New(weft.WithLimit(10)) // bytes
	app.Handle("POST /orders", weft.Handle(placeOrder))
	fmt.Println(send(app, "POST", "/orders", `{"product":"tea","quantity":1}`).Code)
	// Output: 413
}
