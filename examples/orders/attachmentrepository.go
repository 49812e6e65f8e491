package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weft-go/weft"
)

// pieceSize is how many bytes of a file are written and read at once.
const pieceSize = 64 << 10

// attachmentRepository keeps attachments, in the request's transaction: what could not be kept to its last byte is not there.
type attachmentRepository struct{ tx *Tx }

func newAttachmentRepository(tx *Tx) *attachmentRepository { return &attachmentRepository{tx} }

// add gives the attachment its number, and keeps it with its content. It returns errNotFound where there is no such order.
func (r *attachmentRepository) add(ctx context.Context, tenant Tenant, order int64, a *Attachment, from io.Reader) error {
	if err := r.insert(ctx, tenant, order, a, from); err != nil {
		return fmt.Errorf("attaching to order %d: %w", order, err)
	}
	return nil
}

func (r *attachmentRepository) insert(ctx context.Context, tenant Tenant, order int64, a *Attachment, from io.Reader) (err error) {
	if a.ID, err = r.number(ctx, tenant, order); err != nil {
		return err
	}
	hash, err := hex.DecodeString(a.SHA256)
	if err != nil {
		return err
	}
	_, err = r.tx.ExecContext(ctx, `
		INSERT INTO attachments (tenant, order_id, id, title, filename, media_type, size, sha256, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		tenant, order, a.ID, a.Title, a.Filename, a.MediaType, a.Size, hash, a.Created.UnixMilli(),
	)
	if err != nil {
		return err
	}
	piece := make([]byte, pieceSize)
	for position := 0; ; position++ {
		n, err := io.ReadFull(from, piece)
		if n > 0 {
			_, kept := r.tx.ExecContext(ctx, `INSERT INTO pieces (tenant, order_id, attachment_id, position, content) VALUES (?, ?, ?, ?, ?)`,
				tenant, order, a.ID, position, piece[:n])
			if kept != nil {
				return kept
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// number is that of the order's next attachment. It is never used again.
func (r *attachmentRepository) number(ctx context.Context, tenant Tenant, order int64) (number int64, err error) {
	if err := r.tx.lock(ctx); err != nil {
		return 0, err
	}
	var there int
	rows, err := r.tx.QueryContext(ctx, `
		SELECT attached + 1, (SELECT count(*) FROM attachments WHERE tenant = ?1 AND order_id = ?2)
		FROM orders WHERE tenant = ?1 AND id = ?2`, tenant, order)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err has what matters
	if rows.Next() {
		err = rows.Scan(&number, &there)
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	switch {
	case number == 0:
		return 0, errNotFound
	case there >= maxAttachments:
		return 0, errTooManyAttachments
	}
	_, err = r.tx.ExecContext(ctx, `UPDATE orders SET attached = ? WHERE tenant = ? AND id = ?`, number, tenant, order)
	return number, err
}

// list returns what is attached to the order, or errNotFound.
func (r *attachmentRepository) list(ctx context.Context, tenant Tenant, order int64) ([]Attachment, error) {
	if _, err := read(ctx, r.tx, tenant, order); err != nil {
		return nil, fmt.Errorf("the attachments of order %d: %w", order, err)
	}
	return attachmentsOf(ctx, r.tx, tenant, order, weft.Opt[int64]{})
}

// delete removes an attachment, or returns errNoAttachment.
func (r *attachmentRepository) delete(ctx context.Context, tenant Tenant, order, id int64) error {
	result, err := r.tx.ExecContext(ctx, `DELETE FROM attachments WHERE tenant = ? AND order_id = ? AND id = ?`, tenant, order, id)
	if err == nil {
		var n int64
		if n, err = result.RowsAffected(); err == nil && n == 0 {
			err = errNoAttachment
		}
	}
	if err != nil {
		return fmt.Errorf("deleting attachment %d of order %d: %w", id, order, err)
	}
	return nil
}

// querier is a Tx or a database.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// attachmentsOf reads the attachment of that id, or all of the order where there is none.
func attachmentsOf(ctx context.Context, from querier, tenant Tenant, order int64, id weft.Opt[int64]) ([]Attachment, error) {
	failed := func(err error) ([]Attachment, error) {
		return nil, fmt.Errorf("reading the attachments of order %d: %w", order, err)
	}
	rows, err := from.QueryContext(ctx, `
		SELECT id, title, filename, media_type, size, sha256, created FROM attachments
		WHERE tenant = ?1 AND order_id = ?2 AND (?3 IS NULL OR id = ?3) ORDER BY id`, tenant, order, id.Ptr())
	if err != nil {
		return failed(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has what matters
	all := []Attachment{}
	for rows.Next() {
		var a Attachment
		var hash []byte
		var created int64
		if err := rows.Scan(&a.ID, &a.Title, &a.Filename, &a.MediaType, &a.Size, &hash, &created); err != nil {
			return failed(err)
		}
		a.SHA256, a.Created = hex.EncodeToString(hash), time.UnixMilli(created).UTC()
		all = append(all, a)
	}
	if err := rows.Err(); err != nil {
		return failed(err)
	}
	return all, nil
}

// content reads an attachment, a piece at a time, and from any place.
type content struct {
	ctx  context.Context
	db   *database
	of   attached
	size int64

	offset int64
	piece  []byte
	held   int64 // the position of piece, where there is one
}

// Read implements [io.Reader].
func (c *content) Read(p []byte) (int, error) {
	if c.offset >= c.size {
		return 0, io.EOF
	}
	if position := c.offset / pieceSize; c.piece == nil || position != c.held {
		err := c.db.QueryRowContext(c.ctx,
			`SELECT content FROM pieces WHERE tenant = ? AND order_id = ? AND attachment_id = ? AND position = ?`,
			c.of.Tenant, c.of.ID, c.of.Attachment, position,
		).Scan(&c.piece)
		if err != nil {
			c.piece = nil
			return 0, fmt.Errorf("reading piece %d of attachment %d of order %d: %w", position, c.of.Attachment, c.of.ID, err)
		}
		c.held = position
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := copy(p, c.piece[min(c.offset%pieceSize, int64(len(c.piece))):])
	if c.offset += int64(n); n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// Seek implements [io.Seeker].
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.offset
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("there is nothing before the beginning of a file")
	}
	c.offset = offset
	return offset, nil
}
