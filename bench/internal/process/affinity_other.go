//go:build !linux

package process

import "os/exec"

// startOnOneProcessor leaves it to the system where the process runs.
func startOnOneProcessor(c *exec.Cmd) error { return c.Start() }
