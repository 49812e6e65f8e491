//go:build !unix

package main

import "os/exec"

func apart(*exec.Cmd) {}

// terminate ends the process: there is no way to ask it.
func terminate(cmd *exec.Cmd) { kill(cmd) }

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func isWritten(error) bool { return false }
