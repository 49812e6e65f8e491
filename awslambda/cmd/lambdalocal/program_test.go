//go:build unix

package main

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program as it is called, and ended: by a terminal, which sends SIGINT to all of its group, and by SIGTERM.
func TestTheProgram(t *testing.T) {
	t.Parallel()
	built := filepath.Join(t.TempDir(), "lambdalocal")
	text, err := exec.Command("go", "build", "-o", built, ".").CombinedOutput()
	require.NoError(t, err, string(text))
	for _, c := range []struct {
		name   string
		call   []string
		signal func(pid int) error
	}{
		{"go run", []string{"go", "run", "./cmd/lambdalocal"}, func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) }},
		{"SIGTERM", []string{built}, func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }},
		{"SIGINT", []string{built}, func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append(append(c.call[1:], "-listen", "127.0.0.1:0", "-door", "rest-api", "--"), plain("handles")...)
			cmd := exec.Command(c.call[0], args...)
			out := &output{}
			cmd.Dir, cmd.Stdout, cmd.Stderr = "../..", out, out
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			require.NoError(t, cmd.Start())
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() {
				if t.Failed() {
					_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
					t.Log(out.String())
				}
			})
			l := &local{t: t, out: out, client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
			t.Cleanup(l.client.CloseIdleConnections)
			l.base = "http://" + out.waits(t, ` behind http://(\S+) as by the door rest-api;`)[1]
			g := l.send("POST", invokes, "{}")
			require.NoError(t, g.err)
			pid := pidIn(t, g.body)
			assert.True(t, runs(pid))
			assert.Equal(t, 502, l.send("GET", "/error", "").status)
			require.NoError(t, c.signal(cmd.Process.Pid))
			select {
			case err := <-ended:
				if c.call[0] == built {
					assert.NoError(t, err, "its status is 0")
				} else { // the go command ends with 1 where it was interrupted, and tells the status of the program where that is not 0
					assert.NotContains(t, out.String(), "exit status")
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it does not end")
			}
			assert.False(t, runs(pid))
		})
	}
}
