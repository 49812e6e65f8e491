package measure_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/measure"
	"github.com/weft-go/weft/bench/internal/process"
)

// TestMain lets the test's own program be the process that is measured.
func TestMain(m *testing.M) {
	if slug := os.Getenv("BENCH_TEST_CONTENDER"); slug != "" {
		c, _ := contenders.Named(slug)
		if measure.Serve(c, os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAProcessTakesTurns(t *testing.T) {
	t.Setenv("BENCH_TEST_CONTENDER", "best")
	p, err := process.Start()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"get", "parallel-get", "start-10", "get"} {
		var got measure.Taken
		err := p.Ask(measure.Turn{Workload: id, Slice: time.Millisecond}, &got)
		if err != nil || got.Calls < 1 || got.Nanoseconds <= 0 || got.Allocations < 1 || got.Bytes < 1 {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	if err := p.Ask(measure.Turn{Workload: "arounds-20"}, new(measure.Taken)); err == nil || !strings.Contains(err.Error(), "has no typed stages") {
		t.Errorf("what it does not do: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestAWrongAnswerInTheTimedLoopIsAnError(t *testing.T) {
	c, _ := contenders.Named("best")
	c.Shop = func() contest.App { return c.Routes(1) }
	var out bytes.Buffer
	turn, _ := json.Marshal(measure.Turn{Workload: "get", Slice: time.Millisecond})
	if err := measure.Serve(c, bytes.NewReader(turn), &out); err != nil || !strings.Contains(out.String(), "the last answer was 404, not 200") {
		t.Errorf("%s, %v", out.String(), err)
	}
}

func TestTheFasterTurnCounts(t *testing.T) {
	none, slow, fast := measure.Taken{}, measure.Taken{Calls: 1, Nanoseconds: 9}, measure.Taken{Calls: 1, Nanoseconds: 8}
	for _, c := range [][3]measure.Taken{{none, slow, slow}, {slow, none, slow}, {slow, fast, fast}, {fast, slow, fast}} {
		if got := c[0].Faster(c[1]); got != c[2] {
			t.Errorf("of %+v and %+v: %+v", c[0], c[1], got)
		}
	}
}
