package streams_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A million items are sent in little more memory than one.
func TestAMillionItemsNeedNoRoom(t *testing.T) {
	var running atomic.Int64
	app := quiet()
	app.Handle("GET /", counting(million, &running, nil))
	for _, version := range []int{1, 2} {
		s := serve(t, app, version)
		for _, format := range []string{"application/x-ndjson", "application/json", "text/event-stream"} {
			before, most := heap(), uint64(0)
			started := time.Now()
			resp := s.open(t, t.Context(), "/", format)
			lines, separators := 0, map[string]byte{"application/x-ndjson": '\n', "application/json": '{', "text/event-stream": '{'}
			buf := make([]byte, 64<<10)
			for reads := 0; ; reads++ {
				n, err := resp.Body.Read(buf)
				lines += strings.Count(string(buf[:n]), string(separators[format]))
				if reads%500 == 0 {
					most = max(most, heap())
				}
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
			}
			resp.Body.Close()
			assert.Equal(t, million, lines)
			grown := int64(most) - int64(before)
			t.Logf("HTTP/%d %s: %d items in %v, heap at most %d KiB over its start", version, format, lines, time.Since(started).Round(time.Millisecond), grown>>10)
			assert.Less(t, grown, int64(8<<20))
		}
	}
	assert.Eventually(t, func() bool { return running.Load() == 0 }, waitFor, time.Millisecond)
}

// A client that leaves after ten items stops the producer, and the services of the request are closed, within a second.
func TestAClientThatLeavesStopsTheProducer(t *testing.T) {
	for _, version := range []int{1, 2} {
		var running atomic.Int64
		closed := make(chan struct{}, 1)
		c := weft.NewContainer(nil)
		weft.PerRequest[*pool](c, func() *pool { return &pool{closed} })
		weft.Auto[*reports](c, func(p *pool) *reports { return &reports{p} })
		app := quiet(weft.WithContainer(c))
		app.Handle("GET /", weft.HandleFrom((*reports).All))
		_ = running.Load()
		s := serve(t, app, version)
		ctx, cancel := context.WithCancel(t.Context())
		resp := s.open(t, ctx, "/", "application/x-ndjson")
		lines := bufio.NewScanner(resp.Body)
		for range 10 {
			require.True(t, lines.Scan())
		}
		cancel()
		left := time.Now()
		select {
		case <-closed:
			t.Logf("HTTP/%d: closed %v after the client left", version, time.Since(left).Round(10*time.Microsecond))
			assert.Less(t, time.Since(left), time.Second)
		case <-time.After(waitFor):
			t.Fatal("the scope is still open")
		}
		resp.Body.Close()
	}
}

type pool struct{ closed chan struct{} }

func (p *pool) Close() error { p.closed <- struct{}{}; return nil }

type reports struct{ pool *pool }

func (*reports) All(context.Context, struct{}) (rows, error) {
	return func(yield func(row, error) bool) {
		for i := 0; yield(row{i, "endless"}, nil); i++ {
		}
	}, nil
}

// A client that reads nothing is cut off when it has had its time, over both versions of HTTP, and its producer ends.
func TestAReaderSlowerThanItsDeadlineIsCutOff(t *testing.T) {
	for _, version := range []int{1, 2} {
		var running atomic.Int64
		sent := make(chan weft.Sent, 1)
		app := quiet(weft.WithStreams(weft.Streams{WriteTimeout: 200 * time.Millisecond}))
		app.Use(weft.Finally("sent", func(_ *weft.Request, s weft.Sent) { sent <- s }))
		app.Handle("GET /", counting(-1, &running, nil))
		s := serve(t, app, version)
		ctx, cancel := context.WithCancel(t.Context())
		resp := s.open(t, ctx, "/", "application/x-ndjson")
		started := time.Now()
		select {
		case got := <-sent:
			assert.Error(t, got.WriteErr, "HTTP/%d", version)
			assert.Zero(t, running.Load())
			t.Logf("HTTP/%d: cut off after %v and %d KiB", version, time.Since(started).Round(time.Millisecond), got.Bytes>>10)
		case <-time.After(waitFor):
			t.Errorf("HTTP/%d: it is still waited for", version)
		}
		cancel()
		resp.Body.Close()
	}
}

// Five hundred clients listen to events at once, hear the heart beat, and leave nothing behind.
func TestManyClientsListenAtOnce(t *testing.T) {
	const clients, events = 500, 5
	for _, version := range []int{1, 2} {
		var running atomic.Int64
		news := make([]chan struct{}, events) // closed one after the other
		for i := range news {
			news[i] = make(chan struct{})
		}
		app := quiet(weft.WithStreams(weft.Streams{Heartbeat: 100 * time.Millisecond}))
		app.Handle("GET /", counting(-1, &running, func(ctx context.Context, i int) {
			if i >= events {
				<-ctx.Done()
				return
			}
			select {
			case <-news[i]:
			case <-ctx.Done():
			}
		}))
		s := serve(t, app, version)
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		started := time.Now()
		var wg sync.WaitGroup
		var beats, heard atomic.Int64
		for range clients {
			wg.Go(func() {
				resp := s.open(t, ctx, "/", "text/event-stream")
				defer resp.Body.Close()
				got, lines := 0, bufio.NewScanner(resp.Body)
				for got < events && lines.Scan() {
					switch line := lines.Text(); {
					case line == ":":
						beats.Add(1)
					case strings.HasPrefix(line, "data: "):
						var r row
						if assert.NoError(t, json.Unmarshal([]byte(line[6:]), &r)) {
							assert.Equal(t, got, r.N)
						}
						got++
						heard.Add(1)
					}
				}
			})
		}
		require.Eventually(t, func() bool { return running.Load() == clients }, 30*time.Second, time.Millisecond)
		for i := range news {
			time.Sleep(150 * time.Millisecond) // for a beat
			close(news[i])
		}
		wg.Wait()
		took := time.Since(started)
		assert.EqualValues(t, clients*events, heard.Load())
		assert.Greater(t, beats.Load(), int64(clients))
		cancel()
		assert.Eventually(t, func() bool { return running.Load() == 0 }, waitFor, time.Millisecond, "producers go on")
		t.Logf("HTTP/%d: %d clients, %d events and %d beats in %v", version, clients, heard.Load(), beats.Load(), took.Round(time.Millisecond))
	}
}

// Streams that are left at any time leave nothing behind: TestMain looks.
func TestStreamsThatAreLeftAtAnyTime(t *testing.T) {
	for _, version := range []int{1, 2} {
		var running atomic.Int64
		app := quiet()
		app.Handle("GET /fast", counting(-1, &running, nil))
		app.Handle("GET /slow", counting(-1, &running, func(ctx context.Context, i int) {
			if i > 3 {
				<-ctx.Done()
			}
		}))
		s := serve(t, app, version)
		var wg sync.WaitGroup
		turns := make(chan int)
		for range 50 {
			wg.Go(func() {
				for i := range turns {
					ctx, cancel := context.WithCancel(t.Context())
					if i%5 == 0 { // before there is an answer
						go cancel()
					}
					req, _ := http.NewRequestWithContext(ctx, "GET", s.url+[]string{"/fast", "/slow"}[i%2], nil)
					req.Header.Set("Accept", []string{"application/x-ndjson", "text/event-stream", "application/json"}[i%3])
					if resp, err := s.client.Do(req); err == nil {
						_, _ = io.CopyN(io.Discard, resp.Body, int64(i%7)*10)
						cancel()
						resp.Body.Close()
					}
					cancel()
				}
			})
		}
		for i := range left {
			turns <- i
		}
		close(turns)
		wg.Wait()
		assert.Eventually(t, func() bool { return running.Load() == 0 }, waitFor, time.Millisecond, fmt.Sprint("HTTP/", version))
	}
}
