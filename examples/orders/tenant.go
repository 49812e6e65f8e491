package main

import (
	"errors"

	"github.com/weft-go/weft"
)

// currentTenant is the tenant whose orders a request is about. Handlers take it
// from here and never from the path, so none can serve a tenant that was not checked.
var currentTenant = weft.NewKey[Tenant]("current tenant")

// errOtherTenant is the private cause of the denial; errors.go says what the client sees.
var errOtherTenant = errors.New("the user belongs to another tenant")

// sameTenant lets users pass to their own tenant, which it provides.
//
// The others get a 404 and not a 403: a 403 would tell whoever asks which
// companies keep their orders here. It is the same 404 whether there is such a tenant
// or not, since nothing is looked up. The log knows it as the denial that it is.
func sameTenant() weft.Guard {
	return weft.ValueGuard(currentTenant, "same tenant", func(r *weft.Request) (Tenant, error) {
		user, _ := currentUser.Get(r) // it is there: Needs proves it
		if asked := Tenant(r.PathValue("tenant")); asked != user.Tenant {
			return "", weft.Deny("").WithCause(errOtherTenant)
		}
		return user.Tenant, nil
	}, weft.Needs(currentUser))
}
