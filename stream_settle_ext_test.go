package weft_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type feed struct{ ledger *ledger }

// Items yields two items, and then what the request asks for.
func (f *feed) Items(ctx context.Context, in struct {
	How string `query:"how"`
}) (items, error) {
	return func(yield func(point, error) bool) {
		defer f.ledger.tr.add("producer ended")
		if in.How == "first" {
			yield(point{}, errSecret)
			return
		}
		for i := range 2 {
			f.ledger.tr.add("item")
			if !yield(point{i}, nil) {
				return
			}
		}
		switch in.How {
		case "error":
			yield(point{}, errSecret)
		case "panic":
			panic(errSecret)
		case "wait":
			<-ctx.Done()
		}
	}, nil
}

// A stream settles after its last item, and its services are closed after the body; never before.
func TestAStreamSettlesBehindItsLastItem(t *testing.T) {
	for _, c := range []struct {
		how    string
		fails  error
		events []string
		broken bool
		end    string // of a body in events
	}{
		{"", nil, []string{"item", "item", "producer ended", "commit", "close"}, false, ""},
		{"error", nil, []string{"item", "item", "producer ended", "rollback", "close"}, true, "event: error"},
		{"panic", nil, []string{"item", "item", "producer ended", "rollback", "close"}, true, "event: error"},
		{"", errSecret, []string{"item", "item", "producer ended", "commit", "close"}, true, "event: error"},
		{"first", nil, []string{"producer ended", "rollback", "close"}, true, "Internal Server Error"},
		{"wait", nil, []string{"item", "item", "producer ended", "rollback", "close"}, true, ""},
	} {
		for _, format := range []weft.StreamFormat{weft.JSONArray, weft.NDJSON, weft.SSE} {
			t.Run(c.how+" "+string(format), func(t *testing.T) {
				l := &ledger{tr: &trace{}, fails: c.fails}
				con := weft.NewContainer(nil)
				weft.PerRequest[*ledger](con, func() *ledger { return l })
				weft.Auto[*feed](con, func(l *ledger) *feed { return &feed{l} })
				app, j := newApp(weft.WithContainer(con))
				sent := sentBy(app)
				app.Handle("GET /", weft.HandleFrom((*feed).Items))
				srv := build(t, app)
				require.Len(t, srv.Plan().Warnings, 1)
				assert.Contains(t, srv.Plan().Warnings[0].Problem, "is settled when the last item of the stream was sent")
				s := serveBuilt(t, srv)
				o := s.open("GET", "/?how="+c.how, "Accept: "+string(format))
				if c.how == "wait" {
					for range 2 {
						_, err := o.lines.ReadByte()
						require.NoError(t, err)
					}
					o.cancel()
					assert.Error(t, await(t, sent).Err)
				} else {
					body, err := io.ReadAll(o.lines)
					switch {
					case c.how == "first":
						assert.Equal(t, 500, o.StatusCode)
						assert.Contains(t, string(body), c.end)
					case format == weft.SSE:
						require.NoError(t, err)
						assert.Contains(t, string(body), c.end)
					case c.broken:
						assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
					default:
						require.NoError(t, err)
					}
					assert.Equal(t, c.broken, errors.Is(await(t, sent).Err, errSecret))
				}
				assert.Eventually(t, func() bool { return len(l.tr.all()) == len(c.events) }, waitFor, time.Millisecond)
				assert.Equal(t, c.events, l.tr.all())
				if c.broken && c.how != "wait" {
					assert.Len(t, j.errors(), 1)
				} else {
					assert.Empty(t, j.errors())
				}
			})
		}
	}
}

// An answer that takes the stream's place, and one without a body, run no producer.
func TestAStreamThatIsNotSentIsNotMade(t *testing.T) {
	l := &ledger{tr: &trace{}}
	con := weft.NewContainer(nil)
	weft.PerRequest[*ledger](con, func() *ledger { return l })
	weft.Auto[*feed](con, func(l *ledger) *feed { return &feed{l} })
	app, _ := newApp(weft.WithContainer(con))
	app.Handle("GET /", weft.HandleFrom((*feed).Items))
	app.Handle("GET /replaced", weft.HandleFrom((*feed).Items).Use(weft.After("other", func(*weft.Request, weft.Response) weft.Response {
		return weft.Text("other")
	})))
	s := serve(t, app)
	assert.Equal(t, http.StatusOK, s.send("HEAD", "/", "").status)
	assert.Equal(t, []string{"commit", "close"}, l.tr.all())
	assert.Equal(t, "other", s.send("GET", "/replaced", "").body)
	assert.NotContains(t, l.tr.all(), "item")
}
