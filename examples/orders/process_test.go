//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
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
	cmd.Env = append(os.Environ(), asProgram+"=1", secretVariable+"=")
	return cmd
}

// served is a program that serves until it gets a signal.
type served struct {
	url     string
	printed string // before it served
	lines   *bufio.Reader
	stop    func(syscall.Signal) error
}

// readUntil is what is printed next, up to a line that is wanted.
func readUntil(t *testing.T, lines *bufio.Reader, wanted *regexp.Regexp) string {
	t.Helper()
	var printed strings.Builder
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, printed.String())
		printed.WriteString(line)
		if wanted.MatchString(line) {
			return printed.String()
		}
	}
}

var (
	servingOn   = regexp.MustCompile(`Serving on (http://\S+), `)
	lastHeading = regexp.MustCompile(`^At last:`)
	printedKey  = regexp.MustCompile(`orders_[A-Za-z0-9_-]{43}`)
)

func startProgram(t *testing.T, args ...string) served {
	t.Helper()
	cmd := program(t.Context(), append(args, "-addr", "localhost:0")...)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	lines := bufio.NewReader(stdout)
	printed := readUntil(t, lines, servingOn)
	return served{servingOn.FindStringSubmatch(printed)[1], printed, lines, func(sig syscall.Signal) error {
		require.NoError(t, cmd.Process.Signal(sig))
		_, _ = io.Copy(io.Discard, lines) // Wait closes the pipe
		return cmd.Wait()
	}}
}

func (s served) send(t *testing.T, key, method, path, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+key)
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

	added, err := program(t.Context(), "-db", file, "-add-user", "Mia", "-role", "manager", "-tenant", "acme").Output()
	require.NoError(t, err)
	key := printedKey.FindString(string(added))
	require.NotEmpty(t, key, string(added))

	first := startProgram(t, "-db", file)
	assert.Contains(t, first.printed, "POST /api/tenants/{tenant}/orders  create order")
	assert.Equal(t, http.StatusCreated, first.send(t, key, "POST", "/api/tenants/acme/orders", teaForTwo).StatusCode)
	require.NoError(t, first.stop(syscall.SIGTERM))

	second := startProgram(t, "-db", file)
	assert.Equal(t, http.StatusOK, second.send(t, key, "GET", "/api/tenants/acme/orders/1", "").StatusCode)
	require.NoError(t, second.stop(syscall.SIGINT))
}

func TestTheProgramPrintsKeysThatWork(t *testing.T) {
	t.Parallel()
	running := startProgram(t)
	rest := readUntil(t, running.lines, lastHeading)
	keys := printedKey.FindAllString(rest, -1)
	require.Len(t, keys, 2, rest)
	whose := func(key string) string {
		got, err := io.ReadAll(running.send(t, key, "GET", "/api/me", "").Body)
		require.NoError(t, err)
		return string(got)
	}
	assert.JSONEq(t, `{"name":"Mia","role":"manager","tenant":"acme"}`, whose(keys[0]))
	assert.JSONEq(t, `{"name":"Cleo","role":"clerk","tenant":"globex"}`, whose(keys[1]))
	assert.Contains(t, rest, "Payments are refused until ORDERS_WEBHOOK_SECRET is set.")
	assert.Equal(t, http.StatusServiceUnavailable, running.send(t, "", "POST", webhookPath, teaIsPaid).StatusCode)
	require.NoError(t, running.stop(syscall.SIGTERM))
}

func TestTheProgramSaysWhyItAddsNoUser(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.db")
	add := func(args ...string) error {
		out, err := program(t.Context(), append([]string{"-add-user", "Mia"}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	require.NoError(t, add("-db", file, "-tenant", "acme"))
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"there is one of that name", []string{"-db", file, "-tenant", "acme"}, `orders: acme has a user "Mia" already`},
		{"the role is unknown", []string{"-db", file, "-tenant", "acme", "-role", "boss"}, `orders: a user is a clerk, manager or admin, not "boss"`},
		{"the tenant is missing", []string{"-db", file}, "orders: a tenant is named by"},
		{"there is no file", []string{"-tenant", "acme"}, "orders: a user is added to a file, named by -db"},
	} {
		err := add(row.args...)
		var failed *exec.ExitError
		require.ErrorAs(t, err, &failed, row.name)
		assert.Equal(t, 1, failed.ExitCode(), row.name)
		assert.ErrorContains(t, err, row.want, row.name)
		assert.NotRegexp(t, printedKey, err.Error(), row.name)
	}
}

func TestTheProgramTakesNoSecretThatCanBeGuessed(t *testing.T) {
	t.Parallel()
	cmd := program(t.Context(), "-addr", "localhost:0")
	cmd.Env = append(cmd.Env, secretVariable+"=short")
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 1, failed.ExitCode())
	assert.Equal(t, "orders: ORDERS_WEBHOOK_SECRET is shorter than 16 bytes; make one with openssl rand -hex 32\n", string(out))
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
	assert.Regexp(t, `(?m)^orders: the address \S+ is taken by another program; choose another with -addr`, string(out))
}
