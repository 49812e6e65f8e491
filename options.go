package weft

import (
	"slices"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/graph"
)

// rules is what options say of a stage.
type rules struct {
	name            string
	once            bool
	outside, inside []string
	keyUse
	readsBody  bool
	mediaTypes []string // of the body that is read
	missing    string   // why there is no function, where that needs to be said
}

// keyUse is what a stage does with keys. A nil key is a mistake of the user's.
type keyUse struct {
	provides []*key // certainly, where the stage lets the request go on
	may      []*key // provides some of the time: one branch of several does
	tried    []*key // sets and takes back, within Not
	needs    []*key
	reads    []*key
	fields   []binding.ValueField // that take values of keys, by type or name
	services []graph.Key          // that the stage is made of
}

// with returns the rules and what opts add to them.
func (r rules) with(opts []StageOption) rules {
	r.outside, r.inside = slices.Clip(r.outside), slices.Clip(r.inside)
	r.provides, r.needs, r.reads = slices.Clip(r.provides), slices.Clip(r.needs), slices.Clip(r.reads)
	for _, opt := range opts {
		if opt != nil {
			opt(&r)
		}
	}
	return r
}

// StageOption says something about a stage, or an extractor, that Build is to know.
type StageOption func(*rules)

// Named gives the stage its name.
func Named(name string) StageOption { return func(r *rules) { r.name = name } }

// Once makes the stage stand once on a route, at its outermost place, however
// often a stage of its kind and name is attached. Without it, each attachment runs.
func Once() StageOption { return func(r *rules) { r.once = true } }

// Outside demands that the stage stands outside every stage of that name on the
// same route. Build checks, it does not sort.
func Outside(name string) StageOption {
	return func(r *rules) { r.outside = append(r.outside, name) }
}

// Inside demands that the stage stands inside every stage of that name on the
// same route; see [Outside].
func Inside(name string) StageOption { return func(r *rules) { r.inside = append(r.inside, name) } }

// Provides says that the stage gives each of the keys its value, with [Key.Set],
// before it lets the request go on: a middleware before it calls next, a guard before it returns nil. A stage that
// goes on without having done so has a defect: the answer is a 500 that names it.
//
// On the way of any request a key is provided once.
func Provides(keys ...AnyKey) StageOption {
	return func(r *rules) { r.provides = appendKeys(r.provides, keys) }
}

// Needs says that the stage cannot do without the keys. Build proves, for every
// route that the stage stands on, that a stage which certainly runs before it provides them.
func Needs(keys ...AnyKey) StageOption {
	return func(r *rules) { r.needs = appendKeys(r.needs, keys) }
}

// Reads says that the stage looks at the keys and can do without, as on the way
// out, where a value may be there or not.
func Reads(keys ...AnyKey) StageOption {
	return func(r *rules) { r.reads = appendKeys(r.reads, keys) }
}

// ReadsBody says that a guard or an extractor reads the body, with [Request.Body];
// an extractor of which media types. A guard that has not said so is refused the body.
func ReadsBody(mediaTypes ...string) StageOption {
	return func(r *rules) { r.readsBody, r.mediaTypes = true, mediaTypes }
}

func appendKeys(list []*key, keys []AnyKey) []*key {
	for _, k := range keys {
		if k == nil {
			list = append(list, nil)
		} else {
			list = append(list, k.identity())
		}
	}
	return list
}
