package tracing

import (
	"context"
	"log/slog"
	"time"

	"github.com/weft-go/weft"
)

// flushDeadline is how long one flush may take.
const flushDeadline = 5 * time.Second

// flusher sends what spans a provider still has.
type flusher func(context.Context) error

// start flushes on a goroutine of its own: net/http sends the end of an answer only when the handler has returned.
func (f flusher) start(ctx context.Context) {
	go f.within(ctx, flushDeadline)
}

// finish flushes before a function returns, and leaves it half of the time that it has left: the answer is still to be sent.
func (f flusher) finish(ctx context.Context) {
	limit := flushDeadline
	if deadline, bounded := ctx.Deadline(); bounded {
		limit = min(limit, time.Until(deadline)/2)
	}
	f.within(ctx, limit)
}

func (f flusher) within(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := f(ctx); err != nil {
		weft.Logger(ctx).WarnContext(ctx, "flushing the spans of a request failed", slog.Any("error", err))
	}
}
