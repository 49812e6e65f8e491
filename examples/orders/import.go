package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

const (
	importBatch   = 500    // orders that are kept together
	importLines   = 20_000 // which bounds the report, too
	importLimit   = 16 << 20
	importReserve = 5 * time.Second // of sendTimeout, to keep what was read and say so
	lineErrors    = 10              // that are told of a line
)

// imports takes many orders, one on each line.
//
// Good lines are kept whatever is wrong with others, in a transaction for each batch of them. One for the whole would keep
// all who write waiting for a client that sends slowly; one for each line would be many times slower, as each waits for the disk. A batch
// is kept as soon as it is full, and nobody else waits while lines are read.
//
// So an import may end halfway: where the body breaks off, or the database fails. Then too each line that was kept is kept, and the answer says
// up to which line all are: either kept or told as bad. What is behind it is to be sent again, and nothing else.
type imports struct{ db *database }

func newImports(db *database) *imports { return &imports{db} }

// importing is drafts and who sends them. An Item knows on which line it was.
type importing struct {
	ofTenant
	User   User                          `value:""`
	Drafts weft.Stream[weft.Item[Draft]] `body:"stream"`
}

// ImportReport says what became of each line.
type ImportReport struct {
	Imported int       `json:"imported"` // how many orders were kept
	Done     int       `json:"done"`     // the last line of which the report tells; of an array, the last element
	Bad      []BadLine `json:"bad"`
}

// BadLine is a line that was not taken, and why.
type BadLine struct {
	Line   int         `json:"line"` // counted from 1, blank ones included
	Errors []LineError `json:"errors"`
}

// LineError is one thing that is wrong with a line.
type LineError struct {
	Pointer string `json:"pointer,omitzero"` // into the line (RFC 6901); left out for the line as a whole
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ImportStopped says that an import ended before its body did.
type ImportStopped struct {
	Report ImportReport
	Cause  error
}

func (e *ImportStopped) Error() string {
	return fmt.Sprintf("the import stopped behind line %d: %v", e.Report.Done, e.Cause)
}

func (e *ImportStopped) Unwrap() error { return e.Cause }

var (
	errTooManyLines  = &weft.Error{Status: http.StatusRequestEntityTooLarge, Code: "too_many_lines", Detail: fmt.Sprintf("An import has at most %d lines.", importLines)}
	errImportTooLong = &weft.Error{Status: http.StatusRequestTimeout, Code: "import_too_long", Detail: "The import took too long."}
)

// take reads to the end of the body, or to what stops it.
func (i *imports) take(ctx context.Context, in importing) (ImportReport, error) {
	run := &importRun{db: i.db, in: in, report: ImportReport{Bad: []BadLine{}}}
	stopped := run.readAll(ctx)
	if stopped = errors.Join(stopped, run.keep(ctx)); stopped != nil {
		return ImportReport{}, &ImportStopped{run.report, stopped}
	}
	return run.report, nil
}

// importRun is an import under way.
type importRun struct {
	db     *database
	in     importing
	batch  []Draft
	bad    []BadLine // found since the last batch was kept
	last   int       // line that was read
	read   int       // how many
	report ImportReport
}

func (i *importRun) readAll(ctx context.Context) error {
	deadline, limited := ctx.Deadline()
	for item, err := range i.in.Drafts {
		if i.read++; i.read > importLines {
			return errTooManyLines
		}
		bad, isBad := errors.AsType[*weft.ItemError](err)
		switch {
		case isBad:
			i.refuse(cmp.Or(bad.Line, bad.Index+1), bad.Err)
		case err != nil: // of the body as a whole
			return err
		default:
			i.add(cmp.Or(item.Line, item.Index+1), item.Value)
		}
		if len(i.batch) == importBatch {
			if err := i.keep(ctx); err != nil {
				return err
			}
		}
		if limited && time.Until(deadline) < importReserve {
			return errImportTooLong
		}
	}
	return nil
}

// add takes an order unless it breaks a rule that POST has, too.
func (i *importRun) add(line int, d Draft) {
	err := d.check(time.Now())
	if err == nil {
		err = mayTake(i.in.User, d)
	}
	if err != nil {
		i.refuse(line, err)
		return
	}
	i.batch, i.last = append(i.batch, d), line
}

func (i *importRun) refuse(line int, err error) {
	i.bad, i.last = append(i.bad, BadLine{line, lineErrorsOf(err)}), line
}

// keep keeps what was read, with the audit of it. Where it fails, the report ends where it ended before.
func (i *importRun) keep(ctx context.Context) error {
	if len(i.batch) > 0 {
		err := i.db.within(ctx, func(tx *Tx) error {
			orders := newOrderRepository(tx)
			for _, d := range i.batch {
				if _, err := orders.add(ctx, i.in.Tenant, d); err != nil {
					return err
				}
			}
			return newAudit(tx, i.in.User).keep(ctx, http.MethodPost, importPath(i.in.Tenant), http.StatusOK)
		})
		if err != nil {
			i.batch, i.bad, i.last = nil, nil, i.report.Done
			return fmt.Errorf("importing orders: %w", err)
		}
	}
	i.report.Imported += len(i.batch)
	i.report.Bad = append(i.report.Bad, i.bad...)
	i.report.Done = i.last
	i.batch, i.bad = i.batch[:0], nil
	return nil
}

// lineErrorsOf is what a client may know of what is wrong with a line.
func lineErrorsOf(err error) (all []LineError) {
	if invalid, ok := errors.AsType[*weft.InvalidRequest](err); ok {
		for _, f := range invalid.Fields[:min(len(invalid.Fields), lineErrors)] {
			all = append(all, LineError{withinLine(f.Pointer), f.Code, cmp.Or(message(nil, f), f.Message())})
		}
		return all
	}
	if told, ok := errors.AsType[*weft.Error](err); ok {
		pointer, _ := told.Extensions["pointer"].(string)
		return []LineError{{pointer, told.Code, told.Detail}}
	}
	return []LineError{{Code: "invalid", Message: "is not valid"}} // whatever it is, it is not for clients
}

// withinLine is a pointer without its first element, which is the index of the line.
func withinLine(pointer string) string {
	_, rest, deeper := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	if !deeper {
		return ""
	}
	return "/" + rest
}
