// Command typed prints what a typed POST and a typed GET cost on weft, beside
// the same written by hand for net/http. See command middleware for how it measures.
//
//	go run ./bench/cmd/typed
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/typed"
)

func main() {
	rounds := flag.Int("rounds", 100, "how often each handler gets its turn")
	slice := flag.Duration("slice", 25*time.Millisecond, "about how long a turn is")
	flag.Parse()
	if err := typed.Compare(); err != nil {
		fmt.Fprintln(os.Stderr, "the answers differ:", err)
		os.Exit(1)
	}
	fmt.Printf("%s, %s/%s, %d processors; %d rounds of %v\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds, *slice)

	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	report(w, "POST, JSON in and out", typed.Post(), *rounds, *slice)
	report(w, "GET, path and query, JSON out", typed.Get(), *rounds, *slice)
	_ = w.Flush()
}

func report(w *tabwriter.Writer, title string, call *sidebyside.Call, rounds int, slice time.Duration) {
	contenders := typed.Contenders()
	times := sidebyside.Measure(call, contenders, rounds, slice)
	fmt.Fprintf(w, "%s\tns\tof the first\tmiddle half\tallocations\n", title)
	for i, contender := range contenders {
		ns, _, _ := sidebyside.Median(times[i])
		ratio, lower, upper := sidebyside.Median(times.Per(func(ns []float64) float64 { return ns[1] / ns[0] }, 0, i))
		fmt.Fprintf(w, "%s\t%.0f\t%.2f x\t%.2f to %.2f\t%.0f\n",
			contender.Name, ns, ratio, lower, upper, sidebyside.Allocations(call, contender.Handler))
	}
	fmt.Fprintln(w)
}
