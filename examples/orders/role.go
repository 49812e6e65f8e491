package main

import (
	"context"
	"fmt"

	"github.com/weft-go/weft"
)

// role lets pass who has the role. Each is a guard of its own, so that a route
// says what it needs by combining them: weft.Any(role(Manager), role(Admin)).
//
// The refused are told so by a 403: they may know that the order is there.
func role(wanted Role) weft.Guard {
	return weft.NewGuard(string(wanted), func(r *weft.Request) error {
		if user, _ := currentUser.Get(r); user.Role != wanted {
			return weft.Deny("Your role does not allow this.").WithCause(fmt.Errorf("a %s is no %s", user.Role, wanted))
		}
		return nil
	}, weft.Needs(currentUser))
}

// largeOrder is the greatest total that a clerk may order.
const largeOrder Money = 1000_00

// mayOrder is a check, not a guard: what it decides by is in the body, which
// has been read and validated when a check is asked.
func mayOrder(_ context.Context, in creation) error {
	return mayTake(in.User, in.Draft)
}

func mayTake(user User, d Draft) error {
	if d.total() > largeOrder && user.Role != Manager {
		return managerNeeded(fmt.Sprintf("An order above %v needs a manager.", largeOrder))
	}
	return nil
}

// mayChange leaves cancelling to managers.
func mayChange(_ context.Context, in change) error {
	if status, _ := in.Patch.Status.Get(); status == Cancelled && in.User.Role != Manager {
		return managerNeeded("Cancelling an order needs a manager.")
	}
	return nil
}

func managerNeeded(detail string) error { return weft.Deny(detail).WithCode("manager_needed") }
