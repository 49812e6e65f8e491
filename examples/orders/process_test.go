//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program is the test binary run as the program, with arguments. It is killed where ctx ends first.
func program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// served is a program that serves until it gets a signal.
type served struct {
	url     string
	printed string // before it served
	stop    func(syscall.Signal) error
}

var servingOn = regexp.MustCompile(`Serving on (http://\S+), `)

func startProgram(t *testing.T, args ...string) served {
	t.Helper()
	cmd := program(t.Context(), append(args, "-addr", "localhost:0")...)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	lines := bufio.NewReader(stdout)
	var printed strings.Builder
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, printed.String())
		printed.WriteString(line)
		if found := servingOn.FindStringSubmatch(line); found != nil {
			return served{found[1], printed.String(), func(sig syscall.Signal) error {
				require.NoError(t, cmd.Process.Signal(sig))
				_, _ = io.Copy(io.Discard, lines) // Wait closes the pipe
				return cmd.Wait()
			}}
		}
	}
}

func (s served) send(t *testing.T, method, path, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestTheProgramKeepsOrdersInAFileAndEndsOnASignal(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.db")

	first := startProgram(t, "-db", file)
	assert.Contains(t, first.printed, "POST /api/orders  create order")
	assert.Equal(t, http.StatusCreated, first.send(t, "POST", "/api/orders", teaForTwo).StatusCode)
	require.NoError(t, first.stop(syscall.SIGTERM))

	second := startProgram(t, "-db", file)
	assert.Equal(t, http.StatusOK, second.send(t, "GET", "/api/orders/1", "").StatusCode)
	require.NoError(t, second.stop(syscall.SIGINT))
}

func TestTheProgramRunsTheDemo(t *testing.T) {
	t.Parallel()
	cmd := program(t.Context(), "-demo")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Contains(t, string(out), "answers were as expected.\n")
	assert.Empty(t, stderr.String())
}

func TestTheProgramSaysThatItsAddressIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })

	out, err := program(t.Context(), "-addr", taken.Addr().String()).CombinedOutput()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 1, failed.ExitCode())
	assert.Regexp(t, `^orders: the address \S+ is taken by another program; choose another with -addr`, string(out))
}
