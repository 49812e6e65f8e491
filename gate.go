package weft

import (
	"context"

	"github.com/weft-go/weft/internal/callsite"
)

// gate is the guards of a route, or its checks: functions that let a request
// pass, in order. It has no entrance of its own: it stands in that of the stage behind it.
type gate []keeper

type keeper struct {
	stage *stage
	allow func(*Request) error
}

// before is dispatch, for requests that pass the gate.
func (g gate) before(dispatch func(*Request, Next) Response) func(*Request, Next) Response {
	if len(g) == 0 {
		return dispatch
	}
	return func(r *Request, next Next) Response {
		if st, err := g.verdict(r); err != nil {
			return st.fail(r, err)
		}
		return dispatch(r, next)
	}
}

// verdict is the error of the function that did not let the request pass, and
// its stage. It is the boundary of each of the functions.
func (g gate) verdict(r *Request) (asked *stage, err error) {
	returned := false
	defer rescue(&returned, &err)
	defer func() {
		if !returned {
			r.state.body.barred = nil // of the guard that panicked
		}
	}()
	for i := range g {
		asked = g[i].stage
		if err = g[i].allow(r); err != nil {
			break
		}
	}
	returned = true
	return asked, err
}

// guards links the guards of a route.
func (l *linker) guards(stages []*stage) gate {
	var g gate
	for _, st := range stages {
		allow := st.guard.Allow
		switch {
		case l.server.decisions != nil:
			told := l.server.decisions
			allow = func(r *Request) error {
				decision, err := decide(r, st.guard)
				told(r, decision)
				return err
			}
		case st.guard.operator == alone:
			allow = st.guard.ask
		}
		g = append(g, l.keeper(st, allow))
	}
	return g
}

// checks links the checks of a route.
func (l *linker) checks(e *endpoint, stages []*stage) gate {
	var g gate
	for _, st := range stages {
		g = append(g, l.keeper(st, func(r *Request) error {
			if err := st.check.run(r.ctx, e.framed(r).in); err != nil {
				return err
			}
			return r.state.values.kept(&st.rules)
		}))
	}
	return g
}

func (l *linker) keeper(st *stage, allow func(*Request) error) keeper {
	st.server = l.server
	if w := watchersOf(l.observers, st.info); w != nil {
		unwatched := allow
		allow = func(r *Request) error {
			_, err := w.call(r, func(r *Request) (_ any, err error) {
				returned := false
				defer rescue(&returned, &err)
				err = unwatched(r)
				returned = true
				return nil, err
			})
			return err
		}
	}
	return keeper{st, allow}
}

// check is a guard on the decoded request.
type check struct {
	rules
	at  callsite.Site
	run func(ctx context.Context, in any) error // in is a *Req; nil where the user gave no function
}

func erasedCheck[Req any](fn func(context.Context, Req) error) func(context.Context, any) error {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, in any) error { return fn(ctx, *in.(*Req)) }
}
