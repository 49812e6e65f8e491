package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

const other = "https://other.example"

// forThePage is a CORS with everything in it.
var forThePage = CORS{
	Origins:     []string{page, "http://localhost:3000"},
	Methods:     []string{"PUT", "DELETE"},
	Headers:     []string{"Authorization", "Content-Type"},
	Expose:      []string{"Location", "X-Request-ID"},
	Credentials: true,
	MaxAge:      10 * time.Minute,
}

func corsFields(h http.Header) http.Header {
	found := http.Header{}
	for name, values := range h {
		if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
			found[name] = values
		}
	}
	return found
}

var preflightVaries = []string{"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}

func TestAPreflightIsAnswered(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		cors   CORS
		origin string
		want   http.Header // beside Vary
	}{
		{"everything that is permitted", forThePage, page, http.Header{
			"Access-Control-Allow-Origin":      {page},
			"Access-Control-Allow-Methods":     {"PUT, DELETE"},
			"Access-Control-Allow-Headers":     {"Authorization, Content-Type"},
			"Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Max-Age":           {"600"},
		}},
		{"another origin of the list", CORS{Origins: forThePage.Origins}, "http://localhost:3000", http.Header{"Access-Control-Allow-Origin": {"http://localhost:3000"}}},
		{"an origin that is not in the list", forThePage, other, http.Header{}},
		{"the same host by HTTP", forThePage, "http://app.example", http.Header{}},
		{"the same host at another port", forThePage, page + ":8443", http.Header{}},
		{"an origin that begins in the same way", forThePage, page + ".evil.example", http.Header{}},
		{"null", forThePage, "null", http.Header{}},
		{"the zero value", CORS{}, page, http.Header{}},
		{"all origins", CORS{Origins: []string{"*"}, Methods: []string{"*"}, Headers: []string{"*", "Authorization"}}, other, http.Header{
			"Access-Control-Allow-Origin":  {"*"},
			"Access-Control-Allow-Methods": {"*"},
			"Access-Control-Allow-Headers": {"*, Authorization"},
		}},
		{"an origin that a function permits", CORS{AllowOrigin: subdomainsOf("example"), Credentials: true}, page, http.Header{
			"Access-Control-Allow-Origin":      {page},
			"Access-Control-Allow-Credentials": {"true"},
		}},
		{"an origin that it does not permit", CORS{AllowOrigin: subdomainsOf("other.example")}, page, http.Header{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "OPTIONS", "/tea", "Origin: "+row.origin, "Access-Control-Request-Method: PUT",
				"Access-Control-Request-Headers: authorization", "Access-Control-Request-Private-Network: true")
			entered := false
			resp := must(t, row.cors.Middleware).Dispatch(r, func(*weft.Request) weft.Response {
				entered = true
				return weft.Empty()
			})
			assert.False(t, entered, "nothing inside is asked")
			assert.Equal(t, 204, resp.Status())
			row.want["Vary"] = preflightVaries
			assert.Equal(t, row.want, resp.Header())
		})
	}
}

func TestTheAnswerToARequest(t *testing.T) {
	t.Parallel()
	byFunction := CORS{Origins: []string{page}, AllowOrigin: func(r *weft.Request, origin string) bool {
		return r.Header().Get("X-Tenant") == "other" && origin == other
	}}
	for _, row := range []struct {
		name   string
		cors   CORS
		method string
		header []string
		want   http.Header
	}{
		{"from a permitted origin", forThePage, "GET", []string{"Origin: " + page}, http.Header{
			"Vary":                             {"Origin"},
			"Access-Control-Allow-Origin":      {page},
			"Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Expose-Headers":    {"Location, X-Request-ID"},
		}},
		{"from another", forThePage, "GET", []string{"Origin: " + other}, http.Header{"Vary": {"Origin"}}},
		{"from no origin: a cache must not give that to one", forThePage, "GET", nil, http.Header{"Vary": {"Origin"}}},
		{"from two origins at once", forThePage, "GET", []string{"Origin: " + page, "Origin: " + other}, http.Header{"Vary": {"Origin"}}},
		{"from an empty origin", CORS{AllowOrigin: func(*weft.Request, string) bool { return true }}, "GET", []string{"Origin: "}, http.Header{"Vary": {"Origin"}}},
		{"where all are permitted", CORS{Origins: []string{"*"}}, "GET", []string{"Origin: " + other}, http.Header{"Access-Control-Allow-Origin": {"*"}}},
		{"where all are permitted, also none, so that a cache can share it", CORS{Origins: []string{"*"}}, "GET", nil, http.Header{"Access-Control-Allow-Origin": {"*"}}},
		{"where a function is asked", byFunction, "GET", []string{"Origin: " + other, "X-Tenant: other"}, http.Header{"Vary": {"Origin"}, "Access-Control-Allow-Origin": {other}}},
		{"where it says no", byFunction, "GET", []string{"Origin: " + other}, http.Header{"Vary": {"Origin"}}},
		{"where it need not be asked", byFunction, "GET", []string{"Origin: " + page}, http.Header{"Vary": {"Origin"}, "Access-Control-Allow-Origin": {page}}},
		{"OPTIONS that is no preflight", CORS{Origins: []string{page}}, "OPTIONS", []string{"Origin: " + page}, http.Header{"Vary": preflightVaries, "Access-Control-Allow-Origin": {page}}},
		{"OPTIONS without an origin", CORS{Origins: []string{page}}, "OPTIONS", []string{"Access-Control-Request-Method: PUT"}, http.Header{"Vary": preflightVaries}},
		{"what looks like a preflight and is not OPTIONS", CORS{Origins: []string{page}}, "POST", []string{"Origin: " + page, "Access-Control-Request-Method: PUT"}, http.Header{"Vary": {"Origin"}, "Access-Control-Allow-Origin": {page}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			resp := must(t, row.cors.Middleware).Dispatch(request(t, row.method, "/tea", row.header...), answers(weft.Text("tea")))
			assert.Equal(t, "tea", body(t, resp), "it runs, whoever asks")
			assert.Equal(t, row.want, corsFields(resp.Header()))
		})
	}
}

func TestVaryKeepsWhatAHandlerSays(t *testing.T) {
	t.Parallel()
	inside := answers(weft.Text("tea").Vary("Accept-Language"))
	resp := must(t, forThePage.Middleware).Dispatch(request(t, "GET", "/tea"), inside)
	assert.Equal(t, []string{"Accept-Language", "Origin"}, resp.Header()["Vary"])
}

func TestASubdomainIsNotWhatEndsInTheSameWay(t *testing.T) {
	t.Parallel()
	allow := subdomainsOf("shop.example")
	for origin, want := range map[string]bool{
		"https://a.shop.example": true, "https://b.a.shop.example": true,
		"https://shop.example": false, "https://evil-shop.example": false, "https://evilshop.example": false,
		"http://a.shop.example": false, "https://a.shop.example:8443": false, "https://a.shop.example.evil": false,
		"https://evil.example/.shop.example": false, "https://evil.example#.shop.example": false, "https://user@a.shop.example": false,
		"https://.shop.example": false, "null": false, "": false,
	} {
		assert.Equal(t, want, allow(nil, origin), origin)
	}
}

func TestMistakesOfCORSAreToldBeforeItServes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		cors CORS
		want []string
	}{
		"credentials for all":        {CORS{Origins: []string{"*"}, Credentials: true}, []string{`with credentials "*" means nothing`}},
		"credentials and all else":   {CORS{Headers: []string{"*"}, Credentials: true}, []string{`with credentials "*" means nothing`}},
		"all and one":                {CORS{Origins: []string{"*", page}}, []string{"permits all"}},
		"all and a function":         {CORS{Origins: []string{"*"}, AllowOrigin: subdomainsOf("example")}, []string{"permits all"}},
		"a slash at the end":         {CORS{Origins: []string{page + "/"}}, []string{`"https://app.example/" is not an origin`}},
		"no scheme":                  {CORS{Origins: []string{"app.example"}}, []string{`"app.example" is not`}},
		"capitals":                   {CORS{Origins: []string{"https://App.example"}}, []string{"https://App.example"}},
		"the usual port":             {CORS{Origins: []string{page + ":443", "http://app.example:80"}}, []string{":443", ":80"}},
		"a pattern":                  {CORS{Origins: []string{"https://*.example"}}, []string{"write an AllowOrigin"}},
		"another script":             {CORS{Origins: []string{"https://bücher.example"}}, []string{"bücher"}},
		"a user":                     {CORS{Origins: []string{"https://u@app.example"}}, []string{"u@app"}},
		"null":                       {CORS{Origins: []string{"null"}}, []string{`"null" is not`}},
		"nothing":                    {CORS{Origins: []string{""}}, []string{`"" is not`}},
		"no host":                    {CORS{Origins: []string{"https://"}}, []string{`"https://" is not`}},
		"names that are none":        {CORS{Methods: []string{"PUT, DELETE"}, Headers: []string{""}, Expose: []string{"a\nb"}}, []string{`"PUT, DELETE" is no name`, `"" is no name`, `"a\nb" is no name`}},
		"a time that is too exact":   {CORS{MaxAge: 1500 * time.Millisecond}, []string{"MaxAge of 1.5s"}},
		"a time that is before now":  {CORS{MaxAge: -time.Second}, []string{"MaxAge of -1s"}},
		"several mistakes, together": {CORS{Origins: []string{"x"}, MaxAge: -1}, []string{`"x"`, "MaxAge"}},
	} {
		_, err := row.cors.Middleware()
		for _, want := range row.want {
			assert.ErrorContains(t, err, want, name)
		}
	}
	for _, right := range []CORS{{}, forThePage, {Origins: []string{"*"}}, {Origins: []string{"https://app.example:8443", "http://[::1]:3000", "http://127.0.0.1"}}} {
		_, err := right.Middleware()
		assert.NoError(t, err)
	}
}

func TestTheParametersAreTheStagesOwn(t *testing.T) {
	t.Parallel()
	set := CORS{Origins: []string{page}, Methods: []string{"PUT"}, Headers: []string{"Authorization"}, Expose: []string{"Location"}}
	stage := must(t, set.Middleware)
	set.Origins[0], set.Methods[0], set.Headers[0], set.Expose[0] = other, "PATCH", "X-Other", "X-Other"
	h := stage.Dispatch(request(t, "OPTIONS", "/", "Origin: "+page, "Access-Control-Request-Method: PUT"), nil).Header()
	assert.Equal(t, page, h.Get(allowOrigin))
	assert.Equal(t, "PUT", h.Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "Authorization", h.Get("Access-Control-Allow-Headers"))
	h = stage.Dispatch(request(t, "GET", "/", "Origin: "+page), answers(weft.Empty())).Header()
	assert.Equal(t, "Location", h.Get("Access-Control-Expose-Headers"))
}

func TestEveryPreflightIsAnsweredBeforeRouting(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := serving(t, teahouse(log.logger(), must(t, forThePage.Middleware)))
	for _, o := range outcomes {
		path := strings.ReplaceAll(o.path, "/shop/../tea", "/tea")
		got := s.call(t, "OPTIONS", path, "", "Origin: "+page, "Access-Control-Request-Method: "+o.method)
		assert.Equal(t, 204, got.status, o.name)
		assert.Equal(t, page, got.header.Get(allowOrigin), o.name)
		assert.NotContains(t, got.header, "Allow", o.name)
		assert.NotContains(t, got.header, "Access-Control-Allow-Private-Network", o.name)
	}
	assert.Empty(t, log.records(t, "request failed"), "no guard and no middleware further in was asked")
}

func TestAPreflightOfAnUnknownPathIsAnswered(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), must(t, forThePage.Middleware)))
	got := s.call(t, "OPTIONS", "/coffee", "", "Origin: "+page, "Access-Control-Request-Method: PUT")
	assert.Equal(t, 204, got.status)
	assert.Equal(t, page, got.header.Get(allowOrigin))
}

// A preflight carries no credentials. A guard that saw it would refuse it, and with it every request that is to follow.
func TestAPreflightIsAnsweredBeforeGuards(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), must(t, forThePage.Middleware)))
	assert.Equal(t, 401, s.call(t, "GET", "/shop/office", "", "Origin: "+page).status)
	got := s.call(t, "OPTIONS", "/shop/office", "", "Origin: "+page, "Access-Control-Request-Method: GET")
	assert.Equal(t, 204, got.status)
}

func TestOPTIONSThatIsNoPreflightGoesOnToRouting(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), must(t, forThePage.Middleware)))
	got := s.call(t, "OPTIONS", "/tea/green", "")
	assert.Equal(t, 204, got.status)
	assert.Equal(t, "DELETE, GET, HEAD, OPTIONS", got.header.Get("Allow"))
	assert.Equal(t, 404, s.call(t, "OPTIONS", "/coffee", "").status)
}

func TestAScriptCanReadEveryFailure(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), must(t, forThePage.Middleware)))
	for _, o := range outcomes {
		got := o.call(t, s, "Origin: "+page)
		assert.Equal(t, page, got.header.Get(allowOrigin), o.name)
		assert.Equal(t, "true", got.header.Get("Access-Control-Allow-Credentials"), o.name)
		assert.Equal(t, "Origin", got.header.Values("Vary")[0], o.name)
	}
}

func TestARequestOfAnotherOriginRunsAndItsAnswerIsWithheld(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), must(t, forThePage.Middleware)))
	for _, o := range outcomes {
		with, without := o.call(t, s, "Origin: "+other), o.call(t, s)
		assert.Equal(t, without.body, with.body, o.name)
		for name := range with.header {
			assert.NotContains(t, name, "Access-Control-", o.name)
		}
	}
}

// A list of origins is a parameter like any other.
func TestCORSWithAListOfOriginsStarts(t *testing.T) {
	t.Parallel()
	app := weft.New()
	app.Use(must(t, CORS{Origins: []string{page, other}}.Middleware))
	_, err := app.Build(t.Context())
	require.NoError(t, err)
}

// Inside a guard, or at a group, it is too late: what a group's middleware is
// not asked about has no permission.
func TestCORSAtAGroupMissesWhatIsOutside(t *testing.T) {
	t.Parallel()
	app := weft.New()
	api := app.Group("/api", must(t, CORS{Origins: []string{page}, Methods: []string{"PUT"}}.Middleware))
	api.Handle("OPTIONS /other", weft.Health())
	s := serving(t, app)
	preflight := func(path string) http.Header {
		return s.call(t, "OPTIONS", path, "", "Origin: "+page, "Access-Control-Request-Method: PUT").header
	}
	assert.Equal(t, page, preflight("/api/tea").Get(allowOrigin), "a group's middleware sees the misses of its paths")
	assert.Empty(t, preflight("/tea").Get(allowOrigin))
}
