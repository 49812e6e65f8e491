package negotiation_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// site is a server on loopback, with the client that speaks its protocol.
type site struct {
	url    string
	client *http.Client
	major  int
}

// overBoth runs a test over HTTP/1.1, and over HTTP/2 with TLS.
func overBoth(t *testing.T, declare func(*weft.App), test func(*testing.T, *site)) {
	for name, major := range map[string]int{"HTTP/1.1": 1, "HTTP/2": 2} {
		t.Run(name, func(t *testing.T) {
			app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
			declare(app)
			srv, err := app.Build(t.Context())
			require.NoError(t, err)
			ts := httptest.NewUnstartedServer(srv)
			ts.EnableHTTP2 = major == 2
			if major == 2 {
				ts.StartTLS()
			} else {
				ts.Start()
			}
			t.Cleanup(ts.Close)
			test(t, &site{ts.URL, ts.Client(), major})
		})
	}
}

type reply struct {
	status int
	header http.Header
	body   []byte
	length int64
}

// fatal is what *testing.T and *rapid.T have in common.
type fatal interface {
	require.TestingT
	Helper()
}

// send makes a request. Values of a name that is there twice are lines of their own.
func (s *site) send(t fatal, method, path string, body []byte, header http.Header) reply {
	t.Helper()
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	require.NoError(t, err)
	if header != nil {
		req.Header = header
	}
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, s.major, resp.ProtoMajor)
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, got, resp.ContentLength}
}
