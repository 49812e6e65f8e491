// Package streams compares a stream of weft with loops written by hand.
package streams

import (
	"context"
	stdjson "encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

type item struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Price int    `json:"price"`
}

func nth(i int) item { return item{i, "tea", 350} }

const many = 100_000

// discarding takes an answer, and flushes nothing.
type discarding struct {
	header http.Header
	bytes  int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) WriteHeader(int)             {}
func (d *discarding) Write(p []byte) (int, error) { d.bytes += len(p); return len(p), nil }
func (d *discarding) Flush()                      {}

// byHand encodes with the codec that weft has, and sends 32 KiB at a time.
func byHand(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	var buf buffer
	enc := jsontext.NewEncoder(&buf, json.Deterministic(true))
	it := new(item)
	for i := range many {
		*it = nth(i)
		if err := json.MarshalEncode(enc, it); err != nil {
			return
		}
		if len(buf) > 32<<10 {
			if _, err := w.Write(buf); err != nil {
				return
			}
			buf = buf[:0]
		}
	}
	_, _ = w.Write(buf)
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) { *b = append(*b, p...); return len(p), nil }

// asTaught is the loop of most tutorials: encoding/json, and a flush behind each item.
func asTaught(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := stdjson.NewEncoder(w)
	flush := http.NewResponseController(w)
	for i := range many {
		if err := enc.Encode(nth(i)); err != nil {
			return
		}
		if err := flush.Flush(); err != nil {
			return
		}
	}
}

func server(tb testing.TB) http.Handler {
	app := weft.New()
	app.Handle("GET /", weft.Handle(func(context.Context, struct{}) (weft.Stream[item], error) {
		return func(yield func(item, error) bool) {
			for i := range many {
				if !yield(nth(i), nil) {
					return
				}
			}
		}, nil
	}))
	srv, err := app.Build(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return srv
}

func BenchmarkItems(b *testing.B) {
	for _, c := range []struct {
		name string
		h    http.Handler
	}{{"weft", server(b)}, {"by hand", http.HandlerFunc(byHand)}, {"as taught", http.HandlerFunc(asTaught)}} {
		b.Run(c.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept", "application/x-ndjson")
			b.ReportAllocs()
			for b.Loop() {
				c.h.ServeHTTP(&discarding{header: http.Header{}}, r)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/item")
		})
	}
}

// All send the same.
func TestAllSendTheSame(t *testing.T) {
	var lengths []int
	for _, h := range []http.Handler{server(t), http.HandlerFunc(byHand), http.HandlerFunc(asTaught)} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", "application/x-ndjson")
		w := &discarding{header: http.Header{}}
		h.ServeHTTP(w, r)
		lengths = append(lengths, w.bytes)
	}
	if lengths[0] != lengths[1] || lengths[0] != lengths[2] || lengths[0] == 0 {
		t.Fatalf("bytes: %v", lengths)
	}
}
