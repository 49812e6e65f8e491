package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/weft-go/weft/examples/lambda/internal/upstream"
)

// ErrNoRoute is that of a path, or a method, that there is not.
var ErrNoRoute = errors.New("no such route")

// most is how many comments are listed.
const most = 10

// Comments are those that another service keeps.
type Comments struct{ upstream *upstream.Service }

// NewComments is their constructor.
func NewComments(service *upstream.Service) *Comments { return &Comments{service} }

// Read is the function itself: GET /comments, and GET /comments/ and an id.
func (c *Comments) Read(ctx context.Context, visit Visit) (json.RawMessage, error) {
	id, one := strings.CutPrefix(visit.Path, "/comments/")
	switch {
	case visit.Method != http.MethodGet:
		return nil, ErrNoRoute
	case visit.Path == "/comments":
		return c.first(ctx)
	case one && id != "" && !strings.Contains(id, "/"):
		return c.upstream.Get(ctx, "/comments/"+quoted(id))
	}
	return nil, ErrNoRoute
}

func (c *Comments) first(ctx context.Context) (json.RawMessage, error) {
	text, err := c.upstream.Get(ctx, "/comments")
	if err != nil {
		return nil, err
	}
	var all []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all[:min(len(all), most)])
}

// quoted is text as a segment of a path in which nothing means anything.
func quoted(text string) string {
	switch text {
	case ".", "..":
		return strings.ReplaceAll(text, ".", "%2E")
	}
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
