//go:build race

package scopes_test

// requestsOfACell are sent to each cell of the matrix; the race detector is slow.
const requestsOfACell = 192
