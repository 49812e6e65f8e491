package weft

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Raw is the Response that a handler of net/http gives on the connection itself: for WebSockets and other upgrades, reverse
// proxies, informational answers, http.FileServer, pprof.
//
// The stages return first. They see a Response with status 0, without a body, to which they can add header fields. Then h runs, and what the
// stages added is sent with what it writes, except fields that h sets itself; Vary and Set-Cookie are added to. Its request is that
// of the stage which returned Raw: path values and keys are there, and the body from its beginning, which no limit of weft's
// holds for ([http.MaxBytesHandler] sets one). Its context has that stage's values, and ends when the client leaves.
//
// h's ResponseWriter supports what the connection does: Flush, Hijack and the deadlines, best by
// [http.ResponseController], and trailers. Where h panics before it has written anything, the answer is a 500 as of any stage;
// after that the connection is dropped. It is logged once; http.ErrAbortHandler is not logged.
//
// A [Settler] is told of the request when h has returned, by the status that h wrote. [Sent] has that status, 101 where h took
// the connection over, and the bytes written by the ResponseWriter.
func Raw(h http.Handler) Response {
	if noHandler(h) {
		return Fail(fmt.Errorf("Raw was given no handler (%v)", here()))
	}
	return Response{head: &head{live: &live{source: handled{h}}, open: true}}
}

// noHandler reports whether there is none, without asking reflect.
func noHandler(h http.Handler) bool {
	fn, isFunc := h.(http.HandlerFunc)
	return h == nil || isFunc && fn == nil
}

// handled is the body that a handler of net/http writes.
type handled struct{ handler http.Handler }

func (b handled) send(r *Request, t *transfer) error {
	h := t.w.Header()
	before := maps.Clone(h)
	defer func() {
		if t.status == 0 { // it panicked, and what it has set is about an answer that there is not
			clear(h)
			maps.Copy(h, before)
		}
	}()
	w := &handledWriter{t}
	hr := r.forHandler(unwoundContext{t.ctx, r.ctx})
	defer handBack(r.http, hr)
	b.handler.ServeHTTP(w, hr)
	w.begin()
	return nil
}

func (handled) end() {}

// unwoundContext has the values of a stage that has returned. That stage's deadlines are over.
type unwoundContext struct {
	context.Context
	values context.Context
}

func (c unwoundContext) Value(key any) any { return c.values.Value(key) }

// handledWriter is the ResponseWriter of a transfer, which sees what is written.
type handledWriter struct{ t *transfer }

// Header is that of the connection.
func (w *handledWriter) Header() http.Header { return w.t.w.Header() }

// Unwrap is for [http.ResponseController].
func (w *handledWriter) Unwrap() http.ResponseWriter { return w.t.w }

// WriteHeader sends the header, with what the stages have added.
func (w *handledWriter) WriteHeader(status int) {
	informs := status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols
	if w.t.status == 0 && !informs {
		w.t.response.head.applyUnder(w.Header())
	}
	w.t.w.WriteHeader(status) // which panics where it is none
	if w.t.status == 0 && !informs {
		w.t.status = status
	}
}

func (w *handledWriter) begin() {
	if w.t.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}

// Write writes to the connection.
func (w *handledWriter) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.t.w.Write(p)
	w.wrote(int64(n), err)
	return n, err
}

// ReadFrom has a file sent without being copied, where the connection can do that.
func (w *handledWriter) ReadFrom(src io.Reader) (n int64, err error) {
	if w.t.status == 0 { // src may be the request's body, which a client that waits for 100 sends when it is read and the header is not written
		n, err = io.CopyN(struct{ io.Writer }{w}, src, sniffed)
		if err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	more, err := io.Copy(w.t.w, src)
	w.wrote(more, err)
	return n + more, err
}

// sniffed is how much net/http looks at to guess a media type.
const sniffed = 512

func (w *handledWriter) wrote(n int64, err error) {
	w.t.written += n
	if !errors.Is(err, http.ErrBodyNotAllowed) {
		w.t.refused = cmp.Or(w.t.refused, err)
	}
}

// Flush sends what was written.
func (w *handledWriter) Flush() { _ = w.FlushError() }

// FlushError is for [http.ResponseController].
func (w *handledWriter) FlushError() error {
	w.begin()
	return http.NewResponseController(w.t.w).Flush()
}

// Hijack hands the connection over, as far as it can be.
func (w *handledWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, stream, err := http.NewResponseController(w.t.w).Hijack()
	if err == nil && w.t.status == 0 {
		w.t.status = http.StatusSwitchingProtocols
	}
	return conn, stream, err
}

// applyUnder makes the list's changes to the header of a handler, whose own fields stand: only lists
// are added to, and what the stages have removed is.
func (n *head) applyUnder(h http.Header) {
	if n == nil || n.prev == nil && n.name == "" {
		return
	}
	own := maps.Clone(h)
	var links []*head
	for ; n != nil; n = n.prev {
		if n.name != "" {
			links = append(links, n)
		}
	}
	for i := len(links) - 1; i >= 0; i-- {
		switch n := links[i]; {
		case n.change == removeField:
			delete(h, n.name)
		case n.name == "Vary":
			if !varies(h["Vary"], n.value) {
				h.Add("Vary", n.value)
			}
		case n.name == "Set-Cookie":
			h.Add(n.name, n.value)
		case own[n.name] == nil && n.name != contentLength && n.name != transferEncoding:
			n.applyTo(h, []string{n.value})
		}
	}
}

// Mount puts a handler of net/http at a prefix: it gets every request below, whatever the method, with the prefix taken
// off its path as [http.StripPrefix] does, and answers on the connection itself; see [Raw]. prefix is "/PATH", which may have wildcards, or "" for
// everything in the group; the path without anything behind it is redirected to the one with a slash, as [http.ServeMux] does.
// The stages of the app and the groups stand around it, those given too; guards stand in a [Group] of its own.
func (g *Group) Mount(prefix string, h http.Handler, m ...Middleware) {
	g.mount("Group.Mount", prefix, h, m)
}

// Mount puts a handler of net/http at a prefix; see [Group.Mount].
func (a *App) Mount(prefix string, h http.Handler, m ...Middleware) {
	a.root.mount("App.Mount", prefix, h, m)
}

func (g *Group) mount(what, prefix string, h http.Handler, m []Middleware) {
	at := g.app.mayDeclare(what)
	prefix = strings.TrimSuffix(prefix, "/")
	switch {
	case noHandler(h) || isNull(h):
		g.app.problem(at, fmt.Sprintf("the handler mounted at %q is nil", prefix+"/"), "give Mount an http.Handler")
		return
	case strings.ContainsAny(prefix, " \t") || prefix != "" && !strings.Contains(prefix, "/"):
		g.app.problem(at, fmt.Sprintf("a handler is mounted at %q, which is not a path", prefix), `begin it with "/"; a mounted handler gets requests of all methods`)
		return
	case prefix != "" && path.Clean(prefix) != prefix: // which ServeMux takes where there is no method
		g.app.problem(at, fmt.Sprintf("a handler is mounted at %q, which no request is below: paths are cleaned before they are routed", prefix+"/"), fmt.Sprintf("mount it at %q", path.Clean(prefix)))
		return
	}
	depth := segments(prefix)
	for _, outer := range g.lineage() {
		depth += segments(outer.prefix)
	}
	e := Handle((&mounted{h, depth}).serve).Named("mount " + prefix + "/").Use(m...)
	e.raw = true
	g.handle(what, prefix+"/", e)
}

// segments is how many of a path a prefix has.
func segments(prefix string) int {
	if i := strings.IndexByte(prefix, '/'); i >= 0 && prefix[i:] != "/" {
		return strings.Count(prefix[i:], "/")
	}
	return 0
}

// mounted is a handler of net/http behind a prefix of so many segments.
type mounted struct {
	handler http.Handler
	depth   int
}

func (m *mounted) serve(context.Context, *Request) (Response, error) {
	return Raw(http.HandlerFunc(m.strip)), nil
}

// strip takes the prefix off the path of a copy.
func (m *mounted) strip(w http.ResponseWriter, hr *http.Request) {
	rest := hr.URL.EscapedPath()
	for range m.depth {
		i := strings.IndexByte(rest[min(1, len(rest)):], '/')
		if i < 0 {
			break
		}
		rest = rest[1+i:]
	}
	unescaped, err := url.PathUnescape(rest)
	if err != nil {
		http.NotFound(w, hr)
		return
	}
	stripped, u := *hr, *hr.URL
	u.Path = unescaped
	if u.RawPath != "" {
		u.RawPath = rest
	}
	stripped.URL = &u
	defer handBack(hr, &stripped)
	m.handler.ServeHTTP(w, &stripped)
}
