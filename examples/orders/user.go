package main

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/weft-go/weft"
)

// User is who makes a request: somebody who works for a tenant.
type User struct {
	Name   string `json:"name"`
	Role   Role   `json:"role"`
	Tenant Tenant `json:"tenant"`
}

// currentUser is set by the guard login, in login.go. Stages and handlers that
// need it say so, and Build proves that login runs before them.
var currentUser = weft.NewKey[User]("current user")

// String is for logs. A name is only unique within its tenant.
func (u User) String() string { return string(u.Tenant) + "/" + u.Name }

// Tenant is the short name of a company that keeps its orders here.
type Tenant string

// tenantName needs no escapes in a path.
var tenantName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// Role is what a user does for the tenant.
type Role string

// A clerk takes orders. A manager does too, also large ones, and cancels and
// deletes them. An admin deletes what must be forgotten, and takes no orders.
const (
	Clerk   Role = "clerk"
	Manager Role = "manager"
	Admin   Role = "admin"
)

var roles = []Role{Clerk, Manager, Admin}

// check is for users that are added from the command line.
func (u User) check() error {
	switch {
	case blank(u.Name) || len(u.Name) > 100:
		return fmt.Errorf("a user has a name of up to 100 bytes, not %q", u.Name)
	case !tenantName.MatchString(string(u.Tenant)):
		return fmt.Errorf("a tenant is named by up to 40 letters a to z, digits and hyphens, as in acme, not %q", u.Tenant)
	case !slices.Contains(roles, u.Role):
		return fmt.Errorf("a user is a %s, %s or %s, not %q", Clerk, Manager, Admin, u.Role)
	}
	return nil
}
