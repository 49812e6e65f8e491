package weft

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/weft-go/weft/internal/graph"
)

// Settler is a service of a request that has to be told how the request ended,
// such as a transaction: to commit or to roll back. It is told at the stage [Settle], inside all middleware and outside
// the interceptors, before anything is sent: where Settle returns an error, that error is the answer, so a client
// never holds a 201 for a write that failed. Where the request does not get to that stage, it is told
// before it is closed, with an Outcome that is not OK; an error is only logged then.
//
// Where the body is made while it is sent, it is told when the last of the body has been made. Where not more has
// been made by then than fits into 32 KiB, and none of it was flushed, nothing has been sent, and an error is the answer all the same; otherwise it
// breaks the body off: the connection is dropped, so the client sees that there is no end, and [Sent] has the error.
//
// It is called once. ctx has the request's values, does not end with it, and has a deadline.
type Settler interface {
	Settle(ctx context.Context, o Outcome) error
}

// Settle is the name of the built-in stage that settles services; see [Settler].
// An interceptor that says it stands [Outside] of it, and is listed before those that do not, sees only what is settled.
const Settle = "settle"

// Outcome is how a request ended, as the stage [Settle] sees it.
type Outcome struct {
	// Status is that of the Response, 0 where there is none.
	Status int
	// Err is the error that the Response was made from, whatever it was mapped
	// to; for a panic a [*PanicError].
	Err error
	// Gone is whether the client has left.
	Gone bool
}

// OK reports whether what the request did is to stay: there was no error, the
// status is below 400, and the client is still there.
func (o Outcome) OK() bool { return o.Err == nil && o.Status > 0 && o.Status < 400 && !o.Gone }

// ErrSettled is returned where a service that is to be settled is asked for when the request has been.
var ErrSettled = errors.New("the request is settled, and what settles can no longer be made")

// settleDeadline is how long one service may take to settle.
const settleDeadline = 5 * time.Second

var typeSettler = reflect.TypeFor[Settler]()

// maySettle reports whether a value of the type may have to be settled.
func maySettle(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || t.Implements(typeSettler)
}

// addSettling puts the stage that settles among the interceptors of a route on
// which anything may have to be: behind the first of them that are to stand outside it.
func (r *resolution) addSettling(rr *resolvedRoute) {
	if !slices.ContainsFunc(slices.Concat(r.outermost, rr.way()), func(st *stage) bool { return st.node != nil && r.reached[st.node].maySettle }) {
		return
	}
	st := &stage{
		info:   &StageInfo{Name: Settle, Kind: KindSettle, Level: LevelRoute, Route: rr.route.pattern, Source: rr.at.String()},
		at:     rr.at,
		levels: rr.handler.levels,
	}
	st.dispatch = st.settling
	outside := slices.IndexFunc(rr.inner, func(st *stage) bool { return !slices.Contains(st.rules.outside, Settle) })
	if outside < 0 {
		outside = len(rr.inner)
	}
	rr.inner = slices.Insert(rr.inner, outside, st)
	r.warnOfSettling(rr)
}

// settling is the dispatch of the stage.
func (st *stage) settling(r *Request, next Next) Response {
	resp := next(r)
	s := r.state
	if resp.head.live != nil {
		return resp.settledBy(r, st)
	}
	if s.scope == nil {
		return resp
	}
	o := Outcome{resp.Status(), resp.Err(), errors.Is(s.base.Err(), context.Canceled)}
	if err := s.settle(o); err != nil {
		return st.fail(r, err)
	}
	return resp
}

// settledBy is a Response whose services settle when its body has been made.
func (r Response) settledBy(req *Request, st *stage) Response {
	status := r.Status()
	settled := r.link(unchanged, "", "")
	settled.head.live = &live{source: &settledSource{r.head.live, status}}
	return settled.ownedBy(req, st)
}

// settledSource is a body behind which services settle.
type settledSource struct {
	body   *live
	status int // of the Response, where the body has none of its own
}

func (b *settledSource) send(_ *Request, t *transfer) error {
	settle := t.failed
	s := b.body.state
	t.failed = b.body.stage
	err := b.body.send(s, t)
	if s.scope == nil {
		return err
	}
	o := Outcome{b.status, errors.Join(err, t.err, t.refused), errors.Is(s.base.Err(), context.Canceled)}
	if o.Status == 0 {
		o.Status = t.status
	}
	switch failed := s.settle(o); {
	case failed == nil:
		return err
	case err != nil:
		logFailure(s.logger(), s.first(), "rolling back failed", Settle, failed)
		return err
	default:
		t.failed = settle
		return failed
	}
}

func (b *settledSource) end() { b.body.source.end() }

// settle tells the services how the request ended, the last made first. After
// one has failed, the others are told that it did not end well.
func (s *state) settle(o Outcome) (failed error) {
	scope := s.scope
	if scope.settled {
		return nil
	}
	scope.lock()
	made := scope.made
	scope.settled, scope.untold = true, len(made)
	scope.unlock()
	for _, st := range slices.Backward(made) {
		scope.untold--
		if !st.settles {
			continue
		}
		settler, settles := scope.slots[st.slot].(Settler)
		if !settles {
			continue
		}
		if err := tell(&s.base, settler, o); err != nil {
			failed = errors.Join(failed, &during{fmt.Sprintf("settling %s", st.name), err})
			if o.Err == nil {
				o.Err = failed
			}
		}
	}
	return failed
}

// tell is the boundary of a Settle method. Whatever that panics with is an error.
func tell(ctx context.Context, s Settler, o Outcome) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleDeadline)
	defer cancel()
	defer contain(&err)
	return s.Settle(ctx, o)
}

// warnOfSettling warns of what is seldom meant: a middleware that is made of what settles before
// it has returned, and several that settle, of which one may fail when another has committed.
func (r *resolution) warnOfSettling(rr *resolvedRoute) {
	var all []*graph.Node
	for _, st := range slices.Concat(r.outermost, rr.way()) {
		if st.node == nil {
			continue
		}
		found := r.reached[st.node].settlers
		if st.info.Kind == KindMiddleware && len(found) > 0 {
			r.warn(st.at, "", fmt.Sprintf("%v is made of %s, which is settled before it returns", st, found[0].Label), "attach it with Intercept, where it stands inside")
		}
		all = union(all, found)
	}
	if rr.endpoint.raw && len(all) > 0 {
		r.warn(rr.at, rr.route.pattern, fmt.Sprintf("%s is settled when the mounted handler has answered: where it fails, the client has its answer already", all[0].Label), "let nothing that settles stand around a mounted handler")
	}
	if len(all) > 1 {
		r.warn(rr.at, rr.route.pattern, fmt.Sprintf("both %s and %s are settled: where the second fails, the first stays", all[0].Label, all[1].Label), "let one of them do both")
	}
}
