package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

// CORS says what scripts of other origins may do with the answers (the Fetch
// standard, section 3.3). Its zero value permits nothing. It does not keep requests out: those
// that a page may send without asking run as ever, and only their answers are
// withheld from the script, by the browser.
type CORS struct {
	// Origins are permitted exactly, written as browsers write them:
	// "https://app.example". "*" by itself permits all, and then no credentials.
	Origins []string
	// AllowOrigin is asked about an origin that is not in Origins, where it is not nil. It may be called concurrently.
	AllowOrigin func(r *weft.Request, origin string) bool
	// Methods are permitted beside GET, HEAD and POST.
	Methods []string
	// Headers are the request header fields that are permitted beside the
	// harmless ones. Authorization must be named, also beside "*".
	Headers []string
	// Expose is the header fields of the answer that a script may read.
	Expose []string
	// Credentials permits cookies and HTTP authentication.
	Credentials bool
	// MaxAge is how long a browser need not ask again, in whole seconds; where it
	// is 0 the browser decides.
	MaxAge time.Duration
}

const (
	anyOrigin      = "*"
	requestMethod  = "Access-Control-Request-Method"
	requestHeaders = "Access-Control-Request-Headers"
	allowOrigin    = "Access-Control-Allow-Origin"
)

// Middleware belongs at the app's level, before routing. So a preflight is answered for paths
// that have no route for OPTIONS, or none at all, and no guard sees it: it
// carries no credentials. And a script can read a 404, a 401 and a 500.
func (c CORS) Middleware() (weft.Middleware, error) {
	if err := c.mistakes(); err != nil {
		return nil, fmt.Errorf("CORS: %w", err)
	}
	c.Origins = slices.Clone(c.Origins)
	c.Methods, c.Headers, c.Expose = slices.Clone(c.Methods), slices.Clone(c.Headers), slices.Clone(c.Expose)
	return weft.NewMiddleware("cors", func(r *weft.Request, next weft.Next) weft.Response {
		origin, allowed := c.permitted(r)
		if isPreflight(r) {
			resp := weft.Empty().Vary("Origin", requestMethod, requestHeaders)
			if !allowed {
				return resp
			}
			return c.permissions(c.permit(resp, origin))
		}
		resp := next(r)
		if !slices.Contains(c.Origins, anyOrigin) {
			resp = resp.Vary("Origin") // also without one: a cache must not hand this answer to who sends one
		}
		if r.HTTP().Method == http.MethodOptions { // with these two it would have been a preflight
			resp = resp.Vary("Origin", requestMethod, requestHeaders)
		}
		if !allowed {
			return resp
		}
		if len(c.Expose) > 0 {
			resp = resp.WithHeader("Access-Control-Expose-Headers", strings.Join(c.Expose, ", "))
		}
		return c.permit(resp, origin)
	}), nil
}

// permitted is what the answer says of the origin, and whether it is permitted.
func (c *CORS) permitted(r *weft.Request) (origin string, allowed bool) {
	if slices.Contains(c.Origins, anyOrigin) {
		return anyOrigin, true // also without an Origin, so that a cache can share the answer
	}
	sent := r.Header()["Origin"]
	if len(sent) != 1 || sent[0] == "" {
		return "", false
	}
	origin = sent[0]
	return origin, slices.Contains(c.Origins, origin) || c.AllowOrigin != nil && c.AllowOrigin(r, origin)
}

// isPreflight tells a browser's question from other uses of OPTIONS.
func isPreflight(r *weft.Request) bool {
	return r.HTTP().Method == http.MethodOptions && r.Header().Get("Origin") != "" && r.Header().Get(requestMethod) != ""
}

func (c *CORS) permit(resp weft.Response, origin string) weft.Response {
	resp = resp.WithHeader(allowOrigin, origin)
	if c.Credentials {
		resp = resp.WithHeader("Access-Control-Allow-Credentials", "true")
	}
	return resp
}

// permissions are the same whatever the preflight asked for: the browser
// compares, and says in its console what is missing. Access to a private network is never granted.
func (c *CORS) permissions(resp weft.Response) weft.Response {
	if len(c.Methods) > 0 {
		resp = resp.WithHeader("Access-Control-Allow-Methods", strings.Join(c.Methods, ", "))
	}
	if len(c.Headers) > 0 {
		resp = resp.WithHeader("Access-Control-Allow-Headers", strings.Join(c.Headers, ", "))
	}
	if c.MaxAge > 0 {
		resp = resp.WithHeader("Access-Control-Max-Age", strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
	return resp
}

// mistakes are all that is wrong with the parameters.
func (c *CORS) mistakes() error {
	var all []error
	mistake := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	for _, origin := range c.Origins {
		if origin != anyOrigin {
			if err := checkOrigin(origin); err != nil {
				all = append(all, err)
			}
		} else if len(c.Origins) > 1 || c.AllowOrigin != nil {
			mistake(`the origin "*" permits all: leave out the others, and AllowOrigin`)
		}
	}
	for _, names := range [][]string{c.Methods, c.Headers, c.Expose} {
		for _, name := range names {
			if weft.Empty().WithHeader(name, "").Err() != nil { // they are tokens, as its name is
				mistake("%q is no name of a method or header field", name)
			}
		}
	}
	if c.Credentials && slices.Contains(slices.Concat(c.Origins, c.Methods, c.Headers, c.Expose), "*") {
		mistake(`with credentials "*" means nothing: name what is permitted`)
	}
	if c.MaxAge < 0 || c.MaxAge%time.Second != 0 {
		mistake("a MaxAge of %v: give whole seconds", c.MaxAge)
	}
	return errors.Join(all...)
}

// checkOrigin refuses what no browser sends, and so would never be equal to an
// Origin, and "null", which anybody can send from a sandboxed frame.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin ||
		strings.ContainsFunc(origin, func(c rune) bool { return c == '*' || c > '~' }) ||
		u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return fmt.Errorf("%q is not an origin as browsers send it: https://host or https://host:port, in lower case, without a path or the usual port; for more than one, write an AllowOrigin", origin)
	}
	return nil
}

// subdomainsOf is for [CORS.AllowOrigin]: it permits https://a.domain and https://b.a.domain. A test for the end of the
// text alone would permit https://evil-domain.
func subdomainsOf(domain string) func(*weft.Request, string) bool {
	return func(_ *weft.Request, origin string) bool {
		host, secure := strings.CutPrefix(origin, "https://")
		sub, below := strings.CutSuffix(host, "."+domain)
		return secure && below && sub != "" && checkOrigin(origin) == nil
	}
}
