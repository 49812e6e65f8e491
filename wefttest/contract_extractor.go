package wefttest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/weft-go/weft"
)

// TestExtractor holds an extractor against the contract of [weft.Extractor]:
// alone, from many callers at once, and in an app. Run it with -race too.
//
// It reads the [Sample], and the same value when it is asked again, of the body too. What a client does wrong
// is an [*weft.InvalidRequest] or another error below 500, never a panic and never a 500, and what the client sent is
// not repeated to it. It reads the body only if it says so, changes nothing
// that stages share, keeps no Request and leaves no goroutine.
//
// Each breach fails the test with a sentence of its own.
func TestExtractor[T any](t testing.TB, x weft.Extractor[T], traits ...Trait) {
	t.Helper()
	read := func(r *weft.Request) (any, error) { return x.Extract(r) }
	declare := func(app *weft.App) {
		app.Handle("/", weft.Handle(func(context.Context, T) (struct{}, error) { return struct{}{}, nil }).Extract(x))
	}
	c := newContract(t, fmt.Sprintf("the extractor of %T", *new(T)), traits)
	defer c.end()
	reads := weft.ReadsOf(x)
	if len(reads) > 0 && reads[0].Source == "itself" {
		c.what = fmt.Sprintf("the extractor %q", reads[0].Name)
	}
	c.readsBody = slices.ContainsFunc(reads, func(r weft.ReadInfo) bool {
		return r.Source == weft.SourceBody || r.Source == weft.SourceForm || r.Source == weft.SourceFile
	})
	for _, s := range c.samples {
		if c.extractOnce(read, s) {
			c.extractTogether(read, s)
		}
		c.extractHostile(read, s, reads)
		if patterned := len(s.outgoing(t.Context()).path) > 0; !patterned {
			if p := c.pipeline(s, declare); p != nil {
				p.extractorWorks(s)
			}
		}
	}
}

// extraction is what an extractor made of one request, on one view of it.
type extraction struct {
	value any
	err   error
}

func (c *contract) extract(read func(*weft.Request) (any, error), p *probe, times int, settle func()) (got []extraction, e ended) {
	return call(c, patience, func() (found []extraction) {
		for range times {
			found = append(found, give(p, func(view *weft.Request) extraction {
				v, err := read(view)
				return extraction{v, err}
			}))
		}
		return found
	}, settle)
}

func (c *contract) extractOnce(read func(*weft.Request) (any, error), s sample) (goOn bool) {
	c.t.Helper()
	p := c.watched(s)
	got, e := c.extract(read, p, 2, nil)
	if !c.report(e, fmt.Sprintf("reading %v", s)) {
		return false
	}
	p.unharmed(c.readsBody)
	first, second := got[0], got[1]
	if first.err != nil && weft.Fail(first.err).Status() >= http.StatusInternalServerError {
		c.fault("fails, reading %v: %v", s, first.err)
		return false
	}
	if (first.err == nil) != (second.err == nil) || pictureOf(first.value) != pictureOf(second.value) {
		c.fault("reads another value when it is asked again (%v): what it reads must stay, read the body by Request.Body", s)
	}
	if isFirst := newProbeValue(first.value); isFirst { // a value may hold the Request, if that is what it is
		return true
	}
	kept := c.probe(c.t.Context(), s, nil)
	_, e = c.extract(read, kept, 1, kept.letGo())
	return c.report(e, fmt.Sprintf("reading %v", s))
}

// newProbeValue reports a value that is, or leads to, the request itself.
func newProbeValue(v any) bool { return strings.Contains(fmt.Sprintf("%T", v), "weft.Request") }

func (c *contract) extractTogether(read func(*weft.Request) (any, error), s sample) {
	c.t.Helper()
	want, _ := c.extract(read, c.probe(c.t.Context(), s, nil), 1, nil)
	if len(want) == 0 {
		return
	}
	picture := pictureOf(want[0].value)
	together(func() {
		got, e := c.extract(read, c.probe(c.t.Context(), s, nil), 1, nil)
		if !e.fine() {
			c.report(e, "reading several requests at once")
			return
		}
		if pictureOf(got[0].value) != picture && !c.stateful {
			c.fault("reads another value when there are several requests at once (%v)", s)
		}
	})
}

func (c *contract) extractHostile(read func(*weft.Request) (any, error), s sample, reads []weft.ReadInfo) {
	c.t.Helper()
	for _, h := range c.hostile(s, reads, c.readsBody) {
		got, e := c.extract(read, c.probe(c.t.Context(), s, h.spoil), 1, nil)
		if !c.report(e, "given "+h.what) {
			return
		}
		err := got[0].err
		if err == nil {
			continue
		}
		resp := weft.Fail(err)
		switch {
		case resp.Status() >= http.StatusInternalServerError:
			c.fault("answers a client's mistake (%s) with a %d: return an InvalidRequest; the error is %v", h.what, resp.Status(), err)
		case strings.Contains(h.what, marker) && leaks(resp, marker):
			c.fault("repeats to the client what it sent (%s)", h.what)
		}
	}
}

func (p *pipeline) extractorWorks(s sample) {
	p.t.Helper()
	got, e := p.send(s)
	if p.report(e, fmt.Sprintf("in an app, reading %v", s)) && got.status >= http.StatusInternalServerError {
		p.fault("fails in an app, reading %v: %v", s, got.err)
	}
}
