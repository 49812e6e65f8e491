//go:build !race

package streams_test

const (
	million = 1_000_000
	left    = 1000
)
