package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Filter says which orders are listed: those that pass each of its parts. The
// zero value of a part lets all pass.
type Filter struct {
	Customer string    `query:"customer" validate:"max=200"`
	Status   []Status  `query:"status,csv" validate:"unique,dive,oneof=open shipped cancelled"`
	Since    time.Time `query:"since"`
	Until    time.Time `query:"until"` // exclusive, so that ranges can follow each other
	MinTotal Money     `query:"min_total" validate:"min=0"`
}

// Paging says which part of a list is wanted.
type Paging struct {
	Limit  int    `query:"limit" default:"20" validate:"min=1,max=100"`
	Cursor Cursor `query:"cursor"`
}

// Page is a part of a list, the newest orders first. Next is the cursor of the
// page that follows, and left out on the last one.
type Page struct {
	Orders []Order `json:"orders"`
	Next   Cursor  `json:"next,omitzero"`
}

// list returns the page of the tenant's orders that the filter lets through. A
// cursor is a place and no more: that of another tenant's list shows nothing of it.
func (o *orderRepository) list(ctx context.Context, tenant Tenant, filter Filter, paging Paging) (Page, error) {
	where := &conditions{}
	where.add(`tenant = ?`, tenant)
	filter.restrict(where)
	if after := paging.Cursor; !after.IsZero() {
		where.add(`(created, id) < (?, ?)`, after.created, after.id)
	}
	query := selectItems + `
		FROM (SELECT * FROM orders WHERE ` + where.String() + ` ORDER BY created DESC, id DESC LIMIT ?) o
		JOIN items i ON i.tenant = o.tenant AND i.order_id = o.id
		ORDER BY o.created DESC, o.id DESC, i.position`
	// One more than the page holds tells whether another follows.
	found, err := collect(o.tx.QueryContext(ctx, query, append(where.args, paging.Limit+1)...))
	if err != nil {
		return Page{}, fmt.Errorf("listing orders: %w", err)
	}
	if len(found) <= paging.Limit {
		return Page{Orders: found}, nil
	}
	found = found[:paging.Limit]
	return Page{found, cursorAfter(found[len(found)-1])}, nil
}

// after returns the tenant's next orders behind one of them, in the order of their numbers, up to a limit.
func (o *orderRepository) after(ctx context.Context, tenant Tenant, filter Filter, id int64, limit int) ([]Order, error) {
	where := &conditions{}
	where.add(`tenant = ? AND id > ?`, tenant, id)
	filter.restrict(where)
	found, err := collect(o.tx.QueryContext(ctx, selectItems+`
		FROM (SELECT * FROM orders WHERE `+where.String()+` ORDER BY id LIMIT ?) o
		JOIN items i ON i.tenant = o.tenant AND i.order_id = o.id
		ORDER BY o.id, i.position`, append(where.args, limit)...))
	if err != nil {
		return nil, fmt.Errorf("reading orders behind %d: %w", id, err)
	}
	return found, nil
}

func (f Filter) restrict(c *conditions) {
	if f.Customer != "" {
		c.add(`customer = ?`, f.Customer)
	}
	if len(f.Status) > 0 {
		wanted := make([]any, len(f.Status))
		for i, status := range f.Status {
			wanted[i] = status
		}
		c.add(`status IN (?`+strings.Repeat(`, ?`, len(wanted)-1)+`)`, wanted...)
	}
	if !f.Since.IsZero() {
		c.add(`created >= ?`, f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		c.add(`created < ?`, f.Until.UnixMilli())
	}
	if f.MinTotal > 0 {
		c.add(`total_cents >= ?`, f.MinTotal)
	}
}

// conditions are those of a WHERE clause. What a client sent is among the
// parameters, never in the text.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts = append(c.texts, text)
	c.args = append(c.args, args...)
}

func (c *conditions) String() string { return strings.Join(c.texts, ` AND `) }
