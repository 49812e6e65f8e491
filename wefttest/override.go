package wefttest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/weft-go/weft"
)

// Option says how [New] and [Serve] build an app for a test.
type Option func(*stageDirector)

// Replace puts stage, a [weft.Middleware], a [weft.Guard] or a [weft.AroundAny],
// in the place of every stage of that kind and name, at whatever level, also of parts of [weft.All], [weft.Any],
// [weft.Not] and [weft.Unless]. It stands there under the name of the other, and where Once, Outside and
// Inside of the other put it; which keys it provides and needs it says itself, and Build proves them anew.
// A middleware replaces interceptors, too. What stands within a [weft.Adapt] is part of its handler and is not replaced.
//
// That there is no such stage fails the test.
func Replace(name string, stage any) Option {
	o := override{name: name}
	switch fn := stage.(type) {
	case func(context.Context, any, func(context.Context, any) (any, error)) (any, error):
		o.by = weft.AroundAny(fn)
	default:
		o.by = stage
	}
	if len(kindsOf(o.by)) == 0 {
		o.problem = fmt.Sprintf("Replace(%q): a %T is no stage; give it a weft.Middleware, a weft.Guard or a weft.AroundAny", name, stage)
	}
	return func(d *stageDirector) { d.overrides = append(d.overrides, &o) }
}

// ReplaceAround puts fn in the place of every around of that name; it fits handlers of its types alone. See [Replace].
func ReplaceAround[Req, Resp any](name string, fn weft.Around[Req, Resp]) Option {
	return Replace(name, weft.AroundAny(func(ctx context.Context, in any, next func(context.Context, any) (any, error)) (any, error) {
		req, ok := in.(Req)
		if !ok && in != nil {
			return nil, fmt.Errorf("wefttest: ReplaceAround(%q) is for a %T, and the handler takes a %T", name, *new(Req), in)
		}
		return fn(ctx, req, func(ctx context.Context, in Req) (Resp, error) {
			out, err := next(ctx, in)
			resp, _ := out.(Resp)
			return resp, err
		})
	}))
}

// ReplaceCheck puts fn in the place of every check of that name; it fits handlers with that Req alone. See [Replace].
func ReplaceCheck[Req any](name string, fn func(context.Context, Req) error) Option {
	return func(d *stageDirector) {
		d.overrides = append(d.overrides, &override{name: name, by: checkFunc(func(ctx context.Context, in any) error {
			req, ok := in.(*Req)
			if !ok {
				return fmt.Errorf("wefttest: ReplaceCheck(%q) is for a %T, and the handler takes another type", name, *new(Req))
			}
			return fn(ctx, *req)
		})})
	}
}

type checkFunc = func(context.Context, any) error

// Without leaves out every stage of that name, of whatever kind and level; see
// [Replace]. A part of a combination of guards is left out of it: of [weft.Any] that is a way less
// to pass. That something needs what the stage provides is an error of Build.
func Without(names ...string) Option {
	return func(d *stageDirector) {
		for _, name := range names {
			d.overrides = append(d.overrides, &override{name: name, without: true})
		}
	}
}

// override is one stage that is to stand in another way.
type override struct {
	name    string
	by      any
	without bool
	used    bool
	problem string
}

// stageDirector answers weft's questions about overrides, and notes what it was asked about.
type stageDirector struct {
	overrides []*override
	declared  []declaredStage
}

type declaredStage struct {
	kind weft.Kind
	name string
}

// Override is called by weft for each stage that is declared.
func (d *stageDirector) Override(kind weft.Kind, name string) (by any, overridden bool) {
	if st := (declaredStage{kind, name}); !slices.Contains(d.declared, st) {
		d.declared = append(d.declared, st)
	}
	for _, o := range d.overrides {
		if o.name != name || !o.without && !slices.Contains(kindsOf(o.by), kind) {
			continue
		}
		o.used = true
		return o.by, true
	}
	return nil, false
}

// kindsOf is which stages something can stand for.
func kindsOf(stage any) []weft.Kind {
	var kinds []weft.Kind
	if _, ok := stage.(weft.Middleware); ok {
		kinds = append(kinds, weft.KindMiddleware, weft.KindInterceptor)
	}
	if _, ok := stage.(weft.Guard); ok {
		kinds = append(kinds, weft.KindGuard)
	}
	if fn, ok := stage.(weft.AroundAny); ok && fn != nil {
		kinds = append(kinds, weft.KindAround)
	}
	if _, ok := stage.(checkFunc); ok {
		kinds = append(kinds, weft.KindCheck)
	}
	return kinds
}

// problems are those of overrides that had no effect.
func (d *stageDirector) problems() []string {
	var found []string
	for _, o := range d.overrides {
		if o.problem != "" {
			found = append(found, o.problem)
			continue
		}
		if o.used {
			continue
		}
		var here []string
		for _, st := range d.declared {
			if st.name == o.name {
				here = append(here, string(st.kind))
			}
		}
		if here != nil {
			found = append(found, fmt.Sprintf("the stage %q is a %s, which a %s cannot stand for", o.name, strings.Join(here, " and a "), kindsOf(o.by)[0]))
			continue
		}
		found = append(found, fmt.Sprintf("there is no stage %q; there are %s", o.name, d.list()))
	}
	return found
}

func (d *stageDirector) list() string {
	if len(d.declared) == 0 {
		return "none"
	}
	texts := make([]string, len(d.declared))
	for i, st := range d.declared {
		texts[i] = fmt.Sprintf("%s %q", st.kind, st.name)
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}
