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
	ctx = context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, flushDeadline)
		defer cancel()
		if err := f(ctx); err != nil {
			weft.Logger(ctx).WarnContext(ctx, "flushing the spans of a request failed", slog.Any("error", err))
		}
	}()
}
