package weft_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// ask is a request that one extractor is tried on.
func ask(method, target, body string, headers ...string) *weft.Request {
	hr := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		hr.Header.Add(name, value)
	}
	hr.SetPathValue("id", "7")
	return weft.NewRequest(hr)
}

// rejection is what an extractor found wrong, as text.
func rejection(t *testing.T, err error) string {
	t.Helper()
	var rejected *weft.InvalidRequest
	require.ErrorAs(t, err, &rejected)
	return rejected.Error()
}

type level int8

// color has a text form of its own.
type color [3]byte

func (c *color) UnmarshalText(text []byte) error {
	if len(text) != 6 {
		return errors.New("six digits")
	}
	_, err := hex.Decode(c[:], text)
	return err
}

type paging struct {
	Limit  int    `query:"limit" default:"20"`
	Cursor string `query:"cursor"`
}

// client extracts itself from two header fields.
type client struct{ name, version string }

func (c *client) FromRequest(r *weft.Request) error {
	c.name, c.version = r.Header().Get("X-Client"), r.Header().Get("X-Version")
	switch {
	case c.name == "broken":
		return errors.New("the directory of clients is down")
	case c.name == "":
		return &weft.InvalidRequest{Status: 400, Fields: []weft.FieldError{{Source: weft.SourceHeader, Name: "X-Client", Code: weft.CodeRequired}}}
	}
	return nil
}

type search struct {
	ID       int             `path:"id"`
	Text     string          `query:"text"`
	Exact    bool            `query:"exact"`
	Level    level           `query:"level"`
	Levels   []level         `query:"levels,csv"`
	Tags     []string        `query:"tag"`
	Since    time.Time       `query:"since"`
	Day      time.Time       `query:"day" layout:"DateOnly"`
	At       time.Time       `query:"at" layout:"unix"`
	Within   time.Duration   `query:"within" default:"1h"`
	Color    color           `query:"color"`
	Colors   []color         `query:"colors,csv"`
	MaxPrice *float64        `query:"max"`
	Paint    *color          `query:"paint"`
	Owner    weft.Opt[int]   `query:"owner"`
	Groups   weft.Opt[[]int] `query:"groups,csv"`
	Sizes    []uint16        `query:"size" default:"1,2"`
	Tenant   string          `header:"x-tenant,required"`
	Accept   []string        `header:"Accept,csv"`
	Host     string          `header:"Host"`
	Session  string          `cookie:"session"`
	Visits   weft.Opt[uint]  `cookie:"visits"`
	paging
	Client client
}

func TestStructReadsEveryKindOfField(t *testing.T) {
	x := weft.Struct[search]()
	got, err := x.Extract(ask("GET", "http://example.com/items/7?text=a+b&exact=true&level=-3&levels=1,+2,3&tag=x&tag=y,z"+
		"&since=2026-01-02T03:04:05Z&day=2026-01-02&at=60&within=90s&color=00ff10&colors=000000,ffffff&max=1.5&paint=010203&owner=0&groups=1,2&groups=3&limit=5", "",
		"X-Tenant: acme", "Accept: text/html, text/plain", "Accept: */*", "Cookie: session=s; visits=3", "X-Client: cli", "X-Version: 2"))
	require.NoError(t, err)
	price := 1.5
	assert.Equal(t, search{
		ID: 7, Text: "a b", Exact: true, Level: -3, Levels: []level{1, 2, 3}, Tags: []string{"x", "y,z"},
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Day: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), At: time.Unix(60, 0).UTC(),
		Within: 90 * time.Second, Color: color{0, 255, 16}, Colors: []color{{}, {255, 255, 255}}, MaxPrice: &price, Paint: &color{1, 2, 3},
		Owner: weft.Some(0), Groups: weft.Some([]int{1, 2, 3}), Sizes: []uint16{1, 2}, Tenant: "acme", Accept: []string{"text/html", "text/plain", "*/*"}, Host: "example.com",
		Session: "s", Visits: weft.Some(uint(3)), paging: paging{Limit: 5}, Client: client{"cli", "2"},
	}, got)
}

func TestStructLeavesOutWhatIsNotSent(t *testing.T) {
	got, err := weft.Struct[search]().Extract(ask("GET", "http://example.com/?levels=&max=&owner=", "", "X-Tenant: ", "X-Client: c"))
	require.NoError(t, err, "a header that is empty is there")
	assert.Equal(t, search{ID: 7, Within: time.Hour, Sizes: []uint16{1, 2}, Host: "example.com", paging: paging{Limit: 20}, Client: client{name: "c"}}, got)
}

func TestStructReportsEverythingTogether(t *testing.T) {
	_, err := weft.Struct[search]().Extract(ask("GET",
		"/?exact=maybe&level=200&levels=1,x&since=today&day=2026-13-01&at=noon&within=long&color=red&colors=ff&max=NaN&paint=x&owner=me&size=-1&limit=1&limit=2", "",
		"Accept: \xff", "Cookie: session=a; session=b; visits=-1"))
	assert.Equal(t, "400 invalid request: query exact: invalid_type, query level: out_of_range, query levels: invalid_type, query since: invalid_type, "+
		"query day: invalid_type, query at: invalid_type, query within: invalid_type, query color: invalid_type, query colors: invalid_type, "+
		"query max: invalid_type, query paint: invalid_type, query owner: invalid_type, query size: out_of_range, query limit: repeated, "+
		"header X-Tenant: required, header Accept: invalid_utf8, cookie session: repeated, cookie visits: out_of_range, header X-Client: required", rejection(t, err))
}

func TestWhatIsWrongIsToldSourceBySource(t *testing.T) {
	_, err := weft.Struct[struct {
		Visits int `cookie:"visits"`
		Client client
		Tenant int             `header:"X-Tenant"`
		First  int             `query:"first"`
		Absent int             `query:"absent,required"`
		Second int             `query:"second"`
		ID     bool            `path:"id"`
		Body   map[string]bool `body:"json"`
	}]().Extract(ask("POST", "/?second=b&first=a", "{", "X-Tenant: c", "Cookie: visits=d", "Content-Type: application/json"))
	assert.Equal(t, "400 invalid request: path id: invalid_type, query second: invalid_type, query first: invalid_type, query absent: required, "+
		"header X-Tenant: invalid_type, cookie visits: invalid_type, header X-Client: required, body: invalid_json", rejection(t, err))
}

func TestAFieldThatCannotExtractItselfForAnotherReasonIsAFailure(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /{id}", weft.Handle(func(context.Context, search) (string, error) { return "", nil }))
	assertProblem(t, serve(t, app).send("GET", "/x", "", "X-Client: broken"), 500)
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Contains(t, logged[0], "the directory of clients is down")
	assert.Contains(t, logged[0], "stage=extract")
}

func TestAReqMayExtractItself(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /", weft.Handle(func(_ context.Context, c client) (string, error) { return c.name, nil }))
	site := serve(t, app)
	assert.Equal(t, `"cli"`, site.send("GET", "/", "", "X-Client: cli").body)
	assertProblem(t, site.send("GET", "/", ""), 400)
}

func TestBodiesOfAStruct(t *testing.T) {
	type note struct {
		Text string `body:"text"`
		Lang string `query:"lang"`
	}
	type blob struct {
		Data []byte `body:"raw"`
	}
	type maybe struct {
		Person weft.Opt[person] `body:"json"`
	}
	app, _ := newApp()
	app.Handle("POST /note", weft.Handle(func(_ context.Context, in note) (string, error) { return in.Lang + ":" + in.Text, nil }))
	app.Handle("POST /blob", weft.Handle(func(_ context.Context, in blob) (int, error) { return len(in.Data), nil }))
	app.Handle("POST /maybe", weft.Handle(func(_ context.Context, in maybe) (string, error) {
		p, present := in.Person.Get()
		return strconv.FormatBool(present) + p.Name, nil
	}))
	site := serve(t, app)
	for _, row := range []struct {
		path, body, mediaType string
		status                int
		want                  string
	}{
		{"/note?lang=en", "hello", "text/plain", 200, `"en:hello"`},
		{"/note", "hello", "text/plain; charset=UTF-8", 200, `":hello"`},
		{"/note", "", "", 200, `":"`},
		{"/note", "hello", "application/json", 415, ""},
		{"/note", "hello", "text/plain; charset=latin1", 415, ""},
		{"/note", "\xff", "text/plain", 400, ""},
		{"/blob", "\xff\x00", "application/octet-stream", 200, "2"},
		{"/blob", "", "", 200, "0"},
		{"/maybe", `{"name":"a"}`, "application/json", 200, `"truea"`},
		{"/maybe", "", "", 200, `"false"`},
		{"/maybe", "null", "application/json", 200, `"false"`},
		{"/maybe", "{", "application/json", 400, ""},
	} {
		got := site.send("POST", row.path, row.body, "Content-Type: "+row.mediaType)
		assert.Equal(t, row.status, got.status, "%s %q %s: %s", row.path, row.body, row.mediaType, got.body)
		if row.status == 200 {
			assert.Equal(t, row.want, got.body)
		}
	}
}

func TestSingleExtractors(t *testing.T) {
	r := ask("GET", "/?n=5&list=1&list=2&empty=", "", "X-A: a", "Cookie: c=true")
	id, err := weft.PathValue[int]("id").Extract(r)
	require.NoError(t, err)
	assert.Equal(t, 7, id)
	n, err := weft.QueryValue[level]("n").Extract(r)
	require.NoError(t, err)
	assert.Equal(t, level(5), n)
	list, err := weft.QueryValue[[]uint8]("list").Extract(r)
	require.NoError(t, err)
	assert.Equal(t, []uint8{1, 2}, list)
	a, err := weft.HeaderValue[string]("x-a").Extract(r)
	require.NoError(t, err)
	assert.Equal(t, "a", a)
	c, err := weft.CookieValue[bool]("c").Extract(r)
	require.NoError(t, err)
	assert.True(t, c)
	absent, err := weft.QueryValue[weft.Opt[int]]("none").Extract(r)
	require.NoError(t, err)
	assert.True(t, absent.IsAbsent())
	missing, err := weft.QueryValue[*int]("none").Extract(r)
	require.NoError(t, err)
	assert.Nil(t, missing)

	_, err = weft.QueryValue[int]("none").Extract(r)
	assert.Equal(t, "400 invalid request: query none: required", rejection(t, err))
	_, err = weft.QueryValue[int]("empty").Extract(r)
	assert.Equal(t, "400 invalid request: query empty: invalid_type", rejection(t, err))
	_, err = weft.QueryValue[int]("list").Extract(r)
	assert.Equal(t, "400 invalid request: query list: repeated", rejection(t, err))
	_, err = weft.QueryValue[map[string]int]("n").Extract(r)
	require.ErrorContains(t, err, "cannot be used")
	_, err = (weft.Extractor[int]{}).Extract(r)
	require.ErrorContains(t, err, "cannot be used")
}

func TestBodyExtractors(t *testing.T) {
	p, err := weft.JSONBody[person]().Extract(ask("POST", "/", `{"name":"a"}`, "Content-Type: application/json"))
	require.NoError(t, err)
	assert.Equal(t, person{Name: "a"}, p)
	_, err = weft.JSONBody[person]().Extract(ask("POST", "/", `{"nom":"a"}`, "Content-Type: application/json"))
	assert.Equal(t, "400 invalid request: body /nom: unknown_field", rejection(t, err))
	_, err = weft.JSONBody[person]().Extract(ask("POST", "/", ""))
	assert.Equal(t, "400 invalid request: body: body_required", rejection(t, err))
	text, err := weft.TextBody().Extract(ask("POST", "/", "hello", "Content-Type: text/plain"))
	require.NoError(t, err)
	assert.Equal(t, "hello", text)

	r := ask("POST", "/", "raw", "Content-Type: image/png")
	raw, err := weft.RawBody().Extract(r)
	require.NoError(t, err)
	raw[0] = '!'
	again, err := weft.RawBody().Extract(r)
	require.NoError(t, err)
	assert.Equal(t, "raw", string(again), "the bytes are the caller's own")
}

func TestCombinedExtractors(t *testing.T) {
	n := weft.QueryValue[int]("n")
	errOdd := errors.New("odd")
	even := weft.Validate(n, func(v int) error {
		if v%2 != 0 {
			return errOdd
		}
		return nil
	})
	half := weft.Map(even, func(v int) (float64, error) {
		if v == 0 {
			return 0, errors.New("nothing to halve")
		}
		return float64(v) / 2, nil
	})
	for _, row := range []struct{ query, optional, fallback, even, half, tried string }{
		{"n=4", "4 true", "4", "4", "2", "4 <nil>"},
		{"n=3", "3 true", "3", "422 invalid request: query n: invalid", "422 invalid request: query n: invalid", "3 <nil>"},
		{"n=0", "0 true", "0", "0", "400 invalid request: query n: invalid_type", "0 <nil>"},
		{"", "0 false", "9", "400 invalid request: query n: required", "400 invalid request: query n: required", "0 400 invalid request: query n: required"},
		{"n=x", "400 invalid request: query n: invalid_type", "400 invalid request: query n: invalid_type", "400 invalid request: query n: invalid_type", "400 invalid request: query n: invalid_type", "0 400 invalid request: query n: invalid_type"},
	} {
		t.Run(row.query, func(t *testing.T) {
			r := ask("GET", "/?"+row.query, "")
			text := func(v string, err error) string {
				if err != nil {
					return rejection(t, err)
				}
				return v
			}
			o, err := weft.Optional(n).Extract(r)
			v, present := o.Get()
			assert.Equal(t, row.optional, text(strconv.Itoa(v)+" "+strconv.FormatBool(present), err))
			v, err = weft.Default(n, 9).Extract(r)
			assert.Equal(t, row.fallback, text(strconv.Itoa(v), err))
			v, err = even.Extract(r)
			assert.Equal(t, row.even, text(strconv.Itoa(v), err))
			h, err := half.Extract(r)
			assert.Equal(t, row.half, text(strconv.FormatFloat(h, 'g', -1, 64), err))
			tried, err := weft.Try(n).Extract(r)
			require.NoError(t, err)
			got := strconv.Itoa(tried.Value) + " <nil>"
			if tried.Err != nil {
				got = strconv.Itoa(tried.Value) + " " + rejection(t, tried.Err)
			}
			assert.Equal(t, row.tried, got)
		})
	}
	_, err := even.Extract(ask("GET", "/?n=3", ""))
	var rejected *weft.InvalidRequest
	require.ErrorAs(t, err, &rejected)
	assert.Equal(t, errOdd, rejected.Fields[0].Cause)
}

func TestAHandlerUsesAnExtractor(t *testing.T) {
	signed := weft.NewExtractor("signature", func(r *weft.Request) (string, error) {
		body, err := r.Body()
		switch signature := r.Header().Get("X-Signature"); {
		case err != nil:
			return "", err
		case signature == "":
			return "", &weft.Error{Status: 401, Code: "unsigned"}
		case signature == "broken":
			return "", errSecret
		}
		return string(body), nil
	}, weft.ReadsBody("application/octet-stream"))
	app, log := newApp(weft.WithLimit(10))
	app.Handle("POST /signed", weft.Handle(echo[string]).Extract(signed))
	app.Handle("GET /items/{id}", weft.Handle(echo[int]).Extract(weft.Validate(weft.PathValue[int]("id"), func(id int) error {
		if id < 1 {
			return errors.New("ids start at 1")
		}
		return nil
	})))
	site := serve(t, app)
	assert.Equal(t, `"data"`, site.send("POST", "/signed", "data", "X-Signature: s").body)
	assertProblem(t, site.send("POST", "/signed", "data"), 401)
	assertProblem(t, site.send("POST", "/signed", "much too long", "X-Signature: s"), 413)
	assert.Empty(t, log.errors())
	assertProblem(t, site.send("POST", "/signed", "data", "X-Signature: broken"), 500)
	assert.Len(t, log.errors(), 1)
	assert.Equal(t, "7", site.send("GET", "/items/7", "").body)
	got := site.send("GET", "/items/0", "")
	assertProblem(t, got, 422)
	assert.Equal(t, "path id invalid", fieldErrors(t, got))
	assert.NotContains(t, got.body, "ids start", "the cause stays inside")

	app, _ = newApp()
	app.Handle("GET /items/{id}", weft.Handle(echo[int]).Extract(weft.Default(weft.QueryValue[int]("n"), 3)))
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Equal(t, []weft.ReadInfo{{Source: weft.SourceQuery, Name: "n", Form: "integer", Default: "3"}}, plan.Routes[0].Reads)
}

func TestThePlanSaysWhatIsRead(t *testing.T) {
	assert.Equal(t, []weft.ReadInfo{
		{Source: "query", Name: "limit", Form: "integer", Default: "20"},
		{Source: "query", Name: "cursor", Form: "string"},
	}, weft.ReadsOf(weft.Struct[paging]()))
	app, _ := newApp()
	app.Handle("POST /u/{id}", weft.Handle(func(context.Context, probePost) (string, error) { return "", nil }))
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Equal(t, []int{200, 400, 413, 415, 422, 500}, plan.Routes[0].Statuses)
	assert.Equal(t, "path id: string, required; query n: integer; query q: string; body: json, required; at most 1048576 bytes; validated", plan.Routes[0].Stages[0].Detail)
}

func TestRulesBehindAnExtractorAreNamedByTheirPlace(t *testing.T) {
	type note struct {
		Text string `json:"text" validate:"max=2"`
	}
	type in struct {
		ID   int  `path:"id" validate:"max=9"`
		Note note `body:"json"`
	}
	app, _ := newApp()
	app.Handle("POST /a/{id}", weft.Handle(func(context.Context, in) (string, error) { return "", nil }).Extract(weft.Struct[in]()))
	app.Handle("POST /b/{id}", weft.Handle(func(context.Context, in) (string, error) { return "", nil }).
		Extract(weft.Validate(weft.Struct[in](), func(in) error { return errors.New("no") })))
	site := serve(t, app)
	assert.Equal(t, "path id max, body /text max", fieldErrors(t, site.send("POST", "/a/10", `{"text":"long"}`)))
	assert.Equal(t, "request invalid", fieldErrors(t, site.send("POST", "/b/1", `{"text":"ok"}`)), "the whole is to blame")
}

// money has a text form, and bounds that are none of the client's business.
type money int64

func (m *money) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(strings.ReplaceAll(string(text), ".", ""), 10, 64)
	*m = money(n)
	return err
}

func TestATypeWithATextFormIsToldByThatForm(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in struct {
		Price money     `json:"price"`
		At    time.Time `json:"at"`
	}) (string, error) {
		return "", nil
	}))
	site := serve(t, app)
	for body, want := range map[string]string{
		`{"price":5}`:                         "must be of type string",
		`{"price":"99999999999999999999999"}`: "must be of type string",
		`{"at":"x"}`:                          "must be of type time",
	} {
		assert.Contains(t, site.send("POST", "/x", body).body, want, body)
	}
}

func TestWhatIsWrongInJSONIsToldInJSONsWords(t *testing.T) {
	type every struct {
		I8   int8           `json:"i8"`
		U16  *uint16        `json:"u16"`
		F32  float32        `json:"f32"`
		F64  float64        `json:"f64"`
		B    bool           `json:"b"`
		L    []int          `json:"l"`
		M    map[string]int `json:"m"`
		O    person         `json:"o"`
		Self selfCoded      `json:"self"`
	}
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(func(context.Context, every) (string, error) { return "", nil }))
	site := serve(t, app)
	for body, want := range map[string]string{
		`{"i8":128}`:     "must be from -128 to 127",
		`{"u16":65536}`:  "must be from 0 to 65535",
		`{"u16":-1}`:     "must be from 0 to 65535",
		`{"f32":1e39}`:   "must be from -3.4028234663852886e+38 to 3.4028234663852886e+38",
		`{"f64":1e309}`:  "must be from -1.7976931348623157e+308 to 1.7976931348623157e+308",
		`{"f64":"1"}`:    "must be of type number",
		`{"b":1}`:        "must be of type boolean",
		`{"l":{}}`:       "must be of type array",
		`{"m":[]}`:       "must be of type object",
		`{"o":[]}`:       "must be of type object",
		`{"self":5}`:     "must be of type value",
		`{"i8":1,"i8":}`: "must be given once",
	} {
		assert.Contains(t, site.send("POST", "/x", body).body, `"message":"`+want+`"`, body)
	}
}

type selfCoded struct{}

func (*selfCoded) UnmarshalJSON([]byte) error { return errSecret }

func TestAnAppMayRefuseUnknownQueryParametersAndSpeakForItself(t *testing.T) {
	app, _ := newApp(weft.WithStrictQuery(), weft.WithMessages(func(r *weft.Request, f weft.FieldError) string {
		return r.Header().Get("Accept-Language") + ": " + f.Code
	}))
	app.Handle("GET /x", weft.Handle(func(context.Context, paging) (string, error) { return "", nil }))
	got := serve(t, app).send("GET", "/x?more=1&"+strings.Repeat("y", 100)+"=1", "", "Accept-Language: tlh")
	assert.Equal(t, "query more unknown_field, query unknown_field", fieldErrors(t, got), "a long name is not repeated")
	assert.Contains(t, got.body, `"message":"tlh: unknown_field"`)
}
