package wefttest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

// The same answers by every transport, for a server of one's own.
func TestSameAnswersFindsWhatIsDifferent(t *testing.T) {
	app := weft.New()
	app.Handle("POST /orders", weft.Handle(func(_ context.Context, in struct {
		Product string `json:"product"`
	}) (string, error) {
		return in.Product, nil
	}))
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	order := func(body string) *http.Request {
		hr, err := http.NewRequestWithContext(t.Context(), "POST", "http://example.com/orders", strings.NewReader(body))
		require.NoError(t, err)
		hr.Header.Set("Content-Type", "application/json")
		return hr
	}
	requests := []*http.Request{order(`{"product":"tea"}`), order(`{"product":`)}
	wefttest.SameAnswers(t, requests, wefttest.OverHTTP(t, srv), map[string]wefttest.Carry{"in process": wefttest.InProcess(srv)})

	for name, broken := range map[string]wefttest.Carry{
		"loses the body": func(hr *http.Request) (*http.Response, error) {
			hr.Body = http.NoBody
			return wefttest.InProcess(srv)(hr)
		},
		"loses the type": func(hr *http.Request) (*http.Response, error) {
			resp, err := wefttest.InProcess(srv)(hr)
			if err == nil {
				resp.Header.Del("Content-Type")
			}
			return resp, err
		},
		"has no answer": func(*http.Request) (*http.Response, error) { return nil, context.Canceled },
	} {
		found := record(t, func(t testing.TB) {
			wefttest.SameAnswers(t, requests[:1], wefttest.InProcess(srv), map[string]wefttest.Carry{name: broken})
		})
		require.Len(t, found.failures, 1, name)
		found = record(t, func(t testing.TB) {
			wefttest.TestTransport(t, func(srv *weft.Server) wefttest.Carry {
				carry := wefttest.InProcess(srv)
				return func(hr *http.Request) (*http.Response, error) {
					switch name {
					case "loses the body":
						hr.Body = http.NoBody
					case "has no answer":
						return nil, context.Canceled
					}
					resp, err := carry(hr)
					if err == nil {
						resp.Header.Del("Content-Type")
					}
					return resp, err
				}
			}, wefttest.Difference("none"))
		})
		require.Greater(t, len(found.failures), 10, name)
		require.Contains(t, found.failures[len(found.failures)-1], `the difference "none" was not seen`)
	}
}
