package weft

import "slices"

// rules is what options say of a stage.
type rules struct {
	name            string
	once            bool
	outside, inside []string
}

// with returns the rules and what opts add to them.
func (r rules) with(opts []StageOption) rules {
	r.outside, r.inside = slices.Clip(r.outside), slices.Clip(r.inside)
	for _, opt := range opts {
		if opt != nil {
			opt(&r)
		}
	}
	return r
}

// StageOption says something about a stage that Build is to know.
type StageOption func(*rules)

// Named gives the stage its name.
func Named(name string) StageOption { return func(r *rules) { r.name = name } }

// Once makes the stage stand once on a route, at its outermost place, however
// often a stage of its name is attached. Without it, each attachment runs.
func Once() StageOption { return func(r *rules) { r.once = true } }

// Outside demands that the stage stands outside every stage of that name on the
// same route. Build checks, it does not sort.
func Outside(name string) StageOption {
	return func(r *rules) { r.outside = append(r.outside, name) }
}

// Inside demands that the stage stands inside every stage of that name on the
// same route; see [Outside].
func Inside(name string) StageOption { return func(r *rules) { r.inside = append(r.inside, name) } }
