package wefttest_test

import (
	"context"
	"fmt"
	"io"
)

func (t *testingT) Helper()                           {}
func (t *testingT) Name() string                      { return "Example" }
func (t *testingT) Context() context.Context          { return context.Background() }
func (t *testingT) Output() io.Writer                 { return io.Discard }
func (t *testingT) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *testingT) Log(...any)                        {}
func (t *testingT) Logf(string, ...any)               {}
func (t *testingT) Errorf(format string, args ...any) { t.Error(fmt.Sprintf(format, args...)) }
func (t *testingT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *testingT) Error(args ...any) {
	if t.show != nil {
		if *t.show--; *t.show < 0 {
			return
		}
	}
	fmt.Println(args...)
}
