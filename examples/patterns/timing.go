package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weft-go/weft"
)

// timing counts how long requests took, by method, route template and class of
// status. However many paths and methods clients make up, the number of series
// is bounded by that of the routes. The zero timing is ready for use, by any
// number of goroutines.
type timing struct {
	mu     sync.Mutex
	series map[label]*histogram
}

type label struct{ method, route, class string }

// bounds are the upper bounds of the buckets; there is one more, for what took longer.
var bounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

type histogram struct {
	buckets [len(bounds) + 1]uint64 // each without those below it
	sum     time.Duration
}

// middleware measures up to the end of the body, with the status that was sent.
// It stands at the app's level, and knows the route all the same: when the
// request has ended, routing has led somewhere, or nowhere.
func (t *timing) middleware() weft.Middleware { return weft.Finally("timing", t.record) }

func (t *timing) record(r *weft.Request, sent weft.Sent) {
	l := label{boundedMethod(r.HTTP().Method), template(r.Route()), statusClass(finalStatus(r, sent))}
	bucket, _ := slices.BinarySearch(bounds[:], sent.Duration)

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.series == nil {
		t.series = map[label]*histogram{}
	}
	h := t.series[l]
	if h == nil {
		h = &histogram{}
		t.series[l] = h
	}
	h.buckets[bucket]++
	h.sum += sent.Duration
}

// boundedMethod keeps a client from making a series of every word it can think of.
func boundedMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return "other"
}

// statusClass is "2xx" and the like, and "none" where a connection was dropped.
func statusClass(status int) string {
	if status < 100 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

// handler shows the histograms, in the text format that Prometheus reads.
func (t *timing) handler() *weft.Handler[struct{}, weft.Response] {
	return weft.Handle(func(context.Context, struct{}) (weft.Response, error) {
		return weft.Bytes("text/plain; version=0.0.4; charset=utf-8", t.text()).WithHeader("Cache-Control", "no-store"), nil
	}).Named("metrics")
}

const metric = "http_request_duration_seconds"

func (t *timing) text() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# HELP %s How long requests took, to the end of the answer.\n# TYPE %s histogram\n", metric, metric)
	for _, s := range t.snapshot() {
		labels := fmt.Sprintf(`method="%s",route="%s",status="%s"`, s.method, escapeLabel(s.route), s.class)
		var count uint64
		for i, n := range s.buckets {
			count += n
			bound := "+Inf"
			if i < len(bounds) {
				bound = seconds(bounds[i])
			}
			fmt.Fprintf(&out, "%s_bucket{%s,le=\"%s\"} %d\n", metric, labels, bound, count)
		}
		fmt.Fprintf(&out, "%s_sum{%s} %s\n%s_count{%s} %d\n", metric, labels, seconds(s.sum), metric, labels, count)
	}
	return out.Bytes()
}

type measured struct {
	label
	histogram
}

// snapshot is a copy in a stable order, so that nobody waits while it is written out.
func (t *timing) snapshot() []measured {
	t.mu.Lock()
	all := make([]measured, 0, len(t.series))
	for l, h := range t.series {
		all = append(all, measured{l, *h})
	}
	t.mu.Unlock()
	slices.SortFunc(all, func(a, b measured) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.method, b.method), cmp.Compare(a.class, b.class))
	})
	return all
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }

// escapeLabel is for templates, which may hold a quote. The other labels are our own.
func escapeLabel(value string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value)
}
