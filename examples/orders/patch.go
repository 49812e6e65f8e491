package main

import (
	"net/http"

	"github.com/weft-go/weft"
)

// Patch is a change of an order (a merge patch, RFC 7396): a member that is
// absent leaves what is there, null clears it, and a value replaces it.
type Patch struct {
	Status weft.Opt[Status] `json:"status,omitzero" validate:"omitnil,oneof=open shipped cancelled"`
	Due    weft.Opt[Date]   `json:"due,omitzero"`
	Note   weft.Opt[string] `json:"note,omitzero" validate:"omitnil,max=500"`
}

// check refuses to clear what every order has. No tag can: to the rules, null is as good as absent.
func (p Patch) check() error {
	if !p.Status.IsNull() {
		return nil
	}
	return &weft.InvalidRequest{Status: http.StatusUnprocessableEntity, Fields: []weft.FieldError{
		{Source: weft.SourceBody, Pointer: "/status", Code: "not_null", Cause: expectation("must not be null")},
	}}
}

// apply changes order. A patch that changes nothing succeeds, so a client may send it twice.
func (p Patch) apply(order *Order) error {
	patched := *order
	p.Status.ApplyTo(&patched.Status)
	p.Note.ApplyTo(&patched.Note)
	if p.Due.ApplyTo(&patched.Due) {
		if err := checkDue(patched.Due, order.Created); err != nil {
			return err
		}
	}
	if order.Status != Open && (patched.Status != order.Status || patched.Due != order.Due) {
		return &OrderClosed{order.Status}
	}
	*order = patched
	return nil
}
