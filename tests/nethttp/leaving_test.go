package nethttp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

// endless are bodies that do not end by themselves, each behind stages given.
func endless(open *atomic.Int64) map[string]func(stages ...weft.Middleware) weft.Endpoint {
	until := func(ctx context.Context, line func(i int) error) error {
		open.Add(1)
		defer open.Add(-1)
		for i := 0; ; i++ {
			if err := line(i); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	}
	handler := func(w http.ResponseWriter, hr *http.Request) {
		_ = until(hr.Context(), func(i int) error {
			_, _ = fmt.Fprintln(w, "line", i)
			return http.NewResponseController(w).Flush()
		})
	}
	writer := func(ctx context.Context, _ *weft.Request) weft.Response {
		return weft.Writer("text/plain", func(w io.Writer) error {
			return until(ctx, func(i int) error { return flushing(w, fmt.Sprint("line ", i)) })
		})
	}
	return map[string]func(stages ...weft.Middleware) weft.Endpoint{
		"Writer": func(stages ...weft.Middleware) weft.Endpoint { return responding(writer).Use(stages...) },
		"Raw": func(stages ...weft.Middleware) weft.Endpoint {
			return responding(func(context.Context, *weft.Request) weft.Response { return weft.Raw(http.HandlerFunc(handler)) }).Use(stages...)
		},
		"Std": func(stages ...weft.Middleware) weft.Endpoint {
			stages = append(stages, weft.Std("answers", func(http.Handler) http.Handler { return http.HandlerFunc(handler) }))
			return responding(writer).Use(stages...)
		},
		"waits for ever": func(stages ...weft.Middleware) weft.Endpoint {
			return responding(func(ctx context.Context, _ *weft.Request) weft.Response {
				return weft.Writer("text/plain", func(w io.Writer) error {
					open.Add(1)
					defer open.Add(-1)
					if err := flushing(w, "line 0"); err != nil {
						return err
					}
					<-ctx.Done()
					return ctx.Err()
				})
			}).Use(stages...)
		},
	}
}

// A thousand answers of each kind that nobody reads to the end, because the client leaves or because a stage outside answers
// otherwise, at every place of middlewares of others: nothing is left behind, and nothing is logged as the server's fault.
func TestAThousandAbandonedAnswersLeaveNothing(t *testing.T) {
	const (
		clients = 10
		each    = 1000
	)
	wrappers := others(t)
	several := []weft.Middleware{weft.Std("several", wrappers["several at once"]), weft.Std("compress", wrappers["gzhttp"]), weft.Std("cors", wrappers["rs/cors"])}
	other := weft.After("other", func(_ *weft.Request, resp weft.Response) weft.Response {
		if resp.Err() != nil {
			return resp
		}
		return weft.Text("other")
	})
	for _, w := range []wire{http1, h2c} {
		for kind := range endless(nil) {
			for _, at := range levels {
				for _, how := range []string{"the client leaves", "another answer"} {
					t.Run(fmt.Sprint(w.name, ", ", kind, ", ", at.name, ", ", how), func(t *testing.T) {
						already := goleak.IgnoreCurrent()
						var open atomic.Int64
						app, log := newApp()
						sent := sentBy(app)
						group := app.Group("/g")
						stages := several
						if how == "another answer" {
							stages = append([]weft.Middleware{other}, stages...)
						}
						onRoute := at.attach(app, group, stages...)
						group.Handle("GET /x", endless(&open)[kind](onRoute...))
						site := w.open(t, build(t, app))
						n := each / len(levels) / 2 // about a thousand of each kind over each wire
						var all sync.WaitGroup
						for range clients {
							all.Go(func() {
								for range n / clients {
									if how == "another answer" {
										got := site.send("GET", "/g/x", "")
										assert.Equal(t, "other", got.text)
										continue
									}
									ctx, leave := context.WithCancel(t.Context())
									resp, err := site.client.Do(site.request(ctx, "GET", "/g/x", nil))
									if assert.NoError(t, err) {
										_, err = bufio.NewReader(resp.Body).ReadString('\n')
										assert.NoError(t, err)
										leave()
										_ = resp.Body.Close()
									}
									leave()
								}
							})
						}
						all.Wait()
						for range n / clients * clients {
							await(t, sent)
						}
						assert.Zero(t, open.Load())
						site.client.CloseIdleConnections()
						site.server.Close()
						goleak.VerifyNone(t, already, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
						assert.Empty(t, log.errors())
					})
				}
			}
		}
	}
}

// phase is a time at which a client leaves.
type phase struct {
	name    string
	request string // as much as is sent
	reads   int    // lines of the answer, before it leaves
}

// A client that leaves before, while and after it sends its request, and before and while it reads the answer: the
// request ends, what it held is closed, and the server goes on.
func TestAClientThatLeavesAtAnyPhase(t *testing.T) {
	whole := "POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nnull"
	phases := []phase{
		{"at once", "", 0},
		{"within the head", whole[:40], 0},
		{"before the body", strings.TrimSuffix(whole, "null"), 0},
		{"within the body", strings.TrimSuffix(whole, "ll"), 0},
		{"before it may continue", strings.Replace(strings.TrimSuffix(whole, "null"), "Host", "Expect: 100-continue\r\nHost", 1), 1},
		{"before the answer", whole, 0},
		{"within the head of the answer", whole, 1},
		{"within the body of the answer", whole, 7},
	}
	for _, secure := range []bool{false, true} {
		for kind := range endless(nil) {
			for _, depth := range []int{0, 2} {
				for _, p := range phases {
					t.Run(fmt.Sprint(map[bool]string{true: "TLS, ", false: ""}[secure], kind, " behind ", depth, ", ", p.name), func(t *testing.T) {
						var open, entered, ended atomic.Int64
						app, log := newApp()
						app.Use(weft.Before("enter", func(*weft.Request) error { entered.Add(1); return nil }),
							weft.Finally("end", func(*weft.Request, weft.Sent) { ended.Add(1) }))
						for range depth {
							app.Use(weft.Std("through", through))
						}
						app.Use(weft.Before("reads", func(r *weft.Request) error { _, err := r.Body(); return err }))
						app.Handle("POST /x", endless(&open)[kind]())
						app.Handle("GET /after", responding(func(context.Context, *weft.Request) weft.Response { return weft.Text("fine") }))
						w := http1
						if secure {
							w = http1s
						}
						site := w.open(t, build(t, app))
						for range 3 {
							leaveAt(t, site, p)
						}
						require.Eventually(t, func() bool { return open.Load() == 0 && entered.Load() == ended.Load() }, waitFor, time.Millisecond)
						assert.Equal(t, "fine", site.send("GET", "/after", "").text)
						assert.Empty(t, log.errors())
					})
				}
			}
		}
	}
}

func leaveAt(t *testing.T, s *site, p phase) {
	t.Helper()
	address := s.server.Listener.Addr().String()
	var conn net.Conn
	var err error
	if s.server.TLS != nil {
		conn, err = (&tls.Dialer{Config: s.client.Transport.(*http.Transport).TLSClientConfig.Clone()}).DialContext(t.Context(), "tcp", address)
	} else {
		conn, err = new(net.Dialer).DialContext(t.Context(), "tcp", address)
	}
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(waitFor)))
	_, err = io.WriteString(conn, p.request)
	require.NoError(t, err)
	lines := bufio.NewReader(conn)
	for range p.reads {
		_, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
}

// A client of HTTP/2 takes back one stream of a connection that others go on to use.
func TestAStreamOfHTTP2ThatIsTakenBack(t *testing.T) {
	for _, w := range []wire{h2c, http2} {
		for kind := range endless(nil) {
			t.Run(w.name+", "+kind, func(t *testing.T) {
				var open atomic.Int64
				app, log := newApp()
				sent := sentBy(app)
				app.Use(weft.Std("through", through))
				app.Handle("GET /x", endless(&open)[kind]())
				app.Handle("POST /upload", weft.Handle(func(_ context.Context, _ *struct{}) (struct{}, error) { return struct{}{}, nil }))
				site := w.open(t, build(t, app))
				stays := site.begin("GET", "/x")
				assert.Equal(t, 2, stays.ProtoMajor)
				assert.Equal(t, "line 0", stays.line(t))
				for range 20 {
					leaves := site.begin("GET", "/x")
					leaves.line(t)
					leaves.leave()
					s := await(t, sent)
					assert.Equal(t, 200, s.Status)
				}
				// within its body
				ctx, leave := context.WithCancel(t.Context())
				body, upload := io.Pipe()
				defer upload.Close()
				failed := make(chan error)
				go func() {
					resp, err := site.client.Do(site.request(ctx, "POST", "/upload", body))
					if err == nil {
						_ = resp.Body.Close()
					}
					failed <- err
				}()
				_, _ = io.WriteString(upload, "{")
				leave()
				assert.ErrorIs(t, await(t, failed), context.Canceled)
				if kind != "waits for ever" {
					assert.NotEmpty(t, stays.line(t), "the other stream goes on")
				}
				stays.leave()
				for range 2 {
					await(t, sent)
				}
				assert.Zero(t, open.Load())
				assert.Empty(t, log.errors())
			})
		}
	}
}

// A client that reads slowly gets everything, in order, and the server makes no more of it than fits on the way.
func TestASlowReader(t *testing.T) {
	const lines, size = 2000, 4 << 10
	line := strings.Repeat("x", size-1) + "\n"
	for _, w := range []wire{http1, h2c} {
		for _, kind := range []string{"Writer", "Raw", "Std"} {
			for _, stages := range [][]weft.Middleware{nil, {weft.Std("through", through), weft.Std("again", through)}} {
				t.Run(fmt.Sprint(w.name, ", ", kind, " behind ", len(stages)), func(t *testing.T) {
					var made atomic.Int64
					write := func(w io.Writer) (err error) {
						for i := 0; i < lines && err == nil; i++ {
							_, err = io.WriteString(w, line)
							made.Add(1)
						}
						return err
					}
					handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = write(w) })
					app, log := newApp()
					sent := sentBy(app)
					app.Use(stages...)
					h := responding(func(context.Context, *weft.Request) weft.Response {
						if kind == "Raw" {
							return weft.Raw(handler)
						}
						return weft.Writer("text/plain", write)
					})
					if kind == "Std" {
						h = h.Use(weft.Std("answers", func(http.Handler) http.Handler { return handler }))
					}
					app.Handle("GET /x", h)
					site := w.open(t, build(t, app))
					got := site.begin("GET", "/x")
					assert.Equal(t, line, got.line(t)+"\n")
					before := int64(-1)
					require.Eventually(t, func() bool { // until nothing more fits
						now := made.Load()
						defer func() { before = now }()
						return now == before
					}, waitFor, 20*time.Millisecond)
					assert.Less(t, before, int64(lines), "it waits for the client")
					rest, err := io.ReadAll(got.lines)
					assert.NoError(t, err)
					assert.Len(t, rest, (lines-1)*size)
					s := await(t, sent)
					assert.EqualValues(t, lines*size, s.Bytes)
					assert.NoError(t, s.Err)
					assert.Empty(t, log.errors())
				})
			}
		}
	}
}

// A client that does not read at all is left when the deadline of the connection says so, and its request ends.
func TestAReaderThatStopped(t *testing.T) {
	for _, kind := range []string{"Writer", "Raw", "Std"} {
		t.Run(kind, func(t *testing.T) {
			endlessly := func(w io.Writer) error {
				for {
					if _, err := w.Write(make([]byte, 64<<10)); err != nil {
						return err
					}
				}
			}
			handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
				_ = endlessly(w)
			})
			app, log := newApp()
			sent := sentBy(app)
			h := responding(func(context.Context, *weft.Request) weft.Response {
				if kind == "Raw" {
					return weft.Raw(handler)
				}
				return weft.Writer("text/plain", endlessly)
			})
			switch kind {
			case "Std":
				h = h.Use(weft.Std("answers", func(http.Handler) http.Handler { return handler }))
			case "Writer":
				h = h.Use(weft.Std("deadline", func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
						_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
						next.ServeHTTP(w, hr)
					})
				}))
			}
			app.Handle("GET /x", h)
			site := http1.open(t, build(t, app))
			site.begin("GET", "/x")
			s := await(t, sent)
			assert.Equal(t, 200, s.Status)
			var timeout net.Error
			assert.True(t, errors.As(errors.Join(s.WriteErr, s.Err), &timeout) && timeout.Timeout(), "%v %v", s.WriteErr, s.Err)
			assert.Empty(t, log.errors())
		})
	}
}

// A client that sends slowly is waited for, by whatever reads the body.
func TestASlowWriter(t *testing.T) {
	for _, w := range []wire{http1, h2c} {
		for _, kind := range []string{"typed", "typed behind Std", "Raw", "Std"} {
			t.Run(w.name+", "+kind, func(t *testing.T) {
				app, log := newApp()
				reads := http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
					body, err := io.ReadAll(hr.Body)
					_, _ = fmt.Fprint(w, string(body), err)
				})
				switch kind {
				case "typed", "typed behind Std":
					if kind != "typed" {
						app.Use(weft.Std("through", through))
					}
					app.Handle("POST /x", weft.Handle(func(_ context.Context, in string) (weft.Response, error) { return weft.Text(`"` + in + `"<nil>`), nil }))
				case "Raw":
					app.Mount("", reads)
				default:
					app.Use(weft.Std("answers", func(http.Handler) http.Handler { return reads }))
				}
				site := w.open(t, build(t, app))
				body, upload := io.Pipe()
				go func() {
					for _, c := range `"a slow client"` {
						time.Sleep(2 * time.Millisecond)
						_, _ = io.WriteString(upload, string(c))
					}
					_ = upload.Close()
				}()
				got := site.do(site.request(t.Context(), "POST", "/x", body))
				assert.Equal(t, `"a slow client"<nil>`, got.text)
				assert.Empty(t, log.errors())
			})
		}
	}
}
