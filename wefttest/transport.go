package wefttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/weft-go/weft"
)

// Carry takes a request to a server by a transport, and brings back what a client gets. The request is as a client makes it, with a whole URL. An error is that there
// was no answer; one of reading the body is that it was broken off.
type Carry func(*http.Request) (*http.Response, error)

// OverHTTP carries requests over a loopback connection to a server of net/http, which is closed when the test ends. It follows no redirects.
func OverHTTP(t testing.TB, h http.Handler) Carry {
	t.Helper()
	hs := httptest.NewUnstartedServer(h)
	hs.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	hs.Config.DisableGeneralOptionsHandler = true
	hs.Start()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() { transport.CloseIdleConnections(); hs.Close() })
	address := strings.TrimPrefix(hs.URL, "http://")
	return func(hr *http.Request) (*http.Response, error) {
		sent := hr.Clone(hr.Context())
		if sent.Host == "" {
			sent.Host = hr.URL.Host
		}
		sent.URL.Scheme, sent.URL.Host = "http", address
		return transport.RoundTrip(sent)
	}
}

// InProcess carries requests to a handler without a network, as [New] does.
func InProcess(h http.Handler) Carry {
	return func(hr *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithCancel(hr.Context())
		in := hr.Clone(ctx)
		in.RequestURI = hr.URL.RequestURI()
		var err error
		if in.URL, err = url.ParseRequestURI(in.RequestURI); err != nil {
			cancel()
			return nil, err
		}
		if in.Host == "" {
			in.Host = hr.URL.Host
		}
		if in.Body == nil {
			in.Body = http.NoBody
		}
		in.Header = http.Header{}
		for name, values := range hr.Header {
			in.Header[http.CanonicalHeaderKey(name)] = append(in.Header[http.CanonicalHeaderKey(name)], values...)
		}
		in.RemoteAddr = "192.0.2.1:1234"
		w := newWire(hr.Method)
		go func() {
			defer cancel()
			unwound := errors.New("the goroutine of the request ended")
			defer func() {
				if p := recover(); p == http.ErrAbortHandler {
					unwound = errDropped
				} else if p != nil {
					unwound = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				}
				w.end(unwound)
			}()
			h.ServeHTTP(w, in)
			unwound = nil
		}()
		status, header, err := w.head()
		if err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: status, Header: header, Body: &cancellingBody{w.body, cancel}, ContentLength: -1, Request: hr}, nil
	}
}

// carried is what a client got, as far as transports have to agree on it.
type carried struct {
	none   bool // there was no answer
	broken bool // its body was broken off
	status int
	header http.Header
	body   string
}

// ofTransport are header fields that are the transport's own.
var ofTransport = []string{"Date", "Content-Length", "Connection", "Transfer-Encoding", "Keep-Alive", "Trailer"}

func receive(carry Carry, hr *http.Request) carried {
	resp, err := carry(hr)
	if err != nil {
		return carried{none: true}
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	c := carried{broken: err != nil, status: resp.StatusCode, header: resp.Header.Clone(), body: string(body)}
	if c.broken {
		c.body = "" // how much of it arrives is a matter of buffers
	}
	for _, name := range ofTransport {
		delete(c.header, name)
	}
	return c
}

func (c carried) String() string {
	switch {
	case c.none:
		return "no answer"
	case c.broken:
		return fmt.Sprintf("%d, broken off", c.status)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d", c.status)
	for _, name := range slices.Sorted(maps.Keys(c.header)) {
		fmt.Fprintf(&text, " %s: %q", name, c.header[name])
	}
	body := c.body
	if len(body) > 300 {
		body = fmt.Sprintf("%s… (%d bytes)", body[:300], len(body))
	}
	fmt.Fprintf(&text, " %q", body)
	return text.String()
}

// SameAnswers sends requests to a server of your own by several transports, each of which is to bring the same answer as the
// first: status, body, and header fields but those of the connection. A request's URL is "http://example.com/…", and it is sent by each. What the server keeps, it must keep such
// that a request can be repeated.
func SameAnswers(t testing.TB, requests []*http.Request, first Carry, others map[string]Carry) {
	t.Helper()
	for _, hr := range requests {
		var body []byte
		if hr.Body != nil {
			var err error
			if body, err = io.ReadAll(hr.Body); err != nil {
				t.Errorf("%s %s: reading its body: %v", hr.Method, hr.URL, err)
				continue
			}
			hr.Body = io.NopCloser(bytes.NewReader(body)) // for another call
		}
		again := func() *http.Request {
			one := hr.Clone(hr.Context())
			if hr.Body != nil {
				one.Body, one.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}
			return one
		}
		want := receive(first, again())
		for _, name := range slices.Sorted(maps.Keys(others)) {
			if got := receive(others[name], again()); got.String() != want.String() || got.body != want.body {
				t.Errorf("%s %s by %s\n\tis answered: %v\n\tand should be: %v", hr.Method, hr.URL, name, got, want)
			}
		}
	}
}

// Difference is something that a transport cannot do as a connection does. Each is exact: [TestTransport] says what has to come in its place.
type Difference string

// The differences that transports have.
const (
	// Collects: an answer is given as a whole, so a failure has its status, however late.
	Collects Difference = "collects"
	// DecodesPath: the path arrives decoded, so that %2F is a slash and what follows %3F is lost.
	DecodesPath Difference = "decodes the path"
	// JoinsHeaders: the fields of a name arrive as one, joined by commas.
	JoinsHeaders Difference = "joins header fields"
	// LastHeader: of the fields of a name the last arrives.
	LastHeader Difference = "last header field"
	// LastParameter: of the query's parameters of a name the last arrives.
	LastParameter Difference = "last parameter"
	// LastCookie: of the cookies that an answer sets the last arrives.
	LastCookie Difference = "last cookie"
	// JoinsAnswers: the fields of a name of an answer arrive as one, joined by a comma and a space.
	JoinsAnswers Difference = "joins header fields of answers"
)

// TestTransport holds a transport against net/http: a table of requests goes to the same app by both, and the answers are the same but for
// the differences. open is called with Servers, and returns what carries requests to them. A difference that no request has shown is a failure, too.
func TestTransport(t testing.TB, open func(srv *weft.Server) Carry, differs ...Difference) {
	t.Helper()
	srv, err := transportApp().Build(t.Context())
	if err != nil {
		t.Fatalf("the app of the table cannot be built: %v", err)
	}
	reference, carry := OverHTTP(t, srv), open(srv)
	shown := map[Difference]bool{}
	for _, c := range transportCases() {
		want := receive(reference, c.request(t))
		if want.none != (c.status == 0) || !want.none && want.status != c.status {
			t.Errorf("%s: %s %s over net/http: %v, and the table says %d", c.name, c.method, c.target, want, c.status)
			continue
		}
		for _, d := range differs {
			if change := c.differs[d]; change != nil {
				before := want.String()
				if change(&want); want.String() != before {
					shown[d] = true
				}
			}
		}
		if got := receive(carry, c.request(t)); got.String() != want.String() || got.body != want.body {
			t.Errorf("%s: %s %s\n\tis answered: %v\n\tand should be: %v", c.name, c.method, c.target, got, want)
		}
	}
	for _, d := range differs {
		if !shown[d] {
			t.Errorf("the difference %q was not seen: leave it out", d)
		}
	}
}
