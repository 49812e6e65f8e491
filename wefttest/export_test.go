package wefttest

import (
	"net/http"
	"testing"

	"github.com/weft-go/weft"
)

// Stream is a client whose requests are answered by h in place of the app.
func Stream(t testing.TB, app *weft.App, h http.Handler) *Client {
	c := New(t, app)
	c.handler = h
	return c
}
