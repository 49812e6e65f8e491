package main

import (
	"errors"

	"github.com/weft-go/weft"
)

// expectation is an error that says what a client should have sent. Causes are
// private to weft; this one is written for clients, so message passes it on.
type expectation string

func (e expectation) Error() string { return string(e) }

// message is the text of a field error; weft has its own where this is "".
func message(_ *weft.Request, field weft.FieldError) string {
	wanted, _ := errors.AsType[expectation](field.Cause)
	return string(wanted)
}
