package wefttest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-go/weft"
)

// TestGuard holds a guard against the contract of [weft.Guard]: alone, from many
// callers at once, and in an app. Run it with -race too.
//
// It decides in the same way about the same request, unless it is [Stateful]. Nothing that a client sends makes it
// fail or panic. An outage is neither access nor a no: it is tried with contexts that have ended, and
// with a [Broken] twin. It provides what it says and sets no other key. It reads the body only if it says so, changes nothing
// that stages share, keeps no Request, leaves no goroutine, and repeats no credentials to the client.
//
// Give it a [Sample] that it lets pass and one that it denies: without the second, an outage
// that becomes access goes unseen. Each breach fails the test with a sentence of its own.
func TestGuard(t testing.TB, g weft.Guard, traits ...Trait) {
	t.Helper()
	c := newContract(t, "the guard", traits)
	defer c.end()
	inner := weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return weft.Text("tea"), nil })
	attach := func(app *weft.App) { app.Handle("/", inner.Guard(g)) }
	if info, ok := stageInfo(c.app(c.samples[0], attach), weft.KindGuard); ok {
		c.what = fmt.Sprintf("the guard %q", info.Name)
		c.readsBody = info.ReadsBody
	}
	for _, s := range c.samples {
		first, ok := c.decideOnce(g, s)
		if !ok {
			continue
		}
		c.decideAgain(g, s, first)
		c.decideInOutage(g, s, first)
		c.decideHostile(g, s)
		if p := c.pipeline(s, attach); p != nil {
			p.guardWorks(s, first)
		}
	}
}

// decide asks the guard about the probe's request.
func (c *contract) decide(g weft.Guard, p *probe, settle func()) (d weft.Decision, e ended) {
	return c.decideWithin(patience, g, p, settle)
}

func (c *contract) decideWithin(within time.Duration, g weft.Guard, p *probe, settle func()) (weft.Decision, ended) {
	return call(c, within, func() weft.Decision {
		return give(p, func(view *weft.Request) weft.Decision { return weft.Decide(view, g) })
	}, settle)
}

func (c *contract) decideOnce(g weft.Guard, s sample) (first weft.Decision, goOn bool) {
	c.t.Helper()
	p := c.watched(s)
	first, e := c.decide(g, p, p.letGo())
	if !c.report(e, fmt.Sprintf("asked about %v", s)) {
		return first, false
	}
	p.unharmed(c.readsBody)
	if first.Verdict == weft.VerdictFailed {
		switch {
		case strings.Contains(first.Err.Error(), "has not said so"):
			c.fault("reads the body and does not say so (%v)", s)
		case strings.HasPrefix(first.Err.Error(), "panic: "):
			c.fault("panics, asked about %v: %v", s, first.Err)
		default:
			c.fault("fails, asked about %v, in place of deciding: %v", s, first.Err)
		}
		return first, false
	}
	return first, true
}

// decideAgain asks the same again, also from many goroutines.
func (c *contract) decideAgain(g weft.Guard, s sample, first weft.Decision) {
	c.t.Helper()
	ask := func(where string) {
		p := c.probe(c.t.Context(), s, nil)
		d, e := c.decide(g, p, nil)
		if !e.fine() {
			c.report(e, fmt.Sprintf("asked about %v %s", s, where))
			return
		}
		if d.Verdict != first.Verdict && !c.stateful {
			c.fault("decides differently about the same request %s: %s, and then %s (%v)", where, first.Verdict, d.Verdict, s)
		}
	}
	ask("again")
	ask("again")
	together(func() { ask("when there are several at once") })
}

// decideInOutage asks while what the guard depends on is out.
func (c *contract) decideInOutage(g weft.Guard, s sample, first weft.Decision) {
	c.t.Helper()
	judge := func(d weft.Decision, outage string, must bool) {
		switch {
		case first.Verdict == weft.VerdictDenied && d.Verdict == weft.VerdictAllowed:
			c.fault("lets pass with %s what it denies otherwise: an outage is access (%v)", outage, s)
		case first.Verdict == weft.VerdictAllowed && d.Verdict == weft.VerdictDenied:
			c.fault("denies with %s what it lets pass otherwise: return the error as it is, not a Denial (%v)", outage, s)
		case first.Verdict == weft.VerdictAllowed && d.Verdict == weft.VerdictAllowed && must:
			c.fault("lets pass with %s: it cannot know (%v)", outage, s)
		}
	}
	contexts := endedContexts(c.t.Context())
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		d, e := c.decideWithin(cancelPatience, g, c.probe(contexts[name], s, nil), nil)
		if e.hung {
			c.fault("has not decided %v after it was given a context that is %s: it does not honour its context", cancelPatience, name)
			return
		}
		if c.report(e, "given a context that is "+name) && !c.stateful {
			judge(d, "a context that is "+name, false)
		}
	}
	if c.broken == nil {
		return
	}
	d, e := c.decide(c.broken, c.probe(c.t.Context(), s, nil), nil)
	if c.report(e, "broken") {
		judge(d, "a broken dependency", true)
	}
}

// decideHostile asks about requests that nobody means well with.
func (c *contract) decideHostile(g weft.Guard, s sample) {
	c.t.Helper()
	for _, h := range c.hostile(s, nil, c.readsBody) {
		d, e := c.decide(g, c.probe(c.t.Context(), s, h.spoil), nil)
		if !c.report(e, "given "+h.what) {
			return
		}
		if d.Verdict == weft.VerdictFailed && weft.Fail(d.Err).Status() >= http.StatusInternalServerError {
			c.fault("fails on %s, which is the client's mistake and not its own: %v", h.what, d.Err)
		}
	}
}

// guardWorks asks the guard in an app.
func (p *pipeline) guardWorks(s sample, alone weft.Decision) {
	p.t.Helper()
	got, e := p.send(s)
	if !p.report(e, fmt.Sprintf("in an app, asked about %v", s)) {
		return
	}
	if got.status >= http.StatusInternalServerError {
		p.fault("fails in an app, where it is %s alone (%v): %v", alone.Verdict, s, got.err)
	} else if passed := got.status == http.StatusOK; passed != (alone.Verdict == weft.VerdictAllowed) && !p.stateful {
		p.fault("is answered with %d in an app, where it is %s alone (%v)", got.status, alone.Verdict, s)
	}
	if got.body.reads.Load() > 0 && !p.readsBody {
		p.fault("reads the body and does not say so (%v)", s)
	}
	o := s.outgoing(p.t.Context())
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key"} {
		for _, value := range o.header.Values(name) {
			_, credentials, found := strings.Cut(value, " ")
			if !found {
				credentials = value
			}
			if len(credentials) >= 4 && strings.Contains(got.text, credentials) {
				p.fault("repeats the client's credentials in its answer (%v)", s)
			}
		}
	}
}
