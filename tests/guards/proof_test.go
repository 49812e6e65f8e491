package guards_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// Keys of types of their own, so that a field finds its key by its type.
type (
	alpha string
	beta  string
	gamma string
)

var pool = []*slot{newSlot[alpha]("alpha"), newSlot[beta]("beta"), newSlot[gamma]("gamma")}

// knowledge is the keys that have a value where a request has come to: those
// that certainly have one, and those that have one on some ways.
type knowledge struct{ certain, possible []*slot }

func (k knowledge) with(provided []*slot) knowledge {
	return knowledge{slices.Concat(k.certain, provided), slices.Concat(k.possible, provided)}
}

// behind is what is known behind the tree, for requests that pass it; wrong is
// that a key is needed which is not certain, or provided which may be there.
func (k knowledge) behind(t *tree) (after knowledge, wrong bool) {
	switch t.op {
	case leaf:
		missing := func(s *slot) bool { return !slices.Contains(k.certain, s) }
		twice := func(s *slot) bool { return slices.Contains(k.possible, s) }
		return k.with(t.provides), slices.ContainsFunc(t.needs, missing) || slices.ContainsFunc(t.provides, twice)
	case all:
		after = k
		for _, p := range t.of {
			var wrongHere bool
			after, wrongHere = after.behind(p)
			wrong = wrong || wrongHere
		}
		return after, wrong
	case not:
		_, wrong = k.behind(t.of[0])
		return k, wrong
	}
	after = knowledge{possible: k.possible}
	var counts = map[*slot]int{}
	for _, p := range t.of {
		branch, wrongHere := k.behind(p)
		wrong = wrong || wrongHere
		after.possible = slices.Concat(after.possible, branch.possible)
		for _, s := range pool {
			if slices.Contains(branch.certain, s) {
				counts[s]++
			}
		}
	}
	for _, s := range pool {
		if t.op == oneOf && counts[s] == len(t.of) || slices.Contains(k.certain, s) {
			after.certain = append(after.certain, s)
		}
	}
	return after, wrong
}

// consumer is what stands behind the guards and needs a key.
type consumer string

const (
	aGuard       consumer = "a guard"
	aField       consumer = "a field of the handler's"
	anExtractor  consumer = "a handler that is given the value"
	interceptor  consumer = "an interceptor"
	aMiddleware  consumer = "a middleware, which stands before every guard"
	inMiddleware string   = "found by the middleware"
)

// passage is a route whose guards provide keys, and what needs one of them.
type passage struct {
	early    *slot // a middleware provides it; nil for none
	trees    []*tree
	at       []level
	leaves   int
	needed   *slot
	consumer consumer
}

func (p *passage) String() string {
	return fmt.Sprintf("%v at %v behind a middleware with %v, and %s needs %v", p.trees, p.at, p.early, p.consumer, p.needed)
}

const maxProviding = 6

func drawPassage(t *rapid.T) *passage {
	p := &passage{
		needed:   rapid.SampledFrom(pool).Draw(t, "needed"),
		consumer: rapid.SampledFrom([]consumer{aGuard, aField, anExtractor, interceptor, aGuard, aField, anExtractor, interceptor, aMiddleware}).Draw(t, "consumer"),
	}
	if rapid.IntRange(0, 4).Draw(t, "early") == 0 {
		p.early = rapid.SampledFrom(pool).Draw(t, "by the middleware")
	}
	for range rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "guards") {
		if p.leaves == maxProviding {
			break
		}
		tr := p.drawTree(t, 3, len(p.trees) == 0 && p.early == nil)
		at := rapid.SampledFrom(levels).Draw(t, "level")
		if len(p.at) > 0 && slices.Index(levels, p.at[0]) > slices.Index(levels, at) {
			p.trees, p.at = slices.Insert(p.trees, 0, tr), slices.Insert(p.at, 0, at)
		} else {
			p.trees, p.at = append(p.trees, tr), append(p.at, at)
		}
	}
	return p
}

// drawTree draws a tree that, where the aim is to pass, mostly provides what is
// needed, and mostly does not otherwise.
func (p *passage) drawTree(t *rapid.T, depth int, aim bool) *tree {
	op := leaf
	if depth > 0 && p.leaves < maxProviding-1 {
		of := []operator{leaf, all, all, oneOf, oneOf, not, unless}
		if aim && rapid.IntRange(0, 9).Draw(t, "sure") > 0 {
			of = of[:5]
		}
		op = rapid.SampledFrom(of).Draw(t, "operator")
	}
	tr := &tree{op: op}
	parts := 2
	switch op {
	case leaf:
		tr.number, tr.form = p.leaves, sets
		p.leaves++
		for _, s := range pool {
			often := 2
			if s == p.needed && aim {
				often = 19
			}
			if rapid.IntRange(0, 19).Draw(t, "provides") < often {
				tr.provides = append(tr.provides, s)
			}
		}
		if len(tr.provides) == 1 {
			tr.form = rapid.SampledFrom([]form{sets, values}).Draw(t, "form")
		}
		if rapid.IntRange(0, 15).Draw(t, "needy") == 0 {
			tr.needs = []*slot{rapid.SampledFrom(pool).Draw(t, "needs")}
		}
		return tr
	case not:
		parts = 1
	case all, oneOf:
		parts = rapid.IntRange(1, 3).Draw(t, "parts")
	}
	one := rapid.IntRange(0, parts-1).Draw(t, "which part")
	for i := range parts {
		if p.leaves < maxProviding {
			tr.of = append(tr.of, p.drawTree(t, depth-1, aim && (op == oneOf || op == all && i == one)))
		}
	}
	if len(tr.of) < parts {
		return combined(oneOf, tr.of...)
	}
	return tr
}

// right is whether Build must accept the passage.
func (p *passage) right() bool {
	var k knowledge
	if p.early != nil {
		k = k.with([]*slot{p.early})
	}
	if p.consumer == aMiddleware && !slices.Contains(k.certain, p.needed) {
		return false
	}
	k, wrong := k.behind(combined(all, p.trees...))
	return !wrong && slices.Contains(k.certain, p.needed)
}

func take(ctx context.Context, value string) { visitOf(ctx).taken = value }

// app declares the passage.
func (p *passage) app(log *logbook) *weft.App {
	app := weft.New(weft.WithLogger(slog.New(log)))
	if p.early != nil {
		app.Use(weft.Before("early", func(r *weft.Request) error {
			p.early.set(r, inMiddleware)
			return nil
		}, weft.Provides(p.early.key)))
	}
	consume := func(r *weft.Request) error {
		value, present := p.needed.get(r)
		if !present {
			return errors.New(secret + ": it is not there")
		}
		take(r.Context(), value)
		return nil
	}
	needs := weft.Needs(p.needed.key)
	group := app.Group("/g")
	var own []weft.Guard
	for i, tr := range p.trees {
		switch p.at[i] {
		case "app":
			app.Guard(tr.guard())
		case "group":
			group.Guard(tr.guard())
		default:
			own = append(own, tr.guard())
		}
	}
	plain := weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }).Status(http.StatusOK).Guard(own...)
	switch p.consumer {
	case aGuard:
		group.Handle("GET /x", plain.Guard(weft.NewGuard("consumer", consume, needs)))
	case interceptor:
		group.Handle("GET /x", plain.Intercept(weft.Before("consumer", consume, needs)))
	case aMiddleware:
		group.Handle("GET /x", plain.Use(weft.Before("consumer", consume, needs)))
	case aField:
		group.Handle("GET /x", p.needed.field(own, take))
	case anExtractor:
		group.Handle("GET /x", p.needed.extract(own, take))
	}
	return app
}

// found is the value that the consumer must get where the guards find what they find.
func (p *passage) found(f finding) string {
	if p.early == p.needed {
		return inMiddleware
	}
	for _, tr := range p.trees {
		for _, l := range tr.leaves() {
			if slices.Contains(l.provides, p.needed) && slices.Contains(f.held, l.number) {
				return new(visit).value(l.number)
			}
		}
	}
	return ""
}

// Build accepts a passage exactly where the key that is needed is certainly
// there, and no key is provided twice; and then it is there, whatever the guards say.
func TestWhatATreeProvides(t *testing.T) {
	accepted, refused, requests, passed := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 30 {
			p := drawPassage(t)
			log := &logbook{}
			app := p.app(log)
			_, err := app.Plan()
			if right := p.right(); right != (err == nil) {
				t.Fatalf("%v: it is right: %v; the plan: %v", p, right, err)
			}
			if err != nil {
				refused++
				continue
			}
			accepted++
			srv, err := app.Build(context.Background())
			if err != nil {
				t.Fatalf("%v: %v", p, err)
			}
			no := rapid.SampledFrom(noes).Draw(t, "no")
			eachOf(p.leaves, []*kind{allows, no}, func(does []*kind) {
				requests++
				want, asked := whether(p.trees, does)
				v := &visit{does: does}
				rec := httptest.NewRecorder()
				srv.ServeHTTP(rec, base.WithContext(v.in(base.Context())))
				switch {
				case !slices.Equal(v.asked, asked):
					t.Fatalf("%v, where the leaves %v: asked were %v, not %v", p, does, v.asked, asked)
				case want.verdict == weft.VerdictAllowed && (rec.Code != http.StatusOK || v.taken != p.found(want)):
					t.Fatalf("%v, where the leaves %v: %d, and the value is %q, not %q; %q", p, does, rec.Code, v.taken, p.found(want), log.take())
				case want.verdict == weft.VerdictDenied && rec.Code != want.status:
					t.Fatalf("%v, where the leaves %v: %d, not %d; %q", p, does, rec.Code, want.status, log.take())
				}
				if want.verdict == weft.VerdictAllowed {
					passed++
				}
			})
		}
	})
	t.Logf("%d passages accepted, %d refused; %d requests, %d of them let through", accepted, refused, requests, passed)
	assert.Positive(t, passed)
}
