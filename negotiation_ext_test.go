package weft_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

// lineCodec is a format of its own: what is written is "name=price", in Latin-1 too.
type lineCodec struct {
	types  []string
	refuse reflect.Type
}

func (c *lineCodec) MediaTypes() []string {
	if c.types == nil {
		return []string{"text/x-line"}
	}
	return c.types
}

func (c *lineCodec) Encode(v any) ([]byte, error) {
	p, ok := v.(*Product)
	switch {
	case !ok:
		return nil, fmt.Errorf("%T is no product", v)
	case p.Name == "unwritable":
		return nil, errors.New("secret: cannot write this")
	case p.Name == "panics":
		panic("secret: encoding")
	}
	return fmt.Appendf(nil, "%s=%d", p.Name, p.Price), nil
}

func (c *lineCodec) Decode(body []byte, into any) error {
	name, price, found := strings.Cut(string(body), "=")
	switch {
	case name == "teapot":
		return &weft.Error{Status: http.StatusTeapot, Code: "teapot"}
	case name == "panics":
		panic("secret: decoding")
	case !found:
		return errors.New("secret: no equals sign")
	}
	p, ok := into.(*Product)
	if !ok {
		return fmt.Errorf("a %T", into)
	}
	p.Name = name
	if _, err := fmt.Sscan(price, &p.Price); err != nil {
		return &weft.InvalidRequest{Fields: []weft.FieldError{{Pointer: "/price", Code: weft.CodeInvalidType, Params: map[string]any{"type": "integer"}}}}
	}
	return nil
}

func (c *lineCodec) Charsets() []string { return []string{"ISO-8859-1"} }

func (c *lineCodec) DecodeCharset(charset string, body []byte, into any) error {
	if charset != "ISO-8859-1" {
		return fmt.Errorf("the charset %q", charset)
	}
	return c.Decode([]byte(latin1(body)), into)
}

func (c *lineCodec) CheckType(t reflect.Type) error {
	if t == c.refuse || t.Kind() == reflect.Slice {
		return errors.New("a line is one product")
	}
	return nil
}

func latin1(body []byte) string {
	var text strings.Builder
	for _, b := range body {
		text.WriteRune(rune(b))
	}
	return text.String()
}

const (
	asJSON = `{"name":"tea","price":3}`
	asXML  = `<product><name>tea</name><price>3</price></product>`
	asLine = `tea=3`
)

func inFormats(strict bool) weft.Formats {
	return weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}, &lineCodec{}}, Strict: strict}
}

func oneTea(context.Context, struct{}) (Product, error) { return Product{Name: "tea", Price: 3}, nil }

func TestAnAnswerIsInTheFormatThatAcceptPrefers(t *testing.T) {
	app, log := newApp(weft.WithFormats(inFormats(false)))
	app.Handle("GET /plain", weft.Handle(oneTea))
	app.Handle("GET /fields", weft.Handle(func(context.Context, struct{}) (Revised, error) {
		return Revised{"/1", Product{Name: "tea", Price: 3}}, nil
	}))
	app.Handle("GET /pointer", weft.Handle(func(context.Context, struct{}) (*Revised, error) {
		return &Revised{"/1", Product{Name: "tea", Price: 3}}, nil
	}))
	site := serve(t, app)
	for _, path := range []string{"/plain", "/fields", "/pointer"} {
		for _, row := range []struct{ accept, contentType, body string }{
			{"", "application/json", asJSON},
			{"*/*", "application/json", asJSON},
			{"application/json", "application/json", asJSON},
			{"application/xml", "application/xml", asXML},
			{"text/xml", "text/xml", asXML},
			{"text/x-line", "text/x-line", asLine},
			{"text/*", "text/xml", asXML},
			{"text/*;q=0.5, text/x-line;q=0.6", "text/x-line", asLine},
			{"application/json;q=0, */*", "application/xml", asXML},
			{"application/atom+xml", "application/xml", asXML},
			{"image/png", "application/json", asJSON},
			{"application/json;q=0", "application/json", asJSON},
			{"application/xml;q=2", "application/json", asJSON},
			{"nonsense", "application/json", asJSON},
		} {
			t.Run(path+" "+row.accept, func(t *testing.T) {
				got := site.send("GET", path, "", "Accept: "+row.accept)
				assert.Equal(t, []any{200, row.contentType, row.body, []string{"Accept"}}, []any{got.status, got.header.Get("Content-Type"), got.body, got.header["Vary"]})
				if path != "/plain" {
					assert.Equal(t, "/1", got.header.Get("Location"))
				}
				head := site.send("HEAD", path, "", "Accept: "+row.accept)
				assert.Equal(t, []any{200, row.contentType, "", int64(len(row.body))}, []any{head.status, head.header.Get("Content-Type"), head.body, head.length})
			})
		}
	}
	several := raw(t, site, "GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: image/png\r\naccept: application/json;q=0.5,\r\nAccept:\r\nACCEPT: text/x-line;q=0.6\r\n\r\n")
	assert.Contains(t, several, "\r\n\r\n"+asLine, "several lines are one field")
	charset := site.send("GET", "/plain", "", "Accept-Charset: iso-8859-1, utf-8;q=0")
	assert.Equal(t, []any{200, asJSON}, []any{charset.status, charset.body}, "RFC 9110 section 12.5.2")
	assert.Empty(t, log.errors())
}

func TestABodyIsReadByTheCodecOfItsContentType(t *testing.T) {
	app, log := newApp(weft.WithFormats(inFormats(false)))
	app.Handle("POST /plain", weft.Handle(echoProduct))
	app.Handle("POST /fields", weft.Handle(func(_ context.Context, in struct {
		Product Product `body:""`
	}) (Product, error) {
		return in.Product, nil
	}))
	app.Handle("POST /json", weft.Handle(func(_ context.Context, in struct {
		Product Product `body:"json"`
	}) (Product, error) {
		return in.Product, nil
	}))
	site := serve(t, app)
	const all = "sent as application/json, application/xml, text/xml or text/x-line"
	for _, path := range []string{"/plain", "/fields"} {
		for _, row := range []struct {
			contentType, body string
			status            int
			says              string
		}{
			{"application/json", asJSON, 200, asJSON},
			{"application/vnd.api+json", asJSON, 200, asJSON},
			{"application/xml", asXML, 200, asJSON},
			{"APPLICATION/XML; Charset=UTF-8", asXML, 200, asJSON},
			{"text/xml", asXML, 200, asJSON},
			{"image/svg+xml", asXML, 200, asJSON},
			{"text/x-line", asLine, 200, asJSON},
			{"text/x-line; charset=us-ascii", asLine, 200, asJSON},
			{"text/x-line; charset=iso-8859-1", "th\xe9=3", 200, `{"name":"thé","price":3}`},
			{"text/x-line; charset=utf-16", asLine, 415, "sent in UTF-8 or ISO-8859-1"},
			{"application/xml; charset=iso-8859-1", asXML, 415, "sent in UTF-8"},
			{"application/json; charset=iso-8859-1", asJSON, 415, "sent in UTF-8"},
			{"application/yaml", "name: tea", 415, all},
			{"nonsense", asJSON, 415, all},
			{"", asJSON, 415, all},
			{"application/xml", asJSON, 400, `"code":"invalid_body"`},
			{"application/json", asXML, 400, `"code":"invalid_json"`},
			{"text/x-line", "no price", 400, `"pointer":"","code":"invalid_body","message":"must be valid in its format"`},
			{"text/x-line", "tea=much", 400, `"pointer":"/price","code":"invalid_type"`},
			{"text/x-line", "teapot=1", 418, `"code":"teapot"`},
			{"text/x-line", "panics=1", 500, `"code":"internal"`},
			{"application/xml", `<product><name>x</name></product>`, 422, `"pointer":"/name","code":"min"`},
			{"application/json", `{"name":"x"}`, 422, `"pointer":"/name","code":"min"`},
			{"application/xml", "", 400, `"code":"body_required"`},
			{"application/xml", "  ", 400, `"code":"invalid_body"`},
			{"application/json", "  ", 400, `"code":"body_required"`},
		} {
			t.Run(path+" "+row.contentType+" "+row.body, func(t *testing.T) {
				got := site.send("POST", path, row.body, "Content-Type: "+row.contentType)
				assert.Equal(t, row.status, got.status, got.body)
				assert.Contains(t, got.body, row.says)
				assert.NotContains(t, got.body, "secret")
				if row.status != 200 {
					assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"), "errors are JSON")
					assert.Empty(t, got.header["Vary"], "and do not depend on Accept")
				}
				if row.status == 415 {
					assert.Equal(t, "application/json, application/xml, text/xml, text/x-line", got.header.Get("Accept"))
					assert.Contains(t, got.body, `"accepted":["application/json","application/xml","text/xml","text/x-line"]`)
				}
			})
		}
	}
	assert.Equal(t, 200, site.send("POST", "/json", asJSON, "Accept: application/xml").status)
	refused := site.send("POST", "/json", asXML, "Content-Type: application/xml")
	assert.Equal(t, 415, refused.status, "the tag says JSON")
	assert.Contains(t, refused.body, `"accepted":["application/json"]`)
	assert.Equal(t, 415, site.send("POST", "/plain", asXML, "Content-Type: application/xml", "Content-Encoding: gzip").status)
	several := raw(t, site, "POST /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	assert.Contains(t, several, "415")
	assert.Len(t, log.errors(), 2, "the panics")
}

func TestErrorsAreJSONWhateverAcceptSays(t *testing.T) {
	app, _ := newApp(weft.WithFormats(inFormats(false)))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (Product, error) {
		return Product{}, &weft.Error{Status: 409, Code: "taken"}
	}))
	app.Handle("GET /unwritable", weft.Handle(func(context.Context, struct{}) (Product, error) { return Product{Name: "unwritable"}, nil }))
	app.Handle("GET /panics", weft.Handle(func(context.Context, struct{}) (Product, error) { return Product{Name: "panics"}, nil }))
	site := serve(t, app)
	for path, status := range map[string]int{"/x": 409, "/unwritable": 500, "/panics": 500, "/nowhere": 404} {
		got := site.send("GET", path, "", "Accept: text/x-line")
		assertProblem(t, got, status)
		assert.NotContains(t, got.body, "secret")
		assert.Empty(t, got.header["Vary"])
	}
	assert.Equal(t, 200, site.send("GET", "/unwritable", "", "Accept: application/xml").status, "another codec can")
}

func TestStrictFormatsRefuseWhatAcceptDoesNotTake(t *testing.T) {
	app, log := newApp(weft.WithFormats(inFormats(true)))
	calls := 0
	app.Guard(weft.NewGuard("not banned", func(r *weft.Request) error {
		if r.Header().Get("X-Banned") != "" {
			return weft.Deny("")
		}
		return nil
	}))
	app.Handle("POST /x", weft.Handle(func(ctx context.Context, in Product) (Product, error) {
		calls++
		return in, nil
	}))
	app.Handle("POST /nothing", weft.Handle(func(ctx context.Context, in Product) (struct{}, error) { return struct{}{}, nil }))
	app.Handle("GET /response", weft.Handle(func(ctx context.Context, in struct{}) (weft.Response, error) { return weft.Text("as it is"), nil }))
	app.Handle("GET /mapped", weft.Handle(oneTea).Catch(weft.OnIs(weft.ErrNotAcceptable, func(*weft.Request, error) weft.Response {
		return weft.Text("nothing for you").WithStatus(406)
	})))
	site := serve(t, app)

	got := site.send("POST", "/x", "not even JSON", "Accept: image/png, application/json;q=0")
	assertProblem(t, got, 406)
	assert.Contains(t, got.body, `"code":"not_acceptable"`)
	assert.Contains(t, got.body, `"available":["application/json","application/xml","text/xml","text/x-line"]`)
	assert.Equal(t, []string{"Accept"}, got.header["Vary"])
	assert.Zero(t, calls, "nothing was done")
	assert.Equal(t, 403, site.send("POST", "/x", asJSON, "Accept: image/png", "X-Banned: 1").status, "guards come first")
	for _, accept := range []string{"", "*/*", "nonsense", "application/xml", "image/png, text/*;q=0.1", "application/json; charset=utf-8"} {
		got := site.send("POST", "/x", asJSON, "Accept: "+accept)
		assert.Equal(t, 200, got.status, accept)
		assert.Equal(t, []string{"Accept"}, got.header["Vary"])
	}
	assert.Equal(t, 204, site.send("POST", "/nothing", asJSON, "Accept: image/png").status, "no body that could be another")
	assert.Equal(t, 200, site.send("GET", "/response", "", "Accept: image/png").status, "a Response is as it is")
	mapped := site.send("GET", "/mapped", "", "Accept: image/png")
	assert.Equal(t, []any{406, "nothing for you", []string{"Accept"}}, []any{mapped.status, mapped.body, mapped.header["Vary"]})
	assert.Empty(t, log.errors())
}

func TestWhatARequestAccepts(t *testing.T) {
	for _, row := range []struct {
		accept string
		of     []string
		want   string
	}{
		{"", []string{"text/html", "application/json"}, "text/html"},
		{"application/json, text/html;q=0.9", []string{"text/html", "application/json"}, "application/json"},
		{"nonsense", []string{"text/html", "application/json"}, "text/html"},
		{"image/png", []string{"text/html", "application/json"}, ""},
		{"text/html", []string{"html", "text/*", "text/html"}, "text/html"},
		{"*/*", []string{"html"}, ""},
		{"*/*", nil, ""},
	} {
		r := wefttest.Request("GET", "/", wefttest.Header("Accept", row.accept))
		assert.Equal(t, row.want, r.Accepts(row.of...), "%q of %q", row.accept, row.of)
	}
}

// Where there is one format and no refusal, the answer does not depend on Accept.
func TestVaryIsSaidWhereThereIsAChoice(t *testing.T) {
	app, _ := newApp()
	one := weft.Formats{Codecs: []weft.MediaCodec{&lineCodec{}}, NoJSON: true}
	strict := weft.Formats{Strict: true}
	app.Handle("GET /json", weft.Handle(oneTea))
	app.Handle("GET /one", weft.Negotiate(weft.Handle(oneTea), one))
	app.Handle("GET /strict", weft.Negotiate(weft.Handle(oneTea), strict))
	app.Handle("GET /two", weft.Negotiate(weft.Handle(oneTea), weft.Formats{Codecs: one.Codecs}))
	app.Handle("GET /none", weft.Negotiate(weft.Handle(func(context.Context, Product) (Product, error) { return Product{}, nil }).Status(204), inFormats(false)))
	app.Handle("GET /explicit", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return weft.JSON(1), nil }))
	app.Handle("GET /said", weft.Negotiate(weft.Handle(func(context.Context, struct{}) (struct {
		Vary    []string `header:"Vary"`
		Status  int      `status:""`
		Product Product  `body:""`
	}, error) {
		return struct {
			Vary    []string `header:"Vary"`
			Status  int      `status:""`
			Product Product  `body:""`
		}{Vary: []string{"Origin"}, Status: 200}, nil
	}), inFormats(false)))
	site := serve(t, app)
	for path, want := range map[string][]string{
		"/json": nil, "/one": nil, "/strict": {"Accept"}, "/two": {"Accept"}, "/none": nil, "/explicit": nil,
	} {
		assert.Equal(t, want, site.send("GET", path, `{"name":"tea"}`).header["Vary"], path)
	}
	assert.Equal(t, []string{"Origin", "Accept"}, site.send("GET", "/said", "").header["Vary"], "beside what the handler says")
	assert.Equal(t, asLine, site.send("GET", "/one", "", "Accept: application/json").body)
	assert.Equal(t, 406, site.send("GET", "/strict", "", "Accept: application/xml").status)
}

func TestTheNearestFormatsCount(t *testing.T) {
	line, markup := weft.Formats{Codecs: []weft.MediaCodec{&lineCodec{}}}, weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}}}
	app, _ := newApp(weft.WithFormats(line))
	outer := app.Group("/outer")
	inner := outer.Group("/inner")
	inner.Handle("GET /xml", weft.Handle(oneTea)) // declared before the group's formats
	outer.Formats(markup)
	app.Handle("GET /line", weft.Handle(oneTea))
	inner.Handle("GET /json", weft.Negotiate(weft.Handle(oneTea), weft.Formats{}))
	site := serve(t, app)
	accept := "Accept: application/xml, text/x-line"
	assert.Equal(t, asLine, site.send("GET", "/line", "", accept).body)
	assert.Equal(t, asXML, site.send("GET", "/outer/inner/xml", "", accept).body)
	back := site.send("GET", "/outer/inner/json", "", accept)
	assert.Equal(t, asJSON, back.body)
	assert.Empty(t, back.header["Vary"])
}

// treeCodec is XML that tells what a body has.
type treeCodec struct{ xmlCodec }

func (treeCodec) HasMember(body []byte, path []string) bool {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	var at []string
	for {
		token, err := decoder.Token()
		switch token := token.(type) {
		case xml.StartElement:
			at = append(at, token.Name.Local)
			if len(at) > 1 && strings.Join(at[1:], "/") == strings.Join(path, "/") {
				return true
			}
		case xml.EndElement:
			at = at[:len(at)-1]
		}
		if err != nil {
			return false
		}
	}
}

type Shelf struct {
	Count *struct {
		Left int `xml:"left" json:"left" validate:"required"`
	} `xml:"count" json:"count" validate:"required"`
	Tags []string `xml:"tags>tag" json:"tags" validate:"dive,min=2"`
}

func TestRequiredMeansSentInEveryFormat(t *testing.T) {
	for name, row := range map[string]struct {
		codec weft.MediaCodec
		zero  int
	}{
		"a codec that tells":    {treeCodec{}, 200},
		"one that does not":     {xmlCodec{}, 422},
		"one that panics at it": {panicky{}, 422},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(weft.WithFormats(weft.Formats{Codecs: []weft.MediaCodec{row.codec}}))
			app.Handle("POST /x", weft.Handle(func(_ context.Context, in Shelf) (string, error) { return "ok", nil }))
			site := serve(t, app)
			send := func(body string) reply { return site.send("POST", "/x", body, "Content-Type: application/xml") }
			assert.Equal(t, row.zero, send("<s><count><left>0</left></count></s>").status, "an explicit 0")
			missing := send("<s><count></count></s>")
			assert.Equal(t, 422, missing.status)
			assert.Contains(t, missing.body, `"pointer":"/count/left","code":"required"`)
			assert.Contains(t, send("<s/>").body, `"pointer":"/count","code":"required"`)
			assert.Contains(t, send("<s><count><left>1</left></count><tags><tag>ab</tag><tag>c</tag></tags></s>").body, `"pointer":"/tags/tag/1","code":"min"`)
			assert.Equal(t, 200, site.send("POST", "/x", `{"count":{"left":0}}`).status, "as JSON has it")
		})
	}
}

// panicky does not expect to decode into anything but what it knows.
type panicky struct{ xmlCodec }

func (panicky) Decode(body []byte, into any) error {
	if _, any := into.(*any); any {
		panic("an any")
	}
	return xml.Unmarshal(body, into)
}

func TestOptionalBodiesInEveryFormat(t *testing.T) {
	app, _ := newApp(weft.WithFormats(inFormats(false)))
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in *Product) (string, error) {
		if in == nil {
			return "none", nil
		}
		return in.Name, nil
	}))
	site := serve(t, app)
	assert.Equal(t, `"none"`, site.send("POST", "/x", "").body)
	assert.Equal(t, `"tea"`, site.send("POST", "/x", asXML, "Content-Type: application/xml").body)
	assert.Equal(t, `"tea"`, site.send("POST", "/x", asJSON).body)
	assert.Equal(t, 415, site.send("POST", "/x", "x", "Content-Type: application/yaml").status)
	chunked, err := http.NewRequestWithContext(t.Context(), "POST", site.url+"/x", io.MultiReader(strings.NewReader("x")))
	require.NoError(t, err)
	chunked.Header.Set("Content-Type", "application/yaml")
	resp, err := site.client.Do(chunked)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, 415, resp.StatusCode)
}

// A codec of the app is not offered on a route whose type it does not know; an Opt is known to JSON only.
func TestACodecThatDoesNotKnowATypeIsLeftOut(t *testing.T) {
	type patch struct {
		Name weft.Opt[string] `json:"name"`
	}
	app, _ := newApp(weft.WithFormats(inFormats(false)))
	app.Handle("POST /list", weft.Handle(func(_ context.Context, in []Product) ([]Product, error) { return in, nil }))
	app.Handle("POST /patch", weft.Handle(func(_ context.Context, in patch) (Product, error) { return Product{Name: in.Name.Or("")}, nil }))
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Equal(t, []string{"application/json", "application/xml", "text/xml"}, plan.Routes[0].Consumes)
	assert.Equal(t, []string{"application/json", "application/xml", "text/xml"}, plan.Routes[0].Produces)
	assert.Equal(t, []string{"application/json", "text/x-line"}, plan.Routes[1].Consumes, "the line codec has checked the type")
	site := serve(t, app)
	assert.Equal(t, "application/json", site.send("POST", "/list", "[]", "Accept: text/x-line").header.Get("Content-Type"))
	refused := site.send("POST", "/patch", asXML, "Content-Type: application/xml")
	assert.Equal(t, 415, refused.status)
	assert.Contains(t, refused.body, "sent as application/json or text/x-line")
}

func TestThePlanSaysWhatARouteConsumesAndProduces(t *testing.T) {
	app, _ := newApp(weft.WithFormats(inFormats(true)))
	app.Handle("POST /plain", weft.Handle(echoProduct))
	app.Handle("PUT /fields/{id}", weft.Handle(func(_ context.Context, in ReviseProduct) (Revised, error) { return Revised{}, nil }))
	app.Handle("POST /json", weft.Handle(func(_ context.Context, in struct {
		Product Product `body:"json"`
	}) (out struct {
		Text string `body:"text"`
	}, err error) {
		return
	}))
	app.Handle("POST /raw", weft.Handle(func(_ context.Context, in []byte) (weft.Response, error) { return weft.Empty(), nil }).Extract(weft.RawBody()))
	app.Handle("GET /none", weft.Handle(func(_ context.Context, in struct{}) (struct{}, error) { return in, nil }))
	plan, err := app.Plan()
	require.NoError(t, err)
	all := []string{"application/json", "application/xml", "text/xml", "text/x-line"}
	for i, want := range [][2][]string{
		{all, all}, {all, all},
		{{"application/json"}, {"text/plain; charset=utf-8"}},
		{{"*/*"}, {}},
		{{}, {}},
	} {
		assert.Equal(t, want, [2][]string{plan.Routes[i].Consumes, plan.Routes[i].Produces}, plan.Routes[i].Pattern)
	}
	assert.Equal(t, []int{200, 400, 406, 413, 415, 422, 500}, plan.Routes[0].Statuses)
	text := plan.String()
	assert.Contains(t, text, "extract: body: application/json, application/xml, text/xml or text/x-line, required;")
	assert.Contains(t, text, "respond: 200, weft_test.Product as application/json, application/xml, text/xml or text/x-line")
	assert.Contains(t, text, "200; header Location: text; body: weft_test.Product as application/json, application/xml, text/xml or text/x-line")
}

func TestEveryWrongDeclarationOfAFormatIsFound(t *testing.T) {
	_, err := wrongFormats().Plan()
	require.Error(t, err)
	golden(t, "formats_mistakes.txt", err.Error()+"\n")
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, one := range joined.Unwrap() {
		var mistake *weft.BuildError
		require.ErrorAs(t, one, &mistake)
		assert.Regexp(t, `formats_declarations_ext_test\.go:\d+$`, mistake.Source)
		assert.NotEmpty(t, mistake.Remedy)
	}
}
