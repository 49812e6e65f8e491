// Command middleware prints what one middleware more costs on weft, beside net/http.
//
//	go run ./bench/cmd/middleware
//
// All handlers take turns in many short rounds, and the figures are medians of
// the rounds, so that a busy machine makes them wider rather than wrong. Of
// the two kinds of figures, times and ratios, trust the ratios.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/bench/middleware"
)

func main() {
	rounds := flag.Int("rounds", 60, "how often each handler gets its turn")
	slice := flag.Duration("slice", 25*time.Millisecond, "about how long a turn is")
	flag.Parse()

	call, contenders := middleware.Call(), middleware.Contenders()
	if err := sidebyside.Same(call, contenders); err != nil {
		fmt.Fprintln(os.Stderr, "the answers differ:", err)
		os.Exit(1)
	}
	fmt.Printf("%s, %s/%s, %d processors; %d rounds of %v\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds, *slice)
	report(call, contenders, sidebyside.Measure(call, contenders, *rounds, *slice))
}

// index finds the contender of a side with Counts[count] middleware.
func index(side, count int) int { return count*len(middleware.Sides) + side }

func report(call *sidebyside.Call, contenders []sidebyside.Contender, times sidebyside.Times) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "ns per request with\t")
	for _, n := range middleware.Counts {
		fmt.Fprintf(w, "%d\t", n)
	}
	fmt.Fprintln(w, "middleware")
	for s, side := range middleware.Sides {
		fmt.Fprintf(w, "%s\t", side.Name)
		for count := range middleware.Counts {
			ns, _, _ := sidebyside.Median(times[index(s, count)])
			fmt.Fprintf(w, "%.0f\t", ns)
		}
		fmt.Fprintln(w)
	}

	for count := len(middleware.Counts) - 1; middleware.Counts[count] > 1; count-- {
		n := middleware.Counts[count]
		fmt.Fprintf(w, "\nper middleware, of %d\tns\tof net/http\tmiddle half\tallocations\n", n)
		added := func(ns []float64) float64 { return (ns[1] - ns[0]) / float64(n) }
		for s, side := range middleware.Sides {
			own, beside := []int{index(s, 0), index(s, count)}, []int{index(side.Beside, 0), index(side.Beside, count)}
			ns, _, _ := sidebyside.Median(times.Per(added, own...))
			ratio, lower, upper := sidebyside.Median(times.Per(func(ns []float64) float64 {
				return added(ns[:2]) / added(ns[2:])
			}, own[0], own[1], beside[0], beside[1]))
			more := sidebyside.Allocations(call, contenders[own[1]].Handler) - sidebyside.Allocations(call, contenders[own[0]].Handler)
			fmt.Fprintf(w, "%s\t%.1f\t%.2f x\t%.2f to %.2f\t%.2f\n", side.Name, ns, ratio, lower, upper, more/float64(n))
		}
	}
	_ = w.Flush()
	fmt.Println("\nPer middleware: (time with n - time with 0) / n, of each round. The middle half of the rounds lies in the range.")
}
