package process_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/weft-go/weft/bench/internal/process"
)

// TestMain lets the test's own program be the process that answers.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "child" {
		if process.Serve(os.Stdin, os.Stdout, answer) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func program(t *testing.T) *process.Program {
	t.Helper()
	p, err := process.Copy()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestACopyIsGoneWhenItIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p, err := process.Copy()
	if err != nil {
		t.Fatal(err)
	}
	left := func() int {
		files, err := os.ReadDir(os.Getenv("TMPDIR"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if n := left(); runtime.GOOS != "windows" && n != 1 {
		t.Errorf("%d files", n)
	}
	if err := p.Remove(); err != nil || left() != 0 {
		t.Errorf("%v, %d files", err, left())
	}
}

type told struct{ Word, Got string }

func answer(word string) (told, error) {
	switch word {
	case "wrong":
		return told{}, errors.New("that is wrong")
	case "end":
		os.Exit(3)
	case "processors":
		return told{word, processors()}, nil
	}
	return told{word, word + "!"}, nil
}

func TestAProcessAnswers(t *testing.T) {
	p, err := program(t).Start("child")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two"} {
		var got told
		if err := p.Ask(word, &got); err != nil || got != (told{word, word + "!"}) {
			t.Errorf("%s: %+v, %v", word, got, err)
		}
		if err := p.Ask("wrong", &got); err == nil || err.Error() != "that is wrong" {
			t.Errorf("an error: %v", err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Ask("one", new(told)); err == nil || !strings.Contains(err.Error(), "the process has ended") {
		t.Errorf("of one that was closed: %v", err)
	}
}

func TestAProcessThatEndsIsAnError(t *testing.T) {
	p, err := program(t).Start("child")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ask("end", new(told)); err == nil || !strings.Contains(err.Error(), "the process has ended") {
		t.Error(err)
	}
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Error(err)
	}
}

func TestWhatIsNoQuestionIsAnError(t *testing.T) {
	var out bytes.Buffer
	if err := process.Serve(strings.NewReader(`"one" 2`), &out, answer); err == nil || !strings.Contains(out.String(), "one!") {
		t.Errorf("%s, %v", out.String(), err)
	}
}

// Only the process that is started is kept on one processor; who starts it goes on with all.
func TestAProcessHasOneProcessor(t *testing.T) {
	before, self := processors(), program(t)
	for range 10 {
		p, err := self.StartOnOneProcessor("child")
		if err != nil {
			t.Fatal(err)
		}
		var got told
		if err := p.Ask("processors", &got); err != nil {
			t.Fatal(err)
		}
		if want := "GOMAXPROCS 1"; !strings.Contains(got.Got, want) || runtime.GOOS == "linux" && !strings.Contains(got.Got, "1 to run on") {
			t.Errorf("it has %s", got.Got)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if after := processors(); after != before {
		t.Errorf("who started them has %s, and had %s", after, before)
	}
	p, err := self.Start("child")
	if err != nil {
		t.Fatal(err)
	}
	var got told
	if err := p.Ask("processors", &got); err != nil || got.Got != before {
		t.Errorf("one that may have all has %s, not %s: %v", got.Got, before, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// processors says how many there are for this process, as its system and Go see them.
func processors() string {
	return fmt.Sprintf("%d to run on, GOMAXPROCS %d", runtime.NumCPU(), runtime.GOMAXPROCS(0))
}
