//go:build !race

package lambdatest

// race says whether programs are built with the race detector, as their tests are.
const race = false
