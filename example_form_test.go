package weft_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/weft-go/weft"
)

const (
	asText  = "Content-Type: application/x-www-form-urlencoded"
	asPatch = "Content-Type: application/merge-patch+json"
)

// photoForm is what a browser sends of a form with a file, and its Content-Type.
func photoForm(title string) (body, declared string) {
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	_ = form.WriteField("title", title)
	file, _ := form.CreateFormFile("photo", "photo.png")
	_, _ = io.WriteString(file, "PNG")
	_ = form.Close()
	return text.String(), "Content-Type: " + form.FormDataContentType()
}

// A form is read as a query is: by tags, as strictly, with the same errors.
func ExampleStruct_form() {
	type LogIn struct {
		Name     string `form:"name,required" validate:"min=2"`
		Password string `form:"password,required"`
		Remember bool   `form:"remember"`
		Next     string `query:"next" default:"/"`
	}
	app := quiet()
	app.Handle("POST /login", weft.Handle(func(_ context.Context, in LogIn) (string, error) {
		return fmt.Sprintf("%s goes to %s, remembered: %t", in.Name, in.Next, in.Remember), nil
	}))
	show(app, "POST", "/login?next=/orders", "name=ada&password=secret&remember=true", asText)
	show(app, "POST", "/login", "name=ada&name=bob&remember=maybe", asText)
	show(app, "POST", "/login", "{}")
	// Output:
	// 200 "ada goes to /orders, remembered: true"
	// 400 {"title":"Bad Request","status":400,"code":"invalid_request","detail":"The request is not valid: see errors.","errors":[{"source":"form","name":"name","code":"repeated","message":"must be given once"},{"source":"form","name":"remember","code":"invalid_type","message":"must be of type boolean","params":{"type":"boolean"}},{"source":"form","name":"password","code":"required","message":"is required"}]}
	// 415 {"title":"Unsupported Media Type","status":415,"code":"unsupported_media_type","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"","code":"unsupported_media_type","message":"must be sent as application/x-www-form-urlencoded or multipart/form-data","params":{"accepted":["application/x-www-form-urlencoded","multipart/form-data"]}}]}
}

// A file is a value of its own, and so is a list of them.
func ExampleUpload() {
	type AddPhoto struct {
		Title string        `form:"title"`
		Photo weft.Upload   `file:"photo,required,max=5MiB"`
		Small *weft.Upload  `file:"small,max=100KiB"`
		More  []weft.Upload `file:"more"`
	}
	app := quiet()
	app.Handle("POST /photos", weft.Handle(func(_ context.Context, in AddPhoto) (string, error) {
		content, err := in.Photo.Open()
		if err != nil {
			return "", err
		}
		head := make([]byte, 2)
		_, err = io.ReadFull(content, head)
		return fmt.Sprintf("%s: %s of %d bytes, which begins with %s, and %d more", in.Title, in.Photo.Filename, in.Photo.Size, head, len(in.More)), err
	}).Limit(20<<20))

	body, declared := photoForm("The lake")
	show(app, "POST", "/photos", body, declared)
	show(app, "POST", "/photos", "title=The+lake", asText)
	// Output:
	// 200 "The lake: photo.png of 3 bytes, which begins with PN, and 0 more"
	// 415 {"title":"Unsupported Media Type","status":415,"code":"unsupported_media_type","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"","code":"unsupported_media_type","message":"must be sent as multipart/form-data","params":{"accepted":["multipart/form-data"]}}]}
}

// A handler that takes a file is tested by one call.
func ExampleNewUpload() {
	type AddPhoto struct {
		Photo weft.Upload `file:"photo"`
	}
	size := func(_ context.Context, in AddPhoto) (int64, error) { return in.Photo.Size, nil }

	fmt.Println(size(context.Background(), AddPhoto{weft.NewUpload("lake.png", "image/png", []byte("PNG"))}))
	fmt.Println(AddPhoto{}.Photo.IsZero())
	// Output:
	// 3 <nil>
	// true
}

func ExampleUpload_Bytes() {
	u := weft.NewUpload("note.txt", "text/plain", []byte("hello"))
	content, err := u.Bytes()
	fmt.Println(string(content), err)
	var to strings.Builder
	fmt.Println(u.WriteTo(&to))
	// Output:
	// hello <nil>
	// 5 <nil>
}

// The form as a struct of its own, where there is more to a request.
func ExampleStruct_formBody() {
	type Contact struct {
		Name string `form:"name"`
		Text string `form:"text,required"`
	}
	type WriteTo struct {
		Department string  `path:"department"`
		Contact    Contact `body:"form"`
	}
	app := quiet()
	app.Handle("POST /contact/{department}", weft.Handle(func(_ context.Context, in WriteTo) (string, error) {
		return fmt.Sprintf("%s writes to %s: %s", in.Contact.Name, in.Department, in.Contact.Text), nil
	}))
	show(app, "POST", "/contact/sales", url.Values{"name": {"Ada"}, "text": {"hello"}}.Encode(), asText)
	// Output: 200 "Ada writes to sales: hello"
}

// FormValue, FormFile and FormFiles are the same as values; several of them read one form.
func ExampleFormFile() {
	body, declared := photoForm("The lake")
	hr := httptest.NewRequest("POST", "/", strings.NewReader(body))
	hr.Header.Set("Content-Type", strings.TrimPrefix(declared, "Content-Type: "))
	r := weft.NewRequest(hr)

	photo, err := weft.FormFile("photo").Extract(r)
	fmt.Println(photo.Filename, photo.ContentType, photo.Size, err)
	fmt.Println(weft.FormValue[string]("title").Extract(r))
	more, err := weft.FormFiles("more").Extract(r)
	fmt.Println(len(more), err)
	_, err = weft.FormFile("small").Extract(r)
	fmt.Println(err)
	// Output:
	// photo.png application/octet-stream 3 <nil>
	// The lake <nil>
	// 0 <nil>
	// 400 invalid request: file small: required
}

// What does not fit into the memory is in a temporary file while the request lasts.
func ExampleWithForms() {
	app := weft.New(weft.WithForms(weft.FormOptions{Memory: 64 << 10, Fields: 2}))
	app.Handle("POST /photos", weft.Handle(func(_ context.Context, in struct {
		Photo weft.Upload `file:"photo"`
	}) (string, error) {
		return in.Photo.Filename, nil
	}))
	body, declared := photoForm("The lake")
	show(app, "POST", "/photos", body, declared)
	// Output: 200 "photo.png"
}

// A merge patch leaves what is absent, takes away what is null, and replaces the rest.
func ExampleMergePatchBody() {
	type Profile struct{ Name, Motto string }
	type Change struct {
		Name  weft.Opt[string] `json:"name" validate:"omitnil,min=2"`
		Motto weft.Opt[string] `json:"motto"`
	}
	app := quiet()
	app.Handle("PATCH /profile", weft.Handle(func(_ context.Context, in Change) (Profile, error) {
		p := Profile{"Ada", "Poetical science"}
		in.Name.ApplyTo(&p.Name)
		in.Motto.ApplyTo(&p.Motto)
		return p, nil
	}).Extract(weft.MergePatchBody[Change]()))
	show(app, "PATCH", "/profile", `{"motto":null}`, asPatch)
	show(app, "PATCH", "/profile", `{"name":"A"}`, asPatch)
	// Output:
	// 200 {"Name":"Ada","Motto":""}
	// 422 {"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"/name","code":"min","message":"must be at least 2 characters long","params":{"param":"2"}}]}
}

// What is too large to keep is read as it comes.
func ExampleBodyReader() {
	app := quiet()
	app.Handle("PUT /videos", weft.Handle(func(_ context.Context, video io.Reader) (int64, error) {
		return io.Copy(io.Discard, video) // to where it is stored
	}).Extract(weft.BodyReader()).Limit(20))
	show(app, "PUT", "/videos", "moving pictures", "Content-Type: video/mp4")
	show(app, "PUT", "/videos", "very many moving pictures", "Content-Type: video/mp4")
	// Output:
	// 200 15
	// 413 {"title":"Request Entity Too Large","status":413,"code":"body_too_large","detail":"The request is not valid: see errors.","errors":[{"source":"body","pointer":"","code":"body_too_large","message":"must be at most 20 bytes","params":{"max":20}}]}
}
