package wefttest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/weft-go/weft"
)

// transportCase is a row of the table.
type transportCase struct {
	name           string
	method, target string
	header         []string // "Name: value"
	body           string
	status         int // over net/http, 0 where there is no answer
	differs        map[Difference]func(*carried)
}

func (c transportCase) request(t testing.TB) *http.Request {
	var body io.Reader
	if c.body != "" {
		body = strings.NewReader(c.body)
	}
	hr, err := http.NewRequestWithContext(t.Context(), c.method, "http://example.com"+c.target, body)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	hr.Header.Set("User-Agent", "wefttest")
	for _, line := range c.header {
		name, value, _ := strings.Cut(line, ": ")
		hr.Header[name] = append(hr.Header[name], value)
	}
	return hr
}

type changes = map[Difference]func(*carried)

func body(text string) func(*carried) { return func(c *carried) { c.body = text } }

// failed is the answer that a failure would have had, had nothing been sent.
func failed(status int, text string) func(*carried) {
	return func(c *carried) {
		c.broken, c.status, c.body = false, status, text
		delete(c.header, "Cache-Control")
		c.header.Set("Content-Type", "application/problem+json")
		c.header.Set("X-Content-Type-Options", "nosniff")
	}
}

const (
	late       = `{"title":"Conflict","status":409,"code":"late"}`
	unexpected = `{"title":"Internal Server Error","status":500,"code":"internal"}`
)

// transportCases are requests, each of which shows one thing.
func transportCases() []transportCase {
	bytes256 := make([]byte, 256)
	for i := range bytes256 {
		bytes256[i] = byte(i)
	}
	json := "Content-Type: application/json"
	large := strings.Repeat("tea & coffee\n", 50<<10)
	return []transportCase{
		{name: "a plain path", method: "GET", target: "/path/tea", status: 200},
		{name: "a space in the path", method: "GET", target: "/path/a%20b", status: 200},
		{name: "a plus in the path", method: "GET", target: "/path/a+b", status: 200},
		{name: "an encoded plus in the path", method: "GET", target: "/path/a%2Bb", status: 200},
		{name: "a percent sign in the path", method: "GET", target: "/path/100%25", status: 200},
		{name: "an escaped escape in the path", method: "GET", target: "/path/%2525", status: 200, differs: changes{DecodesPath: body("%")}},
		{name: "letters beyond ASCII in the path", method: "GET", target: "/path/t%C3%A9", status: 200},
		{name: "punctuation in the path", method: "GET", target: "/path/a;b=c,d@e:f!g$h'i(j)*~", status: 200},
		{name: "a number sign in the path", method: "GET", target: "/path/a%23b", status: 200},
		{name: "a control character in the path", method: "GET", target: "/path/a%0Ab", status: 200},
		{name: "a slash in the path", method: "GET", target: "/path/a%2Fb", status: 200, differs: changes{DecodesPath: func(c *carried) {
			c.status, c.body = 404, `{"title":"Not Found","status":404,"code":"not_found"}`
			c.header.Set("Content-Type", "application/problem+json")
			c.header.Set("X-Content-Type-Options", "nosniff")
		}}},
		{name: "a question mark in the path", method: "GET", target: "/path/a%3Fb", status: 200, differs: changes{DecodesPath: body("a")}},
		{name: "a slash at the end", method: "GET", target: "/rest/a/", status: 200},
		{name: "the path as it was sent", method: "GET", target: "/rest/a%20b", status: 200},
		{name: "slashes in a row", method: "GET", target: "/rest/a//b", status: 307},
		{name: "dots in the path", method: "GET", target: "/rest/../path/tea", status: 307},

		{name: "no query", method: "GET", target: "/query", status: 200},
		{name: "a query of one", method: "GET", target: "/query?a=1", status: 200},
		{name: "a parameter twice", method: "GET", target: "/query?a=1&b=x&a=2", status: 200, differs: changes{LastParameter: body(`{"a":["2"],"b":["x"]}`)}},
		{name: "a space in the query", method: "GET", target: "/query?a=x%20y", status: 200},
		{name: "a plus in the query, which is a space", method: "GET", target: "/query?a=x+y", status: 200},
		{name: "an encoded plus in the query", method: "GET", target: "/query?a=x%2By", status: 200},
		{name: "an empty value", method: "GET", target: "/query?a=&b=1", status: 200},
		{name: "a name alone", method: "GET", target: "/query?a", status: 200},
		{name: "separators in a value", method: "GET", target: "/query?a=%26%3D%23%3B", status: 200},
		{name: "a colon and slashes in a value", method: "GET", target: "/query?t=12%3A00%2F&u=http://x/y?z", status: 200},
		{name: "letters beyond ASCII in the query", method: "GET", target: "/query?t%C3%A9=%C3%A9", status: 200},
		{name: "brackets in a name", method: "GET", target: "/query?a%5B%5D=1", status: 200},
		{name: "a percent sign in a value", method: "GET", target: "/query?a=100%25", status: 200},

		{name: "a header field", method: "GET", target: "/header", header: []string{"X-Many: a"}, status: 200},
		{name: "a header field twice", method: "GET", target: "/header", header: []string{"X-Many: a", "X-Many: b"}, status: 200,
			differs: changes{JoinsHeaders: body(`["a,b"]`), LastHeader: body(`["b"]`)}},
		{name: "a comma in a header field", method: "GET", target: "/header", header: []string{"X-Many: Mon, 02 Jan"}, status: 200},
		{name: "an empty header field", method: "GET", target: "/header", header: []string{"X-Many: "}, status: 200},
		{name: "a header field in lower case", method: "GET", target: "/header", header: []string{"x-many: a"}, status: 200},
		{name: "letters beyond ASCII in a header field", method: "GET", target: "/header", header: []string{"X-Many: té"}, status: 200},
		{name: "cookies", method: "GET", target: "/cookies", header: []string{`Cookie: a=1; b="2 3"; c=x=y`}, status: 200},
		{name: "no cookie", method: "GET", target: "/cookies", status: 200},
		{name: "the host", method: "GET", target: "/host", status: 200},

		{name: "no body", method: "POST", target: "/body", status: 200},
		{name: "a text", method: "POST", target: "/body", header: []string{"Content-Type: text/plain"}, body: "té \"\\\n\x00", status: 200},
		{name: "JSON", method: "POST", target: "/orders", header: []string{json}, body: `{"product":"té","quantity":2}`, status: 201},
		{name: "a form", method: "POST", target: "/body", header: []string{"Content-Type: application/x-www-form-urlencoded"}, body: "a=1&b=x+y", status: 200},
		{name: "bytes", method: "POST", target: "/body", header: []string{"Content-Type: application/octet-stream"}, body: string(bytes256), status: 200},
		{name: "bytes without a type", method: "POST", target: "/body", body: string(bytes256), status: 200},
		{name: "bytes that say they are text", method: "POST", target: "/body", header: []string{"Content-Type: text/plain"}, body: string(bytes256), status: 200},
		{name: "a large text", method: "POST", target: "/body", header: []string{"Content-Type: text/plain"}, body: large, status: 200},
		{name: "PUT", method: "PUT", target: "/body", header: []string{"Content-Type: text/plain"}, body: "x", status: 200},
		{name: "PATCH", method: "PATCH", target: "/body", header: []string{"Content-Type: text/plain"}, body: "x", status: 200},
		{name: "DELETE with a body", method: "DELETE", target: "/body", header: []string{"Content-Type: text/plain"}, body: "x", status: 200},
		{name: "a body that is a stream", method: "POST", target: "/items", header: []string{"Content-Type: application/x-ndjson"}, body: "{\"quantity\":1}\n{\"quantity\":2}\n", status: 200},

		{name: "JSON that is none", method: "POST", target: "/orders", header: []string{json}, body: `{"product":`, status: 400},
		{name: "a rule that is broken", method: "POST", target: "/orders", header: []string{json}, body: `{"product":"tea","quantity":0}`, status: 422},
		{name: "another media type", method: "POST", target: "/orders", header: []string{"Content-Type: text/plain"}, body: "x", status: 415},
		{name: "a body that is too large", method: "POST", target: "/orders", header: []string{json}, body: `"` + strings.Repeat("x", 200<<10) + `"`, status: 413},
		{name: "no such path", method: "GET", target: "/nowhere", status: 404},
		{name: "no such method", method: "DELETE", target: "/orders", status: 405},
		{name: "OPTIONS", method: "OPTIONS", target: "/orders", status: 204},
		{name: "who are you", method: "GET", target: "/secret", status: 401},
		{name: "an error", method: "GET", target: "/fails/conflict", status: 409},
		{name: "an unknown error", method: "GET", target: "/fails/error", status: 500},
		{name: "a panic", method: "GET", target: "/fails/panic", status: 500},
		{name: "an answer that is broken off", method: "GET", target: "/fails/abort", status: 0},
		{name: "a deadline that has passed", method: "GET", target: "/fails/timeout", status: 504},
		{name: "a commit that fails", method: "POST", target: "/tx", status: 500},

		{name: "HEAD", method: "HEAD", target: "/answers/text", status: 200},
		{name: "HEAD of a stream", method: "HEAD", target: "/stream/ok", status: 200},
		{name: "no content", method: "GET", target: "/answers/none", status: 204},
		{name: "not modified", method: "GET", target: "/answers/tagged", header: []string{`If-None-Match: "v1"`}, status: 304},
		{name: "a tag", method: "GET", target: "/answers/tagged", status: 200},
		{name: "an empty text", method: "GET", target: "/answers/empty", status: 200},
		{name: "a text", method: "GET", target: "/answers/text", status: 200},
		{name: "HTML", method: "GET", target: "/answers/html", status: 200},
		{name: "SVG", method: "GET", target: "/answers/svg", status: 200},
		{name: "bytes", method: "GET", target: "/answers/bytes", status: 200},
		{name: "a text that is none", method: "GET", target: "/answers/latin1", status: 200},
		{name: "a coding", method: "GET", target: "/answers/coded", status: 200},
		{name: "a large answer", method: "GET", target: "/answers/large", status: 200},
		{name: "a redirect", method: "GET", target: "/answers/redirect", status: 303},
		{name: "created", method: "GET", target: "/answers/created", status: 201},
		{name: "cookies that are set", method: "GET", target: "/answers/cookies", status: 200, differs: changes{LastCookie: func(c *carried) {
			all := c.header["Set-Cookie"]
			c.header["Set-Cookie"] = all[len(all)-1:]
		}}},
		{name: "a header field of an answer twice", method: "GET", target: "/answers/many", status: 200, differs: changes{JoinsAnswers: joined}},
		{name: "an unusual status", method: "GET", target: "/answers/299", status: 299},

		{name: "a stream", method: "GET", target: "/stream/ok", status: 200},
		{name: "a stream of lines", method: "GET", target: "/stream/ok", header: []string{"Accept: application/x-ndjson"}, status: 200},
		{name: "a stream of events", method: "GET", target: "/stream/ok", header: []string{"Accept: text/event-stream"}, status: 200},
		{name: "a stream that fails at once", method: "GET", target: "/stream/first", status: 409},
		{name: "a stream that fails late", method: "GET", target: "/stream/late", header: []string{"Accept: application/x-ndjson"}, status: 200, differs: changes{Collects: failed(409, late)}},
		{name: "events that fail late", method: "GET", target: "/stream/late", header: []string{"Accept: text/event-stream"}, status: 200, differs: changes{Collects: failed(409, late)}},
		{name: "a stream that panics late", method: "GET", target: "/stream/panic", header: []string{"Accept: application/x-ndjson"}, status: 200, differs: changes{Collects: failed(500, unexpected)}},
		{name: "a stream whose commit fails", method: "GET", target: "/tx/stream", status: 200, differs: changes{Collects: failed(500, unexpected)}},
		{name: "a writer", method: "GET", target: "/writer/ok", status: 200},
		{name: "a writer that fails late", method: "GET", target: "/writer/late", status: 200, differs: changes{Collects: failed(409, late)}},
		{name: "a reader", method: "GET", target: "/reader", status: 200},
		{name: "a file", method: "GET", target: "/file", status: 200},
		{name: "a part of a file", method: "GET", target: "/file", header: []string{"Range: bytes=2-3"}, status: 206},
		{name: "no such part of a file", method: "GET", target: "/file", header: []string{"Range: bytes=1000000-"}, status: 416},
		{name: "a handler of net/http", method: "POST", target: "/raw/x", header: []string{"Content-Type: text/plain"}, body: "tea", status: 418},
		{name: "a handler of net/http whose type is guessed", method: "GET", target: "/raw/guess", status: 200},
		{name: "a handler of net/http that panics", method: "GET", target: "/raw/panic", status: 500},
		{name: "a middleware of net/http that flushes", method: "GET", target: "/std", status: 200},
	}
}

func joined(c *carried) { c.header["X-Many"] = []string{strings.Join(c.header["X-Many"], ", ")} }

var errUnexpected = errors.New("unexpected")

// brokenTx cannot commit.
type brokenTx struct{}

func (*brokenTx) Settle(_ context.Context, o weft.Outcome) error {
	if o.OK() {
		return errUnexpected
	}
	return nil
}

type inTx struct{ *brokenTx }

func (inTx) Write(context.Context, struct{}) (string, error) { return "written", nil }

func (inTx) Stream(context.Context, struct{}) (weft.Stream[string], error) {
	return manyItems(func(func(string, error) bool) {}), nil
}

// manyItems is a stream beyond what is held back, and then end.
func manyItems(end func(yield func(string, error) bool)) weft.Stream[string] {
	return func(yield func(string, error) bool) {
		for range 200 {
			if !yield(strings.Repeat("tea", 100), nil) {
				return
			}
		}
		end(yield)
	}
}

type transportOrder struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity" validate:"min=1"`
}

// transportApp is what the table's requests go to.
func transportApp() *weft.App {
	con := weft.NewContainer(nil)
	weft.PerRequest[*brokenTx](con, func() *brokenTx { return &brokenTx{} })
	weft.Auto[inTx](con, func(tx *brokenTx) inTx { return inTx{tx} })
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)), weft.WithContainer(con))
	conflict := func() error { return &weft.Error{Status: http.StatusConflict, Code: "late"} }
	answer := func(fn func(r *weft.Request) (weft.Response, error)) weft.Endpoint {
		return weft.Handle(func(_ context.Context, r *weft.Request) (weft.Response, error) { return fn(r) })
	}
	app.Handle("GET /path/{one}", answer(func(r *weft.Request) (weft.Response, error) { return weft.Text(r.PathValue("one")), nil }))
	app.Handle("GET /rest/{all...}", answer(func(r *weft.Request) (weft.Response, error) {
		return weft.Text(r.PathValue("all") + " " + r.HTTP().URL.EscapedPath() + " " + r.HTTP().RequestURI), nil
	}))
	app.Handle("GET /query", answer(func(r *weft.Request) (weft.Response, error) { return weft.JSON(r.Query()), nil }))
	app.Handle("GET /header", answer(func(r *weft.Request) (weft.Response, error) { return weft.JSON(r.Header()["X-Many"]), nil }))
	app.Handle("GET /host", answer(func(r *weft.Request) (weft.Response, error) { return weft.Text(r.HTTP().Host), nil }))
	app.Handle("GET /cookies", answer(func(r *weft.Request) (weft.Response, error) {
		var all []string
		for _, c := range r.HTTP().Cookies() {
			all = append(all, c.String())
		}
		return weft.JSON(all), nil
	}))
	app.Handle("/body", answer(func(r *weft.Request) (weft.Response, error) {
		content, err := r.Body()
		return weft.Text(fmt.Sprintf("%s %d %x %s", r.HTTP().Method, len(content), sha256.Sum256(content), r.Header().Get("Content-Type"))), err
	}))
	app.Handle("POST /orders", weft.Handle(func(_ context.Context, in transportOrder) (transportOrder, error) { return in, nil }).Status(http.StatusCreated).Limit(100<<10))
	app.Handle("POST /items", weft.Handle(func(_ context.Context, in weft.Stream[transportOrder]) (int, error) {
		sum := 0
		for item, err := range in {
			if err != nil {
				return 0, err
			}
			sum += item.Quantity
		}
		return sum, nil
	}))
	app.Handle("GET /secret", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }).
		Guard(weft.NewGuard("nobody", func(*weft.Request) error { return weft.Unauthenticated(`Bearer realm="x"`, "Who are you?") })))
	app.Handle("GET /fails/{how}", answer(func(r *weft.Request) (weft.Response, error) {
		switch r.PathValue("how") {
		case "conflict":
			return weft.Response{}, &weft.Error{Status: 409, Header: http.Header{"Retry-After": {"7"}}}
		case "panic":
			panic(errUnexpected)
		case "abort":
			panic(http.ErrAbortHandler)
		case "timeout":
			ctx, cancel := context.WithTimeout(r.Context(), time.Nanosecond)
			defer cancel()
			<-ctx.Done()
			return weft.Response{}, &weft.Error{Status: http.StatusGatewayTimeout, Cause: ctx.Err()}
		}
		return weft.Response{}, errUnexpected
	}))
	app.Handle("POST /tx", weft.HandleFrom(inTx.Write))
	app.Handle("GET /tx/stream", weft.HandleFrom(inTx.Stream))
	app.Handle("GET /answers/{what}", answer(transportAnswer))
	app.Handle("GET /stream/{how}", weft.Handle(func(_ context.Context, how string) (weft.Stream[string], error) {
		if how == "first" {
			return func(yield func(string, error) bool) { yield("", conflict()) }, nil
		}
		return manyItems(func(yield func(string, error) bool) {
			switch how {
			case "late":
				yield("", conflict())
			case "panic":
				panic(errUnexpected)
			}
		}), nil
	}).Extract(weft.PathValue[string]("how")))
	app.Handle("GET /writer/{how}", answer(func(r *weft.Request) (weft.Response, error) {
		how := r.PathValue("how")
		return weft.Writer("text/plain", func(w io.Writer) error {
			for range 100 {
				if _, err := io.WriteString(w, strings.Repeat("tea\n", 256)); err != nil {
					return err
				}
			}
			if how == "late" {
				return conflict()
			}
			return nil
		}), nil
	}))
	app.Handle("GET /reader", answer(func(*weft.Request) (weft.Response, error) {
		return weft.Reader("application/pdf", strings.NewReader(strings.Repeat("\x00\xffpdf", 20<<10))), nil
	}))
	files := fstest.MapFS{"menu.txt": {Data: []byte(strings.Repeat("tea, coffee\n", 5000)), ModTime: time.Unix(1_700_000_000, 0)}}
	app.Handle("GET /file", answer(func(*weft.Request) (weft.Response, error) { return weft.File(files, "menu.txt"), nil }))
	app.Mount("/raw", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/guess":
			_, _ = io.WriteString(w, "<html>tea")
		case "/panic":
			panic(errUnexpected)
		default:
			w.Header().Add("Set-Cookie", "raw=1")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.Copy(w, r.Body)
		}
	}))
	app.Handle("GET /std", weft.Handle(func(context.Context, struct{}) (string, error) { return "inside", nil }).Use(weft.Std("flushes", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Std", "yes")
			next.ServeHTTP(w, r)
			_ = http.NewResponseController(w).Flush()
		})
	})))
	return app
}

// transportAnswer is an answer of the kind that the path says.
func transportAnswer(r *weft.Request) (weft.Response, error) {
	switch what := r.PathValue("what"); what {
	case "none":
		return weft.Empty(), nil
	case "tagged":
		resp := weft.Text("tagged").WithHeader("Etag", `"v1"`)
		if r.Header().Get("If-None-Match") == `"v1"` {
			resp = resp.WithStatus(http.StatusNotModified)
		}
		return resp, nil
	case "empty":
		return weft.Text(""), nil
	case "html":
		return weft.HTML("<p>té & \"tea\"</p>\u2028"), nil
	case "svg":
		return weft.Bytes("image/svg+xml", []byte("<svg/>")), nil
	case "bytes":
		return weft.Bytes("image/png", []byte("\x89PNG\r\n\x1a\n\x00\xff")), nil
	case "latin1":
		return weft.Bytes("text/plain; charset=iso-8859-1", []byte("t\xe9")), nil
	case "coded":
		return weft.Bytes("text/plain", []byte("not really gzip")).WithHeader("Content-Encoding", "gzip"), nil
	case "large":
		return weft.Text(strings.Repeat("tea & \"coffee\"\n", 40<<10)), nil
	case "redirect":
		return weft.Redirect(http.StatusSeeOther, "/query?a=x%20y"), nil
	case "created":
		return weft.Created("/orders/7", map[string]int{"id": 7}), nil
	case "cookies":
		return weft.Text("x").WithCookie(&http.Cookie{Name: "a", Value: "1"}).WithCookie(&http.Cookie{Name: "b", Value: "2", Expires: time.Unix(1_900_000_000, 0)}), nil
	case "many":
		return weft.Text("x").WithAddedHeader("X-Many", "a").WithAddedHeader("X-Many", "b, c"), nil
	case "299":
		return weft.Text("x").WithStatus(299), nil
	}
	return weft.Text("té"), nil
}
