package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/load"
	"github.com/weft-go/weft/bench/internal/results"
	"github.com/weft-go/weft/bench/internal/stats"
)

// overTCP measures servers, each in a fresh process each round, with half of the processors for the server
// and the other half for the requests.
func overTCP(ctx context.Context, o *options, workloads []contest.Workload, entrants []contest.Contender) (*results.TCP, error) {
	found := &results.TCP{Machine: machine(), Rounds: o.rounds}
	connections := []int{1, 4, 16, 64}
	sent := map[string]bool{"post": true, "get": true}
	if o.quick {
		connections = []int{16}
		delete(sent, "get")
	}
	if o.tcp && o.workloads != "" { // any that the shop serves
		for _, w := range workloads {
			sent[w.ID] = !w.Parallel && !w.Starts
		}
	}
	var turns []turnOverTCP
	for i := range workloads {
		for _, n := range connections {
			if w := &workloads[i]; sent[w.ID] {
				turns = append(turns, turnOverTCP{w, n})
			}
		}
	}
	var servers []contest.Contender
	for _, c := range entrants {
		if c.Shop != nil {
			servers = append(servers, c)
		}
	}
	if len(turns) == 0 {
		return nil, nil
	}
	half := max(1, runtime.NumCPU()/2)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(half))
	steps := o.rounds * len(turns) * len(servers)
	bar := newProgress("over TCP", steps, o.overTCP)
	slice := o.overTCP / time.Duration(steps) * 2 / 3
	for round := range o.rounds {
		begun := time.Now()
		if err := oneRoundOverTCP(ctx, found, slice, turns, servers, bar, half); err != nil {
			return nil, err
		}
		found.Slice = slice
		slice = min(max(slice+(bar.left()/time.Duration(max(1, o.rounds-round-1))-time.Since(begun))/time.Duration(len(turns)*len(servers)), 20*time.Millisecond), 2*time.Second)
	}
	bar.end()
	return found, nil
}

type turnOverTCP struct {
	workload    *contest.Workload
	connections int
}

func oneRoundOverTCP(ctx context.Context, found *results.TCP, slice time.Duration, turns []turnOverTCP, servers []contest.Contender, bar *progress, processors int) error {
	running := make([]*server, len(servers))
	defer func() {
		for _, s := range running {
			if s != nil {
				s.stop()
			}
		}
	}()
	for i := range servers {
		s, err := startServer(ctx, servers[i].Slug, processors)
		if err != nil {
			return fmt.Errorf("%s: %w", servers[i].Name, err)
		}
		running[i] = s
		if err := s.warm(ctx, turns, slice); err != nil {
			return fmt.Errorf("%s: %w", servers[i].Name, err)
		}
	}
	for _, at := range rand.Perm(len(turns)) {
		t := turns[at]
		for _, i := range rand.Perm(len(servers)) {
			got, err := load.Run(ctx, running[i].address, t.workload.Request, t.workload.Want.Status, t.connections, slice)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", servers[i].Name, t.workload.Title, err)
			}
			at := func(q float64) float64 { return stats.Quantile(got.Latencies, q) }
			found.Add(t.workload.ID, servers[i].Slug, t.connections, got.PerSecond, at(0.5), at(0.9), at(0.99))
			bar.step()
		}
	}
	return nil
}

// server is a contender that serves in a process of its own.
type server struct {
	address string
	command *exec.Cmd
	in      io.Closer
}

func startServer(ctx context.Context, slug string, processors int) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, self, childServes, slug)
	command.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", processors))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &server{command: command, in: in}
	if s.address, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		s.stop()
		return nil, fmt.Errorf("the server has not said where it listens: %w", err)
	}
	s.address = strings.TrimSpace(s.address)
	return s, nil
}

// warm compares the server's answers over the wire, and lets it serve for a while.
func (s *server) warm(ctx context.Context, turns []turnOverTCP, slice time.Duration) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for _, t := range turns {
		a, err := contest.Ask(&http.Client{Transport: transport}, "http://"+s.address, t.workload.Request)
		if err != nil {
			return err
		}
		if d := t.workload.Want.Differences(t.workload.Request, a); len(d) > 0 {
			return fmt.Errorf("%s over TCP: %s", t.workload.Title, strings.Join(d, "; "))
		}
	}
	_, err := load.Run(ctx, s.address, turns[0].workload.Request, turns[0].workload.Want.Status, 1, min(slice, 100*time.Millisecond))
	return err
}

func (s *server) stop() {
	_ = s.in.Close()
	_ = s.command.Wait()
}

// serve serves until standard input ends, which it does when the one who started this ends.
func serve(c contest.Contender) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	app := c.Shop()
	failed := make(chan error, 1)
	go func() { failed <- app.Serve(listener) }()
	fmt.Println(listener.Addr())
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		return err
	}
}
