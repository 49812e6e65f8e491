//go:build race

package streams_test

// The race detector makes everything ten times slower, and needs no large numbers.
const (
	million = 50_000
	left    = 200
)
