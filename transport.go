package weft

import (
	"fmt"
	"net/http"
)

// What a transport other than net/http can say of itself. A [Server] is an [http.Handler] wherever requests come from; a
// transport makes an [http.Request] and takes the answer by a ResponseWriter of its own, which may be one of these.

// Collector is the [http.ResponseWriter] of a transport that takes an answer only as a whole, such as a function that returns one. A body that is
// made while it is sent ([Stream], [Writer], [Reader], [File], a [Std] that flushes) is made to its end then, and its services settle, before WriteHeader is
// called: so every failure has its status, however late. The stages run as they do elsewhere, and flushing does nothing.
//
// What a handler of net/http writes on the connection itself ([Raw], [App.Mount]) is the transport's to collect.
type Collector interface {
	http.ResponseWriter
	// CollectLimit is how many bytes a body may have, 1 at least. A longer one is a 500, and its producer is told to
	// end. It is asked before a body is made; header is what the answer will have, and must not be changed.
	CollectLimit(header http.Header) int64
}

// Awaiter is the [http.ResponseWriter] of a transport whose process may stand still as soon as the answer has been given. What was left by [Go] has
// the deadline of the request's context there, and is waited for by the transport.
type Awaiter interface {
	http.ResponseWriter
	// Await is called at most once, before ServeHTTP returns, where work was started. done is closed when all of it has ended.
	Await(done <-chan struct{})
}

// writerAs finds what a ResponseWriter is, behind what others have put around it.
func writerAs[T any](w http.ResponseWriter) (found T, is bool) {
	for w != nil {
		if found, is = w.(T); is {
			return found, true
		}
		inner, wraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !wraps {
			break
		}
		w = inner.Unwrap()
	}
	return found, false
}

// collectLimit is how much of a body the transport takes as a whole, 0 where it takes it piece by piece.
func (s *state) collectLimit(resp Response) int64 {
	c, collects := writerAs[Collector](s.writer)
	if !collects {
		return 0
	}
	return max(1, c.CollectLimit(resp.Header()))
}

// bodyTooLong says that a body is more than the transport takes.
type bodyTooLong struct{ limit int64 }

func (e *bodyTooLong) Error() string {
	return fmt.Sprintf("the body of the answer is longer than %d bytes, which is what the transport takes as a whole", e.limit)
}

// collects reports whether the body is put together before anything of it is sent.
func (t *transfer) collects() bool { return t.limit > 0 }

// collect keeps the next part of the body.
func (t *transfer) collect(p []byte) (int, error) {
	if t.err == nil && int64(len(t.held))+int64(len(p)) > t.limit {
		t.held, t.err = nil, &bodyTooLong{t.limit}
	}
	if t.err != nil {
		return 0, t.err
	}
	t.held = append(t.held, p...)
	return len(p), nil
}

// made is how many bytes of the body there are so far.
func (t *transfer) made() int64 { return t.written + int64(len(t.held)) }
