package guards_test

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// decided says in what Decide is not what the model finds, or "".
func decided(g weft.Guard, does []*kind, want finding) string {
	v := &visit{does: does}
	r := weft.NewRequest(base.WithContext(v.in(base.Context())))
	d := weft.Decide(r, g)
	if wrong := want.tells(d); wrong != "" {
		return wrong
	}
	return want.heldBy(v.held(r))
}

// tells says in what a decision and its parts are not what was found, or "".
func (f finding) tells(d weft.Decision) string {
	if d.Verdict != f.verdict {
		return fmt.Sprintf("%s: %s, not %s", d.Guard, d.Verdict, f.verdict)
	}
	decides := f.verdict == weft.VerdictDenied || f.verdict == weft.VerdictFailed
	if (d.Err != nil) != decides {
		return fmt.Sprintf("%s: %s, and the error is %v", d.Guard, d.Verdict, d.Err)
	}
	if f.verdict == weft.VerdictDenied {
		if _, ok := errors.AsType[*weft.Denial](d.Err); !ok {
			return fmt.Sprintf("%s: denied by %v", d.Guard, d.Err)
		}
	}
	if len(d.Parts) != len(f.parts) {
		return fmt.Sprintf("%s: %d parts, not %d", d.Guard, len(d.Parts), len(f.parts))
	}
	for i, p := range f.parts {
		if wrong := p.tells(d.Parts[i]); wrong != "" {
			return d.Guard + " > " + wrong
		}
	}
	return ""
}

// readable says in what the text of a decision, or of its group of attributes, is wrong, or "".
func readable(d weft.Decision) (wrong string) {
	defer func() {
		if p := recover(); p != nil {
			wrong = fmt.Sprintf("the decision cannot be read: %v", p)
		}
	}()
	return legible(d, d.String(), d.LogValue())
}

func legible(d weft.Decision, line string, value slog.Value) string {
	if !strings.Contains(line, d.Guard+" "+string(d.Verdict)) {
		return fmt.Sprintf("%q does not say that %s %s", line, d.Guard, d.Verdict)
	}
	if len(d.Parts) == 0 && d.Err != nil && !strings.Contains(line, fmt.Sprint(d.Err)) && !strings.Contains(line, fmt.Sprintf("%T", d.Err)) {
		return fmt.Sprintf("%q does not say why %s %s", line, d.Guard, d.Verdict)
	}
	var text strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("", "decision", value)
	if strings.Contains(text.String(), "!PANIC") || !strings.Contains(text.String(), "decision.verdict=") {
		return "logged as " + text.String()
	}
	for i, p := range d.Parts {
		attrs := value.Group()
		inner := attrs[len(attrs)-len(d.Parts)+i]
		if inner.Key != p.Guard {
			return fmt.Sprintf("the group of part %d is %q, not %q", i, inner.Key, p.Guard)
		}
		if wrong := legible(p, line, inner.Value); wrong != "" {
			return wrong
		}
	}
	return ""
}

// A decision tells of every part what the model finds, by itself and on a server,
// and is the same as what the guard says when nobody looks.
func TestADecisionTellsWhatEveryPartSaid(t *testing.T) {
	decisions := 0
	rapid.Check(t, func(t *rapid.T) {
		k := drawKeeping(t)
		var told []weft.Decision
		s := newSite(t, k.at, weft.WithDecisions(func(r *weft.Request, d weft.Decision) { told = append(told, d) }))
		for range 5 {
			does := k.drawDoes(t)
			whole, _ := whether(k.trees, does)
			for i, want := range whole.parts {
				if want.verdict == weft.VerdictNotAsked {
					continue
				}
				decisions++
				alone := &inquiry{does: does}
				want = alone.ask(k.trees[i])
				g := k.trees[i].guard()
				if wrong := decided(g, does, want); wrong != "" {
					t.Fatalf("%v, where the leaves %v: %s", k.trees[i], does, wrong)
				}
				if want.failed < 0 || !does[want.failed].defective {
					if wrong := judged(g, does, want, alone.asked); wrong != "" {
						t.Fatalf("%v, where the leaves %v: %s", k.trees[i], does, wrong)
					}
				}
			}
			told = nil
			s.visitInProcess(does)
			for i, want := range whole.parts {
				if (want.verdict == weft.VerdictNotAsked) != (i >= len(told)) {
					t.Fatalf("%v, where the leaves %v: %d decisions were told: %v", k.trees, does, len(told), told)
				}
				if i >= len(told) {
					break
				}
				if wrong := cmp.Or(want.tells(told[i]), readable(told[i])); wrong != "" {
					t.Fatalf("%v, where the leaves %v: on a server %s", k.trees, does, wrong)
				}
			}
		}
	})
	t.Logf("%d decisions", decisions)
}
