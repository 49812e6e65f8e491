package guards_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/weft-go/weft"
)

// numbered is the shape with leaves of its own, written as forms says.
func numbered(shape *tree, forms func(number int) form) *tree {
	first := 0
	return shape.copied(&first, forms)
}

// The forms of leaves that the table is made of.
func onlyValues(int) form { return values }
func onlySets(int) form   { return sets }
func oddForget(number int) form {
	return []form{sets, forgets}[number%2]
}

var base = httptest.NewRequest(http.MethodGet, path, nil)

// allow asks a guard as a unit test would; panicked is what it panicked with.
func allow(g weft.Guard, does []*kind) (v *visit, now []int, panicked any, err error) {
	v = &visit{does: does}
	r := weft.NewRequest(base.WithContext(v.in(base.Context())))
	defer func() {
		panicked = recover()
		now = v.held(r)
	}()
	return v, nil, nil, g.Allow(r)
}

// judged says in what the guard's answer to a call of Allow is not what the model finds, or "".
func judged(g weft.Guard, does []*kind, want finding, asked []int) string {
	v, now, panicked, err := allow(g, does)
	if !slices.Equal(v.asked, asked) {
		return fmt.Sprintf("asked were %v, not %v", v.asked, asked)
	}
	if wrong := want.heldBy(now); wrong != "" {
		return wrong
	}
	switch want.verdict {
	case weft.VerdictAllowed:
		if err != nil || panicked != nil {
			return fmt.Sprintf("the guard does not allow: %v, %v", err, panicked)
		}
		return ""
	case weft.VerdictFailed:
		if cause := want.cause(does); cause == broken {
			if err == nil || !strings.Contains(err.Error(), cause) {
				return fmt.Sprintf("it says %v, not that it %s", err, cause)
			}
			return ""
		}
		cause, panics := said(does[want.failed], want.failed)
		if panics {
			if fmt.Sprint(panicked) != fmt.Sprint(cause) {
				return fmt.Sprintf("it panics with %v, not %v", panicked, cause)
			}
			return ""
		}
		if panicked != nil || fmt.Sprintf("%T %[1]v", err) != fmt.Sprintf("%T %[1]v", cause) {
			return fmt.Sprintf("it says %v (and panics with %v), not %v", err, panicked, cause)
		}
		return ""
	}
	no, ok := errors.AsType[*weft.Denial](err)
	if !ok || panicked != nil {
		return fmt.Sprintf("it does not deny: %v, %v", err, panicked)
	}
	face, _ := errors.AsType[*weft.Error](no)
	detail := ""
	if want.speaker >= 0 {
		detail = says(want.speaker)
	}
	if _, joined := err.(interface{ Unwrap() []error }); joined {
		return "" // the leaf's own words, of which the server makes one no
	}
	switch {
	case no.Status() != want.status:
		return fmt.Sprintf("the status is %d, not %d", no.Status(), want.status)
	case !slices.Equal(no.Challenges(), want.challenges):
		return fmt.Sprintf("the challenges are %q, not %q", no.Challenges(), want.challenges)
	case face.Detail != detail:
		return fmt.Sprintf("the detail is %q, not %q", face.Detail, detail)
	}
	return ""
}

// said is what a kind's answer is or panics with.
func said(k *kind, leaf int) (what any, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			what, panicked = p, true
		}
	}()
	return k.answer(leaf), false
}

// Every tree of up to three leaves and two combinations deep, with every answer
// that a leaf can give, in every place.
func TestTheTableOfGuardsThatAreCalled(t *testing.T) {
	rows := 0
	check := func(shape *tree, of []*kind) {
		for i, forms := range []func(int) form{onlyValues, onlySets, oddForget} {
			if i == 2 && len(of) > len(few) {
				continue // where a promise is broken matters, and not beside which answer
			}
			tr := numbered(shape, forms)
			g := tr.guard()
			eachOf(len(tr.leaves()), of, func(does []*kind) {
				rows++
				want, asked := whether([]*tree{tr}, does)
				want = want.parts[0]
				if wrong := judged(g, does, want, asked); wrong != "" {
					t.Errorf("%v, where the leaves %v: %s", tr, does, wrong)
				}
				if i == 0 {
					if wrong := decided(g, does, want); wrong != "" {
						t.Errorf("Decide of %v, where the leaves %v: %s", tr, does, wrong)
					}
				}
				if t.Failed() && rows%50 == 0 {
					t.FailNow() // enough is known
				}
			})
		}
	}
	trees := 0
	for leaves := 1; leaves <= 3; leaves++ {
		for _, shape := range shapes(leaves, 1) {
			trees++
			check(shape, kinds)
		}
	}
	t.Logf("%d trees of one combination, %d kinds of leaves: %d rows", trees, len(kinds), rows)
	trees, rows = 0, 0
	for leaves := 1; leaves <= 3; leaves++ {
		for _, shape := range shapes(leaves, 2) {
			trees++
			check(shape, few)
		}
	}
	t.Logf("%d trees two combinations deep, %d kinds of leaves: %d rows", trees, len(few), rows)
}

// The same over a connection, at every level: what the client gets, what the log
// says, and what the stages outside the guard see.
func TestTheTableOfGuardsOnAServer(t *testing.T) {
	served := listen(t)
	rows, apps := 0, 0
	check := func(l level, shape *tree, forms func(int) form, of []*kind) {
		tr := numbered(shape, forms)
		s := newSite(t, map[level][]weft.Guard{l: {tr.guard()}})
		host := fmt.Sprintf("%d.test", apps)
		served.served[host] = s
		apps++
		eachOf(len(tr.leaves()), of, func(does []*kind) {
			rows++
			want, asked := whether([]*tree{tr}, does)
			got := served.visit(t, host, does)
			if wrong := got.differs(want, asked); wrong != "" {
				t.Errorf("%v at the %s, where the leaves %v: %s", tr, l, does, wrong)
			}
			if wrong := got.logs(does, want); wrong != "" {
				t.Errorf("%v at the %s, where the leaves %v: %s", tr, l, does, wrong)
			}
			if t.Failed() && rows%50 == 0 {
				t.FailNow()
			}
		})
	}
	for _, l := range levels {
		for _, shape := range shapes(1, 1) {
			check(l, shape, onlyValues, allKinds)
			check(l, shape, onlySets, allKinds)
		}
		for _, shape := range shapes(2, 1) {
			check(l, shape, onlyValues, kinds)
			check(l, shape, oddForget, few)
		}
		for _, shape := range shapes(3, 1) {
			check(l, shape, onlySets, few)
		}
	}
	for _, shape := range shapes(2, 2) {
		check("route", shape, onlySets, few)
	}
	t.Logf("%d apps, %d requests", apps, rows)
}
