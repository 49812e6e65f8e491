// Command report measures weft beside what one would take instead, and writes what it found.
//
//	go run ./bench/report                       # everything, into bench/RESULTS.md: 14 to 28 minutes
//	go run ./bench/report -quick                # under 50 seconds, printed only
//	go run ./bench/report -tcp                  # servers over loopback alone
//	go run ./bench/report -sizes                # programs and how long they take to compile alone
//	go run ./bench/report -json > a.json        # the ratios, for -compare; prints progress to standard error
//	go run ./bench/report -compare a.json b.json
//	go run ./bench/report -render               # bench/RESULTS.md anew from what was measured last
//
// Before anything is timed, every contender's answers are compared, and one that is wrong ends the run.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/measure"
	"github.com/weft-go/weft/bench/internal/process"
	"github.com/weft-go/weft/bench/internal/results"
	"github.com/weft-go/weft/bench/internal/stats"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	quick, tcp, sizes, json, compare, render bool
	rounds                                   int
	inProcess, overTCP                       time.Duration
	workloads, contenders, out               string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 2 && args[0] == childMeasures {
		return child(args[1], func(c contest.Contender) error { return measure.Serve(c, os.Stdin, os.Stdout) })
	}
	if len(args) == 2 && args[0] == childServes {
		return child(args[1], serve)
	}
	if len(args) == 1 && args[0] == childSends {
		return process.Serve(os.Stdin, os.Stdout, send)
	}
	var o options
	flags := flag.NewFlagSet("report", flag.ExitOnError)
	flags.BoolVar(&o.quick, "quick", false, "fewer workloads and shorter turns, without programs to compile; nothing is written but where -out says so")
	flags.BoolVar(&o.tcp, "tcp", false, "only servers over loopback")
	flags.BoolVar(&o.sizes, "sizes", false, "only programs and how long they take to compile")
	flags.BoolVar(&o.json, "json", false, "print the ratios as JSON in place of tables")
	flags.BoolVar(&o.compare, "compare", false, "say whether two files that -json printed agree")
	flags.BoolVar(&o.render, "render", false, "measure nothing, write RESULTS.md from the results that are there")
	flags.IntVar(&o.rounds, "rounds", 0, "rounds, at least 10; each has a fresh process for each contender (30; 10 if -quick)")
	flags.DurationVar(&o.inProcess, "for", 0, "about how long to measure in process, without waiting for a machine that is disturbed (10m; 20s if -quick)")
	flags.DurationVar(&o.overTCP, "for-tcp", 0, "about how long to measure over TCP, likewise (4m; 6s if -quick)")
	flags.StringVar(&o.workloads, "run", "", "only workloads whose ID matches this expression; nothing is written but where -out says so")
	flags.StringVar(&o.contenders, "contenders", "", "only these, separated by commas, beside the best by hand; nothing is written but where -out says so")
	flags.StringVar(&o.out, "out", "", "the folder for RESULTS.md and results (the folder of this module)")
	_ = flags.Parse(args)
	if o.compare {
		return compare(flags.Args(), out)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("report takes no arguments but with -compare: %q", flags.Args())
	}
	if err := o.defaults(); err != nil {
		return err
	}
	return o.report(ctx, out)
}

// defaults fills in what was not said.
func (o *options) defaults() error {
	set := func(d *time.Duration, full, quick time.Duration) {
		if *d == 0 {
			if *d = full; o.quick {
				*d = quick
			}
		}
	}
	set(&o.inProcess, 10*time.Minute, 20*time.Second)
	set(&o.overTCP, 4*time.Minute, 6*time.Second)
	if o.rounds == 0 {
		if o.rounds = 30; o.quick {
			o.rounds = 10
		}
	}
	if o.rounds < 10 {
		return fmt.Errorf("%d rounds are too few: take 10 or more", o.rounds)
	}
	return nil
}

// warming is how many rounds come before those that count: a machine that has rested is slow for some seconds.
func (o *options) warming() int {
	if o.quick {
		return 0
	}
	return 1
}

// patience is how much longer than said something may take because the machine is disturbed. A quick run has none.
func (o *options) patience(length time.Duration) time.Duration {
	if o.quick {
		return 0
	}
	return length
}

// partial is whether what is measured is not what RESULTS.md is to tell.
func (o *options) partial() bool { return o.quick || o.workloads != "" || o.contenders != "" }

func (o *options) report(ctx context.Context, out io.Writer) error {
	workloads, entrants, err := o.chosen()
	if err != nil {
		return err
	}
	folder, err := o.folder()
	if err != nil {
		return err
	}
	var found book
	if folder != "" {
		if err := found.read(folder); err != nil {
			return err
		}
	}
	if !o.render {
		if found, err = o.measure(ctx, found, workloads, entrants); err != nil {
			return err
		}
	}
	if folder != "" {
		if err := found.write(folder); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "written:", filepath.Join(folder, "RESULTS.md"))
	}
	return o.print(&found, out)
}

// measure adds to the book what the options ask for.
func (o *options) measure(ctx context.Context, found book, workloads []contest.Workload, entrants []contest.Contender) (book, error) {
	all := !o.tcp && !o.sizes
	if o.partial() {
		found = book{} // what is printed is what was measured now
	}
	fmt.Fprintf(os.Stderr, "comparing the answers of %d contenders\n", len(entrants))
	for i := range entrants {
		if err := contest.Check(&entrants[i], workloads); err != nil {
			return book{}, fmt.Errorf("nothing was timed, because answers are wrong:\n%w", err)
		}
	}
	var err error
	if all {
		if found.InProcess, err = inProcess(ctx, o, workloads, entrants); err != nil {
			return book{}, err
		}
	}
	if all || o.tcp {
		if found.TCP, err = overTCP(ctx, o, workloads, entrants); err != nil {
			return book{}, err
		}
	}
	if o.sizes || all && !o.partial() {
		if found.Sizes, err = programs(ctx, entrants); err != nil {
			return book{}, err
		}
	}
	return found, nil
}

func (o *options) print(found *book, out io.Writer) error {
	if o.json {
		var workloads, slugs []string
		for _, w := range contest.Workloads() {
			workloads = append(workloads, w.ID)
		}
		for _, c := range contenders.All() {
			slugs = append(slugs, c.Slug)
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(results.Summarize(found.InProcess, found.TCP, workloads, slugs, contenders.Baseline))
	}
	_, err := io.WriteString(out, found.tables())
	return err
}

// chosen is what -run and -contenders leave. The best by hand stays, because ratios are made against it.
func (o *options) chosen() ([]contest.Workload, []contest.Contender, error) {
	expression, err := regexp.Compile(o.workloads)
	if err != nil {
		return nil, nil, err
	}
	workloads := slices.DeleteFunc(contest.Workloads(), func(w contest.Workload) bool {
		return !expression.MatchString(w.ID) || o.quick && o.workloads == "" && w.Long
	})
	entrants := contenders.All()
	if o.contenders != "" {
		wanted := strings.Split(o.contenders, ",")
		for _, slug := range wanted {
			if _, known := contenders.Named(slug); !known {
				return nil, nil, fmt.Errorf("no contender is called %q", slug)
			}
		}
		entrants = slices.DeleteFunc(entrants, func(c contest.Contender) bool {
			return c.Slug != contenders.Baseline && !slices.Contains(wanted, c.Slug)
		})
	}
	if len(workloads) == 0 {
		return nil, nil, fmt.Errorf("no workload matches %q", o.workloads)
	}
	return workloads, entrants, nil
}

// folder is where to write, "" for nowhere.
func (o *options) folder() (string, error) {
	if o.out != "" {
		return o.out, os.MkdirAll(filepath.Join(o.out, "results"), 0o755)
	}
	if o.partial() {
		return "", nil
	}
	folder, err := moduleFolder()
	if err != nil {
		return "", err
	}
	return folder, os.MkdirAll(filepath.Join(folder, "results"), 0o755)
}

// moduleFolder is where this module is.
func moduleFolder() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/weft-go/weft/bench").Output()
	if err != nil {
		return "", fmt.Errorf("the folder of the module was not found; run this within the repository, or say -out: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// compare says whether two runs agree, and is an error where they do not.
func compare(files []string, out io.Writer) error {
	if len(files) != 2 {
		return fmt.Errorf("-compare takes two files that -json printed, not %d", len(files))
	}
	var runs [2]results.Summary
	for i, file := range files {
		if found, err := results.Read(file, &runs[i]); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		} else if !found {
			return fmt.Errorf("%s is not there", file)
		}
	}
	agreement := stats.Compare(runs[0].Figures(), runs[1].Figures())
	for _, told := range []struct {
		title string
		list  []string
	}{
		{"intervals without a point in common", agreement.Disjoint},
		{fmt.Sprintf("medians more than %.0f %% apart", 100*stats.MaxApart), agreement.Far},
		{"ratios that only one has", agreement.Missing},
	} {
		fmt.Fprintf(out, "%s: %d\n", told.title, len(told.list))
		for _, line := range told.list {
			fmt.Fprintln(out, "   ", line)
		}
	}
	fmt.Fprintf(out, "%d ratios compared, %.1f %% of the intervals overlap\n", agreement.Compared, 100*agreement.Overlap())
	if !agreement.OK() {
		return fmt.Errorf("the runs do not agree: at least %.0f %% of the intervals must overlap, and no medians be more than %.0f %% apart",
			100*stats.MinOverlap, 100*stats.MaxApart)
	}
	fmt.Fprintln(out, "the runs agree")
	return nil
}

// The first arguments of the processes that this command starts of itself.
const (
	childMeasures = "child-measures"
	childServes   = "child-serves"
	childSends    = "child-sends"
)

func child(slug string, do func(contest.Contender) error) error {
	c, known := contenders.Named(slug)
	if !known {
		return fmt.Errorf("no contender is called %q", slug)
	}
	return do(c)
}
