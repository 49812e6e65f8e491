package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/results"
)

// TestMain lets the test's own program be the processes that report starts of itself.
func TestMain(m *testing.M) {
	if len(os.Args) >= 2 && strings.HasPrefix(os.Args[1], "child-") {
		if run(context.Background(), os.Args[1:], os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// What a short run finds is worth nothing, but it is a whole run: of processes, rounds, servers, files and plots.
func TestAShortRunWritesEverything(t *testing.T) {
	folder := t.TempDir()
	o := options{
		quick: true, rounds: 2, inProcess: 100 * time.Millisecond, overTCP: 100 * time.Millisecond, out: folder,
		workloads: "^(get|post|list|start-10|services-[01])$", contenders: "weft,fiber",
	}
	err := o.report(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{
		"## weft's worst and best rows", "## Budgets", "## Time, against the best by hand", "## What each refuses", "## Allocations of one request",
		"## Throughput and latency over loopback", "| typed POST |", "fiber v3 *", "it has no services of a request", "![Time of one request", "results/latency-post.svg", "gofiber/fiber/v3 v3.",
	} {
		if !strings.Contains(string(text), said) {
			t.Errorf("RESULTS.md does not say %q", said)
		}
	}
	for _, plot := range []string{"time.svg", "allocations.svg", "latency-post.svg"} {
		wellFormed(t, filepath.Join(folder, "results", plot))
	}
	var p results.InProcess
	if found, err := results.Read(filepath.Join(folder, "results", inProcessFile), &p); !found || err != nil {
		t.Fatal(found, err)
	}
	for _, w := range []string{"get", "post", "list", "start-10", "services-1"} {
		if n := len(p.Sample(w, "weft").Nanoseconds); n != o.rounds {
			t.Errorf("%s: %d rounds", w, n)
		}
	}
	if len(p.Sample("services-1", "fiber").Nanoseconds) != 0 || len(p.Sample("invalid", "weft").Nanoseconds) != 0 {
		t.Error("something was measured that was not asked for, or that is not done")
	}
	before := string(text)
	if err := run(t.Context(), []string{"-render", "-out", folder}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "RESULTS.md")); err != nil || string(text) != before {
		t.Errorf("rendered anew it says something else: %v", err)
	}
}

func wellFormed(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	elements := 0
	for decoder := xml.NewDecoder(f); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		if _, ok := token.(xml.StartElement); ok {
			elements++
		}
	}
	if elements < 30 {
		t.Errorf("%s has %d elements", path, elements)
	}
}

func TestTwoFilesAreCompared(t *testing.T) {
	write := func(name string, ratio float64) string {
		s := results.Summary{Ratios: []results.Figure{{Workload: "get", Contender: "weft", Ratio: ratio, Low: ratio - 0.1, High: ratio + 0.1}}}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, far := write("a.json", 1.5), write("b.json", 1.55), write("c.json", 1.7)
	if err := run(t.Context(), []string{"-compare", a, b}, io.Discard); err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), []string{"-compare", a, far}, io.Discard); err == nil || !strings.Contains(err.Error(), "do not agree") {
		t.Errorf("%v", err)
	}
	for _, args := range [][]string{{"-compare", a}, {"-compare", a, a + ".no"}, {"-rounds", "9", "-quick"}, {"-contenders", "nobody"}, {"-run", "nothing"}, {"-run", "("}, {"stray"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q is no error", args)
		}
	}
}

func TestTheSliceFollowsThePace(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name                         string
		slice, took, mayTake, expect time.Duration
	}{
		{"as planned", 20 * ms, time.Second, time.Second, 20 * ms},
		{"too slow", 20 * ms, 2 * time.Second, time.Second, 10 * ms},
		{"too fast", 20 * ms, time.Second, 1500 * ms, 25 * ms},
		{"no time left", 3 * ms, time.Second, 0, 2 * ms},
		{"much too fast", 20 * ms, time.Second, time.Hour, 40 * ms},
	} {
		if got := paced(c.slice, c.took, c.mayTake, 100); got != c.expect {
			t.Errorf("%s: %v, not %v", c.name, got, c.expect)
		}
	}
}

func TestTheCommandIsToldWithoutFolders(t *testing.T) {
	for _, args := range [][]string{{"-quick", "-out", "/somewhere"}, {"-out=/somewhere", "-quick"}, {"--out", "/somewhere", "-quick"}} {
		if got := command(args); got != "go run ./bench/report -quick" {
			t.Errorf("%q: %q", args, got)
		}
	}
}

func TestWhoLetsPassIsMarkedWhereItMatters(t *testing.T) {
	p := &results.InProcess{Strictness: map[string][]int{}}
	probes := contest.Probes()
	for slug, lets := range map[string]string{"weft": "", "echo": "POST", "gin": "GET"} {
		for _, probe := range probes {
			status := probe.Status
			if probe.Request.Method == lets {
				status = 200
			}
			p.Strictness[slug] = append(p.Strictness[slug], status)
		}
	}
	b := &book{InProcess: p}
	for _, w := range contest.Workloads() {
		for slug, marked := range map[string]string{"weft": "", "echo": "post body invalid parallel-post", "gin": "get parallel-get"} {
			c, _ := contenders.Named(slug)
			if want := slices.Contains(strings.Fields(marked), w.ID); want != (b.lenient(&w, &c) != "") {
				t.Errorf("%s at %s: %v expected", slug, w.ID, want)
			}
		}
	}
}
