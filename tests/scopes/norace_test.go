//go:build !race

package scopes_test

// requestsOfACell are sent to each cell of the matrix.
const requestsOfACell = 1000
