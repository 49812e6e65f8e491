package weft_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

// xmlCodec reads and writes XML as encoding/xml does.
type xmlCodec struct{}

func (xmlCodec) MediaTypes() []string { return []string{"application/xml", "text/xml"} }

func (xmlCodec) Encode(v any) ([]byte, error) { return xml.Marshal(v) }

func (xmlCodec) Decode(body []byte, into any) error { return xml.Unmarshal(body, into) }

// MemberName has errors name what is wrong as the XML does.
func (xmlCodec) MemberName(field reflect.StructField) []string {
	name, options, _ := strings.Cut(field.Tag.Get("xml"), ",")
	switch {
	case options == "chardata" || options == "innerxml" || name == "" && field.Anonymous:
		return nil
	case name != "":
		return strings.Split(name, ">")
	}
	return []string{field.Name}
}

// Product is in a catalogue of many formats.
type Product struct {
	XMLName xml.Name `json:"-" xml:"product"`
	Name    string   `json:"name" xml:"name" validate:"min=3"`
	Price   int      `json:"price" xml:"price"`
}

func echoProduct(_ context.Context, p Product) (Product, error) { return p, nil }

func ExampleWithFormats() {
	app := weft.New(weft.WithFormats(weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}}}))
	app.Handle("POST /products", weft.Handle(echoProduct))
	const body = `<product><name>tea</name><price>3</price></product>`
	show(app, "POST", "/products", body, "Content-Type: application/xml")
	show(app, "POST", "/products", body, "Content-Type: application/xml", "Accept: text/html, application/xml;q=0.9, */*;q=0.8")
	show(app, "POST", "/products", "name: tea", "Content-Type: application/yaml")
	// Output:
	// 200 {"name":"tea","price":3}
	// 200 <product><name>tea</name><price>3</price></product>
	// 415 {"title":"Unsupported Media Type","status":415,"code":"unsupported_media_type","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"","code":"unsupported_media_type","message":"must be sent as application/json, application/xml or text/xml","params":{"accepted":["application/json","application/xml","text/xml"]}}]}
}

// Revised is one of the fields of a request and an answer whose bodies are in any format.
type (
	ReviseProduct struct {
		ID      int     `path:"id"`
		Product Product `body:""`
	}
	Revised struct {
		Location string  `header:"Location"`
		Product  Product `body:""`
	}
)

func ExampleGroup_Formats() {
	app := quiet()
	catalogue := app.Group("/catalogue")
	catalogue.Formats(weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}}})
	catalogue.Handle("PUT /{id}", weft.Handle(func(_ context.Context, in ReviseProduct) (Revised, error) {
		return Revised{fmt.Sprint("/catalogue/", in.ID), in.Product}, nil
	}))
	w := send(app, "PUT", "/catalogue/7", `{"name":"tea","price":3}`, "Accept: application/xml")
	fmt.Println(w.Body)
	fmt.Println(w.Header())
	show(app, "PUT", "/catalogue/7", `<product><name>x</name></product>`, "Content-Type: application/xml")
	// Output:
	// <product><name>tea</name><price>3</price></product>
	// map[Content-Type:[application/xml] Location:[/catalogue/7] Vary:[Accept]]
	// 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"/name","code":"min","message":"must be at least 3 characters long","params":{"param":"3"}}]}
}

func ExampleNegotiate() {
	feed := weft.Handle(func(context.Context, struct{}) (Product, error) { return Product{Name: "tea"}, nil })
	app := quiet()
	app.Handle("GET /feed", weft.Negotiate(feed, weft.Formats{
		Codecs: []weft.MediaCodec{xmlCodec{}},
		NoJSON: true,
		Strict: true,
	}))
	show(app, "GET", "/feed", "")
	show(app, "GET", "/feed", "", "Accept: application/json")
	plan, err := app.Plan()
	fmt.Println(plan.Routes[0].Produces, err)
	// Output:
	// 200 <product><name>tea</name><price>0</price></product>
	// 406 {"title":"Not Acceptable","status":406,"code":"not_acceptable","detail":"Accept takes none of what there is: see available.","available":["application/xml","text/xml"]}
	// [application/xml text/xml] <nil>
}

func ExampleRequest_Accepts() {
	app := quiet()
	app.Handle("GET /orders/{id}", weft.Handle(func(_ context.Context, r *weft.Request) (weft.Response, error) {
		if r.Accepts("application/json", "text/html") == "text/html" {
			return weft.HTML("<p>Order " + r.PathValue("id")).Vary("Accept"), nil
		}
		return weft.JSON(Order{7, "tea"}).Vary("Accept"), nil
	}))
	show(app, "GET", "/orders/7", "", "Accept: text/html,*/*;q=0.8")
	show(app, "GET", "/orders/7", "", "Accept: */*")
	// Output:
	// 200 <p>Order 7
	// 200 {"id":7,"product":"tea"}
}

// Note is a document with a version.
type Note struct {
	Text    string    `json:"text"`
	Version int       `json:"version"`
	Saved   time.Time `json:"-"`
}

// ETag tells one version from another.
func (n Note) ETag() string { return fmt.Sprintf(`"v%d"`, n.Version) }

// LastModified is when the note was saved.
func (n Note) LastModified() time.Time { return n.Saved }

func ExampleTagged() {
	note := Note{"buy tea", 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	app := quiet()
	app.Handle("GET /note", weft.Handle(func(context.Context, struct{}) (Note, error) { return note, nil }))
	w := send(app, "GET", "/note", "")
	fmt.Println(w.Code, w.Header(), w.Body)
	w = send(app, "GET", "/note", "", `If-None-Match: "v7"`)
	fmt.Println(w.Code, w.Header(), w.Body)
	// Output:
	// 200 map[Content-Type:[application/json] Etag:["v7"] Last-Modified:[Sun, 01 Mar 2026 12:00:00 GMT]] {"text":"buy tea","version":7}
	// 304 map[Etag:["v7"]]
}

// ReviseNote replaces a note, of which the client says which version it has seen.
type ReviseNote struct {
	If   weft.Preconditions
	Note Note `body:"json"`
}

func ExamplePreconditions() {
	saved := Note{"buy tea", 7, time.Time{}}
	app := quiet()
	app.Handle("PUT /note", weft.Handle(func(_ context.Context, in ReviseNote) (Note, error) {
		// A transaction begins here.
		if err := in.If.Require(); err != nil {
			return Note{}, err
		}
		if err := in.If.Check(saved.ETag(), saved.LastModified()); err != nil {
			return Note{}, err
		}
		saved = Note{Text: in.Note.Text, Version: saved.Version + 1}
		return saved, nil
	}).Catch(weft.OnIs(weft.ErrPreconditionRequired, func(*weft.Request, error) weft.Response {
		return weft.Text("Say which version you have seen.").WithStatus(http.StatusPreconditionRequired)
	})))
	show(app, "PUT", "/note", `{"text":"buy milk"}`)
	show(app, "PUT", "/note", `{"text":"buy milk"}`, `If-Match: "v7"`)
	show(app, "PUT", "/note", `{"text":"buy beer"}`, `If-Match: "v7"`)
	// Output:
	// 428 Say which version you have seen.
	// 200 {"text":"buy milk","version":8}
	// 412 {"title":"Precondition Failed","status":412,"code":"precondition_failed","detail":"The resource is not in the state that the request asks for."}
}
