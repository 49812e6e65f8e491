package wefttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/rehearsal"
)

// Client makes requests of an app under test, which runs as it would in
// production: all stages, routing and encoding are the real ones. [New] calls it in process, [Serve] over TCP.
//
// It keeps cookies, also those that are Secure, and follows no redirects. What the app
// logs is in the output of the test. A request that gets no answer at all fails
// the test, with FailNow; on other goroutines than the test's use [Client.Try]. A Client is safe for concurrent use.
type Client struct {
	*site
	jar      http.CookieJar
	defaults []RequestOption
}

// site is an app that was built for a test.
type site struct {
	t       testing.TB
	server  *weft.Server
	handler http.Handler // the server
	journal *journal
	url     string // of Serve
	carry   func(x *exchange, o *outgoing) (*http.Response, error)

	mu     sync.Mutex
	open   []*exchange
	onConn map[string]*exchange // by the client's address; of Serve
}

// New builds the app for a test, and makes a client that calls it without a
// network, in goroutines of the test's own. Each mistake in the app's declarations fails the test.
//
// The app is not changed: it can be built again, with other options or none. As after any Build, nothing more can be declared.
//
// Singletons live on behind the test, for others that use the same container. They end when all that were built of it are shut down, and the
// next Build makes new ones; so where they are to end with their test, each says
//
//	t.Cleanup(func() { _ = c.Server().Shutdown(context.Background()) })
func New(t testing.TB, app *weft.App, opts ...Option) *Client {
	t.Helper()
	s := newSite(t, app, opts)
	s.carry = s.inProcess
	return s.client()
}

// Serve is [New] over a real connection: an http.Server on the loopback
// interface, which is closed when the test ends.
func Serve(t testing.TB, app *weft.App, opts ...Option) *Client {
	t.Helper()
	s := newSite(t, app, opts)
	hs := httptest.NewUnstartedServer(http.HandlerFunc(s.serveHTTP))
	hs.Config.ErrorLog = slog.NewLogLogger(s.journal.logger(slog.Default()).Handler(), slog.LevelWarn)
	hs.Config.DisableGeneralOptionsHandler = true
	hs.Start()
	s.url, s.onConn = hs.URL, map[string]*exchange{}
	transport := &http.Transport{DisableCompression: true}
	s.carry = func(x *exchange, o *outgoing) (*http.Response, error) { return s.overTCP(transport, x, o) }
	t.Cleanup(func() {
		s.close()
		transport.CloseIdleConnections()
		hs.Close()
	})
	return s.client()
}

func newSite(t testing.TB, app *weft.App, opts []Option) *site {
	t.Helper()
	director := &stageDirector{}
	for _, opt := range opts {
		if opt != nil {
			opt(director)
		}
	}
	s := &site{t: t, journal: &journal{shown: t}}
	var err error
	s.server, err = build(t.Context(), app, &rehearsed{director, s.journal, callsite.Caller()})
	if problems := director.problems(); len(problems) > 0 {
		t.Fatalf("the overrides do not fit the app:%s", listed(problems))
	}
	if err != nil {
		t.Fatalf("the app cannot be built:%s", listed(mistakes(err)))
	}
	s.handler = s.server
	t.Cleanup(s.journal.hush)
	t.Cleanup(s.close)
	return s
}

func build(ctx context.Context, app *weft.App, as *rehearsed) (*weft.Server, error) {
	return app.Build(rehearsal.With(ctx, as))
}

func listed(lines []string) string { return "\n\t" + strings.Join(lines, "\n\t") }

func mistakes(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var texts []string
	for _, one := range joined.Unwrap() {
		texts = append(texts, one.Error())
	}
	return texts
}

// rehearsed is what a Build for a test asks of weft.
type rehearsed struct {
	*stageDirector
	journal *journal
	site    callsite.Site
}

// Site is called by weft.
func (r *rehearsed) Site() callsite.Site { return r.site }

// Logger is called by weft.
func (r *rehearsed) Logger(of *slog.Logger) *slog.Logger { return r.journal.logger(of) }

// Responding is called by weft for each request.
func (r *rehearsed) Responding(ctx context.Context, err error) {
	if x := exchangeOf(ctx); x != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.cause = err
	}
}

// exchange is one request and what becomes of it.
type exchange struct {
	what   string // "GET /x"
	cancel context.CancelFunc
	done   chan struct{} // closed when the server is done with it
	ended  sync.Once

	mu     sync.Mutex
	cause  error
	logs   []string
	unread io.Closer // the answer in process, for which a handler waits that somebody reads it
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

func (x *exchange) note(line string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.logs = append(x.logs, line)
}

func (x *exchange) end() { x.ended.Do(func() { close(x.done) }) }

func (s *site) client() *Client {
	jar, _ := cookiejar.New(nil) // without options it does not fail
	return &Client{site: s, jar: jar}
}

// close ends the requests that nobody ended.
func (s *site) close() {
	s.t.Helper()
	s.mu.Lock()
	open := slices.Clone(s.open)
	s.mu.Unlock()
	for _, x := range open {
		s.t.Errorf("the answer to %s was neither read to its end nor closed: its request is still running", x.what)
		x.cancel()
		x.mu.Lock()
		if x.unread != nil {
			_ = x.unread.Close()
		}
		x.mu.Unlock()
		<-x.done
	}
}

func (s *site) forget(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(other *exchange) bool { return other == x })
}

// inProcess calls the server on a goroutine of the request's own, as a connection would.
func (s *site) inProcess(x *exchange, o *outgoing) (*http.Response, error) {
	hr, err := o.tryIncoming()
	if err != nil {
		x.end()
		return nil, err
	}
	hr = hr.WithContext(context.WithValue(o.ctx, exchangeKey{}, x))
	w := newWire(o.method)
	x.mu.Lock()
	x.unread = w.body
	x.mu.Unlock()
	go func() {
		defer x.end()
		defer x.cancel()
		unwound := errors.New("the goroutine of the request ended, as by runtime.Goexit or a FailNow in a stage")
		defer func() {
			if p := recover(); p == http.ErrAbortHandler {
				unwound = errDropped
			} else if p != nil {
				unwound = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
			_ = hr.Body.Close()
			w.end(unwound)
		}()
		s.handler.ServeHTTP(w, hr)
		unwound = nil
	}()
	select {
	case <-w.ready:
	case <-o.ctx.Done():
		select {
		case <-w.ready: // and so it was the handler's end that ended it
		default:
			_ = w.body.CloseWithError(o.ctx.Err())
			return nil, o.ctx.Err()
		}
	}
	status, header, err := w.head()
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: header, Body: &cancellingBody{w.body, x.cancel}}, nil
}

// cancellingBody ends its request when it is closed, as where a client leaves.
type cancellingBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancellingBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}

// tryIncoming is incoming, with its panic as an error.
func (o *outgoing) tryIncoming() (hr *http.Request, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the request cannot be made: %v", p)
		}
	}()
	return o.incoming(o.ctx), nil
}

func (s *site) serveHTTP(w http.ResponseWriter, hr *http.Request) {
	s.mu.Lock()
	x := s.onConn[hr.RemoteAddr]
	s.mu.Unlock()
	if x != nil { // else it is not from a Client
		defer x.end()
		hr = hr.WithContext(context.WithValue(hr.Context(), exchangeKey{}, x))
	}
	s.handler.ServeHTTP(w, hr)
}

func (s *site) overTCP(transport *http.Transport, x *exchange, o *outgoing) (*http.Response, error) {
	ctx := httptrace.WithClientTrace(o.ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.onConn[info.Conn.LocalAddr().String()] = x
	}})
	hr, err := http.NewRequestWithContext(ctx, o.method, s.url+o.target, o.body)
	if err != nil {
		x.end()
		return nil, fmt.Errorf("the request cannot be made: %w", err)
	}
	o.fill(hr)
	if hr.Header["User-Agent"] == nil {
		hr.Header["User-Agent"] = []string{""} // none, as in process
	}
	resp, err := transport.RoundTrip(hr)
	if err != nil {
		x.end() // whether or not it has reached the server
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %w", errDropped, err)
		}
		return nil, err
	}
	resp.Body = &cancellingBody{resp.Body, x.cancel}
	return resp, nil
}

// URL is where the app can be reached by other clients, "" of [New].
func (c *Client) URL() string { return c.url }

// Server is what was built.
func (c *Client) Server() *weft.Server { return c.server }

// Logs is what the app has logged so far, a line of text for each record, without its time.
func (c *Client) Logs() []string { return c.journal.all() }

// Another is a client of the same server without cookies: somebody else.
func (c *Client) Another() *Client {
	other := c.client()
	other.defaults = c.defaults
	return other
}

// Sending is the same client, sending what opts say with every request; an option of a request comes after them.
func (c *Client) Sending(opts ...RequestOption) *Client {
	other := *c
	other.defaults = slices.Concat(c.defaults, opts)
	return &other
}

// Get makes a request and waits for its end; see [Client.Do].
func (c *Client) Get(target string, opts ...RequestOption) *Answer {
	c.t.Helper()
	return c.Do(http.MethodGet, target, opts...)
}

// Head makes a request and waits for its end; see [Client.Do].
func (c *Client) Head(target string, opts ...RequestOption) *Answer {
	c.t.Helper()
	return c.Do(http.MethodHead, target, opts...)
}

// Post sends a body as JSON: a string, []byte or json.RawMessage as it is, nil as none, and anything else
// encoded by encoding/json. Another body is sent by Do with [Body].
func (c *Client) Post(target string, body any, opts ...RequestOption) *Answer {
	c.t.Helper()
	return c.Do(http.MethodPost, target, append([]RequestOption{jsonBody(body)}, opts...)...)
}

// Put sends a body; see [Client.Post].
func (c *Client) Put(target string, body any, opts ...RequestOption) *Answer {
	c.t.Helper()
	return c.Do(http.MethodPut, target, append([]RequestOption{jsonBody(body)}, opts...)...)
}

// Patch sends a body; see [Client.Post].
func (c *Client) Patch(target string, body any, opts ...RequestOption) *Answer {
	c.t.Helper()
	return c.Do(http.MethodPatch, target, append([]RequestOption{jsonBody(body)}, opts...)...)
}

// Delete makes a request and waits for its end; see [Client.Do].
func (c *Client) Delete(target string, opts ...RequestOption) *Answer {
	c.t.Helper()
	return c.Do(http.MethodDelete, target, opts...)
}

func jsonBody(body any) RequestOption {
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		return Body("application/json", body)
	case []byte:
		return Body("application/json", body)
	case json.RawMessage:
		return Body("application/json", []byte(body))
	}
	return JSON(body)
}

// Do makes a request and waits for its end: when it returns, the answer has
// been read, and the stages have returned, those of [weft.Finally] too. A 5xx tells its cause in the output of the test.
func (c *Client) Do(method, target string, opts ...RequestOption) *Answer {
	c.t.Helper()
	a, err := c.Try(method, target, opts...)
	if err != nil {
		c.t.Fatalf("%s %s got no answer: %v", method, target, err)
	}
	return a
}

// Try is [Client.Do] for requests that may get no answer, and for goroutines
// other than the test's: the error says why there is none.
func (c *Client) Try(method, target string, opts ...RequestOption) (*Answer, error) {
	c.t.Helper()
	a, err := c.start(method, target, opts)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(a.Body)
	if err == nil {
		<-a.x.done // with its context, so that Finally stages can use it
	}
	_ = a.Body.Close()
	<-a.x.done
	if err != nil {
		return nil, fmt.Errorf("the answer broke off: %w", err)
	}
	a.read, a.content, a.Body = true, content, io.NopCloser(bytes.NewReader(content))
	return a, nil
}

// Open makes a request and returns when the head of its answer has arrived. The
// body is read while the handler writes it; as over a connection, what is written arrives when
// it is flushed, when 2 KiB have come together, or at the end. The test must read the body to
// its end or close it, which ends the request's context, as where a client leaves.
func (c *Client) Open(method, target string, opts ...RequestOption) *Answer {
	c.t.Helper()
	a, err := c.start(method, target, opts)
	if err != nil {
		c.t.Fatalf("%s %s got no answer: %v", method, target, err)
	}
	return a
}

// start makes a request, and returns when the head of its answer has arrived.
func (c *Client) start(method, target string, opts []RequestOption) (*Answer, error) {
	c.t.Helper()
	o := newOutgoing(c.t.Context(), method, target, slices.Concat(c.defaults, opts))
	if len(o.given) > 0 || len(o.path) > 0 {
		return nil, errors.New("With and PathValue are for wefttest.Request: in an app a stage gives a key its value, which Replace puts there, and the path its values")
	}
	at := c.cookiesAt(o)
	for _, kept := range c.jar.Cookies(at) {
		if !slices.ContainsFunc(o.cookies, func(own *http.Cookie) bool { return own.Name == kept.Name }) {
			o.cookies = append(o.cookies, kept)
		}
	}
	x := &exchange{what: method + " " + target, done: make(chan struct{})}
	o.ctx, x.cancel = context.WithCancel(o.ctx)
	s := c.site
	s.mu.Lock()
	s.open = append(s.open, x)
	s.mu.Unlock()
	resp, err := s.carry(x, o)
	if err != nil {
		x.cancel()
		<-x.done
		s.forget(x)
		return nil, err
	}
	a := &Answer{t: c.t, x: x}
	if cookies := resp.Cookies(); len(cookies) > 0 {
		c.jar.SetCookies(at, cookies)
	}
	a.Status, a.Header = resp.StatusCode, resp.Header
	a.Body = &trackedBody{ReadCloser: resp.Body, over: func() { s.forget(x) }}
	x.mu.Lock()
	a.Err = x.cause
	x.mu.Unlock()
	if a.Status >= http.StatusInternalServerError && a.Err != nil {
		c.t.Logf("%s: %d, because: %v", x.what, a.Status, a.Err)
	}
	return a, nil
}

// cookiesAt is where cookies are kept. A test is as good as TLS, so that those that are Secure work.
func (c *Client) cookiesAt(o *outgoing) *url.URL {
	at := &url.URL{Scheme: "https", Host: "example.com", Path: "/"}
	if host := o.header.Get("Host"); host != "" {
		at.Host = host
	}
	if parsed, err := url.Parse(o.target); err == nil {
		at.Path = parsed.Path
		if parsed.Host != "" {
			at.Host = parsed.Host
		}
	}
	return at
}

// trackedBody notes that a body was read to its end or closed.
type trackedBody struct {
	io.ReadCloser
	over func()
}

func (b *trackedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.over()
	}
	return n, err
}

func (b *trackedBody) Close() error {
	b.over()
	return b.ReadCloser.Close()
}
