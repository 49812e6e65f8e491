package nethttp_test

import (
	"net/http"
	"testing"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

// Middleware of others keeps the contract of weft's own: alone, with next called from many requests at once, with failures
// inside, with requests whose context has ended, and in an app.
func TestMiddlewareOfOthersKeepsTheContract(t *testing.T) {
	sample := func(method string) wefttest.Trait {
		return wefttest.Sample(method, "/", wefttest.Header("Authorization", "Basic YWRhOnNlY3JldA=="), wefttest.Header("Sec-Fetch-Site", "same-origin"))
	}
	for name, wrap := range others(t) {
		t.Run(name, func(t *testing.T) {
			wefttest.TestMiddleware(t, weft.Std(name, wrap), sample(http.MethodGet), sample(http.MethodPost))
		})
	}
}
