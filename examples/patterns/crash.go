package main

import (
	"crypto/rand"
	"net/http"

	"github.com/weft-go/weft"
)

// crashGuard gives panics an answer of ours, with the id of the incident. It is
// a mapper, and so is for panics alone: a 403, 404 or 422 stays what it is. Attached
// to the app it is for all panics, those of middleware too; to a group or a
// handler, for those inside. A panic with an error that has a mapper of its own, at the same level
// or further in, is that mapper's.
//
// What it returns goes on to the mappers of the levels outside, as an error that
// is no panic. And weft logs the panic, its stack and the incident in one line:
// who quotes the id leads to the cause.
func crashGuard() weft.Mapper {
	return weft.On(func(*weft.Request, *weft.PanicError) weft.Response {
		id := rand.Text()
		return weft.Fail(&weft.Error{
			Status:     http.StatusInternalServerError,
			Code:       "crash",
			Detail:     "This should not have happened. If you tell us of it, quote the incident.",
			Extensions: map[string]any{"incident": id},
			Cause:      incident(id),
		})
	})
}

// incident is for the log. It does not wrap the panic: a crash guard further out
// would take it for another one.
type incident string

func (i incident) Error() string { return "incident " + string(i) }
