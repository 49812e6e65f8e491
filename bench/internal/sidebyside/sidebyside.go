// Package sidebyside compares handlers that do the same work: first whether
// their answers are the same, then what they cost.
package sidebyside

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// Contender is one way to do the work.
type Contender struct {
	Name    string
	Handler http.Handler
}

// Call is a request that can be sent again and again without an allocation.
type Call struct {
	request *http.Request
	sent    http.Request // a copy for each time, so that nothing parsed is found there the next time
	body    bytes.Reader
	content []byte
}

// NewCall makes a Call with a JSON body, or with none where body is "".
func NewCall(method, target, body string) *Call {
	c := &Call{content: []byte(body)}
	c.body.Reset(c.content)
	c.request = httptest.NewRequest(method, target, nil)
	if body != "" {
		c.request.Header.Set("Content-Type", "application/json")
		c.request.ContentLength = int64(len(body))
		c.request.Body = io.NopCloser(&c.body)
	}
	return c
}

// WithHeader sets a header field of the request.
func (c *Call) WithHeader(name, value string) *Call {
	c.request.Header.Set(name, value)
	return c
}

// Writer is a [http.ResponseWriter] that keeps nothing but the last status, for any number of answers.
type Writer struct {
	Status int
	header http.Header
}

// NewWriter makes a Writer.
func NewWriter() *Writer { return &Writer{header: http.Header{}} }

// Header returns the same map for each answer.
func (w *Writer) Header() http.Header { return w.header }

// WriteHeader keeps the status.
func (w *Writer) WriteHeader(status int) { w.Status = status }

func (w *Writer) Write(p []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	return len(p), nil
}

// Send lets h answer the call into w.
func (c *Call) Send(h http.Handler, w *Writer) {
	clear(w.header)
	w.Status = 0
	c.SendTo(h, w)
}

// SendTo is Send for a writer of any kind.
func (c *Call) SendTo(h http.Handler, w http.ResponseWriter) {
	c.body.Reset(c.content)
	c.sent = *c.request
	h.ServeHTTP(w, &c.sent)
}

// answer is what a client would see.
type answer struct {
	status      int
	contentType string
	body        string
}

func (c *Call) answer(h http.Handler) answer {
	rec := httptest.NewRecorder()
	c.SendTo(h, rec)
	return answer{rec.Code, rec.Header().Get("Content-Type"), strings.TrimSuffix(rec.Body.String(), "\n")} // which json.Encoder writes
}

// Same says in its error which contender answers the call differently from the
// first, in status, content type or body. The answer must be a success.
func Same(c *Call, contenders []Contender) error {
	want := c.answer(contenders[0].Handler)
	if want.status < 200 || want.status > 299 {
		return fmt.Errorf("%s answers with %d: %s", contenders[0].Name, want.status, want.body)
	}
	for _, other := range contenders[1:] {
		if got := c.answer(other.Handler); got != want {
			return fmt.Errorf("%s answers %+v, but %s %+v", contenders[0].Name, want, other.Name, got)
		}
	}
	return nil
}

// SameStatus is Same for a call that all contenders refuse, each in its own words.
func SameStatus(c *Call, status int, contenders []Contender) error {
	for _, contender := range contenders {
		if got := c.answer(contender.Handler).status; got != status {
			return fmt.Errorf("%s answers with %d, not %d", contender.Name, got, status)
		}
	}
	return nil
}

// Benchmark runs the call on one handler as a benchmark.
func Benchmark(b *testing.B, c *Call, h http.Handler) {
	w := NewWriter()
	b.ReportAllocs()
	for b.Loop() {
		c.Send(h, w)
	}
}

// Allocations is how many allocations one call makes.
func Allocations(c *Call, h http.Handler) float64 {
	w := NewWriter()
	return testing.AllocsPerRun(1000, func() { c.Send(h, w) })
}

// Times is what Measure found, for each contender the nanoseconds per call in each round.
type Times [][]float64

// Measure lets the contenders take turns, rounds times for about a slice each
// and in a new order each time, so that what slows the machine down for a while
// slows all of them down alike.
func Measure(c *Call, contenders []Contender, rounds int, slice time.Duration) Times {
	w := NewWriter()
	times := make(Times, len(contenders))
	calls := make([]int, len(contenders))
	for i, contender := range contenders { // a guess that also warms up
		const trial = 2000
		calls[i] = max(1, int(float64(slice.Nanoseconds())/timed(c, contender.Handler, w, trial)))
	}
	for range rounds {
		for _, i := range rand.Perm(len(contenders)) {
			times[i] = append(times[i], timed(c, contenders[i].Handler, w, calls[i]))
		}
	}
	return times
}

func timed(c *Call, h http.Handler, w *Writer, calls int) float64 {
	begin := time.Now()
	for range calls {
		c.Send(h, w)
	}
	return float64(time.Since(begin).Nanoseconds()) / float64(calls)
}

// Per returns f of each round: of what the contenders with the given indexes took in it.
func (t Times) Per(f func(ns []float64) float64, indexes ...int) []float64 {
	var results []float64
	for round := range t[0] {
		ns := make([]float64, len(indexes))
		for i, index := range indexes {
			ns[i] = t[index][round]
		}
		results = append(results, f(ns))
	}
	return results
}

// Median returns the middle of the values, and the quarters around it.
func Median(values []float64) (median, lower, upper float64) {
	sorted := slices.Sorted(slices.Values(values))
	at := func(share float64) float64 { return sorted[int(share*float64(len(sorted)-1))] }
	return at(0.5), at(0.25), at(0.75)
}
