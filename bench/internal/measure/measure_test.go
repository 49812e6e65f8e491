package measure_test

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime/metrics"
	"slices"
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
	self, err := process.Copy()
	if err != nil {
		t.Fatal(err)
	}
	defer self.Remove()
	p, err := self.Start()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"get", "parallel-get", "start-10", "get"} {
		var got measure.Taken
		err := p.Ask(measure.Turn{Workload: id, Slice: time.Millisecond}, &got)
		if err != nil || got.Calls < 1 || got.Nanoseconds <= 0 || got.Allocations < 1 || got.Bytes < 1 || got.Pace <= 0 {
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

// While a turn lasts, some 100 MiB are made and forgotten here, no garbage is collected; before the next one it is.
func TestGarbageIsCollectedBetweenTurns(t *testing.T) {
	c, _ := contenders.Named("best")
	app := &littering{App: c.Shop()}
	c.Shop = func() contest.App { return app }
	turn, _ := json.Marshal(measure.Turn{Workload: "get", Slice: 50 * time.Millisecond})
	out := replies{then: func() { app.turns = append(app.turns, nil) }}
	if err := measure.Serve(c, bytes.NewReader(bytes.Repeat(turn, 3)), &out); err != nil {
		t.Fatal(err)
	}
	for i, seen := range app.turns[1:3] { // with the first one come the calls that make it ready
		if len(seen) != 1 {
			t.Errorf("turn %d has calls behind %v collections", i+1, seen)
		}
	}
	if len(app.turns) != 4 || app.turns[1][0] >= app.turns[2][0] {
		t.Errorf("none between the turns: %v", app.turns)
	}
}

// littering leaves garbage with each call, and knows behind how many collections there were calls, turn by turn.
type littering struct {
	contest.App
	turns   [][]uint64
	garbage *[1 << 14]byte
}

func (l *littering) Caller(contest.Request) func() int {
	l.turns = [][]uint64{nil}
	return func() int {
		l.garbage = new([1 << 14]byte)
		count := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
		metrics.Read(count)
		this := &l.turns[len(l.turns)-1]
		if now := count[0].Value.Uint64(); !slices.Contains(*this, now) {
			*this = append(*this, now)
		}
		return 200
	}
}

// replies does something with each reply.
type replies struct{ then func() }

func (r *replies) Write(p []byte) (int, error) {
	r.then()
	return len(p), nil
}

func TestThePaceIsThatOfTheProcessor(t *testing.T) {
	fastest := measure.Pace(1)
	for range 100 {
		fastest = min(fastest, measure.Pace(1))
	}
	if fastest < 1_000 || fastest > 10_000_000 {
		t.Errorf("%v ns", fastest)
	}
	if both := measure.Pace(2); both < fastest {
		t.Errorf("two take %v ns, and one by itself %v", both, fastest)
	}
}
