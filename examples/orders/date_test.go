package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func date(t *testing.T, text string) (d Date) {
	t.Helper()
	require.NoError(t, d.UnmarshalText([]byte(text)))
	return d
}

func TestADateIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2026-11-21", "2024-02-29", "0001-01-02", "9999-12-31"} {
		assert.Equal(t, text, date(t, text).String())
		assert.False(t, date(t, text).IsZero())
	}
}

func TestWhatIsNoDateIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text string }{
		{"nothing", ""},
		{"a word", "tomorrow"},
		{"a day that there is not", "2026-02-29"},
		{"a month that there is not", "2026-13-01"},
		{"a time", "2026-11-21T00:00:00Z"},
		{"another order", "21-11-2026"},
		{"short numbers", "2026-1-2"},
		{"a long year", "12026-01-01"},
		{"the zero Date", "0001-01-01"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := date(t, "2026-11-21")
			assert.ErrorIs(t, d.UnmarshalText([]byte(row.text)), errDate)
			assert.Equal(t, date(t, "2026-11-21"), d, "it stays as it was")
		})
	}
}

func TestADateIsThatOfUTC(t *testing.T) {
	t.Parallel()
	late := time.Date(2026, 11, 21, 23, 0, 0, 0, time.FixedZone("west", -2*60*60))
	assert.Equal(t, date(t, "2026-11-22"), dateOf(late))
	assert.True(t, dateOf(late) == date(t, "2026-11-22"), "dates compare with ==")
	assert.True(t, date(t, "2026-11-21").Before(dateOf(late)))
}

func TestADatabaseKeepsADateAsText(t *testing.T) {
	t.Parallel()
	for _, d := range []Date{{}, date(t, "2026-11-21")} {
		kept, err := d.Value()
		require.NoError(t, err)
		read := date(t, "2000-01-01")
		require.NoError(t, read.Scan(kept))
		assert.Equal(t, d, read)
	}
	var d Date
	assert.ErrorContains(t, d.Scan(int64(7)), "not as a int64")
	assert.ErrorIs(t, d.Scan("soon"), errDate)
}
