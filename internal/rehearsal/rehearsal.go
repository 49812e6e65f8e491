// Package rehearsal carries what package wefttest asks of package weft, which
// exports nothing for it: in a context, under a key that only packages of this module can name.
package rehearsal

import "context"

type key struct{}

// With returns a context that asks for what wanted says. Who is asked knows its methods.
func With(ctx context.Context, wanted any) context.Context {
	return context.WithValue(ctx, key{}, wanted)
}

// From is what With put into the context, or nil.
func From(ctx context.Context) any { return ctx.Value(key{}) }
