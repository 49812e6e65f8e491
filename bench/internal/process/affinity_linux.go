package process

import (
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// startOnOneProcessor lets the process inherit the thread's processors, which are the last one for that long.
func startOnOneProcessor(c *exec.Cmd) error {
	runtime.LockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("which processors there are: %w", err)
	}
	one.Set(last(&all))
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("keeping a process on one processor: %w", err)
	}
	err := c.Start()
	if unix.SchedSetaffinity(0, &all) == nil {
		runtime.UnlockOSThread() // otherwise the thread ends with its goroutine
	}
	return err
}

// last is that of the highest number: the first one often has to look after devices.
func last(set *unix.CPUSet) int {
	n := -1
	for left := set.Count(); left > 0; {
		if n++; set.IsSet(n) {
			left--
		}
	}
	return n
}
