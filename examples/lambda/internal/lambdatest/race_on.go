//go:build race

package lambdatest

const race = true
