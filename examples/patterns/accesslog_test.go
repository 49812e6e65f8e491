package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestTheLineOfARequest(t *testing.T) {
	t.Parallel()
	sent := weft.Sent{Status: 404, Bytes: 53, Duration: time.Second}
	got := accessLine(request(t, "PUT", "/coffee?token=secret"), sent)
	assert.Equal(t, []slog.Attr{
		slog.String("method", "PUT"), slog.Int("status", 404), slog.Int64("bytes", 53), slog.Duration("duration", time.Second),
		slog.String("route", "unmatched"), slog.String("path", "/coffee"),
	}, got)
}

func TestTheFinalStatus(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	for _, row := range []struct {
		name string
		sent weft.Sent
		gone bool
		want int
	}{
		{"what was sent", weft.Sent{Status: 200}, false, 200},
		{"nothing was sent", weft.Sent{}, false, 0},
		{"the client left before", weft.Sent{Status: 499}, true, 499},
		{"the client left in the middle", weft.Sent{Status: 200, WriteErr: broken}, true, 499},
		{"the client left with everything", weft.Sent{Status: 200}, true, 200},
		{"it was not the client", weft.Sent{Status: 200, WriteErr: broken}, false, 200},
	} {
		ctx, leave := context.WithCancel(t.Context())
		r := weft.NewRequest(httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		if row.gone {
			leave()
		}
		assert.Equal(t, row.want, finalStatus(r, row.sent), row.name)
		leave()
	}
}

// A deadline further out ends the context of the stage, not the transport's.
func TestAStageThatEndsItsContextIsNoClientThatLeft(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	r := request(t, "GET", "/").WithContext(ctx)
	end()
	assert.Equal(t, 200, finalStatus(r, weft.Sent{Status: 200, WriteErr: io.ErrShortWrite}))
}

func TestEveryRequestIsLoggedOnce(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := serving(t, teahouse(log.logger(), requestID(), accessLog()))
	sent := make([]answer, len(outcomes))
	for i, o := range outcomes {
		sent[i] = o.call(t, s, "X-Request-ID: "+strconv.Itoa(i))
	}
	s.Close()
	lines := map[any]map[string]any{}
	for _, line := range log.records(t, "answered") {
		assert.NotContains(t, lines, line["request_id"], "logged once")
		lines[line["request_id"]] = line
	}
	require.Len(t, lines, len(outcomes))
	for i, o := range outcomes {
		line := lines[strconv.Itoa(i)]
		assert.EqualValues(t, o.status, line["status"], o.name)
		assert.Equal(t, o.method, line["method"], o.name)
		assert.EqualValues(t, len(sent[i].body), line["bytes"], o.name)
		assert.Positive(t, line["duration"], o.name)
		assert.Equal(t, "INFO", line["level"], o.name)
		if o.route == unmatched {
			assert.Equal(t, unmatched, line["route"], o.name)
			assert.NotEmpty(t, line["path"], o.name)
			continue
		}
		assert.Contains(t, line["route"], o.route, o.name)
		assert.NotContains(t, line, "path", o.name)
	}
}

func TestARequestWhoseMiddlewarePanicsIsLogged(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := serving(t, teahouse(log.logger(), requestID(), accessLog()))
	s.call(t, "GET", "/flood", "")
	s.Close()
	lines := log.records(t, "answered")
	require.Len(t, lines, 1)
	assert.EqualValues(t, 500, lines[0]["status"])
}

// The stage stands far outside; what it writes is what the client got, also
// where a stage outside of it has the last word.
func TestTheLogHasTheStatusThatWasSent(t *testing.T) {
	t.Parallel()
	log := &logged{}
	last := weft.After("last word", func(_ *weft.Request, resp weft.Response) weft.Response { return resp.WithStatus(418) })
	s := serving(t, teahouse(log.logger(), last, requestID(), accessLog()))
	assert.Equal(t, 418, s.call(t, "GET", "/tea/green", "").status)
	s.Close()
	assert.EqualValues(t, 418, log.records(t, "answered")[0]["status"])
}

func TestTheLogHasTheTimeToTheEndOfTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		app := weft.New(weft.WithLogger(slog.New(withRequestID{slog.NewTextHandler(&out, nil)})))
		app.Use(requestID(), accessLog())
		app.Handle("GET /slow/{sort}", weft.Handle(func(context.Context, struct{}) (string, error) {
			time.Sleep(3 * time.Second)
			return "green", nil
		}))
		server, err := app.Build(t.Context())
		require.NoError(t, err)
		hr := httptest.NewRequestWithContext(t.Context(), "GET", "/slow/green", nil)
		hr.Header.Set(requestIDHeader, "mine")
		server.ServeHTTP(slowly{httptest.NewRecorder()}, hr)
		assert.Contains(t, out.String(), `level=INFO msg=answered route="GET /slow/{sort}" method=GET status=200 bytes=7 duration=5s request_id=mine`+"\n")
	})
}

// slowly takes its time for each part of the body.
type slowly struct{ http.ResponseWriter }

func (w slowly) Write(p []byte) (int, error) {
	time.Sleep(2 * time.Second)
	return w.ResponseWriter.Write(p)
}

func TestAClientThatLeavesBeforeTheAnswerIsA499(t *testing.T) {
	t.Parallel()
	log := &logged{}
	started := make(chan struct{})
	app := teahouse(log.logger(), requestID(), accessLog())
	app.Handle("GET /slow", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		close(started)
		<-ctx.Done()
		return "", ctx.Err()
	}))
	s := serving(t, app)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-started
		leave()
	}()
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/slow", nil)
	require.NoError(t, err)
	_, err = s.client.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	s.Close()
	lines := log.records(t, "answered")
	require.Len(t, lines, 1)
	assert.EqualValues(t, 499, lines[0]["status"])
	assert.Empty(t, log.records(t, "request failed"), "nothing of the server's has failed")
}

func TestAClientThatLeavesInTheMiddleOfTheAnswerIsA499(t *testing.T) {
	t.Parallel()
	log := &logged{}
	const size = 64 << 20 // more than all buffers on the way hold
	app := teahouse(log.logger(), requestID(), accessLog())
	app.Handle("GET /large", weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Bytes("application/octet-stream", make([]byte, size)), nil
	}))
	s := serving(t, app)
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/large", nil)
	require.NoError(t, err)
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
	s.Close()
	lines := log.records(t, "answered")
	require.Len(t, lines, 1)
	assert.EqualValues(t, 499, lines[0]["status"])
	assert.Less(t, lines[0]["bytes"], float64(size))
}

func TestAConnectionThatIsDroppedIsLoggedWithoutAStatus(t *testing.T) {
	t.Parallel()
	log := &logged{}
	app := teahouse(log.logger(), requestID(), accessLog())
	app.Handle("GET /drop", weft.Handle(func(context.Context, struct{}) (string, error) { panic(http.ErrAbortHandler) }))
	s := serving(t, app)
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/drop", nil)
	require.NoError(t, err)
	_, err = s.client.Do(req)
	require.Error(t, err)
	s.Close()
	lines := log.records(t, "answered")
	require.NotEmpty(t, lines) // the client may have tried again
	assert.EqualValues(t, 0, lines[0]["status"])
}

func TestTheAccessLogStandsInsideOfTheRequestID(t *testing.T) {
	t.Parallel()
	_, err := teahouse(slog.Default(), accessLog(), requestID()).Plan()
	assert.ErrorContains(t, err, `"request id"`)
	assert.ErrorContains(t, err, "access log")
}
