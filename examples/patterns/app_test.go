package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheStagesStandInTheirOrder(t *testing.T) {
	t.Parallel()
	app, err := newApp(settings{"key", []string{page}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Empty(t, plan.Warnings)
	var names []string
	for _, stage := range plan.App {
		names = append(names, stage.Name)
	}
	assert.Equal(t, []string{"request id", "access log", "timing", "security headers", "cors", "maintenance"}, names)
}

func TestOriginsThatAreNoneAreToldBeforeItServes(t *testing.T) {
	t.Parallel()
	_, err := newApp(settings{"key", []string{"app.example", "https://b/"}}, slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, `CORS: "app.example" is not an origin`)
	assert.ErrorContains(t, err, `"https://b/" is not an origin`)
}

func theApp(t *testing.T) *site {
	t.Helper()
	app, err := newApp(settings{"key", []string{page}}, (&logged{}).logger())
	require.NoError(t, err)
	return serving(t, app)
}

func TestOnlyOperatorsGetToTheSwitchAndTheMetrics(t *testing.T) {
	t.Parallel()
	s := theApp(t)
	for _, header := range [][]string{nil, {"Authorization: Bearer"}, {"Authorization: Bearer wrong"}, {"Authorization: key"}, {"Authorization: Basic key"}} {
		for _, method := range []string{"PUT", "DELETE"} {
			got := s.call(t, method, maintenancePath, `{"minutes":5}`, header...)
			assert.Equal(t, 401, got.status, header)
			assert.Equal(t, `Bearer realm="operators"`, got.header.Get("Www-Authenticate"))
		}
		assert.Equal(t, 401, s.call(t, "GET", metricsPath, "", header...).status)
	}
	assert.Equal(t, 200, s.call(t, "GET", "/quotes/1", "").status, "nobody has switched it on")
}

// An app without a key would otherwise let in who sends an empty one.
func TestAnEmptyKeyIsNobodys(t *testing.T) {
	t.Parallel()
	assert.Error(t, operators("").Allow(request(t, "GET", "/", "Authorization: Bearer ")))
	assert.NoError(t, operators("key").Allow(request(t, "GET", "/", "Authorization: Bearer key")))
}

func TestMaintenanceIsSwitchedWhileItServes(t *testing.T) {
	t.Parallel()
	s := theApp(t)
	const key = "Authorization: Bearer key"
	assert.Equal(t, 422, s.call(t, "PUT", maintenancePath, `{"minutes":0}`, key).status)
	assert.Equal(t, 204, s.call(t, "PUT", maintenancePath, `{"minutes":5}`, key).status)
	got := s.call(t, "GET", "/quotes/1", "", "Origin: "+page)
	assert.Equal(t, 503, got.status)
	assert.Equal(t, "300", got.header.Get("Retry-After"))
	assert.Equal(t, page, got.header.Get(allowOrigin), "a script can read when to come back")
	assert.Contains(t, got.header.Get("Access-Control-Expose-Headers"), "Retry-After")
	assert.Equal(t, 204, s.call(t, "OPTIONS", "/quotes/1", "", "Origin: "+page, "Access-Control-Request-Method: PUT").status)
	assert.Equal(t, 200, s.call(t, "GET", healthPath, "").status)
	assert.Contains(t, s.call(t, "GET", metricsPath, "", key).body, `route="unmatched",status="5xx"} 1`)
	assert.Equal(t, 204, s.call(t, "DELETE", maintenancePath, "", key).status)
	assert.Equal(t, 200, s.call(t, "GET", "/quotes/1", "").status)
}

func TestQuotesAreReadAndAdded(t *testing.T) {
	t.Parallel()
	s := theApp(t)
	for _, path := range []string{"/quotes/0", "/quotes/2", "/quotes/-1"} {
		assert.Equal(t, 404, s.call(t, "GET", path, "").status)
	}
	const ada = `{"author":"Ada Lovelace","text":"That brain of mine is something more than merely mortal."}`
	got := s.call(t, "POST", "/quotes", ada)
	assert.Equal(t, 201, got.status)
	assert.JSONEq(t, ada, s.call(t, "GET", got.header.Get("Location"), "").body)
	for range 98 {
		require.Equal(t, 201, s.call(t, "POST", "/quotes", ada).status)
	}
	assert.Equal(t, 409, s.call(t, "POST", "/quotes", ada).status)
}

// TestTheCurlLinesWork serves as the program does, and sends what it prints.
func TestTheCurlLinesWork(t *testing.T) {
	t.Parallel()
	printed, out := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		assert.NoError(t, serve(ctx, out, "localhost:0", settings{"key", []string{page}}, slog.New(slog.DiscardHandler)))
		_ = out.Close()
	})
	t.Cleanup(all.Wait)
	t.Cleanup(stop)

	s := &site{Server: &httptest.Server{}, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	var text strings.Builder
	lines := bufio.NewScanner(printed)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "  curl ") && strings.HasSuffix(lines.Text(), metricsPath) { // the last of them
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, printed) }()
	want := []int{200, 404, 422, 500, 204, 200, 401, 204, 503, 200, 204, 200}
	curls := regexp.MustCompile(`(?m)^  curl (.*)$`).FindAllStringSubmatch(text.String(), -1)
	require.Len(t, curls, len(want), text.String())
	for i, line := range curls {
		method, url, content, header := curl(strings.ReplaceAll(line[1], `"$key"`, `'Authorization: Bearer key'`))
		assert.Equal(t, want[i], s.call(t, method, url, content, header...).status, line[0])
	}
}

var words = regexp.MustCompile(`'[^']*'|\S+`)

// curl understands the options of the lines that are printed.
func curl(line string) (method, url, content string, header []string) {
	method = "GET"
	args := words.FindAllString(line, -1)
	for i := 0; i < len(args); i++ {
		value := func() string { i++; return strings.Trim(args[i], "'") }
		switch args[i] {
		case "-i", "-s":
		case "-X":
			method = value()
		case "-H":
			header = append(header, value())
		case "--json":
			content = value()
			if method == "GET" {
				method = "POST"
			}
		default:
			url = args[i]
		}
	}
	return method, url, content, header
}
