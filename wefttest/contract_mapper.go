package wefttest

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"testing"

	"github.com/weft-go/weft"
)

// TestMapper holds an exception mapper against the contract of [weft.Mapper], by
// an example of the errors it is for, and those of [Example].
//
// It takes the example by itself, wrapped, and, but for a denial, joined with another error; of a type, also its
// zero value. It answers each time, with no panic, and never the zero Response, in the same way. The client learns nothing of what is
// wrapped around the error, or in it.
//
// Each breach fails the test with a sentence of its own.
func TestMapper(t testing.TB, m weft.Mapper, example error, traits ...Trait) {
	t.Helper()
	c := newContract(t, fmt.Sprintf("the mapper for %T", example), traits)
	defer c.end()
	for _, err := range append([]error{example}, c.examples...) {
		if err == nil {
			c.fault("has nil for an example: give it an error that it is for")
			continue
		}
		c.maps(m, err)
	}
}

func (c *contract) maps(m weft.Mapper, example error) {
	c.t.Helper()
	type way struct {
		name string
		err  error
	}
	ways := []way{
		{"by itself", example},
		{"wrapped", fmt.Errorf("%s: %w", secret, example)},
		{"wrapped twice", fmt.Errorf("%s: %w", secret, fmt.Errorf("inner: %w", example))},
	}
	if _, denial := errors.AsType[*weft.Denial](example); !denial { // a denial beside an outage is none
		ways = append(ways, way{"joined with another error", errors.Join(errInner, example)})
	}
	if t := reflect.TypeOf(example); t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && !sentinel(m, t) {
		ways = append(ways, way{"that is the zero value of its type", reflect.New(t.Elem()).Interface().(error)})
	}
	s := c.samples[0]
	statuses := map[string]int{}
	for _, w := range ways {
		p := c.watched(s)
		resp, mapped, e := c.mapOnce(m, p, w.err)
		if !c.report(e, fmt.Sprintf("given an error %s", w.name)) {
			continue
		}
		switch {
		case !mapped:
			c.fault("is not for an error %s", w.name)
			continue
		case resp.Status() == 0:
			c.fault("returns the zero Response, given an error %s", w.name)
			continue
		case leaks(resp, secret):
			c.fault("tells the client what is wrapped around the error, which is private (an error %s)", w.name)
		}
		for inner := range innerTexts(example) {
			if leaks(resp, inner) {
				c.fault("tells the client the private cause of the error (an error %s)", w.name)
			}
		}
		statuses[w.name] = resp.Status()
		p.unharmed(c.readsBody)
	}
	if first := statuses["by itself"]; first != 0 && !c.stateful {
		again, _, e := c.mapOnce(m, c.probe(c.t.Context(), s, nil), example)
		if e.fine() && again.Status() != first {
			c.fault("answers the same error differently: %d, and then %d", first, again.Status())
		}
		if wrapped := statuses["wrapped"]; wrapped != 0 && wrapped != first {
			c.fault("answers an error that is wrapped with %d, and by itself with %d", wrapped, first)
		}
	}
	together(func() {
		resp, _, e := c.mapOnce(m, c.probe(c.t.Context(), s, nil), example)
		if e.fine() && resp.Status() != statuses["by itself"] && !c.stateful {
			c.fault("answers the same error differently when there are several at once: %d, and %d", statuses["by itself"], resp.Status())
		}
	})
	p := c.probe(c.t.Context(), s, nil)
	_, _, e := c.mapOnceSettled(m, p, example, p.letGo())
	c.report(e, "given an error by itself")
}

// sentinel reports a mapper that is for one value and not for its type.
func sentinel(m weft.Mapper, t reflect.Type) bool {
	_, mapped := func() (resp weft.Response, mapped bool) {
		defer func() { mapped = mapped || recover() != nil }()
		return m.Map(Request(http.MethodGet, "/"), reflect.New(t.Elem()).Interface().(error))
	}()
	return !mapped
}

func (c *contract) mapOnce(m weft.Mapper, p *probe, err error) (weft.Response, bool, ended) {
	return c.mapOnceSettled(m, p, err, nil)
}

func (c *contract) mapOnceSettled(m weft.Mapper, p *probe, err error, settle func()) (resp weft.Response, mapped bool, e ended) {
	type answer struct {
		weft.Response
		mapped bool
	}
	got, e := call(c, patience, func() answer {
		return give(p, func(view *weft.Request) answer {
			resp, mapped := m.Map(view, err)
			return answer{resp, mapped}
		})
	}, settle)
	return got.Response, got.mapped, e
}

// innerTexts are the texts of the errors that example wraps: what it says itself may be meant for clients.
func innerTexts(example error) map[string]bool {
	texts := map[string]bool{}
	room := 100
	var walk func(err error)
	walk = func(err error) {
		if room--; room < 0 || err == nil {
			return
		}
		if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
			return
		}
		if text := err.Error(); err != example && len(text) >= 8 {
			texts[text] = true
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(example)
	return texts
}
