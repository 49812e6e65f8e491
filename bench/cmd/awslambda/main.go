// Command awslambda prints what an event costs, from its JSON to the answer's: by weft, behind aws-lambda-go-api-proxy, and by hand; and how long a built function
// takes from the start of its process to its first answer. See command middleware for how it measures.
//
//	go run ./bench/cmd/awslambda
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/bench/awslambda"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

func main() {
	rounds := flag.Int("rounds", 60, "how often each side gets its turn")
	slice := flag.Duration("slice", 20*time.Millisecond, "about how long a turn is")
	starts := flag.Int("starts", 30, "how often each function is started")
	flag.Parse()

	fmt.Printf("%s, %s/%s, %d processors; %d rounds of %v\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds, *slice)
	for _, form := range awslambda.Forms() {
		if err := form.Same(); err != nil {
			fmt.Fprintln(os.Stderr, "the answers differ:", err)
			os.Exit(1)
		}
		call, sides := sidebyside.NewCall("POST", "/", ""), form.Contenders()
		report(form.Name, call, sides, sidebyside.Measure(call, sides, *rounds, *slice))
	}
	queue := awslambda.Queue(-1)
	for _, form := range []awslambda.Form{queue, awslambda.Queue(3)} {
		if err := form.SameFailures(); err != nil {
			fmt.Fprintln(os.Stderr, "the answers differ:", err)
			os.Exit(1)
		}
	}
	call, sides := sidebyside.NewCall("POST", "/", ""), queue.Contenders()
	report(queue.Name, call, sides, sidebyside.Measure(call, sides, *rounds, *slice))
	if err := coldStarts(*starts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func report(name string, call *sidebyside.Call, sides []sidebyside.Contender, times sidebyside.Times) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nan event of %s\tns\tweft's share of it\tmiddle half\tallocations\n", name)
	for i, side := range sides {
		ns, _, _ := sidebyside.Median(times.Per(func(ns []float64) float64 { return ns[0] }, i))
		ratio, lower, upper := sidebyside.Median(times.Per(func(ns []float64) float64 { return ns[0] / ns[1] }, awslambda.Weft, i))
		fmt.Fprintf(w, "%s\t%.0f\t%.2f x\t%.2f to %.2f\t%.0f\n", side.Name, ns, ratio, lower, upper, sidebyside.Allocations(call, side.Handler))
	}
	_ = w.Flush()
}
