package contest

import (
	"net/http"
	"strings"

	"github.com/weft-go/weft/bench/service"
)

// Probe is a request that the strict ones refuse. Who lets it pass does less
// work, and the report says so.
type Probe struct {
	Title   string
	Request Request
	Status  int // what the best by hand and weft answer
}

// Probes are what strictness is told by.
func Probes() []Probe {
	changed := func(old, new string) Request {
		r := GoodOrder()
		r.Body = strings.Replace(r.Body, old, new, 1)
		return r
	}
	body := func(text string) Request {
		r := GoodOrder()
		r.Body = text
		return r
	}
	page := func(query string) Request {
		return Request{Method: http.MethodGet, Target: "/tenants/acme/orders?" + query}
	}
	return []Probe{
		{"unknown member", changed(`"note"`, `"unknown"`), 400},
		{"member in another case", changed(`"note"`, `"NOTE"`), 400},
		{"member twice", changed(`"note"`, `"email"`), 400},
		{"invalid UTF-8", changed("ring twice", "\xff"), 400},
		{"something after the value", body(good + "{}"), 400},
		{"cut off", body(good[:len(good)-1]), 400},
		{"null", body("null"), 400},
		{"blank body", body(" "), 400},
		{"over 1 MiB", changed("ring twice", strings.Repeat("x", service.Limit)), 413},
		{"another media type", GoodOrder().With("Content-Type", "text/plain"), 415},
		{"a query value of another type", page("limit=many&cursor=abc"), 400},
		{"a broken escape in the query", page("limit=%zz&cursor=abc"), 400},
	}
}

// Refused reports whether a status is a no to the client, and not a failure of the server.
func Refused(status int) bool { return status >= 400 && status < 500 }
