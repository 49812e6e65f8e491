// Package negotiation_test speaks JSON, XML and CBOR with servers, over HTTP/1.1 and HTTP/2, by codecs of libraries that know
// nothing of weft, and compares what is chosen, refused and left alone with models that are written down from RFC 9110.
package negotiation_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
