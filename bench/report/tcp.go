package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/load"
	"github.com/weft-go/weft/bench/internal/measure"
	"github.com/weft-go/weft/bench/internal/process"
	"github.com/weft-go/weft/bench/internal/results"
	"github.com/weft-go/weft/bench/internal/stats"
)

// overTCP measures servers, each in a fresh process each round, one after the other. The server and the process that
// sends have the same one processor, see [process.Program.StartOnOneProcessor].
func overTCP(ctx context.Context, o *options, workloads []contest.Workload, entrants []contest.Contender) (*results.TCP, error) {
	found := &results.TCP{Machine: machine(), Rounds: o.rounds, Turns: 2}
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
	rounds := o.warming() + o.rounds
	steps := rounds * len(turns) * len(servers) * found.Turns
	c := &course{
		bar:      newProgress("over TCP", steps, o.overTCP),
		patience: patience{each: o.patience(o.overTCP) / time.Duration(rounds*len(turns))},
	}
	slice := o.overTCP / time.Duration(steps) * 2 / 3
	err := c.eachRound(o, func(counts bool) error {
		into := found
		if !counts {
			into = &results.TCP{Turns: found.Turns}
		}
		found.Slice = slice
		return c.roundOverTCP(ctx, into, slice, turns, servers)
	}, func(took, mayTake time.Duration) {
		slice = min(max(slice+(mayTake-took)/time.Duration(steps/rounds), 10*time.Millisecond), time.Second)
	})
	found.Disturbed = c.disturbed()
	return found, err
}

type turnOverTCP struct {
	workload    *contest.Workload
	connections int
}

func (c *course) roundOverTCP(ctx context.Context, found *results.TCP, slice time.Duration, turns []turnOverTCP, servers []contest.Contender) error {
	program, err := process.Copy()
	if err != nil {
		return err
	}
	defer program.Remove()
	sender, err := program.StartOnOneProcessor(childSends)
	if err != nil {
		return err
	}
	defer sender.Close()
	running := make([]*server, len(servers))
	defer func() {
		for _, s := range running {
			if s != nil {
				_ = s.process.Close()
			}
		}
	}()
	for i := range servers {
		s, err := startServer(program, servers[i].Slug)
		if err != nil {
			return fmt.Errorf("%s: %w", servers[i].Name, err)
		}
		running[i] = s
		if err := s.check(ctx, turns); err != nil {
			return fmt.Errorf("%s: %w", servers[i].Name, err)
		}
		if _, err := s.take(sender, turns[0], min(slice, 100*time.Millisecond)); err != nil {
			return fmt.Errorf("%s: %w", servers[i].Name, err)
		}
	}
	more := func(a, b traffic) bool { return a.PerSecond > b.PerSecond }
	for _, at := range rand.Perm(len(turns)) {
		t := turns[at]
		best, err := takeTurns(ctx, len(servers), found.Turns, &c.patience, more, func(i int) (traffic, bool, error) {
			got, err := running[i].take(sender, t, slice)
			if err != nil {
				return got, false, fmt.Errorf("%s, %s: %w", servers[i].Name, t.workload.Title, err)
			}
			c.bar.step()
			return got, c.one.calm(got.Pace), nil
		})
		if err != nil {
			return err
		}
		for i, o := range best {
			found.Add(t.workload.ID, servers[i].Slug, t.connections, o.calm, o.best.PerSecond, o.best.P50, o.best.P90, o.best.P99)
		}
	}
	return nil
}

// burst is what the process that sends is asked to do.
type burst struct {
	Address             string
	Request             contest.Request
	Status, Connections int
	Length              time.Duration
}

// traffic is what it has seen.
type traffic struct{ PerSecond, P50, P90, P99, Pace float64 }

func send(b burst) (traffic, error) {
	before := measure.Pace(1)
	got, err := load.Run(context.Background(), b.Address, b.Request, b.Status, b.Connections, b.Length)
	at := func(q float64) float64 { return stats.Quantile(got.Latencies, q) }
	return traffic{got.PerSecond, at(0.5), at(0.9), at(0.99), max(before, measure.Pace(1))}, err
}

// server is a contender that serves in a process of its own.
type server struct {
	address string
	process *process.Process
}

func startServer(program *process.Program, slug string) (*server, error) {
	p, err := program.StartOnOneProcessor(childServes, slug)
	if err != nil {
		return nil, err
	}
	s := &server{process: p}
	if err := p.Ask(struct{}{}, &s.address); err != nil {
		_ = p.Close()
		return nil, err
	}
	return s, nil
}

func (s *server) take(sender *process.Process, t turnOverTCP, slice time.Duration) (got traffic, err error) {
	err = sender.Ask(burst{s.address, t.workload.Request, t.workload.Want.Status, t.connections, slice}, &got)
	return got, err
}

// check compares the server's answers over the wire.
func (s *server) check(ctx context.Context, turns []turnOverTCP) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for _, t := range turns {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a, err := contest.Ask(&http.Client{Transport: transport}, "http://"+s.address, t.workload.Request)
		if err != nil {
			return err
		}
		if d := t.workload.Want.Differences(t.workload.Request, a); len(d) > 0 {
			return fmt.Errorf("%s over TCP: %s", t.workload.Title, strings.Join(d, "; "))
		}
	}
	return nil
}

// held is how much memory a server holds beside what it does, as a service has caches, pools and connections. In a process that holds nothing garbage is
// collected every few milliseconds, and requests that allocate cost more than in a service.
const held = 32 << 20

// serve serves, and says where, until standard input ends.
func serve(c contest.Contender) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	app, kept := c.Shop(), make([]byte, held)
	defer runtime.KeepAlive(kept)
	ended := make(chan error, 2)
	go func() { ended <- app.Serve(listener) }()
	go func() {
		ended <- process.Serve(os.Stdin, os.Stdout, func(struct{}) (string, error) { return listener.Addr().String(), nil })
	}()
	return <-ended
}
