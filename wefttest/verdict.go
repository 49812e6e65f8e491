package wefttest

import (
	"errors"
	"testing"

	"github.com/weft-go/weft"
)

// Allowed fails the test where g does not let r pass, and says what each part of g decided.
func Allowed(t testing.TB, g weft.Guard, r *weft.Request) {
	t.Helper()
	if d := weft.Decide(r, g); d.Verdict != weft.VerdictAllowed {
		t.Errorf("the request should pass, and does not: %v", d)
	}
}

// Denied fails the test where g does not say no to r; a guard that fails has not
// said no. It returns the Denial, for a look at its status and challenges, or an empty one.
func Denied(t testing.TB, g weft.Guard, r *weft.Request) *weft.Denial {
	t.Helper()
	d := weft.Decide(r, g)
	denial, _ := errors.AsType[*weft.Denial](d.Err)
	if d.Verdict != weft.VerdictDenied || denial == nil {
		t.Errorf("the request should be denied, and is not: %v", d)
		return weft.Deny("")
	}
	return denial
}

// Failed fails the test where g decides about r, in place of failing. It returns the failure.
func Failed(t testing.TB, g weft.Guard, r *weft.Request) error {
	t.Helper()
	d := weft.Decide(r, g)
	if d.Verdict != weft.VerdictFailed {
		t.Errorf("the guard should fail, and does not: %v", d)
	}
	return d.Err
}
