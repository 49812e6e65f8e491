package weft

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/callsite"
)

// The proof that every key which a stage needs has been provided by then, on
// every way that a request can take.

// proveKeys follows every way that a request can take.
func (r *resolution) proveKeys() {
	r.collectKeys()
	for _, rr := range r.routes {
		r.prove(slices.Concat(r.outermost, rr.way()), len(r.outermost)+len(rr.outer))
	}
	for _, m := range append(r.misses, resolvedMiss{}) { // also where no group has a prefix
		way := slices.Concat(r.outermost, m.outer)
		r.prove(way, len(way))
	}
}

// collectKeys lists the keys that stages provide, if only to themselves as
// within Not, each of which gets a slot.
func (r *resolution) collectKeys() {
	note := func(st *stage) {
		r.providers = append(r.providers, st)
		for _, k := range slices.Concat(st.rules.possible(), st.rules.tried) {
			if k != nil && !slices.Contains(r.keys, k) {
				if r.keys = append(r.keys, k); len(r.keys) == maxKeys+1 {
					r.report(st.at, "", fmt.Sprintf("the stages of the app provide more than %d keys", maxKeys), "join some of them into one with a struct")
				}
			}
		}
	}
	for _, st := range r.outermost {
		note(st)
	}
	for _, rr := range r.routes {
		for _, st := range rr.way() {
			note(st)
		}
	}
	for _, m := range r.misses {
		for _, st := range m.outer {
			note(st)
		}
	}
}

// settable is the keys that stages provide, if only to themselves, as a set of slots.
func (r *resolution) settable(stages []*stage) (slots uint64) {
	for _, st := range stages {
		for _, k := range slices.Concat(st.rules.possible(), st.rules.tried) {
			slots |= 1 << slices.Index(r.keys, k)
		}
	}
	return slots
}

// possible is every key that the stage provides, certainly or perhaps.
func (u *keyUse) possible() []*key { return slices.Concat(u.provides, u.may) }

// provision is a key that a stage earlier on the way provides.
type provision struct {
	key     *key
	by      *stage
	certain bool
}

// prove follows one way of a request. The first middleware of its stages are
// those that also run where no route matches.
func (r *resolution) prove(way []*stage, middleware int) {
	var provided []provision
	for i, st := range way {
		p := &proof{r, st, provided, way[i+1:], i < middleware}
		for _, k := range st.rules.needs {
			if k != nil {
				p.need(k)
			}
		}
		for j := range st.rules.fields {
			switch k, f := p.field(&st.rules.fields[j]), &st.rules.fields[j]; {
			case k == nil:
			case f.Optional:
				st.info.Reads = append(st.info.Reads, k.name)
			default:
				st.info.Needs = append(st.info.Needs, k.name)
				p.need(k)
			}
		}
		for _, k := range st.rules.tried {
			p.once(k, "tries to provide", "let the part within Not look at the value that is there, or keep one of them")
		}
		for _, k := range st.rules.possible() {
			if k == nil {
				continue
			}
			p.once(k, "provides", "keep one of them, join them with Any, or give a stage that is attached twice the option Once")
			provided = append(provided, provision{k, st, slices.Contains(st.rules.provides, k)})
		}
	}
}

// proof is what can be said of one stage on one way.
type proof struct {
	*resolution
	stage      *stage
	provided   []provision // before it
	rest       []*stage    // behind it
	middleware bool
}

func (p *proof) report(problem, remedy string) {
	route := p.stage.info.Route
	if p.everywhere() {
		route = ""
	}
	p.problems = addOnce(p.problems, BuildError{Source: p.stage.at.String(), Route: route, Problem: problem, Remedy: remedy, at: p.stage.at, shared: p.stage.info.Level != LevelRoute})
}

// everywhere reports whether what is wrong with the stage is so on all of its ways.
func (p *proof) everywhere() bool { return p.middleware && p.stage.info.Level != LevelRoute }

func (st *stage) String() string {
	if st.info.Kind == KindExtract {
		return "the handler's request"
	}
	return fmt.Sprintf("the %s %q", st.info.Kind, st.info.Name)
}

// once reports a key that has been provided before.
func (p *proof) once(k *key, does, remedy string) {
	for _, before := range p.provided {
		if before.key == k {
			p.report(fmt.Sprintf("%v %s %v, which %v (%v) provides before it", p.stage, does, k, before.by, before.by.at), remedy)
			return
		}
	}
}

// need reports a key that is not certainly there, and why not.
func (p *proof) need(k *key) {
	has := func(b provision) bool { return b.key == k }
	if slices.ContainsFunc(p.provided, func(b provision) bool { return has(b) && b.certain }) {
		return
	}
	if gap := (gap{p.stage.at, p.stage.info.Name, k}); p.everywhere() {
		if slices.Contains(p.gaps, gap) {
			return
		}
		p.gaps = append(p.gaps, gap)
	}
	needs := fmt.Sprintf("%v needs %v, ", p.stage, k)
	provides := func(st *stage) bool { return slices.Contains(st.rules.possible(), k) }
	if i := slices.IndexFunc(p.provided, has); i >= 0 {
		by := p.provided[i].by
		p.report(needs+fmt.Sprintf("which %v (%v) provides in some of its branches only", by, by.at),
			"let every branch of Any provide it, provide it outside of Unless, or say Reads and do without where it is missing")
		return
	}
	if provides(p.stage) {
		p.report(needs+"which another part of it provides, behind or beside the one that needs it",
			"list the part that provides it first, within All")
		return
	}
	later := slices.IndexFunc(p.rest, provides)
	elsewhere := slices.IndexFunc(p.providers, provides)
	switch {
	case later >= 0:
		by := p.rest[later]
		p.report(needs+fmt.Sprintf("which %v (%v) provides only behind it", by, by.at), p.swap(by))
	case elsewhere < 0 && p.namesake(k):
		p.report(needs+"and nothing provides it, but another key of that name and type", "use one key: a key is the value that NewKey returned, not its name")
	case elsewhere < 0:
		p.report(needs+"and nothing provides it", "attach a ValueGuard for it, or a middleware or guard that Provides it, so that it runs before")
	case p.providers[elsewhere].receives:
		by := p.providers[elsewhere]
		p.report(needs+fmt.Sprintf("which only a source of events provides, by %v (%v)", by, by.at),
			"do without it where it is missing, by Reads or an Opt, or keep what needs it to the routes of such sources")
	case p.everywhere():
		by := p.providers[elsewhere]
		p.report(needs+fmt.Sprintf("which %v (%v) provides only behind it, and not on every way", by, by.at), p.swap(by))
	default:
		by := p.providers[elsewhere]
		p.report(needs+fmt.Sprintf("and nothing on its way provides it; %v (%v) does on others", by, by.at),
			"attach that one to the route, to a group around it or to the app, so that it runs before")
	}
}

// namesake reports whether another key that looks the same is provided before it.
func (p *proof) namesake(k *key) bool {
	return slices.ContainsFunc(p.provided, func(before provision) bool {
		return before.key != k && before.key.name == k.name && before.key.typ == k.typ
	})
}

// gap is a key that middleware of the app or a group lacks on all of its ways.
type gap struct {
	at   callsite.Site
	name string
	key  *key
}

// swap is how the stage can come behind later, which provides what it needs.
func (p *proof) swap(later *stage) string {
	switch {
	case later.info.Kind == p.stage.info.Kind:
		return "list it behind that one, or attach it at a level further in"
	case p.middleware:
		return "attach it with Intercept, which stands behind the guards"
	}
	return "provide it in a middleware or a guard, which run before the request is decoded"
}

// field finds the key whose value a field takes, or reports why there is none.
func (p *proof) field(f *binding.ValueField) *key {
	var fitting []*key
	for _, before := range p.provided {
		if before.key.fits(f.Type, f.Key) && !slices.Contains(fitting, before.key) {
			fitting = append(fitting, before.key)
		}
	}
	switch len(fitting) {
	case 1:
		return fitting[0]
	case 0:
		elsewhere := slices.IndexFunc(p.keys, func(k *key) bool { return k.fits(f.Type, f.Key) })
		switch {
		case elsewhere >= 0 && f.Optional:
			return nil // it is absent on this way
		case elsewhere >= 0:
			return p.keys[elsewhere] // and need says why it is not there
		}
		what := fmt.Sprintf("a value of type %v", f.Type)
		if f.Key != "" {
			what = fmt.Sprintf("the value %q of type %v", f.Key, f.Type)
		}
		remedy := "attach a ValueGuard for a key of that type, or mend the field's type or name"
		if len(p.provided) > 0 {
			remedy += "; there is " + strings.Join(p.offered(), ", ")
		}
		if f.Optional {
			p.warn(p.stage.at, p.stage.info.Route, fmt.Sprintf("the field %s takes %s, and will always be absent: nothing provides one", f.Name, what), remedy)
		} else {
			p.report(fmt.Sprintf("the field %s takes %s, and nothing provides one", f.Name, what), remedy)
		}
		return nil
	}
	p.report(fmt.Sprintf("the field %s takes a value of type %v, and there are several: %s", f.Name, f.Type, strings.Join(keyNames(fitting), ", ")),
		"name one of them, different from the others, in the tag value")
	return nil
}

// offered is what stages before it provide.
func (p *proof) offered() (all []string) {
	for _, before := range p.provided {
		all = append(all, before.key.String())
	}
	return all
}

// keyNames are the names of keys, as the plan lists them.
func keyNames(keys []*key) []string {
	var names []string
	for _, k := range keys {
		if k != nil {
			names = append(names, k.name)
		}
	}
	return names
}
