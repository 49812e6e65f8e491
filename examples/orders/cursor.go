package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
)

// Cursor is a place in the list of orders, right after one of them. It names
// that order's place and not how many came before it, so that orders which are
// added or deleted meanwhile neither repeat nor hide others. The zero Cursor is the beginning.
//
// Its text is opaque: clients send back what they got.
type Cursor struct{ created, id int64 } // created in milliseconds since 1970

const errCursor = expectation("must be the next of an earlier answer")

// cursorAfter is the place right after order.
func cursorAfter(order Order) Cursor { return Cursor{order.Created.UnixMilli(), order.ID} }

// IsZero reports whether this is the beginning; the tag option omitzero asks.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// MarshalText is for cursors other than the zero Cursor, which no client needs.
func (c Cursor) MarshalText() ([]byte, error) {
	place := binary.BigEndian.AppendUint64(nil, uint64(c.created))
	place = binary.BigEndian.AppendUint64(place, uint64(c.id))
	return base64.RawURLEncoding.AppendEncode(nil, place), nil
}

// UnmarshalText reads what MarshalText writes, and nothing else.
func (c *Cursor) UnmarshalText(text []byte) error {
	place, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil || len(place) != 16 {
		return errCursor
	}
	read := Cursor{int64(binary.BigEndian.Uint64(place)), int64(binary.BigEndian.Uint64(place[8:]))}
	canonical, err := read.MarshalText()
	if err != nil || read.id < 1 || !bytes.Equal(canonical, text) { // base64 skips line breaks, for one
		return errCursor
	}
	*c = read
	return nil
}
