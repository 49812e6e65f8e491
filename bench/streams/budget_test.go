//go:build !race

package streams

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Its items cost a stream no allocation.
func TestAnItemAllocatesNothing(t *testing.T) {
	h := server(t)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "application/x-ndjson")
	allocations := testing.AllocsPerRun(5, func() { h.ServeHTTP(&discarding{header: http.Header{}}, r) })
	if allocations > 200 {
		t.Fatalf("%v allocations for %d items", allocations, many)
	}
}
