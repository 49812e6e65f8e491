package nethttp_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// scenario is a handler of net/http and a request to it.
type scenario struct {
	name   string
	method string // GET where it is not said
	body   string
	fields []string
	serve  http.HandlerFunc
	direct bool // what a proxy makes of it is a matter of luck: its flushes and writes race
}

var modified = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func contentHandler(w http.ResponseWriter, hr *http.Request) {
	w.Header().Set("Etag", `"1"`)
	http.ServeContent(w, hr, "tea.txt", modified, strings.NewReader(strings.Repeat("tea ", 40_000)))
}

var scenarios = []scenario{
	{name: "nothing", serve: func(http.ResponseWriter, *http.Request) {}},
	{name: "a text", serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "tea") }},
	{name: "markup of no type", serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }},
	{name: "a text of no type at all", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	}},
	{name: "HEAD of a text", method: "HEAD", serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "tea") }},
	{name: "HEAD with a length", method: "HEAD", serve: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "4711") }},
	{name: "HEAD flushed", method: "HEAD", serve: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "tea")
		w.(http.Flusher).Flush()
	}},
	{name: "204", serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
	{name: "204 flushed", direct: true, serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); w.(http.Flusher).Flush() }},
	{name: "204 and a body", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		_, err := io.WriteString(w, "tea")
		if err == nil {
			panic("a body")
		}
	}},
	{name: "304", serve: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Etag", `"1"`); w.WriteHeader(304) }},
	{name: "304 flushed", direct: true, serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304); w.(http.Flusher).Flush() }},
	{name: "http.Error", serve: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) }},
	{name: "a redirect", serve: func(w http.ResponseWriter, hr *http.Request) { http.Redirect(w, hr, "/elsewhere", http.StatusSeeOther) }},
	{name: "fields set too late", serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.Header().Set("X-Late", "1") }},
	{name: "several cookies", serve: func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	}},
	{name: "10 KiB", serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("tea ", 2560)) }},
	{name: "1 MiB in pieces", serve: func(w http.ResponseWriter, _ *http.Request) {
		for range 1024 {
			_, _ = io.WriteString(w, strings.Repeat("tea ", 256))
		}
	}},
	{name: "1 MiB and its length", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1048576")
		_, _ = io.WriteString(w, strings.Repeat("tea ", 256<<10))
	}},
	{name: "less than its length", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "tea")
		w.(http.Flusher).Flush()
	}},
	{name: "flushes", serve: func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			_, _ = io.WriteString(w, "tea\n")
			w.(http.Flusher).Flush()
		}
	}},
	{name: "flushes nothing", direct: true, serve: func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }},
	{name: "trailers that were announced", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-Never")
		_, _ = io.WriteString(w, "tea")
		w.Header().Set("X-Sum", "1")
		w.Header().Set("X-Other", "1")
	}},
	{name: "trailers that were not announced", serve: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "tea")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
	}},
	{name: "trailers of both kinds after much", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		for range 1024 {
			_, _ = io.WriteString(w, strings.Repeat("tea ", 256))
		}
		w.Header().Set("X-Sum", "1")
		w.Header().Set(http.TrailerPrefix+"X-More", "2")
	}},
	{name: "early hints", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload; as=style")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Add("Link", "</script.js>; rel=preload; as=script")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "tea")
	}},
	{name: "early hints before a stream", serve: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		_, _ = io.WriteString(w, "tea")
		w.(http.Flusher).Flush()
		w.WriteHeader(http.StatusEarlyHints) // too late
	}},
	{name: "expects to continue, and may", method: "POST", body: "tea", fields: []string{"Expect: 100-continue"}, serve: func(w http.ResponseWriter, hr *http.Request) {
		_, _ = io.Copy(w, hr.Body)
	}},
	{name: "expects to continue, and may not", method: "POST", body: "tea", fields: []string{"Expect: 100-continue"}, serve: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusExpectationFailed)
	}},
	{name: "says continue itself", method: "POST", body: "tea", fields: []string{"Expect: 100-continue"}, serve: func(w http.ResponseWriter, hr *http.Request) {
		w.WriteHeader(http.StatusContinue)
		_, _ = io.Copy(w, hr.Body)
	}},
	{name: "echoes 1 MiB", method: "POST", body: strings.Repeat("tea ", 256<<10), serve: func(w http.ResponseWriter, hr *http.Request) {
		body, _ := io.ReadAll(hr.Body)
		_, _ = w.Write(body)
	}},
	{name: "a file", serve: contentHandler},
	{name: "HEAD of a file", method: "HEAD", serve: contentHandler},
	{name: "a part of a file", fields: []string{"Range: bytes=10-19"}, serve: contentHandler},
	{name: "a file that is known", fields: []string{`If-None-Match: "1"`}, serve: contentHandler},
	{name: "a part that there is not", fields: []string{"Range: bytes=9999999-"}, serve: contentHandler},
	{name: "aborts", serve: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	{name: "aborts a stream", serve: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "tea")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}},
	{name: "breaks a stream off", serve: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "tea")
		w.(http.Flusher).Flush()
		panic(errSecret)
	}},
	{name: "looks at the request", fields: []string{"X-Own: 1"}, serve: func(w http.ResponseWriter, hr *http.Request) {
		_, _ = fmt.Fprint(w, hr.Method, hr.URL, hr.RequestURI, hr.Proto, hr.ContentLength, hr.Header.Get("X-Own"), hr.TLS != nil)
	}},
	{name: "reads and writes at once", direct: true, method: "POST", body: strings.Repeat("tea ", 256<<10), serve: func(w http.ResponseWriter, hr *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		_, _ = io.Copy(w, hr.Body)
	}},
}

// ways are those by which a handler of net/http gets among weft's stages. Its path is /x.
var ways = []struct {
	name string
	make func(app *weft.App, h http.Handler)
}{
	{"Raw", func(app *weft.App, h http.Handler) {
		app.Handle("/x", responding(func(context.Context, *weft.Request) weft.Response { return weft.Raw(h) }))
	}},
	{"Raw within Std", func(app *weft.App, h http.Handler) {
		app.Use(weft.Std("through", through))
		app.Handle("/x", responding(func(context.Context, *weft.Request) weft.Response { return weft.Raw(h) }).Use(weft.Std("again", through)))
	}},
	{"Std", func(app *weft.App, h http.Handler) {
		app.Use(weft.Std("answers", func(http.Handler) http.Handler { return h }))
	}},
	{"Std within Std", func(app *weft.App, h http.Handler) {
		app.Use(weft.Std("through", through))
		app.Handle("/x", weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }).Use(weft.Std("answers", func(http.Handler) http.Handler { return h })))
	}},
	{"Mount", func(app *weft.App, h http.Handler) { app.Mount("", h) }},
	{"Mount within Std", func(app *weft.App, h http.Handler) { app.Mount("", h, weft.Std("through", through)) }},
	{"Server mounted in Server", func(app *weft.App, h http.Handler) {
		inner, _ := newApp()
		inner.Use(weft.Std("through", through))
		inner.Mount("/", h)
		srv, err := inner.Build(context.Background())
		if err != nil {
			panic(err)
		}
		app.Mount("/", srv)
	}},
}

func through(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) { next.ServeHTTP(w, hr) })
}

// observed is what a client sees.
type observed struct {
	Failed  bool // no answer at all
	Status  int
	Header  http.Header
	Length  int64
	Body    string
	Broken  bool // the body has no end
	Trailer http.Header
	Before  []string // informational answers
	outer   string   // what the stage outside has added
}

// brief is what is observed with a body that can be read.
func (o observed) brief() observed {
	if len(o.Body) > 100 {
		o.Body = fmt.Sprintf("%.20s... %d %x", o.Body, len(o.Body), sha256.Sum256([]byte(o.Body)))
	}
	if len(o.Before) == 0 {
		o.Before = nil
	}
	o.outer = ""
	return o
}

// observe sends what the scenario sends. Where a body goes through a proxy, an answer broken off is asked for again: net/http's Server
// closes a body of the request as it begins to answer, and its Transport, which may be about to look for the body's end, then takes
// the backend's answer for broken. That happens now and then whoever runs the proxy.
func (s *site) observe(sc scenario, proxied bool) observed {
	o := s.try(sc)
	for again := 0; again < 3 && o.Broken && proxied && sc.body != ""; again++ {
		o = s.try(sc)
	}
	return o
}

func (s *site) try(sc scenario) (o observed) {
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		o.Before = append(o.Before, fmt.Sprint(code, h["Link"]))
		return nil
	}})
	method := sc.method
	if method == "" {
		method = "GET"
	}
	var body io.Reader
	if sc.body != "" {
		body = strings.NewReader(sc.body)
	}
	resp, err := s.client.Do(s.request(ctx, method, "/x", body, sc.fields...))
	if err != nil {
		o.Failed = true
		return o
	}
	got := read(resp)
	got.Header.Del("Date")
	o.outer = got.Header.Get("X-Outer")
	got.Header.Del("X-Outer")
	o.Status, o.Header, o.Length, o.Body, o.Broken, o.Trailer = got.StatusCode, got.Header, got.ContentLength, got.text, got.err != nil, got.Trailer
	if len(o.Trailer) == 0 {
		o.Trailer = nil
	}
	return o
}

// What a handler of net/http answers is the same behind weft's stages as by itself, over each wire and through a proxy.
func TestAHandlerAnswersAsItDoesByItself(t *testing.T) {
	for _, w := range wires {
		for _, proxied := range []bool{false, true} {
			for _, sc := range scenarios {
				h := http.Handler(sc.serve)
				name := sc.name
				if proxied {
					if sc.direct || w.name != http1.name && w.name != http2.name {
						continue
					}
					name += ", by a proxy"
					h = proxyTo(t, h)
				}
				t.Run(w.name+", "+name, func(t *testing.T) {
					want := w.open(t, h).observe(sc, proxied)
					for _, way := range ways {
						t.Run(way.name, func(t *testing.T) {
							app, _ := newApp()
							app.Use(outer(nil))
							way.make(app, h)
							got := w.open(t, build(t, app)).observe(sc, proxied)
							if want.Length < 0 && got.Length == int64(len(got.Body)) || sc.method == "HEAD" && want.Length < 0 {
								// where net/http does not wait for the end, weft may know it, and says how long the answer is
								got.Header.Del("Content-Length")
								got.Length = want.Length
							}
							if proxied { // whether the proxy has read the body by the time of its answer is a matter of luck
								continues := func(before string) bool { return before == "100 []" }
								want.Before, got.Before = slices.DeleteFunc(want.Before, continues), slices.DeleteFunc(got.Before, continues)
							}
							assert.Equal(t, want.brief(), got.brief())
							assert.Equal(t, !want.Failed, got.outer == "yes", "what the stages outside add")
						})
					}
				})
			}
		}
	}
}

func proxyTo(t *testing.T, h http.Handler) http.Handler {
	backend := httptest.NewServer(h)
	backend.Config.ErrorLog = discard
	t.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	require.NoError(t, err)
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{DisableKeepAlives: true}, ErrorLog: discard,
	}
}
