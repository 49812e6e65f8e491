package weft

import (
	"context"
	"errors"
	"time"
)

// streamContext is what a handler gets whose answer may be made when the stages have returned. Until the handler has returned it ends
// with the context of the stages; then with the request alone: a deadline for the handler is none for its stream.
type streamContext struct {
	context.Context
	end    context.CancelCauseFunc
	detach func() bool
}

func newStreamContext(stage context.Context, s *state) *streamContext {
	inner, end := context.WithCancelCause(&lifelong{stage, &s.base})
	c := &streamContext{Context: inner, end: end}
	if err := stage.Err(); err != nil {
		end(err)
	}
	c.detach = context.AfterFunc(stage, func() { end(stage.Err()) })
	return c
}

// Err is DeadlineExceeded where that ended the stages' context.
func (c *streamContext) Err() error {
	err := c.Context.Err()
	if err != nil && errors.Is(context.Cause(c.Context), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// lifelong has the values of a stage's context, and the life of the request's.
type lifelong struct {
	values context.Context
	life   context.Context
}

func (c *lifelong) Deadline() (time.Time, bool)    { return c.life.Deadline() }
func (c *lifelong) Done() <-chan struct{}          { return c.life.Done() }
func (c *lifelong) Err() error                     { return c.life.Err() }
func (c *lifelong) Value(key any) any              { return c.values.Value(key) }
func (c *lifelong) AfterFunc(f func()) func() bool { return context.AfterFunc(c.life, f) }

// outlived reports whether what the handler returns may be made when its stages have returned.
func (e *endpoint) outlived() bool { return e.stream != nil || e.readsOut() || e.resp == typeResponse }

// outlived is the call with a context that lasts as long as the request, as that which no stage has derived does anyhow.
func (fn typedCall) outlived(streams bool) typedCall {
	return func(ctx context.Context, f frame) error {
		s := stateOf(ctx)
		if own, as := ctx.(*requestContext); as && own == &s.base && !streams {
			return fn(ctx, f)
		}
		c := newStreamContext(ctx, s)
		defer c.detach()
		s.stream = c
		return fn(c, f)
	}
}

// endStream ends the context of the request's stream.
func (s *state) endStream(cause error) {
	if s.stream != nil {
		s.stream.end(cause)
	}
}

// drained is closed when the server begins to end, for bodies that have no end of their own.
func (s *state) drained(f *framing) <-chan struct{} {
	if s.server == nil || f.comment == "" {
		return nil
	}
	return s.server.drains
}
