package weft_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// answers is a handler of a value.
func answers[Resp any](v Resp) *weft.Handler[struct{}, Resp] {
	return weft.Handle(func(context.Context, struct{}) (Resp, error) { return v, nil })
}

type order struct {
	ID int `json:"id"`
}

type tracing struct {
	Trace string `header:"X-Trace"`
}

// version has a text form that JSON uses too.
type version struct{ major, minor int }

func (v version) MarshalText() ([]byte, error) {
	if v.major < 0 {
		return nil, errors.New("secret: no such version")
	}
	if v.minor < 0 {
		panic("secret: a version of the past")
	}
	return fmt.Appendf(nil, "%d.%d", v.major, v.minor), nil
}

type (
	colour string
	moment time.Time
	octets []byte
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 5e6, time.FixedZone("", 60*60))

func TestAnOutputStructIsWrittenAsItsTagsSay(t *testing.T) {
	type created struct {
		Code     int    `status:"201"`
		Location string `header:"Location"`
		Order    order  `body:"json"`
	}
	type redirect struct {
		Code     int    `status:"303"`
		Location string `header:"Location"`
	}
	type file struct {
		Type string `header:"Content-Type"`
		Data []byte `body:"raw"`
	}
	seven := 7
	for _, row := range []struct {
		name    string
		handler weft.Endpoint
		status  int
		header  string // "Name: value", a line each, "Name" for an absent one
		body    string
	}{
		// Status.
		{"the status of the tag", answers(created{Order: order{1}}), 201, "Content-Type: application/json", `{"id":1}`},
		{"the status of the field beats that of the tag", answers(created{Code: 202, Order: order{1}}), 202, "", `{"id":1}`},
		{"the status of the field beats that of the handler", answers(struct {
			Code int `status:""`
		}{418}).Status(202), 418, "Content-Type", ""},
		{"the status of the handler", answers(struct {
			Code int `status:""`
		}{}).Status(202), 202, "", ""},
		{"without a body, 204", answers(tracing{"t"}), 204, "X-Trace: t", ""},
		{"with a body, 200", answers(struct {
			Order order `body:"json"`
		}{order{1}}), 200, "Content-Type: application/json", `{"id":1}`},
		{"a status of another integer type", answers(struct {
			Code uint16 `status:""`
		}{205}), 205, "", ""},
		{"a status that is a failure", answers(created{Code: 503, Order: order{1}}), 503, "Content-Type: application/json", `{"id":1}`},
		{"a status without content sends no body", answers(created{Code: 204, Location: "/1", Order: order{1}}), 204, "Location: /1\nContent-Type", ""},
		{"so does 304", answers(created{Code: 304}), 304, "Content-Type", ""},
		{"a redirect", answers(redirect{Location: "/elsewhere"}), 303, "Location: /elsewhere\nContent-Type", ""},

		// Shapes of Resp.
		{"a pointer", answers(&created{Location: "/1", Order: order{1}}), 201, "Location: /1", `{"id":1}`},
		{"an embedded struct composes", answers(struct {
			tracing
			Code int `status:"202"`
		}{tracing{"t"}, 0}), 202, "X-Trace: t", ""},
		{"a field that is not exported is left alone", answers(struct {
			hidden string
			Order  order `body:"json"`
		}{"x", order{1}}), 200, "", `{"id":1}`},
		{"a struct whose tags are for reading is JSON", answers(struct {
			A string `query:"a" json:"a"`
		}{"x"}), 200, "Content-Type: application/json", `{"a":"x"}`},

		// Header fields.
		{"text", answers(struct {
			A string `header:"x-a"`
			B colour `header:"X-B"`
		}{"a b", "red"}), 204, "X-A: a b\nX-B: red", ""},
		{"zero numbers and false are sent", answers(struct {
			A int     `header:"X-A"`
			B bool    `header:"X-B"`
			C uint8   `header:"X-C"`
			D float64 `header:"X-D"`
		}{}), 204, "X-A: 0\nX-B: false\nX-C: 0\nX-D: 0", ""},
		{"but not with omitzero", answers(struct {
			A int     `header:"X-A,omitzero"`
			B bool    `header:"X-B,omitzero"`
			C uint8   `header:"X-C,omitzero"`
			D float64 `header:"X-D,omitzero"`
			E version `header:"X-E,omitzero"`
		}{}), 204, "X-A\nX-B\nX-C\nX-D\nX-E", ""},
		{"omitzero leaves others", answers(struct {
			A int     `header:"X-A,omitzero"`
			B bool    `header:"X-B,omitzero"`
			C version `header:"X-C,omitzero"`
			D *int    `header:"X-D,omitzero"`
		}{-1, true, version{0, 1}, new(int)}), 204, "X-A: -1\nX-B: true\nX-C: 0.1\nX-D: 0", ""},
		{"large and small numbers", answers(struct {
			A int64   `header:"X-A"`
			B uint64  `header:"X-B"`
			C float64 `header:"X-C"`
			D float32 `header:"X-D"`
			E float64 `header:"X-E"`
		}{math.MinInt64, math.MaxUint64, 1e6, 0.1, 1e-7}), 204, "X-A: -9223372036854775808\nX-B: 18446744073709551615\nX-C: 1000000\nX-D: 0.1\nX-E: 1e-7", ""},
		{"a time is an HTTP date", answers(struct {
			A time.Time  `header:"Last-Modified"`
			B *time.Time `header:"Expires"`
			C moment     `header:"X-C"`
		}{noon, &noon, moment(noon)}), 204, "Last-Modified: Sun, 22 Nov 2026 11:00:00 GMT\nExpires: Sun, 22 Nov 2026 11:00:00 GMT\nX-C: Sun, 22 Nov 2026 11:00:00 GMT", ""},
		{"a time has the layout of its tag", answers(struct {
			A time.Time `header:"X-A" layout:"RFC3339"`
			B time.Time `header:"X-B" layout:"2006-01-02 15h"`
			C time.Time `header:"X-C" layout:"unix"`
			D time.Time `header:"X-D" layout:"unixmilli"`
			E time.Time `header:"X-E" layout:"HTTP"`
		}{noon, noon, noon, noon, noon}), 204, "X-A: 2026-11-22T12:00:00+01:00\nX-B: 2026-11-22 11h\nX-C: 1795345200\nX-D: 1795345200005\nX-E: Sun, 22 Nov 2026 11:00:00 GMT", ""},
		{"a duration", answers(struct {
			A time.Duration `header:"X-A"`
		}{90 * time.Second}), 204, "X-A: 1m30s", ""},
		{"types with MarshalText", answers(struct {
			A version    `header:"X-A"`
			B *version   `header:"X-B"`
			C netip.Addr `header:"X-C"`
			D netip.Addr `header:"X-D"`
		}{version{1, 2}, &version{3, 4}, netip.MustParseAddr("::1"), netip.Addr{}}), 204, "X-A: 1.2\nX-B: 3.4\nX-C: ::1\nX-D", ""},
		{"pointers and Opts of what is there", answers(struct {
			A *int             `header:"X-A"`
			B weft.Opt[int]    `header:"X-B"`
			C weft.Opt[*int]   `header:"X-C"`
			D weft.Opt[colour] `header:"X-D"`
		}{&seven, weft.Some(0), weft.Some(&seven), weft.Some(colour("red"))}), 204, "X-A: 7\nX-B: 0\nX-C: 7\nX-D: red", ""},
		{"what is not there is left out", answers(struct {
			A string             `header:"X-A"`
			B time.Time          `header:"X-B"`
			C *int               `header:"X-C"`
			D weft.Opt[int]      `header:"X-D"`
			E weft.Opt[int]      `header:"X-E"`
			F []string           `header:"X-F"`
			G weft.Opt[*int]     `header:"X-G"`
			H []string           `header:"X-H,csv"`
			I weft.Opt[[]string] `header:"X-I"`
		}{D: weft.Null[int](), G: weft.Some[*int](nil), H: []string{"", ""}, I: weft.Some([]string{})}), 204, "X-A\nX-B\nX-C\nX-D\nX-E\nX-F\nX-G\nX-H\nX-I", ""},
		{"lists", answers(struct {
			A []string           `header:"X-A"`
			B []int8             `header:"X-B,csv"`
			C []version          `header:"X-C"`
			D weft.Opt[[]colour] `header:"X-D,csv"`
			E []time.Time        `header:"X-E"`
		}{[]string{"a", "", "b"}, []int8{-1, 0, 1}, []version{{1, 2}, {3, 4}}, weft.Some([]colour{"red", "", "blue"}), []time.Time{noon, {}}}), 204,
			"X-A: a\nX-A: b\nX-B: -1, 0, 1\nX-C: 1.2\nX-C: 3.4\nX-D: red, blue\nX-E: Sun, 22 Nov 2026 11:00:00 GMT", ""},

		// Cookies.
		{"a cookie of text", answers(struct {
			A colour `cookie:"a"`
			B string `cookie:"b"`
		}{"red", ""}), 204, "Set-Cookie: a=red; Path=/; HttpOnly; Secure; SameSite=Lax", ""},
		{"a whole cookie", answers(struct {
			A http.Cookie  `cookie:"a"`
			B *http.Cookie `cookie:"b"`
			C *http.Cookie `cookie:"c"`
			D http.Cookie  `cookie:"d"`
			E http.Cookie  `cookie:"e"`
		}{http.Cookie{Value: "1"}, &http.Cookie{Name: "b", Value: "2", Path: "/x"}, nil, http.Cookie{}, http.Cookie{MaxAge: -1}}), 204,
			"Set-Cookie: a=1\nSet-Cookie: b=2; Path=/x\nSet-Cookie: e=; Max-Age=0", ""},
		{"cookies around another header", answers(struct {
			A http.Cookie `cookie:"a"`
			B string      `header:"X-B"`
			C http.Cookie `cookie:"c"`
		}{http.Cookie{Value: "1"}, "b", http.Cookie{Value: "2"}}), 204, "Set-Cookie: a=1\nX-B: b\nSet-Cookie: c=2", ""},
		{"cookies beside a header of theirs", answers(struct {
			A string   `cookie:"a"`
			B []string `header:"Set-Cookie"`
		}{"1", []string{"b=2", "c=3"}}), 204, "Set-Cookie: a=1; Path=/; HttpOnly; Secure; SameSite=Lax\nSet-Cookie: b=2\nSet-Cookie: c=3", ""},

		// Bodies.
		{"a nil list is an empty one", answers(struct {
			A []int `body:"json"`
		}{}), 200, "Content-Type: application/json", `[]`},
		{"an absent Opt is null", answers(struct {
			A weft.Opt[int] `body:"json"`
		}{}), 200, "Content-Type: application/json", `null`},
		{"a nil pointer where no body is sent", answers(struct {
			Code int    `status:""`
			A    *order `body:"json"`
		}{Code: 304}), 304, "Content-Type", ``},
		{"text", answers(struct {
			A colour `body:"text"`
		}{"red"}), 200, "Content-Type: text/plain; charset=utf-8", `red`},
		{"text of a type with MarshalText that is a string", answers(struct {
			A shout `body:"text"`
		}{"red"}), 200, "Content-Type: text/plain; charset=utf-8", `RED`},
		{"bytes", answers(struct {
			A octets `body:"raw"`
		}{octets("\x00\xff")}), 200, "Content-Type: application/octet-stream", "\x00\xff"},
		{"bytes of another type", answers(file{"image/png", []byte("png")}), 200, "Content-Type: image/png", "png"},
		{"bytes of no other type", answers(file{"", []byte("png")}), 200, "Content-Type: application/octet-stream", "png"},
		{"no bytes", answers(file{}), 200, "Content-Type: application/octet-stream", ""},
		{"JSON of another type", answers(struct {
			Type weft.Opt[string]  `header:"content-type"`
			Body map[string]colour `body:"json"`
		}{weft.Some("application/hal+json"), map[string]colour{"b": "2", "a": "1"}}), 200, "Content-Type: application/hal+json", `{"a":"1","b":"2"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			app, log := newApp()
			app.Handle("GET /x", row.handler)
			got := serve(t, app).send("GET", "/x", "")
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, row.body, got.body)
			for name, values := range headerOf(row.header) {
				assert.Equal(t, values, got.header[name], name)
			}
			assert.Empty(t, log.errors())
		})
	}
}

// shout is a string whose text form is another one.
type shout string

func (s shout) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(s))), nil }

// headerOf reads "Name: value", a line each; a name alone has no values.
func headerOf(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		name, value, there := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if h[name] = h[name][:len(h[name]):len(h[name])]; there {
			h[name] = append(h[name], value)
		}
	}
	return h
}

type jsonBody[T any] struct {
	Body T `body:"json"`
}

func TestAnAnswerThatCannotBeSentIsADefect(t *testing.T) {
	type location struct {
		Location string `header:"Location"`
		Order    order  `body:"json"`
	}
	type versions struct {
		Version  version   `header:"X-Version"`
		Versions []version `header:"X-Versions,csv"`
	}
	type cookies struct {
		Text  string       `cookie:"text"`
		Whole *http.Cookie `cookie:"whole"`
	}
	type code struct {
		Code int64 `status:"201"`
	}
	const nothing = "the handler returned nil and no error"
	for _, row := range []struct {
		name    string
		handler weft.Endpoint
		stage   string
		logged  string
	}{
		{"a status that is none", answers(code{99}), "respond", "status 99: use one from 200 to 599"},
		{"an informational status", answers(code{101}), "respond", "status 101"},
		{"a status beyond the last", answers(code{600}), "respond", "status 600"},
		{"a status below zero", answers(code{-1}), "respond", "status -1"},
		{"a status that would be one in fewer bits", answers(code{1<<32 + 200}), "respond", "status 4294967496"},
		{"a header with a line break", answers(location{Location: "/\r\nSet-Cookie: secret=1"}), "respond", `the response header \"Location\" has a name or value that cannot be sent`},
		{"a header with a null byte", answers(location{Location: "/\x00"}), "respond", `the response header \"Location\"`},
		{"a type that has no text", answers(versions{Version: version{-1, 0}}), "respond", "the header X-Version: secret: no such version"},
		{"a type that panics", answers(versions{Version: version{0, -1}}), "respond", "secret: a version of the past"},
		{"a type in a list that has no text", answers(versions{Versions: []version{{1, 2}, {-1, 0}}}), "respond", "the header X-Versions: secret"},
		{"a number that is none", answers(struct {
			A float64 `header:"X-A"`
		}{math.NaN()}), "respond", "the header X-A: a number that is infinite, or none"},
		{"a year that no date has", answers(struct {
			A time.Time `header:"X-A"`
		}{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}), "respond", "the header X-A: a year beyond"},
		{"a cookie that is invalid", answers(cookies{Text: "a;secret"}), "respond", "the cookie text: http: invalid byte"},
		{"a whole cookie that is invalid", answers(cookies{Whole: &http.Cookie{Value: "a", Path: ";"}}), "respond", "invalid byte ';' in Cookie.Path"},
		{"a cookie of another name", answers(cookies{Whole: &http.Cookie{Name: "other", Value: "a"}}), "respond", `the cookie whole: it is named \"other\", which its tag does not say`},
		{"a body that cannot be encoded", answers(jsonBody[float64]{math.Inf(1)}), "respond", "Inf"},
		{"a body whose methods panic", answers(jsonBody[version]{version{0, -1}}), "respond", "secret: a version of the past"},
		{"text that cannot be made", answers(struct {
			A whisper `body:"text"`
		}{"secret"}), "respond", "secret: too loud"},
		{"no answer at all", answers((*location)(nil)).Named("handler"), "handler", nothing},
		{"no answer at all, though no body would be sent", answers((*tracing)(nil)).Named("handler"), "handler", nothing},
		{"a nil pointer as the body", answers(jsonBody[*order]{}).Named("handler"), "handler", nothing},
		{"a nil interface as the body", answers(jsonBody[any]{}).Named("handler"), "handler", nothing},
		{"an interface with a nil pointer as the body", answers(jsonBody[any]{(*order)(nil)}).Named("handler"), "handler", nothing},
	} {
		t.Run(row.name, func(t *testing.T) {
			app, log := newApp()
			app.Handle("GET /x", row.handler)
			got := serve(t, app).send("GET", "/x", "")
			assertProblem(t, got, 500)
			assert.NotContains(t, got.body, "secret")
			assert.Empty(t, got.header["Set-Cookie"])
			assert.Empty(t, got.header["Location"])
			logged := log.errors()
			require.Len(t, logged, 1)
			assert.Contains(t, logged[0], "stage="+row.stage+" ")
			assert.Contains(t, logged[0], strings.ReplaceAll(row.logged, `\"`, `"`))
		})
	}
}

// whisper is a string that has no text form.
type whisper string

func (whisper) MarshalText() ([]byte, error) { return nil, errors.New("secret: too loud") }

func TestAnOutputStructIsAResponseForEveryStage(t *testing.T) {
	type created struct {
		Code     int    `status:"201"`
		Location string `header:"Location"`
		Session  string `cookie:"session"`
		Order    order  `body:"json"`
	}
	var seen weft.Response
	app, _ := newApp()
	app.Intercept(weft.After("look", func(_ *weft.Request, resp weft.Response) weft.Response {
		seen = resp
		return resp.WithHeader("Location", "/changed").WithAddedHeader("X-More", "1")
	}))
	app.Handle("POST /x", answers(created{0, "/1", "s", order{1}}))
	app.Handle("POST /broken", answers(created{Location: "\n"}))
	site := serve(t, app)
	got := site.send("POST", "/x", "")
	assert.Equal(t, 201, got.status)
	assert.Equal(t, []string{"/changed"}, got.header["Location"])
	assert.Equal(t, []string{"1"}, got.header["X-More"])
	assert.Len(t, got.header["Set-Cookie"], 1)

	assert.Equal(t, 201, seen.Status())
	assert.NoError(t, seen.Err())
	assert.Equal(t, http.Header{
		"Content-Type": {"application/json"}, "Location": {"/1"}, "Set-Cookie": {"session=s; Path=/; HttpOnly; Secure; SameSite=Lax"},
	}, seen.Header())
	body, err := seen.Render()
	require.NoError(t, err)
	assert.Equal(t, `{"id":1}`, string(body))

	got = site.send("POST", "/broken", "")
	assert.Equal(t, 500, got.status)
	assert.Equal(t, []string{"1"}, got.header["X-More"])
	assert.ErrorContains(t, seen.Err(), "Location")
}

func TestAnErrorBesideAnOutputStructIsTheAnswer(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (tracing, error) {
		return tracing{"t"}, &weft.Error{Status: 409, Code: "taken"}
	}))
	got := serve(t, app).send("GET", "/x", "")
	assertProblem(t, got, 409)
	assert.Empty(t, got.header["X-Trace"])
}

func TestHEADOfAnOutputStructHasItsHeaderAndLength(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", answers(struct {
		tracing
		Order order `body:"json"`
	}{tracing{"t"}, order{1}}))
	got := serve(t, app).send("HEAD", "/x", "")
	assert.Equal(t, 200, got.status)
	assert.Equal(t, "t", got.header.Get("X-Trace"))
	assert.Equal(t, int64(len(`{"id":1}`)), got.length)
	assert.Empty(t, got.body)
}

// What the handler keeps and changes later is not what was answered.
func TestAnAnswerDoesNotAliasTheHandlersData(t *testing.T) {
	type file struct {
		Tags   []string     `header:"X-Tag"`
		Cookie *http.Cookie `cookie:"c"`
		Data   []byte       `body:"raw"`
	}
	kept := &file{[]string{"a", "b"}, &http.Cookie{Value: "1"}, []byte("data")}
	app, _ := newApp()
	app.Intercept(weft.After("spoil", func(_ *weft.Request, resp weft.Response) weft.Response {
		kept.Tags[0], kept.Cookie.Value, kept.Data[0] = "spoilt", "spoilt", 'X'
		return resp
	}))
	app.Handle("GET /x", answers(kept))
	got := serve(t, app).send("GET", "/x", "")
	assert.Equal(t, []string{"a", "b"}, got.header["X-Tag"])
	assert.Equal(t, "c=1", got.header.Get("Set-Cookie"))
	assert.Equal(t, "data", got.body)
	assert.Empty(t, kept.Cookie.Name, "the handler's cookie is as it was")
}

// shouting is a Codec that encodes everything as its type.
type shouting struct{}

func (shouting) Decode([]byte, any) error     { return nil }
func (shouting) Encode(v any) ([]byte, error) { return fmt.Appendf(nil, "%T!", v), nil }

func TestTheCodecOfTheRouteEncodesTheBody(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", answers(jsonBody[chan int]{}).JSON(weft.JSONOptions{Codec: shouting{}}))
	assert.Equal(t, "*chan int!", serve(t, app).send("GET", "/x", "").body, "such a type is the codec's affair")
}

func TestAnObserverSeesRespondWriteAnOutputStruct(t *testing.T) {
	o := &endings{}
	app, _ := newApp(weft.WithObserver(o))
	app.Handle("GET /x", answers(struct {
		Code int `status:"202"`
	}{}))
	app.Handle("GET /broken", answers(struct {
		Code int `status:""`
	}{7}))
	site := serve(t, app)
	site.send("GET", "/x", "")
	site.send("GET", "/broken", "")
	assert.Equal(t, []string{"202 <nil>", "500 the handler answered with status 7: use one from 200 to 599"}, o.ends)
}

// endings notes how each respond stage ends.
type endings struct{ ends []string }

func (*endings) Observes(info *weft.StageInfo) bool { return info.Kind == weft.KindRespond }
func (o *endings) Enter(ctx context.Context, _ *weft.StageInfo) (context.Context, weft.Exit) {
	return ctx, func(status int, err error) { o.ends = append(o.ends, fmt.Sprint(status, " ", err)) }
}

func TestThePlanSaysWhatIsWritten(t *testing.T) {
	type created struct {
		Code     int       `status:"201"`
		Location string    `header:"Location"`
		Age      *int      `header:"age,omitzero"`
		Modified time.Time `header:"Last-Modified" layout:"DateOnly"`
		Version  version   `header:"X-Version"`
		Exact    []bool    `header:"X-Exact"`
		Session  string    `cookie:"session"`
		Order    order     `body:"json"`
	}
	app, _ := newApp()
	app.Handle("POST /created", answers(created{}))
	app.Handle("GET /pointer", answers(&tracing{}).Status(202))
	app.Handle("GET /text", answers(struct {
		Text string `body:"text"`
	}{}))
	app.Handle("GET /raw", answers(struct {
		Data []byte `body:"raw"`
	}{}))
	app.Handle("GET /json", answers(order{}))
	app.Handle("GET /unsent", answers(order{}).Status(204))
	app.Handle("GET /empty", answers(struct{}{}))
	app.Handle("GET /response", answers(weft.Empty()))
	plan, err := app.Plan()
	require.NoError(t, err)

	want := []struct {
		detail   string
		statuses []int
		writes   []weft.WriteInfo
	}{
		{
			"201 or as the handler says; header Location: text; header Age: integer; header Last-Modified: time as 2006-01-02; " +
				"header X-Version: weft_test.version; header X-Exact: boolean; cookie session: text; body: weft_test.order as JSON",
			[]int{201, 500},
			[]weft.WriteInfo{
				{Target: weft.TargetStatus, Form: "integer"},
				{Target: weft.TargetHeader, Name: "Location", Form: "text"},
				{Target: weft.TargetHeader, Name: "Age", Form: "integer"},
				{Target: weft.TargetHeader, Name: "Last-Modified", Form: "time as 2006-01-02"},
				{Target: weft.TargetHeader, Name: "X-Version", Form: "weft_test.version"},
				{Target: weft.TargetHeader, Name: "X-Exact", Form: "boolean"},
				{Target: weft.TargetCookie, Name: "session", Form: "text"},
				{Target: weft.TargetBody, Form: "weft_test.order as JSON"},
			},
		},
		{"202; header X-Trace: text", []int{202, 500}, []weft.WriteInfo{{Target: weft.TargetHeader, Name: "X-Trace", Form: "text"}}},
		{"200; body: text", []int{200, 500}, []weft.WriteInfo{{Target: weft.TargetBody, Form: "text"}}},
		{"200; body: bytes", []int{200, 500}, []weft.WriteInfo{{Target: weft.TargetBody, Form: "bytes"}}},
		{"200, weft_test.order as JSON", []int{200, 500}, []weft.WriteInfo{{Target: weft.TargetBody, Form: "weft_test.order as JSON"}}},
		{"", []int{204, 500}, []weft.WriteInfo{}},
		{"", []int{204, 500}, []weft.WriteInfo{}},
		{"", []int{500}, []weft.WriteInfo{}},
	}
	for i, route := range plan.Routes {
		last := route.Stages[len(route.Stages)-1]
		assert.Equal(t, want[i].detail, last.Detail, route.Pattern)
		assert.Equal(t, want[i].statuses, route.Statuses, route.Pattern)
		assert.Equal(t, want[i].writes, route.Writes, route.Pattern)
		text, err := json.Marshal(route)
		require.NoError(t, err)
		assert.NotContains(t, string(text), `"writes":null`)
	}
	assert.Contains(t, plan.String(), "answers 201 or as the handler says 500, or the status of an error")
}

func TestEveryWrongDeclarationOfAnAnswerIsFound(t *testing.T) {
	_, err := wrongOutput().Plan()
	require.Error(t, err)
	golden(t, "output_mistakes.txt", err.Error()+"\n")
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	routes := map[string]bool{}
	for _, one := range joined.Unwrap() {
		var mistake *weft.BuildError
		require.ErrorAs(t, one, &mistake)
		assert.Regexp(t, `output_declarations_ext_test\.go:\d+$`, mistake.Source)
		assert.NotEmpty(t, mistake.Remedy)
		routes[mistake.Route] = true
	}
	assert.Len(t, routes, 38, "every route of wrongOutput has a mistake")
}
