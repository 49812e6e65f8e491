package weft_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// The endpoints of the probe table: POST /u/{id}?n=int8&q=string with a body, and GET /g?n=int8&q=string.

type probeBody struct {
	Name string `json:"name" validate:"required,min=3"`
	Age  int8   `json:"age" validate:"gte=0"`
}

type probeHead struct {
	N int8   `query:"n" json:"n"`
	Q string `query:"q" json:"q"`
}

type probePost struct {
	ID string `path:"id" json:"id"`
	probeHead
	Body probeBody `body:"json" json:"body"`
}

type probeSeen struct {
	ID   string    `json:"id,omitzero"`
	N    int8      `json:"n"`
	Q    string    `json:"q"`
	Body probeBody `json:"body,omitzero"`
}

func probed(opts ...weft.Option) (*weft.App, *journal) {
	app, log := newApp(opts...)
	app.Handle("POST /u/{id}", weft.Handle(func(_ context.Context, in probePost) (probeSeen, error) {
		return probeSeen{in.ID, in.N, in.Q, in.Body}, nil
	}))
	app.Handle("GET /g", weft.Handle(func(_ context.Context, in probeHead) (probeSeen, error) {
		return probeSeen{N: in.N, Q: in.Q}, nil
	}))
	return app, log
}

// fieldErrors are the errors of a problem document: "source name pointer code", joined by commas.
func fieldErrors(t *testing.T, got reply) string {
	t.Helper()
	var problem struct {
		Errors []struct{ Source, Name, Pointer, Code, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &problem), got.body)
	var texts []string
	for _, e := range problem.Errors {
		assert.NotEmpty(t, e.Message)
		texts = append(texts, strings.Join(strings.Fields(e.Source+" "+e.Name+" "+e.Pointer+" "+e.Code), " "))
	}
	return strings.Join(texts, ", ")
}

type probe struct {
	name    string
	method  string
	path    string
	body    string
	headers []string
	status  int
	want    string // the answer's JSON, or the field errors
}

func (p probe) run(t *testing.T, site *site, log *journal) {
	t.Run(p.name, func(t *testing.T) {
		got := site.send(p.method, p.path, p.body, p.headers...)
		assert.Equal(t, p.status, got.status, got.body)
		assert.Empty(t, log.errors(), "nothing of this is a failure of the server")
		if p.status == 200 {
			assert.JSONEq(t, p.want, got.body)
			return
		}
		assertProblem(t, got, p.status)
		assert.Equal(t, p.want, fieldErrors(t, got))
		assert.Less(t, len(got.body), 1500, "nothing is echoed")
		assert.True(t, site.send("GET", "/g", "").status == 200, "the server goes on")
	})
}

const (
	goodBody = `{"name":"alice","age":3}`
	goodSeen = `{"id":"7","n":0,"q":"","body":{"name":"alice","age":3}}`
)

func post(name, body string, status int, want string, headers ...string) probe {
	return probe{name, "POST", "/u/7", body, headers, status, want}
}

func TestProbesOfContentTypes(t *testing.T) {
	app, log := probed()
	site := serve(t, app)
	for _, p := range []probe{
		post("parameters and case are no difference", goodBody, 200, goodSeen, "Content-Type: Application/JSON; charset=utf-8"),
		post("another charset", goodBody, 415, "body unsupported_media_type", "Content-Type: application/json; charset=latin1"),
		post("no Content-Type", goodBody, 415, "body unsupported_media_type", "Content-Type: "),
		post("text on a JSON route", goodBody, 415, "body unsupported_media_type", "Content-Type: text/plain"),
		post("a +json type", goodBody, 200, goodSeen, "Content-Type: application/vnd.api+json"),
	} {
		p.run(t, site, log)
	}
	lenient, log := probed(weft.WithJSON(weft.JSONOptions{AllowUntyped: true}))
	post("no Content-Type, allowed", goodBody, 200, goodSeen, "Content-Type: ").run(t, serve(t, lenient), log)
}

func TestProbesOfAccept(t *testing.T) {
	app, log := probed()
	strict, strictLog := probed(weft.WithFormats(weft.Formats{Strict: true}))
	site, strictly := serve(t, app), serve(t, strict)
	for accept, refused := range map[string]int{
		"application/xml":                      406,
		"application/json;q=0":                 406,
		"application/xml, */*;q=0.1":           200,
		"application/vnd.api+json":             200,
		"application/json; charset=iso-8859-1": 406,
		"nonsense":                             200,
		"application/xml;q=7":                  200,
		"*; q=.2":                              200,
	} {
		post("Accept: "+accept, goodBody, 200, goodSeen, "Accept: "+accept).run(t, site, log)
		got := strictly.send("POST", "/u/7", goodBody, "Accept: "+accept)
		assert.Equal(t, refused, got.status, "%s, strictly", accept)
	}
	assert.Empty(t, strictLog.errors())
}

func TestProbesOfJSONBodies(t *testing.T) {
	app, log := probed()
	site := serve(t, app)
	for _, p := range []probe{
		post("empty", "", 400, "body body_required", "Content-Type: application/json"),
		post("empty and without a type", "", 400, "body body_required"),
		post("null", "null", 400, "body body_required"),
		post("a list for an object", "[]", 400, "body invalid_type"),
		post("an object, then text", goodBody+" xyz", 400, "body trailing_data"),
		post("two values", goodBody+goodBody, 400, "body trailing_data"),
		post("duplicate keys", `{"name":"alice","name":"bob"}`, 400, "body /name duplicate_field"),
		post("names in another case", `{"name":"alice","age":3,"NAME":"x","AGE":-9}`, 400, "body /NAME unknown_field"),
		post("an unknown field", `{"name":"alice","more":1}`, 400, "body /more unknown_field"),
		post("age missing, not required", `{"name":"alice"}`, 200, `{"id":"7","n":0,"q":"","body":{"name":"alice","age":0}}`),
		post("name missing, required", `{"age":3}`, 422, "body /name required"),
		post("name null counts as absent", `{"name":null}`, 422, "body /name required"),
		post("name there and empty breaks its other rule", `{"name":""}`, 422, "body /name min"),
		post("age too large for its type", `{"name":"alice","age":300}`, 400, "body /age out_of_range"),
		post("age as 3.0", `{"name":"alice","age":3.0}`, 400, "body /age invalid_type"),
		post("age as a string", `{"name":"alice","age":"3"}`, 400, "body /age invalid_type"),
		post("invalid UTF-8", "{\"name\":\"al\xffice\"}", 400, "body /name invalid_utf8"),
		post("9,000 levels in an unknown field", `{"name":"alice","x":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}`, 400, "body /x unknown_field"),
		post("200,000 levels", `{"name":"alice","x":`+strings.Repeat("[", 200_000), 400, "body /x unknown_field"),
		post("a rule broken", `{"name":"al","age":-3}`, 422, "body /name min, body /age gte"),
		post("not JSON", `{"name":`, 400, "body /name invalid_json"),
	} {
		p.run(t, site, log)
	}
	chunked := "POST /u/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	assert.Contains(t, raw(t, site, chunked+"0\r\n\r\n"), "body_required", "an empty chunked body")
	assert.Contains(t, raw(t, site, chunked+chunks(goodBody)), goodSeen, "a chunked body")
}

func TestProbesOfJSONOptions(t *testing.T) {
	app, log := probed(weft.WithJSON(weft.JSONOptions{AllowUnknown: true, AllowDuplicates: true, AllowInvalidUTF8: true}))
	app.Handle("POST /strict/{id}", weft.Handle(func(_ context.Context, in probePost) (string, error) { return "read", nil }).JSON(weft.JSONOptions{}))
	site := serve(t, app)
	for _, p := range []probe{
		post("an unknown field is ignored", `{"name":"alice","age":3,"more":1}`, 200, goodSeen),
		post("other case is unknown still", `{"name":"alice","age":3,"AGE":-9}`, 200, goodSeen),
		post("the last duplicate wins", `{"name":"bob","age":1,"name":"alice","age":3}`, 200, goodSeen),
		post("invalid UTF-8 is replaced", "{\"name\":\"al\xffice\"}", 200, `{"id":"7","n":0,"q":"","body":{"name":"al�ice","age":0}}`),
		post("9,000 levels in an ignored field", `{"name":"alice","age":3,"x":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}`, 200, goodSeen),
		{"a route may be stricter", "POST", "/strict/7", `{"name":"alice","more":1}`, nil, 400, "body /more unknown_field"},
	} {
		p.run(t, site, log)
	}
	got := site.send("POST", "/u/7", `{"name":"alice","x":`+strings.Repeat("[", 200_000)+strings.Repeat("]", 200_000)+`}`)
	assertProblem(t, got, 400)
	assert.Equal(t, "body invalid_json", fieldErrors(t, got), "too deep; a pointer as long is not repeated")
}

func TestProbesOfSizes(t *testing.T) {
	app, log := probed()
	site := serve(t, app)
	sized := func(size int) string {
		body := `{"name":"` + strings.Repeat("x", size-len(`{"name":"","age":3}`)) + `","age":3}`
		require.Len(t, body, size)
		return body
	}
	assert.Equal(t, 200, site.send("POST", "/u/7", sized(1<<20)).status, "exactly at the limit")
	post("one byte more", sized(1<<20+1), 413, "body body_too_large").run(t, site, log)
	post("8 MiB", sized(8<<20), 413, "body body_too_large").run(t, site, log)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(goodBody))
	_ = z.Close()
	post("compressed", zipped.String(), 415, "body unsupported_media_type", "Content-Encoding: gzip").run(t, site, log)
	post("an unknown coding", goodBody, 415, "body unsupported_media_type", "Content-Encoding: snappy").run(t, site, log)
	post("identity is no coding", goodBody, 200, goodSeen, "Content-Encoding: identity").run(t, site, log)

	raw, log := newApp()
	raw.Handle("POST /raw", weft.Handle(echo[[]byte]).Extract(weft.RawBody()).Limit(1<<10))
	raw.Handle("GET /g", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }))
	(probe{"one limit for every content type", "POST", "/raw", strings.Repeat("x", 8<<20),
		[]string{"Content-Type: multipart/form-data; boundary=x"}, 413, "body body_too_large"}).run(t, serve(t, raw), log)
}

func TestProbesOfQueries(t *testing.T) {
	app, log := probed()
	app.Handle("GET /many", weft.Handle(func(_ context.Context, in struct {
		N []int8 `query:"n"`
	}) ([]int8, error) {
		return in.N, nil
	}))
	app.Handle("GET /optional", weft.Handle(func(_ context.Context, in struct {
		N weft.Opt[int8] `query:"n"`
		P *int8          `query:"p"`
	}) (bool, error) {
		return in.N.IsAbsent() && in.P == nil, nil
	}))
	app.Handle("GET /required", weft.Handle(func(_ context.Context, in struct {
		N int8 `query:"n,required"`
	}) (int8, error) {
		return in.N, nil
	}))
	app.Handle("GET /strict", weft.Handle(func(_ context.Context, in probeHead) (string, error) { return in.Q, nil }).StrictQuery())
	site := serve(t, app)
	query := func(name, path string, status int, want string) probe {
		return probe{name, "GET", path, "", nil, status, want}
	}
	for _, p := range []probe{
		query("too large for its type", "/g?n=300", 400, "query n out_of_range"),
		query("no number", "/g?n=abc", 400, "query n invalid_type"),
		query("a number that is empty", "/g?n=", 400, "query n invalid_type"),
		query("empty and optional is absent", "/optional?n=&p=", 200, "true"),
		query("a scalar twice", "/g?n=1&n=2", 400, "query n repeated"),
		query("a list takes all, in order", "/many?n=2&n=1&n=3", 200, "[2,1,3]"),
		query("a broken escape", "/g?q=%zz", 400, "query malformed"),
		query("a semicolon", "/g?q=a;n=1", 400, "query malformed"),
		query("invalid UTF-8", "/g?q=%00%ff", 400, "query q invalid_utf8"),
		query("a NUL alone is passed on", "/g?q=%00", 200, `{"n":0,"q":"\u0000"}`),
		query("a name in another case is another name", "/g?N=5", 200, `{"n":0,"q":""}`),
		query("required and missing", "/required", 400, "query n required"),
		query("required and zero", "/required?n=0", 200, "0"),
		query("unknown is ignored", "/g?n=1&x=2", 200, `{"n":1,"q":""}`),
		query("unknown can be refused", "/strict?q=a&x=2", 400, "query x unknown_field"),
		query("plus is a space", "/g?q=a+b%2Bc", 200, `{"n":0,"q":"a b+c"}`),
		query("several at once", "/g?n=abc&q=%ff", 400, "query n invalid_type, query q invalid_utf8"),
	} {
		p.run(t, site, log)
	}
}

func TestProbesOfNumbersOfEveryWidth(t *testing.T) {
	type every struct {
		I   int     `query:"i"`
		I8  int8    `query:"i8"`
		I16 int16   `query:"i16"`
		I32 int32   `query:"i32"`
		I64 int64   `query:"i64"`
		U   uint    `query:"u"`
		U8  uint8   `query:"u8"`
		U16 uint16  `query:"u16"`
		U32 uint32  `query:"u32"`
		U64 uint64  `query:"u64"`
		F32 float32 `query:"f32"`
		F64 float64 `query:"f64"`
	}
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(func(_ context.Context, in every) (every, error) { return in, nil }))
	site := serve(t, app)
	for name, edge := range map[string][4]string{ // least, most, one less, one more
		"i8": {"-128", "127", "-129", "128"}, "i16": {"-32768", "32767", "-32769", "32768"},
		"i32": {"-2147483648", "2147483647", "-2147483649", "2147483648"},
		"i64": {"-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"},
		"i":   {"-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"},
		"u8":  {"0", "255", "-1", "256"}, "u16": {"0", "65535", "-1", "65536"}, "u32": {"0", "4294967295", "-1", "4294967296"},
		"u64": {"0", "18446744073709551615", "-1", "18446744073709551616"}, "u": {"0", "18446744073709551615", "-1", "18446744073709551616"},
		"f32": {"-3.4028235e38", "3.4028235e38", "-1e39", "1e39"}, "f64": {"-1.7976931348623157e308", "1.7976931348623157e308", "-1e309", "1e309"},
	} {
		for _, inside := range edge[:2] {
			assert.Equal(t, 200, site.send("GET", "/x?"+name+"="+inside, "").status, "%s=%s", name, inside)
		}
		for _, outside := range edge[2:] {
			(probe{fmt.Sprintf("%s=%s", name, outside), "GET", "/x?" + name + "=" + strings.ReplaceAll(outside, "+", "%2B"), "", nil, 400, "query " + name + " out_of_range"}).runAlone(t, site, log)
		}
	}
	for _, none := range []string{"NaN", "Inf", "-inf"} {
		(probe{none, "GET", "/x?f64=" + none, "", nil, 400, "query f64 invalid_type"}).runAlone(t, site, log)
	}
}

// runAlone is run for a site without GET /g.
func (p probe) runAlone(t *testing.T, site *site, log *journal) {
	t.Run(p.name, func(t *testing.T) {
		got := site.send(p.method, p.path, p.body, p.headers...)
		assertProblem(t, got, p.status)
		assert.Equal(t, p.want, fieldErrors(t, got))
		assert.Empty(t, log.errors())
	})
}

func TestProbesOfPathValues(t *testing.T) {
	app, log := probed()
	site := serve(t, app)
	for _, p := range []probe{
		{"an encoded slash", "POST", "/u/a%2Fb", goodBody, nil, 200, strings.Replace(goodSeen, `"7"`, `"a/b"`, 1)},
		{"an encoded NUL", "POST", "/u/%00", goodBody, nil, 200, strings.Replace(goodSeen, `"7"`, `"\u0000"`, 1)},
		{"invalid UTF-8", "POST", "/u/%ff", goodBody, nil, 400, "path id invalid_utf8"},
	} {
		p.run(t, site, log)
	}
}

func TestHeadAndBodyAreReportedTogether(t *testing.T) {
	app, log := probed()
	site := serve(t, app)
	for _, p := range []probe{
		{"both cannot be read", "POST", "/u/%ff?n=300&q=%zz", `{"age":300}`, nil, 400, "path id invalid_utf8, query n out_of_range, query malformed, body /age out_of_range"},
		{"the body's type decides the status", "POST", "/u/7?n=300", goodBody, []string{"Content-Type: text/plain"}, 415, "query n out_of_range, body unsupported_media_type"},
		{"rules wait until everything can be read", "POST", "/u/7?n=300", `{"name":"al"}`, nil, 400, "query n out_of_range"},
	} {
		p.run(t, site, log)
	}
}
