package weft_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type person struct {
	Name string `json:"name"`
	Age  int8   `json:"age"`
}

func echo[T any](_ context.Context, in T) (T, error) { return in, nil }

func TestTheJSONBodyIsDecodedStrictly(t *testing.T) {
	app, log := newApp()
	app.Handle("POST /person", weft.Handle(echo[person]))
	app.Handle("POST /optional", weft.Handle(func(_ context.Context, in *person) (string, error) {
		if in == nil {
			return "absent", nil
		}
		return in.Name, nil
	}))
	app.Handle("POST /list", weft.Handle(echo[[]int]))
	app.Handle("POST /any", weft.Handle(echo[any]))
	site := serve(t, app)

	const good = `{"name":"alice","age":3}`
	for _, row := range []struct {
		name, path, body string
		status           int
		code             string // of the problem, or the answer
		headers          []string
	}{
		{"a person", "/person", good, 200, good, nil},
		{"white space around it", "/person", " \n" + good + "\n ", 200, good, nil},
		{"a type with parameters, in capitals", "/person", good, 200, good, []string{"Content-Type: Application/JSON; charset=UTF-8"}},
		{"a +json type", "/person", good, 200, good, []string{"Content-Type: application/vnd.api+json"}},
		{"identity is no encoding", "/person", good, 200, good, []string{"Content-Encoding: identity"}},
		{"no body", "/person", "", 400, "body_required", nil},
		{"nothing but space", "/person", "  \n", 400, "body_required", nil},
		{"null", "/person", "null", 400, "body_required", nil},
		{"an unknown field", "/person", `{"nom":"x"}`, 400, "unknown_field", nil},
		{"another case", "/person", `{"NAME":"x"}`, 400, "unknown_field", nil},
		{"a field twice", "/person", `{"name":"a","name":"b"}`, 400, "duplicate_field", nil},
		{"a number too large", "/person", `{"age":300}`, 400, "out_of_range", nil},
		{"a number in a string", "/person", `{"age":"3"}`, 400, "invalid_type", nil},
		{"a fraction", "/person", `{"age":3.5}`, 400, "invalid_type", nil},
		{"another type", "/person", `[]`, 400, "invalid_type", nil},
		{"trailing text", "/person", good + " xyz", 400, "trailing_data", nil},
		{"two values", "/person", good + good, 400, "trailing_data", nil},
		{"an unfinished value", "/person", `{"name":`, 400, "invalid_json", nil},
		{"invalid UTF-8", "/person", "{\"name\":\"\xff\"}", 400, "invalid_utf8", nil},
		{"200,000 levels", "/person", strings.Repeat("[", 200_000), 400, "invalid_type", nil},
		{"no type", "/person", good, 415, "unsupported_media_type", []string{"Content-Type: "}},
		{"another type of content", "/person", good, 415, "unsupported_media_type", []string{"Content-Type: text/plain"}},
		{"another charset", "/person", good, 415, "unsupported_media_type", []string{"Content-Type: application/json; charset=latin1"}},
		{"compressed", "/person", good, 415, "unsupported_media_type", []string{"Content-Encoding: gzip"}},
		{"an optional body", "/optional", good, 200, `"alice"`, nil},
		{"an optional body that is absent", "/optional", "", 200, `"absent"`, nil},
		{"an optional body that is null", "/optional", "null", 200, `"absent"`, nil},
		{"a list", "/list", `[1,2]`, 200, `[1,2]`, nil},
		{"anything", "/any", `{"a":[1,null]}`, 200, `{"a":[1,null]}`, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := site.send("POST", row.path, row.body, row.headers...)
			assert.Equal(t, row.status, got.status, got.body)
			if row.status == 200 {
				assert.Equal(t, row.code, got.body)
				return
			}
			assertProblem(t, got, row.status)
			assert.Contains(t, got.body, `"code":"`+row.code+`"`)
			assert.Less(t, len(got.body), 1000, "nothing is echoed")
		})
	}
	assert.Empty(t, log.errors(), "a client's mistakes are not logged as failures")

	got := site.send("POST", "/person", `{"name":"a","nested":{"secret":1}}`)
	assert.Contains(t, got.body, `"pointer":"/nested"`)
	got = site.send("POST", "/person", `{"`+strings.Repeat("x", 4000)+`":1}`)
	assert.NotContains(t, got.body, "pointer", "a long name is not repeated")
}

func TestAChunkedBodyIsReadLikeAnyOther(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /person", weft.Handle(echo[person]))
	site := serve(t, app)
	head := "POST /person HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	assert.Contains(t, raw(t, site, head+"f\r\n{\"name\":\"alice\"\r\n1\r\n}\r\n0\r\n\r\n"), `{"name":"alice","age":0}`)
	assert.Contains(t, raw(t, site, head+"0\r\n\r\n"), `"code":"body_required"`)
	assert.Contains(t, raw(t, site, head+"zz\r\n"), `"code":"body_unreadable"`)
}

func TestTheLimitIsExact(t *testing.T) {
	app, _ := newApp(weft.WithLimit(100))
	app.Handle("POST /app", weft.Handle(echo[string]))
	app.Handle("POST /more", weft.Handle(echo[string]).Limit(5000))
	app.Handle("POST /less", weft.Handle(echo[string]).Limit(10))
	site := serve(t, app)
	text := func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }
	for path, limit := range map[string]int{"/app": 100, "/more": 5000, "/less": 10} {
		assert.Equal(t, 200, site.send("POST", path, text(limit)).status, path)
		got := site.send("POST", path, text(limit+1))
		assertProblem(t, got, 413)
		assert.Contains(t, got.body, `"code":"body_too_large"`)
		chunked := "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		assert.Contains(t, raw(t, site, chunked+chunks(text(limit))), "200 OK", path)
		assert.Contains(t, raw(t, site, chunked+chunks(text(limit+1))), "413 Request Entity Too Large", path)
	}
	assertProblem(t, site.send("POST", "/app", text(8<<20)), 413)
}

func chunks(body string) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(len(body), 9)
		b.WriteString(string(rune('0'+n)) + "\r\n" + body[:n] + "\r\n")
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

func TestTheDefaultLimitIsOneMebibyte(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in string) (int, error) { return len(in), nil }))
	site := serve(t, app)
	exactly := `"` + strings.Repeat("x", 1<<20-2) + `"`
	assert.Equal(t, 200, site.send("POST", "/x", exactly).status)
	assertProblem(t, site.send("POST", "/x", exactly+" "), 413)
}

func TestTheBodyIsReadOnceAndShared(t *testing.T) {
	var seen []string
	read := weft.NewMiddleware("read", func(r *weft.Request, next weft.Next) weft.Response {
		before, err := r.Body()
		if err != nil {
			return weft.Fail(err)
		}
		resp := next(r)
		after, _ := r.Body()
		seen = append(seen, string(before), string(after))
		return resp
	})
	app, _ := newApp(weft.WithLimit(50))
	app.Use(read)
	app.Handle("POST /x", weft.Handle(echo[person]).Intercept(read))
	app.Handle("POST /small", weft.Handle(echo[person]).Limit(4))
	site := serve(t, app)
	const body = `{"name":"bob","age":1}`
	assert.Equal(t, body, site.send("POST", "/x", body).body)
	assert.Equal(t, []string{body, body, body, body}, seen)
	assertProblem(t, site.send("POST", "/small", body), 413)
	assertProblem(t, site.send("POST", "/x", strings.Repeat(" ", 51)), 413)
}

func TestWhatAHandlerAnswersWith(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /value", weft.Handle(func(context.Context, struct{}) (person, error) { return person{"a", 1}, nil }))
	app.Handle("GET /pointer", weft.Handle(func(context.Context, struct{}) (*person, error) { return &person{"a", 1}, nil }))
	app.Handle("GET /nil", weft.Handle(func(context.Context, struct{}) (*person, error) { return nil, nil }))
	app.Handle("GET /nil204", weft.Handle(func(context.Context, struct{}) (*person, error) { return nil, nil }).Status(204))
	app.Handle("GET /nilany", weft.Handle(func(context.Context, struct{}) (any, error) { return nil, nil }))
	app.Handle("GET /any", weft.Handle(func(context.Context, struct{}) (any, error) { return []int{1}, nil }))
	app.Handle("GET /slice", weft.Handle(func(context.Context, struct{}) ([]int, error) { return nil, nil }))
	app.Handle("GET /map", weft.Handle(func(context.Context, struct{}) (map[string]int, error) { return map[string]int{"b": 1, "a": 2}, nil }))
	app.Handle("GET /nothing", weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }))
	app.Handle("GET /nothing202", weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }).Status(202))
	app.Handle("GET /response", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return weft.Text("as it is"), nil }))
	app.Handle("GET /zero", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return weft.Response{}, nil }))
	app.Handle("GET /created", weft.Handle(func(context.Context, struct{}) (person, error) { return person{"a", 1}, nil }).Status(201))
	app.Handle("GET /unencodable", weft.Handle(func(context.Context, struct{}) (any, error) { return make(chan int), nil }).Status(201))
	site := serve(t, app)
	for _, row := range []struct {
		path   string
		status int
		body   string
		logged string
	}{
		{"/value", 200, `{"name":"a","age":1}`, ""},
		{"/pointer", 200, `{"name":"a","age":1}`, ""},
		{"/nil", 500, "", "returned nil and no error"},
		{"/nil204", 204, "", ""},
		{"/nilany", 500, "", "returned nil and no error"},
		{"/any", 200, `[1]`, ""},
		{"/slice", 200, `[]`, ""},
		{"/map", 200, `{"a":2,"b":1}`, ""},
		{"/nothing", 204, "", ""},
		{"/nothing202", 202, "", ""},
		{"/response", 200, "as it is", ""},
		{"/zero", 500, "", "zero Response"},
		{"/created", 201, `{"name":"a","age":1}`, ""},
		{"/unencodable", 500, "", "chan int"},
	} {
		t.Run(row.path, func(t *testing.T) {
			got := site.send("GET", row.path, "")
			assert.Equal(t, row.status, got.status)
			errors := log.errors()
			if row.logged == "" {
				assert.Equal(t, row.body, got.body)
				assert.Empty(t, errors)
				return
			}
			assertProblem(t, got, row.status)
			if assert.Len(t, errors, 1) {
				assert.Contains(t, errors[0], row.logged)
				assert.Contains(t, errors[0], "route=GET "+row.path)
			}
		})
	}
}

func TestATypedNilErrorIsADefect(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) {
		var e *http.MaxBytesError
		return "fine", e
	}))
	assertProblem(t, serve(t, app).send("GET", "/x", ""), 500)
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Contains(t, logged[0], "*http.MaxBytesError")
}

func TestAHandlerIsAValue(t *testing.T) {
	tr := &trace{}
	base := tr.handler("base").Use(tr.stage("a"))
	named := base.Named("named").Status(202)
	one := base.Use(tr.stage("b"))
	two := base.Use(tr.stage("c"))
	app, _ := newApp()
	app.Handle("GET /base", base)
	app.Handle("GET /named", named)
	app.Handle("GET /one", one)
	app.Handle("GET /two", two)
	site := serve(t, app)
	for path, want := range map[string]string{
		"/base": around("base", "a"), "/named": around("base", "a"),
		"/one": around("base", "a", "b"), "/two": around("base", "a", "c"),
	} {
		got := site.send("GET", path, "")
		assert.Equal(t, want, tr.take())
		assert.Equal(t, path == "/named", got.status == 202)
	}
}

func TestTheTimeoutReplacesALateAnswer(t *testing.T) {
	for name, late := range map[string]func(context.Context) (string, error){
		"an answer": func(ctx context.Context) (string, error) { <-ctx.Done(); return "too late", nil },
		"an error":  func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() },
		"a panic":   func(ctx context.Context) (string, error) { <-ctx.Done(); panic(errSecret) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, log := newApp()
				tr := &trace{}
				app.Use(tr.stage("outer"))
				app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) { return late(ctx) }).Timeout(time.Second))
				srv := build(t, app)
				w := httptest.NewRecorder()
				start := time.Now()
				srv.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
				assert.Equal(t, time.Second, time.Since(start))
				assert.Equal(t, 504, w.Code)
				assert.JSONEq(t, `{"title":"Gateway Timeout","status":504,"code":"timeout"}`, w.Body.String())
				assert.Equal(t, "outer", stagesOf(w.Header()))
				assert.Len(t, log.errors(), 1)
			})
		})
	}
}

func TestTheTimeoutLeavesAnAnswerInTimeAlone(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, r *weft.Request) (bool, error) {
		_, limited := r.Context().Deadline()
		return limited, ctx.Err()
	}).Timeout(time.Hour))
	assert.Equal(t, "true", serve(t, app).send("GET", "/x", "").body)
}

func TestADeadlineSetByAStageIsATimeoutToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, log := newApp()
		app.Use(weft.NewMiddleware("deadline", func(r *weft.Request, next weft.Next) weft.Response {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second)
			defer cancel()
			return next(r.WithContext(ctx))
		}))
		app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
			<-ctx.Done()
			return "", errors.Join(errSecret, ctx.Err())
		}))
		w := httptest.NewRecorder()
		build(t, app).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
		assert.Equal(t, 504, w.Code)
		assert.Len(t, log.errors(), 1)
	})
}

func TestAClientThatLeavesIsNoFailure(t *testing.T) {
	app, log := newApp()
	ended := make(chan weft.Sent, 1)
	started := make(chan struct{})
	app.Use(weft.Finally("end", func(_ *weft.Request, s weft.Sent) { ended <- s }))
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		close(started)
		<-ctx.Done()
		return "", ctx.Err()
	}))
	site := serve(t, app)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	req, err := http.NewRequestWithContext(ctx, "GET", site.url+"/x", nil)
	require.NoError(t, err)
	_, err = site.client.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	end := <-ended
	assert.Equal(t, 499, end.Status)
	assert.ErrorIs(t, end.Err, context.Canceled)
	assert.Empty(t, log.errors())
}

func TestTheContextLeadsBackToTheRequest(t *testing.T) {
	type key struct{}
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		ctx = context.WithValue(ctx, key{}, 1)
		weft.Logger(ctx).ErrorContext(ctx, "from the handler")
		return weft.RouteOf(ctx).Pattern() + " " + weft.RouteOf(ctx).Name(), nil
	}).Named("named"))
	assert.Equal(t, `"GET /x named"`, serve(t, app).send("GET", "/x", "").body)
	logged := log.errors()
	require.Len(t, logged, 1)
	assert.Equal(t, "ERROR from the handler route=GET /x", logged[0])

	assert.Nil(t, weft.RouteOf(t.Context()))
	assert.NotNil(t, weft.Logger(t.Context()))
	assert.Empty(t, weft.RouteOf(t.Context()).Pattern())
}

func TestRequestReadsWhatTheClientSent(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x/{id}", weft.Handle(func(_ context.Context, r *weft.Request) (map[string]any, error) {
		cookie, err := r.Cookie("c")
		_, missing := r.Cookie("d")
		return map[string]any{
			"id": r.PathValue("id"), "none": r.PathValue("none"), "query": r.Query(), "header": r.Header().Get("x-a"),
			"cookie": cookie.Value, "noError": err == nil, "missing": errors.Is(missing, http.ErrNoCookie), "method": r.HTTP().Method,
		}, nil
	}))
	got := serve(t, app).send("GET", "/x/7?a=1&a=2&b", "", "X-A: h", "Cookie: c=v")
	assert.JSONEq(t, `{"id":"7","none":"","query":{"a":["1","2"],"b":[""]},"header":"h","cookie":"v","noError":true,"missing":true,"method":"GET"}`, got.body)
}

func TestADurationHasNoJSONFormOfItsOwn(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(echo[struct {
		Wait []time.Duration `json:"wait"`
	}]))
	_, err := app.Plan()
	assert.ErrorContains(t, err, "time.Duration, which has no JSON form")
}

func TestANilPointerInAnInterfaceIsNoAnswer(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (any, error) { return (*person)(nil), nil }))
	assertProblem(t, serve(t, app).send("GET", "/x", ""), 500)
	assert.Len(t, log.errors(), 1)
}
