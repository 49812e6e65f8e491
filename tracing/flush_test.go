package tracing_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/tracing"
)

// One flush for each request, behind the end of all its spans, and the answer does not wait for it.
func TestOneFlushForEachRequestBehindItsAnswer(t *testing.T) {
	clean(t)
	c := newCollector(t)
	hold, flushed := make(chan struct{}), make(chan []string, 10)
	var log lines
	app := weft.New(weft.WithLogger(slog.New(slog.NewTextHandler(&log, nil))), tracing.New(tracing.WithTracerProvider(c.provider), tracing.All(true), tracing.FlushEach(func(ctx context.Context) error {
		<-hold
		deadline, bounded := ctx.Deadline()
		assert.True(t, bounded && time.Until(deadline) < 5*time.Second)
		assert.NoError(t, ctx.Err(), "it does not end with the request")
		flushed <- c.peek()
		return errors.New("the collector is away")
	})).Observe())
	shop(app)
	srv, err := app.Build(t.Context())
	assert.NoError(t, err)
	site := serve(t, srv)
	for range 3 {
		status, _ := send(t, "GET", site+"/nowhere", "A", "b")
		assert.Equal(t, 404, status, "answered, though no flush has come to its end")
	}
	close(hold)
	for range 3 {
		assert.Contains(t, <-flushed, "GET", "the request's own span has ended")
	}
	assert.EventuallyWithT(t, func(t *assert.CollectT) {
		assert.Equal(t, 3, strings.Count(log.String(), `msg="flushing the spans of a request failed" error="the collector is away"`))
	}, waitFor, tick)
	assert.Empty(t, flushed)
}

type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
