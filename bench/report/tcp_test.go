package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weft-go/weft/bench/contest"
)

// A server whose answers are wrong over the wire is not timed, whatever it answers in process.
func TestAServerThatAnswersWronglyIsNotTimed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"tenant":"acme","limit":20,"cursor":"another"}`))
	}))
	defer srv.Close()
	s := &server{address: srv.Listener.Addr().String()}
	for _, w := range contest.Workloads() {
		if w.ID == "get" {
			err := s.check(t.Context(), []turnOverTCP{{&w, 1}})
			if err == nil || !strings.Contains(err.Error(), "typed GET over TCP: the body means something else") {
				t.Errorf("%v", err)
			}
		}
	}
}
