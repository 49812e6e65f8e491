package wefttest

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// journal takes what an app logs, and shows it in the output of a test.
type journal struct {
	mu    sync.Mutex
	shown testing.TB // nil when there is nobody to show it to, or the test is over
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	if j.shown != nil {
		_, _ = j.shown.Output().Write([]byte("log: " + line + "\n"))
	}
}

// hush ends the showing: the output of a test that is over takes nothing.
func (j *journal) hush() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shown = nil
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// logger writes to the journal, and to the app's own logger unless that is the default one of the process.
func (j *journal) logger(of *slog.Logger) *slog.Logger {
	h := &journalHandler{journal: j}
	if of != slog.Default() {
		h.app = of.Handler()
	}
	return slog.New(h)
}

type journalHandler struct {
	*journal
	app  slog.Handler // nil for none
	with []func(slog.Handler) slog.Handler
}

func (h *journalHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	var text bytes.Buffer
	var line slog.Handler = slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.Level(-1 << 20), ReplaceAttr: untimed})
	for _, more := range h.with {
		line = more(line)
	}
	err := line.Handle(ctx, r.Clone())
	written := strings.TrimSuffix(text.String(), "\n")
	h.add(written)
	if x := exchangeOf(ctx); x != nil {
		x.note(written)
	}
	if h.app != nil && h.app.Enabled(ctx, r.Level) {
		return h.app.Handle(ctx, r)
	}
	return err
}

func untimed(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.also(func(inner slog.Handler) slog.Handler { return inner.WithAttrs(attrs) })
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return h.also(func(inner slog.Handler) slog.Handler { return inner.WithGroup(name) })
}

func (h *journalHandler) also(more func(slog.Handler) slog.Handler) slog.Handler {
	c := *h
	c.with = append(slices.Clip(c.with), more)
	if c.app != nil {
		c.app = more(c.app)
	}
	return &c
}
