package weft_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

var (
	errSoldOut = errors.New("sold out")
	errClosed  = errors.New("closed")
)

type outOfStock struct{ sku string }

func (e *outOfStock) Error() string { return "out of stock: " + e.sku }

// wrapped is a concrete type around another error.
type wrapped struct{ inner error }

func (e wrapped) Error() string { return "wrapped: " + e.inner.Error() }
func (e wrapped) Unwrap() error { return e.inner }

type temporary interface {
	error
	Temporary() bool
}

type temporaryTimeout interface {
	temporary
	Timeout() bool
}

type flaky struct{}

func (flaky) Error() string   { return "flaky" }
func (flaky) Temporary() bool { return true }
func (flaky) Timeout() bool   { return true }

// says is a mapper's answer: 418 with a text.
func says(text string) weft.Response { return weft.Text(text).WithStatus(http.StatusTeapot) }

func on[E error](name string) weft.Mapper {
	return weft.On(func(_ *weft.Request, err E) weft.Response { return says(name + ": " + err.Error()) })
}

func onIs(sentinel error, name string) weft.Mapper {
	return weft.OnIs(sentinel, func(_ *weft.Request, err error) weft.Response { return says(name + ": " + err.Error()) })
}

// Which mapper of one level gets an error, whatever the order in which they were attached.
func TestWithinALevelTheMappingRuleDecides(t *testing.T) {
	mappers := []weft.Mapper{
		on[error]("any"), on[temporary]("temporary"), on[temporaryTimeout]("timeout"),
		on[wrapped]("wrapped"), on[*outOfStock]("stock"), onIs(errSoldOut, "sold out"), onIs(errClosed, "closed"),
	}
	stock := &outOfStock{"tea"}
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"a concrete type", stock, "stock: out of stock: tea"},
		{"a concrete type that is wrapped", fmt.Errorf("placing: %w", stock), "stock: out of stock: tea"},
		{"of two concrete types the outer one", wrapped{stock}, "wrapped: wrapped: out of stock: tea"},
		{"a sentinel beats a concrete type outside it", wrapped{errSoldOut}, "sold out: wrapped: sold out"},
		{"a sentinel anywhere", errors.Join(stock, fmt.Errorf("deep: %w", errClosed)), "closed: out of stock: tea\ndeep: closed"},
		{"of joined sentinels the first", errors.Join(errClosed, errSoldOut), "closed: closed\nsold out"},
		{"a concrete type beats an interface", errors.Join(flaky{}, stock), "stock: out of stock: tea"},
		{"of interfaces the one with more methods", flaky{}, "timeout: flaky"},
		{"the last resort", errors.New("other"), "any: other"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				app, _ := newApp()
				app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", row.err }).Catch(mappers...))
				assert.Equal(t, row.want, serve(t, app).send("GET", "/x", "").body)
				for i, j := 0, len(mappers)-1; i < j; i, j = i+1, j-1 {
					mappers[i], mappers[j] = mappers[j], mappers[i]
				}
			}
		})
	}
}

func TestTheNearestLevelIsAskedFirst(t *testing.T) {
	app, _ := newApp()
	app.Catch(on[*outOfStock]("app"), onIs(errClosed, "app"), on[*weft.PanicError]("app"))
	group := app.Group("/g")
	group.Catch(on[error]("group"))
	inner := group.Group("/i")
	inner.Handle("GET /{kind}", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		switch r.PathValue("kind") {
		case "stock":
			return "", &outOfStock{"tea"}
		case "closed":
			return "", errClosed
		}
		panic("oh")
	}).Catch(on[*outOfStock]("route")))
	app.Handle("GET /closed", weft.Handle(func(context.Context, struct{}) (string, error) { return "", errClosed }))
	site := serve(t, app)
	assert.Equal(t, "route: out of stock: tea", site.send("GET", "/g/i/stock", "").body)
	assert.Equal(t, "group: closed", site.send("GET", "/g/i/closed", "").body, "a broad mapper nearby beats a narrow one further out")
	assert.Equal(t, "group: panic: oh", site.send("GET", "/g/i/panic", "").body)
	assert.Equal(t, "app: closed", site.send("GET", "/closed", "").body)
}

// A middleware's errors begin at its own level, an interceptor's at the route's.
func TestWhereAnErrorBeginsToBeMapped(t *testing.T) {
	want := map[string]string{
		"app middleware": "app", "group middleware": "group", "route middleware": "route",
		"app interceptor": "route", "group interceptor": "route", "route interceptor": "route",
	}
	for _, at := range places {
		t.Run(at.name, func(t *testing.T) {
			tr := &trace{}
			app, log := newApp()
			app.Catch(on[error]("app"))
			app.Use(tr.stage("edge"))
			group := app.Group("/g")
			group.Catch(on[error]("group"))
			h := at.attach(app, group, tr.handler("core"), weft.Before("fails", func(*weft.Request) error { return errClosed }))
			group.Handle("GET /x", h.Catch(on[error]("route")))
			got := serve(t, app).send("GET", "/g/x", "")
			assert.Equal(t, want[at.name]+": closed", got.body)
			assert.Equal(t, 418, got.status)
			assert.Equal(t, "edge", stagesOf(got.header))
			assert.NotContains(t, tr.take(), "core")
			assert.Empty(t, log.errors(), "mapped to a status of the client's")
		})
	}
}

func TestFrameworkErrorsCanBeMapped(t *testing.T) {
	app, _ := newApp(weft.WithLimit(20))
	app.Catch(weft.On(func(_ *weft.Request, e *weft.Error) weft.Response {
		return weft.JSON(map[string]any{"error": map[string]any{"code": e.Code}}).WithStatus(e.Status)
	}), weft.On(func(_ *weft.Request, e *weft.InvalidRequest) weft.Response {
		return says(fmt.Sprint(e.Status, " ", e.Fields[0].Code))
	}))
	group := app.Group("/g")
	group.Catch(weft.On(func(_ *weft.Request, e *weft.Error) weft.Response { return says("in the group: " + e.Code) }))
	group.Handle("POST /x", weft.Handle(echo[person]))
	site := serve(t, app)
	assert.JSONEq(t, `{"error":{"code":"not_found"}}`, site.send("GET", "/nowhere", "").body)
	assert.Equal(t, "in the group: not_found", site.send("GET", "/g/nowhere", "").body)
	assert.Equal(t, "in the group: method_not_allowed", site.send("GET", "/g/x", "").body)
	assert.Equal(t, "400 unknown_field", site.send("POST", "/g/x", `{"a":1}`).body)
	assert.Equal(t, "413 body_too_large", site.send("POST", "/g/x", `{"name":"much too long"}`).body)
	assert.Equal(t, "415 unsupported_media_type", site.send("POST", "/g/x", `{}`, "Content-Type: text/plain").body)
}

func TestAMapperThatFailsHandsItsErrorOutward(t *testing.T) {
	var seen error
	app, log := newApp()
	app.Use(weft.OnError("see", func(_ *weft.Request, resp weft.Response, err error) weft.Response { seen = err; return resp }))
	app.Catch(onIs(errClosed, "app"))
	group := app.Group("/g")
	group.Catch(weft.On(func(_ *weft.Request, e *outOfStock) weft.Response {
		if e.sku == "tea" {
			return weft.Fail(errClosed).WithHeader("X-Group", "1")
		}
		return weft.Fail(&weft.Error{Status: 409, Code: "sold_out", Cause: e}).WithHeader("Retry-After", "60")
	}))
	group.Handle("GET /{sku}", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		return "", &outOfStock{r.PathValue("sku")}
	}))
	site := serve(t, app)

	got := site.send("GET", "/g/tea", "")
	assert.Equal(t, "app: closed", got.body)
	assert.Equal(t, "1", got.header.Get("X-Group"), "what it put on its failure stands")
	assert.Equal(t, &outOfStock{"tea"}, seen, "the original error")

	got = site.send("GET", "/g/cake", "")
	assertProblem(t, got, 409)
	assert.Contains(t, got.body, "sold_out")
	assert.Equal(t, "60", got.header.Get("Retry-After"))
	assert.Equal(t, &outOfStock{"cake"}, seen)
	assert.Empty(t, log.errors())
}

func TestAMapperWithADefectIsAPlain500(t *testing.T) {
	for name, row := range map[string]struct {
		mapper weft.Mapper
		logged string
	}{
		"panics":             {weft.On(func(*weft.Request, *outOfStock) weft.Response { panic(errSecret) }), "secret-dsn"},
		"returns nothing":    {weft.On(func(*weft.Request, *outOfStock) weft.Response { return weft.Response{} }), "zero Response"},
		"fails":              {weft.On(func(*weft.Request, *outOfStock) weft.Response { return weft.Fail(errSecret) }), "secret-dsn"},
		"answers with a 5xx": {weft.On(func(*weft.Request, *outOfStock) weft.Response { return says("").WithStatus(503) }), "out of stock"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &trace{}
			app, log := newApp()
			app.Use(tr.stage("edge"))
			app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", &outOfStock{"tea"} }).Catch(row.mapper))
			site := serve(t, app)
			got := site.send("GET", "/x", "")
			if name != "answers with a 5xx" {
				assertProblem(t, got, 500)
				assert.NotContains(t, got.body, "secret")
			}
			assert.Equal(t, "edge", stagesOf(got.header))
			logged := log.errors()
			require.Len(t, logged, 1)
			assert.Contains(t, logged[0], row.logged)
			assert.Contains(t, logged[0], "out of stock: tea", "the original error is not lost")
			assert.True(t, site.send("GET", "/unknown", "").reused)
		})
	}
}

// asked has As and Is methods of its own, as errors.As and errors.Is respect them.
type asked struct{}

func (asked) Error() string { return "asked" }
func (asked) As(target any) bool {
	if e, ok := target.(**outOfStock); ok {
		*e = &outOfStock{"by As"}
		return true
	}
	return false
}
func (asked) Is(target error) bool { return target == errClosed }

func TestMappersRespectAsAndIs(t *testing.T) {
	for want, m := range map[string]weft.Mapper{"stock: out of stock: by As": on[*outOfStock]("stock"), "closed: asked": onIs(errClosed, "closed")} {
		app, _ := newApp()
		app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", asked{} }).Catch(m))
		assert.Equal(t, want, serve(t, app).send("GET", "/x", "").body)
	}
}

func TestWrongMappersAreErrorsOfBuild(t *testing.T) {
	app, _ := newApp()
	app.Catch(on[*outOfStock]("a"), on[*outOfStock]("b"), weft.Mapper{})
	app.Group("/g").Catch(onIs(errClosed, "a"), onIs(errSoldOut, "b"), onIs(errClosed, "c"), weft.On[error](nil), weft.OnIs(nil, nil))
	app.Handle("GET /x", (&trace{}).handler("x").Catch(on[temporary]("a")).Catch(on[temporary]("b")))
	_, err := app.Plan()
	require.Error(t, err)
	assert.Regexp(t, `exceptions_ext_test.go:\d+: errors of \*weft_test.outOfStock have two mappers at one level, the other is at \S+exceptions_ext_test.go:\d+; keep one`, err)
	assert.Regexp(t, `errors that are "closed" have two mappers`, err)
	assert.Regexp(t, `route "GET /x": errors of weft_test.temporary have two mappers`, err)
	assert.Regexp(t, `a Mapper maps nothing; make it with On or OnIs`, err)
}

func TestCatchReturnsACopy(t *testing.T) {
	base := weft.Handle(func(context.Context, struct{}) (string, error) { return "", errClosed })
	app, _ := newApp()
	app.Handle("GET /base", base)
	app.Handle("GET /one", base.Catch(onIs(errClosed, "one")))
	app.Handle("GET /two", base.Catch(onIs(errClosed, "two")))
	site := serve(t, app)
	assertProblem(t, site.send("GET", "/base", ""), 500)
	assert.Equal(t, "one: closed", site.send("GET", "/one", "").body)
	assert.Equal(t, "two: closed", site.send("GET", "/two", "").body)
}

func TestTheFormatOfErrorsIsTheApps(t *testing.T) {
	for name, row := range map[string]struct {
		format    weft.ErrorFormat
		mediaType string
		body      string
	}{
		"the envelope": {weft.ErrorEnvelope, "application/json", `{"error":{"code":"gone","message":"No more.","detail":{"sku":"tea"}}}`},
		"one's own": {func(r *weft.Request, e *weft.Error) (string, any) {
			return "application/vnd.x+json", []any{r.HTTP().Method, e.Status, e.Title, e.Cause}
		}, "application/vnd.x+json", `["GET",410,"Gone",null]`},
		"one that cannot be encoded": {func(*weft.Request, *weft.Error) (string, any) { return "a/b", make(chan int) }, "application/problem+json", `{"title":"Gone","status":410,"code":"gone","detail":"No more."}`},
		"one that panics":            {func(*weft.Request, *weft.Error) (string, any) { panic("oh") }, "application/problem+json", `{"title":"Internal Server Error","status":500,"code":"internal"}`},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(weft.WithErrorFormat(row.format))
			app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
				return "", &weft.Error{Status: 410, Code: "gone", Detail: "No more.", Extensions: map[string]any{"sku": "tea"}, Cause: errSecret}
			}))
			got := serve(t, app).send("GET", "/x", "")
			assert.Equal(t, row.mediaType, got.header.Get("Content-Type"))
			assert.JSONEq(t, row.body, got.body)
		})
	}
	app, _ := newApp(weft.WithErrorFormat(weft.ErrorEnvelope))
	assert.JSONEq(t, `{"error":{"code":"not_found","message":"Not Found","detail":{}}}`, serve(t, app).send("GET", "/x", "").body)
}

// A format of the user's may use another encoder for what the fields are.
func TestFieldErrorsAreTheSameInEachFormat(t *testing.T) {
	byHand := func(_ *weft.Request, e *weft.Error) (string, any) {
		text, err := json.Marshal(e.Extensions)
		assert.NoError(t, err)
		return "application/json", map[string]any{"error": map[string]any{"code": e.Code, "message": e.Detail, "detail": jsontext.Value(text)}}
	}
	// Whatever encoder a format uses, there is nothing private to be found.
	spelled := func(r *weft.Request, e *weft.Error) (string, any) {
		assert.NotContains(t, fmt.Sprintf("%+v", e.Extensions), secretText)
		return weft.ErrorEnvelope(r, e)
	}
	for name, format := range map[string]weft.ErrorFormat{"the envelope": weft.ErrorEnvelope, "by hand": byHand, "spelled": spelled} {
		app, _ := newApp(weft.WithErrorFormat(format))
		app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
			return "", &weft.InvalidRequest{Status: 422, Fields: []weft.FieldError{{Source: weft.SourceBody, Pointer: "/due", Code: "past", Text: "is <over>", Cause: errSecret}}}
		}))
		assert.JSONEq(t, `{"error":{"code":"validation_failed","message":"The request is not valid: see errors.","detail":{"errors":[
			{"source":"body","pointer":"/due","code":"past","message":"is <over>"}]}}}`, serve(t, app).send("GET", "/x", "").body, name)
	}
}

// A Response keeps the error as it arose, also where a mapper hands on another one of the same type.
func TestAnErrorThatCannotBeComparedIsKept(t *testing.T) {
	app, _ := newApp()
	var seen error
	app.Use(weft.After("look", func(_ *weft.Request, resp weft.Response) weft.Response {
		seen = resp.Err()
		return resp
	}))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", several{errClosed} }).
		Catch(weft.On(func(*weft.Request, several) weft.Response { return weft.Fail(several{errSoldOut}) })))
	assert.Equal(t, 500, serve(t, app).send("GET", "/x", "").status)
	assert.Equal(t, several{errClosed}, seen)
}

func TestFieldErrorsFromAnywhereAreToldTogether(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
		return "", fmt.Errorf("placing: %w", errors.Join(
			weft.Invalid("/lines/0/sku", "sold_out", "There is no more tea."), errClosed, weft.Invalid("/due", "past", "is over"),
		))
	}))
	got := serve(t, app).send("GET", "/x", "")
	assertProblem(t, got, 422)
	assert.Equal(t, "body /lines/0/sku sold_out, body /due past", fieldErrors(t, got))
	assert.Contains(t, got.body, "There is no more tea.")
	assert.Empty(t, log.errors())
}

func TestAMapperIsTestedByOneCall(t *testing.T) {
	r := weft.NewRequest(httptest.NewRequest("GET", "/x", nil))
	resp, mapped := on[*outOfStock]("stock").Map(r, fmt.Errorf("placing: %w", &outOfStock{"tea"}))
	require.True(t, mapped)
	body, err := resp.Render()
	require.NoError(t, err)
	assert.Equal(t, "stock: out of stock: tea", string(body))
	_, mapped = on[*outOfStock]("stock").Map(r, errClosed)
	assert.False(t, mapped)
	_, mapped = weft.Mapper{}.Map(r, errClosed)
	assert.False(t, mapped)
	_, mapped = onIs(errClosed, "closed").Map(r, fmt.Errorf("%w", errClosed))
	assert.True(t, mapped)
}

// A panic is a defect, also where what it was thrown with has a mapper.
func TestAPanicIsLoggedWhateverItIsMappedTo(t *testing.T) {
	app, log := newApp()
	app.Catch(on[*outOfStock]("stock"))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { panic(&outOfStock{"tea"}) }))
	assert.Equal(t, 418, serve(t, app).send("GET", "/x", "").status)
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Contains(t, logged[0], "stack=goroutine")
}
