package wefttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// leakPatience is how long goroutines that are about to end get for it.
const leakPatience = 2 * time.Second

// NoLeaks fails the test where something that it started is still running when it
// ends: goroutines of the app or its stages, requests that hold a body or a connection, servers, tickers. Call it first, so that what the
// test closes in a Cleanup is closed by then:
//
//	func TestOrders(t *testing.T) {
//		wefttest.NoLeaks(t)
//		client := wefttest.New(t, app)
//
// It may be used in parallel tests: goroutines are told apart by profiler labels, which they
// inherit from the test's goroutine. So it must be called on that one, and a goroutine that sets labels of its own is not seen.
func NoLeaks(t testing.TB) {
	t.Helper()
	mark := newMark(t.Name())
	mark.label()
	t.Cleanup(func() {
		t.Helper()
		for _, g := range mark.linger(leakPatience) {
			t.Errorf("a goroutine that the test started is still running:%s", g)
		}
	})
}

// mark is a profiler label of the goroutine that made it and all that come from it.
type mark string

const markLabel = "wefttest"

func newMark(name string) mark { return mark(name + " " + rand.Text()) }

// label marks the calling goroutine, until it ends or gets another mark.
func (m mark) label() {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(markLabel, string(m))))
}

// linger returns the goroutines of the mark that do not end in time, but for the calling one.
func (m mark) linger(patience time.Duration) []string {
	for waited, pause := time.Duration(0), time.Millisecond; ; waited, pause = waited+pause, min(2*pause, 50*time.Millisecond) {
		running := m.running()
		if len(running) == 0 || waited >= patience {
			return running
		}
		time.Sleep(pause)
	}
}

// running is the stacks of the goroutines of the mark, but for the calling one.
func (m mark) running() []string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return nil // the buffer takes everything
	}
	var found []string
	for group := range strings.SplitSeq(profile.String(), "\n\n") {
		if !strings.Contains(group, fmt.Sprintf("%q:%q", markLabel, string(m))) {
			continue
		}
		var stack strings.Builder
		own := false
		for line := range strings.SplitSeq(group, "\n") {
			if fields := strings.Fields(line); len(fields) >= 4 && fields[0] == "#" && strings.HasPrefix(fields[1], "0x") {
				function, _, _ := strings.Cut(fields[2], "+0x")
				own = own || strings.HasSuffix(function, "wefttest.mark.running")
				fmt.Fprintf(&stack, "\n\t%s\n\t\t%s", function, strings.Join(fields[3:], " "))
			}
		}
		if !own && !systemGoroutine(stack.String()) {
			found = append(found, stack.String())
		}
	}
	return found
}

// systemGoroutine reports a goroutine that is started once for the whole process, by whoever is first.
func systemGoroutine(stack string) bool {
	return strings.Contains(stack, "os/signal.signal_recv") || strings.Contains(stack, "os/signal.loop") ||
		strings.Contains(stack, "runtime.ensureSigM")
}
