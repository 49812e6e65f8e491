package weft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/samber/do/v2"
)

// The end of what there is one of. samber/do would end what nothing needs at the same time, each on a goroutine where a panic
// ends the process, and waits for a Shutdown that does not return. So it is told to end one after the other, and which.

// built is what an injector has made, in the order in which it was ready: each behind what it needs.
type built struct {
	mu    sync.Mutex
	names []string
	known map[string]bool
}

// watch has the container know what its injector makes.
func (c *Container) watch() {
	c.built = &built{known: map[string]bool{}}
	id, b := c.injector.ID(), c.built
	c.injector.RootScope().AddAfterInvocationHook(func(scope *do.Scope, name string, err error) {
		if err != nil || scope.ID() != id {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.known[name] {
			b.known[name] = true
			b.names = append(b.names, name)
		}
	})
}

// take forgets and returns the names of what is there, the last that was made first.
func (b *built) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := b.names
	b.names, b.known = nil, map[string]bool{}
	slices.Reverse(names)
	return names
}

// shutdown ends what was made when the last server made of it ends: what do's child scopes
// have, then each service before what it needs, then what nobody has asked for.
func (c *Container) shutdown(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.servers--; c.servers > 0 {
		return nil
	}
	var failed error
	for _, child := range c.injector.Children() {
		failed = errors.Join(failed, wait(ctx, child.Name(), func(ctx context.Context) error { return reported(child.ShutdownWithContext(ctx)) }))
	}
	provided := map[string]bool{}
	for _, s := range c.injector.ListProvidedServices() {
		provided[s.Service] = provided[s.Service] || s.ScopeID == c.injector.ID()
	}
	for _, name := range c.built.take() {
		if provided[name] {
			failed = errors.Join(failed, c.end(ctx, name))
		}
	}
	failed = errors.Join(failed, wait(ctx, "the rest", func(ctx context.Context) error { return reported(c.injector.ShutdownWithContext(ctx)) }))
	if failed != nil {
		return fmt.Errorf("weft: shutting down the services: %w", failed)
	}
	return nil
}

// leave has the container end without one that was made of it.
func (c *Container) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers--
}

// reported is what went wrong: do's report is an error that is never nil.
func reported(r *do.ShutdownReport) error {
	if r == nil || r.Succeed {
		return nil
	}
	return r
}

// unmount shuts down what a Build that failed has made, the last first, and takes it
// out of the injector. What the application provides itself, and what servers are made of, stays.
func (c *Container) unmount(ctx context.Context, mounted []*service) (failed error) {
	for _, s := range slices.Backward(mounted) {
		failed = errors.Join(failed, c.end(ctx, s.name))
	}
	return failed
}

// end shuts one service down, and closes it where do does not know how.
func (c *Container) end(ctx context.Context, name string) error {
	var value any
	if i := slices.IndexFunc(c.services, func(s *service) bool { return s.mounted && s.name == name }); i >= 0 {
		s := c.services[i]
		value, s.value, s.mounted = s.value, nil, false // do forgets what it has shut down
	}
	return wait(ctx, name, func(ctx context.Context) error {
		err := contained(func() error { return do.ShutdownNamedWithContext(ctx, c.injector, name) })
		if closer, closes := value.(io.Closer); closes && !shutsDown(value) {
			err = errors.Join(err, contained(closer.Close))
		}
		return err
	})
}

// wait is what fn returns, unless ctx ends before: what does not return then is left
// behind. There is a moment for it even where ctx has ended.
func wait(ctx context.Context, name string, fn func(context.Context) error) error {
	ctx, cancel := atLeast(ctx, abortGrace)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() { done <- err }()
		err = fn(ctx)
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: has not come to its end in time", name)
	}
}

// atLeast is ctx, or where that leaves less than d a context that does.
func atLeast(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if deadline, bounded := ctx.Deadline(); ctx.Err() != nil || bounded && time.Until(deadline) < d {
		return context.WithTimeout(context.WithoutCancel(ctx), d)
	}
	return context.WithCancel(ctx)
}

var errGoexit = errors.New("its goroutine was ended")

// shutsDown reports whether do calls a method of the value when it ends.
func shutsDown(value any) bool {
	switch value.(type) {
	case do.Shutdowner, do.ShutdownerWithError, do.ShutdownerWithContext, do.ShutdownerWithContextAndError:
		return true
	}
	return false
}
