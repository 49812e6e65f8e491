package main

import (
	"regexp"
	"strconv"
	"strings"
)

// Money is an amount in cents. Its text, which is also its form in JSON and in
// a query, is a decimal such as "4.50". A JSON number would be rounded by many a reader.
type Money int64

const errMoney = expectation(`must be an amount in text, such as "4.50"`)

var moneyText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]{1,2})?$`)

// UnmarshalText reads at most two decimals, and no more cents than an int64 holds.
func (m *Money) UnmarshalText(text []byte) error {
	if !moneyText.Match(text) {
		return errMoney
	}
	whole, decimals, _ := strings.Cut(string(text), ".")
	cents, err := strconv.ParseInt(whole+(decimals + "00")[:2], 10, 64)
	if err != nil {
		return errMoney // the only reason left is that it is too large
	}
	*m = Money(cents)
	return nil
}

// MarshalText always writes two decimals.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

func (m Money) String() string {
	digits, negative := strings.CutPrefix(strconv.FormatInt(int64(m), 10), "-")
	digits = strings.Repeat("0", max(0, len("000")-len(digits))) + digits
	point := len(digits) - len("00")
	text := digits[:point] + "." + digits[point:]
	if negative {
		return "-" + text
	}
	return text
}

// ValidatorValue lets validate tags, and the answers that quote them, speak of
// whole units: max=1000 is "1000.00". A float64 is exact enough to compare with these.
func (m Money) ValidatorValue() any { return float64(m) / 100 }
