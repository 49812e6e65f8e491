package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"regexp"
	"time"

	"github.com/weft-go/weft"
)

const requestIDHeader = "X-Request-ID"

// wellFormed bounds what a client may write into our logs and answers.
var wellFormed = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type requestIDKey struct{}

// requestID gives every request an id, the client's own where it is well
// formed, and tells it to the stages inside, the log and the client.
func requestID() weft.Middleware {
	return weft.NewMiddleware("request id", func(r *weft.Request, next weft.Next) weft.Response {
		id := r.Header().Get(requestIDHeader)
		if !wellFormed.MatchString(id) {
			id = rand.Text()
		}
		ctx := context.WithValue(r.Context(), requestIDKey{}, id)
		return next(r.WithContext(ctx)).WithHeader(requestIDHeader, id)
	})
}

// requestIDOf is the id of the request that ctx derives from, or "".
func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// accessLog writes one line for every request, when its answer has been sent. It
// stands outside login, but by then the user is known, or never will be: so it Reads the key, and does not need it.
func accessLog() weft.Middleware {
	return weft.Finally("access log", logAccess, weft.Inside("request id"), weft.Reads(currentUser))
}

// logAccess leaves two attributes to the logger: weft adds the route, and
// requestIDHandler the id.
func logAccess(r *weft.Request, sent weft.Sent) {
	ctx := r.Context()
	weft.Logger(ctx).LogAttrs(ctx, slog.LevelInfo, "answered", append(userAttr(r),
		slog.String("method", r.HTTP().Method),
		slog.String("path", r.HTTP().URL.Path),
		slog.Int("status", sent.Status),
		slog.Int64("bytes", sent.Bytes),
		slog.Duration("duration", sent.Duration),
	)...)
}

// reference puts the request's id into problem documents: who reports a
// failure quotes the body, not the header.
func reference() weft.Middleware {
	return weft.OnError("reference", func(r *weft.Request, resp weft.Response, _ error) weft.Response {
		if resp.Header().Get("Content-Type") != "application/problem+json" {
			return resp // an exception mapper made something else of the error
		}
		body, err := resp.Render()
		if err != nil {
			return resp
		}
		var problem map[string]any
		if json.Unmarshal(body, &problem) != nil {
			return resp
		}
		problem["request_id"] = requestIDOf(r.Context())
		if body, err = json.Marshal(problem); err != nil {
			return resp
		}
		return resp.WithBody(resp.Header().Get("Content-Type"), body)
	}, weft.Inside("request id"))
}

// noStore keeps orders out of caches (RFC 9111 section 5.2.2.5).
func noStore() weft.Middleware {
	return weft.After("no store", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("Cache-Control", "no-store")
	})
}

// deadline bounds everything inside it. Handler.Timeout bounds the handler
// alone, and the guard login asks the database, too.
func deadline(d time.Duration) weft.Middleware {
	return weft.NewMiddleware("deadline", func(r *weft.Request, next weft.Next) weft.Response {
		ctx, cancel := context.WithTimeout(r.Context(), d)
		defer cancel()
		return next(r.WithContext(ctx))
	})
}
