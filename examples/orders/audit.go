package main

import (
	"context"
	"fmt"

	"github.com/weft-go/weft"
)

// audit keeps who changed what, in the same transaction as the change: there is neither
// without the other. It needs the transaction and the user, and so Build makes one for each request.
type audit struct {
	tx   *Tx
	user User
}

func newAudit(tx *Tx, user User) *audit { return &audit{tx, user} }

// record is an interceptor and not a middleware: it stands inside the stage that commits.
func (a *audit) record(r *weft.Request, next weft.Next) weft.Response {
	resp := next(r)
	if resp.Err() != nil {
		return resp // nothing has changed: it will be rolled back
	}
	if err := a.keep(r.Context(), r.HTTP().Method, r.HTTP().URL.Path, resp.Status()); err != nil {
		return weft.Fail(err)
	}
	return resp
}

// keep is for who has several transactions in one request, as an import has.
func (a *audit) keep(ctx context.Context, method, path string, status int) error {
	_, err := a.tx.ExecContext(ctx,
		`INSERT INTO audit (tenant, user, method, path, status, at) VALUES (?, ?, ?, ?, ?, ?)`,
		a.user.Tenant, a.user.Name, method, path, status, now().UnixMilli(),
	)
	if err != nil {
		return fmt.Errorf("keeping the audit: %w", err)
	}
	return nil
}
