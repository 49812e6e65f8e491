package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDemoShowsEveryExchange(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	require.NoError(t, demo(t.Context(), &out, newLogger(&log, slog.LevelWarn)), out.String())

	for _, x := range script {
		assert.Contains(t, out.String(), x.title)
	}
	for _, part := range []string{
		"> POST /api/tenants/acme/orders\n",
		"< 201 Created\n",
		"< Location: /api/tenants/acme/orders/1\n",
		"<   \"total\": \"9.00\",\n",
		"<   \"next\": \"",
		"<   \"note\": \"no candles\",\n",
		"<       \"pointer\": \"/items/1/sku\",\n",
		"> Authorization: Bearer orders_",
		"< 401 Unauthorized\n",
		"< Www-Authenticate: Bearer realm=\"orders\", error=\"invalid_token\"\n",
		"< 403 Forbidden\n",
		"<   \"code\": \"tenant_not_found\",\n",
		"> X-Signature: t=",
		"<   \"result\": \"duplicate\"\n",
		"< 415 Unsupported Media Type\n",
		"<   \"code\": \"order_not_found\",\n",
		"< Allow: GET, HEAD, POST, OPTIONS\n",
		"> Last-Event-Id: 4\n",
		"< Etag: \"v3\"\n",
		"  meanwhile\n  > PATCH /api/tenants/acme/orders/2\n",
		"< id: 7\n  < event: changed\n",
		"< Content-Range: bytes 9-12/25\n",
		"< 412 Precondition Failed\n",
		"<       \"line\": 3,\n",
		"< 4,",
		"All 64 answers were as expected.\n",
	} {
		assert.Contains(t, out.String(), part)
	}
	assert.Empty(t, log.String(), "nothing of this is the server's fault")
}

func TestThePlayNoticesAWrongAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		w.Header().Set("Location", "/tea")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(hr.URL.Query().Get("body")))
	}))
	t.Cleanup(server.Close)

	for _, row := range []struct {
		name     string
		exchange exchange
		want     string // "" where the answer is right
	}{
		{"as expected", exchange{status: 404, header: http.Header{"Location": {"/tea"}}}, ""},
		{"another status", exchange{status: 200}, "was answered 404 Not Found, expected 200 OK"},
		{"another header", exchange{status: 404, header: http.Header{"Location": {"/cake"}}}, `was answered with Location: "/tea", expected "/cake"`},
		{"another body", exchange{status: 404, path: "?body=tea", holds: "cake"}, "was answered without cake"},
		{"another code", exchange{status: 404, path: `?body={"code":"b"}`, code: "a"}, `was answered with the code "b", expected "a"`},
		{"another field's code", exchange{status: 404, path: `?body={"code":"a","errors":[{"code":"b"},{"code":"c"}]}`, code: "a"}, `was answered with the code "b c", expected "a"`},
		{"up to an event", exchange{status: 404, path: "?body=id:+7%0A%0Aid:+8%0A%0A", until: "id: 7", holds: "id: 7"}, ""},
		{"without the event", exchange{status: 404, path: "?body=id:+6%0A%0A", until: "id: 7"}, "was not answered to the end: there was no \"id: 7\""},
		{"a wrong answer meanwhile", exchange{status: 404, meanwhile: &exchange{method: "GET", status: 200}}, "was answered 404 Not Found, expected 200 OK"},
		{"no problem document", exchange{status: 404, path: "?body=tea", code: "a"}, "was not answered with a problem document"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			row.exchange.title, row.exchange.method = "Is there tea?", "GET"
			err := (&player{out: &out, url: server.URL + "/"}).play(t.Context(), []exchange{row.exchange})
			if row.want == "" {
				require.NoError(t, err)
				assert.Contains(t, out.String(), "All 1 answers were as expected.")
				return
			}
			assert.ErrorContains(t, err, "1. Is there tea?: GET")
			assert.ErrorContains(t, err, row.want)
			assert.Contains(t, out.String(), row.want)
			assert.NotContains(t, out.String(), "as expected.")
		})
	}
}

func TestThePlayTurnsPages(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		_, _ = w.Write([]byte(`{"next":"here","cursor":"` + hr.URL.Query().Get("cursor") + `"}`))
	}))
	t.Cleanup(server.Close)
	first := exchange{title: "A page", method: "GET", path: "/", status: 200}
	second := exchange{title: "The page after it", method: "GET", path: "/?cursor=" + nextPage, status: 200, holds: `"cursor":"here"`}
	assert.NoError(t, (&player{out: io.Discard, url: server.URL}).play(t.Context(), []exchange{first, second}))
}

func TestThePlayNoticesThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()

	err := (&player{out: io.Discard, url: server.URL}).play(t.Context(), script[:1])
	assert.ErrorContains(t, err, "GET /healthz was not answered")
}
