// Command tracing prints what spans cost: switched off, not sampled and sampled, beside otelhttp. See command middleware for how it measures.
//
//	go run ./bench/cmd/tracing
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/tracing"
)

func main() {
	rounds := flag.Int("rounds", 60, "how often each handler gets its turn")
	slice := flag.Duration("slice", 20*time.Millisecond, "about how long a turn is")
	flag.Parse()

	call, sides := tracing.Call(), tracing.Contenders()
	if err := sidebyside.Same(call, sides); err != nil {
		fmt.Fprintln(os.Stderr, "the answers differ:", err)
		os.Exit(1)
	}
	fmt.Printf("%s, %s/%s, %d processors; %d rounds of %v\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds, *slice)
	report(call, sides, sidebyside.Measure(call, sides, *rounds, *slice))
}

func report(call *sidebyside.Call, sides []sidebyside.Contender, times sidebyside.Times) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "a POST with five middleware\tns\tmore than without\tmiddle half\tallocations")
	own := func(ns []float64) float64 { return ns[0] }
	more := func(ns []float64) float64 { return ns[1] - ns[0] }
	for i, side := range sides {
		ns, _, _ := sidebyside.Median(times.Per(own, i))
		added, lower, upper := sidebyside.Median(times.Per(more, tracing.Untraced, i))
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f to %.0f\t%.0f\n", side.Name, ns, added, lower, upper, sidebyside.Allocations(call, side.Handler))
	}
	ratio := func(what string, f func(ns []float64) float64, indexes ...int) {
		value, lower, upper := sidebyside.Median(times.Per(f, indexes...))
		fmt.Fprintf(w, "%s\t%.3f\t\t%.3f to %.3f\n", what, value, lower, upper)
	}
	fmt.Fprintln(w)
	ratio("off, of without", func(ns []float64) float64 { return ns[1] / ns[0] }, tracing.Untraced, tracing.Off)
	ratio("without again, of without", func(ns []float64) float64 { return ns[1] / ns[0] }, tracing.Untraced, tracing.Again)
	spans := func(ns []float64) float64 { return (ns[1] - ns[0]) / (ns[2] - ns[0]) }
	ratio("a request's span, of otelhttp's", spans, tracing.Untraced, tracing.Sampled, tracing.SampledOTel)
	ratio("the same, not sampled", spans, tracing.Untraced, tracing.Unsampled, tracing.UnsampledOTel)
	ratio("a stage's span, of otelhttp's", func(ns []float64) float64 {
		return (ns[2] - ns[1]) / tracing.Stages / (ns[3] - ns[0])
	}, tracing.Untraced, tracing.Sampled, tracing.SampledStages, tracing.SampledOTel)
	_ = w.Flush()
}
