package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/weft-go/weft/bench/awslambda"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// coldStarts builds the functions in functions/, and measures each from the start of its process to its first answer.
func coldStarts(times int) error {
	dir, err := os.MkdirTemp("", "coldstart")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	names := []string{"bare", "weft"}
	took := make([][]float64, len(names))
	sizes := make([]int64, len(names))
	for i, name := range names {
		program := filepath.Join(dir, name)
		if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "github.com/weft-go/weft/bench/awslambda/functions/"+name).CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w: %s", name, err, out)
		}
		info, err := os.Stat(program)
		if err != nil {
			return err
		}
		sizes[i] = info.Size()
	}
	for range times {
		for _, i := range rand.Perm(len(names)) {
			d, err := coldStart(filepath.Join(dir, names[i]))
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			took[i] = append(took[i], float64(d.Microseconds())/1000)
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nfrom the start of the process to the first answer, %d times\tms\tmiddle half\tMB of binary\n", times)
	for i, name := range names {
		median, lower, upper := sidebyside.Median(took[i])
		fmt.Fprintf(w, "%s\t%.1f\t%.1f to %.1f\t%.1f\n", name, median, lower, upper, float64(sizes[i])/1e6)
	}
	return w.Flush()
}

// coldStart is how long a function takes to its first answer.
func coldStart(program string) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	answered, asked := make(chan time.Time, 1), make(chan struct{}, 1)
	event := awslambda.Forms()[0].Event
	asked <- struct{}{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-asked:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "req-1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(3*time.Second).UnixMilli(), 10))
		_, _ = w.Write(event)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answered <- time.Now()
		w.WriteHeader(http.StatusAccepted)
	})
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = hs.Serve(l) }()
	defer func() { _ = hs.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+l.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=fn", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "LAMBDA_TASK_ROOT=/var/task")
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	select {
	case end := <-answered:
		return end.Sub(begin), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
