package weft_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/weft-go/weft"
)

// traceID is a middleware of net/http as everybody writes it: it puts a value into the context and a field into the answer.
func traceID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Trace-Id")
		w.Header().Set("X-Trace-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), traceKey{}, id)))
	})
}

type traceKey struct{}

// A middleware of net/http is a stage: the handler sees its context, the stages outside its header fields.
func ExampleStd() {
	app := quiet()
	app.Use(weft.After("seen", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("X-Seen", resp.Header().Get("X-Trace-Id"))
	}))
	app.Use(weft.Std("trace id", traceID))
	app.Handle("GET /orders/{id}", weft.Handle(func(ctx context.Context, id int) (Order, error) {
		if id > 7 {
			return Order{}, &weft.Error{Status: http.StatusNotFound}
		}
		return Order{id, ctx.Value(traceKey{}).(string)}, nil
	}).Extract(weft.PathValue[int]("id")))

	for _, path := range []string{"/orders/7", "/orders/8", "/nowhere"} {
		w := send(app, "GET", path, "", "X-Trace-Id: 4711")
		fmt.Println(w.Code, w.Header().Get("X-Trace-Id"), w.Header().Get("X-Seen"), strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 4711 4711 {"id":7,"product":"4711"}
	// 404 4711 4711 {"title":"Not Found","status":404}
	// 404 4711 4711 {"title":"Not Found","status":404,"code":"not_found"}
}

// What the standard library has is attached in the same way, at any level.
func ExampleStd_standardLibrary() {
	protection := http.NewCrossOriginProtection()
	app := quiet()
	api := app.Group("/api", weft.Std("cross origin", protection.Handler))
	api.Handle("POST /orders", weft.Handle(placeOrder).Use(weft.Std("at most 1 KiB", func(next http.Handler) http.Handler {
		return http.MaxBytesHandler(next, 1<<10)
	})))
	show(app, "POST", "/api/orders", `{"product":"tea","quantity":1}`)
	show(app, "POST", "/api/orders", `{"product":"tea","quantity":1}`, "Sec-Fetch-Site: cross-site")
	fmt.Println(send(app, "POST", "/api/orders", `{"product":"`+strings.Repeat("tea", 1000)+`"}`).Code)
	// Output:
	// 200 {"id":7,"product":"tea"}
	// 403 cross-origin request detected from Sec-Fetch-Site header
	// 413
}

// An export is written while it is sent. What fails before 32 KiB were written has the answer that its error has.
func ExampleWriter() {
	export := func(orders int) weft.Response {
		return weft.Writer("text/csv; charset=utf-8", func(w io.Writer) error {
			rows := csv.NewWriter(w)
			for i := range orders {
				_ = rows.Write([]string{strconv.Itoa(i), "tea"}) // Flush tells
			}
			if rows.Flush(); orders == 0 {
				return &weft.Error{Status: http.StatusConflict, Detail: "There are no orders."}
			}
			return rows.Error()
		}).WithHeader("Content-Disposition", `attachment; filename="orders.csv"`)
	}
	app := quiet()
	app.Handle("GET /export/{orders}", weft.Handle(func(_ context.Context, orders int) (weft.Response, error) {
		return export(orders), nil
	}).Extract(weft.PathValue[int]("orders")))

	show(app, "GET", "/export/2", "")
	show(app, "GET", "/export/0", "")
	_, err := export(1).Render()
	fmt.Println(errors.Is(err, weft.ErrNotRenderable), err)
	// Output:
	// 200 0,tea
	// 1,tea
	// 409 {"title":"Conflict","status":409,"detail":"There are no orders."}
	// true the Response has no body that can be read: it is made while it is sent, once
}

// A handler of net/http answers on the connection itself, when the stages have returned. It may take the connection over.
func ExampleRaw() {
	app := quiet()
	app.Use(weft.After("security headers", func(_ *weft.Request, resp weft.Response) weft.Response {
		fmt.Println("status so far:", resp.Status())
		return resp.WithHeader("X-Frame-Options", "DENY")
	}), weft.Finally("log", func(_ *weft.Request, sent weft.Sent) {
		fmt.Println("sent:", sent.Status, sent.Bytes)
	}))
	app.Handle("GET /time", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "five o'clock")
		})), nil
	}))
	w := send(app, "GET", "/time", "")
	fmt.Println(w.Code, w.Body, w.Header().Get("X-Frame-Options"))
	// Output:
	// status so far: 0
	// sent: 418 12
	// 418 five o'clock DENY
}

// A handler of net/http has everything under a prefix, which is taken off its path. Guards stand around it.
func ExampleGroup_Mount() {
	files := http.NewServeMux()
	files.HandleFunc("GET /tea/{name}", func(w http.ResponseWriter, r *http.Request) {
		user, _ := CurrentUser.From(r.Context())
		fmt.Fprintf(w, "%s at %s for %s", r.PathValue("name"), r.URL.Path, user.Name)
	})
	app := quiet()
	admin := app.Group("/admin")
	admin.Guard(logIn)
	admin.Mount("/files", files)
	show(app, "GET", "/admin/files/tea/green", "", "Authorization: Bearer ada's key")
	show(app, "GET", "/admin/files/tea/green", "")
	// Output:
	// 200 green at /tea/green for Ada
	// 401 {"title":"Unauthorized","status":401,"code":"unauthenticated","detail":"This needs an API key."}
}

// Without a group it has the app's stages, and those given.
func ExampleApp_Mount() {
	app := quiet()
	app.Mount("/static", http.NotFoundHandler())
	plan, err := app.Plan()
	fmt.Println(plan.Routes[0].Pattern, err)
	// Output: /static/ <nil>
}

// A typed handler stands on a router of another kind.
func ExampleHTTP() {
	order, err := weft.HTTP(weft.Handle(func(_ context.Context, id int) (Order, error) {
		return Order{id, "tea"}, nil
	}).Extract(weft.PathValue[int]("id")))
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", order)
	for _, path := range []string{"/orders/7", "/orders/seven"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, strings.Contains(w.Body.String(), `"name":"id"`))
	}
	// Output:
	// 200 false
	// 400 true
}
