package extraction_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestContentTypes(t *testing.T) {
	send := route(t, accept[map[string]int])
	for _, row := range []struct {
		name   string
		types  []string
		status int
	}{
		{"a parameter that means nothing", []string{"application/json; v=1"}, 200},
		{"a quoted charset", []string{`application/json; charset="UTF-8"`}, 200},
		{"an empty parameter list", []string{"application/json;"}, 200},
		{"spaces around", []string{" application/json "}, 200},
		{"a structured suffix", []string{"application/problem+json"}, 200},
		{"a suffix alone is no type", []string{"+json"}, 415},
		{"a list of types is none", []string{"application/json, text/plain"}, 415},
		{"broken parameters", []string{"application/json; charset"}, 415},
		{"a type that only begins like it", []string{"application/json5"}, 415},
		{"a form", []string{"application/x-www-form-urlencoded"}, 415},
		{"lines of JSON", []string{"application/jsonl"}, 415},
		{"two fields that disagree", []string{"application/json", "text/plain"}, 415},
	} {
		t.Run(row.name, func(t *testing.T) {
			var headers []string
			for i, v := range row.types {
				name := "Content-Type: "
				if i > 0 {
					name = "content-type: "
				}
				headers = append(headers, name+v)
			}
			assert.Equal(t, row.status, send(`{}`, headers...).status)
		})
	}
}

func TestFormsThatAreAskedForAreThoseThatAreRead(t *testing.T) {
	for _, row := range []struct {
		name string
		send func(string, ...string) reply
		good string
		bad  string
		want string
	}{
		{"bytes are a text", route(t, accept[struct {
			A []byte `json:"a"`
		}]), `{"a":"AA=="}`, `{"a":5}`, `"type":"string"`},
		{"an array of bytes is a text", route(t, accept[struct {
			A [1]byte `json:"a"`
		}]), `{"a":"AA=="}`, `{"a":5}`, `"type":"string"`},
		{"what is inside an Opt has bounds", route(t, accept[struct {
			A weft.Opt[int8] `json:"a"`
		}]), `{"a":5}`, `{"a":500}`, `"code":"out_of_range"`},
		{"an integer key has bounds", route(t, accept[map[int8]int]), `{"5":1}`, `{"500":1}`, `"pointer":"/500"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, 200, row.send(row.good).status)
			got := row.send(row.bad)
			assert.Equal(t, 400, got.status)
			assert.Contains(t, got.body, row.want)
		})
	}
}

func TestQueries(t *testing.T) {
	type in struct {
		N    int              `query:"n" json:"n"`
		B    bool             `query:"b" json:"b"`
		S    string           `query:"s" json:"s"`
		L    []string         `query:"l" json:"l"`
		C    []int            `query:"c,csv" json:"c"`
		O    weft.Opt[string] `query:"o" json:"o,omitzero"`
		At   time.Time        `query:"at" layout:"unix" json:"-"`
		Name string           `query:"a b&c" json:"name"`
	}
	send := route(t, echo[in])
	for _, row := range []struct{ query, want string }{
		{"?n=+5", "query n invalid_type"},
		{"?n=%2B5", "query n invalid_type"},
		{"?at=%2B5", "query at invalid_type"},
		{"?n=1_000", "query n invalid_type"},
		{"?n=0x10", "query n invalid_type"},
		{"?n=007", `{"n":7,"b":false,"s":"","l":[],"c":[],"name":""}`},
		{"?n=%31", `{"n":1,"b":false,"s":"","l":[],"c":[],"name":""}`},
		{"?%6e=1", `{"n":1,"b":false,"s":"","l":[],"c":[],"name":""}`},
		{"?n=1&%6e=2", "query n repeated"},
		{"?n=x&n=1", "query n repeated"},
		{"?n", "query n invalid_type"},
		{"?b=yes", "query b invalid_type"},
		{"?s==&s2", `{"n":0,"b":false,"s":"=","l":[],"c":[],"name":""}`},
		{"?s=%", "query malformed"},
		{"?%=1", "query malformed"},
		{"?l=&l=a", `{"n":0,"b":false,"s":"","l":["","a"],"c":[],"name":""}`},
		{"?c=1,&c=2", "query c invalid_type"},
		{"?c=1,2&c=&c=3", `{"n":0,"b":false,"s":"","l":[],"c":[1,2,3],"name":""}`},
		{"?o=", `{"n":0,"b":false,"s":"","l":[],"c":[],"o":"","name":""}`},
		{"?a+b%26c=x", `{"n":0,"b":false,"s":"","l":[],"c":[],"name":"x"}`},
		{"?&&&", `{"n":0,"b":false,"s":"","l":[],"c":[],"name":""}`},
	} {
		t.Run(row.query, func(t *testing.T) {
			got := send("", row.query)
			if strings.HasPrefix(row.want, "{") {
				assert.JSONEq(t, row.want, got.body)
				return
			}
			assert.Equal(t, 400, got.status)
			assert.Equal(t, row.want, got.errors)
		})
	}
}

func TestWhatIsWrongNeverHoldsTheValue(t *testing.T) {
	const value = "s3cr3t-v4lue"
	send := route(t, accept[struct {
		N int             `query:"n"`
		H time.Time       `header:"X-H"`
		C bool            `cookie:"c"`
		L []int           `query:"l,csv"`
		B map[string]int8 `body:"json"`
		X weft.Opt[coord] `query:"x"`
		D time.Duration   `query:"d"`
	}])
	got := send(`{"k":"`+value+`"}`, "?n="+value+"&l=1,"+value+"&x="+value+"&d="+value, "X-H: "+value, "Cookie: c="+value)
	assert.Equal(t, "query n invalid_type, query l invalid_type, query x invalid_type, query d invalid_type, header X-H invalid_type, cookie c invalid_type, body /k invalid_type", got.errors)
	assert.NotContains(t, got.body, value)
	assert.NotContains(t, got.body, "extraction_test")
	assert.NotContains(t, got.body, "coord")
}

func TestARefusalOfItsOwnWithoutAStatusIsStillTheClientsFault(t *testing.T) {
	got := route(t, func(context.Context, struct{}) (string, error) {
		return "", &weft.InvalidRequest{Fields: []weft.FieldError{{Source: weft.SourceQuery, Name: "a", Code: "odd"}}}
	})("")
	assert.NotEqual(t, "query a odd", map[bool]string{true: got.errors}[got.status >= 500], "a defect lists no errors; a refusal is no 500")
}

// What a handler keeps of a body is not overwritten by the next one.
func TestHandlersMayKeepWhatTheyWereGiven(t *testing.T) {
	type in struct {
		Std  json.RawMessage          `json:"std"`
		Raw  jsontext.Value           `json:"raw"`
		Text string                   `json:"text"`
		Opt  weft.Opt[jsontext.Value] `json:"opt"`
		Map  map[string]any           `json:"map"`
	}
	var mu sync.Mutex
	kept := map[string]in{}
	send := route(t, func(_ context.Context, v in) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		kept[strings.Clone(v.Text)] = v
		return "kept", nil
	})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf(`%d-%d`, worker, i)
				assert.Equal(t, 200, send(fmt.Sprintf(`{"std":"AA==","raw":[%q],"text":%q,"opt":{"a":%q},"map":{%q:%q}}`, id, id, id, id, id)).status)
			}
		})
	}
	all.Wait()
	require.Len(t, kept, 200)
	for id, v := range kept {
		assert.Equal(t, `["`+id+`"]`, string(v.Raw))
		assert.Equal(t, map[string]any{id: id}, v.Map)
		opt, _ := v.Opt.Get()
		assert.Equal(t, `{"a":"`+id+`"}`, string(opt))
	}
}

func TestStatusesOnTheWire(t *testing.T) {
	srv, err := built(t, weft.Handle(accept[map[string]int]).Limit(16))
	require.NoError(t, err)
	const head = "POST /x/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	const typed = head + "Content-Type: application/json\r\n"
	for _, row := range []struct{ name, text, want string }{
		{"a body that is refused is not asked for", typed + "Expect: 100-continue\r\nContent-Length: 99\r\n\r\n", "HTTP/1.1 413"},
		{"nor one of another type", head + "Content-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 415"},
		{"one that is accepted is", typed + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 100 Continue"},
		{"broken chunks", typed + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400"},
		{"a chunk over the limit", typed + "Transfer-Encoding: chunked\r\n\r\n20\r\n" + strings.Repeat(" ", 32) + "\r\n0\r\n\r\n", "HTTP/1.1 413"},
		{"something after the value, in another chunk", typed + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", "trailing_data"},
		{"a trailer is no content", typed + "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\n{}\r\n0\r\nX-T: x\r\n\r\n", "HTTP/1.1 200"},
		{"both sized and of another type", head + "Content-Type: text/plain\r\nContent-Length: 32\r\n\r\n" + strings.Repeat(" ", 32), "HTTP/1.1 415"},
		{"both chunked and of another type", head + "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + strings.Repeat("x", 32) + "\r\n0\r\n\r\n", "HTTP/1.1 415"},
		{"HEAD with a body", strings.Replace(typed, "POST", "HEAD", 1) + "Content-Length: 2\r\n\r\n{}", "HTTP/1.1 200"},
		{"GET with a body", strings.Replace(typed, "POST", "GET", 1) + "Content-Length: 2\r\n\r\n[]", "HTTP/1.1 400"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := wire(t, srv, row.text)
			assert.Contains(t, got, row.want)
			if strings.HasPrefix(row.want, "HTTP/1.1 4") {
				assert.NotContains(t, got, "100 Continue")
			}
		})
	}
}

func TestCombinators(t *testing.T) {
	body := weft.JSONBody[map[string]int]()
	fallback := mounted(t, weft.Handle(echo[map[string]int]).Extract(weft.Default(body, map[string]int{"d": 1})))
	assert.JSONEq(t, `{"d":1}`, fallback("").body)
	assert.JSONEq(t, `{"d":1}`, fallback("null").body)
	assert.Equal(t, "body invalid_json", fallback("{").errors)
	assert.Equal(t, 415, fallback("{}", "Content-Type: text/plain").status)

	mapped := mounted(t, weft.Handle(echo[string]).Extract(weft.Map(weft.QueryValue[int]("n"), func(n int) (string, error) {
		switch n {
		case 0:
			return "", errors.New("private words")
		case 1:
			return "", &weft.Error{Status: 409, Code: "taken"}
		}
		return "ok", nil
	})))
	for query, status := range map[string]int{"?n=0": 400, "?n=1": 409, "?n=2": 200, "?n=x": 400, "?": 400} {
		got := mapped("", query)
		assert.Equal(t, status, got.status, query)
		assert.NotContains(t, got.body, "private words")
	}
	tried := mounted(t, weft.Handle(func(_ context.Context, in weft.Tried[int]) (bool, error) { return in.Err == nil, nil }).Extract(weft.Try(weft.QueryValue[int]("n"))))
	assert.Equal(t, "false", tried("", "?n=x").body)
	assert.Equal(t, "true", tried("", "?n=1").body)
}
