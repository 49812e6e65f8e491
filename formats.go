package weft

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/binding"
	"github.com/weft-go/weft/internal/callsite"
	"github.com/weft-go/weft/internal/httpfield"
	"github.com/weft-go/weft/internal/negotiation"
)

// Formats says in which formats the routes of an app, of a group, or one of them ([WithFormats], [Group.Formats], [Negotiate]) read
// and write bodies. The nearest to a route counts, alone. Without any it is JSON.
//
// It is about a Req and a Resp without tags, and about fields with the tag body:"". A body of a request is decoded
// by the codec of its Content-Type; another type is a 415 that says which there are. An answer is
// encoded by the codec that the client's Accept prefers (RFC 9110 section 12.5.1), and where it says nothing, cannot be read, or takes none, by
// the first. Such answers say Vary: Accept. Accept-Charset is ignored (RFC 9110 section 12.5.2), and errors are problem details in JSON whatever Accept says.
type Formats struct {
	// Codecs are those beside JSON, which comes first. Of those that a client likes equally well the first is chosen.
	Codecs []MediaCodec
	// NoJSON leaves JSON out, except where the tag body:"json" says it: the first of Codecs is then what answers are by default.
	NoJSON bool
	// Strict answers 406 where the client's Accept takes none of the formats, before anything is decoded: an
	// [Error] whose cause is [ErrNotAcceptable], with a member "available" that lists what there is.
	Strict bool
}

// WithFormats says in which formats the app's routes read and write bodies.
func WithFormats(f Formats) Option {
	at := here()
	return func(a *App) { a.root.formats = &declaredFormats{f, at} }
}

// Formats says in which formats the group's routes read and write bodies, those of groups nested in it too.
func (g *Group) Formats(f Formats) {
	at := g.app.mayDeclare("Group.Formats")
	if g.formats != nil {
		g.app.problem(at, fmt.Sprintf("the group says in which formats it reads and writes, and has said so at %v", g.formats.at), "keep one of them")
		return
	}
	g.formats = &declaredFormats{f, at}
}

// Negotiate is h, reading and writing bodies in these formats. It is no method because those of Handler are compiled for each pair of types.
func Negotiate[Req, Resp any](h *Handler[Req, Resp], f Formats) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withFormats(f))
}

//go:noinline
func (s *spec) withFormats(f Formats) *spec {
	c := *s
	c.level.formats = &declaredFormats{f, here()}
	return &c
}

type declaredFormats struct {
	Formats
	at callsite.Site
}

// formatsOf are those of a route, nil where it is JSON alone. own says that the route asks for them itself.
func (r *resolution) formatsOf(d declaredRoute, how *input) (all *formats, declared *declaredFormats, own bool) {
	declared, own = d.endpoint.level.formats, true
	for g := d.group; declared == nil && g != nil; g = g.outer {
		declared, own = g.formats, false
	}
	if declared == nil {
		return nil, nil, false
	}
	all = declared.compile(&how.asJSON, r.wrongFormats(declared))
	how.noJSON = declared.NoJSON
	for _, by := range all.by {
		if by.variant != "" && !slices.Contains(how.variants, by.variant) {
			how.variants = append(how.variants, by.variant)
		}
	}
	return all, declared, own
}

func (r *resolution) wrongFormats(d *declaredFormats) func(problem, remedy string) {
	return func(problem, remedy string) { r.report(d.at, "", problem, remedy) }
}

// compile checks the declaration. JSON is the route's own.
func (d *declaredFormats) compile(asJSON *format, report func(problem, remedy string)) *formats {
	all := &formats{strict: d.Strict}
	if !d.NoJSON {
		m, _ := negotiation.Parse(jsonType)
		all.add(m, jsonType, asJSON)
	}
	for _, codec := range d.Codecs {
		if codec == nil || isNil(codec) {
			report("the codec of a format is nil", "give one, or leave it out")
			continue
		}
		by, names := newFormat(codec, report)
		for _, name := range names {
			m, err := negotiation.Parse(name)
			if err == nil && !httpfield.ValidValue(name) {
				err = fmt.Errorf("it cannot be sent")
			}
			if err != nil {
				report(fmt.Sprintf("the codec %T is for %q, which is no media type: %v", codec, name, err), "write it as type/subtype, as in application/xml")
				continue
			}
			if i := slices.IndexFunc(all.types, m.Equal); i >= 0 {
				report(fmt.Sprintf("the codec %T is for %q, and so is %s", codec, name, all.by[i].owner()), "leave one of them out; NoJSON leaves out weft's own")
				continue
			}
			if charset := m.Charset(); charset != "" && by.charset(charset) == "" {
				report(fmt.Sprintf("the codec %T writes %q, and cannot read bodies in that charset", codec, name), "leave the charset out where it is UTF-8; else name it in Charsets, of a CharsetCodec")
			}
			all.add(m, name, by)
		}
	}
	if len(d.Codecs) == 0 && d.NoJSON {
		report("the formats are none: NoJSON, and no codec", "name a codec, or leave NoJSON out")
	}
	return all
}

// newFormat asks a codec what it is for.
func newFormat(codec MediaCodec, report func(problem, remedy string)) (by *format, names []string) {
	by = &format{codec: codec}
	var charsets []string
	err := contained(func() error {
		names = codec.MediaTypes()
		if c, ok := codec.(CharsetCodec); ok {
			charsets = c.Charsets()
		}
		return nil
	})
	if err != nil {
		report(fmt.Sprintf("the codec %T cannot say what it is for: %v", codec, err), "have its methods MediaTypes and Charsets return lists that are the same each time")
		return by, nil
	}
	if len(names) == 0 {
		report(fmt.Sprintf("the codec %T is for no media type", codec), "have its MediaTypes return one")
	}
	for _, name := range charsets {
		switch {
		case !httpfield.ValidName(name):
			report(fmt.Sprintf("the codec %T reads the charset %q, which is no name of one (RFC 2978 section 2.3)", codec, name), "use a name that IANA has registered, as in ISO-8859-1")
		case strings.EqualFold(name, "utf-8") || by.charset(name) != "":
			report(fmt.Sprintf("the codec %T says twice that it reads the charset %q", codec, name), "leave one out; UTF-8 is always read, by Decode")
		default:
			by.charsets = append(by.charsets, name)
		}
	}
	return by, names
}

// isNil reports whether what implements an interface is a nil pointer, function or the like.
func isNil(implementer any) bool {
	switch v := reflect.ValueOf(implementer); v.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return v.IsNil()
	}
	return false
}

func (f *format) owner() string {
	if f.json {
		return "weft's own"
	}
	return fmt.Sprintf("the codec %T", f.codec)
}

// add adds a media type. The first format has no variant; those of the others differ.
func (f *formats) add(m negotiation.MediaType, name string, by *format) {
	if len(f.by) > 0 && by != f.by[0] && by.variant == "" {
		by.variant = m.Subtype
		for slices.ContainsFunc(f.by, func(other *format) bool { return other.variant == by.variant }) {
			by.variant += "." + m.Type
		}
	}
	f.types, f.names, f.by = append(f.types, m), append(f.names, name), append(f.by, by)
}

// settleFormats says in which formats the Req and the Resp of a route are. What a codec cannot read or write is left out, unless
// the route itself asks for it.
func (r *resolution) settleFormats(rr *resolvedRoute, all *formats, declared *declaredFormats, own bool) {
	if all == nil {
		return
	}
	e, name := rr.endpoint, rr.route.pattern
	reads, writes := rr.intake != nil && rr.intake.neutral, e.negotiable() != nil
	if own && !reads && !writes {
		r.report(declared.at, name, "Negotiate has no effect: nothing that the handler takes or returns is a body in any format",
			"leave it out, or tag the field that is the body with body:\"\"")
	}
	if writes && e.output != nil {
		for _, w := range e.output.Writes {
			if w.Target == binding.Header && w.Name == contentType {
				r.report(e.at, name, "the answer has the header \"Content-Type\" from a field, and a body in any format, which has its own", "leave the field out, or tag the body with body:\"json\"")
			}
		}
	}
	keep := func(t reflect.Type, verb string) *formats {
		kept := &formats{strict: all.strict}
		for i, by := range all.by {
			if err := by.cannot(t); err == nil {
				kept.types, kept.names, kept.by = append(kept.types, all.types[i]), append(kept.names, all.names[i]), append(kept.by, by)
			} else if own && (i == 0 || all.by[i-1] != by) {
				r.report(declared.at, name, fmt.Sprintf("%s cannot %s a %v: %v", by.owner(), verb, t, err), "leave the codec out here, or use another type")
			}
		}
		if len(kept.by) == 0 && len(all.by) > 0 && !own {
			r.report(e.at, name, fmt.Sprintf("no codec can %s a %v: %v", verb, t, all.by[0].cannot(t)), "use another type, or give the route another codec by Negotiate")
		}
		return kept
	}
	if reads {
		if kept := keep(rr.intake.body, "read"); !kept.onlyJSON() {
			rr.route.input.formats = kept
			rr.intake.told(kept)
		}
	}
	if writes {
		if kept := keep(e.negotiable(), "write"); kept.strict || !kept.onlyJSON() {
			rr.answers.formats = kept
		}
	}
}

// onlyJSON reports whether it is what a route without formats has.
func (f *formats) onlyJSON() bool { return len(f.by) == 1 && f.by[0].json }

// told says in the plan in which formats the body may be.
func (in *intake) told(f *formats) {
	in.reads, in.types = slices.Clone(in.reads), f.names
	for i := range in.reads {
		if in.reads[i].Source == SourceBody {
			in.reads[i].Form = f.known()
		}
	}
}
