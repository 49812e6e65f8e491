package weft

import (
	"context"
	"fmt"

	"github.com/weft-go/weft/internal/callsite"
)

// gate is the guards of a route, or its checks: functions that let a request
// pass, in order. It has no entrance of its own: it stands in that of the stage behind it.
type gate []keeper

type keeper struct {
	stage *stage
	allow func(*Request) error
	body  bool // it may read the body
}

// before is dispatch, for requests that pass the gate.
func (g gate) before(dispatch func(*Request, Next) Response) func(*Request, Next) Response {
	if len(g) == 0 {
		return dispatch
	}
	return func(r *Request, next Next) Response {
		if refused := g.pass(r); refused.head != nil {
			return refused
		}
		return dispatch(r, next)
	}
}

// pass returns the answer to a request that may not pass, or the zero Response.
// It is the boundary of each of the functions.
func (g gate) pass(r *Request) (refused Response) {
	asked, returned := 0, false
	defer func() {
		if !returned {
			r.state.body.barred = nil
			if p := recover(); p != nil {
				refused = g[asked].stage.fail(r, caught(p))
			}
		}
	}()
	var err error
	for asked = range g {
		k := &g[asked]
		if k.body {
			r.state.body.barred = nil
		} else {
			r.state.body.barred = k.stage
		}
		if err = k.allow(r); err != nil {
			if k.stage.guard != nil {
				err = answered(err)
			}
			break
		}
	}
	r.state.body.barred = nil
	returned = true
	if err != nil {
		return g[asked].stage.fail(r, err)
	}
	return Response{}
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
		g = append(g, l.keeper(st, st.rules.readsBody, allow))
	}
	return g
}

// checks links the checks of a route.
func (l *linker) checks(e *endpoint, stages []*stage) gate {
	var g gate
	for i, st := range stages {
		check := e.checks[i]
		g = append(g, l.keeper(st, true, func(r *Request) error { return check.run(r.ctx, e.framed(r).request()) }))
	}
	return g
}

func (l *linker) keeper(st *stage, body bool, allow func(*Request) error) keeper {
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
	return keeper{st, allow, body}
}

// check is a guard on the decoded request.
type check struct {
	at   callsite.Site
	name string
	run  func(ctx context.Context, in any) error // in is a *Req; nil where the user gave no function
}

// errBarred is what a guard gets in place of the body.
func errBarred(st *stage) error {
	return fmt.Errorf("the guard %q reads the body and has not said so: give it the option ReadsBody", st.info.Name)
}
