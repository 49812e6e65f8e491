package main

import (
	"log/slog"

	"github.com/weft-go/weft"
)

// logDenials writes a line for each request that a guard says no to: which
// guard and why, and who it was where that is known. What a guard lets pass is in the access
// log, and weft itself logs a guard that fails.
func logDenials(r *weft.Request, d weft.Decision) {
	if d.Verdict != weft.VerdictDenied {
		return
	}
	ctx := r.Context()
	weft.Logger(ctx).LogAttrs(ctx, slog.LevelInfo, "denied", append(userAttr(r), slog.String("decision", d.String()))...)
}

// userAttr is the attribute "user", where login has found out who it is.
func userAttr(r *weft.Request) []slog.Attr {
	user, known := currentUser.Get(r)
	if !known {
		return nil
	}
	return []slog.Attr{slog.String("user", user.String())}
}
