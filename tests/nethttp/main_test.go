// Package nethttp_test puts weft among what people have for net/http: middleware and routers of others, proxies, WebSockets,
// over HTTP/1.1 and HTTP/2, with clients that leave and connections that are slow.
package nethttp_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
