package weft_test

// What the examples have in common: a shop.

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weft-go/weft"
)

// User is who is asking.
type User struct{ Name, Role string }

// CurrentUser is provided by logIn.
var CurrentUser = weft.NewKey[User]("current user")

// users are known by their API keys.
var users = map[string]User{
	"ada's key": {"Ada", "manager"},
	"bob's key": {"Bob", "clerk"},
}

// logIn finds out who is asking.
var logIn = weft.ValueGuard(CurrentUser, "log in", func(r *weft.Request) (User, error) {
	key := strings.TrimPrefix(r.Header().Get("Authorization"), "Bearer ")
	user, known := users[key]
	if !known {
		return User{}, weft.Unauthenticated(`Bearer realm="shop"`, "This needs an API key.")
	}
	return user, nil
})

const (
	asAda = "Authorization: Bearer ada's key"
	asBob = "Authorization: Bearer bob's key"
)

// hasRole lets pass who has the role.
func hasRole(role string) weft.Guard {
	return weft.NewGuard(role, func(r *weft.Request) error {
		if CurrentUser.Must(r).Role != role {
			return weft.Deny("Your role does not allow this.")
		}
		return nil
	}, weft.Needs(CurrentUser))
}

// PlaceOrder is what a client asks for, and Order what it gets.
type (
	PlaceOrder struct {
		Product  string `json:"product" validate:"required"`
		Quantity int    `json:"quantity" validate:"min=1"`
	}
	Order struct {
		ID      int    `json:"id"`
		Product string `json:"product"`
	}
)

// ErrShopClosed and OutOfStock are errors of the domain: they know nothing of HTTP.
var ErrShopClosed = errors.New("the shop is closed")

type OutOfStock struct{ Product string }

func (e *OutOfStock) Error() string { return "out of stock: " + e.Product }

func placeOrder(_ context.Context, in PlaceOrder) (Order, error) {
	switch in.Product {
	case "gold":
		return Order{}, fmt.Errorf("placing the order: %w", &OutOfStock{in.Product})
	case "beer":
		return Order{}, ErrShopClosed
	}
	return Order{7, in.Product}, nil
}
