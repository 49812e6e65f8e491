package weft

import (
	"log/slog"
	"strings"
)

// Decision is what a guard decided about one request and, of a combination such
// as [Any], what its parts did. It is for logs and tests: errors hold causes that no client may see.
type Decision struct {
	// Guard is the guard's name.
	Guard   string
	Verdict Verdict
	// Err is the Denial, or why nothing could be decided; nil where the request may pass.
	Err error
	// Parts are those of a combination, in its order.
	Parts []Decision
}

// Verdict is how a guard decided.
type Verdict string

// The verdicts.
const (
	VerdictAllowed  Verdict = "allowed"
	VerdictDenied   Verdict = "denied"
	VerdictFailed   Verdict = "failed"    // it could not decide
	VerdictNotAsked Verdict = "not asked" // what was asked before it decided
)

// Decide asks g about r, and tells what it and its parts decided. A panic is a failure, with a [*PanicError].
// [WithDecisions] tells the same of every guard of an app.
func Decide(r *Request, g Guard) Decision {
	decision, _ := decide(r, asGuard(g))
	return decision
}

// decide is the boundary of a guard whose decision is noted.
func decide(r *Request, g *guard) (decision Decision, err error) {
	returned := false
	defer func() {
		if !returned {
			decision.unwound(err)
		}
	}()
	defer rescue(&returned, &err)
	err = g.decide(r, &decision)
	returned = true
	return decision, err
}

// begin notes that g is being asked. Should it panic, it has failed.
func (d *Decision) begin(g *guard) {
	d.Guard, d.Verdict = g.name, VerdictFailed
	if len(g.of) > 0 {
		d.Parts = make([]Decision, len(g.of))
	}
	for i, p := range g.of {
		d.Parts[i] = Decision{Guard: p.name, Verdict: VerdictNotAsked}
	}
}

// unwound notes the error of a panic on the guards that it went through, down to the one that panicked.
func (d *Decision) unwound(err error) {
	d.Err = err
	for i := range d.Parts {
		if p := &d.Parts[i]; p.Verdict == VerdictFailed && p.Err == nil {
			p.unwound(err)
		}
	}
}

func (d *Decision) end(err error) {
	d.Err = err
	switch {
	case err == nil:
		d.Verdict = VerdictAllowed
	case denialIn(err) != nil:
		d.Verdict = VerdictDenied
	default:
		d.Verdict = VerdictFailed
	}
}

// String is the decision in one line.
func (d Decision) String() string {
	var text strings.Builder
	d.write(&text)
	return text.String()
}

func (d Decision) write(text *strings.Builder) {
	text.WriteString(d.Guard + " " + string(d.Verdict))
	if len(d.Parts) == 0 {
		if d.Err != nil {
			text.WriteString(": " + textOf(d.Err))
		}
		return
	}
	separator := " ("
	for _, p := range d.Parts {
		text.WriteString(separator)
		p.write(text)
		separator = "; "
	}
	text.WriteString(")")
}

// LogValue is the decision as a group: guard, verdict, error, and a group for each part.
func (d Decision) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("guard", d.Guard), slog.String("verdict", string(d.Verdict))}
	if d.Err != nil {
		attrs = append(attrs, slog.String("error", textOf(d.Err)))
	}
	for _, p := range d.Parts {
		attrs = append(attrs, slog.Attr{Key: p.Guard, Value: p.LogValue()})
	}
	return slog.GroupValue(attrs...)
}
