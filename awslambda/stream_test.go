package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

// TestMain builds the function whose process is tested, and sees that nothing is left running.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "awslambda")
	if err != nil {
		panic(err)
	}
	buildFunction(dir)
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"), goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// stages of a body that is made while it is sent.
type steps struct {
	next  chan struct{} // lets the second part be made
	ended chan error    // what ended the writer
}

func (s steps) handle(ctx context.Context, r *weft.Request) (weft.Response, error) {
	how := r.HTTP().URL.Query().Get("how")
	if how == "early" {
		return weft.Response{}, &weft.Error{Status: http.StatusConflict}
	}
	resp := weft.Writer("text/plain", func(w io.Writer) error {
		_, err := io.WriteString(w, "first")
		err = errors.Join(err, w.(interface{ Flush() error }).Flush())
		select {
		case <-s.next:
		case <-ctx.Done():
			s.ended <- ctx.Err()
			return ctx.Err()
		}
		if how == "late" {
			return errors.New("no more")
		}
		_, more := io.WriteString(w, "second")
		if how == "endless" {
			for more == nil {
				_, more = io.WriteString(w, strings.Repeat("x", 64<<10))
			}
			s.ended <- more
		}
		return errors.Join(err, more)
	})
	return resp.WithCookie(&http.Cookie{Name: "a", Value: "1"}).WithCookie(&http.Cookie{Name: "b", Value: "2"}), nil
}

func event(how string) []byte {
	return []byte(`{"version":"2.0","rawPath":"/","rawQueryString":"how=` + how + `","headers":{},"requestContext":{"domainName":"a.lambda-url.b.on.aws","http":{"method":"GET"}}}`)
}

// prelude reads the head of an answer.
func prelude(t *testing.T, from io.Reader) reply {
	t.Helper()
	var text []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(text), strings.Repeat("\x00", 8)); text = append(text, one[0]) {
		_, err := io.ReadFull(from, one)
		require.NoError(t, err)
	}
	var r reply
	require.NoError(t, json.Unmarshal(text[:len(text)-8], &r), string(text))
	return r
}

func streaming(t *testing.T) (steps, *awslambda.Function) {
	s := steps{make(chan struct{}, 1), make(chan error, 1)}
	return s, function(t, s.handle, awslambda.Streaming())
}

func TestAStreamArrivesWhileItIsMade(t *testing.T) {
	s, f := streaming(t)
	answer, err := f.Stream(t.Context(), event(""))
	require.NoError(t, err)
	assert.Equal(t, "application/vnd.awslambda.http-integration-response", answer.(interface{ ContentType() string }).ContentType())
	_, err = json.Marshal(answer)
	require.Error(t, err, "which tells the runtime to read it")
	r := prelude(t, answer)
	assert.Equal(t, 200, r.Status)
	assert.Equal(t, []string{"a=1", "b=2"}, r.Cookies)
	assert.Equal(t, map[string]string{"Content-Type": "text/plain"}, r.Header)
	first := make([]byte, 5)
	_, err = io.ReadFull(answer, first)
	require.NoError(t, err)
	assert.Equal(t, "first", string(first))
	s.next <- struct{}{}
	assert.Equal(t, "second", read(t, answer))
	require.NoError(t, answer.(io.Closer).Close())
}

// What is not flushed comes together, as over a connection.
func TestSmallWritesOfAStreamComeTogether(t *testing.T) {
	f := function(t, func(context.Context, *weft.Request) (weft.Response, error) {
		return weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				_, _ = io.WriteString(w, "tea, ")
			}
		})), nil
	}, awslambda.Streaming())
	answer, err := f.Stream(t.Context(), event(""))
	require.NoError(t, err)
	var reads int
	for buf := make([]byte, 64<<10); err == nil; reads++ {
		_, err = answer.Read(buf)
	}
	assert.Equal(t, io.EOF, err)
	assert.LessOrEqual(t, reads, 3, "4 KiB with the head, the rest, and the end")
	require.NoError(t, answer.(io.Closer).Close())
}

// What fails before anything was sent has its status, and what breaks off says so where the body would go on.
func TestAStreamThatFails(t *testing.T) {
	s, f := streaming(t)
	answer, err := f.Stream(t.Context(), event("early"))
	require.NoError(t, err)
	assert.Equal(t, 409, prelude(t, answer).Status)
	assert.Contains(t, read(t, answer), "Conflict")
	require.NoError(t, answer.(io.Closer).Close())

	answer, err = f.Stream(t.Context(), event("late"))
	require.NoError(t, err)
	s.next <- struct{}{}
	text, err := io.ReadAll(answer)
	assert.Equal(t, "Weft.Aborted", errorType(t, err))
	assert.Contains(t, string(text), "first")
	require.NoError(t, answer.(io.Closer).Close())

	aborting := function(t, func(context.Context, *weft.Request) (weft.Response, error) { panic(http.ErrAbortHandler) }, awslambda.Streaming())
	_, err = aborting.Stream(t.Context(), event(""))
	assert.Equal(t, "Weft.Aborted", errorType(t, err))
	exiting := function(t, func(context.Context, *weft.Request) (weft.Response, error) {
		runtime.Goexit()
		return weft.Response{}, nil
	}, awslambda.Streaming())
	_, err = exiting.Stream(t.Context(), event(""))
	assert.Equal(t, "Weft.Unwound", errorType(t, err))
	for payload, kind := range map[string]string{"": "Weft.InvalidEvent", "{}": "Weft.UnknownEvent"} {
		_, err = f.Stream(t.Context(), []byte(payload))
		assert.Equal(t, kind, errorType(t, err))
	}
	bad, err := f.Stream(t.Context(), []byte(`{"version":"2.0","rawPath":"/","headers":{"a b":""},"requestContext":{"domainName":"a.lambda-url.b","http":{"method":"GET"}}}`))
	require.NoError(t, err)
	assert.Equal(t, 400, prelude(t, bad).Status)
	require.NoError(t, bad.(io.Closer).Close())
}

// When nobody reads any more the producer hears of it, and the request is over when Close returns.
func TestAStreamThatNobodyReads(t *testing.T) {
	s, f := streaming(t)
	answer, err := f.Stream(t.Context(), event("endless"))
	require.NoError(t, err)
	prelude(t, answer)
	s.next <- struct{}{}
	_, err = io.ReadFull(answer, make([]byte, len("firstsecond"))) // it goes on, and writes
	require.NoError(t, err)
	require.NoError(t, answer.(io.Closer).Close())
	select {
	case err := <-s.ended:
		assert.ErrorIs(t, err, io.ErrClosedPipe)
	default:
		t.Fatal("the producer is still running")
	}
}

// A producer that waits for something hears that nobody reads, and not only when it writes.
func TestAStreamThatWaitsHearsThatNobodyReads(t *testing.T) {
	s, f := streaming(t)
	answer, err := f.Stream(t.Context(), event(""))
	require.NoError(t, err)
	prelude(t, answer)
	require.NoError(t, answer.(io.Closer).Close())
	assert.ErrorIs(t, <-s.ended, context.Canceled)
}

func TestAStreamEndsWithTheDeadline(t *testing.T) {
	s, f := streaming(t)
	ctx, cancel := invoked(t.Context(), 200*time.Millisecond)
	defer cancel()
	answer, err := f.Stream(ctx, event(""))
	require.NoError(t, err)
	_, err = io.ReadAll(answer)
	assert.Equal(t, "Weft.Aborted", errorType(t, err))
	assert.ErrorIs(t, <-s.ended, context.DeadlineExceeded)
	require.NoError(t, ctx.Err(), "before Lambda's")
	require.NoError(t, answer.(io.Closer).Close())
}

// Sources that cannot stream are answered as a whole, and so are all where Streaming was not said.
func TestOnlyWhatCanStreamDoes(t *testing.T) {
	plain := func(context.Context, *weft.Request) (weft.Response, error) { return weft.Text("tea"), nil }
	for _, c := range []struct {
		event   string
		streams bool
	}{{urlEvent, true}, {restEvent, true}, {httpEvent, false}, {albEvent, false}, {lattice2Event, false}, {socketEvent, false}} {
		answer, err := function(t, plain, awslambda.Streaming()).Stream(t.Context(), []byte(c.event))
		require.NoError(t, err)
		text := read(t, answer)
		if closer, is := answer.(io.Closer); is {
			require.NoError(t, closer.Close())
		}
		assert.Equal(t, c.streams, strings.HasSuffix(text, "\x00\x00tea"), text)
		answer, err = function(t, plain).Stream(t.Context(), []byte(c.event))
		require.NoError(t, err)
		assert.Equal(t, "application/json", answer.(interface{ ContentType() string }).ContentType())
		assert.Equal(t, "tea", parse(t, []byte(read(t, answer))).Body)
	}
}

// Work that a request has left is done when Close returns, and the client has the end of the answer before.
func TestWorkBehindAStream(t *testing.T) {
	next, done := make(chan struct{}), false
	f := function(t, func(ctx context.Context, _ *weft.Request) (weft.Response, error) {
		return weft.Text("tea"), weft.Go(ctx, "later", func(context.Context) error { <-next; done = true; return nil })
	}, awslambda.Streaming())
	answer, err := f.Stream(t.Context(), event(""))
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(read(t, answer), "tea"), "while the work is still running")
	close(next)
	require.NoError(t, answer.(io.Closer).Close())
	assert.True(t, done)
}
