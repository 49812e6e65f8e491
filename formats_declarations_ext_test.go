package weft_test

// Wrong declarations of formats, and of what tells the state of an answer. Their lines are in a golden file: a change here changes that.

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/weft-go/weft"
)

// oddCodec is for what it is told.
type oddCodec struct {
	bareCodec
	types, charsets []string
	panics          string
}

func (c *oddCodec) MediaTypes() []string {
	if c.panics != "" {
		panic(c.panics)
	}
	return c.types
}

func (c *oddCodec) Charsets() []string                        { return c.charsets }
func (c *oddCodec) DecodeCharset(string, []byte, any) error   { return nil }
func (c *oddCodec) CheckType(t reflect.Type) error            { return checkedBy(t) }
func (bareCodec) MediaTypes() []string                        { return []string{"a/bare"} }
func (bareCodec) Encode(any) ([]byte, error)                  { return nil, nil }
func (bareCodec) Decode([]byte, any) error                    { return nil }
func (latinCodec) MediaTypes() []string                       { return []string{"a/latin; charset=ISO-8859-1"} }
func listing(context.Context, struct{}) (_ []Note, err error) { return nil, err }

type (
	bareCodec  struct{}
	latinCodec struct{ bareCodec }
	// codecFunc is a codec that may be nil and no pointer.
	codecFunc func()
)

func (codecFunc) MediaTypes() []string       { return []string{"a/func"} }
func (codecFunc) Encode(any) ([]byte, error) { return nil, nil }
func (codecFunc) Decode([]byte, any) error   { return nil }

// checkedBy refuses lists, and gives up on maps.
func checkedBy(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Slice:
		return errors.New("it is a list")
	case reflect.Map:
		panic("a map")
	}
	return nil
}

// wrongFormats declares every mistake with formats that Build can find.
func wrongFormats() *weft.App {
	app, _ := newApp()
	with := func(codecs ...weft.MediaCodec) weft.Formats { return weft.Formats{Codecs: codecs} }
	odd := func(types ...string) *oddCodec { return &oddCodec{types: types} }
	note := weft.Handle(func(_ context.Context, in Note) (Note, error) { return in, nil }).Named("note")

	// Codecs that are none, or for nothing. Those of a group without a route too.
	app.Handle("PUT /codecs/1", weft.Negotiate(note, with(nil)))
	app.Handle("PUT /codecs/2", weft.Negotiate(note, with((*oddCodec)(nil), codecFunc(nil))))
	app.Handle("PUT /codecs/3", weft.Negotiate(note, with(odd())))
	app.Handle("PUT /codecs/4", weft.Negotiate(note, with(&oddCodec{panics: "no idea"})))
	app.Handle("PUT /codecs/5", weft.Negotiate(note, weft.Formats{NoJSON: true, Strict: true}))
	app.Group("/codecs/6").Formats(with(nil, odd("a/b", "a/b")))

	// Media types.
	app.Handle("PUT /types/1", weft.Negotiate(note, with(odd("", "xml", "a/*", "*/*", "a/b;q=1", "a/b; v=\"\x01\"", "a b/c", "a/b\n"))))
	app.Handle("PUT /types/2", weft.Negotiate(note, with(odd("Application/JSON; charset=utf-8"))))
	app.Handle("PUT /types/3", weft.Negotiate(note, with(odd("a/b", "A/B"))))
	app.Handle("PUT /types/4", weft.Negotiate(note, with(odd("a/bare;charset=UTF-8"), bareCodec{})))

	// Charsets.
	app.Handle("PUT /charsets/1", weft.Negotiate(note, with(&oddCodec{types: []string{"a/b"}, charsets: []string{"", "latin 1"}})))
	app.Handle("PUT /charsets/2", weft.Negotiate(note, with(&oddCodec{types: []string{"a/b"}, charsets: []string{"UTF-8", "utf-16", "UTF-16"}})))
	app.Handle("PUT /charsets/3", weft.Negotiate(note, with(latinCodec{})))
	app.Handle("PUT /charsets/4", weft.Negotiate(note, with(&oddCodec{types: []string{"a/b; charset=utf-16"}, charsets: []string{"utf-32"}})))

	// Twice.
	twice := app.Group("/twice")
	twice.Formats(with(bareCodec{}))
	twice.Formats(weft.Formats{})

	// Bodies that are in no format, or in one that cannot be.
	app.Handle("GET /bodies/1", weft.Negotiate(weft.Handle(oneText), with(bareCodec{})))
	app.Handle("PUT /bodies/2", weft.Negotiate(weft.Handle(func(context.Context, ReviseNote) (struct{}, error) { return struct{}{}, nil }), with(bareCodec{})))
	app.Handle("GET /bodies/3", weft.Negotiate(weft.Handle(func(context.Context, struct{}) (out struct {
		Type string `header:"Content-Type"`
		Note Note   `body:""`
	}, _ error) {
		return
	}), with(bareCodec{})))
	app.Handle("GET /bodies/4", weft.Negotiate(weft.Handle(listing), with(odd("a/b"))))
	app.Handle("PUT /bodies/5", weft.Negotiate(weft.Handle(func(context.Context, map[string]int) (string, error) { return "", nil }), with(odd("a/b"))))
	app.Handle("PUT /bodies/6", weft.Negotiate(weft.Handle(func(context.Context, struct {
		Name weft.Opt[string] `json:"name"`
	}) (string, error) {
		return "", nil
	}), with(bareCodec{})))
	lists := app.Group("/bodies/7")
	lists.Formats(weft.Formats{Codecs: []weft.MediaCodec{odd("a/b")}, NoJSON: true})
	lists.Handle("GET /lists", weft.Handle(listing))
	app.Handle("PUT /bodies/8", weft.Negotiate(weft.Handle(func(context.Context, struct {
		Events chan int `body:""`
	}) (struct{}, error) {
		return struct{}{}, nil
	}), with(bareCodec{})))

	// A state that is told in two ways.
	app.Handle("GET /state/1", weft.Handle(func(context.Context, struct{}) (out struct {
		Tag  string `header:"ETag"`
		Time string `header:"Last-Modified"`
		Note Note   `body:"json"`
	}, _ error) {
		return
	}))
	return app
}

func oneText(context.Context, struct{}) (weft.Response, error) {
	return weft.Text("as it is").WithStatus(http.StatusOK), nil
}
