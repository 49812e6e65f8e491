package main

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a day of the calendar, without a time or a zone; its text is as in
// "2026-11-21" (RFC 3339, full-date). The zero Date is none. Dates compare with ==.
type Date struct{ midnight time.Time } // in UTC

const errDate = expectation(`must be a date such as "2026-11-21"`)

// dateOf is the day that t falls on in UTC.
func dateOf(t time.Time) Date {
	year, month, day := t.UTC().Date()
	return Date{time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// UnmarshalText never makes the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	midnight, err := time.Parse(time.DateOnly, string(text))
	if err != nil || midnight.IsZero() {
		return errDate
	}
	d.midnight = midnight
	return nil
}

// MarshalText is for dates other than the zero Date: leave that out, with omitzero.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Date) String() string         { return d.midnight.Format(time.DateOnly) }
func (d Date) IsZero() bool           { return d.midnight.IsZero() }
func (d Date) Before(other Date) bool { return d.midnight.Before(other.midnight) }

// Value is what a database keeps: the text, or NULL where there is no date.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.String(), nil
}

// Scan reads what Value wrote.
func (d *Date) Scan(kept any) error {
	switch kept := kept.(type) {
	case nil:
		*d = Date{}
		return nil
	case string:
		return d.UnmarshalText([]byte(kept))
	}
	return fmt.Errorf("a date is kept as text, not as a %T", kept)
}
