package guards_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/weft-go/weft"
)

// secret is in everything that no client may see.
const secret = "secret-dsn"

// kind is one way in which a guard can answer, with what the documentation says
// of it. Nothing here asks the library what it makes of an answer.
type kind struct {
	name       string
	verdict    weft.Verdict
	status     int                     // of the request, where this answer decides
	challenges func(leaf int) []string // of a 401; nil for none
	answer     func(leaf int) error    // which may panic
	cause      string                  // of a failure of the server, as the log must name it
	defective  bool                    // the error's own methods panic, or it cannot be compared
}

func (k *kind) String() string { return k.name }

func says(leaf int) string { return fmt.Sprintf("Leaf %d says no.", leaf) }

func forbid(leaf int) *weft.Denial { return weft.Deny(says(leaf)) }

func login(challenge string, leaf int) *weft.Denial {
	return weft.Unauthenticated(challenge, says(leaf))
}

// common is a challenge that several leaves have.
const common = `Basic realm="all"`

func own(leaf int) string { return fmt.Sprintf(`Bearer realm="leaf %d"`, leaf) }

// outageOfLeaf stands for the text of the leaf's outage.
const outageOfLeaf = "outage"

func outage(leaf int) error { return fmt.Errorf("%s: outage at leaf %d", secret, leaf) }

// errorList cannot be compared.
type errorList []error

func (l errorList) Error() string { return fmt.Sprint([]error(l)) }

// brittle is an error whose own methods panic.
type brittle struct{ where string }

func (e *brittle) Error() string {
	if e.where == "Error" {
		panic(secret)
	}
	return secret
}

func (e *brittle) Unwrap() error {
	if e.where == "Unwrap" {
		panic(secret)
	}
	return nil
}

var (
	allows = &kind{name: "allows", verdict: weft.VerdictAllowed, answer: func(int) error { return nil }}
	// What means no.
	denies = &kind{
		name: "denies", verdict: weft.VerdictDenied, status: 403,
		answer: func(leaf int) error { return forbid(leaf) },
	}
	asksWho = &kind{
		name: "asks who it is", verdict: weft.VerdictDenied, status: 401,
		challenges: func(leaf int) []string { return []string{own(leaf)} },
		answer:     func(leaf int) error { return login(own(leaf), leaf) },
	}
	wraps = &kind{
		name: "wraps a denial", verdict: weft.VerdictDenied, status: 403,
		answer: func(leaf int) error { return fmt.Errorf("%s: %w", secret, forbid(leaf).WithCause(outage(leaf))) },
	}
	wrapsTwice = &kind{
		name: "wraps the common 401 twice", verdict: weft.VerdictDenied, status: 401,
		challenges: func(int) []string { return []string{common} },
		answer: func(leaf int) error {
			return fmt.Errorf("%s: %w", secret, errors.Join(login(common, leaf)))
		},
	}
	deniesAll = &kind{
		name: "joins denials", verdict: weft.VerdictDenied, status: 401,
		challenges: func(leaf int) []string { return []string{common, own(leaf)} },
		answer: func(leaf int) error {
			return errors.Join(forbid(leaf), login(common, leaf), login(own(leaf), leaf))
		},
	}
	// What does not.
	fails = &kind{
		name: "fails", verdict: weft.VerdictFailed, status: 500, cause: outageOfLeaf,
		answer: outage,
	}
	unavailable = &kind{
		name: "is unavailable", verdict: weft.VerdictFailed, status: 503, cause: outageOfLeaf,
		answer: func(leaf int) error {
			return &weft.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Cause: outage(leaf)}
		},
	}
	hides = &kind{
		name: "answers 404", verdict: weft.VerdictFailed, status: 404,
		answer: func(leaf int) error { return &weft.Error{Status: http.StatusNotFound, Cause: outage(leaf)} },
	}
	joins = &kind{
		name: "joins a denial and an outage", verdict: weft.VerdictFailed, status: 500, cause: outageOfLeaf,
		answer: func(leaf int) error { return errors.Join(forbid(leaf), outage(leaf)) },
	}
	joinsLogin = &kind{
		name: "wraps a 401 and an outage", verdict: weft.VerdictFailed, status: 500, cause: outageOfLeaf,
		answer: func(leaf int) error { return fmt.Errorf("%s: %w: %w", secret, outage(leaf), login(own(leaf), leaf)) },
	}
	causedByDenial = &kind{
		name: "fails because of a denial", verdict: weft.VerdictFailed, status: 502, cause: "Leaf",
		answer: func(leaf int) error {
			return &weft.Error{Status: http.StatusBadGateway, Cause: fmt.Errorf("%s: %w", secret, forbid(leaf))}
		},
	}
	typedNil = &kind{
		name: "returns a nil *Denial", verdict: weft.VerdictFailed, status: 500, cause: "*weft.Denial",
		answer: func(int) error { return (*weft.Denial)(nil) },
	}
	wrapsNil = &kind{
		name: "wraps a nil *Denial", verdict: weft.VerdictFailed, status: 500, cause: secret,
		answer: func(int) error { return fmt.Errorf("%s: %w", secret, (*weft.Denial)(nil)) },
	}
	emptyDenial = &kind{
		name: "returns an empty Denial", verdict: weft.VerdictFailed, status: 500, cause: "500",
		answer: func(int) error { return new(weft.Denial) },
	}
	unchallenged = &kind{
		name: "asks who it is without a challenge", verdict: weft.VerdictFailed, status: 500, cause: "challenge",
		answer: func(leaf int) error { return login("", leaf) },
	}
	late = &kind{
		name: "is too late", verdict: weft.VerdictFailed, status: 500, cause: context.DeadlineExceeded.Error(),
		answer: func(int) error { return context.DeadlineExceeded },
	}
	panics = &kind{
		name: "panics with an error", verdict: weft.VerdictFailed, status: 500, cause: outageOfLeaf,
		answer: func(leaf int) error { panic(outage(leaf)) },
	}
	panicsWithDenial = &kind{
		name: "panics with a Denial", verdict: weft.VerdictFailed, status: 500, cause: "Leaf",
		answer: func(leaf int) error { panic(login(own(leaf), leaf)) },
	}
	panicsWithText = &kind{
		name: "panics with a string", verdict: weft.VerdictFailed, status: 500, cause: secret,
		answer: func(int) error { panic(secret) },
	}
	// What cannot even be looked at.
	unspeakable = &kind{
		name: "fails with an error whose Error panics", verdict: weft.VerdictFailed, status: 500, cause: "guards_test.brittle", defective: true,
		answer: func(int) error { return &brittle{"Error"} },
	}
	unwrappable = &kind{
		name: "fails with an error whose Unwrap panics", verdict: weft.VerdictFailed, status: 500, cause: secret, defective: true,
		answer: func(int) error { return &brittle{"Unwrap"} },
	}
	incomparable = &kind{
		name: "fails with an error that cannot be compared", verdict: weft.VerdictFailed, status: 500, cause: outageOfLeaf, defective: true,
		answer: func(leaf int) error { return errorList{forbid(leaf), outage(leaf)} },
	}

	noes     = []*kind{denies, asksWho, wraps, wrapsTwice, deniesAll}
	failures = []*kind{
		fails, unavailable, hides, joins, joinsLogin, causedByDenial, typedNil, wrapsNil, emptyDenial,
		unchallenged, late, panics, panicsWithDenial, panicsWithText,
	}
	defects = []*kind{unspeakable, unwrappable, incomparable}

	// kinds are those of the truth table; few stand for them where there are too many rows.
	kinds    = append(append([]*kind{allows}, noes...), failures...)
	few      = []*kind{allows, denies, asksWho, wrapsTwice, joins, panicsWithDenial}
	allKinds = append(append([]*kind{}, kinds...), defects...)
	failing  = append(append([]*kind{}, failures...), defects...)
)
