package streams_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// feedApp has a feed that loses its connection after three events and can be resumed, and one that fails.
func feedApp(answers chan<- string) *weft.App {
	app := quiet()
	type event = weft.Event[row]
	app.Handle("GET /feed", weft.Handle(func(_ context.Context, in struct {
		Last int `header:"Last-Event-ID"`
	}) (weft.Stream[event], error) {
		return func(yield func(event, error) bool) {
			for id := in.Last + 1; id <= in.Last+3; id++ {
				if !yield(event{ID: strconv.Itoa(id), Name: "placed", Data: row{id, "line\nline"}}, nil) {
					return
				}
			}
			if in.Last >= 3 {
				yield(event{}, &weft.Error{Status: http.StatusGone, Code: "over"})
				return
			}
			panic(http.ErrAbortHandler)
		}, nil
	}))
	app.Handle("GET /quiet", weft.Handle(func(ctx context.Context, _ struct{}) (weft.Stream[event], error) {
		return func(func(event, error) bool) { <-ctx.Done() }, nil
	}))
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.HTML(`<!doctype html><title>feed</title><script>
			const got = [], tell = () => fetch("/result", {method: "POST", body: JSON.stringify(got), headers: {"Content-Type": "application/json"}})
			new EventSource("/quiet").onopen = () => got.push("quiet is open")
			const feed = new EventSource("/feed")
			feed.addEventListener("placed", e => got.push(e.lastEventId + " " + JSON.parse(e.data).text.split("\n").length))
			feed.addEventListener("error", e => { if (e.data) { feed.close(); got.push(JSON.parse(e.data).code); setTimeout(tell, 500) } })
			</script>`), nil
	}))
	app.Handle("POST /result", weft.Handle(func(_ context.Context, got []string) (struct{}, error) {
		text, err := json.Marshal(got)
		answers <- string(text)
		return struct{}{}, err
	}))
	return app
}

// program is a client of the machine's, which the test cannot do without.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	fmt.Fprintf(os.Stderr, "\n*** NOT RUN: %s needs %s, which is not installed ***\n\n", t.Name(), strings.Join(names, " or "))
	return ""
}

// A browser opens, reads, loses, resumes and ends a feed.
func TestABrowserReadsEvents(t *testing.T) {
	browser := program(t, "chromium", "chromium-browser", "google-chrome")
	if browser == "" {
		return
	}
	answers := make(chan string, 1)
	s := serve(t, feedApp(answers), 1)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-port=0", s.url+"/")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var said strings.Builder
	cmd.Stderr = &said
	cmd.WaitDelay = 5 * time.Second
	require.NoError(t, cmd.Start())
	select {
	case got := <-answers:
		assert.JSONEq(t, `["quiet is open", "1 2", "2 2", "3 2", "4 2", "5 2", "6 2", "over"]`, sorted(got))
	case <-ctx.Done():
		t.Errorf("the browser told nothing: %s", said.String())
	}
	cancel()
	_ = cmd.Wait()
}

// sorted puts what belongs to another feed first.
func sorted(list string) string {
	var all, rest []string
	_ = json.Unmarshal([]byte(list), &all)
	first := []string{}
	for _, one := range all {
		if strings.HasPrefix(one, "quiet") {
			first = append(first, one)
		} else {
			rest = append(rest, one)
		}
	}
	text, _ := json.Marshal(append(first, rest...))
	return string(text)
}

func TestCurlReadsStreams(t *testing.T) {
	curl := program(t, "curl")
	if curl == "" {
		return
	}
	s := serve(t, feedApp(nil), 1)
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, curl, append([]string{"-sS", "-N", "--noproxy", "*"}, args...)...).CombinedOutput()
		return string(out), err
	}
	out, err := run("-H", "Last-Event-ID: 3", s.url+"/feed")
	require.NoError(t, err, out)
	assert.Equal(t, 3, strings.Count(out, "event: placed"))
	assert.Contains(t, out, `event: error`)
	assert.Contains(t, out, `"code":"over"`)
	out, err = run(s.url + "/feed")
	assert.Error(t, err, "the body has no end")
	assert.Contains(t, out, "id: 3\n")
	assert.Contains(t, out, "curl: (18)")
	out, err = run("-H", "Accept: application/x-ndjson", "-H", "Last-Event-ID: 3", s.url+"/feed")
	assert.Error(t, err, "no end either")
	assert.Equal(t, 3, strings.Count(out, `{"id":`))
}

// A client of Go's own reads each item before the next is made, over both versions of HTTP.
func TestGoReadsItemByItem(t *testing.T) {
	for _, version := range []int{1, 2} {
		step := make(chan int)
		app := quiet()
		app.Handle("GET /", weft.Handle(func(ctx context.Context, _ struct{}) (rows, error) {
			return func(yield func(row, error) bool) {
				for n := range step {
					if !yield(row{n, ""}, nil) {
						return
					}
				}
			}, nil
		}))
		s := serve(t, app, version)
		go func() { step <- 0 }()
		resp := s.open(t, t.Context(), "/", "application/json")
		assert.Equal(t, version, resp.ProtoMajor)
		items := json.NewDecoder(resp.Body)
		_, err := items.Token()
		require.NoError(t, err)
		for n := range 5 {
			var got row
			require.NoError(t, items.Decode(&got))
			require.Equal(t, n, got.N)
			if n < 4 {
				step <- n + 1
			}
		}
		close(step)
		_, err = items.Token()
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
	}
}
