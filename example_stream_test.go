package weft_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing/fstest"
	"time"

	"github.com/weft-go/weft"
)

// products yields what there is, one after another.
func products(_ context.Context, _ struct{}) (weft.Stream[Order], error) {
	return func(yield func(Order, error) bool) {
		for i, product := range []string{"tea", "coffee"} {
			if !yield(Order{i, product}, nil) {
				return
			}
		}
	}, nil
}

// A stream is sent in the format that the client prefers, each item as soon as it is there.
func ExampleStream() {
	app := quiet()
	app.Handle("GET /orders", weft.Handle(products))
	show(app, "GET", "/orders", "")
	show(app, "GET", "/orders", "", "Accept: application/x-ndjson")
	show(app, "GET", "/orders", "", "Accept: text/event-stream")
	// Output:
	// 200 [{"id":0,"product":"tea"},{"id":1,"product":"coffee"}]
	// 200 {"id":0,"product":"tea"}
	// {"id":1,"product":"coffee"}
	// 200 data: {"id":0,"product":"tea"}
	//
	// data: {"id":1,"product":"coffee"}
}

// A producer is tested as the function that it is.
func ExampleStream_test() {
	stream, _ := products(context.Background(), struct{}{})
	for order, err := range stream {
		fmt.Println(order.Product, err)
		break // it ends where nobody wants more
	}
	// Output: tea <nil>
}

// What fails before the first item has its answer; later, events end with one that tells.
func ExampleStream_errors() {
	app := quiet()
	app.Handle("GET /feed", weft.Handle(func(_ context.Context, good int) (weft.Stream[Order], error) {
		return func(yield func(Order, error) bool) {
			for i := range good {
				if !yield(Order{i, "tea"}, nil) {
					return
				}
			}
			yield(Order{}, &weft.Error{Status: http.StatusConflict, Code: "sold_out"})
		}, nil
	}).Extract(weft.QueryValue[int]("good")))
	show(app, "GET", "/feed?good=0", "", "Accept: text/event-stream")
	show(app, "GET", "/feed?good=1", "", "Accept: text/event-stream")
	// Output:
	// 409 {"title":"Conflict","status":409,"code":"sold_out"}
	// 200 data: {"id":0,"product":"tea"}
	//
	// event: error
	// data: {"title":"Conflict","status":409,"code":"sold_out"}
}

// Items that are there already are a stream as well, for tests and for fakes.
func ExampleStreamOf() {
	for n, err := range weft.StreamOf(1, 2) {
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
}

// An event has an ID, by which a client that lost its connection says where it was: EventSource sends it as Last-Event-ID.
func ExampleEvent() {
	app := quiet()
	app.Handle("GET /feed", weft.Handle(func(_ context.Context, in struct {
		Last int `header:"Last-Event-ID"`
	}) (weft.Stream[weft.Event[Order]], error) {
		return func(yield func(weft.Event[Order], error) bool) {
			for id := in.Last + 1; id <= 8; id++ {
				if !yield(weft.Event[Order]{ID: fmt.Sprint(id), Name: "placed", Data: Order{id, "tea"}}, nil) {
					return
				}
			}
		}, nil
	}))
	show(app, "GET", "/feed", "", "Last-Event-ID: 7")
	// Output:
	// 200 id: 8
	// event: placed
	// data: {"id":8,"product":"tea"}
}

// A handler that returns a Response says the format itself.
func ExampleStream_As() {
	app := quiet()
	app.Handle("GET /export", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.StreamOf(Order{1, "tea"}).As(weft.NDJSON).WithAttachment("orders.ndjson"), nil
	}))
	w := send(app, "GET", "/export", "")
	fmt.Println(w.Header().Get("Content-Type"), w.Header().Get("Content-Disposition"), w.Body)
	// Output: application/x-ndjson attachment; filename="orders.ndjson" {"id":1,"product":"tea"}
}

// How streams are sent is said for the app, and for a handler.
func ExampleWithStreams() {
	app := weft.New(weft.WithStreams(weft.Streams{Heartbeat: 30 * time.Second}))
	app.Handle("GET /orders", weft.Streaming(weft.Handle(products), weft.Streams{
		Formats: []weft.StreamFormat{weft.NDJSON}, Idle: time.Minute,
	}))
	show(app, "GET", "/orders", "")
	// Output:
	// 200 {"id":0,"product":"tea"}
	// {"id":1,"product":"coffee"}
}

// One handler differs from its app.
func ExampleStreaming() {
	lines := weft.Streaming(weft.Handle(products), weft.Streams{Formats: []weft.StreamFormat{weft.NDJSON}})
	app := quiet()
	app.Handle("GET /orders", lines)
	show(app, "GET", "/orders", "")
	// Output:
	// 200 {"id":0,"product":"tea"}
	// {"id":1,"product":"coffee"}
}

// A middleware counts what is streamed. It does not change when an item is sent.
func ExampleResponse_MapStream() {
	counting := weft.After("counting", func(r *weft.Request, resp weft.Response) weft.Response {
		return resp.MapStream(func(items weft.Stream[any]) weft.Stream[any] {
			return func(yield func(any, error) bool) {
				n := 0
				defer func() { fmt.Println(n, "items") }()
				for item, err := range items {
					n++
					if !yield(item, err) {
						return
					}
				}
			}
		})
	})
	app := quiet()
	app.Handle("GET /orders", weft.Handle(products).Use(counting))
	send(app, "GET", "/orders", "")
	// Output: 2 items
}

// A file is sent with its length, and in part where the client asks for one. On disk, [os.OpenRoot] opens a directory that nothing leads out of.
func ExampleFile() {
	files := fstest.MapFS{"menu.txt": {Data: []byte("tea, coffee")}}
	app := quiet()
	app.Handle("GET /files/{name}", weft.Handle(func(_ context.Context, name string) (weft.Response, error) {
		return weft.File(files, name).WithInline(name), nil
	}).Extract(weft.PathValue[string]("name")))
	show(app, "GET", "/files/menu.txt", "")
	show(app, "GET", "/files/menu.txt", "", "Range: bytes=5-")
	show(app, "GET", "/files/..%2fsecret", "")
	// Output:
	// 200 tea, coffee
	// 206 coffee
	// 404 {"title":"Not Found","status":404,"code":"not_found"}
}

// What a database keeps is sent as a file is.
func ExampleContent() {
	app := quiet()
	app.Handle("GET /invoice", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Content("invoice.txt", time.Time{}, strings.NewReader("3.50")).WithAttachment("Rechnung für Tee.txt"), nil
	}))
	w := send(app, "GET", "/invoice", "")
	fmt.Println(w.Header().Get("Content-Type"), w.Body)
	fmt.Println(w.Header().Get("Content-Disposition"))
	// Output:
	// text/plain; charset=utf-8 3.50
	// attachment; filename="Rechnung f_r Tee.txt"; filename*=UTF-8''Rechnung%20f%C3%BCr%20Tee.txt
}

// A body that comes from elsewhere is passed on while it comes.
func ExampleReader() {
	app := quiet()
	app.Handle("GET /log", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Reader("text/plain; charset=utf-8", strings.NewReader("a line\n")), nil
	}))
	app.Handle("GET /raw", weft.Handle(func(context.Context, struct{}) (io.ReadCloser, error) {
		return nil, errors.New("not there")
	}))
	show(app, "GET", "/log", "")
	show(app, "GET", "/raw", "")
	// Output:
	// 200 a line
	// 500 {"title":"Internal Server Error","status":500,"code":"internal"}
}

// A stream that a client sends is read item by item. What is wrong with one is told, and the others are taken.
func ExampleItemError() {
	app := quiet()
	app.Handle("POST /orders/import", weft.Handle(func(_ context.Context, in weft.Stream[PlaceOrder]) (map[string]any, error) {
		taken, bad := 0, []string{}
		for order, err := range in {
			var item *weft.ItemError
			switch {
			case errors.As(err, &item):
				bad = append(bad, fmt.Sprintf("line %d", item.Line))
			case err != nil:
				return nil, err // of the body as a whole
			default:
				taken += order.Quantity
			}
		}
		return map[string]any{"taken": taken, "bad": bad}, nil
	}))
	show(app, "POST", "/orders/import", `{"product":"tea","quantity":1}
{"product":"tea","quantity":"many"}
{"product":"coffee","quantity":2}
`, "Content-Type: application/x-ndjson")
	// Output: 200 {"bad":["line 2"],"taken":3}
}

// The parts of a form are read as they arrive: a file of any size is kept nowhere.
func ExamplePart() {
	app := quiet()
	app.Handle("POST /files", weft.Handle(func(_ context.Context, in weft.Stream[weft.Part]) ([]string, error) {
		var got []string
		for part, err := range in {
			if err != nil {
				return nil, err
			}
			n, err := io.Copy(io.Discard, part)
			if err != nil {
				return nil, err
			}
			got = append(got, fmt.Sprint(part.Name, " ", part.Filename, " ", n))
		}
		return got, nil
	}))
	show(app, "POST", "/files", "--x\r\nContent-Disposition: form-data; name=menu; filename=menu.txt\r\n\r\ntea, coffee\r\n--x--\r\n",
		"Content-Type: multipart/form-data; boundary=x")
	// Output: 200 ["menu menu.txt 11"]
}
