package guards_test

import (
	"slices"

	"github.com/weft-go/weft"
)

// The model is what the documentation of All, Any, Not and Unless promises,
// written down a second time.

// finding is what a guard finds about one request.
type finding struct {
	verdict weft.Verdict
	// of a no, and of a failure
	status     int
	challenges []string
	speaker    int // the leaf whose words the client gets, or -1
	failed     int // the leaf that could not decide, or -1
	// held is the leaves whose values are there afterwards. Nothing is said of
	// them where the verdict is that nothing could be decided.
	held  []int
	parts []finding
}

// broken is what is said of a guard that lets a request pass without the value that it provides.
const broken = "went on without having set it"

// cause is what is said of the leaf that failed.
func (f finding) cause(does []*kind) string {
	switch k := does[f.failed]; {
	case k == allows:
		return broken
	case k.cause == outageOfLeaf:
		return outage(f.failed).Error()
	default:
		return k.cause
	}
}

// inquiry is a guard being asked about a request in which the leaves do what they do.
type inquiry struct {
	does  []*kind
	asked []int
}

func (q *inquiry) ask(t *tree) finding {
	switch t.op {
	case all:
		return q.all(t.of)
	case oneOf:
		return q.oneOf(t.of)
	case not:
		return q.not(t.of[0])
	case unless:
		return q.unless(t.of[0], t.of[1])
	}
	q.asked = append(q.asked, t.number)
	k := q.does[t.number]
	f := finding{verdict: k.verdict, status: k.status, speaker: -1, failed: -1}
	if t.form == forgets && k == allows { // a broken promise
		f.verdict, f.status = weft.VerdictFailed, 500
	}
	switch f.verdict {
	case weft.VerdictAllowed:
		if len(t.provides) > 0 {
			f.held = []int{t.number}
		}
	case weft.VerdictDenied:
		f.speaker = t.number
		if k.challenges != nil {
			f.challenges = k.challenges(t.number)
		}
	default:
		f.failed = t.number
	}
	return f
}

// all asks in order up to the first that does not allow, and says what that one
// says. Those that allowed before have found out what they found out.
func (q *inquiry) all(of []*tree) finding {
	whole := finding{verdict: weft.VerdictAllowed, speaker: -1, failed: -1}
	parts := unasked(of)
	for i, t := range of {
		parts[i] = q.ask(t)
		known := append(whole.held, parts[i].held...)
		if parts[i].verdict != weft.VerdictAllowed {
			whole = parts[i]
		}
		whole.held = known
		if whole.verdict != weft.VerdictAllowed {
			break
		}
	}
	whole.parts = parts
	return whole
}

// oneOf asks in order up to the first that allows or fails. Where all say no,
// the answer is the first 401 with the challenges of all, else the first 403.
func (q *inquiry) oneOf(of []*tree) finding {
	parts := unasked(of)
	var challenges []string
	first := -1
	for i, t := range of {
		parts[i] = q.ask(t)
		if parts[i].verdict != weft.VerdictDenied {
			whole := parts[i]
			whole.parts = parts
			return whole
		}
		if first < 0 || parts[first].status == 403 && parts[i].status == 401 {
			first = i
		}
		for _, c := range parts[i].challenges {
			if !slices.Contains(challenges, c) {
				challenges = append(challenges, c)
			}
		}
	}
	return finding{
		verdict: weft.VerdictDenied, status: parts[first].status, challenges: challenges,
		speaker: parts[first].speaker, failed: -1, parts: parts,
	}
}

// not turns a yes into a no and a no into a yes, and leaves nothing behind.
func (q *inquiry) not(of *tree) finding {
	part := q.ask(of)
	whole := finding{speaker: -1, failed: -1, parts: []finding{part}}
	switch part.verdict {
	case weft.VerdictAllowed:
		whole.verdict, whole.status = weft.VerdictDenied, 403
	case weft.VerdictDenied:
		whole.verdict = weft.VerdictAllowed
	default:
		whole.verdict, whole.status, whole.failed = part.verdict, part.status, part.failed
	}
	return whole
}

// unless asks the second only where the first says no, and then says what the second says.
func (q *inquiry) unless(condition, other *tree) finding {
	parts := unasked([]*tree{condition, other})
	parts[0] = q.ask(condition)
	whole := parts[0]
	if whole.verdict == weft.VerdictDenied {
		parts[1] = q.ask(other)
		whole = parts[1]
	}
	whole.parts = parts
	return whole
}

// unasked is what is known of parts before they are asked, and of those in them.
func unasked(of []*tree) []finding {
	parts := make([]finding, len(of))
	for i := range parts {
		parts[i] = finding{verdict: weft.VerdictNotAsked, speaker: -1, failed: -1}
	}
	return parts
}

// whether is the finding of guards that stand one behind the other: all of them must allow.
func whether(guards []*tree, does []*kind) (finding, []int) {
	q := &inquiry{does: does}
	f := q.ask(combined(all, guards...))
	return f, q.asked
}
