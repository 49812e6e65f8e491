package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

// Paging is embedded by every list: its tags are those of the whole.
type Paging struct {
	Limit  int `query:"limit" default:"20" validate:"min=1,max=100"`
	Offset int `query:"offset" validate:"min=0"`
}

// A part that several requests have is a struct that they embed.
func ExampleStruct_embedded() {
	type ListProducts struct {
		Paging
		Search string `query:"q"`
	}
	app := quiet()
	app.Handle("GET /products", weft.Handle(func(_ context.Context, in ListProducts) (string, error) {
		return fmt.Sprintf("%s: %d from %d", in.Search, in.Limit, in.Offset), nil
	}))
	show(app, "GET", "/products?q=tea&offset=40", "")
	show(app, "GET", "/products?limit=1000", "")
	// Output:
	// 200 "tea: 20 from 40"
	// 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"query","name":"limit","code":"max","message":"must be at most 100","params":{"param":"100"}}]}
}

// Path, query and body of one request, in one struct.
func ExampleHandler_request() {
	type ChangePrice struct {
		Product string  `path:"product"`
		DryRun  bool    `query:"dry_run"`
		Price   float64 `body:"json" validate:"gt=0"`
	}
	app := quiet()
	app.Handle("PUT /products/{product}/price", weft.Handle(func(_ context.Context, in ChangePrice) (string, error) {
		return fmt.Sprintf("%s for %v, dry run: %t", in.Product, in.Price, in.DryRun), nil
	}))
	show(app, "PUT", "/products/tea/price?dry_run=true", "2.5")
	// Output: 200 "tea for 2.5, dry run: true"
}

// A type that knows where its value is extracts itself, wherever it is a field.
func ExampleStruct_itself() {
	type Search struct {
		Words words
		Limit int `query:"limit"`
	}
	search, err := weft.Struct[Search]().Extract(weft.NewRequest(httptest.NewRequest("GET", "/?q=green+tea&limit=5", nil)))
	fmt.Println(search, err)
	// Output: {[green tea] 5} <nil>
}

// words are those of the query parameter q.
type words []string

// FromRequest says what is wrong as an InvalidRequest; any other error would be a 500.
func (w *words) FromRequest(r *weft.Request) error {
	*w = strings.Fields(r.Query().Get("q"))
	if len(*w) == 0 {
		return &weft.InvalidRequest{Fields: []weft.FieldError{{Source: weft.SourceQuery, Name: "q", Code: weft.CodeRequired}}}
	}
	return nil
}

// An extractor of your own, for what no tag says.
func ExampleNewExtractor() {
	bearer := weft.NewExtractor("bearer token", func(r *weft.Request) (string, error) {
		token, found := strings.CutPrefix(r.Header().Get("Authorization"), "Bearer ")
		if !found {
			return "", weft.Unauthenticated("Bearer", "Send a bearer token.")
		}
		return token, nil
	})

	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	_, err := bearer.Extract(r)
	fmt.Println(err)
	r.Header().Set("Authorization", "Bearer 1234")
	fmt.Println(bearer.Extract(r))
	// Output:
	// 401 Unauthorized (unauthenticated): Send a bearer token.
	// 1234 <nil>
}

// Extract sets how Req is read: a handler of a plain value needs no struct.
func ExampleHandler_Extract() {
	app := quiet()
	app.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, id int) (Order, error) {
		return Order{ID: id}, nil
	}).Extract(weft.PathValue[int]("id")))
	show(app, "GET", "/orders/7", "")
	show(app, "GET", "/orders/seven", "")
	// Output:
	// 200 {"id":7,"product":""}
	// 400 {"title":"Bad Request","status":400,"code":"invalid_request","detail":"The request is not valid: see errors.","errors":[{"source":"path","name":"id","code":"invalid_type","message":"must be of type integer","params":{"type":"integer"}}]}
}

func ExamplePathValue() {
	hr := httptest.NewRequest("GET", "/orders/7", nil)
	hr.SetPathValue("id", "7") // as routing does
	fmt.Println(weft.PathValue[int]("id").Extract(weft.NewRequest(hr)))
	// Output: 7 <nil>
}

func ExampleQueryValue() {
	r := weft.NewRequest(httptest.NewRequest("GET", "/?since=2026-01-02T15:04:05Z&tag=a&tag=b", nil))
	fmt.Println(weft.QueryValue[time.Time]("since").Extract(r))
	fmt.Println(weft.QueryValue[[]string]("tag").Extract(r))
	fmt.Println(weft.QueryValue[int]("limit").Extract(r))
	// Output:
	// 2026-01-02 15:04:05 +0000 UTC <nil>
	// [a b] <nil>
	// 0 400 invalid request: query limit: required
}

func ExampleHeaderValue() {
	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	r.Header().Set("If-Modified-Since-Unix", "1767366245")
	fmt.Println(weft.HeaderValue[int64]("If-Modified-Since-Unix").Extract(r))
	// Output: 1767366245 <nil>
}

func ExampleCookieValue() {
	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	r.Header().Set("Cookie", "theme=dark")
	fmt.Println(weft.CookieValue[string]("theme").Extract(r))
	// Output: dark <nil>
}

func ExampleJSONBody() {
	hr := httptest.NewRequest("POST", "/", strings.NewReader(`{"product":"tea","quantity":2,"price":0}`))
	hr.Header.Set("Content-Type", "application/json")
	_, err := weft.JSONBody[PlaceOrder]().Extract(weft.NewRequest(hr))
	fmt.Println(err)
	// Output: 400 invalid request: body /price: unknown_field
}

func ExampleTextBody() {
	app := quiet()
	app.Handle("POST /count", weft.Handle(func(_ context.Context, text string) (int, error) {
		return len(strings.Fields(text)), nil
	}).Extract(weft.TextBody()))
	show(app, "POST", "/count", "a cup of tea", "Content-Type: text/plain")
	// Output: 200 4
}

// RawBody takes the bytes as they are, whatever type they say they have.
func ExampleRawBody() {
	app := quiet()
	app.Handle("PUT /files/logo", weft.Handle(func(_ context.Context, file []byte) (int, error) {
		return len(file), nil
	}).Extract(weft.RawBody()).Limit(10<<20))
	show(app, "PUT", "/files/logo", "\x89PNG", "Content-Type: image/png")
	// Output: 200 4
}

// KeyValue reads what a guard found out, for a handler without a struct.
func ExampleKeyValue() {
	app := quiet()
	app.Guard(logIn)
	app.Handle("GET /me", weft.Handle(func(_ context.Context, user User) (string, error) {
		return user.Name, nil
	}).Extract(weft.KeyValue(CurrentUser)))
	show(app, "GET", "/me", "", asAda)
	// Output: 200 "Ada"
}

// Optional tells absent from there; what is there and wrong stays wrong.
func ExampleOptional() {
	limit := weft.Optional(weft.QueryValue[int]("limit"))
	for _, target := range []string{"/", "/?limit=5", "/?limit=x"} {
		n, err := limit.Extract(weft.NewRequest(httptest.NewRequest("GET", target, nil)))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(n.Get())
	}
	// Output:
	// 0 false
	// 5 true
	// 400 invalid request: query limit: invalid_type
}

func ExampleDefault() {
	limit := weft.Default(weft.QueryValue[int]("limit"), 20)
	fmt.Println(limit.Extract(weft.NewRequest(httptest.NewRequest("GET", "/", nil))))
	fmt.Println(weft.ReadsOf(limit))
	// Output:
	// 20 <nil>
	// [query limit: integer, default 20]
}

// Map makes a domain's value of a plain one. What the function refuses is the client's fault.
func ExampleMap() {
	color := weft.Map(weft.QueryValue[string]("color"), func(hex string) (uint64, error) {
		return strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 24)
	})
	fmt.Println(color.Extract(weft.NewRequest(httptest.NewRequest("GET", "/?color=%23ff8800", nil))))
	fmt.Println(color.Extract(weft.NewRequest(httptest.NewRequest("GET", "/?color=red", nil))))
	// Output:
	// 16746496 <nil>
	// 0 400 invalid request: query color: invalid_type
}

func ExampleValidate() {
	even := weft.Validate(weft.QueryValue[int]("n"), func(n int) error {
		if n%2 != 0 {
			return errors.New("odd")
		}
		return nil
	})
	fmt.Println(even.Extract(weft.NewRequest(httptest.NewRequest("GET", "/?n=3", nil))))
	// Output: 3 422 invalid request: query n: invalid
}

// Try hands what is wrong to the handler, which may go on without.
func ExampleTry() {
	app := quiet()
	app.Handle("GET /search", weft.Handle(func(_ context.Context, limit weft.Tried[int]) (string, error) {
		if limit.Err != nil {
			return "a guess", nil
		}
		return fmt.Sprint("at most ", limit.Value), nil
	}).Extract(weft.Try(weft.QueryValue[int]("limit"))))
	show(app, "GET", "/search?limit=many", "")
	// Output: 200 "a guess"
}

func ExampleReadsOf() {
	for _, read := range weft.ReadsOf(weft.Struct[Paging]()) {
		fmt.Println(read)
	}
	// Output:
	// query limit: integer, default 20
	// query offset: integer
}

func ExampleSome() {
	type Change struct {
		Price weft.Opt[float64] `json:"price"`
	}
	fmt.Println(Change{weft.Some(2.5)}.Price.Get())
	fmt.Println(Change{weft.Null[float64]()}.Price.IsNull())
	fmt.Println(Change{}.Price.IsAbsent())
	// Output:
	// 2.5 true
	// true
	// true
}

func ExampleNull() {
	motto := "Poetical science"
	weft.Null[string]().ApplyTo(&motto)
	fmt.Printf("%q\n", motto)
	// Output: ""
}

func ExampleOpt_ApplyTo() {
	price := 2.5
	fmt.Println(weft.Opt[float64]{}.ApplyTo(&price), price) // absent: it stays
	fmt.Println(weft.Some(3.0).ApplyTo(&price), price)
	// Output:
	// false 2.5
	// true 3
}

// A body is read once, and is the same for whoever asks.
func ExampleRequest_Body() {
	r := weft.NewRequest(httptest.NewRequest("POST", "/", strings.NewReader("tea")))
	first, err := r.Body()
	fmt.Println(string(first), err)
	again, err := r.Body()
	fmt.Println(string(again), err)
	// Output:
	// tea <nil>
	// tea <nil>
}
