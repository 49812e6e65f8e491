package nethttp_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/weft-go/weft"
)

type wrapper = func(http.Handler) http.Handler

// others are middlewares of others that let requests pass, each as its documentation says to make it.
func others(t *testing.T) map[string]wrapper {
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(0))
	require.NoError(t, err)
	quiet := middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: log.New(io.Discard, "", 0), NoColor: true})
	return map[string]wrapper{
		"rs/cors":                    cors.New(cors.Options{AllowedOrigins: []string{"https://shop.example"}, AllowCredentials: true}).Handler,
		"gzhttp":                     func(next http.Handler) http.Handler { return compress(next) },
		"otelhttp":                   otelhttp.NewMiddleware("shop", otelhttp.WithTracerProvider(sdktrace.NewTracerProvider())),
		"http.CrossOriginProtection": http.NewCrossOriginProtection().Handler,
		"http.MaxBytesHandler":       func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, 1<<20) },
		"http.StripPrefix":           func(next http.Handler) http.Handler { return http.StripPrefix("", next) },
		"chi BasicAuth":              middleware.BasicAuth("shop", map[string]string{"ada": "secret"}),
		"chi Compress":               middleware.Compress(5, "text/plain", "application/json"),
		"chi ContentCharset":         middleware.ContentCharset("", "utf-8"),
		"chi Heartbeat":              middleware.Heartbeat("/ping"),
		"chi Logger":                 quiet,
		"chi NoCache":                middleware.NoCache,
		"chi ClientIPFromXFF":        middleware.ClientIPFromXFF("127.0.0.1/32"),
		"chi Recoverer":              middleware.Recoverer,
		"chi RequestID":              middleware.RequestID,
		"chi RequestSize":            middleware.RequestSize(1 << 20),
		"chi SetHeader":              middleware.SetHeader("X-Shop", "1"),
		"chi StripSlashes":           middleware.StripSlashes,
		"chi Sunset":                 middleware.Sunset(time.Now()),
		"chi Throttle":               middleware.Throttle(1000),
		"chi Timeout":                middleware.Timeout(time.Minute),
		"chi WithValue":              middleware.WithValue("k", "v"),
		"several at once": func(next http.Handler) http.Handler {
			return middleware.RequestID(otelhttp.NewHandler(compress(middleware.Recoverer(middleware.Timeout(time.Minute)(next))), "shop",
				otelhttp.WithTracerProvider(sdktrace.NewTracerProvider())))
		},
	}
}

// asked has what the middlewares want of a request.
var asked = []string{"Accept-Encoding: gzip", "Origin: https://shop.example", "Sec-Fetch-Site: same-origin", "Authorization: Basic YWRhOnNlY3JldA=="}

// unzipped is a reader of the body as it was before a middleware compressed it.
func unzipped(t *testing.T, resp *http.Response, body io.Reader) io.Reader {
	t.Helper()
	if resp.Header.Get("Content-Encoding") != "gzip" {
		return body
	}
	z, err := gzip.NewReader(body)
	require.NoError(t, err)
	return z
}

// Each of them, at each level, over each wire: answers have what the stages outside add, errors too, and streams are read
// line by line while they are made.
func TestMiddlewareOfOthersStandsAnywhere(t *testing.T) {
	long := strings.Repeat("tea ", 5000)
	for name, wrap := range others(t) {
		for _, at := range levels {
			for _, w := range []wire{http1, h2c} {
				t.Run(fmt.Sprint(name, ", ", at.name, ", ", w.name), func(t *testing.T) {
					app, log := newApp()
					sent := sentBy(app)
					group := app.Group("/g")
					var seen int
					stages := at.attach(app, group, outer(&seen), weft.Std(name, wrap), weft.After("inner", func(_ *weft.Request, resp weft.Response) weft.Response {
						return resp.WithHeader("X-Inner", "yes")
					}))
					p, raw := paced{make(chan bool)}, paced{make(chan bool)}
					group.Handle("GET /short", responding(func(context.Context, *weft.Request) weft.Response { return weft.Text("tea") }).Use(stages...))
					group.Handle("GET /long", responding(func(context.Context, *weft.Request) weft.Response { return weft.Text(long) }).Use(stages...))
					group.Handle("POST /echo", weft.Handle(func(_ context.Context, in struct{ Product string }) (string, error) { return in.Product, nil }).Use(stages...))
					group.Handle("GET /error", responding(func(context.Context, *weft.Request) weft.Response { return weft.Fail(&weft.Error{Status: 409}) }).Use(stages...))
					group.Handle("GET /stream", responding(func(context.Context, *weft.Request) weft.Response { return weft.Writer("text/plain", p.write) }).Use(stages...))
					group.Handle("GET /raw", responding(func(context.Context, *weft.Request) weft.Response {
						return weft.Raw(http.HandlerFunc(func(rw http.ResponseWriter, hr *http.Request) {
							rw.Header().Set("Content-Type", "text/plain")
							raw.serve(rw, hr)
						}))
					}).Use(stages...))
					site := w.open(t, build(t, app))

					for path, row := range map[string]struct {
						status int
						text   string
					}{"/g/short": {200, "tea"}, "/g/long": {200, long}, "/g/error": {409, `{"title":"Conflict","status":409}`}} {
						for _, method := range []string{"GET", "HEAD"} {
							got := site.send(method, path, "", asked...)
							assert.NoError(t, got.err)
							assert.Equal(t, row.status, got.StatusCode)
							assertOuter(t, got.Response)
							assert.Equal(t, "yes", got.Header.Get("X-Inner"))
							assert.Equal(t, row.status, seen)
							if method == "HEAD" {
								assert.Empty(t, got.text)
								continue
							}
							text, err := io.ReadAll(unzipped(t, got.Response, strings.NewReader(got.text)))
							assert.NoError(t, err)
							assert.Equal(t, row.text, string(text))
						}
					}
					got := site.send("POST", "/g/echo", `{"Product":"tea"}`, asked...)
					text, err := io.ReadAll(unzipped(t, got.Response, strings.NewReader(got.text)))
					require.NoError(t, err)
					assert.Equal(t, `"tea"`, string(text))
					for range 7 {
						await(t, sent)
					}

					for path, p := range map[string]paced{"/g/stream": p, "/g/raw": raw} {
						go func() { p.step <- true }()
						live := site.begin("GET", path, asked...)
						assertOuter(t, live.Response)
						assert.Equal(t, "yes", live.Header.Get("X-Inner"), path)
						live.lines.Reset(unzipped(t, live.Response, live.Body))
						for i := range 4 {
							if i > 0 {
								p.step <- true
							}
							assert.Equal(t, fmt.Sprint("line ", i), live.line(t), path)
						}
						p.step <- false
						_, err = live.lines.ReadByte()
						assert.ErrorIs(t, err, io.EOF)
						s := await(t, sent)
						assert.Equal(t, 200, s.Status)
						assert.NoError(t, s.Err)
						assert.NoError(t, s.WriteErr)
					}
					assert.Empty(t, log.errors())
				})
			}
		}
	}
}

// Where a middleware answers by itself, no stage inside runs and those outside see its answer.
func TestMiddlewareOfOthersThatAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		wrap   wrapper
		method string
		path   string
		fields []string
		status int
		header string
		text   string
	}{
		{"a preflight", cors.New(cors.Options{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"PUT"}}).Handler, "OPTIONS", "/g/x",
			[]string{"Origin: https://shop.example", "Access-Control-Request-Method: PUT"}, 204, "Access-Control-Allow-Methods: PUT", ""},
		{"a cross-origin request", http.NewCrossOriginProtection().Handler, "POST", "/g/x", []string{"Sec-Fetch-Site: cross-site"}, 403, "", "cross-origin request detected from Sec-Fetch-Site header\n"},
		{"no password", middleware.BasicAuth("shop", nil), "GET", "/g/x", nil, 401, `Www-Authenticate: Basic realm="shop"`, ""},
		{"a media type", middleware.AllowContentType("application/xml"), "POST", "/g/x", nil, 415, "", ""},
		{"a heartbeat", middleware.Heartbeat("/g/x"), "GET", "/g/x", nil, 200, "Content-Type: text/plain", "."},
		{"a redirect", func(http.Handler) http.Handler { return http.RedirectHandler("/elsewhere", http.StatusFound) }, "HEAD", "/g/x", nil, 302, "Location: /elsewhere", ""},
	} {
		for _, at := range levels {
			if row.method == "OPTIONS" && at.name == "route" {
				continue // a route has its method, and OPTIONS is another
			}
			t.Run(row.name+", "+at.name, func(t *testing.T) {
				app, log := newApp()
				group := app.Group("/g")
				var seen int
				ran := false
				stages := at.attach(app, group, outer(&seen), weft.Std("std", row.wrap))
				for _, method := range []string{"GET", "POST"} {
					group.Handle(method+" /x", responding(func(context.Context, *weft.Request) weft.Response { ran = true; return weft.Empty() }).Use(stages...))
				}
				site := http1.open(t, build(t, app))
				body := ""
				if row.method == "POST" {
					body = "{}"
				}
				got := site.send(row.method, row.path, body, row.fields...)
				assert.Equal(t, row.status, got.StatusCode)
				assert.Equal(t, row.status, seen)
				assert.Equal(t, row.text, got.text)
				if name, value, ok := strings.Cut(row.header, ": "); ok {
					assert.Equal(t, value, got.Header.Get(name))
				}
				assertOuter(t, got.Response)
				assert.False(t, ran)
				assert.Empty(t, log.errors())
			})
		}
	}
}

// What a middleware did to the context is there in the handler, and a panic is mapped before chi's Recoverer sees it.
func TestWhatMiddlewareOfOthersSaysToTheStagesInside(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	app, log := newApp()
	app.Use(weft.Std("request id", middleware.RequestID), weft.Std("otel", otelhttp.NewMiddleware("shop", otelhttp.WithTracerProvider(tp))), weft.Std("recover", middleware.Recoverer))
	app.Handle("GET /orders/{id}", responding(func(ctx context.Context, r *weft.Request) weft.Response {
		assert.True(t, trace.SpanContextFromContext(ctx).IsValid())
		if r.PathValue("id") == "8" {
			panic(errSecret)
		}
		return weft.Text(fmt.Sprint(middleware.GetReqID(ctx), " ", r.PathValue("id")))
	}))
	site := http1.open(t, build(t, app))
	assert.Equal(t, "own 7", site.send("GET", "/orders/7", "", "X-Request-Id: own").text)
	got := site.send("GET", "/orders/8", "")
	assert.Equal(t, 500, got.StatusCode)
	assert.Equal(t, "application/problem+json", got.Header.Get("Content-Type"))
	assert.Len(t, log.errors(), 1)
	assert.Equal(t, 404, site.send("GET", "/nowhere", "").StatusCode)

	ended := spans.Ended()
	require.Len(t, ended, 3)
	for i, want := range []string{"GET /orders/{id} 200", "GET /orders/{id} 500", "GET 404"} {
		status := ""
		for _, a := range ended[i].Attributes() {
			if a.Key == "http.response.status_code" {
				status = a.Value.String()
			}
		}
		assert.Equal(t, want, ended[i].Name()+" "+status, "otelhttp sees the pattern as under ServeMux")
	}
}

// What needs a router of its own cannot work: it panics, as it does on any other router. Its panic is a 500 that is
// logged once and names it, and the connection goes on.
func TestMiddlewareThatNeedsARouterOfItsOwn(t *testing.T) {
	for name, wrap := range map[string]wrapper{"chi CleanPath": middleware.CleanPath, "chi GetHead": middleware.GetHead} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Use(outer(nil), weft.Std(name, wrap))
			app.Handle("GET /x", responding(func(context.Context, *weft.Request) weft.Response { return weft.Empty() }))
			got := http1.open(t, build(t, app)).send("HEAD", "/x", "")
			assert.Equal(t, 500, got.StatusCode)
			assertOuter(t, got.Response)
			require.Len(t, log.errors(), 1)
			assert.Contains(t, log.errors()[0], name)
		})
	}
}
