// Package streams_test sends streams to real clients, many items to one and few to many, and looks for what is lost or left behind.
package streams_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const waitFor = 10 * time.Second

type row struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

type rows = weft.Stream[row]

// counting yields n rows, or without end, and tells how many producers are running.
func counting(n int, running *atomic.Int64, wait func(ctx context.Context, i int)) *weft.Handler[struct{}, rows] {
	return weft.Handle(func(ctx context.Context, _ struct{}) (rows, error) {
		return func(yield func(row, error) bool) {
			running.Add(1)
			defer running.Add(-1)
			for i := 0; n < 0 || i < n; i++ {
				if wait != nil {
					wait(ctx, i)
				}
				if ctx.Err() != nil || !yield(row{i, "a row of some length"}, nil) {
					return
				}
			}
		}, nil
	})
}

// quiet is an app that logs nothing.
func quiet(opts ...weft.Option) *weft.App {
	return weft.New(append([]weft.Option{weft.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
}

// site is a server, and a client of one version of HTTP.
type site struct {
	url    string
	client *http.Client
}

// serve serves the app over HTTP/1.1, or HTTP/2 with TLS.
func serve(t *testing.T, app *weft.App, version int) site {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	ts := httptest.NewUnstartedServer(srv)
	if version == 2 {
		ts.EnableHTTP2 = true
		ts.StartTLS()
	} else {
		ts.Start()
	}
	t.Cleanup(ts.Close)
	client := ts.Client()
	transport := client.Transport.(*http.Transport).Clone()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = 0, 1000
	transport.DisableCompression = true
	if version == 2 {
		transport.TLSClientConfig = transport.TLSClientConfig.Clone()
		transport.TLSClientConfig.MinVersion = tls.VersionTLS13
	}
	t.Cleanup(transport.CloseIdleConnections)
	return site{ts.URL, &http.Client{Transport: transport}}
}

// open asks for a stream.
func (s site) open(t *testing.T, ctx context.Context, path, accept string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	req.Header.Set("Accept", accept)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	return resp
}
