package weft

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ErrNoRequest is returned by [Go] for a context that derives from no request of a server.
var ErrNoRequest = errors.New("the context derives from no request of a server")

// Go has fn run when the request has ended well: after it was settled and answered, with a status
// below 400 and without an error. Otherwise it never runs: nobody is told of an order that was rolled back.
//
// fn runs on a goroutine of its own. Its ctx has the values of the request, its
// route and its keys, and does not end with it. It has services of its own, by [ScopeOf], which are settled by fn's
// error and closed when it returns. An error or a panic is logged, with the name. The server waits for fn
// when it shuts down, as long as for requests, and ends its ctx then. Some transports wait for it before they take the next request; see [Awaiter].
//
// Go may be called by any stage, before the answer is sent, from one goroutine at a time.
func Go(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	s := stateOf(ctx)
	if s == nil || s.server == nil {
		return ErrNoRequest
	}
	all := append(s.leftWork(), work{name, fn})
	s.work = &all
	return nil
}

// work is what outlives its request.
type work struct {
	name string
	fn   func(context.Context) error
}

// leftWork is what is to be started.
func (s *state) leftWork() []work {
	if s.work == nil {
		return nil
	}
	return *s.work
}

// background is the work under way of a server.
type background struct {
	running sync.WaitGroup
	ending  context.Context // ends when the server does not wait any longer
	end     context.CancelFunc
}

// startWork starts what the request left to be done, where it ended well.
func (s *state) startWork(sent *Sent) {
	if s.work == nil || sent.Err != nil || sent.Status == 0 || sent.Status >= http.StatusBadRequest || errors.Is(s.base.Err(), context.Canceled) {
		return
	}
	var running sync.WaitGroup
	awaiter, awaits := writerAs[Awaiter](s.writer)
	for _, w := range s.leftWork() {
		later, until := s.later(), time.Time{}
		if awaits {
			until, _ = s.base.Deadline()
		}
		running.Add(1)
		s.server.background.running.Go(func() { defer running.Done(); later.do(w, until) })
	}
	if awaits {
		done := make(chan struct{})
		go func() { running.Wait(); close(done) }()
		awaiter.Await(done)
	}
}

// later is a request's state for work: what it knows, and nothing that it has.
func (s *state) later() *state {
	l := newState(s.server, s.view.http)
	l.event = s.event
	l.base.Context = context.WithoutCancel(s.base.Context)
	l.route.Store(s.route.Load())
	l.input, l.values = s.input, s.values
	if s.values.more != nil {
		more := slices.Clone(*s.values.more)
		l.values.more = &more
	}
	return l
}

// do is the work, which has until then; a zero time is no bound.
func (s *state) do(w work, until time.Time) {
	ctx, cancel := context.WithCancel(s.base.Context)
	defer cancel()
	if !until.IsZero() {
		var expire context.CancelFunc
		ctx, expire = context.WithDeadline(ctx, until)
		defer expire()
	}
	defer context.AfterFunc(s.server.background.ending, cancel)()
	s.base.Context = ctx
	err := contained(func() error { return w.fn(&s.base) })
	if s.scope != nil {
		err = errors.Join(err, s.settle(outcomeOf(err)))
	}
	s.closeScope()
	if err != nil {
		logFailure(s.logger(), s.first(), "work after the request failed", w.name, err)
	}
}

// contained is fn; whatever it panics with is an error.
func contained(fn func() error) (err error) {
	defer contain(&err)
	return fn()
}

// wait waits for the work under way until ctx ends, and then ends its contexts, and waits for a moment more.
func (b *background) wait(ctx context.Context, log *slog.Logger) error {
	done := make(chan struct{})
	go func() { b.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	b.end()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortGrace)
	defer cancel()
	select {
	case <-done:
	case <-grace.Done():
		log.ErrorContext(ctx, "work after a request has not ended with its context")
	}
	return errors.New("weft: work after requests was still running when the drain timeout had passed")
}
