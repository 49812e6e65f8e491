package contenders

import (
	"testing"

	"github.com/weft-go/weft/bench/service"
)

// weft uses the buffer of a body again, so nothing that was decoded may lie in it.
func TestWhatSonicDecodesIsItsOwn(t *testing.T) {
	body := []byte(`{"tenant":"acme","limit":1,"cursor":"abc"}`)
	var page service.Page
	if err := newSonic().Decode(body, &page); err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = 'x'
	}
	if page != (service.Page{Tenant: "acme", Limit: 1, Cursor: "abc"}) {
		t.Errorf("%+v", page)
	}
}
