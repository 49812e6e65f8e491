package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"time"

	"github.com/weft-go/weft/awslambda/internal/runtimeapi"
)

// function is a program that is run as a Lambda function: at most one process takes new events. Its methods may be called concurrently.
type function struct {
	options
	path           string
	log            *log.Logger
	stdout, stderr io.Writer
	closing        chan struct{}
	ends           sync.Once
	work           sync.WaitGroup // goroutines, and users of processes; added to with the lock

	mu      sync.Mutex
	closed  bool
	current *process
	all     map[*process]struct{} // that have not ended
}

var (
	errTimedOut = errors.New("the function has timed out")
	errClosing  = errors.New("lambdalocal is ending")
	errRebuilt  = errors.New("the function's program was built anew")
)

func newFunction(o options, path string, logger *log.Logger, stdout, stderr io.Writer) *function {
	return &function{options: o, path: path, log: logger, stdout: stdout, stderr: stderr, closing: make(chan struct{}), all: map[*process]struct{}{}}
}

// start starts the process before there is an event. An error is that it cannot be; one that fails later says so in the log.
func (f *function) start() error {
	p, err := f.acquire()
	if err == nil {
		f.release(p)
	}
	return err
}

// close ends all processes, and with them what is under way, and waits for them.
func (f *function) close() {
	f.ends.Do(func() { close(f.closing) }) // who has the lock may be waiting
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		for p := range f.all {
			f.work.Go(func() { p.stop(errClosing) })
		}
	}
	f.mu.Unlock()
	f.work.Wait()
}

// background runs what nobody waits for but close.
func (f *function) background(run func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errClosing
	}
	f.work.Go(run)
	return nil
}

// invoke hands an event to the function, and returns the beginning of its answer, whose body has to be closed. It waits for its turn as long as ctx lasts; what was begun goes on
// until it has answered or timed out, as on Lambda. An error is a *runtimeapi.Failure where the function reports one, errTimedOut, or why there is no process.
func (f *function) invoke(ctx context.Context, event []byte, about runtimeapi.Invocation) (*runtimeapi.Response, error) {
	about.Timeout = f.timeout
	for {
		p, err := f.acquire()
		if err != nil {
			return nil, err
		}
		call, err := p.api.Deliver(ctx, event, about)
		if err == nil {
			go f.watch(p, call) // which has the process from here
			return call.Answer()
		}
		f.release(p)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		<-p.ended
		if !has(p.api.Ready()) { // which another would not either
			return nil, err
		}
	}
}

// watch sees that an invocation ends in time. It is not over with its answer, but when the function asks for the next event.
func (f *function) watch(p *process, call *runtimeapi.Call) {
	defer f.release(p)
	deadline := time.NewTimer(time.Until(call.Deadline))
	defer deadline.Stop()
	select {
	case <-call.Finished():
	case <-p.ended:
	case <-deadline.C:
		reason := fmt.Errorf("%w after %.2f seconds", errTimedOut, f.timeout.Seconds())
		f.log.Printf("%s: %s", call.RequestID, reason)
		call.End(reason)
		if f.concurrency == 1 { // several at once have to watch their contexts: Lambda leaves the process to the others
			p.kill(reason)
			<-p.ended
		}
	}
}

// acquire is the process for an event, which has to be released. It is started where there is none, or where the program has changed.
func (f *function) acquire() (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errClosing
	}
	if p := f.current; p != nil {
		now, err := stampOf(f.path)
		changed := err == nil && now != p.stamp // while it is not there, it is being built
		switch {
		case has(p.ended):
			f.current = nil
		case changed:
			f.log.Printf("%s was built anew", f.program)
			f.current, p.retired = nil, true
			f.retire(p)
		}
	}
	if f.current == nil {
		built, err := f.settled()
		if err != nil {
			return nil, err
		}
		p, err := launch(f.options, f.path, built, f.stdout, f.stderr)
		if err != nil {
			return nil, err
		}
		f.current, f.all[p] = p, struct{}{}
		f.work.Go(func() { f.follow(p) })
		f.work.Go(func() { p.guardStart(f.initTimeout) })
	}
	f.work.Add(1)
	f.current.users++
	return f.current, nil
}

// follow waits for the end of a process.
func (f *function) follow(p *process) {
	p.wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, p)
	if why := p.why(); !errors.Is(why, errClosing) && !errors.Is(why, errRebuilt) && !errors.Is(why, errTimedOut) {
		f.log.Printf("%v; it is started again with the next request", why)
	}
}

// release gives a process back.
func (f *function) release(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.users--
	f.retire(p)
	f.work.Done()
}

// retire ends a process that is not the newest any more, when nobody uses it.
func (f *function) retire(p *process) {
	if p.retired && p.users == 0 && !f.closed {
		f.work.Go(func() { p.stop(errRebuilt) })
	}
}

// settled waits until the program is there, and is not being written.
func (f *function) settled() (stamp, error) {
	last, err := stampOf(f.path)
	for range 50 {
		if err == nil && time.Since(last.modified) > time.Second {
			return last, nil
		}
		select {
		case <-f.closing:
			return stamp{}, errClosing
		case <-time.After(100 * time.Millisecond):
		}
		before := last
		if last, err = stampOf(f.path); err == nil && last == before {
			return last, nil
		}
	}
	if err != nil {
		return stamp{}, fmt.Errorf("the function's program cannot be run: %w", err)
	}
	return last, nil
}
