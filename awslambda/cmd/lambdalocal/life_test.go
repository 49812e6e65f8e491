//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnInvocationThatFailsIsA502(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	before := l.facts("/").PID
	g := l.send("GET", "/error", "")
	require.NoError(t, g.err)
	assert.Equal(t, 502, g.status)
	assert.Equal(t, "application/json", g.header.Get("Content-Type"))
	assert.JSONEq(t, `{"message":"Internal Server Error"}`, g.body)
	l.out.waits(t, "GET /error: 502: errorString: no tea")
	assert.Equal(t, before, l.facts("/").PID, "the process is the same")
}

// A process that ends is another with the next request.
func TestAProcessThatEndsIsStartedAgain(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	before := l.facts("/").PID
	for path, reason := range map[string]string{"/exit": "has ended: exit status 3", "/panic": "no tea at all"} {
		g := l.send("GET", path, "")
		require.NoError(t, g.err)
		assert.Equal(t, 502, g.status)
		l.out.waits(t, "GET "+path+": 502: .*"+reason)
		after := l.facts("/").PID
		assert.NotEqual(t, before, after)
		gone(t, before)
		before = after
	}
}

func TestAnInvocationThatTimesOutEndsTheProcess(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"), "-timeout", "500ms")
	before := l.facts("/").PID
	waiting := make(chan got, 1)
	go func() {
		l.out.waits(t, "function: sleeps")
		waiting <- l.send("GET", "/", "")
	}()
	start := time.Now()
	g := l.send("GET", "/sleep", "")
	require.NoError(t, g.err)
	assert.Equal(t, 504, g.status)
	assert.JSONEq(t, `{"message":"Endpoint request timed out"}`, g.body)
	assert.GreaterOrEqual(t, time.Since(start), 500*time.Millisecond)
	l.out.waits(t, "timed out after 0.50 seconds")
	gone(t, before)
	after := <-waiting
	require.NoError(t, after.err)
	assert.Equal(t, 200, after.status, "what waited is the next process's")
}

// An invocation is over when the next event is asked for: until then its time runs, and the answer is given all the same.
func TestAnInvocationThatLingersEndsTheProcess(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("streams"), "-door", "function-url-stream", "-timeout", "2s")
	first := l.send("GET", "/linger", "")
	require.NoError(t, first.err)
	second := l.send("GET", "/", "")
	require.NoError(t, second.err)
	assert.Contains(t, second.body, "two of")
	assert.NotEqual(t, first.body, second.body, "another process")
	l.out.waits(t, "timed out after 2.00 seconds")
}

// What has answered and asked again has all the time that it needs until the next.
func TestAProcessThatIsIdleIsLeftAlone(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"), "-timeout", "1s")
	before := l.facts("/").PID
	time.Sleep(1500 * time.Millisecond)
	assert.Equal(t, before, l.facts("/").PID)
	assert.NotContains(t, l.out.String(), "timed out")
}

// Several at once are told when their time is over, and the process is left to the others.
func TestSeveralInvocationsAtOnce(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"), "-concurrency", "4", "-timeout", "2s")
	before := l.facts("/")
	assert.Equal(t, "4", before.Environment["AWS_LAMBDA_MAX_CONCURRENCY"])
	start := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { assert.Equal(t, 200, l.send("GET", "/nap", "").status) })
	}
	all.Wait()
	assert.Less(t, time.Since(start), 4*500*time.Millisecond, "one after the other")
	assert.Equal(t, 504, l.send("GET", "/sleep", "").status)
	assert.Equal(t, before.PID, l.facts("/").PID)
}

func TestOneInvocationAfterTheOther(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	l.facts("/")
	start := time.Now()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { assert.Equal(t, 200, l.send("GET", "/nap", "").status) })
	}
	all.Wait()
	assert.GreaterOrEqual(t, time.Since(start), 3*500*time.Millisecond)
}

// Who waits for a turn and goes, is forgotten; whose event was taken is not.
func TestAClientMayGoBeforeItsTurn(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("handles"))
	l.facts("/")
	dir := t.TempDir()
	go l.send("GET", "/doze", "")
	l.out.waits(t, "function: dozes")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, l.sendIn(ctx, "GET", "/touch"+dir+"/forgotten", "").err)
	l.facts("/")
	assert.NoFileExists(t, filepath.Join(dir, "forgotten"))
}

func TestAFunctionThatCannotStart(t *testing.T) {
	t.Parallel()
	t.Run("says so", func(t *testing.T) {
		t.Parallel()
		l := serveLocal(t, woven("FUNCTION_FAILS=error"))
		l.out.waits(t, "lambdalocal: the function cannot start: Weft.InitError: .*no database") // before any request
		g := l.send("GET", "/facts", "")
		require.NoError(t, g.err)
		assert.Equal(t, 502, g.status)
		assert.JSONEq(t, `{"message":"Internal Server Error"}`, g.body)
		l.out.waits(t, "GET /facts: 502: the function cannot start: Weft.InitError: .*no database")
		g = l.send("POST", invokes, "{}")
		assert.Equal(t, "Unhandled", g.header.Get("X-Amz-Function-Error"))
		assert.Contains(t, g.body, `"errorType":"Weft.InitError"`)
		l.out.waits(t, `(?s)(the function cannot start.*it is started again.*){3}`)
	})
	t.Run("ends", func(t *testing.T) {
		t.Parallel()
		l := serveLocal(t, plain("ends"))
		l.out.waits(t, "it ends at once")
		assert.Equal(t, 502, l.send("GET", "/", "").status)
		l.out.waits(t, "GET /: 502: the function's process has ended: exit status 4")
	})
	t.Run("says so, and stays", func(t *testing.T) {
		t.Parallel()
		l := serveLocal(t, plain("refuses"), "-init-timeout", "30s")
		start := time.Now()
		assert.Equal(t, 502, l.send("GET", "/", "").status)
		l.out.waits(t, "GET /: 502: the function cannot start: Tea: none")
		assert.Less(t, time.Since(start), 20*time.Second, "it was ended")
	})
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		l := serveLocal(t, plain("hangs"), "-init-timeout", "300ms")
		assert.Equal(t, 502, l.send("GET", "/", "").status)
		l.out.waits(t, "GET /: 502: the function has not asked for an event within 300ms: is it a Lambda function")
		assert.Contains(t, l.send("POST", invokes, "").body, "Sandbox.InitTimeout")
	})
}

// script is a program that calls the function with a variable of its environment.
func script(t *testing.T, path, version string) {
	t.Helper()
	text := fmt.Sprintf("#!/bin/sh\nVERSION=%s exec %s %s handles\n", version, plainProgram, asFunction)
	written := path + ".new"
	require.NoError(t, os.WriteFile(written, []byte(text), 0o700))
	require.NoError(t, os.Rename(written, path))
}

func TestAProgramThatIsBuiltAnewIsStarted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bootstrap")
	script(t, path, "1")
	l := serveLocal(t, []string{path})
	first := l.facts("/")
	assert.Equal(t, "1", first.Environment["VERSION"])
	assert.Equal(t, filepath.Dir(path), first.Environment["LAMBDA_TASK_ROOT"])
	assert.Equal(t, first.PID, l.facts("/").PID)

	under := make(chan got, 1)
	go func() { under <- l.send("GET", "/doze", "") }()
	l.out.waits(t, "function: dozes")
	script(t, path, "22")
	second := l.facts("/")
	assert.Equal(t, "22", second.Environment["VERSION"])
	assert.True(t, runs(first.PID))
	g := <-under
	require.NoError(t, g.err)
	assert.Equal(t, 200, g.status, "what was under way is answered by the one before")
	assert.Contains(t, g.body, strconv.Itoa(first.PID))
	gone(t, first.PID)

	// While it is being built, there is the one before; afterwards it is waited for.
	require.NoError(t, os.Remove(path))
	assert.Equal(t, second.PID, l.facts("/").PID)
	assert.Equal(t, 502, l.send("GET", "/exit", "").status)
	go func() {
		time.Sleep(500 * time.Millisecond)
		script(t, path, "333")
	}()
	assert.Equal(t, "333", l.facts("/").Environment["VERSION"])
}

func TestItEndsWithItsFunction(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	l := serveLocal(t, woven("FUNCTION_CLOSED="+closed))
	g := l.send("GET", "/facts", "")
	require.NoError(t, g.err)
	pid, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(g.body))
	require.NoError(t, err)
	l.end()
	assert.False(t, runs(pid))
	assert.FileExists(t, closed, "it was asked to end")
	assert.Error(t, l.send("GET", "/facts", "").err)
}

// One that does not end when it is asked to is ended, and what is under way is answered.
func TestItEndsAFunctionThatDoesNot(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, plain("stays"))
	pid := l.facts("/").PID
	under, waits := make(chan got, 1), make(chan got, 1)
	go func() { under <- l.send("GET", "/sleep", "") }()
	l.out.waits(t, "function: sleeps")
	go func() { waits <- l.send("GET", "/", "") }()
	l.send("POST", invokes, "{}", "X-Amz-Invocation-Type", "Event")
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	l.end()
	assert.GreaterOrEqual(t, time.Since(start), grace)
	assert.False(t, runs(pid))
	for _, c := range []chan got{under, waits} {
		g := <-c
		require.NoError(t, g.err)
		assert.Equal(t, 503, g.status)
	}
}

// What the function has started ends with it, also where that would run on.
func TestItEndsWhatTheFunctionHasStarted(t *testing.T) {
	t.Parallel()
	l := serveLocal(t, append([]string{"sh", "-c", `sleep 600 & echo "child $!"; exec "$@"`, "sh"}, plain("handles")...))
	function := l.facts("/").PID
	child, err := strconv.Atoi(l.out.waits(t, `child (\d+)`)[1])
	require.NoError(t, err)
	assert.True(t, runs(child))
	start := time.Now()
	l.end()
	assert.Less(t, time.Since(start), grace, "all were asked to end")
	assert.False(t, runs(function))
	gone(t, child)
}

func TestACommandLineThatIsWrong(t *testing.T) {
	t.Parallel()
	notRunnable := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(notRunnable, []byte("no program"), 0o700))
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-door", "back", "--", "true"}, 2, `there is no front door "back": -door is one of http-api, http-api-1, rest-api, rest-api-stream, function-url, function-url-stream, alb, alb-multi, lattice-1, lattice-2`},
		{[]string{}, 2, "which program?"},
		{[]string{"-timeout", "0", "--", "true"}, 2, "-timeout"},
		{[]string{"-concurrency", "0", "--", "true"}, 2, "-concurrency 0"},
		{[]string{"-nothing"}, 2, "flag provided but not defined"},
		{[]string{"-help"}, 0, "usage: lambdalocal [flags] -- program"},
		{[]string{"--", "./nothing"}, 1, "the function's program cannot be run: exec: \"./nothing\": stat ./nothing: no such file or directory"},
		{[]string{"-listen", "127.0.0.1:0", "--", notRunnable}, 1, "exec format error"},
		{[]string{"-listen", "nowhere:x", "--", "true"}, 1, "nowhere:x"},
	} {
		var out output
		assert.Equal(t, c.status, run(t.Context(), c.args, &out, &out), c.args)
		assert.Contains(t, out.String(), c.want)
	}
}

func TestThePageNamesTheFlagsAndDoors(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/lambda.md")
	require.NoError(t, err)
	new(options).flags(io.Discard).VisitAll(func(f *flag.Flag) {
		assert.Contains(t, string(page), "| `-"+f.Name+"` |")
		assert.Contains(t, string(page), f.DefValue, f.Name)
	})
	for _, n := range named {
		assert.Contains(t, string(page), "`"+n.name+"`")
	}
}

func TestTheEnvironmentOfTheFunction(t *testing.T) {
	t.Parallel()
	o := options{name: "fn", memory: 256, concurrency: 1}
	inherited := []string{"AWS_REGION=eu-central-1", "AWS_LAMBDA_FUNCTION_NAME=mine", "AWS_LAMBDA_MAX_CONCURRENCY=9", "AWS_LAMBDA_RUNTIME_API=elsewhere", "_X_AMZN_TRACE_ID=x", "TZ=Europe/Berlin", "A=1"}
	env := environment(o, "/task/bootstrap", "127.0.0.1:9", inherited)
	text := "\n" + strings.Join(env, "\n") + "\n"
	for _, want := range []string{"AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1", "AWS_LAMBDA_FUNCTION_NAME=mine", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/mine", "LAMBDA_TASK_ROOT=/task", "_HANDLER=bootstrap", "TZ=Europe/Berlin", "A=1", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9"} {
		assert.Equal(t, 1, strings.Count(text, "\n"+want+"\n"), want)
	}
	assert.Equal(t, 1, strings.Count(text, "AWS_REGION="))
	assert.Equal(t, 1, strings.Count(text, "AWS_LAMBDA_RUNTIME_API="))
	assert.NotContains(t, text, "AWS_LAMBDA_MAX_CONCURRENCY")
	assert.NotContains(t, text, "_X_AMZN_TRACE_ID")
	assert.Regexp(t, `\nAWS_LAMBDA_LOG_STREAM_NAME=\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}\n`, text)
	assert.Equal(t, "arn:aws:lambda:eu-central-1:123456789012:function:mine", arn(o, inherited))
	assert.Contains(t, environment(o, "/task/bootstrap", "x", nil), "AWS_REGION=us-east-1")
}
