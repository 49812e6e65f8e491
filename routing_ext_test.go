package weft_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// pathValue answers with the value of a wildcard, quoted.
func pathValue(name string) *weft.Handler[*weft.Request, string] {
	return weft.Handle(func(_ context.Context, r *weft.Request) (string, error) {
		return fmt.Sprintf("%q", r.PathValue(name)), nil
	})
}

// The rows of the probe table that concern paths and routing, each over a connection.
func TestRoutingProbes(t *testing.T) {
	tr := &trace{}
	app, log := newApp()
	app.Use(tr.stage("global"))
	app.Handle("POST /u/{id}", pathValue("id"))
	app.Handle("GET /u/{id}", pathValue("id"))
	app.Handle("GET /g", tr.handler("g"))
	app.Handle("OPTIONS /own", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Text("own"), nil
	}))
	site := serve(t, app)

	t.Run("an encoded slash is part of one segment", func(t *testing.T) {
		got := site.send("POST", "/u/a%2Fb", "")
		assert.Equal(t, 200, got.status)
		assert.JSONEq(t, `"\"a/b\""`, got.body)
	})
	t.Run("an encoded NUL is passed on, decoded", func(t *testing.T) {
		got := site.send("POST", "/u/%00", "")
		assert.Equal(t, 200, got.status)
		assert.JSONEq(t, `"\"\\x00\""`, got.body)
	})
	t.Run("a path that is not clean redirects to the clean one", func(t *testing.T) {
		got := site.send("POST", "/u//", "")
		assert.Equal(t, 307, got.status)
		assert.Equal(t, "/u/", got.header.Get("Location"))
		assert.Equal(t, "global", stagesOf(got.header), "a redirect is a Response like any other")
		assert.Empty(t, got.body)
	})
	t.Run("an empty segment is no value", func(t *testing.T) {
		assertProblem(t, site.send("POST", "/u/", ""), 404)
	})
	t.Run("HEAD on a GET route has the headers of GET and no body", func(t *testing.T) {
		get, head := site.send("GET", "/g", ""), site.send("HEAD", "/g", "")
		assert.Equal(t, 200, head.status)
		assert.Empty(t, head.body)
		assert.Equal(t, get.length, head.length)
		assert.EqualValues(t, len(`"g"`), head.length)
	})
	t.Run("the wrong method is a 405 with Allow", func(t *testing.T) {
		got := site.send("DELETE", "/g", "")
		assertProblem(t, got, 405)
		assert.Equal(t, "GET, HEAD, OPTIONS", got.header.Get("Allow"))
		assert.Equal(t, "global", stagesOf(got.header))
	})
	t.Run("no route is a 404", func(t *testing.T) {
		got := site.send("GET", "/nowhere", "")
		assertProblem(t, got, 404)
		assert.Equal(t, "global", stagesOf(got.header))
	})
	t.Run("OPTIONS without a route answers by itself", func(t *testing.T) {
		got := site.send("OPTIONS", "/g", "")
		assert.Equal(t, 204, got.status)
		assert.Equal(t, "GET, HEAD, OPTIONS", got.header.Get("Allow"))
		assert.Empty(t, got.header.Get("Content-Length"))
		assert.Empty(t, got.header.Get("Content-Type"))
		assert.Equal(t, "global", stagesOf(got.header))
	})
	t.Run("OPTIONS of an unknown path is a 404", func(t *testing.T) {
		assertProblem(t, site.send("OPTIONS", "/nowhere", ""), 404)
	})
	t.Run("a route for OPTIONS answers itself", func(t *testing.T) {
		assert.Equal(t, "own", site.send("OPTIONS", "/own", "").body)
	})
	assert.Empty(t, log.errors(), "none of this is a failure of the server")
}

func TestJoinsOfPrefixAndPattern(t *testing.T) {
	for _, row := range []struct {
		name, prefix, pattern, want string
		matches, misses             []string // "METHOD host/path"
	}{
		{"a method and a path", "/api", "GET /x", "GET /api/x", []string{"GET /api/x"}, []string{"GET /x", "GET /api/x/"}},
		{"no method", "/api", "/x", "/api/x", []string{"GET /api/x", "PUT /api/x"}, nil},
		{"a method alone is the prefix itself", "/api", "GET", "GET /api", []string{"GET /api"}, []string{"GET /api/", "GET /api/x"}},
		{"nothing at all is the prefix with every method", "/api", "", "/api", []string{"DELETE /api"}, []string{"GET /api/"}},
		{"a slash is everything below", "/api", "GET /", "GET /api/", []string{"GET /api/", "GET /api/x/y"}, []string{"GET /apix"}},
		{"{$} is exactly the slash", "/api", "GET /{$}", "GET /api/{$}", []string{"GET /api/"}, []string{"GET /api", "GET /api/x"}},
		{"a slash at the end is kept", "/api", "GET /x/", "GET /api/x/", []string{"GET /api/x/", "GET /api/x/y"}, nil},
		{"wildcards on both sides", "/t/{tenant}", "GET /o/{order}", "GET /t/{tenant}/o/{order}", []string{"GET /t/1/o/2"}, []string{"GET /t//o/2"}},
		{"the rest of the path", "/files", "GET /{path...}", "GET /files/{path...}", []string{"GET /files/a/b"}, nil},
		{"a host on the pattern", "/api", "GET example.com/x", "GET example.com/api/x", []string{"GET example.com/api/x"}, []string{"GET other.com/api/x"}},
		{"a host on the prefix", "example.com/api", "GET /x", "GET example.com/api/x", []string{"GET example.com/api/x"}, []string{"GET other.com/api/x"}},
		{"only a host on the prefix", "example.com/", "GET /x", "GET example.com/x", []string{"GET example.com/x"}, []string{"GET other.com/x"}},
		{"no prefix", "", "GET /x", "GET /x", []string{"GET /x"}, nil},
		{"an escaped literal", "/a b", "GET /x", "", nil, nil},
		{"an encoded literal", "/a%2Fb", "GET /x", "GET /a%2Fb/x", []string{"GET /a%2Fb/x"}, []string{"GET /a/b/x"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			app, _ := newApp()
			app.Group(row.prefix).Handle(row.pattern, (&trace{}).handler("x"))
			plan, err := app.Plan()
			if row.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, plan.Routes[0].Pattern)
			site := serve(t, app)
			send := func(target string) reply {
				method, rest, _ := strings.Cut(target, " ")
				host, path, _ := strings.Cut(rest, "/")
				if host == "" {
					host = "127.0.0.1"
				}
				return site.send(method, "/"+path, "", "Host: "+host)
			}
			for _, target := range row.matches {
				assert.Equal(t, 200, send(target).status, target)
			}
			for _, target := range row.misses {
				assert.NotEqual(t, 200, send(target).status, target)
			}
		})
	}
}

func TestAMissRunsTheMiddlewareOfTheDeepestGroup(t *testing.T) {
	tr := &trace{}
	app, _ := newApp()
	app.Use(tr.stage("app"))
	api := app.Group("/api", tr.stage("api"))
	api.Group("", tr.stage("bare")).Handle("GET /bare", tr.handler("bare"))
	orders := api.Group("/orders", tr.stage("orders"))
	orders.Handle("GET /{id}", tr.handler("order").Use(tr.stage("route")).Intercept(tr.stage("interceptor")))
	api.Group("/{kind}", tr.stage("kind"))
	api.Group("/orders", tr.stage("later")).Handle("GET /later/{id}", tr.handler("later"))
	app.Group("example.com/", tr.stage("host"))
	site := serve(t, app)

	for _, row := range []struct {
		name, method, path, host string
		status                   int
		stages                   string
	}{
		{"under no group", "GET", "/x", "", 404, "app"},
		{"a name that only begins like a prefix", "GET", "/apix", "", 404, "app"},
		{"the prefix itself", "GET", "/api", "", 404, "api app"},
		{"below the prefix", "GET", "/api/x/y", "", 404, "kind api app"},
		{"a literal beats a wildcard", "GET", "/api/orders/1/2", "", 404, "orders api app"},
		{"the wrong method", "DELETE", "/api/orders/1", "", 405, "orders api app"},
		{"automatic OPTIONS", "OPTIONS", "/api/orders/1", "", 204, "orders api app"},
		{"a redirect to the clean path", "GET", "/api/orders//1", "", 307, "orders api app"},
		{"a method of a route without a prefix of its own", "PUT", "/api/bare", "", 405, "kind api app"},
		{"an encoded slash is no separator", "GET", "/api%2Forders", "", 404, "app"},
		{"encoded letters are those letters", "GET", "/%61pi/x/y", "", 404, "kind api app"},
		{"a host's group", "GET", "/api/orders/1/2", "example.com", 404, "host app"},
	} {
		t.Run(row.name, func(t *testing.T) {
			headers := []string{}
			if row.host != "" {
				headers = append(headers, "Host: "+row.host)
			}
			got := site.send(row.method, row.path, "", headers...)
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, row.stages, stagesOf(got.header))
		})
	}
}

func TestAMiddlewareSeesTheRoute(t *testing.T) {
	type roles []string
	seen := ""
	see := func(name string) weft.Middleware {
		return weft.NewMiddleware(name, func(r *weft.Request, next weft.Next) weft.Response {
			describe := func() string {
				found, _ := weft.MetaOf[roles](r.Route())
				return fmt.Sprintf("%s|%s|%s|%v ", r.Route().Pattern(), weft.RouteOf(r.Context()).Name(), r.PathValue("id"), found)
			}
			seen += name + " before: " + describe()
			resp := next(r)
			seen += name + " after: " + describe()
			return resp
		})
	}
	app, _ := newApp()
	app.Use(see("app"))
	app.Meta(roles{"anybody"})
	group := app.Group("/g", see("group"))
	group.Meta(roles{"member"})
	group.Handle("GET /{id}", pathValue("id").Named("show").Meta("ignored", roles{"first"}).Meta(roles{"owner"}))
	group.Handle("GET /{id}/plain", pathValue("id").Named("plain"))
	app.Handle("GET /top/{id}", pathValue("id").Named("top"))
	site := serve(t, app)

	for path, want := range map[string]string{
		"/g/7":       "app before: |||[] group before: GET /g/{id}|show|7|[owner] group after: GET /g/{id}|show|7|[owner] app after: GET /g/{id}|show|7|[owner] ",
		"/g/7/plain": "app before: |||[] group before: GET /g/{id}/plain|plain|7|[member] group after: GET /g/{id}/plain|plain|7|[member] app after: GET /g/{id}/plain|plain|7|[member] ",
		"/top/7":     "app before: |||[] app after: GET /top/{id}|top|7|[anybody] ",
		"/g/7/8/9":   "app before: |||[] group before: |||[] group after: |||[] app after: |||[] ",
	} {
		seen = ""
		site.send("GET", path, "")
		assert.Equal(t, want, seen)
	}
}

func TestSiblingGroupsNeverSeeEachOthersMiddleware(t *testing.T) {
	for _, shared := range []int{0, 1, 3, 5, 6, 7} {
		t.Run(fmt.Sprintf("under a parent with %d", shared), func(t *testing.T) {
			tr := &trace{}
			app, _ := newApp()
			parent := app.Group("/p")
			base := tr.handler("core")
			var names []string
			for i := range shared {
				name := fmt.Sprint("p", i)
				parent.Use(tr.stage(name))
				base = base.Intercept(tr.stage("i" + name))
				names = append(names, name)
			}
			one, two := parent.Group("/one"), parent.Group("/two")
			one.Use(tr.stage("guard"))
			two.Use(tr.stage("open"))
			one.Handle("GET /x", base.Intercept(tr.stage("first")))
			two.Handle("GET /x", base.Intercept(tr.stage("second")))
			site := serve(t, app)

			var intercepted []string
			for _, n := range names {
				intercepted = append(intercepted, "i"+n)
			}
			for path, own := range map[string][2]string{"/p/one/x": {"guard", "first"}, "/p/two/x": {"open", "second"}} {
				tr.take()
				site.send("GET", path, "")
				stages := append(append(append([]string{}, names...), own[0]), intercepted...)
				assert.Equal(t, around("core", append(stages, own[1])...), tr.take())
			}
		})
	}
}

func TestAnAsteriskIsNoPath(t *testing.T) {
	app, log := newApp()
	app.Use((&trace{}).stage("global"))
	site := serve(t, app)
	got := raw(t, site, "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Contains(t, got, "HTTP/1.1 400 Bad Request")
	assert.Contains(t, got, "X-Stages: global")
	assert.Contains(t, got, `"status":400`)
	assert.Empty(t, log.errors())
}

func TestOptionsOfTheServerAsAWholeMeetsTheStages(t *testing.T) {
	app, _ := newApp()
	app.Use((&trace{}).stage("global"))
	srv := build(t, app)
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- srv.RunListener(ctx, l) }()
	got := raw(t, &site{url: "http://" + l.Addr().String()}, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Contains(t, got, "204 No Content")
	assert.Contains(t, got, "X-Stages: global")
	cancel()
	require.NoError(t, <-ran)
}

func TestAMethodNetHTTPDoesNotKnowIsA405(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", (&trace{}).handler("x"))
	app.Handle("BREW /pot", (&trace{}).handler("pot"))
	site := serve(t, app)
	assertProblem(t, site.send("BREW", "/x", ""), http.StatusMethodNotAllowed)
	assert.Equal(t, 200, site.send("BREW", "/pot", "").status)
}
