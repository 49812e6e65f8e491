package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/load"
)

const short = 30 * time.Millisecond

func TestWhatIsSentArrivesAndIsCounted(t *testing.T) {
	var served, wrong atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		body := make([]byte, 10)
		if n, _ := r.Body.Read(body); string(body[:n]) != `{"a":1}` || r.Header.Get("X-Trace") != "t" || r.URL.RawQuery != "q=1" {
			wrong.Add(1)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte("ok"))
	}))
	defer srv.Close()
	r := contest.Request{Method: "POST", Target: "/x?q=1", Body: `{"a":1}`}.With("X-Trace", "t")
	got, err := load.Run(t.Context(), srv.Listener.Addr().String(), r, 201, 3, short)
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(len(got.Latencies)); n != served.Load() || n == 0 || wrong.Load() != 0 || got.PerSecond <= 0 {
		t.Errorf("%d counted, %d served, %d of them wrong, %v in a second", n, served.Load(), wrong.Load(), got.PerSecond)
	}
	for i, l := range got.Latencies {
		if l <= 0 || i > 0 && l < got.Latencies[i-1] {
			t.Fatalf("latencies are not sorted, or not positive: %v", got.Latencies)
		}
	}
}

func TestAnswersOfEachKindAreReadToTheirEnd(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"empty":   func(w http.ResponseWriter, _ *http.Request) {},
		"of 1 MB": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) },
		"chunked": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 5 {
				_, _ = fmt.Fprint(w, strings.Repeat("x", 1000*i))
				_ = http.NewResponseController(w).Flush()
			}
		},
	} {
		srv := httptest.NewServer(answer)
		if got, err := load.Run(t.Context(), srv.Listener.Addr().String(), contest.Request{Method: "GET", Target: "/"}, 200, 1, short); err != nil || len(got.Latencies) < 2 {
			t.Errorf("%s: %d answers, %v", name, len(got.Latencies), err)
		}
		srv.Close()
	}
}

func TestAWrongAnswerIsAnError(t *testing.T) {
	var n atomic.Int64
	for name, answer := range map[string]http.HandlerFunc{
		"another status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		"another length": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", int(n.Add(1)%3))) },
		"a broken connection": func(w http.ResponseWriter, _ *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		srv := httptest.NewServer(answer)
		if got, err := load.Run(t.Context(), srv.Listener.Addr().String(), contest.Request{Method: "GET", Target: "/"}, 200, 1, short); err == nil {
			t.Errorf("%s: %d answers and no error", name, len(got.Latencies))
		}
		srv.Close()
	}
}
