package weft_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// rawHandler answers with a handler of net/http.
func rawHandler(fn http.HandlerFunc) *weft.Handler[*weft.Request, weft.Response] {
	return responding(func(context.Context, *weft.Request) weft.Response { return weft.Raw(fn) })
}

// outerFields is a stage that adds to every answer, and sees no status of a Raw one.
func outerFields(t *testing.T, status int) weft.Middleware {
	return weft.After("fields", func(_ *weft.Request, resp weft.Response) weft.Response {
		assert.Equal(t, status, resp.Status())
		return resp.WithHeader("X-Outer", "outer").WithHeader("X-Both", "outer").WithHeader("Content-Security-Policy", "outer").
			Vary("Origin").WithAddedHeader("Set-Cookie", "outer=1").WithoutHeader("X-Hidden").WithHeader("Content-Length", "3")
	})
}

func TestAHandlerOnTheConnection(t *testing.T) {
	for _, row := range []struct {
		name   string
		fn     http.HandlerFunc
		status int
		body   string
		header map[string]string
		bytes  int64
	}{
		{name: "writes", fn: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
			status: 200, body: "<html>", header: map[string]string{"Content-Type": "text/html; charset=utf-8", "X-Both": "outer", "Content-Length": "6"}, bytes: 6},
		{name: "writes nothing", fn: func(http.ResponseWriter, *http.Request) {}, status: 200, header: map[string]string{"Content-Length": "0"}},
		{name: "sets fields", fn: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Both", "inner")
			w.Header().Set("X-Hidden", "inner")
			w.Header().Set("Vary", "Accept")
			w.Header().Set("Set-Cookie", "inner=1")
			w.WriteHeader(http.StatusTeapot)
			w.Header().Set("X-Late", "late")
		}, status: http.StatusTeapot, header: map[string]string{"X-Both": "inner", "X-Hidden": "", "X-Late": "", "Vary": "Accept|Origin", "Set-Cookie": "inner=1|outer=1"}},
		{name: "flushes", fn: func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				_, _ = io.WriteString(w, "a")
				w.(http.Flusher).Flush()
			}
		}, status: 200, body: "aaa", bytes: 3, header: map[string]string{"Content-Length": ""}},
		{name: "copies", fn: func(w http.ResponseWriter, _ *http.Request) {
			_, isReaderFrom := w.(io.ReaderFrom)
			assert.True(t, isReaderFrom)
			_, _ = io.Copy(w, strings.NewReader("a file"))
		}, status: 200, body: "a file", bytes: 6},
		{name: "reads values", fn: func(w http.ResponseWriter, r *http.Request) {
			user, _ := CurrentUser.From(r.Context())
			fmt.Fprint(w, r.PathValue("id"), user.Name, weft.RouteOf(r.Context()).Pattern(), r.Context().Err())
		}, status: 200, body: "7AdaGET /{id}<nil>", bytes: 18},
		{name: "writes where there is no body", fn: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304); _, _ = io.WriteString(w, "a") }, status: 304},
	} {
		for _, through := range [][]weft.Middleware{nil, {weft.Std("through", passStd)}} {
			t.Run(fmt.Sprint(row.name, " behind ", len(through)), func(t *testing.T) {
				app, log := newApp()
				sent := sentBy(app)
				seen := 0
				if through != nil {
					seen = row.status
				}
				app.Use(outerFields(t, seen))
				app.Use(through...)
				app.Handle("GET /{id}", rawHandler(row.fn).Guard(logIn).Timeout(time.Minute)) // whose context ends before
				got := serve(t, app).send("GET", "/7", "", "Authorization: Bearer ada's key")
				assert.Equal(t, row.status, got.status)
				assert.Equal(t, row.body, got.body)
				assert.Equal(t, "outer", got.header.Get("X-Outer"))
				assert.Equal(t, "outer", got.header.Get("Content-Security-Policy"))
				for name, value := range row.header {
					switch { // of a Response the stages outside have the last word
					case through != nil && name == "X-Both":
						value = "outer"
					case through != nil && row.name == "flushes":
						value = "3"
					}
					assert.Equal(t, value, strings.Join(got.header[name], "|"), name)
				}
				s := await(t, sent)
				assert.Equal(t, row.status, s.Status)
				assert.Equal(t, row.bytes, s.Bytes)
				assert.NoError(t, s.Err)
				assert.NoError(t, s.WriteErr)
				assert.Empty(t, log.errors())
			})
		}
	}
}

func TestAHandlerOnTheConnectionThatFails(t *testing.T) {
	for _, through := range [][]weft.Middleware{nil, {weft.Std("through", passStd)}} {
		app, log := newApp()
		sent := sentBy(app)
		app.Use(weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader("X-Outer", "yes") }))
		app.Use(through...)
		app.Handle("GET /early", rawHandler(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Etag", "1"); panic(errSecret) }))
		app.Handle("GET /late", rawHandler(func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); panic(errSecret) }))
		app.Handle("GET /abort", rawHandler(func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); panic(http.ErrAbortHandler) }))
		site := serve(t, app)

		got := site.send("GET", "/early", "")
		assertProblem(t, got, 500)
		assert.Equal(t, "yes", got.header.Get("X-Outer"))
		assert.Empty(t, got.header.Get("Etag"))
		assert.ErrorIs(t, await(t, sent).Err, errSecret)
		errs := log.errors()
		require.Len(t, errs, 1)
		assert.Contains(t, errs[0], "raw_ext_test.go", "its stack")

		_, err := site.try("GET", "/late", "")
		assert.Error(t, err)
		s := await(t, sent)
		assert.Equal(t, 200, s.Status)
		assert.ErrorIs(t, s.Err, errSecret)
		errs = log.errors()
		require.Len(t, errs, 1, "once")
		assert.Contains(t, errs[0], "route=GET /late")

		_, err = site.try("GET", "/abort", "")
		assert.Error(t, err)
		await(t, sent)
		assert.Empty(t, log.errors())
	}
}

// upgrade is a connection that is taken over and echoes lines, as a WebSocket is.
func upgrade(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "echo")
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, stream, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	for {
		line, err := stream.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = stream.WriteString("echo " + line)
		_ = stream.Flush()
	}
}

func TestAConnectionIsTakenOverThroughTheOnion(t *testing.T) {
	proxied := httptest.NewServer(http.HandlerFunc(upgrade))
	t.Cleanup(proxied.Close)
	target, err := url.Parse(proxied.URL)
	require.NoError(t, err)
	for name, h := range map[string]http.Handler{"itself": http.HandlerFunc(upgrade), "by a proxy": httputil.NewSingleHostReverseProxy(target)} {
		for _, through := range [][]weft.Middleware{nil, {weft.Std("through", passStd)}, {weft.Std("through", passStd), weft.Std("again", passStd)}} {
			t.Run(fmt.Sprint(name, " behind ", len(through)), func(t *testing.T) {
				app, log := newApp()
				sent := sentBy(app)
				app.Use(weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader("X-Outer", "yes") }))
				app.Use(through...)
				app.Handle("GET /x", rawHandler(h.ServeHTTP))
				site := serve(t, app)
				conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(site.url, "http://"))
				require.NoError(t, err)
				defer conn.Close()
				_, err = io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				require.NoError(t, err)
				lines := bufio.NewReader(conn)
				head, err := http.ReadResponse(lines, nil)
				require.NoError(t, err)
				assert.Equal(t, 101, head.StatusCode)
				assert.Equal(t, "echo", head.Header.Get("Upgrade"))
				if name == "itself" { // the proxy writes what its target has answered
					assert.Equal(t, "yes", head.Header.Get("X-Outer"))
				}
				for range 3 {
					_, err = io.WriteString(conn, "hello\n")
					require.NoError(t, err)
					line, err := lines.ReadString('\n')
					require.NoError(t, err)
					assert.Equal(t, "echo hello\n", line)
				}
				conn.Close()
				s := await(t, sent)
				assert.Equal(t, 101, s.Status)
				assert.NoError(t, s.Err)
				assert.Empty(t, log.errors())
			})
		}
	}
}

// Where the connection cannot be taken over, the handler is told so and answers.
func TestAConnectionThatCannotBeTakenOver(t *testing.T) {
	refuses := func(w http.ResponseWriter, _ *http.Request) {
		if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
			w.Header().Set("X-Why", "no")
			http.Error(w, "no", http.StatusNotImplemented)
		}
	}
	narrow := func(next http.Handler) http.Handler { // a ResponseWriter that can do nothing more
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
	}
	for name, through := range map[string][]weft.Middleware{"narrow": {weft.Std("narrow", narrow)}, "narrow outside": {weft.Std("narrow", narrow), weft.Std("through", passStd)}} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Use(weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader("X-Outer", "yes") }))
			app.Use(through...)
			app.Handle("GET /x", rawHandler(refuses))
			got := serve(t, app).send("GET", "/x", "")
			assert.Equal(t, 501, got.status)
			assert.Equal(t, "no\n", got.body)
			assert.Equal(t, "no", got.header.Get("X-Why"))
			assert.Equal(t, "yes", got.header.Get("X-Outer"))
			assert.Empty(t, log.errors())
		})
	}
	app, _ := newApp() // nor without a connection
	app.Use(weft.Std("through", passStd))
	app.Handle("GET /x", rawHandler(refuses))
	w := httptest.NewRecorder()
	build(t, app).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	assert.Equal(t, 501, w.Code)
}

func TestInformationAndTrailersOfAHandlerOnTheConnection(t *testing.T) {
	for _, through := range [][]weft.Middleware{nil, {weft.Std("through", passStd)}} {
		app, _ := newApp()
		app.Use(weft.After("header", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithHeader("X-Outer", "yes") }))
		app.Use(through...)
		app.Handle("GET /x", rawHandler(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "a")
			w.Header().Set("X-Sum", "1")
			w.Header().Set(http.TrailerPrefix+"X-Other", "2")
		}))
		site := serve(t, app)
		informed := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			assert.Equal(t, 103, code)
			assert.Equal(t, "</style.css>; rel=preload", h.Get("Link"))
			informed++
			return nil
		}})
		req, err := http.NewRequestWithContext(ctx, "GET", site.url+"/x", nil)
		require.NoError(t, err)
		resp, err := site.client.Do(req)
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, 1, informed)
		assert.Equal(t, "yes", resp.Header.Get("X-Outer"))
		assert.Equal(t, "1", resp.Trailer.Get("X-Sum"))
		assert.Equal(t, "2", resp.Trailer.Get("X-Other"))
	}
}

// What settles is told by the status that the handler wrote; mounting it beside such a service is warned of.
func TestWhatSettlesAroundAHandlerOnTheConnection(t *testing.T) {
	for status, events := range map[int]string{200: "wrote commit close", 409: "wrote rollback close"} {
		l := &ledger{tr: &trace{}}
		app, _, _ := ledgerApp(l)
		app.Handle("GET /x", weft.HandleFrom(func(b *bookkeeper, _ context.Context, _ struct{}) (weft.Response, error) {
			return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { l.tr.add("wrote"); w.WriteHeader(status) })), nil
		}))
		assert.Equal(t, status, serve(t, app).send("GET", "/x", "").status)
		require.Eventually(t, func() bool { return len(l.tr.events) == 3 }, waitFor, tick)
		assert.Equal(t, events, l.tr.take())
	}
	app, _, _ := ledgerApp(&ledger{})
	app.Mount("/files", http.NotFoundHandler(), weft.MiddlewareFrom(func(_ *bookkeeper, r *weft.Request, next weft.Next) weft.Response { return next(r) }))
	plan, err := app.Plan()
	require.NoError(t, err)
	require.Len(t, plan.Warnings, 2)
	assert.Contains(t, fmt.Sprint(plan.Warnings), "is settled when the mounted handler has answered")
}

func TestMountedHandlers(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", r.URL.RawPath, " ", r.RequestURI, " ", r.PathValue("id"))
	})
	app, log := newApp()
	tr := &trace{}
	app.Use(tr.stage("app"))
	app.Mount("/a", show, tr.stage("own"))
	app.Mount("/slash/", show)
	app.Group("/g/{id}", tr.stage("group")).Mount("/b/c", show)
	app.Group("/whole").Mount("", show)
	app.Handle("GET /a/mine", weft.Handle(ok))
	site := serve(t, app)
	for _, row := range []struct{ method, path, body string }{
		{"GET", "/a/x", "GET /x  /a/x "},
		{"DELETE", "/a/", "DELETE /  /a/ "},
		{"POST", "/a/x/y?z=1", "POST /x/y  /a/x/y?z=1 "},
		{"GET", "/a/x%2Fy/z", "GET /x/y/z /x%2Fy/z /a/x%2Fy/z "},
		{"GET", "/a/%20", "GET /   /a/%20 "},
		{"GET", "/a/mine", `"ok"`},
		{"GET", "/slash/x", "GET /x  /slash/x "},
		{"GET", "/g/7/b/c/d", "GET /d  /g/7/b/c/d 7"},
		{"GET", "/g/7%2F8/b/c/d%2Fe", "GET /d/e /d%2Fe /g/7%2F8/b/c/d%2Fe 7/8"},
		{"GET", "/whole/x", "GET /x  /whole/x "},
	} {
		got := site.send(row.method, row.path, "")
		assert.Equal(t, row.body, got.body, row.path)
		assert.Equal(t, 200, got.status, row.path)
	}
	tr.take()
	assert.Equal(t, "own app", stagesOf(site.send("GET", "/a/x", "").header))
	assert.Equal(t, "group app", stagesOf(site.send("GET", "/g/7/b/c/d", "").header))
	got := site.send("GET", "/a", "")
	assert.Equal(t, "/a/", got.header.Get("Location"), "as ServeMux does")
	assert.Empty(t, log.errors())

	// as http.StripPrefix does
	byHand := http.StripPrefix("/a", show)
	for _, path := range []string{"/a/x", "/a/", "/a/x%2Fy/z", "/a/%20"} {
		w := httptest.NewRecorder()
		byHand.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		assert.Equal(t, w.Body.String(), site.send("GET", path, "").body, path)
	}
}

func TestMountAfterBuild(t *testing.T) {
	built, _ := newApp()
	build(t, built)
	assert.PanicsWithValue(t, mentions("App.Mount"), func() { panics(func() { built.Mount("/x", http.NotFoundHandler()) }) })
}

// mentions and panics compare a panic by a part of its text.
type mentions string

func panics(fn func()) {
	defer func() {
		if p := fmt.Sprint(recover()); strings.Contains(p, "App.Mount") && strings.Contains(p, "after Build") {
			panic(mentions("App.Mount"))
		}
	}()
	fn()
}

func TestAHandlerOnTheConnectionGetsTheBody(t *testing.T) {
	app, _ := newApp(weft.WithLimit(10))
	echo := func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }
	app.Handle("POST /x", rawHandler(echo))
	app.Handle("POST /signed", rawHandler(echo).Guard(weft.NewGuard("signed", func(r *weft.Request) error {
		_, err := r.Body()
		return err
	}, weft.ReadsBody())))
	site := serve(t, app)
	assert.Equal(t, "longer than ten", site.send("POST", "/x", "longer than ten").body)
	assert.Equal(t, "short", site.send("POST", "/signed", "short").body)
	assert.Equal(t, 413, site.send("POST", "/signed", "longer than ten").status)
}

func TestATypedHandlerOnAnotherRouter(t *testing.T) {
	log := &journal{}
	h := weft.Handle(func(ctx context.Context, in struct {
		ID int `path:"id"`
	}) (string, error) {
		if in.ID == 0 {
			return "", errSecret
		}
		return fmt.Sprint(in.ID, " ", weft.RouteOf(ctx).Name()), nil
	}).Named("shown").Use((&trace{}).stage("own"))
	srv, err := weft.HTTP(h, weft.WithLogger(slogTo(log)))
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("GET /items/{id}", srv)
	mux.Handle("GET /nothing", srv)
	mux.Handle("/deep/", http.StripPrefix("/deep", mux))
	ts := httptest.NewServer(mux)
	t.Cleanup(ts.Close)
	site := &site{t, ts.URL, ts.Client()}
	got := site.send("GET", "/items/7", "")
	assert.Equal(t, `"7 shown"`, got.body)
	assert.Equal(t, "own", stagesOf(got.header))
	assert.Equal(t, `"8 shown"`, site.send("GET", "/deep/items/8", "").body)
	assert.Equal(t, 400, site.send("GET", "/nothing", "").status, "the path value is missing")
	assert.Equal(t, 500, site.send("GET", "/items/0", "").status)
	errs := log.errors()
	require.Len(t, errs, 1)
	assert.Contains(t, errs[0], "route=shown")
	assert.Equal(t, "shown", srv.Plan().Routes[0].Pattern)

	_, err = weft.HTTP(nil)
	assert.ErrorContains(t, err, "the handler is nil")
	_, err = weft.HTTP(weft.Handle(ok).Status(7))
	assert.ErrorContains(t, err, "Status(7)")
}
