package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// settings are what whoever starts the program decides.
type settings struct {
	address  string        // TCP
	database string        // a file; in memory where it is ""
	secret   []byte        // that webhooks are signed with; none are accepted where it is empty
	watched  []weft.Option // by whom; nobody, usually
}

// service is everything that is open while the program serves.
type service struct {
	injector do.Injector  // has the database
	users    []credential // made for a database in memory, which would know nobody
	server   *weft.Server
	listener net.Listener
}

// open opens a service. It answers from when run is called, which also closes it.
func open(ctx context.Context, set settings, log *slog.Logger) (_ *service, err error) {
	s := &service{injector: do.New()}
	if s.server, err = newApp(services(s.injector, set.database), set.secret, log, set.watched...).Build(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.server.Shutdown(ctx))
		}
	}()
	if set.database == "" {
		if s.users, err = addUsers(ctx, do.MustInvoke[*userRepository](s.injector), demoUsers); err != nil {
			return nil, err
		}
	}
	if s.listener, err = listen(ctx, set.address); err != nil {
		return nil, err
	}
	return s, nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken by another program; choose another with -addr: %w", address, err)
	case err != nil:
		return nil, fmt.Errorf("cannot serve on %s: %w", address, err)
	}
	return l, nil
}

func (s *service) url() string { return "http://" + s.listener.Addr().String() }

// run serves until ctx ends or the process is told to stop, and lets the requests
// under way finish. Then the server closes the database, as it does with all services.
func (s *service) run(ctx context.Context) error {
	return s.server.RunServer(ctx, &http.Server{
		ReadTimeout:  sendTimeout,                // of a whole request; weft sets none, for the sake of longer ones
		WriteTimeout: sendTimeout + queryTimeout, // from the request's head on; weft extends it while a stream is read
	}, s.listener)
}
