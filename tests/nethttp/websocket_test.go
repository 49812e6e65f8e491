package nethttp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// chat echoes messages until the client leaves.
func chat(w http.ResponseWriter, hr *http.Request) {
	conn, err := websocket.Accept(w, hr, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(hr.Context())
		if err != nil {
			return
		}
		if conn.Write(hr.Context(), kind, message) != nil {
			return
		}
	}
}

// A WebSocket is opened through the onion: guards and the stages around it run, and what they add is in the answer to the
// handshake, except where a proxy copies another's. Middleware of others stands around it where that lets the connection be taken over.
func TestAWebSocketThroughTheOnion(t *testing.T) {
	transparent := others(t)
	for name, h := range map[string]http.Handler{"chat": http.HandlerFunc(chat), "proxied": proxyTo(t, http.HandlerFunc(chat))} {
		for _, stack := range []string{"", "rs/cors", "otelhttp", "gzhttp", "chi Compress", "chi Logger", "chi Recoverer", "chi Timeout", "http.CrossOriginProtection", "several at once"} {
			for _, at := range levels {
				for _, secure := range []wire{http1, http1s} {
					t.Run(strings.Join([]string{name, stack, at.name, secure.name}, ", "), func(t *testing.T) {
						app, log := newApp()
						sent := sentBy(app)
						group := app.Group("/g")
						stages := []weft.Middleware{outer(nil)}
						if stack != "" {
							stages = append(stages, weft.Std(stack, transparent[stack]))
						}
						onRoute := at.attach(app, group, stages...)
						group.Handle("GET /chat", responding(func(context.Context, *weft.Request) weft.Response { return weft.Raw(h) }).Use(onRoute...).
							Guard(weft.NewGuard("ticket", func(r *weft.Request) error {
								if r.HTTP().URL.Query().Get("ticket") == "" {
									return weft.Deny("There is no ticket.")
								}
								return nil
							})))
						site := secure.open(t, build(t, app))
						dial := &websocket.DialOptions{HTTPClient: site.client, HTTPHeader: http.Header{"Authorization": {"Basic YWRhOnNlY3JldA=="}}}
						_, resp, err := websocket.Dial(t.Context(), site.server.URL+"/g/chat", dial)
						require.Error(t, err)
						assert.Equal(t, 403, resp.StatusCode)
						assertOuter(t, resp)
						await(t, sent)

						for range 3 {
							conn, resp, err := websocket.Dial(t.Context(), site.server.URL+"/g/chat?ticket=1", dial)
							require.NoError(t, err)
							assert.Equal(t, 101, resp.StatusCode)
							if name == "chat" {
								assertOuter(t, resp)
							}
							for i := range 10 {
								said := fmt.Sprint("message ", i, strings.Repeat("!", i*1000))
								require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(said)))
								_, heard, err := conn.Read(t.Context())
								require.NoError(t, err)
								assert.Equal(t, said, string(heard))
							}
							require.NoError(t, conn.Close(websocket.StatusNormalClosure, ""))
							s := await(t, sent)
							assert.Equal(t, 101, s.Status)
							assert.NoError(t, s.Err)
						}
						assert.Empty(t, log.errors())
					})
				}
			}
		}
	}
}
