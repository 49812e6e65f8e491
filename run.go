package weft

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	silenceGrace      = 5 * time.Second // what http.Server.Shutdown grants too
	abortGrace        = time.Second     // for what honours its context to end by itself
)

// Run serves on the TCP address, such as ":8080", until ctx ends or the process
// gets SIGINT or SIGTERM; see [Server.RunServer].
func (srv *Server) Run(ctx context.Context, address string) error {
	return srv.RunServer(ctx, &http.Server{Addr: address}, nil)
}

// RunListener is Run on a listener, which it closes.
func (srv *Server) RunListener(ctx context.Context, l net.Listener) error {
	return srv.RunServer(ctx, &http.Server{}, l)
}

// RunServer is Run on a server of your own, listening on l, or on hs.Addr where l is nil;
// with a TLSConfig it serves TLS. What hs leaves unset is set: Handler to srv, a
// ReadHeaderTimeout of 10 seconds, an IdleTimeout of 2 minutes, ErrorLog to the
// app's logger, DisableGeneralOptionsHandler so that "OPTIONS *" meets the stages
// too. ReadTimeout and WriteTimeout stay as they are: they would end long
// uploads and streams. A service without those sets them, against clients that
// send a body slowly or never read their answer.
//
// When told to stop, [Health] answers 503. After [WithDrainDelay], it accepts no more connections, waits for requests
// under way, as long as [WithDrainTimeout] says, and returns nil. What is still
// running then has its context cancelled and its connection closed, and the error
// says so. Then the services of the container are shut down. A second signal ends the process at once.
func (srv *Server) RunServer(ctx context.Context, hs *http.Server, l net.Listener) error {
	ctx, stopSignals := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stopSignals()
	if l == nil {
		var err error
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", hs.Addr); err != nil && ctx.Err() != nil {
			return srv.closeServices(context.WithoutCancel(ctx)) // told to stop before it began
		} else if err != nil {
			return fmt.Errorf("weft: Run cannot listen: %w", err)
		}
	}
	r := &serving{http: hs, listener: l}
	srv.prepare(ctx, r)
	defer r.abort()
	if !srv.start(r) {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	srv.logger.InfoContext(ctx, "serving", "address", l.Addr().String())

	failed := make(chan error, 1)
	go func() {
		if hs.TLSConfig != nil {
			failed <- hs.ServeTLS(l, "", "")
		} else {
			failed <- hs.Serve(l)
		}
	}()
	var broken error // no new connections, but those there are go on
	select {
	case err := <-failed:
		if !errors.Is(err, http.ErrServerClosed) && !r.draining.Load() {
			broken = fmt.Errorf("weft: Run stopped serving: %w", err)
		}
	case <-ctx.Done():
		stopSignals() // a second signal has its usual effect
	}
	drained, cancel := context.WithTimeout(context.WithoutCancel(ctx), srv.drainDelay+srv.drain)
	defer cancel()
	err := r.drain(drained, srv)
	if srv.stop(r) {
		err = errors.Join(err, srv.closeServices(context.WithoutCancel(ctx)))
	}
	return errors.Join(broken, err)
}

// closeServices waits for the work that requests left, and shuts the container
// down, once, when the last request is over.
func (srv *Server) closeServices(ctx context.Context) error {
	srv.closing.Do(func() {
		waiting, cancel := context.WithTimeout(ctx, srv.drain)
		defer cancel()
		srv.closed = srv.background.wait(waiting, srv.logger)
		if srv.container != nil {
			ctx, cancel := context.WithTimeout(ctx, srv.drain)
			defer cancel()
			srv.closed = errors.Join(srv.closed, srv.container.shutdown(ctx))
		}
	})
	return srv.closed
}

// Shutdown makes every Run under way stop as if told by a signal, and waits
// until they have, at most as long as ctx lives; a later Run returns [http.ErrServerClosed].
// Then it shuts down the services of the container.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.beginDraining()
	srv.mu.Lock()
	all := slices.Clone(srv.running)
	srv.mu.Unlock()
	var errs []error
	for _, r := range all {
		errs = append(errs, r.drain(ctx, srv))
	}
	errs = append(errs, srv.closeServices(context.WithoutCancel(ctx)))
	return errors.Join(errs...)
}

func (srv *Server) beginDraining() {
	srv.draining.Store(true)
	srv.drainsOnce.Do(func() { close(srv.drains) })
}

// serving is one Run under way.
type serving struct {
	http     *http.Server
	listener net.Listener
	abort    context.CancelFunc // ends the contexts of all its requests
	draining atomic.Bool
	once     sync.Once
	err      error
	silent   silentConnections
}

// silentConnections are those that were accepted and have not sent a request
// yet. http.Server.Shutdown would drop the request that they are about to send.
type silentConnections struct {
	count atomic.Int64
	all   sync.Map // of net.Conn
}

func (s *silentConnections) track(c net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.all.Store(c, nil)
		s.count.Add(1)
	} else if s.count.Load() > 0 {
		if _, was := s.all.LoadAndDelete(c); was {
			s.count.Add(-1)
		}
	}
}

// prepare sets what the user's server leaves unset.
func (srv *Server) prepare(ctx context.Context, r *serving) {
	hs := r.http
	if hs.Handler == nil {
		hs.Handler = srv
	}
	hs.DisableGeneralOptionsHandler = true
	if hs.ReadHeaderTimeout == 0 {
		hs.ReadHeaderTimeout = readHeaderTimeout
	}
	if hs.IdleTimeout == 0 {
		hs.IdleTimeout = idleTimeout
	}
	if hs.ErrorLog == nil {
		hs.ErrorLog = slog.NewLogLogger(srv.logger.Handler(), slog.LevelWarn)
	}
	observe := hs.ConnState
	hs.ConnState = func(c net.Conn, state http.ConnState) {
		r.silent.track(c, state)
		if observe != nil {
			observe(c, state)
		}
	}
	base := context.WithoutCancel(ctx) // being told to stop must not cut off what is under way
	aborting, abort := context.WithCancel(base)
	r.abort = abort
	theirs := hs.BaseContext
	hs.BaseContext = func(l net.Listener) context.Context {
		if theirs == nil {
			return aborting
		}
		ctx, cancel := context.WithCancel(theirs(l))
		context.AfterFunc(aborting, cancel)
		return ctx
	}
}

// start registers a Run, unless the Server was shut down.
func (srv *Server) start(r *serving) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.draining.Load() {
		return false
	}
	srv.running = append(srv.running, r)
	return true
}

// stop ends a Run, and reports whether no other is under way.
func (srv *Server) stop(r *serving) (last bool) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.running = slices.DeleteFunc(srv.running, func(other *serving) bool { return other == r })
	return len(srv.running) == 0
}

// drain waits for the requests under way until ctx ends, then cuts them off.
// Called more than once, it is done once and every caller waits for it.
func (r *serving) drain(ctx context.Context, srv *Server) error {
	r.once.Do(func() {
		srv.beginDraining()
		srv.logger.InfoContext(ctx, "draining")
		select {
		case <-time.After(srv.drainDelay):
		case <-ctx.Done():
		}
		r.hearOut(ctx)
		err := r.http.Shutdown(ctx)
		if err == nil {
			return
		}
		srv.cutting.Store(true)
		r.abort()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortGrace)
		defer cancel()
		_ = r.http.Shutdown(grace) // whoever honours its context ends now
		r.err = fmt.Errorf("weft: requests were still running when the drain timeout had passed, and were cut off: %w", errors.Join(err, r.http.Close()))
	})
	return r.err
}

// hearOut accepts no more connections, and gives those that were accepted and
// are still silent a moment to send their first request, which is then answered.
func (r *serving) hearOut(ctx context.Context) {
	r.draining.Store(true)
	_ = r.listener.Close()
	ctx, cancel := context.WithTimeout(ctx, silenceGrace)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for r.silent.count.Load() > 0 {
		select {
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
	// The last of them has sent something; a tick more lets its handler begin.
	<-poll.C
	<-poll.C
}
