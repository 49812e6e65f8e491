package streams_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// tx is a transaction that knows whether it is open.
type tx struct {
	mu   sync.Mutex
	over string
	log  *journal
}

// journal is what transactions did.
type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

// took waits for these entries, and forgets them.
func (j *journal) took(t *testing.T, name string, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return slices.Equal(j.entries, want)
	}, waitFor, time.Millisecond, name)
	j.entries = nil
}

func (x *tx) read() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over != "" {
		return errors.New("read after " + x.over)
	}
	return nil
}

func (x *tx) Settle(_ context.Context, o weft.Outcome) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over = "rollback"; o.OK() {
		x.over = "commit"
	}
	x.log.add(x.over)
	return nil
}

func (x *tx) Close() error {
	x.log.add("close")
	return nil
}

type store struct{ tx *tx }

var errLost = errors.New("lost")

func (s *store) Rows(_ context.Context, in struct {
	FailAt int `query:"fail" default:"-1"`
}) (weft.Stream[row], error) {
	return func(yield func(row, error) bool) {
		for i := range 1000 {
			if err := s.tx.read(); err != nil {
				yield(row{}, err)
				return
			}
			if i == in.FailAt {
				yield(row{}, errLost)
				return
			}
			if !yield(row{i, strings.Repeat("compressible ", 10)}, nil) {
				return
			}
		}
		if err := s.tx.read(); err != nil {
			yield(row{}, err)
		}
	}, nil
}

// Every format goes through a compression of another library, at every level, with a transaction that is open at the last item; a
// guard that denies and a mapper are in the way as they are for any answer.
func TestStreamsGoThroughStandardMiddleware(t *testing.T) {
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(10), gzhttp.ContentTypes([]string{"application/json", "application/x-ndjson", "text/event-stream"}))
	require.NoError(t, err)
	gz := weft.Std("gzip", func(next http.Handler) http.Handler { return compress(next) })
	for _, level := range []string{"app", "group", "route", "none"} {
		for _, version := range []int{1, 2} {
			log := &journal{}
			c := weft.NewContainer(nil)
			weft.PerRequest[*tx](c, func() *tx { return &tx{log: log} })
			weft.Auto[*store](c, func(x *tx) *store { return &store{x} })
			app := quiet(weft.WithContainer(c))
			app.Catch(weft.OnIs(errLost, func(*weft.Request, error) weft.Response { return weft.Text("lost").WithStatus(410) }))
			ended := make(chan struct{}, 1)
			// The outermost Finally runs last; the scope is closed behind it, before the server is done with the request.
			app.Use(weft.Finally("ended", func(*weft.Request, weft.Sent) { ended <- struct{}{} }))
			h := weft.HandleFrom((*store).Rows).Guard(weft.NewGuard("key", func(r *weft.Request) error {
				if r.Header().Get("X-Key") == "" {
					return weft.Deny("no key")
				}
				return nil
			}))
			group := app.Group("/g")
			switch level {
			case "app":
				app.Use(gz)
			case "group":
				group.Use(gz)
			case "route":
				h = h.Use(gz)
			}
			group.Handle("GET /rows", h)
			s := serve(t, app, version)
			for _, format := range []string{"application/json", "application/x-ndjson", "text/event-stream"} {
				read := func(path string, headers ...string) (*http.Response, string, error) {
					resp := s.open(t, t.Context(), path, format, append(headers, "Accept-Encoding", "gzip")...)
					defer resp.Body.Close()
					assert.Equal(t, version, resp.ProtoMajor)
					body := io.Reader(resp.Body)
					if resp.Header.Get("Content-Encoding") == "gzip" {
						zipped, err := gzip.NewReader(body)
						require.NoError(t, err)
						body = zipped
					} else if resp.StatusCode == 200 && resp.Header.Get("Content-Type") == format {
						assert.Equal(t, "none", level, "it is compressed")
					}
					text, err := io.ReadAll(bufio.NewReader(body))
					<-ended
					return resp, string(text), err
				}
				name := level + " " + format

				_, body, err := read("/g/rows", "X-Key", "1")
				require.NoError(t, err, name)
				assert.Equal(t, 1000, strings.Count(body, `{"n":`), name)
				log.took(t, name, "commit", "close")

				resp, _, err := read("/g/rows")
				require.NoError(t, err)
				assert.Equal(t, 403, resp.StatusCode, name)

				resp, body, err = read("/g/rows?fail=0", "X-Key", "1")
				require.NoError(t, err)
				assert.Equal(t, 410, resp.StatusCode, name)
				assert.Equal(t, "lost", body)
				log.took(t, name, "rollback", "close")

				_, body, err = read("/g/rows?fail=500", "X-Key", "1")
				assert.Equal(t, 500, strings.Count(body, `{"n":`), name)
				if format == "text/event-stream" {
					require.NoError(t, err, name)
					assert.Contains(t, body, "event: error\ndata: lost\n\n", name)
				} else {
					require.Error(t, err, name)
				}
				log.took(t, name, "rollback", "close")
			}
		}
	}
}
