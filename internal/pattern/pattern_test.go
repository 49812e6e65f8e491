package pattern

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Pattern{
		"":                     {},
		"GET":                  {Method: "GET"},
		"GET /x":               {Method: "GET", Path: "/x"},
		"GET \t /x":            {Method: "GET", Path: "/x"},
		"/x":                   {Path: "/x"},
		"example.com/x":        {Host: "example.com", Path: "/x"},
		"PUT example.com/{id}": {Method: "PUT", Host: "example.com", Path: "/{id}"},
	} {
		got, err := Parse(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{"G(T /x", "GET /a b", "GET example.com", " /x", "GET /x "} {
		_, err := Parse(in)
		assert.Error(t, err, in)
	}
}

func TestPrefixContains(t *testing.T) {
	for _, row := range []struct {
		prefix, host, path string
		want               bool
	}{
		{"", "", "/", true},
		{"/a", "", "/a", true},
		{"/a", "", "/a/", true},
		{"/a", "", "/a/b", true},
		{"/a", "", "/ab", false},
		{"/a", "", "/", false},
		{"/a/b", "", "/a", false},
		{"/a/{b}", "", "/a/x", true},
		{"/a/{b}", "", "/a//x", false},
		{"/a%2Fb", "", "/a%2fb/c", true},
		{"/a/b", "", "/a%2Fb", false},
		{"/a", "", "/%61/b", true},
		{"/a", "", "/%zz", false},
		{"example.com/a", "example.com", "/a", true},
		{"example.com/a", "example.org", "/a", false},
		{"example.com/", "example.com", "/whatever", true},
	} {
		p, err := ParsePrefix(row.prefix)
		require.NoError(t, err, row.prefix)
		assert.Equal(t, row.prefix, p.String())
		assert.Equal(t, row.want, p.Contains(row.host, row.path), "%q contains %q", row.prefix, row.path)
	}
}

func TestDeeper(t *testing.T) {
	order := []string{"", "/{a}", "/a", "/{a}/{b}", "/{a}/b", "/a/{b}", "/a/b", "example.com/", "example.com/a"}
	for i, outer := range order {
		for j, inner := range order {
			p, err := ParsePrefix(inner)
			require.NoError(t, err)
			q, err := ParsePrefix(outer)
			require.NoError(t, err)
			assert.Equal(t, j > i, p.Deeper(q), "%q deeper than %q", inner, outer)
		}
	}
}

// Whatever ServeMux routes to a pattern joined with a prefix lies under that
// prefix: so a request for it, with another method, is answered by the prefix's group.
func FuzzJoin(f *testing.F) {
	for _, seed := range [][3]string{
		{"/api", "GET /x", "/api/x"}, {"/api", "GET", "/api"}, {"/a%2Fb", "GET /{rest...}", "/a%2fb/c/d"},
		{"/t/{tenant}", "POST /o/{$}", "/t/1/o/"}, {"example.com/", "/x", "/x"}, {"/a/{b}", "example.com/c/", "/a//c/"},
		{"/%", "GET /", "/%25/"}, {"/{a}", "GET /{a}", "/1/2"}, {"/..", "/", "/../"}, {"/ü", "GET /ü", "/%C3%BC/%C3%BC"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, prefix, route, path string) {
		p, err := ParsePrefix(prefix)
		if err != nil {
			return
		}
		parsed, err := Parse(route)
		if err != nil {
			return
		}
		joined, err := p.Join(parsed)
		if err != nil {
			return
		}
		mux, accepted := http.NewServeMux(), true
		func() {
			defer func() { accepted = recover() == nil }()
			mux.Handle(joined.String(), http.NotFoundHandler())
		}()
		target, err := url.ParseRequestURI(path)
		if !accepted || err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		method := parsed.Method
		if method == "" {
			method = "GET"
		}
		hr := httptest.NewRequest("GET", "/", nil)
		hr.Method, hr.URL, hr.Host = method, target, joined.Host
		if _, found := mux.Handler(hr); found != "" && !p.Contains(joined.Host, target.EscapedPath()) {
			if clean := (&http.Request{Method: method, URL: target, Host: joined.Host}); redirects(mux, clean) {
				return // the path that matched is another one
			}
			t.Errorf("%q is routed to %q, but is not under %q", path, joined, p)
		}
	})
}

func redirects(mux *http.ServeMux, hr *http.Request) bool {
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, hr)
	return w.Code >= 300 && w.Code < 400
}
