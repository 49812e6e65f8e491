package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/weft-go/weft/awslambda/internal/runtimeapi"
)

// grace is how long a process may take to end after SIGTERM. Lambda gives 2 seconds at most.
const grace = 2 * time.Second

// process is one of the function's, with the runtime API that it asks.
type process struct {
	api    *runtimeapi.API
	cmd    *exec.Cmd
	stamp  stamp
	failed chan struct{} // closed when it has reported why it cannot start
	ended  chan struct{} // closed when it has ended, and all that was under way with it

	mu     sync.Mutex
	reason error // why it has ended, or will
	gone   bool  // it was waited for: its id may be another's

	// Of the function's lock.
	users   int
	retired bool
}

// stamp tells one build of a program from another.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

// launch starts a process. It has to be waited for, by process.wait.
func launch(o options, path string, built stamp, stdout, stderr io.Writer) (*process, error) {
	p := &process{stamp: built, failed: make(chan struct{}), ended: make(chan struct{})}
	inherited := os.Environ()
	var once sync.Once
	api, err := runtimeapi.Start(runtimeapi.Config{ARN: arn(o, inherited), StartFailed: func(f *runtimeapi.Failure) {
		p.because(fmt.Errorf("the function cannot start: %w", f))
		once.Do(func() { close(p.failed) })
	}})
	if err != nil {
		return nil, err
	}
	p.api = api
	env := environment(o, path, api.Address(), inherited)
	for range 20 {
		p.cmd = exec.Command(path, o.args...)
		p.cmd.Args[0] = o.program
		p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, stdout, stderr
		p.cmd.WaitDelay = grace // where another process holds its output
		apart(p.cmd)
		if err = p.cmd.Start(); !isWritten(err) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		_ = api.Close(err)
		return nil, fmt.Errorf("the function's program cannot be started: %w", err)
	}
	return p, nil
}

// because says why the process ends, where nothing has before.
func (p *process) because(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason == nil {
		p.reason = reason
	}
}

// why is the reason, when the process has ended.
func (p *process) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// wait waits until the process has ended, and ends what was under way.
func (p *process) wait() {
	defer close(p.ended)
	err := p.cmd.Wait()
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	if p.cmd.ProcessState != nil {
		p.because(fmt.Errorf("the function's process has ended: %s", p.cmd.ProcessState))
	}
	p.because(err)
	_ = p.api.Close(p.why())
}

// has reports whether c is closed.
func has(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// end signals the process, by terminate or kill, unless it has ended.
func (p *process) end(by func(*exec.Cmd)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		by(p.cmd)
	}
}

// kill ends the process for a reason.
func (p *process) kill(reason error) {
	p.because(reason)
	p.end(kill)
}

// stop has the process end, and waits for it.
func (p *process) stop(reason error) {
	p.because(reason)
	p.end(terminate)
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-p.ended:
	case <-patience.C:
		p.end(kill)
		<-p.ended
	}
}

// guardStart ends a process that does not start: one that never asks for an event.
func (p *process) guardStart(within time.Duration) {
	patience := time.NewTimer(within)
	defer patience.Stop()
	select {
	case <-p.api.Ready():
		return
	case <-p.ended:
		return
	case <-patience.C:
		p.kill(fmt.Errorf("%w within %s: is it a Lambda function, which calls awslambda.Start or lambda.Start?", errNotStarted, within))
		return
	case <-p.failed:
	}
	patience.Reset(grace) // which it may take to end itself
	select {
	case <-p.ended:
	case <-patience.C:
		p.end(kill)
	}
}

var errNotStarted = errors.New("the function has not asked for an event")
