package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft/awslambda/internal/doors"
	"github.com/weft-go/weft/awslambda/internal/runtimeapi"
)

// site serves a function over HTTP: behind its front door, and by Lambda's own API.
type site struct {
	options
	fn  *function
	log *log.Logger
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isInvoke(r) {
		s.invoke(w, r)
		return
	}
	s.pass(w, r)
}

// pass passes a request through the front door.
func (s *site) pass(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	about := runtimeapi.Invocation{RequestID: newID(), TraceID: r.Header.Get(traceHeader)}
	if about.TraceID == "" {
		about.TraceID = newTrace(now)
	}
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	event, err := doors.Event(s.door, s.arriving(w, r, about.TraceID, ip), doors.About{RequestID: about.RequestID, SourceIP: ip, Time: now})
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge || len(event) > doors.EventLimit {
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request")
		return
	}
	resp, err := s.fn.invoke(r.Context(), event, about)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := s.answer(r, resp)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if s.door.Streams() {
		s.stream(w, r, resp, answer)
		return
	}
	h := answered(w, answer)
	if bodyAllowed(r, answer.StatusCode) {
		h.Set("Content-Length", strconv.FormatInt(answer.ContentLength, 10))
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // the client may have gone
}

const traceHeader = "X-Amzn-Trace-Id"

// ofConnection are the header fields that are between two parties (RFC 9110 section 7.6.1): they are of neither event nor answer.
var ofConnection = []string{"Connection", "Expect", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// arriving is the request as it comes to the door, which says whence.
func (s *site) arriving(w http.ResponseWriter, r *http.Request, trace, ip string) *http.Request {
	through := r.WithContext(r.Context())
	through.Header = r.Header.Clone()
	dropped(through.Header)
	through.Header.Set(traceHeader, trace)
	through.Body = http.MaxBytesReader(w, r.Body, s.door.RequestLimit())
	_, port, _ := net.SplitHostPort(r.Host)
	if port == "" {
		port = "80"
	}
	through.Header.Set("X-Forwarded-Proto", "http")
	through.Header.Set("X-Forwarded-Port", port)
	switch s.door {
	case doors.ALB, doors.ALBMultiValue, doors.Lattice1, doors.Lattice2: // which add to it
	default:
		through.Header.Set("X-Forwarded-For", strings.TrimPrefix(strings.Join(r.Header["X-Forwarded-For"], ", ")+", "+ip, ", "))
	}
	return through
}

// dropped is a header without what belongs to its connection.
func dropped(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range ofConnection {
		h.Del(name)
	}
}

// answer is what the door makes of a function's answer.
func (s *site) answer(r *http.Request, resp *runtimeapi.Response) (*http.Response, error) {
	from := io.Reader(resp.Body)
	if s.door == doors.FunctionURLStreams && resp.ContentType != integration {
		// The URL passes on what it gets, whatever it is.
		s.log.Printf("%s %s: the answer has no head, since the function does not stream: its JSON is sent as the body, as by the function URL", r.Method, r.URL.Path)
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/octet-stream"}}, Body: resp.Body}, nil
	}
	if !s.door.Streams() {
		text, err := whole(resp, s.door.AnswerLimit())
		if err != nil {
			return nil, err
		}
		from = bytes.NewReader(text)
	}
	answer, err := doors.AnswerOfAny(s.door, r, from)
	if err == nil && answer.StatusCode < 200 {
		err = errors.Join(fmt.Errorf("the answer has the status %d, which is none of an answer", answer.StatusCode), answer.Body.Close())
	}
	return answer, err
}

// integration is the media type of answers that begin with a head.
const integration = "application/vnd.awslambda.http-integration-response"

// whole is an answer that is not streamed.
func whole(resp *runtimeapi.Response, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("the answer has more than %d bytes", limit)
	}
	if broken := resp.BrokenOff(); broken != nil {
		return nil, broken
	}
	return text, nil
}

// answered sets the header of an answer.
func answered(w http.ResponseWriter, answer *http.Response) http.Header {
	h := w.Header()
	for name, values := range answer.Header {
		h[name] = values
	}
	dropped(h)
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // net/http is not to guess one
	}
	return h
}

func bodyAllowed(r *http.Request, status int) bool {
	return r.Method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified
}

// stream passes an answer on piece by piece. One that breaks off breaks the connection.
func (s *site) stream(w http.ResponseWriter, r *http.Request, resp *runtimeapi.Response, answer *http.Response) {
	answered(w, answer)
	w.WriteHeader(answer.StatusCode)
	control := http.NewResponseController(w)
	_ = control.Flush()
	piece := make([]byte, 32<<10)
	for {
		n, err := answer.Body.Read(piece)
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil && bodyAllowed(r, answer.StatusCode) {
				return // the client has gone; the function does not know, as on Lambda
			}
			_ = control.Flush()
		}
		if err == nil {
			continue
		}
		var broken error
		if f := resp.BrokenOff(); f != nil {
			broken = f
		} else if err != io.EOF {
			broken = err
		}
		if broken != nil {
			s.log.Printf("%s %s: the answer has broken off: %v", r.Method, r.URL.EscapedPath(), broken)
			panic(http.ErrAbortHandler)
		}
		return
	}
}

// failed answers a request for which there is no answer of the function, as API Gateway does.
func (s *site) failed(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusBadGateway, "Internal Server Error"
	switch {
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil: // nobody waits
		return
	case errors.Is(err, errTimedOut):
		status, message = http.StatusGatewayTimeout, "Endpoint request timed out"
	case errors.Is(err, errClosing):
		status, message = http.StatusServiceUnavailable, "Service Unavailable"
	}
	s.log.Printf("%s %s: %d: %v", r.Method, r.URL.EscapedPath(), status, err)
	refuse(w, status, message)
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"message":%q}`, message)
}
