package main

import (
	"errors"
	"net/http"
	"strings"

	"github.com/weft-go/weft"
)

// The challenges say how to log in (RFC 6750 section 3). There is an error code
// only where a key was given: who gave none has made no mistake yet.
const (
	challenge         = `Bearer realm="orders"`
	challengeWrongKey = challenge + `, error="invalid_token"`
)

// login lets pass who has a key, and finds out the user. The key is looked up
// for every request, so a user who is removed is out at once.
func login(users *userRepository, r *weft.Request) (User, error) {
	key, given := bearer(r.Header())
	if !given {
		return User{}, weft.Unauthenticated(challenge, "Send your API key as a bearer token.")
	}
	user, err := users.userWith(r.Context(), key)
	if errors.Is(err, errUnknownKey) {
		return User{}, weft.Unauthenticated(challengeWrongKey, "This API key is not valid.").WithCause(err)
	}
	// Any other error goes on as it is. It is no Denial, so weft takes it for a failure: the answer is
	// a 500, and not a 401 that would make clients throw good keys away while the database is down.
	return user, err
}

// bearer is the key in the field Authorization, and whether one was given. Of
// two fields nobody could say which counts, so they are a key that nobody has.
func bearer(h http.Header) (key apiKey, given bool) {
	fields := h.Values("Authorization")
	if len(fields) != 1 {
		return "", len(fields) > 1
	}
	scheme, rest, _ := strings.Cut(fields[0], " ")
	if !strings.EqualFold(scheme, "Bearer") { // RFC 9110 section 11.1
		return "", false
	}
	return apiKey(strings.TrimSpace(rest)), true
}
