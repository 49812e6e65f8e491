package main

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMoneyIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text string
		want       Money
		canonical  string
	}{
		{"two decimals", "4.50", 450, "4.50"},
		{"one decimal", "4.5", 450, "4.50"},
		{"no decimals", "4", 400, "4.00"},
		{"nothing", "0", 0, "0.00"},
		{"a cent", "0.01", 1, "0.01"},
		{"a debt of a cent", "-0.01", -1, "-0.01"},
		{"a debt", "-12.30", -1230, "-12.30"},
		{"nothing has no sign", "-0.00", 0, "0.00"},
		{"a sum that a float64 would round", "90071992547409.93", 9007199254740993, "90071992547409.93"},
		{"the most", "92233720368547758.07", math.MaxInt64, "92233720368547758.07"},
		{"the least", "-92233720368547758.08", math.MinInt64, "-92233720368547758.08"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var m Money
			require.NoError(t, m.UnmarshalText([]byte(row.text)))
			assert.Equal(t, row.want, m)
			assert.Equal(t, row.canonical, m.String())
		})
	}
}

func TestWhatIsNoMoneyIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text string }{
		{"nothing", ""},
		{"a word", "tea"},
		{"not a number", "NaN"},
		{"an infinity", "Inf"},
		{"three decimals", "4.505"},
		{"three decimals that are zero", "4.500"},
		{"a point without decimals", "4."},
		{"decimals alone", ".50"},
		{"a sign alone", "-"},
		{"a plus", "+4.50"},
		{"an exponent", "4e2"},
		{"a number in base 16", "0x10"},
		{"leading zeros", "007"},
		{"a comma", "4,50"},
		{"groups of digits", "1_000"},
		{"a currency", "$4"},
		{"spaces", " 4"},
		{"a second line", "4\n"},
		{"digits of another script", "٤"},
		{"a cent too much", "92233720368547758.08"},
		{"a cent too little", "-92233720368547758.09"},
		{"far too much", "100000000000000000000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m := Money(7)
			assert.ErrorIs(t, m.UnmarshalText([]byte(row.text)), errMoney)
			assert.Equal(t, Money(7), m, "it stays as it was")
		})
	}
}

func TestMoneyIsTextInJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal([]Money{450, 0})
	require.NoError(t, err)
	assert.JSONEq(t, `["4.50","0.00"]`, string(text))
	var m Money
	assert.Error(t, json.Unmarshal([]byte(`4.5`), &m))
}

// FuzzMoney has seeds for both directions: text that is money or nearly, and amounts.
func FuzzMoney(f *testing.F) {
	for _, text := range []string{"", "0", "-0", "4.5", "4.50", "4.505", "-0.01", "007", "NaN", "1e9", "92233720368547758.07", "92233720368547758.08"} {
		f.Add(text, int64(450))
	}
	for _, cents := range []int64{0, 1, -1, 99, -100, math.MaxInt64, math.MinInt64} {
		f.Add("", cents)
	}
	f.Fuzz(func(t *testing.T, text string, cents int64) {
		var read Money
		require.NoError(t, read.UnmarshalText([]byte(Money(cents).String())))
		require.Equal(t, Money(cents), read)

		if read.UnmarshalText([]byte(text)) == nil {
			var again Money
			require.NoError(t, again.UnmarshalText([]byte(read.String())))
			require.Equal(t, read, again, text)
		}
	})
}
