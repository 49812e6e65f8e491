package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"

	"github.com/weft-go/weft"
)

const (
	requestIDHeader  = "X-Request-Id"
	longestRequestID = 64
	requestIDLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
)

// currentRequestID is a key and no context value, so every view of the request
// has it, also one that a stage outside of requestID holds.
var currentRequestID = weft.NewKey[string]("request id")

// requestID gives every request an id, and tells it to the stages inside, the
// log and the client. An id that the client sent is kept where it is well formed.
func requestID() weft.Middleware {
	return weft.NewMiddleware("request id", func(r *weft.Request, next weft.Next) weft.Response {
		id := sentID(r.Header()[requestIDHeader])
		if id == "" {
			id = rand.Text()
		}
		currentRequestID.Set(r, id)
		return next(r).WithHeader(requestIDHeader, id)
	}, weft.Provides(currentRequestID))
}

// sentID is the client's id, or "" where it sent none, several, or what must not
// stand in our logs: a line break would forge a line, a megabyte would fill them.
func sentID(sent []string) string {
	if len(sent) != 1 || len(sent[0]) > longestRequestID || strings.Trim(sent[0], requestIDLetters) != "" {
		return ""
	}
	return sent[0]
}

// withRequestID adds "request_id" to every record that is logged with the context
// of a request, by whomever: weft logs failures with that context, too.
type withRequestID struct{ slog.Handler }

func (h withRequestID) Handle(ctx context.Context, record slog.Record) error {
	if id, ok := currentRequestID.From(ctx); ok {
		record = record.Clone() // a handler may be one of several that get the record
		record.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, record)
}

func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs)}
}

func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name)}
}
