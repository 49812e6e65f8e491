// Command scopes prints what the services of a request cost, by weft, by hand and by samber/do, how long a graph of a
// thousand services takes to plan and build, and what a million requests leave behind. See command middleware for how it measures.
//
//	go run ./bench/cmd/scopes
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/scopes"
)

func main() {
	rounds := flag.Int("rounds", 40, "how often each way gets its turn")
	slice := flag.Duration("slice", 10*time.Millisecond, "about how long a turn is")
	requests := flag.Int("requests", 1_000_000, "to a route with three services; a fifth as many by Request.Scope")
	flag.Parse()
	if err := run(*rounds, *slice, *requests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(rounds int, slice time.Duration, requests int) error {
	fmt.Printf("%s, %s/%s, %d processors; %d rounds of %v\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds, slice)
	for _, n := range scopes.Counts {
		if err := cost(n, rounds, slice); err != nil {
			return err
		}
	}
	plan, build, err := scopes.Promote()
	if err != nil {
		return err
	}
	fmt.Printf("1000 services that are all promoted: planned in %v, built in %v\n\n", plan.Round(time.Microsecond), build.Round(time.Microsecond))
	if err := soak("three services", requests, false); err != nil {
		return err
	}
	return soak("three services, by Request.Scope", requests/5, true)
}

func cost(n, rounds int, slice time.Duration) error {
	contenders := scopes.Contenders(n)
	if err := sidebyside.Same(scopes.Call(), contenders); err != nil {
		return fmt.Errorf("the answers differ: %w", err)
	}
	times := sidebyside.Measure(scopes.Call(), contenders, rounds, slice)
	byHand := 2
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "services: %d\tns\tof by hand\tmiddle half\tns more for each\tallocations\n", n)
	for i, c := range contenders {
		ns, _, _ := sidebyside.Median(times[i])
		ratio, lower, upper := sidebyside.Median(times.Per(func(ns []float64) float64 { return ns[1] / ns[0] }, byHand, i))
		more, _, _ := sidebyside.Median(times.Per(func(ns []float64) float64 { return (ns[1] - ns[0]) / float64(n) }, 0, i))
		fmt.Fprintf(w, "%s\t%.0f\t%.2f x\t%.2f to %.2f\t%.0f\t%.0f\n",
			c.Name, ns, ratio, lower, upper, more, sidebyside.Allocations(scopes.Call(), c.Handler))
	}
	fmt.Fprintln(w)
	return w.Flush()
}

func soak(title string, requests int, byScope bool) error {
	begun := time.Now()
	levels, err := scopes.Soak(requests, 64, byScope)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s: %d requests from 64 goroutines in %v\n", title, requests, time.Since(begun).Round(time.Millisecond))
	fmt.Fprintln(w, "requests\theap KiB\tgoroutines\tchildren of the injector\t")
	for _, l := range levels {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t\n", l.Requests, l.HeapKiB, l.Goroutines, l.Children)
	}
	fmt.Fprintln(w)
	return w.Flush()
}
