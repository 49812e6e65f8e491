package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACursorIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []Cursor{{1, 1}, {1795219200000, 42}, {-1, 1}, {1<<63 - 1, 1<<63 - 1}} {
		text, err := c.MarshalText()
		require.NoError(t, err)
		assert.Regexp(t, `^[A-Za-z0-9_-]+$`, string(text), "it needs no escapes in a URL")
		var read Cursor
		require.NoError(t, read.UnmarshalText(text))
		assert.Equal(t, c, read)
	}
}

func TestWhatIsNoCursorIsRefused(t *testing.T) {
	t.Parallel()
	good, err := Cursor{1, 42}.MarshalText()
	require.NoError(t, err)
	of := func(bytes string) string { return base64.RawURLEncoding.EncodeToString([]byte(bytes)) }
	for _, row := range []struct{ name, text string }{
		{"nothing", ""},
		{"a number", "42"},
		{"another alphabet", "!" + string(good[1:])},
		{"a part of one", string(good[:20])},
		{"more than one", string(good) + "AAAA"},
		{"padding", string(good) + "=="},
		{"a line break within", string(good[:4]) + "\n" + string(good[4:])},
		{"bits that are not used", string(good[:21]) + "h"},
		{"no order", of(strings.Repeat("\x00", 16))},
		{"an order before the first", of(strings.Repeat("\xff", 16))},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := Cursor{1, 42}
			assert.ErrorIs(t, c.UnmarshalText([]byte(row.text)), errCursor)
			assert.Equal(t, Cursor{1, 42}, c, "it stays as it was")
		})
	}
}

// FuzzCursor checks that a cursor has one text: what is read is written the same.
func FuzzCursor(f *testing.F) {
	for _, c := range []Cursor{{1, 1}, {1795219200000, 42}, {0, 0}, {-1, -1}} {
		text, err := c.MarshalText()
		require.NoError(f, err)
		f.Add(string(text))
	}
	for _, text := range []string{"", "42", "AAAABogCevPcAAAAAAAAAAg", "AAABogCevPcAAAAAAAAAAh", "AAAB\nogCevPcAAAAAAAAAAg=="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Cursor
		if c.UnmarshalText([]byte(text)) != nil {
			return
		}
		require.False(t, c.IsZero(), "the beginning has no text")
		again, err := c.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(again))
	})
}
