package wefttest_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// recorder is a test that keeps what fails in it, and goes on.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	logged   []string
	cleanups []func()
}

// record runs a test, also one that ends itself, and what it leaves for its end.
func record(t *testing.T, test func(t testing.TB)) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for len(r.cleanups) > 0 {
				last := r.cleanups[len(r.cleanups)-1]
				r.cleanups = r.cleanups[:len(r.cleanups)-1]
				last()
			}
		}()
		test(r)
	}()
	<-done
	r.mu.Lock()
	defer r.mu.Unlock() // goroutines that the test has left may have failed it
	return &recorder{TB: t, failures: slices.Clone(r.failures), logged: slices.Clone(r.logged)}
}

func (r *recorder) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, text)
}

func (r *recorder) Helper()                           {}
func (r *recorder) Error(args ...any)                 { r.add(strings.TrimSuffix(fmt.Sprintln(args...), "\n")) }
func (r *recorder) Errorf(format string, args ...any) { r.add(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); r.FailNow() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); r.FailNow() }
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Log(args ...any) { r.Logf("%s", fmt.Sprintln(args...)) }
func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logged = append(r.logged, fmt.Sprintf(format, args...))
}

func (r *recorder) FailNow() {
	runtime.Goexit()
}

// found fails t unless one of the failures has the text.
func (r *recorder) found(t *testing.T, sentence string) {
	t.Helper()
	for _, f := range r.failures {
		if strings.Contains(f, sentence) {
			return
		}
	}
	assert.Fail(t, "the failure was not found", "%q is not in:\n%s", sentence, strings.Join(r.failures, "\n"))
}

// clean fails t where anything failed.
func (r *recorder) clean(t *testing.T) {
	t.Helper()
	assert.Empty(t, r.failures)
}
