package main

import (
	"log/slog"
	"strings"

	"github.com/weft-go/weft"
)

// accessLog writes one line for every request, when its answer has been sent or
// could not be. Needs is for the id in that line: with accessLog outside of
// requestID, the app does not build.
func accessLog() weft.Middleware {
	return weft.Finally("access log", logAccess, weft.Needs(currentRequestID))
}

func logAccess(r *weft.Request, sent weft.Sent) {
	ctx := r.Context()
	weft.Logger(ctx).LogAttrs(ctx, slog.LevelInfo, "answered", accessLine(r, sent)...)
}

// accessLine is what to say of a request, beside the route, which weft.Logger
// adds where there is one. Only where there is none it says the path: that may hold what should be in no log, and
// is another for each of a million orders.
func accessLine(r *weft.Request, sent weft.Sent) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", r.HTTP().Method),
		slog.Int("status", finalStatus(r, sent)),
		slog.Int64("bytes", sent.Bytes),
		slog.Duration("duration", sent.Duration),
	}
	if r.Route() == nil {
		attrs = append(attrs, slog.String("route", unmatched), slog.String("path", r.HTTP().URL.Path))
	}
	return attrs
}

// unmatched is the route of a request that has none. No pattern is without a
// slash, so it is no route's.
const unmatched = "unmatched"

// template is the pattern of a route without the method, as in "/quotes/{id}".
func template(route *weft.Route) string {
	if route == nil {
		return unmatched
	}
	pattern := route.Pattern()
	if _, path, found := strings.Cut(pattern, " "); found {
		return path
	}
	return pattern
}

const statusClientGone = 499 // nginx's number, as weft uses it

// finalStatus is what was sent; 499 where the client left before all was sent,
// 0 where the connection was dropped on purpose. A client that leaves before the
// answer is weft's to notice. One that leaves in the middle of it fails a write,
// and with that net/http ends the transport's context.
func finalStatus(r *weft.Request, sent weft.Sent) int {
	if sent.WriteErr != nil && r.HTTP().Context().Err() != nil {
		return statusClientGone
	}
	return sent.Status
}
