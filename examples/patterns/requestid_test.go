package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func TestAnIDIsKeptWhereItIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		sent []string
		kept bool
	}{
		{"a word", []string{"trace-1.A_b"}, true},
		{"a UUID", []string{"0b0aa1e4-6f0a-4a35-9c5c-6e8b0a3c1d2e"}, true},
		{"the longest", []string{strings.Repeat("x", 64)}, true},
		{"none", nil, false},
		{"an empty one", []string{""}, false},
		{"a longer one", []string{strings.Repeat("x", 65)}, false},
		{"a space", []string{"a b"}, false},
		{"a line break", []string{"a\nlevel=INFO msg=forged"}, false},
		{"a control character", []string{"a\x1b[2Jb"}, false},
		{"a quote", []string{`a"b`}, false},
		{"another script", []string{"aйb"}, false},
		{"two of them", []string{"one", "two"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "GET", "/")
			r.Header()[requestIDHeader] = row.sent
			var inside string
			resp := requestID().Dispatch(r, func(r *weft.Request) weft.Response {
				inside = currentRequestID.Must(r)
				return weft.Empty()
			})

			assert.Equal(t, []string{inside}, resp.Header()[requestIDHeader], "the client gets the id that the stages see")
			if row.kept {
				assert.Equal(t, row.sent, []string{inside})
				return
			}
			assert.NotContains(t, row.sent, inside)
			assert.Equal(t, inside, sentID([]string{inside}), "a new id is well formed")
			assert.GreaterOrEqual(t, len(inside), 26, "and cannot be guessed")
		})
	}
}

func TestEveryNewIDIsAnother(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		resp := requestID().Dispatch(request(t, "GET", "/"), answers(weft.Empty()))
		seen[resp.Header().Get(requestIDHeader)] = true
	}
	assert.Len(t, seen, 1000)
}

func TestEveryAnswerHasItsRequestID(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), requestID()))
	for _, o := range outcomes {
		got := o.call(t, s, "X-Request-ID: mine")
		assert.Equal(t, []string{"mine"}, got.header[requestIDHeader], o.name)
	}
}

func TestANotFoundHasItsRequestIDToo(t *testing.T) {
	t.Parallel()
	s := serving(t, teahouse((&logged{}).logger(), requestID()))
	assert.Equal(t, "mine", s.call(t, "GET", "/coffee", "", "X-Request-ID: mine").header.Get(requestIDHeader))
	assert.NotEmpty(t, s.call(t, "GET", "/coffee", "").header.Get(requestIDHeader))
}

// A stage of the app's that fails is not mapped further out than the id.
func TestAPanicOfAnotherMiddlewareHasItsRequestIDToo(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := serving(t, teahouse(log.logger(), requestID()))
	assert.Equal(t, "mine", s.call(t, "GET", "/flood", "", "X-Request-ID: mine").header.Get(requestIDHeader))
	failures := log.records(t, "request failed")
	require.Len(t, failures, 1)
	assert.Equal(t, "flood", failures[0]["stage"], "the log names the stage that failed, not the first one")
}

func TestEveryLineInTheLogHasTheRequestID(t *testing.T) {
	t.Parallel()
	log := &logged{}
	chatty := weft.Before("chatty", func(r *weft.Request) error {
		weft.Logger(r.Context()).InfoContext(r.Context(), "hello")
		return nil
	})
	s := serving(t, teahouse(log.logger(), requestID(), accessLog(), chatty))
	for _, o := range outcomes {
		o.call(t, s)
	}
	s.Close() // a request has ended when its line has been written
	all := log.records(t, "")
	assert.Greater(t, len(all), 2*len(outcomes))
	lines := map[any]int{}
	for _, record := range all {
		assert.NotEmpty(t, record["request_id"], record)
		if record["msg"] != "request failed" {
			lines[record["request_id"]]++
		}
	}
	assert.Len(t, lines, len(outcomes), "each request has an id of its own")
	for id, n := range lines {
		assert.Equal(t, 2, n, id)
	}
}

// The context of a stage outside of requestID has no value of requestID's. The
// key is the request's, so its lines have the id all the same.
func TestAStageOutsideOfTheIDHasItInItsLog(t *testing.T) {
	t.Parallel()
	log := &logged{}
	outside := weft.After("outside", func(*weft.Request, weft.Response) weft.Response { panic("on the way out") })
	s := serving(t, teahouse(log.logger(), outside, requestID()))
	assert.Equal(t, 500, s.call(t, "GET", "/tea/green", "", "X-Request-ID: mine").status)
	failures := log.records(t, "request failed")
	require.Len(t, failures, 1)
	assert.Equal(t, "mine", failures[0]["request_id"])
}

func TestTheLogHasTheIDOfItsContext(t *testing.T) {
	t.Parallel()
	r := request(t, "GET", "/")
	currentRequestID.Set(r, "mine")
	ctx := r.Context()
	for _, row := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"of a request", func(l *slog.Logger) { l.InfoContext(ctx, "tea") }, "msg=tea request_id=mine\n"},
		{"with attributes", func(l *slog.Logger) { l.With("a", 1).InfoContext(ctx, "tea", "b", 2) }, "msg=tea a=1 b=2 request_id=mine\n"},
		{"in a group", func(l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "tea", "a", 1) }, "msg=tea g.a=1 g.request_id=mine\n"},
		{"of none", func(l *slog.Logger) { l.InfoContext(t.Context(), "tea") }, "msg=tea\n"},
	} {
		var out strings.Builder
		row.log(slog.New(withRequestID{slog.NewTextHandler(&out, nil)}))
		_, line, _ := strings.Cut(out.String(), "level=INFO ")
		assert.Equal(t, row.want, line, row.name)
	}
}

// A record is shared by all handlers that get it, and has room for more attributes.
func TestTheLogLeavesTheRecordToOthersAsItWas(t *testing.T) {
	t.Parallel()
	r := request(t, "GET", "/")
	currentRequestID.Set(r, "mine")
	record := slog.NewRecord(time.Time{}, slog.LevelInfo, "tea", 0)
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		record.Add(name, 1)
	}
	for range 2 {
		var out strings.Builder
		h := withRequestID{slog.NewTextHandler(&out, nil)}
		require.NoError(t, h.Handle(r.Context(), record))
		assert.Equal(t, "level=INFO msg=tea a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 request_id=mine\n", out.String())
	}
}
