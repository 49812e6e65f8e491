package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

// exportBatch is how many orders are read at once.
const exportBatch = 200

// exports answers with all orders of a tenant, however many there are. It reads them while they are sent, a batch at a
// time, each batch in a transaction of its own: a client that reads slowly keeps neither the others waiting, nor a picture of
// the whole database alive. So an export is no picture of one moment. It has every order once that is
// there from its beginning to its end, each as it was when its batch was read.
type exports struct{ db *database }

func newExports(db *database) *exports { return &exports{db} }

// exporting is a request for all orders that a filter lets through.
type exporting struct {
	ofTenant
	Filter
}

// lines is sent as one line of JSON for each order, or as an array where the client prefers that.
func (e *exports) lines(ctx context.Context, in exporting) (weft.Stream[Order], error) {
	return e.all(ctx, in), nil
}

// all reads the orders by their numbers, which only grow: none is met twice, and none is passed over.
func (e *exports) all(ctx context.Context, in exporting) weft.Stream[Order] {
	return func(yield func(Order, error) bool) {
		var last int64
		for {
			batch, err := e.after(ctx, in, last)
			if err != nil {
				yield(Order{}, err)
				return
			}
			for _, order := range batch {
				if !yield(order, nil) {
					return
				}
				last = order.ID
			}
			if len(batch) < exportBatch {
				return
			}
		}
	}
}

func (e *exports) after(ctx context.Context, in exporting, last int64) (batch []Order, err error) {
	err = e.db.within(ctx, func(tx *Tx) error {
		batch, err = newOrderRepository(tx).after(ctx, in.Tenant, in.Filter, last, exportBatch)
		return err
	})
	return batch, err
}

// csv is sent as a table with a row for each item, which spreadsheets read.
func (e *exports) csv(ctx context.Context, in exporting) (weft.Response, error) {
	return weft.Writer("text/csv; charset=utf-8; header=present", func(w io.Writer) error {
		return writeTable(w, e.all(ctx, in))
	}).WithAttachment(fmt.Sprintf("orders of %s, %s.csv", in.Tenant, dateOf(time.Now()))), nil
}

var columns = []string{"order", "created", "customer", "status", "due", "paid", "note", "sku", "quantity", "unit_price", "price"}

// writeTable writes orders as CSV (RFC 4180).
func writeTable(w io.Writer, orders weft.Stream[Order]) error {
	table := csv.NewWriter(w)
	table.UseCRLF = true
	if err := table.Write(columns); err != nil {
		return err
	}
	for order, err := range orders {
		if err != nil {
			return err
		}
		for _, item := range order.Items {
			err := table.Write([]string{
				strconv.FormatInt(order.ID, 10), timeCell(order.Created), textCell(order.Customer), string(order.Status), dateCell(order.Due), timeCell(order.Paid), textCell(order.Note),
				textCell(item.SKU), strconv.FormatInt(item.Quantity, 10), item.UnitPrice.String(), item.price().String(),
			})
			if err != nil {
				return err // the client has left
			}
		}
	}
	table.Flush()
	return table.Error()
}

// textCell is what somebody wrote, as a spreadsheet takes it for text: what begins like a formula would be run as one by whoever opens the
// table. The apostrophe is how spreadsheets themselves mark text.
func textCell(text string) string {
	if strings.ContainsAny(firstOf(text), "=+-@\t\r\n＝＋－＠") {
		return "'" + text
	}
	return text
}

// firstOf is the first character behind leading spaces, which spreadsheets pass over.
func firstOf(text string) string {
	for _, r := range strings.TrimLeft(text, " ") {
		return string(r)
	}
	return ""
}

func timeCell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func dateCell(d Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
