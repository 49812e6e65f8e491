//go:build unix

package main

import (
	"errors"
	"os/exec"
	"syscall"
)

// apart puts the process into a group of its own: what a terminal sends to all of its group, the function gets from lambdalocal, once.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// terminate asks the process to end, with those that it has started.
func terminate(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// kill ends the process, with those that it has started.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// isWritten reports that a program could not be started because it is being written.
func isWritten(err error) bool { return errors.Is(err, syscall.ETXTBSY) }
