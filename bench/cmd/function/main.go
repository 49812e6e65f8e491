// Command function prints what middleware around a plain function for AWS Lambda costs, traced and not, beside aws-lambda-go alone. See
// command middleware for how it measures.
//
//	go run ./bench/cmd/function
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/bench/function"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

func main() {
	rounds := flag.Int("rounds", 60, "how often each side gets its turn")
	slice := flag.Duration("slice", 20*time.Millisecond, "about how long a turn is")
	flag.Parse()

	call, sides := function.Call(), function.Contenders()
	if err := sidebyside.Same(call, sides); err != nil {
		fmt.Fprintln(os.Stderr, "the answers differ:", err)
		os.Exit(1)
	}
	fmt.Printf("%s, %s/%s, %d processors; %d rounds of %v\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds, *slice)
	times := sidebyside.Measure(call, sides, *rounds, *slice)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "an invocation\tns\tof aws-lambda-go alone\tmiddle half\tallocations")
	for i, side := range sides {
		ns, _, _ := sidebyside.Median(times.Per(func(ns []float64) float64 { return ns[0] }, i))
		ratio, lower, upper := sidebyside.Median(times.Per(func(ns []float64) float64 { return ns[1] / ns[0] }, 0, i))
		fmt.Fprintf(w, "%s\t%.0f\t%.3f\t%.3f to %.3f\t%.0f\n", side.Name, ns, ratio, lower, upper, sidebyside.Allocations(call, side.Handler))
	}
	_ = w.Flush()
}
