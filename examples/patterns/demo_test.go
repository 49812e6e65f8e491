package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDemoShowsEveryPattern(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, demo(t.Context(), &out, script))
	for _, x := range script {
		assert.Contains(t, out.String(), x.title)
	}
	assert.Contains(t, out.String(), "All 19 answers were as expected.\n")
}

func TestTheDemoFailsWhereAnAnswerIsWrong(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := demo(t.Context(), &out, []exchange{{title: "Is there coffee?", method: "GET", path: "/coffee", status: 200}})
	assert.ErrorContains(t, err, "1. Is there coffee?: GET /coffee was answered 404 Not Found, expected 200 OK")
	assert.ErrorContains(t, err, "the log has 1 answers and 0 incidents, expected 1 and 1")
	assert.NotContains(t, out.String(), "were as expected")
}

func TestThePlayNoticesAWrongAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "later")
	}))
	t.Cleanup(server.Close)
	for _, row := range []struct {
		name     string
		exchange exchange
		want     string // "" where the answer is right
	}{
		{"as expected", exchange{status: 503, has: []string{"Retry-After: 60", "Content-Type: *", "Vary: "}, holds: []string{"late"}}, ""},
		{"another status", exchange{status: 200}, "was answered 503 Service Unavailable, expected 200 OK"},
		{"another header", exchange{status: 503, has: []string{"Retry-After: 1"}}, `was answered with Retry-After: "60", expected "1"`},
		{"no header", exchange{status: 503, has: []string{"Vary: *"}}, `was answered with Vary: "", expected "*"`},
		{"a header too many", exchange{status: 503, has: []string{"Retry-After: "}}, `was answered with Retry-After: "60", expected ""`},
		{"another body", exchange{status: 503, holds: []string{"now"}}, "was answered without now"},
	} {
		row.exchange.title, row.exchange.method, row.exchange.path = "When?", "GET", "/"
		err := play(t.Context(), io.Discard, server.URL, []exchange{row.exchange})
		if row.want == "" {
			assert.NoError(t, err, row.name)
			continue
		}
		assert.ErrorContains(t, err, "1. When?: GET / "+row.want, row.name)
	}
	server.Close()
	assert.ErrorContains(t, play(t.Context(), io.Discard, server.URL, script[:1]), "was not answered")
}

func TestTheLogOfTheDemoIsChecked(t *testing.T) {
	t.Parallel()
	const right = "level=INFO msg=serving\nmsg=answered request_id=a\n" + `msg="request failed" error="panic: oh incident X" request_id=a` + "\n"
	assert.NoError(t, checkLog(right, 1))
	assert.ErrorContains(t, checkLog(right, 2), "1 answers and 1 incidents, expected 2 and 1")
	assert.ErrorContains(t, checkLog(strings.ReplaceAll(right, " request_id=a", ""), 1), "without a request's id: msg=answered")
	assert.ErrorContains(t, checkLog(strings.Replace(right, "incident", "accident", 1), 1), "0 incidents")
}

// program is the test binary run as the program.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "OPERATOR_KEY=")
	return cmd
}

func TestTheProgramRunsTheDemo(t *testing.T) {
	t.Parallel()
	out, err := program(t, "-demo").Output()
	require.NoError(t, err)
	assert.Contains(t, string(out), "answers were as expected.\n")
}

func TestTheProgramSaysWhyItCannotServe(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	out, err := program(t, "-addr", taken.Addr().String()).CombinedOutput()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 1, failed.ExitCode())
	assert.Contains(t, string(out), "patterns: cannot serve on "+taken.Addr().String())
}
