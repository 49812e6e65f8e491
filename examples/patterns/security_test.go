package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func must(t *testing.T, make func() (weft.Middleware, error)) weft.Middleware {
	t.Helper()
	m, err := make()
	require.NoError(t, err)
	return m
}

// forAPIs is what the zero Security says.
var forAPIs = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

func TestTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	stage := must(t, Security{}.Middleware)
	resp := stage.Dispatch(request(t, "GET", "/"), answers(weft.Empty().WithHeader("X-Own", "1")))
	assert.Equal(t, 204, resp.Status())
	want := http.Header{"X-Own": {"1"}}
	for name, value := range forAPIs {
		want.Set(name, value)
	}
	assert.Equal(t, want, resp.Header())
}

func TestTheSecurityHeadersCanBeSaid(t *testing.T) {
	t.Parallel()
	stage := must(t, Security{ContentPolicy: "default-src 'self'", Referrer: "same-origin"}.Middleware)
	h := stage.Dispatch(request(t, "GET", "/"), answers(weft.Empty())).Header()
	assert.Equal(t, []string{"default-src 'self'"}, h["Content-Security-Policy"])
	assert.Equal(t, []string{"same-origin"}, h["Referrer-Policy"])
}

func TestAHandlersOwnHeaderStands(t *testing.T) {
	t.Parallel()
	stage := must(t, Security{HSTS: time.Hour, ByHTTPS: func(*weft.Request) bool { return true }}.Middleware)
	for name := range forAPIs {
		h := stage.Dispatch(request(t, "GET", "/"), answers(weft.Empty().WithHeader(name, "mine"))).Header()
		assert.Equal(t, []string{"mine"}, h[name])
		assert.Len(t, h, len(forAPIs)+1, "the others are there all the same")
	}
	h := stage.Dispatch(request(t, "GET", "/"), answers(weft.Empty().WithHeader(strictTransport, "max-age=0"))).Header()
	assert.Equal(t, []string{"max-age=0"}, h[strictTransport])
}

func TestHSTSIsSentByHTTPSAlone(t *testing.T) {
	t.Parallel()
	forwarded := func(r *weft.Request) bool { return r.Header().Get("X-Forwarded-Proto") == "https" }
	for _, row := range []struct {
		name  string
		stage Security
		tls   bool
		proto string
		want  []string
	}{
		{"over TLS", Security{HSTS: 2 * time.Hour}, true, "", []string{"max-age=7200"}},
		{"without", Security{HSTS: time.Hour}, false, "", nil},
		{"without, and whoever says otherwise is not believed", Security{HSTS: time.Hour}, false, "https", nil},
		{"behind a proxy that says so", Security{HSTS: time.Hour, ByHTTPS: forwarded}, false, "https", []string{"max-age=3600"}},
		{"behind a proxy that says otherwise", Security{HSTS: time.Hour, ByHTTPS: forwarded}, true, "http", nil},
		{"where nobody asked for it", Security{}, true, "", nil},
	} {
		hr := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		hr.Header.Set("X-Forwarded-Proto", row.proto)
		if row.tls {
			hr.TLS = &tls.ConnectionState{}
		}
		resp := must(t, row.stage.Middleware).Dispatch(weft.NewRequest(hr), answers(weft.Empty()))
		assert.Equal(t, row.want, resp.Header()[strictTransport], row.name)
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), must(t, Security{}.Middleware)))
	for _, o := range outcomes {
		got := o.call(t, s)
		for name, value := range forAPIs {
			assert.Equal(t, []string{value}, got.header[name], "%s: %s", o.name, name)
		}
		assert.NotContains(t, got.header, strictTransport, o.name)
	}
}

func TestAPanicOfAnotherMiddlewareHasTheSecurityHeadersToo(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), must(t, Security{}.Middleware)))
	got := s.call(t, "GET", "/flood", "")
	assert.Equal(t, 500, got.status)
	assert.Equal(t, "DENY", got.header.Get("X-Frame-Options"))
}

func TestHSTSIsSentOverARealConnection(t *testing.T) {
	t.Parallel()
	server, err := teahouse((&logged{}).logger(), must(t, Security{HSTS: time.Hour}.Middleware)).Build(t.Context())
	require.NoError(t, err)
	s := &site{Server: httptest.NewTLSServer(server)}
	t.Cleanup(s.Close)
	s.client = s.Client()
	assert.Equal(t, "max-age=3600", s.call(t, "GET", "/coffee", "").header.Get(strictTransport))
}

func TestSecurityHeadersThatCannotBeSentAreAMistake(t *testing.T) {
	t.Parallel()
	_, err := Security{ContentPolicy: "default-src\n'self'", Referrer: "a\x00b", HSTS: -time.Hour}.Middleware()
	assert.ErrorContains(t, err, "Content-Security-Policy")
	assert.ErrorContains(t, err, "Referrer-Policy")
	assert.ErrorContains(t, err, "HSTS for -1h0m0s")
}
