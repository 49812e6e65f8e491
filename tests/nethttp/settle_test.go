package nethttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// tx is a transaction of one request.
type tx struct {
	fails  error
	mu     sync.Mutex
	events []string
}

func (x *tx) add(event string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.events = append(x.events, event)
}

func (x *tx) so() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.events)
}

func (x *tx) Settle(_ context.Context, o weft.Outcome) error {
	if !o.OK() {
		x.add("rollback")
		return nil
	}
	x.add("commit")
	return x.fails
}

func (x *tx) Close() error { x.add("close"); return nil }

// rows is a service that reads in the transaction.
type rows struct{ tx *tx }

// While a body is made, whoever makes it and whatever stands around it, the request's services are open and nothing is
// settled; after its last byte they settle by what became of it, and are closed.
func TestServicesStayOpenUntilTheBodyIsDone(t *testing.T) {
	for _, w := range []wire{http1, h2c} {
		for _, kind := range []string{"Writer", "Raw", "Std as interceptor"} {
			for _, stack := range []string{"", "several at once", "gzhttp"} {
				for _, how := range []string{"ends well", "commit fails", "body fails", "client leaves"} {
					t.Run(strings.Join([]string{w.name, kind, stack, how}, ", "), func(t *testing.T) {
						x := &tx{}
						if how == "commit fails" {
							x.fails = errSecret
						}
						c := weft.NewContainer(nil)
						weft.PerRequest[*tx](c, func() *tx { return x })
						weft.Auto[*rows](c, func(x *tx) *rows { return &rows{x} })
						app, log := newApp(weft.WithContainer(c))
						sent := sentBy(app)
						app.Use(outer(nil))
						if stack != "" {
							app.Use(weft.Std(stack, others(t)[stack]))
						}
						step := make(chan bool)
						body := func(r *rows, ctx context.Context, line func(string) error) error {
							for i := 0; ; i++ {
								select {
								case <-ctx.Done():
									return ctx.Err()
								case more := <-step:
									if !more && how == "body fails" {
										return errSecret
									} else if !more {
										return nil
									}
								}
								r.tx.add("row")
								if err := line(fmt.Sprint("line ", i)); err != nil {
									return err
								}
							}
						}
						handler := func(r *rows) http.Handler {
							return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
								w.Header().Set("Content-Type", "text/plain")
								err := body(r, hr.Context(), func(line string) error {
									_, _ = fmt.Fprintln(w, line)
									return http.NewResponseController(w).Flush()
								})
								if errors.Is(err, errSecret) {
									panic(err)
								}
							})
						}
						h := weft.HandleFrom(func(r *rows, ctx context.Context, _ struct{}) (weft.Response, error) {
							if kind == "Raw" {
								return weft.Raw(handler(r)), nil
							}
							return weft.Writer("text/plain", func(w io.Writer) error {
								return body(r, ctx, func(line string) error { return flushing(w, line) })
							}), nil
						})
						if kind == "Std as interceptor" {
							h = h.Intercept(weft.Std("through", through))
						}
						app.Handle("GET /x", h)
						site := w.open(t, build(t, app))
						go func() { step <- true }()
						got := site.begin("GET", "/x", "Accept-Encoding: gzip")
						assertOuter(t, got.Response)
						got.lines.Reset(unzipped(t, got.Response, got.Body))
						assert.Equal(t, "line 0", got.line(t))
						assert.Equal(t, []string{"row"}, x.so(), "nothing is settled yet")
						step <- true
						assert.Equal(t, "line 1", got.line(t))
						assert.Equal(t, []string{"row", "row"}, x.so())
						if how == "client leaves" {
							got.leave()
						} else {
							step <- false
							_, err := got.lines.ReadByte()
							if how == "ends well" {
								assert.ErrorIs(t, err, io.EOF)
							} else {
								assert.Error(t, err)
								assert.NotErrorIs(t, err, io.EOF, "the client sees that there is no end")
							}
						}
						s := await(t, sent)
						end := "rollback"
						if how == "ends well" || how == "commit fails" {
							end = "commit"
						}
						require.Eventually(t, func() bool { return len(x.so()) == 4 }, waitFor, time.Millisecond)
						assert.Equal(t, []string{"row", "row", end, "close"}, x.so())
						switch how {
						case "ends well":
							assert.NoError(t, s.Err)
							assert.Empty(t, log.errors())
						case "client leaves":
							assert.Empty(t, log.errors())
						default:
							assert.ErrorIs(t, s.Err, errSecret)
							assert.Len(t, log.errors(), 1, "once: %v", log.errors())
						}
					})
				}
			}
		}
	}
}

// A body that nobody wanted is no success, though whoever made it did not look at what writing said.
func TestABodyThatNobodyWantedIsRolledBack(t *testing.T) {
	for _, kind := range []string{"Writer", "Raw"} {
		t.Run(kind, func(t *testing.T) {
			x := &tx{}
			c := weft.NewContainer(nil)
			weft.PerRequest[*tx](c, func() *tx { return x })
			app, log := newApp(weft.WithContainer(c))
			app.Use(weft.After("other", func(*weft.Request, weft.Response) weft.Response { return weft.Text("other") }), weft.Std("through", through))
			app.Handle("GET /x", weft.HandleFrom(func(*tx, context.Context, struct{}) (weft.Response, error) {
				if kind == "Raw" {
					return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						_, _ = io.WriteString(w, "tea")
						w.(http.Flusher).Flush()
						_, _ = io.WriteString(w, "tea")
					})), nil
				}
				return weft.Writer("text/plain", func(w io.Writer) error {
					_ = flushing(w, "tea")
					_ = flushing(w, "tea")
					return nil
				}), nil
			}))
			got := http1.open(t, build(t, app)).send("GET", "/x", "")
			assert.Equal(t, "other", got.text)
			require.Eventually(t, func() bool { return len(x.so()) == 2 }, waitFor, time.Millisecond)
			assert.Equal(t, []string{"rollback", "close"}, x.so())
			assert.Empty(t, log.errors())
		})
	}
}
