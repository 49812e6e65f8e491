// Package response_test tries weft.Response, a value that never changes,
// against a model made of a plain header map, alone and through a server.
package response_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

func TestMain(m *testing.M) {
	// No files of failed runs: what a failure prints reproduces it.
	if err := errors.Join(flag.Set("rapid.nofailfile", "true"), flag.Set("rapid.shrinktime", "5s")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// version is a Response, its model, and how it came to be.
type version struct {
	real weft.Response
	want model
	text string
}

func (v version) GoString() string { return v.text }

// drawVersions grows a tree of Responses: each is made from any earlier one, so
// that many are made from the same.
func drawVersions(t *rapid.T, beginnings []beginning) []version {
	b := rapid.SampledFrom(beginnings).Draw(t, "beginning")
	versions := []version{{b.real(), b.want, b.text}}
	for range rapid.IntRange(0, 24).Draw(t, "changes") {
		from := versions[len(versions)-1]
		if rapid.IntRange(0, 3).Draw(t, "branches") == 0 {
			from = rapid.SampledFrom(versions).Draw(t, "from")
		}
		c := drawChange(t)
		versions = append(versions, version{c.real(from.real), c.apply(from.want), from.text + "." + c.text})
	}
	return versions
}

func TestAResponseIsWhatItsChangesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := drawVersions(t, beginnings)
		last := versions[len(versions)-1]
		last.want.assertSame(t, last.real, last.text)
	})
}

// All versions are read only when the last has been made, and twice, since the
// first reader spoils what it was given.
func TestAResponseIsNeverChangedByWhatIsMadeOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := drawVersions(t, beginnings)
		for range 2 {
			for _, v := range versions {
				v.want.assertSame(t, v.real, v.text)
			}
		}
	})
}

func TestAResponseIsAtMostFourWords(t *testing.T) {
	word := reflect.TypeFor[uintptr]().Size()
	assert.LessOrEqual(t, reflect.TypeFor[weft.Response]().Size(), 4*word)
}

// site is a server on a real connection that answers with the Response it is told.
type site struct {
	answer  atomic.Pointer[weft.Response]
	outside atomic.Pointer[weft.Response] // what a stage outside saw of it
	url     string
	client  *http.Client
}

func newSite(t *testing.T) *site {
	s := &site{}
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	app.Use(weft.After("see", func(_ *weft.Request, resp weft.Response) weft.Response {
		s.outside.Store(&resp)
		return resp
	}))
	app.Use(weft.NewMiddleware("answer", func(*weft.Request, weft.Next) weft.Response { return *s.answer.Load() }))
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	hs := httptest.NewUnstartedServer(srv)
	hs.Config.ErrorLog = log.New(io.Discard, "", 0)
	hs.Start()
	t.Cleanup(hs.Close)
	s.url = hs.URL
	s.client = &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// get sends a request that is answered with the Response.
func (s *site) get(t require.TestingT, method string, r weft.Response) (*http.Response, string) {
	s.answer.Store(&r)
	hr, err := http.NewRequest(method, s.url, nil)
	require.NoError(t, err)
	resp, err := s.client.Do(hr)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

// The boundary of a stage maps and logs a failure; what the stage put on it stands.
func TestAResponseLeavesItsStageAsItIs(t *testing.T) {
	s := newSite(t)
	rapid.Check(t, func(t *rapid.T) {
		versions := drawVersions(t, answers)
		last := versions[len(versions)-1]
		s.get(t, http.MethodGet, last.real)
		last.want.assertSame(t, *s.outside.Load(), last.text)
	})
}

func TestAClientGetsTheResponseAsItIs(t *testing.T) {
	s := newSite(t)
	rapid.Check(t, func(t *rapid.T) {
		versions := drawVersions(t, answers)
		last := versions[len(versions)-1]
		want, method := last.want, rapid.SampledFrom([]string{http.MethodGet, http.MethodHead}).Draw(t, "method")
		if method == http.MethodHead && want.body == "" {
			last.real = last.real.WithoutHeader("Content-Length") // its own test is below
		}
		for range 2 { // a Response can be sent many times
			got, body := s.get(t, method, last.real)
			assert.Equal(t, want.status, got.StatusCode, last.text)
			assert.Equal(t, want.sent(), received(got.Header), last.text)
			switch {
			case !mayHaveBody(want.status):
				assert.Empty(t, body, last.text)
			case method == http.MethodHead:
				assert.Empty(t, body, last.text)
				if want.body != "" {
					assert.EqualValues(t, len(want.body), got.ContentLength, last.text)
				}
			default:
				assert.True(t, want.body == body, "%s: the body is %.80q, not %.80q", last.text, body, want.body)
				assert.EqualValues(t, len(want.body), got.ContentLength, last.text)
			}
		}
	})
}

func mayHaveBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}

// transports are the fields that follow from the connection and the body.
var transports = []string{"Content-Length", "Transfer-Encoding", "Date", "Connection"}

// sent is the header fields that a client must get, those of the transport aside.
func (m model) sent() http.Header {
	h := m.header.Clone()
	for _, name := range transports {
		h.Del(name)
	}
	if !mayHaveBody(m.status) {
		h.Del("Content-Type")
	}
	return h
}

func received(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range transports {
		h.Del(name)
	}
	return h
}

// An answer to HEAD without a body may say how long the answer to GET would be.
// What is no length (RFC 9110 section 8.6) must not reach the connection, which it would break.
func TestAnAnswerToHEADHasOneLengthOrNone(t *testing.T) {
	answer := weft.Text("")
	tests := []struct {
		name   string
		answer weft.Response
		length int64 // -1 where there is none
	}{
		{"a length", answer.WithHeader("Content-Length", "17"), 17},
		{"no length", answer, -1},
		{"an empty one", answer.WithHeader("Content-Length", ""), -1},
		{"a word", answer.WithHeader("Content-Length", "long"), -1},
		{"a negative one", answer.WithHeader("Content-Length", "-1"), -1},
		{"one with a sign", answer.WithHeader("Content-Length", "+17"), -1},
		{"two", answer.WithHeader("Content-Length", "17").WithAddedHeader("Content-Length", "42"), -1},
		{"two in one", answer.WithHeader("Content-Length", "17, 42"), -1},
	}
	s := newSite(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := s.get(t, http.MethodHead, tt.answer)
			assert.Equal(t, http.StatusOK, got.StatusCode)
			assert.Equal(t, tt.length, got.ContentLength)
		})
	}
}

// One Response is read, changed and sent from many goroutines, under the race detector.
func TestAResponseIsSharedByManyGoroutines(t *testing.T) {
	shared := weft.JSON(map[string]string{"a": strings.Repeat("a", 2000)}).
		WithHeader("ETag", `"1"`).WithAddedHeader("X-A", "1").WithAddedHeader("X-A", "2").Vary("Accept", "Origin")
	want := ok(200, "application/json", fmt.Sprintf(`{"a":%q}`, strings.Repeat("a", 2000)))
	want.header["Etag"], want.header["X-A"], want.header["Vary"] = []string{`"1"`}, []string{"1", "2"}, []string{"Accept", "Origin"}

	app := weft.New()
	app.Handle("GET /", weft.Handle(func(context.Context, *weft.Request) (weft.Response, error) { return shared, nil }))
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 50 {
				own := fmt.Sprint(i, j)
				changed := shared.WithAddedHeader("X-A", own).Vary(own).WithHeader("ETag", own)
				assert.Equal(t, []string{"1", "2", own}, changed.Header()["X-A"])
				assert.Equal(t, []string{"Accept", "Origin", own}, changed.Header()["Vary"])
				assert.Equal(t, []string{own}, changed.Header()["Etag"])

				rec := httptest.NewRecorder()
				srv.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
				assert.Equal(t, want.body, rec.Body.String())
				spoil(rec.Header(), rec.Body.Bytes())
				want.assertSame(t, shared, "shared")
			}
		})
	}
	all.Wait()
}
