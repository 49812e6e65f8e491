package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/weft-go/weft"
)

// Security is what browsers are told about every answer. Its zero value suits an
// API, which nobody looks at as a page.
type Security struct {
	// ContentPolicy is the Content-Security-Policy; without one, nothing may be loaded, and no page may frame the answer.
	ContentPolicy string
	// Referrer is the Referrer-Policy; without one, "no-referrer".
	Referrer string
	// HSTS is how long browsers shall come back by HTTPS alone (RFC 6797), in
	// whole seconds; 0 says nothing of it.
	HSTS time.Duration
	// ByHTTPS reports whether a request came by HTTPS. Behind a proxy that ends TLS, a
	// header of the proxy's says so; where ByHTTPS is nil, the connection does.
	ByHTTPS func(*weft.Request) bool
}

const strictTransport = "Strict-Transport-Security"

// Middleware puts the header fields on every answer, failures and those before
// routing too. What a stage inside or a handler says of one of them stands.
func (s Security) Middleware() (weft.Middleware, error) {
	fields := []struct{ name, value string }{
		{"Content-Security-Policy", cmp.Or(s.ContentPolicy, "default-src 'none'; frame-ancestors 'none'")},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"}, // what CORS permits is not concerned
		{"Referrer-Policy", cmp.Or(s.Referrer, "no-referrer")},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{strictTransport, fmt.Sprintf("max-age=%d", s.HSTS/time.Second)},
	}
	var mistakes []error
	if s.HSTS < 0 {
		mistakes = append(mistakes, fmt.Errorf("security headers: HSTS for %v: a time cannot be negative", s.HSTS))
	}
	for _, f := range fields { // on a request, a value that cannot be sent would make every answer a 500
		if err := weft.Empty().WithHeader(f.name, f.value).Err(); err != nil {
			mistakes = append(mistakes, fmt.Errorf("security headers: %w", err))
		}
	}
	if mistakes != nil {
		return nil, errors.Join(mistakes...)
	}
	byHTTPS := s.ByHTTPS
	if byHTTPS == nil {
		byHTTPS = func(r *weft.Request) bool { return r.HTTP().TLS != nil }
	}
	return weft.After("security headers", func(r *weft.Request, resp weft.Response) weft.Response {
		said := resp.Header()
		for _, f := range fields {
			if f.name == strictTransport && (s.HSTS == 0 || !byHTTPS(r)) { // without TLS it must not be sent (RFC 6797 section 7.2)
				continue
			}
			if _, own := said[f.name]; !own {
				resp = resp.WithHeader(f.name, f.value)
			}
		}
		return resp
	}), nil
}
