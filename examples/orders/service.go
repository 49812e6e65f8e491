package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/weft-go/weft"
)

// settings are what whoever starts the program decides.
type settings struct {
	address  string // TCP
	database string // a file; in memory where it is ""
	secret   []byte // that webhooks are signed with; none are accepted where it is empty
}

// service is everything that is open while the program serves.
type service struct {
	store    *store
	users    []credential // made for a database in memory, which would know nobody
	server   *weft.Server
	listener net.Listener
}

// open opens a service. It answers from when run is called, which also closes it.
func open(ctx context.Context, set settings, log *slog.Logger) (_ *service, err error) {
	store, err := openStore(ctx, set.database)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, store.close())
		}
	}()
	var users []credential
	if set.database == "" {
		if users, err = addUsers(ctx, store, demoUsers); err != nil {
			return nil, err
		}
	}
	server, err := newApp(store, set.secret, log).Build(ctx)
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, set.address)
	if err != nil {
		return nil, err
	}
	return &service{store, users, server, listener}, nil
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

// run serves until ctx ends or the process is told to stop, lets the requests
// under way finish, and closes the service.
func (s *service) run(ctx context.Context) error {
	err := s.server.RunServer(ctx, &http.Server{
		ReadTimeout:  10 * time.Second, // weft sets none, for the sake of streams; there are none here
		WriteTimeout: 30 * time.Second,
	}, s.listener)
	return errors.Join(err, s.store.close())
}
