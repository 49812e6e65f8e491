package tracing

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

// timing is how long a stage took.
type timing struct {
	stage string
	took  time.Duration
}

// timing is an exit that only notes how long a stage took, or nil where nobody may ask.
func (r *request) timing(stage *weft.StageInfo) weft.Exit {
	if !r.timed {
		return nil
	}
	entered := time.Now()
	return func(int, error) { r.time(stage.Name, entered) }
}

// time notes how long a stage took.
func (r *request) time(stage string, entered time.Time) {
	took := time.Since(entered)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timings = append(r.timings, timing{stage, took})
}

// ServerTiming is a middleware that tells in the field Server-Timing how long the stages inside took that have spans, those
// left first first, and how long the request has, in milliseconds: for the developer tools of a browser. wanted says for which
// requests; nil is all of them. It shows outsiders what the service is made of, so it is best kept to those who
// build it. Where tracing is off it is nil, which Use leaves out.
func (t *Tracing) ServerTiming(wanted func(*weft.Request) bool) weft.Middleware {
	if !t.enabled.on {
		return nil
	}
	t.timing.Store(true)
	return weft.NewMiddleware("server timing", func(r *weft.Request, next weft.Next) weft.Response {
		resp := next(r)
		v := visitOf(r.Context())
		if v == nil || wanted != nil && !wanted(r) {
			return resp
		}
		return resp.WithAddedHeader("Server-Timing", v.whole.serverTiming())
	})
}

// serverTiming is the value of the field (W3C Server Timing).
func (r *request) serverTiming() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for i, t := range r.timings {
		list = append(list, fmt.Sprintf("s%d;desc=%s;dur=%s", i+1, quotedString(t.stage), milliseconds(t.took)))
	}
	return strings.Join(append(list, "total;dur="+milliseconds(time.Since(r.began))), ", ")
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// quotedString is text as a quoted-string (RFC 9110 section 5.6.4), what is beyond printable ASCII left out.
func quotedString(s string) string {
	var q strings.Builder
	q.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			q.WriteByte('\\')
			q.WriteRune(c)
		case c >= ' ' && c <= '~':
			q.WriteRune(c)
		default:
			q.WriteByte('?')
		}
	}
	q.WriteByte('"')
	return q.String()
}
